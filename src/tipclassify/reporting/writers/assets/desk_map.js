// The heat map: a table of countries by year for each label, whose tint says what its numbers say. Publications are never
// added up: a country has a row for each.
// Covered by tests/reporting/test_desk.py.

const STEPS = 6;

// Make an element with text, never markup.
function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) element.setAttribute(attribute, value);
  }
  element.append(...children);
  return element;
}

const badge = (letter) => make("b", { class: letter }, letter);

// Count the labels of passages by a key.
function tally(keyOf) {
  const sums = new Map();
  for (const passage of within) {
    const key = keyOf(passage);
    let sum = sums.get(key);
    if (!sum) sums.set(key, (sum = { total: 0, ...noCounts(), passage, pages: new Set() }));
    sum.total += passage.subject ? 1 : 0; // shares are of the sentences about trafficking
    sum.pages.add(passage.report.page);
    for (const letter of passage.counted) {
      if (!sum[letter]) sum[`first${letter}`] = passage;
      sum[letter] += 1;
    }
  }
  return sums;
}

const inOrder = new Intl.Collator("en", { numeric: true }).compare;
const cellOf = (passage) => (passage.cell ??= `${rowOf(passage)}\n${passage.year}`);
const publications = new Set(); // of all passages
const rowOf = (passage) =>
  (passage.mapRow ??= `${passage.country || passage.report.title}${publications.size > 1 ? `\t${passage.series || "no publication"}` : ""}`);

function drawMap() {
  const cells = tally(cellOf);
  const rows = [...new Set(within.map(rowOf))].sort(inOrder);
  const years = [...new Set(within.map((passage) => passage.year))].sort();
  const letters = LETTERS.filter((letter) => checkedLabels().includes(letter));
  const valueOf = (cell, letter) => (shares ? (100 * cell[letter]) / cell.total : cell[letter]);
  let most = 0;
  for (const cell of cells.values())
    for (const letter of letters) most = Math.max(most, valueOf(cell, letter));
  const changes = new Map(); // the latest of each row
  for (const passage of firstOf.values()) {
    const { report } = passage;
    const link = reportRows.get(report.page)?.change;
    if (link && !(changes.get(rowOf(passage))?.year > report.year))
      changes.set(rowOf(passage), { year: report.year, link });
  }
  const head = make("tr", {}, make("th", { scope: "col", rowspan: 2 }, "Country"));
  if (changes.size)
    head.append(make("th", { scope: "col", rowspan: 2, class: "change" }, "Changes"));
  for (const letter of letters)
    head.append(
      make(
        "th",
        { scope: "colgroup", colspan: years.length, class: "group" },
        badge(letter),
        ` ${NAMES[letter]}`,
      ),
    );
  const second = make("tr");
  for (const letter of letters)
    years.forEach((year, n) =>
      second.append(
        make("th", { scope: "col", class: n ? undefined : "group" }, year || "no year"),
      ),
    );
  const body = make("tbody");
  for (const name of rows) {
    const [country, series] = name.split("\t");
    const line = make(
      "tr",
      {},
      make("th", { scope: "row" }, country, ...(series ? [" ", make("small", {}, series)] : [])),
    );
    if (changes.size)
      line.append(make("td", { class: "change" }, changes.get(name)?.link.cloneNode(true) ?? ""));
    for (const letter of letters) {
      years.forEach((year, n) =>
        line.append(
          mapCell(
            cells.get(`${name}\n${year}`),
            letter,
            [country, series].filter(Boolean).join(", "),
            year,
            { most, valueOf, first: !n },
          ),
        ),
      );
    }
    body.append(line);
  }
  const table = document.querySelector(".desk-map");
  table.replaceChildren(
    make(
      "caption",
      { class: "vh" },
      `${shares ? "Share of passages in per cent" : "Number of findings"} by country, ${publications.size > 1 ? "publication " : ""}and year`,
    ),
    make("thead", {}, head, second),
    body,
  );
  const note = !rows.length
    ? "No report is left by the filters."
    : `${letters.length ? "A number leads to its report; the stronger the tint, the more" : "No label is chosen"}${most ? `: the strongest is ${Math.round(most)}${shares ? "%" : ""}` : ""}.`;
  document.getElementById("map-note").textContent = note;
}

function mapCell(cell, letter, name, year, { most, valueOf, first }) {
  if (!cell)
    return make(
      "td",
      { class: first ? "group none" : "none" },
      make("span", { class: "vh" }, "no report"),
    );
  const value = valueOf(cell, letter);
  const step = value ? Math.max(1, Math.ceil((STEPS * value) / most)) : 0;
  const text = shares && value && value < 1 ? "<1" : String(Math.round(value));
  const lead = cell[`first${letter}`] ?? cell.passage;
  // With several reports, to their list; in a book of many countries, to the first finding of this one.
  const inside = (lead.report.country || "") === lead.country ? "" : lead.id && `#${lead.id}`;
  const href =
    cell.pages.size > 1
      ? addressOf({
          view: "reports",
          ...(lead.country && { country: lead.country }),
          ...(lead.series && { publication: lead.series }),
          ...(year && { year }),
        })
      : lead.report.page + inside;
  const link = make(
    "a",
    { href, "aria-label": `${text}${shares ? "%" : ""} ${NAMES[letter]}, ${name} ${year}`.trim() },
    text,
  );
  return make("td", { class: `${letter} heat${step}${first ? " group" : ""}` }, link);
}
