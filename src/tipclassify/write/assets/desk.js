// The desk of many reports: filters, counts and the list of what they leave. The scripts in data/
// bring the passages; desk.py says what their columns are. common.js stands before it in the same
// script. Covered by tests/reports/test_desk.py, in a browser.

const PAGE_SIZE = 20; // findings that are listed at once

const fields = tools.elements;
const list = selectOne(".found");
const furtherButton = document.getElementById("further");
const unfoldButton = document.getElementById("unfold");
const reportRows = new Map(selectAll(".reports tbody tr").map((row) => [row.dataset.page, row]));

const passages = []; // of all reports, in their order
let shown = []; // those that the filters leave, in the chosen order
let folded = []; // sentences that stand in many reports, and rows of tables: below the others
let wordsOfQuery = [];

// Take rows of a report from a script in data/. A column that a row lacks is that of its
// report, or empty.
function addData(json) {
  const { report, rows } = JSON.parse(json);
  for (const row of rows) {
    row.report = report;
    row.country ??= report.country;
    row.publication ??= report.publication;
    row.year = String(row.year ?? report.year ?? "");
    row.rank ??= 0;
    row.letters = lettersOf(row.labels);
    row.best = row.letters.reduce((most, { label }) => Math.max(most, row[label]), 0);
    row.folded = ""; // its text in plain letters, made when somebody searches
    passages.push(row);
  }
}

// The labels of a passage, from sets that all passages share.
const knownSets = new Map();

function lettersOf(names = []) {
  const name = names.join(" ");
  if (!knownSets.has(name)) {
    knownSets.set(name, labels.filter(({ label }) => names.includes(label)));
  }
  return knownSets.get(name);
}

// -------------------------------------------------------------------------- search and filters

// A text in lower case, without accents, its words between single spaces.
function plainWords(text) {
  let lower = text.toLowerCase();
  // eslint-disable-next-line no-control-regex
  if (/[^\x00-\x7f]/.test(lower)) lower = lower.normalize("NFKD").replace(/\p{M}/gu, "");
  return ` ${lower.replace(/[^\p{L}\p{N}]+/gu, " ")}`;
}

// Whether each word of the query begins a word of the passage.
function hasWords(passage) {
  passage.folded ||= plainWords(passage.text);
  return wordsOfQuery.every((word) => passage.folded.includes(` ${word}`));
}

// The labels of a passage that the boxes and the slider leave.
function labelsLeft(passage, letters, least) {
  return passage.letters.filter(({ letter, label }) => {
    return letters.has(letter) && passage[label] >= least;
  });
}

function isChosen(passage) {
  const { country, publication, year, section, rows } = fields;
  if (passage.again) return false; // said before in its report
  if (passage.kind === "table row" && !rows.checked) return false; // counted apart
  if (country.value && passage.country !== country.value) return false;
  if (year.value && passage.year !== year.value) return false;
  if (publication.value && passage.publication !== publication.value) return false;
  return !section.value || passage.part === section.value;
}

function applyFilters() {
  const letters = new Set(checkedLetters());
  const least = Number(fields.from.value);
  wordsOfQuery = plainWords(fields.words.value).split(" ").filter(Boolean);
  const counts = new Map(); // by page and letter; the base of shares, by page alone
  const add = (key) => counts.set(key, (counts.get(key) ?? 0) + 1);
  const found = [];
  for (const passage of passages.filter(isChosen)) {
    const { page } = passage.report;
    if (passage.about) add(page);
    add(`${page} listed`);
    if (wordsOfQuery.length && !hasWords(passage)) continue;
    const left = labelsLeft(passage, letters, least);
    for (const { letter } of left) {
      add(`${page} ${letter}`);
      add(`all ${letter}`);
    }
    if (left.length || (!passage.letters.length && letters.has("N"))) found.push(passage);
  }
  const filters = filtersSet();
  sayFilters(filters);
  writeAddress(filters.size ? `#${filters}` : "");
  const countOf = (...key) => counts.get(key.join(" ")) ?? 0;
  drawReports(countOf);
  listFindings(found, countOf);
}

// Counts of the reports that the filters leave; those of the chosen country and year are listed
// without findings too.
function drawReports(countOf) {
  let listed = 0;
  for (const [page, row] of reportRows) {
    const { country, year } = row.dataset;
    const isListed =
      countOf(page, "listed") > 0 ||
      (!fields.section.value &&
        !fields.publication.value &&
        (!fields.country.value || country === fields.country.value) &&
        (!fields.year.value || year === fields.year.value));
    row.hidden = !isListed;
    listed += isListed;
    selectOne("[data-subject]", row).textContent = countOf(page);
    for (const cell of selectAll("[data-letter]", row)) {
      cell.textContent = countOf(page, cell.dataset.letter);
    }
    const hasFindings = labels.some(({ letter }) => countOf(page, letter));
    selectOne("th small", row).hidden = hasFindings;
  }
  selectOne("#reports small").textContent = listed.toLocaleString("en-US");
}

// -------------------------------------------------------------------------- the list of findings

