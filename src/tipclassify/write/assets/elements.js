// Elements of a page: selected, or made from text, never from markup.
// Covered by tests/reports/test_html_report.py and tests/reports/test_desk.py, in a browser.

export function selectOne(selector, parent = document) {
  return parent.querySelector(selector);
}

export function selectAll(selector, parent = document) {
  return Array.from(parent.querySelectorAll(selector));
}

// Make an element; an attribute whose value is undefined or false is left out.
export function makeElement(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) element.setAttribute(attribute, value);
  }
  element.append(...children);
  return element;
}

export function makeButton(text, action, attributes = {}) {
  const element = makeElement("button", { type: "button", ...attributes }, text);
  element.addEventListener("click", () => action(element));
  return element;
}

// The letter of a label, in its colour.
export function makeBadge(letter) {
  return makeElement("b", { class: letter }, letter);
}
