"""``python train.py --model encoder``: its options, and one run from the rows to a model folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from typer import Option
from typer.models import OptionInfo

from finetuning import Settings
from tipclassify.cli import options
from tipclassify.cli.training_run import TrainCommandRequest, progress_lines
from tipclassify.errors import InputError

if TYPE_CHECKING:
    from tipclassify.corpus.rows import Row
    from tipclassify.training.trained import Trained

__all__ = ["FineTuningOptions", "check_options", "run"]


def _encoder_option(
    metavar: str | None, help: str, *names: str, min: int | None = None
) -> OptionInfo:
    """Declare an option that only the fine-tuning of an encoder has."""
    panel = "With --model encoder"
    option: OptionInfo = Option(*names, metavar=metavar, help=help, min=min, rich_help_panel=panel)
    return option


Kind = Annotated[
    Literal["default", "fast", "encoder"],
    Option(
        "--model",
        help="default: the shipped encoder's heads; fast: the linear model; "
        "encoder: fine-tuned (hours).",
    ),
]
Base = Annotated[
    str | None,
    _encoder_option("DIR|ID", "Pretrained encoder: folder, or id on the Hugging Face hub."),
]
Teachers = Annotated[
    list[Path] | None,
    _encoder_option(
        "DIR",
        "Model whose scores of the --unlabelled passages are learned beside the labels; "
        "where several are given, their mean; for other genres the first alone. Repeatable.",
        "--teacher",
    ),
]
Epochs = Annotated[
    int | None, _encoder_option("N", "Passes over the labelled passages; 3 without.", min=1)
]
Rate = Annotated[
    float | None, _encoder_option("RATE", "Largest learning rate of the head; 0.0002 without.")
]
Resume = Annotated[bool, _encoder_option(None, "Go on with an interrupted run.", "--resume")]


@dataclass(frozen=True)
class FineTuningOptions:
    """Options of the fine-tuning of an encoder; None: as in `finetuning.Settings`."""

    base: str | None = None
    teachers: Sequence[Path] = ()
    epochs: int | None = None
    rate: float | None = None
    resume: bool = False
    headings: Path | None = None  # JSON: headings of like meaning, by a heading in lower case


def check_options(request: TrainCommandRequest, chosen: FineTuningOptions) -> None:
    """Refuse options that do not go together, with a usage error."""
    if request.model == "encoder":
        if not chosen.base:
            problem = "needs --base, the pretrained encoder to start from"
            raise options.invalid_option("--model encoder", problem)
        if chosen.teachers and not request.unlabelled:
            raise options.invalid_option(
                "--teacher", "needs --unlabelled, the passages that it scores"
            )
        return
    values = {
        "base": chosen.base,
        "teacher": chosen.teachers,
        "epochs": chosen.epochs,
        "rate": chosen.rate,
        "resume": chosen.resume,
    }
    for name, value in values.items():
        if value:
            raise options.invalid_option(f"--{name}", "needs --model encoder")


def run(
    chosen: FineTuningOptions,
    request: TrainCommandRequest,
    corpus: Sequence[Row],
    own: Sequence[Row],
    settings: Settings | None = None,
) -> Trained:
    """Fine-tune an encoder on the rows not held out, and export it with the heads it learned.

    `settings` are those of the options if omitted.
    """
    from finetuning.recipe import Recipe, export, fine_tune
    from finetuning.teachers import passages_of_teachers
    from tipclassify.model.classifier import Classifier
    from tipclassify.model.encoder.names import COUNTRY_WORDS
    from tipclassify.text.tokens import collect_vocabulary
    from tipclassify.training.unlabelled import read_unlabelled

    rows = [*corpus, *own]
    settings = settings or Settings(
        seed=request.seed,
        epochs=chosen.epochs or Settings.epochs,
        rate=Settings.rate if chosen.rate is None else chosen.rate,
    )
    texts = [row["text"] for row in rows]
    unlabelled = read_unlabelled(request.unlabelled, texts, None, settings.seed)
    # A lower-case word that occurs fewer than four times in 200,000 sentences is as likely a typo
    # as a word.
    vocabulary = collect_vocabulary(texts) | collect_vocabulary(
        (passage.text for passage in unlabelled), least=4
    )
    taught = []
    teachers = [Classifier.load(folder) for folder in chosen.teachers]
    if teachers:
        if not unlabelled:
            raise InputError("--unlabelled: every passage is in the corpus; give other files")
        if request.out.resolve() in [folder.resolve() for folder in chosen.teachers]:
            raise InputError(f"{request.out}: is a teacher; give another --out, and move it later")
        with progress_lines("passages scored by the teachers") as progress:
            taught = passages_of_teachers(
                teachers, unlabelled, settings.taught, settings.seed, progress
            )
    headings = chosen.headings
    recipe = Recipe(
        base=str(chosen.base),
        # "guinea" fowl and the verb "polish" must not hide the names of countries
        vocabulary=vocabulary - COUNTRY_WORDS,
        settings=settings,
        headings=json.loads(headings.read_text(encoding="utf-8")) if headings else {},
        taught=taught,
    )
    checkpoints = request.out.with_name(f"{request.out.name}-training")
    with progress_lines("fine-tuning") as progress:
        finetuned = fine_tune(
            rows,
            recipe,
            checkpoints,
            resume=chosen.resume,
            threads=max(0, request.jobs),
            progress=progress,
            report=request.note,
        )
    names = [str(teacher.meta["sha256"])[:12] for teacher in teachers]
    trained = export(rows, finetuned, request.out, teachers=names, report=request.note)
    request.note(
        f"{checkpoints} has the network in floats; remove it unless you go on with --resume"
    )
    return trained
