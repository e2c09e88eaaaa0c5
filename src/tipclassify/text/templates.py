"""Assign tokens to classes and clauses, find scopes and actors, and hash features of them.

Passages and headings come in, hashed features go out, for training, scoring and explanations. Each
feature template has its own salt. A hash is a sum of products of random words and odd factors
modulo 2**64 (Weinberger et al. 2009, arXiv:0902.2206); its upper bits distinguish features.
Negation-marked tokens are those of Pang, Lee and Vaithyanathan 2002 (arXiv:cs/0205070).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from tipclassify.arrays import U64, Bools, Floats, Ints
from tipclassify.text.lexicon import (
    ACTORS,
    CLASSES,
    CUES,
    MAX_SCOPE,
    PHRASES,
    SHIFTERS,
    WORDS,
)
from tipclassify.text.sections import without_enumerator
from tipclassify.text.tokens import Tokens, folded_words, text_batches, tokenize
from tipclassify.text.words import FACTOR, NAME, NUMBER, WordFlag, hash_word

_Code = TypeVar("_Code", np.uint32, np.uint64)

FEATURE_VERSION: Final = 4  # raise it whenever the hashes of a text change

_MAX_DISTANCE: Final = 6  # maximum distance in a skip-gram of lexicon classes


def _numbered(names: tuple[str, ...]) -> Ints:
    """Number the named classes from 1, int64 (classes + 1,); 0 for all others."""
    column = np.zeros(len(CLASSES) + 1, np.int64)
    column[[CLASSES.index(name) + 1 for name in names]] = np.arange(1, len(names) + 1)
    return column


_ACTOR_NUMBER: Final = _numbered(ACTORS)
_CUE_NUMBER: Final = _numbered(CUES)
# one bit a class, 0 for all others
_SHIFTER_BIT: Final = (1 << _numbered(SHIFTERS)) >> 1
_CONTRAST: Final = CLASSES.index("contrast") + 1


@dataclass(frozen=True)
class TokenStructure:
    """Classes, clauses and passages of the tokens of a batch."""

    kind: Ints  # (n,), lexicon class of each token, two-word entries included; 0 without class
    row: Ints  # (n,), passage
    clause: Ints  # (n,), numbered across the batch
    begin: Ints  # (clauses,), first token
    first: Ints  # (passages with tokens,), first token
    stop: Ints  # (passages with tokens,), end of the range of tokens


def structure_of(tokens: Tokens) -> TokenStructure:
    """Assign tokens to classes and clauses.

    A clause begins after punctuation and at contrasts ("but", "although").
    """
    new = np.ones(len(tokens.row), bool)  # whether a token is the first of its passage
    new[1:] = tokens.row[1:] != tokens.row[:-1]
    kind = _classes(tokens, new)
    opens = new | tokens.edge | (kind == _CONTRAST)
    first = np.flatnonzero(new)
    return TokenStructure(
        kind=kind,
        row=tokens.row,
        clause=np.cumsum(opens) - 1,
        begin=np.flatnonzero(opens),
        first=first,
        stop=_segment_ends(first, len(new)),
    )


class CueScopes(NamedTuple):
    """Tokens in the scopes of cues, one row for each token and cue."""

    cue: Ints  # token of the cue
    token: Ints
    cue_type: Ints  # index of the cue's class in `CUES`


def cue_scopes(structure: TokenStructure) -> CueScopes:
    """Find the scope of each cue (negation, limit, pledge).

    A scope is the rest of the clause, up to `MAX_SCOPE` tokens or the next cue of the same class.
    """
    cue = np.flatnonzero(_CUE_NUMBER.take(structure.kind))
    cue_type = _CUE_NUMBER.take(structure.kind.take(cue)) - 1
    order = np.argsort(cue_type, kind="stable")
    cue = cue.take(order)
    cue_type = cue_type.take(order)
    clause_end = _segment_ends(structure.begin, len(structure.kind)).take(
        structure.clause.take(cue)
    )
    stop = np.minimum(clause_end, cue + MAX_SCOPE + 1)
    again = np.flatnonzero(cue_type[1:] == cue_type[:-1])
    stop[again] = np.minimum(stop[again], cue[again + 1])
    which, token = _concat_ranges(cue + 1, stop)
    return CueScopes(cue.take(which), token, cue_type.take(which))


def _actors(structure: TokenStructure) -> Ints:
    """Find the actor of each token, int64 (n,); -1 without one.

    It is the first actor of the token's clause, or else of the last clause with one.
    """
    token = np.arange(len(structure.kind))
    mention = np.flatnonzero(_ACTOR_NUMBER.take(structure.kind))
    opens_clause = np.diff(structure.clause.take(mention), prepend=-1) > 0
    leading = mention[opens_clause]  # first of its clause
    actor = np.full(len(token), -1)
    actor[leading] = leading
    actor = np.maximum.accumulate(actor)
    return np.where((actor < token) & (structure.row.take(actor) == structure.row), actor, -1)


def _class_pairs(structure: TokenStructure) -> tuple[Ints, Ints, Ints]:
    """Pair the classed tokens within each clause that are near each other.

    Returns the first and second token of each pair, and the bit set of the polarity shifters in its
    clause.
    """
    classed = np.flatnonzero(structure.kind)
    following = np.arange(1, len(classed) + 1)
    clause = structure.clause.take(classed)
    begin = np.flatnonzero(np.diff(clause, prepend=-1))
    shifters = np.zeros(len(structure.begin), np.int64)
    if len(begin):
        bits = _SHIFTER_BIT.take(structure.kind.take(classed))
        shifters[clause.take(begin)] = np.bitwise_or.reduceat(bits, begin)
    end = np.repeat(_segment_ends(begin, len(classed)), np.diff(np.append(begin, len(classed))))
    which, second = _concat_ranges(following, np.minimum(end, following + _MAX_DISTANCE))
    return classed.take(which), classed.take(second), shifters.take(clause.take(which))


def _concat_ranges(begin: Ints, end: Ints) -> tuple[Ints, Ints]:
    """Concatenate the ranges from each `begin` to its `end`.

    Returns the index of each number's range, and the numbers.
    """
    length = np.maximum(end - begin, 0)
    which = np.arange(len(length)).repeat(length)
    return which, np.arange(len(which)) + (begin - (length.cumsum() - length)).take(which)


def _segment_ends(begin: Ints, n: int) -> Ints:
    """Return the ends of consecutive segments that fill `n` places, given their starts."""
    return np.append(begin, n)[1:]


def find_sorted(values: npt.NDArray[_Code], table: npt.NDArray[_Code]) -> tuple[Ints, Bools]:
    """Look up values in a sorted table: index of each, and whether it is present."""
    place = table.searchsorted(values)
    if not len(table):
        return place, np.zeros(len(values), bool)
    place[place == len(table)] = 0
    return place, np.asarray(table.take(place) == values)


# ----------------------------------------------------------------------------------------- features

_BEFORE_IMPERATIVE: Final = np.array(
    sorted([NUMBER, NAME, *map(hash_word, WORDS["adverbs"])]), np.uint64
)
_IMPERATIVE: Final = np.array(sorted(map(hash_word, WORDS["imperatives"])), np.uint64)
_PHRASE_WORDS: Final = np.array([(hash_word(a), hash_word(b)) for a, b in PHRASES], np.uint64)
_PHRASE_CODES: Final = _PHRASE_WORDS[:, 0] * FACTOR[0] + _PHRASE_WORDS[:, 1] * FACTOR[1]
_ORDER: Final = _PHRASE_CODES.argsort()
_PHRASE_KINDS: Final = np.array([*PHRASES.values()])[_ORDER]
_SORTED_PHRASES: Final = _PHRASE_CODES[_ORDER]


def _classes(tokens: Tokens, new: Bools) -> Ints:
    """Return the class of each token; the first one of a two-word entry has the entry's class."""
    kind = tokens.columns.kind.take(tokens.number)
    at = np.flatnonzero(
        (tokens.bits[:-1] & WordFlag.PHRASE_START > 0) & ~tokens.name[:-1] & ~new[1:]
    )
    first = tokens.columns.word.take(tokens.number.take(at))
    second = tokens.columns.word.take(tokens.number.take(at + 1))
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
# Sequences of classes by their salt: the places of their tokens among those with a class.
_SEQUENCES: Final = {
    60: (0,),
    61: (0, 1),
    62: (0, 1, 2),
    63: (0, 2),
    64: (0, 1, 2, 3),
}


