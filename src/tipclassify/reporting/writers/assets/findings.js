// The findings of the page, in its order, and what the other files ask of them.

const all = (selector, within = document) => Array.from(within.querySelectorAll(selector));
const one = (selector, within = document) => within.querySelector(selector);

const articles = all("main > article");
// Outside of the text, direction characters would act on what stands around them (Unicode Annex 9).
const inert = (text) =>
  text
    .replace(/[\u202a-\u202e\u2066-\u2069]/g, "\ufffd")
    .replace(/\s+/g, " ")
    .trim();

const findings = all("main mark").map((mark) => {
  const scores = mark.dataset.scores.split(" ").map(Number);
  const article = mark.closest("article");
  const badge = mark.nextElementSibling;
  const text = inert(mark.textContent);
  return {
    mark,
    badge,
    card: document.getElementById(mark.id + "w"),
    dots: one(`.map a[href="#${mark.id}"]`),
    article,
    section: mark.closest("section").dataset.name,
    country: mark.dataset.country || article.dataset.country || "",
    year: mark.dataset.year || article.dataset.year || "",
    text,
    words: text.toLowerCase(),
    labels: Array.from(mark.dataset.labels, (letter, i) => ({ letter, score: scores[i] })),
    doubtful: Boolean(one("i", badge)),
    row: "row" in mark.dataset, // of a table
    again: "first" in mark.dataset, // a sentence that stands before in its report
    template: "template" in mark.dataset, // stands in many reports
    rank: Number(mark.dataset.rank),
    shown: true,
  };
});
const ofMark = new Map(findings.map((finding) => [finding.mark, finding]));
const ofBadge = new Map(findings.map((finding) => [finding.badge, finding]));
const ofHash = (hash) => ofMark.get(document.getElementById(hash.replace(/^#/, "")));

const grouped = (number) => number.toLocaleString("en-US");

function made(name, text = "", kind = "") {
  const element = document.createElement(name);
  element.textContent = text;
  if (kind) element.className = kind;
  return element;
}

function button(text, action) {
  const control = made("button", text);
  control.type = "button";
  control.addEventListener("click", action);
  return control;
}

// Badge and probability of each label, report, section and page: what stands beside a finding wherever it is listed.
function facts({ labels, section, mark, country, year }) {
  const line = made("small");
  for (const { letter, score } of labels)
    line.append(made("b", letter, letter), ` ${probability(score)} `);
  const named = articles.length > 1 ? [country, year] : [];
  const where = [...named, section, mark.dataset.page && `p. ${mark.dataset.page}`];
  line.append(`· ${where.filter(Boolean).map(inert).join(" · ")}`);
  return line;
}
