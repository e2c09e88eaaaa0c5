// Notes on a passage: one's own, to write, and colleagues' where they are shown. Saved by the button, Ctrl+Enter, or on leaving.
import { byId, el } from "./dom.js";
import { clock } from "./labels.js";

const LONGEST = 2000; // characters, as the server has it

export function notes(app) {
  const me = app.store.session.annotator;
  const text = el("textarea", { id: "note", rows: "7", maxlength: String(LONGEST), "aria-describedby": "note-left" });
  const left = el("span", { id: "note-left", class: "soft" });
  const save = el("button", { type: "button", id: "save-note" }, "Save note");
  const remove = el("button", { type: "button", id: "remove-note" }, "Remove");
  const own = [el("h2", {}, el("label", { for: "note" }, "Your note")), text, el("p", { class: "small" }, left), el("div", { class: "buttons" }, save, remove)];
  let key = null; // of the passage whose note is in the box

  const kept = () => app.store.passages.get(key)?.notes[me]?.note || "";
  // A control character cannot be saved; pasted text may bring some.
  const written = () => text.value.replace(/[\p{Cc}\p{Cs}]/gu, (char) => (char === "\n" || char === "\t" ? char : ""));
  const commit = () => key && app.note(key, written());

  function tally() {
    left.textContent = `${text.value.length.toLocaleString("en")} of ${LONGEST.toLocaleString("en")} characters${written().trim() === kept() ? "" : ", not saved"}`;
    save.disabled = written().trim() === kept();
    remove.disabled = !kept() && !text.value;
  }

  text.addEventListener("input", tally);
  text.addEventListener("change", commit);
  addEventListener("pagehide", commit);
  text.addEventListener("keydown", (event) => {
    if (event.key === "Escape" || (event.key === "Enter" && (event.ctrlKey || event.metaKey))) {
      event.preventDefault();
      if (event.key === "Escape") text.value = kept();
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
    focus: () => text.focus(),
    draw(body, passage) {
      if (!passage) return body.replaceChildren();
      if (key !== passage.key || document.activeElement !== text) {
        if (key !== passage.key && document.activeElement === text) commit();
        key = passage.key;
        text.value = kept();
      }
      tally();
      const theirs = Object.entries(passage.notes).filter(([name]) => name !== me);
      const others = theirs.map(([name, { note, time }]) => el("p", { class: "their" }, el("strong", {}, el("bdi", {}, name)), el("span", { class: "soft" }, ` ${clock(time)}`), el("br"), el("bdi", {}, note)));
      const hidden = passage.hidden.colleagues ? [el("p", { class: "soft" }, "Colleagues’ notes are shown once you have decided.")] : [];
      if (text.parentNode !== body) body.replaceChildren(...own);
      while (body.children.length > own.length) body.lastChild.remove();
      body.append(...(theirs.length ? [el("h2", {}, "Colleagues’ notes")] : []), ...others, ...hidden, el("p", { class: "soft small" }, "Goes with the decision into the corpus file; the log keeps every version."));
      return undefined;
    },
  };
}