class TemplateFeatures(NamedTuple):
    """Features of a template, one row a feature."""

    head: Ints  # first token
    tail: Ints  # last token
    code: U64  # hash
    inside: Bools  # whether the feature lies within one clause


def template_features(tokens: Tokens, structure: TokenStructure) -> Iterator[TemplateFeatures]:
    """Yield the features of each template."""
    yield from _ngram_features(tokens, structure)
    yield from _actor_features(tokens, structure)
    yield from _scope_features(tokens, structure)
    yield from _class_sequence_features(structure)
    yield _class_pair_features(structure)
    yield from _opening_features(tokens, structure)
    yield from _imperative_features(tokens, structure)


def _class_hash(structure: TokenStructure, token: Ints) -> U64:
    """Hash the lexicon class of tokens."""
    return _CLASS_HASH.take(structure.kind.take(token))


def _same_clause(structure: TokenStructure, head: Ints, tail: Ints) -> Bools:
    """Test which pairs of tokens are of the same clause."""
    return np.asarray(structure.clause.take(head) == structure.clause.take(tail))


def _ngram_features(tokens: Tokens, structure: TokenStructure) -> Iterator[TemplateFeatures]:
    """Yield words and stems, their bigrams, and skip-bigrams of stems."""
    word = tokens.word
    stem = tokens.stem
    yield _unigram_features(word, 1)
    yield _bigram_features(structure, word, 2)
    yield _unigram_features(stem, 4)
    yield _bigram_features(structure, stem, 5)
    yield _bigram_features(structure, stem, 6, distance=2)


