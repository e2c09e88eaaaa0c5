"""One-to-one matching of two reports' passages: equal texts first, then by tf-idf cosine."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from tipclassify.arrays import Bools, Floats, Ints
from tipclassify.corpus.near_duplicates import tfidf
from tipclassify.reporting.comparison.normalization import Sides, normalize, shared_sections
from tipclassify.reporting.comparison.terms import Terms, extract_terms
from tipclassify.reporting.comparison.wording import least_wording, wording_share
from tipclassify.text.document import Passage

__all__ = [
    "SIMILAR",
    "Candidates",
    "Match",
    "Nearest",
    "Neighbour",
    "SharedWords",
    "find_candidates",
    "match_passages",
    "match_texts",
    "shared_words",
]

SIMILAR: Final = 0.32
"""Minimum similarity, 0 to 1, of a match within a section.

Chosen on 60 pairs of sentences judged by hand, 41 reworded and 19 unrelated but of similar build:
it matches 40 of the 41 and 4 of the 19; on 35 held-out pairs all 22 reworded ones and none of the
13 others (`test_compare.py`).
"""

_APART: Final = 0.15  # penalty on the similarity of passages in different sections
# similarity below which the nearest passage of the other report is on another subject
_MIN_NEAREST: Final = 0.2
# shared words; two, as "domestic violence" or "minimum wage", make a subject, not a match
_MIN_SHARED: Final = 3
# for each passage: a report that repeats one line a thousand times must not fill memory
_MAX_CANDIDATES: Final = 100
# passages of both reports; a word of more would make the pairs, and the time, grow with the square
_TOO_COMMON: Final = 5_000
_CHUNK: Final = 500  # passages of OLD compared with all of NEW at a time


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A passage of the other report, and how similar it is, 0 to 1."""

    index: int
    similarity: float


Nearest = dict[int, Neighbour]
"""The most similar passage of the other report, by the index of a passage."""


class Match(NamedTuple):
    """Indices of two matched passages.

    Unless they are `alike`, with `wording.WORDING` in common, the new passage stands in the place
    of the old one, on the same matter, but says it, or something else, in other words.
    """

    old: int
    new: int
    similarity: float
    equal: bool  # except for white space, quotation marks and case
    alike: bool = True


@dataclass(frozen=True, slots=True)
class Candidates:
    """Pairs (n,) that may match: indices in OLD and NEW, similarity, and two conditions."""

    olds: Ints
    news: Ints
    similarity: Floats
    enough: Bools  # whether they share enough words
    apart: Bools  # whether they are in different sections

    def by_similarity(self) -> Ints:
        """Return the places of the pairs, most similar first, in an order that is symmetric."""
        distance = np.abs(self.olds - self.news)
        larger = np.maximum(self.olds, self.news)
        smaller = np.minimum(self.olds, self.news)
        return np.lexsort([larger, smaller, distance, -self.similarity])

    def nearest(self) -> Sides[Nearest]:
        """Find for each passage of either report the most similar one of the other."""
        nearest: Sides[Nearest] = Sides({}, {})
        for at in self.by_similarity():
            old, new = int(self.olds[at]), int(self.news[at])
            similarity = float(self.similarity[at])
            nearest.old.setdefault(old, Neighbour(new, similarity))
            nearest.new.setdefault(new, Neighbour(old, similarity))
        return nearest


def match_texts(
    old: Sequence[Passage], new: Sequence[Passage], vocabulary: frozenset[str]
) -> list[Match]:
    """Match passages one to one, in the order of `Match.old`.

    Equal passages are matched first. The similarity of the others is the cosine of tf-idf vectors
    of stems of content words and of words of names (Salton and Buckley 1988), which the
    `vocabulary` of lower-case words tells apart. The matching is greedy, most similar pair first,
    ties by position; its total similarity is at least half of the maximum (Preis 1999, STACS, LNCS
    1563:259-269).

    >>> texts = "Courts convicted nine traffickers.", "In May, courts convicted no traffickers."
    >>> old, new = ([Passage(text, 0, len(text))] for text in texts)
    >>> match_texts(old, new, frozenset({"courts"}))
    [Match(old=0, new=0, similarity=1.0, equal=False, alike=True)]
    """
    terms = extract_terms([passage.text for passage in (*old, *new)], vocabulary)
    return match_passages(old, new, terms, find_candidates(old, new, terms))


def match_passages(
    old: Sequence[Passage], new: Sequence[Passage], terms: Terms, candidates: Candidates
) -> list[Match]:
    """Match passages one to one by their `candidates`; `terms` are those of OLD, then of NEW."""
    sections = shared_sections(old, new)
    matches = [Match(i, j, 1.0, True) for i, j in _equal_pairs(old, new, sections)]
    taken_old = {match.old for match in matches}
    taken_new = {match.new for match in matches}
    order = _matching_order(candidates, len(old), len(new))
    # The same statement reworded goes before another one on the same matter.
    for alike in (True, False):
        for at in order:
            i, j = int(candidates.olds[at]), int(candidates.news[at])
            if i in taken_old or j in taken_new:
                continue
            in_terms = len(old) + j
            least = least_wording(terms, i, in_terms, bool(candidates.apart[at]))
            if not alike or wording_share(terms.words[i], terms.words[in_terms]) >= least:
                taken_old.add(i)
                taken_new.add(j)
                matches.append(Match(i, j, float(candidates.similarity[at]), False, alike))
    return sorted(matches)


