"""Fit a `LinearModel` on labelled passages, with its calibration and thresholds.

There is one weight for each feature and label. The score of a passage is the sum of its weights
plus that of its best clause, which depends on the weights: fitting starts from whole passages and
then alternates (multiple-instance learning, Andrews et al. 2002, NeurIPS 15).
"""

# Solver: LIBLINEAR's trust region Newton method (Lin, Weng and Keerthi 2008), which draws no random
# numbers: the same corpus gives the same bytes. It takes hard labels, so a passage of soft target p
# (Hinton, Vinyals and Dean 2015, arXiv:1503.02531) is fitted as a positive of weight p and a
# negative of weight 1 - p: the same expected loss.

from __future__ import annotations

import warnings
from collections.abc import Sequence
from concurrent.futures import BrokenExecutor
from dataclasses import dataclass
from itertools import product
from typing import Final

import numpy as np
import numpy.typing as npt
from joblib import Parallel, delayed
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from tipclassify.arrays import Bools, Floats, Ints
from tipclassify.errors import TipclassifyError
from tipclassify.evaluation.metrics import Metrics, measure
from tipclassify.labels import LABELS
from tipclassify.model.linear import MAX_WEIGHT, SLOT_BITS, LinearModel
from tipclassify.progress import Progress
from tipclassify.text.as_read import as_read
from tipclassify.text.templates import (
    HashedFeatures,
    best_clauses,
    feature_keys,
    featurize,
    heading_hashes,
    length_scale,
)
from tipclassify.text.tokens import collect_vocabulary
from tipclassify.training.calibration import Calibrated, calibrate
from tipclassify.training.examples import Examples, check_annotated, group_folds

_C: Final = 2.0  # inverse regularisation strength; others: docs/contributing/experiments.md
_LEAST_USE: Final = 4  # a feature of fewer passages does not generalise
_ROUNDS: Final = 2  # alternations after the first fit; more change next to nothing
# a copy of a smaller weight costs as much time and changes next to nothing
_LEAST_TARGET: Final = 0.02
_LEAST_WEIGHT: Final = 16  # of 32,767: features below it are a fifth of the file, and turn no tag


@dataclass(frozen=True)
class SoftPassage:
    """An unlabelled passage with a teacher's probability of each label."""

    text: str
    heading: str | None
    scores: Sequence[float]  # (labels,)


@dataclass(frozen=True)
class FittedLinear:
    """A linear model, with calibration and metrics on scores of passages that it did not learn."""

    model: LinearModel
    calibrated: Calibrated
    metrics: Metrics


