"""Intervals show how unsure a figure is, and a difference is one of the same draws."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from tipclassify.arrays import Bools, Ints
from tipclassify.evaluation.bootstrap import (
    Interval,
    Intervals,
    compare,
    comparison_table,
    intervals,
    intervals_table,
    wilson_interval,
)
from tipclassify.evaluation.metrics import measure
from tipclassify.labels import LABELS

HALF = np.full(3, 0.5)


@dataclass(frozen=True)
class Sample:
    """Labels of passages, those that a model gives them, and their groups."""

    y_true: Bools  # (n, 3)
    y_pred: Bools  # (n, 3)
    groups: Ints  # (n,)

    def intervals(self, draws: int = 1_000, seed: int = 0) -> Intervals:
        return intervals(self.y_true, self.y_pred, self.groups, draws, seed=seed)

    def intervals_without_groups(self, draws: int = 1_000) -> Intervals:
        """Compute the intervals as if each passage were of a group of its own."""
        return intervals(self.y_true, self.y_pred, np.arange(len(self.y_true)), draws)


def simulated(seed: int, groups: int = 150, copies: int = 1) -> Sample:
    """Draw passages: each label occurs in 40%, is missed in 10%, falsely given in 20%."""
    rng = np.random.default_rng(seed)
    y_true = rng.random((groups, 3)) < 0.4
    y_pred = np.where(y_true, rng.random((groups, 3)) >= 0.1, rng.random((groups, 3)) < 0.2)
    return Sample(
        y_true.repeat(copies, axis=0),
        y_pred.repeat(copies, axis=0),
        np.arange(groups).repeat(copies),
    )


# of the population that `simulated` draws from
F1_OF_ALL = 2 * 0.4 * 0.9 / (0.4 + 0.4 * 0.9 + 0.6 * 0.2)


def width(interval: Interval) -> float:
    return interval.high - interval.low


def coverage(f1_intervals: list[Interval]) -> float:
    """Compute the share of intervals that hold the F1 of the population."""
    return float(np.mean([each.low <= F1_OF_ALL <= each.high for each in f1_intervals]))


def truth(rows: int) -> Bools:
    """Return labels of passages that have one each, in turn."""
    return np.eye(3, dtype=bool)[np.arange(rows) % 3]


# ---------------------------------------------------------------------------------------- intervals


def test_intervals_hold_the_true_value_about_95_times_in_100_when_copies_are_grouped() -> None:
    samples = [simulated(seed, copies=3) for seed in range(100)]
    grouped = [sample.intervals(400).labels[1].f1 for sample in samples]
    apart = [sample.intervals_without_groups(400).labels[1].f1 for sample in samples]
    assert 0.90 <= coverage(grouped) <= 0.985
    assert coverage(apart) < 0.85  # what counting copies as news would claim


def test_intervals_of_ten_groups_hold_the_true_value_nine_times_in_ten() -> None:
    held = []
    for seed in range(200):
        sample = simulated(seed, groups=80)
        of_ten = intervals(sample.y_true, sample.y_pred, np.arange(80) // 8, draws=300)
        held.append(of_ten.macro_f1)
    assert 0.90 <= coverage(held) <= 0.97  # 0.835 for the middle 95% of the draws


def test_copies_in_a_group_teach_nothing_but_copies_taken_for_news_narrow_the_interval() -> None:
    once = simulated(1).intervals().macro_f1
    copies = simulated(1, copies=4)
    assert copies.intervals().macro_f1 == once
    apart = copies.intervals_without_groups().macro_f1
    assert width(apart) == pytest.approx(width(once) / 2, rel=0.15)


def test_intervals_are_those_of_drawing_groups_one_by_one() -> None:
    rng = np.random.default_rng(3)
    sample = simulated(3, groups=240)
    groups = rng.integers(0, 60, 240)
    members = [np.flatnonzero(groups == group) for group in np.unique(groups)]
    figures = []
    for _ in range(400):
        drawn_groups = rng.integers(0, len(members), len(members))
        rows = np.concatenate([members[group] for group in drawn_groups])
        y_true, y_pred = sample.y_true[rows], sample.y_pred[rows]
        hits = (y_true & y_pred).sum(axis=0)
        given = y_pred.sum(axis=0)
        wanted = y_true.sum(axis=0)
        f1 = 2 * hits / (wanted + given)
        exact_match = (y_true == y_pred).all(axis=1).mean()
        figures.append([f1.mean(), exact_match, hits[0] / given[0], hits[0] / wanted[0], f1[0]])
    lows, highs = np.quantile(figures, [0.025, 0.975], axis=0)

    ours = intervals(sample.y_true, sample.y_pred, groups, 4_000)
    label = ours.labels[0]
    of_figures = (ours.macro_f1, ours.exact_match, label.precision, label.recall, label.f1)
    for interval, low, high in zip(of_figures, lows, highs, strict=True):
        assert interval.low == pytest.approx(low, abs=0.025)
        assert interval.high == pytest.approx(high, abs=0.025)
    assert (ours.draws, ours.groups) == (4_000, len(members))


def test_a_weight_counts_as_so_many_passages_of_the_group() -> None:
    rng = np.random.default_rng(0)
    y_true, y_pred = rng.random((2, 60, 3)) < 0.5
    groups = np.arange(60) // 3
    times = 1 + np.arange(60) % 4
    weighted = intervals(y_true, y_pred, groups, draws=200, weights=times.astype(float))
    repeated = intervals(
        y_true.repeat(times, axis=0),
        y_pred.repeat(times, axis=0),
        groups.repeat(times, axis=0),
        draws=200,
    )
    assert weighted == repeated
    assert weighted != intervals(y_true, y_pred, groups, draws=200)


def test_a_draw_that_lacks_a_label_is_none_of_macro_f1() -> None:
    # Failure is always right; complicity occurs once, in one of three groups, and is missed.
    y_true = np.array([[False, True, False]] * 6 + [[False, True, True]])
    y_pred = y_true & [True, True, False]
    drawn = intervals(y_true, y_pred, [0, 0, 0, 1, 1, 1, 2])
    assert drawn.labels[1].f1.high == 1.0
    # 0.5 in each draw that has both labels, so that the interval is Wilson's over three groups;
    # a draw that has failure alone would have 1
    assert drawn.macro_f1 == wilson_interval(0.5, 3)


def test_what_cannot_be_drawn_has_no_interval() -> None:
    sample = simulated(0)
    sample.y_true[:, 2] = False
    sample.y_pred[:, 2] = False
    of_sample = sample.intervals()
    assert str(of_sample.labels[2].f1) == str(of_sample.labels[2].precision) == "–"
    assert not np.isnan(of_sample.macro_f1.low)  # of the labels that occur
    assert str(sample.intervals(draws=0).macro_f1) == "–"
    one_group = intervals(sample.y_true, sample.y_pred, np.zeros(len(sample.y_true), int))
    assert str(one_group.macro_f1) == "–"
    assert intervals_table(one_group).startswith("no 95% intervals")


def test_a_figure_of_1_has_an_interval_that_narrows_with_its_groups() -> None:
    few = intervals(truth(45), truth(45), np.arange(45) // 9).macro_f1  # five groups
    many = intervals(truth(900), truth(900), np.arange(900) // 9).macro_f1  # a hundred
    assert (few.high, many.high) == (1.0, 1.0)
    assert few.low == pytest.approx(5 / (5 + 1.96**2), abs=1e-3)  # Wilson's
    assert many.low > 0.95


def test_a_label_of_one_group_has_a_wide_interval() -> None:
    y_true = np.zeros((60, 3), bool)
    y_true[:2, 2] = True
    y_pred = np.zeros((60, 3), bool)
    y_pred[:1, 2] = True
    recall = intervals(y_true, y_pred, np.arange(60) // 2).labels[2].recall
    assert recall.low < 0.2
    assert recall.high > 0.8


def test_few_groups_say_that_their_interval_covers_less() -> None:
    labels = truth(19 * 6)
    group_of_row = np.arange(19 * 6) % 19
    warning = "19 groups are few: such an interval covers less than 95%"
    table = intervals_table(intervals(labels, labels, group_of_row))
    assert table.splitlines()[-1].startswith(warning)
    assert warning in comparison_table(compare(labels, labels, labels, group_of_row), "x")
    enough = intervals(truth(120), truth(120), np.arange(120) % 20)
    assert "are few" not in intervals_table(enough)


def test_the_seed_decides_the_draws() -> None:
    sample = simulated(5)
    assert sample.intervals(seed=1) == sample.intervals(seed=1)
    assert sample.intervals(seed=1) != sample.intervals(seed=2)


@pytest.mark.parametrize("labels", [["only"], [f"label{number}" for number in range(11)]])
def test_a_model_may_have_other_labels(labels: list[str]) -> None:
    rng = np.random.default_rng(0)
    y_true, y_pred = rng.random((2, 200, len(labels))) < 0.4
    groups = np.arange(200) // 2
    drawn = intervals(y_true, y_pred, groups, 50, labels=labels)
    assert [row.label for row in drawn.labels] == labels
    metrics = measure(y_true, y_pred * 0.9, y_pred, np.full(len(labels), 0.5), labels)
    for row, interval in zip(metrics.labels, drawn.labels, strict=True):
        assert interval.f1.low <= row.f1 <= interval.f1.high
    differences = compare(y_true, y_true, y_pred, groups, 50, labels=labels).differences
    assert [difference.figure for difference in differences] == ["macro-F1", *labels]


# --------------------------------------------------------------------------------------- comparison


def test_a_model_is_no_better_than_itself() -> None:
    sample = simulated(0)
    comparison = compare(sample.y_true, sample.y_pred, sample.y_pred, sample.groups)
    assert [each.figure for each in comparison.differences] == ["macro-F1", *LABELS]
    for each in comparison.differences:
        assert (each.difference, each.interval, each.better, each.tied) == (0, Interval(0, 0), 0, 1)
    metrics = measure(sample.y_true, sample.y_pred * 1.0, sample.y_pred, HALF)
    assert comparison.differences[0].this == pytest.approx(metrics.macro_f1)
    lines = comparison_table(comparison, "itself").splitlines()
    assert all(line.endswith("tie") for line in lines[2:6])


def test_draws_without_a_difference_are_ties() -> None:
    y_pred = truth(90)
    y_pred[0] = ~y_pred[0]
    mixed = compare(truth(90), truth(90), y_pred, np.arange(90) // 3).differences[0]
    assert 0 < mixed.tied < 1
    assert mixed.better == pytest.approx(1 - mixed.tied)


def test_pairing_finds_a_small_difference_that_two_intervals_do_not() -> None:
    sample = simulated(0, groups=400)
    hits = np.flatnonzero(sample.y_true[:, 0] & sample.y_pred[:, 0])
    worse = sample.y_pred.copy()
    worse[hits[::20], 0] = False  # misses one in twenty more
    of_worse = intervals(sample.y_true, worse, sample.groups).labels[0].f1
    assert of_worse.high > sample.intervals().labels[0].f1.low
    effort = compare(sample.y_true, sample.y_pred, worse, sample.groups).differences[1]
    assert effort.interval.low > 0
    assert effort.better > 0.99
    back = compare(sample.y_true, worse, sample.y_pred, sample.groups).differences[1]
    assert back.difference == -effort.difference
    assert back.interval.high == pytest.approx(-effort.interval.low, abs=0.002)
    assert back.better == 0


def test_comparison_without_draws_keeps_the_difference() -> None:
    sample = simulated(0)
    comparison = compare(sample.y_true, sample.y_pred, ~sample.y_pred, sample.groups, draws=0)
    assert comparison.differences[0].difference > 0
    assert np.isnan(comparison.differences[0].better)
    lines = comparison_table(comparison, "models/old").splitlines()
    assert "models/old" in lines[0]
    assert lines[2].split()[-2:] == ["–", "–"]
