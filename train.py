#!/usr/bin/env python3
"""Train a model from labelled passages: load, check, hold out by group, fit, evaluate, save.

This is the table of contents of training; every step is a call into the library.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import typer

from tipclassify.commands import training as options
from tipclassify.commands.engine import EngineOption, SchedulerOption, WorkersOption, fits_on

HERE = Path(__file__).resolve().parent


def train(
    data: options.DataOption = None,
    model: options.KindOption = options.Kind.default,
    out: options.OutOption = None,
    seed: options.SeedOption = 0,
    jobs: options.JobsOption = -1,
    folds: options.FoldsOption = 5,
    weight: options.WeightOption = None,
    detectors: options.DetectorsOption = True,
    engine: EngineOption = None,
    scheduler: SchedulerOption = None,
    workers: WorkersOption = None,
    base: options.BaseOption = None,
    epochs: options.EpochsOption = None,
    rate: options.RateOption = None,
    freeze: options.FreezeOption = None,
    keep_names: options.KeepNamesOption = False,
    teacher: options.TeacherOption = None,
    unlabelled: options.UnlabelledOption = None,
    resume: options.ResumeOption = False,
    export: options.ExportOption = True,
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

    An encoder is more accurate and slower. It is fine-tuned from a pretrained one, with the extra train-encoder:

        python train.py --model encoder --base sentence-transformers/all-MiniLM-L6-v2 --data data/ --data my.jsonl
        tipclassify score --model models/encoder report.html

    A run that was broken off goes on with --resume. To start from one that was trained before, name it as the base.
    """
    given: dict[str, object] = {
        "--base": base,
        "--epochs": epochs,
        "--teacher": teacher,
        "--unlabelled": unlabelled,
        "--resume": resume,
    }
    given |= {"--rate": rate, "--freeze": freeze, "--keep-names": keep_names, "--no-export": not export}
    options.refuse_without_encoder(model, given)
    paths, out = data or [HERE / "data"], out or HERE / "models" / model.value
    with options.told_plainly():
        if model is options.Kind.encoder:
            from tipclassify.encoder_training.running import run_encoder

            chosen: dict[str, Any] = {"seed": seed, "epochs": epochs, "rate": rate, "lowest": freeze}
            chosen |= {"stand_in": ""} if keep_names else {}
            run_encoder(paths, out, str(base), chosen, jobs, teacher or [], unlabelled or [], resume, export)
            return
        from tipclassify.corpus import load_corpus
        from tipclassify.evaluation import metrics_table
        from tipclassify.gain import chosen_weights, gain_of_files, gain_table
        from tipclassify.progress import progress_bar
        from tipclassify.recipe import train_model

        weights, changed = chosen_weights(weight or []), None
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
        print(metrics_table(fitted.metrics, f"out of fold ({folds} folds by group)"))
        if changed:
            print(f"\n{gain_table(changed)}")
        print(f"saved {out}", file=sys.stderr)


if __name__ == "__main__":
    typer.run(train)
