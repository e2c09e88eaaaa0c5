// Where the annotator is, what the page knows, and the verbs behind every key and button. Drawing is
// done by others, who are notified by events: "list" (other rows), "place" (another passage),
// "passages" (some changed), "view", "lead" (another label), "saved", "failed".
//
// A passage is what the server sends (`Review.row`), the same object in each view; what is hidden
// from this annotator it does not send. Its `decision`, `settled` and `notes` change at once when
// the annotator acts; the outbox says whether that is saved. Covered by tests/app/test_review_page.py.
import { Outbox, get, post } from "./outbox.js";
import { LABELS, blank, count, matcher, notice, sameAnswer, sameLabels } from "./shared.js";

const POLL = 5000; // ms between looks at what others decided

const FIELDS = { label: "decision", settle: "settled", note: "notes" }; // that an action changes
const ROWS = { queue: "/api/queue", adjudication: "/api/disagreements" };

export class App extends EventTarget {
  view = "reading";
  report = null; // the report in reading order, as the server sent it
  around = null; // the report of the passage in the middle
  key = null; // of that passage
  keys = []; // of the rows in the list
  rows = { queue: null, adjudication: null }; // passages of these views, once asked for
  filters = { reading: blank(), queue: blank(), adjudication: blank() };
  passages = new Map(); // key: passage
  // {key, labels}: chosen, not saved yet, on a passage of which something is hidden until decided
  draft = null;
  marked = false; // whether the reasons are marked in the text
  chosen = null; // label whose reasons and rule are shown otherwise
  online = true;
  #since = 0;
  #moves = 0; // so that an answer to an earlier move does not undo a later one
  #reports = new Map(); // id: promise of a report

  tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  async start() {
    this.session = await get("/api/session");
    const { annotator, corpus } = this.session;
    this.#since = this.session.events;
    this.outbox = new Outbox(`tipclassify review ${annotator} ${corpus}`, {
      changed: () => this.tell("saved"),
      saved: (action, answer) => this.#saved(action, answer),
      refused: async (action, error) => {
        this.tell("failed", `A change was refused: ${error.message}. What the server holds is shown`);
        if (!action.report) return;
        const fresh = await this.asked(() => get(`/api/reports/${action.report}`));
        this.tell("passages", (fresh?.passages || []).map((one) => this.take(one).key));
      },
    });
  }

  // ---- Passages ---------------------------------------------------------------------------------

  get passage() {
    return this.passages.get(this.key) || null;
  }

  /** What the view counts as a passage's labels: what was settled, else what annotators agree on. */
  shown = (passage) => {
    if (this.view === "adjudication") return passage.settled?.labels || passage.agreed || [];
    if (!passage.decision && this.draft?.key === passage.key) return this.draft.labels;
    return (passage.decision || passage).labels;
  };

  /** The same with "unsure", which is no label. */
  answer = (passage) => ({
    labels: this.shown(passage),
    unsure: this.view !== "adjudication" && Boolean(passage.decision?.unsure),
  });

  decided = (passage) => Boolean(this.view === "adjudication" ? passage.settled : passage.decision);

  get all() {
    return this.view === "reading" ? this.report?.passages || [] : this.rows[this.view] || [];
  }

  get isReading() {
    return this.view in this.filters;
  }

  get filter() {
    return this.filters[this.view] || blank();
  }

  /** Let what the server sent of a passage hold, but for what is on its way there. */
  take(fresh) {
    const passage = Object.assign(this.passages.get(fresh.key) || {}, fresh);
    this.passages.set(passage.key, passage);
    for (const action of this.outbox.waiting)
      if (action.key === passage.key) this.#apply(action);
    return passage;
  }

