// The page of reports: what happens when it begins, and what its bar does.
// templating.py joins its modules to one script, since a page opened from a disk loads none.
// Covered by tests/reports/test_html_report.py, in a browser.
import { keepAddress, readAddress, setFilters, startKeepingAddress } from "./address.js";
import { applyFilters } from "./apply_filters.js";
import { pinnedFinding, takeOverCards } from "./cards.js";
import { selectAll, selectOne } from "./elements.js";
import { fields, fillFilters, tools } from "./filters.js";
import { listenToGestures } from "./gestures.js";
import { keepMapDrawn } from "./map.js";
import { listenToPrinting } from "./paper.js";
import { goToFinding, stepToFinding } from "./steps.js";
import { makeTablesSortable } from "./tables.js";

function listenToBar() {
  tools.addEventListener("input", applyFilters);
  tools.addEventListener("reset", () => setTimeout(applyFilters)); // once the fields are reset
  tools.addEventListener("submit", (event) => event.preventDefault());
  fields.previous.addEventListener("click", () => stepToFinding(-1));
  fields.next.addEventListener("click", () => stepToFinding(1));
  selectOne(".more").addEventListener("click", (event) => {
    const unfolded = tools.classList.toggle("unfolded");
    event.target.setAttribute("aria-expanded", unfolded);
  });
}

// Set the filters that the address names, and go to its finding.
function followAddress() {
  const { filters, finding } = readAddress();
  if (filters) {
    setFilters(filters);
    applyFilters();
  }
  startKeepingAddress();
  if (finding) goToFinding(finding);
  keepAddress(pinnedFinding());
}

takeOverCards();
listenToGestures();
fillFilters();
listenToBar();
makeTablesSortable();
listenToPrinting();
if (matchMedia("(max-width: 62rem)").matches) {
  for (const details of selectAll(".sections details")) details.open = false;
}
tools.hidden = false;
selectOne(".no-script").hidden = true;
applyFilters();
keepMapDrawn();
addEventListener("hashchange", followAddress);
followAddress();
