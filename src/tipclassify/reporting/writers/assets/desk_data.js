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
    for (const [place, start, end, at, paragraph, bits, scores, low, key, id, text, flags = 8, rank = 0] of rows) {
      const [country, year, section, folded, series] = named[place];
      const letters = TAGS[bits];
      const best = letters.reduce((most, letter) => Math.max(most, scores[LETTERS.indexOf(letter)]), 0);
      const page = at ? String(at) : "";
      const nature = { row: Boolean(flags & 1), again: Boolean(flags & 2), template: Boolean(flags & 4), subject: Boolean(flags & 8), rank };
      passages.push({ ...nature, report, country, year, section, folded, series, page, paragraph, start, end, letters, scores, best, low, key, id, text, counted: TAGS[0], shown: false });
      if (!firstOf.has(report.page)) firstOf.set(report.page, passages.at(-1));
    }
  },
};

// Words in lower case and without accents, as desk.py splits them.
function wordsOf(text) {
  return text.toLowerCase().normalize("NFKD").replace(/\p{M}/gu, "").match(/[\p{L}\p{N}]+/gu) ?? [];
}

// British words in American spelling, by the patterns of text/features/vocabulary.py.
const BRITISH = [
  [/^(lab|fav|col|hon|neighb|harb|behavi|endeav)our/, "$1or"],
  [/^([\p{L}\p{N}_]{3,}|un[\p{L}\p{N}_]+)is(e|ed|es|ing|ation|ations|ational|er|ers)$/u, "$1iz$2"],
  [/^program(me|med)$/, "program"],
  [/^programmes$/, "programs"],
  [/^(cent|theat|fib)re(s?)$/, "$1er$2"],
  [/^(defen|offen|licen)c(e|es|ed|ing)$/, "$1s$2"],
  [/^(trave|labe|counse|mode|cance|signa|marsha)ll(ing|ed|er|ers|or|ors)$/, "$1l$2"],
  [/^(fulfil|enrol|instal|instil)(ment|ments|s)$/, "$1l$2"],
  [/^judgement/, "judgment"],
  [/^cheque/, "check"],
];
function american(word) {
  const found = word.length <= 40 && BRITISH.find(([pattern]) => pattern.test(word));
  return found ? word.replace(found[0], found[1]) : word;
}

// A query is clauses that must all hold, each of alternatives: `labour OR labor "child soldiers" NOT pledge`, -pledge.
// Each word is the beginning of a word; those in quotation marks stand side by side.
function parseQuery(query) {
  const clauses = [];
  let [either, not] = [false, false];
  for (const [, minus, quoted, word] of query.replace(/[“”„«»]/g, '"').matchAll(/(-?)(?:"([^"]*)"?|([^\s"]+))/g)) {
    if (word === "OR" || word === "AND" || word === "NOT") {
      either = word === "OR" && clauses.length > 0;
      not = word === "NOT";
      continue;
    }
    const words = wordsOf(quoted ?? word).map(american);
    if (!words.length) continue;
    const term = { words, phrase: quoted !== undefined && words.length > 1 ? " " + words.join(" ") : "" };
    const excluded = not || Boolean(minus);
    if (either && !excluded && !clauses.at(-1).excluded) clauses.at(-1).terms.push(term);
    else clauses.push({ excluded, terms: [term] });
    [either, not] = [false, false];
  }
  clauses.splice(100); // more is no question
  const begins = clauses.filter(({ excluded }) => !excluded).flatMap(({ terms }) => terms.flatMap(({ words }) => words));
  return { clauses, begins };
}

// Make an index ready for search, which takes longer than a search.
function unpack(index) {
  if (typeof index.words === "string") Object.assign(index, { words: index.words.split(" "), found: index.found.split(",") });
}

// Which passages of an index have a word that begins so.
function beginsIn(index, begin) {
  const has = new Uint8Array(index.size);
  index.words.forEach((word, n) => {
    if (!word.startsWith(begin)) return;
    index.lists[n] ??= index.found[n].split(" ").map(Number);
    for (const number of index.lists[n]) has[number] = 1;
  });
  return has;
}

// The numbers of the passages for which a query holds; null for a query without words.
function search(query) {
  const { clauses } = parseQuery(query);
  if (!clauses.length) return null;
  const hits = new Set();
  for (const index of indexes) {
    unpack(index);
    const left = new Uint8Array(index.size).fill(1);
    for (const { excluded, terms } of clauses) {
      const holds = new Uint8Array(index.size);
      for (const { words, phrase } of terms) {
        const each = words.map((word) => beginsIn(index, word));
        for (let number = 0; number < index.size; number++) {
          if (!left[number] || holds[number] || !each.every((has) => has[number])) continue;
          holds[number] = !phrase || ` ${wordsOf(passages[index.first + number].text).map(american).join(" ")}`.includes(phrase) ? 1 : 0;
        }
      }
      for (let number = 0; number < index.size; number++) if (holds[number] === (excluded ? 1 : 0)) left[number] = 0;
    }
    left.forEach((is, number) => is && hits.add(index.first + number));
  }
  return hits;
}

const RECURRING = 3; // countries, or reports without one, from which a sentence is common to the reports at hand

// What is particular depends on the other reports: a sentence that many share is a template, and one that stood in an
// earlier report of the country counts half.
function rankAmongReports() {
  const where = new Map(); // text: {countries, years of each country}
  const tagged = passages.filter(({ letters, again }) => letters.length && !again);
  for (const passage of tagged) {
    passage.said = wordsOf(passage.text).join(" ").replace(/( \d+)+$/, "");
    const found = where.get(passage.said) ?? { countries: new Set(), years: new Map() };
    const country = passage.country || passage.report.page;
    found.countries.add(country);
    if (passage.year && !(found.years.get(country) <= passage.year)) found.years.set(country, passage.year);
    where.set(passage.said, found);
  }
  for (const passage of tagged) {
    const { countries, years } = where.get(passage.said);
    if (countries.size >= RECURRING) passage.template = true;
    if (passage.template) passage.rank = 0;
    else if (passage.year && years.get(passage.country || passage.report.page) < passage.year) passage.rank /= 2;
    delete passage.said;
  }
}
