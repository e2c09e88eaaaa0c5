// The counts of the page, which follow the filters: first screen, table of reports, sections.
// Covered by tests/reports/test_html_report.py, in a browser.
import { makeElement, selectAll, selectOne } from "./elements.js";
import { filtersSet, isChosenPlace, passageGroups } from "./filters.js";
import { articles, factsLine, findings, inert } from "./findings.js";
import { grouped, plural } from "./labels.js";
import { LETTERS, MOST_FOLDED, MOST_STRONGEST } from "./names.js";

// Count what the filter leaves. A finding counts in its place; of the page and of a report, a
// sentence counts once, and rows of tables do not.
function countFindings() {
  const tally = new Map();
  const add = (key, number = 1) => tally.set(key, (tally.get(key) || 0) + number);
  for (const article of articles.filter(({ hidden }) => !hidden)) {
    for (const [country, year, section, , onSubject] of passageGroups.get(article)) {
      if (!isChosenPlace(country, year, section)) continue;
      add("", onSubject);
      add(article.id, onSubject);
    }
  }
  for (const { article, section, left, row, again } of findings.filter(({ shown }) => shown)) {
    for (const { letter } of left) {
      add(`${article.id} ${section} ${letter}`);
      add(`${article.id} all ${letter}`);
      if (row || again) continue;
      add(` ${letter}`);
      add(`${article.id} ${letter}`);
    }
  }
  return (...key) => tally.get(key.join(" ")) || 0;
}

export function recount() {
  const countOf = countFindings();
  recountFirstScreen(countOf);
  recountReports(countOf);
  recountSections(countOf);
}

function recountFirstScreen(countOf) {
  const narrowed = filtersSet().size > 0;
  const onSubject = countOf("");
  for (const letter of LETTERS) {
    const box = selectOne(`.count.${letter}`);
    const sentences = countOf("", letter);
    const noun = `sentence${sentences === 1 ? "" : "s"}`;
    const share = shareOf(sentences, onSubject);
    selectOne(".number", box).textContent = grouped(sentences);
    selectOne(".share", box).textContent = `${noun}, ${share} of ${grouped(onSubject)} on subject`;
    if (narrowed || box.dataset.narrowed) listStrongest(letter, box);
    box.dataset.narrowed = narrowed || "";
  }
}

function recountReports(countOf) {
  for (const row of selectAll(".reports tbody tr")) {
    const report = selectOne("a", row).hash.slice(1);
    row.hidden = document.getElementById(report).hidden;
    const onSubject = countOf(report);
    row.cells[3].textContent = grouped(onSubject);
    LETTERS.forEach((letter, i) => {
      const sentences = countOf(report, letter);
      fillCell(row.cells[4 + i], sentences, shareOf(sentences, onSubject));
    });
  }
}

function recountSections(countOf) {
  for (const article of articles) {
    for (const row of selectAll(".sections tr:has(td)", article)) {
      const link = selectOne("a", row);
      const section = link ? inert(link.textContent) : "all";
      LETTERS.forEach((letter, i) => {
        fillCell(row.cells[1 + i], countOf(article.id, section, letter));
      });
    }
  }
}

function shareOf(part, whole) {
  return whole ? `${Math.round((100 * part) / whole)}%` : "–";
}

function fillCell(cell, number, share = "") {
  cell.replaceChildren(number ? grouped(number) : "–");
  if (number && share) cell.append(" ", makeElement("small", {}, share));
}

// List the most particular findings of a label that the filter leaves, and fold the others below.
function listStrongest(letter, box) {
  const scoreOf = (finding) => finding.left.find((label) => label.letter === letter).score;
  const hasLabel = ({ shown, left }) => shown && left.some((label) => label.letter === letter);
  const ranked = findings.filter(hasLabel);
  ranked.sort((a, b) => a.doubtful - b.doubtful || b.rank - a.rank || scoreOf(b) - scoreOf(a));
  const firstOfText = new Map(); // a text that reports share is listed once
  for (const finding of ranked) {
    if (!finding.again && !firstOfText.has(finding.text)) firstOfText.set(finding.text, finding);
  }
  const sentences = Array.from(firstOfText.values()).filter(({ row }) => !row);
  const rows = ranked.filter(({ row, again }) => row && !again);
  const particular = sentences.filter(({ template }) => !template);
  const inManyReports = sentences.filter(({ template }) => template);
  const listed = [...particular, ...inManyReports].slice(0, MOST_STRONGEST);
  const templates = inManyReports.filter((finding) => !listed.includes(finding));
  foldFindings(templates, rows, selectOne(".folded", box));
  selectOne(".strongest", box).replaceChildren(
    ...listed.map((finding) => {
      const item = linkedItem(finding);
      item.append(factsLine({ ...finding, labels: [{ letter, score: scoreOf(finding) }] }));
      return item;
    }),
  );
}

function foldFindings(templates, rows, fold) {
  const parts = [];
  if (templates.length) {
    const verb = templates.length > 1 ? "stand" : "stands";
    parts.push(`${plural(templates.length, "sentence")} that ${verb} in many reports`);
  }
  if (rows.length) parts.push(plural(rows.length, "table row"));
  fold.hidden = !parts.length;
  selectOne("summary", fold).textContent = `and ${parts.join(", ")}`;
  const links = [...templates, ...rows].slice(0, MOST_FOLDED);
  selectOne("ol", fold).replaceChildren(...links.map(linkedItem));
}

function linkedItem({ mark, text }) {
  return makeElement("li", {}, makeElement("a", { href: `#${mark.id}` }, text));
}
