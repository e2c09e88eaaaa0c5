// The desk itself: views, and what happens when a filter, the address or a tab changes.
// desk.html joins these files to one script, in an order that defines each name before it is called: a page opened from a
// disk may not load modules. Covered by tests/reporting/test_desk.py.

const tabs = Array.from(document.querySelectorAll('[role="tab"]'));

const drawn = new Set(); // views that show what the filters leave: one is drawn when it is looked at
const drawings = {
  map: drawMap,
  reports: drawReports,
  findings: drawFindings,
  saved: drawSavedList,
};

function draw() {
  if (!drawn.has(view)) drawings[view]?.();
  drawn.add(view);
}

function apply() {
  filterPassages();
  writeAddress();
  form.elements["least-shown"].value = Number(form.elements.least.value).toFixed(2);
  drawn.clear();
  draw();
  const left = new Set(shown.map((passage) => passage.report)).size;
  document.querySelector("#reports-tab small").textContent = listedReports().toLocaleString("en");
  document.querySelector("#findings-tab small").textContent = shown.length.toLocaleString("en");
  say(`${plural(shown.length, "finding")} in ${plural(left, "report")}`);
}

function showView(chosen) {
  view = chosen;
  for (const tab of tabs) {
    const here = tab.id === `${view}-tab`;
    tab.setAttribute("aria-selected", String(here));
    tab.tabIndex = here ? 0 : -1;
    document.getElementById(tab.getAttribute("aria-controls")).hidden = !here;
  }
  draw();
}

function follow() {
  readAddress();
  drawn.add(view); // not with what the filters left before
  showView(view);
  apply();
}

for (const tab of tabs) {
  tab.addEventListener("click", () => {
    showView(tab.getAttribute("aria-controls"));
    writeAddress();
  });
  tab.addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const to =
      { Home: 0, End: tabs.length - 1 }[event.key] ??
      (by && (tabs.indexOf(tab) + by + tabs.length) % tabs.length);
    if (to === undefined) return;
    event.preventDefault();
    tabs[to].focus();
    tabs[to].click();
  });
}

form.addEventListener("input", apply);
form.addEventListener("reset", () => setTimeout(apply));
form.addEventListener("submit", (event) => {
  event.preventDefault(); // Enter in the search: on to what it found
  showView("findings");
  writeAddress();
});
orderBox.addEventListener("change", apply);
for (const radio of document.querySelectorAll('input[name="show"]')) {
  radio.addEventListener("change", () => {
    shares = radio.value === "shares" && radio.checked;
    apply();
  });
}
document.querySelector(".desk-more").addEventListener("click", (event) => {
  const unfolded = form.classList.toggle("unfolded");
  event.currentTarget.setAttribute("aria-expanded", String(unfolded));
});

// The scripts in data/ have run by then.
addEventListener("DOMContentLoaded", async () => {
  rankAmongReports();
  fillFilters();
  await readChecks();
  await readSavedOnce();
  form.hidden = false;
  document.querySelector(".desk-tabs").hidden = false;
  follow();
  drawSaved();
  addEventListener("hashchange", follow);
  document.documentElement.dataset.ready = "";
  (globalThis.requestIdleCallback ?? setTimeout)(() => indexes.forEach(unpack)); // before somebody types
});
