// How far annotators agree: figures with intervals, and what they mean.
// Covered by tests/app/test_review_page.py.
import { get } from "./api.js";
import { byId, el, svg } from "./dom.js";
import { NAMES, badge, count, number } from "./labels.js";

const RELIABLE = 0.8; // Krippendorff 2004, Content Analysis, chapter 11: rely on it from 0.800,
const TENTATIVE = 0.667; // draw tentative conclusions from 0.667

export function agreementView(app) {
  const box = byId("agreement-body");

  async function draw() {
    if (!box.firstChild) box.replaceChildren(el("p", { class: "soft" }, "Counting…"));
    try {
      box.replaceChildren(...table(await get("/api/agreement")));
    } catch (error) {
      if (error.status === undefined) throw error;
      box.replaceChildren(el("p", {}, `${error.message}. `), again());
    }
  }

  const again = () => el("button", { type: "button", on: { click: draw } }, "Count again");

  function table({ annotators, passages, labels, all, decisions, progress, disputed }) {
    const compared = all.annotators.length > 1;
    return [
      ...byAnnotator(progress),
      el("h3", {}, "Agreement"),
      compared &&
        el(
          "p",
          { id: "disputed" },
          el(
            "strong",
            {},
            disputed
              ? `${count(disputed, "passage is", "passages are")} disputed`
              : "No passage is disputed",
          ),
          disputed
            ? ": no model learns from such a passage, and the corpus file leaves it out, " +
                "until it is settled in Adjudicate."
            : ".",
        ),
      ...(compared ? independence(decisions, passages, all.passages) : nothingYet()),
      ...(annotators.length > 1
        ? figures(annotators, passages, labels, "Agreement of independent decisions")
        : []),
      ...(compared && decisions.blind < decisions.of
        ? [
            el(
              "details",
              {},
              el("summary", {}, "All decisions, independent or not"),
              ...figures(all.annotators, all.passages, all.labels, "Agreement of all decisions"),
            ),
          ]
        : []),
      ...(compared ? howToRead() : []),
      again(),
    ].filter(Boolean);
  }

  /** How far each annotator is in the reports that are open. */
  function byAnnotator(progress) {
    const all = app.store.session.reports.reduce((sum, { passages }) => sum + passages, 0);
    const cells = ({ decided, unsure, noted }) => [
      ["Decided", `${decided} of ${all}`],
      ["Of these unsure", unsure],
      ["Left", all - decided],
      ["Noted", noted],
    ];
    const line = (row) =>
      el(
        "tr",
        {},
        el(
          "th",
          { scope: "row" },
          el("bdi", {}, row.annotator),
          row.annotator === app.store.session.annotator ? " (you)" : "",
        ),
        ...cells(row).map(([name, value]) => el("td", { "data-head": name }, String(value))),
        el(
          "td",
          { "data-head": "Done" },
          el("progress", {
            max: String(all),
            value: String(row.decided),
            "aria-label": `Done by ${row.annotator}`,
          }),
        ),
      );
    const head = ["Annotator", "Decided", "Of these unsure", "Left", "Noted", "Done"];
    const title = el("h3", {}, "Progress by annotator, in the open reports");
    if (!progress.length) return [title, el("p", {}, "Nobody has decided anything yet.")];
    return [title, grid("Progress by annotator", head, progress.map(line), "progress-by")];
  }

  const nothingYet = () => [
    el(
      "p",
      {},
      "There is nothing to compare yet: agreement needs passages that two annotators decided.",
    ),
    el(
      "p",
      { class: "soft" },
      "A second annotator opens the same reports with the same --corpus and a name of " +
        "their own (--annotator NAME).",
    ),
  ];

  /** How many of the compared decisions were made without seeing the others'. */
  function independence({ of, blind, unknown, model }, passages, shared) {
    const seen = of - blind - unknown;
    const rest = [
      seen && `${count(seen, "was", "were")} made after seeing a colleague’s`,
      unknown && `${count(unknown, "is", "are")} from a log that does not say (unknown)`,
    ].filter(Boolean);
    return [
      el(
        "p",
        { id: "independence" },
        el("strong", {}, `${blind} of ${count(of, "decision")}`),
        ` on ${count(shared, "shared passage")} ${blind === 1 ? "was" : "were"} made ` +
          "without seeing a colleague’s",
        rest.length ? `; ${rest.join("; ")}` : "",
        `. ${model} ${model === 1 ? "was" : "were"} blind to the model, too.`,
      ),
      el(
        "p",
        { class: "soft" },
        passages
          ? `The figures count ${count(passages, "passage")} on which two annotators decided ` +
              "independently, each by their last decision before they saw the others’."
          : "No passage has two independent decisions yet, so that no figure of agreement " +
              "can be relied on.",
      ),
    ];
  }

  function figures(annotators, passages, labels, title) {
    const names = annotators.flatMap((name, n) => [n ? ", " : "", el("bdi", {}, name)]);
    const head = [
      "Label",
      "Passages",
      "Cohen’s kappa",
      "Krippendorff’s alpha",
      "Alpha, 95% interval",
      "In words",
    ];
    return [
      el(
        "p",
        {},
        el("strong", {}, count(passages, "passage")),
        " decided by two or more of ",
        ...names,
        ".",
      ),
      grid(
        title,
        head,
        Object.entries(labels).map(([label, found]) => row(label, found)),
      ),
    ];
  }

  const grid = (title, head, rows, id = null) =>
    el(
      "div",
      { class: "wide", tabindex: "0", role: "region", "aria-label": title },
      el(
        "table",
        { class: "figures", id },
        el("thead", {}, el("tr", {}, ...head.map((name) => el("th", { scope: "col" }, name)))),
        el("tbody", {}, ...rows),
      ),
    );

  const howToRead = () => [
    el("h3", {}, "How to read this"),
    el(
      "ul",
      { class: "notes" },
      el(
        "li",
        {},
        "Both figures leave out the agreement that chance alone would bring: 1 is full " +
          "agreement, 0 is no more than chance, below 0 is less.",
      ),
      el(
        "li",
        {},
        `Alpha from ${RELIABLE.toFixed(2)} is commonly called reliable; from ` +
          `${TENTATIVE.toFixed(2)} it supports tentative conclusions; below that labels of ` +
          "two people cannot stand for each other.",
      ),
      el(
        "li",
        {},
        "The interval is where the figure would lie in 95 of 100 samples of passages like " +
          "these. Go by its lower end: few passages make it wide.",
      ),
      el(
        "li",
        {},
        "“Unsure” gives no labels and is not compared. Settling a disagreement does not " +
          "change these figures: they count what annotators decided by themselves.",
      ),
    ),
  ];

  app.addEventListener("view", () => app.view === "agreement" && draw());
  // somebody decided meanwhile
  app.addEventListener("passages", () => app.view === "agreement" && draw());
}

