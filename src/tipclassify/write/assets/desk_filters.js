// The filters: a form, and which passages they leave.
// Covered by tests/reports/test_desk.py, in a browser.
import { matchesCheck } from "./desk_checks.js";
import { NO_LETTERS, passages, publications, scoreOf } from "./desk_data.js";
import { searchPassages } from "./desk_search.js";
import { inOrder } from "./desk_page.js";
import { selectAll, selectOne } from "./elements.js";
import { LETTERS } from "./names.js";

export const form = selectOne(".desk-tools");
export const orderBox = selectOne('select[name="order"]');
export const labelBoxes = selectAll('input[name="label"]', form);
export const MENUS = ["country", "publication", "year", "section"];

// Passages that the filters leave.
export const shownPassages = [];
// Passages that the menus leave, with or without the labels and the words: what shares are of.
export const candidates = [];

export function checkedLetters() {
  return labelBoxes.filter((box) => box.checked).map((box) => box.value);
}

export function filterPassages() {
  const { country, publication, year, section, words, rows, checked } = form.elements;
  const least = Number(form.elements.least.value);
  const chosen = new Set(checkedLetters());
  const hits = searchPassages(words.value);
  const allLetters = LETTERS.every((letter) => chosen.has(letter));
  const allCount = allLetters && least <= Number(form.elements.least.min);
  const counts = (passage, letter) => chosen.has(letter) && scoreOf(passage, letter) >= least;
  shownPassages.length = 0;
  candidates.length = 0;
  passages.forEach((passage, number) => {
    passage.shown = false;
    passage.counted = NO_LETTERS;
    if (country.value && passage.country !== country.value) return;
    if (publication.value && passage.series !== publication.value) return;
    if (year.value && passage.year !== year.value) return;
    if (section.value && passage.folded !== section.value) return;
    if (passage.again) return; // said before in its report
    if (passage.row && !rows.checked) return; // counted apart
    candidates.push(passage);
    if (hits && !hits.has(number)) return;
    if (checked.value && !matchesCheck(passage.key, checked.value)) return;
    passage.counted = allCount
      ? passage.letters
      : passage.letters.filter((letter) => counts(passage, letter));
    const wantedWithoutLabel = !passage.letters.length && chosen.has("N");
    passage.shown = passage.counted.length > 0 || wantedWithoutLabel;
    if (passage.shown) shownPassages.push(passage);
  });
}

export function noCounts() {
  return Object.fromEntries(LETTERS.map((letter) => [letter, 0]));
}

// Count the labels of the candidates by a key.
export function tally(keyOf) {
  const sums = new Map();
  for (const passage of candidates) {
    const key = keyOf(passage);
    let sum = sums.get(key);
    if (!sum) {
      sum = { total: 0, ...noCounts(), passage, pages: new Set(), first: {} };
      sums.set(key, sum);
    }
    sum.total += passage.subject ? 1 : 0; // shares are of the sentences about trafficking
    sum.pages.add(passage.report.page);
    for (const letter of passage.counted) {
      sum.first[letter] ??= passage;
      sum[letter] += 1;
    }
  }
  return sums;
}

// Fill the menus with what the passages have; the slider begins at the lowest probability.
export function fillFilters() {
  const { country, publication, year, section, least } = form.elements;
  const countries = new Set();
  const years = new Set();
  const taggedOfSection = new Map(); // numbers of tagged passages
  let lowest = 1;
  for (const passage of passages) {
    if (passage.country) countries.add(passage.country);
    if (passage.year) years.add(passage.year);
    if (passage.letters.length) {
      taggedOfSection.set(passage.folded, (taggedOfSection.get(passage.folded) ?? 0) + 1);
    }
    for (const letter of passage.letters) lowest = Math.min(lowest, scoreOf(passage, letter));
  }
  for (const name of [...publications].sort(inOrder)) publication.add(new Option(name));
  publication.hidden = publications.size < 2;
  for (const name of [...countries].sort(inOrder)) country.add(new Option(name));
  for (const name of [...years].sort().reverse()) year.add(new Option(name));
  const mostTaggedFirst = [...taggedOfSection].sort(([, a], [, b]) => b - a);
  for (const [name] of mostTaggedFirst) {
    section.add(new Option(name[0].toUpperCase() + name.slice(1), name));
  }
  const lowestShown = Math.floor(lowest * 100) / 100;
  least.min = lowestShown;
  least.defaultValue = lowestShown;
}
