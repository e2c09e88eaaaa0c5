"""Words of two passages: how two years write the same text, what they share, what changed.

Texts and headings are folded, so that equal ones differ in nothing else. `terms_of` hashes the
content words of passages; how many of them two passages have in common, and in which order, says
whether one is the other reworded, or a part of it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import Match as Run
from difflib import SequenceMatcher
from itertools import groupby
from typing import Final

import numpy as np

from tipclassify.records import Passage
from tipclassify.text.sections import without_enumerator
from tipclassify.text.tokens import folded_words, tokenize
from tipclassify.text.words import NUMBER, hash_word

Words = tuple[str, bool]
"""Consecutive words of a passage, and whether they differ from the other passage's."""

MIN_WORDING: Final = 0.45
"""Least share of content words, 0 to 1, of a reworded passage and its match, in the same order.

Chosen on 140 pairs from twelve countries' reports of two years, read one by one (none of them a
report that we measure on): from 0.4 to 0.45 one in five says the same thing reworded, from 0.45 to
0.5 half, above nine in ten.
"""

MAX_WORDS: Final = 2_000
"""Words of a passage that are compared; a word-by-word diff of longer ones would take minutes."""

STOP_WORDS: Final = frozenset(
    """a about after again all also although an and any are as at be been before being between
    both but by can could did do does during each for from had has have he her here him his however
    if in into is it its may might more most must no nor not of on one only or other out over per
    she should so some such than that the their them then there these they this those to under up
    was were when where which while who whom whose will with without would""".split()
)
"""Words that the similarity of two passages ignores.

Negation is one of them: a change from "did" to "did not" must still match.
"""

# in any order: then a clause has moved to the other end of its sentence
_REORDERED: Final = 0.65
# of different sections, or of other people and places, said in like words
_STRICT: Final = 0.6
# of what happened on other days, or of a law and of what happens: they are reported in like words
_OTHER_CLAIM: Final = 0.85
_SHARED: Final = 0.6  # of a passage whose match has a better one
_SHARED_APART: Final = 0.75  # and if that is in another section
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

_QUOTES: Final = str.maketrans(dict.fromkeys("‘’‚‛´`", "'") | dict.fromkeys("“”„‟«»", '"'))
# Written with a hyphen one year and without it the next: "anti-Semitic", "non-governmental".
_PREFIX: Final = re.compile(
    r"\b(anti|co|multi|non|over|post|pre|re|semi|sub|under)-(\w)", re.IGNORECASE
)

_STOP_TERMS: Final = np.array(sorted({NUMBER, *map(hash_word, STOP_WORDS)}), np.uint64)
_MONTHS: Final = (
    "january|february|march|april|may|june|july|august|september|october|november|december"
)
# "As of May 20" dates a figure, which is another one the next year; "on May 20" dates an event.
_DAY: Final = re.compile(rf"\bon (?:{_MONTHS}) \d{{1,2}}\b")

_LAW: Final = r"\b(?:act|code|constitution|decree|law|legislation|statute)s?\b"
# a sentence that says what a law has and no more: "Selling children: The law prohibits …"
_OF_LAW: Final = re.compile(
    rf"(?:[^.:]{{1,60}}: )?(?:(?:an?|its|no|the) )?(?:[\w-]+ ){{0,2}}?{_LAW}"
    r"(?!.*\b(?:although|but|however|though|while|yet)\b)",
    re.IGNORECASE | re.DOTALL,
)

# A figure keeps its sign, and a word its opening bracket or quote, as one token: "($1.8".
_WORD: Final = re.compile(r"[(\[“‘\"$€£¥+−-]*\w+(?:[.,'’/:-]\w+)*%?\s*|[^\w\s]\s*|\s+")


# ------------------------------------------------------------------------------ texts and headings


def fold(text: str) -> str:
    """Fold white space, quotation marks and case, so that equal texts differ in nothing else.

    >>> fold("Courts  “slept”.")
    'courts "slept".'
    """
    return " ".join(text.translate(_QUOTES).casefold().split())


def _join_prefixes(text: str) -> str:
    """Join prefixes to their words.

    >>> _join_prefixes("Anti-Semitism among non-citizens")
    'Antisemitism among noncitizens'
    """
    return _PREFIX.sub(lambda match: match[1] + match[2].lower(), text) if "-" in text else text


def heading(passage: Passage) -> str:
    """Return the folded heading of a passage, without its number or letter."""
    return without_enumerator(fold(_join_prefixes(passage.section or "")))


