"""Explain an encoder's scores by occlusion: how far the log-odds of a label fall when a word, a clause or the heading is masked.

The tokens of a span are replaced by the mask token that the base was pretrained with, so that the rest keeps its place; the
heading is left out, as a bare text has none. Occlusion scores do not add up: a redundant word hides another's effect.

Source: occlusion, Zeiler and Fergus 2014 (arXiv:1311.2901); for text, "erasure", Li, Monroe and Jurafsky 2016 (arXiv:1612.08220).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from tipclassify.labels import LABELS
from tipclassify.model.explanation import OCCLUSION, Explanation, SpanWeight
from tipclassify.text.features.structure import structure_of
from tipclassify.text.features.tokenizer import tokenize

if TYPE_CHECKING:
    from tipclassify.model.encoder.scoring import EncoderScorer

__all__ = ["explain_by_occlusion"]

Floats = npt.NDArray[np.float64]
Span = tuple[int, int]

_WORD: Final = re.compile(r"\w+(?:[-'’.,]\w+)*")
_PASSAGES: Final = 100  # explained at a time: some thousand masked passages


def explain_by_occlusion(
    scorer: EncoderScorer, texts: Sequence[str], headings: Sequence[str | None] | None = None
) -> list[dict[str, Explanation]]:
    """Explanations of each text, by label; all maskings of many texts go through the graph together."""
    headings = [None] * len(texts) if headings is None else headings
    found: list[dict[str, Explanation]] = []
    for first in range(0, len(texts), _PASSAGES):
        found += _explained(scorer, texts[first : first + _PASSAGES], headings[first : first + _PASSAGES])
    return found


def _explained(
    scorer: EncoderScorer, texts: Sequence[str], headings: Sequence[str | None]
) -> list[dict[str, Explanation]]:
    read = scorer.read(texts)
    spans = [spans_to_mask(text, scorer.vocabulary, one.names) for text, one in zip(texts, read, strict=True)]
    tokens = scorer.tokenizer.ids_and_offsets([one.text for one in read])
    rows: list[list[int]] = []
    heads: list[list[int]] = []
    parts = zip(texts, read, spans, tokens, scorer.heading_ids(headings), strict=True)
    for text, one, of_text, (ids, places), heading in parts:
        offsets = [one.before(place) for place in places]
        rows += (ids, ids, *(_masked(ids, offsets, span, scorer.tokenizer.mask) for span in ((0, len(text)), *of_text)))
        heads += (heading, [], *([heading] * (1 + len(of_text))))
    total = scorer.logits_of_ids(rows, heads)
    logits = iter(np.split(total, np.cumsum([3 + len(of_text) for of_text in spans])))
    return [_explanations(text, of_text, next(logits)) for text, of_text in zip(texts, spans, strict=True)]


def spans_to_mask(text: str, vocabulary: frozenset[str], names: Sequence[Span] = ()) -> list[Span]:
    """Words of a text, those of a name that is read as one together, and its clauses where it has several.

    >>> text = "Police acted, but courts did not."
    >>> [text[a:b] for a, b in spans_to_mask(text, frozenset())]
    ['Police', 'acted', 'but', 'courts', 'did', 'not', 'Police acted', 'but courts did not']
    """
    words = [word.span() for word in _WORD.finditer(text)]
    if names:
        words = sorted({next((name for name in names if name[0] < b and a < name[1]), (a, b)) for a, b in words})
    tokens = tokenize([text], vocabulary)
    if not len(tokens.row):
        return words
    begin = structure_of(tokens).begin
    if len(begin) < 2:
        return words
    starts = tokens.start[begin].tolist()
    clauses = []
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        inside = [word for word in words if start <= word[0] < end]
        if len(inside) > 1:
            clauses.append((inside[0][0], inside[-1][1]))
    return words + clauses


def _masked(ids: Sequence[int], offsets: Sequence[Span], span: Span, mask: int) -> list[int]:
    start, end = span
    return [mask if a < end and start < b else one for one, (a, b) in zip(ids, offsets, strict=True)]


def _explanations(text: str, spans: Sequence[Span], logits: Floats) -> dict[str, Explanation]:
    """`logits` of the text, without its heading, with all of it masked, and with each of the spans masked."""
    found = {}
    for j, label in enumerate(LABELS):
        logit, bare, blank = logits[:3, j].tolist()
        fall = logit - logits[3:, j]
        order = np.argsort(-np.abs(fall), kind="stable").tolist()
        reasons = tuple(SpanWeight(a, b, text[a:b], float(fall[i])) for i in order for a, b in (spans[i],))
        probability = float(1 / (1 + np.exp(-logit)))
        found[label] = Explanation(label, probability, logit, blank, reasons, OCCLUSION, logit - bare)
    return found
