"""Wording that two passages have in common, by the order of their terms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from difflib import Match as Run
from difflib import SequenceMatcher
from typing import Final

from tipclassify.reports.compare.terms import ComparedTerms

__all__ = [
    "MAX_WORDS",
    "MIN_WORDING",
    "are_parts_of_wording",
    "has_shared_wording_of_part",
    "is_part_of_matched_passage",
    "least_shared_wording",
    "wording_share",
]

MIN_WORDING: Final = 0.45
"""Least share of content words, 0 to 1, of a reworded passage and its match, in the same order.

Chosen on 140 pairs from twelve countries' reports of two years, read one by one (none of them a
report that we measure on): from 0.4 to 0.45 one in five says the same thing reworded, from 0.45 to
0.5 half, above nine in ten.
"""

MAX_WORDS: Final = 2_000
"""Words of a passage that are compared; a word-by-word diff of longer ones would take minutes."""

# in any order: then a clause has moved to the other end of its sentence
_WORDING_REORDERED: Final = 0.65
# of different sections, or of other people and places, said in like words
_WORDING_STRICT: Final = 0.6
_WORDING_OTHER_DAY: Final = 0.85  # of what happened on other days, which is reported in like words
_WORDING_SHARED: Final = 0.6  # of a passage whose match has a better one
_WORDING_SHARED_APART: Final = 0.75  # and if that is in another section
# content words of it then: "authorities did not enforce the law" is about other laws there
_MIN_APART: Final = 6
# content words without names of a part of a passage in another section
_MIN_CONTAINED_APART: Final = 8
_CONTAINED: Final = 0.8  # share of a passage's content words that stand together in a longer one
_MIN_CONTAINED: Final = 4  # content words of it; fewer are a phrase
# content words of it, below which all must be in the longer one, side by side
_ALL_CONTAINED: Final = 6
# content words without names that two parts of sentences have side by side, half of one of them
_MIN_HALF: Final = 5
# words of the longer passage that they may lie among, for each word of the shorter one
_SPREAD: Final = 1.5
_MIN_REST: Final = 1 / 3  # share of a split sentence that one of its parts must have
# share of a part's content words in the whole sentence that this had in another year, too
_MIN_IN_OTHER_YEAR: Final = 0.5
# share of a part's content words in the whole sentence that its other part does not have
_MIN_OF_OWN: Final = 0.5


def least_shared_wording(terms: ComparedTerms, first: int, second: int, apart: bool) -> float:
    """Return the least `wording_share` at which two passages say the same thing reworded.

    It is higher for passages `apart`, in different sections, with other names, or on other days.
    """
    if terms.are_of_other_days(first, second):
        return _WORDING_OTHER_DAY
    if apart or terms.name_others(first, second):
        return _WORDING_STRICT
    return MIN_WORDING


def wording_share(old: Sequence[int], new: Sequence[int]) -> float:
    """Compute the share of terms in common, 0 to 1: in one order, or nearly all in any order.

    The former is the similarity of Ratcliff and Metzener (1988).
    """
    length = max(len(old) + len(new), 1)
    in_any_order = 2 * (Counter(old) & Counter(new)).total() / length
    if in_any_order >= _WORDING_REORDERED or not in_any_order:
        return in_any_order
    # the runs that are found depend on which comes first
    first, second = sorted((list(old), list(new)))
    return 2 * sum(run.size for run in _runs_of_shared_terms(first, second)) / length


def _runs_of_shared_terms(first: Sequence[int], second: Sequence[int]) -> list[Run]:
    """Return the runs of terms that two passages have in common, in the same order."""
    if set(first).isdisjoint(second):
        return []
    matcher = SequenceMatcher(None, first[:MAX_WORDS], second[:MAX_WORDS], autojunk=False)
    return [run for run in matcher.get_matching_blocks() if run.size]


def is_part_of_matched_passage(
    passage: int, matched: int, terms: ComparedTerms, apart: bool
) -> bool:
    """Test whether a passage says what one says that has a better match.

    They may be halves of a sentence that was split, or one stands in the other. `apart`: they are
    in different sections.
    """
    if terms.are_of_other_days(passage, matched):
        return False
    own = terms.words[passage]
    other = terms.words[matched]
    if not apart:
        return (
            wording_share(own, other) >= _WORDING_SHARED
            or _is_wording_within(own, other)
            or _is_part_of_split_wording(other, own)
            or _has_half_of_wording(own, other, terms.names[passage])
        )
    without_names = [term for term in own if term not in terms.names[passage]]
    if len(without_names) >= _MIN_CONTAINED_APART and _is_wording_within(without_names, other):
        return True
    is_long = min(len(own), len(other)) >= _MIN_APART
    return is_long and wording_share(own, other) >= _WORDING_SHARED_APART


def are_parts_of_wording(first: Sequence[int], second: Sequence[int], whole: Sequence[int]) -> bool:
    """Test whether two passages each say what the other does not say of a whole sentence.

    >>> are_parts_of_wording([1, 2, 3], [4, 5, 6], [1, 2, 3, 4, 5, 6])
    True
    >>> are_parts_of_wording([1, 2, 3, 4, 5], [4, 5, 6], [1, 2, 3, 4, 5, 6])
    False
    """
    of_first = Counter(first) & Counter(whole)
    of_second = Counter(second) & Counter(whole)
    own_of_first = (of_first - of_second).total()
    own_of_second = (of_second - of_first).total()
    return (
        own_of_first >= _MIN_OF_OWN * of_first.total() > 0
        and own_of_second >= _MIN_OF_OWN * of_second.total() > 0
    )


def has_shared_wording_of_part(
    part: Sequence[int], whole: Sequence[int], other: Sequence[int]
) -> bool:
    """Test whether most of the terms that a part shares with a sentence stand in another one.

    >>> has_shared_wording_of_part([4, 5, 6], [1, 2, 3, 4, 5, 6], [1, 2, 3])
    False
    """
    shared = Counter(part) & Counter(whole)
    return (shared & Counter(other)).total() >= _MIN_IN_OTHER_YEAR * shared.total()


def _has_half_of_wording(own: Sequence[int], other: Sequence[int], names: set[int]) -> bool:
    """Test whether half of a passage stands in another in one piece: the rest is cut or new."""
    for run in _runs_of_shared_terms(own, other):
        piece = own[run.a : run.a + run.size]
        if 2 * len(piece) >= len(own) and sum(term not in names for term in piece) >= _MIN_HALF:
            return True
    return False


def _is_part_of_split_wording(part: Sequence[int], whole: Sequence[int]) -> bool:
    """Test whether a passage is a large part of a longer one, which was split or cut."""
    return len(part) >= _MIN_REST * len(whole) and _is_wording_within(part, whole)


def _is_wording_within(part: Sequence[int], whole: Sequence[int]) -> bool:
    """Test whether nearly all terms of a passage stand together in a longer one."""
    if not _MIN_CONTAINED <= len(part) < len(whole):
        return False
    runs = _runs_of_shared_terms(part, whole)
    shared = sum(run.size for run in runs)
    if len(part) < _ALL_CONTAINED:
        return len(runs) == 1 and shared == len(part)
    if shared < len(part) * _CONTAINED:
        return False
    extent = runs[-1].b + runs[-1].size - runs[0].b
    return extent <= _SPREAD * len(part)
