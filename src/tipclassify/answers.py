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
_MOST_WORDS: Final = 1 << 15  # kept; more are rarer than what it costs to work them out again


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

    def of(self, sort: I64) -> tuple[I64, Tables]:
        """Row of each word in the tables, by its sort (`WordVectors.sort_of`), int64 (n,), and the tables."""
        rows, tables = self._kept
        which = rows.take(sort)
        if not which.all():
            with self._lock:
                if len(self._kept[1][0][0]) > _MOST_WORDS:
                    self._kept = self._none()
                rows, tables = self._kept
                new = np.unique(sort[rows[sort] == BEYOND])
                if len(new):
                    first = len(tables[0][0])
                    tables = self._extended(tables, new)
                    rows[new] = np.arange(first, first + len(new))
                    self._kept = rows, tables
            which = rows.take(sort)
        return which, tables

    def _none(self) -> tuple[I64, Tables]:
        """No word met; the tables hold `BEYOND` alone."""
        tables = [
            [np.full((1, f.shape[2]), _OUTSIDE if place == len(f) // 2 else 0, np.int16) for place in range(len(f))]
            for f in self._filters
        ]
        return np.full(self._vectors.sorts, BEYOND, np.int32), tuple(map(tuple, tables))

    def _extended(self, tables: Tables, sort: I64) -> Tables:
        vectors = self._vectors.of(sort)
        padded = np.zeros((-(-len(sort) // _BLOCK) * _BLOCK, vectors.shape[1]), np.float32)
        padded[: len(sort)] = vectors
        blocks = padded.reshape(-1, _BLOCK, vectors.shape[1])
        return tuple(
            tuple(
                np.concatenate([table, self._whole((blocks @ weights).reshape(len(padded), -1)[: len(sort)])])
                for table, weights in zip(of_width, filters, strict=True)
            )
            for of_width, filters in zip(tables, self._filters, strict=True)
        )

    def _whole(self, product: npt.NDArray[np.float32]) -> Shorts:
        return np.rint(product.astype(np.float64) / self._unit).astype(np.int16)
