// Checks: findings confirmed, rejected and noted, with initials and time.
// The browser has an item for each finding, so that one more check writes a few bytes, however many
// there are. Covered by tests/app/test_desk_server.py and tests/reports/test_desk.py; timed by
// benchmarks/desk.py.
import { passagesByKey } from "./desk_data.js";
import { say } from "./desk_page.js";
import { askServer, keeper, KEEPS_NOTHING } from "./desk_store.js";
import { store, stored, storedNames } from "./desk_store.js";
import { grouped, plural } from "./labels.js";

const ITEM_PREFIX = `tipclassify desk checks ${document.body.dataset.desk} `; // and a finding's key
const INITIALS_ITEM = `tipclassify desk initials ${document.body.dataset.desk}`;
const WATCHES_EVERY = 5000; // ms

const initialsBox = document.getElementById("initials");
// key of a finding: {initials: {verdict, note, time, tagged}}; the server keeps `tagged` to itself
export const checks = new Map();
// Tells "check" with the key of a finding that was checked, and "initials".
export const checkEvents = new EventTarget();

const keptLine = document.getElementById("checks-kept");
const verdicts = new Map(); // key of a finding: its verdict, derived from its checks
const checkedWithOtherTags = new Set(); // keys of findings
const unsent = new Map(); // request: {path, body}, until the server has said "saved"
let nextEvent = 0; // of the server's log
let isSending = false;

// Read the checks that the server or the browser keeps.
export async function readChecks() {
  if (location.protocol.startsWith("http")) {
    try {
      await readServedChecks();
    } catch {
      keeper.isServer = false; // the pages alone are served
    }
  }
  if (!keeper.isServer) {
    for (const name of storedNames(ITEM_PREFIX)) {
      setChecks(name.slice(ITEM_PREFIX.length), stored(name, {}));
    }
    initialsBox.value = stored(INITIALS_ITEM, "");
  }
  document.getElementById("checks-files").hidden = keeper.isServer;
  sayKept();
}

async function readServedChecks() {
  const answer = await askServer("checks");
  keeper.isServer = true;
  nextEvent = answer.next;
  for (const [key, checksOfKey] of Object.entries(answer.checks)) setChecks(key, checksOfKey);
  initialsBox.value = answer.annotator;
  initialsBox.readOnly = true;
  setInterval(watchChecks, WATCHES_EVERY);
}

export function listenToChecks() {
  addEventListener("beforeunload", (event) => unsent.size && event.preventDefault());
  addEventListener("storage", ({ key: name, newValue }) => {
    // another tab of this browser checked something
    if (keeper.isServer || !name?.startsWith(ITEM_PREFIX)) return;
    const key = name.slice(ITEM_PREFIX.length);
    setChecks(key, newValue ? stored(name, {}) : {});
    tellCheck(key);
  });
  // as one types: lines drawn anew when the box is left would swallow the click that left it
  initialsBox.addEventListener("input", () => {
    if (!keeper.isServer) store(INITIALS_ITEM, initialsBox.value.trim());
    checkEvents.dispatchEvent(new Event("initials"));
  });
}

// Set the checks of all people on a finding, without verdicts on other tags: the desk was scored
// again since. The only place that writes them.
function setChecks(key, given) {
  const checksOfKey = {};
  const tags = tagsOf(key);
  checkedWithOtherTags.delete(key);
  for (const [name, check] of Object.entries(given)) {
    const isKnown = tags !== undefined && check.tagged !== undefined;
    if (isKnown && check.verdict && check.tagged !== tags) {
      checkedWithOtherTags.add(key);
      if (check.note) checksOfKey[name] = { ...check, verdict: "" };
    } else {
      checksOfKey[name] = check;
    }
  }
  if (Object.keys(checksOfKey).length) checks.set(key, checksOfKey);
  else checks.delete(key);
  verdicts.delete(key);
}

// The tags of a finding, as letters; undefined if the desk no longer has it.
function tagsOf(key) {
  return passagesByKey.get(key)?.letters.join("");
}

function tellCheck(key) {
  checkEvents.dispatchEvent(new CustomEvent("check", { detail: key }));
}

// Say where checks are kept, or what the trouble is.
export function sayKept(trouble = "") {
  const where = keeper.isServer ? "beside this page" : "in this browser";
  const saving = unsent.size ? `Saving ${plural(unsent.size, "change")}…` : "";
  const again = plural(checkedWithOtherTags.size, "finding");
  const toCheckAgain = checkedWithOtherTags.size
    ? `. ${again} had other tags when checked: check again`
    : "";
  keptLine.textContent = trouble || saving || `Checks are kept ${where}${toCheckAgain}`;
  keptLine.dataset.state = trouble ? "bad" : "";
}

// Ask what colleagues did meanwhile, and send again what could not be sent.
async function watchChecks() {
  if (unsent.size) {
    await sendAll();
    return;
  }
  try {
    const answer = await askServer(`checks?since=${nextEvent}`);
    nextEvent = answer.next;
    for (const [key, checksOfKey] of Object.entries(answer.checks)) {
      setChecks(key, checksOfKey);
      tellCheck(key);
    }
    sayKept();
  } catch {
    sayKept("The server does not answer: start tipclassify desk again.");
  }
}

