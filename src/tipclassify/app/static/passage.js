// The passage in the middle, large, with what stands around it, and below it the labels to give.
// Covered by tests/app/test_review_page.py.
import { backToList, byId, el } from "./dom.js";
import {
  LETTERS,
  NAMES,
  NO_SECTION,
  answerBadges,
  answerInWords,
  badge,
  clock,
  count,
  sameAnswer,
  sameLabels,
  signed,
} from "./labels.js";
import { emptiness, whyOf } from "./list.js";
import { probability } from "./probability.js";
import { pieces } from "./reasons.js";
import { sides } from "./deciding.js";

const BEFORE = 2; // passages of context
const AFTER = 3;

export function passageView(app, reasons) {
  const reading = byId("reading");
  const buttons = new Map();

  for (const label of app.store.session.labels) {
    const button = el(
      "button",
      {
        type: "button",
        class: `label ${LETTERS[label]}`,
        "aria-pressed": "false",
        "aria-keyshortcuts": LETTERS[label],
      },
      el(
        "span",
        { class: "name" },
        badge(label),
        el("span", {}, NAMES[label]),
        el("i", { class: "tick", "aria-hidden": "true" }, "✓"),
      ),
      el(
        "span",
        { class: "track", "aria-hidden": "true" },
        el("span", { class: "fill" }),
        el("span", { class: "threshold" }),
      ),
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
    button.addEventListener(
      "pointerenter",
      (event) => event.pointerType === "mouse" && point(true)(),
    );
    button.addEventListener(
      "pointerleave",
      (event) => event.pointerType === "mouse" && point(false)(),
    );
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
  press("unsure", () => app.unsure());
  press("undo", () => app.undo());
  press("redo", () => app.redo());
  press("before", () => app.move(-1));
  press("after", () => app.move(1));

  // ---- What is read -----------------------------------------------------------------------------

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
    byId("earlier").replaceChildren(
      ...neighbours(at < 0 ? [] : all.slice(Math.max(0, at - BEFORE), at), null),
    );
    byId("later").replaceChildren(
      ...neighbours(at < 0 ? [] : all.slice(at + 1, at + 1 + AFTER), passage),
    );
    words();
    labels();
    reading.scrollTop = 0;
    if (byId("decide").offsetParent && matchMedia("(max-width: 61.99rem)").matches) scrollTo(0, 0);
  }

  function neighbours(passages, before) {
    return passages.flatMap((passage) => {
      const heading = before && passage.section !== before.section && passage.section;
      before = passage;
      const go = el(
        "button",
        { type: "button", class: "neighbour" },
        el("span", { class: "vh" }, `Go to ${passage.number}: `),
        passage.text,
      );
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
    const known = marked && !passage.hidden.model ? reasons.known(passage.key) : null;
    const text = el("p", { class: `text ${LETTERS[label]}` });
    if (known) {
      for (const [words, phrase] of pieces(passage.text, known[label].phrases)) {
        if (!phrase) text.append(words);
        else text.append(phraseOf(words, phrase, known[label].phrases));
      }
    } else text.append(passage.text);
    byId("now").replaceChildren(text);
    if (
      marked &&
      !known &&
      !passage.hidden.model &&
      (await reasons.of(passage.key)) &&
      app.passage === passage
    )
      words();
  }

  function phraseOf(words, { weight }, phrases) {
    const share = Math.abs(weight) / Math.max(...phrases.map((phrase) => Math.abs(phrase.weight)));
    const strength = share > 0.66 ? 3 : share > 0.33 ? 2 : 1;
    const props = {
      class: `phrase ${weight > 0 ? "for" : "against"} s${strength}`,
      "data-weight": signed(weight, 1),
    };
    return el("span", props, words);
  }

  // ---- What is decided --------------------------------------------------------------------------

  function labels() {
    const { passage } = app;
    if (!passage) return;
    const shown = app.answer(passage);
    const decided = app.decided(passage);
    const drafted = app.draft?.key === passage.key;
    byId("decide").classList.toggle("decided", decided);
    for (const [label, button] of buttons) {
      const on = shown.labels.includes(label);
      button.setAttribute("aria-pressed", String(on));
      button.classList.toggle("proposed", on && !decided);
      button.classList.toggle("silent", passage.hidden.model);
      const score = passage.scores[label] ?? 0;
      button.querySelector(".fill").style.width = `${score * 100}%`;
      const [said, short, title] = passage.hidden.model
        ? [
            "The model is hidden until you have decided",
            el("span", { class: "soft" }, "hidden"),
            "",
          ]
        : scored(label, score, passage);
      button
        .querySelector(".model")
        .replaceChildren(
          el("span", { class: "vh" }, said),
          el("span", { "aria-hidden": "true" }, short),
        );
      button.title = title;
    }
    const none =
      !shown.labels.length &&
      !shown.unsure &&
      (decided || drafted || !(app.view === "adjudication" || passage.hidden.model));
    byId("none").setAttribute("aria-pressed", String(none));
    byId("none").classList.toggle("proposed", !decided && none);
    byId("unsure").setAttribute("aria-pressed", String(Boolean(shown.unsure)));
    const settling = app.view === "adjudication";
    byId("accept-what").textContent = decided
      ? "Next"
      : settling
        ? "Settle"
        : drafted
          ? "Save"
          : "Accept";
    byId("accept").disabled = settling && !decided; // nothing is proposed that could be accepted
    byId("status").replaceChildren(...status(app, passage, shown, decided));
    byId("sides").replaceChildren(...(app.view === "adjudication" ? compared(app, passage) : []));
    byId("undo").disabled = !app.undos.done.length;
    byId("redo").disabled = !app.undos.undone.length;
  }

  function scored(label, score, passage) {
    const [tagged, limit] = [
      passage.labels.includes(label),
      probability(app.store.session.thresholds[label]),
    ];
    const short = el(
      "span",
      {},
      el("strong", {}, probability(score)),
      el("span", { class: "soft" }, tagged ? " tagged" : " not tagged"),
    );
    return [
      `Model: probability ${probability(score)}, ${tagged ? "above" : "below"} the ` +
        `threshold of ${limit}`,
      short,
      `Model: ${probability(score)} ${tagged ? "≥" : "<"} ${limit} (threshold)`,
    ];
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
    el("p", { class: "path" }, passage.section || NO_SECTION),
    app.view === "queue" &&
      passage.why &&
      el("p", { class: "why" }, el("strong", {}, "Why this one: "), `${whyOf(passage.why)}.`),
    passage.low_confidence &&
      el(
        "p",
        { class: "why" },
        el("strong", {}, "Low confidence: "),
        "the model knows too few of these words; read with care.",
      ),
  ].filter(Boolean);
}

function status(app, passage, shown, decided) {
  const said = [];
  const spell = (answer) =>
    el(
      "span",
      { class: "said" },
      ...answerBadges(answer),
      el("span", { class: "vh" }, answerInWords(answer)),
    );
  const model = { labels: passage.labels };
  if (app.view === "adjudication") {
    if (passage.hidden.colleagues)
      said.push("What colleagues decided is hidden until you have decided yourself. ", reveal(app));
    else if (decided) said.push(el("strong", {}, "Adjudicated: "), spell(shown));
    else
      said.push(
        "Not adjudicated: choose a side, labels, or no label. ",
        ...(shown.labels.length
          ? ["All gave ", spell(shown), "."]
          : ["No label is common to all."]),
      );
    if (decided && passage.settled.annotator !== app.store.session.annotator)
      said.push(` by ${passage.settled.annotator}`);
  } else if (app.draft?.key === passage.key)
    said.push(
      el("strong", {}, "Not saved yet: "),
      spell(shown),
      ". Saved together, by Enter or on going on.",
    );
  else if (decided) {
    said.push(el("strong", {}, "Decided: "), spell(shown));
    said.push(
      app.outbox.pending(passage.key)
        ? " not saved yet"
        : passage.decision.time
          ? ` ${clock(passage.decision.time)}`
          : "",
    );
    if (!passage.hidden.model)
      said.push(
        el(
          "span",
          { class: "soft" },
          sameAnswer(shown, model)
            ? ", as the model"
            : el("span", {}, ", the model said ", spell(model)),
        ),
      );
  } else if (passage.hidden.model)
    said.push("Undecided; the model is hidden until you have decided");
  else said.push(el("span", {}, "Undecided; the model says "), spell(model));
  const lines = [el("p", {}, ...said)];
  if (passage.second && !sameLabels(passage.second.labels, passage.labels)) {
    lines.push(
      el(
        "p",
        { class: "differs" },
        "The second model, ",
        el("bdi", {}, app.store.session.second),
        ", says ",
        spell(passage.second),
      ),
    );
  }
  if (app.view !== "adjudication") {
    if (passage.hidden.colleagues)
      lines.push(
        el(
          "p",
          { class: "soft" },
          `${count(passage.hidden.colleagues, "colleague")} decided on this passage; shown ` +
            "once you have.",
        ),
      );
    for (const other of passage.others) {
      const same = sameAnswer(other, shown);
      lines.push(
        el(
          "p",
          { class: same ? "soft" : "differs" },
          el("bdi", {}, other.annotator),
          same ? " says the same" : " says ",
          ...(same ? [] : [spell(other)]),
          ` (${clock(other.time)})`,
        ),
      );
    }
    if (passage.settled)
      lines.push(
        el(
          "p",
          {},
          "Adjudicated by ",
          el("bdi", {}, passage.settled.annotator),
          ": ",
          spell(passage.settled),
        ),
      );
  }
  for (const [name, { note }] of Object.entries(passage.notes)) {
    lines.push(
      el(
        "p",
        { class: "noted" },
        el("span", { "aria-hidden": "true" }, "✎ "),
        name === app.store.session.annotator ? "Your note" : el("bdi", {}, name),
        ": ",
        el("bdi", {}, note),
      ),
    );
  }
  return lines;
}

const reveal = (app) =>
  el(
    "button",
    {
      type: "button",
      class: "link",
      id: "reveal",
      "aria-keyshortcuts": "V",
      on: { click: (event) => [app.reveal(), backToList(event)] },
    },
    "Show them (the log says so)",
  );

/** Annotators side by side: a button each, which settles on what they said. */
function compared(app, passage) {
  return sides(passage, app.store.session.annotator).map((side, n) => {
    const { annotator, time, own } = side;
    const chosen = passage.settled && sameAnswer(passage.settled, side);
    const button = el(
      "button",
      {
        type: "button",
        class: "side",
        disabled: Boolean(side.unsure),
        title: `${annotator}${time ? `, ${clock(time)}` : ""}`,
        "aria-pressed": String(Boolean(chosen)),
        "aria-keyshortcuts": String(n + 1),
      },
      el(
        "span",
        { class: "who" },
        el("kbd", { "aria-hidden": "true" }, String(n + 1)),
        el("bdi", {}, annotator),
        own ? el("span", {}, "(you)") : "",
      ),
      el(
        "span",
        { class: "said" },
        ...answerBadges(side),
        el("span", { class: "words" }, answerInWords(side)),
      ),
    );
    button.addEventListener("click", (event) => {
      app.side(n);
      backToList(event);
    });
    return button;
  });
}
