// Teach the model what was decided: start, watch, stop, and what it brought.
// Covered by tests/app/test_review_page.py.
import { get, post } from "./api.js";
import { byId, el } from "./dom.js";
import { NAMES, badge, count, signed } from "./labels.js";

const LOOK = 1000; // ms between looks at a training that runs
const HEADS = ["Before", "New", "Change (95% interval)"];
const ENOUGH = 100; // decided passages; fewer move the heads of a model little

export function retrainView(app) {
  const box = byId("retrain-body");
  let timer = 0;
  let drawn = "";

  async function look() {
    clearTimeout(timer);
    let state;
    try {
      state = await get("/api/retrain");
    } catch (error) {
      if (error.status === undefined) throw error;
      state = { state: "lost", error: error.message };
    }
    const running = state.state === "running" || state.state === "lost";
    byId("retrain-dot").hidden = state.state !== "running";
    if (app.view === "retrain") draw(state);
    if (running) timer = setTimeout(look, app.view === "retrain" ? LOOK : 5 * LOOK);
  }

  async function ask(path) {
    try {
      await post(path);
    } catch (error) {
      if (error.status === undefined) throw error;
      app.tell("failed", error.message);
    }
    look();
  }

  function draw(state) {
    if (state.state === "running" && drawn === "running") return step(state);
    drawn = state.state;
    const parts = [];
    if (state.state === "lost") parts.push(el("p", {}, `${state.error}. Looking again…`));
    else if (state.state === "running") {
      parts.push(
        el(
          "div",
          { class: "running" },
          el("p", {}, el("strong", { id: "retrain-step", role: "status" })),
          el("progress", { id: "retrain-done", max: "1", "aria-labelledby": "retrain-step" }),
          el("p", { id: "retrain-left", class: "soft" }),
          el("button", { type: "button", on: { click: () => ask("/api/retrain/stop") } }, "Stop"),
          el(
            "p",
            { class: "soft" },
            "You can go on deciding meanwhile. Stopping keeps all decisions and discards " +
              "the model in the making.",
          ),
        ),
      );
    } else {
      if (state.state === "failed")
        parts.push(
          el(
            "p",
            { class: "trouble-line" },
            el("strong", {}, "It did not work. "),
            state.error || "",
          ),
        );
      if (state.result) parts.push(...outcome(state.result), el("h3", {}, "Retrain again"));
      parts.push(...plan(state));
      const start = () => ask("/api/retrain");
      parts.push(
        el(
          "p",
          {},
          el(
            "button",
            { type: "button", class: "main", on: { click: start } },
            state.result || state.error ? "Retrain again" : "Retrain the model",
          ),
        ),
      );
    }
    box.replaceChildren(...parts);
    if (state.state === "running") step(state);
    return undefined;
  }

  function step({ step, done, total, seconds }) {
    const name = (step || "starting").replace(/^./, (letter) => letter.toUpperCase());
    // read out when it changes
    if (byId("retrain-step").textContent !== name) byId("retrain-step").textContent = name;
    const bar = byId("retrain-done");
    if (total) bar.value = done / total;
    else bar.removeAttribute("value"); // how far it is, nobody can tell
    const left = total ? `${done.toLocaleString("en")} of ${total.toLocaleString("en")}, ` : "";
    byId("retrain-left").textContent = `${left}${duration(seconds)} so far`;
  }

  app.addEventListener("view", () => {
    drawn = "";
    if (app.view === "retrain") look();
  });
  look();
}

export function duration(seconds) {
  if (seconds < 50) return `about ${Math.max(5, Math.round(seconds / 5) * 5)} seconds`;
  return `about ${count(Math.max(1, Math.round(seconds / 60)), "minute")}`;
}

