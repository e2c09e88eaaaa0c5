"""Explain an encoder's scores by occlusion: mask words, and measure by how much the log-odds fall.

Every word costs a run of the encoder. For a report the phrases of the largest token contributions are chosen first,
which costs one run, and only these are masked: for a third of the runs the three words of the phrase named first cost
nearly as much of the score as the three words found by masking each (``benchmarks/reasons.py``).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

from tipclassify.arrays import Floats
from tipclassify.labels import LABELS
from tipclassify.model.common.explanation import OCCLUSION, Explanation, explanations
from tipclassify.text.features.templates import structure_of
from tipclassify.text.features.tokenizer import tokenize

if TYPE_CHECKING:
    from tipclassify.model.encoder.scoring import EncoderScorer

__all__ = ["Reading", "explain_by_occlusion", "read_for_masking", "word_sums"]

Span = tuple[int, int]

_WORD: Final = re.compile(r"\w+(?:[-'’.,]\w+)*")
_BATCH_TEXTS: Final = 100  # some thousand masked variants
_PHRASE_WORDS: Final = 3  # of a phrase that is masked as one: a verb with its object, a negation with its verb


@dataclass(frozen=True)
class Reading:
    """A text as the encoder reads it, and the spans to mask."""

    text: str
    heading: list[int]  # token ids
    token_ids: list[int]
    token_spans: list[Span]  # the characters of `text` of each token
    words: list[Span]  # the words of a name as one
    clauses: list[Span]  # if there are several

    def masked(self, span: Span, mask: int) -> list[int]:
        """Return the token ids with those that overlap a span replaced by the mask token."""
        places = zip(self.token_ids, self.token_spans, strict=True)
        return [mask if _overlap(place, span) else token for token, place in places]


def explain_by_occlusion(
    scorer: EncoderScorer,
    texts: Sequence[str],
    headings: Sequence[str | None],
    labels: Sequence[Sequence[str]],
    max_phrases: int | None = None,
) -> list[dict[str, Explanation]]:
    """Explain the score of each text by occlusion.

    A span's tokens are replaced by the mask token of pretraining, which keeps positions. Zeiler and Fergus 2014
    (arXiv:1311.2901); for text, erasure, Li, Monroe and Jurafsky 2016 (arXiv:1612.08220).

    Without `max_phrases`, every word and every clause is masked. With it, only so many phrases of three words for each
    of the text's `labels` (of its most probable label where it has none): those whose tokens contribute most to the
    log-odds.
    """
    explained: list[dict[str, Explanation]] = []
    for first in range(0, len(texts), _BATCH_TEXTS):
        part = slice(first, first + _BATCH_TEXTS)
        readings = read_for_masking(scorer, texts[part], headings[part])
        if max_phrases is None:
            spans = [[*reading.words, *reading.clauses] for reading in readings]
        else:
            spans = _choose_phrases(scorer, readings, labels[part], max_phrases)
        explained += _mask_spans(scorer, readings, spans)
    return explained


def read_for_masking(scorer: EncoderScorer, texts: Sequence[str], headings: Sequence[str | None]) -> list[Reading]:
    """Tokenize texts, and find the spans of their words and clauses."""
    inputs = scorer.input_texts(texts)
    encoded = scorer.tokenizer.encode([masked.text for masked in inputs])
    readings = []
    for text, masked, tokens, heading in zip(texts, inputs, encoded, scorer.heading_ids(headings), strict=True):
        words = _words(text, masked.source_spans)
        token_spans = [masked.source_span(place) for place in tokens.offsets]
        clauses = _clauses(text, words, scorer.vocabulary)
        readings.append(Reading(text, heading, tokens.ids, token_spans, words, clauses))
    return readings


def _words(text: str, names: Sequence[Span]) -> list[Span]:
    """Return the span of each word, with the words of a name as one."""
    words = [word.span() for word in _WORD.finditer(text)]
    if not names:
        return words
    return sorted({next((name for name in names if _overlap(name, word)), word) for word in words})


def _clauses(text: str, words: Sequence[Span], vocabulary: frozenset[str]) -> list[Span]:
    """Return the span of each clause of several words; none for a text of one clause."""
    tokens = tokenize([text], vocabulary)
    starts = tokens.start[structure_of(tokens).begin].tolist() if len(tokens.row) else []
    if len(starts) < 2:
        return []
    clauses = []
    for start, end in pairwise([*starts, len(text)]):
        inside = [word for word in words if start <= word[0] < end]
        if len(inside) > 1:
            clauses.append((inside[0][0], inside[-1][1]))
    return clauses


def _choose_phrases(
    scorer: EncoderScorer, readings: Sequence[Reading], labels: Sequence[Sequence[str]], max_phrases: int
) -> list[list[Span]]:
    """Choose the phrases of each text whose tokens contribute most to the log-odds of its labels; they may overlap.

    Pooling is a mean and a head is linear, so the contributions of the tokens to a window's log-odds add up exactly.
    """
    chosen = []
    for reading, text_labels in zip(readings, labels, strict=True):
        contributions, logits = scorer.token_contributions(reading.token_ids, reading.heading)
        wanted = [LABELS.index(label) for label in text_labels] or [int(np.argmax(logits))]
        phrases = phrases_of(reading.words)
        spans: set[Span] = set()
        for column in wanted:
            sums = word_sums(reading, contributions[:, column])
            phrase_sums = np.array([sums[at : at + _PHRASE_WORDS].sum() for at in range(len(phrases))])
            spans |= {phrases[at] for at in np.argsort(-phrase_sums, kind="stable")[:max_phrases].tolist()}
        chosen.append(sorted(spans))
    return chosen


def phrases_of(words: Sequence[Span]) -> list[Span]:
    """Return the span of each run of three words; of fewer words, the span of all.

    >>> phrases_of([(0, 2), (3, 5), (6, 8), (9, 11)]), phrases_of([(0, 2)]), phrases_of([])
    ([(0, 8), (3, 11)], [(0, 2)], [])
    """
    if not words:
        return []
    count = max(1, len(words) - _PHRASE_WORDS + 1)
    return [(words[at][0], words[min(at + _PHRASE_WORDS, len(words)) - 1][1]) for at in range(count)]


def word_sums(reading: Reading, contributions: Floats) -> Floats:
    """Sum the contributions of the tokens of each word, float64 (words,); both are in the order of the text."""
    sums = np.zeros(len(reading.words))
    at = 0
    for place, contribution in zip(reading.token_spans, contributions.tolist(), strict=True):
        while at < len(reading.words) and reading.words[at][1] <= place[0]:
            at += 1
        if at < len(reading.words) and _overlap(place, reading.words[at]):
            sums[at] += contribution
    return sums


def _mask_spans(
    scorer: EncoderScorer, readings: Sequence[Reading], spans: Sequence[Sequence[Span]]
) -> list[dict[str, Explanation]]:
    """Score each text as it is, without its heading, with all masked, and with each of its `spans` masked."""
    variants = list[list[int]]()
    headings = list[list[int]]()
    mask = scorer.tokenizer.mask
    for reading, text_spans in zip(readings, spans, strict=True):
        masked = [reading.masked(span, mask) for span in ((0, len(reading.text)), *text_spans)]
        variants += (reading.token_ids, reading.token_ids, *masked)
        headings += (reading.heading, [], *([reading.heading] * len(masked)))
    ends = np.cumsum([3 + len(text_spans) for text_spans in spans])
    logits = np.split(scorer.logits_of_ids(variants, headings), ends[:-1])
    explained = []
    for reading, text_spans, text_logits in zip(readings, spans, logits, strict=True):
        whole, no_heading, all_masked = text_logits[:3]
        drops = whole[:, None] - text_logits[3:].T
        reasons = explanations(reading.text, whole, all_masked, whole - no_heading, text_spans, drops, OCCLUSION)
        explained.append(reasons)
    return explained


def _overlap(one: Span, other: Span) -> bool:
    return one[0] < other[1] and other[0] < one[1]
