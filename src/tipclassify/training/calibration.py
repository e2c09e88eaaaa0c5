"""Calibrate raw scores by Platt's method, and choose the threshold of each policy, by label.

Sample weights make held-out passages count as in whole reports (`examples.calibration_weights`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from tipclassify.arrays import Bools, Floats, Ints, logistic
from tipclassify.labels import POLICIES
from tipclassify.model.scoring import apply_thresholds
from tipclassify.training.examples import TABLE_ROWS

MIN_REAL: Final = 500
"""Held-out real passages needed to calibrate, and to set thresholds, on them."""

_TARGET: Final = 0.95  # recall of `screen`, precision of `cite`
_MIN_POSITIVES: Final = 10  # true positives needed to estimate a precision
_MIN_OF_KIND: Final = 50  # passages with a label for a kind of text to bind its thresholds


@dataclass(frozen=True)
class Calibrated:
    """Calibration, ``raw * scale + shift``, with thresholds and cross-fitted predictions."""

    scale: Floats  # (labels,)
    shift: Floats  # (labels,)
    thresholds: Mapping[str, tuple[float, ...]]  # by policy
    # of the passages of each fold, by a calibration and thresholds fitted on the other folds
    scores: Floats  # (n, labels)
    y_pred: Mapping[str, Bools]  # by policy


def calibrate(
    raw: Floats,
    y_true: Bools,
    fold: Ints,
    weights: Floats | None = None,
    kinds: Sequence[str] | None = None,
) -> Calibrated:
    """Calibrate held-out logits `raw`, float (n, labels), and choose thresholds.

    `fold`, int (n,), never splits a group; `weights` are sample weights, float (n,), and `kinds`,
    of length n, kinds of text (`choose_thresholds`).
    """
    if weights is None:
        weights = np.ones(len(y_true))
    kind = np.array(["" for _ in y_true] if kinds is None else kinds, str)
    scores = np.zeros(y_true.shape)
    y_pred: dict[str, Bools] = {policy: np.zeros(y_true.shape, bool) for policy in POLICIES}
    for number in np.unique(fold):
        held = fold == number
        scale, shift, thresholds = _fit(raw[~held], y_true[~held], weights[~held], kind[~held])
        scores[held] = logistic(raw[held] * scale + shift)
        for policy in POLICIES:
            y_pred[policy][held] = apply_thresholds(scores[held], np.array(thresholds[policy]))
    scale, shift, thresholds = _fit(raw, y_true, weights, kind)
    return Calibrated(scale, shift, thresholds, scores, y_pred)


def _fit(
    raw: Floats, y_true: Bools, weights: Floats, kind: npt.NDArray[np.str_]
) -> tuple[Floats, Floats, dict[str, tuple[float, ...]]]:
    """Fit scale and shift, (labels,), and thresholds by policy, on the same passages."""
    fits = np.array(
        [platt(column, has, weights) for column, has in zip(raw.T, y_true.T, strict=True)]
    )
    scale, shift = fits.T
    scores = logistic(raw * scale + shift)
    points = [
        choose_thresholds(has, column, weights, kind)
        for column, has in zip(scores.T, y_true.T, strict=True)
    ]
    thresholds: dict[str, tuple[float, ...]] = {
        # a score may round to 0 or 1, a threshold is neither
        policy: tuple(min(max(point[policy], 1e-9), 1 - 1e-9) for point in points)
        for policy in POLICIES
    }
    return scale, shift, thresholds


def choose_thresholds(
    y_true: Bools,
    scores: Floats,
    weights: Floats | None = None,
    kind: npt.NDArray[np.str_] | None = None,
) -> dict[str, float]:
    """Choose the threshold of each policy for one label.

    ``balanced`` is half the best F1, its threshold where scores are calibrated (Lipton et al. 2014,
    ECML PKDD): the peak of the F1 curve is flat, and chance decides it. ``screen`` is the highest
    threshold with recall of at least 0.95, ``cite`` the lowest with precision of at least 0.95, or
    that of best precision. ``balanced`` is lowered to the highest threshold with that precision
    where it lies above; ``screen`` is at most, ``cite`` at least ``balanced``.

    ``screen`` and ``cite`` keep their promise on all passages and on each kind of text that has
    enough of them with the label, `kind` being str (n,): an easy kind does not pay for a hard one.
    A kind on which no threshold has the precision does not bind ``cite``.

    >>> labelled = np.array([False, True, True])
    >>> points = choose_thresholds(labelled, np.array([0.2, 0.6, 0.9]))
    >>> points["screen"] <= points["balanced"] <= points["cite"]
    True
    """
    if not y_true.any():
        return dict.fromkeys(POLICIES, 0.5)
    if weights is None:
        weights = np.ones(len(y_true))
    values = np.unique(scores)[::-1]
    cuts = (values + np.append(values[1:], 0.0)) / 2  # halfway to the next score down
    precision, recall, hits = _curve(y_true, scores, weights, cuts)
    f1: Floats = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    enough = hits >= min(_MIN_POSITIVES, hits[-1])
    is_precise = (precision >= _TARGET) & enough
    balanced = float(np.max(f1)) / 2
    if is_precise.any():
        balanced = min(balanced, float(cuts[is_precise][0]))

    finds_all = recall >= _TARGET
    for name in [] if kind is None else np.unique(kind).tolist():
        chosen = kind == name
        if name == TABLE_ROWS or (y_true & chosen).sum() < _MIN_OF_KIND:
            continue
        of_kind = _curve(y_true[chosen], scores[chosen], weights[chosen], cuts)
        finds_all &= of_kind[1] >= _TARGET
        is_precise_there = (of_kind[0] >= _TARGET) & (of_kind[2] >= _MIN_POSITIVES)
        if (is_precise & is_precise_there & (cuts >= balanced)).any():
            is_precise &= is_precise_there
    above = is_precise & (cuts >= balanced)
    if above.any():
        cite = float(cuts[above][-1])
    else:
        cite = max(balanced, float(cuts[np.argmax(np.where(enough, precision, 0))]))
    screen = min(balanced, float(cuts[np.argmax(finds_all)]))
    return {"screen": screen, "balanced": balanced, "cite": cite}


def _curve(
    y_true: Bools, scores: Floats, weights: Floats, cuts: Floats
) -> tuple[Floats, Floats, Ints]:
    """Compute weighted precision and recall, and the true positives counted, at each of `cuts`.

    `cuts` are thresholds, the highest first; each array has their length.
    """
    order = np.argsort(-scores, kind="stable")
    has = y_true[order]
    tagged = np.searchsorted(-scores[order], -cuts, side="right")  # passages at each threshold

    def total(counts: Floats) -> Floats:
        sums: Floats = np.concatenate([[0.0], np.cumsum(counts)])
        return sums[tagged]

    right = total(weights[order] * has)
    precision: Floats = right / np.maximum(total(weights[order]), 1e-12)
    recall: Floats = right / max(float(weights @ y_true), 1e-12)
    return precision, recall, total(has.astype(np.float64)).astype(np.int64)


def platt(raw: Floats, y_true: Bools, weights: Floats | None = None) -> tuple[float, float]:
    """Fit scale and shift of one label's logits (Platt 1999).

    They are 1 and 0 where examples are too few, or where the scale would be negative.
    """
    if y_true.sum() >= 2 and (~y_true).sum() >= 2:
        from sklearn.linear_model import LogisticRegression

        with threadpool_limits(1):  # only two parameters: more threads would just wait
            fitted = LogisticRegression(C=1e3).fit(raw[:, None], y_true, weights)
        if fitted.coef_[0, 0] > 0:
            return float(fitted.coef_[0, 0]), float(fitted.intercept_[0])
    return 1.0, 0.0
