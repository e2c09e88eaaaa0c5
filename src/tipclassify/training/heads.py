"""Fit the heads of a frozen encoder on pooled vectors, close to the heads that they start from.

The distance is measured where passages lie: half the penalty times the mean squared change of the
log-odds over the vectors of the corpus (a Gaussian prior whose precision is their second moment; in
the spirit of Kirkpatrick et al. 2017, arXiv:1612.00796, and Chelba and Acero 2004, EMNLP). A rule
of the user's own is learned in the directions in which the corpus hardly varies, and costs little
there.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from tipclassify.arrays import Bools, Floats, Ints, Vectors, logistic
from tipclassify.errors import ModelError
from tipclassify.model.encoder.files import EncoderHeads, EncoderModel
from tipclassify.model.encoder.scoring import EncoderScorer
from tipclassify.model.find import load_scorer
from tipclassify.model.scoring import apply_thresholds

_RIDGE: Final = 1e-3  # added to the second moment: directions in which no passage varies cost too
_BLOCK: Final = 10_000  # rows of a product, for constant memory
_STEPS: Final = 50  # of Newton's method, which takes about ten
_CLOSE: Final = 1e-9  # relative fall of the loss at which it ends


@dataclass(frozen=True)
class Prior:
    """Where a fit starts, and how far a change of the heads is from there."""

    heads: EncoderHeads
    moment: Floats | None = None  # (width + 1, width + 1), of `second_moment`; None: Euclidean

    def whitening(self) -> Floats:
        """Return the matrix W in whose coordinates, change = W u, the distance is |u|."""
        size = self.heads.weights.shape[1] + 1
        if self.moment is None:
            return np.eye(size)
        return np.asarray(np.linalg.inv(np.linalg.cholesky(self.moment + _RIDGE * np.eye(size))).T)


def second_moment(pooled: Vectors) -> Floats:
    """Compute the mean outer product of pooled vectors with a 1 appended, a square matrix."""
    with threadpool_limits(1):  # a fixed order of summation on every machine
        total = _gram(_with_one(pooled), np.ones(len(pooled)))
    return total / max(1, len(pooled))


def fit_heads(
    prior: Prior, pooled: Vectors, y_true: Bools, weights: Floats, penalty: float
) -> EncoderHeads:
    """Minimise the log loss plus half the penalty times the squared distance from the prior.

    `pooled` is float32 (n, width), `y_true` bool (n, labels), `weights` are sample weights,
    (n,) or (n, labels). A label whose weights are all 0 keeps its head.
    """
    one_fold = np.zeros(0, np.int64)
    return fit_path(prior, pooled, y_true, weights, one_fold, (penalty,))[0].heads


class Fit(NamedTuple):
    """Heads fitted under one penalty, and what cross-validation says of it."""

    heads: EncoderHeads  # of all rows
    out_of_fold: Floats  # (n, labels), logits before calibration


def fit_path(
    prior: Prior,
    pooled: Vectors,
    y_true: Bools,
    weights: Floats,
    fold: Ints,
    penalties: Sequence[float],
) -> list[Fit]:
    """Fit heads as `fit_heads` does, under each of some penalties, and out of fold.

    `fold`, int (n,), never parts a group; an empty one leaves the cross-validation out. A fit
    starts from that under the penalty before, and one without a fold from that of all rows, in
    coordinates that all share: the path takes a third of the time of single fits.
    """
    by_label = np.broadcast_to(weights if weights.ndim == 2 else weights[:, None], y_true.shape)
    start = np.column_stack([prior.heads.weights, prior.heads.bias])
    design = _with_one(pooled)
    numbers = np.unique(fold)
    fitted = np.repeat(start[None], len(penalties), axis=0)
    out_of_fold = np.zeros((len(penalties), *y_true.shape))
    with threadpool_limits(1):
        whitening = prior.whitening()
        coordinates, basis = _row_space(design @ whitening)
        back = whitening @ basis

        def fit_label(j: int) -> None:
            offset = design @ start[j]
            u = np.zeros(coordinates.shape[1])
            for at, penalty in enumerate(penalties):
                u = _newton(coordinates, offset, y_true[:, j], by_label[:, j], penalty, u)
                fitted[at, j] += back @ u
                for number in numbers:
                    held = fold == number
                    rest = coordinates[~held], offset[~held], y_true[~held, j], by_label[~held, j]
                    without = _newton(*rest, penalty, u)
                    out_of_fold[at, held, j] = offset[held] + coordinates[held] @ without

        with ThreadPoolExecutor() as threads:  # numpy lets go of the interpreter
            list(threads.map(fit_label, range(len(start))))
    return [
        Fit(EncoderHeads(heads[:, :-1].copy(), heads[:, -1].copy()), logits)
        for heads, logits in zip(fitted, out_of_fold, strict=True)
    ]


def _with_one(pooled: Vectors) -> Floats:
    return np.column_stack([pooled.astype(np.float64), np.ones(len(pooled))])


def _row_space(design: Floats) -> tuple[Floats, Floats]:
    """Return coordinates of the rows and an orthonormal basis; the solution lies in their span.

    A few dozen rows are fitted in half the time.
    """
    rows, columns = design.shape
    if rows >= columns:
        return design, np.eye(columns)
    left, singular, right = np.linalg.svd(design, full_matrices=False)
    return left * singular, right.T


def _newton(
    design: Floats, offset: Floats, has: Bools, weights: Floats, penalty: float, u: Floats
) -> Floats:
    """Minimise ``sum(w * logloss(offset + design @ u)) + penalty / 2 * |u|²`` by Newton steps.

    They start at `u`. A step that raises the loss is halved until it does not.
    """
    sign = np.where(has, 1.0, -1.0)

    def loss(u: Floats, logits: Floats) -> float:
        return float(weights @ np.logaddexp(0, -sign * logits) + penalty / 2 * u @ u)

    logits = offset + design @ u
    value = loss(u, logits)
    for _ in range(_STEPS):
        probability = 1 / (1 + np.exp(-np.clip(logits, -500, 500)))
        gradient = design.T @ (weights * (probability - has)) + penalty * u
        curvature = _gram(design, weights * probability * (1 - probability))
        step = np.linalg.solve(curvature + penalty * np.eye(len(u)), -gradient)
        moved = design @ step
        scale = 1.0
        while (lower := loss(u + scale * step, logits + scale * moved)) > value and scale > 1e-6:
            scale /= 2
        if lower > value:
            break
        u = u + scale * step
        logits = logits + scale * moved
        converged = value - lower <= _CLOSE * max(1.0, abs(value))
        value = lower
        if converged:
            break
    return u


def _gram(design: Floats, weights: Floats) -> Floats:
    total = np.zeros((design.shape[1], design.shape[1]))
    for start in range(0, len(design), _BLOCK):
        part = design[start : start + _BLOCK] * np.sqrt(weights[start : start + _BLOCK, None])
        total += part.T @ part  # of one array with itself, numpy computes half
    return total


def probabilities(model: EncoderModel, raw: Floats) -> Floats:
    """Calibrate the uncalibrated logits of a model's heads, (n, labels)."""
    return logistic(raw * model.scale + model.shift)


def balanced_labels(model: EncoderModel, raw: Floats) -> Bools:
    """Return the labels that a model gives uncalibrated logits, (n, labels), under ``balanced``."""
    return apply_thresholds(probabilities(model, raw), np.array(model.thresholds["balanced"]))


def load_encoder(start: str | os.PathLike[str] | None = None) -> EncoderScorer:
    """Load an encoder to fit heads on, the shipped one by default.

    Raises `ModelError` for a model of another kind.
    """
    scorer = load_scorer(start)
    if not isinstance(scorer, EncoderScorer):
        problem = "heads are fitted on an encoder, and this is none"
        raise ModelError(f"{start}: {problem}; give another model to start from")
    return scorer
