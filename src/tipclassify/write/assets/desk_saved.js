// Saved findings: kept for this desk, whole, so that they outlive a report.
// Covered by tests/reports/test_desk.py and, where a server keeps them,
// tests/app/test_desk_server.py.
import { known, placeOf } from "./citation.js";
import { checkedInWords, checksInWords, sayKept } from "./desk_checks.js";
import { citationOf } from "./desk_citations.js";
import { passagesByKey } from "./desk_data.js";
import { inOrder, say } from "./desk_page.js";
import { deskState, drawn } from "./desk_state.js";
import { askServer, keeper, KEEPS_NOTHING, store, stored } from "./desk_store.js";
import { makeButton, makeElement, selectAll, selectOne } from "./elements.js";
import { plural } from "./labels.js";

const PAUSE = 300; // ms after a character until the server is asked
const LONGEST_FIELD = 2000;

export const savedKey = `tipclassify desk ${document.body.dataset.desk}`;
// Citations by their key, in the order of the list, each with note, tags and folder.
export const saved = new Map();
export const exportButtons = selectAll("#exports button");

const savedList = selectOne("#saved .desk-list");

// ---- Kept ---------------------------------------------------------------------------------------

// Read the list once, from the server if it keeps it, else from this browser.
export async function readSavedOnce() {
  if (!keeper.isServer) {
    readSaved();
    return;
  }
  try {
    takeList(await askServer("saved"));
  } catch {
    sayKept("The saved findings could not be read: start tipclassify desk again.");
  }
}

// Read the list of the browser. Where it gives none, the page's own holds: else the next change
// would write an empty list over what is kept. A list whose last finding was removed is kept as an
// empty one.
export function readSaved() {
  if (keeper.isServer) return; // this page has the list
  const list = stored(savedKey, null);
  if (Array.isArray(list)) takeList(list);
}

function takeList(list) {
  saved.clear();
  for (const cited of list) {
    if (!cited?.key) continue;
    if (Object.values(cited).every((value) => typeof value === "string")) {
      saved.set(cited.key, cited);
    }
  }
}

let lastRequest = Promise.resolve(); // one at a time, so that the last change is written last

function sendSaved() {
  lastRequest = lastRequest.then(async () => {
    try {
      await askServer("saved", { findings: [...saved.values()] });
      sayKept();
    } catch (error) {
      const trouble = `The saved findings are not saved (${error.message}).`;
      sayKept(`${trouble} Change one again, or export them.`);
    }
  });
}

// Change the list and keep it; false where the browser keeps nothing.
function writeSaved(change) {
  readSaved(); // another tab may have saved more
  change(saved);
  if (!keeper.isServer) return store(savedKey, [...saved.values()]);
  sendSaved();
  return true;
}

// ---- Shown --------------------------------------------------------------------------------------

export function saveButton(passage) {
  const { key } = passage;
  const toggle = (button) => {
    const wasSaved = saved.has(key);
    const isKept = writeSaved(() => {
      if (wasSaved) saved.delete(key);
      else saved.set(key, { ...citationOf(passage), folder: "", tags: "", note: "" });
    });
    button.textContent = saved.has(key) ? "Saved" : "Save";
    button.setAttribute("aria-pressed", String(saved.has(key)));
    if (isKept) say(wasSaved ? "Removed" : "Saved");
    else say("This browser keeps nothing for this page: export before you close it");
    drawSaved(isKept);
  };
  const attributes = { class: "save", "aria-pressed": String(saved.has(key)) };
  return makeButton(saved.has(key) ? "Saved" : "Save", toggle, attributes);
}

// Draw the counts at once, and the list when it is looked at.
export function drawSaved(isKept = true) {
  saySaved(isKept);
  if (deskState.view === "saved") drawSavedList();
  else drawn.delete("saved");
}

export function saySaved(isKept = true) {
  document.getElementById("saved-note").textContent = isKept ? savedNote() : KEEPS_NOTHING;
  selectOne("#saved-tab small").textContent = saved.size || "";
  for (const button of exportButtons) button.disabled = !saved.size;
}

function savedNote() {
  const where = keeper.isServer ? "beside this page" : "in this browser";
  if (!saved.size) return `Nothing is saved. “Save” below a finding puts it here, kept ${where}.`;
  const count = plural(saved.size, "finding");
  const checked = checkedInWords([...saved.values()]);
  return `${count}, kept ${where}. Exports have them in this order. ${checked}.`;
}

