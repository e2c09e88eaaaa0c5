"""Explain an encoder's scores by occlusion: mask words, and measure by how much the log-odds fall.

Every word costs a run of the encoder. For a report a few phrases are chosen first, by the output
vectors of their tokens, which costs one run, and only these are masked (``training/reasons.py``:
how a model learns to choose).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

from tipclassify.arrays import Floats
from tipclassify.model.scoring import OCCLUSION, Explanation, explanations
from tipclassify.text.templates import structure_of
from tipclassify.text.tokens import tokenize

if TYPE_CHECKING:
    from tipclassify.model.encoder.scoring import EncoderScorer

Span = tuple[int, int]

_WORD: Final = re.compile(r"\w+(?:[-'’.,]\w+)*")
_BATCH_TEXTS: Final = 100  # some hundred masked variants
PHRASE_WORDS: Final = 3  # masked as one: a verb with its object, a negation with its verb
# Articles, pronouns, prepositions, conjunctions, auxiliaries, negations: a phrase of these alone
# is not masked, and explains nothing.
CLOSED_CLASS_WORDS: Final = frozenset(
    """
    a an the this that these those it its he him his she her they them their we our us i you
    your who whom whose which what of in on at by for from to into with within without under
    over between among through during before after since until against about as than per via
    upon toward towards across along and or but nor so yet if because although though while
    whereas when where whether both either also there is are was were be been being am has
    have had having do does did done will would shall should can could may might must such
    some any each every all other not no
    """.split()
)


@dataclass(frozen=True)
class OcclusionText:
    """A text as the encoder reads it, and the spans to mask."""

    text: str
    heading: list[int]  # token ids
    token_ids: list[int]
    token_spans: list[Span]  # the characters of `text` of each token
    words: list[Span]  # the words of a name as one
    phrases: list[range]  # runs of three words, by their numbers; they overlap
    clauses: list[Span]  # if there are several

    def phrase_span(self, phrase: range) -> Span:
        """Return the characters of a phrase."""
        return self.words[phrase[0]][0], self.words[phrase[-1]][1]

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

    A span's tokens are replaced by the mask token of pretraining, which keeps positions. Zeiler and
    Fergus 2014 (arXiv:1311.2901); for text, erasure, Li, Monroe and Jurafsky 2016
    (arXiv:1612.08220).

    Without `max_phrases`, every word and every clause is masked. With it, only so many phrases for
    each of the text's `labels` (of its most probable label where it has none): those whose tokens
    are foretold to cost most. The bias, which costs a run more, is then NaN.
    """
    explained: list[dict[str, Explanation]] = []
    for first in range(0, len(texts), _BATCH_TEXTS):
        part = slice(first, first + _BATCH_TEXTS)
        readings = tokenize_for_occlusion(scorer, texts[part], headings[part])
        if max_phrases is None:
            spans = [[*reading.words, *reading.clauses] for reading in readings]
            explained += _mask_spans(scorer, readings, spans)
        else:
            explained += _mask_phrases(scorer, readings, labels[part], max_phrases)
    return explained


def tokenize_for_occlusion(
    scorer: EncoderScorer, texts: Sequence[str], headings: Sequence[str | None]
) -> list[OcclusionText]:
    """Tokenize texts, and find the spans of their words and clauses."""
    inputs = scorer.input_texts(texts)
    encoded = scorer.tokenizer.encode([masked.text for masked in inputs])
    readings = []
    for text, masked, tokens, heading in zip(
        texts, inputs, encoded, scorer.heading_ids(headings), strict=True
    ):
        words = _words(text, masked.source_spans)
        token_spans = [masked.source_span(place) for place in tokens.offsets]
        clauses = _clauses(text, words, scorer.vocabulary)
        readings.append(
            OcclusionText(
                text,
                heading,
                tokens.ids,
                token_spans,
                words,
                _phrases(text, words),
                clauses,
            )
        )
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


def _phrases(text: str, words: Sequence[Span]) -> list[range]:
    """Return the words of each phrase, by their numbers.

    A phrase is a run of three words that are not all of closed classes.

    >>> text = "It did not convict any of the men."
    >>> words = _words(text, [])
    >>> phrases = _phrases(text, words)
    >>> [text[words[phrase[0]][0] : words[phrase[-1]][1]] for phrase in phrases]
    ['did not convict', 'not convict any', 'convict any of', 'of the men']
    """
    if len(words) <= PHRASE_WORDS:
        return [range(len(words))] if words else []
    has_content = [text[start:end].lower() not in CLOSED_CLASS_WORDS for start, end in words]
    runs = [range(first, first + PHRASE_WORDS) for first in range(len(words) - PHRASE_WORDS + 1)]
    return [run for run in runs if any(has_content[word] for word in run)] or runs


