// A citation as plain text, BibTeX, RIS and CSL-JSON, character by character what citation.py gives for the same fields:
// tests/reporting/test_desk.py compares both. What both have in tables (label names, escapes) comes from Python.
// On a desk, a remark of whoever checked the finding follows.

const isOnline = (address) => /^https?:\/\/[^{}\\ ]*$/i.test(address);
const known = (...values) => values.filter(Boolean);
const tagged = (cited) => `Tagged ${cited.labels ? `as ${cited.labels}` : "with no label"} by ${cited.model}.`;
const keywords = (cited) => [...Object.values(LABEL_NAMES).filter((name) => cited.labels.includes(name)), ...known(cited.country)];
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
  const ends = isShort ? [cells[0]] : [cells[0].slice(0, FRAGMENT_WORDS), cells.at(-1).slice(-FRAGMENT_WORDS)];
  const written = ends.filter((words) => words.length).map((words) => encodeURIComponent(words.join(" ")).replace(/-/g, "%2D"));
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

function bibtexCitation(cited, remark = "") {
  const place = placeOf(cited);
  const fields = [
    ["title", cited.title],
    ["series", cited.publication],
    ["organization", cited.publisher],
    ["date", cited.date],
    ["year", issued(cited).slice(0, 4)],
    ["pages", cited.page],
    isOnline(cited.address) ? ["url", linkOf(cited)] : ["howpublished", cited.address],
    ["urldate", cited.read],
    ["keywords", keywords(cited).join(", ")],
    ["note", known(`${place[0].toUpperCase()}${place.slice(1)}. ${tagged(cited)}`, remark).join(" ")],
    ["annote", `“${cited.quote}”`],
  ].filter(([, text]) => text);
  const value = ([name, text]) => (name === "url" ? text : name === "title" ? `{${escapeTex(text)}}` : escapeTex(text));
  return `@misc{${cited.key},\n${fields.map((field) => `  ${field[0]} = {${value(field)}},\n`).join("")}}\n`;
}

function risCitation(cited, remark = "") {
  const fields = [
    ["TY", "RPRT"],
    ["ID", cited.key],
    ["TI", cited.title],
    ["T2", cited.publication],
    ["PB", cited.publisher],
    ["PY", issued(cited).slice(0, 4)],
    ["DA", cited.date.replace(/-/g, "/")],
    ["SE", cited.section],
    ["SP", cited.page],
    ["UR", linkOf(cited)],
    ["Y2", cited.read.replace(/-/g, "/")],
    ...keywords(cited).map((word) => ["KW", word]),
    ["AB", `“${cited.quote}”`],
    ["N1", sourceOf(cited)],
    ["N1", remark],
  ].filter(([, text]) => text);
  return fields.map(([tag, text]) => `${tag}  - ${text}\r\n`).join("") + "ER  - \r\n";
}

function cslDate(date) {
  return /^\d{4}(-\d\d){0,2}$/.test(date) ? { "date-parts": [date.split("-").map(Number)] } : null;
}

function cslCitation(cited, remark = "") {
  const fields = [
    ["id", cited.key],
    ["type", "report"],
    ["language", "en"],
    ["title", cited.title],
    ["collection-title", cited.publication],
    ["publisher", cited.publisher],
    ["issued", cslDate(issued(cited))],
    ["accessed", cslDate(cited.read)],
    ["page", cited.page],
    ["section", cited.section],
    ["URL", linkOf(cited)],
    ["keyword", keywords(cited).join(", ")],
    ["abstract", `“${cited.quote}”`],
    ["note", known(sourceOf(cited), remark).join(" ")],
  ];
  return Object.fromEntries(fields.filter(([, value]) => value));
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
