"""What each word adds to the match of each detector, worked out when a word is first met and kept."""

from __future__ import annotations

from threading import Lock
from typing import Final

import numpy as np
import numpy.typing as npt

from tipclassify.vectors import WordVectors
from tipclassify.words import I64

__all__ = ["BEYOND", "LARGEST", "Answers", "Tables"]

Shorts = npt.NDArray[np.int16]
Tables = tuple[tuple[Shorts, ...], ...]  # by width, by place in the window: (words met, detectors)

BEYOND: Final = 0
"""Zero. Row of what stands outside a passage: it adds nothing to a window, and a window around it never is the best."""

LARGEST: Final = 10_000
"""Bound on the sums of a window; below minus this lies whatever is beyond a passage."""

_OUTSIDE: Final = np.int16(-22_000)
_BLOCK: Final = (
    32  # rows of every matrix product: one shape, one order of addition, and too small for BLAS to start threads
)
_ROOM: Final = 1 << 13
_MOST_WORDS: Final = 1 << 15  # kept; more are rarer than what it costs to work them out again


class _Kept:
    """Row of each sort of word in the tables, the tables, and how many rows of them are in use."""

    def __init__(self, rows: npt.NDArray[np.int32], tables: Tables) -> None:
        self.rows = rows
        self.tables = tables
        self.count = 1


class Answers:
    """Answers of detectors to words, in whole numbers of a unit.

    Parameters
    ----------
    filters : sequence of float32 (width, d, k)
        As in `windows.Windows`.
    unit : float
        So large that no sum of a window exceeds `LARGEST`.
    """

    def __init__(self, vectors: WordVectors, filters: tuple[npt.NDArray[np.float32], ...], unit: float) -> None:
        self._vectors = vectors
        self._filters = filters
        self._unit = unit
        self._lock = Lock()
        self._kept = self._none()

    def of(self, sort: I64) -> tuple[npt.NDArray[np.int32], Tables]:
        """Row of each word in the tables, by its sort (`WordVectors.sort_of`), int32 (n,), and the tables."""
        while True:
            kept = self._kept
            which = kept.rows.take(sort)
            tables = kept.tables  # after the rows: as many as these ask for
            if np.count_nonzero(which) == len(which):
                return which, tables
            with self._lock:
                if self._kept.count > _MOST_WORDS:
                    self._kept = self._none()
                kept = self._kept
                new = sort[kept.rows[sort] == BEYOND].tolist()
                if new:  # `np.unique` would import masked arrays first
                    self._add(kept, np.array(sorted(set(new))))

    def _none(self) -> _Kept:
        """No word met; the tables hold `BEYOND` alone."""
        tables = self._tables(_ROOM)
        for of_width in tables:
            of_width[len(of_width) // 2][BEYOND] = _OUTSIDE
        return _Kept(np.full(self._vectors.sorts, BEYOND, np.int32), tables)

    def _tables(self, room: int) -> Tables:
        """Zeros for `room` words, in one piece of memory: systems give a large piece in large pages, which are found sooner."""
        memory = np.zeros(room * sum(len(f) * f.shape[2] for f in self._filters), np.int16)
        tables, at = [], 0
        for f in self._filters:
            width, _, detectors = f.shape
            size = width * room * detectors
            tables.append(tuple(memory[at : at + size].reshape(width, room, detectors)))
            at += size
        return tuple(tables)

    def _add(self, kept: _Kept, sort: I64) -> None:
        """Work out the answers to words of these sorts; others may be reading, so what leads to them comes last."""
        count = kept.count + len(sort)
        if count > len(kept.tables[0][0]):
            larger = self._tables(2 * count)
            for old_width, new_width in zip(kept.tables, larger, strict=True):
                for old, new in zip(old_width, new_width, strict=True):
                    new[: kept.count] = old[: kept.count]
            kept.tables = larger
        vectors = self._vectors.of(sort)
        padded = np.zeros((-(-len(sort) // _BLOCK) * _BLOCK, vectors.shape[1]), np.float32)
        padded[: len(sort)] = vectors
        blocks = padded.reshape(-1, _BLOCK, vectors.shape[1])
        for of_width, filters in zip(kept.tables, self._filters, strict=True):
            for table, weights in zip(of_width, filters, strict=True):
                table[kept.count : count] = self._whole((blocks @ weights).reshape(len(padded), -1)[: len(sort)])
        kept.rows[sort] = np.arange(kept.count, count)
        kept.count = count

    def _whole(self, product: npt.NDArray[np.float32]) -> Shorts:
        return np.rint(product.astype(np.float64) / self._unit).astype(np.int16)