function listFindings(found, countOf) {
  shown = found;
  folded = [];
  const order = fields.order.value;
  if (order !== "report") {
    const byRank = (a, b) => b.rank - a.rank || b.best - a.best;
    shown = found.slice().sort(order === "probable" ? (a, b) => b.best - a.best : byRank);
  }
  if (!order) {
    const isFolded = ({ template, kind }) => template || kind === "table row";
    folded = shown.filter(isFolded);
    shown = shown.filter((passage) => !isFolded(passage));
  }
  if (!shown.length) unfold();
  list.replaceChildren();
  document.getElementById("findings-note").textContent = countsInWords(found, countOf);
  showFurther();
}

function unfold() {
  shown = [...shown, ...folded];
  folded = [];
}

// "62 sentences and 23 table rows of 3 reports: failure 40, complicity 22."
function countsInWords(found, countOf) {
  if (!found.length) {
    return "Nothing is left by the filters: fewer words, or more labels, find more.";
  }
  const rows = found.filter(({ kind }) => kind === "table row").length;
  const kinds = [plural(found.length - rows, "sentence")];
  if (rows) kinds.push(plural(rows, "table row"));
  const reports = new Set(found.map(({ report }) => report.page)).size;
  const counts = labels.map(({ letter, name }) => {
    const count = countOf("all", letter);
    return count ? `${name.toLowerCase()} ${count.toLocaleString("en-US")}` : "";
  });
  const byLabel = counts.filter(Boolean).join(", ");
  const line = `${kinds.join(" and ")} of ${plural(reports, "report")}`;
  return byLabel ? `${line}: ${byLabel}.` : `${line}.`;
}

// Show the next findings of the list.
function showFurther() {
  const from = list.children.length;
  list.append(...shown.slice(from, from + PAGE_SIZE).map(findingItem));
  const listed = list.children.length;
  furtherButton.hidden = listed >= shown.length;
  unfoldButton.hidden = !furtherButton.hidden || !folded.length;
  const templates = folded.filter(({ kind }) => kind !== "table row").length;
  unfoldButton.textContent = foldedInWords(templates, folded.length - templates);
  const left = shown.length + folded.length - listed;
  const note = `${plural(left, "more finding")} not printed: show them first.`;
  document.getElementById("not-printed").textContent = left ? note : "";
  if (from && listed > from) selectOne("a", list.children[from]).focus();
  document.dispatchEvent(new Event("findings")); // a served desk fills their .decide
}

function findingItem(passage) {
  const { report, start, end, key, anchor, citation } = passage;
  const quote = makeElement("p", { class: "quote", dir: "auto" }, ...markWords(passage.text));
  const facts = makeElement("p", { class: "facts" });
  for (const { letter, label, name } of passage.letters) {
    const tag = makeElement("span", { class: "label" }, makeBadge(letter), ` ${name} `);
    tag.append(passage.tags[label]);
    facts.append(tag, " ");
  }
  const href = anchor ? `${report.page}#${anchor}` : report.page;
  facts.append(makeElement("a", { href }, makeElement("bdi", {}, report.title)));
  for (const fact of passage.facts) facts.append(" · ", makeElement("bdi", {}, fact));
  const place = {
    "data-report": report.sha256,
    "data-start": start,
    "data-end": end,
    "data-key": key,
  };
  const item = makeElement("li", place, quote, facts);
  if (citation) item.append(copyButton(() => citation));
  item.append(makeElement("div", { class: "decide", hidden: "" }));
  return item;
}

// The text in parts, those in <mark> that begin as a word of the query.
function markWords(text) {
  if (!wordsOfQuery.length) return [text];
  const isHit = (word) => wordsOfQuery.some((wanted) => plainWords(word).includes(` ${wanted}`));
  const parts = [];
  let end = 0; // of what is in parts
  for (const match of text.matchAll(/[\p{L}\p{N}\p{M}]+/gu)) {
    const [word] = match;
    if (!isHit(word)) continue;
    parts.push(text.slice(end, match.index), makeElement("mark", { class: "hit" }, word));
    end = match.index + word.length;
  }
  return [...parts, text.slice(end)];
}

// ----------------------------------------------------------------------------------- beginning

function followAddress() {
  setFilters(new URLSearchParams(location.hash.slice(1)));
  applyFilters();
}

function startDesk() {
  selectOne("#found").hidden = false;
  listenToFilters(applyFilters);
  furtherButton.addEventListener("click", showFurther);
  unfoldButton.addEventListener("click", () => {
    unfold();
    showFurther();
  });
  addEventListener("hashchange", followAddress);
  new ResizeObserver(() => {
    document.documentElement.style.setProperty("--tools", tools.offsetHeight + "px");
  }).observe(tools);
  followAddress();
  document.documentElement.dataset.ready = "";
  const foldAll = () => passages.forEach(hasWords); // before somebody types
  (globalThis.requestIdleCallback ?? setTimeout)(foldAll);
}

globalThis.tipclassify = { add: addData };
addEventListener("DOMContentLoaded", startDesk); // the scripts in data/ have run by then
