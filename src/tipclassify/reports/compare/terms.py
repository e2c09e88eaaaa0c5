"""Hashed terms of passages, by which two reports are compared: content words, names, days."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Final

import numpy as np

from tipclassify.reports.compare.normalization import normalize_prefixes_for_comparison
from tipclassify.text.tokens import split_text_into_folded_words, tokenize
from tipclassify.text.words import NAME, NUMBER, hash_word

__all__ = ["STOP_WORDS", "ComparedTerms", "extract_compared_terms"]

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

_STOP_TERMS: Final = np.array(sorted({NUMBER, *map(hash_word, STOP_WORDS)}), np.uint64)

_MONTHS: Final = (
    "january|february|march|april|may|june|july|august|september|october|november|december"
)
# "As of May 20" dates a figure, which is another one the next year; "on May 20" dates an event.
_DAY: Final = re.compile(rf"\bon (?:{_MONTHS}) \d{{1,2}}\b")


@dataclass(frozen=True, slots=True)
class ComparedTerms:
    """Hashed terms of each passage."""

    words: list[list[int]]  # in order: stems of content words, and whole words of names
    names: list[set[int]]  # those of names alone
    days: list[set[str]]  # on which something happened: "on may 20"

    def name_others(self, first: int, second: int) -> bool:
        """Test whether two passages both have names, and none in common."""
        return _are_terms_disjoint(self.names[first], self.names[second])

    def are_of_other_days(self, first: int, second: int) -> bool:
        """Test whether two passages both say on which day something happened, and share no day."""
        return _are_terms_disjoint(self.days[first], self.days[second])


def _are_terms_disjoint(first: set[int] | set[str], second: set[int] | set[str]) -> bool:
    return bool(first) and bool(second) and first.isdisjoint(second)


def extract_compared_terms(texts: Sequence[str], vocabulary: frozenset[str]) -> ComparedTerms:
    """Extract the terms of texts; the `vocabulary` of lower-case words tells names apart."""
    if not texts:
        return ComparedTerms([], [], [])
    placed: list[list[tuple[int, int]]] = [[] for _ in texts]  # position and term
    names: list[set[int]] = [set() for _ in texts]
    joined = [normalize_prefixes_for_comparison(text) for text in texts]
    tokens = tokenize(joined, vocabulary)
    is_name = tokens.word == NAME
    is_content = ~is_name & ~np.isin(tokens.word, _STOP_TERMS)
    rows = tokens.row[is_content].tolist()
    starts = tokens.start[is_content].tolist()
    stems = tokens.stem[is_content].tolist()
    for row, start, stem in zip(rows, starts, stems, strict=True):
        placed[row].append((start, stem))
    name_rows = tokens.row[is_name].tolist()
    name_starts = tokens.start[is_name].tolist()
    name_ends = tokens.end[is_name].tolist()
    for row, start, end in zip(name_rows, name_starts, name_ends, strict=True):
        for term in _hash_compared_terms_of_name(joined[row][start:end]):
            placed[row].append((start, term))
            names[row].add(term)
    # Sorted by position alone: the words of a name stay in their order.
    words = [[term for _, term in sorted(terms, key=itemgetter(0))] for terms in placed]
    days = [set(_DAY.findall(text.casefold())) for text in texts]
    return ComparedTerms(words, names, days)


def _hash_compared_terms_of_name(name: str) -> Iterator[int]:
    """Hash the words of a name."""
    for word in split_text_into_folded_words(name):
        if word not in STOP_WORDS:
            yield int(hash_word(word))