# ------------------------------------------------------------------------------------------- terms


@dataclass(frozen=True, slots=True)
class Terms:
    """Hashed terms of a passage."""

    words: list[int]  # in order: stems of content words, and whole words of names
    names: set[int]  # those of names alone
    days: set[str]  # on which something happened: "on may 20"
    names_law: bool = False
    of_law: bool = False  # whether it says what a law has, and no more

    def name_others(self, other: Terms) -> bool:
        """Test whether both passages have names, and none in common."""
        return bool(self.names and other.names) and self.names.isdisjoint(other.names)

    def are_of_other_days(self, other: Terms) -> bool:
        """Test whether both passages say on which day something happened, and share no day."""
        return bool(self.days and other.days) and self.days.isdisjoint(other.days)

    def is_law_beside_event(self, other: Terms) -> bool:
        """Test whether one of two says what a law has, and the other names none."""
        return (self.of_law and not other.names_law) or (other.of_law and not self.names_law)


def terms_of(texts: Sequence[str], vocabulary: frozenset[str]) -> list[Terms]:
    """Extract the terms of each text; the `vocabulary` of lower-case words tells names apart."""
    if not texts:
        return []
    found = [
        Terms(
            words=[],
            names=set(),
            days=set(_DAY.findall(text.casefold())),
            names_law=re.search(_LAW, text, re.IGNORECASE) is not None,
            of_law=_OF_LAW.match(text) is not None,
        )
        for text in texts
    ]
    joined = [_join_prefixes(text) for text in texts]
    tokens = tokenize(joined, vocabulary)
    columns = (tokens.row, tokens.start, tokens.end, tokens.stem, tokens.name)
    is_content = ~np.isin(tokens.word, _STOP_TERMS)
    content = zip(*(column[is_content].tolist() for column in columns), strict=True)
    for row, start, end, stem, is_name in content:
        terms = found[row]
        if not is_name:
            terms.words.append(stem)
            continue
        for word in folded_words(joined[row][start:end]):
            if word not in STOP_WORDS:
                term = int(hash_word(word))
                terms.words.append(term)
                terms.names.add(term)
    return found


# ---------------------------------------------------------------------------------- shared wording


def are_reworded(first: Terms, second: Terms, apart: bool) -> bool:
    """Test whether two passages say the same thing reworded.

    More words must be the same in passages `apart`, in different sections, with other names, on
    other days, or where one says what a law has, and the other what happens. A short one of another
    section is about something else there.
    """
    least = MIN_WORDING
    if apart and min(len(first.words), len(second.words)) < _MIN_APART:
        return False
    if first.are_of_other_days(second) or first.is_law_beside_event(second):
        least = _OTHER_CLAIM
    elif apart or first.name_others(second):
        least = _STRICT
    return wording_share(first.words, second.words) >= least


def wording_share(old: Sequence[int], new: Sequence[int]) -> float:
    """Compute the share of terms in common, 0 to 1: in one order, or nearly all in any order.

    The former is the similarity of Ratcliff and Metzener (1988).
    """
    length = max(len(old) + len(new), 1)
    in_any_order = 2 * (Counter(old) & Counter(new)).total() / length
    if in_any_order >= _REORDERED or not in_any_order:
        return in_any_order
    # the runs that are found depend on which comes first
    first, second = sorted((list(old), list(new)))
    return 2 * sum(run.size for run in _shared_runs(first, second)) / length


def _shared_runs(first: Sequence[int], second: Sequence[int]) -> list[Run]:
    """Return the runs of terms that two passages have in common, in the same order."""
    if set(first).isdisjoint(second):
        return []
    matcher = SequenceMatcher(None, first[:MAX_WORDS], second[:MAX_WORDS], autojunk=False)
    return [run for run in matcher.get_matching_blocks() if run.size]


def is_part_of_matched(passage: Terms, matched: Terms, apart: bool) -> bool:
    """Test whether a passage says what one says that has a better match.

    They may be halves of a sentence that was split, or one stands in the other. `apart`: they are
    in different sections.
    """
    if passage.are_of_other_days(matched) or passage.is_law_beside_event(matched):
        return False
    own = passage.words
    other = matched.words
    if not apart:
        return (
            wording_share(own, other) >= _SHARED
            or _is_within(own, other)
            or (len(other) >= _MIN_REST * len(own) and _is_within(other, own))
            or _has_half(passage, other)
        )
    without_names = [term for term in own if term not in passage.names]
    if len(without_names) >= _MIN_CONTAINED_APART and _is_within(without_names, other):
        return True
    is_long = min(len(own), len(other)) >= _MIN_APART
    return is_long and wording_share(own, other) >= _SHARED_APART


