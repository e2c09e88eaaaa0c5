// What all parts of the page need: elements, answers, and which passages a filter lets through.
// Covered by tests/app/test_review_page.py.

export const byId = (id) => document.getElementById(id);

/**
 * `el("button", {class: "quiet"}, "Undo")`: null and false leave an attribute or a child out. Text
 * becomes text nodes: a report cannot bring markup of its own.
 */
export function el(name, props = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(props))
    if (value !== null && value !== false) made.setAttribute(key, value);
  made.append(...children.filter((child) => child !== null && child !== false));
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

/** Do something on a click, with the keyboard back in the list. */
export const onClick = (id, action) =>
  byId(id).addEventListener("click", (event) => {
    action(event);
    backToList(event);
  });

// ---- Labels: Python wrote their badges into the page ------------------------------------------

const badges = byId("badges").content;
export const LABELS = [...badges.querySelectorAll("[data-label]")].map((one) => one.dataset.label);

/** The badge of a label, or of "none" or "unsure". Letters tell them apart, colour only helps. */
export const badge = (name) => badges.querySelector(`[data-name="${name}"]`).cloneNode(true);

const names = (answer) => (answer.unsure ? ["unsure"] : answer.labels.length ? answer.labels : ["none"]);
export const answerBadges = (answer) => names(answer).map(badge);
export const answerInWords = (answer) => answerBadges(answer).map((one) => one.title).join(" and ");
export const letter = (label) => badge(label).textContent;

export const sameLabels = (a, b) => a.length === b.length && a.every((label) => b.includes(label));

/** Whether two people, or a person and the model, answered the same. */
export const sameAnswer = (a, b) =>
  Boolean(a.unsure) === Boolean(b.unsure) && sameLabels(a.labels, b.labels);

export const count = (n, one, many = one + "s") =>
  `${n.toLocaleString("en")} ${n === 1 ? one : many}`;

// ---- Filters: a state, some labels, doubts, and words; kinds narrow each other down -----------

export const blank = () => ({ state: "all", labels: [], doubts: [], words: "" });

export const isBlank = (filter) =>
  filter.state === "all" && !filter.labels.length && !filter.doubts.length && !filter.words.trim();

const plain = (text) => text.normalize("NFKC").replace(/\s+/g, " ").toLowerCase();

/** A test of one passage; `answer` and `decided` say what the view counts as its labels and done. */
export function matcher(filter, answer, decided) {
  const words = plain(filter.words).trim();
  const doubts = {
    differs: (passage) =>
      !passage.hidden.model &&
      !answer(passage).unsure &&
      !sameLabels(answer(passage).labels, passage.labels),
    low: (passage) => passage.low_confidence,
    others: (passage) => passage.others.some((other) => !sameAnswer(other, answer(passage))),
    unsure: (passage) => passage.decision?.unsure,
    noted: (passage) => Object.keys(passage.notes).length > 0,
  };
  return (passage) => {
    if (filter.state !== "all" && decided(passage) !== (filter.state === "decided")) return false;
    if (filter.labels.length) {
      const given = answer(passage);
      if (!names(given).some((name) => filter.labels.includes(name))) return false;
    }
    if (!filter.doubts.every((name) => doubts[name](passage))) return false;
    return !words || (passage.plain ??= plain(passage.text)).includes(words);
  };
}
