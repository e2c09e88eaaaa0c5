"""From texts to calibrated log-odds, with a model's weights.

The features of `families` are summed where they arise and never laid out. Weights are whole numbers of a small unit, so sums are
exact: the same passage gives the same bits in any batch, whatever is added first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from tipclassify.features import Features, batches, feature_keys, length_scale
from tipclassify.labels import LABELS
from tipclassify.layout import Layout, layout_of
from tipclassify.model_file import Model
from tipclassify.sums import sums_of
from tipclassify.tokens import I64, TokenBatch, read_words
from tipclassify.words import FIGURE

__all__ = ["Scored", "best_parts", "count_words", "heading_logits", "is_doubtful", "known_features", "score_texts"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_FEWEST_WORDS: Final = 3
_MOST_UNKNOWN: Final = 1 / 3  # English of other subjects stays below; French, Spanish or German are far above


class Scored(NamedTuple):
    """Scores of some passages.

    Attributes
    ----------
    logits : float64 (n, 3)
        Calibrated log-odds.
    words, unknown : int64 (n,)
        Words of each passage besides figures and names, and how many of them are not in the vocabulary.
    """

    logits: Floats
    words: I64
    unknown: I64


def score_texts(model: Model, texts: Sequence[str], headings: Sequence[str | None] | None = None) -> Scored:
    """Score each text, given the heading of its section if it has one."""
    logits = np.empty((len(texts), len(LABELS)))
    logits[:] = model.bias
    scored = Scored(logits, np.zeros(len(texts), np.int64), np.zeros(len(texts), np.int64))
    for first, batch, length in batches(texts):
        tokens = read_words(batch, model.vocabulary, length)
        if not len(tokens.rows):
            continue
        rows: I64 | slice = slice(first, first + len(batch))
        if len(tokens.rows) < len(batch):  # some have no words
            rows = tokens.rows + first
        layout = layout_of(tokens)
        _count_words(tokens, rows, scored.words, scored.unknown)
        logits[rows] += _text_logits(model, tokens, layout)
    if headings is not None:
        logits += heading_logits(model, headings, len(texts))
    return scored


def heading_logits(model: Model, headings: Sequence[str | None], n: int) -> Floats:
    """Add up what each of `n` headings contributes to the log-odds, float64 (n, 3); each distinct one is looked up once.

    Raises
    ------
    ValueError
        When there are not `n` headings.
    """
    if len(headings) != n:
        raise ValueError(f"{n} texts but {len(headings)} headings: give one for each text, or None")
    number = {heading: at for at, heading in enumerate(dict.fromkeys(headings))}
    table = np.array([model.heading_logits(heading) for heading in number]).reshape(-1, len(LABELS))
    return table.take([number[heading] for heading in headings], axis=0)


def is_doubtful(found: Scored) -> Bools:
    """Find texts with too little to go by, bool (n,): few words, or many that are not in the vocabulary."""
    return np.asarray((found.words < _FEWEST_WORDS) | (found.unknown > found.words * _MOST_UNKNOWN))


def count_words(texts: Sequence[str], vocabulary: frozenset[str]) -> tuple[I64, I64]:
    """Count ``words`` and ``unknown`` of `Scored` without scoring."""
    words, unknown = np.zeros((2, len(texts)), np.int64)
    for first, batch, length in batches(texts):
        tokens = read_words(batch, vocabulary, length)
        if len(tokens.rows):
            _count_words(tokens, tokens.rows + first, words, unknown)
    return words, unknown


def _count_words(tokens: TokenBatch, rows: I64 | slice, words: I64, unknown: I64) -> None:
    plain = tokens.bits & FIGURE == 0
    plain &= ~tokens.name
    words[rows] = np.add.reduceat(plain, tokens.begin, dtype=np.int64)
    plain &= tokens.strange
    if np.count_nonzero(plain):
        unknown[rows] = np.add.reduceat(plain, tokens.begin, dtype=np.int64)


def known_features(model: Model, features: Features) -> tuple[Bools, npt.NDArray[np.intp]]:
    """Find which features the model knows, bool (m,), and the row of the weight table of each of those."""
    table = model.hashes
    if not len(table):
        return np.zeros(len(features.hash), bool), np.zeros(0, np.intp)
    key = feature_keys(features.hash)
    index = np.minimum(np.searchsorted(table, key), len(table) - 1)
    known = table[index] == key
    return known, index[known]


def _text_logits(model: Model, tokens: TokenBatch, layout: Layout) -> Floats:
    """Sum the features of each passage that has words, float64 (passages, 3)."""
    clause, across = sums_of(model.lookup, tokens, layout)
    across += np.add.reduceat(clause, layout.first, axis=1)
    whole = across[1:] * length_scale(across[0])
    whole += best_parts(clause[1:] * length_scale(clause[0]), layout.first)
    whole *= model.units[:, None]
    return whole.T


def best_parts(parts: Floats, first: I64) -> Floats:
    """Highest score of the clauses of each passage, of which `first` is the first; `parts` has a row for each label."""
    return np.asarray(np.maximum.reduceat(parts, first, axis=1))
