"""Compute metrics of each label: precision, recall, F1, average precision and calibration."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass
from itertools import combinations
from typing import Any, Final

import numpy as np

from tipclassify.arrays import Bools, Floats
from tipclassify.formatting import aligned, shown
from tipclassify.labels import LABELS

__all__ = [
    "LabelMetrics",
    "Metrics",
    "ReliabilityBin",
    "calibration_error",
    "contrast_pair_accuracy",
    "measure",
    "metrics_table",
    "reliability",
    "reliability_table",
    "rounded",
]

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

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, rounded to four decimals; an undefined metric is None."""
        return dict(rounded(asdict(self)))


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Passages of probability in [low, high); the means of an empty bin are NaN."""

    low: float
    high: float
    passages: int
    mean_probability: float
    share_true: float


def measure(y_true: Bools, scores: Floats, y_pred: Bools, thresholds: Floats) -> Metrics:
    """Compute the metrics of predicted labels.

    `y_true` and `y_pred` are bool (n, 3), `scores` probabilities (n, 3), `thresholds` (3,).

    >>> y_true = np.array([[True, False, False], [False, True, False]])
    >>> m = measure(y_true, y_true * 0.8 + 0.1, y_true, np.full(3, 0.5))
    >>> m.exact_match, m.labels[0].f1, m.labels[2].support
    (1.0, 1.0, 0)
    """
    from sklearn.metrics import average_precision_score, precision_recall_fscore_support

    columns = precision_recall_fscore_support(y_true, y_pred, average=None, zero_division=0)
    labels = []
    for j, label in enumerate(LABELS):
        precision, recall, f1, support = (column[j].item() for column in columns)
        ranked = (
            float(average_precision_score(y_true[:, j], scores[:, j])) if support else float("nan")
        )
        error = calibration_error(y_true[:, j], scores[:, j])
        labels.append(
            LabelMetrics(label, precision, recall, f1, support, ranked, float(thresholds[j]), error)
        )
    occurring = [row.f1 for row in labels if row.support]
    macro = float(np.mean(occurring)) if occurring else float("nan")
    return Metrics(len(y_true), macro, float((y_true == y_pred).all(axis=1).mean()), tuple(labels))


def reliability(y_true: Bools, scores: Floats) -> tuple[ReliabilityBin, ...]:
    """Compute the reliability diagram of one label over ten bins (DeGroot and Fienberg 1983).

    >>> bins = reliability(np.array([True, False]), np.array([0.6, 0.62]))
    >>> [(b.low, b.passages, b.share_true) for b in bins[5:7]]
    [(0.5, 0, nan), (0.6, 2, 0.5)]
    """
    which = np.minimum((scores * _BINS).astype(int), _BINS - 1)
    bins = []
    for b in range(_BINS):
        here = which == b
        means = (float(x[here].mean()) if here.any() else float("nan") for x in (scores, y_true))
        bins.append(ReliabilityBin(b / _BINS, (b + 1) / _BINS, int(here.sum()), *means))
    return tuple(bins)


def calibration_error(y_true: Bools, scores: Floats) -> float:
    """Compute the expected calibration error of one label (Naeini et al. 2015, AAAI).

    >>> calibration_error(np.array([True, False]), np.array([1.0, 0.0]))
    0.0
    """
    filled = [b for b in reliability(y_true, scores) if b.passages]
    return float(
        sum(b.passages / len(y_true) * abs(b.mean_probability - b.share_true) for b in filled)
    )


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
    right = (y_true == y_pred).all(axis=1)
    pairs = [
        (a, b)
        for passages in members.values()
        for a, b in combinations(passages, 2)
        if (y_true[a] != y_true[b]).any()
    ]
    return sum(bool(right[a] and right[b]) for a, b in pairs), len(pairs)


def metrics_table(metrics: Metrics, title: str) -> str:
    """Format the metrics as aligned plain text, one row for each label."""
    columns = ("label", "precision", "recall", "F1", "support", "avg precision", "threshold", "ECE")
    rows = [
        [str(n) if isinstance(n, int) else shown(n) for n in astuple(row)] for row in metrics.labels
    ]
    closing = (
        f"macro-F1 {metrics.macro_f1:.3f}   exact match {metrics.exact_match:.3f}   "
        f"passages {metrics.passages}"
    )
    return "\n".join([title, *aligned([columns, *rows]), closing])


def reliability_table(label: str, bins: Sequence[ReliabilityBin]) -> str:
    """Format the reliability bins of one label as aligned plain text."""
    columns = ("probability", "passages", "mean probability", "share true")
    rows = [
        (f"{b.low:.2f}-{b.high:.2f}", b.passages, b.mean_probability, b.share_true) for b in bins
    ]
    return "\n".join(
        [f"reliability of {label}", *aligned([columns, *(list(map(shown, row)) for row in rows)])]
    )


def rounded(value: Any) -> Any:
    """Convert to plain values for JSON: floats to four decimals, NaN to None, tuples to lists.

    >>> rounded({"f1": 0.123456, "recall": float("nan"), "labels": ("failure",)})
    {'f1': 0.1235, 'recall': None, 'labels': ['failure']}
    """
    if isinstance(value, float):
        return None if np.isnan(value) else round(value, 4)
    if isinstance(value, dict):
        return {key: rounded(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(entry) for entry in value]
    return value
