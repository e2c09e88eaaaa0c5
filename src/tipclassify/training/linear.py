"""Fit the linear model: one weight for each feature and label, by one-vs-rest logistic regression.

Features, headings and targets come in, weights and biases go out. The score of a passage is the sum of its weights plus
that of its best clause, which depends on the weights: fitting starts from whole passages and then alternates.
The sources of each step are below.
"""

# Solver: LIBLINEAR's trust region Newton method (Lin, Weng and Keerthi 2008), which draws no random numbers: the same
# corpus gives the same bytes.
# Alternation: multiple-instance learning, Andrews, Tsochantaridis and Hofmann 2002 (NeurIPS 15).
# Soft targets, a teacher's probabilities: Hinton, Vinyals and Dean 2015 (arXiv:1503.02531). LIBLINEAR takes hard
# labels, so a passage of target p is fitted as a positive of weight p and a negative of weight 1 - p: the same
# expected loss.

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from tipclassify.arrays import Bools, Floats, Ints
from tipclassify.model.linear.model import SLOT_BITS
from tipclassify.progress import Progress
from tipclassify.text.features.hashing import Features, best_clauses, feature_keys, heading_hashes
from tipclassify.text.features.templates import length_scale

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

__all__ = ["Design", "build_design", "fit_labels", "out_of_fold"]

_C: Final = 2.0  # inverse regularisation strength; see docs/experiments.md for others
_LEAST_USE: Final = 2  # a feature of a single passage does not generalise
_ROUNDS: Final = 2  # alternations after the first fit; more change next to nothing
_LEAST_TARGET: Final = 0.02  # a copy of a smaller weight costs as much time and changes next to nothing


@dataclass(frozen=True)
class Design:
    """Length-scaled feature counts of passages with their headings (n, m) and of clauses (k, m).

    ``clause_row`` is the passage of each clause, int (k,).
    """

    passages: csr_matrix
    clauses: csr_matrix
    clause_row: Ints

    def scores(self, weights: Floats) -> tuple[Floats, Ints]:
        """Score each passage, before the bias, and find its best clause (-1 for none)."""
        parts = self.clauses @ weights
        best = best_clauses(parts, self.clause_row, self.passages.shape[0])
        return self.passages @ weights + np.where(best >= 0, parts[best], 0.0), best

    def with_clauses(self, best: Ints) -> csr_matrix:
        """Add the counts of one clause to each passage."""
        from scipy.sparse import csr_matrix

        has = np.flatnonzero(best >= 0)
        shape = (len(best), self.clauses.shape[0])
        return self.passages + csr_matrix((np.ones(len(has)), (has, best[has])), shape=shape) @ self.clauses


def build_design(features: Features, headings: Sequence[str | None]) -> tuple[Design, npt.NDArray[np.uint32]]:
    """Build the design matrices of all passages, and return the hash of each column."""
    from scipy.sparse import csr_matrix

    passages_in_all = len(features.words)
    heading_row, heading_hash = _heading_features(headings)
    keys = np.concatenate([feature_keys(features.hash), feature_keys(heading_hash)])
    hashes, column = np.unique(keys, return_inverse=True)
    column, heading_column = np.split(column, [len(features.hash)])

    def counts(row: Ints, column: Ints, number: int) -> csr_matrix:
        scale = length_scale(np.bincount(row, minlength=number))
        matrix = csr_matrix((scale[row], (row, column)), shape=(number, len(hashes)))
        matrix.sum_duplicates()
        return matrix

    passages = counts(features.row, column, passages_in_all) + counts(heading_row, heading_column, passages_in_all)
    inside = features.clause >= 0
    clauses = counts(features.clause[inside], column[inside], len(features.clause_row))
    uses = np.bincount(passages.indices, minlength=len(hashes))
    used = _one_per_slot(hashes, np.flatnonzero(uses >= _LEAST_USE), uses)
    passages, clauses = passages[:, used].tocsr(), clauses[:, used].tocsr()
    for matrix in (passages, clauses):
        matrix.sum_duplicates()  # now, because worker processes share it read-only
    return Design(passages, clauses, features.clause_row), hashes[used]


