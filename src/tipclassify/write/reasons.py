"""Readable reasons: an `Explanation` of overlapping spans in, a few phrases with points out."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, groupby, pairwise
from typing import Final, NamedTuple

from tipclassify.model.encoder.occlusion import CLOSED_CLASS_WORDS
from tipclassify.model.scoring import OCCLUSION, Explanation, SpanWeight
from tipclassify.probability import log_odds_of_probability
from tipclassify.records import Passage, Run, section_name

__all__ = [
    "MIN_RELATIVE_WEIGHT",
    "MOST_AGAINST",
    "MOST_FOR",
    "Reason",
    "ReasonPhrase",
    "ReasonPoint",
    "doubtful_labels_on_report_card",
    "explain_passages_on_report_page",
    "labels_with_reasons",
    "summarize_explanation_for_report",
]

MIN_RELATIVE_WEIGHT: Final = 0.2
"""Weight of a word relative to the strongest; a weaker word joins no phrase."""

MOST_FOR: Final = 4
MOST_AGAINST: Final = 2
"""Phrases for a label, and against it, that a reason has; more are noise."""

_WORD: Final = re.compile(r"\S+")
_LONG_SPAN: Final = 50  # words; sentences of reports are shorter
_EDGE: Final = " ,.;:!?()[]|–—-"
# share of its threshold from which the reasons of an absent label are shown
_NEAR_SHARE: Final = 0.5
_NEAR_LOG_ODDS: Final = 1.0  # above its threshold, up to which another wording could turn a tag
_EXPLAINED_AT_ONCE: Final = 500  # an explanation is larger than what a report keeps of it
# masked for each label: as faithful as masking every word, for a sixth of the runs
_MAX_PHRASES: Final = 4


class ReasonPhrase(NamedTuple):
    """Consecutive words of a passage and their weight, in log-odds of a label."""

    text: str
    weight: float


class ReasonPoint(NamedTuple):
    """A line of a card: a phrase, the heading or a sum, with its log-odds of a label."""

    name: str
    weight: float


class Reason(NamedTuple):
    """Reason for a passage's score on one label: strongest phrases, and the points of its card."""

    phrases: list[ReasonPhrase]
    points: list[ReasonPoint]
    # the last of the points is the sum of the others, else they are drops of the log-odds by
    # occlusion
    additive: bool


def labels_with_reasons(passage: Passage, thresholds: Mapping[str, float]) -> tuple[str, ...]:
    """List the labels whose reasons a report shows: the passage's, else those near a threshold."""
    if passage.labels:
        return passage.labels
    scores = passage.scores.items()
    return tuple(label for label, score in scores if score >= thresholds[label] * _NEAR_SHARE)


def doubtful_labels_on_report_card(
    passage: Passage, shown: Sequence[str], thresholds: Mapping[str, float]
) -> tuple[str, ...]:
    """List which labels of a card are in doubt: those not given, and those that are just given.

    >>> passage = Passage("Courts slept.", 0, 13, labels=("failure",), scores={"failure": 0.6})
    >>> doubtful_labels_on_report_card(passage, passage.labels, {"failure": 0.5})
    ('failure',)
    """
    in_doubt = []
    for label in shown:
        excess = log_odds_of_probability(passage.scores[label]) - log_odds_of_probability(
            thresholds[label]
        )
        if label not in passage.labels or excess <= _NEAR_LOG_ODDS:
            in_doubt.append(label)
    return tuple(in_doubt)


def explain_passages_on_report_page(
    passages: Sequence[Passage], run: Run
) -> Iterator[Mapping[str, Explanation]]:
    """Explain the passages whose reasons a report shows, by the phrases that contribute most.

    Nothing is explained where the model of the run is not at hand.
    """
    for first in range(0, len(passages), _EXPLAINED_AT_ONCE):
        some_passages = passages[first : first + _EXPLAINED_AT_ONCE]
        if run.explain is None:
            yield from ({} for _ in some_passages)
        else:
            yield from run.explain(some_passages, _MAX_PHRASES)


def summarize_explanation_for_report(
    passage: Passage,
    explanation: Explanation,
    most_for: int = MOST_FOR,
    most_against: int = MOST_AGAINST,
) -> Reason:
    """Summarize an explanation in at most `most_for` phrases for the label, `most_against` against.

    Additive: a span's weight is divided equally among its words, their Shapley value (Shapley 1953)
    for a feature that needs them all; adjacent strong words of one sign make a phrase. Occlusion:
    the strongest words, and clause.
    """
    is_occlusion = explanation.method == OCCLUSION
    if is_occlusion:
        phrases = _strongest_reason_phrases(passage.text, explanation)
    else:
        phrases = _join_reason_words(passage.text, explanation)
    supporting = [phrase for phrase in phrases if phrase.weight > 0]
    opposing = [phrase for phrase in phrases if phrase.weight < 0]
    shown = supporting[:most_for] + opposing[:most_against]
    points = [
        ReasonPoint(f"“{phrase.text}”", _round_reason_weight(phrase.weight)) for phrase in shown
    ]
    heading = _round_reason_weight(explanation.heading)
    if passage.section and heading:
        points.append(ReasonPoint(f"the heading “{section_name(passage.section)}”", heading))
    total = _round_reason_weight(explanation.logit)
    if is_occlusion:
        points.append(ReasonPoint("points of the whole passage", total))
        return Reason(shown, points, additive=False)
    bias = _round_reason_weight(explanation.bias)
    # "All other words" absorbs the rounding, so that the displayed numbers add up.
    others = _round_reason_weight(total - bias - sum(point.weight for point in points))
    points.append(ReasonPoint("all other words", others))
    points.append(ReasonPoint("before any word is read", bias))
    points.append(ReasonPoint("together", total))
    return Reason(shown, points, additive=True)


