"""Extract hashed features of passages and headings as a flat table, for training and explanations.

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
from tipclassify.text.features.templates import SALT, structure_of, template_features
from tipclassify.text.features.tokenizer import batches, tokenize, word_counts, words_of
from tipclassify.text.features.vocabulary import FACTOR, hash_word
from tipclassify.text.segmentation.sections import without_enumerator

__all__ = [
    "FEATURE_VERSION",
    "Features",
    "best_clauses",
    "feature_keys",
    "featurize",
    "heading_hashes",
]

FEATURE_VERSION: Final = 3  # raise it whenever the hashes of a text change


@dataclass(frozen=True)
class Features:
    """Hashed features of a list of passages, one row a feature; clauses are numbered across all
    passages."""

    row: Ints  # (m,), passage
    hash: U64  # (m,)
    start: Ints  # (m,), character offset in the passage
    end: Ints  # (m,)
    clause: Ints  # (m,), -1 if the feature spans clauses
    clause_row: Ints  # (clauses,), passage of each clause, ascending
    words: Ints  # (passages,), words per passage, figures and names excluded
    unknown: Ints  # (passages,), unknown words among them


def featurize(passages: Sequence[str], vocabulary: frozenset[str]) -> Features:
    """Extract the features of each passage; `vocabulary` is that of `tokenizer.tokenize`.

    >>> f = featurize(["Police did not act.", ""], frozenset({"act"}))
    >>> set(f.row.tolist()), int(f.end.max())
    ({0}, 18)
    """
    none = np.zeros(0, np.int64)
    parts = [(none, none.astype(np.uint64), none, none, none)]
    clause_rows, counts = [none], [np.zeros((2, 0), np.int64)]
    clauses = 0
    for first, batch in batches(passages):
        tokens = tokenize(batch, vocabulary)
        structure = structure_of(tokens)
        for head, tail, code, inside in template_features(tokens, structure):
            clause = np.where(inside, structure.clause[head] + clauses, -1)
            end = np.maximum(tokens.end[tail], tokens.end[head])
            parts.append((tokens.row[head] + first, code, tokens.start[head], end, clause))
        clause_rows.append(tokens.row[structure.begin] + first)
        clauses += len(structure.begin)
        counts.append(np.stack(word_counts(tokens, len(batch))))
    row, code, start, end, clause = (np.concatenate(column) for column in zip(*parts, strict=True))
    words, unknown = np.concatenate(counts, axis=1)
    return Features(row, code, start, end, clause, np.concatenate(clause_rows), words, unknown)


def heading_hashes(heading: str | None) -> U64:
    """Hash a heading's words, bigrams and full text, without its enumerator: uint64 (k,), empty
    without heading.

    >>> len(heading_hashes("Section 7. Worker Rights")), len(heading_hashes(None))
    (4, 0)
    >>> heading_hashes("b. Forced Labor").tolist() == heading_hashes("FORCED LABOUR").tolist()
    True
    """
    words = words_of(without_enumerator(heading or ""))
    if not words:
        return np.zeros(0, np.uint64)
    code = np.array([*map(hash_word, words)], np.uint64)
    whole = np.array([hash_word(" ".join(words))], np.uint64)
    head = code * FACTOR[0]
    return np.concatenate(
        [head + SALT[90], head[:-1] + code[1:] * FACTOR[1] + SALT[91], whole * FACTOR[0] + SALT[92]]
    )


def feature_keys(code: U64) -> npt.NDArray[np.uint32]:
    """Return the upper half of each feature hash, its key in the weight table."""
    return (code >> np.uint64(32)).astype(np.uint32)


def best_clauses(scores: Floats, clause_row: Ints, passages: int) -> Ints:
    """Find the highest-scoring clause of each passage, the first of equals; -1 for a passage
    without clauses."""
    order = np.lexsort((-np.arange(len(scores)), scores, clause_row))
    best = np.full(passages, -1)
    best[clause_row[order]] = order  # the last written is the highest
    return best
