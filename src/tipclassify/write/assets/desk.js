// The desk of many reports: filters, counts and the list of what they leave. The scripts in data/
// bring the findings; desk_rows.py says what their columns are. common.js stands before it in the
// same script. Covered by tests/reports/test_desk.py, in a browser.

const PAGE_SIZE = 20; // findings that are listed at once

const fields = tools.elements;
const list = selectOne(".found");
const furtherButton = document.getElementById("further");
const reportRows = new Map(selectAll(".reports tbody tr").map((row) => [row.dataset.page, row]));

const findings = []; // of all reports, in their order
let byRank = []; // the same, most specific first, and most probable first
let shown = []; // those that the filters leave, in the chosen order
let wordsOfQuery = [];
let codesOfQuery = [];
const codes = new Map(); // of a finding, by report, start and end; a served desk fills it

// Take the findings of a report from a script in data/. A column that a row lacks is that of its
// report, or empty.
function addData(json) {
  const { report, rows } = JSON.parse(json);
  for (const row of rows) findings.push(findingOf(row, report));
}

// All with the same fields, in the same order: browsers keep 200,000 such objects in little space.
function findingOf(row, report) {
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
    section: row.part,
    labels: labels.filter(({ label }) => row.labels.includes(label)),
    tags: row.tags, // probabilities, as they are shown
    best: Math.max(...row.labels.map((label) => row[label])),
    rank: row.rank ?? 0,
    isRow: row.kind === "table row",
    left: [], // letters that the filters leave
    anchor: row.anchor,
    facts: row.facts,
    source: row.source, // citation without the quote
    before: row.before, // the sentence before it
  };
}

// -------------------------------------------------------------------------- search and filters

// A text in lower case, without accents, its words between single spaces.
function plainWords(text) {
  const lower = text.toLowerCase().normalize("NFKD").replace(/\p{M}/gu, "");
  return ` ${lower.replace(/[^\p{L}\p{N}]+/gu, " ")}`;
}

// Whether each word of the query begins a word of the finding, and it has each code.
function hasWords(finding) {
  if (codesOfQuery.length) {
    const given = codes.get(`${finding.report.sha256} ${finding.start} ${finding.end}`) ?? [];
    if (!codesOfQuery.every((code) => given.includes(code))) return false;
  }
  finding.plain ||= plainWords(finding.text);
  return wordsOfQuery.every((word) => finding.plain.includes(` ${word}`));
}

