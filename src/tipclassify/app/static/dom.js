// Elements made from data. Text becomes text nodes and nothing else: a report cannot bring markup
// of its own. Covered by tests/app/test_review_page.py.

/**
 * `el("button", {class: "quiet", on: {click: f}}, "Undo")`: props are attributes; null, undefined
 * and false leave one out.
 */
export function el(name, props = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(props)) {
    if (key === "on")
      for (const [type, listener] of Object.entries(value)) made.addEventListener(type, listener);
    else if (value !== null && value !== undefined && value !== false)
      made.setAttribute(key, value === true ? "" : value);
  }
  made.append(
    ...children.filter((child) => child !== null && child !== undefined && child !== false),
  );
  return made;
}

export const byId = (id) => document.getElementById(id);

const SVG = "http://www.w3.org/2000/svg";

export function svg(name, props = {}, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(props)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** Say something that passes: read out to who cannot see it, gone after some seconds. */
let timer = 0;
export function notice(text) {
  clearTimeout(timer);
  byId("notice").textContent = text;
  timer = setTimeout(() => (byId("notice").textContent = ""), 6000);
}

/**
 * The keyboard goes on from the list after a click: Enter is then "accept", not "press that button
 * once more".
 */
export function backToList(event) {
  if (event.detail > 0 && byId("rows").checkVisibility())
    byId("rows").focus({ preventScroll: true });
  else if (event.detail > 0) event.currentTarget.blur();
}
