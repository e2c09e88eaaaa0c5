"""Feature templates over the tokens of a batch, which training and scoring share.

Each family has its own salt: words and their n-grams, stems and their n-grams, stems marked by the negation, limit, decline
or pledge word before them in the clause, sequences of the lexicon's classes, and who acts with what is done.

A hash is a sum of products modulo 2**64, of random words and odd factors (multilinear hashing, Lemire and Kaser 2014,
arXiv:1202.4961): its upper bits tell features apart.

Sources: hashed features, Weinberger et al. 2009 (arXiv:0902.2206); negation-marked tokens, Pang, Lee and
Vaithyanathan 2002 (arXiv:cs/0205070).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from tipclassify.lexicon import CLASSES, IMPERATIVES, phrase_classes
from tipclassify.tokens import I64, NAME, NUMBER, U64, Bools, Tokens
from tipclassify.words import hash_word

__all__ = [
    "ACTOR",
    "ASKING",
    "BEFORE_ASKING",
    "CLASS_HASH",
    "CONTRAST",
    "CUT_HASH",
    "FACTOR",
    "FAR",
    "MARK",
    "REACH",
    "SALT",
    "TURNING",
    "TURN_HASH",
    "Family",
    "Structure",
    "among",
    "concat_ranges",
    "dense_families",
    "sparse_families",
    "structure_of",
    "with_phrases",
]

AnyKind = TypeVar("AnyKind", bound=npt.NDArray[Any])


class Family(NamedTuple):
    """Features of one template.

    Attributes
    ----------
    salt : int
        Number of the template.
    head, tail : int64 (k,)
        First and last token of each feature.
    hash : uint64 (k,)
    inside : bool (k,) or None
        Whether it lies in one clause; None where all do.
    kept : bool (k,) or None
        Which of the k exist; None for all.
    """

    salt: int
    head: I64
    tail: I64
    hash: U64
    inside: Bools | None = None
    kept: Bools | None = None


class Structure(NamedTuple):
    """Classes, clauses and passages of the tokens of a batch.

    Attributes
    ----------
    kind : int64 (n,)
        Lexicon class of each token, two-word entries included.
    opens : bool (n,)
        Where clauses begin: after punctuation, and at "but", "although" and the like.
    clause : int64 (n,)
        Clause of each token, numbered through the batch.
    begin : int64 (clauses,)
        First token of each clause.
    new : bool (n,)
        First token of each passage.
    """

    kind: I64
    opens: Bools
    clause: I64
    begin: I64
    new: Bools


def structure_of(t: Tokens) -> Structure:
    """Assign tokens their classes and clauses."""
    new = np.ones(len(t.row), bool)
    np.not_equal(t.row[1:], t.row[:-1], out=new[1:])
    kind = with_phrases(t.kind, t.leads, new, t.word, np.arange(len(t.word)))
    opens = new | t.edge | (kind == CONTRAST)
    return Structure(kind, opens, np.cumsum(opens) - 1, np.flatnonzero(opens), new)


FAR: Final = 6  # maximum distance in a skip-gram of lexicon classes
REACH: Final = 7  # scope of a negation, limit or pledge word, in tokens
_NUMBER_OF: Final = {name: number for number, name in enumerate(CLASSES, 1)}
CONTRAST: Final = _NUMBER_OF["contrast"]


def _per_class(*names: str) -> npt.NDArray[np.int64]:
    """Number the named classes from 1, in a column by class; 0 for others."""
    column = np.zeros(len(CLASSES) + 1, np.int64)
    column[[_NUMBER_OF[name] for name in names]] = np.arange(1, len(names) + 1)
    return column


MARK: Final = _per_class("neg", "limit", "decline", "increase", "modal", "plan", "adequate")
TURNING: Final = (1 << _per_class("neg", "limit", "modal", "plan")) >> 1  # one bit each, 0 for others
ACTOR: Final = _per_class("un_ngo", "state", "official", "trafficker", "private", "victim", "people") > 0
FACTOR: Final = np.array(
    [0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93, 0xA0761D6478BD642F], np.uint64
)
SALT: Final = np.array([hash_word(f"salt {salt}") for salt in range(100)], np.uint64)
CLASS_HASH: Final = np.array([hash_word(f"class {kind}") for kind in range(len(CLASSES) + 1)], np.uint64)
TURN_HASH: Final = np.array([hash_word(f"turn {bits}") for bits in range(16)], np.uint64)
CUT_HASH: Final = np.uint64(hash_word("cut"))


def dense_families(t: Tokens, s: Structure) -> Iterator[Family]:
    """Yield the families with about one feature a token; row i begins or ends at token i.

    A feature within one clause lies in the clause of token i.
    """
    n = len(t.row)
    at = np.arange(n)
    padded = {name: np.append(getattr(t, name), np.zeros(2, np.uint64)) for name in ("word", "stem")}
    row, clause = np.append(t.row, [-1, -1]), np.append(s.clause, [-1, -1])
    for salt, name, gap in ((1, "word", 0), (2, "word", 1), (4, "stem", 0), (5, "stem", 1), (6, "stem", 2)):
        column = padded[name]
        code = column[:n] * FACTOR[0] + SALT[salt]
        if not gap:
            yield Family(salt, at, at, code)
            continue
        code += column[gap : gap + n] * FACTOR[1]
        inside, kept = clause[gap : gap + n] == s.clause, row[gap : gap + n] == t.row
        yield Family(salt, at, np.minimum(at + gap, n - 1), code, inside, kept)

    # Who acts: the first actor of the clause (or of the last clause that had one) with what is done.
    is_actor = ACTOR[s.kind]
    seen = np.cumsum(is_actor)
    first_here = is_actor & (seen - (seen - is_actor)[s.begin][s.clause] == 1)
    actor = np.maximum.accumulate(np.where(first_here, at, -1)) if n else at
    kept = (actor >= 0) & (t.row[actor] == t.row) & (actor < at)
    inside = s.clause[actor] == s.clause
    code = CLASS_HASH[s.kind[actor]] * FACTOR[0]
    yield Family(70, actor, at, code + t.stem * FACTOR[1] + SALT[70], inside, kept)
    yield Family(71, actor, at, code + CLASS_HASH[s.kind] * FACTOR[1] + SALT[71], inside, kept & (s.kind > 0))


def sparse_families(t: Tokens, s: Structure) -> Iterator[Family]:
    """Yield the families with a few features a passage."""
    yield from _marked(t, s)
    yield from _sequences(t, s)
    yield from _openings(t, s)


def _marked(t: Tokens, s: Structure) -> Iterator[Family]:
    """Stems and classes in the scope of the last mark word of each sort, within the clause."""
    mark = np.flatnonzero(MARK[s.kind])
    sort = MARK[s.kind[mark]] - 1
    order = np.argsort(sort, kind="stable")
    mark, sort = mark[order], sort[order]
    stop = np.minimum(np.append(s.begin, len(t.row))[s.clause[mark] + 1], mark + REACH + 1)
    again = np.flatnonzero(sort[1:] == sort[:-1])
    stop[again] = np.minimum(stop[again], mark[again + 1])  # the next of its sort takes over
    which, here = concat_ranges(mark + 1, stop)
    head, salt = mark[which], sort[which]
    yield Family(20, head, here, t.stem[here] * FACTOR[0] + SALT[20:27][salt])
    classed = s.kind[here] > 0
    head, here, salt = head[classed], here[classed], salt[classed]
    yield Family(40, head, here, CLASS_HASH[s.kind[here]] * FACTOR[0] + SALT[40:47][salt])


def _sequences(t: Tokens, s: Structure) -> Iterator[Family]:
    """Sequences of classes, skipping words without one, and pairs of classes of a clause.

    A pair is marked by the negations, limits and pledges of its clause: "no victim was punished" and "no trafficker was
    punished" share all words but one.
    """
    classed = np.flatnonzero(s.kind)
    n = len(classed)
    row = np.append(t.row[classed], [-1] * 3)
    clause = np.append(s.clause[classed], [-1] * 3)
    kind = np.append(CLASS_HASH[s.kind[classed]], np.zeros(3, np.uint64))
    token = np.append(classed, [0] * 3)
    for salt, gaps in ((60, (0,)), (61, (0, 1)), (62, (0, 1, 2)), (63, (0, 2)), (64, (0, 1, 2, 3))):
        code = np.full(n, SALT[salt])
        for place, gap in enumerate(gaps):
            code += kind[gap : gap + n] * FACTOR[place]
        last = gaps[-1]
        inside = clause[last : last + n] == clause[:n]
        code += ~inside * CUT_HASH
        yield Family(salt, classed, token[last : last + n], code, inside, row[last : last + n] == row[:n])

    turned = np.zeros(len(s.begin), np.int64)
    turning = TURNING[s.kind[classed]]
    for bit in (1, 2, 4, 8):
        turned[clause[:n][turning & bit > 0]] |= bit
    end = np.cumsum(np.bincount(clause[:n], minlength=len(s.begin)))[clause[:n]]  # of the classed words of the clause
    first, second = concat_ranges(np.arange(1, n + 1), np.minimum(end, np.arange(n) + FAR + 1))
    code = kind[first] * FACTOR[0] + kind[second] * FACTOR[1] + TURN_HASH[turned[clause[first]]] + SALT[65]
    yield Family(65, classed[first], classed[second], code)


def _openings(t: Tokens, s: Structure) -> Iterator[Family]:
    """First words of a passage, and the classes of one that opens with an imperative."""
    n = len(t.row)
    first = np.flatnonzero(s.new)
    begins = CLASS_HASH[s.kind[first]] * FACTOR[0]
    yield Family(80, first, first, t.word[first] * FACTOR[0] + SALT[80])
    yield Family(81, first, first, begins + SALT[81])
    length = np.diff(np.append(first, n))
    second = np.minimum(first + 1, max(n - 1, 0))
    code = t.stem[first] * FACTOR[0] + CLASS_HASH[s.kind[second]] * FACTOR[1] + SALT[82]
    yield Family(82, first, second, code, s.clause[first] == s.clause[second], length > 1)
    opening = np.where(among(t.word[first], BEFORE_ASKING) & (length > 1), second, first)
    asks = np.flatnonzero(among(t.word[opening], ASKING))
    head = first[asks]
    yield Family(84, head, head, np.full(len(head), SALT[84]))
    _, here = concat_ranges(head, head + length[asks])
    here = here[s.kind[here] > 0]
    yield Family(83, here, here, CLASS_HASH[s.kind[here]] * FACTOR[0] + SALT[83])


def concat_ranges(begin: I64, end: I64) -> tuple[I64, I64]:
    """Concatenate the ranges from each `begin` to its `end`; also return the index of the range of each number.

    >>> [column.tolist() for column in concat_ranges(np.array([3, 9]), np.array([5, 10]))]
    [[0, 0, 1], [3, 4, 9]]
    """
    length = np.maximum(end - begin, 0)
    which = np.arange(len(length)).repeat(length)
    before = length.cumsum()
    before -= length
    return which, np.arange(len(which)) + (begin - before).take(which)


def among(words: U64, table: U64) -> Bools:
    """Test which words are in the ascending `table`."""
    place = np.minimum(np.searchsorted(table, words), len(table) - 1)
    return np.asarray(table[place] == words)


ASKING: Final = np.array(sorted(map(hash_word, IMPERATIVES)), np.uint64)
# "1. Investigate", "To the ministry: train", "Vigorously prosecute": what may precede an imperative.
_ADVERBS: Final = "vigorously proactively fully significantly systematically substantially effectively".split()
BEFORE_ASKING: Final = np.array(sorted([NUMBER, NAME, *map(hash_word, _ADVERBS)]), np.uint64)


def _phrase_table() -> tuple[U64, I64]:
    """Hashes of the two-word entries, ascending, and the class of each."""
    words = np.array([(hash_word(a), hash_word(b)) for a, b in phrase_classes()], np.uint64)
    code = words[:, 0] * FACTOR[0] + words[:, 1] * FACTOR[1]
    order = code.argsort()
    return code[order], np.array([*phrase_classes().values()])[order]


_PHRASES: Final = _phrase_table()


def with_phrases(kind: AnyKind, leads: Bools, new: Bools, words: U64, number: I64) -> AnyKind:
    """Give the first token of each two-word entry of the lexicon the class of the entry.

    Parameters
    ----------
    kind : integers (n,)
        Class of each token by itself.
    leads, new : bool (n,)
        Whether it may begin a two-word entry; whether it is the first of its passage.
    words : uint64
        Hashes of words.
    number : int64 (n,)
        Index of each token in `words`.
    """
    at = leads[:-1].nonzero()[0]
    if not len(at):
        return kind
    codes, kinds = _PHRASES
    pair = words.take(number.take(at)) * FACTOR[0] + words.take(number.take(at + 1)) * FACTOR[1]
    place = np.minimum(codes.searchsorted(pair), len(codes) - 1)
    found = (codes.take(place) == pair) & ~new.take(at + 1)
    kind = kind.copy()
    kind[at[found]] = kinds.take(place[found])
    return kind
