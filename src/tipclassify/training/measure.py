"""Measure a trained model on passages that it did not learn.

Rows and the scores that the model gives them come in; `Evidence` goes out, of which the model's
card is written, and the figures of its ``model.json``: metrics of each part of the passages, with
bootstrap intervals, operating points, what a probability means, and the table of errors by which
`summary` adjusts its counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from tipclassify.arrays import NORMAL_975, Bools, Floats, Ints
from tipclassify.corpus.holdout import REPORT_FAMILIES, is_real, source_family
from tipclassify.corpus.rows import Row
from tipclassify.evaluation.behaviours import RuleResult, default_cases_path, run_cases
from tipclassify.evaluation.bootstrap import Interval, Intervals, intervals
from tipclassify.evaluation.metrics import (
    Metrics,
    ReliabilityBin,
    contrast_pair_accuracy,
    measure,
    reliability,
    rounded_metric,
)
from tipclassify.labels import LABELS, POLICIES
from tipclassify.model.classifier import Classifier
from tipclassify.model.encoder.files import EncoderModel
from tipclassify.model.scoring import apply_thresholds
from tipclassify.training.calibration import Calibrated
from tipclassify.training.examples import bootstrap_groups, family_weights, label_matrix
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

    def take(self, chosen: Bools) -> Predictions:
        """Return those of a mask, bool (n,)."""
        return Predictions(
            y_true=self.y_true[chosen],
            scores=self.scores[chosen],
            y_pred={policy: labels[chosen] for policy, labels in self.y_pred.items()},
            groups=self.groups[chosen],
            weights=self.weights[chosen],
        )


@dataclass(frozen=True)
class FalseAlarms:
    """How many passages without a label get one; rate and interval are NaN where each has one."""

    passages: int  # without a label
    rate: float  # share of these that get one
    interval: Interval

    def __str__(self) -> str:
        if not self.passages:
            return "–"
        between = ""
        if not np.isnan(self.interval.low):
            between = f" [{100 * self.interval.low:.1f}, {100 * self.interval.high:.1f}]"
        return f"{self.rate:.1%}{between} of {self.passages:,}"


@dataclass(frozen=True)
class Part:
    """Metrics on a part of the held-out passages."""

    name: str
    metrics: Metrics
    intervals: Intervals
    false_alarms: FalseAlarms


@dataclass(frozen=True)
class Evidence:
    """How good a model is on passages that it did not learn."""

    real: bool  # whether real passages measured it
    weighted: bool  # whether these are weighted to match whole reports
    # whether thresholds were chosen on other documents than those that they are judged by
    cross_fitted: bool
    parts: Sequence[Part]  # all first
    points: Mapping[str, PointFigures]  # by policy
    points_by_kind: Mapping[str, PointFigures]  # at ``balanced``, by kind of report
    reliability: Sequence[Sequence[ReliabilityBin]]  # by bin, then by label
    contrast_pairs: tuple[int, int]  # those with both sides right, and all
    behaviours: Sequence[RuleResult]
    error_table: Mapping[str, object]


def measure_model(
    classifier: Classifier,
    rows: Sequence[Row],
    scores: Floats,
    *,
    calibrated: Calibrated | None = None,
    weights: Floats | None = None,
    seed: int = 0,
    cases: bool = True,
) -> Evidence:
    """Measure a model on rows that it did not learn, by its probabilities `scores`, (n, labels).

    The main figures are of the real rows, or of all where none is real. `calibrated` has
    cross-fitted predictions of these or of all rows, `weights` match the real ones to whole
    reports. Without `cases` no behavioural tests are run: with an encoder they take longer than
    fitting its heads.
    """
    real = np.array([is_real(row) for row in rows], bool)
    chosen = real if real.any() else np.ones(len(rows), bool)
    predictions = _predictions(classifier, rows, scores, chosen, calibrated)
    measured = predictions.take(chosen)
    kinds: dict[str, Bools] = {}
    if weights is not None:
        measured = replace(measured, weights=weights)
        families = [source_family(row.get("doc")) for row in rows if is_real(row)]
        kinds = kind_masks(families, weights)
    balanced = classifier.thresholds("balanced")
    columns = zip(measured.y_true.T, measured.scores.T, strict=True)
    by_label = [reliability(has, probabilities) for has, probabilities in columns]
    return Evidence(
        real=bool(real.any()),
        weighted=weights is not None,
        cross_fitted=calibrated is not None,
        parts=measure_parts(rows, predictions, balanced, seed),
        points={
            policy: _operating_points(measured, policy, classifier.thresholds(policy), seed)
            for policy in POLICIES
        },
        points_by_kind={
            kind: _operating_points(measured.take(mask), "balanced", balanced, seed)
            for kind, mask in kinds.items()
        },
        reliability=list(zip(*by_label, strict=True)),
        contrast_pairs=contrast_pair_accuracy(
            [row.get("pair") for row in rows], predictions.y_true, predictions.y_pred["balanced"]
        ),
        behaviours=run_cases(classifier, default_cases_path()) if cases else [],
        error_table=error_table(measured, kinds),
    )


def _predictions(
    classifier: Classifier,
    rows: Sequence[Row],
    scores: Floats,
    measured: Bools,
    calibrated: Calibrated | None,
) -> Predictions:
    """Predict by the model's thresholds; rows that calibrated have their cross-fitted labels."""
    scores = scores.copy()
    y_pred: dict[str, Bools] = {
        policy: apply_thresholds(scores, classifier.thresholds(policy)) for policy in POLICIES
    }
    if calibrated:
        crossed = measured
        if len(calibrated.scores) == len(rows):
            crossed = np.ones(len(rows), bool)
        scores[crossed] = calibrated.scores
        for policy in POLICIES:
            y_pred[policy][crossed] = calibrated.y_pred[policy]
    return Predictions(
        y_true=label_matrix(rows),
        scores=scores,
        y_pred=y_pred,
        groups=bootstrap_groups(rows),
        weights=np.ones(len(rows)),
    )


