"""What was reworded: two texts in, both cut into the words that they share and those that only one has."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Final, NamedTuple

from tipclassify.reporting.comparison.alignment import FUNCTION_WORDS, folded

__all__ = ["Piece", "changed_words"]

_LONGEST: Final = 2_000  # words of a passage; matching more of them word by word would take minutes
# A figure with its sign and a word with its opening bracket or quote are one: "($1.8".
_WORD: Final = re.compile(r"[(\[“‘\"$€£¥+−-]*\w+(?:[.,'’/:-]\w+)*%?\s*|[^\w\s]\s*|\s+")


class Piece(NamedTuple):
    """A stretch of a passage, and whether the other passage of the pair has other words for it."""

    text: str
    changed: bool


def changed_words(old: str, new: str) -> tuple[list[Piece], list[Piece]]:
    """Both texts cut into pieces that the other has too, and pieces that it has not.

    Unchanged function words and punctuation between two changes count as changed: a text that alternates at each word
    cannot be read.

    >>> changed_words("Police opened 34 cases.", "Police opened 29 cases.")[1]
    [Piece(text='Police opened ', changed=False), Piece(text='29 ', changed=True), Piece(text='cases.', changed=False)]
    """
    left, right = _WORD.findall(old), _WORD.findall(new)
    if max(len(left), len(right)) > _LONGEST:
        equal = folded(old) == folded(new)
        return [Piece(old, not equal)], [Piece(new, not equal)]
    a, b = ([folded(word) for word in words] for words in (left, right))
    runs = [run for run in SequenceMatcher(None, a, b, autojunk=False).get_matching_blocks() if run.size]
    kept = [
        run
        for at, run in enumerate(runs)
        if any(word.isalnum() and word not in FUNCTION_WORDS for word in a[run.a : run.a + run.size])
        or (at == 0 and run.a == run.b == 0)
        or (at == len(runs) - 1 and run.a + run.size == len(a) and run.b + run.size == len(b))
    ]
    same_old = {k for run in kept for k in range(run.a, run.a + run.size)}
    same_new = {k for run in kept for k in range(run.b, run.b + run.size)}
    return _pieces(left, same_old), _pieces(right, same_new)


def _pieces(words: Sequence[str], same: set[int]) -> list[Piece]:
    pieces: list[Piece] = []
    for at, word in enumerate(words):
        changed = at not in same
        if pieces and pieces[-1].changed == changed:
            pieces[-1] = Piece(pieces[-1].text + word, changed)
        else:
            pieces.append(Piece(word, changed))
    return pieces
