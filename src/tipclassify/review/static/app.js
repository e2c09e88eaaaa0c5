// Where the analyst is and what they can do: the verbs behind every key and button. Drawing is done by others, who are
// told by events: "list" (other rows), "place" (another passage), "passages" (some changed), "view", "saved".
import { get } from "./api.js";
import { notice } from "./dom.js";
import { blank, matcher } from "./filters.js";
import { count, inOrder, inWords, NAMES, sameLabels } from "./labels.js";
import { Outbox } from "./outbox.js";
import { Store } from "./store.js";

const POLL = 5000; // ms between looks at what others decided
const QUEUE = 50; // passages of a queue: an hour's work
const UNDOS = 500;

export const READING_VIEWS = ["reading", "queue", "adjudication"]; // the others have no passages

export class App extends EventTarget {
  view = "reading";
  report = null; // the report in reading order, as the server sent it
  key = null; // of the passage in the middle
  keys = []; // of the rows in the list
  rows = { queue: null, adjudication: null }; // passages of these views, once asked for
  filters = { reading: blank(), queue: blank(), adjudication: blank() };
  hovered = null; // label under the pointer or focus
  chosen = null; // label whose reasons and rule are shown otherwise
  online = true;
  #since = 0;
  #moves = 0; // so that an answer to an earlier move does not undo a later one

  constructor() {
    super();
    this.store = new Store(() => this.outbox);
  }

  tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  async start() {
    const session = await this.store.start();
    const place = `tipclassify review ${session.annotator} ${session.corpus}`;
    this.outbox = new Outbox(place, {
      changed: () => this.tell("saved"),
      saved: (action, answer) => {
        this.store.confirm(action, answer);
        this.tell("passages", [action.key]);
        if (action.settles) this.#refresh(action.report); // what it settled before, only the server knows
      },
      refused: (action, error) => {
        this.tell("refused", error.message);
        this.#refresh(action.report);
      },
    });
    this.place = place;
    this.undos = restored(`${place} undo`);
    this.#since = session.events;
    return session;
  }

  // ---- Passages -------------------------------------------------------------------------------------------------

  get passage() {
    return this.store.passages.get(this.key) || null;
  }

  /** What the view counts as a passage's labels: in adjudication what was settled, else what annotators agree on. */
  shown = (passage) => {
    if (this.view !== "adjudication") return passage.decision ? passage.decision.labels : passage.labels;
    return passage.settled ? passage.settled.labels : agreed(passage);
  };

  decided = (passage) => Boolean(this.view === "adjudication" ? passage.settled : passage.decision);

  get all() {
    return this.view === "reading" ? this.report?.passages || [] : this.rows[this.view] || [];
  }

  get isReading() {
    return READING_VIEWS.includes(this.view);
  }

  get filter() {
    return this.filters[this.view] || blank();
  }

  matching() {
    return this.all.filter(matcher(this.filter, this.shown, this.decided)).map(({ key }) => key);
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
    if (stay) this.tell("place");
    else if (this.keys.length && !this.keys.includes(this.key)) {
      const here = order.get(this.key) ?? -1;
      this.go(this.keys.find((key) => order.get(key) >= here) || this.keys[0]);
    } else this.tell("place");
  }

  // ---- Moving ---------------------------------------------------------------------------------------------------

  async go(key) {
    const move = ++this.#moves;
    const passage = this.store.passages.get(key);
    if (!passage) return;
    this.hovered = null;
    if (this.key !== key) this.chosen = null;
    this.key = key;
    this.around = null;
    if (this.report?.id === passage.report) this.around = this.report;
    this.#remember();
    this.tell("place");
    if (!this.around) {
      const report = await this.#asked(() => this.store.report(passage.report));
      if (!report || move !== this.#moves) return;
      this.around = report;
      this.tell("place");
    }
  }

  move(step) {
    const at = this.keys.indexOf(this.key);
    const to = at < 0 ? 0 : at + step;
    if (this.keys[to]) this.go(this.keys[to]);
    else this.#atTheEnd(step);
  }

  moveToUndecided(step) {
    for (let at = this.keys.indexOf(this.key) + step; at >= 0 && at < this.keys.length; at += step) {
      if (!this.decided(this.store.passages.get(this.keys[at]))) return this.go(this.keys[at]);
    }
    return this.#atTheEnd(step);
  }

  #atTheEnd(step) {
    const left = this.keys.filter((key) => !this.decided(this.store.passages.get(key))).length;
    const where = step > 0 ? "That was the last passage of this list" : "This is the first passage of this list";
    notice(`${where}; ${left ? count(left, "passage is", "passages are") + " undecided" : "all are decided"}.`);
  }

