// The page of reports: its filters, the counts that follow them, and the cards of its findings.
// common.js stands before it in the same script. Covered by tests/reports/test_html_report.py.

const fields = tools.elements;
const findings = selectAll("main mark").map(findingOf);
const ofCard = new Map(findings.map((finding) => [finding.card, finding]));
let current = null; // the finding whose card was opened last

function findingOf(mark) {
  const article = mark.closest("article");
  return {
    mark,
    article,
    badge: mark.nextElementSibling,
    card: document.getElementById(mark.id + "w"),
    letters: Array.from(mark.dataset.labels),
    left: [], // letters that the filter leaves
    country: mark.dataset.country ?? article.dataset.country ?? "",
    year: mark.dataset.year ?? article.dataset.year ?? "",
    section: mark.closest("section").dataset.name,
    words: mark.textContent.replace(/\s+/g, " ").toLowerCase(),
    counts: !("apart" in mark.dataset), // neither a row of a table nor said before
  };
}

const shownFindings = () => findings.filter(({ left }) => left.length);

// ------------------------------------------------------------------------------------- filters

// Whether a menu has this value or none; of names in other capitals it lists the first.
function isAllowed(name, value = "") {
  return [value.toLowerCase(), ""].includes(fields[name].value.toLowerCase());
}

function applyFilters() {
  const letters = checkedLetters();
  const words = fields.words.value.trim().toLowerCase();
  const isChosen = (finding) =>
    ["country", "year", "section"].every((name) => isAllowed(name, finding[name])) &&
    finding.words.includes(words);
  for (const finding of findings) {
    finding.left = isChosen(finding)
      ? finding.letters.filter((letter) => letters.includes(letter))
      : [];
    finding.mark.classList.toggle("off", !finding.left.length);
  }
  hideWhatIsLeftOut();
  const isFiltered = sayFilters().size > 0;
  selectOne(".filtered").hidden = !isFiltered;
  for (const list of selectAll(".strongest")) list.hidden = isFiltered;
  const counted = shownFindings().filter(({ counts }) => counts);
  for (const { letter } of labels) {
    const number = selectOne(`.count[data-letter="${letter}"] .number`);
    const count = counted.filter(({ left }) => left.includes(letter)).length;
    number.textContent = isFiltered
      ? `${count.toLocaleString("en-US")} of ${Number(number.dataset.all).toLocaleString("en-US")}`
      : Number(number.dataset.all).toLocaleString("en-US");
    number.nextElementSibling.hidden = isFiltered;
  }
  sayPlace();
}

// Reports of other countries and years, and what has no finding where only findings are wanted.
function hideWhatIsLeftOut() {
  const { only } = fields;
  const isOfPlace = ({ country, year }) => isAllowed("country", country) && isAllowed("year", year);
  const withPlace = new Set(findings.filter(isOfPlace).map(({ article }) => article));
  for (const article of selectAll("main > article")) {
    article.hidden = !isOfPlace(article.dataset) && !withPlace.has(article);
    const row = selectOne(`.reports a[href="#${article.id}"]`)?.closest("tr");
    if (row) row.hidden = article.hidden;
  }
  for (const block of selectAll(".text section > p")) {
    block.hidden = only.checked && !selectOne("mark:not(.off)", block);
  }
  for (const section of selectAll(".text section")) {
    section.hidden = only.checked && !selectOne(":scope > p:not([hidden])", section);
  }
}

// -------------------------------------------------------------------------- cards, and the steps

// The browser opens a card as a popover; this adds what needs a script, and puts it beside its
// passage where the window is wide.
function onToggle(event) {
  const finding = ofCard.get(event.target);
  if (!finding) return;
  const { mark, card } = finding;
  const isOpen = event.newState === "open";
  mark.classList.toggle("now", isOpen);
  if (!isOpen) return;
  current = finding;
  sayPlace();
  const source = selectOne(".cite", card)?.lastChild.textContent;
  if (source && !selectOne(".do button", card)) {
    selectOne(".do", card).prepend(copyButton(() => quoted(mark.textContent, source)));
  }
  putCard(finding);
}

function putCard({ mark, card, article }) {
  const place = selectOne(".sections", article).getBoundingClientRect();
  const isBeside = place.left > mark.getBoundingClientRect().right;
  card.classList.toggle("beside", isBeside);
  card.style.left = isBeside ? `${place.left}px` : "";
  card.style.top = "";
  if (isBeside) {
    const wanted = mark.getClientRects()[0].top - 8;
    const top = Math.max(tools.offsetHeight + 8, Math.min(wanted, innerHeight - card.offsetHeight));
    card.style.top = `${top + scrollY}px`;
  } else {
    // the sheet at the foot must not lie on its passage
    const { top, bottom } = mark.getBoundingClientRect();
    if (bottom > innerHeight - card.offsetHeight) scrollBy(0, top - tools.offsetHeight - 16);
  }
}

// Say between the buttons of the bar which finding this is, or how many the filter leaves.
function sayPlace() {
  const shown = shownFindings();
  const at = shown.indexOf(current) + 1;
  fields.place.value = at ? `${at} of ${shown.length}` : plural(shown.length, "finding");
}

function open(finding) {
  if (!finding.left.length) {
    tools.reset();
    applyFilters();
  }
  finding.mark.scrollIntoView({ block: "center" });
  if (!finding.card.matches(":popover-open")) finding.badge.click();
}

// Go to the next finding that the filter leaves (1), or to the one before (-1): from the last
// card, or from what stands in the window.
function step(direction) {
  const shown = shownFindings();
  if (!shown.length) return;
  let at = shown.indexOf(current);
  if (at < 0) {
    const isBelow = ({ mark }) => mark.getBoundingClientRect().top > tools.offsetHeight;
    const below = shown.findIndex(isBelow);
    at = (below < 0 ? shown.length : below) - (direction > 0 ? 1 : 0);
  }
  open(shown[(at + direction + shown.length) % shown.length]);
}

function followAddress() {
  const finding = findings.find(({ mark }) => `#${mark.id}` === location.hash);
  if (finding) open(finding);
}

// ----------------------------------------------------------------------------------- beginning

// of cards, whose toggles do not bubble; "toggle" comes when the card is there already, so that it
// would stand for a moment where it stood in a window of another width
document.addEventListener("beforetoggle", ({ target, newState }) => {
  if (newState === "open" && ofCard.has(target)) putCard(ofCard.get(target));
}, true);
document.addEventListener("toggle", onToggle, true);
for (const { mark, badge } of findings) {
  mark.addEventListener("click", () => {
    if (getSelection().isCollapsed && !mark.classList.contains("off")) badge.click();
  });
}
fields.previous.addEventListener("click", () => step(-1));
fields.next.addEventListener("click", () => step(1));
listenToFilters(applyFilters);
selectOne(".no-script").hidden = true;
if (matchMedia("(max-width: 62rem)").matches) {
  for (const details of selectAll(".sections details")) details.open = false;
}
applyFilters();
addEventListener("resize", () => {
  if (current?.card.matches(":popover-open")) putCard(current);
});
addEventListener("hashchange", followAddress);
followAddress();
