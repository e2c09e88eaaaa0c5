"""How sure the figures are: bootstrap intervals, and whether one model beats another.

What comes in is the truth, the labels given (bool (n, 3) each) and the group of each passage (`corpus.group_rows`);
what goes out is 95% intervals. Groups are drawn with replacement, not passages: sentences of one narrative and near
twins tend to be right or wrong together, and to count each as news would make the intervals too narrow.

Every figure is a ratio of counts, and counts add up, so a draw needs only how often each group was drawn. Groups with
the same counts are interchangeable: a draw is one multinomial over the few hundred kinds of groups, not a list of
thousands of them.

Sources: percentile intervals, Efron and Tibshirani 1993, chapter 13; drawing whole groups, Field and Welsh 2007 (Journal
of the Royal Statistical Society B 69); paired draws for two systems, Koehn 2004 (EMNLP).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from tipclassify.formatting import aligned
from tipclassify.labels import LABELS

__all__ = ["Comparison", "Difference", "Interval", "Intervals", "LabelIntervals"]
__all__ += ["compare", "comparison_table", "intervals", "intervals_table"]

_LEVEL: Final = 0.95
_BATCH: Final = 1_000  # draws at a time, so that memory does not grow with --draws
_K: Final = len(LABELS)
_COUNTS: Final = 3 * _K + 2  # hits, given and true of each label; passages wholly right; passages
_PRECISION: Final = slice(0, _K)  # columns of `_figures`
_RECALL: Final = slice(_K, 2 * _K)
_F1S: Final = slice(2 * _K, 3 * _K + 1)  # macro-F1 first
_EXACT: Final = 3 * _K + 1

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Groups = Sequence[int] | npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Interval:
    """The middle 95% of the draws; NaN where there is nothing to draw from. Written ``[0.811, 0.870]``."""

    low: float
    high: float

    def __str__(self) -> str:
        return "–" if np.isnan(self.low) else f"[{self.low:.3f}, {self.high:.3f}]"


@dataclass(frozen=True, slots=True)
class LabelIntervals:
    """Intervals of one label's figures, over the draws in which they are defined."""

    label: str
    precision: Interval
    recall: Interval
    f1: Interval


