"""Explain an encoder's scores by occlusion: the decrease of the log-odds when a word, clause or heading is masked.

A span's tokens are replaced by the mask token of pretraining, which keeps positions; the heading is omitted. Occlusion
scores do not add up: a redundant word hides another's effect. Sources: occlusion, Zeiler and Fergus 2014
(arXiv:1311.2901); for text, erasure, Li, Monroe and Jurafsky 2016 (arXiv:1612.08220).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

from tipclassify.arrays import Floats
from tipclassify.labels import LABELS
from tipclassify.model.explanation import OCCLUSION, Explanation, explanation
from tipclassify.text.features.templates import structure_of
from tipclassify.text.features.tokenizer import tokenize

if TYPE_CHECKING:
    from tipclassify.model.encoder.scoring import EncoderScorer

__all__ = ["explain_by_occlusion"]

Span = tuple[int, int]

_WORD: Final = re.compile(r"\w+(?:[-'’.,]\w+)*")
_BATCH_PASSAGES: Final = 100  # passages a batch: some thousand masked variants


def explain_by_occlusion(
    scorer: EncoderScorer, texts: Sequence[str], headings: Sequence[str | None] | None = None
) -> list[dict[str, Explanation]]:
    """Explain the score of each text, by label; the masked variants of many texts are scored together."""
    headings = [None] * len(texts) if headings is None else headings
    parts = [slice(first, first + _BATCH_PASSAGES) for first in range(0, len(texts), _BATCH_PASSAGES)]
    return [found for part in parts for found in _explain_batch(scorer, texts[part], headings[part])]


def _explain_batch(
    scorer: EncoderScorer, texts: Sequence[str], headings: Sequence[str | None]
) -> list[dict[str, Explanation]]:
    read = scorer.input_texts(texts)
    spans = [spans_to_mask(text, scorer.vocabulary, one.source_spans) for text, one in zip(texts, read, strict=True)]
    encoded = scorer.tokenizer.encode([one.text for one in read])
    rows, heads = list[list[int]](), list[list[int]]()
    of_heads = scorer.heading_ids(headings)
    for text, one, of_text, tokens, heading in zip(texts, read, spans, encoded, of_heads, strict=True):
        offsets = [one.source_span(place) for place in tokens.offsets]
        masked = [_masked(tokens.ids, offsets, span, scorer.tokenizer.mask) for span in ((0, len(text)), *of_text)]
        rows += (tokens.ids, tokens.ids, *masked)
        heads += (heading, [], *([heading] * len(masked)))
    logits = iter(np.split(scorer.logits_of_ids(rows, heads), np.cumsum([3 + len(of_text) for of_text in spans])))
    return [_explanations(text, of_text, next(logits)) for text, of_text in zip(texts, spans, strict=True)]


def spans_to_mask(text: str, vocabulary: frozenset[str], names: Sequence[Span] = ()) -> list[Span]:
    """Return the spans to mask: each word, with the words of a name as one, and each clause if there are several.

    >>> text = "Police acted, but courts did not."
    >>> [text[a:b] for a, b in spans_to_mask(text, frozenset())]
    ['Police', 'acted', 'but', 'courts', 'did', 'not', 'Police acted', 'but courts did not']
    """
    words = [word.span() for word in _WORD.finditer(text)]
    if names:
        words = sorted({next((name for name in names if name[0] < b and a < name[1]), (a, b)) for a, b in words})
    tokens = tokenize([text], vocabulary)
    starts = tokens.start[structure_of(tokens).begin].tolist() if len(tokens.row) else []
    if len(starts) > 1:
        clauses = [[word for word in words if a <= word[0] < b] for a, b in pairwise([*starts, len(text)])]
        words += [(inside[0][0], inside[-1][1]) for inside in clauses if len(inside) > 1]
    return words


def _masked(ids: Sequence[int], offsets: Sequence[Span], span: Span, mask: int) -> list[int]:
    """Replace the tokens that overlap a span by the mask token."""
    return [mask if a < span[1] and span[0] < b else one for one, (a, b) in zip(ids, offsets, strict=True)]


def _explanations(text: str, spans: Sequence[Span], logits: Floats) -> dict[str, Explanation]:
    """Build the explanations from the logits of the text, without heading, all masked, and with each span masked."""
    found = {}
    for j, label in enumerate(LABELS):
        logit, no_heading, all_masked = logits[:3, j].tolist()
        drop = logit - logits[3:, j]
        found[label] = explanation(label, text, logit, all_masked, logit - no_heading, spans, drop, OCCLUSION)
    return found