def _matching_order(candidates: Candidates, olds: int, news: int) -> list[int]:
    """Order the pairs that may match: most similar first, then by distance in position.

    The order is symmetric in OLD and NEW.
    """
    penalty = np.where(candidates.apart, _APART, 0.0)
    score = np.where(candidates.enough, candidates.similarity - penalty, 0.0)
    distance = np.abs(candidates.olds / max(olds, 1) - candidates.news / max(news, 1))
    larger = np.maximum(candidates.olds, candidates.news)
    smaller = np.minimum(candidates.olds, candidates.news)
    order = np.lexsort([larger, smaller, distance, -score])
    return [at for at in order.tolist() if score[at] >= SIMILAR]


def _equal_pairs(
    old: Sequence[Passage], new: Sequence[Passage], sections: Sides[list[str]]
) -> Iterator[tuple[int, int]]:
    """Yield pairs of equal passages: first within a section, then across, in the text's order."""
    old_texts = {at: normalize(passage.text) for at, passage in enumerate(old)}
    new_texts = {at: normalize(passage.text) for at, passage in enumerate(new)}
    for within_section in (True, False):
        waiting: dict[tuple[str, str], list[int]] = defaultdict(list)
        for i in sorted(old_texts, reverse=True):
            waiting[old_texts[i], sections.old[i] if within_section else ""].append(i)
        for j in sorted(new_texts):
            stack = waiting.get((new_texts[j], sections.new[j] if within_section else ""))
            if stack:
                i = stack.pop()
                del old_texts[i], new_texts[j]
                yield i, j


def find_candidates(old: Sequence[Passage], new: Sequence[Passage], terms: Terms) -> Candidates:
    """Find all candidate pairs; `terms` are those of OLD, then those of NEW."""
    vectors = tfidf(_rarer_words(terms.words))
    present = vectors.sign()
    sizes = np.diff(vectors.indptr)
    olds, news = len(old), len(new)
    chunks = []
    for first in range(0, max(olds, 1), _CHUNK):  # the full similarity matrix may not fit in memory
        rows, others = slice(first, min(first + _CHUNK, olds)), slice(olds, None)
        cosine = vectors[rows] @ vectors[others].T
        shared = present[rows] @ present[others].T
        # the same sparsity pattern: sorted, their entries correspond
        cosine.sort_indices()
        shared.sort_indices()
        pairs = cosine.tocoo()
        near = np.flatnonzero(pairs.data >= _MIN_NEAREST)  # few: most share a common word only
        i, j = pairs.row[near] + first, pairs.col[near]
        similarity = np.minimum(pairs.data[near], 1.0)
        shorter = np.minimum(sizes[i], sizes[olds + j])
        enough = shared.data[near] >= np.minimum(_MIN_SHARED, shorter)
        distance = np.abs(i / max(olds, 1) - j / max(news, 1))
        order = np.lexsort([distance, -similarity, i])
        rank_of_pair = np.arange(len(order)) - np.searchsorted(i[order], i[order])
        order = order[rank_of_pair < _MAX_CANDIDATES]
        chunks.append((i[order], j[order], similarity[order], enough[order]))
    i, j, similarity, enough = map(np.concatenate, zip(*chunks, strict=True))
    sections = shared_sections(old, new)
    apart = [sections.old[a] != sections.new[b] for a, b in zip(i, j, strict=True)]
    return Candidates(i, j, similarity, enough, np.array(apart, bool))


def _rarer_words(passages: Sequence[Sequence[int]]) -> list[list[int]]:
    """Leave out the words that too many passages have to say which of them belong together."""
    uses = Counter(word for words in passages for word in set(words))
    if not uses or max(uses.values()) <= _TOO_COMMON:
        return [list(words) for words in passages]
    return [[word for word in words if uses[word] <= _TOO_COMMON] for words in passages]


class SharedWords(NamedTuple):
    """Two texts that share content words: their indices, tf-idf cosine, and number of words."""

    old: int
    new: int
    similarity: float
    words: int


def shared_words(
    olds: Sequence[str], news: Sequence[str], vocabulary: frozenset[str], least: float
) -> Iterator[SharedWords]:
    """Yield pairs of texts of at least the similarity `least`, most similar first.

    Each of `olds` is paired with the hundred texts that are most similar to it.
    """
    terms = extract_terms([*olds, *news], vocabulary)
    if not olds or not news:
        return
    vectors = tfidf(_rarer_words(terms.words))
    others = vectors[len(olds) :].T
    chunks = []
    for first in range(0, len(olds), _CHUNK):
        pairs = (vectors[first : min(first + _CHUNK, len(olds))] @ others).tocoo()
        near = np.flatnonzero(pairs.data >= least)
        i, j, similarity = pairs.row[near] + first, pairs.col[near], pairs.data[near]
        order = np.lexsort([j, -similarity, i])
        rank_of_pair = np.arange(len(order)) - np.searchsorted(i[order], i[order])
        order = order[rank_of_pair < _MAX_CANDIDATES]
        chunks.append((i[order], j[order], similarity[order]))
    i, j, similarity = map(np.concatenate, zip(*chunks, strict=True))
    words = [frozenset(of_text) for of_text in terms.words]
    for at in np.lexsort([j, i, -similarity]):
        old = int(i[at])
        new = int(j[at])
        common = words[old] & words[len(olds) + new]
        yield SharedWords(old, new, float(similarity[at]), len(common))
