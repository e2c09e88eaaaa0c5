"""Figures say what they are worth: ties, few groups, figures of 1, and rows that flatter."""

from __future__ import annotations

import sys
import time

import numpy as np
import pytest

from tipclassify import Classifier
from tipclassify.corpus.taught import pack_taught
from tipclassify.evaluation.bootstrap import compare, comparison_table, intervals, intervals_table
from tipclassify.evaluation.report import Draws, evaluate_rows
from tipclassify.progress import progress_bar


def truth(rows: int) -> np.ndarray:
    return np.eye(3, dtype=bool)[np.arange(rows) % 3]


def test_the_same_model_ties() -> None:
    found = compare(truth(90), truth(90), truth(90), np.arange(90) // 3)
    assert {row.tied for row in found.differences} == {1.0}
    lines = comparison_table(found, "itself").splitlines()
    assert all(line.endswith("tie") for line in lines[2:6])
    y_pred = truth(90)
    y_pred[0] = ~y_pred[0]
    mixed = compare(truth(90), truth(90), y_pred, np.arange(90) // 3).differences[0]
    assert 0 < mixed.tied < 1
    assert mixed.better == pytest.approx(1 - mixed.tied)


def test_a_figure_of_1_has_an_interval_that_narrows_with_its_groups() -> None:
    few, many = (
        intervals(truth(9 * n), truth(9 * n), np.arange(9 * n) // 9).macro_f1 for n in (5, 100)
    )
    assert (few.high, many.high) == (1.0, 1.0)
    assert few.low == pytest.approx(5 / (5 + 1.96**2), abs=1e-3)  # Wilson's
    assert many.low > 0.95


def test_a_label_of_one_group_has_a_wide_interval() -> None:
    y_true, y_pred = np.zeros((60, 3), bool), np.zeros((60, 3), bool)
    y_true[:2, 2] = y_pred[:1, 2] = True
    found = intervals(y_true, y_pred, np.arange(60) // 2).labels[2].recall
    assert found.low < 0.2
    assert found.high > 0.8


@pytest.mark.parametrize(
    ("groups", "says"), [(5, "at most 85%"), (10, "about 90%"), (19, "a little less than 95%")]
)
def test_few_groups_say_that_their_interval_covers_less(groups: int, says: str) -> None:
    rows = groups * 6
    number = np.arange(rows) % groups
    found = intervals(truth(rows), truth(rows), number)
    assert (
        intervals_table(found)
        .splitlines()[-1]
        .startswith(f"{groups} groups are few: such an interval covers {says}")
    )
    assert says in comparison_table(compare(truth(rows), truth(rows), truth(rows), number), "x")
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
            found = (
                intervals(y_true, y_pred, np.repeat(np.arange(groups), 20), draws=200)
                .labels[0]
                .recall
            )
            inside += found.low <= 0.7 <= found.high
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
    tables = report.tables
    assert (report.figures["taught"], report.figures["in_view"]) == (3, 2)
    assert (
        tables[1]
        .splitlines()[0]
        .startswith("3 of these passages are in this model's training: the figures flatter")
    )
    assert tables[1].splitlines()[1].startswith("2 were labelled with a model's answer in view")
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
