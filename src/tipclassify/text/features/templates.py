"""Assign tokens to classes and clauses, find scopes and actors, and hash features of them.

Each feature template has its own salt. A hash is a sum of products of random words and odd factors
modulo 2**64 (Weinberger et al. 2009, arXiv:0902.2206); its upper bits distinguish features.
Negation-marked tokens are those of Pang, Lee and Vaithyanathan 2002 (arXiv:cs/0205070).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from tipclassify.arrays import U64, Bools, Floats, Ints
from tipclassify.text.features.lexicon import (
    ACTORS,
    CLASSES,
    CUES,
    MAX_SCOPE,
    PHRASES,
    SHIFTERS,
    WORDS,
)
from tipclassify.text.features.tokenizer import Tokens
from tipclassify.text.features.vocabulary import FACTOR, NAME, NUMBER, Flag, hash_word

__all__ = [
    "SALT",
    "Structure",
    "find_sorted",
    "length_scale",
    "scopes",
    "structure_of",
    "template_features",
]

_Code = TypeVar("_Code", np.uint32, np.uint64)

_MAX_DISTANCE: Final = 6  # maximum distance in a skip-gram of lexicon classes


def _per_class(names: tuple[str, ...]) -> Ints:
    """Number the named classes from 1, int64 (classes + 1,); 0 for all others."""
    column = np.zeros(len(CLASSES) + 1, np.int64)
    column[[CLASSES.index(name) + 1 for name in names]] = np.arange(1, len(names) + 1)
    return column


_ACTOR_NUMBER: Final = _per_class(ACTORS)
_CUE_NUMBER: Final = _per_class(CUES)
_SHIFTER_BIT: Final = (1 << _per_class(SHIFTERS)) >> 1  # one bit a class, 0 for all others
_CONTRAST: Final = CLASSES.index("contrast") + 1


@dataclass(frozen=True)
class Structure:
    """Classes, clauses and passages of the tokens of a batch."""

    kind: Ints  # (n,), lexicon class of each token, two-word entries included; 0 without class
    row: Ints  # (n,), passage
    clause: Ints  # (n,), numbered across the batch
    begin: Ints  # (clauses,), first token
    first: Ints  # (passages with tokens,), first token
    stop: Ints  # (passages with tokens,), end of the range of tokens


def structure_of(t: Tokens) -> Structure:
    """Assign tokens to classes and clauses.

    A clause begins after punctuation and at contrasts ("but", "although").
    """
    new = np.ones(len(t.row), bool)  # whether a token is the first of its passage
    new[1:] = t.row[1:] != t.row[:-1]
    kind = _with_phrases(t, new)
    opens = new | t.edge | (kind == _CONTRAST)
    first = np.flatnonzero(new)
    return Structure(
        kind=kind,
        row=t.row,
        clause=np.cumsum(opens) - 1,
        begin=np.flatnonzero(opens),
        first=first,
        stop=_ends(first, len(new)),
    )


def scopes(s: Structure) -> tuple[Ints, Ints, Ints]:
    """Find the scope of each cue (negation, limit, pledge).

    Returns, for each token in a scope, the cue token, the token, and the class's index in `CUES`. A
    scope is the rest of the clause, up to `MAX_SCOPE` tokens or the next cue of the same class.
    """
    cue = np.flatnonzero(_CUE_NUMBER.take(s.kind))
    cue_type = _CUE_NUMBER.take(s.kind.take(cue)) - 1
    order = np.argsort(cue_type, kind="stable")
    cue = cue.take(order)
    cue_type = cue_type.take(order)
    clause_end = _ends(s.begin, len(s.kind)).take(s.clause.take(cue))
    stop = np.minimum(clause_end, cue + MAX_SCOPE + 1)
    again = np.flatnonzero(cue_type[1:] == cue_type[:-1])
    stop[again] = np.minimum(stop[again], cue[again + 1])
    which, inside = _concat_ranges(cue + 1, stop)
    return cue.take(which), inside, cue_type.take(which)


def _actors(s: Structure) -> Ints:
    """Find the actor of each token, int64 (n,); -1 without one.

    It is the first actor of the token's clause, or else of the last clause with one.
    """
    token = np.arange(len(s.kind))
    mention = np.flatnonzero(_ACTOR_NUMBER.take(s.kind))
    leading = mention[np.diff(s.clause.take(mention), prepend=-1) > 0]  # first of its clause
    actor = np.full(len(token), -1)
    actor[leading] = leading
    actor = np.maximum.accumulate(actor)
    return np.where((actor < token) & (s.row.take(actor) == s.row), actor, -1)


def _pairs(s: Structure) -> tuple[Ints, Ints, Ints]:
    """Pair classed tokens within each clause.

    Returns the first and the second token of each pair, and the bit set of the polarity shifters in
    its clause.
    """
    classed = np.flatnonzero(s.kind)
    following = np.arange(1, len(classed) + 1)
    clause = s.clause.take(classed)
    begin = np.flatnonzero(np.diff(clause, prepend=-1))
    shifters = np.zeros(len(s.begin), np.int64)
    if len(begin):
        bits = _SHIFTER_BIT.take(s.kind.take(classed))
        shifters[clause.take(begin)] = np.bitwise_or.reduceat(bits, begin)
    end = np.repeat(_ends(begin, len(classed)), np.diff(np.append(begin, len(classed))))
    which, second = _concat_ranges(following, np.minimum(end, following + _MAX_DISTANCE))
    return classed.take(which), classed.take(second), shifters.take(clause.take(which))


def _concat_ranges(begin: Ints, end: Ints) -> tuple[Ints, Ints]:
    """Concatenate the ranges from each `begin` to its `end`.

    Returns the index of each number's range, and the numbers.
    """
    length = np.maximum(end - begin, 0)
    which = np.arange(len(length)).repeat(length)
    return which, np.arange(len(which)) + (begin - (length.cumsum() - length)).take(which)


def _ends(begin: Ints, n: int) -> Ints:
    """Return the ends of consecutive segments that fill `n` places, given their starts."""
    return np.append(begin, n)[1:]


def find_sorted(values: npt.NDArray[_Code], table: npt.NDArray[_Code]) -> tuple[Ints, Bools]:
    """Look up values in a sorted table: index of each, and whether it is present."""
    place = table.searchsorted(values)
    if not len(table):
        return place, np.zeros(len(values), bool)
    place[place == len(table)] = 0
    return place, np.asarray(table.take(place) == values)


_BEFORE_IMPERATIVE: Final = np.array(
    sorted([NUMBER, NAME, *map(hash_word, WORDS["adverbs"])]), np.uint64
)
_IMPERATIVE: Final = np.array(sorted(map(hash_word, WORDS["imperatives"])), np.uint64)
_PHRASE_WORDS: Final = np.array([(hash_word(a), hash_word(b)) for a, b in PHRASES], np.uint64)
_PHRASE_CODES: Final = _PHRASE_WORDS[:, 0] * FACTOR[0] + _PHRASE_WORDS[:, 1] * FACTOR[1]
_ORDER: Final = _PHRASE_CODES.argsort()
_PHRASE_KINDS: Final = np.array([*PHRASES.values()])[_ORDER]
_SORTED_PHRASES: Final = _PHRASE_CODES[_ORDER]


def _with_phrases(t: Tokens, new: Bools) -> Ints:
    """Return the class of each token; the first one of a two-word entry has the entry's class."""
    kind = t.columns.kind.take(t.number)
    at = np.flatnonzero((t.bits[:-1] & Flag.PHRASE_START > 0) & ~t.name[:-1] & ~new[1:])
    first = t.columns.word.take(t.number.take(at))
    second = t.columns.word.take(t.number.take(at + 1))
    place, is_phrase = find_sorted(first * FACTOR[0] + second * FACTOR[1], _SORTED_PHRASES)
    kind[at[is_phrase]] = _PHRASE_KINDS.take(place[is_phrase])
    return kind


