"""Which passage of a later report is which of an earlier one: matches one to one, by the rarer words that they share.

Passages that are equal but for white space, quotation marks and case are the same. Among the others the similarity of
two passages is the cosine of their tf-idf vectors (Salton and Buckley 1988, Information Processing & Management
24:513-523), rarity counted over both reports. The vectors hold stems (tokens.py) of the words that carry matter and the
words of names; figures and function words, "not" among them, are left out, so that the successor of "The government
convicted nine" is found in "The government did not convict anyone". The most similar pair is joined first, then the most
similar of what is left: each pair is the best that either passage still has, and their similarities add up to at least
half of what any matching reaches (Preis 1999, STACS, LNCS 1563:259-269). Where similarities are equal, the pair nearest
in position is joined.

`SIMILAR` was chosen on 60 pairs of sentences judged by hand, 41 reworded and 19 unrelated but of like build: it finds 40
of the 41 and joins 4 of the 19. Of 35 pairs kept aside it finds all 22 reworded ones and joins none of the 13 others; of
the 39 successors in the two sample narratives it finds 38, and joins nothing that is none (`tests/test_compare.py` holds
them all). Word order, as longest common subsequence or as word pairs, was tried as a part of the similarity and made it
worse: successors are often turned around.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from tipclassify.corpus.near_duplicates import tfidf
from tipclassify.text.document import Passage
from tipclassify.text.features.tokenizer import I64, NAME, NUMBER, hash_word, tokenize, words_of

__all__ = ["APART", "FUNCTION_WORDS", "SIMILAR", "Match", "Nearest", "align", "folded", "matches_and_nearest"]

SIMILAR: Final = 0.32
"""Similarity from which two passages of one section are the same passage reworded."""

APART: Final = 0.15
"""How much more similar passages of different sections must be; a heading that only one report has is no other section."""

_NEAR: Final = 0.2  # below it, the nearest passage of the other report is on another subject
_FEWEST_SHARED: Final = 3  # words; two make "domestic violence" or "minimum wage", which is a subject and no passage
_MOST_RIVALS: Final = 100  # candidates kept for a passage: a report of one line a thousand times must not fill memory
_ROWS: Final = 500  # passages of OLD compared with all of NEW at a time

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

Nearest = dict[int, tuple[int, float]]
"""For a passage of one report, by its index: the most similar of the other, and how similar it is."""


class Match(NamedTuple):
    """Indices of two passages that belong together; `same` means equal but for white space, quotes and case."""

    old: int
    new: int
    similarity: float
    same: bool


def align(old: Sequence[Passage], new: Sequence[Passage], vocabulary: frozenset[str]) -> list[Match]:
    """Passages that belong together, each in one match at most, ascending by `Match.old`.

    `vocabulary` holds the words known in lower case, by which names are told (`tipclassify.text.features.tokenizer.tokenize`).

    >>> texts = "Courts convicted nine traffickers.", "In May, courts convicted no traffickers."
    >>> align(*([Passage(text, 0, len(text))] for text in texts), frozenset({"courts"}))
    [Match(old=0, new=0, similarity=1.0, same=False)]
    """
    return matches_and_nearest(old, new, vocabulary)[0]


def matches_and_nearest(
    old: Sequence[Passage], new: Sequence[Passage], vocabulary: frozenset[str]
) -> tuple[list[Match], tuple[Nearest, Nearest]]:
    """The matches, and for each passage of either report its nearest in the other."""
    before, after = _sections(old, new)
    matches = [Match(i, j, 1.0, True) for i, j in _same(old, new, before, after)]
    taken_old, taken_new = ({match[side] for match in matches} for side in (0, 1))
    rivals = _similar(old, new, vocabulary)
    apart = np.array([before[i] != after[j] for i, j in zip(rivals.old, rivals.new, strict=True)], bool)
    score = np.where(rivals.enough, rivals.similarity - np.where(apart, APART, 0.0), 0.0)
    for at in _best_first(rivals, score, len(old), len(new)):
        i, j = int(rivals.old[at]), int(rivals.new[at])
        if score[at] >= SIMILAR and i not in taken_old and j not in taken_new:
            taken_old.add(i)
            taken_new.add(j)
            matches.append(Match(i, j, float(rivals.similarity[at]), False))
    nearest: tuple[Nearest, Nearest] = ({}, {})
    for at in _best_first(rivals, rivals.similarity, len(old), len(new)):
        i, j, similarity = int(rivals.old[at]), int(rivals.new[at]), float(rivals.similarity[at])
        nearest[0].setdefault(i, (j, similarity))
        nearest[1].setdefault(j, (i, similarity))
    return sorted(matches), nearest


def _best_first(rivals: _Candidates, score: Floats, olds: int, news: int) -> list[int]:
    """Pairs by falling score, those nearest in position first: in the same order when OLD and NEW change places."""
    gap = np.abs(rivals.old / max(olds, 1) - rivals.new / max(news, 1))
    low, high = np.minimum(rivals.old, rivals.new), np.maximum(rivals.old, rivals.new)
    order: list[int] = np.lexsort([high, low, gap, -score]).tolist()
    return order


_LETTERING: Final = re.compile(r"^(?:[a-z]|[0-9]+|[ivx]+)[.)]\s+")


def _sections(old: Sequence[Passage], new: Sequence[Passage]) -> tuple[list[str], list[str]]:
    """The section of each passage. All headings that one report alone has count as one: they may be renamed ones."""
    names = [[_LETTERING.sub("", folded(p.section or "")) for p in passages] for passages in (old, new)]
    shared = set(names[0]) & set(names[1])
    here, there = ([name if name in shared else "\0" for name in of_report] for of_report in names)
    return here, there


def _same(
    old: Sequence[Passage], new: Sequence[Passage], before: Sequence[str], after: Sequence[str]
) -> Iterator[tuple[int, int]]:
    """Equal passages: first within a section, then across, each time in the order of the text."""
    left = {i: folded(passage.text) for i, passage in enumerate(old)}
    right = {j: folded(passage.text) for j, passage in enumerate(new)}
    for within in (True, False):
        waiting: dict[tuple[str, str], list[int]] = defaultdict(list)
        for i in sorted(left, reverse=True):
            waiting[left[i], before[i] if within else ""].append(i)
        for j in sorted(right):
            if stack := waiting.get((right[j], after[j] if within else "")):
                i = stack.pop()
                del left[i], right[j]
                yield i, j


_QUOTES: Final = str.maketrans(dict.fromkeys("‘’‚‛´`", "'") | dict.fromkeys("“”„‟«»", '"'))


def folded(text: str) -> str:
    """Text by which passages are the same: white space, quotation marks and case do not count."""
    return " ".join(text.translate(_QUOTES).casefold().split())


# --------------------------------------------------------------------------------------------- similarity

FUNCTION_WORDS: Final = frozenset(
    """a about after again all also although an and any are as at be been before being between both but by can could did do
    does during each for from had has have he her here him his however if in into is it its may might more most must no nor
    not of on one only or other out over per she should so some such than that the their them then there these they this
    those to under up was were when where which while who whom whose will with without would""".split()
)
"""Words that hold sentences together, not what they are about. Negation is one of them: a report that turns from "did" to
"did not" is the successor we look for.
"""

_EMPTY: Final = np.array(sorted({NUMBER, *map(hash_word, FUNCTION_WORDS)}), np.uint64)


class _Candidates(NamedTuple):
    """Pairs that share words: passage of OLD and of NEW, similarity, and whether they share enough to be one passage."""

    old: I64
    new: I64
    similarity: Floats
    enough: Bools


def _similar(old: Sequence[Passage], new: Sequence[Passage], vocabulary: frozenset[str]) -> _Candidates:
    """All pairs that are at all alike. Of a table of all pairs only some rows are made at a time."""
    vectors = tfidf(_terms([passage.text for passage in (*old, *new)], vocabulary))
    present, sizes = vectors.sign(), np.diff(vectors.indptr)
    found = []
    for first in range(0, max(len(old), 1), _ROWS):
        rows, rest = slice(first, min(first + _ROWS, len(old))), slice(len(old), None)
        cosine, shared = vectors[rows] @ vectors[rest].T, present[rows] @ present[rest].T
        for product in (cosine, shared):  # of one structure: the same entries in the same order
            product.sort_indices()
        pairs = cosine.tocoo()
        i, j, similarity = pairs.row + first, pairs.col, np.minimum(pairs.data, 1.0)
        enough = shared.data >= np.minimum(_FEWEST_SHARED, np.minimum(sizes[i], sizes[len(old) + j]))
        gap = np.abs(i / max(len(old), 1) - j / max(len(new), 1))
        order = np.lexsort([gap, -similarity, i])
        order = order[similarity[order] >= _NEAR]
        order = order[np.arange(len(order)) - np.searchsorted(i[order], i[order]) < _MOST_RIVALS]
        found.append((i[order], j[order], similarity[order], enough[order]))
    return _Candidates(*map(np.concatenate, zip(*found, strict=True)))


def _terms(texts: Sequence[str], vocabulary: frozenset[str]) -> list[list[int]]:
    """Stems, hashed, of the words of each passage that carry matter; a name counts by its words, whole."""
    terms: list[list[int]] = [[] for _ in texts]
    if not texts:
        return terms
    tokens = tokenize(texts, vocabulary)
    name = tokens.word == NAME
    plain = ~name & ~np.isin(tokens.word, _EMPTY)
    for row, stem in zip(tokens.row[plain].tolist(), tokens.stem[plain].tolist(), strict=True):
        terms[row].append(stem)
    for row, start, end in zip(*(a[name].tolist() for a in (tokens.row, tokens.start, tokens.end)), strict=True):
        words = words_of(texts[row][start:end])
        terms[row] += [int(hash_word(word)) for word in words if word not in FUNCTION_WORDS]
    return terms