def _unigram_features(column: U64, salt: int) -> TemplateFeatures:
    token = np.arange(len(column))
    code = column * FACTOR[0] + SALT[salt]
    return TemplateFeatures(token, token, code, np.ones(len(token), bool))


def _bigram_features(
    structure: TokenStructure, column: U64, salt: int, distance: int = 1
) -> TemplateFeatures:
    """Pair each token with the one at a distance, if that is of the same passage."""
    row = structure.row
    head = np.flatnonzero(row[: len(row) - distance] == row[distance:])
    tail = head + distance
    code = column.take(head) * FACTOR[0] + column.take(tail) * FACTOR[1] + SALT[salt]
    return TemplateFeatures(head, tail, code, _same_clause(structure, head, tail))


def _actor_features(tokens: Tokens, structure: TokenStructure) -> Iterator[TemplateFeatures]:
    """Yield stems and classes with their actor."""
    actor = _actors(structure)
    acts = np.flatnonzero(actor >= 0)
    head = actor[acts]
    code = _class_hash(structure, head) * FACTOR[0] + tokens.stem.take(acts) * FACTOR[1] + SALT[70]
    yield TemplateFeatures(head, acts, code, _same_clause(structure, head, acts))
    classed = acts[structure.kind.take(acts) > 0]
    head = actor[classed]
    code = _class_hash(structure, head) * FACTOR[0] + _class_hash(structure, classed) * FACTOR[1]
    code = code + SALT[71]
    yield TemplateFeatures(head, classed, code, _same_clause(structure, head, classed))


def _scope_features(tokens: Tokens, structure: TokenStructure) -> Iterator[TemplateFeatures]:
    """Yield stems and classes in the scope of a cue."""
    cue, token, cue_type = cue_scopes(structure)
    code = tokens.stem.take(token) * FACTOR[0] + SALT[20 + cue_type]
    yield TemplateFeatures(cue, token, code, _same_clause(structure, cue, token))
    classed = structure.kind.take(token) > 0
    cue = cue[classed]
    token = token[classed]
    code = _class_hash(structure, token) * FACTOR[0] + SALT[40 + cue_type[classed]]
    yield TemplateFeatures(cue, token, code, _same_clause(structure, cue, token))


def _class_sequence_features(structure: TokenStructure) -> Iterator[TemplateFeatures]:
    """Yield n-grams of classes, skipping words without class."""
    classed = np.flatnonzero(structure.kind)
    class_hash = _class_hash(structure, classed)
    for salt, places in _SEQUENCES.items():
        at = np.arange(max(len(classed) - places[-1], 0))
        head = classed[at]
        tail = classed[at + places[-1]]
        inside = _same_clause(structure, head, tail)
        code = SALT[salt] + ~inside * _ACROSS_HASH
        for factor, place in zip(FACTOR, places, strict=False):
            code += class_hash[at + place] * factor
        kept = structure.row.take(head) == structure.row.take(tail)
        yield TemplateFeatures(head[kept], tail[kept], code[kept], inside[kept])


def _class_pair_features(structure: TokenStructure) -> TemplateFeatures:
    """Return pairs of classes within a clause, with the polarity shifters in it."""
    first, second, shifters = _class_pairs(structure)
    code = _class_hash(structure, first) * FACTOR[0] + _class_hash(structure, second) * FACTOR[1]
    code = code + _SHIFTER_HASH[shifters] + SALT[65]
    return TemplateFeatures(first, second, code, _same_clause(structure, first, second))


def _opening_features(tokens: Tokens, structure: TokenStructure) -> Iterator[TemplateFeatures]:
    """Yield the first words of a passage."""
    first = structure.first
    whole = np.ones(len(first), bool)
    code = tokens.word.take(first) * FACTOR[0] + SALT[80]
    yield TemplateFeatures(first, first, code, whole)
    code = _class_hash(structure, first) * FACTOR[0] + SALT[81]
    yield TemplateFeatures(first, first, code, whole)
    first = first[structure.stop - first > 1]
    second = first + 1
    code = tokens.stem.take(first) * FACTOR[0] + _class_hash(structure, second) * FACTOR[1]
    code = code + SALT[82]
    yield TemplateFeatures(first, second, code, _same_clause(structure, first, second))


