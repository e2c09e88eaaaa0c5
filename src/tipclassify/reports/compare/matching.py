"""One-to-one matching of two reports' passages: equal texts first, then by tf-idf cosine."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from tipclassify.arrays import Bools, Floats, Ints
from tipclassify.corpus.curate import tfidf_vectors
from tipclassify.records import Passage
from tipclassify.reports.compare.normalization import (
    ReportSides,
    normalize_wording,
    sections_in_both_reports,
)
from tipclassify.reports.compare.terms import ComparedTerms
from tipclassify.reports.compare.wording import least_shared_wording, wording_share

__all__ = [
    "MIN_SIMILARITY",
    "MatchCandidates",
    "Nearest",
    "Neighbour",
    "PassageMatch",
    "find_match_candidates",
    "match_passages_of_reports",
]

MIN_SIMILARITY: Final = 0.32
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
_TOO_COMMON: Final = 2_000
_CHUNK: Final = 500  # passages of OLD compared with all of NEW at a time


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A passage of the other report, and how similar it is, 0 to 1."""

    index: int
    similarity: float


Nearest = dict[int, Neighbour]
"""The most similar passage of the other report, by the index of a passage."""


class PassageMatch(NamedTuple):
    """Indices of two matched passages.

    Unless they are `alike`, with `wording.MIN_WORDING` in common, the new passage stands in the
    place of the old one, on the same matter, but says it, or something else, in other words.
    """

    old: int
    new: int
    similarity: float
    equal: bool  # except for white space, quotation marks and case
    alike: bool = True


class MatchCandidate(NamedTuple):
    """A pair that may match: indices in OLD and NEW, similarity, and whether in one section."""

    old: int
    new: int
    similarity: float
    apart: bool  # in different sections


@dataclass(frozen=True, slots=True)
class MatchCandidates:
    """Pairs (n,) that may match: indices in OLD and NEW, similarity, and two conditions."""

    olds: Ints
    news: Ints
    similarity: Floats
    enough: Bools  # whether they share enough words
    apart: Bools  # whether they are in different sections

    def pair(self, number: int) -> MatchCandidate:
        """Return a pair by its number."""
        return MatchCandidate(
            old=int(self.olds[number]),
            new=int(self.news[number]),
            similarity=float(self.similarity[number]),
            apart=bool(self.apart[number]),
        )

    def most_similar_first(self) -> Iterator[MatchCandidate]:
        """Yield the pairs, most similar first, in an order that is symmetric in OLD and NEW."""
        distance = np.abs(self.olds - self.news)
        larger = np.maximum(self.olds, self.news)
        smaller = np.minimum(self.olds, self.news)
        for number in np.lexsort([larger, smaller, distance, -self.similarity]).tolist():
            yield self.pair(number)

    def nearest(self) -> ReportSides[Nearest]:
        """Find for each passage of either report the most similar one of the other."""
        nearest: ReportSides[Nearest] = ReportSides({}, {})
        for candidate in self.most_similar_first():
            neighbour_in_new = Neighbour(candidate.new, candidate.similarity)
            neighbour_in_old = Neighbour(candidate.old, candidate.similarity)
            nearest.old.setdefault(candidate.old, neighbour_in_new)
            nearest.new.setdefault(candidate.new, neighbour_in_old)
        return nearest


def match_passages_of_reports(
    old: Sequence[Passage],
    new: Sequence[Passage],
    terms: ComparedTerms,
    candidates: MatchCandidates,
) -> list[PassageMatch]:
    """Match passages one to one by their `candidates`, in the order of `PassageMatch.old`.

    `terms` are those of OLD, then of NEW. Equal passages are matched first. The similarity of the
    others is the cosine of tf-idf vectors of stems of content words and of words of names (Salton
    and Buckley 1988). The matching is greedy, most similar pair first, ties by position; its total
    similarity is at least half of the maximum (Preis 1999, STACS, LNCS 1563:259-269).
    """
    matches = list(_match_equal_passages(old, new))
    taken_old = {match.old for match in matches}
    taken_new = {match.new for match in matches}
    order = _matching_order(candidates, len(old), len(new))
    # The same statement reworded goes before another one on the same matter.
    for alike in (True, False):
        for number in order:
            candidate = candidates.pair(number)
            if candidate.old in taken_old or candidate.new in taken_new:
                continue
            if alike and not _is_reworded_match(candidate, terms, len(old)):
                continue
            taken_old.add(candidate.old)
            taken_new.add(candidate.new)
            match = PassageMatch(
                candidate.old, candidate.new, candidate.similarity, equal=False, alike=alike
            )
            matches.append(match)
    return sorted(matches)


def _is_reworded_match(candidate: MatchCandidate, terms: ComparedTerms, old_count: int) -> bool:
    """Test whether two passages say the same thing reworded; OLD has `old_count` passages."""
    place_of_new = old_count + candidate.new  # in `terms`
    least = least_shared_wording(terms, candidate.old, place_of_new, candidate.apart)
    return wording_share(terms.words[candidate.old], terms.words[place_of_new]) >= least


