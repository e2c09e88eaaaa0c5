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
from tipclassify.errors import InputError
from tipclassify.model.scoring import OCCLUSION, Explanation, explanations
from tipclassify.text.templates import structure_of
from tipclassify.text.tokens import tokenize

if TYPE_CHECKING:
    from tipclassify.model.encoder.scoring import EncoderScorer

Span = tuple[int, int]

_WORD: Final = re.compile(r"\w+(?:[-'’.,]\w+)*")
_MOST_CHARACTERS: Final = 5_000  # every word of which is masked in ten seconds on two cores
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
    """A text as the encoder reads it, and the spans of its words."""

    text: str
    heading: list[int]  # token ids
    token_ids: list[int]
    token_spans: list[Span]  # the characters of `text` of each token
    words: list[Span]  # the words of a name as one

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

    Raises `InputError` for a text too long to mask every word.
    """
    longest = max(map(len, texts), default=0)
    if max_phrases is None and longest > _MOST_CHARACTERS:
        raise InputError(
            f"a passage of {longest:,} characters is too long to explain every word "
            f"(over {_MOST_CHARACTERS:,}); give a sentence of it"
        )
    explained: list[dict[str, Explanation]] = []
    for first in range(0, len(texts), _BATCH_TEXTS):
        part = slice(first, first + _BATCH_TEXTS)
        explained += _explain_batch(scorer, texts[part], headings[part], labels[part], max_phrases)
    return explained


def _explain_batch(
    scorer: EncoderScorer,
    texts: Sequence[str],
    headings: Sequence[str | None],
    labels: Sequence[Sequence[str]],
    max_phrases: int | None,
) -> list[dict[str, Explanation]]:
    """Score each text as it is, without its heading, and with each of its spans masked."""
    readings = tokenize_for_occlusion(scorer, texts, headings)
    scored = list(scorer.contributions_of([(text.token_ids, text.heading) for text in readings]))
    spans_of: list[list[Span]] = []
    variants: list[tuple[list[int], list[int]]] = []  # token ids of a text and of its heading
    for reading, text_labels, contributions in zip(readings, labels, scored, strict=True):
        if reading.heading:
            variants.append((reading.token_ids, []))
        if max_phrases is None:
            spans = [*reading.words, *_clauses(reading.text, reading.words, scorer.vocabulary)]
            masked = [(0, len(reading.text)), *spans]
        else:
            columns = [at for at, label in enumerate(scorer.labels) if label in text_labels]
            masked = spans = _costly_phrases(reading, columns, contributions, max_phrases)
        spans_of.append(spans)
        for span in masked:
            variants.append((reading.masked(span, scorer.tokenizer.mask), reading.heading))
    logits = iter(scorer.logits_of_ids(*zip(*variants, strict=True)) if variants else ())
    explained = []
    for reading, spans, (_, whole) in zip(readings, spans_of, scored, strict=True):
        no_heading = next(logits) if reading.heading else whole
        bias = next(logits) if max_phrases is None else np.full(len(scorer.labels), np.nan)
        drops = np.array([whole - next(logits) for _ in spans]).reshape(-1, len(scorer.labels))
        explained.append(
            explanations(
                scorer.labels,
                reading.text,
                whole,
                bias,
                whole - no_heading,
                spans,
                drops.T,
                OCCLUSION,
            )
        )
    return explained


def tokenize_for_occlusion(
    scorer: EncoderScorer, texts: Sequence[str], headings: Sequence[str | None]
) -> list[OcclusionText]:
    """Tokenize texts, and find the spans of their words."""
    inputs = scorer.input_texts(texts)
    encoded = scorer.tokenizer.encode([masked.text for masked in inputs])
    readings = []
    for text, masked, tokens, heading in zip(
        texts, inputs, encoded, scorer.heading_ids(headings), strict=True
    ):
        token_spans = [masked.source_span(place) for place in tokens.offsets]
        words = _words(text, masked.source_spans)
        readings.append(OcclusionText(text, heading, tokens.ids, token_spans, words))
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
    return [run for run in runs if any(has_content[run.start : run.stop])] or runs


def _costly_phrases(
    reading: OcclusionText,
    columns: Sequence[int],
    scored: tuple[Floats, Floats],
    most: int,
) -> list[Span]:
    """Choose the phrases whose tokens are foretold to cost the labels of some columns most.

    In a model that has not learned this, those that contribute most: pooling is a mean and a head
    is linear, so the contributions of the tokens to a window's log-odds add up exactly.
    """
    contributions, logits = scored
    words = reading.words
    sums = np.zeros((len(words), len(logits)))  # of the tokens in each word
    at = 0
    for place, contribution in zip(reading.token_spans, contributions, strict=True):
        while at < len(words) and words[at][1] <= place[0]:
            at += 1
        if at < len(words) and _overlap(place, words[at]):
            sums[at] += contribution
    phrases = _phrases(reading.text, words)
    spans = [(words[run[0]][0], words[run[-1]][1]) for run in phrases]
    chosen: set[Span] = set()
    for column in columns or [int(np.argmax(logits))]:
        totals = np.array([sums[run.start : run.stop, column].sum() for run in phrases])
        order = np.argsort(-totals, kind="stable")
        chosen |= {spans[at] for at in order[:most].tolist()}
    return sorted(chosen)


def _overlap(first: Span, second: Span) -> bool:
    return first[0] < second[1] and second[0] < first[1]
