// The page: makes the parts, and draws what belongs to none of them: the bar above and what is
// saved. Covered by tests/app/test_review_page.py.
import { agreementView } from "./agreement.js";
import { App, READING_VIEWS } from "./app.js";
import { backToList, byId, el } from "./dom.js";
import { keyboard } from "./keys.js";
import { clock, count } from "./labels.js";
import { list } from "./list.js";
import { panel, Reasons } from "./panel.js";
import { passageView } from "./passage.js";
import { retrainView } from "./retrain.js";

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
  const reasons = new Reasons(app.store);
  passageView(app, reasons);
  const rows = list(app);
  keyboard(app, panel(app, reasons));
  agreementView(app);
  bar();
  saved();
  failures();
  byId("show-list").addEventListener("click", () => {
    document.body.classList.toggle("listing");
    rows.reveal();
  });
  byId("close-list").addEventListener("click", () => document.body.classList.remove("listing"));
  await app.resume();
  retrainView(app);
  if (document.activeElement === document.body) byId("rows").focus({ preventScroll: true });
  app.outbox.send();
  addEventListener("pagehide", () => app.commit());
  addEventListener("hashchange", () => app.resume());
  addEventListener("online", () => app.outbox.send(true));
  await app.watch();
}

// ---- The bar above ------------------------------------------------------------------------------

function bar() {
  const { session } = app.store;
  const select = byId("report");
  const options = new Map(
    session.reports.map((report) => [report.id, el("option", { value: report.id })]),
  );
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

  for (const button of document.querySelectorAll("nav [data-view]")) {
    button.addEventListener("click", (event) => {
      app.show(button.dataset.view);
      document.body.classList.remove("listing");
      backToList(event);
    });
  }

  function draw() {
    const reading = READING_VIEWS.includes(app.view);
    for (const button of document.querySelectorAll("nav [data-view]")) {
      if (button.dataset.view === (app.view === "search" ? "reading" : app.view))
        button.setAttribute("aria-current", "page");
      else button.removeAttribute("aria-current");
    }
    byId("passages").hidden = !reading;
    byId("agreement").hidden = app.view !== "agreement";
    byId("retrain").hidden = app.view !== "retrain";
    document.body.dataset.view = app.view;
    progress();
  }

  function progress() {
    let [done, all] = [0, 0];
    const counts = app.store.counts();
    for (const report of session.reports) {
      const { decided } = counts.get(report.id);
      options.get(report.id).textContent = `${report.title} (${decided}/${report.passages})`;
      done += decided;
      all += report.passages;
    }
    const here = app.passage?.report || app.report?.id;
    if (here) select.value = here;
    const report = session.reports.find(({ id }) => id === here);
    if (!report) return;
    const { decided, unsure } = counts.get(here);
    byId("progress").max = report.passages;
    byId("progress").value = decided;
    byId("progress-text").textContent =
      `${decided} of ${report.passages} decided${unsure ? `, ${unsure} unsure` : ""}`;
    byId("progress-all").title =
      session.reports.length > 1
        ? `All ${session.reports.length} reports: ${done} of ${all} decided`
        : "";
  }

  app.addEventListener("view", draw);
  let soon = 0;
  const progressSoon = () => {
    clearTimeout(soon);
    soon = setTimeout(progress, app.store.passages.size > 1000 ? 200 : 0); // it counts all passages
  };
  app.addEventListener("place", progressSoon);
  app.addEventListener("passages", progressSoon);
}

// ---- What is saved ------------------------------------------------------------------------------

function saved() {
  const line = byId("saved");
  const trouble = byId("trouble");
  let timer = 0;

  function draw() {
    clearTimeout(timer);
    const { waiting, trouble: why, savedAt } = app.outbox;
    document.body.classList.toggle("unsaved", waiting.length > 0);
    if (waiting.length) say(why ? `Not saved: ${waiting.length}` : "Saving…", why ? "bad" : "busy");
    else if (!app.online) say("No connection", "bad");
    else if (savedAt) say(`Saved ${clock(savedAt)}`, "good");
    else say("All saved", "good");
    const lost = why || (!app.online && { message: "The server does not answer", at: 0 });
    trouble.hidden = !lost;
    if (!lost) {
      byId("trouble-text").textContent = "";
      return;
    }
    const what = waiting.length
      ? `${count(waiting.length, "change is", "changes are")} not saved, and kept here until ` +
          `${waiting.length === 1 ? "it is" : "they are"}.`
      : "Nothing is lost so far.";
    byId("trouble-text").textContent = `${lost.message}. ${what}`;
    const seconds = Math.max(0, Math.ceil((lost.at - Date.now()) / 1000));
    byId("trouble-next").textContent =
      waiting.length && seconds ? `Next try in ${seconds} s.` : "Trying again…";
    timer = setTimeout(draw, 1000);
  }

  function say(text, state) {
    // a live region: written only when it says something new
    if (line.textContent !== text) line.textContent = text;
    line.dataset.state = state;
  }

  app.addEventListener("saved", () => {
    draw();
    if (app.outbox.waiting.length) addEventListener("beforeunload", warn);
    else removeEventListener("beforeunload", warn);
  });
  byId("try-now").addEventListener("click", (event) => {
    app.outbox.send(true);
    backToList(event);
  });
  app.tell("saved");
}

function warn(event) {
  event.preventDefault();
  event.returnValue = true; // what older browsers ask for
}

// ---- What did not work --------------------------------------------------------------------------

function failures() {
  const box = byId("failure");
  const tell = (text) => {
    byId("failure-text").textContent = text.replace(/^./, (letter) => letter.toUpperCase());
    box.hidden = false;
  };
  app.addEventListener("failed", ({ detail }) => tell(`${detail}.`));
  app.addEventListener("refused", ({ detail }) =>
    tell(`A change was refused: ${detail}. What the server holds is shown.`),
  );
  app.addEventListener("view", () => (box.hidden = true)); // it was about what was done there
  byId("close-failure").addEventListener("click", (event) => {
    box.hidden = true;
    backToList(event);
  });
}

start();
