"""Why a passage has a label, in few words: the spans of an `Explanation` made into phrases that do not overlap.

A word counts by itself and in every n-gram it is part of, dozens of spans a passage, which nobody reads. Here each span
shares its weight equally among the words it covers (for a feature that needs all its words that is their Shapley value,
Shapley 1953), and strong neighbours of one direction make a phrase. Nothing is lost: phrases, the other words and the
bias still add up to the log-odds.

The reasons of an encoder (occlusion) are no parts of a sum and are shown as they are: the strongest words, and the strongest clause
where it says more than any word of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from tipclassify.explanation import OCCLUSION, Explanation

__all__ = ["Phrase", "Reason", "reason_of"]

_WORD: Final = re.compile(r"\S+")
_STRONG: Final = 0.2  # of the strongest word; below it a word joins no phrase
_EDGE: Final = " ,.;:!?()[]|–—-"


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words of a passage, next to each other, and how far they move the log-odds of a label."""

    text: str
    weight: float


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a passage scores as it does on one label: ``bias + sum of phrases + others == logit``, if `additive`.

    Attributes
    ----------
    additive : bool
        False for falls of the log-odds by occlusion: `others`, `raised` and `lowered` are then 0.
    phrases : tuple of Phrase
        The strongest, strongest first, those for the label before those against it.
    others : float
        What all other words add.
    raised, lowered : float
        Sum of all words that speak for the label (0 or more), and against it (0 or less).
    """

    label: str
    logit: float
    bias: float
    phrases: tuple[Phrase, ...]
    others: float
    raised: float
    lowered: float
    additive: bool = True


def reason_of(text: str, explanation: Explanation, most_for: int = 4, most_against: int = 2) -> Reason:
    """The reason for one label of passage `text`, with so many phrases for and against at most.

    >>> from tipclassify import Classifier
    >>> text = "Police arrested nine traffickers."
    >>> reason = reason_of(text, Classifier.load().explain(text)["positive_effort"])
    >>> round(reason.bias + sum(p.weight for p in reason.phrases) + reason.others - reason.logit, 6)
    0.0
    """
    if explanation.method == OCCLUSION:
        shown = _falls(explanation, most_for, most_against)
        return Reason(explanation.label, explanation.logit, explanation.bias, shown, 0.0, 0.0, 0.0, additive=False)
    words = [word.span() for word in _WORD.finditer(text)]
    weights = _word_weights(words, explanation)
    phrases = sorted(_phrases(text, words, weights), key=lambda phrase: -abs(phrase.weight))
    strongest = [p for p in phrases if p.weight > 0][:most_for] + [p for p in phrases if p.weight < 0][:most_against]
    added = sum(weights)
    return Reason(
        explanation.label,
        explanation.logit,
        explanation.bias,
        tuple(strongest),
        added - sum(p.weight for p in strongest),
        sum(w for w in weights if w > 0),
        sum(w for w in weights if w < 0),
    )


def _falls(explanation: Explanation, most_for: int, most_against: int) -> tuple[Phrase, ...]:
    """The strongest words, and before them the clause whose fall is largest, where no word has a larger one."""
    spans = explanation.spans  # strongest first
    clauses = [s for s in spans if any(s is not o and s.start <= o.start and o.end <= s.end for o in spans)]
    words = [s for s in spans if s not in clauses]
    least = _STRONG * abs(words[0].weight) if words else 0.0
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
    least = _STRONG * max(map(abs, weights), default=0.0)
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
