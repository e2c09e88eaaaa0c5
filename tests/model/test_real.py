"""On real text, where it lies beside the project; skipped elsewhere. Nothing was trained or
tuned on it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Run

from tipclassify import Classifier, Passage, classify
from tipclassify.corpus.indicator import as_indicator
from tipclassify.evaluation.metrics import Metrics, measure


def test_the_seed_document_is_tagged_as_its_reader_would(real: Path) -> None:
    (file,) = (real / "seed").glob("*.txt")
    passages = classify(file.read_text("utf-8"))

    def labels(words: str) -> set[str]:
        (found,) = (p for p in passages if words in p.text)
        return set(found.labels)

    assert "complicity" in labels("corruption and official complicity")
    assert "complicity" in labels("actively impeded")
    assert labels("hold criminally accountable") == {"failure", "complicity"}
    assert "positive_effort" in labels("took some steps")
    assert not any(
        words in passage.text for passage in passages for words in ("Timeline", "arrow-down")
    )


def read(file: Path) -> tuple[list[Passage], Any, list[dict[str, Any]]]:
    """Passages under their headings, their labels, and the rows."""
    rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    passages = [
        Passage(row["text"], 0, len(row["text"]), row.get("section") or None) for row in rows
    ]
    return passages, as_indicator([row["labels"] for row in rows]), rows


SLOW = pytest.mark.slow  # the encoder reads 900 passages


def measured(
    classifier: Classifier, passages: list[Passage], truth: Any, part: Any = slice(None)
) -> Metrics:
    scores, thresholds = classifier.predict_proba(passages), classifier.thresholds()
    return measure(truth[part], scores[part], scores[part] >= thresholds, thresholds)


@pytest.mark.parametrize(
    ("model", "clause", "sentence"),
    [pytest.param("default", 0.90, 0.80, marks=SLOW), ("fast", 0.86, 0.70)],
)
def test_the_bars_hold_on_the_development_set(
    real: Path, model: str, clause: float, sentence: float
) -> None:
    passages, truth, rows = read(real / "real" / "dev.jsonl")
    kinds = np.array([row["kind"] for row in rows])
    for kind, bar in (("clause", clause), ("sentence", sentence)):
        metrics = measured(Classifier.load(model), passages, truth, kinds == kind)
        assert metrics.macro_f1 >= bar, kind


@pytest.mark.parametrize(
    ("model", "macro", "false_tag_rate", "cited"),
    [pytest.param("default", 0.90, 0.03, 0.95, marks=SLOW), ("fast", 0.84, 0.08, 0.92)],
)
def test_the_bars_hold_on_reports(
    real: Path, model: str, macro: float, false_tag_rate: float, cited: float
) -> None:
    passages, truth, rows = read(real / "real" / "dev_reports.jsonl")
    classifier = Classifier.load(model)
    scores = classifier.predict_proba(passages)
    balanced, cite = (
        measure(truth, scores, scores >= limit, limit)
        for limit in map(classifier.thresholds, ("balanced", "cite"))
    )
    assert balanced.macro_f1 >= macro
    assert max(label.calibration_error for label in balanced.labels) <= 0.03
    assert min(label.precision for label in cite.labels) >= cited
    # of human-rights reports
    empty = ~truth.any(axis=1) & [row["source"].startswith("hrr") for row in rows]
    assert (scores >= classifier.thresholds())[empty].any(axis=1).mean() <= false_tag_rate
    if model == "default":
        bare = measured(classifier, [replace(passage, section=None) for passage in passages], truth)
        assert balanced.macro_f1 > bare.macro_f1 + 0.01  # the heading is evidence


def test_evaluate_runs_on_it(real: Path, cli: Run) -> None:
    out = cli(
        "evaluate", real / "real" / "dev.jsonl", "--model", "fast", "--by", "kind", "--draws", 200
    ).stdout.decode()
    assert out.index("kind = clause") < out.index("kind = sentence") < out.index("all passages")
