"""The characters of a batch of passages as one array, folded: what tokens are cut from.

Case, accents, curly quotes and dashes go; what is neither letter nor digit becomes a space, or a line feed where it may part
clauses. One code in is one code out, so that offsets stay true. Plain English is folded by `bytes.translate`; what is not ASCII is
looked up in tables that fill as characters are met.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["BREAK", "SPACE", "Characters", "Codes", "characters_of", "folded_text"]

Codes = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
Bools = npt.NDArray[np.bool_]

BREAK: Final = ord("\n")  # stands for punctuation that may part clauses, and for what parts passages
SPACE: Final = ord(" ")  # for all else that belongs to no word; codes of letters and digits are above

_APART: Final = 2_000  # characters that are made text in the time of a word by itself
_CODES: Final = 1 << 16  # above are characters that two units of UTF-16 stand for: looked at one by one
_lower = np.zeros(_CODES, np.uint16)  # 0: not met so far
_upper = np.zeros(_CODES, bool)


class Characters(NamedTuple):
    """Folded characters of passages joined by line feeds.

    Attributes
    ----------
    code : uint8 or uint16 (characters,)
        In lower case; `SPACE` or `BREAK` for what belongs to no word.
    met : uint8 or uint16 (characters,)
        As they were met.
    begin : int64 (passages,)
        Where each passage begins.
    """

    code: Codes
    met: Codes
    begin: npt.NDArray[np.int64]

    def spelled(self, start: int = 0, end: int | None = None) -> str:
        """Some of the characters as text."""
        code = self.code[start:end]
        if code.itemsize == 1:
            text = code.tobytes().decode("latin-1")
        else:
            text = code.astype("<u2").tobytes().decode("utf-16-le", "surrogatepass")
        return text.replace("\n", " ")

    def words(self, start: npt.NDArray[np.int64], end: npt.NDArray[np.int64]) -> list[str]:
        """Stretches of the characters as text."""
        pairs = zip(start.tolist(), end.tolist(), strict=True)
        if len(start) * _APART < len(self.code):
            return [self.spelled(a, b) for a, b in pairs]
        whole = self.spelled()  # many: to make text of all is quicker
        return [whole[a:b] for a, b in pairs]

    def capital(self, at: npt.NDArray[np.int64]) -> Bools:
        """Which of the characters `at` are one of A to Z, accents taken off."""
        return _upper.take(self.met.take(at))


def characters_of(passages: Sequence[str], length: npt.NDArray[np.int64] | None = None) -> Characters:
    """Folded characters of `passages`; `length` is that of each, where it is known."""
    if length is None:
        length = np.fromiter(map(len, passages), np.int64, len(passages))
    end = (length + 1).cumsum()
    begin = end - length
    begin -= 1
    text = "\n".join(passages)
    met = _codes(text)
    if "@" in text or _may_link(text, met):
        text = _without_links(text, passages, end)
        met = _codes(text)
    code = _folded(met)
    if "$" in text:
        _drop_signs(text, code)
    return Characters(code, met, begin)


def folded_text(text: str) -> str:
    """The text in lower case, accents off, each character that belongs to no word a space.

    >>> folded_text("The organisation’s Café, www.example.org")
    'the organisation s cafe  weblink        '
    """
    return characters_of([text]).spelled()


def _codes(text: str) -> Codes:
    """One code below `_CODES` a character."""
    if text.isascii():
        return np.frombuffer(text.encode("ascii"), np.uint8)
    code = np.frombuffer(text.encode("utf-16-le", "surrogatepass"), np.dtype("<u2"))
    if len(code) != len(text):  # some took two units
        wide = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.dtype("<u4")).copy()
        for far in set(wide[wide >= _CODES].tolist()):  # `np.unique` would import masked arrays first
            wide[wide == far] = ord(_plain(chr(far)))
        code = wide.astype(np.uint16)
    return np.asarray(code, np.uint16)


def _folded(met: Codes) -> Codes:
    """Folded codes; the tables learn what they had not met."""
    code: Codes = np.frombuffer(bytearray(met.astype(np.uint8).tobytes()).translate(_ASCII), np.uint8)
    if met.itemsize == 1:
        return code
    beyond = (met >= _ASCII_CODES).nonzero()[0]
    far = met.take(beyond)
    lower = _lower.take(far)
    if np.count_nonzero(lower) < len(lower):
        for new in set(far[lower == 0].tolist()):
            _learn(new)
        lower = _lower.take(far)
    if np.max(lower, initial=0) > np.iinfo(np.uint8).max:
        code = code.astype(np.uint16)
    code[beyond] = lower
    return code


def _learn(code: int) -> None:
    plain = _plain(chr(code))
    lower = plain.lower()
    _upper[code] = "A" <= plain <= "Z"
    _lower[code] = ord(lower) if lower.isalnum() else BREAK if plain in ",;:\n" else SPACE  # last: now it is met


def _plain(char: str) -> str:
    """The character without accents, typographic marks in their ASCII form; a space for what no word has."""
    if char in _MARKS:
        return _MARKS[char]
    base = unicodedata.normalize("NFKD", char)[:1] or char
    if len(base.lower()) != 1 or 0xD800 <= ord(char) <= 0xDFFF or not ord(base) < _CODES > ord(base.lower()):
        return " "
    return base


_MARKS: Final = dict(zip("‘’“”–—…ı", "''\"\",,.i", strict=True))
_ASCII_CODES: Final = 128
for _code in range(_ASCII_CODES):
    _learn(_code)
_ASCII: Final = _lower[:_ASCII_CODES].astype(np.uint8).tobytes() + bytes([SPACE]) * _ASCII_CODES

_SHORT: Final = 4_096  # characters of a text in which to find is as quick as to compare
_LINK_MARKS: Final = ("://", "www.", "@")
_LINK: Final = re.compile(
    r"(?:https?://|www\.)\S+|(?<![^\s(<\[])[^\s@]+@[^\s@]+\.\w+"
)  # an address says nothing, whatever words it is made of
_SIGNS: Final = frozenset({"US", "CA", "AU", "NZ", "HK"})  # "US$5" is a figure, not a country


def _may_link(text: str, met: Codes) -> bool:
    """Whether "//" or "www" is there, in a third of the time that finding them in the text takes."""
    if len(text) < _SHORT:
        return "//" in text or "www" in text
    slash, w = met == ord("/"), met == ord("w")
    return bool(np.count_nonzero(slash[1:] & slash[:-1]) or np.count_nonzero(w[2:] & w[1:-1] & w[:-2]))


def _without_links(text: str, passages: Sequence[str], end: npt.NDArray[np.int64]) -> str:
    """The text with addresses made one word; `end` is where each passage ends in it, a line feed counted."""
    rows = set()
    for mark in _LINK_MARKS:
        at = text.find(mark)
        while at >= 0:
            row = int(end.searchsorted(at, "right"))
            rows.add(row)
            at = text.find(mark, int(end[row]))
    changed = list(passages)
    for row in rows:
        changed[row] = _LINK.sub(lambda link: "weblink"[: len(link[0])].ljust(len(link[0])), changed[row])
    return "\n".join(changed)


def _drop_signs(text: str, code: Codes) -> None:
    """Make the letters of currency signs spaces."""
    at = text.find("$")
    while at >= 0:
        if at > 1 and text[at - 2 : at] in _SIGNS:
            code[at - 2 : at] = SPACE
        at = text.find("$", at + 1)
