"""Alignment of two reports, by their text alone: which passage stands in the other report, word for
word or reworded.

Two steps. `align` matches passages one to one: equal ones first, then by the tf-idf cosine of their
content words. `continuations` then says of each passage whether the other report repeats, moves or
rewords it, or has nothing of it; there, two passages may continue one, as when a sentence is split
or stands in the summary, too.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import Match as Block
from difflib import SequenceMatcher
from itertools import groupby
from operator import itemgetter
from typing import Final, NamedTuple

import numpy as np

from tipclassify.arrays import Bools, Floats, Ints
from tipclassify.corpus.near_duplicates import tfidf
from tipclassify.text.document import Passage
from tipclassify.text.features.tokenizer import tokenize, words_of
from tipclassify.text.features.vocabulary import NAME, NUMBER, hash_word

__all__ = [
    "SIMILAR",
    "WORDING",
    "Alignment",
    "Continuation",
    "Match",
    "Nearest",
    "Segment",
    "align",
    "changed_words",
    "continuations",
    "normalize",
    "shared_words",
]

SIMILAR: Final = 0.32
"""Minimum similarity, 0 to 1, of a match within a section.

Chosen on 60 pairs of sentences judged by hand, 41 reworded and 19 unrelated but of similar build: it matches 40 of the
41 and 4 of the 19; on 35 held-out pairs all 22 reworded ones and none of the 13 others (`test_compare.py`).
"""

WORDING: Final = 0.45
"""Minimum share of content words, 0 to 1, that a reworded passage has in common with its match, in the same order.

