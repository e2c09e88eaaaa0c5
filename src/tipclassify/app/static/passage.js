// The passage in the middle, large, with what stands around it, and below it the labels to give;
// beside it the panel: reasons, the codebook's rule, notes. Python wrote all but numbers.
// Covered by tests/app/test_review_page.py.
import { emptiness } from "./list.js";
import { get } from "./outbox.js";
import { LABELS, answerBadges, backToList, byId, el, onClick } from "./shared.js";

const BEFORE = 2; // passages of context
const AFTER = 3;

/** Reasons of passages, asked for once: {label: {table, text}}, as HTML. */
class Reasons {
  #asked = new Map();
  known = new Map();

  /** Give the reasons of passage `key`; null when the server has none to give. */
  of(key) {
    if (!this.#asked.has(key)) {
      const asked = get(`/api/reasons/${encodeURIComponent(key)}`).then(
        ({ labels }) => {
          this.known.set(key, labels);
          return labels;
        },
        () => {
          this.#asked.delete(key); // asked for again when somebody comes back
          return null;
        },
      );
      this.#asked.set(key, asked);
    }
    return this.#asked.get(key);
  }
}

export function passageView(app) {
  const reading = byId("reading");
  const reasons = new Reasons();
  const buttons = [...byId("labels").children];

  for (const button of buttons) {
    const { label } = button.dataset;
    button.querySelector(".threshold").style.left = `${app.session.thresholds[label] * 100}%`;
    button.addEventListener("click", (event) => {
      app.toggle(label);
      backToList(event);
    });
  }
  onClick("none", () => app.decide([]));
  onClick("accept", () => app.accept());
  onClick("unsure", () => app.unsure());
  onClick("undo", () => app.undo());
  onClick("before", () => app.move(-1));
  onClick("after", () => app.move(1));
  byId("status").addEventListener("click", (event) => {
    const side = event.target.closest(".side");
    if (side) app.decide(side.dataset.labels.split(" ").filter(Boolean));
    if (event.target.id === "reveal") app.reveal();
    if (side || event.target.id === "reveal") byId("rows").focus({ preventScroll: true });
  });

  // ---- What is read -----------------------------------------------------------------------------

  function place() {
    const { passage } = app;
    reading.classList.toggle("empty", !passage);
    byId("decide").hidden = !passage;
    byId("here").hidden = !passage;
    byId("earlier").replaceChildren();
    byId("later").replaceChildren();
    if (!passage) {
      byId("now").replaceChildren(el("p", { class: "soft" }, emptiness(app)));
      return;
    }
    const facts = [`${passage.number} of ${app.around?.passages.length ?? "…"}`];
    if (passage.page) facts.push(`p. ${passage.page}`);
    if (app.view !== "reading" && app.around) facts.unshift(app.around.title || app.around.name);
    byId("here").querySelector(".facts").textContent = facts.join(" · ");
    byId("here").querySelector(".path").textContent =
      passage.section || byId("rows").dataset.noSection;
    byId("why").hidden = app.view !== "queue" || !passage.why;
    byId("why-text").textContent = app.why(passage);
    byId("low").hidden = !passage.low_confidence;
    const all = app.around?.passages || [];
    const at = app.around?.places.get(passage.key) ?? -1;
    if (at >= 0) {
      byId("earlier").append(...neighbours(all.slice(Math.max(0, at - BEFORE), at), null));
      byId("later").append(...neighbours(all.slice(at + 1, at + 1 + AFTER), passage));
    }
    words();
    decided();
    reading.scrollTop = 0;
    if (byId("decide").offsetParent && matchMedia("(max-width: 61.99rem)").matches) scrollTo(0, 0);
  }

  function neighbours(passages, before) {
    return passages.flatMap((passage) => {
      const heading = before && passage.section !== before.section && passage.section;
      before = passage;
      const number = el("span", { class: "vh" }, `Go to ${passage.number}: `);
      const go = el("button", { type: "button", class: "neighbour" }, number, passage.text);
      go.addEventListener("click", (event) => {
        app.go(passage.key);
        backToList(event);
      });
      return heading ? [el("p", { class: "heading" }, heading), go] : [go];
    });
  }

  async function words() {
    const { passage } = app;
    const isMarked = app.marked && !passage.hidden.model;
    const known = isMarked && reasons.known.get(passage.key);
    if (known) byId("now").innerHTML = known[app.lead].text;
    else byId("now").replaceChildren(el("p", { class: "text" }, passage.text));
    if (isMarked && !known && (await reasons.of(passage.key)) && app.passage === passage) words();
  }

  // ---- What is decided --------------------------------------------------------------------------

  function decided() {
    const { passage } = app;
    if (!passage) return;
    const shown = app.answer(passage);
    const isDecided = app.decided(passage);
    const isDrafted = app.draft?.key === passage.key;
    const settling = app.view === "adjudication";
    byId("decide").classList.toggle("decided", isDecided);
    for (const button of buttons) {
      const { label } = button.dataset;
      const on = shown.labels.includes(label);
      const score = passage.scores[label] ?? 0;
      button.setAttribute("aria-pressed", String(on));
      button.classList.toggle("proposed", on && !isDecided);
      button.classList.toggle("silent", passage.hidden.model);
      button.querySelector(".fill").style.width = `${score * 100}%`;
      const tagged = passage.labels.includes(label);
      for (const one of button.querySelectorAll(".score")) one.textContent = passage.shown[label];
      for (const one of button.querySelectorAll(".tagged")) one.hidden = !tagged;
      for (const one of button.querySelectorAll(".untagged")) one.hidden = tagged;
      button.querySelector(".silence").hidden = !passage.hidden.model;
      button.querySelector(".model").hidden = passage.hidden.model;
    }
    const isProposed = isDecided || isDrafted || !(settling || passage.hidden.model);
    const none = !shown.labels.length && !shown.unsure && isProposed;
    byId("none").setAttribute("aria-pressed", String(none));
    byId("none").classList.toggle("proposed", !isDecided && none);
    byId("unsure").setAttribute("aria-pressed", String(shown.unsure));
    for (const [id, isShown] of [
      ["accept-next", isDecided],
      ["accept-settle", !isDecided && settling],
      ["accept-save", !isDecided && !settling && isDrafted],
      ["accept-accept", !isDecided && !settling && !isDrafted],
    ])
      byId(id).hidden = !isShown;
    byId("accept").disabled = settling && !isDecided; // nothing is proposed that could be accepted
    status(passage, shown, isDrafted);
    byId("undo").disabled = !app.canUndo;
  }

  function status(passage, shown, isDrafted) {
    const isPending = app.outbox.pending(passage.key);
    byId("drafted").hidden = !isDrafted;
    byId("pending").hidden = !isPending || isDrafted;
    byId("said").hidden = isDrafted || isPending;
    for (const said of document.querySelectorAll("#status > p .said"))
      said.replaceChildren(...answerBadges(shown));
    const html = app.view === "adjudication" ? passage.settling : passage.said;
    if (byId("said").dataset.html !== html) byId("said").innerHTML = html;
    byId("said").dataset.html = html;
  }

  app.addEventListener("place", place);
  app.addEventListener("view", decided);
  app.addEventListener("passages", ({ detail }) => detail.includes(app.key) && decided());
  app.addEventListener("saved", decided);
  app.addEventListener("lead", () => app.passage && words());
  return panel(app, reasons);
}

