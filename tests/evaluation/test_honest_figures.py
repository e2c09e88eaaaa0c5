"""Figures say what they are worth: ties, few groups, figures of 1, and rows that flatter."""

from __future__ import annotations

import sys
import time

import numpy as np
import pytest

from tipclassify import Classifier
from tipclassify.arrays import Bools
from tipclassify.corpus.holdout import pack_taught
from tipclassify.evaluation.bootstrap import (
    compare,
    comparison_table,
    intervals,
    intervals_table,
)
from tipclassify.evaluation.report import Draws, evaluate_rows
from tipclassify.progress import progress_bar


def truth(rows: int) -> Bools:
    """Return labels of passages that have one each, in turn."""
    return np.eye(3, dtype=bool)[np.arange(rows) % 3]


def test_the_same_model_ties() -> None:
    comparison = compare(truth(90), truth(90), truth(90), np.arange(90) // 3)
    assert {difference.tied for difference in comparison.differences} == {1.0}
    lines = comparison_table(comparison, "itself").splitlines()
    assert all(line.endswith("tie") for line in lines[2:6])
    y_pred = truth(90)
    y_pred[0] = ~y_pred[0]
    mixed = compare(truth(90), truth(90), y_pred, np.arange(90) // 3).differences[0]
    assert 0 < mixed.tied < 1
    assert mixed.better == pytest.approx(1 - mixed.tied)


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


@pytest.mark.parametrize(
    ("groups", "says"), [(5, "at most 85%"), (10, "about 90%"), (19, "a little less than 95%")]
)
def test_few_groups_say_that_their_interval_covers_less(groups: int, says: str) -> None:
    labels = truth(groups * 6)
    group_of_row = np.arange(groups * 6) % groups
    few = intervals(labels, labels, group_of_row)
    last = intervals_table(few).splitlines()[-1]
    assert last.startswith(f"{groups} groups are few: such an interval covers {says}")
    assert says in comparison_table(compare(labels, labels, labels, group_of_row), "x")
    enough = intervals(truth(120), truth(120), np.arange(120) % 20)
    assert "are few" not in intervals_table(enough)


def test_percentile_intervals_of_few_groups_cover_less_than_95_in_100() -> None:
    rng = np.random.default_rng(0)
    covered = {}
    for groups in (5, 40):
        inside = 0
        for _ in range(300):
            share = np.clip(rng.normal(0.7, 0.15, groups), 0, 1)
            right = rng.random((groups, 20)) < share[:, None]
            y_true = np.zeros((groups * 20, 3), bool)
            y_true[:, 0] = True
            y_pred = np.zeros_like(y_true)
            y_pred[:, 0] = right.ravel()
            group_of_row = np.repeat(np.arange(groups), 20)
            recall = intervals(y_true, y_pred, group_of_row, draws=200).labels[0].recall
            inside += recall.low <= 0.7 <= recall.high
        covered[groups] = inside / 300
    assert covered[5] < 0.9
    assert covered[40] > 0.9


def test_rows_that_taught_or_were_labelled_in_view_are_said_to_flatter(fast: Classifier) -> None:
    rows = [
        {"id": str(n), "text": f"Police arrested {n} traffickers.", "labels": ("positive_effort",)}
        for n in range(6)
    ]
    rows[4]["predicted"] = ["failure"]
    rows[5]["blind"] = ["colleagues"]
    taught = pack_taught([row["text"] for row in rows[:3]])
    report = evaluate_rows(fast, rows, taught=taught, draws=Draws(0))
    assert (report.figures["taught"], report.figures["in_view"]) == (3, 2)
    of_training, in_view = report.tables[1].splitlines()[:2]
    assert of_training.startswith(
        "3 of these passages are in this model's training: the figures flatter"
    )
    assert in_view.startswith("2 were labelled with a model's answer in view")
    assert len(evaluate_rows(fast, rows[3:4], draws=Draws(0)).tables) == 1


def test_off_a_terminal_progress_is_a_line_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False, raising=False)
    with progress_bar("reading", every=0.05) as progress:
        assert progress is not None
        progress(3, 1_000)
        time.sleep(0.2)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) >= 2  # also where the work does not move
    assert lines[0].startswith("reading: 3 of 1,000, ")
    with progress_bar("reading") as progress:
        assert progress is None
