"""Intervals show how unsure a figure is; slices and errors account for every passage."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given as holds_for
from hypothesis import settings
from hypothesis import strategies as st

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
from tipclassify.evaluation.metrics import (
    calibration_error,
    measure,
    metrics_table,
    reliability,
    reliability_table,
)
from tipclassify.evaluation.report import (
    confused_sets,
    confusion_table,
    errors_table,
    slices_by_field,
    slices_table,
    worst_errors,
)
from tipclassify.formatting import format_columns
from tipclassify.labels import LABELS

HALF = np.full(3, 0.5)


@dataclass(frozen=True)
class Sample:
    """Labels of passages, those that a model gives them, and their groups."""

    y_true: Bools  # (n, 3)
    y_pred: Bools  # (n, 3)
    groups: Ints  # (n,)

    def intervals(self, draws: int = 1_000, seed: int = 0) -> Intervals:
        """Compute the intervals of the sample."""
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


# ---------------------------------------------------------------------------------------- intervals


def test_intervals_hold_the_true_value_about_95_times_in_100_when_copies_are_grouped() -> None:
    samples = [simulated(seed, copies=3) for seed in range(100)]
    grouped = [sample.intervals(400).labels[1].f1 for sample in samples]
    apart = [sample.intervals_without_groups(400).labels[1].f1 for sample in samples]
    assert 0.90 <= coverage(grouped) <= 0.985
    assert coverage(apart) < 0.85  # what counting copies as news would claim


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
        figures.append(figures_of(sample.y_true[rows], sample.y_pred[rows]))
    lows, highs = np.quantile(figures, [0.025, 0.975], axis=0)

    ours = intervals(sample.y_true, sample.y_pred, groups, 4_000)
    label = ours.labels[0]
    of_figures = (ours.macro_f1, ours.exact_match, label.precision, label.recall, label.f1)
    for interval, low, high in zip(of_figures, lows, highs, strict=True):
        assert interval.low == pytest.approx(low, abs=0.025)
        assert interval.high == pytest.approx(high, abs=0.025)
    assert (ours.draws, ours.groups) == (4_000, len(members))


def figures_of(y_true: Bools, y_pred: Bools) -> list[float]:
    """Compute macro-F1, exact match, and precision, recall and F1 of the first label."""
    hits = (y_true & y_pred).sum(axis=0)
    given = y_pred.sum(axis=0)
    wanted = y_true.sum(axis=0)
    f1 = 2 * hits / (wanted + given)
    exact_match = (y_true == y_pred).all(axis=1).mean()
    return [f1.mean(), exact_match, hits[0] / given[0], hits[0] / wanted[0], f1[0]]


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


def test_the_seed_decides_the_draws() -> None:
    sample = simulated(5)
    assert sample.intervals(seed=1) == sample.intervals(seed=1)
    assert sample.intervals(seed=1) != sample.intervals(seed=2)


def test_twenty_thousand_rows_take_under_three_seconds() -> None:
    sample = simulated(0, groups=20_000)
    for groups in (sample.groups, sample.groups // 3):
        begin = time.process_time()
        intervals(sample.y_true, sample.y_pred, groups)
        assert time.process_time() - begin < 3


def test_the_interval_table_names_every_figure() -> None:
    table = intervals_table(simulated(0).intervals()).splitlines()
    assert [line.split()[0] for line in table] == ["95%", *LABELS, "macro-F1"]
    assert table[-1].endswith("groups 150   draws 1,000")


# --------------------------------------------------------------------------------------- comparison


def test_a_model_is_no_better_than_itself() -> None:
    sample = simulated(0)
    differences = compare(sample.y_true, sample.y_pred, sample.y_pred, sample.groups).differences
    assert [difference.figure for difference in differences] == ["macro-F1", *LABELS]
    for difference in differences:
        assert difference.difference == 0
        assert (difference.interval.low, difference.interval.high) == (0, 0)
        assert difference.better == 0
    metrics = measure(sample.y_true, sample.y_pred * 1.0, sample.y_pred, HALF)
    assert differences[0].this == pytest.approx(metrics.macro_f1)


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


# -------------------------------------------------------------------------------------- reliability


def test_reliability_bins_hold_every_passage_once_and_give_the_calibration_error() -> None:
    rng = np.random.default_rng(0)
    scores = np.append(rng.random(500), [0.0, 1.0])
    truth = rng.random(502) < scores
    bins = reliability(truth, scores)
    assert len(bins) == 10
    assert sum(b.passages for b in bins) == 502
    assert all(b.low <= b.mean_probability <= b.high for b in bins)
    assert sum(b.passages * b.share_true for b in bins) == pytest.approx(truth.sum())
    gap = sum(b.passages * abs(b.mean_probability - b.share_true) for b in bins) / 502
    assert calibration_error(truth, scores) == pytest.approx(gap)


def test_an_empty_bin_says_so() -> None:
    bins = reliability(np.array([True]), np.array([1.0]))
    lines = reliability_table("failure", bins).splitlines()
    assert lines[0] == "reliability of failure"
    assert lines[2].split() == ["0.00-0.10", "0", "–", "–"]
    assert lines[-1].split() == ["0.90-1.00", "1", "1.000", "1.000"]


# ------------------------------------------------------------------------------ where it goes wrong


def row(text: str, **more: str) -> dict[str, str]:
    """Make a row with an id of its first letters."""
    return {"id": f"id of {text[:9]}", "text": text, **more}


@holds_for(
    st.lists(
        st.tuples(st.integers(1, 60), st.sampled_from(["prosecution", "Annex A", None])), min_size=1
    )
)
@settings(max_examples=25)
def test_slices_of_a_field_are_all_passages_once(kinds: list[tuple[int, str | None]]) -> None:
    rows = [
        {"id": str(i), "text": "Police acted, " * n, "section": section}
        for i, (n, section) in enumerate(kinds)
    ]
    truth = np.arange(len(rows) * 3).reshape(-1, 3) % 2 == 0
    slices = slices_by_field(rows, frozenset(), truth, truth * 0.9, truth, HALF)
    for field in ("section", "words", "clauses"):
        of_field = [each["metrics"] for each in slices if each["field"] == field]
        assert sum(metrics["passages"] for metrics in of_field) == len(rows)
        for j in range(3):
            support = sum(metrics["labels"][j]["support"] for metrics in of_field)
            assert support == truth[:, j].sum()


def test_slices_are_cut_where_they_say() -> None:
    lengths = (1, 10, 11, 20, 21, 30, 31, 45, 46, 300)
    rows = [row("word " * n) for n in lengths]
    rows += [row("Police arrested nine traffickers, but courts freed them.", section="prosecution")]
    none = np.zeros((len(rows), 3), bool)
    slices = slices_by_field(rows, frozenset(), none, none * 1.0, none, HALF)
    passages = {(each["field"], each["value"]): each["metrics"]["passages"] for each in slices}
    of_words = [passages["words", value] for value in ("1-10", "11-20", "21-30", "31-45", "46+")]
    assert of_words == [3, 2, 2, 2, 2]
    assert passages["clauses", "2"] == 1
    assert passages["section", "prosecution"] == 1
    assert passages["section", "(none)"] == len(lengths)


def test_a_slice_has_the_figures_of_its_passages_alone() -> None:
    rows = [row("Police acted.", section="prosecution"), row("Courts slept.", section="protection")]
    truth = np.array([[True, False, False], [False, True, False]])
    given = np.array([[True, False, False], [False, False, False]])
    slices = slices_by_field(rows, frozenset(), truth, given * 0.9, given, HALF)
    by_section = {
        each["value"]: each["metrics"]["macro_f1"] for each in slices if each["field"] == "section"
    }
    assert by_section == {"prosecution": 1.0, "protection": 0.0}
    table = re.sub(" {3,}", "  ", slices_table(slices))
    assert table.splitlines()[1].split(maxsplit=4) == [
        "prosecution",
        "1",
        "1.000",
        "1.000",
        "1.000 (1)  – (0)  – (0)",
    ]
    assert len(table.split("\n\n")) == 3


def test_confusion_counts_every_passage_and_puts_the_largest_mistake_first() -> None:
    truth = np.zeros((15, 3), bool)
    truth[:5] = [False, True, True]
    truth[14] = [True, False, False]
    given = truth.copy()
    given[:3, 2] = False  # failure + complicity read as failure, three times
    given[3, :] = False
    cells = confused_sets(truth, given)
    assert sum(cell["passages"] for cell in cells) == len(truth)
    assert [(cell["truth"], cell["given"], cell["passages"]) for cell in cells] == [
        (("failure", "complicity"), ("failure",), 3),
        (("failure", "complicity"), (), 1),
        ((), (), 9),
        (("positive_effort",), ("positive_effort",), 1),
        (("failure", "complicity"), ("failure", "complicity"), 1),
    ]
    assert cells[0]["share"] == pytest.approx(0.6)
    lines = confusion_table(cells).splitlines()
    assert lines[0] == "sets of labels: 4 passages wrong, 11 right"
    assert lines[2].split() == ["failure", "+", "complicity", "failure", "3", "60.0%"]
    assert lines[3].split() == ["failure", "+", "complicity", "(none)", "1", "20.0%"]
    assert set(lines[4]) == {"-"}


def test_errors_are_the_wrong_labels_furthest_from_their_threshold_first() -> None:
    rng = np.random.default_rng(0)
    scores = rng.random((50, 3))
    truth = rng.random((50, 3)) < 0.5
    thresholds = np.array([0.3, 0.5, 0.8])
    rows = [row(f"{i} passages") for i in range(50)]
    errors = worst_errors(rows, truth, scores, thresholds, 1_000)
    assert len(errors) == (truth != (scores >= thresholds)).sum()
    margins = [abs(error["probability"] - error["threshold"]) for error in errors]
    assert margins == sorted(margins, reverse=True)
    for error in errors:
        i = int(error["text"].split()[0])
        j = LABELS.index(error["label"])
        assert error["probability"] == scores[i, j]
        assert error["threshold"] == thresholds[j]
        assert error["id"] == rows[i]["id"]
        assert (error["error"] == "missed") == truth[i, j]
        assert (error["probability"] < error["threshold"]) == truth[i, j]
    assert worst_errors(rows, truth, scores, thresholds, 4) == errors[:4]
    line = errors_table(errors[:1]).splitlines()[1]
    assert line.startswith(f"{errors[0]['error']} {errors[0]['label']}: ")
    assert errors_table(()) == "no errors"


# ------------------------------------------------------------------------------------------- tables


def test_the_main_table_keeps_its_columns_and_closing_line() -> None:
    truth = np.eye(3, dtype=bool)
    lines = metrics_table(measure(truth, truth * 1.0, truth, HALF), "all passages").splitlines()
    assert lines[0] == "all passages"
    assert lines[1].split("  ")[0] == "label"
    figures = "1.000 1.000 1.000 1 1.000 0.500 0.000".split()
    assert lines[2].split() == ["positive_effort", *figures]
    assert lines[-1] == "macro-F1 1.000   exact match 1.000   passages 3"
    assert len({len(line) for line in format_columns([("a", "b"), ("ccc", "dd")])}) == 1
