"""Metrics, errors and what flatters: every passage is accounted for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tipclassify import Classifier
from tipclassify.corpus.holdout import pack_taught
from tipclassify.evaluation.metrics import calibration_error, measure, metrics_table, reliability
from tipclassify.evaluation.report import evaluate_rows
from tipclassify.labels import LABELS


def test_reliability_bins_hold_every_passage_once_and_give_the_calibration_error() -> None:
    rng = np.random.default_rng(0)
    scores = np.append(rng.random(500), [0.0, 1.0])
    truth = rng.random(502) < scores
    passages, probability, share = reliability(truth, scores).T
    assert passages.shape == (10,)
    assert passages.sum() == 502
    low = np.arange(10) / 10
    assert ((low <= probability) & (probability <= low + 0.1)).all()
    assert passages @ share == pytest.approx(truth.sum())
    gap = passages @ np.abs(probability - share) / 502
    assert calibration_error(truth, scores) == pytest.approx(gap)


def rows_of(labels: tuple[str, ...], count: int = 6) -> list[dict[str, Any]]:
    """Make rows of sentences that are efforts, and labelled as given."""
    return [
        {"id": f"id {n}", "text": f"Police arrested {n} traffickers.", "labels": labels}
        for n in range(1, count + 1)
    ]


def test_errors_are_the_wrong_labels_furthest_from_their_threshold_first(fast: Classifier) -> None:
    rows = [*rows_of(("complicity",), 3), *rows_of(("positive_effort",), 3)]
    figures, tables = evaluate_rows(fast, rows, errors=1_000, draws=0)
    errors: Any = figures["errors"]
    margins = [round(abs(error["probability"] - error["threshold"]), 3) for error in errors]
    assert margins == sorted(margins, reverse=True)
    assert len(errors) == 6  # complicity missed, and an effort falsely given, three times
    assert {error["id"] for error in errors} == {"id 1", "id 2", "id 3"}
    for error in errors:
        is_missed = error["probability"] < error["threshold"]
        assert (error["error"], error["label"]) == (
            ("missed", "complicity") if is_missed else ("false", "positive_effort")
        )
    worst, _ = evaluate_rows(fast, rows, errors=4, draws=0)
    assert worst["errors"] == errors[:4]
    line = tables[-1].splitlines()[1]
    assert line.startswith(f"{errors[0]['error']} {errors[0]['label']}: ")
    _, tables = evaluate_rows(fast, rows[3:], errors=1, draws=0)
    assert tables[-1] == "no errors"


def test_the_main_table_keeps_its_columns_and_closing_line() -> None:
    truth = np.eye(3, dtype=bool)
    metrics = measure(truth, truth * 1.0, truth, np.full(3, 0.5))
    lines = metrics_table(metrics, "all passages").splitlines()
    assert lines[0] == "all passages"
    assert lines[1].split("  ")[0] == "label"
    figures = "1.000 1.000 1.000 1 1.000 0.500 0.000".split()
    assert lines[2].split() == [LABELS[0], *figures]
    assert lines[-1] == "macro-F1 1.000   exact match 1.000   passages 3"


def test_rows_that_taught_or_were_labelled_in_view_are_said_to_flatter(fast: Classifier) -> None:
    rows = rows_of(("positive_effort",))
    rows[4]["predicted"] = ["failure"]
    rows[5]["blind"] = ["colleagues"]
    rows[3]["blind"] = True  # of a corpus not made here
    taught = pack_taught([row["text"] for row in rows[:3]])
    figures, tables = evaluate_rows(fast, rows, taught=taught, draws=0)
    assert (figures["taught"], figures["in_view"]) == (3, 2)
    of_training, in_view = tables[1].splitlines()[:2]
    assert of_training.startswith(
        "3 of these passages are in this model's training: the figures flatter"
    )
    assert in_view.startswith("2 were labelled with a model's answer in view")
    _, tables = evaluate_rows(fast, rows[3:4], draws=0)
    assert len(tables) == 1
