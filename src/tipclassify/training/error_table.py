"""Count what a model gets right and wrong at each operating point, for its card and `summary`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from tipclassify.arrays import NORMAL_975, Bools, Floats, logistic
from tipclassify.evaluation.bootstrap import Interval, intervals
from tipclassify.evaluation.metrics import rounded_metric
from tipclassify.labels import LABELS, POLICIES
from tipclassify.model.encoder.files import EncoderModel
from tipclassify.model.scoring import apply_thresholds
from tipclassify.training.fixed_set import FixedSet
from tipclassify.training.parts import HeldOutPredictions, masks_of_report_kinds
from tipclassify.training.sample_weights import weights_within_families

__all__ = [
    "PointFigures",
    "error_table",
    "error_table_on_fixed_set",
    "operating_point_card_figures",
]

_BINS: Final = 1_000  # histogram bins of probability: thresholds of the recall policy lie near 0.01


PointFigures = dict[str, dict[str, object]]
"""By label: the threshold, and precision and recall, each with both ends of its interval."""


def operating_point_card_figures(
    predictions: HeldOutPredictions, policy: str, thresholds: Floats, seed: int
) -> PointFigures:
    """Return precision and recall of each label under a policy, with their 95% intervals."""
    y_true = predictions.y_true
    weights = predictions.weights
    y_pred = predictions.y_pred[policy]
    drawn = intervals(y_true, y_pred, predictions.groups, seed=seed, weights=weights)
    points: PointFigures = {}
    for j, (label, interval) in enumerate(zip(LABELS, drawn.labels, strict=True)):
        hits = float(weights @ (y_true[:, j] & y_pred[:, j]))
        precision = hits / max(1e-9, float(weights @ y_pred[:, j]))
        recall = hits / max(1e-9, float(weights @ y_true[:, j]))
        points[label] = {
            "threshold": round(float(thresholds[j]), 4),
            "precision": rounded_metric(
                [precision, interval.precision.low, interval.precision.high]
            ),
            "recall": rounded_metric([recall, interval.recall.low, interval.recall.high]),
        }
    return points


def error_table(
    predictions: HeldOutPredictions, masks: Mapping[str, Bools] | None = None
) -> dict[str, object]:
    """Count right and wrong predictions, by which `summary` adjusts its counts.

    With `masks` of kinds of report, bool (n,), each kind has a table of its own under ``kinds``,
    since they differ: what is rare and hard to tell in one fills another.
    """
    table = _error_rates(predictions)
    if masks:
        table["kinds"] = {
            kind: _error_rates(predictions.take(mask)) for kind, mask in masks.items()
        }
    return table


def _error_rates(predictions: HeldOutPredictions) -> dict[str, object]:
    """Count right and wrong predictions by policy and label, and passages by probability.

    Weights are scaled to sum to effective sample sizes: ``passages`` that of all; in the rest
    passages with a label and those without it count for theirs. Those with a label are worth fewer
    where the bootstrap, which draws countries whole, gives recall a wider interval. ``histogram``
    counts them by probability, in bins of 0.001.
    """
    y_true = predictions.y_true
    y_pred = predictions.y_pred["balanced"]
    drawn = intervals(y_true, y_pred, predictions.groups, weights=predictions.weights)
    weights = np.zeros(y_true.shape)
    for j, interval in enumerate(drawn.labels):
        has = y_true[:, j]
        weights[~has, j] = _effective_weights(predictions.weights[~has])
        weights[has, j] = _weights_of_binomial_recall(
            _effective_weights(predictions.weights[has]), y_pred[has, j], interval.recall
        )
    return {
        "passages": round(float(_effective_weights(predictions.weights).sum()), 1),
        "policies": {
            policy: _error_table_counts(y_true, predictions.y_pred[policy], weights)
            for policy in POLICIES
        },
        "histogram": {
            label: _error_table_histogram(y_true[:, j], predictions.scores[:, j], weights[:, j])
            for j, label in enumerate(LABELS)
        },
    }


def _effective_weights(weights: Floats) -> Floats:
    """Scale weights to sum to the effective sample size.

    That is the square of their sum over the sum of their squares (Kish 1965).
    """
    return np.asarray(weights * weights.sum() / max(float(weights @ weights), 1e-12))


def _weights_of_binomial_recall(weights: Floats, tagged: Bools, interval: Interval) -> Floats:
    """Scale the weights of passages with a label down until recall has this 95% interval.

    Their sum is then the number of draws by which a binomial rate is known as well.
    """
    standard_error = (interval.high - interval.low) / (2 * NORMAL_975)
    size = float(weights.sum())
    recall = float(weights @ tagged) / size if size else 0.0
    if not standard_error > 0 or not 0 < recall < 1:  # NaN too
        return weights
    draws = recall * (1 - recall) / standard_error**2
    return weights * min(1.0, draws / size)


def error_table_on_fixed_set(model: EncoderModel, fixed: FixedSet) -> dict[str, object] | None:
    """Count right and wrong predictions on the passages of a fixed set that stand for others.

    They are weighted to match whole reports. None if there are none.
    """
    part = fixed.take(fixed.stood_for > 0)
    if not len(part.y_true):
        return None
    families = [family.decode() for family in part.families.tolist()]
    scores = logistic(model.heads.logits(part.pooled) * model.scale + model.shift)
    y_pred: dict[str, Bools] = {
        policy: apply_thresholds(scores, np.array(model.thresholds[policy])) for policy in POLICIES
    }
    predictions = HeldOutPredictions(
        y_true=part.y_true,
        scores=scores,
        y_pred=y_pred,
        groups=part.groups,
        weights=weights_within_families(families, part.stood_for),
    )
    return error_table(predictions, masks_of_report_kinds(families, predictions.weights))


def _error_table_counts(
    y_true: Bools, y_pred: Bools, weights: Floats
) -> dict[str, dict[str, float]]:
    """Sum the weights (n, 3) of true and false positives and negatives, by label."""
    cells = {
        "tp": y_true & y_pred,
        "fn": y_true & ~y_pred,
        "fp": ~y_true & y_pred,
        "tn": ~y_true & ~y_pred,
    }
    return {
        label: {name: round(float(weights[:, j] @ cell[:, j]), 3) for name, cell in cells.items()}
        for j, label in enumerate(LABELS)
    }


def _error_table_histogram(has: Bools, scores: Floats, weights: Floats) -> dict[str, list[float]]:
    """Sum the weights of the passages with and without one label, by bin of its probability."""
    step = np.minimum((scores * _BINS).astype(int), _BINS - 1)

    def sum_weights_by_bin(chosen: Bools) -> list[float]:
        sums: list[float] = (
            np.bincount(step[chosen], weights[chosen], minlength=_BINS).round(4).tolist()
        )
        return sums

    return {"with": sum_weights_by_bin(has), "without": sum_weights_by_bin(~has)}
