// What the analyst does to a passage: decide, settle, doubt, note, take back, do again. The page
// shows it at once, and the outbox says when it is saved. Where something is hidden until a passage
// is decided, its labels are saved together. Covered by tests/app/test_review_page.py.
import { post } from "./api.js";
import { notice } from "./dom.js";
import { answerInWords, inOrder, NAMES, sameAnswer, sameLabels } from "./labels.js";

export class Deciding extends EventTarget {
  // {key, labels}: chosen, not saved yet, on a passage of which something is hidden until it is
  // decided
  draft = null;

  /** Give the passage in the middle these labels, or say that one is unsure. */
  decide(labels, unsure = false) {
    const { passage } = this;
    if (!passage) return;
    const settling = this.view === "adjudication";
    if (settling && passage.hidden.colleagues) {
      notice(
        "What colleagues decided is hidden: show it first (V), or decide yourself in Reading.",
      );
      return;
    }
    if (this.decided(passage) && sameAnswer(this.answer(passage), { labels, unsure })) return;
    this.draft = null;
    this.#act(passage, {
      kind: settling ? "settle" : "decide",
      labels: inOrder(labels),
      unsure: unsure || undefined,
    });
  }

  #act({ key, report }, what) {
    const action = this.outbox.add({ key, report, ...what });
    this.store.apply(action);
    this.undos.did({ ...action });
    this.tell("passages", [key]);
  }

  /**
   * Whether a passage is decided in one go: its first label, saved at once, would show what is
   * hidden before the second.
   */
  atOnce = ({ decision, hidden }) =>
    this.view !== "adjudication" && !decision && Boolean(hidden.model || hidden.colleagues);

  toggle(label) {
    const { passage } = this;
    if (!passage) return;
    const before = this.shown(passage);
    const labels = before.includes(label)
      ? before.filter((other) => other !== label)
      : [...before, label];
    this.chosen = label;
    if (this.atOnce(passage)) {
      this.draft = { key: passage.key, labels: inOrder(labels) };
      this.tell("passages", [passage.key]);
    } else this.decide(labels);
    this.tell("lead");
  }

  /** Save what was chosen where labels are saved together. */
  commit() {
    const { passage, draft } = this;
    if (!draft) return;
    if (
      passage?.key === draft.key &&
      this.atOnce(passage) &&
      !sameLabels(draft.labels, passage.labels)
    )
      this.decide(draft.labels);
    this.draft = null;
  }

  unsure() {
    if (this.view === "adjudication")
      notice("Settling says which labels hold; a doubt is said in Reading or Queue.");
    else this.decide([], true);
  }

  /** Confirm what is shown, if that is still open, and go on. */
  accept() {
    const { passage } = this;
    if (!passage) return;
    if (!this.decided(passage)) {
      if (this.view === "adjudication") {
        notice(
          "Annotators differ, so nothing is proposed: choose a side (1, 2 …), labels, or N " +
            "for none.",
        );
        return;
      }
      if (passage.hidden.model && !this.draft) {
        notice(
          "Nothing is proposed, since the model is hidden: choose labels, N for none, or S " +
            "if you are unsure.",
        );
        return;
      }
      this.decide(this.shown(passage));
    }
    this.move(1);
  }

  /** In adjudication: settle on what the n-th annotator said. */
  side(n) {
    const side =
      this.passage &&
      this.view === "adjudication" &&
      sides(this.passage, this.store.session.annotator)[n];
    if (side && !side.unsure) this.decide(side.labels);
  }

  /** Show what colleagues decided before deciding oneself; the log says so. */
  async reveal() {
    const { passage } = this;
    if (!passage?.hidden.colleagues) return;
    const answer = await this.asked(() =>
      post("/api/reveals", { key: passage.key, request: crypto.randomUUID() }),
    );
    if (!answer) return;
    this.store.take(answer.passage);
    this.tell("passages", [passage.key]);
  }

  /** This annotator's note on a passage. */
  note(key, note) {
    const passage = this.store.passages.get(key);
    if (note.trim() !== (passage.notes[this.store.session.annotator]?.note || ""))
      this.#act(passage, { kind: "note", note: note.trim() });
  }

  undo() {
    this.commit();
    const last = this.undos.done.at(-1);
    if (!last) return notice("Nothing to undo in this session.");
    return this.#turn(last, "Undone", () => {
      const undo = { kind: "undo", key: last.key, report: last.report, of: last.n };
      const sent = !this.outbox.cancel(last.n);
      const action = sent ? this.outbox.add(undo) : undo;
      this.undos.tookBack({ ...last, undo: sent ? action.n : null });
      return action;
    });
  }

  redo() {
    const last = this.undos.again();
    if (!last) return notice("Nothing to do again.");
    return this.#turn(last, "Done again", () => {
      const { undo, n, request, tried, ...was } = last;
      const back = { kind: "undo", key: last.key, report: last.report, of: undo };
      const waits = undo !== null && this.outbox.cancel(undo);
      const action = waits ? back : this.outbox.add(undo === null ? was : back);
      this.undos.did({ ...was, n: waits ? n : action.n }, true);
      return action;
    });
  }

  async #turn(last, said, make) {
    if (!this.store.passages.has(last.key)) await this.asked(() => this.store.report(last.report));
    this.store.apply(make());
    this.tell("passages", [last.key]);
    notice(`${said}: ${last.kind === "note" ? "note" : `“${answerInWords(last)}”`}.`);
    return this.jump(last);
  }

  /** Go to a passage in this list, or in its report. */
  jump({ key, report }) {
    if (key === this.key) return undefined;
    return this.keys.includes(key) ? this.go(key) : this.open(report, key);
  }
}

/** Labels on which all who decided agree. */
export function agreed(passage) {
  const sets = [...passage.others, ...(passage.decision ? [passage.decision] : [])]
    .filter(({ unsure }) => !unsure)
    .map(({ labels }) => labels);
  return Object.keys(NAMES).filter(
    (label) => sets.length && sets.every((labels) => labels.includes(label)),
  );
}

/** Who said what of a passage, this annotator first. */
export function sides(passage, annotator) {
  const own = passage.decision ? [{ annotator, ...passage.decision, own: true }] : [];
  return [...own, ...passage.others];
}
