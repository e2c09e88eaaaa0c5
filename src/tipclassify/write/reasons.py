"""Readable reasons: an `Explanation` of overlapping spans in, a few phrases out."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from itertools import groupby, pairwise
from typing import Final, NamedTuple

import numpy as np

from tipclassify.model.encoder.occlusion import CLOSED_CLASS_WORDS
from tipclassify.model.scoring import OCCLUSION, Explanation, SpanWeight
from tipclassify.probability import log_odds_of_probability as log_odds
from tipclassify.records import Passage

_MIN_RELATIVE_WEIGHT: Final = 0.2  # of the strongest word's; a weaker word joins no phrase
_MOST_FOR: Final = 4  # phrases for a label, and against it; more are noise
_MOST_AGAINST: Final = 2
_WORD: Final = re.compile(r"\S+")
_EDGE: Final = " ,.;:!?()[]|–—-"
# share of its threshold from which the reasons of an absent label are shown
_NEAR_SHARE: Final = 0.5
_NEAR_LOG_ODDS: Final = 1.0  # above its threshold, up to which another wording could turn a tag


class Phrase(NamedTuple):
    """Consecutive words of a passage, their weight in log-odds of a label, and their place."""

    text: str
    weight: float
    start: int  # characters in the passage
    end: int


class Reason(NamedTuple):
    """Reason for a passage's score on one label: its strongest phrases, and its heading's weight."""

    phrases: list[Phrase]  # those for the label, then those against it; strongest first
    heading: float = 0.0  # in log-odds


def labels_with_reasons(passage: Passage, thresholds: Mapping[str, float]) -> tuple[str, ...]:
    """List the labels whose reasons a report shows: the passage's, else those near a threshold."""
    if passage.labels:
        return passage.labels
    return tuple(
        label for label, score in passage.scores.items() if score >= thresholds[label] * _NEAR_SHARE
    )


def doubtful(
    passage: Passage, shown: Sequence[str], thresholds: Mapping[str, float]
) -> tuple[str, ...]:
    """List which labels of a card are in doubt: those not given, and those that are just given.

    >>> passage = Passage("Courts slept.", 0, 13, labels=("failure",), scores={"failure": 0.6})
    >>> doubtful(passage, passage.labels, {"failure": 0.5})
    ('failure',)
    """
    in_doubt = []
    for label in shown:
        excess = log_odds(passage.scores[label]) - log_odds(thresholds[label])
        if label not in passage.labels or excess <= _NEAR_LOG_ODDS:
            in_doubt.append(label)
    return tuple(in_doubt)


def summarize(text: str, explanation: Explanation | None) -> Reason:
    """Summarize an explanation of a passage's text in the few phrases that count most.

    Additive: a span's weight is divided equally among its words, their Shapley value (Shapley 1953)
    for a feature that needs them all; adjacent strong words of one sign make a phrase. Occlusion:
    the strongest words, and clause. None explains nothing.
    """
    if explanation is None:
        return Reason([])
    if explanation.method == OCCLUSION:
        phrases = _strongest(explanation)
    else:
        phrases = _joined(text, explanation)
    supporting = [phrase for phrase in phrases if phrase.weight > 0]
    opposing = [phrase for phrase in phrases if phrase.weight < 0]
    return Reason(supporting[:_MOST_FOR] + opposing[:_MOST_AGAINST], explanation.heading)


def _strongest(explanation: Explanation) -> list[Phrase]:
    """List the strong words or phrases by occlusion, strongest first, led by a clause above all.

    Of phrases that overlap the strongest is listed.
    """
    ordered = sorted(explanation.spans, key=lambda span: (span.start, -span.end))
    # clauses contain other spans: their words
    clauses = {span for span, following in pairwise(ordered) if following.end <= span.end}
    parts = [span for span in explanation.spans if span not in clauses]  # strongest first
    least = _MIN_RELATIVE_WEIGHT * max((abs(part.weight) for part in parts), default=0.0)
    strong: list[SpanWeight] = []
    for part in parts:
        is_apart = all(part.end <= other.start or other.end <= part.start for other in strong)
        same_sign = [other for other in strong if (other.weight > 0) == (part.weight > 0)]
        most = _MOST_FOR if part.weight > 0 else _MOST_AGAINST
        if is_apart and abs(part.weight) >= least and len(same_sign) < most:
            strong.append(part)
    strongest_part = max((part.weight for part in parts), default=0.0)
    clause = max(clauses, key=lambda clause: abs(clause.weight), default=None)
    if clause and clause.weight > strongest_part:
        strong.insert(0, clause)
    return [
        Phrase(" ".join(span.text.split()), span.weight, span.start, span.end) for span in strong
    ]


def _joined(text: str, explanation: Explanation) -> list[Phrase]:
    """Divide each span's weight equally among its words; join strong neighbours of one sign."""
    words = list(_WORD.finditer(text))
    starts = [word.start() for word in words]
    ends = [word.end() for word in words]
    weights = np.zeros(len(words))
    for span in explanation.spans:
        first = bisect_right(ends, span.start)
        after = bisect_left(starts, span.end)  # the first word behind the span
        if first < after:
            weights[first:after] += span.weight / (after - first)
    least = _MIN_RELATIVE_WEIGHT * np.abs(weights).max(initial=0.0)
    signs = np.where(np.abs(weights) >= least, np.sign(weights), 0).tolist()
    phrases = []
    last_joined = -1  # the last word that is in a phrase
    for sign, run in groupby(range(len(words)), key=signs.__getitem__):
        inside = [number for number in run if number > last_joined]
        if not sign or not inside:
            continue
        while inside[-1] + 1 < len(words) and _are_closed_class(words, inside):
            inside.append(inside[-1] + 1)  # "the" explains nothing without its noun
        last_joined = inside[-1]
        start, end = words[inside[0]].start(), words[inside[-1]].end()
        weight = sum(weights[inside].tolist())
        bare = text[start:end].strip(_EDGE)
        if bare:
            start = text.index(bare, start)
            end = start + len(bare)
        phrases.append(Phrase(" ".join(text[start:end].split()), weight, start, end))
    return sorted(phrases, key=lambda phrase: -abs(phrase.weight))


def _are_closed_class(words: Sequence[re.Match[str]], numbers: Sequence[int]) -> bool:
    """Test whether all these words are of closed classes."""
    bare = [words[number].group().strip(_EDGE).lower() for number in numbers]
    return CLOSED_CLASS_WORDS.issuperset(bare)
