"""``tipclassify train`` and its options, which ``train.py`` has too."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import typer
from typer import Option

from tipclassify.cli import options
from tipclassify.cli.training_run import TrainCommandRequest, run_train_command
from tipclassify.errors import InputError

Data = Annotated[
    list[Path] | None, Option("--data", metavar="PATH", help=f"{options.LABELLED_HELP} Repeatable.")
]
TextColumn = options.TextColumn
LabelColumn = options.LabelColumn
Kind = Annotated[
    Literal["default", "fast"],
    Option("--model", help="default: the shipped encoder's heads; fast: the linear model."),
]
Corpus = Annotated[
    bool | None,
    Option(
        "--corpus/--no-corpus",
        help="Learn the project's corpus too. The default does so without --data only: "
        "its heads know it already.",
    ),
]
Penalty = Annotated[
    float | None,
    Option(
        metavar="P",
        min=1e-6,
        help="For default: how close the heads are held, 1000 (hardly move) to 1; "
        "chosen by cross-validation if omitted.",
    ),
]
Out = Annotated[
    Path | None,
    Option("--output", "-o", "--out", metavar="DIR", help="New model; needed with --data."),
]
Seed = Annotated[
    int, Option(metavar="N", help="Of folds and an encoder's order: the same seed, the same model.")
]
Jobs = Annotated[
    int,
    Option("--jobs", "-j", metavar="N", help="Processes, or an encoder's threads; -1: one a core."),
]
Unlabelled = Annotated[
    list[Path] | None,
    Option(
        metavar="FILE",
        help="Not for default: real passages (.jsonl or .jsonl.gz: text, section, source).",
    ),
]


def train(
    data: Data = None,
    output: Out = None,
    model: Kind = "default",
    penalty: Penalty = None,
    corpus: Annotated[
        bool, Option("--corpus/--no-corpus", help="Learn the project's corpus too.")
    ] = False,
    text_column: TextColumn = "text",
    label_column: LabelColumn = "labels",
    seed: Seed = 0,
    jobs: Jobs = -1,
    unlabelled: Unlabelled = None,
) -> None:
    """Train a model on labelled passages of your own, and measure what it learned and what it cost.

    Each row has a "text" and "labels", [] for none; a "section" holds its heading. Rows with the
    same "doc" (narrative) or "pair" (near-identical pairs) are held out together.

    The default's heads move towards your rows as far as cross-validation on them calls for, and no
    further than costs 0.01 of macro-F1 on a fixed set of passages of real reports. The model before
    and the new one are printed side by side. Seconds for some hundred rows; no PyTorch is needed.
    """
    if not data:
        raise options.invalid_option("--data", "say which labelled passages to learn")
    if output is None:
        raise options.invalid_option("--output", "say where the model shall go")
    run_train_command(
        TrainCommandRequest(
            model=model,
            data=data,
            corpus=_corpus_for_train_command() if corpus else None,
            out=output,
            text_column=text_column,
            label_column=label_column,
            penalty=penalty,
            seed=seed,
            jobs=jobs,
            unlabelled=unlabelled or (),
        )
    )


def _corpus_for_train_command() -> Path:
    """Find the corpus that is installed with the package, or in the checkout."""
    from tipclassify.corpus.rows import shipped_corpus

    folder = shipped_corpus()
    if folder is None:
        raise InputError("this installation has no corpus; leave --corpus out")
    return folder


def run_command(train: Callable[..., None]) -> NoReturn:
    """Run ``train.py`` and exit with its code."""
    from tipclassify.cli.app import Command, run_commands

    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command(cls=Command)(train)
    run_commands(app, "train.py", ValueError)