function applyFilters() {
  const letters = checkedLetters();
  const menus = ["country", "publication", "year", "section"].filter((name) => fields[name].value);
  const asked = fields.words.value.split(/\s+/);
  codesOfQuery = asked.filter((word) => /^#./.test(word)).map((word) => word.slice(1).toLowerCase());
  const words = asked.filter((word) => !word.startsWith("#")).join(" ");
  wordsOfQuery = plainWords(words).split(" ").filter(Boolean);
  for (const finding of findings) {
    const isChosen =
      (fields.rows.checked || !finding.isRow) &&
      menus.every((name) => finding[name] === fields[name].value) &&
      hasWords(finding);
    finding.left = isChosen
      ? finding.labels.map(({ letter }) => letter).filter((letter) => letters.includes(letter))
      : [];
  }
  const filters = sayFilters();
  writeAddress(filters.size ? `#${filters}` : location.pathname + location.search);
  shown = (fields.order.value ? findings : byRank).filter(({ left }) => left.length);
  countReports(menus);
  document.getElementById("findings-note").textContent = countsInWords();
  list.replaceChildren();
  showFurther();
}

// Count the findings of each report; without findings those are listed that the menus choose.
function countReports(menus) {
  const counts = new Map(); // of each page and letter
  for (const { report, left } of shown) {
    for (const of of [report.page, ...left.map((letter) => `${report.page} ${letter}`)]) {
      counts.set(of, (counts.get(of) ?? 0) + 1);
    }
  }
  let listed = 0;
  for (const [page, row] of reportRows) {
    const isOfMenus = menus.every((name) => row.dataset[name] === fields[name].value);
    row.hidden = !counts.has(page) && !isOfMenus;
    if (row.hidden) continue;
    listed += 1;
    for (const cell of selectAll("[data-letter]", row)) {
      const text = String(counts.get(`${page} ${cell.dataset.letter}`) ?? 0);
      // only what changes: the browser lays out a table of 2,000 rows anew
      if (cell.textContent !== text) cell.textContent = text;
    }
  }
  selectOne("#reports small").textContent = listed.toLocaleString("en-US");
}

// -------------------------------------------------------------------------- the list of findings

// "62 sentences and 23 table rows: failure 40, complicity 22."
function countsInWords() {
  if (!shown.length) {
    return "Nothing is left by the filters: fewer words, or more labels, find more.";
  }
  const rows = shown.filter(({ isRow }) => isRow).length;
  const kinds = [plural(shown.length - rows, "sentence")];
  if (rows) kinds.push(plural(rows, "table row"));
  const counts = labels.map(({ letter, name }) => {
    const count = shown.filter(({ left }) => left.includes(letter)).length;
    return count ? `${name.toLowerCase()} ${count.toLocaleString("en-US")}` : "";
  });
  return `${kinds.join(" and ")}: ${counts.filter(Boolean).join(", ")}.`;
}

// Show the next findings of the list.
function showFurther() {
  const from = list.children.length;
  list.append(...shown.slice(from, from + PAGE_SIZE).map(findingItem));
  const more = shown.length - list.children.length;
  furtherButton.hidden = !more;
  furtherButton.textContent = `Show more of ${plural(more, "further finding")}`;
  if (from) selectOne("a", list.children[from]).focus();
  document.dispatchEvent(new Event("findings")); // a served desk fills their .decide
}

function findingItem(finding) {
  const { report, start, end, key, anchor, source } = finding;
  const quote = makeElement("p", { class: "quote", dir: "auto" }, ...markWords(finding.text));
  const before = finding.before ? [makeElement("p", { class: "before" }, finding.before)] : [];
  const facts = makeElement("p", { class: "facts" });
  for (const { letter, label, name } of finding.labels) {
    const tag = makeElement("span", { class: "label" }, makeBadge(letter), ` ${name} `);
    tag.append(finding.tags[label]);
    facts.append(tag, " ");
  }
  const href = `${report.page}#${anchor}`;
  facts.append(makeElement("a", { href }, makeElement("bdi", {}, report.title)));
  if (finding.facts) facts.append(" · ", makeElement("bdi", {}, finding.facts));
  const place = {
    "data-report": report.sha256,
    "data-start": start,
    "data-end": end,
    "data-key": key,
    "data-labels": finding.labels.map(({ letter }) => letter).join(""),
  };
  const copy = copyButton(() => quoted(finding.text, source));
  const decide = makeElement("div", { class: "decide", hidden: "" });
  return makeElement("li", place, ...before, quote, facts, copy, decide);
}

// The text in parts, those in <mark> that begin as a word of the query.
function markWords(text) {
  if (!wordsOfQuery.length) return [text];
  const isHit = (word) => wordsOfQuery.some((wanted) => plainWords(word).includes(` ${wanted}`));
  return text
    .split(/([\p{L}\p{N}\p{M}]+)/u)
    .map((part, i) => (i % 2 && isHit(part) ? makeElement("mark", { class: "hit" }, part) : part));
}

// ------------------------------------------------------------------------------------ the address

// Set the filters that the address names; what a menu does not have leaves it as it was.
function followAddress() {
  const parameters = new URLSearchParams(location.hash.slice(1));
  tools.reset();
  const letters = parameters.get("label");
  if (letters !== null) {
    for (const box of labelBoxes) box.checked = letters.includes(box.value);
  }
  for (const field of fieldsOfForm()) {
    const value = parameters.get(field.name);
    if (value === null) continue;
    if (field.type === "checkbox") field.checked = true;
    else if (field.type === "search") field.value = value;
    else if (Array.from(field.options).some((option) => option.value === value)) {
      field.value = value;
    }
  }
  applyFilters();
}

function writeAddress(address) {
  try {
    history.replaceState(null, "", address);
  } catch {
    // some browsers allow no such thing to files, or not so often; the page works all the same
  }
}

function startDesk() {
  byRank = findings.slice().sort((a, b) => b.rank - a.rank || b.best - a.best);
  selectOne("#found").hidden = false;
  listenToFilters(applyFilters);
  furtherButton.addEventListener("click", showFurther);
  addEventListener("hashchange", followAddress);
  document.addEventListener("codes", () => codesOfQuery.length && applyFilters());
  followAddress();
  document.documentElement.dataset.ready = "";
}

globalThis.tipclassify = { add: addData, codes };
addEventListener("DOMContentLoaded", startDesk); // the scripts in data/ have run by then
