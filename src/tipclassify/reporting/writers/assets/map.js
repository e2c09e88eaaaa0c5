// The map beside a text, on which marks stand where their lines are on this screen; and paper.

function draw() {
  document.documentElement.style.setProperty("--tools", tools.offsetHeight + "px");
  for (const article of articles) {
    const text = one(".text", article).getBoundingClientRect();
    article.top = text.top;
    article.scale = text.height ? 1000 / text.height : 0;
  }
  const boxes = findings.map(({ mark }) => mark.getBoundingClientRect()); // all reads before the first write: one layout
  findings.forEach(({ article, dots }, i) => {
    for (const rect of dots.children) {
      rect.setAttribute("y", (boxes[i].top - article.top) * article.scale);
      rect.setAttribute("height", Math.max(boxes[i].height * article.scale, 4));
    }
  });
  look();
}

function look() {
  for (const article of articles) {
    const text = one(".text", article).getBoundingClientRect();
    const top = Math.max(tools.getBoundingClientRect().bottom, text.top);
    const bottom = Math.min(innerHeight, text.bottom);
    const view = one(".view", article);
    view.setAttribute("y", (top - text.top) * article.scale);
    view.setAttribute("height", Math.max(bottom - top, 0) * article.scale);
  }
  if (open) uncover();
}

let waiting = false;
addEventListener(
  "scroll",
  () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      look();
    });
  },
  { passive: true },
);

// ---- Paper ----------------------------------------------------------------------------------------------------------

// On paper a list of the findings stands before each text: all that the filter leaves, with probability and page, under
// the name of their section, which a column of its own would repeat.
addEventListener("beforeprint", () => {
  all("details").forEach((details) => (details.open = true));
  all(".paper").forEach((list) => list.remove());
  for (const article of articles) {
    const found = findings.filter((finding) => finding.shown && finding.article === article);
    if (found.length) one(".text", article).before(paperList(found));
  }
});
addEventListener("afterprint", () => all(".paper").forEach((list) => list.remove()));

function paperList(found) {
  const list = made("table", "", "paper");
  const hasPages = found.some(({ mark }) => mark.dataset.page);
  const columns = ["Finding", ...(hasPages ? ["Page"] : []), "Passage"];
  list
    .createTHead()
    .insertRow()
    .append(...columns.map((name) => made("th", name)));
  let body = null;
  let named = null; // the section whose name stands above
  for (const { labels, section, mark, text } of found) {
    if (section !== named) {
      body = list.createTBody();
      const head = made("th", inert(section));
      head.colSpan = columns.length;
      body.insertRow().append(head);
      named = section;
    }
    const row = body.insertRow();
    row.insertCell().append(...labels.map(paperTag));
    if (hasPages) row.insertCell().textContent = mark.dataset.page ?? "–";
    row.insertCell().textContent = text;
  }
  return list;
}

function paperTag({ letter, score }) {
  const tag = made("span");
  tag.append(made("b", letter, letter), ` ${probability(score)} `);
  return tag;
}

// ---- The page begins ------------------------------------------------------------------------------------------------

if (matchMedia("(max-width: 62rem)").matches)
  all(".sections details").forEach((details) => (details.open = false));
tools.hidden = false;
one(".no-script").hidden = true;
filter();
new ResizeObserver(draw).observe(document.body);
addEventListener("hashchange", readAddress);
readAddress();