def fit_linear(
    examples: Examples,
    *,
    soft: Sequence[SoftPassage] = (),
    vocabulary: frozenset[str] | None = None,
    held: Bools | None = None,
    held_weights: Floats | None = None,
    held_kinds: Sequence[str] | None = None,
    folds: int = 5,
    seed: int = 0,
    jobs: int = 1,
    progress: Progress | None = None,
) -> FittedLinear:
    """Fit the linear model on examples.

    `soft` passages, with a teacher's probabilities, are in every training set and in nothing else.
    `vocabulary` has the words known in lower case; by default those of all texts
    (`tokens.collect_vocabulary`). A label with too few examples to be learned or calibrated gives a
    warning. Raises `ValueError` when there are fewer than two groups, or no passage has a label.

    Passages of one group are never split between folds. Calibration and thresholds weight all
    passages equally. Passages `held`, bool (n,), are not fitted but calibrate and evaluate the
    model, with sample weights `held_weights` and of kinds of text `held_kinds`; without them all
    passages are scored out of fold.
    """
    check_annotated(examples.known)
    if not examples.y_true.any():
        raise ValueError("no passage has a label: nothing to learn; label some")
    weights = examples.weights if held is None else np.where(held, 0.0, examples.weights)
    _warn_of_unlearnable_labels(examples.y_true[weights > 0], folds)

    # The soft passages come after the labelled ones, and are in every training set.
    texts = [*examples.texts, *(passage.text for passage in soft)]
    texts = [as_read(text).text for text in texts]  # as `Classifier` has them read
    headings = [*examples.headings, *(passage.heading for passage in soft)]
    soft_scores = np.array([passage.scores for passage in soft], np.float64)
    target = np.concatenate([examples.y_true, soft_scores.reshape(-1, len(LABELS))])
    weights = np.concatenate([weights, np.ones(len(soft))])
    if vocabulary is None:
        vocabulary = collect_vocabulary(texts)
    design = make_design(featurize(texts, vocabulary), headings)

    judged = np.ones(len(examples), bool) if held is None else held
    fold = group_folds(examples.groups[judged], folds, seed)
    left_out = []  # masks of the passages that one more fit does not learn, but scores
    if held is None:
        left_out = [
            np.append(fold == number, np.zeros(len(soft), bool)) for number in np.unique(fold)
        ]
    fits = fit_labels(
        design,
        target,
        [weights, *(np.where(mask, 0.0, weights) for mask in left_out)],
        jobs,
        progress,
    )
    heads, bias = fits[0]
    raw = design.logits(heads, bias)
    for mask, (fold_heads, fold_bias) in zip(left_out, fits[1:], strict=True):
        raw[mask] = design.logits(fold_heads, fold_bias)[mask]
    raw = raw[: len(examples)][judged]
    y_true = examples.y_true[judged]
    calibrated = calibrate(raw, y_true, fold, held_weights, held_kinds)

    # The calibration goes into the weights, and these are stored as whole numbers of 16 bits.
    scaled = heads * calibrated.scale
    units = np.maximum(np.abs(scaled).max(axis=0, initial=0.0), 1e-9) / MAX_WEIGHT
    kept = (np.abs(scaled) > _LEAST_WEIGHT * units).any(axis=1)
    model = LinearModel(
        hashes=design.hashes[kept],
        weights=np.rint(scaled[kept] / units).astype(np.int16),
        units=units,
        bias=bias * calibrated.scale + calibrated.shift,
        vocabulary=vocabulary,
        thresholds=calibrated.thresholds,
        meta={},
    )
    thresholds = np.array(model.thresholds["balanced"])
    y_pred = calibrated.y_pred["balanced"]
    return FittedLinear(model, calibrated, measure(y_true, calibrated.scores, y_pred, thresholds))


def _warn_of_unlearnable_labels(y_true: Bools, folds: int) -> None:
    for label, count in zip(LABELS, y_true.sum(axis=0), strict=True):
        if count < 2 * folds:
            what = f"has {count} passages" if count else "is absent"
            advice = f"too few to learn and calibrate it; add at least {2 * folds}"
            warnings.warn(f"label {label} {what}: {advice}", stacklevel=3)
        elif count == len(y_true):
            warnings.warn(f"every passage has label {label}: add passages without it", stacklevel=3)


@dataclass(frozen=True)
class Design:
    """Length-scaled feature counts of passages with their headings, and of clauses."""

    passages: csr_matrix  # (n, m)
    clauses: csr_matrix  # (k, m)
    clause_row: Ints  # (k,), the passage of each clause
    hashes: npt.NDArray[np.uint32]  # (m,), of each column's feature

    def scores(self, weights: Floats) -> tuple[Floats, Ints]:
        """Score each passage, before the bias, and find its best clause (-1 for none)."""
        parts = self.clauses @ weights
        best = best_clauses(parts, self.clause_row, self.passages.shape[0])
        return self.passages @ weights + np.where(best >= 0, parts[best], 0.0), best

    def logits(self, weights: Floats, bias: Floats) -> Floats:
        """Score each passage by the weights of all labels, (m, labels), before calibration."""
        return np.stack([self.scores(column)[0] for column in weights.T], axis=1) + bias

    def with_clauses(self, best: Ints) -> csr_matrix:
        """Add the counts of one clause to each passage."""
        has = np.flatnonzero(best >= 0)
        shape = (len(best), self.clauses.shape[0])
        return (
            self.passages
            + csr_matrix((np.ones(len(has)), (has, best[has])), shape=shape) @ self.clauses
        )


