"""Join the lines of a paragraph.

Words hyphenated at line ends are joined, compounds keep their hyphens.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

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
# whole ones, of whose parts one may be a syllable: "cover-age", "in-spector"
_COMPOUNDS: Final = frozenset(
    "in-person in-depth in-kind in-country in-house school-age school-aged working-age".split()
)
_COMPOUND_LAST: Final = frozenset(
    "based centered related funded owned led run sponsored backed controlled informed specific "
    "sensitive speaking language year old".split()
)


class LineJoiner:
    """Join the stripped lines of the paragraphs of a document, which is given whole.

    A hyphen at a line's end stays by a capital, digit or abbreviation, and in a compound; else it
    divides a word. Where a document does not hyphenate, a rare hyphen there is a compound's.

    >>> lines = ["Police stopped traf-", "ficking by a U.S.-", "funded gang."]
    >>> LineJoiner([lines]).parts(lines)
    ['Police stopped traf', 'ficking by a U.S.-', 'funded gang.']
    """

    def __init__(self, paragraphs: Sequence[Sequence[str]]) -> None:
        self._words = Counter[str]()  # in lower case, whole within a line
        for lines in paragraphs:
            self._words.update(_WORD.findall(_BROKEN.sub(" ", "\n".join(lines).lower())))
        ends = [line.endswith("-") for lines in paragraphs for line in lines[:-1]]
        is_short = len(ends) < _MIN_LINE_ENDS
        self._hyphenates = is_short or sum(ends) > _MAX_UNHYPHENATED_SHARE * len(ends)

    def parts(self, lines: Sequence[str]) -> list[str]:
        """Return each line with what joins it to the next one, and without a hyphen that goes."""
        parts: list[str] = []
        for line, following in pairwise(lines):
            touches = len(line) > 1 and not line[-2].isspace()  # "traf-", not "2023 -"
            if touches and line.endswith("-") and not _LINK.search(line):
                parts.append(line[:-1] + self._joint(line, following))
            elif touches and (line.endswith(("—", "–", "/")) or _LINK.search(line)):
                parts.append(line)
            else:
                parts.append(f"{line} ")
        return [*parts, *lines[-1:]]

    def _joint(self, line: str, following: str) -> str:
        """Return the joint of two parts of a word: nothing, a hyphen, or a hyphen and a space."""
        before = _LAST_PART.search(line)
        after = _WORD.match(following)
        if before is None or after is None:
            return "-"
        first = before[1].lstrip("([{“‘\"'")
        second = after[0]
        in_capitals = first.isupper() and second.isupper()
        if not in_capitals and (not second[0].islower() or first[-2:].isupper()):
            return "-"
        first = first.lower()
        second = second.lower()
        words = self._words
        compound_count = words[f"{first}-{second}"]
        joined_count = words[first + second]
        if compound_count or joined_count:
            return "-" if compound_count >= joined_count else ""
        # of words with hyphens inside, the parts at the line's end decide
        head, _, first_part = first.rpartition("-")
        second_part = second.partition("-")[0]
        # "short- and long-term"
        if second_part in ("and", "or", "to") and (words[first_part] or not first_part.isalpha()):
            return "- "
        if not self._hyphenates or not first_part.isalpha():
            return "-"
        if f"{first_part}-{second_part}" in _COMPOUNDS:
            return "-"
        if first_part in _COMPOUND_FIRST or (second_part in _COMPOUND_LAST and len(first_part) > 2):
            return "-"
        are_words = words[first_part] > 0 and words[second_part] > 0
        are_long = min(len(first_part), len(second_part)) >= _MIN_WORD_LETTERS
        return "-" if are_words and (head or are_long) else ""
