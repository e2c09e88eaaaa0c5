// Which passages the list shows: a state, some labels, doubts, and words. Kinds narrow each other
// down. Covered by tests/app/test_review_page.py.
import { sameAnswer, sameLabels } from "./labels.js";

export const blank = () => ({ state: "all", labels: [], doubts: [], words: "" });

export const isBlank = (filter) =>
  filter.state === "all" && !filter.labels.length && !filter.doubts.length && !filter.words.trim();

export const plain = (text) => text.normalize("NFKC").replace(/\s+/g, " ").toLowerCase();

/** Name of each, short enough for two in a row of a narrow list, and what it means. */
export const DOUBTS = {
  differs: ["Corrected", "Labels that differ from the model’s"],
  low: ["Low confidence", "The model knows too few of the words"],
  others: ["Annotators differ", "Another annotator gave other labels"],
  second: ["Models differ", "The second model gives other labels"],
  unsure: ["Unsure", "You answered “unsure”; no model learns from these"],
  noted: ["Noted", "With a note of yours, or of a colleague where theirs are shown"],
};

/**
 * A test of one passage; `answer` and `decided` say what the view counts as its labels and as done.
 */
export function matcher(filter, answer, decided) {
  const words = plain(filter.words).trim();
  const doubts = {
    differs: (passage) =>
      !passage.hidden.model &&
      !answer(passage).unsure &&
      !sameLabels(answer(passage).labels, passage.labels),
    low: (passage) => passage.low_confidence,
    second: (passage) =>
      Boolean(passage.second) && !sameLabels(passage.second.labels, passage.labels),
    others: (passage) => passage.others.some((other) => !sameAnswer(other, answer(passage))),
    unsure: (passage) => Boolean(passage.decision?.unsure),
    noted: (passage) => Object.keys(passage.notes).length > 0,
  };
  return (passage) => {
    if (filter.state === "undecided" && decided(passage)) return false;
    if (filter.state === "decided" && !decided(passage)) return false;
    if (filter.labels.length) {
      const { labels, unsure } = answer(passage);
      if (unsure) return false;
      const found = labels.length
        ? labels.some((label) => filter.labels.includes(label))
        : filter.labels.includes("none");
      if (!found) return false;
    }
    if (!filter.doubts.every((name) => doubts[name](passage))) return false;
    return !words || (passage.plain ??= plain(passage.text)).includes(words);
  };
}
