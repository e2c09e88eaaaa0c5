// The list of passages with its filters. Rows are made once and kept: 2,000 of them are filtered in
// a few milliseconds, and the browser lays out only those in sight (content-visibility, see
// review.css). Covered by tests/app/test_review_page.py.
import { sides } from "./deciding.js";
import { backToList, byId, el } from "./dom.js";
import { DOUBTS, blank, isBlank, matcher, plain } from "./filters.js";
import {
  NAMES,
  NO_SECTION,
  answerBadges,
  answerInWords,
  badge,
  count,
  sameAnswer,
  sameLabels,
} from "./labels.js";

const LABEL = new RegExp(Object.keys(NAMES).join("|"), "g");

/** The server's reason for a passage of the queue, with labels as people call them. */
export const whyOf = (why) =>
  why.replace(LABEL, (label) => NAMES[label]).replace(/^./, (letter) => letter.toUpperCase());

export function list(app) {
  const box = byId("rows");
  const rows = new Map(); // key: row
  const filters = filterBar(app);
  const titles = new Map(app.store.session.reports.map(({ id, title }) => [id, title]));
  let current = null;
  let drawn = []; // keys of the rows, the same array as `app.keys` while these are shown

  function rowOf(passage) {
    if (!rows.has(passage.key)) {
      const id = `row-${passage.key}`;
      const row = el("div", {
        role: "option",
        id,
        "data-key": passage.key,
        class: "row",
        "aria-selected": "false",
      });
      row.addEventListener("click", () => {
        app.go(passage.key);
        document.body.classList.remove("listing");
      });
      rows.set(passage.key, row);
    }
    return rows.get(passage.key);
  }

  function fill(passage) {
    const row = rowOf(passage);
    const words = plain(app.filter.words).trim();
    const shown = app.answer(passage);
    const decided = app.decided(passage);
    const pending = app.outbox.pending(passage.key);
    const drafted = app.draft?.key === passage.key;
    const silent = passage.hidden.model && !decided && !drafted; // nothing is said of it yet
    const differs = passage.others.some((other) => !sameAnswer(other, shown));
    const noted = Object.keys(passage.notes).length > 0;
    const settling = app.view === "adjudication";
    const opposing = settling ? sides(passage, app.store.session.annotator) : [];
    const state = JSON.stringify([
      app.view,
      shown,
      decided,
      pending,
      drafted,
      silent,
      differs,
      noted,
      words,
      passage.why,
      opposing,
    ]);
    if (row.dataset.state === state) return row;
    row.dataset.state = state;
    row.classList.toggle("decided", decided);
    row.classList.toggle("pending", pending);
    const remarks = [
      pending || drafted ? "not saved yet" : decided ? "decided" : "undecided",
      !passage.hidden.model &&
        !shown.unsure &&
        !sameLabels(shown.labels, passage.labels) &&
        "differs from the model",
      passage.low_confidence && "low confidence",
      differs && "another annotator differs",
      noted && "with a note",
    ].filter(Boolean);
    const parts = [
      el("span", { class: "number" }, String(passage.number)),
      el("span", { class: "words" }, ...snippet(passage.text, words)),
      el(
        "span",
        { class: "marks", "aria-hidden": "true" },
        ...((settling && !decided) || silent ? [] : answerBadges(shown)),
        el(
          "i",
          { class: "sign", title: remarks.join(", ") },
          noted && el("span", { class: "noted" }, "✎"),
          pending || drafted ? "…" : decided ? "✓" : "",
        ),
      ),
      el(
        "span",
        { class: "vh" },
        `${silent ? "Model hidden" : answerInWords(shown)}; ${remarks.join(", ")}`,
      ),
      app.view === "queue" && passage.why && el("span", { class: "why" }, whyOf(passage.why)),
      !settling &&
        differs &&
        el("span", { class: "why", "aria-hidden": "true" }, "Another annotator differs"),
      settling &&
        el(
          "span",
          { class: "why sides" },
          ...opposing.map((side) =>
            el(
              "span",
              { class: "said" },
              el("bdi", {}, side.annotator),
              " ",
              ...answerBadges(side),
            ),
          ),
        ),
      settling &&
        passage.hidden.colleagues > 0 &&
        el(
          "span",
          { class: "why" },
          `${count(passage.hidden.colleagues, "colleague")} differ; hidden until you decide`,
        ),
    ];
    row.replaceChildren(...parts.filter(Boolean));
    return row;
  }

  function draw() {
    const passages = app.keys.map((key) => app.store.passages.get(key));
    const groups = [];
    for (const passage of passages) {
      const name =
        app.view === "reading"
          ? passage.section || NO_SECTION
          : app.view === "search"
            ? titles.get(passage.report)
            : "";
      if (groups.at(-1)?.name !== name) groups.push({ name, rows: [] });
      groups.at(-1).rows.push(fill(passage));
    }
    box.replaceChildren(
      ...groups.flatMap(({ name, rows }) =>
        name
          ? [
              el(
                "div",
                { role: "group", "aria-label": name },
                el(
                  "div",
                  {
                    class: app.view === "search" ? "section title" : "section",
                    "aria-hidden": "true",
                  },
                  name,
                ),
                ...rows,
              ),
            ]
          : rows,
      ),
    );
    drawn = app.keys;
    const empty = byId("empty");
    empty.hidden = passages.length > 0;
    byId("empty-text").textContent = emptiness(app);
    byId("show-all").hidden = isBlank(app.filter);
    filters.draw();
    mark();
  }

  function mark() {
    if (current) {
      current.classList.remove("current");
      current.setAttribute("aria-selected", "false");
    }
    current = app.keys.includes(app.key) ? rows.get(app.key) : null;
    if (!current) return box.removeAttribute("aria-activedescendant");
    current.classList.add("current");
    current.setAttribute("aria-selected", "true");
    box.setAttribute("aria-activedescendant", current.id);
    reveal(current);
    return undefined;
  }

  // Two rows of what comes next stay in sight. Not scrollIntoView: that would scroll the page on a
  // telephone.
  function reveal(row) {
    if (!box.checkVisibility()) return;
    const [inside, outside] = [row.getBoundingClientRect(), box.getBoundingClientRect()];
    const margin = Math.min(inside.height * 2, outside.height / 4);
    if (inside.top - margin < outside.top) box.scrollTop -= outside.top - inside.top + margin;
    else if (inside.bottom + margin > outside.bottom)
      box.scrollTop += inside.bottom + margin - outside.bottom;
  }

  app.addEventListener("list", draw);
  app.addEventListener("place", () => (drawn === app.keys ? mark() : draw()));
  app.addEventListener("passages", ({ detail }) => {
    for (const key of detail) if (rows.has(key)) fill(app.store.passages.get(key));
    filters.drawSoon();
  });
  app.addEventListener("saved", () => {
    for (const row of box.querySelectorAll(".row.pending"))
      fill(app.store.passages.get(row.dataset.key));
  });
  byId("show-all").addEventListener("click", (event) => {
    app.refilter(blank());
    backToList(event);
  });
  return { reveal: () => current && reveal(current) };
}

