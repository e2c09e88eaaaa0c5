"""The benchmarks run, and print figures that can be true."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tipclassify.labels import LABELS

ROOT = Path(__file__).resolve().parents[1]
ALWAYS = {"tipclassify", "TF-IDF + LR", "NB-SVM"}  # the other peers need packages that the project does not
OPTIONAL = {"fastText", "static embeddings + LR"}


def test_quality_compares_on_the_same_folds_and_says_what_is_not_installed() -> None:
    data = [ROOT / "data" / name for name in ("w1_assessment.jsonl", "w5_complicity.jsonl")]
    command = [sys.executable, ROOT / "benchmarks" / "quality.py", "--data", data[0], "--data", data[1], "--folds", 2]
    run = subprocess.run(
        [*map(str, command)], capture_output=True, text=True, encoding="utf-8", timeout=120, check=False
    )
    assert run.returncode == 0, run.stderr

    table = [line.strip("| ").split("|") for line in run.stdout.splitlines() if line.startswith("|")]
    header, _, *rows = ([cell.strip() for cell in line] for line in table)
    assert header == [
        "method",
        "out-of-fold macro-F1",
        *(f"{label} F1" for label in LABELS),
        "training time ratio",
    ]
    assert len({len(line) for line in run.stdout.splitlines() if line.startswith("|")}) == 1  # aligned

    figures = {name: [float(cell) for cell in cells] for name, *cells in rows}
    assert set(figures) >= ALWAYS
    for name in OPTIONAL - set(figures):
        assert f"{name} is not installed. For its row: `pip install" in run.stdout
    for macro, *f1, ratio in figures.values():
        assert all(0 < value < 1 for value in (macro, *f1))
        assert abs(macro - sum(f1) / len(f1)) < 0.002
        assert ratio >= 0
    assert figures["TF-IDF + LR"][-1] == 1
    assert figures["tipclassify"][0] > 0.5
