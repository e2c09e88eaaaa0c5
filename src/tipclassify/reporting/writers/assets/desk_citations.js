// The fields of a citation from the desk's data, and citations as rows of CSV. Covered by tests/reporting/test_desk.py.

function citationOf(passage) {
  const { report, letters, scores } = passage;
  const labels = letters.map((letter) => LETTERS.indexOf(letter)).map((n) => labelled(LABELS[n], scores[n]));
  return {
    key: passage.key,
    quote: passage.text,
    title: report.title,
    publication: report.publication,
    publisher: report.publisher,
    date: report.date,
    country: passage.country,
    year: passage.year,
    section: passage.section,
    page: passage.page,
    paragraph: passage.paragraph,
    characters: `${passage.start}–${passage.end}`,
    address: report.address,
    read: report.read,
    labels: labels.join(" and "),
    model: report.model,
  };
}

// A quotation mark before what a spreadsheet would run as a formula (CWE-1236), as formatting.csv_cell.
function csvCell(value) {
  const inner = String(value).replace(/([;\t\r\n][\s\ufeff\ufffd"]*)(?=[=+\-@＝＋－＠])/g, "$1'");
  const text = /^([\t\r\n]|[\s\ufeff\ufffd]*[=+\-@＝＋－＠])/.test(inner) ? `'${inner}` : inner;
  return /[",;\t\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
}

function csvTable(citations) {
  const own = (cited) => [cited.folder ?? "", cited.tags ?? "", cited.note ?? "", checkWords(cited.key).join("; ")];
  const names = ["title", "publication", "publisher", "date", "country", "year", "section", "page", "paragraph", "characters", "quote", "labels", "address", "read", "model", "key"];
  const rows = [[...names, "citation", "folder", "tags", "note", "checked"], ...citations.map((cited) => [...names.map((name) => cited[name] ?? ""), plainCitation(cited), ...own(cited)])];
  return "\ufeff" + rows.map((row) => row.map(csvCell).join(",") + "\r\n").join("");
}
