"""Measure a trained model on passages that it did not learn.

`Predictions` of rows come in. Out go the figures of ``model.json`` and of the model's card: metrics
of each part of the passages, with bootstrap intervals, operating points, and the table of errors by
which `summary` adjusts its counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Final

import numpy as np

from tipclassify.arrays import NORMAL_975, Bools, Floats, Ints
from tipclassify.corpus.holdout import REPORT_FAMILIES, source_family
from tipclassify.corpus.rows import Row
from tipclassify.evaluation.bootstrap import Interval, Intervals, intervals
from tipclassify.evaluation.metrics import Metrics, measure, rounded_metric
from tipclassify.labels import POLICIES
from tipclassify.model.encoder.files import EncoderModel
from tipclassify.model.scoring import apply_thresholds
from tipclassify.training.calibration import Calibrated
from tipclassify.training.examples import (
    bootstrap_groups,
    family_weights,
    label_matrix,
    real_mask,
)
from tipclassify.training.fixed_set import FixedSet, false_tag_rate
from tipclassify.training.heads import probabilities

FAMILIES: Final = {
    "hrr": "human-rights reports",
    "dol": "Department of Labor reports",
    "factbook": "World Factbook entries",
    "un": "United Nations documents",
    "parliament": "parliaments' debates",
    "executive": "governments' press releases",
    "statute": "statutes",
    "company": "companies' statements",
}
"""Name of each family of real reports in the card."""

_SECTIONS: Final = {
    "traffick": "sections on trafficking",
    "forced": "sections on forced labor",
    "child labor": "sections on child labor",
    "child soldier": "sections on child labor",
    "children": "sections on children",
    "": "other sections",
}  # by a word of the heading; the first match wins
_NO_HEADING: Final = "no heading"
_BINS: Final = 1_000  # histogram bins of probability: thresholds of the recall policy lie near 0.01


PointFigures = dict[str, dict[str, object]]
"""By label: the threshold, and precision and recall, each with both ends of its interval."""


@dataclass(frozen=True)
class Predictions:
    """What a model says of passages that it did not learn, as arrays of one length n."""

    y_true: Bools  # (n, labels)
    scores: Floats  # (n, labels)
    y_pred: Mapping[str, Bools]  # by policy, each (n, labels)
    groups: Ints  # (n,), which the bootstrap draws whole
    weights: Floats  # (n,), passages of whole reports that each stands for

    @classmethod
    def of(
        cls,
        rows: Sequence[Row],
        scores: Floats,
        thresholds: Mapping[str, Floats],
        calibrated: Calibrated | None = None,
    ) -> Predictions:
        """Predict the labels of rows by their scores, (n, labels), and thresholds by policy.

        The cross-fitted predictions of `calibrated` are those of all rows, or of the real ones.
        """
        scores = scores.copy()
        y_pred: dict[str, Bools] = {
            policy: apply_thresholds(scores, thresholds[policy]) for policy in POLICIES
        }
        if calibrated:
            crossed = np.ones(len(rows), bool)
            if len(calibrated.scores) < len(rows):
                crossed = real_mask(rows)
            scores[crossed] = calibrated.scores
            for policy in POLICIES:
                y_pred[policy][crossed] = calibrated.y_pred[policy]
        groups = bootstrap_groups(rows)
        return cls(label_matrix(rows), scores, y_pred, groups, np.ones(len(rows)))

    def take(self, chosen: Bools) -> Predictions:
        """Return those of a mask, bool (n,)."""
        return Predictions(
            y_true=self.y_true[chosen],
            scores=self.scores[chosen],
            y_pred={policy: labels[chosen] for policy, labels in self.y_pred.items()},
            groups=self.groups[chosen],
            weights=self.weights[chosen],
        )


# ------------------------------------------------------------------------------------------ parts


@dataclass(frozen=True)
class Part:
    """Metrics on a part of the held-out passages."""

    name: str
    metrics: Metrics
    intervals: Intervals
    # of the passages without a label; a false alarm is one that gets a label
    unlabelled: int
    false_alarm_rate: float  # NaN where each passage has a label
    false_alarm_interval: Interval

    @property
    def false_alarms(self) -> str:
        """The rate of false alarms, with its interval and the number of passages."""
        if not self.unlabelled:
            return "–"
        between = ""
        low, high = 100 * self.false_alarm_interval.low, 100 * self.false_alarm_interval.high
        if not np.isnan(low):
            between = f" [{low:.1f}, {high:.1f}]"
        return f"{self.false_alarm_rate:.1%}{between} of {self.unlabelled:,}"


def measure_parts(
    rows: Sequence[Row], predictions: Predictions, thresholds: Floats, seed: int
) -> list[Part]:
    """Measure the whole first, then kinds of report and of section, then invented passages.

    The whole is the real passages, or all where none is real. `thresholds`, (labels,), are those of
    ``balanced``.
    """
    real = real_mask(rows)
    masks = {"real passages": real} if real.any() else {"all passages": ~real}
    reports = np.array([FAMILIES.get(str(source_family(row.get("doc"))), "") for row in rows])
    sections = np.array([_section_kind(row) for row in rows])
    for name in FAMILIES.values():
        masks[name] = reports == name
    for name in dict.fromkeys([*_SECTIONS.values(), _NO_HEADING]):
        masks[name] = real & (sections == name)
    if real.any():
        masks["invented passages"] = ~real
    return [
        _measure_part(name, predictions.take(mask), thresholds, seed)
        for name, mask in masks.items()
        if mask.any()
    ]


def _section_kind(row: Row) -> str:
    heading = str(row.get("section") or "").lower()
    if not heading:
        return _NO_HEADING
    return next(kind for word, kind in _SECTIONS.items() if word in heading)


def _measure_part(name: str, predictions: Predictions, thresholds: Floats, seed: int) -> Part:
    y_true = predictions.y_true
    y_pred = predictions.y_pred["balanced"]
    groups = predictions.groups
    # A false alarm is what is not an exact match, of passages without a label.
    unlabelled = ~y_true.any(axis=1)
    right = intervals(
        y_true[unlabelled], y_pred[unlabelled], groups[unlabelled], seed=seed
    ).exact_match
    return Part(
        name=name,
        metrics=measure(y_true, predictions.scores, y_pred, thresholds),
        intervals=intervals(y_true, y_pred, groups, seed=seed),
        unlabelled=int(unlabelled.sum()),
        false_alarm_rate=false_tag_rate(y_true, y_pred),
        false_alarm_interval=Interval(1 - right.high, 1 - right.low),
    )


def kind_masks(families: Sequence[str | None], weights: Floats) -> dict[str, Bools]:
    """Return the mask of each kind of report, bool (n,), by its name in the card.

    Kinds whose passages have no weight are left out.
    """
    masks = {}
    for family in REPORT_FAMILIES:
        mask = np.array([name == family for name in families], bool)
        if weights[mask].any():
            masks[FAMILIES[family]] = mask
    return masks


# -------------------------------------------------------------------- operating points and errors


def operating_points(
    predictions: Predictions, policy: str, thresholds: Floats, seed: int
) -> PointFigures:
    """Compute precision and recall of each label under a policy, with their 95% intervals."""
    y_true = predictions.y_true
    weights = predictions.weights
    y_pred = predictions.y_pred[policy]
    hits = weights @ (y_true & y_pred)
    precisions = hits / np.maximum(1e-9, weights @ y_pred)
    recalls = hits / np.maximum(1e-9, weights @ y_true)
    drawn = intervals(y_true, y_pred, predictions.groups, seed=seed, weights=weights)
    points: PointFigures = {}
    for j, interval in enumerate(drawn.labels):
        figures = {"precision": precisions, "recall": recalls}
        points[interval.label] = {
            "threshold": rounded_metric(float(thresholds[j])),
            **{
                name: rounded_metric([float(values[j]), *astuple(getattr(interval, name))])
                for name, values in figures.items()
            },
        }
    return points


def error_table(
    predictions: Predictions, kinds: Mapping[str, Bools] | None = None
) -> dict[str, object]:
    """Count right and wrong predictions, by which `summary` adjusts its counts.

    With masks of `kinds` of report, bool (n,), each kind has a table of its own under ``kinds``,
    since they differ: what is rare and hard to tell in one fills another.
    """
    table = _error_rates(predictions)
    if kinds:
        table["kinds"] = {
            kind: _error_rates(predictions.take(mask)) for kind, mask in kinds.items()
        }
    return table


def fixed_error_table(model: EncoderModel, fixed: FixedSet) -> dict[str, object] | None:
    """Count right and wrong predictions on the passages of a fixed set that stand for others.

    They are weighted to match whole reports. None if there are none.
    """
    part = fixed.take(fixed.stood_for > 0)
    if not len(part.y_true):
        return None
    families = [family.decode() for family in part.families.tolist()]
    weights = family_weights(families, part.stood_for)
    scores = probabilities(model, model.heads.logits(part.pooled))
    y_pred: dict[str, Bools] = {
        policy: apply_thresholds(scores, np.array(model.thresholds[policy])) for policy in POLICIES
    }
    predictions = Predictions(part.y_true, scores, y_pred, part.groups, weights)
    return error_table(predictions, kind_masks(families, weights))


def _error_rates(predictions: Predictions) -> dict[str, object]:
    """Count right and wrong predictions by policy and label, and passages by probability.

    Weights are scaled to sum to effective sample sizes: ``passages`` that of all; in the rest
    passages with a label and those without it count for theirs. Those with a label are worth fewer
    where the bootstrap, which draws countries whole, gives recall a wider interval. ``histogram``
    counts them by probability, in bins of 0.001.
    """
    y_true = predictions.y_true
    y_pred = predictions.y_pred["balanced"]
    drawn = intervals(y_true, y_pred, predictions.groups, weights=predictions.weights)
    policies: dict[str, dict[str, dict[str, float]]] = {policy: {} for policy in POLICIES}
    histogram: dict[str, dict[str, list[float]]] = {}
    for j, interval in enumerate(drawn.labels):
        has = y_true[:, j]
        weights = np.zeros(len(has))
        weights[~has] = _effective_weights(predictions.weights[~has])
        weights[has] = _weights_of_binomial_recall(
            _effective_weights(predictions.weights[has]), y_pred[has, j], interval.recall
        )
        for policy in POLICIES:
            tagged = predictions.y_pred[policy][:, j]
            cells = {"tp": has & tagged, "fn": has & ~tagged, "fp": ~has & tagged}
            cells["tn"] = ~has & ~tagged
            policies[policy][interval.label] = {
                name: round(float(weights @ cell), 3) for name, cell in cells.items()
            }
        step = np.minimum((predictions.scores[:, j] * _BINS).astype(int), _BINS - 1)
        histogram[interval.label] = {
            name: np.bincount(step[chosen], weights[chosen], _BINS).round(4).tolist()
            for name, chosen in (("with", has), ("without", ~has))
        }
    return {
        "passages": round(float(_effective_weights(predictions.weights).sum()), 1),
        "policies": policies,
        "histogram": histogram,
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
