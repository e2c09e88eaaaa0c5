"""On real text, where it lies beside the project; skipped elsewhere. Nothing was trained or tuned on it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from conftest import Run

from tipclassify import Classifier, classify
from tipclassify.estimator import as_indicator
from tipclassify.evaluation import measure


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
    assert labels("Timeline") == set()
    assert labels("arrow-down") == set()


def test_the_bars_hold_on_the_development_set(real: Path, classifier: Classifier) -> None:
    rows = [json.loads(line) for line in (real / "real" / "dev.jsonl").read_text("utf-8").splitlines()]
    truth = as_indicator([row["labels"] for row in rows])
    scores = classifier.predict_proba([row["text"] for row in rows])
    kinds = np.array([row["kind"] for row in rows])
    thresholds = classifier.thresholds()
    for kind, bar in (("clause", 0.88), ("sentence", 0.76)):
        part = kinds == kind
        metrics = measure(truth[part], scores[part], scores[part] >= thresholds, thresholds)
        assert metrics.macro_f1 >= bar, kind
        assert min(m.f1 for m in metrics.labels) >= 0.70, kind
    everything = measure(truth, scores, scores >= thresholds, thresholds)
    assert max(m.calibration_error for m in everything.labels) < 0.04


def test_evaluate_runs_on_it(real: Path, cli: Run) -> None:
    out = cli("evaluate", real / "real" / "dev.jsonl", "--by", "kind", "--draws", 200).stdout.decode()
    assert out.index("kind = clause") < out.index("kind = sentence") < out.index("all passages")
