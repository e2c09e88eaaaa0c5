"""Properties of each distinct word, cached: a word seen before costs one table look-up.

Words are identified by a 64-bit rolling hash of their characters, computed for all words of a batch from one running sum: a
polynomial modulo 2**64 whose value for a span of text is a difference of two sums (Karp and Rabin 1987).
"""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import blake2b
from threading import Lock
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from tipclassify.characters import Characters, Codes
from tipclassify.lexicon import GEOGRAPHIC, class_of, phrase_classes

__all__ = [
    "DROPPED",
    "FIGURE",
    "GEO",
    "JOIN",
    "LEADS",
    "NAME",
    "NUMBER",
    "OF",
    "PLAIN",
    "STATE",
    "STRANGE",
    "THE",
    "Columns",
    "VocabularyTable",
    "WordTable",
    "american",
    "grown",
    "hash_word",
    "word_table",
]

U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

NUMBER: Final = 1  # the hash that stands for every figure
NAME: Final = 2  # and for every name

# Properties of a word, as bits.
FIGURE: Final = 1
JOIN: Final = 2  # joins the parts of a name
GEO: Final = 4  # belongs to a name when capitalised
PLAIN: Final = 8  # "the", "and", "of": no name whatever their case
STRANGE: Final = 16  # in neither the lexicon nor the vocabulary
DROPPED: Final = 32  # a single letter
STATE: Final = 64
OF: Final = 128
THE: Final = 256
LEADS: Final = 512  # begins a two-word entry of the lexicon

_FIGURES: Final = frozenset(
    """two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million billion
    dozen dozens hundreds thousands dollar dollars euro euros pound pounds usd eur
    rupee rupees franc francs peso pesos dinar dinars dirham dirhams riyal riyals rial rials shilling shillings yen yuan
    baht dong birr kyat taka naira cedi cedis kwacha rand lek lei leu leva lev zloty koruna kroner krona rubles ruble
    hryvnia lari tenge som somoni manat afghani ringgit rupiah riel kip won tugrik real reais bolivares quetzales
    lempiras cordobas colones soles gourdes gourde january february march april
    june july august september october november december""".split()
)
_LONGEST: Final = 40  # letters of a word that is respelled
_JOINING: Final = frozenset("and of the de du la le da do del dos el al au aux es sur".split())
_BITS: Final = {"the": THE | PLAIN, "of": OF | PLAIN, "and": PLAIN, "state": STATE}
_LEADING: Final = frozenset(first for first, _ in phrase_classes())
_BRITISH: Final = tuple(
    (re.compile(pattern), plain)
    for pattern, plain in (
        (r"^(lab|fav|col|hon|neighb|harb|behavi|endeav)our", r"\1or"),
        (r"^(\w{3,}|un\w+)is(e|ed|es|ing|ation|ations|ational|er|ers)$", r"\1iz\2"),
        (r"^program(me|med)$", "program"),
        (r"^programmes$", "programs"),
        (r"^(cent|theat|fib)re(s?)$", r"\1er\2"),
        (r"^(defen|offen|licen)c(e|es|ed|ing)$", r"\1s\2"),
        (r"^(trave|labe|counse|mode|cance|signa|marsha)ll(ing|ed|er|ers|or|ors)$", r"\1l\2"),
        (r"^(fulfil|enrol|instal|instil)(ment|ments|s)$", r"\1l\2"),
        (r"^judgement", "judgment"),
        (r"^cheque", "check"),
    )
)
# Prefilter: found in every word that one of the patterns changes, and in few others.
_MAYBE_BRITISH: Final = re.compile(r"our|is[ei]|isat|program|[tb]re|[ns]c[ei]|ll[ieo]|il[ms]|ol[ms]|instal|judge|cheq")


def hash_word(text: str) -> int:
    """Hash a folded word, below 2**64; never `NUMBER` or `NAME`."""
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little") | 4


