"""Calibrate raw scores by Platt's method, and choose the threshold of each policy, by label.

Sample weights make held-out passages count as in whole reports (`examples.calibration_weights`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from tipclassify.arrays import Bools, Floats, Ints, logistic
from tipclassify.labels import POLICIES
from tipclassify.model.scoring import apply_thresholds

MIN_REAL: Final = 500
"""Held-out real passages needed to calibrate, and to set thresholds, on them."""

_TARGET: Final = 0.95  # recall of `screen`, precision of `cite`
_MIN_POSITIVES: Final = 10  # true positives needed to estimate a precision


@dataclass(frozen=True)
class Calibrated:
    """Calibration, ``raw * scale + shift``, with thresholds and cross-fitted predictions."""

    scale: Floats  # (labels,)
    shift: Floats  # (labels,)
    thresholds: Mapping[str, tuple[float, ...]]  # by policy
    # of the passages of each fold, by a calibration and thresholds fitted on the other folds
    scores: Floats  # (n, labels)
    y_pred: Mapping[str, Bools]  # by policy


def calibrate(raw: Floats, y_true: Bools, fold: Ints, weights: Floats | None = None) -> Calibrated:
    """Calibrate held-out logits `raw`, float (n, labels), and choose thresholds.

    `fold`, int (n,), never splits a group; `weights` are sample weights, float (n,).
    """
    if weights is None:
        weights = np.ones(len(y_true))
    scores = np.zeros(y_true.shape)
    y_pred: dict[str, Bools] = {policy: np.zeros(y_true.shape, bool) for policy in POLICIES}
    for number in np.unique(fold):
        held = fold == number
        scale, shift, thresholds = _fit(raw[~held], y_true[~held], weights[~held])
        scores[held] = logistic(raw[held] * scale + shift)
        for policy in POLICIES:
            y_pred[policy][held] = apply_thresholds(scores[held], np.array(thresholds[policy]))
    scale, shift, thresholds = _fit(raw, y_true, weights)
    return Calibrated(scale, shift, thresholds, scores, y_pred)


def _fit(
    raw: Floats, y_true: Bools, weights: Floats
) -> tuple[Floats, Floats, dict[str, tuple[float, ...]]]:
    """Fit scale and shift of each label, then thresholds by policy, on the same passages."""
    fits = np.array(
        [platt(column, has, weights) for column, has in zip(raw.T, y_true.T, strict=True)]
    )
    scale, shift = fits.T
    scores = logistic(raw * scale + shift)
    points = [
        choose_thresholds(has, column, weights)
        for column, has in zip(scores.T, y_true.T, strict=True)
    ]
    thresholds: dict[str, tuple[float, ...]] = {
        policy: tuple(point[policy] for point in points) for policy in POLICIES
    }
    return scale, shift, thresholds


def choose_thresholds(
    y_true: Bools, scores: Floats, weights: Floats | None = None
) -> dict[str, float]:
    """Choose the threshold of each policy for one label.

    ``balanced`` is half the best F1, its threshold where scores are calibrated (Lipton et al. 2014,
    ECML PKDD): the peak of the F1 curve is flat, and chance decides it. ``screen`` is the highest
    threshold with recall of at least 0.95, ``cite`` the lowest with precision of at least 0.95, or
    that of best precision. ``balanced`` is lowered to the highest threshold with that precision
    where it lies above; ``screen`` is at most, ``cite`` at least ``balanced``.

    >>> labelled = np.array([False, True, True])
    >>> points = choose_thresholds(labelled, np.array([0.2, 0.6, 0.9]))
    >>> points["screen"] <= points["balanced"] <= points["cite"]
    True
    """
    if not y_true.any():
        return dict.fromkeys(POLICIES, 0.5)
    if weights is None:
        weights = np.ones(len(y_true))
    order = np.argsort(-scores, kind="stable")
    ranked = y_true[order]
    value = scores[order]
    counts = weights[order]

    last = np.append(value[1:] != value[:-1], True)  # a threshold cannot separate equal scores
    hits = np.cumsum(ranked)[last]  # true positives down to each threshold, unweighted
    right = np.cumsum(ranked * counts)[last]
    precision = right / np.maximum(np.cumsum(counts)[last], 1e-12)
    recall = right / max(float(counts @ ranked), 1e-12)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)

    cut = (value[last] + np.append(value[last][1:], 0.0)) / 2  # halfway to the next score down
    enough = hits >= min(_MIN_POSITIVES, hits[-1])
    precise = cut[(precision >= _TARGET) & enough]
    balanced = float(f1.max() / 2)
    if len(precise):
        balanced = min(balanced, float(precise[0]))
        cite = precise[precise >= balanced][-1]
    else:
        cite = max(balanced, cut[np.argmax(np.where(enough, precision, 0))])
    screen = min(balanced, cut[np.argmax(recall >= _TARGET)])
    return {"screen": float(screen), "balanced": balanced, "cite": float(cite)}


def platt(raw: Floats, y_true: Bools, weights: Floats | None = None) -> tuple[float, float]:
    """Fit scale and shift of one label's logits (Platt 1999).

    They are 1 and 0 where examples are too few, or where the scale would be negative.
    """
    if y_true.sum() >= 2 and (~y_true).sum() >= 2:
        with threadpool_limits(1):  # only two parameters: more threads would just wait
            fitted = LogisticRegression(C=1e3).fit(raw[:, None], y_true, weights)
        if fitted.coef_[0, 0] > 0:
            return float(fitted.coef_[0, 0]), float(fitted.intercept_[0])
    return 1.0, 0.0