def make_design(features: HashedFeatures, headings: Sequence[str | None]) -> Design:
    """Build the design matrices of all passages, with a column for each feature in use."""
    n = len(headings)
    known = {heading: heading_hashes(heading) for heading in dict.fromkeys(headings)}
    heading_row = np.repeat(np.arange(n), [len(known[heading]) for heading in headings])
    heading_hash = np.concatenate(
        [np.zeros(0, np.uint64), *(known[heading] for heading in headings)]
    )
    keys = np.concatenate([feature_keys(features.hash), feature_keys(heading_hash)])
    hashes, column = np.unique(keys, return_inverse=True)
    column, heading_column = np.split(column, [len(features.hash)])

    def counts(row: Ints, column: Ints, number: int) -> csr_matrix:
        scale = length_scale(np.bincount(row, minlength=number))
        matrix = csr_matrix((scale[row], (row, column)), shape=(number, len(hashes)))
        matrix.sum_duplicates()
        return matrix

    passages = counts(features.row, column, n) + counts(heading_row, heading_column, n)
    inside = features.clause >= 0
    clauses = counts(features.clause[inside], column[inside], len(features.clause_row))
    uses = np.bincount(passages.indices, minlength=len(hashes))
    used = _most_frequent_by_slot(hashes, np.flatnonzero(uses >= _LEAST_USE), uses)
    design = Design(
        passages=passages[:, used].tocsr(),
        clauses=clauses[:, used].tocsr(),
        clause_row=features.clause_row,
        hashes=hashes[used],
    )
    design.passages.sum_duplicates()  # now, because worker processes share both read-only
    design.clauses.sum_duplicates()
    return design


def _most_frequent_by_slot(hashes: npt.NDArray[np.uint32], used: Ints, uses: Ints) -> Ints:
    """Keep the most frequent of the `used` features in each slot of the weight table."""
    place = hashes[used] >> np.uint32(32 - SLOT_BITS)
    order = np.lexsort((-uses[used], place))
    first = np.diff(place[order].astype(np.int64), prepend=-1) > 0
    return np.sort(used[order[first]])


def fit_labels(
    design: Design,
    target: Floats,
    weights: Sequence[Floats],
    jobs: int = 1,
    progress: Progress | None = None,
) -> list[tuple[Floats, Floats]]:
    """Fit the labels for each array of sample weights, (n,), before calibration.

    Returns weights of the features, (m, labels), and biases, (labels,).
    """
    tasks = list(product(weights, target.T))
    fits = Parallel(n_jobs=jobs, return_as="generator")(
        delayed(_fit_label)(design, column, sample_weights) for sample_weights, column in tasks
    )
    done = []
    try:
        for fit in fits:
            done.append(fit)
            if progress:
                progress(len(done), len(tasks))
    except BrokenExecutor:
        raise TipclassifyError(
            "a process that was training was killed; out of memory? Train with --jobs 1"
        ) from None
    labels = target.shape[1]
    return [
        (
            np.stack([column for column, _ in done[first : first + labels]], axis=1),
            np.array([bias for _, bias in done[first : first + labels]]),
        )
        for first in range(0, len(done), labels)
    ]


def _fit_label(design: Design, target: Floats, weights: Floats) -> tuple[Floats, float]:
    """Fit the weights and the bias of one label.

    A label that all passages have, or none, gets zero weights, and its log-odds as bias.
    """
    learned = weights > 0
    positive = np.flatnonzero(learned & (target >= _LEAST_TARGET))
    negative = np.flatnonzero(learned & (1 - target >= _LEAST_TARGET))
    if not len(positive) or not len(negative):
        total = target[learned].sum()
        count = np.count_nonzero(learned)
        log_odds = float(np.log((total + 0.5) / (count - total + 0.5)))
        return np.zeros(design.passages.shape[1]), log_odds
    row = np.concatenate([positive, negative])
    label = np.arange(len(row)) < len(positive)
    weight = np.concatenate([target[positive], 1 - target[negative]]) * weights[row]
    matrix = design.passages
    for _ in range(1 + _ROUNDS):
        # with a clause added the counts are about twice as large
        strength = _C if matrix is design.passages else _C / 2
        solver = LogisticRegression(C=strength, solver="liblinear", tol=1e-2)
        with threadpool_limits(1):  # LIBLINEAR calls BLAS on short vectors, where threads cost time
            fitted = solver.fit(matrix[row], label, weight)
        matrix = design.with_clauses(design.scores(fitted.coef_[0])[1])
    return fitted.coef_[0], float(fitted.intercept_[0])
