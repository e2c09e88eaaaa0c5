// Saved findings: kept in this browser for this desk, whole, so that they outlive a report; exported as files.
// Covered by tests/reporting/test_desk.py and, where a server keeps them, tests/review/test_desk_server.py.

const savedKey = `tipclassify desk ${document.body.dataset.desk}`;
const savedList = document.querySelector("#saved .desk-list");
const exportButtons = Array.from(document.querySelectorAll("#exports button"));
let saved = new Map(); // citations by their key, in the order of the list, each with note, tags and folder

// With a server it keeps the list, else this browser does.
async function readSavedOnce() {
  if (!server) return readSaved();
  try {
    take(await ask("saved"));
  } catch {
    sayKept("The saved findings could not be read: start tipclassify desk again.");
  }
  return undefined;
}

// Where the browser gives no list, the page's own holds: else the next change would write an empty list over what is kept.
// A list whose last finding was removed is kept as an empty one.
function readSaved() {
  if (server) return; // this page has the list
  const kept = stored(savedKey, null);
  if (Array.isArray(kept)) take(kept);
}

function take(list) {
  saved = new Map();
  for (const cited of list) {
    if (cited?.key && Object.values(cited).every((value) => typeof value === "string"))
      saved.set(cited.key, cited);
  }
}

let savingSaved = Promise.resolve();
function sendSaved() {
  savingSaved = savingSaved.then(async () => {
    try {
      await ask("saved", { findings: [...saved.values()] });
      sayKept();
    } catch (error) {
      sayKept(
        `The saved findings are not saved (${error.message}). Change one again, or export them.`,
      );
    }
  });
}

function writeSaved(change) {
  readSaved(); // another tab may have saved more
  change(saved);
  if (server) {
    sendSaved();
    return true;
  }
  try {
    localStorage.setItem(savedKey, JSON.stringify([...saved.values()]));
    return true;
  } catch {
    return false; // private windows, or no room
  }
}

function saveButton(passage) {
  const label = () => (saved.has(passage.key) ? "Saved" : "Save");
  const pressed = () => String(saved.has(passage.key));
  return button(
    label(),
    (save) => {
      const had = saved.has(passage.key);
      const kept = writeSaved((all) =>
        had
          ? all.delete(passage.key)
          : all.set(passage.key, { ...citationOf(passage), folder: "", tags: "", note: "" }),
      );
      save.textContent = label();
      save.setAttribute("aria-pressed", pressed());
      say(
        !kept
          ? "This browser keeps nothing for this page: export before you close it"
          : had
            ? "Removed"
            : "Saved",
      );
      drawSaved(kept);
    },
    { class: "save", "aria-pressed": pressed() },
  );
}

// The counts at once; the list when it is looked at.
function drawSaved(kept = true) {
  saySaved(kept);
  drawn.delete("saved");
  if (view === "saved") draw();
}

function saySaved(kept = true) {
  const where = server ? "beside this page" : "in this browser";
  const note = saved.size
    ? `${plural(saved.size, "finding")}, kept ${where}. Exports have them in this order. ${checkedOf([...saved.values()])}.`
    : `Nothing is saved. “Save” below a finding puts it here, kept ${where}.`;
  document.getElementById("saved-note").textContent = kept ? note : KEEPS_NOTHING;
  document.querySelector("#saved-tab small").textContent = saved.size || "";
  for (const each of exportButtons) each.disabled = !saved.size;
}

function drawSavedList() {
  const here = new Map(
    passages.filter((passage) => saved.has(passage.key)).map((passage) => [passage.key, passage]),
  );
  savedList.replaceChildren(
    ...[...saved.values()].map((cited) => savedItem(cited, here.get(cited.key))),
  );
  fillFolders();
}

// A saved finding; without its passage where a later run of the reports no longer has it.
function savedItem(cited, passage) {
  const title = make("bdi", {}, cited.title);
  const source = [
    passage
      ? make("a", { href: passage.report.page + (passage.id && `#${passage.id}`) }, title)
      : title,
  ];
  const facts = [
    cited.country,
    cited.year,
    placeOf(cited),
    cited.labels || "no label",
    passage ? "" : "no longer in this desk",
  ];
  source.push(...known(...facts).flatMap((text) => [" · ", make("bdi", {}, text)]));
  return make(
    "li",
    {},
    make("p", { class: "quote", dir: "auto" }, cited.quote),
    make("p", { class: "facts" }, ...source),
    make("p", { class: "do" }, moveButton(cited, -1), moveButton(cited, 1), removeButton(cited)),
    make("p", { class: "facts" }, checkWords(cited.key).join(" · ")),
    make(
      "p",
      { class: "own" },
      ownField(cited, "folder", "Folder"),
      ownField(cited, "tags", "Tags, with commas"),
      ownField(cited, "note", "Note"),
    ),
  );
}

