"""``python train.py --model encoder``: its options, and one run from the rows to a model folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

from typer import Option
from typer.models import OptionInfo

from finetuning import FURTHER, Settings
from tipclassify.cli import options
from tipclassify.cli.output import print_note
from tipclassify.cli.train import progress_lines
from tipclassify.errors import InputError

if TYPE_CHECKING:
    from tipclassify.corpus.rows import Row
    from tipclassify.training.write import Trained

_HEADINGS: Final = Path(__file__).resolve().parents[1] / "data" / "headings.json"

# Of a shipped encoder that is trained further: so many times as many unlabelled passages are scored
# as taught. Scores of all would take longer than the training.
_SCORED: Final = 2.5


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
    _encoder_option(
        "DIR|ID",
        "Pretrained encoder: folder, or id on the Hugging Face hub. A model folder of this "
        "project is trained further.",
    ),
]
Epochs = Annotated[
    int | None,
    _encoder_option("N", "Passes over the labelled passages; without it 3, or 1 further.", min=1),
]
Resume = Annotated[bool, _encoder_option(None, "Go on with an interrupted run.", "--resume")]


def checked(
    model: str,
    base: str | None,
    epochs: int | None,
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
        return partial(run, base=base, epochs=epochs, resume=resume)
    for name, value in {"base": base, "epochs": epochs, "resume": resume}.items():
        if value is not None and value is not False:
            raise options.invalid_option(f"--{name}", "needs --model encoder")
    return None


def run(
    rows: Sequence[Row],
    out: Path,
    *,
    base: str,
    checkpoints: Path | None = None,
    unlabelled: Sequence[Path] = (),
    epochs: int | None = None,
    resume: bool = False,
    seed: int = 0,
    jobs: int = -1,
    headings: Path = _HEADINGS,
    settings: Settings | None = None,
) -> Trained:
    """Fine-tune an encoder on the rows not held out, and export it with the heads it learned.

    With `unlabelled` passages it is the second of two: the first learns the rows alone, and the
    second, from the same base, the rows and the first one's scores of those passages. A `base` that
    is a shipped encoder is trained further, and gives those scores itself.

    `epochs` are those of `Settings` or `FURTHER` if omitted; `settings` replace them, and the seed.
    `checkpoints` is the folder of both networks, beside `out` if omitted. `headings` is a JSON file
    of headings of like meaning, by a heading in lower case.
    """
    from finetuning.own_scores import choose_scored
    from finetuning.recipe import FineTuned, Recipe, export, fine_tune, is_shipped
    from tipclassify.model.classifier import Classifier
    from tipclassify.model.encoder.names import COUNTRY_WORDS
    from tipclassify.text.tokens import collect_vocabulary
    from tipclassify.training.fast import read_unlabelled
    from tipclassify.training.heads import load_encoder

    further = is_shipped(base)
    if settings is None:
        usual = FURTHER if further else Settings()
        settings = replace(usual, seed=seed, epochs=epochs or usual.epochs)
    texts = [row["text"] for row in rows]
    pool = read_unlabelled(unlabelled, texts, settings.seed)
    if unlabelled and not pool:
        raise InputError("--unlabelled: every passage is in the corpus; give other files")
    # A lower-case word that occurs fewer than four times in 200,000 sentences is as likely a typo
    # as a word.
    vocabulary = collect_vocabulary(texts) | collect_vocabulary(
        (row["text"] for row in pool), least=4
    )
    recipe = Recipe(
        base=base,
        # "guinea" fowl and the verb "polish" must not hide the names of countries
        vocabulary=vocabulary - COUNTRY_WORDS,
        settings=settings,
        headings=json.loads(headings.read_text(encoding="utf-8")),
    )
    checkpoints = checkpoints or out.with_name(f"{out.name}-training")
    if not resume:  # an earlier run's second network is not to be resumed after this one's first
        (checkpoints / "second" / "checkpoint.pt").unlink(missing_ok=True)

    def train(recipe: Recipe, name: str) -> FineTuned:
        with progress_lines(f"fine-tuning the {name} network") as progress:
            return fine_tune(
                rows,
                recipe,
                checkpoints / name,
                resume=resume,
                threads=max(0, jobs),
                progress=progress,
                report=print_note,
            )

    teacher = None
    if further:
        teacher = Classifier.load(base)
        pool = pool[: round(_SCORED * settings.taught)]
        recipe = replace(recipe, vocabulary=load_encoder(base).model.vocabulary)
    else:
        finetuned = train(recipe, "first")
        if pool:
            export(rows, finetuned, checkpoints / "first" / "model", report=print_note)
            teacher = Classifier.load(checkpoints / "first" / "model")
    name = str(teacher.meta["sha256"])[:12] if teacher else ""
    if teacher:
        with progress_lines(f"passages scored by model {name}") as progress:
            scored = choose_scored(teacher, pool, settings.taught, settings.seed, progress)
        finetuned = train(replace(recipe, taught=scored), "second")
    trained = export(
        rows,
        finetuned,
        out,
        first=name if pool else "",
        further=name if further else "",
        report=print_note,
    )
    print_note(f"{checkpoints} has the checkpoints; remove it unless you go on with --resume")
    return trained