def american(word: str) -> str:
    """Respell a folded word the American way.

    >>> american("organisation"), american("labour"), american("police")
    ('organization', 'labor', 'police')
    """
    if len(word) > _LONGEST or not _MAYBE_BRITISH.search(word):
        return word  # a long one is an encoded key or picture, on which the patterns would take forever
    for pattern, plain in _BRITISH:
        word, done = pattern.subn(plain, word)
        if done:
            break
    return word


class Columns(NamedTuple):
    """Properties of words, one row a word: its hash and that of its stem (the first five letters), its lexicon class, and
    the bits `FIGURE` to `LEADS`.
    """

    word: U64
    stem: U64
    kind: npt.NDArray[np.uint8]
    bits: npt.NDArray[np.uint16]


class VocabularyTable:
    """Numbers of words, by hash: two hash tables with a slot each, and a dictionary for words whose two slots are taken.

    Number 0 stands for every name.

    Attributes
    ----------
    columns : Columns
        Properties by number; preallocated, so rows from `count` on are empty.
    count : int
    """

    def __init__(self) -> None:
        self.numbers: dict[int, int] = {}
        self.count = 1
        self.columns = Columns(
            np.zeros(_ROOM, np.uint64),
            np.zeros(_ROOM, np.uint64),
            np.zeros(_ROOM, np.uint8),
            np.zeros(_ROOM, np.uint16),
        )
        self.columns.word[0] = self.columns.stem[0] = NAME
        self._keys = np.zeros(_ROOM, np.uint64)
        self._number = np.zeros((2, 1 << _SLOTS), np.int32)

    def find(self, code: U64) -> tuple[I64, Bools]:
        """Look up the number of each word, and whether it was found; words without a slot are only in `numbers`."""
        number = self._number[0].take((code >> _TO_SLOT).view(np.int64)).astype(np.int64)
        right = self._keys.take(number) == code  # in this order: a number is published after its key
        if np.count_nonzero(right) < len(right):
            other = (~right).nonzero()[0]
            keys = code.take(other)
            second = self._number[1].take(((keys << _OTHER_BITS) >> _TO_SLOT).view(np.int64))
            number[other] = second
            right[other] = self._keys.take(second) == keys
        return number, right

    def add(self, keys: list[int], about: list[tuple[int, int, int, int]]) -> None:
        """Add new words; slots are written last, as other threads may be reading."""
        new = [(key, row) for key, row in zip(keys, about, strict=True) if key not in self.numbers]
        first, last = self.count, self.count + len(new)
        if last > len(self._keys):
            room = max(last, 2 * len(self._keys))
            self._keys = grown(self._keys, room)
            self.columns = Columns(*(grown(column, room) for column in self.columns))
        self._keys[first:last] = np.array([key for key, _ in new], np.uint64)
        rows = np.array([row for _, row in new], np.uint64).reshape(-1, len(self.columns))
        word, stem, kind, bits = self.columns
        word[first:last], stem[first:last], kind[first:last], bits[first:last] = rows.T
        self.count = last
        for number, (key, _) in enumerate(new, first):
            self.numbers[key] = number
            places = key >> int(_TO_SLOT), (key << int(_OTHER_BITS) & _WORD) >> int(_TO_SLOT)
            for numbers, place in zip(self._number, places, strict=True):
                if not numbers[place]:
                    numbers[place] = number
                    break


class WordTable:
    """Words seen so far, given a vocabulary of words known in lower case."""

    def __init__(self, vocabulary: frozenset[str]) -> None:
        self._vocabulary = vocabulary
        self._lock = Lock()
        self._table = VocabularyTable()

    def look_up(self, text: Characters, start: I64, end: I64) -> tuple[I64, VocabularyTable]:
        """Number the words ``text.code[start:end]``; return the table of their properties too."""
        table = self._table
        if table.count > _MOST_WORDS:  # endless text must not fill the memory
            self._table = table = VocabularyTable()
        code = _hashes(text.code, start, end)
        number, right = table.find(code)
        if np.count_nonzero(right) < len(right):
            missing = (~right).nonzero()[0]
            keys = code[missing].tolist()
            new = {key: at for key, at in zip(keys, missing.tolist(), strict=True) if key not in table.numbers}
            if new:
                at = list(new.values())
                about = [_about(word, self._vocabulary) for word in text.words(start[at], end[at])]
                with self._lock:
                    table.add(list(new), about)
            number[missing] = [table.numbers[key] for key in keys]
        return number, table


