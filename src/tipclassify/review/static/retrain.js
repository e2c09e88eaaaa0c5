// Teach the model what was decided: start, watch, stop, and what it brought.
import { get, post } from "./api.js";
import { byId, el } from "./dom.js";
import { NAMES, badge, count, signed } from "./labels.js";

const LOOK = 1000; // ms between looks at a training that runs

export function retrainView(app) {
  const box = byId("retrain-body");
  let timer = 0;
  let drawn = "";
  let detectors = true; // of the next training

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

  async function ask(path, fields = {}) {
    try {
      await post(path, fields);
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
        el("div", { class: "running" },
          el("p", {}, el("strong", { id: "retrain-step", role: "status" })),
          el("progress", { id: "retrain-done", max: "1", "aria-labelledby": "retrain-step" }),
          el("p", { id: "retrain-left", class: "soft" }),
          el("button", { type: "button", on: { click: () => ask("/api/retrain/stop") } }, "Stop"),
          el("p", { class: "soft" }, "You can go on deciding meanwhile. Stopping keeps all decisions and discards the model in the making.")),
      );
    } else {
      if (state.state === "failed") parts.push(el("p", { class: "trouble-line" }, el("strong", {}, "It did not work. "), state.error || ""));
      if (state.result) parts.push(...outcome(state.result), el("h3", {}, "Retrain again"));
      parts.push(...choices(state.data));
      const start = () => ask("/api/retrain", { detectors });
      parts.push(el("p", {}, el("button", { type: "button", class: "main", on: { click: start } }, state.result || state.error ? "Retrain again" : "Retrain the model")));
    }
    box.replaceChildren(...parts);
    if (state.state === "running") step(state);
    return undefined;
  }

  function step({ done, step, seconds, seconds_left: left }) {
    const name = (step || "starting").replace(/^./, (letter) => letter.toUpperCase());
    if (byId("retrain-step").textContent !== name) byId("retrain-step").textContent = name; // read out when it changes
    byId("retrain-done").value = done;
    byId("retrain-left").textContent = `${Math.round(done * 100)}%, ${duration(seconds)} so far${left === null ? "" : `, ${duration(left)} left`}`;
  }

  /** What is trained on, and how much of the model is trained. */
  function choices(data) {
    const choice = (value, name, what) => {
      const input = el("input", { type: "radio", name: "detectors", checked: detectors === value, on: { change: () => (detectors = value) } });
      return el("label", { class: "check whole" }, input, el("span", {}, el("strong", {}, name), " ", el("span", { class: "soft" }, what)));
    };
    return [
      el("p", {}, "Learns from the decided passages", ...(data.length ? [", each counted three times, and from the labelled passages in ", ...data.flatMap((path, n) => [n ? ", " : "", el("code", {}, path)])] : [" alone, as no other labelled passages were given (--train-data): too few for a good model, and without a comparison"]), "."),
      el("fieldset", { class: "kinds" }, el("legend", { class: "vh" }, "How much of the model is trained"),
        choice(true, "The whole model.", "As the one that ships. With the 25,000 passages that ship and two cores, ten to twenty minutes."),
        choice(false, "Its linear part alone.", "Two to five minutes, and a little less accurate.")),
    ];
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

/** In one sentence, what the interval of the difference allows to say. */
export function sentence({ difference, low, high }) {
  if (low === null || high === null) return "There are too few decided passages to compare the two models.";
  const range = `${signed(difference, 3)}, 95% interval ${signed(low, 3)} to ${signed(high, 3)}`;
  if (low === 0 && high === 0) return "Both models give the decided passages the same labels: nothing has changed on them. More decisions may tell the two apart.";
  if (low > 0) return `The new model is better on passages it did not learn from (macro F1 ${range}).`;
  if (high < 0) return `The new model is worse on passages it did not learn from (macro F1 ${range}). Keep the one you have.`;
  return `No difference can be shown between the two models (macro F1 ${range}). More decisions may tell them apart.`;
}

/** The same for the labelled passages that it was trained on before: what corrections must not cost. */
function elsewhere({ difference, low, high }) {
  const range = `${signed(difference, 3)}, 95% interval ${signed(low, 3)} to ${signed(high, 3)}`;
  if (high < 0) return `On the labelled passages from before it is worse (${range}).`;
  if (low > 0) return `On the labelled passages from before it is better too (${range}).`;
  return `On the labelled passages from before no difference can be shown (${range}).`;
}

function outcome(result) {
  const f1 = (figures, label) => {
    const found = label ? figures?.labels?.[label] : figures?.macro_f1;
    return typeof found === "object" && found ? found.f1 : found;
  };
  const figure = (value) => (typeof value === "number" ? value.toFixed(3) : "–");
  const row = (name, label) => {
    const [before, after] = [f1(result.before, label), f1(result.after, label)];
    const both = typeof before === "number" && typeof after === "number";
    const change = label || result.difference === null ? both && after - before : result.difference;
    return el("tr", {}, el("th", { scope: "row" }, ...name), el("td", {}, figure(before)), el("td", {}, figure(after)), el("td", {}, typeof change === "number" ? signed(change, 3) : "–", !label && result.low !== null ? ` (${signed(result.low, 3)} to ${signed(result.high, 3)})` : ""));
  };
  return [
    el("h3", {}, "What it brought"),
    el("p", { class: "verdict" }, sentence(result)),
    result.before && el("table", { class: "figures" },
      el("caption", {}, "F1 on decided passages that were held out of training"),
      el("thead", {}, el("tr", {}, ...["", "Before", "After", "Change (95% interval)"].map((name) => el("th", { scope: "col" }, name || el("span", { class: "vh" }, "Label"))))),
      el("tbody", {}, ...Object.keys(NAMES).map((label) => row([badge(label), " ", NAMES[label]], label))),
      el("tfoot", {}, row(["All three (macro F1)"], null))),
    result.elsewhere && el("p", {}, elsewhere(result.elsewhere)),
    result.note && el("p", { class: "soft" }, `How it was compared: ${result.note.replace(/[.]$/, "")}.`),
    el("p", {}, `${count(result.added, "decided passage was", "decided passages were")} added; trained ${result.detectors ? "whole" : "without detectors, the linear part alone"}, in ${duration(result.seconds)}. The new model is in `, el("code", {}, result.out), "; the one this page uses stays as it is. To use the new one, start again with ", el("code", {}, `--model ${result.out}`), "."),
  ].filter(Boolean);
}

