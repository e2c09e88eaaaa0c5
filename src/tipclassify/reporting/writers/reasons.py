"""Readable reasons: an `Explanation` with dozens of overlapping spans in, a `Reason` with a few phrases out.

`explain_shown` chooses the passages of a report to explain: occlusion runs the encoder once for each word.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from tipclassify.model.classifier import Classifier
from tipclassify.model.explanation import OCCLUSION, Explanation
from tipclassify.text.document import Passage
from tipclassify.text.furniture import is_prose

__all__ = ["Phrase", "Reason", "explain_shown", "labels_shown", "reason_of"]

_WORD: Final = re.compile(r"\S+")
_MIN_RELATIVE_WEIGHT: Final = 0.2  # relative to the strongest word; a weaker word joins no phrase
_EDGE: Final = " ,.;:!?()[]|–—-"
_NEAR_SHARE: Final = 0.5  # share of its threshold from which the reasons of an absent label are shown
# Encoder runs for the reasons of a report: 4.4 s at 500 a second on two cores, about enough for 120 sentences.
_MAX_RUNS: Final = 2_200
_EXTRA_RUNS: Final = 6  # for a passage, besides one a word: unmasked, without heading, without words, and its clauses


@dataclass(frozen=True, slots=True)
class Phrase:
    """Consecutive words of a passage and their weight, in log-odds of a label."""

    text: str
    weight: float


@dataclass(frozen=True, slots=True)
class Reason:
    """Reason for a passage's score on one label: ``bias + heading + sum of phrases + others == logit``, if `additive`.

    Attributes
    ----------
    label : str
        The label.
    logit, bias : float
        Log-odds of the label, and the model's bias.
    phrases : tuple of Phrase
        The strongest phrases for the label, then the strongest against it, each in descending order.
    others : float
        Sum of the weights of all other words; 0 for occlusion.
    heading : float
        Weight of the section's heading.
    additive : bool
        Whether weights are summands; False for occlusion, where they are drops of the log-odds.
    """

    label: str
    logit: float
    bias: float
    phrases: tuple[Phrase, ...]
    others: float
    heading: float = 0.0
    additive: bool = True


def labels_shown(passage: Passage, thresholds: Mapping[str, float]) -> tuple[str, ...]:
    """List the labels whose reasons a report shows: those of the passage, or if none, those near their threshold.

    >>> passage = Passage("Police acted.", 0, 13, scores={"positive_effort": 0.3, "failure": 0.1, "complicity": 0.0})
    >>> labels_shown(passage, {"positive_effort": 0.5, "failure": 0.5, "complicity": 0.5})
    ('positive_effort',)
    """
    if passage.labels or not is_prose(passage):
        return passage.labels
    return tuple(label for label, score in passage.scores.items() if score >= thresholds[label] * _NEAR_SHARE)


def explain_shown(passages: Sequence[Passage], classifier: Classifier) -> list[Mapping[str, Explanation] | None]:
    """Explain the passages whose reasons a report shows; None for the least probable if occlusion would take too long.

    Tagged passages go first, then passages near a threshold, each by descending probability.
    """
    chosen: Sequence[int] = range(len(passages))
    if OCCLUSION in classifier.scorer.methods:
        rank = sorted(chosen, key=lambda n: (not passages[n].labels, -max(passages[n].scores.values())))
        runs = accumulate(len(passages[n].text.split()) + _EXTRA_RUNS for n in rank)
        chosen = [n for n, total in zip(rank, runs, strict=True) if total <= _MAX_RUNS]
    found: list[Mapping[str, Explanation] | None] = [None] * len(passages)
    for n, explained in zip(chosen, classifier.explain_all([passages[n] for n in chosen]), strict=True):
        found[n] = explained
    return found


def reason_of(text: str, explanation: Explanation, most_for: int = 4, most_against: int = 2) -> Reason:
    """Summarize an explanation in at most `most_for` phrases for the label and `most_against` against it.

    With an additive explanation, each span's weight is divided equally among its words, which is their Shapley value
    (Shapley 1953) for a feature that needs them all; adjacent strong words of the same sign make a phrase, and the sum
    is preserved. With occlusion, the strongest words are shown, and the strongest clause if it outweighs every word.

    >>> from tipclassify import Classifier
    >>> text = "Police arrested nine traffickers."
    >>> reason = reason_of(text, Classifier.load("fast").explain(text)["positive_effort"])
    >>> round(reason.bias + sum(p.weight for p in reason.phrases) + reason.others - reason.logit, 6)
    0.0
    """
    if explanation.method == OCCLUSION:
        shown = _strongest_drops(explanation, most_for, most_against)
        return Reason(
            explanation.label, explanation.logit, explanation.bias, shown, 0.0, explanation.heading, additive=False
        )
    words = [word.span() for word in _WORD.finditer(text)]
    weights = _word_weights(words, explanation)
    phrases = sorted(_phrases(text, words, weights), key=lambda phrase: -abs(phrase.weight))
    strongest = [p for p in phrases if p.weight > 0][:most_for] + [p for p in phrases if p.weight < 0][:most_against]
    others = sum(weights) - sum(p.weight for p in strongest)
    return Reason(explanation.label, explanation.logit, explanation.bias, tuple(strongest), others, explanation.heading)


def _strongest_drops(explanation: Explanation, most_for: int, most_against: int) -> tuple[Phrase, ...]:
    """Select the words with the largest drops, after the strongest clause if its drop exceeds that of every word."""
    spans = explanation.spans  # strongest first
    clauses = [s for s in spans if any(s is not o and s.start <= o.start and o.end <= s.end for o in spans)]
    words = [s for s in spans if s not in clauses]
    least = _MIN_RELATIVE_WEIGHT * abs(words[0].weight) if words else 0.0
    strong = [s for s in words if s.weight and abs(s.weight) >= least]
    found = [s for s in strong if s.weight > 0][:most_for] + [s for s in strong if s.weight < 0][:most_against]
    for clause in clauses[:1]:
        if clause.weight > max((s.weight for s in words), default=0.0):
            found = [clause, *found]
    return tuple(Phrase(" ".join(s.text.split()), s.weight) for s in found)


def _word_weights(words: list[tuple[int, int]], explanation: Explanation) -> list[float]:
    weights = [0.0] * len(words)
    for span in explanation.spans:
        covered = [n for n, (start, end) in enumerate(words) if start < span.end and span.start < end]
        for number in covered:
            weights[number] += span.weight / len(covered)
    return weights


def _phrases(text: str, words: list[tuple[int, int]], weights: list[float]) -> list[Phrase]:
    least = _MIN_RELATIVE_WEIGHT * max(map(abs, weights), default=0.0)
    runs: list[tuple[int, int, float]] = []
    for number, weight in enumerate(weights):
        if not weight or abs(weight) < least:
            continue
        if runs and runs[-1][1] == number - 1 and (runs[-1][2] > 0) == (weight > 0):
            first, _, before = runs.pop()
            runs.append((first, number, before + weight))
        else:
            runs.append((number, number, weight))
    return [
        Phrase(" ".join(text[words[a][0] : words[b][1]].split()).strip(_EDGE) or text[words[a][0] : words[b][1]], w)
        for a, b, w in runs
    ]
