#!/usr/bin/env python3
"""Train a model from labelled passages: the table of contents of training.

| step | what | where in `src/tipclassify/training/` |
| --- | --- | --- |
| load | rows, and examples of them | `../corpus/rows.py`, `examples.py` |
| hold out | whole documents, in turn; a fixed set of real passages | `fixed_set.py` |
| fit | the default's heads, held close to those before; the linear model | `heads.py`, `linear.py` |
| tune | the penalty that holds the heads, by cross-validation | `penalty.py` |
| calibrate | on what was held out, where it suffices | `calibration.py` |
| evaluate | beside the model before, on your rows and on the fixed set | `measure.py` |
| save | the folder, with its card | `write.py` |

`default.py` and `fast.py` go through them. `finetuning/`, beside this file, trains the encoder.
"""

from pathlib import Path

import typer

from finetuning import command as finetuning
from tipclassify.cli import train as cli
from tipclassify.cli.app import run_function

HERE = Path(__file__).resolve().parent


def train(
    data: cli.Data = None,
    text_column: cli.TextColumn = "text",
    label_column: cli.LabelColumn = "labels",
    model: finetuning.Kind = "default",
    penalty: cli.Penalty = None,
    corpus: cli.Corpus = None,
    out: cli.Out = None,
    replace: cli.Replace = False,
    seed: cli.Seed = 0,
    jobs: cli.Jobs = -1,
    unlabelled: cli.Unlabelled = None,
    base: finetuning.Base = None,
    epochs: finetuning.Epochs = None,
    resume: finetuning.Resume = False,
) -> None:
    """Train a model on labelled passages, and measure it on held-out passages.

    Without options: the heads of the default, on the corpus in data/, to
    models/default; to models/default-new, if passages are missing here that
    the model there learned. With sentences of your own, in a JSON Lines file:

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
    if corpus is None:  # the heads of the default know it already
        corpus = not data or model != "default"
    fine_tune = finetuning.checked(model, base, epochs, resume=resume)
    cli.run_training(
        model,
        data or (),
        out,
        home=HERE / "models",
        replace=replace,
        corpus=HERE / "data" if corpus else None,
        text_column=text_column,
        label_column=label_column,
        penalty=penalty,
        seed=seed,
        jobs=jobs,
        unlabelled=unlabelled or (),
        fine_tune=fine_tune,
    )


if __name__ == "__main__":
    run_function(train, "train.py")
