"""Words as they are written, each with all that scoring wants to know of it, and the tokens that one passage comes to.

The same tokens as `tokens` makes of a batch, without arrays: for `one_passage`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tipclassify.characters import APART, cased_words, characters_of
from tipclassify.lookup import Lookup
from tipclassify.tokens import NAME_LETTERS
from tipclassify.words import DROPPED, FIGURE, GEO, JOIN, OF, PLAIN, STATE, STRANGE, THE, word_table

__all__ = ["Word", "WrittenWords"]

_MOST_WORDS: Final = 1 << 14  # kept; a kilobyte each


@dataclass(frozen=True, slots=True)
class Word:
    """What is known of a word as it is written: a row of `words.Columns` and of `lookup.ByWord`."""

    bits: int
    capital: bool
    name: bool  # by itself
    joining: bool
    unknown: bool
    word: int
    kind: int
    single: int
    acted: list[int]
    marked: list[int]
    opening: int
    word_head: int
    word_tail: int
    stem_head: int
    stem_tail: int
    opening_head: int
    asks: bool
    before: bool
    vector: int


class WrittenWords:
    """Words met so far, with what they add by the tables of `lookup`."""

    def __init__(self, lookup: Lookup, vocabulary: frozenset[str]) -> None:
        self._lookup = lookup
        self._vocabulary = vocabulary
        self._words: dict[str, Word | None] = {APART: None}
        self._name = self._learned(["X"], name=True)[0]

    def tokens(self, text: str) -> tuple[list[Word], list[bool]] | None:
        """Tokens of a passage, and whether punctuation stands before each; None for a text of rare sort (`cased_words`)."""
        spelled = cased_words(text)
        if spelled is None:
            return None
        known = self._words
        try:
            found = [known[word] for word in spelled]
        except KeyError:
            found = self._looked_up(spelled)
        words, edges = [], []
        edge = False
        for word in found:
            if word is None:
                edge = True
            elif not word.bits & DROPPED:
                words.append(word)
                edges.append(edge)
                edge = False
        return self._merged(words, edges)

    def _merged(self, words: list[Word], edges: list[bool]) -> tuple[list[Word], list[bool]]:
        """Tokens with each run of names, and of figures, folded into one."""
        named = [word.name for word in words]
        named += [False, False]  # beyond the end, and so before the beginning
        if True in named:
            joining = [word.joining for word in words]
            joins = [at for at, one in enumerate(joining) if one]
            joining.append(False)
            states = [
                at
                for at, word in enumerate(words)
                if word.bits & STATE and word.capital and (named[at - 1] or (named[at + 2] and words[at + 1].bits & OF))
            ]
            for at in states:
                named[at] = True
            for _ in range(2):
                new = [at for at in joins if named[at - 1] and (named[at + 1] or (joining[at + 1] and named[at + 2]))]
                for at in new:
                    named[at] = True
        tokens, opens = [], []
        name_before = figure_before = edge = False
        for at, word in enumerate(words):
            name = named[at]
            figure = word.bits & FIGURE > 0 and not name
            if (name and name_before) or (figure and figure_before):
                continue  # a comma inside a name or figure parts nothing
            name_before, figure_before = name, figure
            edge = edge or edges[at]
            if named[at + 1] and word.bits & THE and not name:
                continue
            tokens.append(self._name if name else word)
            opens.append(edge)
            edge = False
        return tokens, opens

    def _looked_up(self, spelled: Sequence[str]) -> list[Word | None]:
        """What is known of words of which some are new."""
        words = self._words
        if len(words) > _MOST_WORDS:  # text without end must not fill the memory
            self._words = words = {APART: None}
        new = [word for word in dict.fromkeys(spelled) if word not in words]
        words.update(zip(new, self._learned(new), strict=True))
        return [words[word] for word in spelled]

    def _learned(self, spelled: Sequence[str], name: bool = False) -> list[Word]:
        """What is known of some words; of a name instead if `name`."""
        text = characters_of(spelled)
        length = np.fromiter(map(len, spelled), np.int64, len(spelled))
        number, met = word_table(self._vocabulary).look_up(text, text.begin, text.begin + length)
        number *= not name
        by_word, columns = self._lookup.by_word(met), met.columns
        upper = text.capital(text.begin).tolist()
        bits = columns.bits.take(number).tolist()
        rest = [column.take(number, axis=0).tolist() for column in (columns.word, columns.kind, *by_word)]
        return [
            Word(
                have,
                capital,
                capital and (have & GEO > 0 or (have & (STRANGE | JOIN) > 0 and not have & PLAIN)),
                have & JOIN > 0 or (have & STRANGE > 0 and not capital and size <= NAME_LETTERS),
                have & STRANGE > 0 and not capital,
                *about,
            )
            for have, capital, size, *about in zip(bits, upper, length.tolist(), *rest, strict=True)
        ]
