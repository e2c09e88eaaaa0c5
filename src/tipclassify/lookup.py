"""Precomputed weights, indexed by word or class; other features use the hash table.

All come from one table of hashed features (`packing`). Tables by class are built once; tables by word grow as words occur, a
row for each number of `words.VocabularyTable`.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Final, NamedTuple

import numpy as np

from tipclassify.families import (
    ACTOR,
    ASKING,
    BEFORE_ASKING,
    CLASS_HASH,
    CUT_HASH,
    FACTOR,
    MARK,
    SALT,
    TURN_HASH,
    among,
)
from tipclassify.packing import ONE, add_to, look_up
from tipclassify.words import U64, Bools, VocabularyTable, grown

__all__ = ["ACTOR_CODE", "CLASSES", "COLUMNS", "TURNS", "ByClass", "ByWord", "Lookup"]

CLASSES: Final = len(CLASS_HASH)  # 0 for words of none
TURNS: Final = len(TURN_HASH)
COLUMNS: Final = 8  # width of the tables by actor and by mark word
ACTOR_CODE: Final = np.cumsum(ACTOR) * ACTOR  # by class: actors numbered from 1, 0 for others
_ACTORS: Final = np.flatnonzero(ACTOR)
_MARKS: Final = int(np.max(MARK))
assert max(len(_ACTORS) + 1, _MARKS) <= COLUMNS


class ByWord(NamedTuple):
    """Weights and hash terms by number of the word. Weights are packed, counts included.

    Attributes
    ----------
    single : uint64 (words,)
        Word and stem by themselves.
    acted : uint64 (words, COLUMNS)
        After each actor (`ACTOR_CODE`).
    marked : uint64 (words, COLUMNS)
        In the scope of each mark word.
    opening : uint64 (words,)
        First of a passage.
    word_head, word_tail, stem_head, stem_tail : uint64 (words,)
        Hash terms of bigrams of words and of stems.
    opening_head : uint64 (words,)
        Hash term of the first two tokens of a passage.
    asks, before : bool (words,)
        Whether it is an imperative; whether it may precede one.
    """

    single: U64
    acted: U64
    marked: U64
    opening: U64
    word_head: U64
    word_tail: U64
    stem_head: U64
    stem_tail: U64
    opening_head: U64
    asks: Bools
    before: Bools


class ByClass(NamedTuple):
    """Weights and hash terms by class, packed, counts included; 0 stands for no class.

    Attributes
    ----------
    row : uint64 (classes ** 3,)
        A class with the next two of its clause.
    cut : uint64 (classes ** 3,)
        A sequence of three whose last class lies in another clause; of two, if the last class is 0.
    pair : uint64 (classes ** 2 * TURNS,)
        Two classes of a clause, by the negations, limits and pledges of that clause.
    acted, marked : uint64 (COLUMNS * classes,)
        A class after an actor; in the scope of a mark word.
    opening, asked : uint64 (classes,)
        First of a passage; in a passage that opens with an imperative.
    four_head, four_tail : uint64 (classes ** 2,)
        Hash terms of four classes in a row: of the first two, of the last two.
    asking : uint64
        The opening imperative itself.
    """

    row: U64
    cut: U64
    pair: U64
    acted: U64
    marked: U64
    opening: U64
    asked: U64
    four_head: U64
    four_tail: U64
    asking: np.uint64


class Lookup:
    """Weights of a model; `table` is that of `packing.pack`."""

    def __init__(self, table: U64) -> None:
        self.table = table
        self.by_class = _by_class(self._added)
        self._lock = Lock()
        self._known = (VocabularyTable(), 0, self._by_word(np.zeros(0, np.uint64), np.zeros(0, np.uint64)))

    def by_word(self, words: VocabularyTable) -> ByWord:
        """Tables for all words seen so far."""
        count = words.count
        known, rows, tables = self._known
        if known is words and rows >= count:
            return tables
        with self._lock:
            known, rows, tables = self._known
            if known is not words:
                rows = 0
            if rows < count:
                columns = words.columns
                new = self._by_word(columns.word[rows:count], columns.stem[rows:count])
                if rows == 0 or count > len(tables.single):
                    tables = ByWord(*(grown(column[:rows], len(columns.word)) for column in tables))
                for column, more in zip(tables, new, strict=True):
                    column[rows:count] = more
                self._known = words, count, tables
        return tables

    def hashed(self, code: U64, kept: Bools | None = None) -> U64:
        """Look up features by hash; counts are not included."""
        return look_up(self.table, code, kept)

    def _added(self, code: U64) -> U64:
        return self.hashed(code) + ONE

    def _by_word(self, word: U64, stem: U64) -> ByWord:
        rows = len(word)
        head, tail = stem * FACTOR[0], stem * FACTOR[1]
        word_head = word * FACTOR[0]
        code = np.zeros((rows, 2 * COLUMNS + 3), np.uint64)
        acted, marked = code[:, :COLUMNS], code[:, COLUMNS : 2 * COLUMNS]
        np.add(CLASS_HASH[_ACTORS] * FACTOR[0] + SALT[70], tail[:, None], out=acted[:, 1 : len(_ACTORS) + 1])
        np.add(SALT[20 : 20 + _MARKS], head[:, None], out=marked[:, :_MARKS])
        for column, (part, salt) in enumerate(((word_head, 1), (head, 4), (word_head, 80)), 2 * COLUMNS):
            np.add(part, SALT[salt], out=code[:, column])
        added = self._added(code)
        added[:, 0] = 0  # no actor
        return ByWord(
            single=add_to(added[:, -3].copy(), added[:, -2].copy()),
            acted=added[:, :COLUMNS],
            marked=added[:, COLUMNS : 2 * COLUMNS],
            opening=added[:, -1],
            word_head=word_head + SALT[2],
            word_tail=word * FACTOR[1],
            stem_head=head + SALT[5],
            stem_tail=tail,
            opening_head=head + SALT[82],
            asks=among(word, ASKING),
            before=among(word, BEFORE_ASKING),
        )


def _by_class(added: Callable[[U64], U64]) -> ByClass:
    first, second, third = (CLASS_HASH * factor for factor in FACTOR[:3])
    two = first[:, None] + second
    three = two[:, :, None] + third
    apart = first[:, None] + second + SALT[63]  # with any class between
    row, cut = np.zeros((2, CLASSES, CLASSES, CLASSES), np.uint64)
    row[1:, 1:, 1:] = _sum(added(three[1:, 1:, 1:] + SALT[62]), added(apart[1:, 1:])[:, None, :])
    row[1:, 1:] = _sum(row[1:, 1:], added(two[1:, 1:] + SALT[61])[:, :, None])
    row[1:] = _sum(row[1:], added(first[1:] + SALT[60])[:, None, None])
    cut[1:, 1:, 1:] = _sum(added(three[1:, 1:, 1:] + SALT[62] + CUT_HASH), added(apart[1:, 1:] + CUT_HASH)[:, None, :])
    cut[1:, 1:, 0] = added(two[1:, 1:] + SALT[61] + CUT_HASH)
    pair = np.zeros((CLASSES, CLASSES, TURNS), np.uint64)
    pair[1:, 1:] = added(two[1:, 1:, None] + TURN_HASH + SALT[65])
    acted, marked = np.zeros((2, COLUMNS, CLASSES), np.uint64)
    acted[1 : len(_ACTORS) + 1, 1:] = added(first[_ACTORS][:, None] + second[1:] + SALT[71])
    marked[:_MARKS, 1:] = added(SALT[40 : 40 + _MARKS, None] + first[1:])
    asked = np.zeros(CLASSES, np.uint64)
    asked[1:] = added(first[1:] + SALT[83])
    return ByClass(
        row=row.ravel(),
        cut=cut.ravel(),
        pair=pair.ravel(),
        acted=acted.ravel(),
        marked=marked.ravel(),
        opening=added(first + SALT[81]),
        asked=asked,
        four_head=(two + SALT[64]).ravel(),
        four_tail=((CLASS_HASH * FACTOR[2])[:, None] + CLASS_HASH * FACTOR[3]).ravel(),
        asking=added(SALT[84:85])[0],
    )


def _sum(*packed: U64) -> U64:
    """Add packed arrays lane by lane, broadcast against each other."""
    shape = np.broadcast_shapes(*(one.shape for one in packed))
    total = np.zeros(shape, np.uint64)
    for one in packed:
        add_to(total, np.ascontiguousarray(np.broadcast_to(one, shape)))
    return total
