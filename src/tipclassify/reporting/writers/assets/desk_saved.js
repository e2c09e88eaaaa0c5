// Saved findings: kept in this browser for this desk, whole, so that they outlive a report; exported as files.

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

function readSaved() {
  if (server) return; // this page has the list
  try {
    take(JSON.parse(localStorage.getItem(savedKey) ?? "[]"));
  } catch {
    saved = new Map(); // nothing is kept, or what is kept is not ours
  }
}

function take(list) {
  saved = new Map();
  for (const cited of list) {
    if (Object.values(cited).every((value) => typeof value === "string") && cited.key) saved.set(cited.key, cited);
  }
}

let savingSaved = Promise.resolve();
function sendSaved() {
  savingSaved = savingSaved.then(async () => {
    try {
      await ask("saved", { findings: [...saved.values()] });
      sayKept();
    } catch (error) {
      sayKept(`The saved findings are not saved (${error.message}). Change one again, or export them.`);
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
    (made) => {
      const had = saved.has(passage.key);
      const kept = writeSaved((all) => (had ? all.delete(passage.key) : all.set(passage.key, { ...citationOf(passage), folder: "", tags: "", note: "" })));
      made.textContent = label();
      made.setAttribute("aria-pressed", pressed());
      say(!kept ? "This browser keeps nothing for this page: export before you close it" : had ? "Removed" : "Saved");
      drawSaved(kept);
    },
    { class: "save", "aria-pressed": pressed() },
  );
}

function drawSaved(kept = true) {
  const citations = [...saved.values()];
  const where = server ? "beside this page" : "in this browser";
  const note = citations.length ? `${plural(citations.length, "finding")}, kept ${where}. Exports have them in this order.` : `Nothing is saved. “Save” below a finding puts it here, kept ${where}.`;
  document.getElementById("saved-note").textContent = kept ? note : "This browser keeps nothing for this page: export before you close it.";
  document.querySelector("#saved-tab small").textContent = citations.length || "";
  for (const each of exportButtons) each.disabled = !citations.length;
  const here = new Map(passages.filter((passage) => saved.has(passage.key)).map((passage) => [passage.key, passage]));
  savedList.replaceChildren(
    ...citations.map((cited) => {
      const passage = here.get(cited.key);
      const source = [passage ? make("a", { href: passage.report.page + (passage.id && `#${passage.id}`) }, make("bdi", {}, cited.title)) : make("bdi", {}, cited.title)];
      const where = [cited.country, cited.year, placeOf(cited), cited.labels || "no label", passage ? "" : "no longer in this desk"];
      source.push(...known(...where).flatMap((text) => [" · ", make("bdi", {}, text)]));
      const remove = button("Remove", () => {
        const at = [...savedList.children].indexOf(item);
        const done = writeSaved((all) => all.delete(cited.key));
        say("Removed");
        drawSaved(done);
        drawn.delete("findings");
        (savedList.children[Math.min(at, savedList.children.length - 1)]?.querySelector("button") ?? document.getElementById("saved-tab")).focus();
      });
      const step = (by, text) =>
        button(text, () => {
          const order = [...saved.keys()];
          const at = order.indexOf(cited.key);
          if (!order[at + by]) return;
          order.splice(at, 1);
          order.splice(at + by, 0, cited.key);
          drawSaved(writeSaved((all) => {
            const before = new Map(all);
            all.clear();
            for (const key of order) if (before.has(key)) all.set(key, before.get(key));
          }));
          say(`Now ${at + by + 1} of ${order.length}`);
          savedList.children[at + by].querySelector(by < 0 ? ".up" : ".down").focus();
        }, { class: by < 0 ? "up" : "down", "aria-label": by < 0 ? "Move up" : "Move down" });
      const own = (name, label) => {
        const field = make(name === "note" ? "textarea" : "input", { name, "aria-label": label, placeholder: label, maxlength: 2000, ...(name === "folder" ? { list: "folders" } : {}), ...(name === "note" ? { rows: 1 } : {}) });
        field.value = cited[name] ?? "";
        field.addEventListener("input", () => {
          cited[name] = field.value; // typed is kept: nothing waits for a button
          clearTimeout(timer);
          pending = () => {
            pending = null;
            if (writeSaved((all) => all.has(cited.key) && all.set(cited.key, cited))) fillFolders();
            else drawSaved(false);
          };
          timer = setTimeout(() => pending?.(), 300);
        });
        field.addEventListener("change", () => pending?.());
        return field;
      };
      const fields = make("p", { class: "own" }, own("folder", "Folder"), own("tags", "Tags, with commas"), own("note", "Note"));
      const checked = make("p", { class: "facts" }, checkWords(cited.key).join(" · "));
      const item = make("li", {}, make("p", { class: "quote", dir: "auto" }, cited.quote), make("p", { class: "facts" }, ...source), make("p", { class: "do" }, step(-1, "↑"), step(1, "↓"), remove), checked, fields);
      return item;
    }),
  );
  fillFolders();
}

let timer = 0;
let pending = null; // saves what was typed a moment ago
addEventListener("pagehide", () => pending?.());

function fillFolders() {
  const names = new Set([...saved.values()].map(({ folder }) => (folder ?? "").trim()).filter(Boolean));
  document.getElementById("folders").replaceChildren(...[...names].sort(inOrder).map((name) => make("option", { value: name })));
}

// What one wrote on a saved finding, and who checked it: a line below its citation.
function ownWords(cited) {
  const tags = (cited.tags ?? "").split(",").map((tag) => tag.trim()).filter(Boolean);
  const parts = [cited.folder && `Folder: ${cited.folder.trim()}.`, tags.length && `Tags: ${tags.join(", ")}.`, cited.note && `Note: ${cited.note.trim()}`, ...checkWords(cited.key).map((words) => `${words[0].toUpperCase()}${words.slice(1)}.`)];
  return parts.filter(Boolean).join(" ");
}

function exportSaved(kind) {
  const citations = [...saved.values()];
  const day = new Date().toISOString().slice(0, 10);
  const joined = (form, type, between) => new Blob([citations.map(form).join(between)], { type: `${type};charset=utf-8` });
  const files = {
    csv: () => new Blob([csvTable(citations)], { type: "text/csv;charset=utf-8" }),
    docx: () => wordDocument(citations, day),
    txt: () => joined((cited) => known(plainCitation(cited), ownWords(cited)).join("\n") + "\n", "text/plain", "\n"),
    bib: () => joined(bibtexCitation, "application/x-bibtex", "\n"),
    json: () => new Blob([`${JSON.stringify(citations.map(cslCitation), null, 1)}\n`], { type: "application/json" }),
    ris: () => joined(risCitation, "application/x-research-info-systems", ""),
  };
  const address = URL.createObjectURL(files[kind]());
  make("a", { href: address, download: `findings-${day}.${kind}` }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
  say(`Exported ${plural(citations.length, "finding")}`);
}

for (const each of exportButtons) each.addEventListener("click", () => exportSaved(each.dataset.file));
addEventListener("storage", (event) => {
  if (event.key !== savedKey) return;
  readSaved();
  drawSaved();
  drawn.delete("findings");
  draw();
});
