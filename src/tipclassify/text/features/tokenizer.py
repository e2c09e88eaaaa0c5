"""Tokens of a batch of passages as one numpy table, normalised so that a label cannot depend on spelling, number or country.

Case, accents, curly quotes and British spelling are folded (`words`); figures become one placeholder, names (runs of capitalised
words in neither the lexicon nor the vocabulary) another.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from tipclassify.text.features.vocabulary import (
    BREAK,
    DROPPED,
    FIGURE,
    GEO,
    JOIN,
    LEADS,
    NAME,
    NUMBER,
    OF,
    PLAIN,
    STATE,
    STRANGE,
    THE,
    Characters,
    WordColumns,
    american,
    hash_word,
    vocabulary_table,
)

__all__ = ["NAME", "NUMBER", "Tokens", "batches", "hash_word", "known_words", "tokenize", "word_counts", "words_of"]

I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]
Bools = npt.NDArray[np.bool_]

_NAME_LETTERS: Final = 3  # most letters of an unknown lower-case word that may stand inside a name: "bin", "van", "dos"
_BATCH_CHARS: Final = 200_000  # many enough to share the cost of a call, few enough for flat memory


@dataclass(frozen=True)
class Tokens:
    """One row a token, in reading order.

    Attributes
    ----------
    row : int64 (n,)
        Passage of the token.
    first, last : int64 (n,)
        Character offsets in the batch, half-open.
    begin : int64 (passages,)
        Where each passage begins in the batch.
    number : int64 (n,)
        Word of the token, 0 for a name: a row of `columns`.
    bits : uint16 (n,)
        Properties of the word (`words.FIGURE` to `words.LEADS`).
    edge : bool (n,)
        Whether punctuation precedes it: a new clause may begin.
    known : bool (n,)
        Whether it is in the vocabulary or the lexicon, a name or a figure.
    columns : WordColumns
        Properties of words, by number.
    """

    row: I64
    first: I64
    last: I64
    begin: I64
    number: I64
    bits: npt.NDArray[np.uint16]
    edge: Bools
    known: Bools
    columns: WordColumns

    @property
    def start(self) -> I64:
        """Character offset of each token in its passage."""
        return self.first - self.begin.take(self.row)

    @property
    def end(self) -> I64:
        """Character offset of the end of each token in its passage."""
        return self.last - self.begin.take(self.row)

    @property
    def word(self) -> U64:
        """Hash of each folded word."""
        return self.columns.word.take(self.number)

    @property
    def stem(self) -> U64:
        """Hash of the first five letters of each word: a cheap stem."""
        return self.columns.stem.take(self.number)

    @property
    def name(self) -> Bools:
        """Which tokens are names."""
        return np.asarray(self.number == 0)

    @property
    def leads(self) -> Bools:
        """Which tokens may begin a two-word entry of the lexicon."""
        return (self.bits & LEADS > 0) & ~self.name


def tokenize(passages: Sequence[str], vocabulary: frozenset[str]) -> Tokens:
    """Tokenize passages.

    `vocabulary` holds the words known in lower case (`known_words`); a capitalised word outside it that the
    lexicon does not know either is a name.

    >>> t = tokenize(["Valdoria opened 12 shelters."], frozenset({"shelters"}))
    >>> int(t.word[0]) == NAME, int(t.word[2]) == NUMBER, t.start.tolist()
    (True, True, [0, 9, 16, 19])
    """
    text = Characters(passages)
    number, columns = vocabulary_table(vocabulary).look_up(text)
    bits = columns.bits.take(number)
    kept = np.flatnonzero(bits & DROPPED == 0)
    start, end, number, bits = text.start.take(kept), text.end.take(kept), number.take(kept), bits.take(kept)
    upper = text.capital(start)
    row = np.repeat(np.arange(len(passages)), np.diff(np.append(start.searchsorted(text.begin), len(start))))
    same = np.zeros(len(row), bool)  # the token before is of the same passage
    same[1:] = row[1:] == row[:-1]

    name = _names(bits, upper, end - start, same)
    figure = (bits & FIGURE > 0) & ~name
    again = same & ((name & _before(name)) | (figure & _before(figure)))
    article = (bits & THE > 0) & ~name & _after(name & same)  # "the" of a name is no token
    at = np.flatnonzero(~(again | article))
    last = np.append(at, len(row))[1:] - 1  # of the run of names or figures that begins here
    last = np.maximum(last - article.take(last), at)  # an article before the next name does not belong to it
    after = start.searchsorted(np.flatnonzero(text.code == BREAK))  # the words after punctuation
    after = after[after < len(start)]
    edge = np.zeros(len(at), bool)
    edge[at.searchsorted(after[~again.take(after)])] = True  # a comma inside a name or figure is no clause boundary
    return Tokens(
        row=row.take(at),
        first=start.take(at),
        last=end.take(last),
        begin=text.begin,
        number=number.take(at) * ~name.take(at),
        bits=bits.take(at),
        edge=edge,
        known=((bits & STRANGE == 0) | upper).take(at),
        columns=columns,
    )


def _names(bits: npt.NDArray[np.uint16], upper: Bools, length: I64, same: Bools) -> Bools:
    """Find the words of names; "State of X", "Republic of the X", "X and Y" are names as a whole."""
    strange, joins = bits & STRANGE > 0, bits & JOIN > 0
    name = upper & ((bits & GEO > 0) | ((strange | joins) & (bits & PLAIN == 0)))
    joining = joins | (strange & ~upper & (length <= _NAME_LETTERS))
    state = upper & (bits & STATE > 0)
    name = name | (state & (_after((bits & OF > 0) & same & _after(name & same)) | (_before(name) & same)))
    for _ in range(2):
        right = _after(name & same)
        further = _after(joining & same & right)
        name = name | (joining & _before(name) & same & (right | further))
    return np.asarray(name)


def word_counts(tokens: Tokens, passages: int) -> tuple[I64, I64]:
    """Count the words of each passage besides figures and names, and the unknown among them, int64 (passages,)."""
    plain = (tokens.bits & FIGURE == 0) & ~tokens.name
    words = np.bincount(tokens.row[plain], minlength=passages)
    return words, np.bincount(tokens.row[plain & ~tokens.known], minlength=passages)


def known_words(texts: Iterable[str], least: int = 2) -> frozenset[str]:
    """Collect the words that occur in lower case at least `least` times: the vocabulary of `tokenize`."""
    counts: dict[str, int] = {}
    for passage in texts:
        text = Characters([passage])
        capitals = np.append(0, np.cumsum(text.capital(np.arange(len(text.code)))))
        for word, some in zip(text.words(), (capitals[text.end] > capitals[text.start]).tolist(), strict=True):
            if not some and not word.isdigit():
                counts[word] = counts.get(word, 0) + 1
    return frozenset(american(word) for word, n in counts.items() if n >= least)


def words_of(text: str) -> list[str]:
    """Split a text into folded words, figures and names unchanged.

    >>> words_of("The organisation didn’t act.")
    ['the', 'organization', 'didn', 't', 'act']
    """
    return [american(word) for word in Characters([text]).words()]


def batches(passages: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """Split passages into batches of similar size: index of the first, texts."""
    texts = list(passages)
    end = np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)))
    first = np.flatnonzero(np.diff(end // _BATCH_CHARS, prepend=-1)).tolist()
    for begin, stop in pairwise([*first, len(texts)]):
        yield begin, texts[begin:stop]


def _before(flags: Bools) -> Bools:
    """Flag of the previous token."""
    return np.append(False, flags[:-1]) if len(flags) else flags


def _after(flags: Bools) -> Bools:
    """Flag of the next token."""
    return np.append(flags[1:], False) if len(flags) else flags
