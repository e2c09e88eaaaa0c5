"""Classes and clauses of the tokens of a batch, and what a word bears on: the scope of a negation, the acts of an actor.

Training and explanations (`templates`) and scoring (`sums`) both build on it.

Source: negation-marked tokens, Pang, Lee and Vaithyanathan 2002 (arXiv:cs/0205070).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from tipclassify.text.features.lexicon import ACTORS, CLASSES, IMPERATIVES, SCOPE, SCOPED, TURNING, phrase_classes
from tipclassify.text.features.tokenizer import I64, NAME, NUMBER, U64, Bools, Tokens
from tipclassify.text.features.vocabulary import FACTOR, hash_word

__all__ = ["ACTOR_NUMBER", "Structure", "actors", "concat_ranges", "imperatives", "pairs", "scopes", "structure_of"]

_FAR: Final = 6  # maximum distance in a skip-gram of lexicon classes


def _per_class(names: tuple[str, ...]) -> I64:
    """Number the named classes from 1, in a column by class; 0 for others."""
    column = np.zeros(len(CLASSES) + 1, np.int64)
    column[[CLASSES.index(name) + 1 for name in names]] = np.arange(1, len(names) + 1)
    return column


ACTOR_NUMBER: Final = _per_class(ACTORS)
_SCOPED: Final = _per_class(SCOPED)
_TURNING: Final = (1 << _per_class(TURNING)) >> 1  # one bit each, 0 for others
_CONTRAST: Final = CLASSES.index("contrast") + 1


@dataclass(frozen=True)
class Structure:
    """Classes, clauses and passages of the tokens of a batch.

    Attributes
    ----------
    kind : int64 (n,)
        Lexicon class of each token, two-word entries included; 0 for none.
    row, clause : int64 (n,)
        Passage and clause of each token; clauses are numbered through the batch.
    begin, end : int64 (clauses,)
        First token of each clause, and the one after its last.
    first, stop : int64 (passages with tokens,)
        First token of each passage, and the one after its last.
    """

    kind: I64
    row: I64
    clause: I64
    begin: I64
    end: I64
    first: I64
    stop: I64


def structure_of(t: Tokens) -> Structure:
    """Assign tokens their classes and clauses, which begin after punctuation and at "but", "although" and the like."""
    new = np.ones(len(t.row), bool)
    new[1:] = t.row[1:] != t.row[:-1]
    kind = _with_phrases(t, new)
    opens = new | t.edge | (kind == _CONTRAST)
    begin, first = np.flatnonzero(opens), np.flatnonzero(new)
    return Structure(kind, t.row, np.cumsum(opens) - 1, begin, _ends(begin, len(new)), first, _ends(first, len(new)))


def scopes(s: Structure) -> tuple[I64, I64, I64]:
    """Find what each negation, limit, pledge, … bears on: its token, a token in its scope, number of its class in `SCOPED`.

    The scope is the rest of the clause, up to `SCOPE` tokens, or to the next word of the same class.
    """
    mark = np.flatnonzero(_SCOPED.take(s.kind))
    sort = _SCOPED.take(s.kind.take(mark)) - 1
    order = np.argsort(sort, kind="stable")
    mark, sort = mark.take(order), sort.take(order)
    stop = np.minimum(s.end.take(s.clause.take(mark)), mark + SCOPE + 1)
    again = np.flatnonzero(sort[1:] == sort[:-1])
    stop[again] = np.minimum(stop[again], mark[again + 1])
    which, inside = concat_ranges(mark + 1, stop)
    return mark.take(which), inside, sort.take(which)


def actors(s: Structure) -> I64:
    """Find who acts: for each token the first actor of its clause, or of the last clause before that has one; -1 for none."""
    at = np.arange(len(s.kind))
    actor = np.flatnonzero(ACTOR_NUMBER.take(s.kind))
    leading = actor[np.diff(s.clause.take(actor), prepend=-1) > 0]
    found = np.full(len(at), -1)
    found[leading] = leading
    found = np.maximum.accumulate(found)
    return np.where((found < at) & (s.row.take(found) == s.row), found, -1)


def pairs(s: Structure) -> tuple[I64, I64, I64]:
    """Pair the tokens of a clause that have a class: first, second, and the bits of the classes of `TURNING` in the clause.

    "No victim was punished" and "no trafficker was punished" share all words but one.
    """
    classed = np.flatnonzero(s.kind)
    here = np.arange(1, len(classed) + 1)
    clause = s.clause.take(classed)
    begin = np.flatnonzero(np.diff(clause, prepend=-1))
    turned = np.zeros(len(s.begin), np.int64)
    turned[clause.take(begin)] = np.bitwise_or.reduceat(_TURNING.take(s.kind.take(classed)), begin) if len(begin) else 0
    end = np.repeat(_ends(begin, len(classed)), np.diff(np.append(begin, len(classed))))
    which, second = concat_ranges(here, np.minimum(end, here + _FAR))
    return classed.take(which), classed.take(second), turned.take(clause.take(which))


def imperatives(t: Tokens, s: Structure) -> tuple[I64, I64]:
    """Find the passages that open with an imperative ("1. Investigate", "Vigorously prosecute"): first token, one after the last."""
    words = t.columns.word
    longer = s.stop - s.first > 1
    opening = s.first + (longer & _among(words.take(t.number.take(s.first)), _BEFORE_IMPERATIVE))
    asks = _among(words.take(t.number.take(opening)), _IMPERATIVE)
    return s.first[asks], s.stop[asks]


def concat_ranges(begin: I64, end: I64) -> tuple[I64, I64]:
    """Concatenate the ranges from each `begin` to its `end`; also return the index of the range of each number.

    >>> [column.tolist() for column in concat_ranges(np.array([3, 9]), np.array([5, 10]))]
    [[0, 0, 1], [3, 4, 9]]
    """
    length = np.maximum(end - begin, 0)
    which = np.arange(len(length)).repeat(length)
    return which, np.arange(len(which)) + (begin - (length.cumsum() - length)).take(which)


def _ends(begin: I64, n: int) -> I64:
    """End of each segment, given where the segments that fill `n` places begin."""
    return np.append(begin, n)[1:]


def _among(words: U64, table: U64) -> Bools:
    """Test which words are in the ascending `table`."""
    place = np.minimum(np.searchsorted(table, words), len(table) - 1)
    return np.asarray(table[place] == words)


_IMPERATIVE: Final = np.array(sorted(map(hash_word, IMPERATIVES)), np.uint64)
_ADVERBS: Final = "vigorously proactively fully significantly systematically substantially effectively".split()
_BEFORE_IMPERATIVE: Final = np.array(sorted([NUMBER, NAME, *map(hash_word, _ADVERBS)]), np.uint64)


def _phrase_table() -> tuple[U64, I64]:
    """Hashes of the two-word entries, ascending, and the class of each."""
    words = np.array([(hash_word(a), hash_word(b)) for a, b in phrase_classes()], np.uint64)
    code = words[:, 0] * FACTOR[0] + words[:, 1] * FACTOR[1]
    order = code.argsort()
    return code[order], np.array([*phrase_classes().values()])[order]


_PHRASES: Final = _phrase_table()


def _with_phrases(t: Tokens, new: Bools) -> I64:
    """Class of each token; the first token of a two-word entry of the lexicon has the class of the entry."""
    kind = t.columns.kind.take(t.number)
    at = np.flatnonzero(t.leads[:-1] & ~new[1:])
    codes, kinds = _PHRASES
    words = t.columns.word
    pair = words.take(t.number.take(at)) * FACTOR[0] + words.take(t.number.take(at + 1)) * FACTOR[1]
    place = np.minimum(codes.searchsorted(pair), len(codes) - 1)
    found = codes.take(place) == pair
    kind[at[found]] = kinds.take(place[found])
    return kind
