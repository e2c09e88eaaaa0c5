"""Feature templates over the tokens of a batch: what training learns weights for.

Each template has its own salt: words and their n-grams, stems and their n-grams, stems in the scope of a negation, limit, decline
or pledge, sequences of the lexicon's classes, and who acts with what is done.

A hash is a sum of products modulo 2**64, of random words and odd factors: its upper bits tell features apart.

Source: hashed features, Weinberger et al. 2009 (arXiv:0902.2206).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from tipclassify.text.features.lexicon import CLASSES
from tipclassify.text.features.structure import Structure, actors, concat_ranges, imperatives, pairs, scopes
from tipclassify.text.features.tokenizer import I64, U64, Bools, Tokens
from tipclassify.text.features.vocabulary import FACTOR, hash_word

__all__ = ["CLASS_HASH", "CUT_HASH", "SALT", "TURN_HASH", "Instances", "instances", "length_scale"]

_LENGTH_POWER: Final = -0.2  # between 0 (long passages shout) and the -0.5 of unit length (they whisper)

SALT: Final = np.array([hash_word(f"salt {salt}") for salt in range(100)], np.uint64)
CLASS_HASH: Final = np.array([hash_word(f"class {kind}") for kind in range(len(CLASSES) + 1)], np.uint64)
TURN_HASH: Final = np.array([hash_word(f"turn {bits}") for bits in range(16)], np.uint64)
CUT_HASH: Final = np.uint64(hash_word("cut"))


class Instances(NamedTuple):
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
    """

    salt: int
    head: I64
    tail: I64
    hash: U64
    inside: Bools | None = None


def instances(t: Tokens, s: Structure) -> Iterator[Instances]:
    """Yield the features of each template."""
    yield from _ngrams(t, s)
    yield from _acts(t, s)
    yield from _in_scope(t, s)
    yield from _class_sequences(s)
    yield from _openings(t, s)


def _ngrams(t: Tokens, s: Structure) -> Iterator[Instances]:
    """Words and stems, their bigrams, and bigrams of stems that skip a token."""
    for salt, column, gap in ((1, t.word, 0), (2, t.word, 1), (4, t.stem, 0), (5, t.stem, 1), (6, t.stem, 2)):
        head = np.flatnonzero(s.row[: len(s.row) - gap] == s.row[gap:])
        code = column[head] * FACTOR[0] + SALT[salt]
        if gap:
            code += column[head + gap] * FACTOR[1]
        yield Instances(salt, head, head + gap, code, s.clause[head] == s.clause[head + gap])


def _acts(t: Tokens, s: Structure) -> Iterator[Instances]:
    """Stems and classes after the actor whose act they may be."""
    actor = actors(s)
    here = np.flatnonzero(actor >= 0)
    for salt, of in ((70, t.stem), (71, CLASS_HASH[s.kind])):
        head = actor[here]
        code = CLASS_HASH[s.kind[head]] * FACTOR[0] + of[here] * FACTOR[1] + SALT[salt]
        yield Instances(salt, head, here, code, s.clause[head] == s.clause[here])
        here = here[s.kind[here] > 0]


def _in_scope(t: Tokens, s: Structure) -> Iterator[Instances]:
    """Stems and classes in the scope of a negation, limit, pledge, …"""
    head, here, sort = scopes(s)
    yield Instances(20, head, here, t.stem[here] * FACTOR[0] + SALT[20 + sort])
    classed = s.kind[here] > 0
    head, here, sort = head[classed], here[classed], sort[classed]
    yield Instances(40, head, here, CLASS_HASH[s.kind[here]] * FACTOR[0] + SALT[40 + sort])


def _class_sequences(s: Structure) -> Iterator[Instances]:
    """Sequences of classes, skipping words without one, and pairs of classes of a clause."""
    classed = np.flatnonzero(s.kind)
    kind = CLASS_HASH[s.kind[classed]]
    for salt, gaps in ((60, (0,)), (61, (0, 1)), (62, (0, 1, 2)), (63, (0, 2)), (64, (0, 1, 2, 3))):
        at = np.arange(max(len(classed) - gaps[-1], 0))
        head, tail = classed[at], classed[at + gaps[-1]]
        inside = s.clause[head] == s.clause[tail]
        code = SALT[salt] + ~inside * CUT_HASH
        for factor, gap in zip(FACTOR, gaps, strict=False):
            code += kind[at + gap] * factor
        kept = s.row[head] == s.row[tail]
        yield Instances(salt, head[kept], tail[kept], code[kept], inside[kept])
    first, second, turned = pairs(s)
    code = CLASS_HASH[s.kind[first]] * FACTOR[0] + CLASS_HASH[s.kind[second]] * FACTOR[1]
    yield Instances(65, first, second, code + TURN_HASH[turned] + SALT[65])


def _openings(t: Tokens, s: Structure) -> Iterator[Instances]:
    """First words of a passage, and the classes of one that opens with an imperative."""
    first = s.first
    yield Instances(80, first, first, t.word[first] * FACTOR[0] + SALT[80])
    yield Instances(81, first, first, CLASS_HASH[s.kind[first]] * FACTOR[0] + SALT[81])
    first = first[s.stop - first > 1]
    code = t.stem[first] * FACTOR[0] + CLASS_HASH[s.kind[first + 1]] * FACTOR[1] + SALT[82]
    yield Instances(82, first, first + 1, code, s.clause[first] == s.clause[first + 1])
    head, stop = imperatives(t, s)
    yield Instances(84, head, head, np.full(len(head), SALT[84]))
    _, here = concat_ranges(head, stop)
    here = here[s.kind[here] > 0]
    yield Instances(83, here, here, CLASS_HASH[s.kind[here]] * FACTOR[0] + SALT[83])


def length_scale(counts: I64 | npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Length normalisation: the factor for the sum of weights of a passage, clause or heading, by its count of features."""
    return np.asarray(np.maximum(counts, 1.0) ** _LENGTH_POWER)
