// Checks: findings confirmed, rejected and noted, with initials and time. With `tipclassify desk` the server keeps them in
// a log beside the page; opened by a double click, the browser keeps them, to export and import.
// The browser has an item for each finding, so that one more check writes a few bytes, however many there are.
// Covered by tests/review/test_desk_server.py and tests/reporting/test_desk.py; timed by benchmarks/desk.py.

const served =
  location.protocol.startsWith("http") && document.querySelector("#checks-kept") !== null;
const itemPrefix = `tipclassify desk checks ${document.body.dataset.desk} `; // before the key of a finding
const initialsItem = `tipclassify desk initials ${document.body.dataset.desk}`;
const initialsBox = document.getElementById("initials");
const checks = new Map(); // key of a finding: {initials: {verdict, note, time}}
const verdicts = new Map(); // key of a finding: its verdict, derived from its checks
let server = false; // whether one keeps the checks
let seen = 0; // events of its log
const unsent = new Map(); // request: {path, body}, until the server has said "saved"

async function ask(path, body) {
  const text = body && JSON.stringify(body);
  // A request that may outlive its page may hold 64 KiB (Fetch, 4.6).
  const options = body
    ? {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: text,
        keepalive: text.length < 15_000,
      }
    : { cache: "no-store" };
  const response = await fetch(`api/${path}`, options);
  const answer = await response.json();
  if (!response.ok)
    throw Object.assign(new Error(answer.error), { refused: response.status < 500 });
  return answer;
}

async function readChecks() {
  if (served) {
    try {
      const answer = await ask("checks");
      server = true;
      seen = answer.next;
      for (const [key, all] of Object.entries(answer.checks)) setChecks(key, all);
      initialsBox.value = answer.annotator;
      initialsBox.readOnly = true;
      setInterval(watchChecks, 5000);
    } catch {
      server = false; // the pages alone are served
    }
  }
  if (!server) {
    readKeptChecks();
    initialsBox.value = stored(initialsItem, "");
  }
  document.getElementById("checks-files").hidden = server;
  sayKept();
}

// The checks of all people on a finding; the only place that writes them.
function setChecks(key, all) {
  if (Object.keys(all).length) checks.set(key, all);
  else checks.delete(key);
  verdicts.delete(key);
}

function readKeptChecks() {
  let names = [];
  try {
    names = Object.keys(localStorage).filter((name) => name.startsWith(itemPrefix));
  } catch {
    // a browser that keeps nothing for this page
  }
  for (const name of names) setChecks(name.slice(itemPrefix.length), stored(name, {}));
}

