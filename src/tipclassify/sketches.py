"""What a text says, in numbers that can be compared fast: hashes of its words and word triples, and a short vector.

Names and figures are one word each, so that passages which differ in them only are the same.

Sources: signed hashing, Weinberger et al. 2009 (arXiv:0902.2206).
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["sketches_of", "triples_of", "words_of"]

U64 = npt.NDArray[np.uint64]

_WIDTH: Final = 1_024  # numbers of a sketch: cosines are right to about 0.03
_WORD: Final = re.compile(r"[^\W_]+")


def sketches_of(words: Sequence[U64]) -> npt.NDArray[np.float32]:
    """Unit vectors (m, _WIDTH) of words and pairs of words, rare ones foremost; their products are cosines."""
    grams = [np.concatenate([w, _mix(w[:-1] ^ _mix(w[1:]))]) for w in words]
    row = np.repeat(np.arange(len(grams)), [len(g) for g in grams])
    flat = np.concatenate(grams) if grams else np.zeros(0, np.uint64)
    _, which, count = np.unique(flat, return_inverse=True, return_counts=True)
    weight = np.log1p(len(words) / count[which]) * np.where(flat >> np.uint64(63), 1.0, -1.0)
    cell = row * _WIDTH + (flat % np.uint64(_WIDTH)).astype(np.int64)
    table = np.bincount(cell, weight, len(grams) * _WIDTH).reshape(len(grams), _WIDTH)
    length = np.linalg.norm(table, axis=1, keepdims=True)
    return np.asarray(table / np.maximum(length, 1e-12), np.float32)


@lru_cache(maxsize=100_000)  # a pool is ranked again after every batch of labels
def words_of(text: str) -> U64:
    """A hash of each word; all figures are one word, and so are all names (capitals inside the passage)."""
    found: list[str] = []
    for number, word in enumerate(_WORD.findall(text)):
        if word[0].isdigit():
            word = "0"
        elif number and word[0].isupper():
            word = "A"
        else:
            word = word.lower()
        if not (found and word == found[-1] and word in "0A"):  # a run of names is one name
            found.append(word)
    codes = np.fromiter((zlib.crc32(word.encode("utf-8", "surrogatepass")) for word in found), np.uint64, len(found))
    codes = _mix(codes)
    codes.setflags(write=False)  # shared by all who ask for it
    return codes


@lru_cache(maxsize=100_000)
def triples_of(text: str) -> U64:
    """A hash of each three words in a row; of all words where there are fewer."""
    words = words_of(text)
    if len(words) < 3:
        return np.bitwise_xor.reduce(words, keepdims=True) if len(words) else words
    return _mix(_mix(_mix(words[:-2]) ^ words[1:-1]) ^ words[2:])


def _mix(value: U64) -> U64:
    """Finalizer of splitmix64 (Steele, Lea and Flood 2014)."""
    value = value + np.uint64(0x9E3779B97F4A7C15)
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(value ^ (value >> np.uint64(31)))
