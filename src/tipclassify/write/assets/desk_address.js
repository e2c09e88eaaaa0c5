// The address, which keeps view, filters and order. Covered by tests/reports/test_desk.py.
import { checkedLetters, form, labelBoxes, MENUS, orderBox } from "./desk_filters.js";
import { deskState, VIEWS } from "./desk_state.js";
import { selectOne } from "./elements.js";
import { LETTERS } from "./names.js";

const FILTERS = [...MENUS, "labels", "least", "words", "rows", "checked"]; // what "Reset" resets

export function writeAddress() {
  const parameters = new URLSearchParams();
  const { least, words, rows, checked } = form.elements;
  const letters = checkedLetters().join("");
  if (deskState.view !== VIEWS[0]) parameters.set("view", deskState.view);
  for (const name of MENUS) {
    if (form.elements[name].value) parameters.set(name, form.elements[name].value);
  }
  if (letters !== LETTERS.join("")) parameters.set("labels", letters);
  if (least.value !== least.min) parameters.set("least", least.value);
  if (words.value.trim()) parameters.set("words", words.value.trim());
  if (rows.checked) parameters.set("rows", "table");
  if (checked.value) parameters.set("checked", checked.value);
  if (deskState.shares) parameters.set("show", "shares");
  if (orderBox.value) parameters.set("order", orderBox.value);
  if (deskState.sortedBy) parameters.set("sort", deskState.sortedBy);
  history.replaceState(null, "", `#${parameters}`);
  const isFiltered = FILTERS.some((name) => parameters.has(name));
  selectOne('[type="reset"]', form).disabled = !isFiltered;
}

// Set state and form to what the address says.
export function readAddress() {
  const parameters = new URLSearchParams(location.hash.slice(1));
  const { least, words, rows, checked } = form.elements;
  const letters = parameters.get("labels") ?? LETTERS.join("");
  const view = parameters.get("view");
  const order = parameters.get("order");
  deskState.view = VIEWS.includes(view) ? view : VIEWS[0];
  deskState.shares = parameters.get("show") === "shares";
  deskState.sortedBy = parameters.get("sort") ?? "";
  for (const box of labelBoxes) box.checked = letters.includes(box.value);
  for (const name of MENUS) setMenu(form.elements[name], parameters.get(name) ?? "");
  words.value = parameters.get("words") ?? "";
  least.value = parameters.get("least") ?? least.min;
  rows.checked = parameters.has("rows");
  setMenu(checked, parameters.get("checked") ?? "");
  orderBox.value = ["report", "probable"].includes(order) ? order : "";
  const numbers = deskState.shares ? "shares" : "counts";
  selectOne(`input[name="show"][value="${numbers}"]`).checked = true;
}

// What the menu does not have leaves it at "all".
function setMenu(menu, value) {
  menu.value = value;
  if (menu.selectedIndex < 0) menu.value = "";
}

// A link to this page with other filters.
export function addressOf(changes) {
  const parameters = new URLSearchParams(location.hash.slice(1));
  for (const [name, value] of Object.entries(changes)) parameters.set(name, value);
  return `#${parameters}`;
}
