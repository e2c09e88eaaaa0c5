// The list of findings that the filters leave, with the words searched for marked.
// Covered by tests/reports/test_desk.py, in a browser.
import { copyText, plainCitation } from "./citation.js";
import { checkLine, forgetCheckLines } from "./desk_check_lines.js";
import { checkedInWords } from "./desk_checks.js";
import { citationOf } from "./desk_citations.js";
import { passages, scoreOf } from "./desk_data.js";
import { form, noCounts, orderBox, shownPassages } from "./desk_filters.js";
import { say } from "./desk_page.js";
import { saveButton } from "./desk_saved.js";
import { american, beginningsOf, wordsOf } from "./desk_words.js";
import { makeBadge, makeButton, makeElement, selectOne } from "./elements.js";
import { grouped, plural } from "./labels.js";
import { LETTERS, NAMES } from "./names.js";
import { probability } from "./probability.js";

const PAGE_SIZE = 20;
const findingsList = selectOne("#findings .desk-list");
const furtherButton = document.getElementById("further");
const unfoldButton = document.getElementById("unfold");

let ordered = [];
let folded = []; // sentences that stand in many reports, and rows of tables: below the others
let byProbability = null; // all passages, sorted once
let byRank = null;
let counted = ""; // how many the filters leave, in words

export function drawFindings() {
  byProbability ??= passages.slice().sort((a, b) => b.best - a.best);
  byRank ??= byProbability.slice().sort((a, b) => b.rank - a.rank);
  ordered = inChosenOrder();
  const isFolded = ({ template, row }) => !orderBox.value && (template || row);
  folded = ordered.filter(isFolded);
  ordered = ordered.filter((passage) => !isFolded(passage));
  if (!ordered.length) unfold();
  findingsList.replaceChildren();
  forgetCheckLines();
  counted = countsLine();
  showFurther();
  sayFindings();
}

function inChosenOrder() {
  if (orderBox.value === "report") return shownPassages;
  const sorted = orderBox.value === "probable" ? byProbability : byRank;
  return sorted.filter((passage) => passage.shown);
}

function unfold() {
  ordered = [...ordered, ...folded];
  folded = [];
}

export function listenToFindings() {
  furtherButton.addEventListener("click", showFurther);
  unfoldButton.addEventListener("click", () => {
    unfold();
    showFurther();
  });
}

// "62 sentences and 23 table rows of 3 reports: failure 40, complicity 22"
function countsLine() {
  const reportsOfFindings = new Set(shownPassages.map((passage) => passage.report));
  const counts = noCounts();
  for (const passage of shownPassages) {
    for (const letter of passage.counted) counts[letter] += 1;
  }
  const parts = LETTERS.filter((letter) => counts[letter]).map((letter) => {
    return `${NAMES[letter].toLowerCase()} ${grouped(counts[letter])}`;
  });
  const line = `${kindsInWords(shownPassages)} of ${plural(reportsOfFindings.size, "report")}`;
  return parts.length ? `${line}: ${parts.join(", ")}` : line;
}

// "62 sentences and 23 table rows"
function kindsInWords(findings) {
  const rows = findings.filter(({ row }) => row).length;
  const sentences = plural(findings.length - rows, "sentence");
  return rows ? `${sentences} and ${plural(rows, "table row")}` : sentences;
}

// Say above the list what the filters leave, and how much of it is checked.
export function sayFindings() {
  const note = shownPassages.length
    ? `${counted}. ${checkedInWords(shownPassages)}`
    : "Nothing is left by the filters: fewer words, or more labels, find more.";
  document.getElementById("findings-note").textContent = note;
}

// Show the next findings of the list.
function showFurther() {
  const from = findingsList.children.length;
  const beginnings = beginningsOf(form.elements.words.value);
  for (const passage of ordered.slice(from, from + PAGE_SIZE)) {
    findingsList.append(findingItem(passage, beginnings));
  }
  const listed = findingsList.children.length;
  furtherButton.hidden = listed >= ordered.length;
  unfoldButton.hidden = !furtherButton.hidden || !folded.length;
  unfoldButton.textContent = `and ${foldedInWords()}`;
  const left = ordered.length + folded.length - listed;
  const note = `${plural(left, "more finding")} not printed: show them first.`;
  document.getElementById("not-printed").textContent = left ? note : "";
  const firstOfNew = from ? findingsList.children[from] : null;
  if (firstOfNew) selectOne("a", firstOfNew).focus();
}

// "7 sentences that stand in many reports, 23 table rows"
function foldedInWords() {
  const templates = folded.filter(({ row }) => !row).length;
  const rows = folded.length - templates;
  const parts = [];
  if (templates) {
    const verb = templates === 1 ? "stands" : "stand";
    parts.push(`${plural(templates, "sentence")} that ${verb} in many reports`);
  }
  if (rows) parts.push(plural(rows, "table row"));
  return parts.join(", ");
}

function findingItem(passage, beginnings) {
  const quote = makeElement("p", { class: "quote", dir: "auto" });
  quote.append(...markWords(passage.text, beginnings));
  const buttons = makeElement("p", { class: "do" }, saveButton(passage), copyButton(passage));
  return makeElement("li", {}, quote, factsOf(passage), buttons, checkLine(passage));
}

function factsOf(passage) {
  const { report } = passage;
  const line = makeElement("p", { class: "facts" });
  for (const letter of passage.letters) {
    const label = makeElement("span", { class: "label" }, makeBadge(letter), ` ${NAMES[letter]} `);
    label.append(probability(scoreOf(passage, letter)));
    line.append(label, " ");
  }
  const href = passage.id ? `${report.page}#${passage.id}` : report.page;
  line.append(makeElement("a", { href }, makeElement("bdi", {}, report.title)));
  const facts = [passage.country, passage.year, passage.section];
  if (passage.page) facts.push(`p. ${passage.page}`);
  if (passage.low) facts.push("low confidence");
  for (const fact of facts.filter(Boolean)) line.append(" · ", makeElement("bdi", {}, fact));
  if (passage.row) line.append(" · table row");
  return line;
}

// The text in parts, those in <mark> whose words begin as the query has it.
function markWords(text, beginnings) {
  if (!beginnings.length) return [text];
  const isHit = (word) => beginnings.some((beginning) => word.startsWith(beginning));
  const parts = [];
  let end = 0; // of what is in parts
  for (const match of text.matchAll(/[\p{L}\p{N}\p{M}]+/gu)) {
    const [word] = match;
    if (!wordsOf(word).map(american).some(isHit)) continue;
    parts.push(text.slice(end, match.index), makeElement("mark", { class: "hit" }, word));
    end = match.index + word.length;
  }
  return [...parts, text.slice(end)];
}

function copyButton(passage) {
  return makeButton("Copy citation", async (button) => {
    const isCopied = await copyText(plainCitation(citationOf(passage)), button.parentElement);
    button.textContent = isCopied ? "Copied" : "Not copied: not allowed here";
    say(button.textContent);
    setTimeout(() => (button.textContent = "Copy citation"), 2000);
  });
}
