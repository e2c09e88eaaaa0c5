"""On real text, where it lies beside the project; skipped elsewhere.

Nothing was trained or tuned on it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from conftest import Cli

from tipclassify import Classifier, Passage, classify
from tipclassify.arrays import Bools, Floats
from tipclassify.corpus.given import as_indicator
from tipclassify.corpus.rows import Row
from tipclassify.evaluation.metrics import Metrics, measure


def test_the_seed_document_is_tagged_as_its_reader_would(real: Path) -> None:
    (file,) = (real / "seed").glob("*.txt")
    passages = classify(file.read_text("utf-8"))

    def labels(words: str) -> set[str]:
        (passage,) = (passage for passage in passages if words in passage.text)
        return set(passage.labels)

    assert "complicity" in labels("corruption and official complicity")
    assert "complicity" in labels("actively impeded")
    assert labels("hold criminally accountable") == {"failure", "complicity"}
    assert "positive_effort" in labels("took some steps")
    for words in ("Timeline", "arrow-down"):
        assert not any(words in passage.text for passage in passages)


@dataclass(frozen=True)
class LabelledFile:
    """The rows of a file, and their passages and labels."""

    rows: list[Row]
    passages: list[Passage]  # under their headings
    y_true: Bools  # (n, 3)


def read(file: Path) -> LabelledFile:
    """Read labelled passages."""
    rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    passages = [
        Passage(row["text"], 0, len(row["text"]), row.get("section") or None) for row in rows
    ]
    return LabelledFile(rows, passages, as_indicator([row["labels"] for row in rows]))


SLOW = pytest.mark.slow  # the encoder reads 900 passages


def measured(y_true: Bools, scores: Floats, thresholds: Floats) -> Metrics:
    """Measure scores at thresholds."""
    return measure(y_true, scores, scores >= thresholds, thresholds)


@pytest.mark.parametrize(
    ("model", "clause", "sentence"),
    [pytest.param("default", 0.90, 0.80, marks=SLOW), ("fast", 0.86, 0.70)],
)
def test_the_bars_hold_on_the_development_set(
    real: Path, model: str, clause: float, sentence: float
) -> None:
    labelled = read(real / "real" / "dev.jsonl")
    classifier = Classifier.load(model)
    scores = classifier.predict_proba(labelled.passages)
    for kind, bar in (("clause", clause), ("sentence", sentence)):
        of_kind = np.array([row["kind"] == kind for row in labelled.rows])
        metrics = measured(labelled.y_true[of_kind], scores[of_kind], classifier.thresholds())
        assert metrics.macro_f1 >= bar, kind


@pytest.mark.parametrize(
    ("model", "macro", "false_tag_rate", "cited"),
    [pytest.param("default", 0.90, 0.03, 0.95, marks=SLOW), ("fast", 0.84, 0.08, 0.92)],
)
def test_the_bars_hold_on_reports(
    real: Path, model: str, macro: float, false_tag_rate: float, cited: float
) -> None:
    labelled = read(real / "real" / "dev_reports.jsonl")
    classifier = Classifier.load(model)
    thresholds = classifier.thresholds()
    scores = classifier.predict_proba(labelled.passages)
    balanced = measured(labelled.y_true, scores, thresholds)
    cited_tags = scores >= classifier.thresholds("cite")
    assert balanced.macro_f1 >= macro
    assert max(label.calibration_error for label in balanced.labels) <= 0.03
    # Of complicity some 16 are tagged: a share of wrong ones is rounded up to a whole tag.
    most_wrong = np.ceil((1 - cited) * cited_tags.sum(axis=0) - 1e-9)
    assert ((cited_tags & ~labelled.y_true).sum(axis=0) <= most_wrong).all()
    of_human_rights_reports = [row["source"].startswith("hrr") for row in labelled.rows]
    without_labels = ~labelled.y_true.any(axis=1) & of_human_rights_reports
    tagged = (scores >= thresholds).any(axis=1)
    assert tagged[without_labels].mean() <= false_tag_rate
    if model == "default":
        without_headings = [replace(passage, section=None) for passage in labelled.passages]
        scores_without = classifier.predict_proba(without_headings)
        bare = measured(labelled.y_true, scores_without, thresholds)
        assert balanced.macro_f1 > bare.macro_f1 + 0.01  # the heading is evidence


def test_evaluate_runs_on_it(real: Path, cli: Cli) -> None:
    file = real / "real" / "dev.jsonl"
    done = cli("evaluate", file, "--model", "fast", "--by", "kind", "--draws", 200)
    out = done.stdout.decode()
    assert out.index("kind = clause") < out.index("kind = sentence") < out.index("all passages")
