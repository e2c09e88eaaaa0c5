"""Fold characters, split passages into words, and look up each word's properties.

Case and accents are removed; each character keeps its place, so that offsets stay valid. Words are
identified by a 64-bit polynomial hash, a difference of two prefix sums (Karp and Rabin 1987):
Python code runs only for new words.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from threading import Lock
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from tipclassify.arrays import U64, Bools, Ints
from tipclassify.text.lexicon import PHRASES, WORDS, class_of

U16 = npt.NDArray[np.uint16]

NUMBER: Final = 1  # hash shared by all figures
NAME: Final = 2  # hash shared by all names
FACTOR: Final = np.array(
    [0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93], np.uint64
)
"""Odd factors of a multilinear hash (Lemire and Kaser 2014), one for each place in an n-gram."""


class WordFlag:
    """Bit flags of a word's properties."""

    FIGURE: Final = 1
    JOINER: Final = 2  # connects the parts of a name
    GEO: Final = 4  # part of a name if capitalised
    PLAIN: Final = 8  # "the", "and", "of": no names in any case
    UNKNOWN: Final = 16  # in neither lexicon nor vocabulary
    DROPPED: Final = 32  # a single letter
    STATE: Final = 64
    OF: Final = 128
    THE: Final = 256
    PHRASE_START: Final = 512  # first word of a two-word lexicon entry
    IMPERATIVE: Final = 1_024  # a verb that opens a recommendation
    ADVERB: Final = 2_048  # may stand before it


_FIGURE_WORDS: Final = frozenset(WORDS["figures"])
# words of each property
_FLAGGED: Final = (
    (WordFlag.PLAIN, frozenset(("the", "of", "and"))),
    (WordFlag.STATE, frozenset(("state",))),
    (WordFlag.OF, frozenset(("of",))),
    (WordFlag.THE, frozenset(("the",))),
    (WordFlag.JOINER, frozenset(WORDS["joiners"])),
    (WordFlag.GEO, frozenset(WORDS["geographic"]) - frozenset(WORDS["joiners"])),
    (WordFlag.PHRASE_START, frozenset(first for first, _ in PHRASES)),
    (WordFlag.IMPERATIVE, frozenset(WORDS["imperatives"])),
    (WordFlag.ADVERB, frozenset(WORDS["adverbs"])),
)
_MOST_WORDS: Final = 1 << 17

_SLOT_BITS: Final = 17
_TO_SLOT: Final = np.uint64(64 - _SLOT_BITS)
_BASE: Final = 0x9E3779B97F4A7C15
_MIXER: Final = np.uint64(0xD6E8FEB86659FD93)
_HALF: Final = np.uint64(32)
_BLOCK: Final = 2_048  # words; their characters fit into the processor's cache

BREAK: Final = ord("\n")  # possible clause boundary, and separator of passages
SPACE: Final = ord(" ")  # any other character outside words; letters and digits have higher codes

_TYPOGRAPHIC: Final = dict(zip("‘’“”–—…ı", "''\"\",,.i", strict=True))
_PLANE: Final = 1 << 16  # code points of the basic plane; folded characters lie in it
# folded code of each character; 0: not yet computed
_lower: Final = np.zeros(0x110000, np.dtype("<u2"))
_upper: Final = np.zeros(0x110000, bool)

_LINK_MARKS: Final = ("://", "www.", "@")
# Links and e-mail addresses are no evidence, whatever words they contain.
_LINK: Final = re.compile(r"(?:https?://|www\.)\S+|(?<![^\s(<\[])[^\s@]{1,64}@[^\s@]+\.\w+")
_INVISIBLE: Final = "\xad"  # the soft hyphen stands for all characters that are not seen
_CURRENCIES: Final = ("US$", "CA$", "AU$", "NZ$", "HK$")  # "US$5" is a figure, not a country


