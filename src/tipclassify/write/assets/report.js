// The page of reports: its findings, their cards, the filters and the counts that follow them, the
// map beside a text, and the list on paper. common.js stands before it in the same script.
// Covered by tests/reports/test_html_report.py, in a browser.

const OPENS_AFTER = 150; // ms under the pointer
const CLOSES_AFTER = 400; // ms: time to reach the card

const fields = tools.elements;
// How many findings of a label the first screen shows, and how many links are folded below them.
const { strongest: mostStrongest, folded: mostFolded } = selectOne(".counts").dataset;
const articles = selectAll("main > article");
// Passages about the subject by country, year and section: what counts are a share of.
const passageGroups = new Map(
  articles.map((article) => [article, JSON.parse(article.dataset.passages)]),
);
const findings = selectAll("main mark").map(findingOf);
const ofMark = new Map(findings.map((finding) => [finding.mark, finding]));
const ofBadge = new Map(findings.map((finding) => [finding.badge, finding]));

function findingOf(mark) {
  const scores = mark.dataset.scores.split(" ").map(Number);
  const article = mark.closest("article");
  const badge = mark.nextElementSibling;
  const text = inert(mark.textContent);
  return {
    mark,
    badge,
    card: document.getElementById(mark.id + "w"),
    dots: null, // on the map
    article,
    section: mark.closest("section").dataset.name,
    country: mark.dataset.country ?? article.dataset.country ?? "",
    year: mark.dataset.year ?? article.dataset.year ?? "",
    text,
    words: text.toLowerCase(),
    labels: Array.from(mark.dataset.labels, (letter, i) => ({ letter, score: scores[i] })),
    left: [], // the labels that the filter leaves
    isDoubtful: Boolean(selectOne("i", badge)),
    isRow: "row" in mark.dataset, // of a table
    isAgain: "first" in mark.dataset, // stands before in its report
    isTemplate: "template" in mark.dataset, // stands in many reports
    rank: Number(mark.dataset.rank),
    isShown: true,
  };
}

