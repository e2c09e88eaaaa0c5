"""Tokenize a batch of passages into a numpy table, normalised for spelling, figures and names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from tipclassify.arrays import U64, Bools, Ints
from tipclassify.text.words import (
    BREAK,
    FoldedTextBatch,
    WordColumns,
    WordFlag,
    american,
    vocabulary_table,
)

# maximum length of an unknown lower-case word inside a name: "bin", "van", "dos"
_NAME_LETTERS: Final = 3
_BATCH_CHARS: Final = 200_000  # large enough to amortise a call, small enough for constant memory


@dataclass(frozen=True)
class Tokens:
    """Tokens of a batch of passages in reading order, one row a token."""

    row: Ints  # (n,), passage
    start: Ints  # (n,), character offset in the passage
    end: Ints  # (n,)
    number: Ints  # (n,), row of the word in `columns`; 0 for a name
    bits: npt.NDArray[np.uint16]  # (n,), properties of the word (`words.WordFlag`)
    edge: Bools  # (n,), whether punctuation precedes the token: a possible clause boundary
    known: Bools  # (n,), whether the token is in vocabulary or lexicon, a name or a figure
    columns: WordColumns  # properties of words

    @property
    def word(self) -> U64:
        """Hash of each folded word, uint64 (n,)."""
        return self.columns.word.take(self.number)

    @property
    def stem(self) -> U64:
        """Hash of each word's stem, its first five letters, uint64 (n,)."""
        return self.columns.stem.take(self.number)

    @property
    def name(self) -> Bools:
        """Mask of names, bool (n,)."""
        return np.asarray(self.number == 0)


def tokenize(passages: Sequence[str], vocabulary: frozenset[str]) -> Tokens:
    """Tokenize passages.

    `vocabulary` holds the known lower-case words (`collect_vocabulary`); a capitalised word in
    neither vocabulary nor lexicon is a name.

    >>> t = tokenize(["Valdoria opened 12 shelters."], frozenset({"shelters"}))
    >>> t.start.tolist(), t.name.tolist()
    ([0, 9, 16, 19], [True, False, False, False])
    """
    text = FoldedTextBatch(passages)
    number, columns = vocabulary_table(vocabulary).look_up(text)
    bits = columns.bits.take(number)
    kept = np.flatnonzero(bits & WordFlag.DROPPED == 0)
    start = text.start.take(kept)
    end = text.end.take(kept)
    number = number.take(kept)
    bits = bits.take(kept)
    upper = text.are_capitals(start)
    words = np.diff(np.append(start.searchsorted(text.begin), len(start)))  # of each passage
    row = np.repeat(np.arange(len(passages)), words)
    inner = np.zeros(len(row), bool)  # whether the previous token is of the same passage
    inner[1:] = row[1:] == row[:-1]

    hyphened = np.zeros(len(row), bool)  # whether a hyphen joins it to the previous token
    adjacent = start[1:] == end[:-1] + 1
    hyphened[1:] = adjacent & text.are_any("-", end[:-1])
    name = _names(bits, upper, end - start, inner)
    name = _with_hyphenated(name, hyphened, upper, end - start)
    # "Xi'an" is one name; the "s" of "Karvonia's" is none
    longer = end[1:] > start[1:] + 1
    name[1:] |= name[:-1] & adjacent & longer & text.are_any("'’", end[:-1])
    figure = (bits & WordFlag.FIGURE > 0) & ~name
    repeated = inner & ((name & _previous(name)) | (figure & _previous(figure)))
    # "the" before a name is no token
    article = (bits & WordFlag.THE > 0) & ~name & _next(name & inner)
    at = np.flatnonzero(~(repeated | article))
    last = np.append(at, len(row))[1:] - 1  # last token of each run of names or figures
    # an article before the next name does not belong to it
    last = np.maximum(last - article.take(last), at)
    after = start.searchsorted(np.flatnonzero(text.code == BREAK))  # first words after punctuation
    after = after[after < len(start)]
    edge = np.zeros(len(at), bool)
    # a comma inside a name or figure is no clause boundary
    edge[at.searchsorted(after[~repeated.take(after)])] = True
    begin = text.begin.take(row.take(at))
    return Tokens(
        row=row.take(at),
        start=start.take(at) - begin,
        end=end.take(last) - begin,
        number=number.take(at) * ~name.take(at),
        bits=bits.take(at),
        edge=edge,
        known=((bits & WordFlag.UNKNOWN == 0) | upper).take(at),
        columns=columns,
    )


