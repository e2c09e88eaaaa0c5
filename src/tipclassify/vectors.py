"""Vectors of words: a stem's, its class's and that of standing first in a clause, summed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tipclassify.words import I64, U64

__all__ = ["UNKNOWN", "WordVectors", "stem_keys"]

Floats = npt.NDArray[np.float32]

UNKNOWN: Final = 0  # row of `stem_vectors` for a stem that training did not know
_PLACE_BITS: Final = 16
_BLOCK: Final = 32
_SPREAD: Final = np.uint32(0x9E3779B1)


@dataclass(frozen=True)
class WordVectors:
    """Tables of vectors of `d` numbers.

    Attributes
    ----------
    stems : uint32 (v,)
        Keys of the known stems (`stem_keys`), ascending.
    stem_vectors : float32 (v + 1, d)
        Vector of each, after that of `UNKNOWN`.
    class_vectors : float32 (classes, d)
        Added for the class of the word in the lexicon.
    clause_vectors : float32 (2, d)
        Added for a word inside a clause, and for one that opens it.
    """

    stems: npt.NDArray[np.uint32]
    stem_vectors: Floats
    class_vectors: Floats
    clause_vectors: Floats

    def __getstate__(self) -> dict[str, object]:
        # Tables that were made for speed stay behind: they are made anew where they are wanted.
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def sort_of(self, stem: U64, kind: I64, opens: npt.NDArray[np.bool_]) -> I64:
        """One number for each word, int64 (n,), below `sorts`: words of one number have one vector."""
        return self.sort_of_row(self.row_of(stem), kind, opens)

    def sort_of_row(self, row: I64, kind: npt.NDArray[Any], opens: npt.NDArray[np.bool_]) -> I64:
        """The same from the row of the stem (`row_of`)."""
        sort = row * len(self.class_vectors)
        sort += kind
        sort *= 2
        sort += opens
        return sort

    def sorts_of_one(self, row: Sequence[int], kind: Sequence[int], opens: Sequence[bool]) -> I64:
        """The same for a few words."""
        classes = len(self.class_vectors)
        three = zip(row, kind, opens, strict=True)
        return np.array([2 * (at * classes + of) + begins for at, of, begins in three], np.int64)

    @property
    def sorts(self) -> int:
        """How many numbers `sort_of` has."""
        return len(self.stem_vectors) * len(self.class_vectors) * 2

    def of(self, sort: I64) -> Floats:
        """Vectors of some numbers, float32 (n, d)."""
        stem, kind = np.divmod(sort // 2, len(self.class_vectors))
        return np.asarray(self.stem_vectors[stem] + self.class_vectors[kind] + self.clause_vectors[sort % 2])

    def largest(self, filters: Floats) -> npt.NDArray[np.float64]:
        """Bound on the match of any words with each detector, float64 (k,); `filters` is (width, d, k)."""
        bound = np.zeros(filters.shape[2])
        for table in (self.stem_vectors, self.class_vectors, self.clause_vectors):
            padded = np.zeros((-(-len(table) // _BLOCK) * _BLOCK, table.shape[1]), np.float32)
            padded[: len(table)] = table
            blocks = padded.reshape(-1, _BLOCK, table.shape[1])  # too small for BLAS to start threads, which is dear
            for weights in filters:
                product = (blocks @ weights).reshape(len(padded), -1)
                bound += np.maximum(product.max(axis=0), -product.min(axis=0))
        return bound

    def row_of(self, stem: U64) -> I64:
        """Row of `stem_vectors` of each stem."""
        if not len(self.stems):
            return np.full(len(stem), UNKNOWN)
        key = stem_keys(stem)
        row = self._places[_place(key)]
        other = np.flatnonzero(self.stems[row - 1] != key)
        found = np.minimum(np.searchsorted(self.stems, key[other]), len(self.stems) - 1)
        row[other] = np.where(self.stems[found] == key[other], found + 1, UNKNOWN)
        return row

    @cached_property
    def _places(self) -> I64:
        """A guess at the row of each stem, by the upper bits of its hash: right unless two stems share them."""
        places = np.zeros(1 << _PLACE_BITS, np.int64)
        places[_place(self.stems)] = np.arange(1, len(self.stems) + 1)
        return places

    def to_arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        """Arrays for the model file, half-floats where float32 says no more."""
        tables = {name: getattr(self, name).astype(np.float16) for name in _TABLES}
        return {"stems": self.stems, **tables}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[np.generic]]) -> WordVectors:
        """The vectors in a model file; `KeyError` when some arrays are missing."""
        return cls(arrays["stems"].astype(np.uint32), *(arrays[name].astype(np.float32) for name in _TABLES))


def _place(key: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    return np.asarray(key * _SPREAD >> np.uint32(32 - _PLACE_BITS))


_TABLES: Final = ("stem_vectors", "class_vectors", "clause_vectors")


def stem_keys(stem: U64) -> npt.NDArray[np.uint32]:
    """Upper half of the hashes of stems, but for the stand-ins of names and figures, whose lower half tells them."""
    key = (stem >> np.uint64(32)).astype(np.uint32)
    return np.asarray(np.where(stem < 4, stem.astype(np.uint32), key))
