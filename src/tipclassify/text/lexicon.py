"""Lists of words (``words.txt``), and semantic classes of words (``lexicon.txt``).

The classes (actors, acts, polarity, hardship) let a linear model generalise to words that the
corpus lacks: "inspectors", "the tribunal" and "border guards" are all organs of a state.
"""

from __future__ import annotations

import re
from typing import Final

from tipclassify.resources import read_resource


def _read(name: str) -> dict[str, list[str]]:
    """Read the lists of a file, ``name: words``; lines that begin with ``#`` are comments."""
    lines = read_resource(f"text/{name}").splitlines()
    text = " ".join(line for line in lines if not line.startswith("#"))
    return {name: words.split() for name, words in re.findall(r"(\w+): ([^:]+)(?= \w+:|$)", text)}


WORDS: Final = _read("words.txt")
_TABLE: Final = _read("lexicon.txt")

CLASSES: Final[tuple[str, ...]] = tuple(_TABLE)

CUES: Final = ("neg", "limit", "decline", "increase", "modal", "plan", "adequate")
"""Scope cues: classes whose words modify the words that follow."""

MAX_SCOPE: Final = 7  # tokens after a cue

SHIFTERS: Final = ("neg", "limit", "modal", "plan")
"""Polarity shifters: classes that change the meaning of a whole clause."""

ACTORS: Final = ("un_ngo", "state", "official", "trafficker", "private", "victim", "people")


def _numbers() -> dict[str, int]:
    """Return the class number of each entry: a word, a prefix "abc-" or two words "one_two"."""
    numbers: dict[str, int] = {}
    for number, entries in enumerate(_TABLE.values(), 1):
        for entry in entries:
            numbers.setdefault(entry, number)
    return numbers


_NUMBERS: Final = _numbers()


def _phrases() -> dict[tuple[str, str], int]:
    phrases: dict[tuple[str, str], int] = {}
    for entry, number in _NUMBERS.items():
        first, _, second = entry.partition("_")
        if second:
            phrases[first, second] = number
    return phrases


PHRASES: Final = _phrases()
"""Class numbers of two-word entries."""

_LONGEST: Final = max(len(entry) - 1 for entry in _NUMBERS if entry.endswith("-"))


def class_of(word: str) -> int:
    """Return the class number of a lower-case word: 1 for ``CLASSES[0]`` and so on, 0 for none.

    >>> CLASSES[class_of("investigations") - 1], class_of("the")
    ('justice', 0)
    """
    if word in _NUMBERS:
        return _NUMBERS[word]
    beginnings = (f"{word[:length]}-" for length in range(min(len(word), _LONGEST), 2, -1))
    return next((_NUMBERS[beginning] for beginning in beginnings if beginning in _NUMBERS), 0)