def _names(bits: npt.NDArray[np.uint16], upper: Bools, length: Ints, inner: Bools) -> Bools:
    """Detect names, bool (n,); "State of X", "Republic of the X" and "X and Y" are single names.

    `inner` marks tokens that another one of their passage precedes.
    """
    unknown = bits & WordFlag.UNKNOWN > 0
    joiner = bits & WordFlag.JOINER > 0
    name = upper & ((bits & WordFlag.GEO > 0) | ((unknown | joiner) & (bits & WordFlag.PLAIN == 0)))
    joining = joiner | (unknown & ~upper & (length <= _NAME_LETTERS))
    state = upper & (bits & WordFlag.STATE > 0)
    before_of_name = _next((bits & WordFlag.OF > 0) & inner & _next(name & inner))
    after_name = _previous(name) & inner
    name = name | (state & (before_of_name | after_name))
    for _ in range(2):  # up to two joining words: "X and the Y"
        next_is_name = _next(name & inner)
        name_follows_next = _next(joining & inner & next_is_name)
        name = name | (joining & _previous(name) & inner & (next_is_name | name_follows_next))
    return np.asarray(name)


def _with_hyphenated(name: Bools, hyphened: Bools, upper: Bools, length: Ints) -> Bools:
    """Add what a hyphen joins to a name: a capitalised word, also behind a short word.

    All of "Port-au-Prince" is a name, but not the second word of "Karvonia-led".
    """
    capital = hyphened & upper
    between = hyphened & ~upper & (length <= _NAME_LETTERS) & _next(capital)
    name = name | (between & _previous(name))
    return np.asarray(name | (capital & _previous(name)))


def token_words(tokens: Tokens, passages: int) -> tuple[Ints, Ints]:
    """Count each passage's words, figures and names excluded, and its unknown words.

    Both arrays are int64 (passages,).
    """
    plain = (tokens.bits & WordFlag.FIGURE == 0) & ~tokens.name
    words = np.bincount(tokens.row[plain], minlength=passages)
    return words, np.bincount(tokens.row[plain & ~tokens.known], minlength=passages)


def collect_vocabulary(texts: Iterable[str], least: int = 2) -> frozenset[str]:
    """Collect the vocabulary of `tokenize`: words `least` times or more in lower case."""
    counts: dict[str, int] = {}
    for passage in texts:
        text = FoldedTextBatch([passage])
        capitals = np.append(0, np.cumsum(text.are_capitals(np.arange(len(text.code)))))
        capitalised = (capitals[text.end] > capitals[text.start]).tolist()
        for word, has_capital in zip(text.words(), capitalised, strict=True):
            if not has_capital and not word.isdigit():
                counts[word] = counts.get(word, 0) + 1
    return frozenset(american(word) for word, count in counts.items() if count >= least)


def folded_words(text: str) -> list[str]:
    """Split a text into folded words; figures and names are kept.

    >>> folded_words("The organisation didn’t act.")
    ['the', 'organization', 'didn', 't', 'act']
    """
    return [american(word) for word in FoldedTextBatch([text]).words()]


def text_batches(passages: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield batches of similar size: the index of the first passage, and the passages."""
    texts = list(passages)
    end = np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)))
    first = np.flatnonzero(np.diff(end // _BATCH_CHARS, prepend=-1)).tolist()
    for begin, stop in pairwise([*first, len(texts)]):
        yield begin, texts[begin:stop]


def _previous(flags: Bools) -> Bools:
    return np.append(False, flags[:-1]) if len(flags) else flags


def _next(flags: Bools) -> Bools:
    return np.append(flags[1:], False) if len(flags) else flags
