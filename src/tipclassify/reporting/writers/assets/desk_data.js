"use strict";
// Reports and passages, which the scripts in data/ bring, and the search in their indexes of words.

const LABELS = ["positive_effort", "failure", "complicity"];
const LETTERS = ["P", "F", "C"];
const NAMES = { P: "Positive effort", F: "Failure", C: "Complicity" };
const NO_SECTION = "No section";

const reports = new Map(); // by their page
const passages = []; // of all reports
const indexes = []; // one a script

globalThis.tipclassify = {
  add({ page, words, found, places, passages: rows, ...head }) {
    if (!reports.has(page)) reports.set(page, { page });
    const report = reports.get(page);
    if ("title" in head) Object.assign(report, head);
    indexes.push({ words, found, first: passages.length, ready: false });
    for (const [place, start, end, at, paragraph, bits, scores, low, key, id, text] of rows) {
      const [country, year, , section] = places[place];
      const letters = LETTERS.filter((_, n) => (bits >> n) & 1);
      const where = { country: country || "", year: year ? String(year) : "", section, page: at ? String(at) : "" };
      passages.push({ report, ...where, paragraph, start, end, letters, scores, low, key, id, text });
    }
  },
};

// Words in lower case and without accents, as desk.py splits them.
function wordsOf(text) {
  return text.toLowerCase().normalize("NFKD").replace(/\p{M}/gu, "").match(/[\p{L}\p{N}]+/gu) ?? [];
}

// Each word of a query is the beginning of a word; "those in quotation marks" stand side by side.
function parseQuery(query) {
  const terms = { begins: [], phrases: [] };
  for (const [, quoted, word] of query.replace(/[“”„«»]/g, '"').matchAll(/"([^"]*)"?|([^\s"]+)/g)) {
    const found = wordsOf(quoted ?? word);
    if (quoted !== undefined && found.length > 1) terms.phrases.push(" " + found.join(" "));
    terms.begins.push(...found);
  }
  return terms;
}

// The numbers of the passages with all words of a query; null for a query without words.
function search(query) {
  const { begins, phrases } = parseQuery(query);
  if (!begins.length) return null;
  const hits = new Set();
  for (const index of indexes) {
    if (!index.ready) {
      Object.assign(index, { words: index.words.split(" "), found: index.found.split(","), ready: true });
    }
    let left = null;
    for (const begin of begins) {
      const these = new Set();
      index.words.forEach((word, n) => {
        if (!word.startsWith(begin)) return;
        for (const number of index.found[n].split(" ")) if (!left || left.has(number)) these.add(number);
      });
      left = these;
      if (!left.size) break;
    }
    for (const number of left) {
      const at = index.first + Number(number);
      const text = phrases.length ? " " + wordsOf(passages[at].text).join(" ") : "";
      if (phrases.every((phrase) => text.includes(phrase))) hits.add(at);
    }
  }
  return hits;
}
