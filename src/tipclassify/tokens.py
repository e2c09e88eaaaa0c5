"""Words of a batch of passages as one numpy table, with what does not bear on a label folded away.

Case, accents, curly quotes and British spelling go; every figure becomes one stand-in, every name (a run of
capitalised words that are neither the lexicon's nor known in lower case) another, so that neither the
number nor the country decides a tag. Only words that were never met are looked at one by one; the rest is arrays.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from tipclassify.characters import BREAK, UPPER, WORD, Characters, characters_of, folded_text
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
    Columns,
    american,
    hash_word,
    word_table,
)

__all__ = ["NAME", "NUMBER", "Tokens", "hash_word", "known_words", "tokenize", "words_of"]

I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]
Bools = npt.NDArray[np.bool_]

_SHORT: Final = 3  # letters of a strange word in lower case that may stand inside a name: "bin", "van", "dos"


@dataclass(frozen=True)
class Tokens:
    """One row a token, in reading order.

    Attributes
    ----------
    row : int64 (n,)
        Passage the token belongs to.
    start, end : int64 (n,)
        Its characters in that passage, half-open.
    word, stem : uint64 (n,)
        Hash of the folded word and of its first five letters (a cheap stem).
    kind : int64 (n,)
        Class in the lexicon, 0 for none.
    edge : bool (n,)
        Punctuation stands before it: a new clause may begin.
    known : bool (n,)
        The vocabulary or the lexicon has it, or it is a name or a figure.
    leads : bool (n,)
        It begins a two-word entry of the lexicon.
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

    def passages(self) -> tuple[I64, I64]:
        """Passages that have tokens, and the first token of each, int64 (passages,)."""
        begin = np.flatnonzero(np.diff(self.row, prepend=-1))
        return self.row[begin], begin


def tokenize(passages: Sequence[str], vocabulary: frozenset[str]) -> Tokens:
    """Tokens of each passage.

    `vocabulary` holds the words known in lower case (`known_words`); a capitalised word outside it that the
    lexicon does not know either is a name.

    >>> t = tokenize(["Valdoria opened 12 shelters."], frozenset({"shelters"}))
    >>> int(t.word[0]) == NAME, int(t.word[2]) == NUMBER, t.start.tolist()
    (True, True, [0, 9, 16, 19])
    """
    text = characters_of(passages)
    start, end = _word_edges(text)
    number, columns = word_table(vocabulary).look_up(text, start, end)
    bits = columns.bits.take(number)
    upper = text.sort.take(start) & UPPER > 0
    edge = _edges(text, start)
    kept = np.flatnonzero(bits & DROPPED == 0)
    if len(kept) < len(start):
        edge = _handed_on(edge, kept)
        start, end, number, bits, upper = (
            start.take(kept),
            end.take(kept),
            number.take(kept),
            bits.take(kept),
            upper.take(kept),
        )
    first = np.searchsorted(start, np.append(text.begin, len(text.code) + 1))
    row = np.repeat(np.arange(len(passages)), np.diff(first))
    return _merged(text, row, start, end, edge, upper, number, bits, columns)


def known_words(texts: Iterable[str], least: int = 2) -> frozenset[str]:
    """Words that stand in lower case at least `least` times: the vocabulary of `tokenize`."""
    counts: dict[str, int] = {}
    for text in texts:
        folded = characters_of([text])
        start, end = _word_edges(folded)
        capitals = np.append(0, np.cumsum(folded.sort & UPPER))
        letters = folded.spelled()
        for a, b in zip(start.tolist(), end.tolist(), strict=True):
            if capitals[a] == capitals[b] and not (word := letters[a:b]).isdigit():
                counts[word] = counts.get(word, 0) + 1
    return frozenset(american(word) for word, n in counts.items() if n >= least)


def words_of(text: str) -> list[str]:
    """Folded words of one text, figures and names as they are.

    >>> words_of("The organisation didn’t act.")
    ['the', 'organization', 'didn', 't', 'act']
    """
    return [american(word) for word in folded_text(text).split()]


def _word_edges(text: Characters) -> tuple[I64, I64]:
    """Where each word begins and ends."""
    inside = np.zeros(len(text.sort) + 2, np.uint8)
    inside[1:-1] = text.sort & WORD
    edges = np.flatnonzero(inside[1:] != inside[:-1])
    return edges[::2], edges[1::2]


def _edges(text: Characters, start: I64) -> Bools:
    """Words before which punctuation stands."""
    edge = np.zeros(len(start) + 1, bool)
    edge[np.searchsorted(start, np.flatnonzero(text.sort & BREAK > 0))] = True
    return edge[:-1]


def _handed_on(edge: Bools, kept: I64) -> Bools:
    """Edges of the tokens kept: one that is dropped hands its edge on."""
    edges = np.append(0, np.cumsum(edge))
    return np.asarray(np.diff(edges[kept + 1], prepend=0) > 0)


# --------------------------------------------------------------------------------------------- names, figures


def _merged(
    text: Characters,
    row: I64,
    start: I64,
    end: I64,
    edge: Bools,
    upper: Bools,
    number: I64,
    bits: npt.NDArray[np.uint16],
    columns: Columns,
) -> Tokens:
    """Tokens with each run of names, and of figures, folded into one; "State of X", "Republic of the X", "X and Y" are runs."""
    same = np.zeros(len(row), bool)  # the token before is of the same passage
    np.equal(row[1:], row[:-1], out=same[1:])
    strange = bits & STRANGE > 0
    joins = bits & JOIN > 0
    name = upper & ((bits & GEO > 0) | ((strange | joins) & (bits & PLAIN == 0)))
    joining = joins | (strange & ~upper & (end - start <= _SHORT))
    name |= upper & (bits & STATE > 0) & (_after((bits & OF > 0) & same & _after(name & same)) | (_before(name) & same))
    for _ in range(2):
        right = _after(name & same)
        further = _after(joining & same & right)
        name = name | (joining & _before(name) & same & (right | further))
    figure = (bits & FIGURE > 0) & ~name
    again = same & ((name & _before(name)) | (figure & _before(figure)))
    article = (bits & THE > 0) & ~name & _after(name & same)
    at = np.flatnonzero(~again & ~article)
    last = np.append(at[1:], len(row))[: len(at)] - 1
    last -= article[last]  # an article before the next name is not the end of this run
    last = np.maximum(last, at)
    parts = np.append(0, np.cumsum(edge & ~again))  # a comma inside a name or figure parts nothing
    row, named, which = row.take(at), name.take(at), number.take(at)
    begin = text.begin.take(row)
    return Tokens(
        row=row,
        start=start.take(at) - begin,
        end=end.take(last) - begin,
        word=np.where(named, np.uint64(NAME), columns.word.take(which)),
        stem=np.where(named, np.uint64(NAME), columns.stem.take(which)),
        kind=np.where(named, 0, columns.kind.take(which)).astype(np.int64),
        edge=np.diff(parts[at + 1], prepend=0) > 0,
        known=(~strange | upper)[at],
        leads=(bits[at] & LEADS > 0) & ~named,
    )


def _before(flags: Bools) -> Bools:
    """The flag of the token before."""
    out = np.zeros_like(flags)
    out[1:] = flags[:-1]
    return out


def _after(flags: Bools) -> Bools:
    """The flag of the token after."""
    out = np.zeros_like(flags)
    out[:-1] = flags[1:]
    return out
