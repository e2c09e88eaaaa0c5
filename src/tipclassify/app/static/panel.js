// The panel beside the passage: the reasons of a label, the codebook's rule for it, notes, or what
// was done. Covered by tests/app/test_review_page.py.
import { get } from "./api.js";
import { backToList, byId, el } from "./dom.js";
import { history } from "./history.js";
import { LETTERS, NAMES, badge, badges, inWords, number, signed } from "./labels.js";
import { notes } from "./notes.js";
import { probability } from "./probability.js";
import { reasonOf, rounded } from "./reasons.js";

const TABS = ["reasons", "codebook", "notes", "history"];

/** Reasons of passages, asked for once. */
export class Reasons {
  #asked = new Map();
  #known = new Map();

  constructor(store) {
    this.store = store;
  }

  known(key) {
    return this.#known.get(key) || null;
  }

  /** {label: reason} of passage `key`; null when the server has none to give. */
  of(key) {
    if (!this.#asked.has(key)) {
      const asked = get(`/api/reasons/${encodeURIComponent(key)}`).then(({ labels }) => {
        const { text } = this.store.passages.get(key);
        const all = Object.entries(labels).map(([label, explained]) => [
          label,
          reasonOf(text, explained),
        ]);
        this.#known.set(key, Object.fromEntries(all));
        return this.known(key);
      });
      this.#asked.set(
        key,
        asked.catch((error) => {
          if (error.status === undefined) throw error;
          this.#asked.delete(key);
          return null;
        }),
      );
    }
    return this.#asked.get(key);
  }
}

export function panel(app, reasons) {
  const box = byId("panel");
  const body = byId("panel-body");
  let tab = "reasons";
  let codebook = null;
  let timer = 0;
  const parts = { notes: notes(app), history: history(app) };

  const picks = new Map();
  for (const label of app.store.session.labels) {
    const pick = el(
      "button",
      { type: "button", class: "pick", "aria-pressed": "false" },
      badge(label),
      el("span", { class: "vh" }, NAMES[label]),
    );
    pick.addEventListener("click", (event) => {
      app.chosen = label;
      app.hovered = null;
      app.tell("lead");
      backToList(event);
    });
    picks.set(label, pick);
    byId("picks").append(pick);
  }

  async function draw() {
    const { passage } = app;
    if (tab !== "notes") parts.notes.commit();
    const label = app.lead;
    for (const [name, pick] of picks) pick.setAttribute("aria-pressed", String(name === label));
    for (const name of TABS) byId(`tab-${name}`).setAttribute("aria-pressed", String(tab === name));
    byId("mark").checked = Boolean(app.marked);
    byId("marking").hidden = tab !== "reasons" || Boolean(passage?.hidden.model);
    byId("picks").hidden = tab === "notes" || tab === "history";
    if (tab === "codebook") return drawRule(label);
    if (tab === "history") return parts.history.draw(body, () => tab === "history");
    if (tab === "notes") return parts.notes.draw(body, passage);
    if (!passage) return body.replaceChildren();
    if (passage.hidden.model)
      return body.replaceChildren(
        el("p", {}, "The model’s reasons are hidden until you have decided on this passage."),
      );
    const known = reasons.known(passage.key);
    if (known)
      return body.replaceChildren(
        ...reasonTable(passage, label, known[label], app.store.session.thresholds[label]),
      );
    clearTimeout(timer);
    timer = setTimeout(async () => {
      const found = await reasons.of(passage.key);
      if (app.passage !== passage || tab !== "reasons") return;
      if (found) draw();
      else
        body.replaceChildren(
          el(
            "p",
            { class: "soft" },
            "The reasons could not be loaded. They are asked for again when you come back " +
              "to this passage.",
          ),
        );
    }, 60); // not while somebody runs through the list
    if (body.dataset.of !== passage.key)
      body.replaceChildren(el("p", { class: "soft" }, "Loading the reasons…"));
    body.dataset.of = passage.key;
    return undefined;
  }

  async function drawRule(label) {
    try {
      codebook ??= await get("/api/codebook");
    } catch (error) {
      if (error.status === undefined) throw error;
      return body.replaceChildren(
        el("p", { class: "soft" }, `${error.message}: the codebook is missing for now.`),
      );
    }
    if (tab !== "codebook" || app.lead !== label) return undefined;
    const { rule, examples } = codebook.labels[label];
    body.replaceChildren(
      el("h2", {}, badge(label), " ", NAMES[label]),
      ...rule.split(/\n{2,}/).flatMap(paragraph),
      examples.length ? el("h3", {}, "Examples") : "",
      el(
        "ul",
        { class: "examples" },
        ...examples.map(([text, labels]) =>
          el(
            "li",
            {},
            el(
              "span",
              { class: "said" },
              ...badges(labels),
              el("span", { class: "vh" }, `${inWords(labels)}: `),
            ),
            text,
          ),
        ),
      ),
    );
    body.scrollTop = 0;
    return undefined;
  }

  /**
   * Show one of the two; asked for again it goes away (a wide window keeps the panel, with the
   * reasons).
   */
  function open(name) {
    const isOpen = box.classList.contains("open") && tab === name;
    if (name === "reasons")
      app.marked = isOpen ? false : !app.marked || !box.classList.contains("open") || tab !== name;
    if (isOpen) return close();
    tab = name;
    box.classList.add("open");
    document.body.classList.add("panelled");
    draw();
    app.tell("lead");
    if (name === "notes") parts.notes.focus();
    return undefined;
  }

  function close() {
    const was = box.classList.contains("open");
    box.classList.remove("open");
    document.body.classList.remove("panelled");
    app.marked = false;
    tab = "reasons";
    app.tell("lead");
    return was;
  }

  for (const name of TABS) {
    byId(`tab-${name}`).addEventListener("click", (event) => {
      if (tab !== name) open(name);
      if (name !== "notes") backToList(event);
    });
    byId(`show-${name}`).addEventListener("click", () => open(name));
  }
  byId("close-panel").addEventListener("click", (event) => {
    close();
    backToList(event);
  });
  byId("mark").addEventListener("change", ({ target }) => {
    app.marked = target.checked;
    app.tell("lead");
  });
  app.addEventListener("lead", draw);
  app.addEventListener("passages", draw);
  app.addEventListener("saved", () => tab === "history" && !app.outbox.waiting.length && draw());
  app.addEventListener("place", () => {
    draw();
    const next = app.keys[app.keys.indexOf(app.key) + 1];
    if (next && app.key && !app.store.passages.get(next).hidden.model)
      // it will be asked for soon
      setTimeout(() => app.keys.includes(next) && reasons.of(next), 400);
  });
  return { open, close };
}

