// The fields of a citation from the desk's data, and citations as CSL-JSON and as rows of CSV. Covered by tests/reporting/test_desk.py.

function citationOf(passage) {
  const { report, letters, scores } = passage;
  const labels = letters.map((letter) =>
    labelled(labelOf(letter), scores[LETTERS.indexOf(letter)]),
  );
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

function cslDate(date) {
  return /^\d{4}(-\d\d){0,2}$/.test(date) ? { "date-parts": [date.split("-").map(Number)] } : null;
}

function cslCitation(cited, remark = "") {
  const values = valuesOf(cited);
  values.source = known(values.source, remark).join(" ");
  const item = { id: cited.key, type: "report", language: "en" };
  for (const [variable, name] of Object.entries(CSL_VARIABLES)) {
    const value = CSL_DATES.includes(variable) ? cslDate(values[name]) : values[name];
    if (value) item[variable] = value;
  }
  return item;
}

// A quotation mark before what a spreadsheet would run as a formula (CWE-1236), as formatting.csv_cell.
function csvCell(value) {
  const inner = String(value).replace(/([;\t\r\n][\s\ufeff\ufffd"]*)(?=[=+\-@＝＋－＠])/g, "$1'");
  const text = /^([\t\r\n]|[\s\ufeff\ufffd]*[=+\-@＝＋－＠])/.test(inner) ? `'${inner}` : inner;
  return /[",;\t\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
}

function csvTable(citations) {
  const own = (cited) => [
    cited.folder ?? "",
    cited.tags ?? "",
    cited.note ?? "",
    checkWords(cited.key).join("; "),
  ];
  const head = [...CITATION_COLUMNS, "citation", "folder", "tags", "note", "checked"];
  const csvRow = (cited) => [
    ...CITATION_COLUMNS.map((name) => cited[name] ?? ""),
    plainCitation(cited),
    ...own(cited),
  ];
  const rows = [head, ...citations.map(csvRow)];
  return "\ufeff" + rows.map((row) => row.map(csvCell).join(",") + "\r\n").join("");
}
