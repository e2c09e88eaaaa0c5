// The fields of a citation from the desk's data, and citations as CSL-JSON and as rows of CSV.
// Covered by tests/reports/test_desk.py, in a browser.
import { known, labelled, plainCitation, valuesOf } from "./citation.js";
import { checksInWords } from "./desk_checks.js";
import { scoreOf } from "./desk_data.js";
import { labelOf } from "./labels.js";
import { CITATION_COLUMNS, CSL_DATES, CSL_VARIABLES } from "./names.js";

const OWN_COLUMNS = ["citation", "folder", "tags", "note", "checked"]; // after those of a citation

export function citationOf(passage) {
  const { report, letters } = passage;
  const labels = letters.map((letter) => labelled(labelOf(letter), scoreOf(passage, letter)));
  return {
    key: passage.key,
    quote: passage.text,
    title: report.title,
    publication: report.publication,
    publisher: report.publisher,
    date: report.date,
    country: passage.country,
    year: passage.year,
    section: passage.section,
    page: passage.page,
    paragraph: passage.paragraph,
    characters: `${passage.start}–${passage.end}`,
    address: report.address,
    read: report.read,
    labels: labels.join(" and "),
    model: report.model,
  };
}

// What one wrote on a saved finding, and who checked it when: one line, which follows its citation
// in every export.
export function ownWords(cited) {
  const parts = [];
  const tags = (cited.tags ?? "").split(",").map((tag) => tag.trim());
  const tagsInWords = tags.filter(Boolean).join(", ");
  if (cited.folder) parts.push(`Folder: ${cited.folder.trim()}.`);
  if (tagsInWords) parts.push(`Tags: ${tagsInWords}.`);
  if (cited.note) parts.push(`Note: ${cited.note.trim()}`);
  for (const words of checksInWords(cited.key)) {
    parts.push(`${words[0].toUpperCase()}${words.slice(1)}.`);
  }
  return parts.join(" ").replace(/\s+/g, " ");
}

function cslDate(date) {
  if (!/^\d{4}(-\d\d){0,2}$/.test(date)) return null;
  return { "date-parts": [date.split("-").map(Number)] };
}

export function cslCitation(cited, remark = "") {
  const values = valuesOf(cited);
  values.source = known(values.source, remark).join(" ");
  const item = { id: cited.key, type: "report", language: "en" };
  for (const [variable, name] of Object.entries(CSL_VARIABLES)) {
    const value = CSL_DATES.includes(variable) ? cslDate(values[name]) : values[name];
    if (value) item[variable] = value;
  }
  return item;
}

// What a spreadsheet would run as a formula (CWE-1236), as formatting.csv_cell has it: at the
// beginning of a cell, or of what a program might take for one.
const FORMULA = /^([\t\r\n]|[\s\ufeff\ufffd]*[=+\-@＝＋－＠])/;
const FORMULA_INSIDE = /([;\t\r\n][\s\ufeff\ufffd"]*)(?=[=+\-@＝＋－＠])/g;

function csvCell(value) {
  const inner = String(value).replace(FORMULA_INSIDE, "$1'");
  const text = FORMULA.test(inner) ? `'${inner}` : inner;
  return /[",;\t\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
}

export function csvTable(citations) {
  const rows = [[...CITATION_COLUMNS, ...OWN_COLUMNS]];
  for (const cited of citations) {
    rows.push([
      ...CITATION_COLUMNS.map((name) => cited[name] ?? ""),
      plainCitation(cited),
      cited.folder ?? "",
      cited.tags ?? "",
      cited.note ?? "",
      checksInWords(cited.key).join("; "),
    ]);
  }
  return "\ufeff" + rows.map((row) => row.map(csvCell).join(",") + "\r\n").join("");
}
