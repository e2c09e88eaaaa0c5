// Why the model says what it says: the spans of an explanation made into phrases that do not
// overlap.
//
// Of the fast model, a word counts by itself and in every n-gram it is part of, dozens of spans a
// passage. As in the HTML report (writers/reasons.py) each span shares its weight equally
// among its words, and strong neighbours of one direction make a phrase. Phrases, the other words,
// the heading and the bias still add up to the log-odds. Offsets count characters as Python does
// (code points), not the UTF-16 units of JavaScript strings. Covered by
// tests/app/test_review_page.py.

// which app/server.py makes; these are from writers/reasons.py
import { MIN_RELATIVE_WEIGHT, MOST_AGAINST, MOST_FOR } from "./names.js";

export function wordsOf(points) {
  const words = [];
  let start = -1;
  points.forEach((point, n) => {
    const blank = /^\s$/u.test(point);
    if (!blank && start < 0) start = n;
    if (blank && start >= 0) {
      words.push([start, n]);
      start = -1;
    }
  });
  if (start >= 0) words.push([start, points.length]);
  return words;
}

/**
 * {phrases: [{start, end, text, weight}] in reading order, others, heading, bias, total,
 * probability} of passage `text`.
 */
export function reasonOf(text, { probability, spans, bias, total, method, heading = 0 }) {
  const points = Array.from(text);
  if (method === "occlusion")
    return { phrases: falls(points, spans), heading, bias, total, probability, additive: false };
  const words = wordsOf(points);
  const weights = words.map(() => 0);
  for (const span of spans) {
    const covered = words.flatMap(([start, end], n) =>
      start < span.end && span.start < end ? [n] : [],
    );
    for (const n of covered) weights[n] += span.weight / covered.length;
  }
  const least = MIN_RELATIVE_WEIGHT * Math.max(0, ...weights.map(Math.abs));
  const runs = [];
  weights.forEach((weight, n) => {
    if (!weight || Math.abs(weight) < least) return;
    const last = runs.at(-1);
    if (last && last.last === n - 1 && last.weight > 0 === weight > 0) {
      last.last = n;
      last.weight += weight;
    } else runs.push({ first: n, last: n, weight });
  });
  const strongest = [...runs].sort((a, b) => Math.abs(b.weight) - Math.abs(a.weight));
  const kept = new Set([
    ...strongest.filter((run) => run.weight > 0).slice(0, MOST_FOR),
    ...strongest.filter((run) => run.weight < 0).slice(0, MOST_AGAINST),
  ]);
  const phrases = runs
    .filter((run) => kept.has(run))
    .map(({ first, last, weight }) => {
      const [start, end] = [words[first][0], words[last][1]];
      return { start, end, weight, text: points.slice(start, end).join("").replace(/\s+/g, " ") };
    });
  const others = total - bias - heading - phrases.reduce((sum, { weight }) => sum + weight, 0);
  return { phrases, heading, bias, total, probability, additive: true, others };
}

/**
 * The strongest words of the default's reasons, which are no parts of a sum: how far the log-odds
 * fall with each masked.
 */
function falls(points, spans) {
  const words = spans.filter(
    (span) =>
      !spans.some((other) => other !== span && span.start <= other.start && other.end <= span.end),
  );
  const strongest = words
    .sort((a, b) => Math.abs(b.weight) - Math.abs(a.weight))
    .filter(
      ({ weight }) => weight && Math.abs(weight) >= MIN_RELATIVE_WEIGHT * Math.abs(words[0].weight),
    );
  return [
    ...strongest.filter(({ weight }) => weight > 0).slice(0, MOST_FOR),
    ...strongest.filter(({ weight }) => weight < 0).slice(0, MOST_AGAINST),
  ]
    .sort((a, b) => a.start - b.start)
    .map(({ start, end, weight }) => ({
      start,
      end,
      weight,
      text: points.slice(start, end).join(""),
    }));
}

/**
 * Numbers with two decimals whose sum is the shown total: what rounding loses goes to the other
 * words.
 */
export function rounded(reason) {
  const cents = (value) => Math.round(value * 100);
  const others =
    cents(reason.total) -
    cents(reason.bias) -
    cents(reason.heading) -
    reason.phrases.reduce((sum, { weight }) => sum + cents(weight), 0);
  return { others: others / 100, bias: cents(reason.bias) / 100, total: cents(reason.total) / 100 };
}

/** The text in pieces: [text, phrase or null]. */
export function pieces(text, phrases) {
  const points = Array.from(text);
  const found = [];
  let at = 0;
  for (const phrase of phrases) {
    if (phrase.start > at) found.push([points.slice(at, phrase.start).join(""), null]);
    found.push([points.slice(phrase.start, phrase.end).join(""), phrase]);
    at = phrase.end;
  }
  if (at < points.length) found.push([points.slice(at).join(""), null]);
  return found;
}
