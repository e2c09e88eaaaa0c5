"""Bytes of a text in, the name of its encoding out.

UTF-8, UTF-16 and UTF-32 give themselves away. The one-byte encodings do not: each makes letters of the same bytes. A
guesser for all languages is often wrong here, since an English report has nothing but quotation marks and a few foreign
names to go by. So the few encodings that such a report comes in are each tried, and the one wins that puts quotation
marks where words begin and end and makes words that some alphabet can spell.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Iterator
from itertools import islice
from typing import Final

__all__ = ["BYTE_ORDER_MARKS", "guess_encoding", "is_binary", "wide_encoding"]

# The mark of UTF-32 begins with that of UTF-16, so it is tried first.
BYTE_ORDER_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
"""First bytes of a file that tell its encoding."""

# In order of how common they are: the first of equals wins. Latin-1 text is Windows-1252 text.
_CANDIDATES: Final = ("cp1252", "mac_roman", "cp1250", "iso8859_2", "cp1254", "cp850")

# What each writes beyond a to z; a word takes its letters from one of them.
_ALPHABETS: Final = tuple(
    frozenset(letters)
    for letters in (
        "àâæçéèêëîïôœùûü",  # French
        "áéíñóúüçàèòï",  # Spanish, Catalan
        "ãáàâçéêíóôõúü",  # Portuguese
        "äöüß",  # German
        "åäöæøéü",  # Nordic
        "áðéíóúýþæö",  # Icelandic
        "àèéìíîòóùú",  # Italian
        "ąćęłńóśźż",  # Polish
        "áčďéěíňóřšťúůýž",  # Czech
        "áäčďéíĺľňóôŕšťúýž",  # Slovak
        "áéíóöőúüű",  # Hungarian
        "ăâîşţșț",  # Romanian
        "čćđšžé",  # Croatian
        "çğıiöşüâîû\u0307",  # Turkish; the last is what İ leaves when it is lowered
    )
)
_ALONE: Final = frozenset("àáèéíóúý")  # one-letter words
_OPENING: Final = frozenset("“‘„«‹")
_CLOSING: Final = frozenset("”’»›")
_MONEY: Final = frozenset("€£¥¢")
_MARKS: Final = frozenset("…•·§¶†¡¿™®")
_SIGNS: Final = frozenset("°©½¼¾×±ªº²³¹‰")
_DASHES: Final = frozenset("–—")
_NEAR: Final = 40
_BEYOND: Final = re.compile(rb"[\x80-\xff]\S{0,%d}" % _NEAR)
_ASCII: Final = frozenset(map(chr, range(128)))
_WORD: Final = re.compile(r"[^\W\d_]+")
_MOST_RUNS: Final = 20_000
_ONE_LANGUAGE: Final = 0.1  # a word: the names of a report are mostly of one language; this breaks ties only
_SIGN: Final = 1.2  # a quotation mark in its place says more than a word that some alphabet can spell
_NO_CONTROLS: Final = bytes({*range(256)} - {*range(9), *range(14, 26), *range(28, 32), 127})
_MOST_CONTROLS: Final = 0.02  # of the bytes of a text
_ENOUGH: Final = 0.5  # mean of a run; below, none of the candidates makes sense of the text


def wide_encoding(data: bytes) -> str | None:
    """UTF-16 or UTF-32 without a byte-order mark, by where the zeros of its English letters stand.

    >>> wide_encoding("Police arrested nine.".encode("utf-16-be"))
    'utf-16-be'
    """
    head = data[:4_000]
    quarter = len(head) // 4
    if quarter < 1 or head.count(0) < quarter:
        return None
    zeros = [head[place::4].count(0) > quarter * 0.7 for place in range(4)]
    wide = {
        (False, True, True, True): "utf-32-le",
        (True, True, True, False): "utf-32-be",
        (False, True, False, True): "utf-16-le",
        (True, False, True, False): "utf-16-be",
    }
    return wide.get((zeros[0], zeros[1], zeros[2], zeros[3]))


def is_binary(data: bytes) -> bool:
    """Whether bytes are no text in UTF-8 or a one-byte encoding: zeros, or control characters beyond white space and escape.

    >>> is_binary(b"Police\\r\\n"), is_binary(b"\\x89PNG\\x00")
    (False, True)
    """
    controls = data.translate(None, _NO_CONTROLS)
    return b"\0" in controls or len(controls) > _MOST_CONTROLS * len(data)


def guess_encoding(data: bytes) -> str | None:
    """The one-byte encoding in which `data` makes most sense, or None.

    >>> guess_encoding("the “harbor gossip” of José Peña’s office".encode("mac_roman"))
    'mac_roman'
    """
    runs = list(dict.fromkeys(islice(_runs(data), _MOST_RUNS)))
    joined = b"\n".join(runs)
    best, most = None, _ENOUGH * len(runs)
    for encoding in _CANDIDATES:
        score = _sense(joined.decode(encoding, "replace"))
        if score > most:
            best, most = encoding, score
    return best or _any_language(data)


def _runs(data: bytes) -> Iterator[bytes]:
    """Each stretch without white space that has bytes beyond ASCII, cut to what stands near them."""
    end = 0
    for found in _BEYOND.finditer(data):
        before = data[max(end, found.start() - _NEAR) : found.start()].rsplit(None, 1)
        yield (before[-1] if before and data[found.start() - 1 : found.start()].strip() else b"") + found[0]
        end = found.end()


def _any_language(data: bytes) -> str | None:
    from charset_normalizer import from_bytes

    found = from_bytes(data[:200_000]).best()
    return found.encoding if found else None


def _sense(text: str) -> float:
    """About 1 for each word or sign that is at home where it stands, -1 for each that is not."""
    score = 0.0
    spelled_in = [0] * len(_ALPHABETS)
    for word in _WORD.finditer(text):
        foreign = frozenset(word[0].lower()) - _ASCII
        if not foreign:
            continue
        start, end = word.span()
        alphabets = [number for number, alphabet in enumerate(_ALPHABETS) if foreign <= alphabet]
        beside_digit = text[start - 1 : start].isdigit() or text[end : end + 1].isdigit()
        score += 1.0 if alphabets and not beside_digit and _is_cased(word[0]) else -1.0
        for number in alphabets:
            spelled_in[number] += 1
    for at, sign in enumerate(text):
        if not sign.isascii() and not sign.isalpha():
            score += _sense_of_sign(sign, text[at - 1 : at] or " ", text[at + 1 : at + 2] or " ")
    return score + _ONE_LANGUAGE * max(spelled_in)


def _is_cased(word: str) -> bool:
    """Whether capitals stand where they do in English and its neighbours: first, or everywhere."""
    if len(word) == 1:
        return word in _ALONE
    foreign_capitals = any(c.isupper() and not c.isascii() for c in word[1:])
    return word.isupper() or not (
        foreign_capitals or (not word[0].isascii() and word[0].islower() and word[1].isupper())
    )


def _sense_of_sign(sign: str, before: str, after: str) -> float:
    if sign == "\ufffd":
        return -2.0  # it will be lost
    if sign == "\xa0":
        return _SIGN if before.isalnum() and after.isalnum() else 0.0
    if sign in _OPENING:
        return _SIGN if before in " \n\xa0([-–—/\"'“‘" and (after.isalnum() or after in "“‘[($€£…") else -1.0
    if sign in _CLOSING:
        return _SIGN if before.isalnum() or before in ".,;:!?%)]’”…-–—" or (sign == "’" and after.isdigit()) else -1.0
    if sign in _DASHES:
        return _SIGN
    if sign in _MONEY:
        return _SIGN if before.isdigit() or after.isdigit() else -1.0
    if sign in _MARKS:
        return 0.5
    if sign in _SIGNS:
        return -1.0 if before.isalpha() or after.islower() else 0.5
    return -5.0 if unicodedata.category(sign) in ("Cc", "Co", "Cn") else -1.0
