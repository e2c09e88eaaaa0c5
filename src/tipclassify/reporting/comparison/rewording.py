"""Word diff of two matched passages: two texts in, both segmented into shared and changed words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Final, NamedTuple

from tipclassify.reporting.comparison.alignment import FUNCTION_WORDS, normalize_text

__all__ = ["Segment", "changed_words"]

_MAX_WORDS: Final = 2_000  # of a passage; a word-by-word diff of longer ones would take minutes
# A figure keeps its sign, and a word its opening bracket or quote, as one token: "($1.8".
_WORD: Final = re.compile(r"[(\[“‘\"$€£¥+−-]*\w+(?:[.,'’/:-]\w+)*%?\s*|[^\w\s]\s*|\s+")


class Segment(NamedTuple):
    """Consecutive words of a passage, and whether they differ from the other passage of the pair."""

    text: str
    changed: bool


def changed_words(old: str, new: str) -> tuple[list[Segment], list[Segment]]:
    """Segment both texts into words that the other has too and words that it has not.

    Unchanged function words and punctuation between two changes count as changed: a diff that alternates at each word
    is unreadable.

    >>> changed_words("Police opened 34 cases.", "Police opened 29 cases.")[1][:2]
    [Segment(text='Police opened ', changed=False), Segment(text='29 ', changed=True)]
    """
    left, right = _WORD.findall(old), _WORD.findall(new)
    if max(len(left), len(right)) > _MAX_WORDS:
        equal = normalize_text(old) == normalize_text(new)
        return [Segment(old, not equal)], [Segment(new, not equal)]
    a, b = ([normalize_text(word) for word in words] for words in (left, right))
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
    return _segments(left, same_old), _segments(right, same_new)


def _segments(words: Sequence[str], same: set[int]) -> list[Segment]:
    segments: list[Segment] = []
    for at, word in enumerate(words):
        changed = at not in same
        if segments and segments[-1].changed == changed:
            segments[-1] = Segment(segments[-1].text + word, changed)
        else:
            segments.append(Segment(word, changed))
    return segments
