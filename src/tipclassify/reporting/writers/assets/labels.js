// Labels and probabilities. Names in capitals come from Python: shared_constants in templating.py for all pages,
// first_screen_constants in first_screen.py for reports, desk_script_constants in desk_records.py for desks.
// Scripts of report pages are covered by tests/reporting/test_html_report.py, in a browser.

const labelOf = (letter) => LABELS[LETTERS.indexOf(letter)];
const probability = (score) => (score >= NEARLY_CERTAIN ? NEARLY_CERTAIN_SHOWN : score.toFixed(2));
const noCounts = () => Object.fromEntries(LETTERS.map((letter) => [letter, 0]));
