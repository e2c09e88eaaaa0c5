// The line below a finding on which it is confirmed, rejected and noted.
// Covered by tests/app/test_desk_server.py and tests/reports/test_desk.py, in a browser.
import { changeCheck, checksInWords, ownCheck } from "./desk_checks.js";
import { makeButton, makeElement, selectOne } from "./elements.js";

const LONGEST_NOTE = 2000;
const BUTTONS = ["confirmed", "rejected", "note"]; // their classes

const redraws = new Map(); // key of a finding: redraws its line, while it is in the page

export function forgetCheckLines() {
  redraws.clear();
}

export function redrawCheckLine(key) {
  redraws.get(key)?.();
}

export function redrawCheckLines() {
  for (const redraw of redraws.values()) redraw();
}

export function checkLine(passage) {
  const line = makeElement("div", { class: "check" });
  const redraw = () => drawLine(line, passage);
  redraws.set(passage.key, redraw);
  redraw();
  return line;
}

function drawLine(line, passage) {
  const words = makeElement(
    "p",
    { class: "facts check-words", dir: "auto" },
    checksInWords(passage.key).join(" · "),
  );
  const noteBox = selectOne("textarea", line);
  if (noteBox && document.activeElement === noteBox) {
    selectOne(".check-words", line)?.replaceWith(words); // whoever writes goes on
    return;
  }
  const focused = focusedButton(line);
  const buttons = makeElement("p", { class: "do" });
  if (passage.letters.length) {
    buttons.append(verdictButton(line, passage, "confirmed", "Confirm"));
    buttons.append(verdictButton(line, passage, "rejected", "Reject"));
  }
  const noteText = ownCheck(passage.key)?.note ? "Edit note" : "Note";
  buttons.append(makeButton(noteText, () => writeNote(line, passage), { class: "note" }));
  line.replaceChildren(buttons, words);
  if (focused) selectOne(`.${focused}`, line).focus(); // whoever works by keyboard stays there
}

// The class of the button of this line that has the focus, if one has.
function focusedButton(line) {
  const { activeElement } = document;
  if (!line.contains(activeElement)) return undefined;
  return BUTTONS.find((name) => activeElement.classList.contains(name));
}

function verdictButton(line, passage, verdict, text) {
  const isPressed = ownCheck(passage.key)?.verdict === verdict;
  const toggle = () => {
    const isChanged = changeCheck(passage, { verdict: isPressed ? "" : verdict });
    if (isChanged) selectOne(`.${verdict}`, line)?.focus();
  };
  return makeButton(text, toggle, { class: verdict, "aria-pressed": String(isPressed) });
}

// Open a box for a note. Whatever is typed is kept, however one leaves.
function writeNote(line, passage) {
  const box = makeElement("textarea", {
    rows: 2,
    maxlength: LONGEST_NOTE,
    "aria-label": "Note on this finding",
  });
  box.value = ownCheck(passage.key)?.note ?? "";
  let isLeft = false;
  const leave = (toButton) => {
    if (isLeft) return;
    isLeft = true;
    const note = withoutControls(box.value).trim();
    box.remove();
    if (note !== (ownCheck(passage.key)?.note ?? "")) changeCheck(passage, { note });
    drawLine(line, passage);
    if (toButton) selectOne(".note", line).focus();
  };
  box.addEventListener("blur", () => leave(false));
  box.addEventListener("keydown", (event) => {
    const isSent = event.key === "Enter" && (event.ctrlKey || event.metaKey);
    if (event.key !== "Escape" && !isSent) return;
    event.preventDefault();
    leave(true);
  });
  line.append(box);
  box.focus();
}

function withoutControls(text) {
  return text.replace(/[\p{Cc}\p{Cs}]/gu, (char) => (char === "\n" || char === "\t" ? char : ""));
}
