"""Readable reasons: an `Explanation` with dozens of overlapping spans in, a few phrases with their points out."""

from __future__ import annotations

import math
import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import accumulate, groupby
from typing import Final, NamedTuple

from tipclassify.model.classifier import Classifier
from tipclassify.model.common.explanation import OCCLUSION, Explanation, SpanWeight
from tipclassify.model.linear.scoring import apply_thresholds
from tipclassify.reporting.writers import section_name
from tipclassify.text.document import Passage

__all__ = ["Phrase", "Reason", "explain_shown", "labels_shown", "reason_of"]

_WORD: Final = re.compile(r"\S+")
_MIN_RELATIVE_WEIGHT: Final = 0.2  # relative to the strongest word; a weaker word joins no phrase
_LONG_SPAN: Final = 50  # words; sentences of reports are shorter
_EDGE: Final = " ,.;:!?()[]|–—-"
_NEAR_SHARE: Final = 0.5  # share of its threshold from which the reasons of an absent label are shown
# Encoder runs for the reasons of a report: 4.4 s at 500 a second on two cores, about enough for 120 sentences.
_MAX_RUNS: Final = 2_200
_EXPLAINED_AT_ONCE: Final = 500  # an explanation is larger than what a report keeps of it
_EXTRA_RUNS: Final = 6  # for a passage, besides one a word: unmasked, without heading, without words, and its clauses


class Phrase(NamedTuple):
    """Consecutive words of a passage and their weight, in log-odds of a label."""

    text: str
    weight: float


class Reason(NamedTuple):
    """Reason for a passage's score on one label: its strongest phrases, and the points that a card lists."""

    phrases: list[Phrase]
    points: list[tuple[str, float]]
    additive: bool  # the last of the points is the sum of the others, else they are drops of the log-odds by occlusion


def labels_shown(passage: Passage, thresholds: Mapping[str, float]) -> tuple[str, ...]:
    """List the labels whose reasons a report shows: those of the passage, or if none, those near their threshold."""
    if passage.labels:
        return passage.labels
    scores = passage.scores.items()
    return tuple(label for label, score in scores if apply_thresholds(score, thresholds[label] * _NEAR_SHARE))


def explain_shown(passages: Sequence[Passage], classifier: Classifier) -> Iterator[Mapping[str, Explanation] | None]:
    """Explain the passages whose reasons a report shows; None for the least probable if occlusion takes too long."""
    chosen: Collection[int] = range(len(passages))
    if OCCLUSION in classifier.scorer.methods:
        rank = sorted(chosen, key=lambda n: (not passages[n].labels, -max(passages[n].scores.values())))
        runs = accumulate(len(passages[n].text.split()) + _EXTRA_RUNS for n in rank)
        chosen = {n for n, total in zip(rank, runs, strict=True) if total <= _MAX_RUNS}
    for first in range(0, len(passages), _EXPLAINED_AT_ONCE):
        numbers = range(first, min(first + _EXPLAINED_AT_ONCE, len(passages)))
        explained = iter(classifier.explain_all([passages[n] for n in numbers if n in chosen]))
        yield from (next(explained) if n in chosen else None for n in numbers)


def reason_of(passage: Passage, explanation: Explanation, most_for: int = 4, most_against: int = 2) -> Reason:
    """Summarize an explanation in at most `most_for` phrases for the label, then `most_against` against it.

    Additive: a span's weight is divided equally among its words, their Shapley value (Shapley 1953) for a feature that
    needs them all; adjacent strong words of one sign make a phrase. Occlusion: the strongest words, and clause.
    """
    occluded = explanation.method == OCCLUSION
    phrases = _strongest(explanation) if occluded else _joined(passage.text, explanation)
    supporting = [phrase for phrase in phrases if phrase.weight > 0][:most_for]
    shown = [*supporting, *[phrase for phrase in phrases if phrase.weight < 0][:most_against]]
    points = [(f"“{phrase.text}”", _rounded(phrase.weight)) for phrase in shown]
    heading, total, bias = map(_rounded, (explanation.heading, explanation.logit, explanation.bias))
    if passage.section and heading:
        points.append((f"the heading “{section_name(passage.section)}”", heading))
    if occluded:
        return Reason(shown, [*points, ("points of the whole passage", total)], False)
    # "All other words" absorbs the rounding, so that the displayed numbers add up.
    others = _rounded(total - bias - sum(weight for _, weight in points))
    return Reason(
        shown, [*points, ("all other words", others), ("before any word is read", bias), ("together", total)], True
    )


