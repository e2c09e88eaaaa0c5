// Cards opened and left by mouse, touch and keyboard.
// Covered by tests/reports/test_html_report.py, in a browser.
import { cardState, closeCard, leaveCard, openCard } from "./cards.js";
import { selectAll } from "./elements.js";
import { findingOfBadge, findingOfHash, findingOfMark } from "./findings.js";
import { goToFinding, stepToFinding } from "./steps.js";

const OPENS_AFTER = 150; // ms under the pointer
const CLOSES_AFTER = 400; // ms: time to reach the card

export function listenToGestures() {
  document.addEventListener("click", onClick);
  document.addEventListener("focusin", onFocus);
  document.addEventListener("pointerover", onPointer);
  document.addEventListener("keydown", onKey);
}

function onClick(event) {
  const link = event.target.closest('a[href^="#"]');
  const linkedFinding = link && findingOfHash(link.getAttribute("href"));
  if (linkedFinding) {
    event.preventDefault(); // the address keeps the filters beside it
    goToFinding(linkedFinding);
    return;
  }
  const badge = event.target.closest("button.tag");
  const mark = event.target.closest("mark");
  const finding = findingOfBadge(badge) || findingOfMark(mark);
  if (finding && finding.shown) {
    if (mark && !getSelection().isCollapsed) return; // they select text
    openCard(finding, true);
    if (badge) finding.card.focus({ preventScroll: true });
    return;
  }
  const { open } = cardState;
  if (open && !event.target.closest(".tools") && !open.card.contains(event.target)) closeCard();
}

function onFocus(event) {
  const { open, pinned, quiet } = cardState;
  if (quiet) return;
  const finding = findingOfBadge(event.target);
  if (finding) openCard(finding);
  else if (open && !pinned && !open.card.contains(event.target)) closeCard();
}

function onPointer(event) {
  if (event.pointerType !== "mouse" || cardState.pinned) return;
  const mark = event.target.closest("mark");
  const badge = event.target.closest("button.tag");
  const finding = findingOfMark(mark) || findingOfBadge(badge);
  if (finding && finding.shown) {
    clearTimeout(cardState.timer);
    cardState.timer = setTimeout(() => openCard(finding), OPENS_AFTER);
  } else if (event.target.closest(".why")) {
    clearTimeout(cardState.timer);
  } else if (cardState.open) {
    clearTimeout(cardState.timer);
    cardState.timer = setTimeout(closeCard, CLOSES_AFTER);
  }
}

function onKey(event) {
  if (event.key === "Escape" && cardState.open) {
    leaveCard();
    return;
  }
  if (event.key === "Tab" && cardState.open) onTab(event);
  if (event.key !== "n" && event.key !== "p") return;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  // Who types into a field means the letter; who dictates can turn the keys off (WCAG 2.1.4).
  const textFields = "select, textarea, input:not([type=checkbox], [type=range])";
  if (event.target.closest(textFields) || !document.getElementById("keys").checked) return;
  stepToFinding(event.key === "n" ? 1 : -1, true);
}

// A card stands after its paragraph; for the keyboard it is right behind its badge, and only once
// it was entered.
function onTab(event) {
  const { badge, card } = cardState.open;
  const stops = selectAll("button, a, summary", card).filter((stop) => stop.checkVisibility());
  const atStart = event.target === stops[0] || event.target === card;
  if (event.target === badge) closeCard();
  else if (!event.shiftKey && event.target === stops.at(-1)) leaveCard();
  else if (event.shiftKey && atStart) {
    event.preventDefault();
    leaveCard();
  }
}
