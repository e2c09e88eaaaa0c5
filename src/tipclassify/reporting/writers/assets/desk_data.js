// Reports and passages, which the scripts in data/ bring, and the search in their indexes of words.
// Covered by tests/reporting/test_desk.py.

const TAGS = Array.from({ length: 2 ** LETTERS.length }, (_, bits) =>
  LETTERS.filter((_, n) => (bits >> n) & 1),
); // shared: most repeat

const reports = new Map(); // by their page
const passages = []; // of all reports
const firstOf = new Map(); // the first passage of each report, by its page
const indexes = []; // one a script

// A script in data/ hands over a data file: desk_records.py says what is in it, and PASSAGE and PLACE, where.
globalThis.tipclassify = {
  add(json) {
    const file = JSON.parse(json);
    if (!reports.has(file.page)) reports.set(file.page, { page: file.page });
    const report = Object.assign(reports.get(file.page), file.report);
    indexes.push({
      words: file.words,
      numbers: file.numbers,
      lists: [],
      size: file.passages.length,
      first: passages.length,
    });
    const places = file.places.map(placeOfArray);
    for (const row of file.passages) passages.push(passageOfArray(row, places, report));
    if (!firstOf.has(file.page) && file.passages.length)
      firstOf.set(file.page, passages.at(-file.passages.length));
  },
};

function placeOfArray(row) {
  return {
    country: row[PLACE.country] || "",
    year: row[PLACE.year] ? String(row[PLACE.year]) : "",
    section: row[PLACE.cited_section],
    folded: row[PLACE.folded_section] || NO_SECTION,
    series: row[PLACE.publication],
  };
}

function passageOfArray(row, places, report) {
  const flags = row[PASSAGE.flags];
  const scores = row[PASSAGE.scores];
  const letters = TAGS[row[PASSAGE.label_bits]];
  const { country, year, section, folded, series } = places[row[PASSAGE.place]];
  return {
    row: Boolean(flags & FLAG.TABLE_ROW),
    again: Boolean(flags & FLAG.SAID_BEFORE),
    template: Boolean(flags & FLAG.TEMPLATE),
    subject: Boolean(flags & FLAG.ON_SUBJECT),
    rank: row[PASSAGE.rank],
    report,
    country,
    year,
    section,
    folded,
    series,
    page: row[PASSAGE.page] ? String(row[PASSAGE.page]) : "",
    paragraph: row[PASSAGE.paragraph],
    start: row[PASSAGE.start],
    end: row[PASSAGE.end],
    letters,
    scores,
    best: letters.reduce((most, letter) => Math.max(most, scores[LETTERS.indexOf(letter)]), 0),
    low: row[PASSAGE.low_confidence],
    key: row[PASSAGE.key],
    id: row[PASSAGE.anchor],
    text: row[PASSAGE.text],
    counted: TAGS[0],
    shown: false,
  };
}

// Words in lower case and without accents, as desk_records.py splits them.
function wordsOf(text) {
  return (
    text
      .toLowerCase()
      .normalize("NFKD")
      .replace(/\p{M}/gu, "")
      .match(/[\p{L}\p{N}]+/gu) ?? []
  );
}

// British words in American spelling, by the patterns of text/features/vocabulary.py.
const BRITISH = BRITISH_PATTERNS.map(([pattern, plain]) => [new RegExp(pattern, "u"), plain]);
function american(word) {
  const rule = word.length <= LONGEST_RESPELLED && BRITISH.find(([pattern]) => pattern.test(word));
  return rule ? word.replace(rule[0], rule[1]) : word;
}

// A query is clauses that must all hold, each of alternatives: `labour OR labor "child soldiers" NOT pledge`, -pledge.
// Each word is the beginning of a word; those in quotation marks stand side by side.
function parseQuery(query) {
  const clauses = [];
  let [either, not] = [false, false];
  for (const [, minus, quoted, word] of query
    .replace(/[“”„«»]/g, '"')
    .matchAll(/(-?)(?:"([^"]*)"?|([^\s"]+))/g)) {
    if (word === "OR" || word === "AND" || word === "NOT") {
      either = word === "OR" && clauses.length > 0;
      not = word === "NOT";
      continue;
    }
    const words = wordsOf(quoted ?? word).map(american);
    if (!words.length) continue;
    const term = {
      words,
      phrase: quoted !== undefined && words.length > 1 ? " " + words.join(" ") : "",
    };
    const excluded = not || Boolean(minus);
    if (either && !excluded && !clauses.at(-1).excluded) clauses.at(-1).terms.push(term);
    else clauses.push({ excluded, terms: [term] });
    [either, not] = [false, false];
  }
  clauses.splice(100); // more is no question
  const begins = clauses
    .filter(({ excluded }) => !excluded)
    .flatMap(({ terms }) => terms.flatMap(({ words }) => words));
  return { clauses, begins };
}

// Make an index ready for search, which takes longer than a search.
function unpack(index) {
  if (typeof index.words === "string")
    Object.assign(index, { words: index.words.split(" "), numbers: index.numbers.split(",") });
}

// Which passages of an index have a word that begins so.
function beginsIn(index, begin) {
  const has = new Uint8Array(index.size);
  index.words.forEach((word, n) => {
    if (!word.startsWith(begin)) return;
    index.lists[n] ??= index.numbers[n].split(" ").map(Number);
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
          holds[number] =
            !phrase ||
            ` ${wordsOf(passages[index.first + number].text)
              .map(american)
              .join(" ")}`.includes(phrase)
              ? 1
              : 0;
        }
      }
      for (let number = 0; number < index.size; number++)
        if (holds[number] === (excluded ? 1 : 0)) left[number] = 0;
    }
    left.forEach((is, number) => is && hits.add(index.first + number));
  }
  return hits;
}

// What is particular depends on the other reports: a sentence that many share is a template, and one that stood in an
// earlier report of the country counts half.
function rankAmongReports() {
  const where = new Map(); // text: {countries, years of each country}
  const tagged = passages.filter(({ letters, again }) => letters.length && !again);
  for (const passage of tagged) {
    passage.identity = wordsOf(passage.text)
      .join(" ")
      .replace(/( \d+)+$/, "");
    const places = where.get(passage.identity) ?? { countries: new Set(), years: new Map() };
    const country = passage.country || passage.report.page;
    places.countries.add(country);
    if (passage.year && !(places.years.get(country) <= passage.year))
      places.years.set(country, passage.year);
    where.set(passage.identity, places);
  }
  for (const passage of tagged) {
    const { countries, years } = where.get(passage.identity);
    if (countries.size >= RECURRING_COUNTRIES) passage.template = true;
    if (passage.template) passage.rank = 0;
    else if (passage.year && years.get(passage.country || passage.report.page) < passage.year)
      passage.rank /= 2;
    delete passage.identity;
  }
}
