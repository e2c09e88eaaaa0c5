// The passage in the middle, large, with what stands around it, and below it the labels to give.
import { backToList, byId, el } from "./dom.js";
import { LETTERS, NAMES, badge, badges, clock, inWords, probability, sameLabels, signed } from "./labels.js";
import { emptiness, whyOf } from "./list.js";
import { pieces } from "./reasons.js";
import { sides } from "./app.js";

const BEFORE = 2; // passages of context
const AFTER = 3;

export function passageView(app, reasons) {
  const reading = byId("reading");
  const buttons = new Map();

  for (const label of app.store.session.labels) {
    const button = el(
      "button",
      { type: "button", class: `label ${LETTERS[label]}`, "aria-pressed": "false", "aria-keyshortcuts": LETTERS[label] },
      el("span", { class: "name" }, badge(label), el("span", {}, NAMES[label]), el("i", { class: "tick", "aria-hidden": "true" }, "✓")),
      el("span", { class: "track", "aria-hidden": "true" }, el("span", { class: "fill" }), el("span", { class: "threshold" })),
      el("span", { class: "model" }),
    );
    button.querySelector(".threshold").style.left = `${app.store.session.thresholds[label] * 100}%`;
    button.addEventListener("click", (event) => {
      app.toggle(label);
      backToList(event);
    });
    const point = (on) => () => {
      app.hovered = on ? label : app.hovered === label ? null : app.hovered;
      app.tell("lead");
    };
    button.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && point(true)());
    button.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && point(false)());
    button.addEventListener("focus", () => button.matches(":focus-visible") && point(true)());
    button.addEventListener("blur", point(false));
    buttons.set(label, button);
    byId("labels").append(button);
  }

  const press = (id, action) =>
    byId(id).addEventListener("click", (event) => {
      action();
      backToList(event);
    });
  press("none", () => app.decide([]));
  press("accept", () => app.accept());
  press("undo", () => app.undo());
  press("before", () => app.move(-1));
  press("after", () => app.move(1));

  // ---- What is read -----------------------------------------------------------------------------------------------

  function place() {
    const { passage } = app;
    reading.classList.toggle("empty", !passage);
    byId("decide").hidden = !passage;
    if (!passage) {
      byId("here").replaceChildren();
      byId("earlier").replaceChildren();
      byId("later").replaceChildren();
      byId("now").replaceChildren(el("p", { class: "soft" }, emptiness(app)));
      byId("sides").replaceChildren();
      return;
    }
    byId("here").replaceChildren(...where(app, passage));
    const all = app.around?.passages || [];
    const at = app.around?.places.get(passage.key) ?? -1;
    byId("earlier").replaceChildren(...neighbours(at < 0 ? [] : all.slice(Math.max(0, at - BEFORE), at), null));
    byId("later").replaceChildren(...neighbours(at < 0 ? [] : all.slice(at + 1, at + 1 + AFTER), passage));
    words();
    labels();
    reading.scrollTop = 0;
    if (byId("decide").offsetParent && matchMedia("(max-width: 61.99rem)").matches) scrollTo(0, 0);
  }

  function neighbours(passages, before) {
    return passages.flatMap((passage) => {
      const heading = before && passage.section !== before.section && passage.section;
      before = passage;
      const go = el("button", { type: "button", class: "neighbour" }, el("span", { class: "vh" }, `Go to ${passage.number}: `), passage.text);
      go.addEventListener("click", (event) => {
        app.go(passage.key);
        backToList(event);
      });
      return heading ? [el("p", { class: "heading" }, heading), go] : [go];
    });
  }

  async function words() {
    const { passage } = app;
    const label = app.lead;
    const marked = app.marked || app.hovered;
    const known = marked ? reasons.known(passage.key) : null;
    const text = el("p", { class: `text ${LETTERS[label]}` });
    if (known) {
      for (const [words, phrase] of pieces(passage.text, known[label].phrases)) {
        if (!phrase) text.append(words);
        else text.append(phraseOf(words, phrase, known[label].phrases));
      }
    } else text.append(passage.text);
    byId("now").replaceChildren(text);
    if (marked && !known && (await reasons.of(passage.key)) && app.passage === passage) words();
  }

  function phraseOf(words, { weight }, phrases) {
    const share = Math.abs(weight) / Math.max(...phrases.map((phrase) => Math.abs(phrase.weight)));
    const strength = share > 0.66 ? 3 : share > 0.33 ? 2 : 1;
    const props = { class: `phrase ${weight > 0 ? "for" : "against"} s${strength}`, "data-weight": signed(weight, 1) };
    return el("span", props, words);
  }

  // ---- What is decided --------------------------------------------------------------------------------------------

  function labels() {
    const { passage } = app;
    if (!passage) return;
    const shown = app.shown(passage);
    const decided = app.decided(passage);
    byId("decide").classList.toggle("decided", decided);
    for (const [label, button] of buttons) {
      const on = shown.includes(label);
      const score = passage.scores[label];
      const above = passage.labels.includes(label);
      button.setAttribute("aria-pressed", String(on));
      button.classList.toggle("proposed", on && !decided);
      button.querySelector(".fill").style.width = `${score * 100}%`;
      const said = `${probability(score)} ${above ? "≥" : "<"} ${probability(app.store.session.thresholds[label])}`;
      button.querySelector(".model").replaceChildren(
        el("span", { class: "vh" }, `Model: probability ${probability(score)}, ${above ? "above" : "below"} the threshold of ${probability(app.store.session.thresholds[label])}`),
        el("span", { "aria-hidden": "true" }, el("strong", {}, probability(score)), el("span", { class: "soft" }, ` ${above ? "tagged" : "not tagged"}`)),
      );
      button.title = `Model: ${said} (threshold)`;
    }
    byId("none").setAttribute("aria-pressed", String(!shown.length));
    byId("none").classList.toggle("proposed", !decided && !shown.length);
    byId("accept-what").textContent = decided ? "Next" : app.view === "adjudication" ? "Settle" : "Accept";
    byId("status").replaceChildren(...status(app, passage, shown, decided));
    byId("sides").replaceChildren(...(app.view === "adjudication" ? compared(app, passage) : []));
    byId("undo").disabled = !app.undos.length;
  }

  app.addEventListener("place", place);
  app.addEventListener("view", labels);
  app.addEventListener("passages", ({ detail }) => detail.includes(app.key) && labels());
  app.addEventListener("saved", () => app.passage && labels());
  app.addEventListener("lead", () => app.passage && words());
  return { words };
}

