// The list of findings that the filters leave, with the words searched for marked.
// Covered by tests/reporting/test_desk.py.

const PAGE_SIZE = 20;
const findingsList = document.querySelector("#findings .desk-list");
const further = document.getElementById("further");
let ordered = [];
let byProbability = null; // all passages, sorted once
let byRank = null;
let counted = ""; // how many the filters leave, in words
let folded = []; // sentences that stand in many reports, and rows of tables: below the others

function drawFindings() {
  byProbability ??= passages.slice().sort((a, b) => b.best - a.best);
  byRank ??= byProbability.slice().sort((a, b) => b.rank - a.rank);
  const sorted = { "": byRank, probable: byProbability }[orderBox.value];
  ordered = sorted ? sorted.filter((passage) => passage.shown) : shown;
  const isFolded = ({ template, row }) => !orderBox.value && (template || row);
  folded = ordered.filter(isFolded);
  ordered = ordered.filter((passage) => !isFolded(passage));
  if (!ordered.length) [ordered, folded] = [folded, []];
  findingsList.replaceChildren();
  checkLines.clear();
  counted = countsLine();
  showFurther();
  document.getElementById("findings-note").textContent = findingsNote();
}

// "62 sentences and 23 table rows of 3 reports: failure 40, complicity 22"
function countsLine() {
  const reportCount = new Set(shown.map((passage) => passage.report)).size;
  const counts = noCounts();
  for (const passage of shown) for (const letter of passage.counted) counts[letter] += 1;
  const parts = LETTERS.filter((letter) => counts[letter]).map(
    (letter) => `${NAMES[letter].toLowerCase()} ${counts[letter].toLocaleString("en")}`,
  );
  return `${kindsOf(shown)} of ${plural(reportCount, "report")}${parts.length ? `: ${parts.join(", ")}` : ""}`;
}

function findingsNote() {
  return shown.length
    ? `${counted}. ${checkedOf(shown)}`
    : "Nothing is left by the filters: fewer words, or more labels, find more.";
}

const plural = (count, name) => `${count.toLocaleString("en")} ${name}${count === 1 ? "" : "s"}`;

function showFurther() {
  const from = findingsList.children.length;
  const { begins } = parseQuery(form.elements.words.value);
  for (const passage of ordered.slice(from, from + PAGE_SIZE))
    findingsList.append(findingItem(passage, begins));
  further.hidden = findingsList.children.length >= ordered.length;
  const templates = folded.filter(({ row }) => !row).length;
  const parts = [
    templates &&
      `${plural(templates, "sentence")} that ${templates === 1 ? "stands" : "stand"} in many reports`,
    folded.length > templates && plural(folded.length - templates, "table row"),
  ];
  unfold.hidden = !further.hidden || !folded.length;
  unfold.textContent = `and ${parts.filter(Boolean).join(", ")}`;
  const left = ordered.length + folded.length - findingsList.children.length;
  document.getElementById("not-printed").textContent = left
    ? `${plural(left, "more finding")} not printed: show them first.`
    : "";
  if (from) findingsList.children[from]?.querySelector("a").focus();
}
further.addEventListener("click", showFurther);

const unfold = document.getElementById("unfold");
unfold.addEventListener("click", () => {
  [ordered, folded] = [[...ordered, ...folded], []];
  showFurther();
});

// "62 sentences and 23 table rows"
function kindsOf(findings) {
  const rows = findings.filter(({ row }) => row).length;
  return `${plural(findings.length - rows, "sentence")}${rows ? ` and ${plural(rows, "table row")}` : ""}`;
}

function findingItem(passage, begins) {
  const { report } = passage;
  const facts = make("p", { class: "facts" });
  for (const letter of passage.letters) {
    const score = probability(passage.scores[LETTERS.indexOf(letter)]);
    facts.append(make("span", { class: "label" }, badge(letter), ` ${NAMES[letter]} `, score), " ");
  }
  const title = make(
    "a",
    { href: report.page + (passage.id && `#${passage.id}`) },
    make("bdi", {}, report.title),
  );
  const where = [
    passage.country,
    passage.year,
    passage.section,
    passage.page && `p. ${passage.page}`,
  ];
  const low = passage.low ? ["low confidence"] : [];
  facts.append(
    title,
    ...[...where, ...low].filter(Boolean).flatMap((text) => [" · ", make("bdi", {}, text)]),
  );
  const item = make(
    "li",
    {},
    make("p", { class: "quote", dir: "auto" }, ...markWords(passage.text, begins)),
    facts,
  );
  if (passage.row) facts.append(" · table row");
  item.append(
    make("p", { class: "do" }, saveButton(passage), copyButton(passage)),
    checkLine(passage),
  );
  return item;
}

function markWords(text, begins) {
  if (!begins.length) return [text];
  const parts = [];
  let at = 0;
  for (const word of text.matchAll(/[\p{L}\p{N}\p{M}]+/gu)) {
    if (
      !wordsOf(word[0])
        .map(american)
        .some((plain) => begins.some((begin) => plain.startsWith(begin)))
    )
      continue;
    parts.push(text.slice(at, word.index), make("mark", { class: "hit" }, word[0]));
    at = word.index + word[0].length;
  }
  return [...parts, text.slice(at)];
}

function button(text, action, attributes = {}) {
  const element = make("button", { type: "button", ...attributes }, text);
  element.addEventListener("click", () => action(element));
  return element;
}

function say(text) {
  document.getElementById("status").textContent = text;
}

function copyButton(passage) {
  return button("Copy citation", async (copy) => {
    const done = await copyText(plainCitation(citationOf(passage)), copy.parentElement);
    copy.textContent = done ? "Copied" : "Not copied: not allowed here";
    say(copy.textContent);
    setTimeout(() => (copy.textContent = "Copy citation"), 2000);
  });
}
