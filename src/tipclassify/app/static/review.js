// The page: makes the parts, and draws what belongs to none of them: the bar above, what is saved,
// what failed, and the sheet of agreement that Python writes.
// Covered by tests/app/test_review_page.py.
import { App } from "./app.js";
import { keyboard } from "./keys.js";
import { list } from "./list.js";
import { get } from "./outbox.js";
import { passageView } from "./passage.js";
import { LABELS, badge, backToList, byId, count, el, onClick } from "./shared.js";

const app = new App();

async function start() {
  try {
    await app.start();
  } catch (error) {
    byId("trouble").hidden = false;
    byId("trouble-text").textContent = `${error.message}.`;
    byId("try-now").addEventListener("click", () => location.reload());
    return;
  }
  /** The server's reason for a passage of the queue, with labels as people call them. */
  app.why = ({ why = "" }) => {
    const named = LABELS.reduce((said, label) => said.replaceAll(label, badge(label).title), why);
    return named.replace(/^./, (first) => first.toUpperCase());
  };
  keyboard(app, passageView(app));
  list(app);
  bar();
  saved();
  failures();
  agreement();
  await app.resume();
  if (document.activeElement === document.body) byId("rows").focus({ preventScroll: true });
  app.outbox.send();
  addEventListener("pagehide", () => app.commit());
  addEventListener("hashchange", () => app.resume());
  addEventListener("online", () => app.outbox.send(true));
  await app.watch();
}

// ---- The bar above ------------------------------------------------------------------------------

function bar() {
  const { session } = app;
  const select = byId("report");
  const option = ({ id }) => [id, el("option", { value: id })];
  const options = new Map(session.reports.map(option));
  select.append(...options.values());
  select.addEventListener("change", () => {
    app.open(select.value);
    byId("rows").focus({ preventScroll: true });
  });
  const isSole = session.reports.length === 1;
  const reports = isSole ? session.reports[0].title : count(session.reports.length, "report");
  document.title = `${reports} – tipclassify review`;
  byId("annotator").textContent = session.annotator + (session.blind ? " (blind)" : "");
  byId("annotator").title =
    `Decisions go to ${session.corpus}; model ${session.model.name}, policy ${session.policy}`;
  const views = [...document.querySelectorAll("nav [data-view]")];
  for (const button of views) {
    button.addEventListener("click", (event) => {
      app.show(button.dataset.view);
      document.body.classList.remove("listing");
      backToList(event);
    });
  }

  function draw() {
    for (const button of views) {
      if (button.dataset.view === app.view) button.setAttribute("aria-current", "page");
      else button.removeAttribute("aria-current");
    }
    byId("passages").hidden = !app.isReading;
    byId("agreement").hidden = app.view !== "agreement";
    document.body.dataset.view = app.view;
    progress();
  }

  function progress() {
    const counts = app.counts();
    const here = app.passage?.report || app.report?.id;
    for (const { id, title, passages } of session.reports)
      options.get(id).textContent = `${title} (${counts.get(id).decided}/${passages})`;
    if (!here) return;
    select.value = here;
    const { passages } = session.reports.find(({ id }) => id === here);
    const { decided, unsure } = counts.get(here);
    byId("progress").max = passages;
    byId("progress").value = decided;
    const doubts = unsure ? `, ${unsure} unsure` : "";
    byId("progress-text").textContent = `${decided} of ${passages} decided${doubts}`;
  }

  let soon = 0;
  const progressSoon = () => {
    clearTimeout(soon);
    soon = setTimeout(progress, app.passages.size > 1000 ? 200 : 0); // it counts all passages
  };
  app.addEventListener("view", draw);
  app.addEventListener("place", progressSoon);
  app.addEventListener("passages", progressSoon);
}

// ---- What is saved, and what did not work -------------------------------------------------------

function saved() {
  function say(text, state) {
    // a live region: written only when it says something new
    if (byId("saved").textContent !== text) byId("saved").textContent = text;
    byId("saved").dataset.state = state;
  }

  function draw() {
    const { waiting, trouble, savedAt } = app.outbox;
    document.body.classList.toggle("unsaved", waiting.length > 0);
    if (waiting.length && trouble) say(`Not saved: ${waiting.length}`, "bad");
    else if (waiting.length) say("Saving…", "busy");
    else if (!app.online) say("No connection", "bad");
    else if (savedAt) say(`Saved ${savedAt.toTimeString().slice(0, 5)}`, "good");
    else say("All saved", "good");
    if (waiting.length) addEventListener("beforeunload", warn);
    else removeEventListener("beforeunload", warn);
    const lost = trouble || (app.online ? "" : "The server does not answer");
    byId("trouble").hidden = !lost;
    const changes = count(waiting.length, "change is", "changes are");
    const what = waiting.length
      ? `${changes} not saved, and kept here to be sent again`
      : "Nothing is lost so far";
    byId("trouble-text").textContent = lost && `${lost}. ${what}.`;
  }

  app.addEventListener("saved", draw);
  onClick("try-now", () => app.outbox.send(true));
  draw();
}

function warn(event) {
  event.preventDefault();
  event.returnValue = true; // what older browsers ask for
}

function failures() {
  const box = byId("failure");
  app.addEventListener("failed", ({ detail }) => {
    byId("failure-text").textContent = `${detail.replace(/^./, (first) => first.toUpperCase())}.`;
    box.hidden = false;
  });
  app.addEventListener("view", () => (box.hidden = true)); // it was about what was done there
  onClick("close-failure", () => (box.hidden = true));
}

// ---- Agreement ----------------------------------------------------------------------------------

/** Show the part that Python writes, and anew when somebody decided meanwhile. */
function agreement() {
  const box = byId("agreement-body");

  let asked = 0;

  async function look() {
    const mine = ++asked;
    const answer = await app.asked(() => get("/api/agreement"));
    if (!answer || mine !== asked) return;
    box.innerHTML = answer.html;
  }

  for (const news of ["view", "passages"])
    app.addEventListener(news, () => app.view === "agreement" && look());
}

start();
