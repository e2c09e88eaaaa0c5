"""Compute the metrics of each label, and evaluate a model by them.

Metrics are precision, recall, F1, average precision and calibration.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass
from itertools import combinations
from typing import Any, Final

import numpy as np

from tipclassify.arrays import Bools, Floats, Ints
from tipclassify.corpus.given import labelled_passages
from tipclassify.evaluation.bootstrap import Intervals, intervals, intervals_table
from tipclassify.formatting import format_columns, format_value
from tipclassify.labels import LABELS, Policy
from tipclassify.model.classifier import Classifier
from tipclassify.model.scoring import apply_thresholds

_BINS: Final = 10  # of equal width, for reliability and calibration error


@dataclass(frozen=True, slots=True)
class LabelMetrics:
    """Metrics of one label, each 0 to 1, and its `support`, the number of true passages."""

    label: str
    precision: float
    recall: float
    f1: float
    support: int
    average_precision: float
    threshold: float
    calibration_error: float


@dataclass(frozen=True, slots=True)
class Metrics:
    """Metrics of one evaluation; `macro_f1` is the mean over the labels that occur."""

    passages: int
    macro_f1: float
    exact_match: float
    labels: tuple[LabelMetrics, ...]

    def to_dict(self) -> dict[str, object]:
        """Return plain values for JSON, rounded to four decimals; an undefined metric is None."""
        return dict(rounded_metric(asdict(self)))


def measure(
    y_true: Bools,
    scores: Floats,
    y_pred: Bools,
    thresholds: Floats,
    labels: Sequence[str] = LABELS,
) -> Metrics:
    """Compute the metrics of predicted labels.

    `y_true` and `y_pred` are bool (n, labels), `scores` probabilities (n, labels), `thresholds`
    (labels,). Where a label is unknown its score is NaN, and both others are false. A metric of
    nothing is NaN.

    >>> y_true = np.array([[True, False, False], [False, True, False]])
    >>> m = measure(y_true, y_true * 0.8 + 0.1, y_true, np.full(3, 0.5))
    >>> m.exact_match, m.labels[0].f1, m.labels[2].support
    (1.0, 1.0, 0)
    """
    rows = []
    for j, label in enumerate(labels):
        hits = int((y_true[:, j] & y_pred[:, j]).sum())
        predicted = int(y_pred[:, j].sum())
        support = int(y_true[:, j].sum())
        average_precision = float("nan")
        known = ~np.isnan(scores[:, j])
        if support:
            average_precision = _average_precision(y_true[known, j], scores[known, j])
        rows.append(
            LabelMetrics(
                label=label,
                precision=hits / predicted if predicted else float("nan"),
                recall=hits / support if support else float("nan"),
                f1=2 * hits / (predicted + support) if support else float("nan"),
                support=support,
                average_precision=average_precision,
                threshold=float(thresholds[j]),
                calibration_error=calibration_error(y_true[:, j], scores[:, j]),
            )
        )
    occurring = [row.f1 for row in rows if row.support]
    return Metrics(
        passages=len(y_true),
        macro_f1=float(np.mean(occurring)) if occurring else float("nan"),
        exact_match=float((y_true == y_pred).all(axis=1).mean()),
        labels=tuple(rows),
    )


def reliability(y_true: Bools, scores: Floats) -> Floats:
    """Compute the reliability diagram of one label, (10, 3) (DeGroot and Fienberg 1983).

    Each row is of a tenth of the range of probabilities: the passages there, their mean
    probability, and the share of them that has the label; NaN without passages.

    >>> reliability(np.array([True, False]), np.array([0.6, 0.62]))[5:7].round(2).tolist()
    [[0.0, nan, nan], [2.0, 0.61, 0.5]]
    """
    known = ~np.isnan(scores)
    y_true = y_true[known]
    scores = scores[known]
    step = np.minimum((scores * _BINS).astype(int), _BINS - 1)
    passages = np.bincount(step, minlength=_BINS)
    sums = np.stack([np.bincount(step, values, _BINS) for values in (scores, y_true)], axis=1)
    with np.errstate(invalid="ignore"):
        return np.column_stack([passages, sums / passages[:, None]])


def _average_precision(y_true: Bools, scores: Floats) -> float:
    """Sum the precision at each distinct score, weighted by the recall that it adds."""
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.diff(scores[order]) != 0, True)  # of equal scores
    hits = np.cumsum(y_true[order])[last]
    precision = hits / (np.flatnonzero(last) + 1)
    return float(np.diff(hits, prepend=0) @ precision / hits[-1])


def calibration_error(y_true: Bools, scores: Floats) -> float:
    """Compute the expected calibration error of one label (Naeini et al. 2015, AAAI).

    >>> calibration_error(np.array([True, False]), np.array([1.0, 0.0]))
    0.0
    """
    passages, mean_probability, share_true = reliability(y_true, scores).T
    if not passages.any():
        return float("nan")
    return float(np.nansum(passages * np.abs(mean_probability - share_true)) / passages.sum())


def contrast_pair_accuracy(
    sets: Sequence[str | None], y_true: Bools, y_pred: Bools
) -> tuple[int, int]:
    """Count the contrast pairs whose labels are right on both sides, and all contrast pairs.

    A pair is two near-identical passages with different labels. `sets` has the contrast set of each
    passage, or None (Gardner et al. 2020, arXiv:2004.02709).

    >>> y_true = np.array([[True, False, False], [False, True, False], [True, False, False]])
    >>> contrast_pair_accuracy(["a", "a", None], y_true, y_true)
    (1, 1)
    """
    members: defaultdict[str, list[int]] = defaultdict(list)
    for number, name in enumerate(sets):
        if name:
            members[name].append(number)
    is_right = (y_true == y_pred).all(axis=1)
    right = 0
    pairs = 0
    for passages in members.values():
        for a, b in combinations(passages, 2):
            if (y_true[a] != y_true[b]).any():
                pairs += 1
                if is_right[a] and is_right[b]:
                    right += 1
    return right, pairs


def metrics_table(metrics: Metrics, title: str) -> str:
    """Format the metrics as aligned plain text, one row for each label."""
    columns = ("label", "precision", "recall", "F1", "support", "avg precision", "threshold", "ECE")
    rows = []
    for row in metrics.labels:
        values = astuple(row)
        rows.append(
            [str(value) if isinstance(value, int) else format_value(value) for value in values]
        )
    closing = (
        f"macro-F1 {metrics.macro_f1:.3f}   exact match {metrics.exact_match:.3f}   "
        f"passages {metrics.passages}"
    )
    return "\n".join([title, *format_columns([columns, *rows]), closing])


def rounded_metric(value: Any) -> Any:  # of any JSON type; the result has the same shape
    """Convert to plain values for JSON: floats to four decimals, NaN to None, tuples to lists.

    >>> rounded_metric({"f1": 0.123456, "recall": float("nan"), "labels": ("failure",)})
    {'f1': 0.1235, 'recall': None, 'labels': ['failure']}
    """
    if isinstance(value, float):
        return None if np.isnan(value) else round(value, 4)
    if isinstance(value, dict):
        return {key: rounded_metric(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [rounded_metric(entry) for entry in value]
    return value


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Metrics of a model on labelled passages; its text is a table of them."""

    metrics: Metrics
    intervals: Intervals | None  # 95%, by bootstrap over groups; None without draws
    policy: Policy
    model: str  # SHA-256

    @property
    def macro_f1(self) -> float:
        """Mean F1 of the labels that occur."""
        return self.metrics.macro_f1

    def __str__(self) -> str:
        return self.table("all passages")

    def table(self, title: str) -> str:
        """Format metrics and intervals as aligned plain text."""
        table = metrics_table(self.metrics, title)
        return table if self.intervals is None else f"{table}\n{intervals_table(self.intervals)}"


