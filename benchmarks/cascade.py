#!/usr/bin/env python3
"""What the bound of the cascade costs and brings: ``python benchmarks/cascade.py [--encoder encoder]``.

Out: a Markdown table, a row a bound. The default's probabilities are out of fold: of each passage by a model that saw nothing of its
group. For each bound: the share of passages that goes on to the encoder; how often the default has any label wrong on
what it keeps; the share of all its wrong labels that is among these. With ``--encoder``: macro-F1 of the cascade on the groups
that the encoder was not trained on, less that of the encoder alone. Whole narratives stand apart: they are nearest to reports.

Training out of fold takes minutes; ``--keep FILE`` keeps the probabilities for another time, until the corpus changes.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Final

import numpy as np
import numpy.typing as npt
import typer
from _measure import DATA, about, about_line, markdown

from tipclassify import Classifier
from tipclassify.corpus import Row, corpus_digest, group_rows, read_rows
from tipclassify.encoder.cascade import error_rates_by_probability, passage_errors
from tipclassify.evaluation import measure
from tipclassify.labels import indicator
from tipclassify.training import fit_model

BOUNDS: Final = (0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4)

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def cascade(
    encoder: Annotated[
        str | None, typer.Option(metavar="NAME|DIR", help="An encoder trained on data/ by train.py --model encoder.")
    ] = None,
    data: Annotated[list[Path] | None, typer.Option(help="Labelled file or folder; repeatable.")] = None,
    folds: Annotated[int, typer.Option(min=2, help="Folds of the cross-validation.")] = 5,
    jobs: Annotated[int, typer.Option(help="Processes; -1 for one a core.")] = 1,
    detectors: Annotated[bool, typer.Option("--detectors/--linear", help="As in train.py.")] = True,
    keep: Annotated[Path | None, typer.Option(help="File (.npz) that keeps the probabilities out of fold.")] = None,
) -> None:
    """Tabulate what the cascade sends on, and what that is worth, for several bounds."""
    rows = read_rows(*(data or [DATA]))
    truth = np.array([indicator(row["labels"]) for row in rows], bool)
    scores = _out_of_fold(rows, truth, folds, jobs, detectors, keep)
    default = Classifier.load()
    errors = passage_errors(scores, error_rates_by_probability(default.meta))
    doubtful = default.doubtful([row["text"] for row in rows])
    wrong = (scores >= default.thresholds()) != truth
    narrative = np.array([bool(row.get("doc")) for row in rows])
    parts = {"all": np.ones(len(rows), bool), "narratives": narrative}
    print(about_line(about()), end="\n\n")
    for name, part in parts.items():
        if not part.any():
            continue
        columns = ["bound", "sent on", "kept with any label wrong", "of all wrong labels, kept"]
        table = []
        for bound in BOUNDS:
            kept = part & ~((errors > bound) | doubtful)
            share = wrong[kept].sum() / max(1, wrong[part].sum())
            any_wrong = wrong[kept].any(axis=1).mean() if kept.any() else float("nan")
            table.append([f"{bound:g}", f"{1 - kept.sum() / part.sum():.3f}", f"{any_wrong:.3f}", f"{share:.3f}"])
        if encoder is not None:
            columns.append("macro-F1 less the encoder's")
            more = _against(encoder, rows, truth, scores, errors, doubtful, part)
            table = [[*row, f"{gain:+.4f}"] for row, gain in zip(table, more, strict=True)]
        print(f"### {name}, {part.sum():,} passages\n\n{markdown(columns, table)}\n")


def _out_of_fold(rows: list[Row], truth: Bools, folds: int, jobs: int, detectors: bool, keep: Path | None) -> Floats:
    corpus = f"{corpus_digest(rows)} {folds} {detectors}"
    if keep is not None and keep.is_file():
        with np.load(keep, allow_pickle=False) as kept:
            if str(kept["corpus"]) == corpus:
                return np.asarray(kept["scores"], np.float64)
        print(f"{keep}: of another corpus or other folds; made anew", file=sys.stderr)
    texts = [row["text"] for row in rows]
    fitted = fit_model(texts, truth, np.array(group_rows(rows)), folds=folds, jobs=jobs, detectors=detectors)
    if keep is not None:
        np.savez(keep, scores=fitted.scores, corpus=np.array(corpus))
    return fitted.scores


def _against(
    encoder: str, rows: list[Row], truth: Bools, scores: Floats, errors: Floats, doubtful: Bools, part: Bools
) -> list[float]:
    """Macro-F1 of the cascade less that of the encoder, for each bound, on what is held out of `part`."""
    from tipclassify.encoder_training.recipe import held_out

    held = held_out(np.array(group_rows(rows))) & part
    classifier = Classifier.load(encoder)
    thresholds = classifier.thresholds()
    theirs = classifier.predict_proba([rows[i]["text"] for i in np.flatnonzero(held)])

    def macro(found: Floats) -> float:
        return measure(truth[held], found, found >= thresholds, thresholds).macro_f1

    alone = macro(theirs)
    on = [((errors > bound) | doubtful)[held][:, None] for bound in BOUNDS]
    return [macro(np.where(sent, theirs, scores[held])) - alone for sent in on]


if __name__ == "__main__":
    typer.run(cascade)