export function drawSavedList() {
  const items = [...saved.values()].map((cited) => savedItem(cited, passagesByKey.get(cited.key)));
  savedList.replaceChildren(...items);
  fillFolders();
  drawn.add("saved");
}

// A saved finding; without its passage where a later run of the reports no longer has it.
function savedItem(cited, passage) {
  return makeElement(
    "li",
    {},
    makeElement("p", { class: "quote", dir: "auto" }, cited.quote),
    savedFacts(cited, passage),
    makeElement(
      "p",
      { class: "do" },
      moveButton(cited, -1, "↑", { class: "up", "aria-label": "Move up" }),
      moveButton(cited, 1, "↓", { class: "down", "aria-label": "Move down" }),
      removeButton(cited),
    ),
    makeElement("p", { class: "facts" }, checksInWords(cited.key).join(" · ")),
    makeElement(
      "p",
      { class: "own" },
      ownField(cited, "folder", "Folder"),
      ownField(cited, "tags", "Tags, with commas"),
      ownField(cited, "note", "Note"),
    ),
  );
}

function savedFacts(cited, passage) {
  let title = makeElement("bdi", {}, cited.title);
  if (passage) {
    const fragment = passage.id ? `#${passage.id}` : "";
    title = makeElement("a", { href: passage.report.page + fragment }, title);
  }
  const line = makeElement("p", { class: "facts" }, title);
  const missing = passage ? "" : "no longer in this desk";
  const labels = cited.labels || "no label";
  for (const fact of known(cited.country, cited.year, placeOf(cited), labels, missing)) {
    line.append(" · ", makeElement("bdi", {}, fact));
  }
  return line;
}

// ---- Changed ------------------------------------------------------------------------------------

function removeButton(cited) {
  return makeButton("Remove", () => {
    const at = [...saved.keys()].indexOf(cited.key);
    const isKept = writeSaved(() => saved.delete(cited.key));
    say("Removed");
    drawSaved(isKept);
    drawn.delete("findings");
    const next = savedList.children[Math.min(at, savedList.children.length - 1)];
    const button = next && selectOne("button", next);
    (button ?? document.getElementById("saved-tab")).focus();
  });
}

function moveButton(cited, step, text, attributes) {
  const move = () => {
    const order = [...saved.keys()];
    const from = order.indexOf(cited.key);
    const to = from + step;
    if (!order[to]) return;
    order.splice(from, 1);
    order.splice(to, 0, cited.key);
    const isKept = writeSaved(() => putInOrder(order));
    drawSaved(isKept);
    say(`Now ${to + 1} of ${order.length}`);
    selectOne(`.${attributes.class}`, savedList.children[to]).focus();
  };
  return makeButton(text, move, attributes);
}

function putInOrder(order) {
  const before = new Map(saved);
  saved.clear();
  for (const key of order) {
    if (before.has(key)) saved.set(key, before.get(key));
  }
}

let timer = 0;
let writePending = null; // writes what was typed a moment ago

// Write what was typed and waits for a pause.
export function writeTyped() {
  writePending?.();
}

// A field of one's own words; what is typed is kept, and waits for no button. This browser keeps
// each character at once; a server is asked when one pauses.
function ownField(cited, name, label) {
  const attributes = { name, "aria-label": label, placeholder: label, maxlength: LONGEST_FIELD };
  if (name === "folder") attributes.list = "folders";
  if (name === "note") attributes.rows = 1;
  const field = makeElement(name === "note" ? "textarea" : "input", attributes);
  field.value = cited[name] ?? "";
  const write = () => {
    writePending = null;
    const isKept = writeSaved(() => {
      if (saved.has(cited.key)) saved.set(cited.key, cited);
    });
    if (isKept) fillFolders();
    else drawSaved(false);
  };
  field.addEventListener("input", () => {
    cited[name] = field.value;
    clearTimeout(timer);
    writePending = write;
    if (keeper.isServer) timer = setTimeout(writeTyped, PAUSE);
    else writeTyped();
  });
  field.addEventListener("change", writeTyped);
  return field;
}

function fillFolders() {
  const names = new Set();
  for (const { folder } of saved.values()) {
    const name = (folder ?? "").trim();
    if (name) names.add(name);
  }
  const options = [...names].sort(inOrder).map((name) => makeElement("option", { value: name }));
  document.getElementById("folders").replaceChildren(...options);
}