// Send what is unsent, in the order in which it was made, until something fails.
async function sendAll() {
  if (isSending) return;
  isSending = true;
  sayKept();
  let trouble = "";
  while (unsent.size && !trouble) {
    const [request, { path, body }] = unsent.entries().next().value;
    try {
      const answer = await askServer(path, { ...body, request });
      unsent.delete(request);
      setChecks(answer.key, answer.check);
      tellCheck(answer.key);
    } catch (error) {
      if (error.refused) unsent.delete(request); // it would be refused again
      const changes = plural(unsent.size, "change");
      trouble = error.refused
        ? `Refused: ${error.message}`
        : `${changes} not saved yet (${error.message}). Trying again.`;
    }
  }
  isSending = false;
  sayKept(trouble);
}

// My own check of a finding, if there is one.
export function ownCheck(key) {
  return checks.get(key)?.[initialsBox.value.trim()];
}

// Let a check of mine hold at once, and send or keep it; false without initials.
export function changeCheck(passage, fields) {
  const { key } = passage;
  const name = initialsBox.value.trim();
  if (!name) {
    say("Write your initials first");
    initialsBox.focus();
    return false;
  }
  if (!keeper.isServer) {
    // another tab may have more
    setChecks(key, stored(ITEM_PREFIX + key, checks.get(key) ?? {}));
  }
  const checksOfKey = { ...checks.get(key) };
  const time = new Date().toISOString();
  const tagged = tagsOf(key);
  checksOfKey[name] = { verdict: "", note: "", ...checksOfKey[name], ...fields, time, tagged };
  if (!checksOfKey[name].verdict && !checksOfKey[name].note) delete checksOfKey[name];
  setChecks(key, checksOfKey);
  if (keeper.isServer) sendChange(key, fields);
  else sayKept(store(ITEM_PREFIX + key, checksOfKey) ? "" : KEEPS_NOTHING);
  tellCheck(key);
  return true;
}

function sendChange(key, { verdict, note }) {
  let request = { path: "withdraw", body: { key } };
  if (note !== undefined) {
    request = { path: "notes", body: { key, note } };
  } else if (verdict) {
    request = { path: "checks", body: { key, confirmed: verdict === "confirmed" } };
  }
  unsent.set(crypto.randomUUID(), request);
  sendAll();
}

// Add checks from a file to those that this browser keeps: of two of a person the later one holds.
// Returns how many were added, and whether the browser keeps them.
export function addChecks(imported) {
  let added = 0;
  let isKept = true;
  for (const [key, importedOfKey] of Object.entries(imported)) {
    const checksOfKey = { ...checks.get(key) };
    let isChanged = false;
    for (const [name, check] of Object.entries(importedOfKey)) {
      const { verdict = "", note = "", time = "", tagged } = check;
      if (![verdict, note, time, tagged ?? ""].every((text) => typeof text === "string")) continue;
      if (checksOfKey[name] && checksOfKey[name].time >= time) continue;
      checksOfKey[name] = { verdict, note, time, tagged };
      added += 1;
      isChanged = true;
    }
    if (!isChanged) continue;
    setChecks(key, checksOfKey);
    if (!store(ITEM_PREFIX + key, checksOfKey)) isKept = false;
  }
  return { added, isKept };
}

// "confirmed", "rejected", "disputed" where people differ, or "".
function verdictOf(key) {
  const derived = verdicts.get(key);
  if (derived !== undefined) return derived;
  const given = new Set();
  for (const { verdict } of Object.values(checks.get(key) ?? {})) {
    if (verdict) given.add(verdict);
  }
  const verdict = given.size > 1 ? "disputed" : ([...given][0] ?? "");
  verdicts.set(key, verdict);
  return verdict;
}

export function matchesCheck(key, wanted) {
  const verdict = verdictOf(key);
  if (wanted === "unchecked") return !verdict;
  if (wanted === "noted") return Object.values(checks.get(key) ?? {}).some(({ note }) => note);
  return verdict === wanted || verdict === "disputed";
}

// "12 checked (9 confirmed, 3 rejected), 108 unchecked"
export function checkedInWords(findings) {
  const counts = { confirmed: 0, rejected: 0, disputed: 0 };
  let checked = 0;
  for (const { key } of findings) {
    const verdict = verdictOf(key);
    if (!verdict) continue;
    counts[verdict] += 1;
    checked += 1;
  }
  const parts = [];
  for (const [verdict, count] of Object.entries(counts)) {
    if (count) parts.push(`${grouped(count)} ${verdict}`);
  }
  const verdictsInWords = checked ? ` (${parts.join(", ")})` : "";
  const unchecked = findings.length - checked;
  return `${grouped(checked)} checked${verdictsInWords}, ${grouped(unchecked)} unchecked`;
}

// "confirmed by AB, 2026-11-30; note by CD: ask the ministry": for exports, and for the line below
// a finding; a text for each person.
export function checksInWords(key) {
  return Object.entries(checks.get(key) ?? {}).map(([name, { verdict, note, time }]) => {
    const parts = [];
    if (verdict) parts.push(`${verdict} by ${name}, ${String(time).slice(0, 10)}`);
    if (note) parts.push(`note${verdict ? "" : ` by ${name}`}: ${note}`);
    return parts.join("; ");
  });
}