  async show(view, key = null) {
    const move = ++this.#moves;
    const before = this.passage;
    this.view = view;
    this.tell("view");
    this.#remember();
    if (!this.isReading) return;
    if (view === "reading") {
      const id = this.store.passages.get(key)?.report || before?.report || this.report?.id;
      if (id && id !== this.report?.id) {
        this.report = (await this.#asked(() => this.store.report(id))) || this.report;
        if (move !== this.#moves) return;
        this.tell("view");
      }
    } else {
      this.keys = [];
      this.rows[view] = null;
      this.tell("list");
      const asked = view === "queue" ? () => this.store.queue(QUEUE) : () => this.store.disagreements();
      const rows = await this.#asked(asked);
      if (move !== this.#moves || !rows) return;
      this.rows[view] = rows;
    }
    this.keys = this.matching();
    this.tell("list");
    const wanted = [key, view === "reading" && before?.key].find((one) => this.keys.includes(one));
    const first = this.keys.find((one) => !this.decided(this.store.passages.get(one))) || this.keys[0];
    if (wanted || first) this.go(wanted || first);
    else {
      this.key = null;
      this.tell("place");
    }
  }

  /** Open a report, at `key` or where work on it goes on. */
  async open(id, key = null) {
    const move = ++this.#moves;
    const report = await this.#asked(() => this.store.report(id));
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

  // ---- Deciding -------------------------------------------------------------------------------------------------

  /** Give the passage in the middle these labels. */
  decide(labels) {
    const { passage } = this;
    if (!passage) return;
    const kind = this.view === "adjudication" ? "settle" : "decide";
    const before = this.decided(passage) ? this.shown(passage) : null;
    if (before && sameLabels(before, labels)) return;
    const action = this.outbox.add({ kind, key: passage.key, report: passage.report, labels: inOrder(labels) });
    this.store.apply(action);
    this.undos = [...this.undos, { ...action }].slice(-UNDOS);
    this.#keepUndos();
    this.tell("passages", [passage.key]);
  }

  toggle(label) {
    if (!this.passage) return;
    const labels = this.shown(this.passage);
    this.chosen = label;
    this.decide(labels.includes(label) ? labels.filter((other) => other !== label) : [...labels, label]);
    this.tell("lead");
  }

  /** Confirm what is shown, if that is still open, and go on. */
  accept() {
    if (!this.passage) return;
    if (!this.decided(this.passage)) this.decide(this.shown(this.passage));
    this.move(1);
  }

  /** In adjudication: settle on what the n-th annotator said. */
  side(n) {
    const side = this.passage && this.view === "adjudication" && sides(this.passage, this.store.session.annotator)[n];
    if (side) this.decide(side.labels);
  }

  async undo() {
    const last = this.undos.at(-1);
    if (!last) return notice("Nothing to undo in this session.");
    this.undos = this.undos.slice(0, -1);
    this.#keepUndos();
    if (!this.store.passages.has(last.key)) await this.#asked(() => this.store.report(last.report));
    const undo = { kind: "undo", key: last.key, report: last.report, of: last.n, settles: last.kind === "settle" };
    this.store.apply(this.outbox.cancel(last.n) ? undo : this.outbox.add(undo));
    this.tell("passages", [last.key]);
    notice(`Undone: “${inWords(last.labels)}”.`);
    if (last.key === this.key) return undefined;
    if (this.keys.includes(last.key)) return this.go(last.key);
    return this.open(last.report, last.key);
  }

  #keepUndos() {
    try {
      sessionStorage.setItem(`${this.place} undo`, JSON.stringify(this.undos));
    } catch {
      // full or forbidden: undo ends with this page
    }
  }

  // ---- Reasons and rules ----------------------------------------------------------------------------------------

  /** The label whose reasons and rule are shown: the one pointed at, chosen, tagged, or at least likely. */
  get lead() {
    if (this.hovered || this.chosen) return this.hovered || this.chosen;
    const { passage } = this;
    if (!passage) return this.store.session.labels[0];
    const among = passage.labels.length ? passage.labels : this.store.session.labels;
    return [...among].sort((a, b) => passage.scores[b] - passage.scores[a])[0];
  }

  nextLead() {
    const { labels } = this.store.session;
    this.hovered = null;
    this.chosen = labels[(labels.indexOf(this.lead) + 1) % labels.length];
    this.tell("lead");
  }

  // ---- Others ---------------------------------------------------------------------------------------------------

  async watch() {
    for (;;) {
      await new Promise((done) => setTimeout(done, POLL));
      try {
        const { next, events } = await get(`/api/changes?since=${this.#since}`);
        this.#since = next;
        if (!this.online) this.#connected(true);
        const changed = this.store.learn(events.filter((event) => !this.outbox.isOurs(event.id)));
        if (changed.length) this.tell("passages", changed);
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

  async #refresh(id) {
    await this.#asked(() => this.store.refresh(id));
    this.tell("list");
    this.tell("place");
  }

  async #asked(question) {
    try {
      return await question();
    } catch (error) {
      if (error.status === undefined) throw error;
      this.tell("failed", error.message);
      return null;
    }
  }

  // ---- Coming back ----------------------------------------------------------------------------------------------

  #remember() {
    const { passage } = this;
    const here = [this.view, passage?.report, passage?.key].filter(Boolean).map(encodeURIComponent).join("/");
    if (location.hash !== `#${here}`) history.replaceState(null, "", `#${here}`);
    try {
      localStorage.setItem(this.place, here);
    } catch {
      // the address has it
    }
  }

  /** Go where the address says, or where this annotator was last, or to the first report with work left. */
  async resume(where = location.hash.slice(1) || stored(this.place)) {
    const { reports, queue } = this.store.session;
    const [view, id, key] = (where || (queue ? "queue" : "")).split("/").map(decodeURIComponent);
    if (!reports.length) return this.tell("place");
    const report = reports.find((one) => one.id === id) || reports.find((one) => one.decided < one.passages) || reports[0];
    await this.open(report.id, key);
    if (view && view !== "reading" && (READING_VIEWS.includes(view) || ["agreement", "retrain"].includes(view))) {
      await this.show(view, key);
    }
    return undefined;
  }
}

/** Labels on which all who decided agree. */
export function agreed(passage) {
  const sets = passage.others.map(({ labels }) => labels);
  if (passage.decision) sets.push(passage.decision.labels);
  return Object.keys(NAMES).filter((label) => sets.length && sets.every((labels) => labels.includes(label)));
}

/** Who said what of a passage, this annotator first. */
export function sides(passage, annotator) {
  const own = passage.decision ? [{ annotator, ...passage.decision, own: true }] : [];
  return [...own, ...passage.others];
}

/** Where work goes on: after the passage decided last, or at the first that is open. */
function continuing(passages) {
  const times = passages.map(({ decision }) => (decision ? String(decision.time) : ""));
  const latest = times.reduce((best, time, n) => (time && (best < 0 || time >= times[best]) ? n : best), -1);
  return passages.slice(latest + 1).find(({ decision }) => !decision) || passages.find(({ decision }) => !decision) || passages[0];
}

function stored(place) {
  try {
    return localStorage.getItem(place) || "";
  } catch {
    return "";
  }
}

function restored(place) {
  try {
    return JSON.parse(sessionStorage.getItem(place) || "[]");
  } catch {
    return [];
  }
}
