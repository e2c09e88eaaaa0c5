"""Intervals show how unsure a figure is; slices, confusions and errors account for every
passage."""

from __future__ import annotations

import re
import time

import numpy as np
import pytest
from hypothesis import given as holds_for
from hypothesis import settings
from hypothesis import strategies as st

from tipclassify.evaluation.bootstrap import compare, comparison_table, intervals, intervals_table
from tipclassify.evaluation.error_analysis import (
    confused_sets,
    confusion_table,
    errors_table,
    slices_by_field,
    slices_table,
    worst_errors,
)
from tipclassify.evaluation.metrics import (
    calibration_error,
    measure,
    metrics_table,
    reliability,
    reliability_table,
)
from tipclassify.formatting import format_columns
from tipclassify.labels import LABELS

HALF = np.full(3, 0.5)


def simulated(
    seed: int, groups: int = 150, copies: int = 1
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Truth, labels given and groups: each label occurs in 40%, is missed in 10%, falsely given
    in 20%."""
    rng = np.random.default_rng(seed)
    truth = rng.random((groups, 3)) < 0.4
    given = np.where(truth, rng.random((groups, 3)) >= 0.1, rng.random((groups, 3)) < 0.2)
    return (
        truth.repeat(copies, axis=0),
        given.repeat(copies, axis=0),
        np.arange(groups).repeat(copies),
    )


# of the population that `simulated` draws from
F1_OF_ALL = 2 * 0.4 * 0.9 / (0.4 + 0.4 * 0.9 + 0.6 * 0.2)


def width(interval: object) -> float:
    return float(interval.high - interval.low)  # type: ignore[attr-defined]


# ---------------------------------------------------------------------------------------------
# intervals


def test_intervals_hold_the_true_value_about_95_times_in_100_when_copies_are_grouped() -> None:
    grouped, apart = [], []
    for seed in range(100):
        truth, given, groups = simulated(seed, copies=3)
        grouped.append(intervals(truth, given, groups, 400).labels[1].f1)
        apart.append(intervals(truth, given, np.arange(len(groups)), 400).labels[1].f1)
    covered = np.mean([i.low <= F1_OF_ALL <= i.high for i in grouped])
    assert 0.90 <= covered <= 0.985
    # what counting copies as news would claim
    assert np.mean([i.low <= F1_OF_ALL <= i.high for i in apart]) < 0.85


def test_copies_in_a_group_teach_nothing_but_copies_taken_for_news_narrow_the_interval() -> None:
    once = intervals(*simulated(1))
    truth, given, groups = simulated(1, copies=4)
    assert intervals(truth, given, groups).macro_f1 == once.macro_f1
    assert width(intervals(truth, given, np.arange(len(truth))).macro_f1) == pytest.approx(
        width(once.macro_f1) / 2, rel=0.15
    )


def test_intervals_are_those_of_drawing_groups_one_by_one() -> None:
    rng = np.random.default_rng(3)
    truth, given, _ = simulated(3, groups=240)
    groups = rng.integers(0, 60, 240)
    members = [np.flatnonzero(groups == g) for g in np.unique(groups)]
    drawn = []
    for _ in range(400):
        rows = np.concatenate([members[g] for g in rng.integers(0, len(members), len(members))])
        true, tagged = truth[rows], given[rows]
        right, f1 = (
            (true & tagged).sum(axis=0),
            2 * (true & tagged).sum(axis=0) / (true.sum(axis=0) + tagged.sum(axis=0)),
        )
        of_first = right[0] / tagged[:, 0].sum(), right[0] / true[:, 0].sum(), f1[0]
        drawn.append((f1.mean(), (true == tagged).all(axis=1).mean(), *of_first))
    found = intervals(truth, given, groups, 4_000)
    label = found.labels[0]
    ours = (found.macro_f1, found.exact_match, label.precision, label.recall, label.f1)
    for interval, low, high in zip(ours, *np.quantile(drawn, [0.025, 0.975], axis=0), strict=True):
        assert (interval.low, interval.high) == (
            pytest.approx(low, abs=0.025),
            pytest.approx(high, abs=0.025),
        )
    assert (found.draws, found.groups) == (4_000, len(members))


def test_a_weight_counts_as_so_many_passages_of_the_group() -> None:
    rng = np.random.default_rng(0)
    y_true, y_pred = rng.random((2, 60, 3)) < 0.5
    groups, times = np.arange(60) // 3, 1 + np.arange(60) % 4
    weighted = intervals(y_true, y_pred, groups, draws=200, weights=times.astype(float))
    assert weighted == intervals(
        *(each.repeat(times, axis=0) for each in (y_true, y_pred, groups)), draws=200
    )
    assert weighted != intervals(y_true, y_pred, groups, draws=200)


def test_what_cannot_be_drawn_has_no_interval() -> None:
    truth, given, groups = simulated(0)
    truth[:, 2] = given[:, 2] = False
    found = intervals(truth, given, groups)
    assert str(found.labels[2].f1) == str(found.labels[2].precision) == "–"
    assert not np.isnan(found.macro_f1.low)  # of the labels that occur
    assert str(intervals(truth, given, groups, draws=0).macro_f1) == "–"
    alone = intervals(truth, given, np.zeros(len(truth), int))
    assert str(alone.macro_f1) == "–"
    assert intervals_table(alone).startswith("no 95% intervals")


def test_the_seed_decides_the_draws() -> None:
    sample = simulated(5)
    assert intervals(*sample, seed=1) == intervals(*sample, seed=1)
    assert intervals(*sample, seed=1) != intervals(*sample, seed=2)


def test_twenty_thousand_rows_take_under_three_seconds() -> None:
    truth, given, groups = simulated(0, groups=20_000)
    for of_row in (groups, groups // 3):
        begin = time.process_time()
        intervals(truth, given, of_row)
        assert time.process_time() - begin < 3


def test_the_interval_table_names_every_figure() -> None:
    table = intervals_table(intervals(*simulated(0))).splitlines()
    assert [line.split()[0] for line in table] == ["95%", *LABELS, "macro-F1"]
    assert table[-1].endswith("groups 150   draws 1,000")


# ---------------------------------------------------------------------------------------------
# comparison


def test_a_model_is_no_better_than_itself() -> None:
    truth, given, groups = simulated(0)
    found = compare(truth, given, given, groups)
    assert [d.figure for d in found.differences] == ["macro-F1", *LABELS]
    for d in found.differences:
        assert (d.difference, d.interval.low, d.interval.high, d.better) == (0, 0, 0, 0)
    assert found.differences[0].this == pytest.approx(
        measure(truth, given * 1.0, given, HALF).macro_f1
    )


def test_pairing_finds_a_small_difference_that_two_intervals_do_not() -> None:
    truth, given, groups = simulated(0, groups=400)
    other = given.copy()
    other[np.flatnonzero(truth[:, 0] & given[:, 0])[::20], 0] = False  # misses one in twenty more
    mine, theirs = (intervals(truth, g, groups).labels[0].f1 for g in (given, other))
    assert theirs.high > mine.low
    effort = compare(truth, given, other, groups).differences[1]
    assert effort.interval.low > 0
    assert effort.better > 0.99
    back = compare(truth, other, given, groups).differences[1]
    assert (back.difference, back.interval.high) == (
        -effort.difference,
        pytest.approx(-effort.interval.low, abs=0.002),
    )
    assert back.better == 0


def test_comparison_without_draws_keeps_the_difference() -> None:
    truth, given, groups = simulated(0)
    found = compare(truth, given, ~given, groups, draws=0)
    assert found.differences[0].difference > 0
    assert np.isnan(found.differences[0].better)
    lines = comparison_table(found, "models/old").splitlines()
    assert "models/old" in lines[0]
    assert lines[2].split()[-2:] == ["–", "–"]


# ---------------------------------------------------------------------------------------------
# reliability


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
    lines = reliability_table(
        "failure", reliability(np.array([True]), np.array([1.0]))
    ).splitlines()
    assert lines[0] == "reliability of failure"
    assert lines[2].split() == ["0.00-0.10", "0", "–", "–"]
    assert lines[-1].split() == ["0.90-1.00", "1", "1.000", "1.000"]


# ---------------------------------------------------------------------------------------------
# where it goes wrong


def row(text: str, **more: str) -> dict[str, str]:
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
    found = slices_by_field(rows, frozenset(), truth, truth * 0.9, truth, HALF)
    for field in ("section", "words", "clauses"):
        of_field = [s["metrics"] for s in found if s["field"] == field]
        assert sum(m["passages"] for m in of_field) == len(rows)
        for j in range(3):
            assert sum(m["labels"][j]["support"] for m in of_field) == truth[:, j].sum()


def test_slices_are_cut_where_they_say() -> None:
    lengths = (1, 10, 11, 20, 21, 30, 31, 45, 46, 300)
    rows = [row("word " * n) for n in lengths]
    rows += [row("Police arrested nine traffickers, but courts freed them.", section="prosecution")]
    none = np.zeros((len(rows), 3), bool)
    every = slices_by_field(rows, frozenset(), none, none * 1.0, none, HALF)
    found = {(s["field"], s["value"]): s["metrics"]["passages"] for s in every}
    assert [found["words", value] for value in ("1-10", "11-20", "21-30", "31-45", "46+")] == [
        3,
        2,
        2,
        2,
        2,
    ]
    assert found["clauses", "2"] == 1
    assert found["section", "prosecution"] == 1
    assert found["section", "(none)"] == len(lengths)


def test_a_slice_has_the_figures_of_its_passages_alone() -> None:
    rows = [row("Police acted.", section="prosecution"), row("Courts slept.", section="protection")]
    truth = np.array([[True, False, False], [False, True, False]])
    given = np.array([[True, False, False], [False, False, False]])
    found = slices_by_field(rows, frozenset(), truth, given * 0.9, given, HALF)
    by_section = {s["value"]: s["metrics"]["macro_f1"] for s in found if s["field"] == "section"}
    assert by_section == {"prosecution": 1.0, "protection": 0.0}
    table = re.sub(" {3,}", "  ", slices_table(found))
    assert table.splitlines()[1].split(maxsplit=4) == [
        "prosecution",
        "1",
        "1.000",
        "1.000",
        "1.000 (1)  – (0)  – (0)",
    ]
    assert len(table.split("\n\n")) == 3


def test_confusion_counts_every_passage_and_puts_the_largest_mistake_first() -> None:
    truth = np.array([[0, 1, 1]] * 5 + [[0, 0, 0]] * 9 + [[1, 0, 0]], bool)
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
    scores, truth = rng.random((50, 3)), rng.random((50, 3)) < 0.5
    thresholds = np.array([0.3, 0.5, 0.8])
    rows = [row(f"{i} passages") for i in range(50)]
    found = worst_errors(rows, truth, scores, thresholds, 1_000)
    assert len(found) == (truth != (scores >= thresholds)).sum()
    margins = [abs(m["probability"] - m["threshold"]) for m in found]
    assert margins == sorted(margins, reverse=True)
    for m in found:
        i, j = int(m["text"].split()[0]), LABELS.index(m["label"])
        assert (m["probability"], m["threshold"], m["id"]) == (
            scores[i, j],
            thresholds[j],
            rows[i]["id"],
        )
        assert truth[i, j] == (m["error"] == "missed") == (m["probability"] < m["threshold"])
    assert worst_errors(rows, truth, scores, thresholds, 4) == found[:4]
    assert (
        errors_table(found[:1])
        .splitlines()[1]
        .startswith(f"{found[0]['error']} {found[0]['label']}: ")
    )
    assert errors_table(()) == "no errors"


# ---------------------------------------------------------------------------------------------
# tables


def test_the_main_table_keeps_its_columns_and_closing_line() -> None:
    truth = np.eye(3, dtype=bool)
    lines = metrics_table(measure(truth, truth * 1.0, truth, HALF), "all passages").splitlines()
    assert lines[0] == "all passages"
    assert lines[1].split("  ")[0] == "label"
    assert lines[2].split() == [
        "positive_effort",
        "1.000",
        "1.000",
        "1.000",
        "1",
        "1.000",
        "0.500",
        "0.000",
    ]
    assert lines[-1] == "macro-F1 1.000   exact match 1.000   passages 3"
    assert len({len(line) for line in format_columns([("a", "b"), ("ccc", "dd")])}) == 1
