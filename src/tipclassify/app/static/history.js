// What was done, by whom and when, the latest first, each with a way to its passage.
// Covered by tests/app/test_review_page.py.
import { get } from "./api.js";
import { backToList, el } from "./dom.js";
import { answerBadges, answerInWords, clock } from "./labels.js";

const PAGE = 100; // events in one answer

export function history(app) {
  let asked = 0; // so that an answer to an earlier question is not shown after a later one
  let events = [];
  let more = false;

  async function ask(before = 0) {
    const mine = ++asked;
    const answer = await app.asked(() => get(`/api/history?before=${before}`));
    if (!answer || mine !== asked) return false;
    events = before ? [...events, ...answer.events] : answer.events;
    more = answer.more;
    return true;
  }

  function entry(event) {
    const here = event.report && { key: event.key, report: event.report };
    const go = (click) => {
      app.jump(here);
      backToList(click);
    };
    return el(
      "li",
      {},
      el(
        "p",
        { class: "who" },
        el("bdi", {}, event.annotator),
        el("span", { class: "soft" }, ` ${clock(event.time)}`),
      ),
      el("p", {}, ...what(event)),
      here
        ? el(
            "button",
            { type: "button", class: "jump", on: { click: go } },
            el("span", { class: "vh" }, "Go to: "),
            event.text,
          )
        : el("p", { class: "soft" }, event.text, " (of a report that is not open)"),
    );
  }

  return {
    async draw(body, isShown) {
      const rows = body.querySelectorAll(".events > li").length;
      if (rows > PAGE) return; // whoever reads earlier ones is not thrown back
      if (!rows) body.replaceChildren(el("p", { class: "soft" }, "Loading…"));
      if ((await ask()) && isShown()) show(body, isShown);
    },
  };

  function show(body, isShown) {
    const older = el(
      "button",
      {
        type: "button",
        on: {
          click: async () => (await ask(events.at(-1).id)) && isShown() && show(body, isShown),
        },
      },
      "Show earlier ones",
    );
    const list = el("ol", { class: "events" }, ...events.map(entry));
    body.replaceChildren(
      el("h2", {}, "What was done"),
      events.length ? list : el("p", { class: "soft" }, "Nothing yet."),
      ...(more ? [older] : []),
    );
  }
}

/** What an event did; `of` is the action that an undo, or an undo of it and so on, is about. */
function what({ kind, steps, of }) {
  const answer = () => [...answerBadges(of), el("span", { class: "vh" }, answerInWords(of))];
  const said = of.hidden
    ? ["decided or noted something; shown once you have decided"]
    : {
        decision: ["decided ", ...answer()],
        adjudication: ["adjudicated ", ...answer()],
        note: of.note ? ["noted “", el("bdi", {}, of.note), "”"] : ["removed a note"],
        reveal: ["looked at what colleagues decided"],
      }[of.kind];
  if (kind !== "undo") return said;
  return [el("strong", {}, steps % 2 ? "took back: " : "did again: "), ...said];
}
