#!/usr/bin/env python3
"""Train a model from labelled passages: load, hold out by document, fit, calibrate, evaluate, save."""

from __future__ import annotations

import sys
from pathlib import Path

import typer

from tipclassify.cli import training as options

HERE = Path(__file__).resolve().parent


def train(
    data: options.Data = None,
    text_column: options.TextColumn = "text",
    label_column: options.LabelColumn = "labels",
    model: options.Kind = "default",
    corpus: options.Corpus = True,
    out: options.Out = None,
    weight: options.Weight = 1.0,
    seed: options.Seed = 0,
    jobs: options.Jobs = -1,
    unlabelled: options.Unlabelled = None,
    base: options.Base = None,
    epochs: options.Epochs = None,
    rate: options.Rate = None,
    resume: options.Resume = False,
) -> None:
    """Train a model on labelled passages, and measure it on held-out passages.

    Without options: the heads of the default, on the corpus in data/, to
    models/default. With sentences of your own, in a JSON Lines file such as

        {"text": "Police arrested two recruiters.", "labels": ["positive_effort"]}

    run

        python train.py --data my.jsonl --out models/mine
        tipclassify score --model models/mine report.html

    It prints the effect of your rows, out of fold on your rows and on the
    held-out part of the corpus. "labels" is [] for a passage without any; a
    "section" holds its heading. Rows with the same "doc" (narrative) or "pair"
    (near twins) are held out together.
    """
    chosen = {"epochs": epochs, "rate": rate}
    options.refuse_misplaced(model, base, {**chosen, "resume": resume, "unlabelled": unlabelled, "weight": weight != 1})
    if data and out is None:
        raise typer.BadParameter("with --data, say where the model shall go", param_hint="'--out'")
    out = options.replaceable(out or HERE / "models" / ("fast" if model == "fast" else "default"))

    from tipclassify.corpus.loading import corpus_rows, load_corpus
    from tipclassify.download.cache import cache_path
    from tipclassify.progress import progress_bar
    from tipclassify.training.train import train_default

    rows = corpus_rows(load_corpus(HERE / "data")) if corpus else []
    own = corpus_rows(load_corpus(*data, text_column=text_column, label_column=label_column)) if data else []
    options.report_rows(rows, own)
    if model == "encoder":
        like, chosen = HERE / "data" / "headings.json", {**chosen, "seed": seed}
        trained = options.run_encoder([*rows, *own], out, str(base), like, unlabelled or [], chosen, resume, jobs)
    elif model == "fast":
        trained = options.run_fast([*rows, *own], out, unlabelled or [], seed, jobs)
    else:
        with progress_bar("passages read by the encoder") as progress:
            trained = train_default(
                rows, own, out, weight=weight, seed=seed, cache=cache_path("pooled"), progress=progress
            )
    print(trained.table())
    print(f"saved {out}", file=sys.stderr)


if __name__ == "__main__":
    options.run_command(train)
