// What the pages of reports and the desk share. Python writes every string of a report; scripts
// show, hide, sort and count. templating.py puts this file before that of the page, in one script.
// Covered by tests/reports/test_html_report.py and tests/reports/test_desk.py, in a browser.

const tools = selectOne(".tools"); // the form of the filters
const labelBoxes = selectAll('[name="label"]', tools);
// The labels of the page: {letter, label, name}; the box of those without a label is none of them.
const labels = labelBoxes
  .filter((box) => box.dataset.label)
  .map((box) => ({ letter: box.value, ...box.dataset }));

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

// "7 sentences that stand in many reports, 23 table rows": what is folded below a list.
function foldedInWords(templates, rows) {
  const parts = [];
  const verb = templates === 1 ? "stands" : "stand";
  if (templates) parts.push(`${plural(templates, "sentence")} that ${verb} in many reports`);
  if (rows) parts.push(plural(rows, "table row"));
  return parts.length ? `and ${parts.join(", ")}` : "";
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
  if (labelBoxes.some((box) => box.checked !== box.defaultChecked)) {
    parameters.set("label", checkedLetters().join("") || "none");
  }
  for (const field of fieldsOfForm()) {
    const value = field.value.trim();
    if (field.type === "checkbox") {
      if (field.checked) parameters.set(field.name, value);
    } else if (value !== (field.defaultValue ?? "")) {
      parameters.set(field.name, value);
    }
  }
  return parameters;
}

// Set the filters that the address names; what a menu does not have leaves it as it was.
function setFilters(parameters) {
  tools.reset();
  const letters = parameters.get("label");
  if (letters !== null) {
    for (const box of labelBoxes) box.checked = letters.includes(box.value);
  }
  for (const field of fieldsOfForm()) {
    const value = parameters.get(field.name);
    if (value === null) continue;
    if (field.type === "checkbox") field.checked = true;
    else if (field.tagName === "INPUT") field.value = value;
    else if (Array.from(field.options).some((option) => option.value === value)) {
      field.value = value;
    }
  }
}

function writeAddress(hash) {
  if (hash === location.hash) return;
  try {
    history.replaceState(null, "", hash || location.pathname + location.search);
  } catch {
    // some browsers allow no such thing to files, or not so often; the page works all the same
  }
}

// Call `apply` whenever a filter changes, and once the fields are reset.
function listenToFilters(apply) {
  tools.addEventListener("input", apply);
  tools.addEventListener("reset", () => setTimeout(apply));
  tools.addEventListener("submit", (event) => event.preventDefault());
  selectOne(".more").addEventListener("click", (event) => {
    const isUnfolded = tools.classList.toggle("unfolded");
    event.currentTarget.setAttribute("aria-expanded", isUnfolded);
  });
  tools.hidden = false;
}

// Show what the slider says, and whether there is something to reset.
function sayFilters(filters) {
  const { from } = tools.elements;
  tools.elements["from-shown"].value = Number(from.value).toFixed(2);
  selectOne('[type="reset"]', tools).disabled = filters.size === 0;
}

// ------------------------------------------------------------------------------- sorted tables

// A click or a key on the head of a column sorts, another turns it round, a third restores the
// order. Texts ascend first; of numbers the largest come first.
function makeSortable(table) {
  const [body] = table.tBodies;
  const order = Array.from(body.rows);
  const heads = Array.from(table.tHead.rows[0].cells);
  heads.forEach((head, column) => {
    const isNumber = head.dataset.numbers !== undefined;
    const directions = isNumber ? ["descending", "ascending"] : ["ascending", "descending"];
    const textOf = (row) => row.cells[column].textContent;
    // "1,234 5%" is 1234; what is no number comes last
    const numberOf = (row) => Number(textOf(row).replace(/,/g, "").match(/^\d+/)?.[0] ?? -1);
    const compareTexts = new Intl.Collator("en", { numeric: true }).compare;
    const compare = isNumber
      ? (a, b) => numberOf(a) - numberOf(b)
      : (a, b) => compareTexts(textOf(a), textOf(b));
    const sort = () => {
      const direction = directions[directions.indexOf(head.getAttribute("aria-sort")) + 1];
      for (const other of heads) other.removeAttribute("aria-sort");
      const rows = order.slice();
      if (direction) {
        head.setAttribute("aria-sort", direction);
        const sign = direction === "ascending" ? 1 : -1;
        rows.sort((a, b) => sign * compare(a, b));
      }
      body.append(...rows);
    };
    const button = makeButton("", sort);
    button.append(...head.childNodes);
    head.append(button);
  });
}

selectAll("table.sortable").forEach(makeSortable);