class FoldedTextBatch:
    """Folded characters of a batch of passages, joined by line feeds.

    A line break inside a passage is a space.
    `code` has folded codes, uint16, `SPACE` or `BREAK` outside words; `begin` the offset of each
    passage; `start` and `end` those of each word, half-open.

    >>> FoldedTextBatch(["The organisation’s Café, www.example.org"]).words()
    ['the', 'organisation', 's', 'cafe', 'weblink']
    """

    def __init__(self, passages: Sequence[str]) -> None:
        text = "\n".join(passages)
        if text.count("\n") >= len(passages):
            # where a line was wrapped is no clause boundary; one for one, so that offsets hold
            passages = [passage.replace("\n", " ") for passage in passages]
            text = "\n".join(passages)
        if _may_have_link(text):
            text = "\n".join(map(_hide_links, passages))
        for currency in _CURRENCIES:
            text = text.replace(currency, "  $")
        self._cased = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.dtype("<u4"))
        self.code = _fold(self._cased)
        length = np.fromiter(map(len, passages), np.int64, len(passages))
        self.begin = np.cumsum(length + 1) - length - 1
        inside = np.zeros(len(self.code) + 2, bool)
        inside[1:-1] = self.code > SPACE
        edges = np.flatnonzero(inside[1:] != inside[:-1])
        self.start = edges[::2].copy()
        self.end = edges[1::2].copy()

    def words(self, at: Ints | None = None) -> list[str]:
        """Return the spelling of the words with indices `at`, in that order, or of all words."""
        start = self.start if at is None else self.start[at]
        end = self.end if at is None else self.end[at]
        letters = self.code.tobytes().decode("utf-16-le", "surrogatepass")
        spans = zip(start.tolist(), end.tolist(), strict=True)
        return [letters[a:b].replace(_INVISIBLE, "") for a, b in spans]

    def are_capitals(self, at: Ints) -> Bools:
        """Test which characters at offsets `at` are capitals A to Z, accents ignored."""
        return _upper.take(self._cased.take(at))

    def are_any(self, marks: str, at: Ints) -> Bools:
        """Test which characters at offsets `at` are among `marks`."""
        return np.isin(self._cased.take(at), np.array(list(map(ord, marks)), np.uint32))


def _may_have_link(text: str) -> bool:
    return any(mark in text for mark in _LINK_MARKS)


def _hide_links(passage: str) -> str:
    """Replace each link by "weblink", cut or padded to its length, so that offsets stay valid."""
    if not _may_have_link(passage):
        return passage
    return _LINK.sub(lambda link: "weblink"[: len(link[0])].ljust(len(link[0])), passage)


def _fold(cased: npt.NDArray[np.uint32]) -> U16:
    """Fold codes by a table that is filled on demand."""
    code = _lower.take(cased)
    new = cased[code == 0]
    if not len(new):
        return code
    for code_point in set(new.tolist()):  # `np.unique` would import masked arrays first
        plain = _fold_character(chr(code_point))
        _upper[code_point] = "A" <= plain <= "Z"
        lower = plain.lower()
        if unicodedata.category(chr(code_point)) == "Cf":  # not seen: does not part a word
            _lower[code_point] = ord(_INVISIBLE)
        elif lower.isalnum():
            _lower[code_point] = ord(lower)
        else:
            _lower[code_point] = BREAK if plain in ",;:\n" else SPACE
    return _lower.take(cased)


def _fold_character(char: str) -> str:
    """Strip accents, and map typographic punctuation to ASCII."""
    if char in _TYPOGRAPHIC:
        return _TYPOGRAPHIC[char]
    base = unicodedata.normalize("NFKD", char)[:1] or char
    is_surrogate = 0xD800 <= ord(char) <= 0xDFFF
    if len(base.lower()) != 1 or is_surrogate or max(ord(base), ord(base.lower())) >= _PLANE:
        return " "
    return base


