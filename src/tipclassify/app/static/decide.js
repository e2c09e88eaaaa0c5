// What people decide on the findings of a served desk: fills the empty ".decide" of each finding
// with buttons, and who decided what, when. What is not saved yet is said, and sent again.
// Covered by tests/app/test_desk_server.py.

const POLL = 5000; // ms between looks at what others decided
const WAIT = 3000; // ms until what was not saved is sent again
const api = new URL("api/checks", import.meta.url);

const people = new Map(); // place of a finding: {name: {verdict, labels, note, at}}
// of the model: {label, name}, by its letter
const labels = new Map(
  [...document.querySelectorAll(".tools [name=label]")].map((box) => [box.value, box.dataset]),
);
const waiting = []; // bodies of requests that are not saved yet, in order
const codes = globalThis.tipclassify?.codes ?? new Map(); // of a finding, by its place
let annotator = "";
let since = 0;
let sending = false;

const placeOf = ({ report, start, end }) => `${report} ${start} ${end}`;

/** What a finding's element says of it: the body of a check, but for the verdict. */
function bodyOf(finding) {
  const { start, end, key } = finding.dataset;
  const { report } = finding.closest("[data-report]").dataset;
  return { report, start: Number(start), end: Number(end), key };
}

/** The labels that a finding is tagged with. */
const tagsOf = (finding) => Array.from(finding.dataset.labels, (letter) => labels.get(letter).label);

