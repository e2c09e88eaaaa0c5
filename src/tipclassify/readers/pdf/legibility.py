"""Find pages whose text layer is no text, though the page looks right.

Their characters have the wrong names.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Sequence
from typing import Final
from unicodedata import normalize

_MIN_WORDS: Final = 40  # of a page; fewer are too few to judge it by
_MIN_SHARE: Final = 0.5  # of the words of a page that look like words
# the same where hardly any is a frequent word; acronyms do not count there
_MIN_SHARE_STRANGE: Final = 0.95
_MAX_ACRONYMS: Final = 0.75  # of the words of such a page
# frequent words of a page of prose, in any of the languages below: a third
_MIN_FREQUENT: Final = 0.03
_MIN_PROSE: Final = 0.15  # the same of a page that is prose beyond doubt
_FREQUENT: Final = frozenset(
    # English
    "the of and to in a is that for on with as by was are be or from at an this which not have has "
    "it his her their "
    # French, Spanish, Portuguese, German, Italian, Dutch
    "de la le les des et en du un une que qui dans pour par sur au aux el los las del y se con una "
    "por para su o e da do dos das em no na com os die der und den von zu das mit ist im il di che "
    "per van het een".split()
)
_EDGES: Final = string.punctuation + "“”„‘’«»…–—•·¡¿†‡§¶°"
_FIGURE: Final = re.compile(r"[\d\W]*[a-z]{0,2}")  # "2019", "12,5", "19th"
_PLAIN: Final = re.compile(r"[^\W\d_]+(?:[’'-][^\W\d_]+)*")
_LATIN: Final = re.compile(r"[a-z]", re.IGNORECASE)
_OTHER_SCRIPT: Final = re.compile(r"[\u0370-\u1dff\u2c00-\ua71f\ua800-\ufaff\ufb1d-\uffef]")
_VOWEL: Final = re.compile(r"[aeiouyæœøı]")
_CONSONANTS: Final = re.compile(r"[b-df-hj-np-tv-xz]{6}")
_INNER_CAPITAL: Final = re.compile(r"[a-z][A-Z].*[a-z][A-Z]|[a-z][A-Z]+$")
_MAX_ACRONYM: Final = 7  # letters


def is_garbled(texts: Sequence[str]) -> bool:
    """Test whether few of the words of a page are words, as where a font's character map is broken.

    Figures, addresses and other scripts than the Latin one do not count. A page in another language
    that is written with Latin letters is not garbled.

    >>> is_garbled(["WKH", "JRYHUQPHQW", "GLG", "QRW", "FRQYLFW"] * 10)
    True
    >>> is_garbled(["THE", "COURTS", "SLEPT"] * 20)
    False
    """
    if sum(text in _FREQUENT for text in texts) >= _MIN_PROSE * len(texts):
        return False  # nearly every page, at little cost
    words = _words_to_judge(texts)
    if len(words) < _MIN_WORDS:
        return False
    frequent = sum(word.lower() in _FREQUENT for word in words)
    if frequent >= _MIN_FREQUENT * len(words):
        return sum(map(_is_legible, words)) < _MIN_SHARE * len(words)
    others = [word for word in words if not _is_acronym(word)]
    if len(others) < (1 - _MAX_ACRONYMS) * len(words):
        return True
    if len(others) < _MIN_WORDS:
        return False
    return sum(map(_is_legible, others)) < _MIN_SHARE_STRANGE * len(others)


def _words_to_judge(texts: Iterable[str]) -> list[str]:
    """Return what should be words.

    Figures, addresses, symbols of documents, leaders, and words of other scripts are left out.
    """
    words: list[str] = []
    for text in texts:
        word = text.strip(_EDGES)
        if not word:
            if len(set(text)) > 2:  # several unlike marks; "....", "***" and "–" are none
                words.append(text)
            continue
        is_address = any(mark in word for mark in "/@.:")
        is_latin = _LATIN.search(word) is not None or not _OTHER_SCRIPT.search(word)
        if is_latin and not is_address and not _FIGURE.fullmatch(word):
            words.append(word)
    return words


def _is_legible(word: str) -> bool:
    """Return whether a word is an acronym, or can be spoken and has no capitals inside."""
    if not _PLAIN.fullmatch(word) or _OTHER_SCRIPT.search(word):
        return False
    if _is_acronym(word):
        return True
    without_accents = normalize("NFD", word)  # which follow their letters
    lower = without_accents.lower()
    if len(word) > 2 and not _VOWEL.search(lower):
        return False
    return not _CONSONANTS.search(lower) and not _INNER_CAPITAL.search(without_accents)


def _is_acronym(word: str) -> bool:
    return word.isupper() and 1 < len(word) <= _MAX_ACRONYM