_LENGTH_POWER: Final = -0.2  # 0 favours long passages, the -0.5 of unit length favours short ones

SALT: Final = np.array([hash_word(f"salt {salt}") for salt in range(100)], np.uint64)
_CLASS_HASH: Final = np.array(
    [hash_word(f"class {kind}") for kind in range(len(CLASSES) + 1)], np.uint64
)
_SHIFTER_HASH: Final = np.array([hash_word(f"turn {bits}") for bits in range(16)], np.uint64)
_ACROSS_HASH: Final = np.uint64(hash_word("cut"))


class TemplateFeatures(NamedTuple):
    """Features of a template, one row a feature."""

    head: Ints  # first token
    tail: Ints  # last token
    code: U64  # hash
    inside: Bools  # whether the feature lies within one clause


def template_features(t: Tokens, s: Structure) -> Iterator[TemplateFeatures]:
    """Yield the features of each template."""
    yield from _ngrams(t, s)
    yield from _actor_features(t, s)
    yield from _scope_features(t, s)
    yield from _class_sequences(s)
    yield from _openings(t, s)


def _class_hash(s: Structure, token: Ints) -> U64:
    """Hash the lexicon class of tokens."""
    return _CLASS_HASH.take(s.kind.take(token))


def _same_clause(s: Structure, head: Ints, tail: Ints) -> Bools:
    """Test which pairs of tokens are of the same clause."""
    return np.asarray(s.clause.take(head) == s.clause.take(tail))


