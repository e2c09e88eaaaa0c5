"""Tokens of a batch of passages as one numpy table, normalised so that a label cannot depend on spelling, number or country.

Case, accents, curly quotes and British spelling are folded; figures become one placeholder, names (runs of capitalised words
in neither the lexicon nor the vocabulary) another. Only new words are processed one by one; the rest is arrays.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from tipclassify.characters import BREAK, SPACE, Characters, characters_of, folded_text
from tipclassify.words import (
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
    VocabularyTable,
    american,
    hash_word,
    word_table,
)

__all__ = [
    "NAME",
    "NAME_LETTERS",
    "NUMBER",
    "TokenBatch",
    "Tokens",
    "hash_word",
    "known_words",
    "read_words",
    "tokenize",
    "words_of",
]

I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]
Bools = npt.NDArray[np.bool_]

NAME_LETTERS: Final = 3
"""Most letters of an unknown lower-case word that may stand inside a name: "bin", "van", "dos"."""


@dataclass(frozen=True)
class Tokens:
    """One row a token, in reading order, with offsets: for training and explanations.

    Attributes
    ----------
    row : int64 (n,)
        Passage of the token.
    start, end : int64 (n,)
        Character offsets in that passage, half-open.
    word, stem : uint64 (n,)
        Hash of the folded word and of its first five letters (a cheap stem).
    kind : int64 (n,)
        Class in the lexicon, 0 for none.
    edge : bool (n,)
        Whether punctuation precedes it: a new clause may begin.
    known : bool (n,)
        Whether it is in the vocabulary or the lexicon, a name or a figure.
    leads : bool (n,)
        Whether it may begin a two-word entry of the lexicon.
    """

    row: I64
    start: I64
    end: I64
    word: U64
    stem: U64
    kind: I64
    edge: Bools
    known: Bools
    leads: Bools


class TokenBatch(NamedTuple):
    """Tokens by the number of their word, without offsets: for scoring.

    Attributes
    ----------
    table : VocabularyTable
        Properties of words, by number.
    number : int64 (n,)
        Word of each token, 0 for a name.
    bits : uint16 (n,)
        Properties of the word (`words.FIGURE` to `words.LEADS`).
    name, new, edge, strange : bool (n,)
        Whether it is a name, the first of its passage, after punctuation, unknown.
    rows, begin : int64 (passages,)
        Passages that have tokens, and the first token of each.
    """

    table: VocabularyTable
    number: I64
    bits: npt.NDArray[np.uint16]
    name: Bools
    new: Bools
    edge: Bools
    strange: Bools
    rows: I64
    begin: I64


def read_words(passages: Sequence[str], vocabulary: frozenset[str], length: I64 | None = None) -> TokenBatch:
    """Tokenize passages for scoring; `length` is the length of each in characters, if known."""
    return _read(characters_of(passages, length), vocabulary)[0]


def tokenize(passages: Sequence[str], vocabulary: frozenset[str]) -> Tokens:
    """Tokenize passages, with offsets.

    `vocabulary` holds the words known in lower case (`known_words`); a capitalised word outside it that the
    lexicon does not know either is a name.

    >>> t = tokenize(["Valdoria opened 12 shelters."], frozenset({"shelters"}))
    >>> int(t.word[0]) == NAME, int(t.word[2]) == NUMBER, t.start.tolist()
    (True, True, [0, 9, 16, 19])
    """
    text = characters_of(passages)
    read, start, end = _read(text, vocabulary)
    row = np.repeat(read.rows, np.diff(np.append(read.begin, len(read.number))))
    begin, columns = text.begin.take(row), read.table.columns
    kind = columns.kind.take(read.number).astype(np.int64)
    return Tokens(
        row=row,
        start=start - begin,
        end=end - begin,
        word=columns.word.take(read.number),
        stem=columns.stem.take(read.number),
        kind=kind,
        edge=read.edge,
        known=~read.strange,
        leads=(read.bits & LEADS > 0) & ~read.name,
    )


def known_words(texts: Iterable[str], least: int = 2) -> frozenset[str]:
    """Collect the words that occur in lower case at least `least` times: the vocabulary of `tokenize`."""
    counts: dict[str, int] = {}
    for text in texts:
        folded = characters_of([text])
        start, end = _word_edges(folded)
        capitals = np.append(0, np.cumsum(folded.capital(np.arange(len(folded.code)))))
        letters = folded.spelled()
        for a, b in zip(start.tolist(), end.tolist(), strict=True):
            if capitals[a] == capitals[b] and not (word := letters[a:b]).isdigit():
                counts[word] = counts.get(word, 0) + 1
    return frozenset(american(word) for word, n in counts.items() if n >= least)


def words_of(text: str) -> list[str]:
    """Split a text into folded words, figures and names unchanged.

    >>> words_of("The organisation didn’t act.")
    ['the', 'organization', 'didn', 't', 'act']
    """
    return [american(word) for word in folded_text(text).split()]


def _read(text: Characters, vocabulary: frozenset[str]) -> tuple[TokenBatch, I64, I64]:
    """Tokens, with start and end of each in the characters."""
    start, end = _word_edges(text)
    number, table = word_table(vocabulary).look_up(text, start, end)
    bits = table.columns.bits.take(number)
    upper = text.capital(start)
    edge = np.zeros(len(start) + 1, bool)
    edge[start.searchsorted((text.code == BREAK).nonzero()[0])] = True
    edge = edge[:-1]
    if np.count_nonzero(bits & DROPPED):
        kept = (bits & DROPPED == 0).nonzero()[0]
        edge = _handed_on(edge, kept)
        start, end, number, bits, upper = (column.take(kept) for column in (start, end, number, bits, upper))
    first = start.searchsorted(text.begin)
    length = np.empty(len(first), np.int64)
    np.subtract(first[1:], first[:-1], out=length[:-1])
    length[-1:] = len(start) - first[-1:]
    rows = length.nonzero()[0]
    new = np.zeros(len(start), bool)
    new[first.take(rows)] = True
    return _merged(table, rows, start, end, number, bits, upper, edge, new)


def _word_edges(text: Characters) -> tuple[I64, I64]:
    """Start and end of each word."""
    inside = np.zeros(len(text.code) + 2, bool)
    np.greater(text.code, SPACE, out=inside[1:-1])
    edges = (inside[1:] != inside[:-1]).nonzero()[0]
    return edges[::2].copy(), edges[1::2].copy()


def _handed_on(edge: Bools, kept: I64) -> Bools:
    """Edges of the tokens kept; a dropped token passes its edge to the next."""
    edges = edge.cumsum().take(kept)
    handed = np.empty(len(kept), bool)
    handed[:1] = edges[:1] > 0
    np.greater(edges[1:], edges[:-1], out=handed[1:])
    return handed


# --------------------------------------------------------------------------------------------- names, figures


def _merged(
    table: VocabularyTable,
    rows: I64,
    start: I64,
    end: I64,
    number: I64,
    bits: npt.NDArray[np.uint16],
    upper: Bools,
    edge: Bools,
    new: Bools,
) -> tuple[TokenBatch, I64, I64]:
    """Merge each run of names, and of figures, into one token; "State of X", "Republic of the X", "X and Y" are runs."""
    same = ~new  # the token before is of the same passage
    strange = bits & STRANGE > 0
    figure = bits & FIGURE > 0
    name = upper & ((bits & GEO > 0) | ((strange | (bits & JOIN > 0)) & (bits & PLAIN == 0)))
    again = article = np.zeros(len(new), bool)
    if np.count_nonzero(name):
        joins = bits & JOIN > 0
        joining = joins | (strange & ~upper & (end - start <= NAME_LETTERS))
        state = upper & (bits & STATE > 0)
        if np.count_nonzero(state):
            name |= state & (_after((bits & OF > 0) & same & _after(name & same)) | (_before(name) & same))
        for _ in range(2):
            right = _after(name & same)
            further = _after(joining & same & right)
            name |= joining & _before(name) & same & (right | further)
        figure &= ~name
        again = same & name & _before(name)
        article = (bits & THE > 0) & ~name & _after(name & same)
    again = again | (same & figure & _before(figure))
    new = new | _before(new & article)
    at = (~(again | article)).nonzero()[0]
    last = np.empty_like(at)
    np.subtract(at[1:], 1, out=last[:-1])
    last[-1:] = len(new) - 1
    last -= article.take(last)  # an article before the next name does not belong to this run
    np.maximum(last, at, out=last)
    named = name.take(at)
    new = new.take(at)
    number = number.take(at)
    number *= ~named
    merged = TokenBatch(
        table=table,
        number=number,
        bits=bits.take(at),
        name=named,
        new=new,
        edge=_handed_on(edge & ~again, at),  # a comma inside a name or figure is no clause boundary
        strange=(strange & ~upper).take(at),
        rows=rows,
        begin=new.nonzero()[0],
    )
    return merged, start.take(at), end.take(last)


def _before(flags: Bools) -> Bools:
    """Flag of the previous token."""
    out = np.empty_like(flags)
    out[:1] = False
    out[1:] = flags[:-1]
    return out


def _after(flags: Bools) -> Bools:
    """Flag of the next token."""
    out = np.empty_like(flags)
    out[-1:] = False
    out[:-1] = flags[1:]
    return out
