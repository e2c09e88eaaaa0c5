"""From raw scores to probabilities, and from probabilities to labels: each label on its own, on held-out scores.

Rows may count differently: passages that were chosen for being hard count less than their number, so that a probability means the
same on a whole report, where most passages are easy (post-stratification).

Sources: Platt 1999; Little 1993 (JASA 88:1001-1012).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from tipclassify.arrays import Bools, Floats, Ints
from tipclassify.labels import LABELS, POLICIES
from tipclassify.model.linear.scoring import apply_thresholds, logistic

__all__ = ["Calibrated", "calibrate", "operating_points", "platt"]

_SURE: Final = 0.95  # recall of `screen`, precision of `cite`
_ALIKE: Final = 0.003  # of F1: on 2,000 passages the curve is flat within it, and where it peaks is chance
_FEWEST: Final = 10  # passages with a label that a precision is read off


@dataclass(frozen=True)
class Calibrated:
    """Calibration and thresholds, and what they make of the passages that they were chosen on.

    Attributes
    ----------
    scale, shift : float (3,)
        The calibrated log-odds are ``raw * scale + shift``.
    thresholds : mapping of str to tuple of float
        Policy → probability from which each label is given.
    scores : float (n, 3)
        Probabilities of the passages, those of each fold by the calibration of the others.
    given : mapping of str to bool (n, 3)
        Policy → labels given to them, those of each fold at the thresholds of the others.
    """

    scale: Floats
    shift: Floats
    thresholds: Mapping[str, tuple[float, ...]]
    scores: Floats
    given: Mapping[str, Bools]


def calibrate(
    raw: Floats, y_true: Bools, fold: Ints, used: Bools | None = None, weights: Floats | None = None
) -> Calibrated:
    """Calibrate and set thresholds by held-out scores `raw`, float (n, 3).

    Parameters
    ----------
    fold : int (n,)
        Passages of one group are of one fold.
    used : bool (n,), optional
        Passages that count; the others are scored all the same.
    weights : float (n,), optional
        How much each passage counts; 1 without.
    """
    used = np.ones(len(y_true), bool) if used is None else used
    weights = np.ones(len(y_true)) if weights is None else weights
    scores = np.zeros(y_true.shape)
    given = {policy: np.zeros(y_true.shape, bool) for policy in POLICIES}
    for number in np.unique(fold):
        held = fold == number
        scale, shift, thresholds = _chosen(raw, y_true, used & ~held, weights)
        scores[held] = logistic(raw[held] * scale + shift)
        for policy in POLICIES:
            given[policy][held] = apply_thresholds(scores[held], thresholds[policy])
    return Calibrated(*_chosen(raw, y_true, used, weights), scores, given)


def _chosen(
    raw: Floats, y_true: Bools, rows: Bools, weights: Floats
) -> tuple[Floats, Floats, dict[str, tuple[float, ...]]]:
    """Scale, shift and thresholds by some of the rows."""
    raw, y_true, weights = raw[rows], y_true[rows], weights[rows]
    fits = [platt(raw[:, j], y_true[:, j], weights) for j in range(len(LABELS))]
    scale, shift = np.array([one for one, _ in fits]), np.array([one for _, one in fits])
    scores = logistic(raw * scale + shift)
    points = [operating_points(y_true[:, j], scores[:, j], weights) for j in range(len(LABELS))]
    return scale, shift, {policy: tuple(point[policy] for point in points) for policy in POLICIES}


def operating_points(y_true: Bools, scores: Floats, weights: Floats | None = None) -> dict[str, float]:
    """Threshold of each policy for one label.

    ``balanced`` has the best F1, and of thresholds whose F1 can hardly be told apart the highest, as a tag without cause costs a
    reader more than one that is missing; ``screen`` the highest threshold with recall of at least 0.95; ``cite`` the lowest
    with precision of at least 0.95, or the one of best precision where none has that.

    >>> points = operating_points(np.array([False, True, True]), np.array([0.2, 0.6, 0.9]))
    >>> points["screen"] <= points["balanced"] <= points["cite"]
    True
    """
    if not y_true.any():
        return dict.fromkeys(POLICIES, 0.5)
    weights = np.ones(len(y_true)) if weights is None else weights
    order = np.argsort(-scores, kind="stable")
    ranked, value, counts = y_true[order], scores[order], weights[order]
    last = np.append(value[1:] != value[:-1], True)  # a threshold cannot part equal scores
    hits, right = np.cumsum(ranked)[last], np.cumsum(ranked * counts)[last]
    precision, recall = right / np.maximum(np.cumsum(counts)[last], 1e-12), right / max(float(counts @ ranked), 1e-12)
    cut = (value[last] + np.append(value[last][1:], 0.0)) / 2  # halfway to the next score down
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    balanced = int(np.argmax(f1 >= f1.max() - _ALIKE))
    screen = int(np.argmax(recall >= _SURE))
    some = hits >= min(_FEWEST, hits[-1])
    sure = np.flatnonzero((precision >= _SURE) & some)
    if len(sure):
        balanced = max(balanced, int(sure[0]))  # further down, and better in both: F1 was told apart by a hair
        cite = int(sure[sure <= balanced][-1])
    else:
        cite = min(balanced, int(np.argmax(np.where(some, precision, 0))))
    return {
        "screen": float(cut[max(screen, balanced)]),
        "balanced": float(cut[balanced]),
        "cite": float(cut[cite]),
    }


def platt(raw: Floats, y_true: Bools, weights: Floats | None = None) -> tuple[float, float]:
    """Scale and shift of the scores `raw` (n,) of one label; 1 and 0 where they can't be learned, or would turn its meaning."""
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    if y_true.sum() >= 2 and (~y_true).sum() >= 2:
        with threadpool_limits(1):  # two numbers are sought: threads only wait for each other
            fitted = LogisticRegression(C=1e3).fit(raw[:, None], y_true, weights)
        if fitted.coef_[0, 0] > 0:
            return float(fitted.coef_[0, 0]), float(fitted.intercept_[0])
    return 1.0, 0.0
