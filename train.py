#!/usr/bin/env python3
"""Train a model from labelled passages: the table of contents of training.

`cli/training_run.py` carries the options out. For the default, on your rows:

| step | what | where in `training/` |
| --- | --- | --- |
| load | rows, and examples of them | `corpus/loading.py`, `examples.py` |
| hold out | whole documents, in turn; a fixed set of real passages | `fixed_set.py` |
| fit | the heads, held close to those before | `fit_heads.py`, `adapt_heads.py` |
| tune | the penalty that holds them, by cross-validation | `fit_penalty.py` |
| calibrate | on what was held out, where it suffices | `calibration.py` |
| evaluate | beside the model before, on your rows and on the fixed set | `evidence.py` |
| save | the folder, with its card | `write_heads.py`, `model_card.py` |

`train_heads.py` goes through them; `train_linear.py` trains the linear model, and `finetuning/`,
beside this file, the encoder.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import typer

from finetuning import command as finetuning
from tipclassify.cli import train as cli
from tipclassify.cli.training_run import TrainCommandRequest, fit_requested_model, run_train_command

HERE = Path(__file__).resolve().parent


def train(
    data: cli.Data = None,
    text_column: cli.TextColumn = "text",
    label_column: cli.LabelColumn = "labels",
    model: finetuning.Kind = "default",
    penalty: cli.Penalty = None,
    corpus: cli.Corpus = None,
    out: cli.Out = None,
    seed: cli.Seed = 0,
    jobs: cli.Jobs = -1,
    unlabelled: cli.Unlabelled = None,
    base: finetuning.Base = None,
    teacher: finetuning.Teachers = None,
    epochs: finetuning.Epochs = None,
    rate: finetuning.Rate = None,
    resume: finetuning.Resume = False,
) -> None:
    """Train a model on labelled passages, and measure it on held-out passages.

    Without options: the heads of the default, on the corpus in data/, to
    models/default. With sentences of your own, in a JSON Lines file such as

        {"text": "Police arrested two recruiters.", "labels": ["positive_effort"]}

    run

        python train.py --data my.jsonl --out models/mine
        tipclassify score --model models/mine report.html

    It prints what your rows changed, out of fold on your rows and on a fixed
    set of passages of real reports. "labels" is [] for a passage without any; a
    "section" holds its heading. Rows with the same "doc" (narrative) or "pair"
    (near-identical) are held out together.
    """
    if data and out is None:
        raise typer.BadParameter("with --data, say where the model shall go", param_hint="'--out'")
    learns_corpus = corpus
    if corpus is None:  # the heads of the default know it already
        learns_corpus = not data or model != "default"
    request = TrainCommandRequest(
        model=model,
        data=data or (),
        corpus=HERE / "data" if learns_corpus else None,
        out=out or HERE / "models" / ("fast" if model == "fast" else "default"),
        text_column=text_column,
        label_column=label_column,
        penalty=penalty,
        seed=seed,
        jobs=jobs,
        unlabelled=unlabelled or (),
        program="train.py",
    )
    chosen = finetuning.FineTuningOptions(
        base=base,
        teachers=teacher or (),
        epochs=epochs,
        rate=rate,
        resume=resume,
        headings=HERE / "data" / "headings.json",
    )
    finetuning.check_options(request, chosen)
    run_train_command(
        request, partial(finetuning.run, chosen) if model == "encoder" else fit_requested_model
    )


if __name__ == "__main__":
    cli.run_command(train)
