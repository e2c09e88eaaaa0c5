"""Compute bootstrap intervals of the metrics, and compare two models by the paired bootstrap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from tipclassify.arrays import NORMAL_975, Bools, Floats, Ints
from tipclassify.formatting import format_columns, format_value
from tipclassify.labels import LABELS

__all__ = [
    "FEW_GROUPS",
    "Difference",
    "Interval",
    "Intervals",
    "LabelIntervals",
    "ModelComparison",
    "compare",
    "comparison_table",
    "intervals",
    "intervals_table",
    "percentile_interval",
    "wilson_interval",
]

FEW_GROUPS: Final = 20
"""Number of groups below which a percentile interval is too narrow."""

Groups = Sequence[int] | Ints


@dataclass(frozen=True, slots=True)
class Interval:
    """Percentile interval, the middle 95% of the draws; NaN without draws."""

    low: float
    high: float

    def __str__(self) -> str:
        return "–" if np.isnan(self.low) else f"[{self.low:.3f}, {self.high:.3f}]"


@dataclass(frozen=True, slots=True)
class LabelIntervals:
    """Intervals of one label's metrics."""

    label: str
    precision: Interval
    recall: Interval
    f1: Interval


@dataclass(frozen=True, slots=True)
class Intervals:
    """Intervals of `metrics.Metrics`; too narrow with fewer than about twenty groups."""

    draws: int
    groups: int
    macro_f1: Interval
    exact_match: Interval
    labels: tuple[LabelIntervals, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """Difference in an F1, `this` less `other`.

    `better` and `tied` are the shares of draws in which it is positive, and nothing; NaN without
    draws.
    """

    figure: str
    this: float
    other: float
    difference: float
    interval: Interval
    better: float
    tied: float = 0.0


@dataclass(frozen=True, slots=True)
class ModelComparison:
    """Comparison of two models: macro-F1 first, then the F1 of each label."""

    draws: int
    groups: int
    differences: tuple[Difference, ...]
    gained: int = 0  # labels of passages that this model alone has right
    lost: int = 0  # those that the other alone has right


def intervals(
    y_true: Bools,
    y_pred: Bools,
    groups: Groups,
    draws: int = 1_000,
    seed: int = 0,
    weights: Floats | None = None,
) -> Intervals:
    """Compute 95% bootstrap intervals by group, each over the draws in which the metric is defined.

    Groups are resampled whole, as errors in a narrative are correlated (Field and Welsh 2007, JRSS
    B 69:369-390). `y_true` and `y_pred` are bool (n, 3), `groups` int (n,); `weights`, float (n,),
    says how often a passage counts. Without draws, or with fewer than two groups, every interval is
    NaN. Where all draws agree, as they do on a metric of 1, the interval is Wilson's (1927, JASA
    22:209-212) over the groups that have a say in the metric.

    >>> y_true = np.eye(3, dtype=bool).repeat(20, axis=0)
    >>> str(intervals(y_true, y_true, range(60)).macro_f1)
    '[0.940, 1.000]'
    """
    counts = _metric_counts_by_group(y_true, y_pred, groups, weights)
    occurring = np.asarray(y_true.any(axis=0))
    drawn_counts = _draw_bootstrap_counts(counts.matrix(), draws, seed)
    drawn = _metrics_of_counts(_MetricCounts.of_matrix(drawn_counts), occurring)
    has_predicted = counts.predicted > 0
    has_true = counts.true > 0
    has_either = (counts.predicted + counts.true) > 0
    labels = []
    for j, label in enumerate(LABELS):
        labels.append(
            LabelIntervals(
                label,
                precision=_bootstrap_interval(drawn.precision[:, j], has_predicted[:, j]),
                recall=_bootstrap_interval(drawn.recall[:, j], has_true[:, j]),
                f1=_bootstrap_interval(drawn.f1[:, j], has_either[:, j]),
            )
        )
    return Intervals(
        draws=draws,
        groups=len(counts.passages),
        macro_f1=_bootstrap_interval(drawn.macro_f1, np.asarray(has_either.any(axis=1))),
        exact_match=_bootstrap_interval(drawn.exact_match, counts.passages > 0),
        labels=tuple(labels),
    )


def _bootstrap_interval(sample: Floats, has_say: Bools) -> Interval:
    """Return the percentile interval of the draws.

    Where all draws agree, it is Wilson's over the groups that have a say in the metric, by which it
    has something to divide.
    """
    low, high = percentile_interval(sample)
    if np.isnan(low) or high - low > 1e-12:
        return Interval(low, high)
    return wilson_interval(min(max(low, 0.0), 1.0), max(1, int(has_say.sum())))


def wilson_interval(share: float, n: int) -> Interval:
    """Compute the 95% interval of a share of `n` cases, 1 or more (Wilson 1927, JASA 22:209-212).

    >>> print(wilson_interval(0.0, 20))
    [0.000, 0.161]
    """
    z = NORMAL_975
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * float(np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)))
    return Interval(max(0.0, centre - half), min(1.0, centre + half))