/** Why there is no passage to look at. */
export function emptiness(app) {
  if (app.view === "search" && !app.rows.search.length)
    return app.filter.words.trim()
      ? "No passage of the opened reports has these words."
      : "Type words to find them in all opened reports.";
  if (!isBlank(app.filter)) return "No passage matches these filters.";
  if (app.view === "queue")
    return app.rows.queue ? "The queue is empty: nothing is left to decide." : "Loading…";
  if (app.view === "adjudication") {
    return app.rows.adjudication
      ? "Nothing to settle: wherever two annotators decided on a passage, they agree."
      : "Loading…";
  }
  return app.report ? "This report has no passages." : "Loading…";
}

/** The text, from a little before the first word searched for. */
function snippet(text, words) {
  const at = words ? plain(text).indexOf(words) : -1;
  const even = text.replace(/\s+/g, " ");
  if (at < 0 || plain(text).length !== even.length) return [even];
  const from = at > 40 ? even.indexOf(" ", at - 30) + 1 : 0;
  return [
    (from ? "… " : "") + even.slice(from, at),
    el("mark", {}, even.slice(at, at + words.length)),
    even.slice(at + words.length),
  ];
}

function filterBar(app) {
  const boxes = [];

  function choice(parent, type, name, value, shown, title = null) {
    const input = el("input", { type, name, value, class: "vh" });
    const tally = el("span", { class: "tally" });
    parent.append(el("label", { class: "choice", title }, input, el("span", {}, ...shown, tally)));
    boxes.push({ input, tally, name, value });
    input.addEventListener("change", () => {
      const picked = boxes
        .filter((box) => box.name === name && box.input.checked)
        .map((box) => box.value);
      app.refilter({ [name]: type === "radio" ? picked[0] : picked });
    });
    input.addEventListener(
      "click",
      (event) => event.screenX && byId("rows").focus({ preventScroll: true }),
    );
  }

  const [states, labels, doubts] = ["by-state", "by-label", "by-doubt"].map(byId);
  for (const [value, name] of [
    ["all", "All"],
    ["undecided", "Undecided"],
    ["decided", "Decided"],
  ])
    choice(states, "radio", "state", value, [name]);
  for (const label of Object.keys(NAMES))
    choice(labels, "checkbox", "labels", label, [
      badge(label),
      el("span", { class: "vh" }, NAMES[label]),
    ]);
  choice(labels, "checkbox", "labels", "none", [
    el("b", { class: "none", title: "No label" }, "∅"),
    el("span", { class: "vh" }, "No label"),
  ]);
  for (const [value, [name, meaning]] of Object.entries(DOUBTS)) {
    if (value !== "second" || app.store.session.second)
      choice(doubts, "checkbox", "doubts", value, [name], meaning);
  }

  const search = byId("search");
  const everywhere = byId("everywhere");
  let timer = 0;
  everywhere.hidden = app.store.session.reports.length < 2;
  everywhere.addEventListener("click", () => {
    if (app.view === "search") leave(search.value);
    else app.search(search.value);
    search.focus();
  });
  const leave = (words) => {
    app.filters.reading.words = words;
    app.show("reading", app.key);
  };
  search.addEventListener("input", () => {
    clearTimeout(timer);
    if (app.view === "search")
      timer = setTimeout(() => app.view === "search" && app.search(search.value), 120);
    else app.refilter({ words: search.value }, true);
  });
  search.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && app.view === "search") leave("");
    else if (event.key === "Escape") app.refilter({ words: "" });
    else if (event.key === "Enter") app.refilter();
    else return;
    event.preventDefault();
    byId("rows").focus({ preventScroll: true });
  });
  byId("again").addEventListener("click", (event) => {
    app.refilter();
    backToList(event);
  });
  byId("clear").addEventListener("click", (event) => {
    app.refilter(blank());
    backToList(event);
  });

  let soon = 0;
  return {
    /**
     * Count anew once the key that was pressed has its answer: 10,000 passages take longer than a
     * key may.
     */
    drawSoon() {
      clearTimeout(soon);
      soon = setTimeout(() => this.draw(), app.all.length > 1000 ? 250 : 0);
    },
    draw() {
      clearTimeout(soon);
      const { filter } = app;
      everywhere.setAttribute("aria-pressed", String(app.view === "search"));
      if (document.activeElement !== search || !filter.words) search.value = filter.words;
      for (const { input, tally, name, value } of boxes) {
        input.checked = name === "state" ? filter.state === value : filter[name].includes(value);
        const one = matcher(
          { ...blank(), [name]: name === "state" ? value : [value] },
          app.answer,
          app.decided,
        );
        tally.textContent = app.all.filter(one).length;
      }
      const matching = app.matching();
      const shown = isBlank(filter)
        ? count(app.keys.length, "passage")
        : `${app.keys.length} of ${count(app.all.length, "passage")}`;
      byId("tally").textContent = app.view === "search" ? foundInWords(app) : shown;
      byId("clear").hidden = isBlank(filter);
      const listed = new Set(app.keys);
      byId("again").hidden =
        matching.length === listed.size && matching.every((key) => listed.has(key));
      byId("filter-count").textContent = isBlank(filter) ? "" : " on";
    },
  };
}

/** "120 passages in 3 reports, the first 100 shown" */
function foundInWords(app) {
  const reports = new Set(app.all.map(({ report }) => report));
  const found = `${count(app.found, "passage")} in ${count(reports.size, "report")}`;
  return app.found > app.all.length ? `${found}, the first ${app.all.length} shown` : found;
}
