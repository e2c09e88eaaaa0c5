// Paper: a list of the findings stands before each text, all that the filter leaves, with
// probability and page, under the name of their section, which a column of its own would repeat.
// Covered by tests/reports/test_html_report.py, in a browser.
import { makeBadge, makeElement, selectAll, selectOne } from "./elements.js";
import { articles, findings, inert } from "./findings.js";
import { probability } from "./probability.js";

export function listenToPrinting() {
  addEventListener("beforeprint", () => {
    for (const details of selectAll("details")) details.open = true;
    removeLists();
    for (const article of articles) {
      const shown = findings.filter((finding) => finding.shown && finding.article === article);
      if (shown.length) selectOne(".text", article).before(paperList(shown));
    }
  });
  addEventListener("afterprint", removeLists);
}

function removeLists() {
  for (const list of selectAll(".paper")) list.remove();
}

function paperList(shown) {
  const list = makeElement("table", { class: "paper" });
  const hasPages = shown.some(({ mark }) => mark.dataset.page);
  const columns = hasPages ? ["Finding", "Page", "Passage"] : ["Finding", "Passage"];
  const heads = columns.map((name) => makeElement("th", {}, name));
  list
    .createTHead()
    .insertRow()
    .append(...heads);
  let body = null;
  let sectionAbove = null;
  for (const { labels, section, mark, text } of shown) {
    if (section !== sectionAbove) {
      body = list.createTBody();
      body.insertRow().append(makeElement("th", { colspan: columns.length }, inert(section)));
      sectionAbove = section;
    }
    const row = body.insertRow();
    row.insertCell().append(...labels.map(paperTag));
    if (hasPages) row.insertCell().textContent = mark.dataset.page ?? "–";
    row.insertCell().textContent = text;
  }
  return list;
}

function paperTag({ letter, score }) {
  return makeElement("span", {}, makeBadge(letter), ` ${probability(score)} `);
}