function row(label, found) {
  const range = (name) => (found[name] === null ? "–" : `${number(found[name])}`);
  const interval = (name) =>
    found[`${name}_low`] === null
      ? ""
      : ` (${number(found[`${name}_low`])} to ${number(found[`${name}_high`])})`;
  return el(
    "tr",
    {},
    el("th", { scope: "row" }, badge(label), " ", NAMES[label]),
    el("td", { "data-head": "Passages" }, String(found.n)),
    el(
      "td",
      { "data-head": "Cohen’s kappa" },
      el("strong", {}, range("kappa")),
      el("span", { class: "soft" }, interval("kappa")),
    ),
    el(
      "td",
      { "data-head": "Krippendorff’s alpha" },
      el("strong", {}, range("alpha")),
      el("span", { class: "soft" }, interval("alpha")),
    ),
    el("td", {}, drawing(found)),
    el("td", { class: "verdict", "data-head": "In words" }, verdict(found)),
  );
}

export function verdict({ alpha, alpha_low: low, alpha_high: high }) {
  if (alpha === null) return "Cannot be said: nobody, or everybody, gave this label";
  if (low === null) return "Too few passages for an interval";
  if (low >= RELIABLE) return "Reliable";
  if (low >= TENTATIVE) return "Good enough for tentative conclusions";
  if (high < TENTATIVE) return "Too low: talk over the rule, then label more";
  return "Not clear yet: label more in common";
}

/** Alpha as a dot on its interval, on a line from 0 to 1 with the two customary marks. */
function drawing({ alpha, alpha_low: low, alpha_high: high }) {
  const x = (value) => 6 + 148 * Math.max(0, Math.min(1, value));
  const image = svg("svg", {
    viewBox: "0 0 160 22",
    width: "160",
    height: "22",
    "aria-hidden": "true",
    class: "interval",
  });
  image.append(svg("line", { x1: x(0), x2: x(1), y1: 11, y2: 11, class: "axis" }));
  for (const mark of [TENTATIVE, RELIABLE])
    image.append(svg("line", { x1: x(mark), x2: x(mark), y1: 4, y2: 18, class: "rule" }));
  if (low !== null)
    image.append(svg("line", { x1: x(low), x2: x(high), y1: 11, y2: 11, class: "range" }));
  if (alpha !== null) image.append(svg("circle", { cx: x(alpha), cy: 11, r: 4.5 }));
  return image;
}
