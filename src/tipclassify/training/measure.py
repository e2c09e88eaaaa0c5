"""Measure a trained model on passages that it did not learn.

`Predictions` of rows come in. Out go the figures of ``model.json`` and of the model's card: metrics
of each part of the passages, with bootstrap intervals, operating points, and the table of errors by
which `summary` adjusts its counts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from itertools import pairwise
from typing import Final

import numpy as np

from tipclassify.arrays import NORMAL_975, Bools, Floats, Ints
from tipclassify.corpus.holdout import REPORT_FAMILIES
from tipclassify.corpus.rows import Row
from tipclassify.evaluation.bootstrap import Interval, Intervals, intervals
from tipclassify.evaluation.metrics import Metrics, measure, rounded_metric
from tipclassify.labels import POLICIES
from tipclassify.model.encoder.files import EncoderModel
from tipclassify.model.scoring import apply_thresholds
from tipclassify.reports.adjust import FEWEST_POSITIVES
from tipclassify.training.calibration import Calibrated
from tipclassify.training.examples import (
    TABLE_ROWS,
    bootstrap_groups,
    family_weights,
    kinds_of_rows,
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

KINDS: Final = {**FAMILIES, TABLE_ROWS: "rows of tables"}
"""Name of each kind of real text (`examples.kinds_of_rows`) in the card."""

TAG_BINS: Final = (0.1, 0.3, 0.5, 0.7, 0.9, 1.0)
"""Edges of the bins of probability in which each kind's reliability is measured."""

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
"""By label: the threshold, the numbers of passages that have it (``support``) and that get it
(``tagged``), and precision and recall, each with both ends of its interval."""


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
    """Measure the whole first, then kinds of text and of section, then invented passages.

    The whole is the real passages, or all where none is real. `thresholds`, (labels,), are those of
    ``balanced``.
    """
    real = real_mask(rows)
    masks = {"real passages": real} if real.any() else {"all passages": ~real}
    kinds = np.array(kinds_of_rows(rows), str)
    sections = np.array([_section_kind(row) for row in rows])
    for kind, name in KINDS.items():
        masks[name] = kinds == kind
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


def take_kinds(predictions: Predictions, kinds: Sequence[str]) -> dict[str, Predictions]:
    """Return the predictions of each kind of text, by its name in the card.

    `kinds`, of length n, are those of `examples.kinds_of_rows`. Passages of a kind of which nobody
    drew a sample of whole reports weigh nothing, and count once here. Kinds without a label of
    `FEWEST_POSITIVES` passages are left out: no figure of theirs would say anything.
    """
    of_kinds = {}
    for kind, name in KINDS.items():
        part = predictions.take(np.array([each == kind for each in kinds], bool))
        if (part.y_true.sum(axis=0) < FEWEST_POSITIVES).all():
            continue
        if not part.weights.any():
            part = replace(part, weights=np.ones(len(part.weights)))
        of_kinds[name] = part
    return of_kinds


def tag_reliability(predictions: Predictions) -> list[tuple[int, float, float]]:
    """Measure how often scores come true, over all labels, in each of the `TAG_BINS`.

    A bin has the number of scores in it, their mean, and the share of them whose passage has the
    label; both means are weighted, and NaN for none.
    """
    weights = np.repeat(predictions.weights[:, None], predictions.y_true.shape[1], axis=1)
    bins = []
    for low, high in pairwise(TAG_BINS):
        chosen = (predictions.scores >= low) & (predictions.scores < high)
        if high == TAG_BINS[-1]:
            chosen |= predictions.scores >= high
        total = float(weights[chosen].sum()) or math.nan
        mean = float((weights * predictions.scores)[chosen].sum()) / total
        share = float((weights * predictions.y_true)[chosen].sum()) / total
        bins.append((int(chosen.sum()), mean, share))
    return bins


# -------------------------------------------------------------------- operating points and errors


def operating_points(
    predictions: Predictions, policy: str, thresholds: Floats, seed: int
) -> PointFigures:
    """Compute precision and recall of each label under a policy, with their 95% intervals."""
    y_true = predictions.y_true
    weights = predictions.weights
    y_pred = predictions.y_pred[policy]
    hits = weights @ (y_true & y_pred)
    with np.errstate(invalid="ignore"):  # NaN of nothing
        precisions = hits / (weights @ y_pred)
        recalls = hits / (weights @ y_true)
    drawn = intervals(y_true, y_pred, predictions.groups, seed=seed, weights=weights)
    support = y_true.sum(axis=0).tolist()
    tagged = y_pred.sum(axis=0).tolist()
    points: PointFigures = {}
    for j, interval in enumerate(drawn.labels):
        figures = {"precision": precisions, "recall": recalls}
        points[interval.label] = {
            "threshold": rounded_metric(float(thresholds[j])),
            "support": support[j],
            "tagged": tagged[j],
            **{
                name: rounded_metric([float(values[j]), *astuple(getattr(interval, name))])
                for name, values in figures.items()
            },
        }
    return points


def error_table(predictions: Predictions, kinds: Sequence[str] | None = None) -> dict[str, object]:
    """Count right and wrong predictions, by which `summary` adjusts its counts of sentences.

    With `kinds` of text, of length n, rows of tables are left out, since `summary` counts them by
    themselves, and each kind of report has a table of its own under ``kinds``: what is rare and
    hard to tell in one fills another. Kinds whose passages weigh nothing have none.
    """
    if kinds is None:
        return _error_rates(predictions)
    kind = np.array(kinds, str)
    table = _error_rates(predictions.take(kind != TABLE_ROWS))
    of_kinds = {}
    for family in REPORT_FAMILIES:
        part = predictions.take(kind == family)
        if part.weights.any():
            of_kinds[FAMILIES[family]] = _error_rates(part)
    return {**table, "kinds": of_kinds}


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
    return error_table(predictions, families)


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
        lacks = ~has & ~np.isnan(predictions.scores[:, j])  # else unknown
        weights = np.zeros(len(has))
        weights[lacks] = _effective_weights(predictions.weights[lacks])
        weights[has] = _weights_of_binomial_recall(
            _effective_weights(predictions.weights[has]), y_pred[has, j], interval.recall
        )
        for policy in POLICIES:
            tagged = predictions.y_pred[policy][:, j]
            cells = {"tp": has & tagged, "fn": has & ~tagged, "fp": lacks & tagged}
            cells["tn"] = lacks & ~tagged
            policies[policy][interval.label] = {
                name: round(float(weights @ cell), 3) for name, cell in cells.items()
            }
        step = np.minimum((np.nan_to_num(predictions.scores[:, j]) * _BINS).astype(int), _BINS - 1)
        histogram[interval.label] = {
            name: np.bincount(step[chosen], weights[chosen], _BINS).round(4).tolist()
            for name, chosen in (("with", has), ("without", lacks))
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
