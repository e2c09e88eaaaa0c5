"use strict";
// Reports and passages, which the scripts in data/ bring, and the search in their indexes of words.

const LABELS = ["positive_effort", "failure", "complicity"];
const LETTERS = ["P", "F", "C"];
const NAMES = { P: "Positive effort", F: "Failure", C: "Complicity" };
const NO_SECTION = "No section";
const TAGS = Array.from({ length: 8 }, (_, bits) => LETTERS.filter((_, n) => (bits >> n) & 1)); // shared: most repeat

const reports = new Map(); // by their page
const passages = []; // of all reports
const firstOf = new Map(); // the first passage of each report, by its page
const indexes = []; // one a script

globalThis.tipclassify = {
  add(json) {
    const { page, words, found, places, passages: rows, ...head } = JSON.parse(json);
    if (!reports.has(page)) reports.set(page, { page });
    const report = reports.get(page);
    if ("title" in head) Object.assign(report, head);
    indexes.push({ words, found, lists: [], size: rows.length, first: passages.length });
    const named = places.map(([country, year, , section, folded, series]) => [country || "", year ? String(year) : "", section, folded || NO_SECTION, series || ""]);
    for (const [place, start, end, at, paragraph, bits, scores, low, key, id, text] of rows) {
      const [country, year, section, folded, series] = named[place];
      const letters = TAGS[bits];
      const best = letters.reduce((most, letter) => Math.max(most, scores[LETTERS.indexOf(letter)]), 0);
      const page = at ? String(at) : "";
      passages.push({ report, country, year, section, folded, series, page, paragraph, start, end, letters, scores, best, low, key, id, text, counted: TAGS[0], shown: false });
      if (!firstOf.has(report.page)) firstOf.set(report.page, passages.at(-1));
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
  terms.begins.splice(100); // more is no question
  return terms;
}

// Make an index ready for search, which takes longer than a search.
function unpack(index) {
  if (typeof index.words === "string") Object.assign(index, { words: index.words.split(" "), found: index.found.split(",") });
}

// The numbers of the passages with all words of a query; null for a query without words.
function search(query) {
  const { begins, phrases } = parseQuery(query);
  if (!begins.length) return null;
  const hits = new Set();
  for (const index of indexes) {
    unpack(index);
    const met = new Uint8Array(index.size); // of each passage: the words of the query met so far
    begins.forEach((begin, step) => {
      index.words.forEach((word, n) => {
        if (!word.startsWith(begin)) return;
        index.lists[n] ??= index.found[n].split(" ").map(Number);
        for (const number of index.lists[n]) if (met[number] === step) met[number] = step + 1;
      });
    });
    met.forEach((words, number) => {
      if (words < begins.length) return;
      const text = phrases.length ? " " + wordsOf(passages[index.first + number].text).join(" ") : "";
      if (phrases.every((phrase) => text.includes(phrase))) hits.add(index.first + number);
    });
  }
  return hits;
}
