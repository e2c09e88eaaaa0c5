"""Join the lines of a paragraph.

Words hyphenated at line ends are joined, compounds keep their hyphens.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, pairwise
from typing import Final

__all__ = [
    "count_unhyphenated_words",
    "hyphenates_line_ends",
    "join_hyphenated_lines",
    "starts_of_joined_lines",
]

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


def count_unhyphenated_words(paragraphs: Iterable[Sequence[str]]) -> Counter[str]:
    """Count lower-cased words that are whole within a line."""
    words: Counter[str] = Counter()
    for lines in paragraphs:
        words.update(_WORD.findall(_BROKEN.sub(" ", "\n".join(lines).lower())))
    return words


def hyphenates_line_ends(paragraphs: Iterable[Sequence[str]]) -> bool:
    """Return whether a document hyphenates words at line ends.

    If not, a rare hyphen there is a compound's.
    """
    ends = [line.endswith("-") for lines in paragraphs for line in lines[:-1]]
    return len(ends) < _MIN_LINE_ENDS or sum(ends) > _MAX_UNHYPHENATED_SHARE * len(ends)


def join_hyphenated_lines(
    lines: Sequence[str], words: Counter[str], hyphenated: bool = True
) -> str:
    """Join the stripped lines of a paragraph, whose words may be hyphenated at line ends.

    `words` are those of its document (`count_unhyphenated_words`), `hyphenated` whether it
    hyphenates at all (`hyphenates_line_ends`). A hyphen at a line's end stays by a capital, digit
    or abbreviation, and in a compound; else it divides a word.

    >>> lines = ["Police stopped traf-", "ficking by a U.S.-", "funded gang."]
    >>> join_hyphenated_lines(lines, Counter())
    'Police stopped trafficking by a U.S.-funded gang.'
    """
    return "".join(_lines_with_joints(lines, words, hyphenated))


def starts_of_joined_lines(
    lines: Sequence[str], words: Counter[str], hyphenated: bool = True
) -> list[int]:
    """Return the offset of each line in the text that `join_hyphenated_lines` makes of them.

    >>> starts_of_joined_lines(["Police stopped traf-", "ficking."], Counter())
    [0, 19]
    """
    lengths = map(len, _lines_with_joints(lines, words, hyphenated))
    return list(accumulate(lengths, initial=0))[: len(lines)]


def _lines_with_joints(
    lines: Sequence[str], words: Counter[str], hyphenated: bool
) -> Iterator[str]:
    """Yield each line with what joins it to the next one, and without a hyphen that goes."""
    for line, following in pairwise(lines):
        touches = len(line) > 1 and not line[-2].isspace()  # "traf-", not "2023 -"
        if touches and line.endswith("-") and not _LINK.search(line):
            yield line[:-1] + _joint_at_line_end(line, following, words, hyphenated)
        elif touches and (line.endswith(("—", "–", "/")) or _LINK.search(line)):
            yield line
        else:
            yield f"{line} "
    yield from lines[-1:]


def _joint_at_line_end(line: str, following: str, words: Counter[str], hyphenated: bool) -> str:
    """Return the joint of two parts at a line's end: nothing, a hyphen, or a hyphen and a space."""
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
    if not hyphenated or not first_part.isalpha():
        return "-"
    if f"{first_part}-{second_part}" in _COMPOUNDS:
        return "-"
    if first_part in _COMPOUND_FIRST or (second_part in _COMPOUND_LAST and len(first_part) > 2):
        return "-"
    are_words = words[first_part] > 0 and words[second_part] > 0
    are_long = min(len(first_part), len(second_part)) >= _MIN_WORD_LETTERS
    return "-" if are_words and (head or are_long) else ""
