// Why a passage was tagged: its card, which opens beside it.
// Covered by tests/reports/test_html_report.py, in a browser.
import { keepAddress } from "./address.js";
import { isOnline, linkOf } from "./citation.js";
import { citationButtons, citationOf } from "./cite.js";
import { makeButton, makeElement, selectOne } from "./elements.js";
import { tools } from "./filters.js";
import { articles, findings } from "./findings.js";
import { grouped, plural } from "./labels.js";

export const cardState = {
  open: null, // the finding whose card is open
  last: null, // the finding whose card was open last: where "next" starts from
  pinned: false, // opened on purpose: stays until it is closed
  quiet: false, // a badge gets the focus back and is not to open its card again
  timer: 0, // of the pointer: opens or closes a card a moment later
};

// Without a script the browser's own popovers open the cards; with it a card opens beside its
// passage, on hover and focus too.
export function takeOverCards() {
  for (const { badge, card } of findings) {
    badge.removeAttribute("popovertarget");
    badge.setAttribute("aria-haspopup", "dialog");
    badge.setAttribute("aria-expanded", "false");
    card.removeAttribute("popover");
  }
}

// The finding that the address is to name.
export function pinnedFinding() {
  return cardState.pinned ? cardState.open : null;
}

export function openCard(finding, pin = false) {
  clearTimeout(cardState.timer);
  const wasPinned = cardState.pinned;
  cardState.pinned = pin || (cardState.pinned && cardState.open === finding);
  if (cardState.open !== finding) {
    closeCard();
    cardState.pinned = pin;
    cardState.open = finding;
    cardState.last = finding;
    furnishCard(finding);
    finding.card.classList.add("open");
    finding.mark.classList.add("now");
    finding.badge.setAttribute("aria-expanded", "true");
    placeCard(finding);
    sayPlace();
  }
  if (cardState.pinned || wasPinned) keepAddress(pinnedFinding());
}

export function closeCard() {
  clearTimeout(cardState.timer);
  const finding = cardState.open;
  if (!finding) return;
  finding.card.classList.remove("open");
  finding.mark.classList.remove("now");
  finding.badge.setAttribute("aria-expanded", "false");
  const wasPinned = cardState.pinned;
  cardState.open = null;
  cardState.pinned = false;
  coverSections();
  if (wasPinned) keepAddress(pinnedFinding());
}

// Close the card; the focus, if it was inside, goes back to the badge.
export function leaveCard() {
  const { badge, card } = cardState.open;
  const inside = card.contains(document.activeElement);
  closeCard();
  if (!inside) return;
  cardState.quiet = true;
  badge.focus({ preventScroll: true });
  cardState.quiet = false;
}

// Level with the passage, but inside the window as far as it fits.
function placeCard({ mark, card, article }) {
  card.style.top = "";
  const bar = tools.getBoundingClientRect().bottom + 8;
  if (getComputedStyle(card).position === "fixed") {
    const box = mark.getBoundingClientRect(); // the sheet must not lie on the passage it speaks of
    if (box.bottom > innerHeight - card.offsetHeight) scrollBy(0, box.top - bar - 16);
    return;
  }
  const wanted = mark.getClientRects()[0].top - 8;
  const top = Math.max(bar, Math.min(wanted, innerHeight - card.offsetHeight - 8));
  card.style.top = top - article.getBoundingClientRect().top + "px";
  coverSections();
}

// Let the table of sections give way to a card that would lie on it.
export function coverSections() {
  for (const article of articles) {
    const table = selectOne(".sections", article);
    table.classList.toggle("under", liesUnderCard(article, table));
  }
}

function liesUnderCard(article, table) {
  const finding = cardState.open;
  if (!finding || finding.article !== article) return false;
  if (getComputedStyle(finding.card).position !== "absolute") return false;
  const over = finding.card.getBoundingClientRect();
  const under = table.getBoundingClientRect();
  return over.top < under.bottom && under.top < over.bottom;
}

// What a card can do only with a script.
function furnishCard(finding) {
  const row = selectOne(".do", finding.card);
  if (selectOne("button", row)) return;
  row.prepend(citationButtons(finding));
  if (isOnline(finding.article.dataset.address)) {
    const href = linkOf(citationOf(finding));
    row.append(makeElement("a", { href, rel: "noopener noreferrer" }, "Read in the source"));
  }
  finding.card.append(makeButton("×", leaveCard, { class: "close", "aria-label": "Close" }));
}

// Say between the buttons of the bar which finding this is, or how many the filter leaves.
export function sayPlace() {
  const shown = findings.filter((finding) => finding.shown);
  const at = shown.indexOf(cardState.last);
  const place = `${grouped(at + 1)} of ${grouped(shown.length)}`;
  tools.elements.place.value = at >= 0 ? place : plural(shown.length, "finding");
}
