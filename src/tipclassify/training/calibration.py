"""Calibrate raw scores (Platt 1999) and choose thresholds, by label; weights post-stratify
(Little 1993)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from tipclassify.arrays import Bools, Floats, Ints, logistic
from tipclassify.labels import LABELS, POLICIES
from tipclassify.model.common.scoring import apply_thresholds

__all__ = ["Calibrated", "Recalibrated", "calibrate", "operating_points", "platt", "recalibrate"]

_TARGET: Final = 0.95  # recall of `screen`, precision of `cite`
_MIN_EACH: Final = 50  # rows with a label, and without it, that a refit on the user's rows needs
_MIN_DOCUMENTS: Final = 20  # fewer make a standard error too small
_MIN_POSITIVES: Final = 10  # true positives needed to estimate a precision


@dataclass(frozen=True)
class Calibrated:
    """Calibration, ``raw * scale + shift``, and thresholds; scores and labels of each fold by
    those of the others."""

    scale: Floats
    shift: Floats
    thresholds: Mapping[str, tuple[float, ...]]  # by policy
    scores: Floats  # (n, 3)
    y_pred: Mapping[str, Bools]  # by policy


def calibrate(raw: Floats, y_true: Bools, fold: Ints, weights: Floats | None = None) -> Calibrated:
    """Calibrate held-out logits `raw`, float (n, 3), and choose thresholds; `fold` never splits
    a group."""
    weights = np.ones(len(y_true)) if weights is None else weights
    scores = np.zeros(y_true.shape)
    y_pred: dict[str, Bools] = {policy: np.zeros(y_true.shape, bool) for policy in POLICIES}
    for number in np.unique(fold):
        held = fold == number
        scale, shift, thresholds = _fit_calibration(raw[~held], y_true[~held], weights[~held])
        scores[held] = logistic(raw[held] * scale + shift)
        for policy in POLICIES:
            y_pred[policy][held] = apply_thresholds(scores[held], np.array(thresholds[policy]))
    return Calibrated(*_fit_calibration(raw, y_true, weights), scores, y_pred)


def _fit_calibration(
    raw: Floats, y_true: Bools, weights: Floats
) -> tuple[Floats, Floats, dict[str, tuple[float, ...]]]:
    scale, shift = np.array([platt(raw[:, j], y_true[:, j], weights) for j in range(len(LABELS))]).T
    scores = logistic(raw * scale + shift)
    points = [operating_points(y_true[:, j], scores[:, j], weights) for j in range(len(LABELS))]
    return scale, shift, {policy: tuple(point[policy] for point in points) for policy in POLICIES}


def operating_points(
    y_true: Bools, scores: Floats, weights: Floats | None = None
) -> dict[str, float]:
    """Choose the threshold of each policy for one label.

    ``balanced`` is half the best F1, its threshold where scores are calibrated (Lipton et al. 2014,
    ECML PKDD): the peak of the F1 curve is flat, and chance decides it. ``screen`` is the highest
    threshold with recall of at least 0.95, ``cite`` the lowest with precision of at least 0.95, or
    that of best precision.

    >>> points = operating_points(np.array([False, True, True]), np.array([0.2, 0.6, 0.9]))
    >>> points["screen"] <= points["balanced"] <= points["cite"]
    True
    """
    if not y_true.any():
        return dict.fromkeys(POLICIES, 0.5)
    weights = np.ones(len(y_true)) if weights is None else weights
    order = np.argsort(-scores, kind="stable")
    ranked, value, counts = y_true[order], scores[order], weights[order]
    last = np.append(value[1:] != value[:-1], True)  # a threshold cannot separate equal scores
    hits, right = np.cumsum(ranked)[last], np.cumsum(ranked * counts)[last]
    precision, recall = (
        right / np.maximum(np.cumsum(counts)[last], 1e-12),
        right / max(float(counts @ ranked), 1e-12),
    )
    cut = (value[last] + np.append(value[last][1:], 0.0)) / 2  # halfway to the next score down
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    some = hits >= min(_MIN_POSITIVES, hits[-1])
    sure = cut[(precision >= _TARGET) & some]
    balanced = float(min([f1.max() / 2, *sure[:1]]))
    cite = (
        sure[sure >= balanced][-1]
        if len(sure)
        else max(balanced, cut[np.argmax(np.where(some, precision, 0))])
    )
    screen = min(balanced, cut[np.argmax(recall >= _TARGET)])
    return {"screen": float(screen), "balanced": balanced, "cite": float(cite)}


def platt(raw: Floats, y_true: Bools, weights: Floats | None = None) -> tuple[float, float]:
    """Fit scale and shift of Platt scaling for one label; 1 and 0 where examples are too few, or
    the scale negative."""
    if y_true.sum() >= 2 and (~y_true).sum() >= 2:
        with threadpool_limits(1):  # only two parameters: more threads would just wait
            fitted = LogisticRegression(C=1e3).fit(raw[:, None], y_true, weights)
        if fitted.coef_[0, 0] > 0:
            return float(fitted.coef_[0, 0]), float(fitted.intercept_[0])
    return 1.0, 0.0


@dataclass(frozen=True)
class Recalibrated:
    """Scale and shift of each label after a look at the user's rows, and what was done, as a
    sentence."""

    scale: Floats  # (3,)
    shift: Floats  # (3,)
    fall: float  # of the mean log loss of a row and label, cross-fitted
    sentence: str


def recalibrate(
    raw: Floats, y_true: Bools, groups: Ints, fold: Ints, scale: Floats, shift: Floats
) -> Recalibrated:
    """Refit the calibration on out-of-fold logits `raw`, (n, 3), of the user's rows, where they
    suffice.

    A label is refitted if enough rows have it and enough do not, and if its log loss, by a
    calibration fitted on the other folds, falls by more than one standard error over the `groups`.
    """
    new_scale, new_shift = scale.copy(), shift.copy()
    refitted: list[str] = []
    no_better: list[str] = []
    too_few: list[str] = []
    total_fall = 0.0
    documents, number = np.unique(groups, return_inverse=True)
    for j, label in enumerate(LABELS):
        has = y_true[:, j]
        if min(has.sum(), (~has).sum()) < _MIN_EACH or len(documents) < _MIN_DOCUMENTS:
            too_few.append(label)
            continue
        logits = raw[:, j] * scale[j] + shift[j]
        crossed = np.zeros(len(raw))
        for held in (fold == one for one in np.unique(fold)):
            a, b = platt(raw[~held, j], has[~held])
            crossed[held] = raw[held, j] * a + b
        sign = np.where(has, -1.0, 1.0)
        fall = np.logaddexp(0, sign * logits) - np.logaddexp(0, sign * crossed)
        by_document = np.bincount(number, fall - fall.mean())
        count = len(documents)
        error = float(np.sqrt(count / (count - 1) * (by_document @ by_document))) / len(fall)
        if fall.mean() > error:
            new_scale[j], new_shift[j] = platt(raw[:, j], has)
            refitted.append(label)
            total_fall += float(fall.mean()) / len(LABELS)
        else:
            no_better.append(label)
    said = []
    if refitted:
        said.append(f"refitted on your rows, out of fold, for {', '.join(refitted)}")
    if no_better:
        said.append(f"kept for {', '.join(no_better)}, since a refit predicts your rows no better")
    if too_few:
        least = f"{_MIN_EACH} rows with it and without it, of {_MIN_DOCUMENTS} documents or more"
        said.append(f"kept for {', '.join(too_few)}: a refit needs {least}")
    return Recalibrated(new_scale, new_shift, total_fall, "; ".join(said))
