"""Define the feature templates over tokens, and hash their features (Weinberger et al. 2009, arXiv:0902.2206).

Each template has its own salt: n-grams of words and stems, stems in the scope of a cue, sequences of lexicon classes,
actors with their acts. A hash is a sum of products of random words and odd factors modulo 2**64; its upper bits
distinguish features.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from tipclassify.arrays import U64, Bools, Floats, Ints
from tipclassify.text.features.lexicon import CLASSES
from tipclassify.text.features.structure import Structure, actors, concat_ranges, imperatives, pairs, scopes
from tipclassify.text.features.tokenizer import Tokens
from tipclassify.text.features.vocabulary import FACTOR, hash_word

__all__ = ["ACROSS_HASH", "CLASS_HASH", "SALT", "SHIFTER_HASH", "length_scale", "template_features"]

_LENGTH_POWER: Final = -0.2  # 0 favours long passages, the -0.5 of unit length favours short ones

SALT: Final = np.array([hash_word(f"salt {salt}") for salt in range(100)], np.uint64)
CLASS_HASH: Final = np.array([hash_word(f"class {kind}") for kind in range(len(CLASSES) + 1)], np.uint64)
SHIFTER_HASH: Final = np.array([hash_word(f"turn {bits}") for bits in range(16)], np.uint64)
ACROSS_HASH: Final = np.uint64(hash_word("cut"))

# First and last token of each feature, its hash, and whether it lies within one clause.
TemplateFeatures = tuple[Ints, Ints, U64, Bools]


def template_features(t: Tokens, s: Structure) -> Iterator[TemplateFeatures]:
    """Yield the features of each template."""
    yield from _ngrams(t, s)
    yield from _actor_features(t, s)
    yield from _scope_features(t, s)
    yield from _class_sequences(s)
    yield from _openings(t, s)


def _ngrams(t: Tokens, s: Structure) -> Iterator[TemplateFeatures]:
    """Yield words and stems, their bigrams, and skip-bigrams of stems."""
    word, stem = t.word, t.stem
    for salt, column, gap in ((1, word, 0), (2, word, 1), (4, stem, 0), (5, stem, 1), (6, stem, 2)):
        size = len(column) - gap
        code = column[:size] * FACTOR[0] + SALT[salt]
        if gap:
            code += column[gap:] * FACTOR[1]
        head = np.flatnonzero(s.row[:size] == s.row[gap:]) if gap else np.arange(size)
        yield head, head + gap, code.take(head), (s.clause[:size] == s.clause[gap:]).take(head)


def _actor_features(t: Tokens, s: Structure) -> Iterator[TemplateFeatures]:
    """Yield stems and classes with their actor."""
    actor = actors(s)
    here = np.flatnonzero(actor >= 0)
    for salt, of in ((70, t.stem), (71, CLASS_HASH[s.kind])):
        head = actor[here]
        code = CLASS_HASH.take(s.kind.take(head)) * FACTOR[0] + of[here] * FACTOR[1] + SALT[salt]
        yield head, here, code, s.clause.take(head) == s.clause.take(here)
        here = here[s.kind.take(here) > 0]


def _scope_features(t: Tokens, s: Structure) -> Iterator[TemplateFeatures]:
    """Yield stems and classes in the scope of a cue."""
    head, here, cue_type = scopes(s)
    yield head, here, t.stem.take(here) * FACTOR[0] + SALT[20 + cue_type], s.clause.take(head) == s.clause.take(here)
    classed = s.kind.take(here) > 0
    head, here, cue_type = head[classed], here[classed], cue_type[classed]
    code = CLASS_HASH.take(s.kind.take(here)) * FACTOR[0] + SALT[40 + cue_type]
    yield head, here, code, s.clause.take(head) == s.clause.take(here)


def _class_sequences(s: Structure) -> Iterator[TemplateFeatures]:
    """Yield n-grams of classes, skipping words without class, and pairs of classes within a clause."""
    classed = np.flatnonzero(s.kind)
    kind = CLASS_HASH.take(s.kind.take(classed))
    for salt, gaps in ((60, (0,)), (61, (0, 1)), (62, (0, 1, 2)), (63, (0, 2)), (64, (0, 1, 2, 3))):
        at = np.arange(max(len(classed) - gaps[-1], 0))
        head, tail = classed[at], classed[at + gaps[-1]]
        inside = s.clause.take(head) == s.clause.take(tail)
        code = SALT[salt] + ~inside * ACROSS_HASH
        for factor, gap in zip(FACTOR, gaps, strict=False):
            code += kind[at + gap] * factor
        kept = s.row.take(head) == s.row.take(tail)
        yield head[kept], tail[kept], code[kept], inside[kept]
    first, second, shifters = pairs(s)
    code = CLASS_HASH.take(s.kind.take(first)) * FACTOR[0] + CLASS_HASH.take(s.kind.take(second)) * FACTOR[1]
    yield first, second, code + SHIFTER_HASH[shifters] + SALT[65], s.clause.take(first) == s.clause.take(second)


def _openings(t: Tokens, s: Structure) -> Iterator[TemplateFeatures]:
    """Yield the first words of a passage, and the classes of a passage that opens with an imperative."""
    first = s.first
    whole = np.ones(len(first), bool)
    yield first, first, t.word.take(first) * FACTOR[0] + SALT[80], whole
    yield first, first, CLASS_HASH.take(s.kind.take(first)) * FACTOR[0] + SALT[81], whole
    first = first[s.stop - first > 1]
    code = t.stem.take(first) * FACTOR[0] + CLASS_HASH.take(s.kind.take(first + 1)) * FACTOR[1] + SALT[82]
    yield first, first + 1, code, s.clause.take(first) == s.clause.take(first + 1)
    head, stop = imperatives(t, s)
    yield head, head, SALT[84].repeat(len(head)), np.ones(len(head), bool)
    _, here = concat_ranges(head, stop)
    here = here[s.kind.take(here) > 0]
    yield here, here, CLASS_HASH.take(s.kind.take(here)) * FACTOR[0] + SALT[83], np.ones(len(here), bool)


def length_scale(counts: Ints | Floats) -> Floats:
    """Return the length-normalisation factor of a sum of weights, given its number of features."""
    return np.asarray(np.maximum(counts, 1.0) ** _LENGTH_POWER)
