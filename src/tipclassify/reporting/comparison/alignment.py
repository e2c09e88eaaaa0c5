"""Alignment of two reports: passages in, one-to-one matches out, by the tf-idf cosine of their content words."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import groupby
from typing import Final, NamedTuple

import numpy as np

from tipclassify.arrays import Bools, Floats, Ints
from tipclassify.corpus.near_duplicates import tfidf
from tipclassify.text.document import Passage
from tipclassify.text.features.tokenizer import tokenize, words_of
from tipclassify.text.features.vocabulary import NAME, NUMBER, hash_word

__all__ = ["SIMILAR", "Match", "Nearest", "Segment", "align", "changed_words"]

SIMILAR: Final = 0.32
"""Minimum similarity, 0 to 1, of a match within a section.

Chosen on 60 pairs of sentences judged by hand, 41 reworded and 19 unrelated but of similar build: it matches 40 of the
41 and 4 of the 19; on 35 held-out pairs all 22 reworded ones and none of the 13 others (`test_compare.py`).
"""

_APART: Final = 0.15  # penalty on the similarity of passages in different sections
_MIN_NEAREST: Final = 0.2  # similarity below which the nearest passage of the other report is on another subject
_MIN_SHARED: Final = 3  # shared words; two, as "domestic violence" or "minimum wage", make a subject, not a match
_MAX_CANDIDATES: Final = 100  # for each passage: a report that repeats one line a thousand times must not fill memory
_CHUNK: Final = 500  # passages of OLD compared with all of NEW at a time

Nearest = dict[int, tuple[int, float]]  # index → that of the most similar passage of the other report, similarity


class Match(NamedTuple):
    """Indices of two matched passages; `same` means equal except for white space, quotation marks and case."""

    old: int
    new: int
    similarity: float
    same: bool


def align(
    old: Sequence[Passage], new: Sequence[Passage], vocabulary: frozenset[str]
) -> tuple[list[Match], tuple[Nearest, Nearest]]:
    """Match passages one to one, in the order of `Match.old`, and find for each of either report its nearest one.

    Equal passages are matched first. The similarity of the others is the cosine of tf-idf vectors of stems of content
    words and of words of names (Salton and Buckley 1988), which the `vocabulary` of lower-case words tells apart. The
    matching is greedy, most similar pair first, ties by position; its total similarity is at least half of the maximum
    (Preis 1999, STACS, LNCS 1563:259-269).

    >>> texts = "Courts convicted nine traffickers.", "In May, courts convicted no traffickers."
    >>> align(*([Passage(text, 0, len(text))] for text in texts), frozenset({"courts"}))[0]
    [Match(old=0, new=0, similarity=1.0, same=False)]
    """
    sections = _sections(old, new)
    matches = [Match(i, j, 1.0, True) for i, j in _equal_pairs(old, new, sections=sections)]
    taken_old, taken_new = ({match[side] for match in matches} for side in (0, 1))
    olds, news, similarity, enough = _find_candidates(old, new, vocabulary)
    apart = [sections[0][i] != sections[1][j] for i, j in zip(olds, news, strict=True)]
    score = np.where(enough, similarity - np.where(np.array(apart, bool), _APART, 0.0), 0.0)
    # By descending score, then by distance in position; the order is symmetric in OLD and NEW.
    ties = [np.maximum(olds, news), np.minimum(olds, news), np.abs(olds / max(len(old), 1) - news / max(len(new), 1))]
    for at in np.lexsort([*ties, -score]):
        i, j = int(olds[at]), int(news[at])
        if score[at] >= SIMILAR and i not in taken_old and j not in taken_new:
            taken_old.add(i)
            taken_new.add(j)
            matches.append(Match(i, j, float(similarity[at]), False))
    nearest: tuple[Nearest, Nearest] = ({}, {})
    for at in np.lexsort([*ties, -similarity]):
        i, j = int(olds[at]), int(news[at])
        nearest[0].setdefault(i, (j, float(similarity[at])))
        nearest[1].setdefault(j, (i, float(similarity[at])))
    return sorted(matches), nearest


_LETTERING: Final = re.compile(r"^(?:[a-z]|[0-9]+|[ivx]+)[.)]\s+")


def _sections(*reports: Sequence[Passage]) -> list[list[str]]:
    """Return the section of each passage; all headings that only one report has become one, as they may be renamed."""
    names = [[_LETTERING.sub("", _normalize(p.section or "")) for p in passages] for passages in reports]
    shared = set(names[0]) & set(names[1])
    return [[name if name in shared else "\0" for name in of_report] for of_report in names]


def _equal_pairs(*reports: Sequence[Passage], sections: list[list[str]]) -> Iterator[tuple[int, int]]:
    """Yield pairs of equal passages: first within a section, then across sections, in the order of the text."""
    left, right = ({at: _normalize(passage.text) for at, passage in enumerate(passages)} for passages in reports)
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


def _normalize(text: str) -> str:
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


def _find_candidates(
    old: Sequence[Passage], new: Sequence[Passage], vocabulary: frozenset[str]
) -> tuple[Ints, Ints, Floats, Bools]:
    """Find all candidate pairs (n,): indices in OLD and NEW, similarity, whether they share enough words to match."""
    vectors = tfidf(_terms([passage.text for passage in (*old, *new)], vocabulary))
    present, sizes = vectors.sign(), np.diff(vectors.indptr)
    found = []
    for first in range(0, max(len(old), 1), _CHUNK):  # the full similarity matrix may not fit in memory
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
    i, j, similarity, enough = map(np.concatenate, zip(*found, strict=True))
    return i, j, similarity, enough


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
        terms[row] += [int(hash_word(word)) for word in words if word not in _FUNCTION_WORDS]
    return terms


_MAX_WORDS: Final = 2_000  # of a passage; a word-by-word diff of longer ones would take minutes
# A figure keeps its sign, and a word its opening bracket or quote, as one token: "($1.8".
_WORD: Final = re.compile(r"[(\[“‘\"$€£¥+−-]*\w+(?:[.,'’/:-]\w+)*%?\s*|[^\w\s]\s*|\s+")


class Segment(NamedTuple):
    """Consecutive words of a passage, and whether they differ from the other passage of the pair."""

    text: str
    changed: bool


def changed_words(old: str, new: str) -> tuple[list[Segment], list[Segment]]:
    """Segment two texts into words that both have and words that the other has not.

    Unchanged function words and punctuation between two changes count as changed: that reads better.

    >>> changed_words("Police opened 34 cases.", "Police opened 29 cases.")[1][:2]
    [Segment(text='Police opened ', changed=False), Segment(text='29 ', changed=True)]
    """
    left, right = _WORD.findall(old), _WORD.findall(new)
    if max(len(left), len(right)) > _MAX_WORDS:
        equal = _normalize(old) == _normalize(new)
        return [Segment(old, not equal)], [Segment(new, not equal)]
    a, b = ([_normalize(word) for word in words] for words in (left, right))
    runs = [run for run in SequenceMatcher(None, a, b, autojunk=False).get_matching_blocks() if run.size]
    kept = [
        run
        for at, run in enumerate(runs)
        if any(word.isalnum() and word not in _FUNCTION_WORDS for word in a[run.a : run.a + run.size])
        or (at == 0 and run.a == run.b == 0)
        or (at == len(runs) - 1 and run.a + run.size == len(a) and run.b + run.size == len(b))
    ]
    same = ({k for run in kept for k in range(run[side], run[side] + run.size)} for side in (0, 1))
    before, after = map(_segments, (left, right), same)
    return before, after


def _segments(words: Sequence[str], same: set[int]) -> list[Segment]:
    runs = groupby(enumerate(words), key=lambda numbered: numbered[0] not in same)
    return [Segment("".join(word for _, word in run), changed) for changed, run in runs]
