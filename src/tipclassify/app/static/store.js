// What the page knows: the session, reports, and each passage once, whichever view asked for it.
//
// A passage is what the server sends (`View.passage`); what is hidden from this annotator it does
// not send. Its `decision`, `settled` and `notes` change at once when the analyst acts; the outbox
// says whether that is saved yet. Covered by tests/app/test_review_page.py.
import { get } from "./api.js";

const FIELDS = { decide: "decision", settle: "settled", note: "notes" }; // that an action changes

export class Store {
  session = null;
  passages = new Map(); // key: passage
  #reports = new Map(); // id: promise of a report
  #undone = new Map(); // n of an action: what held before it

  constructor(outboxOf) {
    // the outbox is made after the store; it lays unsaved decisions over what the server sends
    this.outboxOf = outboxOf;
  }

  async start() {
    this.session = await get("/api/session");
    return this.session;
  }

  report(id) {
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

  /** Fetch a report again and bring its passages up to date, the same objects. */
  async refresh(id) {
    if (!this.#reports.has(id)) return;
    const { passages } = await get(`/api/reports/${encodeURIComponent(id)}`);
    for (const passage of passages) this.take(passage);
  }

  /**
   * {decided, unsure} of each report by its id: this annotator's, counting what is not saved yet.
   */
  counts() {
    const known = new Map();
    for (const { report, decision } of this.passages.values()) {
      if (!known.has(report)) known.set(report, { of: 0, decided: 0, unsure: 0 });
      const count = known.get(report);
      count.of += 1;
      if (decision) count.decided += 1;
      if (decision?.unsure) count.unsure += 1;
    }
    return new Map(
      this.session.reports.map((report) => [
        report.id,
        known.get(report.id)?.of === report.passages ? known.get(report.id) : report,
      ]),
    );
  }

  async queue(n) {
    const { passages } = await get(`/api/queue?n=${n}`);
    await Promise.all(
      [...new Set(passages.map(({ report }) => report))].map((id) => this.report(id)),
    );
    return passages
      .filter(({ key }) => this.passages.has(key))
      .map((row) => Object.assign(this.passages.get(row.key), { why: row.why }));
  }

  async disagreements() {
    const { passages } = await get("/api/disagreements");
    return passages.map((passage) => this.take(passage));
  }

  async search(words) {
    const { found, passages } = await get(`/api/search?words=${encodeURIComponent(words)}`);
    return { found, passages: passages.map((passage) => this.take(passage)) };
  }

  // ---- Decisions --------------------------------------------------------------------------------

  /** Let `action` hold from now on, and remember what it replaced. */
  apply(action) {
    const passage = this.passages.get(action.key);
    if (!passage) return;
    let field = FIELDS[action.kind];
    let value = {
      labels: action.labels,
      unsure: action.unsure,
      time: null,
      id: null,
      annotator: this.session.annotator,
    };
    if (action.kind === "undo") {
      // of before this page was loaded: the server's answer says what holds
      if (!this.#undone.has(action.of)) return;
      [field, value] = this.#undone.get(action.of);
    } else if (action.kind === "note") {
      value = { ...passage.notes, [this.session.annotator]: { note: action.note, time: null } };
      if (!action.note) delete value[this.session.annotator];
    }
    this.#undone.set(action.n, [field, passage[field]]);
    passage[field] = value;
  }

  /** Passages that others changed, or this annotator in another window. Gives their keys. */
  learn(passages) {
    const changed = passages.filter(
      ({ key }) => this.passages.has(key) && !this.outboxOf().pending(key),
    ); // what is on its way holds in the end
    return changed.map((passage) => this.take(passage).key);
  }

  /**
   * Let what the server sent of a passage hold, but for what is on its way there; the same object
   * for the same passage.
   */
  take(fresh) {
    const known = this.passages.get(fresh.key);
    const passage = known ? Object.assign(known, fresh) : fresh;
    this.passages.set(passage.key, passage);
    for (const action of this.outboxOf().waiting)
      if (action.key === passage.key) this.apply(action);
    return passage;
  }
}
