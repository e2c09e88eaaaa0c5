// The filters: in a form, in the address, and as a test of a passage.
// Covered by tests/reporting/test_desk.py.

const VIEWS = ["map", "reports", "findings", "saved"];
const form = document.querySelector(".desk-tools");
const shown = []; // passages that the filters leave
const FIELDS = ["country", "publication", "year", "section"];
const within = []; // passages of the chosen country, publication, year and section, with or without the label and the words
let view = VIEWS[0];
let shares = false;
let least = 0;

const orderBox = document.querySelector('select[name="order"]');
const labelBoxes = Array.from(form.querySelectorAll('input[name="label"]'));
const checkedLabels = () => labelBoxes.filter((box) => box.checked).map((box) => box.value);

// The labels of a passage that count: those chosen, from the least probability chosen.
function countedLabels(passage, chosen) {
  return passage.letters.filter(
    (letter) => chosen.has(letter) && passage.scores[LETTERS.indexOf(letter)] >= least,
  );
}

function filterPassages() {
  const { country, publication, year, section, words, rows, checked } = form.elements;
  const chosen = new Set(checkedLabels());
  const hits = search(words.value);
  const all = chosen.size >= LETTERS.length && LETTERS.every((letter) => chosen.has(letter));
  shown.length = within.length = 0;
  least = Number(form.elements.least.value);
  const plain = all && least <= Number(form.elements.least.min); // all labels count
  passages.forEach((passage, number) => {
    passage.shown = false;
    passage.counted = TAGS[0];
    if (country.value && passage.country !== country.value) return;
    if (publication.value && passage.series !== publication.value) return;
    if (year.value && passage.year !== year.value) return;
    if (section.value && passage.folded !== section.value) return;
    if (passage.again || (passage.row && !rows.checked)) return; // said before in its report; counted apart
    within.push(passage);
    if (hits && !hits.has(number)) return;
    if (checked.value && !matchesCheck(passage.key, checked.value)) return;
    passage.counted = plain ? passage.letters : countedLabels(passage, chosen);
    passage.shown = passage.counted.length > 0 || (!passage.letters.length && chosen.has("N"));
    if (passage.shown) shown.push(passage);
  });
}

// ---- In the address ---------------------------------------------------------------------------------------------------

function writeAddress() {
  const fields = new URLSearchParams();
  const labels = checkedLabels().join("");
  if (view !== VIEWS[0]) fields.set("view", view);
  for (const name of FIELDS)
    if (form.elements[name].value) fields.set(name, form.elements[name].value);
  if (labels !== LETTERS.join("")) fields.set("labels", labels);
  if (form.elements.least.value !== form.elements.least.min)
    fields.set("least", form.elements.least.value);
  if (form.elements.words.value.trim()) fields.set("words", form.elements.words.value.trim());
  if (form.elements.rows.checked) fields.set("rows", "table");
  if (form.elements.checked.value) fields.set("checked", form.elements.checked.value);
  if (shares) fields.set("show", "shares");
  if (orderBox.value) fields.set("order", orderBox.value);
  if (sortedBy) fields.set("sort", sortedBy);
  history.replaceState(null, "", `#${fields}`);
  form.querySelector('[type="reset"]').disabled = ![
    ...FIELDS,
    "labels",
    "least",
    "words",
    "rows",
    "checked",
  ].some((name) => fields.has(name));
}

function readAddress() {
  const fields = new URLSearchParams(location.hash.slice(1));
  const labels = fields.get("labels") ?? LETTERS.join("");
  view = VIEWS.includes(fields.get("view")) ? fields.get("view") : VIEWS[0];
  for (const box of labelBoxes) box.checked = labels.includes(box.value);
  for (const name of [...FIELDS, "words"]) form.elements[name].value = fields.get(name) ?? "";
  for (const name of FIELDS)
    if (form.elements[name].selectedIndex < 0) form.elements[name].value = "";
  form.elements.least.value = fields.get("least") ?? form.elements.least.min;
  form.elements.rows.checked = fields.has("rows");
  form.elements.checked.value = fields.get("checked") ?? "";
  if (form.elements.checked.selectedIndex < 0) form.elements.checked.value = "";
  shares = fields.get("show") === "shares";
  orderBox.value = ["report", "probable"].includes(fields.get("order")) ? fields.get("order") : "";
  document.querySelector(`input[name="show"][value="${shares ? "shares" : "counts"}"]`).checked =
    true;
  sortReports(fields.get("sort") ?? "");
}

// A link to this page with other filters.
function addressOf(changes) {
  const fields = new URLSearchParams(location.hash.slice(1));
  for (const [name, value] of Object.entries(changes)) fields.set(name, value);
  return `#${fields}`;
}

function fillFilters() {
  const { country, publication, year, section } = form.elements;
  const countries = new Set();
  const years = new Set();
  const sections = new Map(); // and their numbers of tagged passages
  let lowest = 1;
  for (const passage of passages) {
    if (passage.country) countries.add(passage.country);
    if (passage.series) publications.add(passage.series);
    if (passage.year) years.add(passage.year);
    if (passage.letters.length)
      sections.set(passage.folded, (sections.get(passage.folded) ?? 0) + 1);
    for (const letter of passage.letters)
      lowest = Math.min(lowest, passage.scores[LETTERS.indexOf(letter)]);
  }
  for (const name of [...publications].sort(inOrder)) publication.add(new Option(name));
  publication.hidden = publications.size < 2;
  for (const name of [...countries].sort(inOrder)) country.add(new Option(name));
  for (const name of [...years].sort().reverse()) year.add(new Option(name));
  const common = [...sections].sort(([, a], [, b]) => b - a);
  for (const [name] of common) section.add(new Option(name[0].toUpperCase() + name.slice(1), name));
  form.elements.least.min = form.elements.least.defaultValue = Math.floor(lowest * 100) / 100;
}
