// What the pages of reports and the desk share. Python writes every string of a report; scripts
// show, hide, sort and count. templating.py puts this file before that of the page, in one script.
// Covered by tests/reports/test_html_report.py and tests/reports/test_desk.py, in a browser.

const tools = selectOne(".tools"); // the form of the filters
const labelBoxes = selectAll('[name="label"]', tools);
// The labels of the page: {letter, label, name}.
const labels = labelBoxes.map((box) => ({ letter: box.value, ...box.dataset }));

function selectOne(selector, parent = document) {
  return parent.querySelector(selector);
}

function selectAll(selector, parent = document) {
  return Array.from(parent.querySelectorAll(selector));
}

// Make an element of text, never of markup; an attribute that is undefined is left out.
function makeElement(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) {
    if (value !== undefined) element.setAttribute(attribute, value);
  }
  element.append(...children);
  return element;
}

function makeButton(text, action, attributes = {}) {
  const button = makeElement("button", { type: "button", ...attributes }, text);
  button.addEventListener("click", () => action(button));
  return button;
}

// The letter of a label, in its colour.
function makeBadge(letter) {
  return makeElement("b", { class: letter }, letter);
}

// "1 finding", "2,000 findings"
function plural(count, name) {
  return `${count.toLocaleString("en-US")} ${name}${count === 1 ? "" : "s"}`;
}

// ---------------------------------------------------------------------------- copying a citation

// A citation: what a passage says, before its source.
function quoted(text, source) {
  return `“${text.replace(/\s+/g, " ").trim()}” ${source}`;
}

// A button that copies the text of a citation; what it did, it says itself for a while.
function copyButton(textOf) {
  const name = "Copy citation";
  const copy = async (button) => {
    const isCopied = await copyText(textOf(), button.parentElement);
    button.textContent = isCopied ? "Copied" : "Not allowed here";
    setTimeout(() => (button.textContent = name), 2000);
  };
  return makeButton(name, copy, { "aria-live": "polite" });
}

// Copy to the clipboard; false where the browser allows neither way.
async function copyText(text, parent) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // pages opened from a disk may lack the clipboard interface
    const box = makeElement("textarea", { "aria-label": "Citation", class: "vh" });
    box.value = text;
    parent.append(box);
    box.select();
    const isCopied = document.execCommand("copy");
    box.remove();
    return isCopied;
  }
}

// ------------------------------------------------------------------- filters, and the address

function checkedLetters() {
  return labelBoxes.filter((box) => box.checked).map((box) => box.value);
}

// Fields of the form that the address keeps, besides the boxes of the labels.
function fieldsOfForm() {
  const fields = Array.from(tools.elements);
  return fields.filter((field) => field.matches("select, input") && field.name !== "label");
}

// Names and values of the filters that are set, as the address writes them.
function filtersSet() {
  const parameters = new URLSearchParams();
  if (labelBoxes.some((box) => !box.checked)) {
    parameters.set("label", checkedLetters().join("") || "none");
  }
  for (const field of fieldsOfForm()) {
    const value = field.value.trim();
    if (field.type === "checkbox" ? field.checked : value) parameters.set(field.name, value);
  }
  return parameters;
}

// Call `apply` whenever a filter changes, and once the fields are reset.
function listenToFilters(apply) {
  tools.addEventListener("input", apply);
  tools.addEventListener("reset", () => setTimeout(apply));
  tools.addEventListener("submit", (event) => event.preventDefault());
  tools.hidden = false;
  new ResizeObserver(() => {
    document.documentElement.style.setProperty("--tools", `${tools.offsetHeight}px`);
  }).observe(tools);
}

// Say whether there is something to reset; return the filters that are set.
function sayFilters() {
  const filters = filtersSet();
  selectOne('[type="reset"]', tools).disabled = filters.size === 0;
  return filters;
}

// ------------------------------------------------------------------------------- sorted tables

// A click or a key on the head of a column sorts, another turns it round. Texts ascend first; of
// numbers the largest come first.
function makeSortable(table) {
  const [body] = table.tBodies;
  const heads = Array.from(table.tHead.rows[0].cells);
  const compareTexts = new Intl.Collator("en", { numeric: true }).compare;
  heads.forEach((head, column) => {
    const first = head.dataset.numbers === undefined ? "ascending" : "descending";
    const second = first === "ascending" ? "descending" : "ascending";
    const sort = () => {
      const direction = head.getAttribute("aria-sort") === first ? second : first;
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", direction);
      const sign = direction === "ascending" ? 1 : -1;
      const textOf = (row) => row.cells[column].textContent;
      const rows = Array.from(body.rows);
      body.append(...rows.sort((a, b) => sign * compareTexts(textOf(a), textOf(b))));
    };
    const button = makeButton("", sort);
    button.append(...head.childNodes);
    head.append(button);
  });
}

selectAll("table.sortable").forEach(makeSortable);
