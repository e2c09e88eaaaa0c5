// A citation as plain text, BibTeX and RIS, character by character what citation.py gives for the same fields:
// tests/reporting/test_desk.py compares both. What both have in tables (names of labels and fields, escapes) comes from Python.
// On a desk, a remark of whoever checked the finding follows.

const isOnline = (address) => /^https?:\/\/[^{}\\ ]*$/i.test(address);
const known = (...values) => values.filter(Boolean);
const tagged = (cited) =>
  `Tagged ${cited.labels ? `as ${cited.labels}` : "with no label"} by ${cited.model}.`;
const keywords = (cited) => [
  ...Object.values(LABEL_NAMES).filter((name) => cited.labels.includes(name)),
  ...known(cited.country),
];
const issued = (cited) => cited.date || cited.year;

// A label with its probability, never as 1.00.
function labelled(label, score) {
  return `${LABEL_NAMES[label]} (probability ${score >= NEARLY_CERTAIN ? NEARLY_CERTAIN_IN_WORDS : score.toFixed(2)})`;
}

// The link that opens an address at a page of a PDF, or at the words themselves (URL Fragment Text Directives, WICG).
function linkOf({ address, quote, page }) {
  if (!isOnline(address)) return "";
  const start = address.split("#")[0];
  if (page) return `${start}#page=${page}`;
  const cells = quote.split(" | ").map((cell) => cell.split(/\s+/).filter(Boolean));
  const isShort = cells.length === 1 && cells[0].length <= 2 * FRAGMENT_WORDS;
  const ends = isShort
    ? [cells[0]]
    : [cells[0].slice(0, FRAGMENT_WORDS), cells.at(-1).slice(-FRAGMENT_WORDS)];
  const written = ends
    .filter((words) => words.length)
    .map((words) => encodeURIComponent(words.join(" ")).replace(/-/g, "%2D"));
  return `${start}#:~:text=${written.join(",")}`;
}

function placeOf({ section, page, paragraph, characters }) {
  const parts = section ? [`section “${section}”`] : [];
  if (page) parts.push(`p. ${page}`);
  if (paragraph) parts.push(`paragraph ${paragraph}${section ? " of the section" : ""}`);
  return [...parts, `characters ${characters}`].join(", ");
}

function sourceOf(cited) {
  const about = known(cited.country, cited.year).join(", ");
  const what = known(cited.title, cited.publication, cited.publisher, cited.date).join(", ");
  const named = about ? `${what} (${about})` : what;
  const address = cited.address === cited.title ? "" : `, ${cited.address}`;
  const read = cited.read ? ` (read ${cited.read})` : "";
  return `${named}, ${placeOf(cited)}${address}${read}. ${tagged(cited)}`;
}

const plainCitation = (cited) => `“${cited.quote}” ${sourceOf(cited)}`;

const escapeTex = (text) => Array.from(text, (char) => TEX_ESCAPES[char] ?? char).join("");

// The fields, and what the forms derive from them, as Citation.values in citation.py.
function valuesOf(cited) {
  const place = placeOf(cited);
  return {
    ...cited,
    issued: issued(cited),
    issued_year: issued(cited).slice(0, 4),
    date_with_slashes: cited.date.replace(/-/g, "/"),
    read_with_slashes: cited.read.replace(/-/g, "/"),
    link: linkOf(cited),
    offline_address: isOnline(cited.address) ? "" : cited.address,
    keywords: keywords(cited).join(", "),
    place_and_labels: `${place[0].toUpperCase()}${place.slice(1)}. ${tagged(cited)}`,
    quoted: `“${cited.quote}”`,
    source: sourceOf(cited),
  };
}

function texValue(field, text) {
  if (field === "url") return text;
  return field === "title" ? `{${escapeTex(text)}}` : escapeTex(text);
}

function bibtexCitation(cited, remark = "") {
  const values = valuesOf(cited);
  values.place_and_labels = known(values.place_and_labels, remark).join(" ");
  const fields = Object.entries(BIBTEX_FIELDS).filter(([, name]) => values[name]);
  const lines = fields.map(([field, name]) => `  ${field} = {${texValue(field, values[name])}},\n`);
  return `@misc{${cited.key},\n${lines.join("")}}\n`;
}

function risCitation(cited, remark = "") {
  const values = valuesOf(cited);
  const textsOf = (tag, name) => known(...(tag === "KW" ? keywords(cited) : [values[name]]));
  const tags = Object.entries(RIS_TAGS).flatMap(([tag, name]) =>
    textsOf(tag, name).map((text) => [tag, text]),
  );
  const fields = [
    ["TY", "RPRT"],
    ["ID", cited.key],
    ...tags,
    ...known(remark).map((text) => ["N1", text]),
  ];
  return fields.map(([tag, text]) => `${tag}  - ${text}\r\n`).join("") + "ER  - \r\n";
}

// Copy to the clipboard; false where the browser allows neither way.
async function copyText(text, near) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const box = document.createElement("textarea"); // pages opened from a disk may lack the clipboard interface
    box.ariaLabel = "Citation";
    box.value = text;
    near.append(box);
    box.select();
    const done = document.execCommand("copy");
    box.remove();
    return done;
  }
}
