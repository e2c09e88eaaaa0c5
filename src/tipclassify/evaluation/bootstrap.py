"""Compute bootstrap intervals of the metrics, and compare two models by the paired bootstrap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import numpy as np

from tipclassify.arrays import NORMAL_975, Bools, Floats, Ints
from tipclassify.formatting import format_columns, format_figure
from tipclassify.labels import LABELS

FEW_GROUPS: Final = 20
"""Number of groups below which an interval may cover less than 95%."""

Groups = Sequence[int] | Ints


@dataclass(frozen=True, slots=True)
class Interval:
    """Interval of 95% (`percentile_interval`); NaN without draws."""

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
    """Intervals of `metrics.Metrics`."""

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


def intervals(
    y_true: Bools,
    y_pred: Bools,
    groups: Groups,
    draws: int = 1_000,
    seed: int = 0,
    weights: Floats | None = None,
    labels: Sequence[str] = LABELS,
) -> Intervals:
    """Compute 95% bootstrap intervals by group, each over the draws in which the metric is defined.

    Groups are resampled whole, as errors in a narrative are correlated (Field and Welsh 2007, JRSS
    B 69:369-390). `y_true` and `y_pred` are bool (n, labels), `groups` int (n,); `weights`, float
    (n,), says how often a passage counts. Without draws, or with fewer than two groups, every
    interval is NaN. Where all draws agree, as they do on a metric of 1, the interval is Wilson's
    (1927, JASA 22:209-212) over the groups that have a say in the metric.

    >>> y_true = np.eye(3, dtype=bool).repeat(20, axis=0)
    >>> str(intervals(y_true, y_true, range(60)).macro_f1)
    '[0.940, 1.000]'
    """
    counts = _counts_by_group(y_true, y_pred, groups, weights)
    precision, recall, f1, macro_f1, exact_match = _metrics(_drawn(counts, draws, seed), y_true)
    _, predicted, true = np.split(counts[:, :-2] > 0, 3, axis=1)
    has_either = predicted | true
    return Intervals(
        draws=draws,
        groups=len(counts),
        macro_f1=_interval(macro_f1, np.asarray(has_either.any(axis=1))),
        exact_match=_interval(exact_match, np.ones(len(counts), bool)),
        labels=tuple(
            LabelIntervals(
                label,
                precision=_interval(precision[:, j], predicted[:, j]),
                recall=_interval(recall[:, j], true[:, j]),
                f1=_interval(f1[:, j], has_either[:, j]),
            )
            for j, label in enumerate(labels)
        ),
    )


def _interval(sample: Floats, has_say: Bools) -> Interval:
    """Return the percentile interval of the draws; Wilson's where all draws agree.

    `has_say`, (groups,), tells which groups have something to divide by.
    """
    low, high = percentile_interval(sample, len(has_say))
    if np.isnan(low) or high - low > 1e-12:
        return Interval(low, high)
    return wilson_interval(min(max(low, 0.0), 1.0), max(1, int(has_say.sum())))


def percentile_interval(sample: Floats, groups: int) -> tuple[float, float]:
    """Compute the expanded percentile interval of the defined draws; NaN where there is none.

    The middle 95% of the draws of few groups is too narrow. The interval is expanded as that of a
    mean is, by sqrt(n / (n - 1)) and Student's t (Hesterberg 2015, The American Statistician
    69:371-386).

    >>> draws = np.linspace(0, 1, 1_001)
    >>> for groups in (1_000, 10):
    ...     low, high = percentile_interval(draws, groups)
    ...     print(f"{low:.3f} {high:.3f}")
    0.025 0.975
    0.009 0.991
    """
    defined = sample[np.isfinite(sample)]
    if not len(defined) or groups < 2:
        return float("nan"), float("nan")
    expanded = _t_975(groups - 1) * np.sqrt(groups / (groups - 1))
    tail = NormalDist().cdf(-expanded)
    low, high = np.quantile(defined, [tail, 1 - tail]).tolist()
    return low, high


def _t_975(freedom: int) -> float:
    """Approximate the 97.5% quantile of Student's t (Abramowitz and Stegun 1964, 26.7.5)."""
    z = NORMAL_975
    return (
        z
        + (z**3 + z) / (4 * freedom)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * freedom**3)
    )


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
    y_true: Bools,
    y_pred: Bools,
    y_other: Bools,
    groups: Groups,
    draws: int = 1_000,
    seed: int = 0,
    labels: Sequence[str] = LABELS,
) -> ModelComparison:
    """Compare the F1 of this model, `y_pred`, with that of another, `y_other`, on the same draws.

    The paired bootstrap of Koehn 2004 (EMNLP).

    >>> y_true = np.eye(3, dtype=bool).repeat(20, axis=0)
    >>> compare(y_true, y_true, ~y_true, range(60)).differences[0].better
    1.0
    """
    # Side by side, so that both models have the same draws.
    totals = np.hstack([_counts_by_group(y_true, y, groups) for y in (y_pred, y_other)])
    # The first row has the counts of all passages, the others those of the draws.
    every = np.vstack([totals.sum(axis=0), _drawn(totals, draws, seed)])
    of_this, of_other = np.split(every, 2, axis=1)
    _, _, f1, macro_f1, _ = _metrics(of_this, y_true)
    _, _, other_f1, other_macro_f1, _ = _metrics(of_other, y_true)
    differences = [_difference("macro-F1", macro_f1, other_macro_f1, len(totals))]
    for j, label in enumerate(labels):
        differences.append(_difference(label, f1[:, j], other_f1[:, j], len(totals)))
    return ModelComparison(draws, len(totals), tuple(differences))