def _strongest_reason_phrases(text: str, explanation: Explanation) -> list[ReasonPhrase]:
    """List the strong words or phrases by occlusion, strongest first, led by a clause above all.

    Of phrases that overlap the strongest is listed. Time is linear in the length of the text.
    """
    clauses = _clauses_of_reason(explanation.spans)
    parts = [span for span in explanation.spans if span not in clauses]
    least = MIN_RELATIVE_WEIGHT * max((abs(part.weight) for part in parts), default=0.0)
    is_listed = bytearray(len(text))  # of each character, 1 in a part that is listed
    strong = []
    for part in parts:  # strongest first
        if abs(part.weight) >= least and not any(is_listed[part.start : part.end]):
            is_listed[part.start : part.end] = b"\x01" * (part.end - part.start)
            strong.append(part)
    strongest_part = max((part.weight for part in parts), default=0.0)
    clause = max(clauses, key=lambda clause: abs(clause.weight), default=None)
    if clause and clause.weight > strongest_part:
        strong.insert(0, clause)
    return [ReasonPhrase(" ".join(span.text.split()), span.weight) for span in strong]


def _clauses_of_reason(spans: Sequence[SpanWeight]) -> set[SpanWeight]:
    """Return the spans that contain another one: clauses, beside their words."""
    ordered = sorted(spans, key=lambda span: (span.start, -span.end))
    return {span for span, following in pairwise(ordered) if following.end <= span.end}


class _ReasonWord(NamedTuple):
    """Place of a word in a text, in characters."""

    start: int
    end: int


def _weights_of_reason_words(
    words: Sequence[_ReasonWord], spans: Sequence[SpanWeight]
) -> list[float]:
    """Divide the weight of each span equally among its words.

    Time is linear in the words and spans: a long span is added to the sum at its first word, and
    taken off after its last (difference array). Thousands of spans may each cover thousands of
    words.
    """
    starts = [word.start for word in words]
    ends = [word.end for word in words]
    from_short_spans = [0.0 for _ in words]
    changes = [0.0 for _ in words]  # of the sum of long spans, from a word to the next
    changes.append(0.0)  # after the last word
    for span in spans:
        first = bisect_right(ends, span.start)
        after = bisect_left(starts, span.end)  # the first word behind the span
        if first >= after:
            continue
        share = span.weight / (after - first)
        if after - first > _LONG_SPAN:
            changes[first] += share
            changes[after] -= share
        else:
            for number in range(first, after):
                from_short_spans[number] += share
    from_long_spans = accumulate(changes[:-1])
    return [short + long for short, long in zip(from_short_spans, from_long_spans, strict=True)]


def _join_reason_words(text: str, explanation: Explanation) -> list[ReasonPhrase]:
    """Divide the spans' weights among words, and join strong neighbours of one sign, best first."""
    words = [_ReasonWord(match.start(), match.end()) for match in _WORD.finditer(text)]
    weights = _weights_of_reason_words(words, explanation.spans)
    least = MIN_RELATIVE_WEIGHT * max(map(abs, weights), default=0.0)
    signs = [_sign_of_weight(weight) if abs(weight) >= least else 0 for weight in weights]
    phrases = []
    last_joined = -1  # the last word that is in a phrase
    for sign, run in groupby(range(len(words)), key=signs.__getitem__):
        inside = [number for number in run if number > last_joined]
        if not sign or not inside:
            continue
        while _are_closed_class_words(text, words, inside) and inside[-1] + 1 < len(words):
            inside.append(inside[-1] + 1)  # "the" explains nothing without its noun
        last_joined = inside[-1]
        phrase = " ".join(text[words[inside[0]].start : words[inside[-1]].end].split())
        weight = sum(weights[number] for number in inside)
        phrases.append(ReasonPhrase(phrase.strip(_EDGE) or phrase, weight))
    return sorted(phrases, key=lambda phrase: -abs(phrase.weight))


def _sign_of_weight(weight: float) -> int:
    """Return 1, 0 or -1."""
    return (weight > 0) - (weight < 0)


def _are_closed_class_words(
    text: str, words: Sequence[_ReasonWord], numbers: Sequence[int]
) -> bool:
    """Test whether all these words are of closed classes."""
    plain_words = []
    for number in numbers:
        word = words[number]
        plain_words.append(text[word.start : word.end].strip(_EDGE).lower())
    return CLOSED_CLASS_WORDS.issuperset(plain_words)


def _round_reason_weight(weight: float) -> float:
    return round(weight, 1) + 0.0  # turns −0.0 into 0.0
