// The search in the indexes of words that the data files bring.
// Covered by tests/reports/test_desk.py, in a browser.
import { indexes, passages } from "./desk_data.js";
import { american, parseQuery, wordsOf } from "./desk_words.js";

// Make an index ready for search, which takes longer than a search.
export function unpackIndex(index) {
  if (typeof index.words !== "string") return;
  index.words = index.words.split(" ");
  index.numbers = index.numbers.split(",");
}

// The numbers of the passages for which a query holds; null for a query without words.
export function searchPassages(query) {
  const clauses = parseQuery(query);
  if (!clauses.length) return null;
  const hits = new Set();
  for (const index of indexes) {
    unpackIndex(index);
    const left = new Uint8Array(index.size).fill(1);
    for (const { excluded, terms } of clauses) {
      const holds = new Uint8Array(index.size);
      for (const term of terms) findTerm(index, term, left, holds);
      for (let number = 0; number < index.size; number++) {
        if (holds[number] === (excluded ? 1 : 0)) left[number] = 0;
      }
    }
    left.forEach((isLeft, number) => isLeft && hits.add(index.first + number));
  }
  return hits;
}

// Find a term in the passages of an index that are left: 1 in `holds` for each that has it.
function findTerm(index, { words, phrase }, left, holds) {
  const passagesOfWords = words.map((word) => passagesWithBeginning(index, word));
  for (let number = 0; number < index.size; number++) {
    if (!left[number] || holds[number]) continue;
    if (!passagesOfWords.every((has) => has[number])) continue;
    if (!phrase || hasPhrase(passages[index.first + number], phrase)) holds[number] = 1;
  }
}

// Find the passages of an index that have a word with this beginning.
function passagesWithBeginning(index, beginning) {
  const has = new Uint8Array(index.size);
  index.words.forEach((word, place) => {
    if (!word.startsWith(beginning)) return;
    index.lists[place] ??= index.numbers[place].split(" ").map(Number);
    for (const number of index.lists[place]) has[number] = 1;
  });
  return has;
}

function hasPhrase(passage, phrase) {
  return ` ${wordsOf(passage.text).map(american).join(" ")}`.includes(phrase);
}
