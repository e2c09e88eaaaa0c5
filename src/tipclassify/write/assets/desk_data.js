// Reports and passages, which the scripts in data/ bring.
// Covered by tests/reports/test_desk.py, in a browser.
import { FLAG, LETTERS, NO_SECTION, PASSAGE, PLACE, RECURRING_COUNTRIES } from "./names.js";
import { wordsOf } from "./desk_words.js";

export const reports = new Map(); // by their page
export const passages = []; // of all reports
export const passagesByKey = new Map(); // the key of a citation of each
export const firstPassages = new Map(); // of each report, by its page
export const publications = new Set(); // of all passages
export const indexes = []; // of words, one a script

// The letters of each set of labels, by its bits: shared, since most passages have the same few.
const LETTERS_OF_BITS = Array.from({ length: 2 ** LETTERS.length }, (_, bits) =>
  LETTERS.filter((_, place) => (bits >> place) & 1),
);
export const NO_LETTERS = LETTERS_OF_BITS[0];

// Take a data file from a script in data/: desk_records.py says what is in it; PASSAGE and PLACE,
// where.
export function addDataFile(json) {
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
  for (const row of file.passages) {
    const passage = passageOfArray(row, places, report);
    passages.push(passage);
    passagesByKey.set(passage.key, passage);
    if (passage.series) publications.add(passage.series);
    if (!firstPassages.has(file.page)) firstPassages.set(file.page, passage);
  }
}

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
  const letters = LETTERS_OF_BITS[row[PASSAGE.label_bits]];
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
    counted: NO_LETTERS,
    shown: false,
  };
}

export function scoreOf(passage, letter) {
  return passage.scores[LETTERS.indexOf(letter)];
}

// Rank the passages among all reports: a sentence that many share is a template, and one that stood
// in an earlier report of the country counts half.
export function rankAmongReports() {
  const tagged = passages.filter(({ letters, again }) => letters.length && !again);
  const placesOfText = new Map(); // {countries, years: the first one of each country}
  for (const passage of tagged) {
    passage.identity = wordsOf(passage.text)
      .join(" ")
      .replace(/( \d+)+$/, "");
    const places = placesOfText.get(passage.identity) ?? { countries: new Set(), years: new Map() };
    const country = passage.country || passage.report.page;
    places.countries.add(country);
    if (passage.year && !(places.years.get(country) <= passage.year)) {
      places.years.set(country, passage.year);
    }
    placesOfText.set(passage.identity, places);
  }
  for (const passage of tagged) {
    const { countries, years } = placesOfText.get(passage.identity);
    const firstYear = years.get(passage.country || passage.report.page);
    if (countries.size >= RECURRING_COUNTRIES) passage.template = true;
    if (passage.template) passage.rank = 0;
    else if (passage.year && firstYear < passage.year) passage.rank /= 2;
    delete passage.identity;
  }
}
