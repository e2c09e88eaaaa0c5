"""Sums of packed weights by clause and passage."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from tipclassify.layout import ends_of
from tipclassify.lookup import Lookup
from tipclassify.packing import LANE_OF, LANES, ONE, add_up, lanes_of
from tipclassify.words import I64, U64

__all__ = ["SumAccumulator"]

Floats = npt.NDArray[np.float64]

_FEW: Final = 500  # features; below, one `bincount` of everything is faster


class SumAccumulator:
    """Collects weights for `slots` sums: one for each clause, then one for each passage."""

    def __init__(self, slots: int, lookup: Lookup) -> None:
        self._sums = np.zeros((LANES, slots))
        self._lookup = lookup
        self._parts: list[tuple[I64, U64]] = []
        self._hashed: list[tuple[I64, U64]] = []

    def add(self, where: I64, packed: U64) -> None:
        """Add packed weights to the slots `where`, in any order."""
        self._parts.append((where, packed))

    def add_hashed(self, where: I64, code: U64) -> None:
        """Add features by their hashes, which `total` looks up in one go."""
        self._hashed.append((where, code))

    def add_in_order(self, where: I64, packed: U64) -> None:
        """Add packed weights to ascending slots: faster than `add` where there are many."""
        if len(where) < _FEW:
            self.add(where, packed)
        else:
            change = np.ones(len(where), bool)
            np.not_equal(where[1:], where[:-1], out=change[1:])
            begin = change.nonzero()[0]
            self._sums[:, where.take(begin)] += add_up(packed, begin, ends_of(begin, len(where)) - begin)

    def total(self) -> Floats:
        """Sum everything added, float64 (LANES, slots)."""
        if self._hashed:
            code = np.concatenate([code for _, code in self._hashed])
            self.add(np.concatenate([where for where, _ in self._hashed]), self._lookup.hashed(code) + ONE)
        where = np.concatenate([where for where, _ in self._parts])
        lanes = lanes_of(np.concatenate([packed for _, packed in self._parts]))
        for sums, lane in zip(self._sums, LANE_OF, strict=True):
            sums += np.bincount(where, lanes[:, lane], len(sums))
        return self._sums
