"""From texts to calibrated log-odds, with a model's weights.

The features of `families` are summed where they arise and never laid out. Weights are whole numbers of a small unit, so sums are
exact: the same passage gives the same bits in any batch and whatever is added first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tipclassify.features import Features, batches, feature_keys, length_scale
from tipclassify.model_file import Model
from tipclassify.sums import Layout, layout_of, sums_of
from tipclassify.tokens import I64, Reading, read_words
from tipclassify.words import FIGURE

__all__ = ["Scored", "best_parts", "known_features", "score_texts"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


class Scored(NamedTuple):
    """Scores of some passages.

    Attributes
    ----------
    logits : float64 (n, 3)
        Calibrated log-odds.
    words, unknown : int64 (n,)
        Words of each passage besides figures and names, and how many of them training did not know.
    """

    logits: Floats
    words: I64
    unknown: I64


def score_texts(model: Model, texts: Sequence[str]) -> Scored:
    """Calibrated log-odds of each text."""
    scored = Scored(np.tile(model.bias, (len(texts), 1)), *np.zeros((2, len(texts)), np.int64))
    for first, batch, length in batches(texts):
        read = read_words(batch, model.vocabulary, length)
        if not len(read.rows):
            continue
        rows = read.rows + first
        layout = layout_of(read)
        plain = ~read.name
        plain &= read.bits & FIGURE == 0
        scored.words[rows] = np.add.reduceat(plain, read.begin, dtype=np.int64)
        scored.unknown[rows] = np.add.reduceat(plain & read.strange, read.begin, dtype=np.int64)
        added = _linear(model, read, layout)
        if model.windows is not None:
            words = model.lookup.by_word(read.met)
            sort = model.windows.vectors.sort_of_row(words.vector.take(read.number), layout.kind, layout.opens)
            added += model.windows.scores_of_sorts(sort, read.begin)
        scored.logits[rows] += added
    return scored


def known_features(model: Model, features: Features) -> tuple[Bools, npt.NDArray[np.intp]]:
    """Which features the model knows, bool (m,), and the row of the weight table of each that it knows."""
    table = model.hashes
    if not len(table):
        return np.zeros(len(features.hash), bool), np.zeros(0, np.intp)
    key = feature_keys(features.hash)
    index = np.minimum(np.searchsorted(table, key), len(table) - 1)
    known = table[index] == key
    return known, index[known]


def _linear(model: Model, read: Reading, layout: Layout) -> Floats:
    """What n-grams add for each passage that has words, float64 (passages, 3)."""
    clause, across = sums_of(model.lookup, read, layout)
    across += np.add.reduceat(clause, layout.first, axis=1)
    scale, clause_scale = length_scale(across[0]), length_scale(clause[0])
    added = [
        (whole * scale + best_parts(parts * clause_scale, layout.first)) * unit
        for whole, parts, unit in zip(across[1:], clause[1:], model.units, strict=True)
    ]
    return np.stack(added, axis=1)


def best_parts(parts: Floats, first: I64) -> Floats:
    """Highest score of the clauses of each passage, of which `first` is the first."""
    return np.asarray(np.maximum.reduceat(parts, first))
