"""Readable reasons: an `Explanation` with dozens of overlapping spans in, a few phrases with
their points out."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, groupby, pairwise
from typing import Final, NamedTuple

from tipclassify.model.classifier import Classifier
from tipclassify.model.common.explanation import OCCLUSION, Explanation, SpanWeight
from tipclassify.model.common.scoring import reaches_threshold
from tipclassify.model.encoder.occlusion import FUNCTION_WORDS
from tipclassify.reporting.report import section_name
from tipclassify.text.document import Passage

__all__ = ["Phrase", "Reason", "explain_shown", "labels_shown", "summarize_explanation"]

_WORD: Final = re.compile(r"\S+")
_MIN_RELATIVE_WEIGHT: Final = 0.2  # relative to the strongest word; a weaker word joins no phrase
_LONG_SPAN: Final = 50  # words; sentences of reports are shorter
_EDGE: Final = " ,.;:!?()[]|–—-"
# share of its threshold from which the reasons of an absent label are shown
_NEAR_SHARE: Final = 0.5
_EXPLAINED_AT_ONCE: Final = 500  # an explanation is larger than what a report keeps of it
# masked for each label: 86% as faithful as every word, for a fifth of the runs
_MAX_PHRASES: Final = 5


class Phrase(NamedTuple):
    """Consecutive words of a passage and their weight, in log-odds of a label."""

    text: str
    weight: float


class Reason(NamedTuple):
    """Reason for a passage's score on one label: its strongest phrases, and the points that a
    card lists."""

    phrases: list[Phrase]
    points: list[tuple[str, float]]
    # the last of the points is the sum of the others, else they are drops of the log-odds by
    # occlusion
    additive: bool


def labels_shown(passage: Passage, thresholds: Mapping[str, float]) -> tuple[str, ...]:
    """List the labels whose reasons a report shows: those of the passage, or if none, those near
    their threshold."""
    if passage.labels:
        return passage.labels
    scores = passage.scores.items()
    return tuple(
        label
        for label, score in scores
        if reaches_threshold(score, thresholds[label] * _NEAR_SHARE)
    )


def explain_shown(
    passages: Sequence[Passage], classifier: Classifier
) -> Iterator[Mapping[str, Explanation]]:
    """Explain the passages whose reasons a report shows, by the phrases that contribute most."""
    for first in range(0, len(passages), _EXPLAINED_AT_ONCE):
        yield from classifier.explain_all(
            passages[first : first + _EXPLAINED_AT_ONCE], _MAX_PHRASES
        )


def summarize_explanation(
    passage: Passage, explanation: Explanation, most_for: int = 4, most_against: int = 2
) -> Reason:
    """Summarize an explanation in at most `most_for` phrases for the label, then `most_against`
    against it.

    Additive: a span's weight is divided equally among its words, their Shapley value (Shapley 1953)
    for a feature that needs them all; adjacent strong words of one sign make a phrase. Occlusion:
    the strongest words, and clause.
    """
    occluded = explanation.method == OCCLUSION
    phrases = (
        _strongest(passage.text, explanation) if occluded else _joined(passage.text, explanation)
    )
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
        shown,
        [
            *points,
            ("all other words", others),
            ("before any word is read", bias),
            ("together", total),
        ],
        True,
    )


def _strongest(text: str, explanation: Explanation) -> list[Phrase]:
    """List the strong words or phrases by occlusion, strongest first, after a clause that outweighs
    them all.

    Of phrases that overlap the strongest is listed. Time is linear in the length of the text.
    """
    clauses = _containing_others(explanation.spans)
    parts = [span for span in explanation.spans if span not in clauses]
    least = _MIN_RELATIVE_WEIGHT * max((abs(part.weight) for part in parts), default=0.0)
    listed = bytearray(len(text))
    strong = []
    for part in parts:  # strongest first
        if abs(part.weight) >= least and not any(listed[part.start : part.end]):
            listed[part.start : part.end] = bytes([1]) * (part.end - part.start)
            strong.append(part)
    strongest_part = max((part.weight for part in parts), default=0.0)
    clause = max(clauses, key=lambda clause: abs(clause.weight), default=None)
    if clause and clause.weight > strongest_part:
        strong.insert(0, clause)
    return [Phrase(" ".join(span.text.split()), span.weight) for span in strong]


def _containing_others(spans: Sequence[SpanWeight]) -> set[SpanWeight]:
    """Return the spans that contain another one: clauses, beside their words."""
    ordered = sorted(spans, key=lambda span: (span.start, -span.end))
    return {span for span, following in pairwise(ordered) if following.end <= span.end}


def _word_weights(words: Sequence[tuple[int, int]], spans: Sequence[SpanWeight]) -> list[float]:
    """Divide the weight of each span equally among its words, in time linear in the words and
    spans.

    A long span is added to the sum at its first word, and taken off after its last (difference
    array): thousands of spans may each cover thousands of words.
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
    """Divide the spans' weights among their words, and join adjacent strong words of the same
    sign; strongest first."""
    words = [word.span() for word in _WORD.finditer(text)]
    weights = _word_weights(words, explanation.spans)
    least = _MIN_RELATIVE_WEIGHT * max(map(abs, weights), default=0.0)
    signs = [(weight > 0) - (weight < 0) if abs(weight) >= least else 0 for weight in weights]
    phrases = []
    joined = -1  # the last word that is in a phrase
    for sign, run in groupby(range(len(words)), key=signs.__getitem__):
        inside = [number for number in run if number > joined]
        if sign and inside:
            while _is_function(text, words, inside) and inside[-1] + 1 < len(words):
                inside.append(inside[-1] + 1)  # "the" explains nothing without its noun
            joined = inside[-1]
            phrase = " ".join(text[words[inside[0]][0] : words[inside[-1]][1]].split())
            phrases.append(Phrase(phrase.strip(_EDGE) or phrase, sum(weights[n] for n in inside)))
    return sorted(phrases, key=lambda phrase: -abs(phrase.weight))


def _is_function(text: str, words: Sequence[tuple[int, int]], numbers: Sequence[int]) -> bool:
    """Test whether all these words are words of function."""
    plain = (text[words[number][0] : words[number][1]].strip(_EDGE).lower() for number in numbers)
    return FUNCTION_WORDS.issuperset(plain)


def _rounded(weight: float) -> float:
    return round(weight, 1) + 0.0  # turns −0.0 into 0.0
