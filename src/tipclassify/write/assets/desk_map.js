// The heat map: a table of countries by year for each label, whose tint says what its numbers say.
// Publications are never added up: a country has a row for each.
// Covered by tests/reports/test_desk.py, in a browser.
import { addressOf } from "./desk_address.js";
import { firstPassages, publications } from "./desk_data.js";
import { candidates, checkedLetters, tally } from "./desk_filters.js";
import { inOrder } from "./desk_page.js";
import { reportRows } from "./desk_reports.js";
import { deskState } from "./desk_state.js";
import { makeBadge, makeElement, selectOne } from "./elements.js";
import { LETTERS, NAMES } from "./names.js";

const STEPS = 6; // of tint

// The row of a passage: its country, and after a tab its publication, if the desk has several.
function rowOf(passage) {
  if (passage.mapRow === undefined) {
    const country = passage.country || passage.report.title;
    const series = passage.series || "no publication";
    passage.mapRow = publications.size > 1 ? `${country}\t${series}` : country;
  }
  return passage.mapRow;
}

function cellOf(passage) {
  passage.mapCell ??= `${rowOf(passage)}\n${passage.year}`;
  return passage.mapCell;
}

export function drawMap() {
  const sums = tally(cellOf);
  const rows = [...new Set(candidates.map(rowOf))].sort(inOrder);
  const years = [...new Set(candidates.map((passage) => passage.year))].sort();
  const letters = LETTERS.filter((letter) => checkedLetters().includes(letter));
  const most = largestValue(sums, letters);
  const changes = latestChanges();
  const body = makeElement("tbody");
  for (const row of rows) {
    const line = makeElement("tr", {}, rowHead(row));
    if (changes.size) {
      const link = changes.get(row)?.link.cloneNode(true) ?? "";
      line.append(makeElement("td", { class: "change" }, link));
    }
    for (const letter of letters) {
      years.forEach((year, i) => {
        const cell = mapCell(sums.get(`${row}\n${year}`), letter, row, year, most);
        if (i === 0) cell.classList.add("group");
        line.append(cell);
      });
    }
    body.append(line);
  }
  const head = mapHead(letters, years, changes.size > 0);
  selectOne(".desk-map").replaceChildren(mapCaption(), head, body);
  document.getElementById("map-note").textContent = mapNote(rows, letters, most);
}

function valueOf(sum, letter) {
  return deskState.shares ? (100 * sum[letter]) / sum.total : sum[letter];
}

function largestValue(sums, letters) {
  let most = 0;
  for (const sum of sums.values()) {
    for (const letter of letters) most = Math.max(most, valueOf(sum, letter));
  }
  return most;
}

// The latest page of changes of each row, and its year.
function latestChanges() {
  const latest = new Map();
  for (const passage of firstPassages.values()) {
    const { page, year } = passage.report;
    const link = reportRows.get(page)?.changes;
    const isEarlier = latest.get(rowOf(passage))?.year > year;
    if (link && !isEarlier) latest.set(rowOf(passage), { year, link });
  }
  return latest;
}

function mapCaption() {
  const value = deskState.shares ? "Share of passages in per cent" : "Number of findings";
  const rows = publications.size > 1 ? "country, publication and year" : "country, and year";
  return makeElement("caption", { class: "vh" }, `${value} by ${rows}`);
}

function mapHead(letters, years, hasChanges) {
  const first = makeElement("tr", {}, makeElement("th", { scope: "col", rowspan: 2 }, "Country"));
  if (hasChanges) {
    const attributes = { scope: "col", rowspan: 2, class: "change" };
    first.append(makeElement("th", attributes, "Changes"));
  }
  const second = makeElement("tr");
  for (const letter of letters) {
    const attributes = { scope: "colgroup", colspan: years.length, class: "group" };
    first.append(makeElement("th", attributes, makeBadge(letter), ` ${NAMES[letter]}`));
    years.forEach((year, i) => {
      const kind = i === 0 ? "group" : undefined;
      second.append(makeElement("th", { scope: "col", class: kind }, year || "no year"));
    });
  }
  return makeElement("thead", {}, first, second);
}

function rowHead(row) {
  const [country, series] = row.split("\t");
  const head = makeElement("th", { scope: "row" }, country);
  if (series) head.append(" ", makeElement("small", {}, series));
  return head;
}

function mapCell(sum, letter, row, year, most) {
  if (!sum) {
    return makeElement("td", { class: "none" }, makeElement("span", { class: "vh" }, "no report"));
  }
  const value = valueOf(sum, letter);
  const step = value ? Math.max(1, Math.ceil((STEPS * value) / most)) : 0;
  const isSmallShare = deskState.shares && value && value < 1;
  const text = isSmallShare ? "<1" : String(Math.round(value));
  const unit = deskState.shares ? "%" : "";
  const name = `${text}${unit} ${NAMES[letter]}, ${row.split("\t").join(", ")} ${year}`.trim();
  const link = makeElement("a", { href: hrefOf(sum, letter, year), "aria-label": name }, text);
  return makeElement("td", { class: `${letter} heat${step}` }, link);
}

// With several reports, to their list; in a book of many countries, to this one's first finding.
function hrefOf(sum, letter, year) {
  const { report, country, series, id } = sum.first[letter] ?? sum.passage;
  if (sum.pages.size > 1) {
    const changes = { view: "reports" };
    if (country) changes.country = country;
    if (series) changes.publication = series;
    if (year) changes.year = year;
    return addressOf(changes);
  }
  const isOfOneCountry = (report.country || "") === country;
  return isOfOneCountry || !id ? report.page : `${report.page}#${id}`;
}

function mapNote(rows, letters, most) {
  if (!rows.length) return "No report is left by the filters.";
  const unit = deskState.shares ? "%" : "";
  const strongest = most ? `: the strongest is ${Math.round(most)}${unit}` : "";
  const explained = "A number leads to its report; the stronger the tint, the more";
  return `${letters.length ? explained : "No label is chosen"}${strongest}.`;
}
