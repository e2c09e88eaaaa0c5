"""Why a passage has a label, in few words: the spans of an `Explanation` made into phrases that do not overlap.

Of the fast model, a word counts by itself and in every n-gram it is part of, dozens of spans a passage, which nobody reads.
Here each span shares its weight equally among the words it covers (for a feature that needs all its words that is their
Shapley value, Shapley 1953), and strong neighbours of one direction make a phrase. Nothing is lost: phrases, the other words,
the heading and the bias still add up to the log-odds.

The reasons of the default (occlusion) are no parts of a sum and are shown as they are: the strongest words, and the strongest
clause where it says more than any word of it.

`explain_shown` chooses what a report explains: occlusion runs the graph once a word.
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
_STRONG: Final = 0.2  # of the strongest word; below it a word joins no phrase
_EDGE: Final = " ,.;:!?()[]|–—-"
_WITHIN_REACH: Final = 0.5  # of a threshold
_GRAPH_RUNS: Final = (
    2_200  # a report: 4.4 s at 500 a second on two cores; a narrative of 120 sentences needs about as many
)
_RUNS_BESIDE: Final = (
    6  # of a passage, beside one for each word: as it is, without heading, without words, and its clauses
)


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words of a passage, next to each other, and how far they move the log-odds of a label."""

    text: str
    weight: float


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a passage scores as it does on one label: ``bias + heading + sum of phrases + others == logit``, if `additive`.

    Attributes
    ----------
    phrases : tuple of Phrase
        The strongest, strongest first, those for the label before those against it.
    others : float
        What all other words add.
    heading : float
        What the section's heading adds, or how far the log-odds fall without it.
    additive : bool
        False for falls of the log-odds by occlusion: `others` is then 0.
    """

    label: str
    logit: float
    bias: float
    phrases: tuple[Phrase, ...]
    others: float
    heading: float = 0.0
    additive: bool = True


def labels_shown(passage: Passage, thresholds: Mapping[str, float]) -> tuple[str, ...]:
    """Labels whose reasons a report shows: those of a tagged passage, else those within reach of their threshold.

    >>> passage = Passage("Police acted.", 0, 13, scores={"positive_effort": 0.3, "failure": 0.1, "complicity": 0.0})
    >>> labels_shown(passage, {"positive_effort": 0.5, "failure": 0.5, "complicity": 0.5})
    ('positive_effort',)
    """
    if passage.labels or not is_prose(passage):
        return passage.labels
    return tuple(label for label, score in passage.scores.items() if score >= thresholds[label] * _WITHIN_REACH)


def explain_shown(passages: Sequence[Passage], classifier: Classifier) -> list[Mapping[str, Explanation] | None]:
    """Reasons of the passages that a report shows reasons of; None of the weakest where occlusion would take too long.

    Tagged passages go before those within reach of a threshold, the more probable first.
    """
    chosen: Sequence[int] = range(len(passages))
    if OCCLUSION in classifier.scorer.methods:
        rank = sorted(chosen, key=lambda n: (not passages[n].labels, -max(passages[n].scores.values())))
        runs = accumulate(len(passages[n].text.split()) + _RUNS_BESIDE for n in rank)
        chosen = [n for n, total in zip(rank, runs, strict=True) if total <= _GRAPH_RUNS]
    found: list[Mapping[str, Explanation] | None] = [None] * len(passages)
    for n, explained in zip(chosen, classifier.explain_all([passages[n] for n in chosen]), strict=True):
        found[n] = explained
    return found


def reason_of(text: str, explanation: Explanation, most_for: int = 4, most_against: int = 2) -> Reason:
    """The reason for one label of passage `text`, with so many phrases for and against at most.

    >>> from tipclassify import Classifier
    >>> text = "Police arrested nine traffickers."
    >>> reason = reason_of(text, Classifier.load("fast").explain(text)["positive_effort"])
    >>> round(reason.bias + sum(p.weight for p in reason.phrases) + reason.others - reason.logit, 6)
    0.0
    """
    if explanation.method == OCCLUSION:
        shown = _falls(explanation, most_for, most_against)
        return Reason(
            explanation.label, explanation.logit, explanation.bias, shown, 0.0, explanation.heading, additive=False
        )
    words = [word.span() for word in _WORD.finditer(text)]
    weights = _word_weights(words, explanation)
    phrases = sorted(_phrases(text, words, weights), key=lambda phrase: -abs(phrase.weight))
    strongest = [p for p in phrases if p.weight > 0][:most_for] + [p for p in phrases if p.weight < 0][:most_against]
    others = sum(weights) - sum(p.weight for p in strongest)
    return Reason(explanation.label, explanation.logit, explanation.bias, tuple(strongest), others, explanation.heading)


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