def _ngrams(t: Tokens, s: Structure) -> Iterator[TemplateFeatures]:
    """Yield words and stems, their bigrams, and skip-bigrams of stems."""
    word = t.word
    stem = t.stem
    for salt, column, gap in ((1, word, 0), (2, word, 1), (4, stem, 0), (5, stem, 1), (6, stem, 2)):
        size = len(column) - gap
        code = column[:size] * FACTOR[0] + SALT[salt]
        if gap:
            code += column[gap:] * FACTOR[1]
        head = np.flatnonzero(s.row[:size] == s.row[gap:]) if gap else np.arange(size)
        inside = (s.clause[:size] == s.clause[gap:]).take(head)
        yield TemplateFeatures(head, head + gap, code.take(head), inside)


def _actor_features(t: Tokens, s: Structure) -> Iterator[TemplateFeatures]:
    """Yield stems and classes with their actor."""
    actor = _actors(s)
    here = np.flatnonzero(actor >= 0)
    for salt, act in ((70, t.stem), (71, _CLASS_HASH[s.kind])):
        head = actor[here]
        code = _class_hash(s, head) * FACTOR[0] + act[here] * FACTOR[1] + SALT[salt]
        yield TemplateFeatures(head, here, code, _same_clause(s, head, here))
        here = here[s.kind.take(here) > 0]  # classes: of tokens that have one


def _scope_features(t: Tokens, s: Structure) -> Iterator[TemplateFeatures]:
    """Yield stems and classes in the scope of a cue."""
    head, here, cue_type = scopes(s)
    code = t.stem.take(here) * FACTOR[0] + SALT[20 + cue_type]
    yield TemplateFeatures(head, here, code, _same_clause(s, head, here))
    classed = s.kind.take(here) > 0
    head = head[classed]
    here = here[classed]
    code = _class_hash(s, here) * FACTOR[0] + SALT[40 + cue_type[classed]]
    yield TemplateFeatures(head, here, code, _same_clause(s, head, here))


def _class_sequences(s: Structure) -> Iterator[TemplateFeatures]:
    """Yield n-grams of classes, skipping words without class, and pairs within a clause."""
    classed = np.flatnonzero(s.kind)
    kind = _class_hash(s, classed)
    for salt, gaps in ((60, (0,)), (61, (0, 1)), (62, (0, 1, 2)), (63, (0, 2)), (64, (0, 1, 2, 3))):
        at = np.arange(max(len(classed) - gaps[-1], 0))
        head = classed[at]
        tail = classed[at + gaps[-1]]
        inside = _same_clause(s, head, tail)
        code = SALT[salt] + ~inside * _ACROSS_HASH
        for factor, gap in zip(FACTOR, gaps, strict=False):
            code += kind[at + gap] * factor
        kept = s.row.take(head) == s.row.take(tail)
        yield TemplateFeatures(head[kept], tail[kept], code[kept], inside[kept])
    first, second, shifters = _pairs(s)
    code = _class_hash(s, first) * FACTOR[0] + _class_hash(s, second) * FACTOR[1]
    code = code + _SHIFTER_HASH[shifters] + SALT[65]
    yield TemplateFeatures(first, second, code, _same_clause(s, first, second))


def _openings(t: Tokens, s: Structure) -> Iterator[TemplateFeatures]:
    """Yield the first words of a passage; its classes if it opens with an imperative."""
    words = t.word
    first = s.first
    whole = np.ones(len(first), bool)
    code = words.take(first) * FACTOR[0] + SALT[80]
    yield TemplateFeatures(first, first, code, whole)
    code = _class_hash(s, first) * FACTOR[0] + SALT[81]
    yield TemplateFeatures(first, first, code, whole)
    first = first[s.stop - first > 1]
    second = first + 1
    code = t.stem.take(first) * FACTOR[0] + _class_hash(s, second) * FACTOR[1] + SALT[82]
    yield TemplateFeatures(first, second, code, _same_clause(s, first, second))

    # "1. Investigate", "Vigorously prosecute": a number or adverb may stand before the imperative.
    _, skippable = find_sorted(words.take(s.first), _BEFORE_IMPERATIVE)
    opening = s.first + ((s.stop - s.first > 1) & skippable)
    _, asks = find_sorted(words.take(opening), _IMPERATIVE)
    head = s.first[asks]
    yield TemplateFeatures(head, head, SALT[84].repeat(len(head)), np.ones(len(head), bool))
    _, here = _concat_ranges(head, s.stop[asks])
    here = here[s.kind.take(here) > 0]
    code = _class_hash(s, here) * FACTOR[0] + SALT[83]
    yield TemplateFeatures(here, here, code, np.ones(len(here), bool))


def length_scale(counts: Ints | Floats) -> Floats:
    """Return the length-normalisation factor of a sum of weights over `counts` features."""
    return np.asarray(np.maximum(counts, 1.0) ** _LENGTH_POWER)
