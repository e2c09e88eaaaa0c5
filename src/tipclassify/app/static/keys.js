// The keyboard. Keys are single letters, so they rest while somebody types, while a dialog is open,
// with Ctrl, Alt or the command key, and when they are switched off in the help (WCAG 2.1.4), which
// lists them (app.html). Covered by tests/app/test_review_page.py.
import { LABELS, byId, letter } from "./shared.js";

const TYPED = "input:not([type=radio], [type=checkbox]), textarea, select, [contenteditable]";
const PRESSED = "button, a, summary, input";

export function keyboard(app, panel) {
  const help = byId("help");
  const single = byId("single-keys");
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
  const search = () => {
    document.body.classList.add("listing");
    byId("search").focus();
    byId("search").select();
  };
  const settle = (n) => byId("status").querySelectorAll(".side")[n - 1]?.click();

  // by key: what it does, and with Shift
  const held = {
    j: [() => app.move(1), () => app.move(1, true)],
    k: [() => app.move(-1), () => app.move(-1, true)],
    arrowdown: [() => app.move(1)],
    arrowup: [() => app.move(-1)],
    " ": [() => scroll(1), () => scroll(-1)],
  };
  const onPassages = {
    ...held,
    ...Object.fromEntries(
      LABELS.map((label) => [letter(label).toLowerCase(), [() => app.toggle(label)]]),
    ),
    n: [() => app.decide([])],
    enter: [() => app.accept()],
    s: [() => app.unsure()],
    r: [() => panel.open("reasons")],
    g: [() => panel.open("codebook")],
    m: [() => panel.open("notes")],
    v: [() => app.view === "adjudication" && app.reveal()],
    l: [() => app.nextLead()],
    "/": [search],
  };
  const anywhere = {
    u: [() => app.undo()],
    q: [() => toggleView("queue")],
    a: [() => toggleView("adjudication")],
    "?": [showHelp],
  };

  function actionOf({ key, shiftKey, ctrlKey, metaKey, target }) {
    const name = key.toLowerCase();
    const chosen = (actions) => actions && ((shiftKey && actions[1]) || actions[0]);
    if (ctrlKey || metaKey) return name === "z" && !shiftKey && (() => app.undo());
    // that is pressed
    if ((name === "enter" || name === " ") && target.closest(PRESSED)) return null;
    if (name.startsWith("arrow") && ownsArrows(target)) return null;
    if (!single.checked && name.length === 1 && name !== " ") return null;
    if (/^[1-9]$/.test(name)) return app.view === "adjudication" && (() => settle(Number(name)));
    return chosen(anywhere[name] || (app.isReading && onPassages[name]));
  }

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || event.altKey) return;
    if (event.target.closest(TYPED)) return;
    if (help.open) {
      if (event.key !== "?") return;
      event.preventDefault();
      help.close();
      return;
    }
    if (event.key === "Escape") {
      if (document.body.classList.contains("listing")) document.body.classList.remove("listing");
      else panel.close();
      return;
    }
    const action = actionOf(event);
    if (!action) return;
    event.preventDefault();
    // a key that is held down must not decide passage after passage
    if (!event.repeat || event.key.toLowerCase() in held) action();
  });
}

/** Arrows move among radio buttons and scroll what is scrolled. */
function ownsArrows(target) {
  if (target.closest("input[type=radio]")) return true;
  const region = target.closest("[role=region]");
  return Boolean(region && region.scrollHeight > region.clientHeight);
}
