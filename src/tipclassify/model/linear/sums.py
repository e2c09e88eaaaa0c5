"""Sums of the weights of all features, within each clause and across the clauses of each passage, for scoring.

The features are those that `templates` lays out for training. They are not laid out here: weights come from tables by word or
class, and those of n-grams from a hash table. Weights are whole numbers of a small unit, so sums are exact in any order.
`tests/test_scoring.py` checks that both agree.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from tipclassify.text.features.lexicon import ACTORS, CLASSES, SCOPED
from tipclassify.text.features.structure import (
    ACTOR_NUMBER,
    Structure,
    actors,
    concat_ranges,
    imperatives,
    pairs,
    scopes,
)
from tipclassify.text.features.templates import CLASS_HASH, CUT_HASH, SALT, TURN_HASH
from tipclassify.text.features.tokenizer import I64, U64, Bools, Tokens
from tipclassify.text.features.vocabulary import FACTOR, WordColumns

__all__ = ["PLACE_BITS", "STEPS", "WeightTable", "sums_of"]

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int16]

PLACE_BITS: Final = 20  # upper bits of a feature's key: its slot in the hash table
STEPS: Final = 4_000  # units of the largest weight: the seven features of a token still sum within 16 bits

_TO_PLACE: Final = np.uint64(64 - PLACE_BITS)
_TO_KEY: Final = np.uint64(32)
_FINGERPRINT: Final = np.uint64((1 << (32 - PLACE_BITS)) - 1)  # remaining bits of a key: detect collisions

_CLASSES: Final = len(CLASS_HASH)  # 0 for words of none
_TURNS: Final = len(TURN_HASH)
_ACTOR_HASH: Final = CLASS_HASH[[CLASSES.index(name) + 1 for name in ACTORS]] * FACTOR[0]
# Columns of the weights by word: after each actor, 0 for none; in each scope; by itself; first of a passage.
_ACTED: Final = 0
_SCOPED: Final = 1 + len(ACTORS)
_ALONE: Final = _SCOPED + len(SCOPED)
_OPENING: Final = _ALONE + 1
_COLUMNS: Final = _OPENING + 1

Part = tuple[I64, Rows]  # indices of sums, and what is added to each


class WeightTable:
    """The weights of a model, for look-ups. A row is int16 (4,): a count of features and their weight for each label.

    Parameters
    ----------
    hashes : uint32 (m,)
        Keys of the features, no two of one slot.
    weights : int16 (m, 3)
    """

    def __init__(self, hashes: npt.NDArray[np.uint32], weights: Rows) -> None:
        self._slots = np.zeros((1 << PLACE_BITS, 4), np.int16)  # in place of a count, a fingerprint
        slot = hashes >> np.uint32(32 - PLACE_BITS)
        self._slots[slot, 0] = (hashes & _FINGERPRINT).astype(np.int16)
        self._slots[slot, 1:] = weights
        none = np.zeros(0, np.uint64)
        self._by_word = none, self._rows_of_words(none, none)
        self._tabulate_classes()

    def hashed(self, code: U64, kept: Bools | None = None) -> Rows:
        """Look up features by hash, (…, 4); all zeros for those not `kept`."""
        rows = self._slots.take((code >> _TO_PLACE).view(np.int64), axis=0)
        known = rows[..., 0] == ((code >> _TO_KEY) & _FINGERPRINT).astype(np.int16)
        if kept is not None:
            known &= kept
        rows.view(np.uint64)[..., 0] *= known  # a row of zeros for the others
        rows[..., 0] = 1 if kept is None else kept
        return rows

    def by_word(self, columns: WordColumns) -> Rows:
        """Rows of all words seen so far, (words * _COLUMNS, 4)."""
        known, rows = self._by_word
        both = min(len(known), len(columns.word))
        if not np.array_equal(known[:both], columns.word[:both]):  # the words are numbered anew
            both, rows = 0, rows[:0]
        if both < len(columns.word):
            new = self._rows_of_words(columns.word[both:], columns.stem[both:])
            rows = np.concatenate([rows[: both * _COLUMNS], new])
            self._by_word = columns.word, rows
        return rows

    def _rows_of_words(self, word: U64, stem: U64) -> Rows:
        head, tail = stem * FACTOR[0], stem * FACTOR[1]
        code = np.zeros((len(word), _COLUMNS), np.uint64)
        for name in range(len(ACTORS)):
            code[:, _ACTED + 1 + name] = _ACTOR_HASH[name] + tail + SALT[70]
        for name in range(len(SCOPED)):
            code[:, _SCOPED + name] = head + SALT[20 + name]
        code[:, _ALONE] = word * FACTOR[0] + SALT[1]
        code[:, _OPENING] = word * FACTOR[0] + SALT[80]
        rows = self.hashed(code)
        rows[:, _ACTED] = 0  # no actor
        rows[:, _ALONE] += self.hashed(head + SALT[4])
        return rows.reshape(-1, 4)

    def _tabulate_classes(self) -> None:
        """Set the tables by class, (…, 4): axes are classes in their order, or what else a table is named for."""
        first, second, third = (CLASS_HASH * factor for factor in FACTOR[:3])
        two = first[:, None] + second
        three = two[:, :, None] + third
        # A class with the next two of its clause, if any: one, two and three in a row, and two with any between.
        self.sequence = (
            self._classes(first + SALT[60], 1)[:, None, None]
            + self._classes(two + SALT[61], 2)[:, :, None]
            + self._classes(two + SALT[63], 2)[:, None]
            + self._classes(three + SALT[62], 3)
        ).reshape(-1, 4)
        # Two, or three, of which the last lies in another clause.
        self.cut_two = self._classes(two + SALT[61] + CUT_HASH, 2).reshape(-1, 4)
        cut = self._classes(two + SALT[63] + CUT_HASH, 2)[:, None] + self._classes(three + SALT[62] + CUT_HASH, 3)
        self.cut_three = cut.reshape(-1, 4)
        self.pair = self._classes(two[:, :, None] + TURN_HASH + SALT[65], 2).reshape(-1, 4)
        acted = self.hashed(_ACTOR_HASH[:, None] + second + SALT[71])
        self.acted = np.concatenate([np.zeros_like(acted[:1]), acted])  # 0: no actor
        self.in_scope = self.hashed(first + SALT[40 : 40 + len(SCOPED), None])
        self.asked = self._classes(first + SALT[83], 1)
        self.acted[:, 0] = self.in_scope[:, 0] = 0  # words without a class
        self.acted, self.in_scope = self.acted.reshape(-1, 4), self.in_scope.reshape(-1, 4)
        self.opening = self.hashed(first + SALT[81])
        self.asking = self.hashed(SALT[84:85])

    def _classes(self, code: U64, axes: int) -> Rows:
        """Look up features of classes; none of a word without a class, on the first `axes` axes."""
        rows = self.hashed(code)
        for axis in range(axes):
            np.moveaxis(rows, axis, 0)[0] = 0
        return rows


def sums_of(weights: WeightTable, t: Tokens, s: Structure, passages: int) -> tuple[Floats, Floats]:
    """Count features and sum their weights for each label: within clauses, float64 (4, clauses), and across the clauses of
    each passage, float64 (4, passages).
    """
    parts = [*_words(weights, t, s), *_classes(weights, s), *_openings(weights, t, s)]
    where, rows = (np.concatenate(column) for column in zip(*parts, strict=True))
    sums = np.array([np.bincount(where, lane, len(s.begin) + passages) for lane in rows.T], np.float64)
    return sums[:, : len(s.begin)], sums[:, len(s.begin) :]


def _across(s: Structure, token: I64) -> I64:
    """Index of the cross-clause sum of the passage of each token, stored after those of the clauses."""
    return s.row.take(token) + len(s.begin)


def _words(weights: WeightTable, t: Tokens, s: Structure) -> Iterator[Part]:
    """Words and stems, their n-grams, and what they are after an actor or in the scope of a negation."""
    by_word = weights.by_word(t.columns)
    place = t.number * _COLUMNS
    total = by_word.take(place + _ALONE, axis=0)  # of each token, within its clause
    for salt, column, gap in ((2, t.word, 1), (5, t.stem, 1), (6, t.stem, 2)):
        code = column[:-gap] * FACTOR[0] + column[gap:] * FACTOR[1] + SALT[salt]
        inside = s.clause[:-gap] == s.clause[gap:]
        total[:-gap] += weights.hashed(code, inside)
        cut = np.flatnonzero(~inside & (s.row[:-gap] == s.row[gap:]))
        yield _across(s, cut), weights.hashed(code.take(cut))

    actor = actors(s)
    acting = ACTOR_NUMBER.take(s.kind.take(actor)) * (actor >= 0)
    inside = acting * (s.clause.take(actor) == s.clause)
    total += by_word.take(place + _ACTED + inside, axis=0)
    total += weights.acted.take(inside * _CLASSES + s.kind, axis=0)
    cut = np.flatnonzero(acting != inside)
    acting = acting.take(cut)
    rows = by_word.take(place.take(cut) + _ACTED + acting, axis=0)
    yield _across(s, cut), rows + weights.acted.take(acting * _CLASSES + s.kind.take(cut), axis=0)

    _, here, sort = scopes(s)
    rows = by_word.take(place.take(here) + _SCOPED + sort, axis=0)
    rows += weights.in_scope.take(sort * _CLASSES + s.kind.take(here), axis=0)
    yield s.clause.take(here), rows
    yield s.clause, total


def _classes(weights: WeightTable, s: Structure) -> Iterator[Part]:
    """Sequences of up to four classes, words without one skipped, and pairs of classes of a clause."""
    classed = np.flatnonzero(s.kind)
    kind, clause, row = (np.append(column.take(classed), [-1, -1, -1]) for column in (s.kind, s.clause, s.row))
    n = len(classed)
    one, two, three = kind[:n], kind[1 : n + 1], kind[2 : n + 2]
    in_two, in_three = clause[:n] == clause[1 : n + 1], clause[:n] == clause[2 : n + 2]
    yield clause[:n], weights.sequence.take((one * _CLASSES + two * in_two) * _CLASSES + three * in_three, axis=0)
    cut = np.flatnonzero(~in_two & (row[:n] == row[1 : n + 1]))
    yield _across(s, classed.take(cut)), weights.cut_two.take(one[cut] * _CLASSES + two[cut], axis=0)
    cut = np.flatnonzero(~in_three & (row[:n] == row[2 : n + 2]))
    place = (one[cut] * _CLASSES + two[cut]) * _CLASSES + three[cut]
    yield _across(s, classed.take(cut)), weights.cut_three.take(place, axis=0)
    four = np.flatnonzero(row[:n] == row[3:])
    code = np.full(len(four), SALT[64])
    for gap, factor in enumerate(FACTOR[:4]):
        code += CLASS_HASH.take(kind.take(four + gap)) * factor
    inside = clause.take(four) == clause.take(four + 3)
    code += ~inside * CUT_HASH
    where = np.where(inside, clause.take(four), _across(s, classed.take(four)))
    yield where, weights.hashed(code)
    first, second, turned = pairs(s)
    place = (s.kind.take(first) * _CLASSES + s.kind.take(second)) * _TURNS + turned
    yield s.clause.take(first), weights.pair.take(place, axis=0)


def _openings(weights: WeightTable, t: Tokens, s: Structure) -> Iterator[Part]:
    """First words of a passage, and the classes of one that opens with an imperative."""
    first = s.first
    rows = weights.by_word(t.columns).take(t.number.take(first) * _COLUMNS + _OPENING, axis=0)
    yield s.clause.take(first), rows + weights.opening.take(s.kind.take(first), axis=0)
    first = first[s.stop - first > 1]
    code = t.columns.stem.take(t.number.take(first)) * FACTOR[0]
    code += CLASS_HASH.take(s.kind.take(first + 1)) * FACTOR[1] + SALT[82]
    inside = s.clause.take(first) == s.clause.take(first + 1)
    yield np.where(inside, s.clause.take(first), _across(s, first)), weights.hashed(code)
    head, stop = imperatives(t, s)
    yield s.clause.take(head), weights.asking.repeat(len(head), axis=0)
    _, here = concat_ranges(head, stop)
    yield s.clause.take(here), weights.asked.take(s.kind.take(here), axis=0)
