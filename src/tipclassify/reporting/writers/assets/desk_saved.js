// Saved findings: kept in this browser for this desk, whole, so that they outlive a report; exported as files.

const savedKey = `tipclassify desk ${document.body.dataset.desk}`;
const savedList = document.querySelector("#saved .desk-list");
const exportButtons = Array.from(document.querySelectorAll("#exports button"));
let saved = new Map(); // citations by their key

function readSaved() {
  saved = new Map();
  try {
    for (const cited of JSON.parse(localStorage.getItem(savedKey) ?? "[]")) {
      if (Object.values(cited).every((value) => typeof value === "string") && cited.key) saved.set(cited.key, cited);
    }
  } catch {
    // Nothing is kept, or what is kept is not ours.
  }
}

function writeSaved(change) {
  readSaved(); // another tab may have saved more
  change(saved);
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
      const kept = writeSaved((all) => (had ? all.delete(passage.key) : all.set(passage.key, citationOf(passage))));
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
  const note = citations.length ? `${plural(citations.length, "finding")}, kept in this browser` : "Nothing is saved. “Save” below a finding puts it here, for this browser.";
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
      const item = make("li", {}, make("p", { class: "quote", dir: "auto" }, cited.quote), make("p", { class: "facts" }, ...source), make("p", { class: "do" }, remove));
      return item;
    }),
  );
}

function exportSaved(kind) {
  const citations = [...saved.values()];
  const day = new Date().toISOString().slice(0, 10);
  const joined = (form, type, between) => new Blob([citations.map(form).join(between)], { type: `${type};charset=utf-8` });
  const files = {
    csv: () => new Blob([csvTable(citations)], { type: "text/csv;charset=utf-8" }),
    docx: () => wordDocument(citations, day),
    txt: () => joined((cited) => plainCitation(cited) + "\n", "text/plain", "\n"),
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
