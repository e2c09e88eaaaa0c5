// The server's answers. Every failure is an ApiError of one line; `status` is 0 when nothing
// answered. Covered by tests/app/test_review_page.py.

export class ApiError extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }

  /**
   * Trying again can help: nothing answered, the server broke, or it did not know us (it was
   * started anew).
   */
  get passing() {
    return (
      this.status === 0 ||
      this.status >= 500 ||
      this.status === 403 ||
      this.status === 408 ||
      this.status === 429
    );
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

// ms; a decision is written to disk in milliseconds, reasons of a long passage in a second
const PATIENCE = 20_000;

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
  let body = null;
  try {
    body = await response.json();
  } catch {
    if (response.ok) throw new ApiError("The server's answer was cut short", 0);
  }
  if (response.ok) return body;
  if (response.status === 403) {
    throw new ApiError(
      "The server does not know this page: open the address that it printed when it started",
      403,
    );
  }
  throw new ApiError(
    (body && body.error) || `The server answered ${response.status}`,
    response.status,
  );
}

export const get = (path) => ask(path, { cache: "no-store" });

export const post = (path, body = {}) =>
  ask(path, {
    method: "POST",
    keepalive: leaving, // so that what is sent by a page that is left arrives
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
