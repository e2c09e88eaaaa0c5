// Words of passages and of queries. Covered by tests/reports/test_desk.py, in a browser.
import { BRITISH_PATTERNS, LONGEST_RESPELLED } from "./names.js";

const MOST_CLAUSES = 100; // more is no question

// Words in lower case and without accents, as desk_records.py splits them.
export function wordsOf(text) {
  const withoutAccents = text.toLowerCase().normalize("NFKD").replace(/\p{M}/gu, "");
  return withoutAccents.match(/[\p{L}\p{N}]+/gu) ?? [];
}

// British words in American spelling, by the patterns of text/words.py.
const SPELLINGS = BRITISH_PATTERNS.map(([british, replacement]) => ({
  pattern: new RegExp(british, "u"),
  replacement,
}));

export function american(word) {
  if (word.length > LONGEST_RESPELLED) return word;
  const spelling = SPELLINGS.find(({ pattern }) => pattern.test(word));
  return spelling ? word.replace(spelling.pattern, spelling.replacement) : word;
}

// Parse a query: clauses that must all hold, each of alternatives, as in
// `labour OR labor "child soldiers" NOT pledge`, or -pledge. Each word is the beginning of a word;
// those in quotation marks stand side by side.
export function parseQuery(query) {
  const clauses = [];
  let isAlternative = false;
  let isExcluded = false;
  const terms = query.replace(/[“”„«»]/g, '"').matchAll(/(-?)(?:"([^"]*)"?|([^\s"]+))/g);
  for (const [, minus, quoted, word] of terms) {
    if (word === "OR" || word === "AND" || word === "NOT") {
      isAlternative = word === "OR" && clauses.length > 0;
      isExcluded = word === "NOT";
      continue;
    }
    const words = wordsOf(quoted ?? word).map(american);
    if (!words.length) continue;
    const isPhrase = quoted !== undefined && words.length > 1;
    const term = { words, phrase: isPhrase ? " " + words.join(" ") : "" };
    const excluded = isExcluded || Boolean(minus);
    if (isAlternative && !excluded && !clauses.at(-1).excluded) clauses.at(-1).terms.push(term);
    else clauses.push({ excluded, terms: [term] });
    isAlternative = false;
    isExcluded = false;
  }
  return clauses.slice(0, MOST_CLAUSES);
}

// The beginnings of words that a query looks for.
export function beginningsOf(query) {
  const wanted = parseQuery(query).filter(({ excluded }) => !excluded);
  return wanted.flatMap(({ terms }) => terms.flatMap(({ words }) => words));
}
