// Where the analyst is and what they can do: the verbs behind every key and button. Drawing is done
// by others, who are notified by events: "list" (other rows), "place" (another passage), "passages"
// (some changed), "view", "saved". Covered by tests/app/test_review_page.py.
import { get } from "./api.js";
import { agreed, Deciding } from "./deciding.js";
import { notice } from "./dom.js";
import { blank, matcher } from "./filters.js";
import { count } from "./labels.js";
import { Outbox } from "./outbox.js";
import { Store } from "./store.js";
import { Undos } from "./undo.js";

const POLL = 5000; // ms between looks at what others decided
const QUEUE = 50; // passages of a queue: an hour's work

// the others have no passages
export const READING_VIEWS = ["reading", "queue", "adjudication", "search"];

export class App extends Deciding {
  view = "reading";
  report = null; // the report in reading order, as the server sent it
  key = null; // of the passage in the middle
  keys = []; // of the rows in the list
  rows = { queue: null, adjudication: null, search: [] }; // passages of these views, once asked for
  filters = { reading: blank(), queue: blank(), adjudication: blank(), search: blank() };
  found = 0; // passages of all reports that have the words searched for; the first of them are rows
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
        if (answer.passage) this.store.take(answer.passage); // with what was hidden until now
        this.tell("passages", [action.key]);
      },
      refused: (action, error) => {
        this.tell("refused", error.message);
        this.#refresh(action.report);
      },
    });
    this.place = place;
    this.undos = new Undos(`${place} undo`);
    this.#since = session.events;
    return session;
  }

  // ---- Passages ---------------------------------------------------------------------------------

  get passage() {
    return this.store.passages.get(this.key) || null;
  }

  /**
   * What the view counts as a passage's labels: in adjudication what was settled, else what
   * annotators agree on.
   */
  shown = (passage) => {
    if (this.view !== "adjudication") {
      if (!passage.decision && this.draft?.key === passage.key) return this.draft.labels;
      return passage.decision ? passage.decision.labels : passage.labels;
    }
    return passage.settled ? passage.settled.labels : agreed(passage);
  };

  /** The same with "unsure", which is no label. */
  answer = (passage) => ({
    labels: this.shown(passage),
    unsure: this.view !== "adjudication" && passage.decision?.unsure,
  });

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
    if (stay) this.tell("place");
    else if (this.keys.length && !this.keys.includes(this.key)) {
      const here = order.get(this.key) ?? -1;
      this.go(this.keys.find((key) => order.get(key) >= here) || this.keys[0]);
    } else this.tell("place");
  }

  // ---- Moving -----------------------------------------------------------------------------------

  async go(key) {
    if (key !== this.key) this.commit();
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
      const report = await this.asked(() => this.store.report(passage.report));
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
    for (
      let at = this.keys.indexOf(this.key) + step;
      at >= 0 && at < this.keys.length;
      at += step
    ) {
      if (!this.decided(this.store.passages.get(this.keys[at]))) return this.go(this.keys[at]);
    }
    return this.#atTheEnd(step);
  }

  #atTheEnd(step) {
    const left = this.keys.filter((key) => !this.decided(this.store.passages.get(key))).length;
    const where =
      step > 0
        ? "That was the last passage of this list"
        : "This is the first passage of this list";
    const undecided = left ? `${count(left, "passage is", "passages are")} undecided` : "";
    notice(`${where}; ${undecided || "all are decided"}.`);
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
      const id = this.store.passages.get(key)?.report || before?.report || this.report?.id;
      if (id && id !== this.report?.id) {
        this.report = (await this.asked(() => this.store.report(id))) || this.report;
        if (move !== this.#moves) return;
        this.tell("view");
      }
    } else {
      this.keys = [];
      this.rows[view] = null;
      this.tell("list");
      const rows = await this.asked(() =>
        view === "queue" ? this.store.queue(QUEUE) : this.store.disagreements(),
      );
      if (move !== this.#moves || !rows) return;
      this.rows[view] = rows;
    }
    this.keys = this.matching();
    this.tell("list");
    const wanted = [key, view === "reading" && before?.key].find((one) => this.keys.includes(one));
    const first =
      this.keys.find((one) => !this.decided(this.store.passages.get(one))) || this.keys[0];
    if (wanted || first) this.go(wanted || first);
    else {
      this.key = null;
      this.tell("place");
    }
  }

  /** List the passages of all reports that have these words; whoever types stays on the passage. */
  async search(words) {
    this.commit();
    const move = ++this.#moves;
    this.filters.search.words = words;
    if (this.view !== "search") {
      this.view = "search";
      this.tell("view");
    }
    const answer = words.trim()
      ? await this.asked(() => this.store.search(words))
      : { found: 0, passages: [] };
    if (!answer || move !== this.#moves) return;
    [this.found, this.rows.search] = [answer.found, answer.passages];
    this.keys = this.matching();
    this.tell("list");
    this.tell("place");
  }

  /** Open a report, at `key` or where work on it goes on. */
  async open(id, key = null) {
    this.commit();
    const move = ++this.#moves;
    const report = await this.asked(() => this.store.report(id));
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

  // ---- Reasons and rules ------------------------------------------------------------------------

  /**
   * The label whose reasons and rule are shown: the one pointed at, chosen, tagged, or at least
   * likely.
   */
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

  // ---- Others -----------------------------------------------------------------------------------

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
        const theirs = new Set(
          events.filter((event) => !this.outbox.isOurs(event.id)).map(({ key }) => key),
        );
        const changed = this.store.learn(passages.filter(({ key }) => theirs.has(key)));
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
    await this.asked(() => this.store.refresh(id));
    this.tell("list");
    this.tell("place");
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
    const here = [this.view === "search" ? "reading" : this.view, passage?.report, passage?.key]
      .filter(Boolean)
      .map(encodeURIComponent)
      .join("/");
    if (location.hash !== `#${here}`) history.replaceState(null, "", `#${here}`);
    try {
      localStorage.setItem(this.place, here);
    } catch {
      // the address has it
    }
  }

  /**
   * Go where the address says, or where this annotator was last, or to the first report with work
   * left.
   */
  async resume(where = location.hash.slice(1) || stored(this.place)) {
    const { reports, queue } = this.store.session;
    const [view, id, key] = (where || (queue ? "queue" : "")).split("/").map(decodeURIComponent);
    if (!reports.length) return this.tell("place");
    const report =
      reports.find((one) => one.id === id) ||
      reports.find((one) => one.decided < one.passages) ||
      reports[0];
    await this.open(report.id, key);
    if (
      view &&
      view !== "reading" &&
      (READING_VIEWS.includes(view) || ["agreement", "retrain"].includes(view))
    ) {
      await this.show(view, key);
    }
    return undefined;
  }
}

/** Where work goes on: after the passage decided last, or at the first that is open. */
function continuing(passages) {
  const times = passages.map(({ decision }) => (decision ? String(decision.time) : ""));
  const latest = times.reduce(
    (best, time, n) => (time && (best < 0 || time >= times[best]) ? n : best),
    -1,
  );
  return (
    passages.slice(latest + 1).find(({ decision }) => !decision) ||
    passages.find(({ decision }) => !decision) ||
    passages[0]
  );
}

function stored(place) {
  try {
    return localStorage.getItem(place) || "";
  } catch {
    return "";
  }
}
