"""From texts to calibrated log-odds, with a model's weights.

The features of `families` are summed where they arise and never laid out. Weights are whole numbers of a small unit, so sums are
exact: the same passage gives the same bits in any batch and whatever is added first.
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
from tipclassify.tokens import I64, Reading, read_words
from tipclassify.words import FIGURE

__all__ = ["Scored", "best_parts", "count_words", "is_doubtful", "known_features", "score_texts"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_FEWEST_WORDS: Final = 3
_MOST_UNKNOWN: Final = 1 / 3  # English of other subjects stays below; French, Spanish or German are far above
_FEW: Final = 3  # passages that are sooner scored one by one,
_SHORT: Final = 600  # if they have not more characters
_FIRST: Final = np.zeros(1, np.int64)


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
    logits = np.empty((len(texts), len(LABELS)))
    logits[:] = model.bias
    scored = Scored(logits, np.zeros(len(texts), np.int64), np.zeros(len(texts), np.int64))
    if len(texts) <= _FEW and sum(map(len, texts)) <= _SHORT and _score_few(model, texts, scored):
        return scored
    for first, batch, length in batches(texts):
        read = read_words(batch, model.vocabulary, length)
        if not len(read.rows):
            continue
        rows: I64 | slice = slice(first, first + len(batch))
        if len(read.rows) < len(batch):  # some have no words
            rows = read.rows + first
        layout = layout_of(read)
        _count_words(read, rows, scored.words, scored.unknown)
        added = _linear(model, read, layout)
        if model.windows is not None:
            vector = model.lookup.by_word(read.met).vector.take(read.number)
            sort = model.windows.vectors.sort_of_row(vector, layout.kind, layout.opens)
            added += model.windows.scores_of_sorts(sort, read.begin)
        logits[rows] += added
    return scored


def _score_few(model: Model, texts: Sequence[str], scored: Scored) -> bool:
    """Score passages one by one, if that can be done."""
    found = list(map(model.one_passage.read, texts))
    if None in found:
        return False
    for row, read in enumerate(found):
        assert read is not None
        added = read.sums * model.units
        if model.windows is not None:
            sort = model.windows.vectors.sorts_of_one(read.rows, read.kinds, read.opens)
            added += model.windows.scores_of_sorts(sort, _FIRST)[0]
        scored.logits[row] += added
        scored.words[row] = read.words
        scored.unknown[row] = read.unknown
    return True


def is_doubtful(found: Scored) -> Bools:
    """Texts that a model has too little to go by, bool (n,): few words, or many that training did not know."""
    return np.asarray((found.words < _FEWEST_WORDS) | (found.unknown > found.words * _MOST_UNKNOWN))


def count_words(texts: Sequence[str], vocabulary: frozenset[str]) -> tuple[I64, I64]:
    """Words of each text besides figures and names, and how many of them are not in `vocabulary`: those of `Scored`."""
    words, unknown = np.zeros((2, len(texts)), np.int64)
    for first, batch, length in batches(texts):
        read = read_words(batch, vocabulary, length)
        if len(read.rows):
            _count_words(read, read.rows + first, words, unknown)
    return words, unknown


def _count_words(read: Reading, rows: I64 | slice, words: I64, unknown: I64) -> None:
    plain = read.bits & FIGURE == 0
    plain &= ~read.name
    words[rows] = np.add.reduceat(plain, read.begin, dtype=np.int64)
    plain &= read.strange
    if np.count_nonzero(plain):
        unknown[rows] = np.add.reduceat(plain, read.begin, dtype=np.int64)


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
    whole = across[1:] * length_scale(across[0])
    whole += best_parts(clause[1:] * length_scale(clause[0]), layout.first)
    whole *= model.units[:, None]
    return whole.T


def best_parts(parts: Floats, first: I64) -> Floats:
    """Highest score of the clauses of each passage, of which `first` is the first; `parts` has a row for each label."""
    return np.asarray(np.maximum.reduceat(parts, first, axis=1))
