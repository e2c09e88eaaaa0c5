// Where the desk keeps checks and saved findings: with `tipclassify desk`, files of its server
// beside the page; opened by a double click, this browser.
// Covered by tests/app/test_desk_server.py and tests/reports/test_desk.py, in a browser.

export const keeper = { isServer: false };

// What the browser has under a name, or a value in its place.
export function stored(name, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(name)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

export function storedNames(prefix) {
  try {
    return Object.keys(localStorage).filter((name) => name.startsWith(prefix));
  } catch {
    return []; // a browser that keeps nothing for this page
  }
}

// Keep a value in the browser; false in private windows, or without room.
export function store(name, value) {
  try {
    localStorage.setItem(name, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}

export const KEEPS_NOTHING =
  "This browser keeps nothing for this page: export before you close it.";

// characters: all requests that may outlive a page, 64 KiB (Fetch, 4.6)
const MOST_KEPT_ALIVE = 15_000;

// Ask the server; an error whose `refused` is true would come again.
export async function askServer(path, body) {
  const response = await fetch(`api/${path}`, body ? postOptions(body) : { cache: "no-store" });
  const answer = await response.json();
  if (response.ok) return answer;
  const error = new Error(answer.error);
  error.refused = response.status < 500;
  throw error;
}

function postOptions(body) {
  const text = JSON.stringify(body);
  return {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: text,
    keepalive: text.length < MOST_KEPT_ALIVE,
  };
}
