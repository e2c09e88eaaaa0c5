"""The linear part of the model: a weight for each n-gram and label, fitted by alternation.

The score of a passage is the sum over it plus the sum over its best clause, and which clause that is depends on the weights:
fitting starts from whole passages and then alternates, as multiple-instance learning does.

Sources: one-vs-rest logistic regression by LIBLINEAR's trust region Newton method (Lin, Weng and Keerthi 2008), which draws no
random numbers, so the same corpus gives the same bytes; Andrews, Tsochantaridis and Hofmann 2002 (NeurIPS 15) for the alternation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from tipclassify.features import Features, best_clauses, feature_keys, length_scale
from tipclassify.labels import LABELS
from tipclassify.model_file import PLACE_BITS

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

__all__ = ["Design", "fit_all", "lay_out", "out_of_fold"]

_LEAST_USE: Final = 2  # a feature of one passage teaches that passage only
_ROUNDS: Final = 2  # fits after the first; more change next to nothing

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Design:
    """Feature counts, scaled for length, of passages (n, m) and of their clauses (k, m)."""

    passages: csr_matrix
    clauses: csr_matrix
    clause_row: Ints

    def take(self, chosen: Bools) -> Design:
        """The design of some of the passages."""
        number = np.cumsum(chosen) - 1
        kept = chosen[self.clause_row]
        return Design(self.passages[chosen], self.clauses[kept], number[self.clause_row[kept]])

    def scores(self, weights: Floats) -> tuple[Floats, Ints]:
        """Score of each passage before the bias, and its best clause (-1 for none)."""
        parts = self.clauses @ weights
        best = best_clauses(parts, self.clause_row, self.passages.shape[0])
        return self.passages @ weights + np.where(best >= 0, parts[best], 0.0), best

    def with_clauses(self, best: Ints) -> csr_matrix:
        """Passages with the counts of one clause of each added."""
        from scipy.sparse import csr_matrix

        has = np.flatnonzero(best >= 0)
        shape = (len(best), self.clauses.shape[0])
        return self.passages + csr_matrix((np.ones(len(has)), (has, best[has])), shape=shape) @ self.clauses


def lay_out(features: Features) -> tuple[Design, npt.NDArray[np.uint32]]:
    """The design of all passages, and the hash of each of its columns."""
    from scipy.sparse import csr_matrix

    passages_in_all = len(features.words)
    hashes, column = np.unique(feature_keys(features.hash), return_inverse=True)

    def counts(row: Ints, column: Ints, number: int) -> csr_matrix:
        scale = length_scale(np.bincount(row, minlength=number))
        matrix = csr_matrix((scale[row], (row, column)), shape=(number, len(hashes)))
        matrix.sum_duplicates()
        return matrix

    passages = counts(features.row, column, passages_in_all)
    inside = features.clause >= 0
    clauses = counts(features.clause[inside], column[inside], len(features.clause_row))
    uses = np.bincount(passages.indices, minlength=len(hashes))
    used = _apart(hashes, np.flatnonzero(uses >= _LEAST_USE), uses)
    passages, clauses = passages[:, used].tocsr(), clauses[:, used].tocsr()
    for matrix in (passages, clauses):
        matrix.sum_duplicates()  # canonical now: worker processes share it read-only and cannot sort it
    return Design(passages, clauses, features.clause_row), hashes[used]


def _apart(hashes: npt.NDArray[np.uint32], used: Ints, uses: Ints) -> Ints:
    """Of the `used` features the most used at each place of the table that scoring looks them up in."""
    place = hashes[used] >> np.uint32(32 - PLACE_BITS)
    order = np.lexsort((-uses[used], place))
    first = np.diff(place[order].astype(np.int64), prepend=-1) > 0
    return np.sort(used[order[first]])


def out_of_fold(
    design: Design,
    truth: Bools,
    weights: Floats,
    fold: Ints,
    strengths: Sequence[float],
    jobs: int,
    progress: Progress | None,
) -> Floats:
    """Raw scores (strengths, n, 3) of each passage by the model that did not see its fold."""
    from joblib import Parallel, delayed

    tasks = [(s, k, j) for k in range(int(np.max(fold)) + 1) for s in range(len(strengths)) for j in range(len(LABELS))]
    raw = np.zeros((len(strengths), *truth.shape))
    results = Parallel(n_jobs=jobs, return_as="generator")(
        delayed(_held_out)(design, truth[:, j], weights, fold == k, strengths[s]) for s, k, j in tasks
    )
    for done, ((s, k, j), scores) in enumerate(zip(tasks, results, strict=True), 1):
        raw[s, fold == k, j] = scores
        if progress:
            progress(done, len(tasks))
    return raw


def _held_out(design: Design, truth: Bools, weights: Floats, held: Bools, strength: float) -> Floats:
    table, bias = _fit_label(*_taught(design, truth, weights, ~held), strength)
    return design.take(held).scores(table)[0] + bias


def fit_all(
    design: Design, truth: Bools, weights: Floats, strengths: Sequence[float], jobs: int
) -> list[tuple[Floats, float]]:
    from joblib import Parallel, delayed

    everything = np.ones(len(weights), bool)
    fits = Parallel(n_jobs=jobs)(
        delayed(_fit_label)(*_taught(design, truth[:, j], weights, everything), c) for j, c in enumerate(strengths)
    )
    return list(fits)


def _taught(design: Design, truth: Bools, weights: Floats, chosen: Bools) -> tuple[Design, Bools, Floats]:
    """What a fit learns from: those of the chosen passages that weigh anything."""
    taken = chosen & (weights > 0)
    return (design if taken.all() else design.take(taken)), truth[taken], weights[taken]


def _fit_label(design: Design, truth: Bools, weights: Floats, strength: float) -> tuple[Floats, float]:
    """Weights and bias of one label; a label all or none of whose passages have it gets its log-odds as bias."""
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    if truth.all() or not truth.any():
        return np.zeros(design.passages.shape[1]), float(np.log((truth.sum() + 0.5) / ((~truth).sum() + 0.5)))
    matrix = design.passages
    for _ in range(1 + _ROUNDS):
        # With a clause added the counts are about twice as large: half the strength is as strong.
        scaled = strength if matrix is design.passages else strength / 2
        with threadpool_limits(1):  # LIBLINEAR calls BLAS on short vectors: threads only get in each other's way
            fitted = LogisticRegression(C=scaled, solver="liblinear", tol=1e-2).fit(matrix, truth, weights)
        matrix = design.with_clauses(design.scores(fitted.coef_[0])[1])
    return fitted.coef_[0], float(fitted.intercept_[0])
