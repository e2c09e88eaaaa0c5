// Notes on a passage: one's own, to write, and colleagues' where they are shown.
//
// Whatever is typed is kept: saved by the button, Ctrl+Enter, Escape, and on going to another
// passage, panel or page. Until then it lies in this tab's sessionStorage, so that a browser that
// died saves it when the page is there again. Covered by tests/app/test_review_page.py.
import { byId, el } from "./dom.js";
import { clock } from "./labels.js";

const LONGEST = 2000; // characters, as the server has it

export function notes(app) {
  const me = app.store.session.annotator;
  const text = el("textarea", {
    id: "note",
    rows: "7",
    maxlength: String(LONGEST),
    "aria-describedby": "note-left",
  });
  const left = el("span", { id: "note-left", class: "soft" });
  const save = el("button", { type: "button", id: "save-note" }, "Save note");
  const remove = el("button", { type: "button", id: "remove-note" }, "Remove");
  const own = [
    el("h2", {}, el("label", { for: "note" }, "Your note")),
    text,
    el("p", { class: "small" }, left),
    el("div", { class: "buttons" }, save, remove),
  ];
  let key = null; // of the passage whose note is in the box

  const kept = () => app.store.passages.get(key)?.notes[me]?.note || "";
  // A control character cannot be saved; pasted text may bring some.
  const written = () =>
    text.value.replace(/[\p{Cc}\p{Cs}]/gu, (char) => (char === "\n" || char === "\t" ? char : ""));
  const drafts = new Drafts(`${app.place} notes`);
  const commit = () => {
    if (!key) return;
    drafts.remove(key); // first, since news of the note draws the panel anew
    app.note(key, written());
  };
  for (const [of, { report, note }] of drafts.all()) {
    app.outbox.add({ kind: "note", key: of, report, note });
    drafts.remove(of);
  }

  function tally() {
    const length = text.value.length.toLocaleString("en");
    const unsaved = written().trim() === kept() ? "" : ", not saved";
    left.textContent = `${length} of ${LONGEST.toLocaleString("en")} characters${unsaved}`;
    save.disabled = written().trim() === kept();
    remove.disabled = !kept() && !text.value;
  }

  text.addEventListener("input", () => {
    tally();
    if (key)
      drafts.put(key, { report: app.store.passages.get(key).report, note: written().trim() });
  });
  text.addEventListener("change", commit);
  addEventListener("pagehide", commit);
  text.addEventListener("keydown", (event) => {
    if (event.key === "Escape" || (event.key === "Enter" && (event.ctrlKey || event.metaKey))) {
      event.preventDefault();
      commit();
      byId("rows").focus({ preventScroll: true });
    }
  });
  save.addEventListener("click", commit);
  remove.addEventListener("click", () => {
    text.value = "";
    commit();
  });

  return {
    commit: () => drafts.has(key) && commit(),
    focus: () => text.focus(),
    draw(body, passage) {
      if (key && drafts.has(key) && (!passage || key !== passage.key)) commit();
      if (!passage) {
        key = null;
        return body.replaceChildren();
      }
      if (key !== passage.key || !drafts.has(key)) {
        key = passage.key;
        text.value = kept();
      }
      tally();
      const theirs = Object.entries(passage.notes).filter(([name]) => name !== me);
      const others = theirs.map(([name, { note, time }]) =>
        el(
          "p",
          { class: "their" },
          el("strong", {}, el("bdi", {}, name)),
          el("span", { class: "soft" }, ` ${clock(time)}`),
          el("br"),
          el("bdi", {}, note),
        ),
      );
      const hidden = passage.hidden.colleagues
        ? [el("p", { class: "soft" }, "Colleagues’ notes are shown once you have decided.")]
        : [];
      if (text.parentNode !== body) body.replaceChildren(...own);
      while (body.children.length > own.length) body.lastChild.remove();
      body.append(
        ...(theirs.length ? [el("h2", {}, "Colleagues’ notes")] : []),
        ...others,
        ...hidden,
        el(
          "p",
          { class: "soft small" },
          "Goes with the decision into the corpus file; the log keeps every version.",
        ),
      );
      return undefined;
    },
  };
}

/** What is typed and not saved yet: {report, note} by passage key, kept in the tab. */
class Drafts {
  #place;
  #kept = new Map();

  constructor(place) {
    this.#place = place;
    try {
      this.#kept = new Map(JSON.parse(sessionStorage.getItem(place) || "[]"));
    } catch {
      // another version's notes: start without them
    }
  }

  all = () => [...this.#kept];
  has = (key) => this.#kept.has(key);

  put(key, draft) {
    this.#kept.set(key, draft);
    this.#keep();
  }

  remove(key) {
    if (this.#kept.delete(key)) this.#keep();
  }

  #keep() {
    try {
      sessionStorage.setItem(this.#place, JSON.stringify([...this.#kept]));
    } catch {
      // full or forbidden: the box still holds it
    }
  }
}