// The finding that "#r1p2", or "r1p2", names.
function findingOfHash(hash) {
  return ofMark.get(document.getElementById(hash.replace(/^#/, "")));
}

// Outside of the text, direction characters would act on what stands around them (Unicode Annex 9).
function inert(text) {
  const withoutDirection = text.replace(/[\u202a-\u202e\u2066-\u2069]/g, "\ufffd");
  return withoutDirection.replace(/\s+/g, " ").trim();
}

// The badge and the probability of a label, as they stand behind the passage.
function badgeAndProbability({ badge }, letter) {
  const of = selectOne(`b[class="${letter}"]`, badge);
  const probability = of.nextElementSibling.nextElementSibling.textContent;
  return [makeBadge(letter), ` ${probability.trim()} `];
}

// ------------------------------------------------------------------------------------- filters

// Whether a country, year and section are those that the menus choose.
function isChosenPlace({ country, year, section }) {
  if (fields.country.value && country !== fields.country.value) return false;
  if (fields.year.value && year !== fields.year.value) return false;
  return !fields.section.value || section.toLowerCase() === fields.section.value;
}

function isChosenReport(article) {
  const { country, year, report } = fields;
  if (report.value && article.id !== report.value) return false;
  if (!country.value && !year.value) return true;
  return passageGroups.get(article).some((group) => {
    if (country.value && group.country !== country.value) return false;
    return !year.value || group.year === year.value;
  });
}

// Mark each finding as shown or not, and hide what has none where only findings are wanted.
function filterFindings() {
  const letters = checkedLetters();
  const least = Number(fields.from.value);
  const words = inert(fields.words.value).toLowerCase();
  for (const article of articles) article.hidden = !isChosenReport(article);
  for (const finding of findings) {
    finding.left = finding.labels.filter(
      ({ letter, score }) => letters.includes(letter) && score >= least,
    );
    finding.isShown =
      finding.left.length > 0 &&
      (!fields.report.value || finding.article.id === fields.report.value) &&
      isChosenPlace(finding) &&
      finding.words.includes(words);
    finding.mark.classList.toggle("off", !finding.isShown);
    finding.dots.classList.toggle("off", !finding.isShown);
  }
  const only = fields.only.checked;
  for (const block of selectAll(".text section > p")) {
    block.hidden = only && !selectOne("mark:not(.off)", block);
  }
  for (const section of selectAll(".text section")) {
    section.hidden = only && !selectOne(":scope > p:not([hidden])", section);
  }
  selectOne("main").classList.toggle("findings", only); // on paper the list of findings alone
}

function applyFilters() {
  filterFindings();
  const filters = filtersSet();
  sayFilters(filters);
  const line = selectOne(".filtered");
  line.hidden = filters.size === 0;
  const parts = Array.from(filters, ([name, value]) => `${name} ${value}`);
  line.textContent = `Counts and findings are those of the filter: ${parts.join(", ")}.`;
  if (cards.open && !cards.open.isShown) closeCard();
  recount(filters.size > 0);
  sayPlace();
  keepAddress();
  drawMap();
}

// The address keeps the filters and the finding whose card is pinned; until it is read it is not
// written.
let isAddressRead = false;

function keepAddress() {
  if (!isAddressRead) return;
  const parameters = filtersSet();
  const id = cards.isPinned && cards.open ? cards.open.mark.id : "";
  if (parameters.size && id) parameters.set("at", id);
  const hash = parameters.size ? parameters : id;
  writeAddress(`${hash}` && `#${hash}`);
}

// Set the filters that the address names, and go to its finding.
function followAddress() {
  const hash = location.hash.slice(1);
  const parameters = new URLSearchParams(hash);
  const hasFilters = hash.includes("="); // else it names a mere place in the page
  if (hasFilters) {
    setFilters(parameters);
    applyFilters();
  }
  isAddressRead = true;
  const finding = findingOfHash(hasFilters ? (parameters.get("at") ?? "") : hash);
  if (finding) goToFinding(finding);
  keepAddress();
}

// ----------------------------------------------------------- counts, which follow the filters

// Count what the filter leaves. A finding counts in its place; of the page and of a report, a
// sentence counts once, and rows of tables do not.
function countFindings() {
  const tally = new Map();
  const add = (key, number = 1) => tally.set(key, (tally.get(key) ?? 0) + number);
  for (const article of articles.filter(({ hidden }) => !hidden)) {
    for (const group of passageGroups.get(article).filter(isChosenPlace)) {
      add("", group.about);
      add(article.id, group.about);
    }
  }
  for (const { article, section, left, isRow, isAgain } of findings.filter(isShown)) {
    for (const { letter } of left) {
      add(`${article.id} ${section} ${letter}`);
      add(`${article.id} all ${letter}`);
      if (isRow || isAgain) continue;
      add(` ${letter}`);
      add(`${article.id} ${letter}`);
    }
  }
  return (...key) => tally.get(key.join(" ")) ?? 0;
}

function isShown(finding) {
  return finding.isShown;
}

function recount(isNarrowed) {
  const countOf = countFindings();
  for (const { letter } of labels) recountLabel(letter, countOf, isNarrowed);
  for (const row of selectAll(".reports tbody tr")) {
    const report = selectOne("a", row).hash.slice(1);
    row.hidden = document.getElementById(report).hidden;
    const base = countOf(report);
    selectOne("[data-subject]", row).textContent = base.toLocaleString("en-US");
    for (const cell of selectAll("[data-letter]", row)) {
      const sentences = countOf(report, cell.dataset.letter);
      fillCell(cell, sentences, shareOf(sentences, base));
    }
  }
  for (const article of articles) {
    for (const row of selectAll(".sections tr:has(td)", article)) {
      const link = selectOne("a", row);
      const section = link ? inert(link.textContent) : "all";
      for (const cell of selectAll("[data-letter]", row)) {
        fillCell(cell, countOf(article.id, section, cell.dataset.letter));
      }
    }
  }
}

function recountLabel(letter, countOf, isNarrowed) {
  const box = selectOne(`.count[data-letter="${letter}"]`);
  const sentences = countOf("", letter);
  const base = countOf("");
  const noun = sentences === 1 ? "sentence" : "sentences";
  const share = `${shareOf(sentences, base)} of ${base.toLocaleString("en-US")} on subject`;
  selectOne(".number", box).textContent = sentences.toLocaleString("en-US");
  selectOne(".share", box).textContent = `${noun}, ${share}`;
  if (isNarrowed || box.dataset.narrowed) listStrongest(letter, box);
  box.dataset.narrowed = isNarrowed || "";
}

function shareOf(part, whole) {
  return whole ? `${Math.round((100 * part) / whole)}%` : "–";
}

function fillCell(cell, number, share = "") {
  cell.replaceChildren(number ? number.toLocaleString("en-US") : "–");
  if (number && share) cell.append(" ", makeElement("small", {}, share));
}

// List the most particular findings of a label that the filter leaves, and fold the others below.
function listStrongest(letter, box) {
  const scoreOf = ({ left }) => left.find((label) => label.letter === letter)?.score;
  const ranked = findings.filter((finding) => finding.isShown && !finding.isAgain);
  const ofLabel = ranked.filter((finding) => scoreOf(finding) !== undefined);
  ofLabel.sort(
    (a, b) => a.isDoubtful - b.isDoubtful || b.rank - a.rank || scoreOf(b) - scoreOf(a),
  );
  const firstOfText = new Map(); // a text that reports share is listed once
  for (const finding of ofLabel.filter(({ isRow }) => !isRow)) {
    if (!firstOfText.has(finding.text)) firstOfText.set(finding.text, finding);
  }
  const sentences = Array.from(firstOfText.values());
  const inManyReports = sentences.filter(({ isTemplate }) => isTemplate);
  const particular = sentences.filter(({ isTemplate }) => !isTemplate);
  const strongest = [...particular, ...inManyReports].slice(0, mostStrongest);
  const templates = inManyReports.filter((finding) => !strongest.includes(finding));
  const rows = ofLabel.filter(({ isRow }) => isRow);
  const fold = selectOne(".folded", box);
  const folded = foldedInWords(templates.length, rows.length);
  fold.hidden = !folded;
  selectOne("summary", fold).textContent = folded;
  const links = [...templates, ...rows].slice(0, mostFolded);
  selectOne("ol", fold).replaceChildren(...links.map(linkedItem));
  selectOne(".strongest", box).replaceChildren(
    ...strongest.map((finding) => {
      const item = linkedItem(finding);
      item.append(factsOf(finding, letter));
      return item;
    }),
  );
}

function linkedItem({ mark, text }) {
  return makeElement("li", {}, makeElement("a", { href: `#${mark.id}` }, text));
}

// Badge and probability of a label, report, section and page.
function factsOf(finding, letter) {
  const { section, mark, country, year } = finding;
  const report = articles.length > 1 ? [country, year] : [];
  const place = [...report, section, mark.dataset.page && `p. ${mark.dataset.page}`];
  const line = makeElement("small", {}, ...badgeAndProbability(finding, letter));
  line.append(`· ${place.filter(Boolean).map(inert).join(" · ")}`);
  return line;
}

// --------------------------------------------------------------------------------------- cards

const cards = {
  open: null, // the finding whose card is open
  last: null, // the finding whose card was open last: where "next" starts from
  isPinned: false, // opened on purpose: stays until it is closed
  isQuiet: false, // a badge gets the focus back and is not to open its card again
  timer: 0, // of the pointer: opens or closes a card a moment later
};

// Without a script the browser's own popovers open the cards; with it a card opens beside its
// passage, on hover and focus too.
function takeOverCards() {
  for (const { badge, card } of findings) {
    badge.removeAttribute("popovertarget");
    badge.setAttribute("aria-haspopup", "dialog");
    badge.setAttribute("aria-expanded", "false");
    card.removeAttribute("popover");
    card.tabIndex = -1;
  }
}

function openCard(finding, pin = false) {
  clearTimeout(cards.timer);
  const wasPinned = cards.isPinned;
  const isPinned = pin || (wasPinned && cards.open === finding);
  if (cards.open !== finding) {
    closeCard();
    cards.open = finding;
    cards.last = finding;
    furnishCard(finding);
    finding.card.classList.add("open");
    finding.mark.classList.add("now");
    finding.badge.setAttribute("aria-expanded", "true");
    placeCard(finding);
    sayPlace();
  }
  cards.isPinned = isPinned;
  if (isPinned || wasPinned) keepAddress();
}

function closeCard() {
  clearTimeout(cards.timer);
  const finding = cards.open;
  if (!finding) return;
  finding.card.classList.remove("open");
  finding.mark.classList.remove("now");
  finding.badge.setAttribute("aria-expanded", "false");
  const wasPinned = cards.isPinned;
  cards.open = null;
  cards.isPinned = false;
  coverSections();
  if (wasPinned) keepAddress();
}

// Close the card; the focus, if it was inside, goes back to the badge.
function leaveCard() {
  const { badge, card } = cards.open;
  const isInside = card.contains(document.activeElement);
  closeCard();
  if (!isInside) return;
  cards.isQuiet = true;
  badge.focus({ preventScroll: true });
  cards.isQuiet = false;
}

// What a card can do only with a script.
function furnishCard({ mark, card }) {
  if (selectOne(".close", card)) return;
  const source = selectOne(".cite", card)?.lastChild.textContent;
  const citation = () => quoted(mark.textContent, source);
  if (source) selectOne(".do", card).prepend(copyButton(citation));
  card.append(makeButton("×", leaveCard, { class: "close", "aria-label": "Close" }));
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
function coverSections() {
  for (const article of articles) {
    const table = selectOne(".sections", article);
    table.classList.toggle("under", liesUnderCard(article, table));
  }
}

function liesUnderCard(article, table) {
  if (cards.open?.article !== article) return false;
  const { card } = cards.open;
  if (getComputedStyle(card).position !== "absolute") return false;
  const over = card.getBoundingClientRect();
  const under = table.getBoundingClientRect();
  return over.top < under.bottom && under.top < over.bottom;
}

// Say between the buttons of the bar which finding this is, or how many the filter leaves.
function sayPlace() {
  const shown = findings.filter(isShown);
  const at = shown.indexOf(cards.last);
  fields.place.value =
    at >= 0
      ? `${(at + 1).toLocaleString("en-US")} of ${shown.length.toLocaleString("en-US")}`
      : plural(shown.length, "finding");
}

// ------------------------------------------------------------- the way from finding to finding

// Go to the next finding that the filter leaves (1), or to the one before (-1).
function stepToFinding(direction, focus = false) {
  const shown = findings.filter(isShown);
  if (!shown.length) return;
  const next = nextPlace(shown, direction);
  goToFinding(shown[(next + shown.length) % shown.length], focus);
}

// Count from the last card while it is in view; whoever reads on elsewhere, from what they see.
function nextPlace(shown, direction) {
  const bar = tools.getBoundingClientRect().bottom;
  const tops = shown.map(({ mark }) => mark.getBoundingClientRect().top);
  const last = shown.indexOf(cards.last);
  const isInView = last >= 0 && tops[last] > bar - 40 && tops[last] < innerHeight;
  if (last >= 0 && (cards.isPinned || isInView)) return last + direction;
  const below = tops.findIndex((top) => top > bar);
  if (below < 0) return Math.min(direction, 0);
  return direction > 0 ? below : below - 1;
}

// The badge takes the focus, but the button "›" keeps it: who presses it once may press it again.
function goToFinding(finding, focus = true) {
  if (!finding.isShown) {
    tools.reset();
    applyFilters();
  }
  finding.mark.scrollIntoView({ block: "center" });
  openCard(finding, true);
  if (focus) finding.badge.focus({ preventScroll: true });
}

// -------------------------------------------------------------- mouse, touch and keyboard

function onClick(event) {
  const link = event.target.closest('a[href^="#"]');
  const linked = link && findingOfHash(link.getAttribute("href"));
  if (linked) {
    event.preventDefault(); // the address keeps the filters beside it
    goToFinding(linked);
    return;
  }
  const badge = event.target.closest("button.tag");
  const mark = event.target.closest("mark");
  const finding = ofBadge.get(badge) ?? ofMark.get(mark);
  if (finding?.isShown) {
    if (mark && !getSelection().isCollapsed) return; // they select text
    openCard(finding, true);
    if (badge) finding.card.focus({ preventScroll: true });
    return;
  }
  const { open } = cards;
  if (open && !event.target.closest(".tools") && !open.card.contains(event.target)) closeCard();
}

function onFocus(event) {
  if (cards.isQuiet) return;
  const finding = ofBadge.get(event.target);
  const { open, isPinned } = cards;
  if (finding) openCard(finding);
  else if (open && !isPinned && !open.card.contains(event.target)) closeCard();
}

function onPointer(event) {
  if (event.pointerType !== "mouse" || cards.isPinned) return;
  const finding =
    ofMark.get(event.target.closest("mark")) ?? ofBadge.get(event.target.closest("button.tag"));
  const isOnCard = event.target.closest(".why");
  if (!finding?.isShown && !isOnCard && !cards.open) return;
  clearTimeout(cards.timer);
  if (finding?.isShown) cards.timer = setTimeout(() => openCard(finding), OPENS_AFTER);
  else if (!isOnCard) cards.timer = setTimeout(closeCard, CLOSES_AFTER);
}

function onKey(event) {
  if (event.key === "Escape" && cards.open) {
    leaveCard();
    return;
  }
  if (event.key === "Tab" && cards.open) onTab(event);
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
  const { badge, card } = cards.open;
  const stops = selectAll("button, a, summary, textarea", card);
  const visible = stops.filter((stop) => stop.checkVisibility());
  const isAtStart = event.target === visible[0] || event.target === card;
  if (event.target === badge) closeCard();
  else if (!event.shiftKey && event.target === visible.at(-1)) leaveCard();
  else if (event.shiftKey && isAtStart) {
    event.preventDefault();
    leaveCard();
  }
}

// ---------------------------------------------------------------------------- the map and paper

// Put a link for each finding on the map of its article, a column for each label.
function makeMap() {
  const svgElement = (name, attributes, ...children) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [attribute, value] of Object.entries(attributes)) {
      element.setAttribute(attribute, value);
    }
    element.append(...children);
    return element;
  };
  const columns = new Map(labels.map(({ letter }, column) => [letter, column]));
  for (const finding of findings) {
    const dots = finding.labels.map(({ letter }) => {
      const x = columns.get(letter) + 0.1;
      return svgElement("rect", { class: letter, x, width: 0.8 });
    });
    finding.dots = svgElement("a", { href: `#${finding.mark.id}`, tabindex: -1 }, ...dots);
    selectOne(".map svg", finding.article).append(finding.dots);
  }
}

// Marks stand where their lines are on this screen.
function drawMap() {
  document.documentElement.style.setProperty("--tools", tools.offsetHeight + "px");
  for (const article of articles) {
    const text = selectOne(".text", article).getBoundingClientRect();
    article.top = text.top;
    article.scale = text.height ? 1000 / text.height : 0;
  }
  // All reads before the first write: one layout.
  const boxes = findings.map(({ mark }) => mark.getBoundingClientRect());
  findings.forEach(({ article, dots }, i) => {
    for (const rect of dots.children) {
      rect.setAttribute("y", (boxes[i].top - article.top) * article.scale);
      rect.setAttribute("height", Math.max(boxes[i].height * article.scale, 4));
    }
  });
  drawView();
}

// Draw which part of each text the window shows.
function drawView() {
  for (const article of articles) {
    const text = selectOne(".text", article).getBoundingClientRect();
    const top = Math.max(tools.getBoundingClientRect().bottom, text.top);
    const bottom = Math.min(innerHeight, text.bottom);
    const view = selectOne(".view", article);
    view.setAttribute("y", (top - text.top) * article.scale);
    view.setAttribute("height", Math.max(bottom - top, 0) * article.scale);
  }
  if (cards.open) coverSections();
}

// Follow the window: when it scrolls, at most once a frame, and when the page takes another size.
function keepMapDrawn() {
  let isWaiting = false;
  const onScroll = () => {
    if (isWaiting) return;
    isWaiting = true;
    requestAnimationFrame(() => {
      isWaiting = false;
      drawView();
    });
  };
  addEventListener("scroll", onScroll, { passive: true });
  new ResizeObserver(drawMap).observe(document.body);
}

// On paper a list of the findings stands before each text, all that the filter leaves, under the
// names of their sections.
function listOnPaper() {
  for (const details of selectAll("details:not(.cite)")) details.open = true;
  removeLists();
  for (const article of articles) {
    const shown = findings.filter((finding) => finding.isShown && finding.article === article);
    if (shown.length) selectOne(".text", article).before(paperList(shown));
  }
}

function removeLists() {
  for (const list of selectAll(".paper")) list.remove();
}

function paperList(shown) {
  const list = makeElement("table", { class: "paper" });
  const hasPages = shown.some(({ mark }) => mark.dataset.page);
  const columns = hasPages ? ["Finding", "Page", "Passage"] : ["Finding", "Passage"];
  const heads = columns.map((name) => makeElement("th", {}, name));
  const head = list.createTHead().insertRow();
  head.append(...heads);
  let body = null;
  let sectionAbove = null;
  for (const finding of shown) {
    if (finding.section !== sectionAbove) {
      sectionAbove = finding.section;
      body = list.createTBody();
      const name = makeElement("th", { colspan: columns.length }, inert(sectionAbove));
      body.insertRow().append(name);
    }
    const row = body.insertRow();
    const tags = finding.labels.map(({ letter }) =>
      makeElement("span", {}, ...badgeAndProbability(finding, letter)),
    );
    row.insertCell().append(...tags);
    if (hasPages) row.insertCell().textContent = finding.mark.dataset.page ?? "–";
    row.insertCell().textContent = finding.text;
  }
  return list;
}

// ----------------------------------------------------------------------------------- beginning

takeOverCards();
makeMap();
document.addEventListener("click", onClick);
document.addEventListener("focusin", onFocus);
document.addEventListener("pointerover", onPointer);
document.addEventListener("keydown", onKey);
addEventListener("beforeprint", listOnPaper);
addEventListener("afterprint", removeLists);
addEventListener("hashchange", followAddress);
fields.previous.addEventListener("click", () => stepToFinding(-1));
fields.next.addEventListener("click", () => stepToFinding(1));
listenToFilters(applyFilters);
selectOne(".no-script").hidden = true;
if (matchMedia("(max-width: 62rem)").matches) {
  for (const details of selectAll(".sections details")) details.open = false;
}
applyFilters();
keepMapDrawn();
followAddress();
