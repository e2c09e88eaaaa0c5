#!/usr/bin/env python3
"""Compare the shipped models with other methods on the real passages left out of training.

    python benchmarks/quality.py [--data PATH] [--base FOLDER] [--sample 6000]

In: the labelled rows of ``data/``, its real ones too where ``tipclassify corpus rebuild`` has found
them. Out: a Markdown table with a row for each method.

- Each method learns from the rows that are not held out, each under its heading; with ``--sample``
  from so many random ones too, and those in PyTorch from these alone. Ours are as shipped: they
  also learned real rows without their headings, and scores that other networks gave to unlabelled
  passages.
- All are calibrated and get their thresholds as ours do for their card: on the held-out real rows,
  cross-fitted by country. Where these are few, the held-out invented rows are measured on too.
- Intervals: the middle 95% of 1,000 draws of whole countries or documents (`bootstrap`). False
  alarms are the passages without a label that get one.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Final

import numpy as np
import typer
from _measure import DATA, environment_line, markdown
from _peers import IN_PYTORCH, absent_peers, peers, under_heading

from tipclassify import Classifier
from tipclassify.arrays import Floats
from tipclassify.corpus.holdout import REPORT_FAMILIES, held_out
from tipclassify.corpus.rows import Row, read_rows
from tipclassify.errors import CorpusError, TipclassifyError
from tipclassify.model.find import SHIPPED
from tipclassify.records import passage_of
from tipclassify.training.calibration import MIN_REAL, calibrate
from tipclassify.training.default import FOLDS
from tipclassify.training.examples import (
    calibration_weights,
    country_groups,
    group_folds,
    kinds_of_rows,
    label_matrix,
    real_mask,
)
from tipclassify.training.measure import FAMILIES, Part, Predictions, measure_parts

COLUMNS: Final = [FAMILIES[name] for name in REPORT_FAMILIES]


def split(rows: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """Return the rows to learn from, and those to measure on.

    Raises
    ------
    CorpusError
        When rows of fewer than two groups are held out.
    """
    held = held_out(rows)
    real = held & real_mask(rows)
    measured = real if real.sum() >= MIN_REAL else held
    judged = [rows[i] for i in np.flatnonzero(measured)]
    if len(set(country_groups(judged).tolist())) < 2:
        raise CorpusError(["fewer than two of these groups are held out; give more documents"])
    return [rows[i] for i in np.flatnonzero(~held)], judged


def scored(
    taught: Sequence[Row], judged: Sequence[Row], base: Path | None, sample: int | None
) -> Iterator[tuple[tuple[str, str], Floats]]:
    """Yield each method, and from how many rows it learned, with its scores (n, labels)."""
    passages = list(map(passage_of, judged))
    for name in SHIPPED:
        yield (name, "as shipped"), Classifier.load(name).predict_proba(passages)
    asked = _lines(judged)
    order = np.random.default_rng(0).permutation(len(taught))
    for count in filter(None, (len(taught), sample)):
        learned = [taught[i] for i in order[:count]]
        for name, fit in peers(base).items():
            if sample and name in IN_PYTORCH and count > sample:
                continue
            start = time.perf_counter()
            scores = fit(_lines(learned), label_matrix(learned), np.ones(len(learned)))(asked)
            print(f"{name}: {time.perf_counter() - start:,.0f} s", file=sys.stderr)
            yield (name, f"{count:,}"), scores


def _lines(rows: Sequence[Row]) -> list[str]:
    return [under_heading(row["text"], row.get("section")) for row in rows]


def judge(scores: Floats, judged: Sequence[Row]) -> list[Part]:
    """Measure the scores (n, labels) of a method by parts of the rows, the whole first."""
    inside = np.clip(scores, 1e-6, 1 - 1e-6)
    real = real_mask(judged).all()
    calibrated = calibrate(
        np.log(inside / (1 - inside)),
        label_matrix(judged),
        group_folds(country_groups(judged), FOLDS, seed=0),
        calibration_weights(judged) if real else None,
        kinds_of_rows(judged) if real else None,
    )
    thresholds = {name: np.array(each) for name, each in calibrated.thresholds.items()}
    predictions = Predictions.of(judged, calibrated.scores, thresholds, calibrated)
    return measure_parts(judged, predictions, thresholds["balanced"], seed=0)


def table(methods: dict[tuple[str, str], list[Part]]) -> str:
    """Format a Markdown table with a row for each method, a column for each part."""
    rows = []
    for (method, count), (whole, *parts) in methods.items():
        by_name = {part.name: f"{part.metrics.macro_f1:.3f}" for part in parts}
        rows.append(
            [
                method,
                count,
                f"{whole.metrics.macro_f1:.3f} {whole.intervals.macro_f1}",
                *(by_name.get(name, "–") for name in COLUMNS),
                f"{whole.false_alarm_rate:.1%}",
            ]
        )
    columns = ["method", "learned from", "macro-F1", *COLUMNS, "false alarms"]
    return markdown(columns, rows)


def quality(
    data: Annotated[
        list[Path] | None, typer.Option(help="Labelled file or folder; repeatable.")
    ] = None,
    base: Annotated[
        Path | None, typer.Option(help="Folder of all-MiniLM-L6-v2, for MiniLM and SetFit.")
    ] = None,
    sample: Annotated[
        int | None, typer.Option(min=1, help="Random rows to learn from too; in PyTorch, alone.")
    ] = None,
) -> None:
    """Compare the shipped models with other methods on held-out passages."""
    print(environment_line(), flush=True)
    try:
        taught, judged = split(read_rows(*(data or [DATA])))
    except TipclassifyError as error:
        print(f"quality.py: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
    print(
        f"Learned from {len(taught):,} passages ({real_mask(taught).sum():,} real), measured on "
        f"{len(judged):,} ({real_mask(judged).sum():,} real).\n",
        flush=True,
    )
    methods = scored(taught, judged, base, sample)
    print(table({method: judge(scores, judged) for method, scores in methods}))
    for name, need in absent_peers(base).items():
        print(f"\n{name} is not here. For its row: {need}")


if __name__ == "__main__":
    typer.run(quality)