  fetchReport(id) {
    if (!this.#reports.has(id)) {
      const promise = get(`/api/reports/${encodeURIComponent(id)}`).then((report) => {
        report.passages = report.passages.map((passage) => this.take(passage));
        report.places = new Map(report.passages.map((passage, n) => [passage.key, n]));
        return report;
      });
      this.#reports.set(id, promise);
      promise.catch(() => this.#reports.delete(id)); // asked for again next time
    }
    return this.#reports.get(id);
  }

  /** {decided, unsure} of each report by its id, counting what is not saved yet. */
  counts() {
    const known = new Map();
    for (const { report, decision } of this.passages.values()) {
      const one = known.get(report) || { of: 0, decided: 0, unsure: 0 };
      one.of += 1;
      if (decision) one.decided += 1;
      if (decision?.unsure) one.unsure += 1;
      known.set(report, one);
    }
    const isWhole = (report) => known.get(report.id)?.of === report.passages;
    return new Map(
      this.session.reports.map((report) => [
        report.id,
        isWhole(report) ? known.get(report.id) : report,
      ]),
    );
  }

  matching() {
    return this.all.filter(matcher(this.filter, this.answer, this.decided)).map(({ key }) => key);
  }

  /**
   * Filter anew. Until then rows stay where they are, though what is decided may no longer match.
   * `stay` on the passage, as while somebody still types: the list alone follows.
   */
  refilter(change = {}, stay = false) {
    Object.assign(this.filter, change);
    const order = new Map(this.all.map(({ key }, n) => [key, n]));
    this.keys = this.matching();
    this.tell("list");
    if (stay || !this.keys.length || this.keys.includes(this.key)) return this.tell("place");
    const here = order.get(this.key) ?? -1;
    return this.go(this.keys.find((key) => order.get(key) >= here) || this.keys[0]);
  }

  // ---- Moving -----------------------------------------------------------------------------------

  async go(key) {
    if (key !== this.key) this.commit();
    const move = ++this.#moves;
    const passage = this.passages.get(key);
    if (!passage) return;
    if (this.key !== key) this.chosen = null;
    this.key = key;
    this.around = this.report?.id === passage.report ? this.report : null;
    this.#remember();
    this.tell("place");
    if (this.around) return;
    const report = await this.asked(() => this.fetchReport(passage.report));
    if (!report || move !== this.#moves) return;
    this.around = report;
    this.tell("place");
  }

  /** Go to the next row, or back; with `undecided` to the next that is. */
  move(step, undecided = false) {
    const isOpen = (key) => !this.decided(this.passages.get(key));
    const here = this.keys.indexOf(this.key);
    let at = here < 0 ? 0 : here + step;
    while (undecided && this.keys[at] && !isOpen(this.keys[at])) at += step;
    if (this.keys[at]) return this.go(this.keys[at]);
    const left = this.keys.filter(isOpen).length;
    const end = step > 0 ? "That was the last" : "This is the first";
    const rest = left ? `${count(left, "passage is", "passages are")} undecided` : "all are decided";
    return notice(`${end} passage of this list; ${rest}.`);
  }

  async show(view, key = null) {
    this.commit();
    const move = ++this.#moves;
    const before = this.passage;
    this.view = view;
    this.tell("view");
    this.#remember();
    if (!this.isReading) return;
    if (view === "reading") {
      const id = this.passages.get(key)?.report || before?.report || this.report?.id;
      if (id && id !== this.report?.id) {
        this.report = (await this.asked(() => this.fetchReport(id))) || this.report;
        if (move !== this.#moves) return;
        this.tell("view");
      }
    } else {
      this.keys = [];
      this.rows[view] = null;
      this.tell("list");
      const rows = await this.asked(() => this.#rows(view));
      if (move !== this.#moves || !rows) return;
      this.rows[view] = rows;
    }
    this.keys = this.matching();
    this.tell("list");
    const wanted = [key, view === "reading" && before?.key].find((one) => this.keys.includes(one));
    const open = this.keys.find((one) => !this.decided(this.passages.get(one)));
    if (wanted || this.keys.length) this.go(wanted || open || this.keys[0]);
    else {
      this.key = null;
      this.tell("place");
    }
  }

  async #rows(view) {
    const { passages } = await get(ROWS[view]);
    if (view !== "queue") return passages.map((passage) => this.take(passage));
    const reports = new Set(passages.map(({ report }) => report));
    await Promise.all([...reports].map((id) => this.fetchReport(id)));
    return passages.map(({ key, why }) => Object.assign(this.passages.get(key), { why }));
  }

  /** Open a report, at `key` or where work on it goes on. */
  async open(id, key = null) {
    this.commit();
    const move = ++this.#moves;
    const report = await this.asked(() => this.fetchReport(id));
    if (!report || move !== this.#moves) return;
    this.report = report;
    this.view = "reading";
    this.filters.reading = blank();
    this.keys = this.matching();
    this.key = null;
    this.tell("view");
    this.tell("list");
    if (report.places.has(key)) this.go(key);
    else if (report.passages.length) this.go(continuing(report.passages).key);
    else this.tell("place");
  }

  /** Go to a passage in this list, or in its report. */
  jump({ key, report }) {
    if (key === this.key) return undefined;
    return this.isReading && this.keys.includes(key) ? this.go(key) : this.open(report, key);
  }

  // ---- Deciding ---------------------------------------------------------------------------------

  #apply({ kind, key, labels, unsure, note }) {
    const passage = this.passages.get(key);
    if (!passage || !FIELDS[kind]) return;
    const { annotator } = this.session;
    if (kind === "note") {
      const { [annotator]: _, ...others } = passage.notes;
      passage.notes = note ? { ...others, [annotator]: { note, time: null } } : others;
    } else passage[FIELDS[kind]] = { labels, unsure, annotator, time: null };
  }

  #act({ key, report, ...passage }, what) {
    const action = { key, report, ...what, before: passage[FIELDS[what.kind]] ?? null };
    this.outbox.add(action);
    this.#apply(action);
    this.tell("passages", [key]);
  }

  #saved({ kind }, { event, passage, undo }) {
    this.session.undo = undo;
    if (passage) this.take(passage); // with what was hidden until now
    this.tell("passages", [event.key]);
    if (kind !== "undo") return;
    notice("Undone.");
    if (passage) this.jump({ key: event.key, report: passage.report });
  }

  /** Give the passage in the middle these labels, or say that one is unsure. */
  decide(labels, unsure = false) {
    const { passage } = this;
    if (!passage) return;
    const settling = this.view === "adjudication";
    if (settling && passage.hidden.colleagues) {
      notice("What colleagues decided is hidden: show it first (V), or decide yourself in Reading.");
      return;
    }
    if (this.decided(passage) && sameAnswer(this.answer(passage), { labels, unsure })) return;
    this.draft = null;
    this.#act(passage, { kind: settling ? "settle" : "label", labels: inOrder(labels), unsure });
  }

  /**
   * Whether a passage is decided in one go: its first label, saved at once, would show what is
   * hidden before the second.
   */
  atOnce = ({ decision, hidden }) =>
    this.view !== "adjudication" && !decision && Boolean(hidden.model || hidden.colleagues);

  toggle(label) {
    const { passage } = this;
    if (!passage) return;
    const before = this.shown(passage);
    const without = before.filter((other) => other !== label);
    const labels = before.includes(label) ? without : [...before, label];
    this.chosen = label;
    if (this.atOnce(passage)) {
      this.draft = { key: passage.key, labels: inOrder(labels) };
      this.tell("passages", [passage.key]);
    } else this.decide(labels);
    this.tell("lead");
  }

  /** Save what was chosen where labels are saved together. */
  commit() {
    const { passage, draft } = this;
    if (draft && passage?.key === draft.key && this.atOnce(passage))
      if (!sameLabels(draft.labels, passage.labels)) this.decide(draft.labels);
    this.draft = null;
  }

  unsure() {
    if (this.view === "adjudication")
      notice("Settling says which labels hold; a doubt is said in Reading or Queue.");
    else this.decide([], true);
  }

  /** Confirm what is shown, if that is still open, and go on. */
  accept() {
    const { passage } = this;
    if (!passage) return undefined;
    if (!this.decided(passage)) {
      if (this.view === "adjudication")
        return notice("Annotators differ: choose a side (1, 2 …), labels, or N for none.");
      if (passage.hidden.model && !this.draft)
        return notice("The model is hidden: choose labels, N for none, or S if you are unsure.");
      this.decide(this.shown(passage));
    }
    return this.move(1);
  }

  /** Show what colleagues decided before deciding oneself; the store says so. */
  async reveal() {
    if (!this.passage?.hidden.colleagues) return;
    const look = { kind: "look", key: this.key, request: crypto.randomUUID() };
    const answer = await this.asked(() => post("/api/decisions", look));
    if (answer) this.tell("passages", [this.take(answer.passage).key]);
  }

  /** This annotator's note on a passage. */
  note(key, note) {
    const passage = this.passages.get(key);
    if (note.trim() !== (passage.notes[this.session.annotator]?.note || ""))
      this.#act(passage, { kind: "note", note: note.trim() });
  }

  get canUndo() {
    return this.session.undo || this.outbox.waiting.length > 0;
  }

  undo() {
    this.commit();
    const dropped = this.outbox.drop(); // what was never sent
    if (!dropped && !this.canUndo) return notice("Nothing to undo.");
    if (!dropped) return this.outbox.add({ kind: "undo" });
    this.passages.get(dropped.key)[FIELDS[dropped.kind]] = dropped.before;
    this.tell("passages", [dropped.key]);
    return this.jump(dropped);
  }

  // ---- Reasons and rules ------------------------------------------------------------------------

  /** The label whose reasons and rule are shown: chosen, tagged, or likeliest. */
  get lead() {
    const { passage } = this;
    if (this.chosen) return this.chosen;
    const among = passage?.labels.length ? passage.labels : LABELS;
    return [...among].sort((a, b) => (passage?.scores[b] || 0) - (passage?.scores[a] || 0))[0];
  }

  nextLead() {
    this.chosen = LABELS[(LABELS.indexOf(this.lead) + 1) % LABELS.length];
    this.tell("lead");
  }

  // ---- Others, and what fails -------------------------------------------------------------------

  async watch() {
    for (;;) {
      await new Promise((done) => {
        const timer = setTimeout(done, POLL);
        // who comes back sees at once what is new
        addEventListener("focus", () => done(clearTimeout(timer)), { once: true });
      });
      try {
        const { next, events, passages } = await get(`/api/changes?since=${this.#since}`);
        this.#since = next;
        if (!this.online) this.#connected(true);
        const theirs = events.filter(({ id }) => !this.outbox.isOurs(id)).map(({ key }) => key);
        const changed = passages.filter(
          ({ key }) => theirs.includes(key) && this.passages.has(key) && !this.outbox.pending(key),
        ); // what is on its way holds in the end
        if (changed.length) this.tell("passages", changed.map((one) => this.take(one).key));
      } catch (error) {
        if (error.status === undefined) throw error;
        if (this.online) this.#connected(false);
      }
    }
  }

  #connected(online) {
    this.online = online;
    if (online) this.outbox.send(true);
    this.tell("saved");
  }

  async asked(question) {
    try {
      return await question();
    } catch (error) {
      if (error.status === undefined) throw error;
      this.tell("failed", error.message);
      return null;
    }
  }

  // ---- Coming back ------------------------------------------------------------------------------

  #remember() {
    const { passage } = this;
    const parts = [this.view, passage?.report, passage?.key].filter(Boolean);
    const here = parts.map(encodeURIComponent).join("/");
    if (location.hash !== `#${here}`) history.replaceState(null, "", `#${here}`);
  }

  /** Go where the address says, or to where work is left. */
  async resume() {
    const where = location.hash.slice(1);
    const { reports, queue } = this.session;
    const [view, id, key] = (where || (queue ? "queue" : "")).split("/").map(decodeURIComponent);
    const report =
      reports.find((one) => one.id === id) ||
      reports.find((one) => one.decided < one.passages) ||
      reports[0];
    await this.open(report.id, key);
    if (view !== "reading" && (view in ROWS || view === "agreement"))
      await this.show(view, key);
  }
}

const inOrder = (labels) => LABELS.filter((label) => labels.includes(label));

/** Where work goes on: after the passage decided last, or at the first that is open. */
function continuing(passages) {
  const times = passages.map(({ decision }) => String(decision?.time || ""));
  const latest = times.lastIndexOf(times.reduce((a, b) => (a > b ? a : b), "1"));
  const isOpen = ({ decision }) => !decision;
  return passages.slice(latest + 1).find(isOpen) || passages.find(isOpen) || passages[0];
}