function el(name, props, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(props)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// ---- Showing ------------------------------------------------------------------------------------

function fill() {
  for (const box of document.querySelectorAll(".decide[hidden]")) {
    const finding = box.closest("[data-key]");
    const button = (value, words) => el("button", { type: "button", value }, words);
    const note = el("textarea", { rows: 3, maxlength: 2000, "aria-label": "Your note", placeholder: "#shelters gives a code", hidden: "" });
    const known = el("p", { class: "codes", hidden: "" });
    const right = el("fieldset", { hidden: "" }, el("legend", {}, "It should be"));
    for (const [letter, { name }] of labels) right.append(button(`label ${letter}`, name));
    const all = tagsOf(finding).length > 1 ? "Confirm all" : "Confirm";
    const buttons = [button("confirmed", all), button("rejected", "Reject")];
    buttons.push(button("correct", "Correct"), button("note", "Note"));
    box.append(...buttons, right, note, known, el("p", { class: "state" }));
    box.hidden = false;
    box.addEventListener("click", ({ target }) => target.value && press(finding, target.value));
    note.addEventListener("change", () => saveNote(finding, note));
    note.addEventListener("keydown", (event) => {
      if (event.key === "Escape" || (event.key === "Enter" && (event.ctrlKey || event.metaKey)))
        note.blur();
    });
  }
}

function show(finding) {
  const box = finding.querySelector(".decide");
  if (box.hidden) return;
  const place = placeOf(bodyOf(finding));
  const decided = people.get(place) || {};
  const mine = decided[annotator] || {};
  for (const button of box.querySelectorAll("[value=confirmed], [value=rejected]"))
    button.setAttribute("aria-pressed", String(button.value === mine.verdict));
  const right = rightOf(finding, mine);
  for (const [letter, { label }] of labels) {
    const button = box.querySelector(`[value="label ${letter}"]`);
    button.setAttribute("aria-pressed", String(right.includes(label)));
  }
  const lines = Object.entries(decided).flatMap(([name, { verdict: said, labels, note, at }]) => {
    const verdict = said === "corrected" ? `corrected to ${namesOf(labels)}` : said;
    const when = at ? ` (${new Date(at).toLocaleString("en-GB")})` : "";
    const check = verdict ? [`${verdict} by ${name}${when}`] : [];
    return note ? [...check, `${name} noted: ${note}`] : check;
  });
  if (waiting.some((body) => placeOf(body) === place)) lines.push("Not saved yet");
  const state = box.querySelector(".state");
  state.replaceChildren(...lines.map((line) => el("bdi", {}, line)));
}

/** The labels that a finding should have: as decided, else as tagged. */
function rightOf(finding, { verdict, labels: given }) {
  return verdict ? given : tagsOf(finding);
}

function namesOf(given) {
  const known = [...labels.values()].filter(({ label }) => given.includes(label));
  return known.map(({ name }) => name.toLowerCase()).join(" and ");
}

/** Beside the tags of each report in the table, how many are left as checked. */
function showCounts(counts) {
  for (const row of document.querySelectorAll("tr[data-report]")) {
    const checked = counts[row.dataset.report];
    for (const [letter, { label }] of labels) {
      const cell = row.querySelector(`[data-letter="${letter}"]`);
      if (checked) cell.dataset.checked = `${checked[label] ?? 0} as checked`;
      else delete cell.dataset.checked;
    }
  }
}

function showAll() {
  fill();
  for (const finding of document.querySelectorAll("[data-key]"))
    if (finding.querySelector(".decide")) show(finding);
}

// ---- Deciding -----------------------------------------------------------------------------------

function press(finding, value) {
  const place = placeOf(bodyOf(finding));
  const mine = people.get(place)?.[annotator];
  if (value === "note") {
    const note = finding.querySelector(".decide textarea");
    note.hidden = !note.hidden;
    note.value = mine?.note || "";
    showCodes(finding.querySelector(".decide .codes"), note.hidden);
    if (!note.hidden) note.focus();
  } else if (value.startsWith("code ")) {
    const note = finding.querySelector(".decide textarea");
    post(finding, { note: `${note.value.trim()} #${value.slice(5)}`.trim() });
  } else if (value === "correct") {
    const right = finding.querySelector(".decide fieldset");
    right.hidden = !right.hidden;
  } else if (value.startsWith("label ")) {
    const { label } = labels.get(value.slice(6));
    const right = rightOf(finding, mine ?? {});
    const isRight = right.includes(label);
    post(finding, { labels: isRight ? right.filter((one) => one !== label) : [...right, label] });
  } else if (mine?.verdict === value) post(finding, { labels: "withdrawn" });
  else post(finding, { labels: value === "confirmed" ? tagsOf(finding) : [] });
}

/** A button for each code that somebody gave, so that none is typed twice. */
function showCodes(box, isHidden) {
  const given = [...new Set([...codes.values()].flat())].sort();
  const button = (code) => el("button", { type: "button", value: `code ${code}` }, `#${code}`);
  box.replaceChildren(...given.map(button));
  box.hidden = isHidden || !given.length;
}

/** Take what the server says of a finding. */
function take(check) {
  people.set(placeOf(check), check.people);
  codes.set(placeOf(check), check.codes);
}

function saveNote(finding, note) {
  note.hidden = true;
  post(finding, { note: note.value.trim() });
}

function post(finding, what) {
  waiting.push({ ...bodyOf(finding), ...what, request: crypto.randomUUID() });
  show(finding);
  send();
}

async function send() {
  if (sending) return;
  sending = true;
  while (waiting.length) {
    const answer = await asked(api, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(waiting[0]),
    });
    if (!answer) {
      setTimeout(send, WAIT);
      break;
    }
    waiting.shift(); // what is refused now would be refused again
    if (answer.check) take(answer.check);
    if (answer.counts) showCounts(answer.counts);
    showAll();
  }
  sending = false;
}

/** The server's answer; null where it does not answer or broke. */
async function asked(address, options) {
  try {
    const response = await fetch(address, { ...options, credentials: "omit", cache: "no-store" });
    return response.status >= 500 ? null : await response.json();
  } catch {
    return null;
  }
}

async function look() {
  const answer = await asked(`${api}?since=${since}`);
  if (!answer?.checks) return;
  const isFirst = !annotator;
  annotator = answer.annotator;
  since = answer.next;
  answer.checks.forEach(take);
  if (isFirst) document.dispatchEvent(new Event("codes"));
  showCounts(answer.counts);
  if (isFirst || answer.checks.length) showAll();
}

document.addEventListener("findings", showAll);
addEventListener("focus", look);
addEventListener("beforeunload", (event) => waiting.length && event.preventDefault());
await look();
setInterval(look, POLL);
