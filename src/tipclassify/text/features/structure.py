"""Assign tokens to lexicon classes and clauses, and find the scopes of cues and the actor of each act.

Training and explanations (`templates`) and scoring (`linear.sums`) share it.

Source: negation-marked tokens, Pang, Lee and Vaithyanathan 2002 (arXiv:cs/0205070).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from tipclassify.text.features.lexicon import ACTORS, CLASSES, CUES, IMPERATIVES, MAX_SCOPE, SHIFTERS, phrase_classes
from tipclassify.text.features.tokenizer import I64, NAME, NUMBER, U64, Bools, Tokens
from tipclassify.text.features.vocabulary import FACTOR, hash_word

__all__ = ["ACTOR_NUMBER", "Structure", "actors", "concat_ranges", "imperatives", "pairs", "scopes", "structure_of"]

_MAX_DISTANCE: Final = 6  # maximum distance in a skip-gram of lexicon classes


def _per_class(names: tuple[str, ...]) -> I64:
    """Number the named classes from 1, int64 (classes + 1,); 0 for all others."""
    column = np.zeros(len(CLASSES) + 1, np.int64)
    column[[CLASSES.index(name) + 1 for name in names]] = np.arange(1, len(names) + 1)
    return column


ACTOR_NUMBER: Final = _per_class(ACTORS)
_CUE_NUMBER: Final = _per_class(CUES)
_SHIFTER_BIT: Final = (1 << _per_class(SHIFTERS)) >> 1  # one bit a class, 0 for all others
_CONTRAST: Final = CLASSES.index("contrast") + 1


@dataclass(frozen=True)
class Structure:
    """Classes, clauses and passages of the tokens of a batch.

    Attributes
    ----------
    kind : int64 (n,)
        Lexicon class of each token, two-word entries included; 0 without class.
    row, clause : int64 (n,)
        Passage and clause of each token; clauses are numbered across the batch.
    begin, end : int64 (clauses,)
        Range of tokens of each clause, half-open.
    first, stop : int64 (passages with tokens,)
        Range of tokens of each passage, half-open.
    """

    kind: I64
    row: I64
    clause: I64
    begin: I64
    end: I64
    first: I64
    stop: I64


def structure_of(t: Tokens) -> Structure:
    """Assign tokens to classes and clauses; a clause begins after punctuation and at contrasts ("but", "although")."""
    new = np.ones(len(t.row), bool)
    new[1:] = t.row[1:] != t.row[:-1]
    kind = _with_phrases(t, new)
    opens = new | t.edge | (kind == _CONTRAST)
    begin, first = np.flatnonzero(opens), np.flatnonzero(new)
    return Structure(kind, t.row, np.cumsum(opens) - 1, begin, _ends(begin, len(new)), first, _ends(first, len(new)))


def scopes(s: Structure) -> tuple[I64, I64, I64]:
    """Find the scope of each cue (negation, limit, pledge): cue token, token in scope, index of the class in `CUES`.

    A scope is the rest of the clause, up to `MAX_SCOPE` tokens or the next cue of the same class.
    """
    cue = np.flatnonzero(_CUE_NUMBER.take(s.kind))
    cue_type = _CUE_NUMBER.take(s.kind.take(cue)) - 1
    order = np.argsort(cue_type, kind="stable")
    cue, cue_type = cue.take(order), cue_type.take(order)
    stop = np.minimum(s.end.take(s.clause.take(cue)), cue + MAX_SCOPE + 1)
    again = np.flatnonzero(cue_type[1:] == cue_type[:-1])
    stop[again] = np.minimum(stop[again], cue[again + 1])
    which, inside = concat_ranges(cue + 1, stop)
    return cue.take(which), inside, cue_type.take(which)


def actors(s: Structure) -> I64:
    """Find the actor of each token: the first of its clause, or else of the last clause with one; -1 without actor."""
    at = np.arange(len(s.kind))
    actor = np.flatnonzero(ACTOR_NUMBER.take(s.kind))
    leading = actor[np.diff(s.clause.take(actor), prepend=-1) > 0]
    found = np.full(len(at), -1)
    found[leading] = leading
    found = np.maximum.accumulate(found)
    return np.where((found < at) & (s.row.take(found) == s.row), found, -1)


def pairs(s: Structure) -> tuple[I64, I64, I64]:
    """Pair classed tokens within each clause: first, second, and the bit set of polarity shifters in the clause.

    "No victim was punished" and "no trafficker was punished" share all words but one.
    """
    classed = np.flatnonzero(s.kind)
    following = np.arange(1, len(classed) + 1)
    clause = s.clause.take(classed)
    begin = np.flatnonzero(np.diff(clause, prepend=-1))
    shifters = np.zeros(len(s.begin), np.int64)
    shifters[clause.take(begin)] = (
        np.bitwise_or.reduceat(_SHIFTER_BIT.take(s.kind.take(classed)), begin) if len(begin) else 0
    )
    end = np.repeat(_ends(begin, len(classed)), np.diff(np.append(begin, len(classed))))
    which, second = concat_ranges(following, np.minimum(end, following + _MAX_DISTANCE))
    return classed.take(which), classed.take(second), shifters.take(clause.take(which))


def imperatives(t: Tokens, s: Structure) -> tuple[I64, I64]:
    """Find the token ranges of passages that open with an imperative ("1. Investigate", "Vigorously prosecute")."""
    words = t.columns.word
    longer = s.stop - s.first > 1
    opening = s.first + (longer & _is_in(words.take(t.number.take(s.first)), _BEFORE_IMPERATIVE))
    asks = _is_in(words.take(t.number.take(opening)), _IMPERATIVE)
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
    """Return the end of each of the consecutive segments that fill `n` places, given their starts."""
    return np.append(begin, n)[1:]


def _is_in(words: U64, table: U64) -> Bools:
    """Test which words are in a sorted table."""
    place = np.minimum(np.searchsorted(table, words), len(table) - 1)
    return np.asarray(table[place] == words)


_IMPERATIVE: Final = np.array(sorted(map(hash_word, IMPERATIVES)), np.uint64)
_ADVERBS: Final = "vigorously proactively fully significantly systematically substantially effectively".split()
_BEFORE_IMPERATIVE: Final = np.array(sorted([NUMBER, NAME, *map(hash_word, _ADVERBS)]), np.uint64)


def _phrase_table() -> tuple[U64, I64]:
    """Hash the two-word entries, ascending, each with its class."""
    words = np.array([(hash_word(a), hash_word(b)) for a, b in phrase_classes()], np.uint64)
    code = words[:, 0] * FACTOR[0] + words[:, 1] * FACTOR[1]
    order = code.argsort()
    return code[order], np.array([*phrase_classes().values()])[order]


_PHRASES: Final = _phrase_table()


def _with_phrases(t: Tokens, new: Bools) -> I64:
    """Return the class of each token; the first token of a two-word entry has the class of the entry."""
    kind = t.columns.kind.take(t.number)
    at = np.flatnonzero(t.starts_phrase[:-1] & ~new[1:])
    codes, kinds = _PHRASES
    words = t.columns.word
    pair = words.take(t.number.take(at)) * FACTOR[0] + words.take(t.number.take(at + 1)) * FACTOR[1]
    place = np.minimum(codes.searchsorted(pair), len(codes) - 1)
    found = codes.take(place) == pair
    kind[at[found]] = kinds.take(place[found])
    return kind
