"""Weights of features, added to the clauses and passages that they lie in."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from tipclassify.layout import ends_of
from tipclassify.lookup import Lookup
from tipclassify.packing import LANE_OF, LANES, ONE, add_up, lanes_of
from tipclassify.words import I64, U64

__all__ = ["Added"]

Floats = npt.NDArray[np.float64]

_FEW: Final = 500  # features: fewer are sooner counted one by one


class Added:
    """Sums for each clause, and after them for each passage, of which parts are still to be added."""

    def __init__(self, places: int, lookup: Lookup) -> None:
        self._sums = np.zeros((LANES, places))
        self._lookup = lookup
        self._parts: list[tuple[I64, U64]] = []
        self._hashed: list[tuple[I64, U64]] = []

    def add(self, where: I64, packed: U64) -> None:
        """Something for some places, each named as often as need be."""
        self._parts.append((where, packed))

    def add_hashed(self, where: I64, code: U64) -> None:
        """Features by their hashes, looked up together in the end."""
        self._hashed.append((where, code))

    def add_in_order(self, where: I64, packed: U64) -> None:
        """The same, quicker where there are many, for places that ascend."""
        if len(where) < _FEW:
            self.add(where, packed)
        else:
            change = np.ones(len(where), bool)
            np.not_equal(where[1:], where[:-1], out=change[1:])
            begin = change.nonzero()[0]
            self._sums[:, where.take(begin)] += add_up(packed, begin, ends_of(begin, len(where)) - begin)

    def total(self) -> Floats:
        if self._hashed:
            code = np.concatenate([code for _, code in self._hashed])
            self.add(np.concatenate([where for where, _ in self._hashed]), self._lookup.hashed(code) + ONE)
        where = np.concatenate([where for where, _ in self._parts])
        lanes = lanes_of(np.concatenate([packed for _, packed in self._parts]))
        for sums, lane in zip(self._sums, LANE_OF, strict=True):
            sums += np.bincount(where, lanes[:, lane], len(sums))
        return self._sums
