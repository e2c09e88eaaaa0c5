// The server's answers, and decisions on their way to it: one at a time, in the order they were
// made, kept until it says saved. They also lie in this tab's sessionStorage, so that a reload, or a
// browser that died and comes back, sends what was still unsaved. The server knows a request that
// comes a second time, because the answer to the first was lost: it is not done twice.
// Covered by tests/app/test_review_page.py.

const WAITS = [1, 2, 4, 8, 15, 30]; // seconds until the next try
const PATIENCE = 20_000; // ms; a decision takes milliseconds, reasons of a long passage a second

/** A failure in one line; `status` is 0 when nothing answered. */
class ApiError extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }

  /** Trying again can help: nothing answered, the server broke, or did not know us (restarted). */
  get passing() {
    return this.status === 0 || this.status >= 500 || [403, 408, 429].includes(this.status);
  }
}

// The link's token, which every request carries. It stays in this tab: a cookie would go to all
// ports of this machine.
const TOKEN = "tipclassify token";
const given = new URLSearchParams(location.search).get("token");
if (given) {
  sessionStorage.setItem(TOKEN, given);
  history.replaceState(null, "", `/${location.hash}`);
}
const token = sessionStorage.getItem(TOKEN) || "none";

let leaving = false;
addEventListener("pagehide", () => (leaving = true));
addEventListener("pageshow", () => (leaving = false));

async function ask(path, options = {}) {
  let response;
  try {
    response = await fetch(path, {
      ...options,
      headers: { ...options.headers, "X-Tipclassify": token },
      signal: AbortSignal.timeout(PATIENCE),
      credentials: "omit",
    });
  } catch {
    throw new ApiError("The server does not answer", 0);
  }
  const body = await response.json().catch(() => null);
  if (response.ok && body) return body;
  if (response.ok) throw new ApiError("The server's answer was cut short", 0);
  if (response.status === 403) {
    const remedy = "open the address that it printed when it started";
    throw new ApiError(`The server does not know this page: ${remedy}`, 403);
  }
  throw new ApiError(body?.error || `The server answered ${response.status}`, response.status);
}

export const get = (path) => ask(path, { cache: "no-store" });

export const post = (path, body = {}) =>
  ask(path, {
    method: "POST",
    keepalive: leaving, // so that what is sent by a page that is left arrives
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });

/** What lies in this tab's storage under a name. */
function kept(name, otherwise) {
  try {
    return JSON.parse(sessionStorage.getItem(name)) ?? otherwise;
  } catch {
    return otherwise; // another version's
  }
}

function keep(name, value) {
  try {
    sessionStorage.setItem(name, JSON.stringify(value));
  } catch {
    // storage is full or forbidden: the page still holds it
  }
}

export class Outbox {
  trouble = ""; // why the first one is not saved, until it is tried again
  savedAt = null;
  #ours = new Set(); // ids of events that this page made
  #tries = 0;
  #timer = 0;
  #sending = false;
  #place;
  #listener;

  /** `listener` has changed(), saved(action, answer), refused(action, error). */
  constructor(place, listener) {
    this.#place = place;
    this.#listener = listener;
    this.waiting = kept(place, []); // {kind, key, report, labels, unsure, note, request, before}
  }

  add(action) {
    this.waiting.push({ request: crypto.randomUUID(), ...action });
    this.#changed();
    this.send();
  }

  /** Take back the last action if it was never sent, and give it; no undo is taken back. */
  drop() {
    const last = this.waiting.at(-1);
    if (!last?.key || last.tried) return null;
    const action = this.waiting.pop();
    this.#changed();
    return action;
  }

  pending = (key) => this.waiting.some((action) => action.key === key);

  isOurs = (event) => this.#ours.has(event);

  #changed() {
    keep(this.#place, this.waiting);
    this.#listener.changed();
  }

  async send(now = false) {
    if (now) clearTimeout(this.#timer);
    else if (this.trouble) return; // its timer is set
    if (this.#sending) return;
    this.#sending = true;
    while (this.waiting.length) {
      const action = this.waiting[0];
      action.tried = true;
      keep(this.#place, this.waiting);
      try {
        const answer = await this.#post(action);
        if (answer.saved !== true) throw new ApiError("The server did not save it", 0);
        this.waiting.shift();
        this.#ours.add(answer.event.id);
        this.savedAt = new Date();
        this.#listener.saved(action, answer);
      } catch (error) {
        if (error.passing) {
          const seconds = WAITS[Math.min(this.#tries++, WAITS.length - 1)];
          this.trouble = error.message;
          this.#timer = setTimeout(() => this.send(true), seconds * 1000);
          break;
        }
        this.waiting.shift(); // it would be refused again, and hold up all others
        this.#listener.refused(action, error);
      }
      this.#tries = 0;
      this.trouble = "";
      this.#changed();
    }
    if (!this.waiting.length) this.trouble = ""; // what could not be sent was taken back
    this.#sending = false;
    this.#changed();
  }

  #post({ kind, key, labels, unsure, note, request }) {
    if (kind === "undo") return post("/api/undo", { request });
    return post("/api/decisions", { kind, key, labels, unsure, note, request });
  }
}