def compare(
    y_true: Bools, y_pred: Bools, y_other: Bools, groups: Groups, draws: int = 1_000, seed: int = 0
) -> ModelComparison:
    """Compare the F1 of this model, `y_pred`, with that of another, `y_other`, on the same draws.

    The paired bootstrap of Koehn 2004 (EMNLP).

    >>> y_true = np.eye(3, dtype=bool).repeat(20, axis=0)
    >>> compare(y_true, y_true, ~y_true, range(60)).differences[0].better
    1.0
    """
    group_counts_of_this = _metric_counts_by_group(y_true, y_pred, groups).matrix()
    group_counts_of_other = _metric_counts_by_group(y_true, y_other, groups).matrix()
    # Side by side, so that both models have the same draws.
    totals = np.concatenate([group_counts_of_this, group_counts_of_other], axis=1)
    # The first row has the counts of all passages, the others those of the draws.
    every = np.concatenate(
        [totals.sum(axis=0, keepdims=True), _draw_bootstrap_counts(totals, draws, seed)]
    )
    counts_of_this, counts_of_other = np.split(every, 2, axis=1)
    occurring = np.asarray(y_true.any(axis=0))
    this = _metrics_of_counts(_MetricCounts.of_matrix(counts_of_this), occurring)
    other = _metrics_of_counts(_MetricCounts.of_matrix(counts_of_other), occurring)
    differences = [_bootstrap_difference("macro-F1", this.macro_f1, other.macro_f1)]
    for j, label in enumerate(LABELS):
        differences.append(_bootstrap_difference(label, this.f1[:, j], other.f1[:, j]))
    changed = np.not_equal(y_pred, y_other)
    gained = int((changed & (y_pred == y_true)).sum())
    return ModelComparison(
        draws=draws,
        groups=len(totals),
        differences=tuple(differences),
        gained=gained,
        lost=int(changed.sum()) - gained,
    )


def _bootstrap_difference(figure: str, this: Floats, other: Floats) -> Difference:
    """Compare the values of a figure: on all passages first, then in each draw."""
    change = this[1:] - other[1:]
    low, high = percentile_interval(change)
    defined = change[~np.isnan(change)]
    return Difference(
        figure,
        this=float(this[0]),
        other=float(other[0]),
        difference=float(this[0]) - float(other[0]),
        interval=Interval(low, high),
        better=float(np.mean(defined > 0)) if len(defined) else float("nan"),
        tied=float(np.mean(defined == 0)) if len(defined) else float("nan"),
    )


def intervals_table(drawn: Intervals) -> str:
    """Format the intervals as aligned plain text, like `metrics.metrics_table`."""
    if drawn.groups < 2:
        return "no 95% intervals: they need passages of at least two groups (narratives, pairs)"
    rows = [("95% interval", "precision", "recall", "F1")]
    for row in drawn.labels:
        rows.append((row.label, str(row.precision), str(row.recall), str(row.f1)))
    counts = f"groups {drawn.groups:,}   draws {drawn.draws:,}"
    closing = f"macro-F1 {drawn.macro_f1}   exact match {drawn.exact_match}   {counts}"
    return "\n".join([*format_columns(rows), closing, *_few_bootstrap_groups_warning(drawn.groups)])


def _few_bootstrap_groups_warning(groups: int) -> list[str]:
    """Say what an interval over few groups covers, by simulation: 0.85 at 5 groups, 0.90 at 10."""
    if groups >= FEW_GROUPS:
        return []
    covers = "a little less than 95%"
    if groups <= 5:
        covers = "at most 85%"
    elif groups <= 10:
        covers = "about 90%"
    return [f"{groups} groups are few: such an interval covers {covers}; label more narratives"]


def comparison_table(comparison: ModelComparison, other: str) -> str:
    """Format the differences as aligned plain text; `other` is the name of the other model."""
    rows = [("F1", "this", "other", "difference", "95% interval", "better in")]
    for row in comparison.differences:
        difference = "–"
        if not np.isnan(row.difference):
            difference = f"{round(row.difference, 3) + 0.0:+.3f}"  # + 0.0: never -0.000
        better = f"{row.better:.1%}"
        if np.isnan(row.better):
            better = "–"
        elif row.tied == 1:
            better = "tie"
        rows.append(
            (
                row.figure,
                format_value(row.this),
                format_value(row.other),
                difference,
                str(row.interval),
                better,
            )
        )
    drawn = f"{comparison.draws:,} paired draws of {comparison.groups:,} groups"
    title = f"this model against {other}: {drawn}"
    return "\n".join(
        [title, *format_columns(rows), *_few_bootstrap_groups_warning(comparison.groups)]
    )


