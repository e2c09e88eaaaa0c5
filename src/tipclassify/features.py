"""From passages to hashed n-grams: the one ``featurize`` that training and scoring share.

What comes in is a list of passages, what goes out is one flat table of features: passage number, 64-bit
hash, and the characters each stands on. Families, each under a salt of its own: words and their n-grams,
stems and their n-grams, stems marked by the negation, limit, decline or pledge word before them in the
clause, sequences of the lexicon's classes, and who acts with what is done.

A passage has a label when any of its clauses supports it, so each feature also knows the clause it lies in:
a score is the sum over the passage plus the sum over its best clause (`score_sums`), and a long tail of other
matter cannot drown one clear clause.

Sources: hashed features, Weinberger et al. 2009 (arXiv:0902.2206); negation-marked tokens, Pang, Lee and
Vaithyanathan 2002 (arXiv:cs/0205070); the best part speaks for the whole, Andrews, Tsochantaridis and Hofmann
2002 (multiple-instance learning, NeurIPS 15).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from tipclassify.lexicon import CLASSES, IMPERATIVES, phrase_classes
from tipclassify.tokens import I64, NAME, NUMBER, U64, Bools, Tokens, hash_word, tokenize

__all__ = ["FEATURE_VERSION", "Features", "best_clauses", "featurize", "length_scale", "score_sums"]

Floats = npt.NDArray[np.float64]

FEATURE_VERSION: Final = 1  # raise it whenever the same text would give other hashes
_BATCH_CHARS: Final = 400_000  # keeps the working arrays of a batch small
_LENGTH_POWER: Final = 0.2  # between none (long passages shout) and the 0.5 of unit length (they whisper)
_FAR: Final = 6  # classed words between the two of a pair, counting the second
_REACH: Final = 7  # tokens that a negation, limit or pledge word bears on


@dataclass(frozen=True)
class Features:
    """Features of some passages.

    Attributes
    ----------
    row : int64 (m,)
        Passage each feature belongs to.
    hash : uint64 (m,)
        What the feature is.
    start, end : int64 (m,)
        Characters of that passage it stands on, half-open.
    clause : int64 (m,)
        Clause it lies in, numbered through all passages; -1 for a feature that reaches across clauses.
    clause_row : int64 (k,)
        Passage of each clause, ascending.
    words, unknown : int64 (passages,)
        Words of each passage besides figures and names, and how many of them training did not know.
    tokens : Tokens
        What the features were made of: classes of two-word entries included, ``edge`` where a clause opens.
    """

    row: I64
    hash: U64
    start: I64
    end: I64
    clause: I64
    clause_row: I64
    words: I64
    unknown: I64
    tokens: Tokens


def featurize(passages: Sequence[str], vocabulary: frozenset[str]) -> Features:
    """Features of each passage; see `tokens.tokenize` for `vocabulary`.

    >>> f = featurize(["Police did not act.", ""], frozenset({"act"}))
    >>> set(f.row.tolist()), int(f.end.max())
    ({0}, 18)
    """
    none = np.zeros(0, np.int64)
    parts = [(none, none.astype(np.uint64), none, none, none)]
    clause_rows, words, unknown = [none], [none], [none]
    read = [tokenize([], vocabulary)]
    clauses = 0
    for first, batch in _batches(passages):
        tokens = tokenize(batch, vocabulary)
        kind = _with_phrases(tokens)
        opens = _clause_starts(tokens, kind)
        clause = np.cumsum(opens) - 1
        read.append(replace(tokens, row=tokens.row + first, kind=kind, edge=opens))
        for _, head, tail, code in _families(tokens, kind, clause):
            parts.append(
                (
                    tokens.row[head] + first,
                    code,
                    tokens.start[head],
                    np.maximum(tokens.end[tail], tokens.end[head]),
                    np.where(clause[head] == clause[tail], clause[head] + clauses, -1),
                )
            )
        clause_rows.append(tokens.row[np.flatnonzero(np.diff(clause, prepend=-1))] + first)
        clauses += len(clause_rows[-1])
        plain = (tokens.word != NAME) & (tokens.word != NUMBER)
        words.append(np.bincount(tokens.row[plain], minlength=len(batch)))
        unknown.append(np.bincount(tokens.row[plain & ~tokens.known], minlength=len(batch)))
    row, code, start, end, clause = (np.concatenate(column) for column in zip(*parts, strict=True))
    all_tokens = Tokens(*(np.concatenate([getattr(t, f.name) for t in read]) for f in fields(Tokens)))
    owner, count, strange = (np.concatenate(column) for column in (clause_rows, words, unknown))
    return Features(row, code, start, end, clause, owner, count, strange, all_tokens)


def length_scale(which: I64, number: int) -> Floats:
    """What the sum of weights of each of `number` passages (or clauses) is multiplied by.

    `which` is the passage (or clause) of each feature; the factor is the count of features to a negative power.
    """
    return np.asarray(np.maximum(np.bincount(which, minlength=number), 1) ** -_LENGTH_POWER)


def score_sums(features: Features, known: Bools, weights: Floats) -> tuple[Floats, I64]:
    """Score of each passage before the bias, float64 (passages,), and its best clause, int64 (passages,), -1 for none.

    Parameters
    ----------
    known : bool (m,)
        Features that have a weight.
    weights : float (known.sum(),)
        Their weights for one label.
    """
    passages = len(features.words)
    row, clause = features.row[known], features.clause[known]
    whole = np.bincount(row, weights, passages) * length_scale(features.row, passages)
    number = len(features.clause_row)
    if not number:
        return whole, np.full(passages, -1)
    inside = clause >= 0
    scale = length_scale(features.clause[features.clause >= 0], number)
    parts: Floats = np.bincount(clause[inside], weights[inside], number) * scale
    best = best_clauses(parts, features.clause_row, passages)
    return whole + np.where(best >= 0, parts[best], 0.0), best


def best_clauses(scores: Floats, clause_row: I64, passages: int) -> I64:
    """Clause of the highest score of each passage, the first of equals, -1 for a passage without clauses."""
    order = np.lexsort((-np.arange(len(scores)), scores, clause_row))
    best = np.full(passages, -1)
    best[clause_row[order]] = order  # the last written is the highest
    return best


def _batches(passages: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    first, size, batch = 0, 0, list[str]()
    for number, text in enumerate(passages):
        batch.append(text)
        size += len(text)
        if size >= _BATCH_CHARS:
            yield first, batch
            first, size, batch = number + 1, 0, []
    if batch:
        yield first, batch


# --------------------------------------------------------------------------------------------- families

Family = tuple[int, I64, I64, U64]  # salt, first token, last token, hash
_NUMBER_OF = {name: number for number, name in enumerate(CLASSES, 1)}
_ACTORS = np.array(
    [_NUMBER_OF[c] for c in ("un_ngo", "state", "official", "trafficker", "private", "victim", "people")]
)
_MARKS = tuple(_NUMBER_OF[c] for c in ("neg", "limit", "decline", "increase", "modal", "plan", "adequate"))
_TURNING = tuple(_NUMBER_OF[c] for c in ("neg", "limit", "modal", "plan"))
_ASKING = np.array(sorted(map(hash_word, IMPERATIVES)), np.uint64)
# "1. Investigate", "To the ministry: train", "Vigorously prosecute": what may stand before the verb that asks.
_BEFORE_ASKING = np.array(
    [
        NUMBER,
        NAME,
        *map(hash_word, "vigorously proactively fully significantly systematically substantially effectively".split()),
    ],
    np.uint64,
)
_CONTRAST = _NUMBER_OF["contrast"]


def _clause_starts(t: Tokens, kind: I64) -> Bools:
    """Tokens that begin a clause: after punctuation, and at "but", "although" and the like."""
    return np.asarray(_firsts(t) | t.edge | (kind == _CONTRAST))


def _firsts(t: Tokens) -> Bools:
    return np.append(True, t.row[1:] != t.row[:-1])[: len(t.row)]


def _families(t: Tokens, kind: I64, clause_number: I64) -> Iterator[Family]:
    n = len(t.row)
    at = np.arange(n)
    new = _firsts(t)
    clause_start = np.diff(clause_number, prepend=-1) > 0
    clause = np.maximum.accumulate(np.where(clause_start, at, 0)) if n else at
    row_start = np.maximum.accumulate(np.where(new, at, 0)) if n else at

    def family(salt: int, first: I64, last: I64, *values: U64) -> Family:
        code = np.full(len(first), salt, np.uint64)
        for value in values:
            code = _mix(code ^ value)
        return salt, first, last, code

    def gram(salt: int, column: U64, *gaps: int) -> Family:
        first = at[: max(0, n - gaps[-1])]
        first = first[t.row[first] == t.row[first + gaps[-1]]]
        return family(salt, first, first + gaps[-1], *(column[first + gap] for gap in gaps))

    yield gram(1, t.word, 0)
    yield gram(2, t.word, 0, 1)
    yield gram(4, t.stem, 0)
    yield gram(5, t.stem, 0, 1)
    yield gram(6, t.stem, 0, 2)

    # Marked stems: the last mark word of each sort, in the same clause and within reach.
    for salt, mark in enumerate(_MARKS, 20):
        near = np.maximum.accumulate(np.where(kind == mark, at, -1)) if n else at
        here = at[(near >= clause) & (at - near <= _REACH) & (near < at)]
        yield family(salt, near[here], here, t.stem[here])
        here = here[kind[here] > 0]
        yield family(salt + 20, near[here], here, kind[here].astype(np.uint64))

    # Class sequences: neighbours among the classed words of a passage, whatever stands between.
    classed = at[kind > 0]
    k = kind.astype(np.uint64)
    for salt, gaps in ((60, (0,)), (61, (0, 1)), (62, (0, 1, 2)), (63, (0, 2)), (64, (0, 1, 2, 3))):
        first = np.arange(max(0, len(classed) - gaps[-1]))
        first = first[t.row[classed[first]] == t.row[classed[first + gaps[-1]]]]
        cut = clause[classed[first]] != clause[classed[first + gaps[-1]]] if gaps[-1] else np.zeros(len(first), bool)
        yield family(
            salt,
            classed[first],
            classed[first + gaps[-1]],
            *(k[classed[first + gap]] for gap in gaps),
            cut.astype(np.uint64),
        )

    # What a clause brings together, near or far, and whether a negation, limit or pledge stands in that clause: "no
    # victim was punished" and "no trafficker was punished" share all words but one.
    turned = _turning_marks(kind, clause_number)
    for gap in range(1, _FAR + 1):
        first, last = classed[: max(0, len(classed) - gap)], classed[gap:]
        together = clause[first] == clause[last]
        first, last = first[together], last[together]
        yield family(65, first, last, k[first], k[last], turned[first])

    # Who acts: the first actor of the clause (or of the last clause that had one) with what is done.
    is_actor = np.isin(kind, _ACTORS)
    seen = np.cumsum(is_actor)
    first_here = is_actor & (seen - (np.append(0, seen)[clause] if n else 0) == 1)
    actor = np.maximum.accumulate(np.where(first_here, at, -1)) if n else at
    here = at[(actor >= row_start) & (actor < at)]
    yield family(70, actor[here], here, k[actor[here]], t.stem[here])
    here = here[kind[here] > 0]
    yield family(71, actor[here], here, k[actor[here]], k[here])

    # How it begins: imperatives and headings.
    first = np.flatnonzero(new)
    yield family(80, first, first, t.word[first])
    yield family(81, first, first, k[first])
    two = first[(first + 1 < n)]
    two = two[t.row[two] == t.row[two + 1]]
    yield family(82, two, two + 1, t.stem[two], k[two + 1])
    asked = np.isin(t.word, _ASKING)
    opening = first + (np.isin(t.word[first], _BEFORE_ASKING) & (first + 1 < n))
    asks = np.zeros(n, bool)
    asks[first[asked[opening] & (t.row[opening] == t.row[first])]] = True
    here = classed[asks[row_start[classed]]]
    yield family(83, here, here, k[here])
    yield family(84, first[asks[first]], first[asks[first]])


def _turning_marks(kind: I64, clause_number: I64) -> U64:
    """Bits for the sorts of turning words in the clause of each token."""
    number = int(clause_number[-1]) + 1 if len(clause_number) else 0
    bits = np.zeros(number, np.uint64)
    for bit, mark in enumerate(_TURNING):
        has = np.zeros(number, bool)
        has[clause_number[kind == mark]] = True
        bits |= has.astype(np.uint64) << np.uint64(bit)
    return np.asarray(bits[clause_number])


_PHRASES = {(hash_word(a), hash_word(b)): number for (a, b), number in phrase_classes().items()}
_FIRSTS = np.array(sorted({a for a, _ in _PHRASES}), np.uint64)


def _with_phrases(t: Tokens) -> I64:
    """Classes of tokens, two-word entries of the lexicon included."""
    kind = t.kind.copy()
    candidates: list[int] = np.flatnonzero(np.isin(t.word[:-1], _FIRSTS)).tolist() if len(t.word) else []
    for i in candidates:
        if number := _PHRASES.get((int(t.word[i]), int(t.word[i + 1]))):
            kind[i] = number
    return kind


def _mix(value: U64) -> U64:
    """Finalizer of splitmix64 (Steele, Lea and Flood 2014)."""
    with np.errstate(over="ignore"):
        value = value + np.uint64(0x9E3779B97F4A7C15)
        value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return np.asarray(value ^ (value >> np.uint64(31)))
