// The keyboard. Keys are single letters, so they rest while somebody types, while a dialog is open,
// with Ctrl, Alt or the command key, and when they are switched off in the help (WCAG 2.1.4).
// Covered by tests/app/test_review_page.py.
import { byId, el } from "./dom.js";
import { LETTERS } from "./labels.js";

const OFF = "tipclassify review keys off";

export const KEYS = [
  [
    "Decide",
    [
      [Object.values(LETTERS), "give or take a label; saved at once"],
      [["N"], "no label; saved at once"],
      [["Enter"], "accept what is shown and go on"],
      [["S"], "unsure: kept, listed, and no model learns from it"],
      [["M"], "a note on the passage; Ctrl + Enter, Escape or going on saves it"],
      [["U"], "undo the last change; also Ctrl + Z"],
      [["Shift", "U"], "do it again; also Ctrl + Y"],
    ],
  ],
  [
    "Move",
    [
      [["J", "↓"], "next passage"],
      [["K", "↑"], "previous passage"],
      [["Shift", "J"], "next undecided passage"],
      [["Shift", "K"], "previous undecided passage"],
      [["Space"], "read on in a long passage; with Shift back"],
      [["/"], "search; Escape clears"],
    ],
  ],
  [
    "Understand",
    [
      [["R"], "reasons: mark in the text what moved the model"],
      [["G"], "the codebook’s rule"],
      [["L"], "the same for the next label"],
      [["H"], "what was done, by whom and when"],
    ],
  ],
  [
    "Views",
    [
      [["Q"], "queue, or back to reading order"],
      [["A"], "adjudication, or back to reading order"],
      [["1", "2"], "in adjudication: settle on what that annotator said"],
      [["V"], "in adjudication: view what colleagues decided, before you have"],
      [["?"], "this help"],
      [["Esc"], "close what is open"],
    ],
  ],
];

export function keyboard(app, panel) {
  const help = byId("help");
  const single = byId("single-keys");
  try {
    single.checked = localStorage.getItem(OFF) === null;
  } catch {
    // on, then
  }
  single.addEventListener("change", () => {
    try {
      if (single.checked) localStorage.removeItem(OFF);
      else localStorage.setItem(OFF, "1");
    } catch {
      // until the page is closed
    }
  });

  byId("all-keys").append(
    ...KEYS.map(([title, rows]) =>
      el(
        "section",
        {},
        el("h3", {}, title),
        el(
          "dl",
          {},
          ...rows.map(([keys, what]) =>
            el(
              "div",
              {},
              el(
                "dt",
                {},
                ...keys.flatMap((key, n) => [
                  n ? (key.length === 1 && keys[0] === "Shift" ? " + " : " ") : "",
                  el("kbd", {}, key),
                ]),
              ),
              el("dd", {}, what),
            ),
          ),
        ),
      ),
    ),
  );
  const showHelp = () => (help.open ? help.close() : help.showModal());
  byId("show-help").addEventListener("click", showHelp);
  byId("close-help").addEventListener("click", () => help.close());
  help.addEventListener("click", (event) => event.target === help && help.close());

  const toggleView = (view) => app.show(app.view === view ? "reading" : view);
  const scroll = (step) => {
    const text = byId("reading");
    // a telephone scrolls it all
    const scrolled = text.scrollHeight > text.clientHeight ? text : document.scrollingElement;
    scrolled.scrollBy({ top: step * (innerHeight - byId("decide").offsetHeight) * 0.6 });
  };
  const often = {
    j: () => app.move(1),
    k: () => app.move(-1),
    arrowdown: () => app.move(1),
    arrowup: () => app.move(-1),
  };
  const toggles = {}; // by the letter of the label
  for (const [label, letter] of Object.entries(LETTERS))
    toggles[letter.toLowerCase()] = () => app.toggle(label);
  const once = {
    ...toggles,
    n: () => app.decide([]),
    enter: () => app.accept(),
    u: () => app.undo(),
    r: () => panel.open("reasons"),
    g: () => panel.open("codebook"),
    m: () => panel.open("notes"),
    h: () => panel.open("history"),
    s: () => app.unsure(),
    v: () => app.view === "adjudication" && app.reveal(),
    l: () => app.nextLead(),
    q: () => toggleView("queue"),
    a: () => toggleView("adjudication"),
    "/": () => {
      document.body.classList.add("listing");
      byId("search").focus();
      byId("search").select();
    },
    "?": showHelp,
  };
  const onPassages = new Set([
    "j",
    "k",
    "arrowdown",
    "arrowup",
    ...Object.keys(toggles),
    "n",
    "enter",
    "r",
    "g",
    "m",
    "h",
    "s",
    "v",
    "l",
    "/",
  ]);
  const withControl = (event) =>
    ({ z: () => (event.shiftKey ? app.redo() : app.undo()), y: () => app.redo() })[
      event.key.toLowerCase()
    ];

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || event.altKey) return;
    if (
      event.target.closest(
        "input:not([type=radio], [type=checkbox]), textarea, select, [contenteditable]",
      )
    )
      return;
    if (event.ctrlKey || event.metaKey) {
      if (help.open || !withControl(event)) return;
      event.preventDefault();
      if (!event.repeat) withControl(event)();
      return;
    }
    const key = event.key.toLowerCase();
    if (help.open) {
      if (key === "?") {
        event.preventDefault();
        help.close();
      }
      return;
    }
    if (key === "escape") {
      if (document.body.classList.contains("listing")) document.body.classList.remove("listing");
      else panel.close();
      return;
    }
    // that is pressed
    if (key === "enter" && event.target.closest("button, a, summary, input")) return;
    if (key.startsWith("arrow") && ownsArrows(event.target)) return;
    if (!single.checked && key.length === 1 && key !== " ") return;
    if (onPassages.has(key) && !app.isReading) return;
    if (key === " " && (!app.isReading || event.target.closest("button, a, summary, input")))
      return;
    let action = once[key];
    if (event.shiftKey && (key === "j" || key === "k"))
      action = () => app.moveToUndecided(key === "j" ? 1 : -1);
    else if (event.shiftKey && key === "u") action = () => app.redo();
    else if (key === " ") action = () => scroll(event.shiftKey ? -1 : 1);
    else if (often[key]) action = often[key];
    else if (/^[1-9]$/.test(key) && app.view === "adjudication")
      action = () => app.side(Number(key) - 1);
    else if (!action) return;
    event.preventDefault();
    // a key that is held down must not decide passage after passage
    if (event.repeat && !often[key] && key !== " ") return;
    action();
  });
}

/** Arrows move among radio buttons and scroll what is scrolled. */
function ownsArrows(target) {
  if (target.closest("input[type=radio]")) return true;
  const region = target.closest("[role=region]");
  return Boolean(region && region.scrollHeight > region.clientHeight);
}