@lru_cache(maxsize=8)
def word_table(vocabulary: frozenset[str]) -> WordTable:
    """Table of a vocabulary, one for each in a process."""
    return WordTable(vocabulary)


def grown(column: npt.NDArray[Any], room: int) -> npt.NDArray[Any]:
    """Pad a column with zero rows to `room` rows."""
    more = np.zeros((room, *column.shape[1:]), column.dtype)
    more[: len(column)] = column
    return more


_SLOTS: Final = 17  # bits of the slot of a word in a hash table
_TO_SLOT: Final = np.uint64(64 - _SLOTS)
_OTHER_BITS: Final = np.uint64(_SLOTS)  # the second slot comes from other bits than the first
_WORD: Final = (1 << 64) - 1
_ROOM: Final = 1 << 12
_MOST_WORDS: Final = 1 << 17


def _about(word: str, vocabulary: frozenset[str]) -> tuple[int, int, int, int]:
    """Word hash, stem hash, lexicon class and bits of a folded word."""
    word = american(word)
    if word[0].isdigit() or word in _FIGURES:
        return NUMBER, NUMBER, 0, FIGURE
    if len(word) == 1 and word != "a":
        return 0, 0, 0, DROPPED | STRANGE * (word not in vocabulary)
    kind = class_of(word)
    bits = JOIN if word in _JOINING else GEO if word in GEOGRAPHIC else 0
    bits |= _BITS.get(word, 0)
    bits |= STRANGE * (not kind and word not in vocabulary) | LEADS * (word in _LEADING)
    return hash_word(word), hash_word(word[:5] + "*"), kind, bits


# --------------------------------------------------------------------------------------------- hashes of words

_BASE: Final = 0x9E3779B97F4A7C15
_MIXER: Final = np.uint64(0xD6E8FEB86659FD93)
_HALF: Final = np.uint64(32)
_BLOCK: Final = 16_384  # characters
_powers: tuple[U64, U64] = (np.ones(1, np.uint64), np.ones(1, np.uint64))


def _hashes(code: Codes, start: I64, end: I64) -> U64:
    """Hash the characters of each word, independent of its position."""
    value = np.empty(len(start), np.uint64)
    first = 0
    while first < len(start):  # in blocks: temporary arrays stay in the processor's cache
        begin = int(start[first])
        last = max(first + 1, int(end.searchsorted(begin + _BLOCK)))
        _hash_block(code, start[first:last], end[first:last], begin, value[first:last])
        first = last
    value ^= value >> _HALF
    value *= _MIXER
    return value


def _hash_block(code: Codes, start: I64, end: I64, begin: int, out: U64) -> None:
    """Polynomials of the words of a block, which begins with the first of them, into `out`."""
    letters = code[begin : int(end[-1])]
    power, inverse = _powers_to(len(letters))
    sums = np.empty(len(letters) + 1, np.uint64)
    sums[0] = 0
    np.add.accumulate(letters * power[: len(letters)], out=sums[1:])
    start, end = start - begin, end - begin
    np.subtract(sums.take(end), sums.take(start), out=out)
    out *= inverse.take(start)


def _powers_to(number: int) -> tuple[U64, U64]:
    """First powers of `_BASE` and of its inverse modulo 2**64, at least `number` of them."""
    global _powers
    if len(_powers[0]) < number:
        most = 1 << max(
            12, number.bit_length()
        )  # doubled as needed: the first sentence must not wait for a book's worth
        _powers = tuple(_running_powers(base, most) for base in (_BASE, pow(_BASE, -1, 1 << 64)))  # type: ignore[assignment]
    return _powers


def _running_powers(base: int, number: int) -> U64:
    factors = np.full(number, base, np.uint64)
    factors[:1] = 1
    return np.cumprod(factors, dtype=np.uint64)
