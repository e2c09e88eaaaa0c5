// What follows when a filter changes: findings, counts, the open card, the address and the map.
// Covered by tests/reports/test_html_report.py, in a browser.
import { keepAddress } from "./address.js";
import { cardState, closeCard, pinnedFinding, sayPlace } from "./cards.js";
import { recount } from "./counts.js";
import { filterFindings, sayFilters, tools } from "./filters.js";
import { drawMap } from "./map.js";

export function applyFilters() {
  filterFindings();
  sayFilters();
  if (cardState.open && !cardState.open.shown) closeCard();
  recount();
  sayPlace();
  keepAddress(pinnedFinding());
  drawMap();
}

export function resetFilters() {
  tools.reset();
  applyFilters();
}
