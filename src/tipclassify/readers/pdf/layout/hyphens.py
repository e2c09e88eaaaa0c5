"""Join the lines of a paragraph.

Words hyphenated at line ends are joined, compounds keep their hyphens.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

__all__ = ["count_whole_words", "hyphenates", "join_lines"]

_LAST_PART: Final = re.compile(r"([^\s—–/]+)-$")
_WORD: Final = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*")
_BROKEN: Final = re.compile(r"\S*-(?:\n\S*|\Z)")
_LINK: Final = re.compile(r"(?:https?://|www\.)\S*[/._=&?-]$")
_MIN_LINE_ENDS: Final = 60  # fewer line ends are too few to judge a document by
# of lines that end in a hyphen; measured up to 0.02, else 0.1 to 0.3
_MAX_UNHYPHENATED_SHARE: Final = 0.03
# letters of a word in a compound; shorter parts may be syllables ("with-out")
_MIN_WORD_LETTERS: Final = 5
_COMPOUND_FIRST: Final = frozenset("anti self well cross quasi one two three five".split())
_COMPOUND_LAST: Final = frozenset(
    "based centered related funded owned led run sponsored backed controlled informed specific sensitive speaking "
    "language year old".split()
)


def count_whole_words(paragraphs: Iterable[Sequence[str]]) -> Counter[str]:
    """Count lower-cased words that are whole within a line."""
    words: Counter[str] = Counter()
    for lines in paragraphs:
        words.update(_WORD.findall(_BROKEN.sub(" ", "\n".join(lines).lower())))
    return words


def hyphenates(paragraphs: Iterable[Sequence[str]]) -> bool:
    """Return whether a document hyphenates words at line ends.

    If not, a rare hyphen there is a compound's.
    """
    ends = [line.endswith("-") for lines in paragraphs for line in lines[:-1]]
    return len(ends) < _MIN_LINE_ENDS or sum(ends) > _MAX_UNHYPHENATED_SHARE * len(ends)


def join_lines(lines: Sequence[str], words: Counter[str], hyphenated: bool = True) -> str:
    """Join the stripped lines of a paragraph.

    The words of its document are given (`count_whole_words`, `hyphenates`). A hyphen at a line's
    end stays by a capital, digit or abbreviation, and in a compound; else it divides a word.

    >>> join_lines(["Police stopped traf-", "ficking by a U.S.-", "funded gang."], Counter())
    'Police stopped trafficking by a U.S.-funded gang.'
    """
    parts: list[str] = []
    for line, following in pairwise(lines):
        touches = len(line) > 1 and not line[-2].isspace()  # "traf-", not "2023 -"
        if touches and line.endswith("-") and not _LINK.search(line):
            parts.append(line[:-1] + _joint(line, following, words, hyphenated))
        elif touches and (line.endswith(("—", "–", "/")) or _LINK.search(line)):
            parts.append(line)
        else:
            parts += (line, " ")
    return "".join([*parts, *lines[-1:]])


def _joint(line: str, following: str, words: Counter[str], hyphenated: bool) -> str:
    """Return the joint of two parts at a line's end: nothing, a hyphen, or a hyphen and a space."""
    left, right = _LAST_PART.search(line), _WORD.match(following)
    if left is None or right is None:
        return "-"
    first, second = left[1].lstrip("([{“‘\"'"), right[0]
    if not (first.isupper() and second.isupper()) and (
        not second[0].islower() or first[-2:].isupper()
    ):
        return "-"
    first, second = first.lower(), second.lower()
    compound, joined = words[f"{first}-{second}"], words[first + second]
    if compound or joined:
        return "-" if compound >= joined else ""
    head, _, first = first.rpartition("-")
    second = second.partition("-")[0]
    # "short- and long-term"
    if second in ("and", "or", "to") and (words[first] or not first.isalpha()):
        return "- "
    known = (
        words[first]
        and words[second]
        and (head or min(len(first), len(second)) >= _MIN_WORD_LETTERS)
    )
    listed = first in _COMPOUND_FIRST or (second in _COMPOUND_LAST and len(first) > 2)
    return "-" if not hyphenated or not first.isalpha() or known or listed else ""
