"""The characters of a batch of passages as one array, folded: what tokens are cut from.

Case, accents, curly quotes and dashes go; what is neither letter nor digit becomes a space. One code in is one code out,
so that offsets stay true. What each character becomes is looked up in tables that fill as characters are met.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["BREAK", "UPPER", "WORD", "Characters", "characters_of", "folded_text"]

WORD: Final = 1  # a letter or a digit
UPPER: Final = 2  # one of A to Z, accents taken off
BREAK: Final = 4  # punctuation that may part clauses, and what parts passages
_UNMET: Final = 128

_SPACE: Final = ord(" ")
_CODES: Final = 1 << 16  # above are characters that two units of UTF-16 stand for: looked at one by one
_lower = np.full(_CODES, _SPACE, np.uint16)
_sort = np.full(_CODES, _UNMET, np.uint8)


class Characters(NamedTuple):
    """Folded characters of passages joined by line feeds.

    Attributes
    ----------
    code : uint16 (characters,)
        In lower case, a space for what belongs to no word.
    sort : uint8 (characters,)
        Bits `WORD`, `UPPER` and `BREAK`.
    begin : int64 (passages,)
        Where each passage begins.
    """

    code: npt.NDArray[np.uint16]
    sort: npt.NDArray[np.uint8]
    begin: npt.NDArray[np.int64]

    def spelled(self, start: int = 0, end: int | None = None) -> str:
        """Some of the characters as text."""
        return self.code[start:end].astype("<u2").tobytes().decode("utf-16-le", "surrogatepass")


def characters_of(passages: Sequence[str]) -> Characters:
    """Folded characters of `passages`."""
    text = "\n".join(passages)
    if any(mark in text for mark in _LINK_MARKS):
        text = "\n".join(map(_without_links, passages))
    if "$" in text:
        text = _without_signs(text)
    length = np.fromiter(map(len, passages), np.int64, len(passages)) + 1
    code = _codes(text)
    sort = _sort.take(code)
    if len(code) != len(text) or (not text.isascii() and np.max(sort, initial=0) >= _UNMET):
        code = _met(text, code)
        sort = _sort.take(code)
    return Characters(_lower.take(code), sort, np.cumsum(length) - length)


def folded_text(text: str) -> str:
    """The text in lower case, accents off, each character that belongs to no word a space.

    >>> folded_text("The organisation’s Café, www.example.org")
    'the organisation s cafe  weblink        '
    """
    return characters_of([text]).spelled()


def _codes(text: str) -> npt.NDArray[np.uint8] | npt.NDArray[np.uint16]:
    """One number a character; the wrong number of them where some need two units of UTF-16."""
    if text.isascii():
        return np.frombuffer(text.encode("ascii"), np.uint8)
    return np.frombuffer(text.encode("utf-16-le", "surrogatepass"), np.dtype("<u2"))


def _met(text: str, code: npt.NDArray[np.uint8] | npt.NDArray[np.uint16]) -> npt.NDArray[np.uint16]:
    """Codes below `_CODES`, after the tables have learned those that they had not met."""
    if len(code) != len(text):
        wide = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.dtype("<u4")).copy()
        for far in np.unique(wide[wide >= _CODES]).tolist():
            wide[wide == far] = ord(_plain(chr(far)))
        code = wide.astype(np.uint16)
    for new in np.unique(code[_sort[code] >= _UNMET]).tolist():
        _learn(new)
    return np.asarray(code, np.uint16)


def _learn(code: int) -> None:
    plain = _plain(chr(code))
    lower = plain.lower()
    _lower[code] = ord(lower) if lower.isalnum() else _SPACE
    _sort[code] = WORD * lower.isalnum() | UPPER * ("A" <= plain <= "Z") | BREAK * (plain in ",;:\n")


def _plain(char: str) -> str:
    """The character without accents, typographic marks in their ASCII form; a space for what no word has."""
    if char in _MARKS:
        return _MARKS[char]
    base = unicodedata.normalize("NFKD", char)[:1] or char
    if len(base.lower()) != 1 or 0xD800 <= ord(char) <= 0xDFFF or not ord(base) < _CODES > ord(base.lower()):
        return " "
    return base


_MARKS: Final = dict(zip("‘’“”–—…ı", "''\"\",,.i", strict=True))
for _code in range(128):
    _learn(_code)

_LINK_MARKS: Final = ("://", "www.", "@")
_LINK: Final = re.compile(
    r"(?:https?://|www\.)\S+|(?<![^\s(<\[])[^\s@]+@[^\s@]+\.\w+"
)  # an address says nothing, whatever words it is made of
_SIGNS: Final = ("US$", "CA$", "AU$", "NZ$", "HK$")  # "US$5" is a figure, not a country


def _without_links(passage: str) -> str:
    if not any(mark in passage for mark in _LINK_MARKS):
        return passage
    return _LINK.sub(lambda link: "weblink"[: len(link[0])].ljust(len(link[0])), passage)


def _without_signs(text: str) -> str:
    for sign in _SIGNS:
        text = text.replace(sign, "  $")
    return text
