// The list of passages with its filters. Rows are made once and kept: 2,000 of them are filtered in
// a few milliseconds, and the browser lays out only those in sight (content-visibility, see
// app.css). Covered by tests/app/test_review_page.py.
import {
  answerBadges,
  answerInWords,
  blank,
  byId,
  count,
  el,
  isBlank,
  matcher,
  onClick,
  sameAnswer,
  sameLabels,
} from "./shared.js";

export function list(app) {
  const box = byId("rows");
  const rows = new Map(); // key: row
  const filters = filterBar(app);
  let current = null;
  let drawn = []; // keys of the rows, the same array as `app.keys` while these are shown

  function rowOf({ key }) {
    if (!rows.has(key)) {
      const props = { role: "option", id: `row-${key}`, "data-key": key, class: "row" };
      rows.set(key, el("div", { ...props, "aria-selected": "false" }));
    }
    return rows.get(key);
  }

  box.addEventListener("click", ({ target }) => {
    const row = target.closest(".row");
    if (!row) return;
    app.go(row.dataset.key);
    document.body.classList.remove("listing");
  });

  function fill(passage) {
    const row = rowOf(passage);
    const shown = app.answer(passage);
    const decided = app.decided(passage);
    const drafted = app.draft?.key === passage.key;
    const pending = app.outbox.pending(passage.key) || drafted;
    const silent = passage.hidden.model && !decided && !drafted; // nothing is said of it yet
    const differs = passage.others.some((other) => !sameAnswer(other, shown));
    const noted = Object.keys(passage.notes).length > 0;
    const settling = app.view === "adjudication";
    const state = JSON.stringify([app.view, shown, decided, pending, silent, differs, noted]);
    const others = JSON.stringify([passage.why, passage.others, passage.decision?.id]);
    if (row.dataset.state === state + others) return row;
    row.dataset.state = state + others;
    row.classList.toggle("decided", decided);
    row.classList.toggle("pending", pending);
    const isCorrected =
      !passage.hidden.model && !shown.unsure && !sameLabels(shown.labels, passage.labels);
    const remarks = [
      pending ? "not saved yet" : decided ? "decided" : "undecided",
      isCorrected && "differs from the model",
      passage.low_confidence && "doubtful",
      differs && "another annotator differs",
      noted && "with a note",
    ].filter(Boolean);
    const sign = { class: "sign", title: remarks.join(", ") };
    const marks = (settling && !decided) || silent ? [] : answerBadges(shown);
    const said = silent ? "Model hidden" : answerInWords(shown);
    const parts = [
      el("span", { class: "number" }, String(passage.number)),
      el("span", { class: "words" }, passage.text),
      el(
        "span",
        { class: "marks", "aria-hidden": "true" },
        ...marks,
        el(
          "i",
          sign,
          noted && el("span", { class: "noted" }, "✎"),
          pending ? "…" : decided && "✓",
        ),
      ),
      el("span", { class: "vh" }, `${said}; ${remarks.join(", ")}`),
    ];
    const why = (...children) => parts.push(el("span", { class: "why" }, ...children));
    if (app.view === "queue" && passage.why) why(app.why(passage));
    if (!settling && differs) why("Another annotator differs");
    if (settling) why(...sides(passage));
    if (settling && passage.hidden.colleagues)
      why(`${count(passage.hidden.colleagues, "colleague")} differ; hidden until you decide`);
    row.replaceChildren(...parts);
    return row;
  }

  function draw() {
    const groups = [];
    for (const key of app.keys) {
      const passage = app.passages.get(key);
      const name = app.view === "reading" ? passage.section || box.dataset.noSection : "";
      if (groups.at(-1)?.name !== name) groups.push({ name, rows: [] });
      groups.at(-1).rows.push(fill(passage));
    }
    box.replaceChildren(
      ...groups.flatMap(({ name, rows }) => {
        const title = el("div", { class: "section", "aria-hidden": "true" }, name);
        return name ? el("div", { role: "group", "aria-label": name }, title, ...rows) : rows;
      }),
    );
    drawn = app.keys;
    byId("empty").hidden = app.keys.length > 0;
    byId("empty-text").textContent = emptiness(app);
    byId("show-all").hidden = isBlank(app.filter);
    filters.draw();
    mark();
  }

  function mark() {
    current?.classList.remove("current");
    current?.setAttribute("aria-selected", "false");
    current = app.keys.includes(app.key) ? rows.get(app.key) : null;
    if (!current) return box.removeAttribute("aria-activedescendant");
    current.classList.add("current");
    current.setAttribute("aria-selected", "true");
    box.setAttribute("aria-activedescendant", current.id);
    return reveal(current);
  }

  // Two rows of what comes next stay in sight. Not scrollIntoView: that would scroll the page on a
  // telephone.
  function reveal(row) {
    if (!row || !box.checkVisibility()) return;
    const [inside, outside] = [row.getBoundingClientRect(), box.getBoundingClientRect()];
    const margin = Math.min(inside.height * 2, outside.height / 4);
    if (inside.top - margin < outside.top) box.scrollTop -= outside.top - inside.top + margin;
    else if (inside.bottom + margin > outside.bottom)
      box.scrollTop += inside.bottom + margin - outside.bottom;
  }

  app.addEventListener("list", draw);
  app.addEventListener("place", () => (drawn === app.keys ? mark() : draw()));
  app.addEventListener("passages", ({ detail }) => {
    for (const key of detail) if (rows.has(key)) fill(app.passages.get(key));
    filters.drawSoon();
  });
  app.addEventListener("saved", () => {
    for (const row of box.querySelectorAll(".row.pending")) fill(app.passages.get(row.dataset.key));
  });
  onClick("show-all", () => app.refilter(blank()));
  onClick("show-list", () => {
    document.body.classList.toggle("listing");
    reveal(current);
  });
  onClick("close-list", () => document.body.classList.remove("listing"));
}

