// The desk itself: its views, and what happens when a filter, a check, the address or a tab
// changes. templating.py joins its modules to one script, since a page opened from a disk loads
// none. Covered by tests/reports/test_desk.py, in a browser.
import { readAddress, writeAddress } from "./desk_address.js";
import { listenToCheckFiles } from "./desk_check_files.js";
import { redrawCheckLine, redrawCheckLines } from "./desk_check_lines.js";
import { checkEvents, listenToChecks, readChecks } from "./desk_checks.js";
import { addDataFile, indexes, rankAmongReports } from "./desk_data.js";
import { listenToExports } from "./desk_exports.js";
import { fillFilters, filterPassages, form, orderBox, shownPassages } from "./desk_filters.js";
import { drawFindings, listenToFindings, sayFindings } from "./desk_findings.js";
import { drawMap } from "./desk_map.js";
import { say } from "./desk_page.js";
import { countListedReports, drawReports } from "./desk_reports.js";
import { makeReportsSortable, sortReports } from "./desk_reports.js";
import { drawSaved, drawSavedList, readSaved, readSavedOnce } from "./desk_saved.js";
import { saved, savedKey, saySaved, writeTyped } from "./desk_saved.js";
import { unpackIndex } from "./desk_search.js";
import { deskState, drawn } from "./desk_state.js";
import { selectAll, selectOne } from "./elements.js";
import { grouped, plural } from "./labels.js";

const tabs = selectAll('[role="tab"]');
const DRAWINGS = {
  map: drawMap,
  reports: drawReports,
  findings: drawFindings,
  saved: drawSavedList,
};

// Draw the view that is looked at, if it does not show what the filters leave.
function draw() {
  if (drawn.has(deskState.view)) return;
  DRAWINGS[deskState.view]();
  drawn.add(deskState.view);
}

function applyFilters() {
  filterPassages();
  writeAddress();
  const { least } = form.elements;
  form.elements["least-shown"].value = Number(least.value).toFixed(2);
  drawn.clear();
  draw();
  const reportsOfFindings = new Set(shownPassages.map((passage) => passage.report));
  selectOne("#reports-tab small").textContent = grouped(countListedReports());
  selectOne("#findings-tab small").textContent = grouped(shownPassages.length);
  const findings = plural(shownPassages.length, "finding");
  say(`${findings} in ${plural(reportsOfFindings.size, "report")}`);
}

function showView(view) {
  deskState.view = view;
  for (const tab of tabs) {
    const isChosen = tab.id === `${view}-tab`;
    tab.setAttribute("aria-selected", String(isChosen));
    tab.tabIndex = isChosen ? 0 : -1;
    document.getElementById(tab.getAttribute("aria-controls")).hidden = !isChosen;
  }
  draw();
}

function followAddress() {
  readAddress();
  sortReports(deskState.sortedBy);
  drawn.add(deskState.view); // not with what the filters left before
  showView(deskState.view);
  applyFilters();
}

// A finding was checked, here, in another tab or by a colleague.
function showCheck({ detail: key }) {
  redrawCheckLine(key);
  if (deskState.view === "findings" && shownPassages.length) sayFindings();
  if (!saved.has(key)) return;
  saySaved();
  if (deskState.view !== "saved") drawn.delete("saved"); // whoever writes in the list goes on
}

// Another tab saved or removed a finding.
function followSaved(event) {
  if (event.key !== savedKey) return;
  readSaved();
  drawSaved();
  drawn.delete("findings");
  draw();
}

// The tab that a key of the keyboard goes to, from another.
function tabOfKey(key, tab) {
  const steps = { ArrowRight: 1, ArrowLeft: -1 };
  if (key === "Home") return tabs[0];
  if (key === "End") return tabs.at(-1);
  if (!(key in steps)) return undefined;
  return tabs[(tabs.indexOf(tab) + steps[key] + tabs.length) % tabs.length];
}

function listenToTabs() {
  for (const tab of tabs) {
    tab.addEventListener("click", () => {
      showView(tab.getAttribute("aria-controls"));
      writeAddress();
    });
    tab.addEventListener("keydown", (event) => {
      const next = tabOfKey(event.key, tab);
      if (!next) return;
      event.preventDefault();
      next.focus();
      next.click();
    });
  }
}

function listenToForm() {
  form.addEventListener("input", applyFilters);
  form.addEventListener("reset", () => setTimeout(applyFilters)); // once the fields are reset
  form.addEventListener("submit", (event) => {
    event.preventDefault(); // Enter in the search: on to the findings
    showView("findings");
    writeAddress();
  });
  orderBox.addEventListener("change", applyFilters);
  for (const radio of selectAll('input[name="show"]')) {
    radio.addEventListener("change", () => {
      deskState.shares = radio.value === "shares" && radio.checked;
      applyFilters();
    });
  }
  selectOne(".desk-more").addEventListener("click", (event) => {
    const unfolded = form.classList.toggle("unfolded");
    event.currentTarget.setAttribute("aria-expanded", String(unfolded));
  });
}

async function startDesk() {
  rankAmongReports();
  fillFilters();
  await readChecks();
  await readSavedOnce();
  form.hidden = false;
  selectOne(".desk-tabs").hidden = false;
  followAddress();
  drawSaved();
  addEventListener("hashchange", followAddress);
  document.documentElement.dataset.ready = "";
  const unpackAll = () => indexes.forEach(unpackIndex);
  (globalThis.requestIdleCallback ?? setTimeout)(unpackAll); // before somebody types
}

listenToTabs();
listenToForm();
makeReportsSortable();
listenToFindings();
listenToChecks();
listenToExports();
listenToCheckFiles(() => {
  drawn.clear();
  applyFilters();
});
checkEvents.addEventListener("check", showCheck);
checkEvents.addEventListener("initials", redrawCheckLines);
addEventListener("storage", followSaved);
addEventListener("pagehide", writeTyped);
globalThis.tipclassify = { add: addDataFile };
addEventListener("DOMContentLoaded", startDesk); // the scripts in data/ have run by then
