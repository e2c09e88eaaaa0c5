"""From texts to calibrated log-odds, with a model's weights.

The features of `families` are summed where they arise and never laid out. Weights are whole numbers of a small unit, so sums are
exact: the same passage gives the same bits in any batch and whatever is added first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from tipclassify.families import Structure, dense_families, sparse_families, structure_of
from tipclassify.features import Features, batches, feature_keys, length_scale, word_counts
from tipclassify.labels import LABELS
from tipclassify.model_file import FINGERPRINT, LANE_OF, LANES, PLACE_BITS, Model
from tipclassify.tokens import I64, U64, Tokens, tokenize

__all__ = ["Scored", "best_parts", "count_words", "is_doubtful", "known_features", "score_texts"]

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
        Words of each passage besides figures and names, and how many of them training did not know.
    """

    logits: Floats
    words: I64
    unknown: I64


def score_texts(model: Model, texts: Sequence[str]) -> Scored:
    """Calibrated log-odds of each text."""
    scored = Scored(np.tile(model.bias, (len(texts), 1)), *np.zeros((2, len(texts)), np.int64))
    for first, batch in batches(texts):
        tokens = tokenize(batch, model.vocabulary)
        structure = structure_of(tokens)
        part = slice(first, first + len(batch))
        scored.words[part], scored.unknown[part] = word_counts(tokens, len(batch))
        if not len(tokens.row):
            continue
        rows, begin = tokens.passages()
        added = _linear(model, tokens, structure, begin)
        if model.windows is not None:
            added += model.windows.scores(tokens.stem, structure.kind, structure.opens, begin)
        scored.logits[rows + first] += added
    return scored


def is_doubtful(found: Scored) -> Bools:
    """Texts that a model has too little to go by, bool (n,): few words, or many that training did not know."""
    return np.asarray((found.words < _FEWEST_WORDS) | (found.unknown > found.words * _MOST_UNKNOWN))


def count_words(texts: Sequence[str], vocabulary: frozenset[str]) -> tuple[I64, I64]:
    """Words of each text besides figures and names, and how many of them are not in `vocabulary`: those of `Scored`."""
    words, unknown = np.zeros((2, len(texts)), np.int64)
    for first, batch in batches(texts):
        part = slice(first, first + len(batch))
        words[part], unknown[part] = word_counts(tokenize(batch, vocabulary), len(batch))
    return words, unknown


def known_features(model: Model, features: Features) -> tuple[Bools, npt.NDArray[np.intp]]:
    """Which features the model knows, bool (m,), and the row of the weight table of each that it knows."""
    table = model.hashes
    if not len(table):
        return np.zeros(len(features.hash), bool), np.zeros(0, np.intp)
    key = feature_keys(features.hash)
    index = np.minimum(np.searchsorted(table, key), len(table) - 1)
    known = table[index] == key
    return known, index[known]


def _linear(model: Model, tokens: Tokens, structure: Structure, begin: I64) -> Floats:
    """What n-grams add for each passage that has words, float64 (passages, 3); `begin` is its first token."""
    clause, across = _sums(model, tokens, structure, begin)
    first = structure.clause[begin]
    across += np.add.reduceat(clause, first, axis=1)
    scale, clause_scale = length_scale(across[0]), length_scale(clause[0])
    added = [
        (whole * scale + best_parts(parts * clause_scale, first)) * unit
        for whole, parts, unit in zip(across[1:], clause[1:], model.units, strict=True)
    ]
    return np.stack(added, axis=1)


def best_parts(parts: Floats, first: I64) -> Floats:
    """Highest score of the clauses of each passage, of which `first` is the first."""
    return np.asarray(np.maximum.reduceat(parts, first))


def _sums(model: Model, tokens: Tokens, structure: Structure, begin: I64) -> tuple[Floats, Floats]:
    """Counts of features and sums of their weights for each label: within clauses, float64 (4, clauses), and across the
    clauses of each passage that has words, float64 (4, passages).
    """
    n = len(tokens.row)
    inside, across = np.zeros((2, n, LANES), np.int16)
    for family in dense_families(tokens, structure):
        found = _found(model, family.hash, family.kept)
        if family.inside is None:
            inside += found.view(np.int16).reshape(n, LANES)
            continue
        across += (found * ~family.inside).view(np.int16).reshape(n, LANES)
        inside += (found * family.inside).view(np.int16).reshape(n, LANES)
    passage = np.cumsum(structure.new) - 1
    clauses, passages = len(structure.begin), len(begin)
    place, codes, kept = [], [], []
    for family in sparse_families(tokens, structure):
        at = structure.clause[family.head]
        if family.inside is not None:
            at = np.where(family.inside, at, passage[family.head] + clauses)
        place.append(at)
        codes.append(family.hash)
        kept.append(np.ones(len(at), bool) if family.kept is None else family.kept)
    where = np.concatenate(place)
    lanes = _found(model, np.concatenate(codes), np.concatenate(kept)).view(np.int16).reshape(-1, LANES)
    sums = np.empty((LANES, clauses + passages))
    for number, lane in enumerate(LANE_OF):
        sums[number] = np.bincount(where, lanes[:, lane], clauses + passages)
        sums[number, :clauses] += np.add.reduceat(inside[:, lane].astype(np.float64), structure.begin)
        sums[number, clauses:] += np.add.reduceat(across[:, lane].astype(np.float64), begin)
    return sums[:, :clauses], sums[:, clauses:]


def _found(model: Model, code: U64, kept: Bools | None) -> U64:
    """A count of one and the weights of each feature, four numbers of 16 bits in one of 64; zeros for what is not kept."""
    found = model.packed.take((code >> np.uint64(64 - PLACE_BITS)).view(np.int64))
    same = (found ^ (code >> np.uint64(32))) & FINGERPRINT == 0
    found &= _WEIGHTS
    found *= same
    found += np.uint64(1)
    if kept is not None:
        found *= kept
    return found


_WEIGHTS = ~np.uint64(0xFFFF)
assert 1 + len(LABELS) == LANES
