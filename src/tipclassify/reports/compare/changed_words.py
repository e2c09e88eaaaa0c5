"""Words that changed between two wordings of a passage."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import Match as Run
from difflib import SequenceMatcher
from itertools import groupby
from typing import Final, NamedTuple

from tipclassify.reports.compare.normalization import ReportSides, normalize_wording
from tipclassify.reports.compare.terms import STOP_WORDS
from tipclassify.reports.compare.wording import MAX_WORDS

__all__ = ["ComparedWords", "changed_words"]

# A figure keeps its sign, and a word its opening bracket or quote, as one token: "($1.8".
_WORD: Final = re.compile(r"[(\[“‘\"$€£¥+−-]*\w+(?:[.,'’/:-]\w+)*%?\s*|[^\w\s]\s*|\s+")


class ComparedWords(NamedTuple):
    """Consecutive words of a passage, and whether they differ from the other passage's."""

    text: str
    changed: bool


def changed_words(old: str, new: str) -> ReportSides[list[ComparedWords]]:
    """Segment two texts into words that both have and words that the other has not.

    Unchanged function words and punctuation between two changes count as changed: that reads
    better.

    >>> changed_words("Police opened 34 cases.", "Police opened 29 cases.").new[:2]
    [ComparedWords(text='Police opened ', changed=False), ComparedWords(text='29 ', changed=True)]
    """
    old_words = _WORD.findall(old)
    new_words = _WORD.findall(new)
    if max(len(old_words), len(new_words)) > MAX_WORDS:
        changed = normalize_wording(old) != normalize_wording(new)
        return ReportSides([ComparedWords(old, changed)], [ComparedWords(new, changed)])
    kept = _runs_unchanged_in_both(
        [normalize_wording(word) for word in old_words], [normalize_wording(w) for w in new_words]
    )
    kept_old = {at for run in kept for at in range(run.a, run.a + run.size)}
    kept_new = {at for run in kept for at in range(run.b, run.b + run.size)}
    return ReportSides(
        _group_changed_words(old_words, kept_old), _group_changed_words(new_words, kept_new)
    )


def _runs_unchanged_in_both(old: Sequence[str], new: Sequence[str]) -> list[Run]:
    """Return the runs of words that both texts have and that have a content word, or an end."""
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    runs = [run for run in matcher.get_matching_blocks() if run.size]
    kept = []
    for run in runs:
        words = old[run.a : run.a + run.size]
        has_content = any(word.isalnum() and word not in STOP_WORDS for word in words)
        begins_both = run.a == run.b == 0
        ends_both = run.a + run.size == len(old) and run.b + run.size == len(new)
        if has_content or begins_both or ends_both:
            kept.append(run)
    return kept


def _group_changed_words(words: Sequence[str], kept: set[int]) -> list[ComparedWords]:
    runs = groupby(enumerate(words), key=lambda numbered: numbered[0] not in kept)
    return [ComparedWords("".join(word for _, word in run), changed) for changed, run in runs]