function removeButton(cited) {
  return button("Remove", () => {
    const at = [...saved.keys()].indexOf(cited.key);
    const kept = writeSaved((all) => all.delete(cited.key));
    say("Removed");
    drawSaved(kept);
    drawn.delete("findings");
    const next = savedList.children[Math.min(at, savedList.children.length - 1)];
    (next?.querySelector("button") ?? document.getElementById("saved-tab")).focus();
  });
}

function moveButton(cited, by) {
  const attributes = {
    class: by < 0 ? "up" : "down",
    "aria-label": by < 0 ? "Move up" : "Move down",
  };
  function move() {
    const order = [...saved.keys()];
    const at = order.indexOf(cited.key);
    if (!order[at + by]) return;
    order.splice(at, 1);
    order.splice(at + by, 0, cited.key);
    const kept = writeSaved((all) => {
      const before = new Map(all);
      all.clear();
      for (const key of order) if (before.has(key)) all.set(key, before.get(key));
    });
    drawSaved(kept);
    say(`Now ${at + by + 1} of ${order.length}`);
    savedList.children[at + by].querySelector(`.${attributes.class}`).focus();
  }
  return button(by < 0 ? "↑" : "↓", move, attributes);
}

// A field of one's own words; what is typed is kept, and waits for no button. This browser keeps each character at
// once; a server is asked when one pauses.
function ownField(cited, name, label) {
  const attributes = { name, "aria-label": label, placeholder: label, maxlength: 2000 };
  const field =
    name === "note"
      ? make("textarea", { ...attributes, rows: 1 })
      : make("input", { ...attributes, list: name === "folder" && "folders" });
  field.value = cited[name] ?? "";
  field.addEventListener("input", () => {
    cited[name] = field.value;
    clearTimeout(timer);
    pending = () => {
      pending = null;
      if (writeSaved((all) => all.has(cited.key) && all.set(cited.key, cited))) fillFolders();
      else drawSaved(false);
    };
    if (server) timer = setTimeout(() => pending?.(), 300);
    else pending();
  });
  field.addEventListener("change", () => pending?.());
  return field;
}

let timer = 0;
let pending = null; // sends what was typed a moment ago
addEventListener("pagehide", () => pending?.());

function fillFolders() {
  const names = new Set(
    [...saved.values()].map(({ folder }) => (folder ?? "").trim()).filter(Boolean),
  );
  document
    .getElementById("folders")
    .replaceChildren(...[...names].sort(inOrder).map((name) => make("option", { value: name })));
}

// What one wrote on a saved finding, and who checked it when: one line, which follows its citation in every export.
function ownWords(cited) {
  const tags = (cited.tags ?? "")
    .split(",")
    .map((tag) => tag.trim())
    .filter(Boolean);
  const parts = [
    cited.folder && `Folder: ${cited.folder.trim()}.`,
    tags.length && `Tags: ${tags.join(", ")}.`,
    cited.note && `Note: ${cited.note.trim()}`,
    ...checkWords(cited.key).map((words) => `${words[0].toUpperCase()}${words.slice(1)}.`),
  ];
  return parts.filter(Boolean).join(" ").replace(/\s+/g, " ");
}

function exportSaved(kind) {
  const citations = [...saved.values()];
  const day = new Date().toISOString().slice(0, 10);
  const joined = (form, type, between) =>
    new Blob([citations.map(form).join(between)], { type: `${type};charset=utf-8` });
  const files = {
    csv: () => new Blob([csvTable(citations)], { type: "text/csv;charset=utf-8" }),
    docx: () => wordDocument(citations, day),
    txt: () =>
      joined(
        (cited) => known(plainCitation(cited), ownWords(cited)).join("\n") + "\n",
        "text/plain",
        "\n",
      ),
    bib: () =>
      joined((cited) => bibtexCitation(cited, ownWords(cited)), "application/x-bibtex", "\n"),
    json: () =>
      new Blob(
        [
          `${JSON.stringify(
            citations.map((cited) => cslCitation(cited, ownWords(cited))),
            null,
            1,
          )}\n`,
        ],
        { type: "application/json" },
      ),
    ris: () =>
      joined(
        (cited) => risCitation(cited, ownWords(cited)),
        "application/x-research-info-systems",
        "",
      ),
  };
  const address = URL.createObjectURL(files[kind]());
  make("a", { href: address, download: `findings-${day}.${kind}` }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
  say(`Exported ${plural(citations.length, "finding")}`);
}

for (const each of exportButtons)
  each.addEventListener("click", () => exportSaved(each.dataset.file));
addEventListener("storage", (event) => {
  if (event.key !== savedKey) return;
  readSaved();
  drawSaved();
  drawn.delete("findings");
  draw();
});