// ---- The panel ----------------------------------------------------------------------------------

function panel(app, reasons) {
  const box = byId("panel");
  const tabs = [...box.querySelectorAll("[data-tab]")];
  const own = notes(app);
  let tab = "reasons";
  let timer = 0;

  for (const pick of byId("picks").children)
    pick.addEventListener("click", (event) => {
      app.chosen = pick.dataset.label;
      app.tell("lead");
      backToList(event);
    });

  function draw() {
    const { passage, lead } = app;
    if (tab !== "notes") own.commit();
    for (const pick of byId("picks").children)
      pick.setAttribute("aria-pressed", String(pick.dataset.label === lead));
    for (const one of tabs) one.setAttribute("aria-pressed", String(one.dataset.tab === tab));
    for (const part of byId("panel-body").children) part.hidden = part.id !== `panel-${tab}`;
    byId("picks").hidden = tab === "notes";
    for (const label of LABELS) byId(`rule-${label}`).hidden = label !== lead;
    own.draw(passage, tab === "notes");
    if (tab !== "reasons") return;
    const known = passage && reasons.known.get(passage.key);
    byId("reasons-hidden").hidden = !passage?.hidden.model;
    byId("reasons-none").hidden = true;
    byId("reasons-table").hidden = !known || passage.hidden.model;
    if (known) byId("reasons-table").innerHTML = known[lead].table;
    if (known || !passage || passage.hidden.model) return;
    clearTimeout(timer);
    timer = setTimeout(async () => {
      const found = await reasons.of(passage.key);
      if (app.passage !== passage || tab !== "reasons") return;
      if (found) draw();
      byId("reasons-none").hidden = Boolean(found);
    }, 60); // not while somebody runs through the list
  }

  /**
   * Show one of them; asked for again it goes away (a wide window keeps the panel, with the
   * reasons).
   */
  function open(name) {
    const isOpen = box.classList.contains("open") && tab === name;
    if (isOpen) return close();
    if (name === "reasons") app.marked = true;
    tab = name;
    box.classList.add("open");
    document.body.classList.add("panelled");
    draw();
    app.tell("lead");
    if (name === "notes") byId("note").focus();
    return undefined;
  }

  function close() {
    box.classList.remove("open");
    document.body.classList.remove("panelled");
    app.marked = false;
    tab = "reasons";
    app.tell("lead");
  }

  for (const one of tabs) {
    const name = one.dataset.tab;
    one.addEventListener("click", (event) => {
      if (tab !== name) open(name);
      if (name !== "notes") backToList(event);
    });
    byId(`show-${name}`).addEventListener("click", () => open(name));
  }
  onClick("close-panel", close);
  app.addEventListener("lead", draw);
  app.addEventListener("passages", draw);
  app.addEventListener("place", draw);
  return { open, close };
}

