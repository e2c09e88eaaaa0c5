// The table of reports: counts that follow the filters, rows that sort by any column.
// Covered by tests/reports/test_desk.py, in a browser.
import { writeAddress } from "./desk_address.js";
import { reports } from "./desk_data.js";
import { candidates, form, tally } from "./desk_filters.js";
import { inOrder } from "./desk_page.js";
import { deskState } from "./desk_state.js";
import { selectAll, selectOne } from "./elements.js";
import { LETTERS } from "./names.js";

const reportsBody = selectOne(".desk-reports tbody");
const headers = selectAll(".desk-reports thead th");

// Rows of the table, and their links to what changed, by page.
export const reportRows = new Map(
  Array.from(reportsBody.rows, (row) => {
    const changes = selectOne("a", row.cells[7]);
    return [row.dataset.page, { row, changes }];
  }),
);

export function drawReports() {
  const sums = tally((passage) => passage.report.page);
  for (const [page, { row }] of reportRows) {
    const sum = sums.get(page);
    row.hidden = !isListed(page, sums);
    if (row.hidden) continue;
    row.cells[3].textContent = sum?.total ?? 0;
    LETTERS.forEach((letter, i) => {
      row.cells[4 + i].textContent = sum?.[letter] ?? 0;
    });
    selectOne("small", row.cells[0]).hidden = LETTERS.some((letter) => sum?.[letter]);
  }
}

// Whether a report is listed: those of the chosen country and year are, without findings too.
function isListed(page, pagesWithCandidates) {
  if (pagesWithCandidates.has(page)) return true;
  const { country, year, section } = form.elements;
  const report = reports.get(page);
  if (section.value) return false;
  if (country.value && report?.country !== country.value) return false;
  return !year.value || String(report?.year) === year.value;
}

// How many reports the filters leave: one number, wherever it stands.
export function countListedReports() {
  const pages = new Set(candidates.map(({ report }) => report.page));
  return [...reportRows.keys()].filter((page) => isListed(page, pages)).length;
}

function columnName(header) {
  return header.textContent.trim().toLowerCase().split(/\s+/).pop();
}

function isOfNumbers(header) {
  return header.firstElementChild.dataset.kind === "number";
}

// Sort by the name of a column, after a minus its reverse; by what is no column, by country.
export function sortReports(by) {
  const named = headers.find((header) => columnName(header) === by.replace(/^-/, ""));
  deskState.sortedBy = named ? by : "";
  const chosen = named ?? headers[1];
  const column = headers.indexOf(chosen);
  const sign = by.startsWith("-") ? -1 : 1;
  const textOf = (row) => row.cells[column].textContent;
  const numberOf = (row) => Number(textOf(row).match(/\d+/)?.[0] ?? -1);
  const yearOf = (row) => Number(row.cells[2].textContent) || 0;
  const compare = isOfNumbers(chosen)
    ? (a, b) => numberOf(a) - numberOf(b)
    : (a, b) => inOrder(textOf(a), textOf(b));
  const rows = Array.from(reportsBody.rows);
  rows.sort((a, b) => sign * compare(a, b) || yearOf(a) - yearOf(b));
  reportsBody.append(...rows);
  for (const header of headers) header.setAttribute("aria-sort", "none");
  chosen.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
}

// A click on a head sorts, another turns it round; of numbers the largest come first.
export function makeReportsSortable() {
  for (const header of headers) {
    header.firstElementChild.addEventListener("click", () => {
      const direction = header.getAttribute("aria-sort");
      const toReverse = isOfNumbers(header)
        ? direction !== "descending"
        : direction === "ascending";
      sortReports(toReverse ? `-${columnName(header)}` : columnName(header));
      writeAddress();
    });
  }
}