def evaluate(
    X: object,
    y: object = None,
    *,
    model: str | os.PathLike[str] | Classifier | None = None,
    policy: Policy = "balanced",
    groups: object = None,
    draws: int = 1_000,
    seed: int = 0,
) -> Evaluation:
    """Measure a model on passages whose labels are known.

    Parameters
    ----------
    X : passages, or a dataset of `load_corpus`
        `str` or `Passage`, in a list or a column (n,); of a dataset, `y` and `groups` may be
        omitted.
    y : labels
        Label names of each passage, or an indicator matrix or table (n, labels of the model).
    model : name, path or Classifier, optional
        As of `classify`.
    policy : str
        Operating point: ``"screen"``, ``"balanced"`` or ``"cite"``.
    groups : values, optional
        Group of each passage (n,), such as its report: the bootstrap draws groups whole. By
        default equal texts.
    draws, seed : int
        Draws of the bootstrap, 0 for no intervals, and their seed.

    Returns
    -------
    Evaluation

    Raises
    ------
    TypeError, ValueError
        When passages or labels have no clear meaning, lengths differ, there are none, the policy
        is unknown, or `draws` is below 0.
    ModelError
        When the model cannot be used.

    Examples
    --------
    >>> texts = ["Courts convicted nine traffickers."]
    >>> evaluation = evaluate(texts, [["positive_effort"]], draws=0)
    >>> evaluation.macro_f1, evaluation.metrics.passages
    (1.0, 1)
    """
    if draws < 0:
        raise ValueError(f"draws is {draws}: give 0 or more")
    classifier = model if isinstance(model, Classifier) else Classifier.load(model)
    known = labelled_passages(X, y, groups, classifier.labels)
    if not known.passages:
        raise ValueError("no passages: give at least one")
    scores = np.where(known.known, classifier.predict_proba(known.passages), np.nan)
    return evaluate_scores(classifier, known.y_true, scores, policy, known.groups, draws, seed)


def evaluate_scores(
    classifier: Classifier,
    y_true: Bools,
    scores: Floats,
    policy: Policy,
    groups: Ints,
    draws: int,
    seed: int,
) -> Evaluation:
    """Measure a model by its probabilities, (n, labels), of passages in `groups`, (n,).

    A score is NaN where the label is unknown.
    """
    thresholds = classifier.thresholds(policy)
    y_pred = apply_thresholds(scores, thresholds)
    labels = classifier.labels
    metrics = measure(y_true, scores, y_pred, thresholds, labels)
    drawn = intervals(y_true, y_pred, groups, draws, seed, labels=labels) if draws else None
    return Evaluation(metrics, drawn, policy, str(classifier.meta.get("sha256", "")))