/**
 * Notes on a passage: one's own, to write, and colleagues' where they are shown. Whatever is typed
 * is saved: by the button, Ctrl+Enter, Escape, and on going elsewhere.
 */
function notes(app) {
  const me = app.session.annotator;
  const text = byId("note");
  let key = null; // of the passage whose note is in the box
  let isTyped = false; // not saved yet

  const saved = () => app.passages.get(key)?.notes[me]?.note || "";
  // A control character cannot be saved; pasted text may bring some.
  const written = () =>
    text.value.replace(/[\p{Cc}\p{Cs}]/gu, (char) => (char === "\n" || char === "\t" ? char : ""));
  const commit = () => {
    if (key && isTyped) app.note(key, written());
    isTyped = false;
  };

  function tally() {
    const isSaved = written().trim() === saved();
    byId("note-length").textContent = text.value.length.toLocaleString("en");
    byId("note-unsaved").hidden = isSaved;
    byId("save-note").disabled = isSaved;
    byId("remove-note").disabled = !saved() && !text.value;
  }

  text.addEventListener("input", () => {
    isTyped = true;
    tally();
  });
  text.addEventListener("change", commit);
  addEventListener("pagehide", commit);
  text.addEventListener("keydown", (event) => {
    if (event.key === "Escape" || (event.key === "Enter" && (event.ctrlKey || event.metaKey))) {
      event.preventDefault();
      commit();
      byId("rows").focus({ preventScroll: true });
    }
  });
  byId("save-note").addEventListener("click", commit);
  byId("remove-note").addEventListener("click", () => {
    text.value = "";
    isTyped = true;
    commit();
  });

  return {
    commit,
    draw(passage, isShown) {
      if (key && passage?.key !== key) commit();
      if (!isShown || !passage) {
        key = null;
        return;
      }
      if (key !== passage.key || !isTyped) text.value = passage.notes[me]?.note || "";
      key = passage.key;
      tally();
      const theirs = Object.entries(passage.notes).filter(([name]) => name !== me);
      byId("theirs").replaceChildren(
        ...theirs.map(([name, { note }]) =>
          el("p", { class: "their" }, el("strong", {}, el("bdi", {}, name)), el("br"), el("bdi", {}, note)),
        ),
      );
      byId("theirs-title").hidden = !theirs.length;
      byId("theirs-hidden").hidden = !passage.hidden.colleagues;
    },
  };
}
