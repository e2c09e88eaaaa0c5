"""A user's program, for type checkers: it uses the public names as their pages show them.

`mypy --strict` (which CI runs on it) must accept each line, and must refuse those that end in
``type: ignore``: an ignore without an error is an error, too. A test runs it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from tipclassify import (
    LABELS,
    Classifier,
    Document,
    Evaluation,
    Explanation,
    Passage,
    Policy,
    Report,
    Summary,
    TipClassifier,
    Unit,
    cite,
    classify,
    compare,
    evaluate,
    explain,
    load_corpus,
    summarize,
    tag_batch,
    tag_report,
    write_reports,
)

TEXT = "Police arrested nine traffickers. Courts convicted none of them."


def tags(text: str, policy: Policy = "balanced", unit: Unit = "sentence") -> list[tuple[str, ...]]:
    """Tag a text."""
    report: Report = tag_report(Document.from_text(text), model="fast", policy=policy, unit=unit)
    return [passage.labels for passage in report.passages]


def main(folder: Path) -> None:
    """Use each public function once."""
    passages: list[Passage] = classify(TEXT, model="fast")
    several: list[list[Passage]] = classify([TEXT, TEXT], model="fast")
    assert several == [passages, passages]
    fast: Classifier = Classifier.load("fast")
    scores: npt.NDArray[np.float64] = fast.predict_proba(passage.text for passage in passages)
    given: npt.NDArray[np.bool_] = fast.predict(passages, "cite")
    assert scores.shape == given.shape == (2, len(LABELS))
    reasons: dict[str, Explanation] = explain(passages[0], model=fast)
    assert abs(reasons["failure"].probability - scores[0, 1]) < 1e-9

    report = tag_report(Document.from_text(TEXT, "a.txt"), model=fast)
    summary: Summary = summarize(report, by=["file"])
    changes = compare(report, report)
    citation = cite(report, report.passages[0])
    write_reports([report], folder / "findings.csv")
    assert (summary.total.passages, len(changes.changes), citation.title) == (2, 2, "a.txt")

    measured: Evaluation = evaluate([TEXT], [["failure"]], model=fast, draws=0)
    assert measured.metrics.passages == 1
    assert tag_batch({"text": [TEXT]}, model="fast")["labels"] == [["positive_effort", "failure"]]
    estimator: TipClassifier = TipClassifier(
        model="fast", policy="cite", random_state=1, n_jobs=None
    )
    assert estimator.policy == "cite"
    assert tags(TEXT) == [passage.labels for passage in passages]


def trained(file: Path) -> TipClassifier:
    """Train on a file of labelled passages; never called, since it takes long."""
    rows = load_corpus(file)
    by_columns = TipClassifier().fit(rows["text"], rows["labels"], groups=rows["doc"])
    probabilities: npt.NDArray[np.float64] = by_columns.predict_proba(rows["text"])
    assert probabilities.shape == (len(rows), len(LABELS))
    return TipClassifier(penalty=30).fit(rows)


def refused() -> None:
    """Make mistakes that a type checker finds; never called."""
    tags(TEXT, policy="bold")  # type: ignore[arg-type]
    tags(TEXT, unit="page")  # type: ignore[arg-type]
    classify(3)  # type: ignore[call-overload]
    Classifier.load("fast").tag(TEXT)  # type: ignore[arg-type]
    summarize(TEXT)  # type: ignore[arg-type]
    TipClassifier().fit(3)  # type: ignore[arg-type]
    explain(None)  # type: ignore[arg-type]
