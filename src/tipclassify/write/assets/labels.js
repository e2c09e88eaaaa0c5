// Labels and numbers, as all pages write them. names.js is made by templating.py.
// Covered by tests/reports/test_html_report.py and tests/reports/test_desk.py, in a browser.
import { LABELS, LETTERS } from "./names.js";

export function labelOf(letter) {
  return LABELS[LETTERS.indexOf(letter)];
}

// 12345 as "12,345".
export function grouped(number) {
  return number.toLocaleString("en-US");
}

// "1 finding", "2,000 findings"
export function plural(count, name) {
  return `${grouped(count)} ${name}${count === 1 ? "" : "s"}`;
}
