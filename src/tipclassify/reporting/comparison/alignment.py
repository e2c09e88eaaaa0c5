"""Alignment of two reports: passages of both in, one-to-one matches out, by the tf-idf cosine of their content words.

Negation and figures are not content words here: a report that turns from "did" to "did not" is the match we look for.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from tipclassify.arrays import Ints
from tipclassify.corpus.near_duplicates import tfidf
from tipclassify.text.document import Passage
from tipclassify.text.features.tokenizer import NAME, NUMBER, hash_word, tokenize, words_of

__all__ = ["APART", "FUNCTION_WORDS", "SIMILAR", "Match", "Nearest", "align", "matches_and_nearest", "normalize_text"]

SIMILAR: Final = 0.32
"""Minimum similarity, 0 to 1, of a match within a section.

Chosen on 60 pairs of sentences judged by hand, 41 reworded and 19 unrelated but of similar build: it matches 40 of the
41 and 4 of the 19. On 35 held-out pairs it matches all 22 reworded ones and none of the 13 others; of the 39 successors
in the two sample narratives it finds 38, with no false match (`tests/test_compare.py` has them all). Adding word order
to the similarity, as longest common subsequence or as word pairs, made it worse: successors are often turned around.
"""

APART: Final = 0.15
"""Penalty on the similarity of passages in different sections; headings of one report alone are not different ones."""

_MIN_NEAREST: Final = 0.2  # similarity below which the nearest passage of the other report is on another subject
_MIN_SHARED: Final = 3  # shared words; two, as "domestic violence" or "minimum wage", make a subject, not a match
_MAX_CANDIDATES: Final = 100  # for each passage: a report that repeats one line a thousand times must not fill memory
_CHUNK: Final = 500  # passages of OLD compared with all of NEW at a time

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

Nearest = dict[int, tuple[int, float]]
"""Index of a passage → index of the most similar passage of the other report, and their similarity, 0 to 1."""


class Match(NamedTuple):
    """Indices of two matched passages; `same` means equal except for white space, quotation marks and case."""

    old: int
    new: int
    similarity: float
    same: bool


def align(old: Sequence[Passage], new: Sequence[Passage], vocabulary: frozenset[str]) -> list[Match]:
    """Match passages one to one; return the matches in the order of `Match.old`.

    Equal passages are matched first. The similarity of the others is the cosine of their tf-idf vectors (Salton and
    Buckley 1988, Information Processing & Management 24:513-523), with document frequencies over both reports, of stems
    of content words and words of names. The matching is greedy, most similar pair first, ties by position; its total
    similarity is at least half of the maximum (Preis 1999, STACS, LNCS 1563:259-269).

    Parameters
    ----------
    old, new : sequence of Passage
        Passages of the earlier and of the later report.
    vocabulary : frozenset of str
        Known lower-case words, by which names are recognised (`tipclassify.text.features.tokenizer.tokenize`).

    Examples
    --------
    >>> texts = "Courts convicted nine traffickers.", "In May, courts convicted no traffickers."
    >>> align(*([Passage(text, 0, len(text))] for text in texts), frozenset({"courts"}))
    [Match(old=0, new=0, similarity=1.0, same=False)]
    """
    return matches_and_nearest(old, new, vocabulary)[0]


def matches_and_nearest(
    old: Sequence[Passage], new: Sequence[Passage], vocabulary: frozenset[str]
) -> tuple[list[Match], tuple[Nearest, Nearest]]:
    """Match passages as `align`, and find for each passage of either report its nearest in the other."""
    old_sections, new_sections = _sections(old, new)
    matches = [Match(i, j, 1.0, True) for i, j in _equal_pairs(old, new, old_sections, new_sections)]
    taken_old, taken_new = ({match[side] for match in matches} for side in (0, 1))
    candidates = _find_candidates(old, new, vocabulary)
    apart = np.array(
        [old_sections[i] != new_sections[j] for i, j in zip(candidates.old, candidates.new, strict=True)], bool
    )
    score = np.where(candidates.enough, candidates.similarity - np.where(apart, APART, 0.0), 0.0)
    for at in _best_first(candidates, score, len(old), len(new)):
        i, j = int(candidates.old[at]), int(candidates.new[at])
        if score[at] >= SIMILAR and i not in taken_old and j not in taken_new:
            taken_old.add(i)
            taken_new.add(j)
            matches.append(Match(i, j, float(candidates.similarity[at]), False))
    nearest: tuple[Nearest, Nearest] = ({}, {})
    for at in _best_first(candidates, candidates.similarity, len(old), len(new)):
        i, j, similarity = int(candidates.old[at]), int(candidates.new[at]), float(candidates.similarity[at])
        nearest[0].setdefault(i, (j, similarity))
        nearest[1].setdefault(j, (i, similarity))
    return sorted(matches), nearest


def _best_first(candidates: _Candidates, score: Floats, olds: int, news: int) -> list[int]:
    """Sort pairs by descending score, then by distance in position; the order is symmetric in OLD and NEW."""
    gap = np.abs(candidates.old / max(olds, 1) - candidates.new / max(news, 1))
    low, high = np.minimum(candidates.old, candidates.new), np.maximum(candidates.old, candidates.new)
    order: list[int] = np.lexsort([high, low, gap, -score]).tolist()
    return order


_LETTERING: Final = re.compile(r"^(?:[a-z]|[0-9]+|[ivx]+)[.)]\s+")


def _sections(old: Sequence[Passage], new: Sequence[Passage]) -> tuple[list[str], list[str]]:
    """Return the section of each passage; all headings that only one report has become one, as they may be renamed."""
    names = [[_LETTERING.sub("", normalize_text(p.section or "")) for p in passages] for passages in (old, new)]
    shared = set(names[0]) & set(names[1])
    here, there = ([name if name in shared else "\0" for name in of_report] for of_report in names)
    return here, there


def _equal_pairs(
    old: Sequence[Passage], new: Sequence[Passage], old_sections: Sequence[str], new_sections: Sequence[str]
) -> Iterator[tuple[int, int]]:
    """Yield pairs of equal passages: first within a section, then across sections, in the order of the text."""
    left = {i: normalize_text(passage.text) for i, passage in enumerate(old)}
    right = {j: normalize_text(passage.text) for j, passage in enumerate(new)}
    for within in (True, False):
        waiting: dict[tuple[str, str], list[int]] = defaultdict(list)
        for i in sorted(left, reverse=True):
            waiting[left[i], old_sections[i] if within else ""].append(i)
        for j in sorted(right):
            if stack := waiting.get((right[j], new_sections[j] if within else "")):
                i = stack.pop()
                del left[i], right[j]
                yield i, j


_QUOTES: Final = str.maketrans(dict.fromkeys("‘’‚‛´`", "'") | dict.fromkeys("“”„‟«»", '"'))


def normalize_text(text: str) -> str:
    """Normalize white space, quotation marks and case, for comparing texts."""
    return " ".join(text.translate(_QUOTES).casefold().split())


# --------------------------------------------------------------------------------------------- similarity

FUNCTION_WORDS: Final = frozenset(
    """a about after again all also although an and any are as at be been before being between both but by can could
    did do does during each for from had has have he her here him his however if in into is it its may might more
    most must no nor not of on one only or other out over per she should so some such than that the their them
    then there these they this those to under up was were when where which while who whom whose will with without
    would""".split()
)
"""Stop words, which similarity ignores. Negation is one of them: a change from "did" to "did not" must still match."""

_STOP_TERMS: Final = np.array(sorted({NUMBER, *map(hash_word, FUNCTION_WORDS)}), np.uint64)


class _Candidates(NamedTuple):
    """Candidate pairs (n,): index in OLD and in NEW, similarity, and whether they share enough words to match."""

    old: Ints
    new: Ints
    similarity: Floats
    enough: Bools


def _find_candidates(old: Sequence[Passage], new: Sequence[Passage], vocabulary: frozenset[str]) -> _Candidates:
    """Find all candidate pairs, in chunks of OLD, since the full similarity matrix may not fit in memory."""
    vectors = tfidf(_terms([passage.text for passage in (*old, *new)], vocabulary))
    present, sizes = vectors.sign(), np.diff(vectors.indptr)
    found = []
    for first in range(0, max(len(old), 1), _CHUNK):
        rows, rest = slice(first, min(first + _CHUNK, len(old))), slice(len(old), None)
        cosine, shared = vectors[rows] @ vectors[rest].T, present[rows] @ present[rest].T
        for product in (cosine, shared):  # the same sparsity pattern: sorted, their entries correspond
            product.sort_indices()
        pairs = cosine.tocoo()
        i, j, similarity = pairs.row + first, pairs.col, np.minimum(pairs.data, 1.0)
        enough = shared.data >= np.minimum(_MIN_SHARED, np.minimum(sizes[i], sizes[len(old) + j]))
        gap = np.abs(i / max(len(old), 1) - j / max(len(new), 1))
        order = np.lexsort([gap, -similarity, i])
        order = order[similarity[order] >= _MIN_NEAREST]
        order = order[np.arange(len(order)) - np.searchsorted(i[order], i[order]) < _MAX_CANDIDATES]
        found.append((i[order], j[order], similarity[order], enough[order]))
    return _Candidates(*map(np.concatenate, zip(*found, strict=True)))


def _terms(texts: Sequence[str], vocabulary: frozenset[str]) -> list[list[int]]:
    """Return the hashed terms of each passage: stems of content words, and whole words of names."""
    terms: list[list[int]] = [[] for _ in texts]
    if not texts:
        return terms
    tokens = tokenize(texts, vocabulary)
    name = tokens.word == NAME
    plain = ~name & ~np.isin(tokens.word, _STOP_TERMS)
    for row, stem in zip(tokens.row[plain].tolist(), tokens.stem[plain].tolist(), strict=True):
        terms[row].append(stem)
    for row, start, end in zip(*(a[name].tolist() for a in (tokens.row, tokens.start, tokens.end)), strict=True):
        words = words_of(texts[row][start:end])
        terms[row] += [int(hash_word(word)) for word in words if word not in FUNCTION_WORDS]
    return terms