function where(app, passage) {
  const facts = [`${passage.number} of ${app.around?.passages.length ?? "…"}`];
  if (passage.page) facts.push(`p. ${passage.page}`);
  if (app.view !== "reading" && app.around) facts.unshift(app.around.title || app.around.name);
  return [
    el("p", { class: "facts" }, facts.join(" · ")),
    el("p", { class: "path" }, passage.section || "No section"),
    app.view === "queue" && passage.why && el("p", { class: "why" }, el("strong", {}, "Why this one: "), `${whyOf(passage.why)}.`),
    passage.low_confidence && el("p", { class: "why" }, el("strong", {}, "Low confidence: "), "the model knows too few of these words; read with care."),
  ].filter(Boolean);
}

function status(app, passage, shown, decided) {
  const said = [];
  const spell = (labels) => el("span", { class: "said" }, ...badges(labels), el("span", { class: "vh" }, inWords(labels)));
  if (app.view === "adjudication") {
    said.push(decided ? el("strong", {}, "Settled: ") : "Not settled. What all agree on: ", spell(shown));
    if (decided && passage.settled.annotator !== app.store.session.annotator) said.push(` by ${passage.settled.annotator}`);
  } else if (decided) {
    said.push(el("strong", {}, "Decided: "), spell(shown));
    said.push(app.outbox.pending(passage.key) ? " not saved yet" : passage.decision.time ? ` ${clock(passage.decision.time)}` : "");
    said.push(el("span", { class: "soft" }, sameLabels(shown, passage.labels) ? ", as the model" : el("span", {}, ", the model said ", spell(passage.labels))));
  } else said.push(el("span", {}, "Undecided; the model says "), spell(passage.labels));
  const lines = [el("p", {}, ...said)];
  if (passage.second && !sameLabels(passage.second.labels, passage.labels)) {
    lines.push(el("p", { class: "differs" }, "The second model, ", el("bdi", {}, app.store.session.second), ", says ", spell(passage.second.labels)));
  }
  if (app.view !== "adjudication") {
    for (const other of passage.others) {
      const same = sameLabels(other.labels, shown);
      lines.push(el("p", { class: same ? "soft" : "differs" }, el("bdi", {}, other.annotator), same ? " says the same" : " says ", ...(same ? [] : [spell(other.labels)]), ` (${clock(other.time)})`));
    }
    if (passage.settled) lines.push(el("p", {}, "Settled by ", el("bdi", {}, passage.settled.annotator), ": ", spell(passage.settled.labels)));
  }
  return lines;
}

/** Annotators side by side: a button each, which settles on what they said. */
function compared(app, passage) {
  return sides(passage, app.store.session.annotator).map(({ annotator, labels, time, own }, n) => {
    const chosen = passage.settled && sameLabels(passage.settled.labels, labels);
    const button = el(
      "button",
      { type: "button", class: "side", title: `${annotator}${time ? `, ${clock(time)}` : ""}`, "aria-pressed": String(Boolean(chosen)), "aria-keyshortcuts": String(n + 1) },
      el("span", { class: "who" }, el("kbd", { "aria-hidden": "true" }, String(n + 1)), el("bdi", {}, annotator), own ? el("span", {}, "(you)") : ""),
      el("span", { class: "said" }, ...badges(labels), el("span", { class: "words" }, inWords(labels))),
    );
    button.addEventListener("click", (event) => {
      app.side(n);
      backToList(event);
    });
    return button;
  });
}
