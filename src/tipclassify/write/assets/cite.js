// The citation of a finding in any of three forms, for the clipboard.
// Covered by tests/reports/test_html_report.py, in a browser.
import { bibtexCitation, copyText, labelled, plainCitation, risCitation } from "./citation.js";
import { makeButton, makeElement } from "./elements.js";
import { labelOf } from "./labels.js";
import { NO_SECTION } from "./names.js";

const FORMS = [
  { name: "Text", inWords: "plain text", write: plainCitation },
  { name: "BibTeX", inWords: "BibTeX", write: bibtexCitation },
  { name: "RIS", inWords: "RIS", write: risCitation },
];

// The buttons that copy the citation of a finding.
export function citationButtons(finding) {
  const group = makeElement("span", { class: "cite", "aria-live": "polite" }, "Cite ");
  for (const { name, inWords, write } of FORMS) {
    const copy = async (button) => {
      const copied = await copyText(write(citationOf(finding)), finding.card);
      button.textContent = copied ? "Copied" : "Not allowed here";
      setTimeout(() => (button.textContent = name), 2000);
    };
    const title = `Copy the citation as ${inWords}`;
    group.append(makeButton(name, copy, { title }), " ");
  }
  return group;
}

export function citationOf({ mark, article, section, country, year, labels }) {
  const { title, address } = article.dataset;
  const { day, tool } = document.body.dataset;
  const withScores = labels.map(({ letter, score }) => labelled(labelOf(letter), score));
  return {
    key: mark.dataset.key,
    quote: mark.textContent.replace(/\s+/g, " ").trim(),
    title,
    publication: mark.dataset.publication ?? article.dataset.publication ?? "",
    publisher: mark.dataset.publisher ?? article.dataset.publisher ?? "",
    date: mark.dataset.date ?? article.dataset.date ?? "",
    country,
    year,
    section: section === NO_SECTION ? "" : section,
    page: mark.dataset.page,
    paragraph: mark.dataset.paragraph,
    characters: mark.dataset.at.replace("-", "–"),
    address,
    read: day,
    labels: withScores.join(" and "),
    model: tool,
  };
}