function stored(name, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(name)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

function keep(name, value) {
  try {
    localStorage.setItem(name, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}

const KEEPS_NOTHING = "This browser keeps nothing for this page: export before you close it.";

function sayKept(trouble = "") {
  const where = server ? "Checks are kept beside this page" : "Checks are kept in this browser";
  document.getElementById("checks-kept").textContent =
    trouble || (unsent.size ? `Saving ${plural(unsent.size, "change")}…` : where);
  document.getElementById("checks-kept").dataset.state = trouble ? "bad" : "";
}

// What colleagues did meanwhile, and what could not be sent.
async function watchChecks() {
  if (unsent.size) return sendAll();
  try {
    const answer = await ask(`checks?since=${seen}`);
    seen = answer.next;
    for (const [key, all] of Object.entries(answer.checks)) {
      setChecks(key, all);
      redrawCheck(key);
    }
    sayKept();
  } catch {
    sayKept("The server does not answer: start tipclassify desk again.");
  }
  return undefined;
}

let sending = false;
async function sendAll() {
  if (sending) return;
  sending = true;
  sayKept();
  while (unsent.size) {
    const [request, { path, body }] = unsent.entries().next().value; // in the order in which they were made
    try {
      const answer = await ask(path, { ...body, request });
      unsent.delete(request);
      setChecks(answer.key, answer.check);
      redrawCheck(answer.key);
    } catch (error) {
      if (error.refused) unsent.delete(request); // it would be refused again
      sayKept(
        error.refused
          ? `Refused: ${error.message}`
          : `${plural(unsent.size, "change")} not saved yet (${error.message}). Trying again.`,
      );
      sending = false;
      return;
    }
  }
  sending = false;
  sayKept();
}
addEventListener("beforeunload", (event) => unsent.size && event.preventDefault());

const mineOf = (key) => checks.get(key)?.[initialsBox.value.trim()];

// Let a check of mine hold at once, and send or keep it.
function change(passage, fields) {
  const name = initialsBox.value.trim();
  if (!name) {
    say("Write your initials first");
    initialsBox.focus();
    return false;
  }
  const all = { ...(server ? checks.get(passage.key) : stored(itemPrefix + passage.key, {})) }; // another tab may have more
  all[name] = { verdict: "", note: "", ...all[name], ...fields, time: new Date().toISOString() };
  if (!all[name].verdict && !all[name].note) delete all[name];
  setChecks(passage.key, all);
  if (server) send(passage.key, fields);
  else sayKept(keep(itemPrefix + passage.key, all) ? "" : KEEPS_NOTHING);
  redrawCheck(passage.key);
  return true;
}

function send(key, { verdict, note }) {
  let request = { path: "withdraw", body: { key } };
  if (note !== undefined) request = { path: "notes", body: { key, note } };
  else if (verdict) request = { path: "checks", body: { key, confirmed: verdict === "confirmed" } };
  unsent.set(crypto.randomUUID(), request);
  sendAll();
}

// "confirmed", "rejected", "disputed" where people differ, or "".
function verdictOf(key) {
  const known = verdicts.get(key);
  if (known !== undefined) return known;
  const given = new Set(
    Object.values(checks.get(key) ?? {})
      .map(({ verdict }) => verdict)
      .filter(Boolean),
  );
  const verdict = given.size > 1 ? "disputed" : ([...given][0] ?? "");
  verdicts.set(key, verdict);
  return verdict;
}

function matchesCheck(key, wanted) {
  const verdict = verdictOf(key);
  if (wanted === "unchecked") return !verdict;
  if (wanted === "noted") return Object.values(checks.get(key) ?? {}).some(({ note }) => note);
  return verdict === wanted || verdict === "disputed";
}

// "12 checked (9 confirmed, 3 rejected), 108 unchecked"
function checkedOf(findings) {
  const counts = { confirmed: 0, rejected: 0, disputed: 0 };
  for (const { key } of findings) {
    const verdict = verdictOf(key);
    if (verdict) counts[verdict] += 1;
  }
  const checked = counts.confirmed + counts.rejected + counts.disputed;
  const parts = Object.entries(counts)
    .filter(([, number]) => number)
    .map(([name, number]) => `${number.toLocaleString("en")} ${name}`);
  return `${checked.toLocaleString("en")} checked${checked ? ` (${parts.join(", ")})` : ""}, ${(findings.length - checked).toLocaleString("en")} unchecked`;
}

// "confirmed by AB, 2026-11-30; note by CD: ask the ministry": for exports and for the line below a finding.
function checkWords(key) {
  return Object.entries(checks.get(key) ?? {}).map(([name, { verdict, note, time }]) => {
    const what = [
      verdict && `${verdict} by ${name}, ${String(time).slice(0, 10)}`,
      note && `note${verdict ? "" : ` by ${name}`}: ${note}`,
    ];
    return what.filter(Boolean).join("; ");
  });
}

const checkLines = new Map(); // key: redraws the line, while it is in the page

function redrawCheck(key) {
  checkLines.get(key)?.();
  if (view === "findings" && shown.length)
    document.getElementById("findings-note").textContent = findingsNote();
  if (!saved.has(key)) return;
  saySaved();
  if (view !== "saved") drawn.delete("saved"); // whoever writes in the list goes on
}

function checkLine(passage) {
  const line = make("div", { class: "check" });
  function verdict(name, text) {
    const pressed = mineOf(passage.key)?.verdict === name;
    return button(
      text,
      () =>
        change(passage, { verdict: pressed ? "" : name }) &&
        line.querySelector(`.${name}`)?.focus(),
      { class: name, "aria-pressed": String(pressed) },
    );
  }
  function draw() {
    const open = line.querySelector("textarea");
    const inHand = open && document.activeElement === open;
    const mine = mineOf(passage.key);
    const words = make(
      "p",
      { class: "facts check-words", dir: "auto" },
      checkWords(passage.key).join(" · "),
    );
    const note = button(mine?.note ? "Edit note" : "Note", () => write(), { class: "note" });
    if (inHand) return line.querySelector(".check-words")?.replaceWith(words);
    const focused =
      line.contains(document.activeElement) &&
      ["confirmed", "rejected", "note"].find((name) =>
        document.activeElement.classList.contains(name),
      );
    line.replaceChildren(
      make(
        "p",
        { class: "do" },
        ...(passage.letters.length
          ? [verdict("confirmed", "Confirm"), verdict("rejected", "Reject")]
          : []),
        note,
      ),
      words,
    );
    if (focused) line.querySelector(`.${focused}`).focus(); // whoever works by keyboard stays there
    return undefined;
  }
  function write() {
    const box = make("textarea", {
      rows: 2,
      maxlength: 2000,
      "aria-label": "Note on this finding",
    });
    box.value = mineOf(passage.key)?.note ?? "";
    let left = false;
    const done = (back) => {
      if (left) return;
      left = true;
      const written = box.value
        .replace(/[\p{Cc}\p{Cs}]/gu, (char) => (char === "\n" || char === "\t" ? char : ""))
        .trim();
      box.remove();
      if (written !== (mineOf(passage.key)?.note ?? "")) change(passage, { note: written });
      draw();
      if (back) line.querySelector(".note").focus();
    };
    // Whatever is typed is kept, however one leaves.
    box.addEventListener("blur", () => done(false));
    box.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" && !(event.key === "Enter" && (event.ctrlKey || event.metaKey)))
        return;
      event.preventDefault();
      done(true);
    });
    line.append(box);
    box.focus();
  }
  checkLines.set(passage.key, draw);
  draw();
  return line;
}

initialsBox.addEventListener("change", () => {
  if (!server) keep(initialsItem, initialsBox.value.trim());
  for (const draw of checkLines.values()) draw();
});

document.getElementById("export-checks").addEventListener("click", () => {
  // What was checked, so that a bundle of other files finds it again.
  const checked = passages.filter(({ key }) => checks.has(key));
  const findings = checked.map(({ key, text, start, end, letters }) => [
    key,
    { text, start, end, labels: letters.map(labelOf) },
  ]);
  const data = {
    desk: document.body.dataset.desk,
    checks: Object.fromEntries(checks),
    findings: Object.fromEntries(findings),
  };
  const address = URL.createObjectURL(
    new Blob([JSON.stringify(data, null, 1)], { type: "application/json" }),
  );
  make("a", { href: address, download: "desk-checks.json" }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
  say(`Exported the checks of ${plural(checks.size, "finding")}`);
});

document.getElementById("import-checks").addEventListener("change", async ({ target }) => {
  let imported;
  try {
    imported = JSON.parse(await target.files[0].text()).checks;
    if (typeof imported !== "object" || !imported) throw new Error("no checks");
  } catch {
    sayKept("This file holds no checks of a desk: choose one that was exported here.");
    return;
  } finally {
    target.value = "";
  }
  let taken = 0;
  let kept = true;
  for (const [key, all] of Object.entries(imported)) {
    const here = { ...checks.get(key) };
    const before = taken;
    for (const [name, { verdict = "", note = "", time = "" }] of Object.entries(all)) {
      if (![verdict, note, time].every((text) => typeof text === "string")) continue;
      if (here[name] && here[name].time >= time) continue; // the later one holds
      here[name] = { verdict, note, time };
      taken += 1;
    }
    if (taken === before) continue;
    setChecks(key, here);
    kept = keep(itemPrefix + key, here) && kept;
  }
  sayKept(kept ? "" : KEEPS_NOTHING);
  say(`Imported ${plural(taken, "check")}`);
  drawn.clear();
  apply();
});

// Another tab of this browser checked something.
addEventListener("storage", ({ key: name, newValue }) => {
  if (server || !name?.startsWith(itemPrefix)) return;
  const key = name.slice(itemPrefix.length);
  setChecks(key, newValue ? stored(name, {}) : {});
  redrawCheck(key);
});
