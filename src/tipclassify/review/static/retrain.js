// Teach the model what was decided: start, watch, stop, and what it brought.
import { get, post } from "./api.js";
import { byId, el } from "./dom.js";
import { NAMES, badge, count, signed } from "./labels.js";

const LOOK = 1000; // ms between looks at a training that runs

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
    const start = (text) => el("button", { type: "button", class: "main", on: { click: () => ask("/api/retrain") } }, text);
    const parts = [];
    if (state.state === "lost") parts.push(el("p", {}, `${state.error}. Looking again…`));
    else if (state.state === "running") {
      parts.push(
        el("div", { class: "running" },
          el("p", {}, el("strong", { id: "retrain-step" })),
          el("progress", { id: "retrain-done", max: "1", "aria-labelledby": "retrain-step" }),
          el("p", { id: "retrain-left", class: "soft" }),
          el("button", { type: "button", on: { click: () => ask("/api/retrain/stop") } }, "Stop"),
          el("p", { class: "soft" }, "You can go on deciding meanwhile. Stopping keeps all decisions and discards the model in the making.")),
      );
    } else {
      if (state.state === "failed") parts.push(el("p", { class: "trouble-line" }, el("strong", {}, "It did not work. "), state.error || ""));
      if (state.result) parts.push(...outcome(state.result));
      parts.push(el("p", {}, start(state.result || state.error ? "Retrain again" : "Retrain the model")));
    }
    box.replaceChildren(...parts);
    if (state.state === "running") step(state);
    return undefined;
  }

  function step({ done, step, seconds_left: left }) {
    byId("retrain-step").textContent = (step || "starting").replace(/^./, (letter) => letter.toUpperCase());
    byId("retrain-done").value = done;
    byId("retrain-left").textContent = `${Math.round(done * 100)}%${left === null ? "" : `, ${duration(left)} left`}`;
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
    el("p", {}, `${count(result.added, "decided passage was", "decided passages were")} added. The new model is in `, el("code", {}, result.out), "; the one this page uses stays as it is. To use the new one, start again with ", el("code", {}, `--model ${result.out}`), "."),
  ].filter(Boolean);
}

