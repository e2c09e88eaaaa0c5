// A probability as probability.py writes it, for all pages; the review page gets this
// file too. names.js is made in Python.
// Covered by tests/reports/test_script_modules.py and tests/app/test_review_page.py.
import { NEARLY_CERTAIN, NEARLY_CERTAIN_SHOWN } from "./names.js";
import { NEARLY_IMPOSSIBLE, NEARLY_IMPOSSIBLE_SHOWN } from "./names.js";

export function probability(value) {
  if (value < NEARLY_IMPOSSIBLE) return NEARLY_IMPOSSIBLE_SHOWN;
  return value >= NEARLY_CERTAIN ? NEARLY_CERTAIN_SHOWN : value.toFixed(2);
}
