"""How good the tags are: per-label precision, recall, F1, average precision and calibration error.

Shapes: `truth` and `given` are bool (n, 3), `scores` probabilities (n, 3), columns in the order of ``LABELS``.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tipclassify.labels import LABELS

__all__ = ["LabelMetrics", "Metrics", "calibration_error", "measure", "metrics_table"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class LabelMetrics:
    """Figures of one label, each 0 to 1 but `support`, the number of passages that have it."""

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
    """Figures of one evaluation.

    Attributes
    ----------
    macro_f1 : float
        Mean F1 of the labels that occur.
    exact_match : float
        Share of passages whose set of labels is wholly right.
    """

    passages: int
    macro_f1: float
    exact_match: float
    labels: tuple[LabelMetrics, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, rounded to four decimals; a figure that is not defined is None."""
        rounded: dict[str, Any] = _rounded(asdict(self))
        return rounded


def measure(truth: Bools, scores: Floats, given: Bools, thresholds: Floats) -> Metrics:
    """Compare labels given with the truth.

    >>> truth = np.array([[True, False, False], [False, True, False]])
    >>> m = measure(truth, truth * 0.8 + 0.1, truth, np.full(3, 0.5))
    >>> m.exact_match, m.labels[0].f1, m.labels[2].support
    (1.0, 1.0, 0)
    """
    from sklearn.metrics import average_precision_score, precision_recall_fscore_support

    precision, recall, f1, support = precision_recall_fscore_support(truth, given, average=None, zero_division=0)
    labels = tuple(
        LabelMetrics(
            label,
            float(precision[j]),
            float(recall[j]),
            float(f1[j]),
            int(support[j]),
            float(average_precision_score(truth[:, j], scores[:, j])) if support[j] else float("nan"),
            float(thresholds[j]),
            calibration_error(truth[:, j], scores[:, j]),
        )
        for j, label in enumerate(LABELS)
    )
    occurring = [row.f1 for row in labels if row.support]
    macro = float(np.mean(occurring)) if occurring else float("nan")
    return Metrics(len(truth), macro, float((truth == given).all(axis=1).mean()), labels)


def calibration_error(truth: Bools, scores: Floats, bins: int = 10) -> float:
    """Expected calibration error over equal-width bins (Naeini, Cooper and Hauskrecht 2015, AAAI).

    >>> calibration_error(np.array([True, False]), np.array([1.0, 0.0]))
    0.0
    """
    which = np.minimum((scores * bins).astype(int), bins - 1)
    error = 0.0
    for b in np.unique(which):
        here = which == b
        error += here.mean() * abs(float(scores[here].mean()) - float(truth[here].mean()))
    return float(error)


def metrics_table(metrics: Metrics, title: str) -> str:
    """The figures as aligned plain text, one row a label."""
    columns = ("label", "precision", "recall", "F1", "support", "avg precision", "threshold", "ECE")
    rows = [
        (
            row.label,
            *(f"{value:.3f}" for value in (row.precision, row.recall, row.f1)),
            str(row.support),
            *(f"{value:.3f}" for value in (row.average_precision, row.threshold, row.calibration_error)),
        )
        for row in metrics.labels
    ]
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    lines = [
        "  ".join(
            cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in (columns, *rows)
    ]
    closing = f"macro-F1 {metrics.macro_f1:.3f}   exact match {metrics.exact_match:.3f}   passages {metrics.passages}"
    return "\n".join([title, *lines, closing])


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return None if np.isnan(value) else round(value, 4)
    if isinstance(value, dict):
        return {key: _rounded(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(entry) for entry in value]
    return value
