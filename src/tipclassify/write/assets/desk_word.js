// A Word document of saved findings: parts of Office Open XML (ECMA-376) in a ZIP archive.
// Covered by tests/reports/test_desk.py, in a browser.
import { sourceOf } from "./citation.js";
import { ownWords } from "./desk_citations.js";
import { zipOf } from "./desk_zip.js";
import { plural } from "./labels.js";

const FORMATS = "http://schemas.openxmlformats.org";
const OFFICE = "application/vnd.openxmlformats-officedocument.wordprocessingml";
const RELATIONS = "application/vnd.openxmlformats-package.relationships+xml";
const XML_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n';
const MAIN = `xmlns:w="${FORMATS}/wordprocessingml/2006/main"`;
const CAUTION =
  "A tag says what a passage claims, not whether it is true. " +
  "Read a passage in its source before you cite it.";
const XML_ESCAPES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

function escapeXml(text) {
  return String(text)
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "\ufffd")
    .replace(/[&<>"]/g, (char) => XML_ESCAPES[char]);
}

function runOf(text, properties = "") {
  const written = `<w:t xml:space="preserve">${escapeXml(text)}</w:t>`;
  return `<w:r><w:rPr>${properties}</w:rPr>${written}</w:r>`;
}

function paragraphOf(style, ...runs) {
  return `<w:p><w:pPr><w:pStyle w:val="${style}"/></w:pPr>${runs.join("")}</w:p>`;
}

// The style sheet; sizes are in half points, spaces in twentieths of a point.
function stylesPart() {
  const heading = '<w:keepNext/><w:spacing w:before="360" w:after="120"/><w:outlineLvl w:val="0"/>';
  const quote = '<w:keepNext/><w:spacing w:after="60"/><w:ind w:left="360"/>';
  const styles = [
    styleOf("Normal", "Normal", '<w:spacing w:after="160"/>', '<w:sz w:val="22"/>', true),
    styleOf("Title", "Title", '<w:spacing w:after="240"/>', '<w:b/><w:sz w:val="40"/>'),
    styleOf("Heading1", "heading 1", heading, '<w:b/><w:sz w:val="28"/>'),
    styleOf("Quote", "Quote", quote, '<w:i/><w:sz w:val="22"/>'),
  ];
  return `${XML_HEAD}<w:styles ${MAIN}>${styles.join("")}</w:styles>`;
}

function styleOf(id, name, ofParagraph, ofRun, isDefault = false) {
  const marked = isDefault ? 'w:default="1" ' : "";
  return (
    `<w:style ${marked}w:type="paragraph" w:styleId="${id}"><w:name w:val="${name}"/>` +
    `<w:qFormat/><w:pPr>${ofParagraph}</w:pPr><w:rPr>${ofRun}</w:rPr></w:style>`
  );
}

function typesPart() {
  return (
    `${XML_HEAD}<Types xmlns="${FORMATS}/package/2006/content-types">` +
    `<Default Extension="rels" ContentType="${RELATIONS}"/>` +
    `<Override PartName="/word/document.xml" ContentType="${OFFICE}.document.main+xml"/>` +
    `<Override PartName="/word/styles.xml" ContentType="${OFFICE}.styles+xml"/></Types>`
  );
}

function relationsPart(kind, target) {
  const type = `${FORMATS}/officeDocument/2006/relationships/${kind}`;
  return (
    `${XML_HEAD}<Relationships xmlns="${FORMATS}/package/2006/relationships">` +
    `<Relationship Id="r1" Type="${type}" Target="${target}"/></Relationships>`
  );
}

// The text: in the order of the list, a new heading where folder or report changes.
function documentPart(citations, day) {
  const count = plural(citations.length, "finding");
  const body = [
    paragraphOf("Title", runOf("Saved findings")),
    paragraphOf("Normal", runOf(`${count}, saved until ${day}.`)),
  ];
  let headingAbove = null;
  for (const cited of citations) {
    const heading = (cited.folder ?? "").trim() || cited.title;
    if (heading !== headingAbove) body.push(paragraphOf("Heading1", runOf(heading)));
    headingAbove = heading;
    const labels = runOf(cited.labels || "no label", "<w:b/>");
    body.push(paragraphOf("Quote", runOf(`“${cited.quote}”`)));
    body.push(paragraphOf("Normal", labels, runOf(` · ${sourceOf(cited)}`)));
    if (ownWords(cited)) body.push(paragraphOf("Normal", runOf(ownWords(cited))));
  }
  body.push(paragraphOf("Normal", runOf(CAUTION, "<w:i/>")));
  return `${XML_HEAD}<w:document ${MAIN}><w:body>${body.join("")}</w:body></w:document>`;
}

export function wordDocument(citations, day) {
  const files = [
    ["[Content_Types].xml", typesPart()],
    ["_rels/.rels", relationsPart("officeDocument", "word/document.xml")],
    ["word/_rels/document.xml.rels", relationsPart("styles", "styles.xml")],
    ["word/styles.xml", stylesPart()],
    ["word/document.xml", documentPart(citations, day)],
  ];
  return zipOf(files, `${OFFICE}.document`);
}
