// Filters, the counts that follow them, and the address that keeps them.

const tools = one(".tools");
const fields = tools.elements;
const MENUS = ["country", "year", "report", "section"];
const folded = (name) => name.toLowerCase();
// Passages by country, year and section: what counts are a share of.
const passages = new Map(
  articles.map((article) => [article, JSON.parse(article.dataset.passages)]),
);

function filter() {
  const labels = all('[name="label"]:checked', tools).map((box) => box.value);
  const least = Number(fields.least.value);
  const words = fields.words.value.trim().replace(/\s+/g, " ").toLowerCase();
  const [country, year, report, section] = MENUS.map((name) => fields[name].value);
  const among = (land, of) => (!country || land === country) && (!year || of === year);
  const here = (article) =>
    (!report || article.id === report) &&
    (!(country || year) || passages.get(article).some(([land, of]) => among(land, of)));
  const inside = (land, of, name) => among(land, of) && (!section || folded(name) === section);
  for (const finding of findings) {
    finding.left = finding.labels.filter(
      ({ letter, score }) => labels.includes(letter) && score >= least,
    );
    finding.shown =
      finding.left.length > 0 &&
      (!report || finding.article.id === report) &&
      inside(finding.country, finding.year, finding.section) &&
      finding.words.includes(words);
    finding.mark.classList.toggle("off", !finding.shown);
    finding.dots.classList.toggle("off", !finding.shown);
  }
  for (const article of articles) article.hidden = !here(article);
  for (const block of all(".text section > p"))
    block.hidden = fields.only.checked && !one("mark:not(.off)", block);
  for (const part of all(".text section")) {
    part.hidden = fields.only.checked && !one(":scope > p:not([hidden])", part);
  }
  one("main").classList.toggle("findings", fields.only.checked); // on paper the list of findings alone
  fields["least-shown"].value = least.toFixed(2);
  const said = filters();
  one('[type="reset"]', tools).disabled = said.size === 0;
  const line = one(".filtered");
  line.hidden = said.size === 0;
  line.textContent = `Counts and findings are those of the filter: ${Array.from(said, ([name, value]) => `${name} ${value}`).join(", ")}.`;
  if (open && !open.shown) close();
  recount(inside, said.size > 0);
  count();
  keepAddress();
  draw();
}

// ---- Counts ---------------------------------------------------------------------------------------------------------

function recount(inside, narrowed) {
  const tally = new Map();
  const add = (key, by = 1) => tally.set(key, (tally.get(key) || 0) + by);
  for (const article of articles.filter((one) => !one.hidden)) {
    for (const [land, of, name, , onSubject] of passages.get(article)) {
      if (inside(land, of, name)) ["", article.id].forEach((key) => add(key, onSubject));
    }
  }
  for (const { article, section, left, shown, row, again } of findings) {
    for (const { letter } of shown ? left : []) {
      add(`${article.id} ${section} ${letter}`); // each place
      add(`${article.id} all ${letter}`);
      if (!row && !again) for (const key of ["", article.id]) add(`${key} ${letter}`);
    }
  }
  const read = (...key) => tally.get(key.join(" ")) || 0;
  const share = (part, whole) => (whole ? `${Math.round((100 * part) / whole)}%` : "–");
  for (const letter of LETTERS) {
    const box = one(`.count.${letter}`);
    one(".number", box).textContent = grouped(read("", letter));
    const sentences = read("", letter);
    one(".share", box).textContent =
      `sentence${sentences === 1 ? "" : "s"}, ${share(sentences, read(""))} of ${grouped(read(""))} on subject`;
    if (narrowed || box.dataset.narrowed) strongest(letter, box);
    box.dataset.narrowed = narrowed || "";
  }
  for (const row of all(".reports tbody tr")) {
    const name = one("a", row).hash.slice(1);
    row.hidden = document.getElementById(name).hidden;
    const whole = read(name);
    row.cells[3].textContent = grouped(whole);
    LETTERS.forEach((letter, i) =>
      fill(row.cells[4 + i], read(name, letter), share(read(name, letter), whole)),
    );
  }
  for (const article of articles) {
    for (const row of all(".sections tr:has(td)", article)) {
      const link = one("a", row);
      const name = [article.id, link ? inert(link.textContent) : "all"];
      LETTERS.forEach((letter, i) => fill(row.cells[1 + i], read(...name, letter)));
    }
  }
}

function fill(cell, number, share) {
  cell.replaceChildren(
    number ? grouped(number) : "–",
    ...(number && share ? [" ", made("small", share)] : []),
  );
}