def says_rest(part: Terms, whole: Terms, match: Terms) -> bool:
    """Test whether a passage says in one piece what a sentence says beside its match: it was split.

    >>> whole, match = Terms([1, 2, 3, 4, 5, 6, 7], set(), set()), Terms([6, 7], set(), set())
    >>> says_rest(Terms([1, 2, 3, 4, 5, 8, 9], set(), set()), whole, match)
    True
    """
    rest = [term for term in whole.words if term not in match.words]
    longest = max((run.size for run in _shared_runs(rest, part.words)), default=0)
    return longest >= max(_MIN_HALF, len(rest) / 2)


def are_parts(first: Sequence[int], second: Sequence[int], whole: Sequence[int]) -> bool:
    """Test whether two passages each say what the other does not say of a whole sentence.

    >>> are_parts([1, 2, 3], [4, 5, 6], [1, 2, 3, 4, 5, 6])
    True
    >>> are_parts([1, 2, 3, 4, 5], [4, 5, 6], [1, 2, 3, 4, 5, 6])
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


def has_part(part: Sequence[int], whole: Sequence[int], other: Sequence[int]) -> bool:
    """Test whether most of the terms that a part shares with a sentence stand in another one.

    >>> has_part([4, 5, 6], [1, 2, 3, 4, 5, 6], [1, 2, 3])
    False
    """
    shared = Counter(part) & Counter(whole)
    return (shared & Counter(other)).total() >= _MIN_IN_OTHER_YEAR * shared.total()


def _has_half(passage: Terms, other: Sequence[int]) -> bool:
    """Test whether half of a passage stands in another in one piece: the rest is cut or new."""
    own = passage.words
    for run in _shared_runs(own, other):
        piece = own[run.a : run.a + run.size]
        without_names = [term for term in piece if term not in passage.names]
        if 2 * len(piece) >= len(own) and len(without_names) >= _MIN_HALF:
            return True
    return False


def _is_within(part: Sequence[int], whole: Sequence[int]) -> bool:
    """Test whether nearly all terms of a passage stand together in a longer one."""
    if not _MIN_CONTAINED <= len(part) < len(whole):
        return False
    runs = _shared_runs(part, whole)
    shared = sum(run.size for run in runs)
    if len(part) < _ALL_CONTAINED:
        return len(runs) == 1 and shared == len(part)
    if shared < len(part) * _CONTAINED:
        return False
    extent = runs[-1].b + runs[-1].size - runs[0].b
    return extent <= _SPREAD * len(part)


# ----------------------------------------------------------------------------------- changed words


def changed_words(old: str, new: str) -> tuple[list[Words], list[Words]]:
    """Segment two texts into words that both have and words that the other has not.

    Unchanged function words and punctuation between two changes count as changed: that reads
    better.

    >>> changed_words("Police opened 34 cases.", "Police opened 29 cases.")[1][:2]
    [('Police opened ', False), ('29 ', True)]
    """
    old_words = _WORD.findall(old)
    new_words = _WORD.findall(new)
    if max(len(old_words), len(new_words)) > MAX_WORDS:
        changed = fold(old) != fold(new)
        return [(old, changed)], [(new, changed)]
    folded_old = list(map(fold, old_words))
    folded_new = list(map(fold, new_words))
    matcher = SequenceMatcher(None, folded_old, folded_new, autojunk=False)
    kept_old: set[int] = set()  # words that both have, with a content word among them, or at an end
    kept_new: set[int] = set()
    for first, second, size in matcher.get_matching_blocks():
        words = folded_old[first : first + size]
        has_content = any(word.isalnum() and word not in STOP_WORDS for word in words)
        begins_both = first == second == 0
        ends_both = first + size == len(old_words) and second + size == len(new_words)
        if has_content or begins_both or ends_both:
            kept_old.update(range(first, first + size))
            kept_new.update(range(second, second + size))
    return _joined(old_words, kept_old), _joined(new_words, kept_new)


def _joined(words: Sequence[str], kept: set[int]) -> list[Words]:
    runs = groupby(enumerate(words), key=lambda numbered: numbered[0] not in kept)
    return [("".join(word for _, word in run), changed) for changed, run in runs]
