"""How good the tags are: per-label precision, recall, F1, average precision, calibration and reliability.

How sure these figures are is `resampling`'s to say, where they are low `slices`'s.

Shapes: `truth` and `given` are bool (n, 3), `scores` probabilities (n, 3), columns in the order of ``LABELS``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from tipclassify.formatting import aligned
from tipclassify.labels import LABELS

__all__ = ["LabelMetrics", "Metrics", "ReliabilityBin"]
__all__ += ["calibration_error", "measure", "metrics_table", "reliability", "reliability_table", "rounded"]
__all__ += ["twins_right"]

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
        plain: dict[str, Any] = rounded(asdict(self))
        return plain


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Passages whose probability lies in [low, high), in the last bin [low, high].

    Attributes
    ----------
    mean_probability, share_true : float
        What the model said of them, and the share that has the label: equal for a calibrated model, NaN for no passages.
    """

    low: float
    high: float
    passages: int
    mean_probability: float
    share_true: float


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


def reliability(truth: Bools, scores: Floats, bins: int = 10) -> tuple[ReliabilityBin, ...]:
    """What was said and what was seen of one label, over equal-width bins (DeGroot and Fienberg 1983).

    Parameters
    ----------
    truth, scores : bool (n,), float (n,)
        Whether each passage has the label, and its probability.

    Examples
    --------
    >>> [(b.low, b.passages, b.share_true) for b in reliability(np.array([True, False]), np.array([0.9, 0.6]), bins=2)]
    [(0.0, 0, nan), (0.5, 2, 0.5)]
    """
    which = np.minimum((scores * bins).astype(int), bins - 1)
    table = []
    for b in range(bins):
        here = which == b
        count = int(here.sum())
        said, seen = (float(x[here].mean()) if count else float("nan") for x in (scores, truth))
        table.append(ReliabilityBin(b / bins, (b + 1) / bins, count, said, seen))
    return tuple(table)


def calibration_error(truth: Bools, scores: Floats, bins: int = 10) -> float:
    """Expected calibration error over equal-width bins (Naeini, Cooper and Hauskrecht 2015, AAAI).

    >>> calibration_error(np.array([True, False]), np.array([1.0, 0.0]))
    0.0
    """
    filled = [b for b in reliability(truth, scores, bins) if b.passages]
    return float(sum(b.passages / len(truth) * abs(b.mean_probability - b.share_true) for b in filled))


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
    closing = f"macro-F1 {metrics.macro_f1:.3f}   exact match {metrics.exact_match:.3f}   passages {metrics.passages}"
    return "\n".join([title, *aligned([columns, *rows]), closing])


def reliability_table(label: str, bins: Sequence[ReliabilityBin]) -> str:
    """The bins of one label as aligned plain text."""
    columns = ("probability", "passages", "mean probability", "share true")
    rows = [
        (
            f"{b.low:.2f}-{b.high:.2f}",
            f"{b.passages:,}",
            *(f"{x:.3f}" if b.passages else "–" for x in (b.mean_probability, b.share_true)),
        )
        for b in bins
    ]
    return "\n".join([f"reliability of {label}", *aligned([columns, *rows])])


def rounded(value: Any) -> Any:
    """Plain values for JSON: floats to four decimals, NaN as None, tuples as lists.

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


def twins_right(sets: Sequence[str | None], truth: Bools, given: Bools) -> tuple[int, int]:
    """Pairs of near twins whose labels differ: of how many both sides are wholly right, and how many there are.

    `sets` names the near-twin set of each passage, None for none. Whoever goes by the words that twins share gets one side
    wrong: this tells whether a model sees what turns a label.

    >>> truth = np.array([[True, False, False], [False, True, False], [True, False, False]])
    >>> twins_right(["a", "a", None], truth, truth)
    (1, 1)
    """
    members: dict[str, list[int]] = {}
    for number, name in enumerate(sets):
        if name:
            members.setdefault(name, []).append(number)
    right = (truth == given).all(axis=1)
    pairs = [(a, b) for twins in members.values() for a, b in combinations(twins, 2) if (truth[a] != truth[b]).any()]
    return sum(bool(right[a] and right[b]) for a, b in pairs), len(pairs)
