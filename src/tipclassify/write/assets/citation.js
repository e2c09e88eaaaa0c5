// A citation as plain text, BibTeX and RIS, character by character what `Citation` gives for the
// same fields. Its sentences, fields and escapes are made in Python and come in names.js; here the
// gaps of the sentences are filled. On a desk, a remark of whoever checked the finding follows.
// Covered by tests/reports/test_desk.py, which compares both, and test_html_report.py beside it.
import { BIBTEX_FIELDS, FRAGMENT_WORDS, LABEL_NAMES, NEARLY_CERTAIN } from "./names.js";
import { NEARLY_CERTAIN_IN_WORDS, NEARLY_IMPOSSIBLE } from "./names.js";
import { NEARLY_IMPOSSIBLE_IN_WORDS, RIS_TAGS, SENTENCES, TEX_ESCAPES } from "./names.js";

// Fill the gaps, {name}, of a sentence; a brace that is written twice is a brace.
function filled(sentence, values) {
  return sentence.replace(/\{\{|\}\}|\{(\w+)\}/g, (gap, name) => (name ? values[name] : gap[0]));
}

export function isOnline(address) {
  return /^https?:\/\/[^{}\\ ]*$/i.test(address);
}

export function known(...values) {
  return values.filter(Boolean);
}

// A label with its probability, never as 1.00 or 0.00.
export function labelled(label, score) {
  let inWords = score.toFixed(2);
  if (score >= NEARLY_CERTAIN) inWords = NEARLY_CERTAIN_IN_WORDS;
  if (score < NEARLY_IMPOSSIBLE) inWords = NEARLY_IMPOSSIBLE_IN_WORDS;
  return filled(SENTENCES.labelled, { label: LABEL_NAMES[label], probability: inWords });
}

// The link that opens an address at a page of a PDF, or at the words themselves (URL Fragment Text
// Directives, WICG).
export function linkOf({ address, quote, page }) {
  if (!isOnline(address)) return "";
  const start = address.split("#")[0];
  if (page) return `${start}#page=${page}`;
  const cells = quote.split(" | ").map((cell) => cell.split(/\s+/).filter(Boolean));
  const isShort = cells.length === 1 && cells[0].length <= 2 * FRAGMENT_WORDS;
  const firstWords = cells[0].slice(0, FRAGMENT_WORDS);
  const lastWords = cells.at(-1).slice(-FRAGMENT_WORDS);
  const ends = isShort ? [cells[0]] : [firstWords, lastWords];
  const written = ends.filter((words) => words.length).map(fragmentOf);
  return `${start}#:~:text=${written.join(",")}`;
}

function fragmentOf(words) {
  return encodeURIComponent(words.join(" ")).replace(/-/g, "%2D");
}

export function placeOf(cited) {
  const parts = [];
  if (cited.section) parts.push(filled(SENTENCES.section, cited));
  if (cited.page) parts.push(filled(SENTENCES.page, cited));
  if (cited.paragraph) {
    const { paragraph, paragraph_of_section: ofSection } = SENTENCES;
    parts.push(filled(cited.section ? ofSection : paragraph, cited));
  }
  parts.push(filled(SENTENCES.characters, cited));
  return parts.join(", ");
}

export function sourceOf(cited) {
  const { title, publication, publisher, date, country, year } = cited;
  let named = known(title, publication, publisher, date).join(", ");
  const countryAndYear = known(country, year).join(", ");
  if (countryAndYear) {
    named = filled(SENTENCES.of_country, { named, country_and_year: countryAndYear });
  }
  return filled(SENTENCES.source, {
    named,
    place: placeOf(cited),
    address: cited.address === title ? "" : filled(SENTENCES.address, cited),
    read: cited.read ? filled(SENTENCES.read, cited) : "",
    tagged: taggedOf(cited),
  });
}

function taggedOf(cited) {
  return filled(cited.labels ? SENTENCES.tagged : SENTENCES.without_label, cited);
}

export function plainCitation(cited) {
  return filled(SENTENCES.plain, { quote: cited.quote, source: sourceOf(cited) });
}

function keywordsOf(cited) {
  const labels = Object.values(LABEL_NAMES).filter((name) => cited.labels.includes(name));
  return [...labels, ...known(cited.country)];
}

// The fields, and what the forms derive from them, as `Citation.values` in Python.
export function valuesOf(cited) {
  const issued = cited.date || cited.year;
  const place = placeOf(cited);
  return {
    ...cited,
    issued,
    issued_year: issued.slice(0, 4),
    date_with_slashes: cited.date.replace(/-/g, "/"),
    read_with_slashes: cited.read.replace(/-/g, "/"),
    link: linkOf(cited),
    offline_address: isOnline(cited.address) ? "" : cited.address,
    keywords: keywordsOf(cited).join(", "),
    place_and_labels: filled(SENTENCES.place_and_labels, {
      place: place[0].toUpperCase() + place.slice(1),
      tagged: taggedOf(cited),
    }),
    quoted: filled(SENTENCES.quoted, cited),
    source: sourceOf(cited),
  };
}

function texValue(field, text) {
  if (field === "url") return text; // read verbatim
  const escaped = Array.from(text, (char) => TEX_ESCAPES[char] ?? char).join("");
  // a second pair of braces keeps the capitals of a title
  return field === "title" ? `{${escaped}}` : escaped;
}

export function bibtexCitation(cited, remark = "") {
  const values = valuesOf(cited);
  values.place_and_labels = known(values.place_and_labels, remark).join(" ");
  let lines = "";
  for (const [field, name] of Object.entries(BIBTEX_FIELDS)) {
    if (!values[name]) continue;
    lines += filled(SENTENCES.bibtex_field, { field, value: texValue(field, values[name]) });
  }
  return filled(SENTENCES.bibtex, { key: cited.key, fields: lines });
}

export function risCitation(cited, remark = "") {
  const values = valuesOf(cited);
  const lines = [
    { tag: "TY", text: "RPRT" },
    { tag: "ID", text: cited.key },
  ];
  for (const [tag, name] of Object.entries(RIS_TAGS)) {
    const texts = tag === "KW" ? keywordsOf(cited) : known(values[name]);
    for (const text of texts) lines.push({ tag, text });
  }
  if (remark) lines.push({ tag: "N1", text: remark });
  lines.push({ tag: "ER", text: "" });
  return lines.map((line) => filled(SENTENCES.ris_line, line)).join("");
}

// Copy to the clipboard; false where the browser allows neither way.
export async function copyText(text, parent) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // pages opened from a disk may lack the clipboard interface
    const box = document.createElement("textarea");
    box.ariaLabel = "Citation";
    box.value = text;
    parent.append(box);
    box.select();
    const copied = document.execCommand("copy");
    box.remove();
    return copied;
  }
}
