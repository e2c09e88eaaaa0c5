// Decisions on their way to the server: one at a time, in the order they were made, kept until it
// says saved.
//
// They also lie in this tab's sessionStorage, so that a reload, or a browser that died and comes
// back, sends what was still unsaved. An action is {n, kind, key, report, labels, unsure, note, of,
// request}; its kind is "decide", "settle", "note" or "undo". The server knows a request that comes
// a second time, because the answer to the first was lost: it is not done twice.
// Covered by tests/app/test_review_page.py.
import { post } from "./api.js";

const WAITS = [1, 2, 4, 8, 15, 30]; // seconds until the next try
const MOST_EVENTS = 500; // as far back as undo can reach

export class Outbox {
  waiting = [];
  trouble = null; // {message, at}: why the first one is not saved, and when it is tried again
  savedAt = null;
  #events = new Map(); // n of an action: id of its event on the server
  #ours = new Set(); // ids of these events and of undos
  #next = 1;
  #tries = 0;
  #timer = 0;
  #sending = false;
  #place;
  #listener;

  /** `listener` has changed(), saved(action, answer), refused(action, error). */
  constructor(place, listener) {
    this.#place = place;
    this.#listener = listener;
    try {
      const kept = JSON.parse(sessionStorage.getItem(place) || "{}");
      this.waiting = kept.waiting || [];
      this.#next = kept.next || 1;
      this.#events = new Map(kept.events || []);
      this.#ours = new Set(this.#events.values());
    } catch {
      // another version's notes: start without them
    }
  }

  add(action) {
    const added = { n: this.#next++, request: crypto.randomUUID(), ...action };
    this.waiting.push(added);
    this.#keep();
    this.#listener.changed();
    this.send();
    return added;
  }

  /** Take back an action that was never sent; false when the server has it, or may have it. */
  cancel(n) {
    const place = this.waiting.findIndex((action) => action.n === n);
    if (place < 0 || this.waiting[place].tried) return false;
    this.waiting.splice(place, 1);
    this.#keep();
    this.#listener.changed();
    return true;
  }

  pending(key) {
    return this.waiting.some((action) => action.key === key);
  }

  isOurs(event) {
    return this.#ours.has(event);
  }

  async send(now = false) {
    if (now) clearTimeout(this.#timer);
    else if (this.trouble) return; // its timer is set
    if (this.#sending) return;
    this.#sending = true;
    while (this.waiting.length) {
      const action = this.waiting[0];
      action.tried = true;
      this.#keep();
      try {
        const answer = await this.#post(action);
        if (answer && answer.saved !== true)
          throw Object.assign(new Error("The server did not save it"), { passing: true });
        this.#tries = 0;
        this.trouble = null;
        this.waiting.shift();
        if (answer) {
          this.#events.set(action.n, answer.event.id);
          this.#ours.add(answer.event.id);
          this.savedAt = new Date();
          this.#listener.saved(action, answer);
        }
      } catch (error) {
        if (error.passing) {
          const seconds = WAITS[Math.min(this.#tries++, WAITS.length - 1)];
          this.trouble = { message: error.message, at: Date.now() + seconds * 1000 };
          this.#timer = setTimeout(() => this.send(true), seconds * 1000);
          this.#listener.changed();
          break;
        }
        this.waiting.shift(); // it would be refused again, and hold up all others
        this.trouble = null;
        this.#listener.refused(action, error);
      }
      this.#keep();
      this.#listener.changed();
    }
    if (!this.waiting.length && this.trouble) {
      this.trouble = null; // what could not be sent was taken back
      this.#listener.changed();
    }
    this.#sending = false;
  }

  #post({ kind, key, labels, unsure = false, note, of, request = crypto.randomUUID() }) {
    if (kind === "decide") return post("/api/decisions", { key, labels, unsure, request });
    if (kind === "note") return post("/api/notes", { key, note, request });
    if (kind === "settle") return post("/api/adjudications", { key, labels, request });
    const event = this.#events.get(of);
    // what it undoes was refused: nothing to undo
    return event === undefined ? null : post("/api/undo", { event, request });
  }

  #keep() {
    const events = [...this.#events].slice(-MOST_EVENTS);
    try {
      sessionStorage.setItem(
        this.#place,
        JSON.stringify({ waiting: this.waiting, next: this.#next, events }),
      );
    } catch {
      // storage is full or forbidden: the page still holds them
    }
  }
}