MAX_RESPELLED: Final = 40  # letters; longer words are not respelled
BRITISH: Final = tuple(
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
"""Patterns of British spellings, and the American one of each; the first that matches holds."""
_ANY_BRITISH: Final = re.compile("|".join(pattern.pattern for pattern, _ in BRITISH))


def hash_word(text: str) -> int:
    """Hash a folded word to 64 bits, never `NUMBER` or `NAME`."""
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little") | 4


def american(word: str) -> str:
    """Convert a folded word to American spelling.

    >>> [american(word) for word in ("organisation", "labour", "police")]
    ['organization', 'labor', 'police']
    """
    if len(word) > MAX_RESPELLED or not _ANY_BRITISH.match(word):
        return word  # longer ones are encoded keys or pictures, too slow for the patterns
    for pattern, plain in BRITISH:
        word, done = pattern.subn(plain, word)
        if done:
            break
    return word


def _properties(word: str, vocabulary: frozenset[str]) -> tuple[int, int, int, int]:
    """Look up a folded word's hash, the hash of its stem, its class and its flags."""
    word = american(word)
    if word[:1].isdigit() or word in _FIGURE_WORDS:
        return NUMBER, NUMBER, 0, WordFlag.FIGURE
    is_dropped = len(word) < 2 and word != "a"
    kind = 0 if is_dropped else class_of(word)
    bits = 0 if kind or word in vocabulary else WordFlag.UNKNOWN
    if is_dropped:
        return 0, 0, 0, bits | WordFlag.DROPPED
    bits += sum(flag for flag, words in _FLAGGED if word in words)
    return hash_word(word), hash_word(word[:5] + "*"), kind, bits


class WordColumns(NamedTuple):
    """Properties of words, by number."""

    word: U64  # hash
    stem: U64  # hash of the first five letters
    kind: Ints  # lexicon class
    bits: U16  # of `WordFlag`


class VocabularyTable:
    """Numbers and properties of the words seen so far.

    `vocabulary` holds the known lower-case words. Number 0 is shared by all names. Returned arrays
    never change; a full table begins anew. Thread-safe.
    """

    def __init__(self, vocabulary: frozenset[str]) -> None:
        self._vocabulary = vocabulary
        self._lock = Lock()
        self._clear()

    def _clear(self) -> None:
        self._numbers: dict[int, int] = {}
        self._slots = np.zeros(1 << _SLOT_BITS, np.int64)  # number of the first word of each slot
        self._keys = np.zeros(1, np.uint64)  # character hash, by number
        name = np.array([NAME], np.uint64)
        self.columns = WordColumns(name, name, np.zeros(1, np.int64), np.zeros(1, np.uint16))

    def __len__(self) -> int:
        return len(self._keys)

    def look_up(self, text: FoldedTextBatch) -> tuple[Ints, WordColumns]:
        """Look up the numbers of a text's words, int64 (words,); also return their properties."""
        code = _hashes(text)
        with self._lock:
            if len(self) > _MOST_WORDS:
                self._clear()
            number = self._slots.take((code >> _TO_SLOT).view(np.int64))
            # a new word, or a slot collision
            missing = np.flatnonzero(self._keys.take(number) != code)
            if len(missing):
                keys = code[missing].tolist()
                place_of_new = {
                    key: place
                    for key, place in zip(keys, missing.tolist(), strict=True)
                    if key not in self._numbers
                }
                if place_of_new:
                    places = np.array(list(place_of_new.values()))
                    self._add(list(place_of_new), text.words(places))
                number[missing] = [self._numbers[key] for key in keys]
            return number, self.columns

    def _add(self, keys: list[int], words: list[str]) -> None:
        for number, key in enumerate(keys, len(self)):
            self._numbers[key] = number
            slot = key >> int(_TO_SLOT)
            self._slots[slot] = self._slots[slot] or number
        self._keys = np.append(self._keys, np.array(keys, np.uint64))
        properties = [_properties(word, self._vocabulary) for word in words]
        word, stem, kind, bits = zip(*properties, strict=True)
        old = self.columns
        self.columns = WordColumns(
            word=np.append(old.word, np.array(word, np.uint64)),
            stem=np.append(old.stem, np.array(stem, np.uint64)),
            kind=np.append(old.kind, np.array(kind, np.int64)),
            bits=np.append(old.bits, np.array(bits, np.uint16)),
        )


vocabulary_table = lru_cache(maxsize=8)(VocabularyTable)  # one for all of the process


def _hashes(text: FoldedTextBatch) -> U64:
    """Hash the characters of each word, uint64 (words,), independent of its position."""
    value = np.empty(len(text.start), np.uint64)
    for first in range(0, len(value), _BLOCK):
        block = slice(first, first + _BLOCK)
        block_start = int(text.start[first])
        block_end = int(text.end[block][-1])
        length = block_end - block_start
        start = text.start[block] - block_start
        end = text.end[block] - block_start
        power, inverse = _powers(length.bit_length())
        prefix_sums = np.zeros(length + 1, np.uint64)
        np.cumsum(text.code[block_start:block_end] * power[:length], out=prefix_sums[1:])
        value[block] = (prefix_sums.take(end) - prefix_sums.take(start)) * inverse.take(start)
    return (value ^ (value >> _HALF)) * _MIXER


@lru_cache(maxsize=4)
def _powers(bits: int) -> tuple[U64, U64]:
    """Compute the first ``2**bits`` powers of `_BASE` and of its inverse, modulo 2**64."""
    factors = np.ones((2, 1 << bits), np.uint64)
    factors[0, 1:] = _BASE
    factors[1, 1:] = pow(_BASE, -1, 1 << 64)
    power, inverse = np.cumprod(factors, axis=1, dtype=np.uint64)
    return power, inverse