// The most particular findings of a label that the filter leaves, and below them those that are folded.
function strongest(letter, box) {
  const score = (finding) => finding.left.find((label) => label.letter === letter).score;
  const found = findings.filter(
    ({ shown, left }) => shown && left.some((label) => label.letter === letter),
  );
  found.sort((a, b) => a.doubtful - b.doubtful || b.rank - a.rank || score(b) - score(a));
  const once = new Map(); // a text that reports share is listed once
  for (const finding of found)
    if (!finding.again && !once.has(finding.text)) once.set(finding.text, finding);
  const sentences = Array.from(once.values()).filter(({ row }) => !row);
  const rows = found.filter(({ row, again }) => row && !again);
  const particular = sentences.filter(({ template }) => !template);
  const first = [...particular, ...sentences.filter(({ template }) => template)].slice(
    0,
    MOST_STRONGEST,
  );
  const templates = sentences.filter((finding) => finding.template && !first.includes(finding));
  const folded = [
    templates.length &&
      `${grouped(templates.length)} sentence${templates.length > 1 ? "s that stand" : " that stands"} in many reports`,
    rows.length && `${grouped(rows.length)} table row${rows.length > 1 ? "s" : ""}`,
  ].filter(Boolean);
  const fold = one(".folded", box);
  fold.hidden = !folded.length;
  one("summary", fold).textContent = `and ${folded.join(", ")}`;
  one("ol", fold).replaceChildren(
    ...[...templates, ...rows].slice(0, MOST_FOLDED).map((finding) => {
      const [item, link] = [made("li"), made("a", finding.text)];
      link.href = `#${finding.mark.id}`;
      item.append(link);
      return item;
    }),
  );
  one(".strongest", box).replaceChildren(
    ...first.map((finding) => {
      const [item, link] = [made("li"), made("a", finding.text)];
      link.href = `#${finding.mark.id}`;
      item.append(link, facts({ ...finding, labels: [{ letter, score: score(finding) }] }));
      return item;
    }),
  );
}

// ---- The address ----------------------------------------------------------------------------------------------------

// Names and values of the filters that are set, as the address writes them.
function filters() {
  const said = new URLSearchParams();
  const labels = all('[name="label"]:checked', tools).map((box) => box.value);
  if (labels.length < LETTERS.length) said.set("label", labels.join("") || "none");
  for (const name of MENUS) if (fields[name].value) said.set(name, fields[name].value);
  if (Number(fields.least.value) > Number(fields.least.min)) said.set("from", fields.least.value);
  if (fields.words.value.trim()) said.set("words", fields.words.value.trim());
  if (fields.only.checked) said.set("only", "findings");
  return said;
}

let ready = false; // the address has been read; until then it is not written

function keepAddress() {
  if (!ready) return;
  const said = filters();
  const at = open && pinned ? open.mark.id : "";
  if (said.size && at) said.set("at", at);
  const hash = said.size ? `#${said}` : at ? `#${at}` : "";
  if (hash === location.hash) return;
  try {
    history.replaceState(null, "", hash || location.pathname + location.search);
  } catch {
    // some browsers allow no such thing to files, or not so often; the page works all the same
  }
}

// Sets the filters that the address names, and goes to its finding; a mere place in the page leaves the filters alone.
function readAddress() {
  const hash = location.hash.slice(1);
  const said = new URLSearchParams(hash);
  if (hash.includes("=")) {
    tools.reset();
    const letters = said.get("label");
    if (letters !== null)
      for (const box of all('[name="label"]', tools)) box.checked = letters.includes(box.value);
    for (const name of MENUS) {
      const value = said.get(name) || "";
      if (Array.from(fields[name].options).some((option) => option.value === value))
        fields[name].value = value;
    }
    fields.least.value = said.get("from") || fields.least.min;
    fields.words.value = said.get("words") || "";
    fields.only.checked = said.has("only");
    filter();
  }
  const finding = ofHash(hash.includes("=") ? said.get("at") || "" : hash);
  ready = true;
  if (finding) go(finding);
  keepAddress();
}

function reset() {
  tools.reset();
  filter();
}

// ---- The bar --------------------------------------------------------------------------------------------------------

function menu(name, options) {
  const known = new Map();
  for (const [value, text] of options) if (value && !known.has(value)) known.set(value, text);
  for (const [value, text] of known) fields[name].add(new Option(text, value));
  fields[name].hidden = known.size < 2;
}

const sorted = (values) =>
  values.sort((a, b) => a.localeCompare(b, "en")).map((value) => [value, value]);
const places = Array.from(passages.values()).flat();
menu("country", sorted(places.map(([land]) => land)));
menu("year", sorted(places.map(([, year]) => year)));
menu(
  "report",
  articles.map((article) => [article.id, inert(one("h2", article).textContent)]),
);
menu(
  "section",
  findings.map(({ section }) => [folded(section), section]),
);
const lowest = findings.reduce(
  (least, { labels }) => Math.min(least, ...labels.map(({ score }) => score)),
  1,
);
fields.least.min = fields.least.value = fields.least.defaultValue = Math.floor(lowest * 100) / 100;
tools.addEventListener("input", filter);
tools.addEventListener("reset", () => setTimeout(filter));
tools.addEventListener("submit", (event) => event.preventDefault());
fields.previous.addEventListener("click", () => step(-1));
fields.next.addEventListener("click", () => step(1));
one(".more").addEventListener("click", (event) => {
  const unfolded = tools.classList.toggle("unfolded");
  event.target.setAttribute("aria-expanded", unfolded);
});
