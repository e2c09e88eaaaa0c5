// Why a passage was tagged: its card, opened by mouse, touch and keyboard, and the way from finding to finding.

// Without a script the browser's own popovers do; with it a card opens beside its passage, on hover and focus too.
for (const { badge, card } of findings) {
  badge.removeAttribute("popovertarget");
  badge.setAttribute("aria-haspopup", "dialog");
  badge.setAttribute("aria-expanded", "false");
  card.removeAttribute("popover");
}

let open = null; // the finding whose card is open
let last = null; // the finding whose card was open last: where "next" starts from
let pinned = false; // opened on purpose: stays until it is closed
let quiet = false; // a badge gets the focus back and is not to open its card again
let timer = 0;

function show(finding, pin = false) {
  clearTimeout(timer);
  const before = pinned;
  pinned = pin || (pinned && open === finding);
  if (open !== finding) {
    close();
    pinned = pin;
    open = last = finding;
    furnish(finding);
    finding.card.classList.add("open");
    finding.mark.classList.add("now");
    finding.badge.setAttribute("aria-expanded", "true");
    place(finding);
    count();
  }
  if (pinned || before) keepAddress();
}

function close() {
  clearTimeout(timer);
  if (!open) return;
  open.card.classList.remove("open");
  open.mark.classList.remove("now");
  open.badge.setAttribute("aria-expanded", "false");
  const before = pinned;
  open = null;
  pinned = false;
  uncover();
  if (before) keepAddress();
}

// Level with the passage, but inside the window as far as it fits.
function place({ mark, card, article }) {
  card.style.top = "";
  const bar = one(".tools").getBoundingClientRect().bottom + 8;
  if (getComputedStyle(card).position === "fixed") {
    const box = mark.getBoundingClientRect(); // the sheet must not lie on the passage it speaks of
    if (box.bottom > innerHeight - card.offsetHeight) scrollBy(0, box.top - bar - 16);
    return;
  }
  const wanted = mark.getClientRects()[0].top - 8;
  const top = Math.max(bar, Math.min(wanted, innerHeight - card.offsetHeight - 8));
  card.style.top = top - article.getBoundingClientRect().top + "px";
  uncover();
}

// The table of sections gives way to a card that would lie on it.
function uncover() {
  for (const article of articles) {
    const table = one(".sections", article);
    const lies =
      open && open.article === article && getComputedStyle(open.card).position === "absolute";
    const [over, under] = lies
      ? [open.card.getBoundingClientRect(), table.getBoundingClientRect()]
      : [];
    table.classList.toggle(
      "under",
      Boolean(lies) && over.top < under.bottom && under.top < over.bottom,
    );
  }
}

// What a card can do only with a script.
function furnish(finding) {
  const row = one(".do", finding.card);
  if (one("button", row)) return;
  row.prepend(...citers(finding));
  if (isOnline(finding.article.dataset.address)) {
    const link = made("a", "Read in the source");
    link.href = linkOf(citationOf(finding));
    link.rel = "noopener noreferrer";
    row.append(link);
  }
  const away = button("×", () => leave());
  away.className = "close";
  away.setAttribute("aria-label", "Close");
  finding.card.append(away);
}

function leave() {
  const { badge, card } = open;
  const inside = card.contains(document.activeElement);
  close();
  if (!inside) return;
  quiet = true;
  badge.focus({ preventScroll: true });
  quiet = false;
}

document.addEventListener("click", (event) => {
  const link = event.target.closest('a[href^="#"]');
  const linked = link && ofHash(link.getAttribute("href"));
  if (linked) {
    event.preventDefault(); // the address keeps the filters beside it
    go(linked);
    return;
  }
  const badge = event.target.closest("button.tag");
  const mark = event.target.closest("mark");
  const finding = ofBadge.get(badge) || ofMark.get(mark);
  if (finding && finding.shown) {
    if (mark && !getSelection().isCollapsed) return; // they select text
    show(finding, true);
    if (badge) finding.card.focus({ preventScroll: true });
  } else if (open && !event.target.closest(".tools") && !open.card.contains(event.target)) {
    close();
  }
});
document.addEventListener("focusin", (event) => {
  if (quiet) return;
  if (ofBadge.has(event.target)) show(ofBadge.get(event.target));
  else if (open && !pinned && !open.card.contains(event.target)) close();
});
document.addEventListener("pointerover", (event) => {
  if (event.pointerType !== "mouse" || pinned) return;
  const finding =
    ofMark.get(event.target.closest("mark")) || ofBadge.get(event.target.closest("button.tag"));
  if (finding && finding.shown) {
    clearTimeout(timer);
    timer = setTimeout(() => show(finding), 150);
  } else if (event.target.closest(".why")) {
    clearTimeout(timer);
  } else if (open) {
    clearTimeout(timer);
    timer = setTimeout(close, 400); // time to reach the card
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && open) {
    leave();
    return;
  }
  if (event.key === "Tab" && open) {
    // A card stands after its paragraph; for the keyboard it is right behind its badge, and only once it was entered.
    const stops = all("button, a, summary", open.card).filter((stop) => stop.checkVisibility());
    if (event.target === open.badge) close();
    else if (!event.shiftKey && event.target === stops.at(-1)) leave();
    else if (event.shiftKey && (event.target === stops[0] || event.target === open.card)) {
      event.preventDefault();
      leave();
    }
  }
  // Who dictates can turn them off (WCAG 2.1.4); who types into a field means the letter.
  const typing = event.target.closest("select, textarea, input:not([type=checkbox], [type=range])");
  if (
    (event.key === "n" || event.key === "p") &&
    !typing &&
    !event.ctrlKey &&
    !event.metaKey &&
    !event.altKey
  ) {
    if (document.getElementById("keys").checked) step(event.key === "n" ? 1 : -1, true);
  }
});

// ---- From finding to finding ----------------------------------------------------------------------------------------

function step(by, focus = false) {
  const shown = findings.filter((finding) => finding.shown);
  if (!shown.length) return;
  const bar = one(".tools").getBoundingClientRect().bottom;
  const tops = shown.map(({ mark }) => mark.getBoundingClientRect().top);
  let to = shown.indexOf(last);
  if (to >= 0 && (pinned || (tops[to] > bar - 40 && tops[to] < innerHeight))) to += by;
  else {
    const below = tops.findIndex((top) => top > bar); // they read on elsewhere: from what they see
    to = below < 0 ? Math.min(by, 0) : by > 0 ? below : below - 1;
  }
  go(shown[(to + shown.length) % shown.length], focus);
}

// The badge takes the focus, but the button "›" keeps it: who presses it once may press it again.
function go(finding, focus = true) {
  if (!finding.shown) reset();
  finding.mark.scrollIntoView({ block: "center" });
  show(finding, true);
  if (focus) finding.badge.focus({ preventScroll: true });
}

function count() {
  const shown = findings.filter((finding) => finding.shown);
  const at = shown.indexOf(last);
  const whole = `${grouped(shown.length)} finding${shown.length === 1 ? "" : "s"}`;
  one(".tools").elements.place.value =
    at >= 0 ? `${grouped(at + 1)} of ${grouped(shown.length)}` : whole;
}
