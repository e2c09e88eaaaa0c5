"""Extract hashed features of passages and headings, for training and explanations.

A score is the sum over the passage plus that over its best clause: one clear clause counts in a
long passage. Source: multiple-instance learning, Andrews, Tsochantaridis and Hofmann 2002 (NeurIPS
15).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from tipclassify.arrays import U64, Floats, Ints
from tipclassify.text.sections import heading_without_enumerator
from tipclassify.text.templates import SALT, structure_of_tokens, template_features
from tipclassify.text.tokens import (
    batches_of_text_for_features,
    split_text_into_folded_words,
    tokenize,
)
from tipclassify.text.words import FACTOR, hash_word

__all__ = [
    "FEATURE_VERSION",
    "HashedFeatures",
    "feature_keys",
    "featurize",
    "find_best_clauses_by_features",
    "heading_hashes",
]

FEATURE_VERSION: Final = 4  # raise it whenever the hashes of a text change


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
    """Extract the features of each passage; `vocabulary` is that of `tokenizer.tokenize`.

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
    for first_passage, batch in batches_of_text_for_features(passages):
        tokens = tokenize(batch, vocabulary)
        structure = structure_of_tokens(tokens)
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
    words = split_text_into_folded_words(heading_without_enumerator(heading or ""))
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


def find_best_clauses_by_features(scores: Floats, clause_row: Ints, passages: int) -> Ints:
    """Find the highest-scoring clause of each passage, the first of equals; -1 without clauses."""
    order = np.lexsort((-np.arange(len(scores)), scores, clause_row))
    best = np.full(passages, -1)
    best[clause_row[order]] = order  # the last written is the highest
    return best
