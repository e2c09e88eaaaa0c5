"""Find the acronyms that a document spells out, and read them as what they stand for.

Whether "the VPA recruited children" is about a state's army or a charity, only the document says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from tipclassify.records import LONGEST_NAME
from tipclassify.text.lexicon import WORDS, class_of

_ACRONYM: Final = r"[A-Z][A-Za-z&/-]{0,10}[A-Z]"
_BRACKETED: Final = re.compile(rf"(?<=\w) \((?P<acronym>{_ACRONYM})\)")
_USED: Final = re.compile(rf"(?<![\w-]){_ACRONYM}(?![\w-])")
_MOST_WORDS: Final = 12  # of a name that is spelled out
# a sentence's first words before a name
_OPENING: Final = re.compile(
    r"^(?:(?:according to|as|at|by|during|for|from|in|the|under|while|with) )?(?:(?:the|an?) )?",
    re.I,
)
_WORD: Final = re.compile(r"[^\W\d_][\w'’-]*")
_WITHIN_NAME: Final = frozenset(
    "of the and for on in to by with against de la le des du et".split()
)
_COUNTRY_WORDS: Final = frozenset(WORDS["countries"])


def find_acronyms(text: str) -> dict[str, str]:
    """Return the acronyms that a text spells out, with their names; the first name of each counts.

    A name stands before the bracket with its acronym: words whose initials are its letters
    (Schwartz and Hearst 2003, PSB), or the capitalised words, where it is of another language.
    Names are in lower case but for countries in them, so that they are read as words. Those that
    the package knows ("ILO") and those of countries are left out.

    >>> find_acronyms("A guard of the Ministry of Mines (MoM) and the Army of Ruvia (FAR) ran it.")
    {'MoM': 'ministry of mines', 'FAR': 'army of ruvia'}
    """
    names: dict[str, str] = {}
    for bracket in _BRACKETED.finditer(text):
        acronym = bracket["acronym"]
        folded = acronym.lower()
        if acronym in names or class_of(folded) or folded in _COUNTRY_WORDS:
            continue
        before = text[max(0, bracket.start() - LONGEST_NAME) : bracket.start()]
        name = _name_before(before, acronym)
        if name:
            names[acronym] = _WORD.sub(_lower_unless_country, name)
    return names


def used_acronyms(text: str, names: Mapping[str, str]) -> dict[str, str]:
    """Return those of the acronyms that a passage uses without spelling them out."""
    used = dict.fromkeys(match.group() for match in _USED.finditer(text)) if names else {}
    return {
        acronym: names[acronym]
        for acronym in used
        if acronym in names and f"({acronym})" not in text
    }


def spelled_out(text: str, names: Mapping[str, str]) -> list[tuple[int, int, str]]:
    """Return where acronyms stand in a text, (start, end, name)."""
    return [
        (*match.span(), names[match.group()])
        for match in (_USED.finditer(text) if names else ())
        if match.group() in names
    ]


def _name_before(before: str, acronym: str) -> str:
    """Return the name at the end of a text that an acronym stands for, "" where none is."""
    # a name does not go on from another sentence or clause
    before = re.split(r"[.;:!?()\n\"“”]", before)[-1]
    words = list(_WORD.finditer(before))[-_MOST_WORDS:]
    start = _start_by_initials(words, acronym)
    if start is None:
        start = _start_by_capitals(words)
    return _OPENING.sub("", before[start:].strip(), count=1) if start is not None else ""


def _start_by_initials(words: list[re.Match[str]], acronym: str) -> int | None:
    """Return where the words begin whose initials spell an acronym; small words may be skipped."""
    letters = [letter for letter in acronym.lower() if letter.isalpha()]
    at = None
    for word in reversed(words):
        if letters and word.group()[0].lower() == letters[-1]:
            letters.pop()
            at = word.start()
            if not letters:
                return at
        elif word.group().lower() not in _WITHIN_NAME:
            return None
    return None


def _start_by_capitals(words: list[re.Match[str]]) -> int | None:
    """Return where the last run of two capitalised words or more begins."""
    at = None
    capitalised = 0
    for word in reversed(words):
        if word.group()[0].isupper():
            at = word.start()
            capitalised += 1
        elif word.group() not in _WITHIN_NAME:
            break
    return at if capitalised > 1 else None


def _lower_unless_country(word: re.Match[str]) -> str:
    folded = word.group().lower()
    return word.group() if folded in _COUNTRY_WORDS else folded