Chosen on 140 pairs from twelve countries' reports of two years, read one by one (none of them a report that we measure
on): from 0.4 to 0.45 one in five says the same thing reworded, from 0.45 to 0.5 half, above nine in ten.
"""

# in any order: then a clause has moved to the other end of its sentence
_WORDING_REORDERED: Final = 0.65
# of different sections, or of other people and places, said in like words
_WORDING_STRICT: Final = 0.6
_WORDING_BETWEEN: Final = 0.3  # of a passage alone between the same neighbours in both reports
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
_WORDING_OTHER_DAY: Final = 0.85  # of what happened on other days, which is told in like words
# words of the longer passage that they may lie among, for each word of the shorter one
_SPREAD: Final = 1.5

_APART: Final = 0.15  # penalty on the similarity of passages in different sections
# similarity below which the nearest passage of the other report is on another subject
_MIN_NEAREST: Final = 0.2
# shared words; two, as "domestic violence" or "minimum wage", make a subject, not a match
_MIN_SHARED: Final = 3
_MIN_REST: Final = 1 / 3  # share of a split sentence that one of its parts must have

_MAX_WORDS: Final = 2_000  # of a passage; a word-by-word diff of longer ones would take minutes
# for each passage: a report that repeats one line a thousand times must not fill memory
_MAX_CANDIDATES: Final = 100
_CHUNK: Final = 500  # passages of OLD compared with all of NEW at a time

# index → that of the most similar passage of the other report, similarity
Nearest = dict[int, tuple[int, float]]


class Match(NamedTuple):
    """Indices of two matched passages; `same` means equal except for white space, quotation marks
    and case.

    Unless they are `alike`, with `WORDING` in common, the new passage stands in the place of the
    old one, on the same matter, but says it, or something else, in other words.
    """

    old: int
    new: int
    similarity: float
    same: bool
    alike: bool = True


def align(
    old: Sequence[Passage], new: Sequence[Passage], vocabulary: frozenset[str]
) -> tuple[list[Match], tuple[Nearest, Nearest]]:
    """Match passages one to one, in the order of `Match.old`, and find for each of either report
    its nearest one.

    Equal passages are matched first. The similarity of the others is the cosine of tf-idf vectors
    of stems of content words and of words of names (Salton and Buckley 1988), which the
    `vocabulary` of lower-case words tells apart. The matching is greedy, most similar pair first,
    ties by position; its total similarity is at least half of the maximum (Preis 1999, STACS, LNCS
    1563:259-269).

    >>> texts = "Courts convicted nine traffickers.", "In May, courts convicted no traffickers."
    >>> align(*([Passage(text, 0, len(text))] for text in texts), frozenset({"courts"}))[0]
    [Match(old=0, new=0, similarity=1.0, same=False, alike=True)]
    """
    terms = _terms([passage.text for passage in (*old, *new)], vocabulary)
    candidates = _find_candidates(old, new, terms)
    return _match(old, new, terms, candidates), _nearest(candidates)


def _match(
    old: Sequence[Passage], new: Sequence[Passage], terms: _Terms, candidates: _Candidates
) -> list[Match]:
    sections = _sections(old, new)
    matches = [Match(i, j, 1.0, True) for i, j in _equal_pairs(old, new, sections=sections)]
    taken_old, taken_new = ({match[side] for match in matches} for side in (0, 1))
    olds, news = candidates.olds, candidates.news
    score = np.where(
        candidates.enough, candidates.similarity - np.where(candidates.apart, _APART, 0.0), 0.0
    )
    # By descending score, then by distance in position; the order is symmetric in OLD and NEW.
    ties = [
        np.maximum(olds, news),
        np.minimum(olds, news),
        np.abs(olds / max(len(old), 1) - news / max(len(new), 1)),
    ]
    order = [at for at in np.lexsort([*ties, -score]) if score[at] >= SIMILAR]
    # The same statement reworded goes before another one on the same matter.
    for alike in (True, False):
        for at in order:
            i, j = int(olds[at]), int(news[at])
            if i in taken_old or j in taken_new:
                continue
            others = len(old) + j
            strict = candidates.apart[at] or terms.name_others(i, others)
            least = _WORDING_STRICT if strict else WORDING
            if terms.are_of_other_days(i, others):
                least = _WORDING_OTHER_DAY
            if not alike or _wording(terms.words[i], terms.words[others]) >= least:
                taken_old.add(i)
                taken_new.add(j)
                matches.append(Match(i, j, float(candidates.similarity[at]), False, alike))
    return sorted(matches)


def _nearest(candidates: _Candidates) -> tuple[Nearest, Nearest]:
    nearest: tuple[Nearest, Nearest] = ({}, {})
    for at in candidates.by_similarity():
        i, j, similarity = (
            int(candidates.olds[at]),
            int(candidates.news[at]),
            float(candidates.similarity[at]),
        )
        nearest[0].setdefault(i, (j, similarity))
        nearest[1].setdefault(j, (i, similarity))
    return nearest


@dataclass(frozen=True, slots=True)
class Continuation:
    """Passage of the other report that says what a passage says."""

    index: int
    status: str  # "repeated", "moved" (the same words in another section) or "reworded"
    similarity: float  # 0 to 1
    # whether another passage has it as its match: a sentence that was split, or stands twice
    shared: bool = False


@dataclass(frozen=True, slots=True)
class Alignment:
    """For each passage of OLD and of NEW its continuation; None for one that is gone, or new.

    `nearest` has for these the most similar passage of the other report, if any is; `instead` those
    that stand in their place, on the same matter in other words.
    """

    old: list[Continuation | None]
    new: list[Continuation | None]
    nearest: tuple[Nearest, Nearest]
    instead: tuple[Nearest, Nearest]


def continuations(
    old: Sequence[Passage], new: Sequence[Passage], vocabulary: frozenset[str]
) -> Alignment:
    """Find for each passage of two reports what it says in the other.

    >>> year, next_year = ("Courts convicted nine traffickers.", "Roads are bad."), ("Courts convicted two traffickers.",)
    >>> reports = ([Passage(text, 0, len(text)) for text in texts] for texts in (year, next_year))
    >>> [one and one.status for one in continuations(*reports, frozenset({"courts"})).old]
    ['reworded', None]
    """
    terms = _terms([passage.text for passage in (*old, *new)], vocabulary)
    candidates = _find_candidates(old, new, terms)
    matches = _match(old, new, terms, candidates)
    moved = _moved(old, new, matches)
    found: tuple[dict[int, Continuation], dict[int, Continuation]] = ({}, {})
    instead: tuple[Nearest, Nearest] = ({}, {})
    for match in matches:
        if not match.alike:
            instead[0][match.old] = match.new, match.similarity
            instead[1][match.new] = match.old, match.similarity
        else:
            status = "reworded" if not match.same else "moved" if match in moved else "repeated"
            found[0][match.old] = Continuation(match.new, status, match.similarity)
            found[1][match.new] = Continuation(match.old, status, match.similarity)
    _share_equal(old, new, found)
    _fill_gaps(old, new, terms, found)
    _share_reworded(terms, len(old), candidates, found)
    sides = [[found[0].get(i) for i in range(len(old))], [found[1].get(j) for j in range(len(new))]]
    return Alignment(sides[0], sides[1], _nearest(candidates), instead)


def _moved(old: Sequence[Passage], new: Sequence[Passage], matches: Sequence[Match]) -> set[Match]:
    """Find the equal matches in different sections; a heading that was renamed is the same
    section."""
    names = [[_heading(passage) for passage in passages] for passages in (old, new)]
    here, there = (set(side) for side in names)
    votes: tuple[dict[str, Counter[str]], dict[str, Counter[str]]] = (
        defaultdict(Counter),
        defaultdict(Counter),
    )
    for match in matches:
        before, after = names[0][match.old], names[1][match.new]
        votes[0][before][after] += 1
        votes[1][after][before] += 1

    def is_renamed(before: str, after: str) -> bool:
        if before in there or after in here:
            return False
        return (
            votes[0][before].most_common(1)[0][0] == after
            and votes[1][after].most_common(1)[0][0] == before
        )

    moved = set()
    for match in matches:
        before, after = names[0][match.old], names[1][match.new]
        if match.same and before != after and not is_renamed(before, after):
            moved.add(match)
    return moved


def _share_equal(
    old: Sequence[Passage],
    new: Sequence[Passage],
    found: tuple[dict[int, Continuation], dict[int, Continuation]],
) -> None:
    """Give a passage that stands twice in one report, and once in the other, the same passage
    there."""
    for side, (passages, others) in enumerate(((old, new), (new, old))):
        places: defaultdict[str, list[int]] = defaultdict(list)
        for at, passage in enumerate(others):
            places[normalize(passage.text)].append(at)
        for at, passage in enumerate(passages):
            if at in found[side] or not (equal := places.get(normalize(passage.text))):
                continue
            here = [other for other in equal if _heading(others[other]) == _heading(passage)]
            status = "repeated" if here else "moved"
            found[side][at] = Continuation((here or equal)[0], status, 1.0, shared=True)


def _fill_gaps(
    old: Sequence[Passage],
    new: Sequence[Passage],
    terms: _Terms,
    found: tuple[dict[int, Continuation], dict[int, Continuation]],
) -> None:
    """Pair two passages without a match that stand alone between the same neighbours, if they
    share some wording."""
    sections = _sections(old, new)
    for i in range(len(old)):
        if i in found[0]:
            continue
        before, after = (_neighbour(found[0], sections[0], i, step) for step in (-1, 1))
        places = ([before + 1] if before >= 0 else []) + ([after - 1] if after >= 0 else [])
        if not places or not 0 <= places[0] < len(new):
            continue
        j = places[0]
        if j in found[1] or sections[0][i] != sections[1][j] or terms.name_others(i, len(old) + j):
            continue
        if terms.are_of_other_days(i, len(old) + j):
            continue
        wording = _wording(terms.words[i], terms.words[len(old) + j])
        if wording >= _WORDING_BETWEEN and _stand_alike(i, j, found, sections):
            found[0][i] = Continuation(j, "reworded", wording)
            found[1][j] = Continuation(i, "reworded", wording)


def _stand_alike(
    i: int,
    j: int,
    found: tuple[dict[int, Continuation], dict[int, Continuation]],
    sections: list[list[str]],
) -> bool:
    """Test whether two passages stand between the same neighbours, or at the same end of their
    section."""
    for step in (-1, 1):
        there, back = (
            _neighbour(found[0], sections[0], i, step),
            _neighbour(found[1], sections[1], j, step),
        )
        if (there, back) not in ((j + step, i + step), (_EDGE, _EDGE)):
            return False
    return True


_EDGE: Final = -1  # in place of a neighbour, beyond the section
_UNMATCHED: Final = -2


def _neighbour(found: dict[int, Continuation], sections: Sequence[str], at: int, step: int) -> int:
    """Return what continues the passage before (-1) or after (1) one, or `_EDGE` or
    `_UNMATCHED`."""
    beside = at + step
    if not 0 <= beside < len(sections) or sections[beside] != sections[at]:
        return _EDGE
    return found[beside].index if beside in found else _UNMATCHED


def _share_reworded(
    terms: _Terms,
    olds: int,
    candidates: _Candidates,
    found: tuple[dict[int, Continuation], dict[int, Continuation]],
) -> None:
    """Give a passage without a match one that says the same and is matched: a sentence that was
    split, or joined."""
    for at in candidates.by_similarity():
        i, j, similarity = (
            int(candidates.olds[at]),
            int(candidates.news[at]),
            float(candidates.similarity[at]),
        )
        apart = bool(candidates.apart[at])
        for side, own, other in ((0, i, j), (1, j, i)):
            if own in found[side]:
                continue
            one, another = (i, olds + j) if side == 0 else (olds + j, i)
            if _says_the_same(one, another, terms, apart):
                found[side][own] = Continuation(other, "reworded", similarity, shared=True)


_LETTERING: Final = re.compile(r"^(?:[a-z]|[0-9]+|[ivx]+)[.)]\s+")


def _heading(passage: Passage) -> str:
    return _LETTERING.sub("", normalize(_join_prefixes(passage.section or "")))


def _sections(*reports: Sequence[Passage]) -> list[list[str]]:
    """Return the section of each passage; all headings that only one report has become one, as
    they may be renamed."""
    names = [[_heading(passage) for passage in passages] for passages in reports]
    shared = set(names[0]) & set(names[1])
    return [[name if name in shared else "\0" for name in of_report] for of_report in names]


def _equal_pairs(
    *reports: Sequence[Passage], sections: list[list[str]]
) -> Iterator[tuple[int, int]]:
    """Yield pairs of equal passages: first within a section, then across sections, in the order
    of the text."""
    left, right = (
        {at: normalize(passage.text) for at, passage in enumerate(passages)} for passages in reports
    )
    for within in (True, False):
        waiting: dict[tuple[str, str], list[int]] = defaultdict(list)
        for i in sorted(left, reverse=True):
            waiting[left[i], sections[0][i] if within else ""].append(i)
        for j in sorted(right):
            if stack := waiting.get((right[j], sections[1][j] if within else "")):
                i = stack.pop()
                del left[i], right[j]
                yield i, j


_QUOTES: Final = str.maketrans(dict.fromkeys("‘’‚‛´`", "'") | dict.fromkeys("“”„‟«»", '"'))


def normalize(text: str) -> str:
    """Return a text such that equal ones differ at most in white space, quotation marks and
    case."""
    return " ".join(text.translate(_QUOTES).casefold().split())


_FUNCTION_WORDS: Final = frozenset(
    """a about after again all also although an and any are as at be been before being between both but by can could
    did do does during each for from had has have he her here him his however if in into is it its may might more
    most must no nor not of on one only or other out over per she should so some such than that the their them
    then there these they this those to under up was were when where which while who whom whose will with without
    would""".split()
)
"""Stop words, which similarity ignores. Negation is one of them: a change from "did" to "did not" must still match."""

_STOP_TERMS: Final = np.array(sorted({NUMBER, *map(hash_word, _FUNCTION_WORDS)}), np.uint64)


@dataclass(frozen=True, slots=True)
class _Candidates:
    """Pairs (n,) that may match: indices in OLD and NEW, similarity, and two conditions."""

    olds: Ints
    news: Ints
    similarity: Floats
    enough: Bools  # whether they share enough words
    apart: Bools  # whether they are in different sections

    def by_similarity(self) -> Ints:
        """Return the places of the pairs, most similar first; the order is symmetric in OLD and
        NEW."""
        ties = [
            np.maximum(self.olds, self.news),
            np.minimum(self.olds, self.news),
            np.abs(self.olds - self.news),
        ]
        return np.lexsort([*ties, -self.similarity])


def _find_candidates(old: Sequence[Passage], new: Sequence[Passage], terms: _Terms) -> _Candidates:
    """Find all candidate pairs; `terms` are those of OLD, then those of NEW."""
    olds, sections = len(old), _sections(old, new)
    news = len(new)
    vectors = tfidf(terms.words)
    present, sizes = vectors.sign(), np.diff(vectors.indptr)
    found = []
    for first in range(0, max(olds, 1), _CHUNK):  # the full similarity matrix may not fit in memory
        rows, rest = slice(first, min(first + _CHUNK, olds)), slice(olds, None)
        cosine, shared = vectors[rows] @ vectors[rest].T, present[rows] @ present[rest].T
        # the same sparsity pattern: sorted, their entries correspond
        for product in (cosine, shared):
            product.sort_indices()
        pairs = cosine.tocoo()
        i, j, similarity = pairs.row + first, pairs.col, np.minimum(pairs.data, 1.0)
        enough = shared.data >= np.minimum(_MIN_SHARED, np.minimum(sizes[i], sizes[olds + j]))
        gap = np.abs(i / max(olds, 1) - j / max(news, 1))
        order = np.lexsort([gap, -similarity, i])
        order = order[similarity[order] >= _MIN_NEAREST]
        order = order[np.arange(len(order)) - np.searchsorted(i[order], i[order]) < _MAX_CANDIDATES]
        found.append((i[order], j[order], similarity[order], enough[order]))
    i, j, similarity, enough = map(np.concatenate, zip(*found, strict=True))
    apart = [sections[0][a] != sections[1][b] for a, b in zip(i, j, strict=True)]
    return _Candidates(i, j, similarity, enough, np.array(apart, bool))


def shared_words(
    olds: Sequence[str], news: Sequence[str], vocabulary: frozenset[str]
) -> Iterator[tuple[int, int, float, int]]:
    """Yield pairs of texts that share content words: their places, tf-idf cosine and number of
    words, highest first."""
    terms = _terms([*olds, *news], vocabulary)
    if not olds or not news:
        return
    vectors = tfidf(terms.words)
    pairs = (vectors[: len(olds)] @ vectors[len(olds) :].T).tocoo()
    for at in np.lexsort([pairs.col, pairs.row, -pairs.data]):
        i, j = int(pairs.row[at]), int(pairs.col[at])
        shared = len(set(terms.words[i]) & set(terms.words[len(olds) + j]))
        yield i, j, float(pairs.data[at]), shared


@dataclass(frozen=True, slots=True)
class _Terms:
    """Hashed terms of each passage."""

    words: list[list[int]]  # in order: stems of content words, and whole words of names
    names: list[set[int]]  # those of names alone
    days: list[set[str]]  # on which something happened: "on may 20"

    def name_others(self, one: int, another: int) -> bool:
        """Test whether two passages both have names, and none in common."""
        here, there = self.names[one], self.names[another]
        return bool(here) and bool(there) and here.isdisjoint(there)

    def are_of_other_days(self, one: int, another: int) -> bool:
        """Test whether two passages both say on which day something happened, and no day is the
        same."""
        here, there = self.days[one], self.days[another]
        return bool(here) and bool(there) and here.isdisjoint(there)


# "As of May 20" dates a figure, which is another one the next year; "on May 20" dates an event.
_DAY: Final = re.compile(
    r"\bon (?:january|february|march|april|may|june|july|august|september|october|november|december) \d{1,2}\b"
)

# Written with a hyphen one year and without it the next: "anti-Semitic", "non-governmental".
_PREFIX: Final = re.compile(
    r"\b(anti|co|multi|non|over|post|pre|re|semi|sub|under)-(\w)", re.IGNORECASE
)


def _join_prefixes(text: str) -> str:
    """Join prefixes to their words.

    >>> _join_prefixes("Anti-Semitism among non-citizens")
    'Antisemitism among noncitizens'
    """
    return _PREFIX.sub(lambda found: found[1] + found[2].lower(), text) if "-" in text else text


def _terms(texts: Sequence[str], vocabulary: frozenset[str]) -> _Terms:
    placed: list[list[tuple[int, int]]] = [[] for _ in texts]  # terms with their positions
    names: list[set[int]] = [set() for _ in texts]
    if not texts:
        return _Terms([], [], [])
    joined = [_join_prefixes(text) for text in texts]
    tokens = tokenize(joined, vocabulary)
    name = tokens.word == NAME
    plain = ~name & ~np.isin(tokens.word, _STOP_TERMS)
    rows, starts, stems = (
        values[plain].tolist() for values in (tokens.row, tokens.start, tokens.stem)
    )
    for row, start, stem in zip(rows, starts, stems, strict=True):
        placed[row].append((start, stem))
    rows, starts, ends = (
        values[name].tolist() for values in (tokens.row, tokens.start, tokens.end)
    )
    for row, start, end in zip(rows, starts, ends, strict=True):
        spelled = words_of(joined[row][start:end])
        hashed = [int(hash_word(word)) for word in spelled if word not in _FUNCTION_WORDS]
        placed[row] += [(start, word) for word in hashed]
        names[row].update(hashed)
    # Sorted by position alone: the words of a name stay in their order.
    words = [[term for _, term in sorted(terms, key=itemgetter(0))] for terms in placed]
    return _Terms(words, names, [set(_DAY.findall(text.casefold())) for text in texts])


def _common(old: Sequence[int], new: Sequence[int]) -> list[Block]:
    """Return the runs of terms that two passages have in common, in the same order."""
    if set(old).isdisjoint(new):
        return []
    matcher = SequenceMatcher(None, old[:_MAX_WORDS], new[:_MAX_WORDS], autojunk=False)
    return [run for run in matcher.get_matching_blocks() if run.size]


def _wording(old: Sequence[int], new: Sequence[int]) -> float:
    """Compute the share of terms in common, 0 to 1: in the same order, or nearly all in any order.

    The former is the similarity of Ratcliff and Metzener (1988).
    """
    either = max(len(old) + len(new), 1)
    any_order = 2 * (Counter(old) & Counter(new)).total() / either
    if any_order >= _WORDING_REORDERED or not any_order:
        return any_order
    # the runs that are found depend on which comes first
    first, second = sorted((list(old), list(new)))
    return 2 * sum(run.size for run in _common(first, second)) / either


def _says_the_same(one: int, another: int, terms: _Terms, apart: bool) -> bool:
    """Test whether a passage says what one says that has a better match; `apart` in another
    section."""
    own, other = terms.words[one], terms.words[another]
    if terms.are_of_other_days(one, another):
        return False
    if not apart:
        return (
            _wording(own, other) >= _WORDING_SHARED
            or _is_within(own, other)
            or _is_rest(other, own)
            or _has_half(own, other, terms.names[one])
        )
    plain = [term for term in own if term not in terms.names[one]]
    if len(plain) >= _MIN_CONTAINED_APART and _is_within(plain, other):
        return True
    return min(len(own), len(other)) >= _MIN_APART and _wording(own, other) >= _WORDING_SHARED_APART


def _has_half(own: Sequence[int], other: Sequence[int], names: set[int]) -> bool:
    """Test whether half of a passage stands in another one in one piece: the other half was cut,
    or is new."""
    for run in _common(own, other):
        piece = own[run.a : run.a + run.size]
        if 2 * len(piece) >= len(own) and sum(term not in names for term in piece) >= _MIN_HALF:
            return True
    return False


def _is_rest(part: Sequence[int], whole: Sequence[int]) -> bool:
    """Test whether a passage is a large part of a longer one, which was split or cut."""
    return len(part) >= _MIN_REST * len(whole) and _is_within(part, whole)


def _is_within(part: Sequence[int], whole: Sequence[int]) -> bool:
    """Test whether nearly all terms of a passage stand together in a longer one."""
    if not _MIN_CONTAINED <= len(part) < len(whole):
        return False
    runs = _common(part, whole)
    shared = sum(run.size for run in runs)
    if len(part) < _ALL_CONTAINED:
        return len(runs) == 1 and shared == len(part)
    if shared < len(part) * _CONTAINED:
        return False
    return runs[-1].b + runs[-1].size - runs[0].b <= _SPREAD * len(part)


# A figure keeps its sign, and a word its opening bracket or quote, as one token: "($1.8".
_WORD: Final = re.compile(r"[(\[“‘\"$€£¥+−-]*\w+(?:[.,'’/:-]\w+)*%?\s*|[^\w\s]\s*|\s+")


class Segment(NamedTuple):
    """Consecutive words of a passage, and whether they differ from the other passage of the
    pair."""

    text: str
    changed: bool


def changed_words(old: str, new: str) -> tuple[list[Segment], list[Segment]]:
    """Segment two texts into words that both have and words that the other has not.

    Unchanged function words and punctuation between two changes count as changed: that reads
    better.

    >>> changed_words("Police opened 34 cases.", "Police opened 29 cases.")[1][:2]
    [Segment(text='Police opened ', changed=False), Segment(text='29 ', changed=True)]
    """
    left, right = _WORD.findall(old), _WORD.findall(new)
    if max(len(left), len(right)) > _MAX_WORDS:
        equal = normalize(old) == normalize(new)
        return [Segment(old, not equal)], [Segment(new, not equal)]
    a, b = ([normalize(word) for word in words] for words in (left, right))
    runs = [
        run for run in SequenceMatcher(None, a, b, autojunk=False).get_matching_blocks() if run.size
    ]
    kept = [
        run
        for at, run in enumerate(runs)
        if any(
            word.isalnum() and word not in _FUNCTION_WORDS for word in a[run.a : run.a + run.size]
        )
        or (at == 0 and run.a == run.b == 0)
        or (at == len(runs) - 1 and run.a + run.size == len(a) and run.b + run.size == len(b))
    ]
    same = ({k for run in kept for k in range(run[side], run[side] + run.size)} for side in (0, 1))
    before, after = map(_segments, (left, right), same)
    return before, after


def _segments(words: Sequence[str], same: set[int]) -> list[Segment]:
    runs = groupby(enumerate(words), key=lambda numbered: numbered[0] not in same)
    return [Segment("".join(word for _, word in run), changed) for changed, run in runs]
