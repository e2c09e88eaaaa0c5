"""What n-grams cannot count: detectors that slide over the words of a passage and tell how well a few words in a row match.

Each word is a small vector (its stem, its class in the lexicon, whether it opens a clause); each detector weighs the vectors
of three or five words in a row, and its best match in the passage is what counts. Words that behave alike get like vectors, so that
a detector learned on one wording answers to others; this is what tells "no victim was punished" from "no trafficker was
punished". A score stays a sum: each detector adds its match times its weight, and explains it by the words it stood on.

What a word adds to a match is kept (`answers`), in whole numbers of a small unit: a match is a sum of three or five of them, exact,
so the same passage gives the same bits in any batch.

Source: Kim 2014, Convolutional neural networks for sentence classification (EMNLP, arXiv:1408.5882).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from tipclassify.answers import LARGEST, Answers, Tables
from tipclassify.tokens import I64, U64, Bools
from tipclassify.vectors import WordVectors

__all__ = ["Matches", "Windows"]

Floats = npt.NDArray[np.float32]
Shorts = npt.NDArray[np.int16]

_CHUNK: Final = 2_048  # words looked at at a time: what is held of them stays in the processor's cache
_STEP: Final = 4  # passages whose lengths differ by less are laid side by side
_ROWS: Final = 512  # passages whose matches are weighed at a time


@dataclass(frozen=True)
class Matches:
    """How far each detector answered to each passage.

    Attributes
    ----------
    strength : float64 (n, detectors)
        Match of its best window, 0 where none is above its bar.
    first, last : int64 (n, detectors)
        First and last word of that window, as numbers of the tokens given.
    """

    strength: npt.NDArray[np.float64]
    first: I64
    last: I64


@dataclass(frozen=True)
class Windows:
    """Detectors of a trained model.

    Attributes
    ----------
    vectors : WordVectors
        Of words, `d` numbers each.
    filters : sequence of float32 (width, d, k)
        Weights of `k` detectors for each width, an odd number of words.
    bars : sequence of float32 (k,)
        Added to the match; a detector answers above zero.
    weights : float32 (detectors, 3)
        What a unit of match adds to the log-odds of each label.
    """

    vectors: WordVectors
    filters: tuple[Floats, ...]
    bars: tuple[Floats, ...]
    weights: Floats

    def __getstate__(self) -> dict[str, object]:
        # Tables that were made for speed stay behind: they are made anew where they are wanted.
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @cached_property
    def unit(self) -> float:
        """What one is worth of the whole numbers that matches are counted in."""
        largest = max(float(np.max(self.vectors.largest(f))) for f in self.filters)
        return float(2.0 ** np.ceil(np.log2(max(largest, 1e-9) / LARGEST)))

    @cached_property
    def _answers(self) -> Answers:
        return Answers(self.vectors, self.filters, self.unit)

    @cached_property
    def _bars(self) -> npt.NDArray[np.int64]:
        bars = np.rint(np.concatenate(self.bars).astype(np.float64) / self.unit).astype(np.int64)
        return np.maximum(bars, -LARGEST)  # a bar below can be met as little

    @cached_property
    def _floor(self) -> Shorts:
        """Where a match counts as none."""
        return np.maximum(-self._bars, np.iinfo(np.int16).min).astype(np.int16)

    @cached_property
    def _weights(self) -> npt.NDArray[np.float64]:
        return self.weights.astype(np.float64)

    @cached_property
    def margin(self) -> int:
        """Words that the widest detector sees on each side of its middle."""
        return max(len(f) for f in self.filters) // 2

    def scores(self, stem: U64, kind: I64, opens: Bools, begin: I64) -> npt.NDArray[np.float64]:
        """What the detectors add to the log-odds of each label, float64 (passages, 3).

        Parameters
        ----------
        stem, kind, opens : (n,)
            Of each word: hash of its stem, class, and whether it opens a clause.
        begin : int64 (passages,)
            First word of each passage; each has one at least.
        """
        return self.scores_of_sorts(self.vectors.sort_of(stem, kind, opens), begin)

    def scores_of_sorts(self, sort: I64, begin: I64) -> npt.NDArray[np.float64]:
        """The same from the sort of each word (`vectors.WordVectors.sort_of`)."""
        weights = self._weights
        if len(begin) == 1 and len(sort) <= _CHUNK:
            return (self._strength(self._best_of_one(sort)) @ weights) * self.unit
        order, best, _ = self._matched(sort, begin)
        added = np.empty((len(begin), weights.shape[1]))
        for at in range(0, len(order), _ROWS):
            # Exact in any order: whole numbers of 15 bits times half-floats, 53 bits to sum them in.
            rows = order[at : at + _ROWS]
            added[rows] = self._strength(best[at : at + _ROWS]) @ weights
        added *= self.unit
        return added

    def matches(self, stem: U64, kind: I64, opens: Bools, begin: I64) -> Matches:
        """Match and window of each detector; see `scores` for what is given."""
        order, best, middle = self._matched(self.vectors.sort_of(stem, kind, opens), begin, where=True)
        end = np.append(begin[1:], len(stem))
        reach = np.concatenate([np.full(f.shape[2], f.shape[0] // 2) for f in self.filters])
        middle += begin[order][:, None]
        rank = order.argsort()
        return Matches(
            self._strength(best)[rank] * self.unit,
            np.maximum(middle - reach, begin[order][:, None])[rank],
            np.minimum(middle + reach, end[order][:, None] - 1)[rank],
        )

    def _strength(self, best: Shorts) -> npt.NDArray[np.float64]:
        strength = np.maximum(best, self._floor).astype(np.float64)
        strength += self._bars
        return strength

    def _matched(self, sort: I64, begin: I64, where: bool = False) -> tuple[I64, Shorts, I64]:
        """Passages by length, and for each detector the best sum in each of them, (passages, detectors), and its middle word
        if one wants to know `where`.
        """
        which, tables = self._answers.of(sort)
        n, passages = len(sort), len(begin)
        length = np.empty_like(begin)
        np.subtract(begin[1:], begin[:-1], out=length[:-1])
        length[-1:] = n - begin[-1:]
        # Words with what is beyond a passage between passages, so many that one may stand beside a longer one.
        apart = self.margin + _STEP - 1
        first = begin + np.arange(apart, (passages + 1) * apart, apart)
        laid = np.zeros(n + (passages + 1) * apart, np.int64)  # BEYOND
        laid[np.arange(n) + (first - begin).repeat(length)] = which
        order = length.argsort(kind="stable") if passages > 1 else np.arange(passages)
        best = np.empty((passages, len(self.weights)), np.int16)
        middle = np.zeros(best.shape if where else (0, 0), np.int64)
        for part, longest in _alike(length.take(order)):
            rows = order[part]
            if longest > _CHUNK:  # one passage as long as a book
                self._best_of_long(tables, laid, int(first[rows[0]]), longest, best[part], middle[part])
                continue
            place = np.arange(-self.margin, longest + self.margin)[:, None] + first.take(rows)
            self._best(tables, laid.take(place), best[part], middle[part])
        return order, best, middle

    def _best(self, tables: Tables, laid: I64, best: Shorts, middle: I64) -> None:
        """Best sum of each detector over the words of each passage, and the word where it is, into `best` and `middle`
        (passages, detectors), an empty one if nobody asks.

        `laid` has the rows of the answers, (margin + longest + margin, passages): passages lie side by side, words below one
        another, as `take` and `max` along the first axis are several times as fast as along others.
        """
        longest, passages = len(laid) - 2 * self.margin, laid.shape[1]
        left = 0
        for of_width in tables:
            start = self.margin - len(of_width) // 2
            total = of_width[0].take(laid[start : start + longest], axis=0)
            part = np.empty_like(total)
            for offset, table in enumerate(of_width[1:], start + 1):
                # No row is beyond the table: to clip is quicker than to check.
                total += table.take(laid[offset : offset + longest], axis=0, out=part, mode="clip")
            right = left + total.shape[2]
            total = total.reshape(longest, -1)
            best[:, left:right] = total.max(axis=0).reshape(passages, -1)
            if len(middle):
                middle[:, left:right] = total.argmax(axis=0).reshape(passages, -1)
            left = right

    def _best_of_one(self, sort: I64) -> Shorts:
        """Best sum of each detector in a single passage, (1, detectors)."""
        which, tables = self._answers.of(sort)
        laid = np.zeros((len(sort) + 2 * self.margin, 1), np.int64)  # BEYOND
        laid[self.margin : self.margin + len(sort), 0] = which
        best = np.empty((1, len(self.weights)), np.int16)
        self._best(tables, laid, best, laid[:0])
        return best

    def _best_of_long(self, tables: Tables, laid: I64, first: int, length: int, best: Shorts, middle: I64) -> None:
        """The same for a single passage of any length, piece by piece, so that memory stays flat."""
        best[:] = np.iinfo(np.int16).min
        found, here = np.empty_like(best), np.empty(best.shape, np.int64)
        for at in range(0, length, _CHUNK):
            longest = min(_CHUNK, length - at)
            self._best(tables, laid[first + at - self.margin : first + at + longest + self.margin, None], found, here)
            if len(middle):
                np.copyto(middle, here + at, where=found > best)
            np.maximum(best, found, out=best)

    def scaled(self, factors: npt.NDArray[np.float64]) -> Windows:
        """The same detectors with the weights of each label multiplied, `factors` float (3,)."""
        return replace(self, weights=(self.weights * factors).astype(np.float32))

    def as_stored(self) -> Windows:
        """The detectors as the model file holds them: what is measured is what ships."""
        stored = self.from_arrays(self.to_arrays())
        assert stored is not None
        return stored

    def to_arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        """Arrays for the model file, half-floats where float32 says no more."""
        half = {"detector_weights": self.weights}
        half |= {f"filters_{i}": f for i, f in enumerate(self.filters)}
        half |= {f"bars_{i}": b for i, b in enumerate(self.bars)}
        return {**self.vectors.to_arrays(), **{name: array.astype(np.float16) for name, array in half.items()}}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[np.generic]]) -> Windows | None:
        """The detectors in a model file, None where it has none.

        Raises
        ------
        KeyError
            When some arrays are missing.
        """
        if "detector_weights" not in arrays:
            return None
        numbers = range(sum(name.startswith("filters_") for name in arrays))

        def single(name: str) -> Floats:
            return arrays[name].astype(np.float32)

        return cls(
            WordVectors.from_arrays(arrays),
            tuple(single(f"filters_{i}") for i in numbers),
            tuple(single(f"bars_{i}") for i in numbers),
            single("detector_weights"),
        )


def _alike(length: I64) -> Iterator[tuple[slice, int]]:
    """Passages of like length, at most `_CHUNK` words at a time, and the length of the longest; `length` ascends."""
    grade = (length + (_STEP - 1)) // _STEP
    if len(length) == 1:
        yield slice(0, 1), int(length[0])
    if len(length) < 2:
        return
    bounds = [0, *((grade[1:] != grade[:-1]).nonzero()[0] + 1).tolist(), len(length)]
    for a, b in pairwise(bounds):
        longest = int(length[b - 1])
        size = max(1, _CHUNK // longest)
        for at in range(a, b, size):
            yield slice(at, min(at + size, b)), longest