function paragraph(text) {
  const lines = text.split("\n");
  const items = lines.filter((line) => /^\s*[-•] /.test(line));
  if (!items.length) return [el("p", {}, lines.join(" "))];
  const before = lines.slice(0, lines.indexOf(items[0])).join(" ");
  return [
    before && el("p", {}, before),
    el("ul", {}, ...items.map((line) => el("li", {}, line.replace(/^\s*[-•] /, "")))),
  ].filter(Boolean);
}

function reasonTable(passage, label, reason, threshold) {
  const sum = reason.additive ? rounded(reason) : null;
  const tagged = passage.labels.includes(label);
  const over = tagged || reason.probability >= threshold;
  const heading = passage.section;
  const verdict = tagged
    ? "tagged"
    : over
      ? "not tagged, since it is no prose of the report"
      : "not tagged";
  const row = (name, value, more = {}) =>
    el("tr", more, el("th", { scope: "row" }, name), el("td", {}, value));
  const phrases = [...reason.phrases].sort((a, b) => b.weight - a.weight);
  return [
    el("h2", {}, tagged ? "Why " : "Why not ", badge(label), " ", NAMES[label]),
    el(
      "p",
      {},
      el("strong", {}, probability(reason.probability)),
      ` ${over ? "is over" : "is under"} the threshold of ${probability(threshold)}: ${verdict}.`,
    ),
    el(
      "table",
      { class: "sum" },
      el(
        "caption",
        { class: "vh" },
        sum
          ? `What adds up to the log-odds of ${NAMES[label]}`
          : `How far the log-odds of ${NAMES[label]} fall with a word or the heading masked`,
      ),
      el(
        "tbody",
        {},
        sum ? row("Before any word", number(sum.bias), { class: "soft" }) : "",
        ...phrases.map(({ text, weight }) =>
          row(
            el(
              "span",
              { class: `words ${LETTERS[label]} ${weight > 0 ? "for" : "against"}` },
              text,
            ),
            signed(weight),
          ),
        ),
        heading && Math.round(reason.heading * 100)
          ? row(`The heading “${heading}”`, signed(reason.heading))
          : "",
        sum ? row("All other words", signed(sum.others), { class: "soft" }) : "",
      ),
      el(
        "tfoot",
        {},
        row("Log-odds", number(sum ? sum.total : Math.round(reason.total * 100) / 100)),
        row("Probability", probability(reason.probability)),
      ),
    ),
    el(
      "p",
      { class: "soft small" },
      sum
        ? "Weights add up to the log-odds; the probability is its logistic function. A " +
            "weight says what moved the model, not what is true."
        : "A weight is how far the log-odds fall when the word, or the heading, is masked. " +
            "These weights do not add up. A weight says what moved the model, not what is true.",
    ),
  ];
}
