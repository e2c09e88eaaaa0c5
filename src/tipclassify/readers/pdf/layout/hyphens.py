"""Lines of a paragraph in, one text out: words that a line end divided are joined, compounds keep their hyphens."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

__all__ = ["are_divided", "join_lines", "whole_words"]

_LAST_PART: Final = re.compile(r"([^\s—–/]+)-$")
_WORD: Final = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*")
_OPENING: Final = "([{“‘\"'"
_LINK: Final = re.compile(r"(?:https?://|www\.)\S*[/._=&?-]$")
_TELLING: Final = 60  # line ends by which a document can be judged
_UNDIVIDED: Final = 0.03  # of lines end in a hyphen where words are not divided: measured 0.00 to 0.02, else 0.1 to 0.3
_WHOLE: Final = 5  # letters of a part that is a word of its own: shorter ones are syllables of others, "with-out"
_SUSPENDING: Final = ("and", "or", "to")  # "short- and long-term"
_COMPOUND_FIRST: Final = frozenset("anti self well cross quasi one two three five".split())
_COMPOUND_LAST: Final = frozenset(
    "based centered related funded owned led run sponsored backed controlled informed specific sensitive speaking language year old".split()
)


def whole_words(paragraphs: Iterable[Sequence[str]]) -> Counter[str]:
    """How often each word, in small letters, stands whole within a line.

    >>> sorted(whole_words([["Forced la-", "bor of fishermen"]]))
    ['fishermen', 'forced', 'of']
    """
    words: Counter[str] = Counter()
    for lines in paragraphs:
        broken = False
        for line in lines:
            found = _WORD.findall(line.lower())
            ends_broken = line.endswith("-")
            words.update(found[broken : -1 if ends_broken else None])
            broken = ends_broken
    return words


def are_divided(paragraphs: Iterable[Sequence[str]]) -> bool:
    """Whether words are divided at line ends: in text that is not, the rare hyphen there is a compound's own."""
    ends = [line.endswith("-") for lines in paragraphs for line in lines[:-1]]
    return len(ends) < _TELLING or sum(ends) > _UNDIVIDED * len(ends)


def join_lines(lines: Sequence[str], words: Counter[str], divided: bool = True) -> str:
    """One text of the lines of a paragraph.

    A hyphen at a line's end goes when the two parts make one word, and stays in a compound. By the first that holds:

    - it stays when the next part begins with a capital or digit ("mid-", "March"), or the first ends in capitals;
    - it stays or goes as the document writes the word elsewhere, within a line, more often; in a tie it stays;
    - it stays, and a space after it, before "and", "or" and "to" ("short-", "and long-term");
    - it stays where the document does not divide words, and after an abbreviation or number ("U.S.-", "12-");
    - after a first part with a hyphen of its own it stays if its neighbors are words that the document has
      ("state-of-", "the");
    - it stays after or before a part of many compounds ("anti-", "-based"), and between two words of five letters or
      more that the document has;
    - else it goes.

    Parameters
    ----------
    lines : sequence of str
        Without white space at their ends.
    words : Counter of str
        How often the document has a word (`whole_words`).
    divided : bool
        Whether the document divides words at line ends (`are_divided`).

    >>> join_lines(["Police stopped traf-", "ficking by a U.S.-", "funded gang."], Counter())
    'Police stopped trafficking by a U.S.-funded gang.'
    """
    if not lines:
        return ""
    parts: list[str] = []
    for line, following in pairwise(lines):
        touches = len(line) > 1 and not line[-2].isspace()  # "traf-", not "2023 -"
        if touches and line.endswith("-") and not _LINK.search(line):
            parts.append(line[:-1] + _hyphen(line, following, words, divided))
        elif touches and (line.endswith(("—", "–", "/")) or _LINK.search(line)):
            parts.append(line)
        else:
            parts += (line, " ")
    return "".join([*parts, lines[-1]])


def _hyphen(line: str, following: str, words: Counter[str], divided: bool) -> str:
    """What stands between the parts of a word that a line's end divides: nothing, a hyphen, or that and a space."""
    left, right = _LAST_PART.search(line), _WORD.match(following)
    if left is None or right is None:
        return "-"
    first, second = left[1].lstrip(_OPENING), right[0]
    if not (first.isupper() and second.isupper()) and (not second[0].islower() or first[-2:].isupper()):
        return "-"
    first, second = first.lower(), second.lower()
    compound, joined = words[f"{first}-{second}"], words[first + second]
    if compound or joined:
        return "-" if compound >= joined else ""
    head, _, first = first.rpartition("-")
    second = second.partition("-")[0]
    if second in _SUSPENDING and (words[first] or not first.isalpha()):
        return "- "
    return "-" if _is_compound(head, first, second, words, divided) else ""


def _is_compound(head: str, first: str, second: str, words: Counter[str], divided: bool) -> bool:
    """Whether two parts that the document has nowhere together are words of their own, not halves of one."""
    if not divided or not first.isalpha():
        return True
    if head:
        return words[first] > 0 and words[second] > 0
    if first in _COMPOUND_FIRST or (second in _COMPOUND_LAST and len(first) > 2):
        return True
    return min(len(first), len(second)) >= _WHOLE and words[first] > 0 and words[second] > 0