def percentile_interval(sample: Floats) -> tuple[float, float]:
    """Compute the middle 95% of the defined draws; NaN if there are none.

    Efron and Tibshirani 1993, chapter 13.
    """
    defined = sample[np.isfinite(sample)]
    if not len(defined):
        return float("nan"), float("nan")
    low, high = np.quantile(defined, [0.025, 0.975]).tolist()
    return low, high


@dataclass(frozen=True, slots=True)
class _MetricCounts:
    """What the metrics are ratios of: a row for each group, or for each draw."""

    hits: Floats  # (rows, 3), true positives of each label
    predicted: Floats  # (rows, 3), passages that were given each label
    true: Floats  # (rows, 3), passages that have each label
    exact: Floats  # (rows,), passages with all labels right
    passages: Floats  # (rows,)

    def matrix(self) -> Floats:
        """Put all counts side by side, (rows, 11), so that they can be drawn together."""
        return np.column_stack([self.hits, self.predicted, self.true, self.exact, self.passages])

    @staticmethod
    def of_matrix(matrix: Floats) -> _MetricCounts:
        """Name the columns of a `matrix` again."""
        hits, predicted, true, exact, passages = np.split(matrix, [3, 6, 9, 10], axis=1)
        return _MetricCounts(hits, predicted, true, exact[:, 0], passages[:, 0])


@dataclass(frozen=True, slots=True)
class _RowMetrics:
    """Metrics of each row of counts; NaN where they are undefined."""

    precision: Floats  # (rows, 3), of each label
    recall: Floats  # (rows, 3)
    f1: Floats  # (rows, 3)
    macro_f1: Floats  # (rows,)
    exact_match: Floats  # (rows,)


def _metric_counts_by_group(
    y_true: Bools, y_pred: Bools, groups: Groups, weights: Floats | None = None
) -> _MetricCounts:
    """Count in each group what the metrics are ratios of."""
    names, number = np.unique(np.asarray(groups), return_inverse=True)

    def sum_by_group(counted: Bools) -> Floats:
        weighted = counted if weights is None else counted * weights
        return np.asarray(np.bincount(number, weighted, len(names)), np.float64)

    def sum_labels_by_group(counted: Bools) -> Floats:
        return np.stack([sum_by_group(column) for column in counted.T], axis=1)

    return _MetricCounts(
        hits=sum_labels_by_group(y_true & y_pred),
        predicted=sum_labels_by_group(y_pred),
        true=sum_labels_by_group(y_true),
        exact=sum_by_group((y_true == y_pred).all(axis=1)),
        passages=sum_by_group(np.ones(len(y_true), bool)),
    )


def _draw_bootstrap_counts(totals: Floats, draws: int, seed: int) -> Floats:
    """Resample the groups and sum their counts, (draws, columns); none of fewer than two groups."""
    # Metrics are ratios of sums, so a draw is one multinomial over the distinct rows of counts.
    distinct, times = np.unique(totals, axis=0, return_counts=True)
    groups = len(totals)
    if groups < 2:
        return np.zeros((0, totals.shape[1]))
    rng = np.random.default_rng(seed)
    drawn = [rng.multinomial(groups, times / groups) @ distinct for _ in range(draws)]
    return np.array(drawn).reshape(-1, totals.shape[1])


def _metrics_of_counts(counts: _MetricCounts, occurring: Bools) -> _RowMetrics:
    """Compute the metrics of each row of counts.

    Macro-F1 is over the labels `occurring`, bool (3,), in all passages: a draw that lacks one of
    them has none, since the mean of the others is another figure.
    """
    f1 = _metric_ratio(2 * counts.hits, counts.predicted + counts.true)
    f1 = np.where(counts.true > 0, f1, np.nan)
    macro_f1 = np.full(len(f1), np.nan)
    if occurring.any():
        macro_f1 = np.asarray(f1[:, occurring].mean(axis=1))
    return _RowMetrics(
        precision=_metric_ratio(counts.hits, counts.predicted),
        recall=_metric_ratio(counts.hits, counts.true),
        f1=f1,
        macro_f1=macro_f1,
        exact_match=_metric_ratio(counts.exact, counts.passages),
    )


def _metric_ratio(part: Floats, whole: npt.NDArray[np.float64 | np.int64]) -> Floats:
    return np.asarray(np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0))
