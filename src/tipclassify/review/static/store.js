// What the page knows: the session, reports, and each passage once, whichever view asked for it.
//
// A passage is what the server sends (see the module docstring of review/server.py) plus `report`, the id of its report.
// Its `decision` and `settled` change at once when the analyst decides; the outbox says whether that is saved yet.
import { get } from "./api.js";

export class Store {
  session = null;
  passages = new Map(); // key: passage
  #reports = new Map(); // id: promise of a report
  #undone = new Map(); // n of an action: what held before it

  constructor(outboxOf) {
    this.outboxOf = outboxOf; // the outbox is made after the store; it lays unsaved decisions over what the server sends
  }

  async start() {
    this.session = await get("/api/session");
    return this.session;
  }

  report(id) {
    if (!this.#reports.has(id)) {
      const promise = get(`/api/reports/${encodeURIComponent(id)}`).then((report) => {
        report.passages = report.passages.map((passage) => this.#merge(passage, id));
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
    for (const passage of passages) this.#merge(passage, id);
  }

  /** How many passages of a report this annotator decided, counting what is not saved yet. */
  decidedIn({ id, passages, decided }) {
    const known = [...this.passages.values()].filter((passage) => passage.report === id);
    return known.length < passages ? decided : known.filter(({ decision }) => decision).length;
  }

  async queue(n) {
    const { passages } = await get(`/api/queue?n=${n}`);
    await Promise.all([...new Set(passages.map(({ report }) => report))].map((id) => this.report(id)));
    return passages.filter(({ key }) => this.passages.has(key)).map((row) => Object.assign(this.passages.get(row.key), { why: row.why }));
  }

  async disagreements() {
    const { passages } = await get("/api/disagreements");
    return passages.map((passage) => this.#merge(passage, passage.report));
  }

  // ---- Decisions ------------------------------------------------------------------------------------------------

  /** Let `action` hold from now on, and remember what it replaced. */
  apply(action) {
    const passage = this.passages.get(action.key);
    if (!passage) return;
    const field = action.kind === "settle" ? "settled" : "decision";
    if (action.kind === "undo") {
      if (!this.#undone.has(action.of)) return;
      const [held, before] = this.#undone.get(action.of);
      passage[held] = before;
    } else {
      this.#undone.set(action.n, [field, passage[field]]);
      passage[field] = { labels: action.labels, time: null, id: null, annotator: this.session.annotator };
    }
  }

  /** The server has it: the time is its time now. */
  confirm(action, { event, ...answer }) {
    const passage = this.passages.get(action.key);
    if (!passage || this.outboxOf().waiting.some((later) => later.key === action.key)) return; // a later one holds
    if (action.kind === "undo") {
      if (!action.settles) passage.decision = answer.decision;
    } else if (action.kind !== "undo") {
      const held = action.kind === "settle" ? passage.settled : passage.decision;
      if (held) Object.assign(held, { time: event.time, id: event.id });
    }
  }

  /** Events of others, and of this annotator in another window. Gives the keys of the passages they changed. */
  learn(events) {
    const changed = new Set();
    for (const { key, annotator, decision, settled } of events) {
      const passage = this.passages.get(key);
      if (!passage || this.outboxOf().pending(key)) continue; // what is on its way holds in the end
      passage.settled = settled;
      if (annotator === this.session.annotator) passage.decision = decision;
      else {
        passage.others = passage.others.filter((other) => other.annotator !== annotator);
        if (decision) passage.others.push(decision);
      }
      changed.add(key);
    }
    return [...changed];
  }

  #merge(fresh, report) {
    const known = this.passages.get(fresh.key);
    const passage = known ? Object.assign(known, fresh) : fresh;
    passage.report = report;
    this.passages.set(passage.key, passage);
    for (const action of this.outboxOf().waiting) if (action.key === passage.key) this.apply(action);
    return passage;
  }
}