def _heading_features(headings: Sequence[str | None]) -> tuple[Ints, npt.NDArray[np.uint64]]:
    """Return the passage and the hash of each heading feature."""
    known = {heading: heading_hashes(heading) for heading in dict.fromkeys(headings)}
    codes = [known[heading] for heading in headings]
    row = np.repeat(np.arange(len(codes)), [len(code) for code in codes])
    return row, np.concatenate([np.zeros(0, np.uint64), *codes])


def _one_per_slot(hashes: npt.NDArray[np.uint32], used: Ints, uses: Ints) -> Ints:
    """Keep the most frequent of the `used` features in each slot of the weight table."""
    place = hashes[used] >> np.uint32(32 - SLOT_BITS)
    order = np.lexsort((-uses[used], place))
    first = np.diff(place[order].astype(np.int64), prepend=-1) > 0
    return np.sort(used[order[first]])


def out_of_fold(
    design: Design, target: Floats, weights: Floats, fold: Ints, jobs: int, progress: Progress | None
) -> Floats:
    """Compute out-of-fold scores before calibration, float64 (n, 3).

    Passages of fold -1 are in every training set and are not scored.
    """
    from joblib import Parallel, delayed

    tasks = [(k, j) for k in range(int(np.max(fold)) + 1) for j in range(target.shape[1])]
    raw = np.zeros(target.shape)
    results = Parallel(n_jobs=jobs, return_as="generator")(
        delayed(_held_out)(design, target[:, j], weights, fold == k) for k, j in tasks
    )
    for done, ((k, j), scores) in enumerate(zip(tasks, results, strict=True), 1):
        raw[fold == k, j] = scores
        if progress:
            progress(done, len(tasks))
    return raw


def _held_out(design: Design, target: Floats, weights: Floats, held: Bools) -> Floats:
    table, bias = _fit_label(design, target, np.where(held, 0.0, weights))
    return design.scores(table)[0][held] + bias


def fit_labels(
    design: Design, target: Floats, weights: Floats, jobs: int = 1, C: float = _C
) -> list[tuple[Floats, float]]:
    """Fit the weights and the bias of each label on all passages."""
    from joblib import Parallel, delayed

    return list(Parallel(n_jobs=jobs)(delayed(_fit_label)(design, column, weights, C) for column in target.T))


def _fit_label(design: Design, target: Floats, weights: Floats, C: float = _C) -> tuple[Floats, float]:
    """Fit the weights and the bias of one label, on passages of positive weight.

    A constant label gets zero weights and its log-odds as bias.
    """
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    taught = weights > 0
    positive = np.flatnonzero(taught & (target >= _LEAST_TARGET))
    negative = np.flatnonzero(taught & (1 - target >= _LEAST_TARGET))
    if not len(positive) or not len(negative):
        has, all_in_all = target[taught].sum(), np.count_nonzero(taught)
        return np.zeros(design.passages.shape[1]), float(np.log((has + 0.5) / (all_in_all - has + 0.5)))
    row = np.concatenate([positive, negative])
    label = np.arange(len(row)) < len(positive)
    weight = np.concatenate([target[positive], 1 - target[negative]]) * weights[row]
    matrix = design.passages
    for _ in range(1 + _ROUNDS):
        scaled = C if matrix is design.passages else C / 2  # with a clause added the counts are about twice as large
        with threadpool_limits(1):  # LIBLINEAR calls BLAS on short vectors, where threads cost time
            fitted = LogisticRegression(C=scaled, solver="liblinear", tol=1e-2).fit(matrix[row], label, weight)
        matrix = design.with_clauses(design.scores(fitted.coef_[0])[1])
    return fitted.coef_[0], float(fitted.intercept_[0])
