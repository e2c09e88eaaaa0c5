// Saved findings as files, for word processors, spreadsheets and programs that keep references.
// Covered by tests/reports/test_desk.py, in a browser.
import { bibtexCitation, known, plainCitation, risCitation } from "./citation.js";
import { cslCitation, csvTable, ownWords } from "./desk_citations.js";
import { downloadFile, say } from "./desk_page.js";
import { exportButtons, saved } from "./desk_saved.js";
import { wordDocument } from "./desk_word.js";
import { plural } from "./labels.js";

export function listenToExports() {
  for (const button of exportButtons) {
    button.addEventListener("click", () => exportSaved(button.dataset.file));
  }
}

function exportSaved(kind) {
  const citations = [...saved.values()];
  const day = new Date().toISOString().slice(0, 10);
  downloadFile(fileOf(kind, citations, day), `findings-${day}.${kind}`);
  say(`Exported ${plural(citations.length, "finding")}`);
}

function fileOf(kind, citations, day) {
  if (kind === "docx") return wordDocument(citations, day);
  if (kind === "csv") return textFile(csvTable(citations), "text/csv;charset=utf-8");
  if (kind === "json") {
    const items = citations.map((cited) => cslCitation(cited, ownWords(cited)));
    return textFile(`${JSON.stringify(items, null, 1)}\n`, "application/json");
  }
  if (kind === "bib") {
    const entries = citations.map((cited) => bibtexCitation(cited, ownWords(cited)));
    return textFile(entries.join("\n"), "application/x-bibtex;charset=utf-8");
  }
  if (kind === "ris") {
    const records = citations.map((cited) => risCitation(cited, ownWords(cited)));
    return textFile(records.join(""), "application/x-research-info-systems;charset=utf-8");
  }
  const texts = citations.map((cited) => {
    return known(plainCitation(cited), ownWords(cited)).join("\n") + "\n";
  });
  return textFile(texts.join("\n"), "text/plain;charset=utf-8");
}

function textFile(text, type) {
  return new Blob([text], { type });
}