def _imperative_features(tokens: Tokens, structure: TokenStructure) -> Iterator[TemplateFeatures]:
    """Yield the start and the classes of a passage that opens with an imperative."""
    word = tokens.word
    # "1. Investigate", "Vigorously prosecute": a number or adverb may stand before the imperative.
    _, skippable = find_sorted(word.take(structure.first), _BEFORE_IMPERATIVE)
    has_second = structure.stop - structure.first > 1
    opening = structure.first + (has_second & skippable)
    _, asks = find_sorted(word.take(opening), _IMPERATIVE)
    head = structure.first[asks]
    yield TemplateFeatures(head, head, SALT[84].repeat(len(head)), np.ones(len(head), bool))
    _, token = _concat_ranges(head, structure.stop[asks])
    classed = token[structure.kind.take(token) > 0]
    code = _class_hash(structure, classed) * FACTOR[0] + SALT[83]
    yield TemplateFeatures(classed, classed, code, np.ones(len(classed), bool))


def length_scale(counts: Ints | Floats) -> Floats:
    """Return the length-normalisation factor of a sum of weights over `counts` features."""
    return np.asarray(np.maximum(counts, 1.0) ** _LENGTH_POWER)


@dataclass(frozen=True)
class HashedFeatures:
    """Hashed features of a list of passages, one row a feature."""

    row: Ints  # (m,), passage
    hash: U64  # (m,)
    start: Ints  # (m,), character offset in the passage
    end: Ints  # (m,)
    clause: Ints  # (m,), numbered across all passages; -1 if the feature spans clauses
    clause_row: Ints  # (clauses,), passage of each clause, ascending


def featurize(passages: Sequence[str], vocabulary: frozenset[str]) -> HashedFeatures:
    """Extract the features of each passage; `vocabulary` is that of `tokens.tokenize`.

    >>> f = featurize(["Police did not act.", ""], frozenset({"act"}))
    >>> set(f.row.tolist()), int(f.end.max())
    ({0}, 18)
    """
    none = np.zeros(0, np.int64)
    # Each list begins with an empty array, so that no passages give empty columns.
    rows = [none]
    hashes = [none.astype(np.uint64)]
    starts = [none]
    ends = [none]
    clauses = [none]
    clause_rows = [none]
    clause_count = 0
    for first_passage, batch in text_batches(passages):
        tokens = tokenize(batch, vocabulary)
        structure = structure_of(tokens)
        for head, tail, code, inside in template_features(tokens, structure):
            rows.append(tokens.row[head] + first_passage)
            hashes.append(code)
            starts.append(tokens.start[head])
            ends.append(np.maximum(tokens.end[tail], tokens.end[head]))
            clauses.append(np.where(inside, structure.clause[head] + clause_count, -1))
        clause_rows.append(tokens.row[structure.begin] + first_passage)
        clause_count += len(structure.begin)
    return HashedFeatures(
        row=np.concatenate(rows),
        hash=np.concatenate(hashes),
        start=np.concatenate(starts),
        end=np.concatenate(ends),
        clause=np.concatenate(clauses),
        clause_row=np.concatenate(clause_rows),
    )


def heading_hashes(heading: str | None) -> U64:
    """Hash a heading's words, bigrams and full text, uint64 (k,); empty without heading.

    Its enumerator is left out.

    >>> len(heading_hashes("Section 7. Worker Rights")), len(heading_hashes(None))
    (4, 0)
    >>> heading_hashes("b. Forced Labor").tolist() == heading_hashes("FORCED LABOUR").tolist()
    True
    """
    words = folded_words(without_enumerator(heading or ""))
    if not words:
        return np.zeros(0, np.uint64)
    code = np.array([hash_word(word) for word in words], np.uint64)
    whole = np.array([hash_word(" ".join(words))], np.uint64)
    unigrams = code * FACTOR[0] + SALT[90]
    bigrams = code[:-1] * FACTOR[0] + code[1:] * FACTOR[1] + SALT[91]
    return np.concatenate([unigrams, bigrams, whole * FACTOR[0] + SALT[92]])


def feature_keys(code: U64) -> npt.NDArray[np.uint32]:
    """Return the upper half of each feature hash, its key in the weight table."""
    return (code >> np.uint64(32)).astype(np.uint32)


def best_clauses(scores: Floats, clause_row: Ints, passages: int) -> Ints:
    """Find the highest-scoring clause of each passage, the first of equals; -1 without clauses."""
    order = np.lexsort((-np.arange(len(scores)), scores, clause_row))
    best = np.full(passages, -1)
    best[clause_row[order]] = order  # the last written is the highest
    return best
