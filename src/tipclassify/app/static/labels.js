// What the page calls the labels, numbers and times that the server sends.
// Covered by tests/app/test_review_page.py.
import { el } from "./dom.js";
// which app/server.py makes
import { LETTERS, NAMES, NO_SECTION } from "./names.js";

export { LETTERS, NAMES, NO_SECTION };

export const sameLabels = (a, b) => a.length === b.length && a.every((label) => b.includes(label));
export const inOrder = (labels) => Object.keys(NAMES).filter((label) => labels.includes(label));
export const inWords = (labels) =>
  labels.length
    ? inOrder(labels)
        .map((label) => NAMES[label])
        .join(", ")
    : "No label";

/** The letter of a label in its colour; letters tell labels apart, colour only helps. */
export const badge = (label) =>
  el("b", { class: LETTERS[label], title: NAMES[label] }, LETTERS[label]);

export function badges(labels) {
  if (!labels.length) return [el("b", { class: "none", title: "No label" }, "∅")];
  return inOrder(labels).map(badge);
}

// An answer is what somebody decided: {labels, unsure}.
export const sameAnswer = (a, b) =>
  Boolean(a.unsure) === Boolean(b.unsure) && sameLabels(a.labels, b.labels);
export const answerInWords = (answer) => (answer.unsure ? "Unsure" : inWords(answer.labels));
export const answerBadges = (answer) =>
  answer.unsure ? [el("b", { class: "none", title: "Unsure" }, "?")] : badges(answer.labels);

/** "+1.32", "−0.54" */
export function signed(value, digits = 2) {
  const size = Math.abs(value).toFixed(digits);
  return Number(size) === 0 ? size : (value < 0 ? "−" : "+") + size;
}

/** "−2.08", "1.13" */
export const number = (value, digits = 2) =>
  value
    .toFixed(digits)
    .replace("-", "−")
    .replace(/^−(0\.?0*)$/, "$1");

/** "14:32", with the day before it when that was not today. */
export function clock(time) {
  const date = new Date(typeof time === "number" ? time * 1000 : time);
  if (Number.isNaN(date.getTime())) return "";
  const hour = date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });
  const day = date.toLocaleDateString([], { day: "numeric", month: "short" });
  return date.toDateString() === new Date().toDateString() ? hour : `${day}, ${hour}`;
}

export const count = (n, one, many = one + "s") =>
  `${n.toLocaleString("en")} ${n === 1 ? one : many}`;