def _strongest(explanation: Explanation) -> list[Phrase]:
    """List the strong words by occlusion, strongest first, after a clause that outweighs them all."""
    spans = explanation.spans  # strongest first
    inside = _contain_others(spans)
    clauses = [span for span, contains in zip(spans, inside, strict=True) if contains]
    words = [span for span, contains in zip(spans, inside, strict=True) if not contains]
    least = _MIN_RELATIVE_WEIGHT * max((abs(word.weight) for word in words), default=0.0)
    strong = [word for word in words if abs(word.weight) >= least]
    first = [clause for clause in clauses[:1] if clause.weight > max((word.weight for word in words), default=0.0)]
    return [Phrase(" ".join(span.text.split()), span.weight) for span in (*first, *strong)]


def _contain_others(spans: Sequence[SpanWeight]) -> list[bool]:
    """Return whether each span contains another; a sort, since comparing all pairs takes hours for a long text."""
    order = sorted(range(len(spans)), key=lambda n: (spans[n].start, -spans[n].end))
    times = Counter((span.start, span.end) for span in spans)
    contains = [times[span.start, span.end] > 1 for span in spans]
    first_end = math.inf  # of the spans that begin later
    for number in reversed(order):
        contains[number] |= first_end <= spans[number].end
        first_end = min(first_end, spans[number].end)
    return contains


def _word_weights(words: Sequence[tuple[int, int]], spans: Sequence[SpanWeight]) -> list[float]:
    """Divide the weight of each span equally among its words, in time linear in the words and spans.

    A long span is added to the sum at its first word, and taken off after its last (difference array):
    thousands of spans may each cover thousands of words.
    """
    starts, ends = [start for start, _ in words], [end for _, end in words]
    weights = [0.0] * len(words)
    changes = [0.0] * (len(words) + 1)
    for span in spans:
        first, after = bisect_right(ends, span.start), bisect_left(starts, span.end)
        if first >= after:
            continue
        share = span.weight / (after - first)
        if after - first > _LONG_SPAN:
            changes[first] += share
            changes[after] -= share
        else:
            for number in range(first, after):
                weights[number] += share
    return [weight + change for weight, change in zip(weights, accumulate(changes), strict=False)]


def _joined(text: str, explanation: Explanation) -> list[Phrase]:
    """Divide the spans' weights among their words, and join adjacent strong words of the same sign; strongest first."""
    words = [word.span() for word in _WORD.finditer(text)]
    weights = _word_weights(words, explanation.spans)
    least = _MIN_RELATIVE_WEIGHT * max(map(abs, weights), default=0.0)
    signs = [(weight > 0) - (weight < 0) if abs(weight) >= least else 0 for weight in weights]
    phrases = []
    for sign, run in groupby(range(len(words)), key=signs.__getitem__):
        if sign:
            inside = list(run)
            phrase = " ".join(text[words[inside[0]][0] : words[inside[-1]][1]].split())
            phrases.append(Phrase(phrase.strip(_EDGE) or phrase, sum(weights[n] for n in inside)))
    return sorted(phrases, key=lambda phrase: -abs(phrase.weight))


def _rounded(weight: float) -> float:
    return round(weight, 1) + 0.0  # turns −0.0 into 0.0
