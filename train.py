#!/usr/bin/env python3
"""Train a model from labelled passages: load, check, cross-validate by group, fit, evaluate, save.

This is the table of contents of training; every step is a call into the library.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Annotated

import typer

from tipclassify.commands.engine import EngineOption, SchedulerOption, WorkersOption, fits_on

HERE = Path(__file__).resolve().parent


def train(
    data: Annotated[
        list[Path] | None,
        typer.Option(
            "--data",
            help="Labelled passages: a .jsonl, .csv or .parquet file, or a folder of them. "
            "Give it several times to train on several.",
        ),
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="Folder of the new model.")] = HERE / "models" / "default",
    seed: Annotated[
        int, typer.Option("--seed", help="Draws the folds; the same seed and corpus give the same model.")
    ] = 0,
    jobs: Annotated[int, typer.Option("--jobs", help="Processes; -1 for one a core.")] = -1,
    folds: Annotated[int, typer.Option("--folds", min=2, help="Folds of the cross-validation.")] = 5,
    weight: Annotated[
        list[str] | None,
        typer.Option(
            "--weight",
            metavar="FILE=WEIGHT",
            help="Count the rows of this --data file so many times, and print what they changed. May be repeated.",
        ),
    ] = None,
    detectors: Annotated[
        bool,
        typer.Option(
            "--detectors/--linear",
            help="Learn detectors over words in a row too (minutes), or the linear part alone (seconds).",
        ),
    ] = True,
    engine: EngineOption = None,
    scheduler: SchedulerOption = None,
    workers: WorkersOption = None,
) -> None:
    """Train a model on labelled passages, and say how good it is.

    Without options: the corpus in data/, to models/default. With 300 sentences of your own, in a file of lines like

        {"text": "Police arrested two recruiters.", "labels": ["positive_effort"]}

    run

        python train.py --data my.jsonl --out models/mine
        tipclassify score --model models/mine report.html

    to see what they bring alone, and add --data data/ to train on both. "labels" is [] for a passage without any.
    With --weight my.jsonl=3 your rows count three times, and a second table says what they changed on passages that no
    model of the comparison was trained on.

    A "doc" field (same narrative) or a "pair" field (near twins) keeps rows together in the cross-validation.
    """
    from tipclassify.corpus import load_corpus
    from tipclassify.errors import CorpusError, TipclassifyError
    from tipclassify.evaluation import metrics_table
    from tipclassify.gain import chosen_weights, gain_of_files, gain_table
    from tipclassify.progress import progress_bar
    from tipclassify.recipe import train_model

    warnings.showwarning = lambda message, *_: print(f"train.py: warning: {message}", file=sys.stderr)
    try:
        paths, weights, changed = data or [HERE / "data"], chosen_weights(weight or []), None
        annotations = paths[0] / "annotations" if len(paths) == 1 else None
        corpus = load_corpus(*paths)
        with fits_on(engine, scheduler, workers):
            if weights:
                with progress_bar("what the weighted rows change") as progress:
                    changed = gain_of_files(paths, weights, seed, folds, jobs=jobs, progress=progress)
            fitted = train_model(
                corpus,
                out,
                seed=seed,
                jobs=jobs,
                folds=folds,
                detectors=detectors,
                annotations=annotations,
                weights=weights,
            )
    except CorpusError as error:
        print("\n".join(error.problems), file=sys.stderr)
        print(f"train.py: nothing was trained: {len(error.problems)} problems in the corpus", file=sys.stderr)
        raise typer.Exit(1) from None
    except (TipclassifyError, ValueError) as error:
        print(f"train.py: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
    print(metrics_table(fitted.metrics, f"out of fold ({folds} folds by group)"))
    if changed:
        print(f"\n{gain_table(changed)}")
    print(f"saved {out}", file=sys.stderr)


if __name__ == "__main__":
    typer.run(train)
