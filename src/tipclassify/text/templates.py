"""Assign tokens to classes and clauses, find scopes and actors, and hash features of them.

Passages and headings come in, hashed features go out, for training, scoring and explanations. Each
feature template has its own salt. A hash is a sum of products of random words and odd factors
modulo 2**64 (Weinberger et al. 2009, arXiv:0902.2206); its upper bits distinguish features.
Negation-marked tokens are those of Pang, Lee and Vaithyanathan 2002 (arXiv:cs/0205070).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

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
)
from tipclassify.text.sections import without_enumerator
from tipclassify.text.tokens import Tokens, folded_words, text_batches, tokenize
from tipclassify.text.words import FACTOR, WordFlag, hash_word

FEATURE_VERSION: Final = 4  # raise it whenever the hashes of a text change

_MAX_DISTANCE: Final = 6  # maximum distance in a skip-gram of lexicon classes
_LENGTH_POWER: Final = -0.2  # 0 favours long passages, the -0.5 of unit length favours short ones


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


# ---------------------------------------------------------------------------------------- structure


def _pair_hash(first: U64, second: U64) -> U64:
    return np.asarray(first * FACTOR[0] + second * FACTOR[1])


def _phrase_kinds() -> dict[int, int]:
    """Return the class of each two-word entry by the hash of its words."""
    words = np.array(
        [(hash_word(first), hash_word(second)) for first, second in PHRASES], np.uint64
    )
    return dict(zip(_pair_hash(*words.T).tolist(), PHRASES.values(), strict=True))


_PHRASE_KINDS: Final = _phrase_kinds()


class TokenStructure(NamedTuple):
    """Classes, clauses and passages of the tokens of a batch."""

    kind: Ints  # (n,), lexicon class of each token, two-word entries included; 0 without class
    clause: Ints  # (n,), numbered across the batch
    begin: Ints  # (clauses,), first token
    first: Ints  # (passages with tokens,), first token


def structure_of(tokens: Tokens) -> TokenStructure:
    """Assign tokens to classes and clauses.

    The first token of a two-word entry has the entry's class. A clause begins after punctuation and
    at contrasts ("but", "although").
    """
    new = np.ones(len(tokens.row), bool)  # whether a token is the first of its passage
    new[1:] = tokens.row[1:] != tokens.row[:-1]
    kind = tokens.columns.kind.take(tokens.number)
    starts_phrase = (tokens.bits & WordFlag.PHRASE_START > 0) & ~tokens.name
    at = np.flatnonzero(starts_phrase[:-1] & ~new[1:])
    words = tokens.columns.word
    pairs = _pair_hash(words.take(tokens.number.take(at)), words.take(tokens.number.take(at + 1)))
    kind[at] = [
        _PHRASE_KINDS.get(pair, alone)
        for pair, alone in zip(pairs.tolist(), kind[at].tolist(), strict=True)
    ]
    opens = new | tokens.edge | (kind == _CONTRAST)
    return TokenStructure(
        kind=kind,
        clause=np.cumsum(opens) - 1,
        begin=np.flatnonzero(opens),
        first=np.flatnonzero(new),
    )


def cue_scopes(structure: TokenStructure) -> tuple[Ints, Ints, Ints]:
    """Find the scope of each cue (negation, limit, pledge).

    A scope is the rest of the clause, up to `MAX_SCOPE` tokens or the next cue of the same class.
    Returns the cue and the token of each pair, and the index of the cue's class in `CUES`.
    """
    kind, clause, _, _ = structure
    cue = np.flatnonzero(_CUE_NUMBER.take(kind))
    cue = cue.take(np.argsort(_CUE_NUMBER.take(kind.take(cue)), kind="stable"))
    cue_type = _CUE_NUMBER.take(kind.take(cue)) - 1
    stop = np.full(len(cue), len(kind))
    again = np.flatnonzero(cue_type[1:] == cue_type[:-1])
    stop[again] = cue[again + 1]
    token = cue[:, None] + np.arange(1, MAX_SCOPE + 1)
    reached = token < stop[:, None]
    reached &= clause.take(token, mode="clip") == clause.take(cue)[:, None]
    which = reached.nonzero()[0]
    return cue.take(which), token[reached], cue_type.take(which)


def _actors(row: Ints, structure: TokenStructure) -> Ints:
    """Find the actor of each token, int64 (n,); -1 without one.

    It is the first actor of the token's clause, or else of the last clause with one.
    """
    token = np.arange(len(row))
    mention = np.flatnonzero(_ACTOR_NUMBER.take(structure.kind))
    opens_clause = np.diff(structure.clause.take(mention), prepend=-1) > 0
    leading = mention[opens_clause]  # first of its clause
    actor = np.full(len(row), -1)
    actor[leading] = leading
    actor = np.maximum.accumulate(actor)
    return np.where((actor < token) & (row.take(actor) == row), actor, -1)


def _class_pairs(structure: TokenStructure, classed: Ints) -> tuple[Ints, Ints]:
    """Pair the classed tokens within each clause that are near each other."""
    clause = structure.clause.take(classed)
    place = np.arange(len(classed))[:, None] + np.arange(1, _MAX_DISTANCE + 1)
    near = place < len(classed)
    near &= clause.take(place, mode="clip") == clause[:, None]
    return classed.take(near.nonzero()[0]), classed.take(place[near])


# ----------------------------------------------------------------------------------------- features


class TemplateFeatures(NamedTuple):
    """Features of a template, one row a feature."""

    head: Ints  # first token
    tail: Ints  # last token
    code: U64  # hash
    inside: Bools  # whether the feature lies within one clause


# salt; first and last tokens; hashes of what the features consist of
_Template = tuple[U64, Ints, Ints, tuple[U64, ...]]


def template_features(tokens: Tokens, structure: TokenStructure) -> Iterator[TemplateFeatures]:
    """Yield the features of each template."""
    for salt, head, tail, parts in _templates(tokens, structure):
        code = salt
        for factor, part in zip(FACTOR, parts, strict=False):
            code = code + part * factor
        inside = structure.clause.take(head) == structure.clause.take(tail)
        yield TemplateFeatures(head, tail, code, inside)


def _templates(tokens: Tokens, structure: TokenStructure) -> Iterator[_Template]:
    row = tokens.row
    word = tokens.word
    stem = tokens.stem
    class_hash = _CLASS_HASH.take(structure.kind)
    has_class = structure.kind > 0
    classed = np.flatnonzero(has_class)

    # words and stems, their bigrams, and skip-bigrams of stems
    token = np.arange(len(row))
    for column, salt, distance in (
        (word, 1, 0),
        (word, 2, 1),
        (stem, 4, 0),
        (stem, 5, 1),
        (stem, 6, 2),
    ):
        if not distance:
            yield SALT[salt], token, token, (column,)
            continue
        head = np.flatnonzero(row[: len(row) - distance] == row[distance:])
        tail = head + distance
        yield SALT[salt], head, tail, (column.take(head), column.take(tail))

    # stems and classes with their actor
    actor = _actors(row, structure)
    acts = np.flatnonzero(actor >= 0)
    head = actor.take(acts)
    yield SALT[70], head, acts, (class_hash.take(head), stem.take(acts))
    acts = acts[has_class.take(acts)]
    head = actor.take(acts)
    yield SALT[71], head, acts, (class_hash.take(head), class_hash.take(acts))

    # stems and classes in the scope of a cue
    cue, token, cue_type = cue_scopes(structure)
    yield SALT.take(20 + cue_type), cue, token, (stem.take(token),)
    kept = has_class.take(token)
    token = token[kept]
    yield SALT.take(40 + cue_type[kept]), cue[kept], token, (class_hash.take(token),)

    # n-grams of classes, words without class skipped
    for salt, places in _SEQUENCES.items():
        at = np.arange(max(len(classed) - places[-1], 0))
        at = at[row.take(classed.take(at)) == row.take(classed.take(at + places[-1]))]
        head = classed.take(at)
        tail = classed.take(at + places[-1])
        across = structure.clause.take(head) != structure.clause.take(tail)
        parts = tuple(class_hash.take(classed.take(at + place)) for place in places)
        yield SALT[salt] + across * _ACROSS_HASH, head, tail, parts

    # pairs of classes within a clause, with the polarity shifters in it
    shifters = np.zeros(len(structure.begin), np.int64)
    bits = _SHIFTER_BIT.take(structure.kind.take(classed))
    np.bitwise_or.at(shifters, structure.clause.take(classed), bits)
    head, tail = _class_pairs(structure, classed)
    turned = _SHIFTER_HASH.take(shifters.take(structure.clause.take(head)))
    yield SALT[65] + turned, head, tail, (class_hash.take(head), class_hash.take(tail))

    # the first words of a passage
    first = structure.first
    yield SALT[80], first, first, (word.take(first),)
    yield SALT[81], first, first, (class_hash.take(first),)
    has_second = np.diff(first, append=len(row)) > 1
    head = first[has_second]
    yield SALT[82], head, head + 1, (stem.take(head), class_hash.take(head + 1))

    # a passage that opens with an imperative: its start, and its classes
    # "1. Investigate", "Vigorously prosecute": a number or adverb may stand before the imperative.
    skippable = tokens.name | (tokens.bits & (WordFlag.FIGURE | WordFlag.ADVERB) > 0)
    opening = first + (has_second & skippable.take(first))
    asks = (tokens.bits & WordFlag.IMPERATIVE > 0) & ~tokens.name
    asks = asks.take(opening)
    head = first[asks]
    yield SALT[84].repeat(len(head)), head, head, ()
    passage = first.searchsorted(classed, "right") - 1
    classed = classed[asks.take(passage)]
    yield SALT[83], classed, classed, (class_hash.take(classed),)


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
    # the first row is empty, so that no passages give empty columns
    templates = [(none, none.astype(np.uint64), none, none, none)]
    clause_rows = [none]
    clause_count = 0
    for first_passage, batch in text_batches(passages):
        tokens = tokenize(batch, vocabulary)
        structure = structure_of(tokens)
        for head, tail, code, inside in template_features(tokens, structure):
            row = tokens.row[head] + first_passage
            end = np.maximum(tokens.end[tail], tokens.end[head])
            clause = np.where(inside, structure.clause[head] + clause_count, -1)
            templates.append((row, code, tokens.start[head], end, clause))
        clause_rows.append(tokens.row[structure.begin] + first_passage)
        clause_count += len(structure.begin)
    rows, hashes, starts, ends, clauses = zip(*templates, strict=True)
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
