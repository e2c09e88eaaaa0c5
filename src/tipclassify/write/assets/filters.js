// The filters of the bar: which findings, sections and reports they leave.
// Covered by tests/reports/test_html_report.py, in a browser.
import { selectAll, selectOne } from "./elements.js";
import { articles, findings, inert } from "./findings.js";
import { LETTERS } from "./names.js";

export const tools = selectOne(".tools");
export const fields = tools.elements;
export const MENUS = ["country", "year", "report", "section"];

// Passages by country, year and section: what counts are a share of.
export const passageGroups = new Map(
  articles.map((article) => [article, JSON.parse(article.dataset.passages)]),
);

// Whether a country, year and section are those that the menus choose.
export function isChosenPlace(country, year, section) {
  if (fields.country.value && country !== fields.country.value) return false;
  if (fields.year.value && year !== fields.year.value) return false;
  return !fields.section.value || section.toLowerCase() === fields.section.value;
}

function isChosenReport(article) {
  if (fields.report.value && article.id !== fields.report.value) return false;
  if (!fields.country.value && !fields.year.value) return true;
  return passageGroups.get(article).some(([country, year]) => {
    if (fields.country.value && country !== fields.country.value) return false;
    return !fields.year.value || year === fields.year.value;
  });
}

// Mark each finding as shown or not, and hide what has none where only findings are wanted.
export function filterFindings() {
  const labels = checkedLetters();
  const least = Number(fields.least.value);
  const words = fields.words.value.trim().replace(/\s+/g, " ").toLowerCase();
  for (const finding of findings) {
    finding.left = finding.labels.filter(
      ({ letter, score }) => labels.includes(letter) && score >= least,
    );
    finding.shown =
      finding.left.length > 0 &&
      (!fields.report.value || finding.article.id === fields.report.value) &&
      isChosenPlace(finding.country, finding.year, finding.section) &&
      finding.words.includes(words);
    finding.mark.classList.toggle("off", !finding.shown);
    finding.dots.classList.toggle("off", !finding.shown);
  }
  for (const article of articles) article.hidden = !isChosenReport(article);
  const only = fields.only.checked;
  for (const block of selectAll(".text section > p")) {
    block.hidden = only && !selectOne("mark:not(.off)", block);
  }
  for (const section of selectAll(".text section")) {
    section.hidden = only && !selectOne(":scope > p:not([hidden])", section);
  }
  selectOne("main").classList.toggle("findings", only); // on paper the list of findings alone
  fields["least-shown"].value = least.toFixed(2);
}

function checkedLetters() {
  return selectAll('[name="label"]:checked', tools).map((box) => box.value);
}

// Names and values of the filters that are set, as the address writes them.
export function filtersSet() {
  const parameters = new URLSearchParams();
  const labels = checkedLetters();
  if (labels.length < LETTERS.length) parameters.set("label", labels.join("") || "none");
  for (const name of MENUS) {
    if (fields[name].value) parameters.set(name, fields[name].value);
  }
  if (Number(fields.least.value) > Number(fields.least.min)) {
    parameters.set("from", fields.least.value);
  }
  if (fields.words.value.trim()) parameters.set("words", fields.words.value.trim());
  if (fields.only.checked) parameters.set("only", "findings");
  return parameters;
}

// Say below the bar which filters are set.
export function sayFilters() {
  const filters = filtersSet();
  selectOne('[type="reset"]', tools).disabled = filters.size === 0;
  const line = selectOne(".filtered");
  line.hidden = filters.size === 0;
  const parts = Array.from(filters, ([name, value]) => `${name} ${value}`);
  line.textContent = `Counts and findings are those of the filter: ${parts.join(", ")}.`;
}

// Fill the menus with what the page has, and let the slider begin at the lowest probability.
export function fillFilters() {
  const groups = Array.from(passageGroups.values()).flat();
  fillMenu("country", optionsOf(groups.map(([country]) => country)));
  fillMenu("year", optionsOf(groups.map(([, year]) => year)));
  fillMenu(
    "report",
    articles.map((article) => [article.id, inert(selectOne("h2", article).textContent)]),
  );
  fillMenu(
    "section",
    findings.map(({ section }) => [section.toLowerCase(), section]),
  );
  const scores = findings.flatMap(({ labels }) => labels.map(({ score }) => score));
  const lowest = scores.reduce((least, score) => Math.min(least, score), 1);
  const least = Math.floor(lowest * 100) / 100;
  fields.least.min = least;
  fields.least.value = least;
  fields.least.defaultValue = least;
}

function optionsOf(values) {
  return values.sort((a, b) => a.localeCompare(b, "en")).map((value) => [value, value]);
}

function fillMenu(name, options) {
  const texts = new Map(); // by their values, each once
  for (const [value, text] of options) {
    if (value && !texts.has(value)) texts.set(value, text);
  }
  for (const [value, text] of texts) fields[name].add(new Option(text, value));
  fields[name].hidden = texts.size < 2;
}
