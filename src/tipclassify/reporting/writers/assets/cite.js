// The citation of a finding in any of three forms, for the clipboard.

function citers(finding) {
  const forms = [
    ["Text", plainCitation],
    ["BibTeX", bibtexCitation],
    ["RIS", risCitation],
  ];
  const group = made("span", "Cite ", "cite");
  group.setAttribute("aria-live", "polite");
  for (const [name, form] of forms) {
    const copy = button(name, async () => {
      copy.textContent = (await copyText(form(citationOf(finding)), open.card))
        ? "Copied"
        : "Not allowed here";
      setTimeout(() => (copy.textContent = name), 2000);
    });
    copy.title = `Copy the citation as ${name === "Text" ? "plain text" : name}`;
    group.append(copy, " ");
  }
  return [group];
}

function citationOf({ mark, article, section, country, year, labels }) {
  const { title, address } = article.dataset;
  const { day, tool } = document.body.dataset;
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
    labels: labels.map(({ letter, score }) => labelled(labelOf(letter), score)).join(" and "),
    model: tool,
  };
}