# ------------------------------------------------------------------------------------------ parts


def measure_parts(
    rows: Sequence[Row], predictions: Predictions, thresholds: Floats, seed: int
) -> list[Part]:
    """Measure the whole first, then kinds of report and of section, then invented passages.

    The whole is the real passages, or all where none is real. `thresholds`, (labels,), are those of
    ``balanced``.
    """
    real = np.array([is_real(row) for row in rows], bool)
    masks = {"real passages": real} if real.any() else {"all passages": np.ones(len(rows), bool)}
    reports = np.array([FAMILIES.get(str(source_family(row.get("doc"))), "") for row in rows])
    sections = np.array([_section_kind(row) for row in rows])
    for name in FAMILIES.values():
        masks[name] = real & (reports == name)
    for name in dict.fromkeys([*_SECTIONS.values(), _NO_HEADING]):
        masks[name] = real & (sections == name)
    if real.any() and not real.all():
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
    # A false alarm is what is not an exact match, of passages without a label.
    unlabelled = predictions.take(np.asarray(~y_true.any(axis=1)))
    right = intervals(
        unlabelled.y_true, unlabelled.y_pred["balanced"], unlabelled.groups, seed=seed
    ).exact_match
    return Part(
        name=name,
        metrics=measure(y_true, predictions.scores, y_pred, thresholds),
        intervals=intervals(y_true, y_pred, predictions.groups, seed=seed),
        false_alarms=FalseAlarms(
            passages=len(unlabelled.y_true),
            rate=false_tag_rate(y_true, y_pred),
            interval=Interval(1 - right.high, 1 - right.low),
        ),
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


def _operating_points(
    predictions: Predictions, policy: str, thresholds: Floats, seed: int
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
    predictions = Predictions(
        y_true=part.y_true,
        scores=scores,
        y_pred={
            policy: apply_thresholds(scores, np.array(model.thresholds[policy]))
            for policy in POLICIES
        },
        groups=part.groups,
        weights=weights,
    )
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
            policy: _error_counts(y_true, predictions.y_pred[policy], weights)
            for policy in POLICIES
        },
        "histogram": {
            label: _histogram(y_true[:, j], predictions.scores[:, j], weights[:, j])
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


def _error_counts(y_true: Bools, y_pred: Bools, weights: Floats) -> dict[str, dict[str, float]]:
    """Sum the weights (n, labels) of true and false positives and negatives, by label."""
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


def _histogram(has: Bools, scores: Floats, weights: Floats) -> dict[str, list[float]]:
    """Sum the weights of the passages with and without one label, by bin of its probability."""
    step = np.minimum((scores * _BINS).astype(int), _BINS - 1)

    def sum_by_bin(chosen: Bools) -> list[float]:
        sums: list[float] = (
            np.bincount(step[chosen], weights[chosen], minlength=_BINS).round(4).tolist()
        )
        return sums

    return {"with": sum_by_bin(has), "without": sum_by_bin(~has)}
