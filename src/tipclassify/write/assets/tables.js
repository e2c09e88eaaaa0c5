// Tables sorted by a column: a click or a key on its head sorts, another turns it round, a third
// restores the order. Covered by tests/reports/test_html_report.py, in a browser.
import { makeButton, selectAll } from "./elements.js";

const SIGN = { ascending: 1, descending: -1 };

export function makeTablesSortable() {
  for (const table of selectAll("table.sortable")) makeSortable(table);
}

function makeSortable(table) {
  const [body] = table.tBodies;
  const order = Array.from(body.rows);
  const heads = Array.from(table.tHead.rows[0].cells);
  const firstOfNumbers = heads.findIndex((head) => head.dataset.numbers !== undefined);
  heads.forEach((head, column) => {
    const isText = column < firstOfNumbers;
    const compare = isText ? compareTexts : compareNumbers;
    const sort = () => {
      const direction = nextDirection(head.getAttribute("aria-sort"), isText);
      for (const other of heads) other.removeAttribute("aria-sort");
      const rows = order.slice();
      if (direction) {
        head.setAttribute("aria-sort", direction);
        const textOf = (row) => row.cells[column].textContent;
        rows.sort((a, b) => SIGN[direction] * compare(textOf(a), textOf(b)));
      }
      body.append(...rows);
    };
    const button = makeButton("", sort);
    button.append(...head.childNodes);
    head.append(button);
  });
}

// Texts ascend first; of numbers the largest come first.
function nextDirection(direction, isText) {
  const directions = isText ? ["ascending", "descending"] : ["descending", "ascending"];
  if (direction === directions[0]) return directions[1];
  return direction === directions[1] ? null : directions[0];
}

function compareTexts(a, b) {
  return a.localeCompare(b, "en", { numeric: true });
}

function compareNumbers(a, b) {
  return numberOf(a) - numberOf(b);
}

// "1,234 5%" is 1234; what is no number comes last.
function numberOf(text) {
  return Number(text.replace(/,/g, "").match(/^\d+/)?.[0] ?? -1);
}
