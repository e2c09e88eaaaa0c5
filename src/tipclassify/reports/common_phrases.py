"""Sentences that stand in the reports of many countries, by a table of phrases that recur.

The table has the hash of each phrase of five words that stands in the reports of ten countries or
more, and in how many; it has no text. Names and figures are stand-ins, so that "Kenya fined 12
employers" and "Peru fined 9 employers" are one phrase.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Final

import numpy as np

from tipclassify.model.encoder.names import COUNTRY_WORDS
from tipclassify.resources import resource_path

__all__ = [
    "is_of_common_phrases",
    "share_of_common_phrases",
    "wording_identity",
    "write_common_phrases",
]

_PHRASE: Final = 5  # words; shorter phrases recur by chance
_MIN_COUNTRIES: Final = 10  # in whose reports a phrase of the table stands
_TEMPLATE_SHARE: Final = 0.75  # of a sentence's words: the rest is a body's name or an object
_WORD: Final = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_NAME: Final = "~"
_FIGURE: Final = "#"
_TABLE: Final = "reports/common_phrases.npz"


def _words_of_phrases(text: str) -> list[str]:
    """Split a text to words in lower case, each run of names or of figures as one stand-in.

    >>> _words_of_phrases("In 2023 the Ministry of Labor fined 12 employers. (4)")
    ['in', '#', 'the', '~', 'of', '~', 'fined', '#', 'employers']
    """
    plain: list[str] = []
    for number, word in enumerate(_WORD.findall(text)):
        plain_word = word.casefold()
        if any(character.isdigit() for character in word):
            plain_word = _FIGURE
        elif word[0].isupper() and (number or plain_word in COUNTRY_WORDS):
            plain_word = _NAME
        goes_on = bool(plain) and plain[-1] == plain_word and plain_word in (_FIGURE, _NAME)
        if not goes_on:
            plain.append(plain_word)
    while plain and plain[-1] == _FIGURE:  # numbers of notes
        plain.pop()
    return plain


def _hash_phrases(words: Sequence[str]) -> list[int]:
    """Hash each phrase of a sentence to 32 bits, in order."""
    hashes = []
    for first in range(len(words) - _PHRASE + 1):
        phrase = " ".join(words[first : first + _PHRASE])
        hashes.append(_hash_common_phrase(phrase, 4))
    return hashes


def _hash_common_phrase(text: str, size: int) -> int:
    """Hash a text to a number of so many bytes."""
    digest = blake2b(text.encode("utf-8", "replace"), digest_size=size).digest()
    return int.from_bytes(digest, "little")


def wording_identity(text: str) -> int:
    """Hash what a sentence says to 64 bits: case, punctuation and numbers of notes do not count.

    >>> wording_identity("Police acted. (4)") == wording_identity("“Police acted”")
    True
    """
    words = [word.casefold() for word in _WORD.findall(text)]
    while len(words) > 1 and words[-1].isdigit():
        words.pop()
    return _hash_common_phrase(" ".join(words), 8)


def share_of_common_phrases(text: str) -> float:
    """Compute the share of a sentence's words, 0 to 1, in phrases of many countries' reports."""
    words = _words_of_phrases(text)
    if not words:
        return 0.0
    common_hashes = _hashes_of_common_phrases()
    in_common_phrases: set[int] = set()  # places of words
    for first, phrase in enumerate(_hash_phrases(words)):
        if phrase in common_hashes:
            in_common_phrases.update(range(first, first + _PHRASE))
    return len(in_common_phrases) / len(words)


def is_of_common_phrases(text: str) -> bool:
    """Test whether a sentence stands, up to names and figures, in many countries' reports."""
    return share_of_common_phrases(text) >= _TEMPLATE_SHARE


@lru_cache(1)
def _hashes_of_common_phrases() -> frozenset[int]:
    with np.load(resource_path(_TABLE)) as table:
        return frozenset(table["phrases"].tolist())


def write_common_phrases(passages: Iterable[tuple[str, str]], table: Path) -> int:
    """Write the table of phrases that recur among pairs of country and text; return its length."""
    countries: defaultdict[int, set[str]] = defaultdict(set)
    for country, text in passages:
        for phrase in _hash_phrases(_words_of_phrases(text)):
            countries[phrase].add(country)
    common = sorted(phrase for phrase, where in countries.items() if len(where) >= _MIN_COUNTRIES)
    counts = [min(len(countries[phrase]), 255) for phrase in common]
    with table.open("wb") as out:
        np.savez_compressed(
            out, phrases=np.array(common, np.uint32), countries=np.array(counts, np.uint8)
        )
    return len(common)