def _matching_order(candidates: MatchCandidates, old_count: int, new_count: int) -> list[int]:
    """Order the pairs that may match, by number: most similar first, then by distance in position.

    `old_count` and `new_count` are the numbers of passages. The order is symmetric in OLD and NEW.
    """
    penalty = np.where(candidates.apart, _APART, 0.0)
    score = np.where(candidates.enough, candidates.similarity - penalty, 0.0)
    distance = np.abs(candidates.olds / max(old_count, 1) - candidates.news / max(new_count, 1))
    larger = np.maximum(candidates.olds, candidates.news)
    smaller = np.minimum(candidates.olds, candidates.news)
    order = np.lexsort([larger, smaller, distance, -score])
    return [number for number in order.tolist() if score[number] >= MIN_SIMILARITY]


def _match_equal_passages(old: Sequence[Passage], new: Sequence[Passage]) -> Iterator[PassageMatch]:
    """Match equal passages: first within a section, then across, in the text's order."""
    sections = sections_in_both_reports(old, new)
    # texts of the passages that have no match yet, by index
    old_texts = {index: normalize_wording(passage.text) for index, passage in enumerate(old)}
    new_texts = {index: normalize_wording(passage.text) for index, passage in enumerate(new)}
    for within_section in (True, False):
        waiting: defaultdict[tuple[str, str], list[int]] = defaultdict(list)  # the last first
        for old_index in sorted(old_texts, reverse=True):
            section = sections.old[old_index] if within_section else ""
            waiting[old_texts[old_index], section].append(old_index)
        for new_index in sorted(new_texts):
            section = sections.new[new_index] if within_section else ""
            same_text = waiting.get((new_texts[new_index], section))
            if same_text:
                old_index = same_text.pop()
                del old_texts[old_index]
                del new_texts[new_index]
                yield PassageMatch(old_index, new_index, 1.0, equal=True)


def find_match_candidates(
    old: Sequence[Passage], new: Sequence[Passage], terms: ComparedTerms
) -> MatchCandidates:
    """Find all candidate pairs; `terms` are those of OLD, then those of NEW."""
    vectors = tfidf_vectors(_leave_out_common_terms(terms.words))
    present = vectors.sign()  # 1 for each word of a passage
    sizes = np.diff(vectors.indptr)  # number of different words of each passage
    old_count = len(old)
    new_count = len(new)
    chunks = []
    # the full similarity matrix may not fit in memory
    for first in range(0, max(old_count, 1), _CHUNK):
        after = min(first + _CHUNK, old_count)
        cosine = vectors[first:after] @ vectors[old_count:].T
        shared = present[first:after] @ present[old_count:].T
        # the same sparsity pattern: sorted, their entries correspond
        cosine.sort_indices()
        shared.sort_indices()
        pairs = cosine.tocoo()
        near = np.flatnonzero(pairs.data >= _MIN_NEAREST)  # few: most share a common word only
        olds = pairs.row[near] + first
        news = pairs.col[near]
        similarity = np.minimum(pairs.data[near], 1.0)
        shorter = np.minimum(sizes[olds], sizes[old_count + news])
        enough = shared.data[near] >= np.minimum(_MIN_SHARED, shorter)
        distance = np.abs(olds / max(old_count, 1) - news / max(new_count, 1))
        kept = _most_similar_candidates(olds, similarity, distance)
        chunks.append(_CandidateChunk(olds[kept], news[kept], similarity[kept], enough[kept]))
    olds = np.concatenate([chunk.olds for chunk in chunks])
    news = np.concatenate([chunk.news for chunk in chunks])
    sections = sections_in_both_reports(old, new)
    apart = [sections.old[i] != sections.new[j] for i, j in zip(olds, news, strict=True)]
    return MatchCandidates(
        olds=olds,
        news=news,
        similarity=np.concatenate([chunk.similarity for chunk in chunks]),
        enough=np.concatenate([chunk.enough for chunk in chunks]),
        apart=np.array(apart, bool),
    )


@dataclass(frozen=True, slots=True)
class _CandidateChunk:
    """Candidate pairs of some passages of OLD; see `MatchCandidates`."""

    olds: Ints
    news: Ints
    similarity: Floats
    enough: Bools


def _most_similar_candidates(olds: Ints, similarity: Floats, tie: Floats | Ints) -> Ints:
    """Choose pairs, by number: the hundred most similar of each passage of OLD.

    Of equally similar ones those of the least `tie` come first.
    """
    order = np.lexsort([tie, -similarity, olds])
    first_of_passage = np.searchsorted(olds[order], olds[order])
    rank_of_pair = np.arange(len(order)) - first_of_passage
    return order[rank_of_pair < _MAX_CANDIDATES]


def _leave_out_common_terms(passages: Sequence[Sequence[int]]) -> list[list[int]]:
    """Leave out the words that too many passages have to say which of them belong together."""
    uses = Counter(word for words in passages for word in set(words))
    if not uses or max(uses.values()) <= _TOO_COMMON:
        return [list(words) for words in passages]
    return [[word for word in words if uses[word] <= _TOO_COMMON] for words in passages]
