// The table of reports: counts that follow the filters, rows that sort by any column.
// Covered by tests/reporting/test_desk.py.

const reportsBody = document.querySelector(".desk-reports tbody");
const headers = Array.from(document.querySelectorAll(".desk-reports thead th"));
let sortedBy = ""; // a column, or after a minus its reverse: "year", "-year"
const reportRows = new Map(
  Array.from(reportsBody.rows, (row) => [
    row.dataset.page,
    { row, change: row.cells[7].querySelector("a") },
  ]),
);

const columnName = (header) => header.textContent.trim().toLowerCase().split(/\s+/).pop();

function drawReports() {
  const sums = tally((passage) => passage.report.page);
  for (const [page, { row }] of reportRows) {
    const sum = sums.get(page);
    row.hidden = !isListed(page, sums);
    if (row.hidden) continue;
    row.cells[3].textContent = sum?.total ?? 0;
    LETTERS.forEach((letter, n) => (row.cells[4 + n].textContent = sum?.[letter] ?? 0));
    row.cells[0].querySelector("small").hidden = LETTERS.some((letter) => sum?.[letter]);
  }
}

// A report of the chosen country and year is listed, with findings or without.
function isListed(page, pages) {
  if (pages.has(page)) return true;
  const { country, year, section } = form.elements;
  const report = reports.get(page);
  return (
    !section.value &&
    (!country.value || report?.country === country.value) &&
    (!year.value || String(report?.year) === year.value)
  );
}

// How many reports the filters leave: one number, wherever it stands.
function listedReports() {
  const pages = new Set(within.map(({ report }) => report.page));
  return [...reportRows.keys()].filter((page) => isListed(page, pages)).length;
}

function sortReports(by) {
  const header = headers.find((each) => columnName(each) === by.replace(/^-/, ""));
  sortedBy = header ? by : "";
  const chosen = header ?? headers[1];
  const column = headers.indexOf(chosen);
  const number = chosen.firstElementChild.dataset.kind === "number";
  const down = by.startsWith("-") ? -1 : 1;
  const key = (row) => {
    const text = row.cells[column].textContent;
    return number ? Number(text.match(/\d+/)?.[0] ?? -1) : text;
  };
  const compare = (a, b) => (number ? key(a) - key(b) : inOrder(key(a), key(b)));
  const year = (row) => Number(row.cells[2].textContent) || 0;
  const rows = Array.from(reportsBody.rows).sort(
    (a, b) => down * compare(a, b) || year(a) - year(b),
  );
  reportsBody.append(...rows);
  for (const each of headers)
    each.setAttribute(
      "aria-sort",
      each !== chosen ? "none" : down > 0 ? "ascending" : "descending",
    );
}

for (const header of headers) {
  header.firstElementChild.addEventListener("click", () => {
    const ascending = header.getAttribute("aria-sort") === "ascending";
    const descending = header.getAttribute("aria-sort") === "descending";
    const number = header.firstElementChild.dataset.kind === "number"; // the largest first
    sortReports((number ? !descending : ascending) ? `-${columnName(header)}` : columnName(header));
    writeAddress();
  });
}
