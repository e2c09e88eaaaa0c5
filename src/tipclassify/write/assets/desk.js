// The desk of many reports: filters, counts and the list of what they leave. The scripts in data/
// bring the passages; desk_rows.py says what their columns are. common.js stands before it in the same
// script. Covered by tests/reports/test_desk.py, in a browser.

const PAGE_SIZE = 20; // findings that are listed at once

const fields = tools.elements;
const list = selectOne(".found");
const furtherButton = document.getElementById("further");
const unfoldButton = document.getElementById("unfold");
const reportRows = new Map(selectAll(".reports tbody tr").map((row) => [row.dataset.page, row]));

const reports = new Map(); // by their page; each counts what the filters leave of it
const passages = []; // of all reports, in their order
let byRank = []; // the same, most particular first, and most probable first
let byProbability = [];
let shown = []; // those that the filters leave, in the chosen order
let folded = []; // sentences that stand in many reports, and rows of tables: below the others
let wordsOfQuery = [];

// Take rows of a report from a script in data/. A column that a row lacks is that of its report, or
// empty.
function addData(json) {
  const { report: facts, rows } = JSON.parse(json);
  if (!reports.has(facts.page)) reports.set(facts.page, facts);
  const report = reports.get(facts.page);
  for (const row of rows) passages.push(passageOf(row, report));
}

// All with the same fields, in the same order: browsers keep 200,000 such objects in little space.
function passageOf(row, report) {
  const letters = lettersOf(row.labels);
  return {
    report,
    text: row.text,
    plain: "", // its text in plain letters, made when somebody searches
    start: row.start,
    end: row.end,
    key: row.key,
    country: row.country ?? report.country,
    year: String(row.year ?? report.year ?? ""),
    publication: row.publication ?? report.publication,
    part: row.part,
    letters,
    scores: letters.map(({ label }) => row[label]),
    best: letters.reduce((most, { label }) => Math.max(most, row[label]), 0),
    tags: row.tags,
    rank: row.rank ?? 0,
    isAbout: row.about ?? false,
    isAgain: row.again ?? false, // said before in its report
    isRow: row.kind === "table row",
    isTemplate: row.template ?? false,
    isFound: false,
    anchor: row.anchor,
    facts: row.facts,
    source: row.source, // citation without the quote
  };
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
  passage.plain ||= plainWords(passage.text);
  return wordsOfQuery.every((word) => passage.plain.includes(` ${word}`));
}

function applyFilters() {
  const letters = checkedLetters();
  const least = Number(fields.from.value);
  const [country, publication, year, section] = ["country", "publication", "year", "section"].map(
    (name) => fields[name].value,
  );
  const withRows = fields.rows.checked;
  wordsOfQuery = plainWords(fields.words.value).split(" ").filter(Boolean);
  const isWanted = (letter, score) => letters.includes(letter) && score >= least;
  const noCounts = Object.fromEntries(labels.map(({ letter }) => [letter, 0]));
  for (const report of reports.values()) {
    Object.assign(report, { chosen: 0, about: 0, found: 0, counts: { ...noCounts } });
  }
  for (const passage of passages) {
    const { report } = passage;
    passage.isFound = false;
    if (passage.isAgain || (passage.isRow && !withRows)) continue; // counted apart
    if (country && passage.country !== country) continue;
    if (year && passage.year !== year) continue;
    if (publication && passage.publication !== publication) continue;
    if (section && passage.part !== section) continue;
    report.chosen += 1;
    if (passage.isAbout) report.about += 1;
    if (wordsOfQuery.length && !hasWords(passage)) continue;
    passage.isFound = !passage.letters.length && letters.includes("N");
    passage.letters.forEach(({ letter }, i) => {
      if (!isWanted(letter, passage.scores[i])) return;
      passage.isFound = true;
      report.counts[letter] += 1;
    });
    if (passage.isFound) report.found += 1;
  }
  const filters = filtersSet();
  sayFilters(filters);
  writeAddress(filters.size ? `#${filters}` : "");
  drawReports(country, year, Boolean(section || publication));
  listFindings();
}