def _mask_phrases(
    scorer: EncoderScorer,
    readings: Sequence[OcclusionText],
    labels: Sequence[Sequence[str]],
    max_phrases: int,
) -> list[dict[str, Explanation]]:
    """Score each text without its heading, and with each important phrase masked.

    Phrases are important whose tokens are foretold to cost a label of the text most. In a model
    that has not learned this, those that contribute most: pooling is a mean and a head is linear,
    so the contributions of the tokens to a window's log-odds add up exactly.
    """
    encoded = [(reading.token_ids, reading.heading) for reading in readings]
    computed = scorer.contributions_of(encoded)
    chosen: list[list[Span]] = []
    variants: list[list[int]] = []
    headings: list[list[int]] = []
    for reading, text_labels, (contributions, logits) in zip(
        readings, labels, computed, strict=True
    ):
        wanted = [column for column, label in enumerate(scorer.labels) if label in text_labels] or [
            int(np.argmax(logits))
        ]
        spans: set[Span] = set()
        for column in wanted:
            sums = sums_by_span(reading.words, reading.token_spans, contributions[:, column])
            phrase_sums = [
                float(sums[phrase.start : phrase.stop].sum()) for phrase in reading.phrases
            ]
            order = np.argsort([-total for total in phrase_sums], kind="stable")
            spans |= {
                reading.phrase_span(reading.phrases[at]) for at in order[:max_phrases].tolist()
            }
        chosen.append(sorted(spans))
        if reading.heading:
            variants.append(reading.token_ids)
            headings.append([])
        variants += [reading.masked(span, scorer.tokenizer.mask) for span in chosen[-1]]
        headings += [reading.heading for _ in chosen[-1]]
    masked = iter(scorer.logits_of_ids(variants, headings)) if variants else iter(())
    nothing = np.full(len(scorer.labels), np.nan)
    explained = []
    for reading, spans_of_text, (_, whole) in zip(readings, chosen, computed, strict=True):
        heading = whole - next(masked) if reading.heading else np.zeros(len(scorer.labels))
        falls = [whole - next(masked) for _ in spans_of_text]
        weights = np.array(falls).reshape(-1, len(scorer.labels)).T
        explained.append(
            explanations(
                scorer.labels,
                reading.text,
                whole,
                nothing,
                heading,
                spans_of_text,
                weights,
                OCCLUSION,
            )
        )
    return explained


def sums_by_span(
    spans: Sequence[Span], token_spans: Sequence[Span], contributions: Floats
) -> Floats:
    """Sum the contributions of the tokens in each span, float64 (spans,).

    All are in the order of the text.
    """
    sums = np.zeros(len(spans))
    at = 0
    for place, contribution in zip(token_spans, contributions.tolist(), strict=True):
        while at < len(spans) and spans[at][1] <= place[0]:
            at += 1
        if at < len(spans) and _overlap(place, spans[at]):
            sums[at] += contribution
    return sums


def _mask_spans(
    scorer: EncoderScorer, readings: Sequence[OcclusionText], spans: Sequence[Sequence[Span]]
) -> list[dict[str, Explanation]]:
    """Score each text as it is, without its heading, and with parts of it masked.

    These are all of it, and each of its `spans`.
    """
    variants = list[list[int]]()
    headings = list[list[int]]()
    mask = scorer.tokenizer.mask
    for reading, text_spans in zip(readings, spans, strict=True):
        masked = [reading.masked(span, mask) for span in ((0, len(reading.text)), *text_spans)]
        variants += (reading.token_ids, reading.token_ids, *masked)
        headings += (reading.heading, [])
        headings += [reading.heading for _ in masked]
    ends = np.cumsum([3 + len(text_spans) for text_spans in spans])
    logits = np.split(scorer.logits_of_ids(variants, headings), ends[:-1])
    explained = []
    for reading, text_spans, text_logits in zip(readings, spans, logits, strict=True):
        whole, no_heading, all_masked = text_logits[:3]
        drops = whole[:, None] - text_logits[3:].T
        reasons = explanations(
            scorer.labels,
            reading.text,
            whole,
            all_masked,
            whole - no_heading,
            text_spans,
            drops,
            OCCLUSION,
        )
        explained.append(reasons)
    return explained


def _overlap(first: Span, second: Span) -> bool:
    return first[0] < second[1] and second[0] < first[1]
