// The findings of the page, in its order, and what the other modules ask of them.
// Covered by tests/reports/test_html_report.py, in a browser.
import { makeBadge, makeElement, selectAll, selectOne } from "./elements.js";
import { probability } from "./probability.js";

export const articles = selectAll("main > article");
export const findings = selectAll("main mark").map(findingOf);

const ofMark = new Map(findings.map((finding) => [finding.mark, finding]));
const ofBadge = new Map(findings.map((finding) => [finding.badge, finding]));

export function findingOfMark(mark) {
  return ofMark.get(mark);
}

export function findingOfBadge(badge) {
  return ofBadge.get(badge);
}

// The finding that "#r1p2", or "r1p2", names.
export function findingOfHash(hash) {
  return ofMark.get(document.getElementById(hash.replace(/^#/, "")));
}

// Outside of the text, direction characters would act on what stands around them (Unicode Annex 9).
export function inert(text) {
  const withoutDirection = text.replace(/[\u202a-\u202e\u2066-\u2069]/g, "\ufffd");
  return withoutDirection.replace(/\s+/g, " ").trim();
}

function findingOf(mark) {
  const scores = mark.dataset.scores.split(" ").map(Number);
  const article = mark.closest("article");
  const badge = mark.nextElementSibling;
  const text = inert(mark.textContent);
  return {
    mark,
    badge,
    card: document.getElementById(mark.id + "w"),
    dots: selectOne(`.map a[href="#${mark.id}"]`),
    article,
    section: mark.closest("section").dataset.name,
    country: mark.dataset.country || article.dataset.country || "",
    year: mark.dataset.year || article.dataset.year || "",
    text,
    words: text.toLowerCase(),
    labels: Array.from(mark.dataset.labels, (letter, i) => ({ letter, score: scores[i] })),
    left: [], // the labels that the filter leaves
    doubtful: Boolean(selectOne("i", badge)),
    row: "row" in mark.dataset, // of a table
    again: "first" in mark.dataset, // a sentence that stands before in its report
    template: "template" in mark.dataset, // stands in many reports
    rank: Number(mark.dataset.rank),
    shown: true,
  };
}

// Badge and probability of each label, report, section and page: what stands beside a finding
// wherever it is listed.
export function factsLine({ labels, section, mark, country, year }) {
  const line = makeElement("small");
  for (const { letter, score } of labels) {
    line.append(makeBadge(letter), ` ${probability(score)} `);
  }
  const report = articles.length > 1 ? [country, year] : [];
  const place = [...report, section, mark.dataset.page && `p. ${mark.dataset.page}`];
  line.append(`· ${place.filter(Boolean).map(inert).join(" · ")}`);
  return line;
}