def _difference(figure: str, this: Floats, other: Floats, groups: int) -> Difference:
    """Compare the values of a figure: on all passages first, then in each draw."""
    change = this[1:] - other[1:]
    change = change[~np.isnan(change)]
    low, high = percentile_interval(change, groups)
    return Difference(
        figure,
        this=float(this[0]),
        other=float(other[0]),
        difference=float(this[0]) - float(other[0]),
        interval=Interval(low, high),
        better=float(np.mean(change > 0)) if len(change) else float("nan"),
        tied=float(np.mean(change == 0)) if len(change) else float("nan"),
    )


# ----------------------------------------------------------------------------------------- counts


def _counts_by_group(
    y_true: Bools, y_pred: Bools, groups: Groups, weights: Floats | None = None
) -> Floats:
    """Count in each group what the metrics are ratios of, (groups, 3 * labels + 2).

    Of each label: true positives, passages that were given it, and passages that have it. Then
    passages with all labels right, and all passages.
    """
    is_exact = (y_true == y_pred).all(axis=1)
    counted = np.column_stack(
        [y_true & y_pred, y_pred, y_true, is_exact, np.ones(len(y_true), bool)]
    )
    names, number = np.unique(np.asarray(groups), return_inverse=True)
    if weights is None:
        weights = np.ones(len(y_true))
    sums = [np.bincount(number, column * weights, len(names)) for column in counted.T]
    return np.stack(sums, axis=1)


def _drawn(totals: Floats, draws: int, seed: int) -> Floats:
    """Resample the groups and sum their counts, (draws, columns); none of fewer than two groups."""
    # Metrics are ratios of sums, so a draw is one multinomial over the distinct rows of counts.
    distinct, times = np.unique(totals, axis=0, return_counts=True)
    groups = len(totals)
    if groups < 2:
        return np.zeros((0, totals.shape[1]))
    rng = np.random.default_rng(seed)
    drawn = [rng.multinomial(groups, times / groups) @ distinct for _ in range(draws)]
    return np.array(drawn).reshape(-1, totals.shape[1])


def _metrics(counts: Floats, y_true: Bools) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Compute the metrics of each row of counts; NaN where they are undefined.

    These are precision, recall and F1, (rows, labels), then macro-F1 and exact match, (rows,).
    Macro-F1 is over the labels that occur in all passages: a draw that lacks one of them has none,
    since the mean of the others is another figure.
    """
    hits, predicted, true = np.split(counts[:, :-2], 3, axis=1)
    f1 = np.where(true > 0, _ratio(2 * hits, predicted + true), np.nan)
    macro_f1 = np.full(len(f1), np.nan)
    exact_match = _ratio(counts[:, -2], counts[:, -1])
    occurring = np.asarray(y_true.any(axis=0))
    if occurring.any():
        macro_f1 = f1[:, occurring].mean(axis=1)
    return _ratio(hits, predicted), _ratio(hits, true), f1, macro_f1, exact_match


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.asarray(np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0))


# ----------------------------------------------------------------------------------------- tables


def intervals_table(drawn: Intervals) -> str:
    """Format the intervals as aligned plain text, like `metrics.metrics_table`."""
    if drawn.groups < 2:
        return "no 95% intervals: they need passages of at least two groups (narratives, pairs)"
    rows = [("95% interval", "precision", "recall", "F1")]
    for row in drawn.labels:
        rows.append((row.label, str(row.precision), str(row.recall), str(row.f1)))
    counts = f"groups {drawn.groups:,}   draws {drawn.draws:,}"
    closing = f"macro-F1 {drawn.macro_f1}   exact match {drawn.exact_match}   {counts}"
    return "\n".join([*format_columns(rows), closing, *_few_groups_warning(drawn.groups)])


def comparison_table(comparison: ModelComparison, other: str) -> str:
    """Format the differences as aligned plain text; `other` is the name of the other model."""
    rows = [("F1", "this", "other", "difference", "95% interval", "better in")]
    for row in comparison.differences:
        rows.append(
            (
                row.figure,
                format_figure(row.this),
                format_figure(row.other),
                format_figure(row.difference, "+.3f"),
                str(row.interval),
                "tie" if row.tied == 1 else format_figure(row.better, ".1%"),
            )
        )
    drawn = f"{comparison.draws:,} paired draws of {comparison.groups:,} groups"
    title = f"this model against {other}: {drawn}"
    return "\n".join([title, *format_columns(rows), *_few_groups_warning(comparison.groups)])


def _few_groups_warning(groups: int) -> list[str]:
    """Say what an interval over few groups covers, by simulation."""
    if groups >= FEW_GROUPS:
        return []
    covers = "less than 95% (of 5 groups about 90%, of 10 about 93%)"
    return [f"{groups} groups are few: such an interval covers {covers}; label more narratives"]
