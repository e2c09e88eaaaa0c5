"""Slices and errors account for every passage, and rows that flatter are said to."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given as holds_for
from hypothesis import settings
from hypothesis import strategies as st

from tipclassify import Classifier
from tipclassify.arrays import Bools, Floats
from tipclassify.corpus.holdout import pack_taught
from tipclassify.evaluation.metrics import (
    calibration_error,
    measure,
    metrics_table,
    reliability,
    reliability_table,
)
from tipclassify.evaluation.report import (
    Judged,
    confused_sets,
    confusion_table,
    errors_table,
    evaluate_rows,
    slice_metrics,
    slices_table,
    worst_errors,
)
from tipclassify.labels import LABELS

HALF = np.full(3, 0.5)


def judged(y_true: Bools, scores: Floats, thresholds: Floats = HALF) -> Judged:
    """Return what a model of these scores says of labelled rows."""
    return Judged(y_true, scores, scores >= thresholds, np.arange(len(y_true)), thresholds)


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
    slices = slice_metrics(judged(truth, truth * 0.9), rows, frozenset())
    for field in ("section", "words", "clauses"):
        of_field = [each.metrics for each in slices if each.field == field]
        assert sum(metrics.passages for metrics in of_field) == len(rows)
        for j in range(3):
            support = sum(metrics.labels[j].support for metrics in of_field)
            assert support == truth[:, j].sum()


def test_slices_are_cut_where_they_say() -> None:
    lengths = (1, 10, 11, 20, 21, 30, 31, 45, 46, 300)
    rows = [row("word " * n) for n in lengths]
    rows += [row("Police arrested nine traffickers, but courts freed them.", section="prosecution")]
    none = np.zeros((len(rows), 3), bool)
    slices = slice_metrics(judged(none, none * 1.0), rows, frozenset())
    passages = {(each.field, each.value): each.metrics.passages for each in slices}
    of_words = [passages["words", value] for value in ("1-10", "11-20", "21-30", "31-45", "46+")]
    assert of_words == [3, 2, 2, 2, 2]
    assert passages["clauses", "2"] == 1
    assert passages["section", "prosecution"] == 1
    assert passages["section", "(none)"] == len(lengths)


def test_a_slice_has_the_figures_of_its_passages_alone() -> None:
    rows = [row("Police acted.", section="prosecution"), row("Courts slept.", section="protection")]
    truth = np.array([[True, False, False], [False, True, False]])
    given = np.array([[True, False, False], [False, False, False]])
    slices = slice_metrics(judged(truth, given * 0.9), rows, frozenset())
    by_section = {each.value: each.metrics.macro_f1 for each in slices if each.field == "section"}
    assert by_section == {"prosecution": 1.0, "protection": 0.0}
    table = re.sub(" {3,}", "  ", slices_table(slices))
    figures = ["1", "1.000", "1.000", "1.000 (1)  – (0)  – (0)"]
    assert table.splitlines()[1].split(maxsplit=4) == ["prosecution", *figures]
    assert len(table.split("\n\n")) == 3


def test_confusion_counts_every_passage_and_puts_the_largest_mistake_first() -> None:
    truth = np.zeros((15, 3), bool)
    truth[:5] = [False, True, True]
    truth[14] = [True, False, False]
    given = truth.copy()
    given[:3, 2] = False  # failure + complicity read as failure, three times
    given[3, :] = False
    cells = confused_sets(judged(truth, given * 1.0))
    assert sum(cell.passages for cell in cells) == len(truth)
    assert [(cell.truth, cell.given, cell.passages) for cell in cells] == [
        (("failure", "complicity"), ("failure",), 3),
        (("failure", "complicity"), (), 1),
        ((), (), 9),
        (("positive_effort",), ("positive_effort",), 1),
        (("failure", "complicity"), ("failure", "complicity"), 1),
    ]
    assert cells[0].share == pytest.approx(0.6)
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
    every = judged(truth, scores, thresholds)
    errors = worst_errors(every, rows, 1_000)
    assert len(errors) == (truth != (scores >= thresholds)).sum()
    margins = [abs(error.probability - error.threshold) for error in errors]
    assert margins == sorted(margins, reverse=True)
    for error in errors:
        i = int(error.text.split()[0])
        j = LABELS.index(error.label)
        assert (error.probability, error.threshold) == (scores[i, j], thresholds[j])
        assert error.id == rows[i]["id"]
        assert (error.error == "missed") == truth[i, j]
        assert (error.probability < error.threshold) == truth[i, j]
    assert worst_errors(every, rows, 4) == errors[:4]
    line = errors_table(errors[:1]).splitlines()[1]
    assert line.startswith(f"{errors[0].error} {errors[0].label}: ")
    assert errors_table(()) == "no errors"


def test_the_main_table_keeps_its_columns_and_closing_line() -> None:
    truth = np.eye(3, dtype=bool)
    lines = metrics_table(measure(truth, truth * 1.0, truth, HALF), "all passages").splitlines()
    assert lines[0] == "all passages"
    assert lines[1].split("  ")[0] == "label"
    figures = "1.000 1.000 1.000 1 1.000 0.500 0.000".split()
    assert lines[2].split() == ["positive_effort", *figures]
    assert lines[-1] == "macro-F1 1.000   exact match 1.000   passages 3"


# ---------------------------------------------------------------------------------- what flatters


def test_rows_that_taught_or_were_labelled_in_view_are_said_to_flatter(fast: Classifier) -> None:
    rows = [
        {"id": str(n), "text": f"Police arrested {n} traffickers.", "labels": ("positive_effort",)}
        for n in range(6)
    ]
    rows[4]["predicted"] = ["failure"]
    rows[5]["blind"] = ["colleagues"]
    rows[3]["blind"] = True  # of a corpus not made here
    taught = pack_taught([row["text"] for row in rows[:3]])
    report = evaluate_rows(fast, rows, taught=taught, draws=0)
    assert (report.figures["taught"], report.figures["in_view"]) == (3, 2)
    of_training, in_view = report.tables[1].splitlines()[:2]
    assert of_training.startswith(
        "3 of these passages are in this model's training: the figures flatter"
    )
    assert in_view.startswith("2 were labelled with a model's answer in view")
    assert len(evaluate_rows(fast, rows[3:4], draws=0).tables) == 1
