// The page's address, which keeps the filters and the finding whose card is pinned.
// Covered by tests/reports/test_html_report.py, in a browser.
import { selectAll } from "./elements.js";
import { fields, filtersSet, MENUS, tools } from "./filters.js";
import { findingOfHash } from "./findings.js";

let ready = false; // the address has been read; until then it is not written

// Write the filters that are set, and a finding, if one is given.
export function keepAddress(finding) {
  if (!ready) return;
  const parameters = filtersSet();
  const id = finding ? finding.mark.id : "";
  let hash = id ? `#${id}` : "";
  if (parameters.size) {
    if (id) parameters.set("at", id);
    hash = `#${parameters}`;
  }
  if (hash === location.hash) return;
  try {
    history.replaceState(null, "", hash || location.pathname + location.search);
  } catch {
    // some browsers allow no such thing to files, or not so often; the page works all the same
  }
}

// What the address names: filters, or null where it names a mere place in the page, and a finding.
export function readAddress() {
  const hash = location.hash.slice(1);
  if (!hash.includes("=")) return { filters: null, finding: findingOfHash(hash) };
  const filters = new URLSearchParams(hash);
  return { filters, finding: findingOfHash(filters.get("at") || "") };
}

export function startKeepingAddress() {
  ready = true;
}

// Set the filters that the address names.
export function setFilters(filters) {
  tools.reset();
  const letters = filters.get("label");
  if (letters !== null) {
    for (const box of selectAll('[name="label"]', tools)) box.checked = letters.includes(box.value);
  }
  for (const name of MENUS) {
    const value = filters.get(name) || "";
    const options = Array.from(fields[name].options);
    if (options.some((option) => option.value === value)) fields[name].value = value;
  }
  fields.least.value = filters.get("from") || fields.least.min;
  fields.words.value = filters.get("words") || "";
  fields.only.checked = filters.has("only");
}
