"""The steps of ``train.py`` behind one call: a checked corpus in, a saved model folder out."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tipclassify.classifier import Classifier
from tipclassify.corpus import corpus_digest, group_rows
from tipclassify.estimator import TipClassifier
from tipclassify.labels import LABELS, indicator
from tipclassify.model_card import model_card
from tipclassify.training import Fitted, Progress

if TYPE_CHECKING:
    import datasets

__all__ = ["golden_rows", "train_model"]

_GOLDEN: Final = 60  # passages whose scores a copy of the model must reproduce


def train_model(
    corpus: datasets.Dataset, out: str | os.PathLike[str], *, seed: int = 0, jobs: int = 1, folds: int = 5
) -> Fitted:
    """Cross-validate, fit, and write the model folder `out` with its card and golden passages.

    Raises
    ------
    ValueError
        When the corpus is too small to hold some of it out.
    """
    rows = [{**row, "labels": tuple(LABELS[i] for i in row["labels"])} for row in corpus]
    truth = np.array([indicator(row["labels"]) for row in rows], bool)
    estimator = TipClassifier(folds=folds, seed=seed, jobs=jobs)
    with _progress_bar("cross-validating") as progress:
        estimator.fit([row["text"] for row in rows], truth, group_rows(rows), progress)
    fitted = estimator.fitted_
    described: dict[str, Any] = {
        "passages": len(rows),
        "sha256": corpus_digest(rows),
        "labels": {label: int(n) for label, n in zip(LABELS, truth.sum(axis=0), strict=True)},
        "sources": sorted({row["source"] or "(none)" for row in rows}),
    }
    files = {
        "README.md": model_card(fitted, described, Path(out).name),
        "golden.jsonl": golden_rows(Classifier(fitted.model), [row["text"] for row in rows]),
    }
    estimator.save(out, {"corpus": described}, files)
    return fitted


def golden_rows(classifier: Classifier, texts: list[str]) -> str:
    """Evenly drawn passages with their scores: what any copy of the model must give."""
    drawn = texts[:: max(1, len(texts) // _GOLDEN)][:_GOLDEN]
    scores = classifier.predict_proba(drawn).round(5).tolist()
    lines = (
        {"text": text, "scores": dict(zip(LABELS, row, strict=True))} for text, row in zip(drawn, scores, strict=True)
    )
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


@contextmanager
def _progress_bar(title: str) -> Iterator[Progress | None]:
    """A bar on stderr when it is a terminal, nothing otherwise."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
