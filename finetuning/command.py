"""``python train.py --model encoder``: its options, and one run from the rows to a model folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

from typer import Option
from typer.models import OptionInfo

from finetuning import Settings
from tipclassify.cli import options
from tipclassify.cli.output import print_note
from tipclassify.cli.train import progress_lines
from tipclassify.errors import InputError

if TYPE_CHECKING:
    from tipclassify.corpus.rows import Row
    from tipclassify.training.write import Trained

_HEADINGS: Final = Path(__file__).resolve().parents[1] / "data" / "headings.json"

_note = partial(print_note, program="train.py")


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


def checked(
    model: str,
    unlabelled: Sequence[Path] | None,
    base: str | None,
    teachers: Sequence[Path] | None,
    epochs: int | None,
    rate: float | None,
    *,
    resume: bool,
) -> Callable[..., Trained] | None:
    """Return the training of an encoder (`run`) by its options, None for another kind of model.

    Options that do not go together are a usage error.
    """
    if model == "encoder":
        if not base:
            problem = "needs --base, the pretrained encoder to start from"
            raise options.invalid_option("--model encoder", problem)
        if teachers and not unlabelled:
            problem = "needs --unlabelled, the passages that it scores"
            raise options.invalid_option("--teacher", problem)
        if rate is not None and not 0 < rate < 1:
            raise options.invalid_option("--rate", "is a rate above 0 and below 1")
        return partial(
            run, base=base, teachers=teachers or (), epochs=epochs, rate=rate, resume=resume
        )
    values = {"base": base, "teacher": teachers, "epochs": epochs, "rate": rate, "resume": resume}
    for name, value in values.items():
        if value is not None and value is not False:
            raise options.invalid_option(f"--{name}", "needs --model encoder")
    return None


def run(
    rows: Sequence[Row],
    out: Path,
    *,
    base: str,
    teachers: Sequence[Path] = (),
    unlabelled: Sequence[Path] = (),
    epochs: int | None = None,
    rate: float | None = None,
    resume: bool = False,
    seed: int = 0,
    jobs: int = -1,
    headings: Path = _HEADINGS,
    settings: Settings | None = None,
) -> Trained:
    """Fine-tune an encoder on the rows not held out, and export it with the heads it learned.

    `epochs` and `rate` are those of `Settings` if omitted; `settings` replace them, and the seed.
    `headings` is a JSON file of headings of like meaning, by a heading in lower case.
    """
    from finetuning.recipe import Recipe, export, fine_tune
    from finetuning.teachers import passages_of_teachers
    from tipclassify.model.classifier import Classifier
    from tipclassify.model.encoder.names import COUNTRY_WORDS
    from tipclassify.text.tokens import collect_vocabulary
    from tipclassify.training.fast import read_unlabelled

    settings = settings or Settings(
        seed=seed,
        epochs=epochs or Settings.epochs,
        rate=Settings.rate if rate is None else rate,
    )
    texts = [row["text"] for row in rows]
    pool = read_unlabelled(unlabelled, texts, settings.seed)
    # A lower-case word that occurs fewer than four times in 200,000 sentences is as likely a typo
    # as a word.
    vocabulary = collect_vocabulary(texts) | collect_vocabulary(
        (row["text"] for row in pool), least=4
    )
    taught = []
    models = [Classifier.load(folder) for folder in teachers]
    if models:
        if not pool:
            raise InputError("--unlabelled: every passage is in the corpus; give other files")
        if out.resolve() in [folder.resolve() for folder in teachers]:
            raise InputError(f"{out}: is a teacher; give another --out, and move it later")
        with progress_lines("passages scored by the teachers") as progress:
            taught = passages_of_teachers(models, pool, settings.taught, settings.seed, progress)
    recipe = Recipe(
        base=base,
        # "guinea" fowl and the verb "polish" must not hide the names of countries
        vocabulary=vocabulary - COUNTRY_WORDS,
        settings=settings,
        headings=json.loads(headings.read_text(encoding="utf-8")),
        taught=taught,
    )
    checkpoints = out.with_name(f"{out.name}-training")
    with progress_lines("fine-tuning") as progress:
        finetuned = fine_tune(
            rows,
            recipe,
            checkpoints,
            resume=resume,
            threads=max(0, jobs),
            progress=progress,
            report=_note,
        )
    names = [str(model.meta["sha256"])[:12] for model in models]
    trained = export(rows, finetuned, out, teachers=names, report=_note)
    _note(f"{checkpoints} has the network in floats; remove it unless you go on with --resume")
    return trained
