"""From raw scores to probabilities, and from probabilities to labels: each label on its own, on out-of-fold scores.

Scores of one or several parts of a model come in; the calibration weighs the parts (stacking, Wolpert 1992).

Sources: Platt 1999.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from tipclassify.labels import LABELS, POLICIES

__all__ = [
    "Calibrated",
    "calibrate",
    "calibrations",
    "cross_fitted",
    "log_loss",
    "logistic",
    "operating_points",
    "platt",
]

_SURE: Final = 0.95  # recall of `screen`, precision of `cite`

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Calibrated:
    """What turns the scores that a model gave to passages it never saw into probabilities and labels.

    Attributes
    ----------
    slope : float (3, parts)
    shift : float (3,)
        The calibrated log-odds are ``(raw * slope).sum(2) + shift``.
    thresholds : mapping of str to tuple of float
        Policy → probability from which each label is given.
    scores : float (n, 3)
        Probabilities of the passages, those of each fold by the calibration of the others.
    given : mapping of str to bool (n, 3)
        Policy → labels given to them, those of each fold at the thresholds of the others.
    """

    slope: Floats
    shift: Floats
    thresholds: Mapping[str, tuple[float, ...]]
    scores: Floats
    given: Mapping[str, Bools]


def calibrate(raw: Floats, truth: Bools, fold: Ints, used: Bools | None = None) -> Calibrated:
    """Calibration and thresholds by held-out scores `raw`, float (n, 3, parts), of the parts of a model.

    Parameters
    ----------
    fold : int (n,)
        Passages of one group are of one fold.
    used : bool (n,), optional
        Passages that count; the others are scored all the same.
    """
    used = np.ones(len(truth), bool) if used is None else used
    scores, given = cross_fitted(raw, truth, used, fold)
    slope, shift = calibrations(raw[used], truth[used])
    calibrated = logistic((raw * slope).sum(axis=2) + shift)
    points = [operating_points(truth[used, j], calibrated[used, j]) for j in range(len(LABELS))]
    thresholds = {policy: tuple(point[policy] for point in points) for policy in POLICIES}
    return Calibrated(slope, shift, thresholds, scores, given)


def operating_points(truth: Bools, scores: Floats) -> dict[str, float]:
    """Threshold of each policy for one label.

    ``balanced`` has the best F1; ``screen`` the highest threshold with recall of at least 0.95; ``cite`` the lowest
    with precision of at least 0.95, or the one of best precision where none has that.

    >>> points = operating_points(np.array([False, True, True]), np.array([0.2, 0.6, 0.9]))
    >>> points["screen"] <= points["balanced"] <= points["cite"]
    True
    """
    if not truth.any():
        return dict.fromkeys(POLICIES, 0.5)
    order = np.argsort(-scores, kind="stable")
    ranked, value = truth[order], scores[order]
    last = np.append(value[1:] != value[:-1], True)  # a threshold cannot part equal scores
    hits = np.cumsum(ranked)[last]
    precision, recall = hits / (np.flatnonzero(last) + 1), hits / truth.sum()
    cut = (value[last] + np.append(value[last][1:], 0.0)) / 2  # halfway to the next score down
    balanced = int(np.argmax(2 * precision * recall / np.maximum(precision + recall, 1e-12)))
    screen = int(np.argmax(recall >= _SURE))
    enough = np.flatnonzero((precision >= _SURE) & (hits >= min(10, hits[-1])))
    cite = int(enough[-1]) if len(enough) else int(np.argmax(np.where(hits >= min(10, hits[-1]), precision, 0)))
    return {
        "screen": float(cut[max(screen, balanced)]),
        "balanced": float(cut[balanced]),
        "cite": float(cut[min(cite, balanced)]),
    }


def calibrations(raw: Floats, truth: Bools) -> tuple[Floats, Floats]:
    """Slopes (3, parts) and shift (3,) of each label such that ``logistic((raw * slopes).sum(2) + shift)`` is calibrated.

    `raw`, float (n, 3, parts), has the scores of the parts of the model; a part that does not help gets slope 0.
    """
    fits = [platt(raw[:, j], truth[:, j]) for j in range(truth.shape[1])]
    return np.array([slopes for slopes, _ in fits]), np.array([shift for _, shift in fits])


def platt(raw: Floats, truth: Bools) -> tuple[Floats, float]:
    """Slopes (parts,) and shift for the scores `raw` (n, parts) of one label."""
    from sklearn.linear_model import LogisticRegression

    parts = raw.shape[1]
    slopes = np.zeros(parts)
    used = np.arange(parts)
    while truth.sum() >= 2 and (~truth).sum() >= 2 and len(used):
        fitted = LogisticRegression(C=1e3).fit(raw[:, used], truth)
        if (fitted.coef_[0] > 0).all():
            slopes[used] = fitted.coef_[0]
            return slopes, float(fitted.intercept_[0])
        used = used[fitted.coef_[0] > 0]
    slopes[0] = 1.0
    return slopes, 0.0


def cross_fitted(raw: Floats, truth: Bools, used: Bools, fold: Ints) -> tuple[Floats, dict[str, Bools]]:
    """Probabilities and labels of each fold by the calibration and threshold of the other folds."""
    scores = np.zeros(truth.shape)
    given = {policy: np.zeros(truth.shape, bool) for policy in POLICIES}
    for k in np.unique(fold):
        held = fold == k
        taught = used & ~held
        slope, shift = calibrations(raw[taught], truth[taught])
        scores[held] = logistic((raw[held] * slope).sum(axis=2) + shift)
        others = logistic((raw[taught] * slope).sum(axis=2) + shift)
        for j in range(truth.shape[1]):
            for policy, threshold in operating_points(truth[taught, j], others[:, j]).items():
                given[policy][held, j] = scores[held, j] >= threshold
    return scores, given


def logistic(logit: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-logit)))


def log_loss(raw: Floats, truth: Bools) -> float:
    """Log loss after calibration: what the choice of strength is judged by."""
    slope, shift = platt(raw[:, None], truth)
    logit = raw * slope[0] + shift
    return float(np.mean(np.logaddexp(0, np.where(truth, -logit, logit))))