@dataclass(frozen=True, slots=True)
class Intervals:
    """Intervals of the figures in `evaluation.Metrics`.

    Attributes
    ----------
    draws, groups : int
        How often, and from how many groups; few groups (under twenty or so) make any interval too narrow.
    """

    draws: int
    groups: int
    macro_f1: Interval
    exact_match: Interval
    labels: tuple[LabelIntervals, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """One F1 of two models, on the same passages.

    Attributes
    ----------
    figure : str
        ``"macro-F1"`` or the name of a label, whose F1 it is.
    difference : float
        `this` less `other`, -1 to 1.
    better : float
        Share of draws in which this model is better; equal is not better. NaN without draws.
    """

    figure: str
    this: float
    other: float
    difference: float
    interval: Interval
    better: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Macro-F1 first, then the F1 of each label."""

    draws: int
    groups: int
    differences: tuple[Difference, ...]


def intervals(truth: Bools, given: Bools, groups: Groups, draws: int = 1_000, seed: int = 0) -> Intervals:
    """95% bootstrap intervals by group.

    Without draws, or with fewer than two groups, every interval is NaN. A draw in which a label does not occur says
    nothing of its recall and F1, and one in which it is not given nothing of its precision.

    >>> truth = np.eye(3, dtype=bool).repeat(20, axis=0)
    >>> str(intervals(truth, truth, range(60)).macro_f1)
    '[1.000, 1.000]'
    """
    totals = _group_totals(_counts(truth, given), groups)
    found = [_interval(sample) for sample in _figures(_draw(totals, draws, seed)).T]
    of_labels = zip(LABELS, found[_PRECISION], found[_RECALL], found[_F1S][1:], strict=True)
    labels = tuple(LabelIntervals(*of_label) for of_label in of_labels)
    return Intervals(draws, len(totals), found[_F1S][0], found[_EXACT], labels)


def compare(truth: Bools, given: Bools, other: Bools, groups: Groups, draws: int = 1_000, seed: int = 0) -> Comparison:
    """Paired bootstrap by group of the F1 of this model (labels `given`) less that of another (labels `other`).

    Both are judged on the same draws, so that passages which are hard for both do not blur the difference.

    >>> truth = np.eye(3, dtype=bool).repeat(20, axis=0)
    >>> compare(truth, truth, ~truth, range(60)).differences[0].better
    1.0
    """
    totals = _group_totals(np.concatenate([_counts(truth, given), _counts(truth, other)], axis=1), groups)
    drawn = _draw(totals, draws, seed)
    sample = _figures(drawn[:, :_COUNTS])[:, _F1S] - _figures(drawn[:, _COUNTS:])[:, _F1S]
    whole = totals.sum(axis=0, keepdims=True)
    this, that = (_figures(side)[0, _F1S] for side in (whole[:, :_COUNTS], whole[:, _COUNTS:]))
    differences = []
    for j, figure in enumerate(("macro-F1", *LABELS)):
        defined = sample[~np.isnan(sample[:, j]), j]
        better = float((defined > 0).mean()) if len(defined) else float("nan")
        mine, theirs = float(this[j]), float(that[j])
        differences.append(Difference(figure, mine, theirs, mine - theirs, _interval(defined), better))
    return Comparison(draws, len(totals), tuple(differences))


def intervals_table(found: Intervals) -> str:
    """The intervals as aligned plain text, laid out as `evaluation.metrics_table` lays out the figures."""
    if found.groups < 2:
        return "no 95% intervals: they need passages of at least two groups (narratives, pairs)"
    rows = [(row.label, str(row.precision), str(row.recall), str(row.f1)) for row in found.labels]
    closing = (
        f"macro-F1 {found.macro_f1}   exact match {found.exact_match}   groups {found.groups:,}   draws {found.draws:,}"
    )
    return "\n".join([*aligned([("95% interval", "precision", "recall", "F1"), *rows]), closing])


def comparison_table(found: Comparison, other: str) -> str:
    """The differences as aligned plain text; `other` is the name of the other model."""
    columns = ("F1", "this", "other", "difference", "95% interval", "better in")
    rows = [
        (
            d.figure,
            *("–" if np.isnan(x) else f"{x:.3f}" for x in (d.this, d.other)),
            "–" if np.isnan(d.difference) else f"{round(d.difference, 3) + 0.0:+.3f}",  # never -0.000
            str(d.interval),
            "–" if np.isnan(d.better) else f"{d.better:.1%}",
        )
        for d in found.differences
    ]
    title = f"this model against {other}: {found.draws:,} paired draws of {found.groups:,} groups"
    return "\n".join([title, *aligned([columns, *rows])])


# --------------------------------------------------------------------------------------------- counts and draws


def _counts(truth: Bools, given: Bools) -> Floats:
    """What each passage adds to the counts, (n, _COUNTS)."""
    right = (truth == given).all(axis=1, keepdims=True)
    return np.concatenate([truth & given, given, truth, right, np.ones_like(right)], axis=1).astype(np.float64)


def _group_totals(counts: Floats, groups: Groups) -> Floats:
    """Counts of each group, (groups, columns)."""
    names, number = np.unique(np.asarray(groups), return_inverse=True)
    return np.stack([np.bincount(number, column, len(names)) for column in counts.T], axis=1)


def _draw(totals: Floats, draws: int, seed: int) -> Floats:
    """Counts of each draw of as many groups as there are, (draws, columns); none where there is nothing to vary."""
    if len(totals) < 2:
        return np.zeros((0, totals.shape[1]))
    kinds, times = np.unique(totals, axis=0, return_counts=True)
    rng = np.random.default_rng(seed)
    sizes = [min(_BATCH, draws - done) for done in range(0, draws, _BATCH)]
    drawn = [rng.multinomial(len(totals), times / len(totals), size) @ kinds for size in sizes]
    return np.concatenate([np.zeros((0, totals.shape[1])), *drawn])


def _figures(counts: Floats) -> Floats:
    """Precision and recall of each label, macro-F1, F1 of each label and exact match, (draws, 11); NaN if undefined."""
    hits, given, true = (counts[:, i * _K : (i + 1) * _K] for i in range(3))
    occurs = true > 0
    f1 = np.where(occurs, _ratio(2 * hits, given + true), np.nan)
    macro = _ratio(np.where(occurs, f1, 0.0).sum(axis=1), occurs.sum(axis=1))  # as in `evaluation.Metrics`
    exact = _ratio(counts[:, -2], counts[:, -1])
    return np.column_stack([_ratio(hits, given), _ratio(hits, true), macro, f1, exact])


def _ratio(part: Floats, whole: npt.NDArray[np.float64 | np.int64]) -> Floats:
    return np.asarray(np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0))


def _interval(sample: Floats) -> Interval:
    """The percentile interval of the draws in which the figure is defined."""
    defined = sample[~np.isnan(sample)]
    if not len(defined):
        return Interval(float("nan"), float("nan"))
    low, high = np.quantile(defined, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    return Interval(float(low), float(high))
