// A Word document of saved findings: three parts of Office Open XML (ECMA-376) in a ZIP archive without compression.
// Covered by tests/reporting/test_desk.py.

const CRC = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n;
});

function crc32(bytes) {
  let sum = ~0;
  for (const byte of bytes) sum = CRC[(sum ^ byte) & 255] ^ (sum >>> 8);
  return ~sum >>> 0;
}

// The fields of a ZIP header: numbers of two or four bytes, little end first.
function packed(...fields) {
  return Uint8Array.from(
    fields.flatMap(([size, value]) =>
      Array.from({ length: size }, (_, n) => (value >>> (8 * n)) & 255),
    ),
  );
}

function zip(files) {
  const parts = [];
  const directory = [];
  let offset = 0;
  for (const [path, text] of files) {
    const [name, bytes] = [path, text].map((each) => new TextEncoder().encode(each));
    // Version 2.0, names in UTF-8, stored, 1980-01-01.
    const common = [
      [2, 20],
      [2, 0x800],
      [2, 0],
      [2, 0],
      [2, 0x21],
      [4, crc32(bytes)],
      [4, bytes.length],
      [4, bytes.length],
      [2, name.length],
      [2, 0],
    ];
    const header = packed([4, 0x04034b50], ...common);
    parts.push(header, name, bytes);
    directory.push(
      packed([4, 0x02014b50], [2, 20], ...common, [2, 0], [2, 0], [2, 0], [4, 0], [4, offset]),
      name,
    );
    offset += header.length + name.length + bytes.length;
  }
  const size = directory.reduce((sum, each) => sum + each.length, 0);
  const end = packed(
    [4, 0x06054b50],
    [2, 0],
    [2, 0],
    [2, files.length],
    [2, files.length],
    [4, size],
    [4, offset],
    [2, 0],
  );
  return new Blob([...parts, ...directory, end], {
    type: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
  });
}

const XML = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
function escapeXml(text) {
  return String(text)
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "\ufffd")
    .replace(/[&<>"]/g, (char) => XML[char]);
}

const run = (text, properties = "") =>
  `<w:r><w:rPr>${properties}</w:rPr><w:t xml:space="preserve">${escapeXml(text)}</w:t></w:r>`;
const paragraph = (style, ...runs) =>
  `<w:p><w:pPr><w:pStyle w:val="${style}"/></w:pPr>${runs.join("")}</w:p>`;

function styleOf(id, name, size, more = "", spacing = "") {
  return `<w:style w:type="paragraph" w:styleId="${id}"><w:name w:val="${name}"/><w:qFormat/><w:pPr>${spacing}</w:pPr><w:rPr>${more}<w:sz w:val="${size}"/></w:rPr></w:style>`;
}

function wordDocument(citations, day) {
  const body = [
    paragraph("Title", run("Saved findings")),
    paragraph("Normal", run(`${plural(citations.length, "finding")}, saved until ${day}.`)),
  ];
  let heading = null; // in the order of the list: a new heading where folder or report changes
  for (const cited of citations) {
    const next = (cited.folder ?? "").trim() || cited.title;
    if (next !== heading) body.push(paragraph("Heading1", run(next)));
    heading = next;
    body.push(
      paragraph("Quote", run(`“${cited.quote}”`)),
      paragraph("Normal", run(cited.labels || "no label", "<w:b/>"), run(` · ${sourceOf(cited)}`)),
    );
    if (ownWords(cited)) body.push(paragraph("Normal", run(ownWords(cited))));
  }
  body.push(
    paragraph(
      "Normal",
      run(
        "A tag says what a passage claims, not whether it is true. Read a passage in its source before you cite it.",
        "<w:i/>",
      ),
    ),
  );
  const main = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"';
  const office = "application/vnd.openxmlformats-officedocument.wordprocessingml";
  const related = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
  const relation = (kind, target) =>
    `<Relationship Id="r1" Type="${related}/${kind}" Target="${target}"/>`;
  const relations = (one) =>
    `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">${one}</Relationships>`;
  const head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n';
  const styles = [
    styleOf("Normal", "Normal", 22, "", '<w:spacing w:after="160"/>').replace(
      "<w:style ",
      '<w:style w:default="1" ',
    ),
    styleOf("Title", "Title", 40, "<w:b/>", '<w:spacing w:after="240"/>'),
    styleOf(
      "Heading1",
      "heading 1",
      28,
      "<w:b/>",
      '<w:keepNext/><w:spacing w:before="360" w:after="120"/><w:outlineLvl w:val="0"/>',
    ),
    styleOf(
      "Quote",
      "Quote",
      22,
      "<w:i/>",
      '<w:keepNext/><w:spacing w:after="60"/><w:ind w:left="360"/>',
    ),
  ];
  return zip([
    [
      "[Content_Types].xml",
      `${head}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/word/document.xml" ContentType="${office}.document.main+xml"/><Override PartName="/word/styles.xml" ContentType="${office}.styles+xml"/></Types>`,
    ],
    ["_rels/.rels", head + relations(relation("officeDocument", "word/document.xml"))],
    ["word/_rels/document.xml.rels", head + relations(relation("styles", "styles.xml"))],
    ["word/styles.xml", `${head}<w:styles ${main}>${styles.join("")}</w:styles>`],
    [
      "word/document.xml",
      `${head}<w:document ${main}><w:body>${body.join("")}</w:body></w:document>`,
    ],
  ]);
}
