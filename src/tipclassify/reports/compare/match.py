"""One-to-one matching of two reports' passages: equal texts first, then by tf-idf cosine."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

import numpy as np

from tipclassify.arrays import Bools, Floats, Ints
from tipclassify.corpus.curate import tfidf_vectors
from tipclassify.records import Passage
from tipclassify.reports.compare.wording import (
    Terms,
    fold,
    sections,
)

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


class Match(NamedTuple):
    """Indices of two matched passages.

    Unless they are `alike`, with `wording.MIN_WORDING` in common, the new passage stands in the
    place of the old one, on the same matter, but says it, or something else, in other words.
    """

    old: int
    new: int
    similarity: float
    equal: bool  # except for white space, quotation marks and case
    alike: bool = True


@dataclass(frozen=True, slots=True)
class Candidates:
    """Pairs (n,) that may match: their indices in OLD and in NEW, and what is known of them."""

    olds: Ints
    news: Ints
    similarity: Floats  # 0 to 1
    distance: Floats  # between their relative positions, 0 to 1
    apart: Bools  # whether they are in different sections
    score: Floats  # similarity, less for pairs apart; 0 for those that share too few words

    def most_similar_first(
        self, by: Literal["similarity", "score"] = "similarity", least: float = 0.0
    ) -> Iterator[tuple[int, int, float, bool]]:
        """Yield the pairs, most similar first, then by distance; symmetric in OLD and NEW.

        Each is the index in OLD, that in NEW, the similarity, and whether they are apart.
        """
        score = self.similarity if by == "similarity" else self.score
        larger = np.maximum(self.olds, self.news)
        smaller = np.minimum(self.olds, self.news)
        order = np.lexsort([larger, smaller, self.distance, -score])
        chosen = order[score[order] >= least]
        columns = (self.olds, self.news, self.similarity, self.apart)
        yield from zip(*(column[chosen].tolist() for column in columns), strict=True)


def match_passages(
    old: Sequence[Passage], new: Sequence[Passage], terms: Terms, candidates: Candidates
) -> list[Match]:
    """Match passages one to one by their `candidates`, in the order of `Match.old`.

    `terms` are those of OLD, then of NEW. Equal passages are matched first. The similarity of the
    others is the cosine of tf-idf vectors of stems of content words and of words of names (Salton
    and Buckley 1988). The matching is greedy, most similar pair first, ties by position; its total
    similarity is at least half of the maximum (Preis 1999, STACS, LNCS 1563:259-269).
    """
    matches = list(_equal_passages(old, new))
    taken_old = {match.old for match in matches}
    taken_new = {match.new for match in matches}
    ordered = list(candidates.most_similar_first("score", MIN_SIMILARITY))
    # The same statement reworded goes before another one on the same matter.
    for alike in (True, False):
        for old_index, new_index, similarity, apart in ordered:
            if old_index in taken_old or new_index in taken_new:
                continue
            if alike and not terms.are_reworded(old_index, len(old) + new_index, apart):
                continue
            taken_old.add(old_index)
            taken_new.add(new_index)
            matches.append(Match(old_index, new_index, similarity, equal=False, alike=alike))
    return sorted(matches)


def _equal_passages(old: Sequence[Passage], new: Sequence[Passage]) -> Iterator[Match]:
    """Match equal passages: first within a section, then across, in the text's order."""
    section_of = sections(old, new)
    # texts of the passages that have no match yet, by index
    old_texts = {index: fold(passage.text) for index, passage in enumerate(old)}
    new_texts = {index: fold(passage.text) for index, passage in enumerate(new)}
    for within_section in (True, False):
        waiting: defaultdict[tuple[str, str], list[int]] = defaultdict(list)  # the last first
        for old_index in sorted(old_texts, reverse=True):
            section = section_of.old[old_index] if within_section else ""
            waiting[old_texts[old_index], section].append(old_index)
        for new_index in sorted(new_texts):
            section = section_of.new[new_index] if within_section else ""
            same_text = waiting.get((new_texts[new_index], section))
            if same_text:
                old_index = same_text.pop()
                del old_texts[old_index]
                del new_texts[new_index]
                yield Match(old_index, new_index, 1.0, equal=True)


def find_candidates(old: Sequence[Passage], new: Sequence[Passage], terms: Terms) -> Candidates:
    """Find all candidate pairs; `terms` are those of OLD, then those of NEW."""
    vectors = tfidf_vectors(_without_common_terms(terms.words))
    present = vectors.sign()  # 1 for each word of a passage
    sizes = np.diff(vectors.indptr)  # number of different words of each passage
    old_count = len(old)
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
        distance = np.abs(olds / max(old_count, 1) - news / max(len(new), 1))
        kept = _most_similar(olds, similarity, distance)
        columns = (olds, news, similarity, distance, shared.data[near])
        chunks.append([column[kept] for column in columns])
    olds, news, similarity, distance, shared_words = map(np.concatenate, zip(*chunks, strict=True))
    section_of = sections(old, new)
    apart = np.array(
        [section_of.old[i] != section_of.new[j] for i, j in zip(olds, news, strict=True)], bool
    )
    shorter = np.minimum(sizes[olds], sizes[old_count + news])
    score = np.where(apart, similarity - _APART, similarity)
    score[shared_words < np.minimum(_MIN_SHARED, shorter)] = 0.0
    return Candidates(olds, news, similarity, distance, apart, score)


def _most_similar(olds: Ints, similarity: Floats, distance: Floats) -> Ints:
    """Choose pairs, by number: the hundred most similar of each passage of OLD.

    Of equally similar ones those of the least `distance` come first.
    """
    order = np.lexsort([distance, -similarity, olds])
    first_of_passage = np.searchsorted(olds[order], olds[order])
    rank_of_pair = np.arange(len(order)) - first_of_passage
    return order[rank_of_pair < _MAX_CANDIDATES]


def _without_common_terms(passages: Sequence[Sequence[int]]) -> list[list[int]]:
    """Leave out the words that too many passages have to say which of them belong together."""
    uses = Counter(word for words in passages for word in set(words))
    return [[word for word in words if uses[word] <= _TOO_COMMON] for words in passages]