/** What a training will learn from, and what not to expect of it. */
function plan({ start, data, decided, disputed }) {
  const paths = data.flatMap((path, n) => [n ? ", " : "", el("code", {}, path)]);
  return [
    el(
      "p",
      {},
      "Adapts the model ",
      el("code", {}, start),
      ` to the ${count(decided, "decided passage")}`,
      ...(data.length ? [", and to the labelled passages in ", ...paths] : []),
      ". Its encoder stays as it is; the heads that give the labels start from those in " +
        "use and move as far as your decisions call for, and no further than a hundredth of " +
        "macro F1 on passages of real reports.",
    ),
    disputed > 0 &&
      el(
        "p",
        { id: "left-out" },
        el("strong", {}, `${count(disputed, "passage is", "passages are")} left out`),
        `: annotators differ on ${disputed === 1 ? "it" : "them"}, and nobody has ` +
          `adjudicated ${disputed === 1 ? "it" : "them"} yet (view Adjudicate).`,
      ),
    decided < ENOUGH &&
      el(
        "p",
        {},
        el("strong", {}, `Fewer than ${ENOUGH} decided passages change little. `),
        "Most likely no difference between the two models can be shown yet.",
      ),
    el(
      "p",
      {},
      "The new model is compared with the one in use on these passages, each held out in " +
        "turn, and on a fixed set of passages of real reports left out of both trainings. " +
        "What became worse is said first.",
    ),
    el(
      "p",
      { class: "soft" },
      "Seconds for some hundred passages. What the encoder has read is kept for the next " +
        "time. “Unsure” is left out of training.",
    ),
  ].filter(Boolean);
}

function outcome(result) {
  const parts = [result.on_own, result.on_held].filter(Boolean);
  return [
    el("h3", {}, "What it brought"),
    ...parts.map(({ worse, verdict }) =>
      el(
        "p",
        { class: worse ? "verdict trouble-line" : "verdict" },
        worse && el("strong", {}, "Worse. "),
        verdict,
      ),
    ),
    !result.on_held &&
      el(
        "p",
        {},
        "What the decisions change elsewhere was not measured: no labelled passages " +
          "besides them were held out of training.",
      ),
    ...parts.flatMap((part) => [figures(part), changed(part)]),
    el(
      "p",
      { class: "soft" },
      "Before: the model ",
      el("code", {}, result.start),
      " as it is. Passages that were chosen for decision are harder than most of a report",
      result.start === "default"
        ? "."
        : "; where this model learned from some of them already, it looks better on these " +
            "than it is.",
    ),
    el(
      "p",
      {},
      `Trained on ${count(result.trained_on, "passage")}, of which ` +
        `${result.added.toLocaleString("en")} decided; ` +
        `${result.held_out.toLocaleString("en")} others measure. Adapted from `,
      el("code", {}, result.start),
      ", in ",
      duration(result.seconds),
      ".",
    ),
    result.penalty &&
      el(
        "p",
        { class: "soft" },
        `Penalty ${result.penalty.chosen}: ${result.penalty.reason}. Calibration: ` +
          `${result.calibration}.`,
      ),
    el(
      "p",
      {},
      "The new model is in ",
      el("code", {}, result.out),
      "; the one this page uses stays as it is. To use the new one, start again with ",
      el("code", {}, `--model ${result.out}`),
      ".",
    ),
  ].filter(Boolean);
}

/** How many tags differ between the two models, and which of them is right. */
function changed({ where, gained = 0, lost = 0 }) {
  if (!gained && !lost) return el("p", { class: "changed" }, `No tag changed on ${where}.`);
  return el(
    "p",
    { class: "changed" },
    `${count(gained + lost, "tag")} changed on ${where}: ${gained.toLocaleString("en")} ` +
      `right now and wrong before, ${lost.toLocaleString("en")} wrong now and right before.`,
  );
}

/** F1 of the model in use and of the new one, on the passages that both were judged on. */
function figures({ where, groups, rows }) {
  const figure = (value) => (value === null ? "–" : value.toFixed(3));
  const change = ({ difference, interval: { low, high } }) =>
    difference === null
      ? "–"
      : signed(difference, 3) + (low === null ? "" : ` (${signed(low, 3)} to ${signed(high, 3)})`);
  const line = (row, ...name) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, ...name),
      ...[figure(row.other), figure(row.this), change(row)].map((cell, n) =>
        el("td", { "data-head": HEADS[n] }, cell),
      ),
    );
  const [all, ...labels] = rows;
  return el(
    "div",
    { class: "wide", tabindex: "0", role: "region", "aria-label": `F1 on ${where}` },
    el(
      "table",
      { class: "figures" },
      el("caption", {}, `F1 on ${where} (${count(groups, "group")})`),
      el(
        "thead",
        {},
        el(
          "tr",
          {},
          ...["", ...HEADS].map((name) =>
            el("th", { scope: "col" }, name || el("span", { class: "vh" }, "Label")),
          ),
        ),
      ),
      el("tbody", {}, ...labels.map((row) => line(row, badge(row.figure), " ", NAMES[row.figure]))),
      el("tfoot", {}, line(all, "All three (macro F1)")),
    ),
  );
}
