// The way from finding to finding.
// Covered by tests/reports/test_html_report.py, in a browser.
import { resetFilters } from "./apply_filters.js";
import { cardState, openCard } from "./cards.js";
import { tools } from "./filters.js";
import { findings } from "./findings.js";

// Go to the next finding that the filter leaves (1), or to the one before (-1).
export function stepToFinding(direction, focus = false) {
  const shown = findings.filter((finding) => finding.shown);
  if (!shown.length) return;
  const next = nextPlace(shown, direction);
  goToFinding(shown[(next + shown.length) % shown.length], focus);
}

// Count from the last card while it is in view; whoever reads on elsewhere, from what they see.
function nextPlace(shown, direction) {
  const bar = tools.getBoundingClientRect().bottom;
  const tops = shown.map(({ mark }) => mark.getBoundingClientRect().top);
  const last = shown.indexOf(cardState.last);
  const inView = last >= 0 && tops[last] > bar - 40 && tops[last] < innerHeight;
  if (last >= 0 && (cardState.pinned || inView)) return last + direction;
  const below = tops.findIndex((top) => top > bar);
  if (below < 0) return Math.min(direction, 0);
  return direction > 0 ? below : below - 1;
}

// The badge takes the focus, but the button "›" keeps it: who presses it once may press it again.
export function goToFinding(finding, focus = true) {
  if (!finding.shown) resetFilters();
  finding.mark.scrollIntoView({ block: "center" });
  openCard(finding, true);
  if (focus) finding.badge.focus({ preventScroll: true });
}