// Counts of the reports that the filters leave; those of the chosen country and year are listed
// without findings too.
function drawReports(country, year, isNarrow) {
  let listed = 0;
  for (const [page, row] of reportRows) {
    const { chosen = 0, about = 0, found = 0, counts = {} } = reports.get(page) ?? {};
    const isOfPlace =
      (!country || row.dataset.country === country) && (!year || row.dataset.year === year);
    row.hidden = !chosen && (isNarrow || !isOfPlace);
    if (row.hidden) continue;
    listed += 1;
    setText(selectOne("[data-subject]", row), about);
    for (const cell of selectAll("[data-letter]", row)) {
      setText(cell, counts[cell.dataset.letter] ?? 0);
    }
    selectOne("th small", row).hidden = Boolean(found);
  }
  selectOne("#reports small").textContent = listed.toLocaleString("en-US");
}

// Only what changes: the browser lays out a table of 2,000 rows anew.
function setText(cell, number) {
  const text = String(number);
  if (cell.textContent !== text) cell.textContent = text;
}

// -------------------------------------------------------------------------- the list of findings

function listFindings() {
  const order = fields.order.value;
  const ordered = { report: passages, probable: byProbability }[order] ?? byRank;
  shown = ordered.filter(({ isFound }) => isFound);
  document.getElementById("findings-note").textContent = countsInWords();
  folded = [];
  if (!order) {
    const isFolded = ({ isTemplate, isRow }) => isTemplate || isRow;
    folded = shown.filter(isFolded);
    shown = shown.filter((passage) => !isFolded(passage));
  }
  if (!shown.length) unfold();
  list.replaceChildren();
  showFurther();
}

// "62 sentences and 23 table rows of 3 reports: failure 40, complicity 22."
function countsInWords() {
  if (!shown.length) {
    return "Nothing is left by the filters: fewer words, or more labels, find more.";
  }
  const rows = shown.filter(({ isRow }) => isRow).length;
  const kinds = [plural(shown.length - rows, "sentence")];
  if (rows) kinds.push(plural(rows, "table row"));
  const withFindings = Array.from(reports.values()).filter(({ found }) => found);
  const counts = labels.map(({ letter, name }) => {
    const count = withFindings.reduce((sum, report) => sum + report.counts[letter], 0);
    return count ? `${name.toLowerCase()} ${count.toLocaleString("en-US")}` : "";
  });
  const byLabel = counts.filter(Boolean).join(", ");
  const line = `${kinds.join(" and ")} of ${plural(withFindings.length, "report")}`;
  return byLabel ? `${line}: ${byLabel}.` : `${line}.`;
}

function unfold() {
  shown = [...shown, ...folded];
  folded = [];
}

// Show the next findings of the list.
function showFurther() {
  const from = list.children.length;
  list.append(...shown.slice(from, from + PAGE_SIZE).map(findingItem));
  const listed = list.children.length;
  furtherButton.hidden = listed >= shown.length;
  unfoldButton.hidden = !furtherButton.hidden || !folded.length;
  const templates = folded.filter(({ isRow }) => !isRow).length;
  unfoldButton.textContent = foldedInWords(templates, folded.length - templates);
  const left = shown.length + folded.length - listed;
  const note = `${plural(left, "more finding")} not printed: show them first.`;
  document.getElementById("not-printed").textContent = left ? note : "";
  if (from && listed > from) selectOne("a", list.children[from]).focus();
  document.dispatchEvent(new Event("findings")); // a served desk fills their .decide
}

function findingItem(passage) {
  const { report, start, end, key, anchor, source } = passage;
  const quote = makeElement("p", { class: "quote", dir: "auto" }, ...markWords(passage.text));
  const facts = makeElement("p", { class: "facts" });
  for (const { letter, label, name } of passage.letters) {
    const tag = makeElement("span", { class: "label" }, makeBadge(letter), ` ${name} `);
    tag.append(passage.tags[label]);
    facts.append(tag, " ");
  }
  const href = anchor ? `${report.page}#${anchor}` : report.page;
  facts.append(makeElement("a", { href }, makeElement("bdi", {}, report.title)));
  if (passage.facts) facts.append(" · ", makeElement("bdi", {}, passage.facts));
  const place = {
    "data-report": report.sha256,
    "data-start": start,
    "data-end": end,
    "data-key": key,
  };
  const item = makeElement("li", place, quote, facts);
  if (source) item.append(copyButton(() => quoted(passage.text, source)));
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
  byProbability = passages.slice().sort((a, b) => b.best - a.best);
  byRank = byProbability.slice().sort((a, b) => b.rank - a.rank);
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