const sides = ({ decision, others }) =>
  [...(decision ? [decision] : []), ...others].map((side) =>
    el("span", { class: "said" }, el("bdi", {}, side.annotator), " ", ...answerBadges(side)),
  );

/** Why there is no passage to look at. */
export function emptiness(app) {
  if (!isBlank(app.filter)) return "No passage matches these filters.";
  if (app.view === "queue" && app.rows.queue)
    return "The queue is empty: nothing is left to decide.";
  if (app.view === "adjudication" && app.rows.adjudication)
    return "Nothing to settle: wherever two annotators decided on a passage, they agree.";
  return app.view === "reading" && app.report ? "This report has no passages." : "Loading…";
}

function filterBar(app) {
  const inputs = [...byId("filters").querySelectorAll("input")];
  const search = byId("search");
  let soon = 0;

  for (const input of inputs) {
    input.addEventListener("change", () => {
      const chosen = inputs.filter(({ name, checked }) => name === input.name && checked);
      const values = chosen.map(({ value }) => value);
      app.refilter({ [input.name]: input.type === "radio" ? values[0] : values });
    });
    input.addEventListener(
      "click",
      (event) => event.screenX && byId("rows").focus({ preventScroll: true }),
    );
  }

  search.addEventListener("input", () => app.refilter({ words: search.value }, true));
  search.addEventListener("keydown", (event) => {
    if (event.key === "Escape") app.refilter({ words: "" });
    else if (event.key === "Enter") app.refilter();
    else return;
    event.preventDefault();
    byId("rows").focus({ preventScroll: true });
  });
  onClick("again", () => app.refilter());
  onClick("clear", () => app.refilter(blank()));

  const isChosen = ({ name, value }) =>
    name === "state" ? app.filter.state === value : app.filter[name].includes(value);

  function draw() {
    clearTimeout(soon);
    const { filter } = app;
    if (document.activeElement !== search || !filter.words) search.value = filter.words;
    for (const input of inputs) {
      const { name, value } = input;
      input.checked = isChosen(input);
      const alone = { ...blank(), [name]: name === "state" ? value : [value] };
      const number = app.all.filter(matcher(alone, app.answer, app.decided)).length;
      input.parentElement.querySelector(".tally").textContent = number;
    }
    const matching = app.matching();
    const all = count(app.all.length, "passage");
    byId("tally").textContent = isBlank(filter) ? all : `${app.keys.length} of ${all}`;
    byId("clear").hidden = isBlank(filter);
    const listed = new Set(app.keys);
    byId("again").hidden = matching.length === listed.size && matching.every((key) => listed.has(key));
    byId("filter-count").textContent = filter.doubts.length ? " on" : "";
  }

  /** Count anew once the key that was pressed has its answer: 10,000 passages take a while. */
  function drawSoon() {
    clearTimeout(soon);
    soon = setTimeout(draw, app.all.length > 1000 ? 250 : 0);
  }
  return { draw, drawSoon };
}
