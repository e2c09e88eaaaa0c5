#!/usr/bin/env python3
"""Compare the default's scores on two processors, or under two versions of ONNX Runtime.

    python benchmarks/processors.py score HERE.npz [--real unlabelled.jsonl.gz]
    python benchmarks/processors.py compare HERE.npz THERE.npz

``score`` writes the log-odds, before calibration, of all behaviour cases and of 2,000 passages of a
file of real ones. Another processor is another machine, or an emulated one:
``qemu-x86_64 -cpu Haswell $(which python) benchmarks/processors.py score THERE.npz``.
``tests/tolerances.py`` and ``tests/noise`` are of what ``compare`` prints.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from unittest import mock

import numpy as np
import typer
from _measure import markdown

from tipclassify import Classifier, Passage
from tipclassify.arrays import logistic
from tipclassify.evaluation.behaviours import run_cases
from tipclassify.model.encoder.scoring import EncoderScorer
from tipclassify.training.fast import read_unlabelled

REAL = 2_000
SHARES = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 1)

app = typer.Typer()


def passages_of_cases(classifier: Classifier) -> list[Passage]:
    """Return the passages that the behaviour cases score."""
    read: list[Passage] = []

    def remember(passages: list[Passage], *_: object) -> np.ndarray:
        read.extend(passages)
        return np.zeros((len(passages), len(classifier.labels)), bool)

    with mock.patch.object(classifier, "predict", remember):
        run_cases(classifier)
    return read


@app.command()
def score(
    out: Annotated[Path, typer.Argument()],
    real: Annotated[Path | None, typer.Option(help="JSON lines with text and section.")] = None,
) -> None:
    """Write the log-odds of each different passage under its heading."""
    classifier = Classifier.load()
    scorer = classifier.scorer
    assert isinstance(scorer, EncoderScorer)
    passages = passages_of_cases(classifier)
    for row in read_unlabelled([real], [], seed=1)[:REAL] if real else []:
        passages.append(Passage(row["text"], 0, len(row["text"]), row["section"]))
    different = list({(passage.text, passage.section): passage for passage in passages}.values())
    raw = (classifier.logits(different) - scorer.model.shift) / scorer.model.scale
    np.savez(out, raw=raw)
    print(f"{len(different):,} passages")


@app.command()
def compare(here: Path, there: Path) -> None:
    """Print how far log-odds and probabilities are apart, and how many tags differ."""
    classifier = Classifier.load()
    scorer = classifier.scorer
    assert isinstance(scorer, EncoderScorer)
    one, other = (np.load(file)["raw"] for file in (here, there))
    moves = np.abs(one - other).max(axis=1)
    probabilities = [
        logistic(raw * scorer.model.scale + scorer.model.shift) for raw in (one, other)
    ]
    tags = [scores >= classifier.thresholds() for scores in probabilities]
    gaps = np.abs(probabilities[0] - probabilities[1]).max(axis=1)
    quantiles = np.quantile(moves, SHARES)
    rows = [[f"{share:.1%}", f"{move:.2g}"] for share, move in zip(SHARES, quantiles, strict=True)]
    print(markdown(["passages", "largest move of their log-odds at most"], rows))
    print(f"moved by over 0.01: {(moves > 0.01).mean():.1%} of {len(moves):,} passages")
    print(f"probabilities: {(gaps > 0.05).sum()} by over 0.05, one by {gaps.max():.2f}")
    print(f"passages whose tags turn: {(tags[0] != tags[1]).any(axis=1).sum()}")


if __name__ == "__main__":
    app()
