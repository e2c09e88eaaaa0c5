"""The options of ``train.py``, and its words for what went wrong."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["BaseOption", "DataOption", "DetectorsOption", "EpochsOption", "ExportOption", "FoldsOption", "JobsOption"]
__all__ += ["FreezeOption", "KeepNamesOption", "Kind", "KindOption", "OutOption", "RateOption", "ResumeOption"]
__all__ += ["SeedOption", "TeacherOption", "UnlabelledOption", "WeightOption", "refuse_without_encoder", "told_plainly"]

_ENCODER_PANEL = "With --model encoder"


class Kind(str, Enum):
    """Kinds of model that can be trained."""

    default = "default"
    encoder = "encoder"


DataOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--data",
        help="Labelled passages: a .jsonl, .csv or .parquet file, or a folder of them. "
        "Give it several times to train on several.",
    ),
]
KindOption = Annotated[
    Kind,
    typer.Option("--model", help="The default (minutes, numpy alone), or an encoder (hours, extra train-encoder)."),
]
OutOption = Annotated[
    Path | None, typer.Option("--out", help="Folder of the new model; models/default or models/encoder without.")
]
SeedOption = Annotated[
    int,
    typer.Option("--seed", help="Draws the folds, or an encoder's order and dropout; the same seed, the same model."),
]
JobsOption = Annotated[int, typer.Option("--jobs", help="Processes, or an encoder's threads; -1 for one a core.")]
FoldsOption = Annotated[int, typer.Option("--folds", min=2, help="Folds of the cross-validation.")]
WeightOption = Annotated[
    list[str] | None,
    typer.Option(
        "--weight",
        metavar="FILE=WEIGHT",
        help="Count the rows of this --data file so many times, and print what they changed. May be repeated.",
    ),
]
DetectorsOption = Annotated[
    bool,
    typer.Option(
        "--detectors/--linear",
        help="Learn detectors over words in a row too (minutes), or the linear part alone (seconds).",
    ),
]
BaseOption = Annotated[
    str | None,
    typer.Option(
        "--base",
        rich_help_panel=_ENCODER_PANEL,
        help="Pretrained encoder to fine-tune: its folder, or its id on the Hugging Face hub. "
        "A network trained before (OUT-training/best) goes on.",
    ),
]
EpochsOption = Annotated[
    int | None,
    typer.Option("--epochs", min=1, rich_help_panel=_ENCODER_PANEL, help="Passes over the sentences; 4 without."),
]
RateOption = Annotated[
    float | None,
    typer.Option(
        "--rate",
        rich_help_panel=_ENCODER_PANEL,
        help="Learning rate of the head, the largest of the run; 0.0001 without. Larger bases want less.",
    ),
]
FreezeOption = Annotated[
    int | None,
    typer.Option(
        "--freeze",
        min=0,
        metavar="LAYERS",
        rich_help_panel=_ENCODER_PANEL,
        help="Leave so many of the lowest layers, and the token vectors, as the base has them: quicker; none without.",
    ),
]
KeepNamesOption = Annotated[
    bool,
    typer.Option(
        "--keep-names",
        rich_help_panel=_ENCODER_PANEL,
        help="Let it read names of countries, cities and people. Without, each is read as one and the same stand-in, "
        "so that no name decides.",
    ),
]
TeacherOption = Annotated[
    list[str] | None,
    typer.Option(
        "--teacher",
        rich_help_panel=_ENCODER_PANEL,
        metavar="FOLDER|default",
        help="Learn soft scores too: those of a network trained before (its OUT-training), or of the default. "
        "Several are averaged.",
    ),
]
UnlabelledOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--unlabelled",
        rich_help_panel=_ENCODER_PANEL,
        help="Text file of further sentences, one a line, or a folder of them, for the teacher to label. May be repeated.",
    ),
]
ResumeOption = Annotated[
    bool, typer.Option("--resume", rich_help_panel=_ENCODER_PANEL, help="Go on with a run that was broken off.")
]
ExportOption = Annotated[
    bool,
    typer.Option(
        "--export/--no-export",
        rich_help_panel=_ENCODER_PANEL,
        help="Write the model's folder, or keep the network alone, for a teacher that is not to be shipped.",
    ),
]


def refuse_without_encoder(kind: Kind, given: Mapping[str, object]) -> None:
    """A usage error where options of an encoder are given for the default, or its base is missing."""
    if kind is Kind.encoder:
        if not given["--base"]:
            raise typer.BadParameter(
                "needs --base, the pretrained encoder to start from", param_hint="'--model encoder'"
            )
        return
    for option, value in given.items():
        if value:
            raise typer.BadParameter("needs --model encoder", param_hint=f"'{option}'")


@contextmanager
def told_plainly() -> Iterator[None]:
    """Errors of ours as a line or more on standard error, and exit code 1; warnings as lines too."""
    from tipclassify.errors import CorpusError, TipclassifyError

    warnings.showwarning = lambda message, *_: print(f"train.py: warning: {message}", file=sys.stderr)
    try:
        yield
    except CorpusError as error:
        print("\n".join(error.problems), file=sys.stderr)
        print(f"train.py: nothing was trained: {len(error.problems)} problems in the corpus", file=sys.stderr)
        raise typer.Exit(1) from None
    except (TipclassifyError, ValueError) as error:
        print(f"train.py: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
