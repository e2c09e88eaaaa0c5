"""``tipclassify train``, which ``train.py`` calls too: options, what is replaced, and the
training."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, NoReturn

import typer
from typer import Option

from tipclassify.cli import options
from tipclassify.cli.output import print_line, print_note
from tipclassify.errors import InputError, ModelError
from tipclassify.progress import progress_bar

if TYPE_CHECKING:
    from tipclassify.corpus.loading import Row
    from tipclassify.training.encoder import Settings
    from tipclassify.training.train_heads import Trained

# unlabelled passages from which the class proportions of whole reports are estimated
_POOL: Final = 20_000
_DISTILLED: Final = 80_000  # unlabelled passages whose scores by the default the fast model learns
_EVERY: Final = 30.0  # seconds between two lines of progress off a terminal
_FEW: Final = 100  # rows of one's own, under which a difference can hardly be shown

progress_lines = partial(progress_bar, every=_EVERY)


def _for_encoder(metavar: str | None, help: str, *names: str, **more: Any) -> Any:
    return Option(
        *names, metavar=metavar, help=help, rich_help_panel="With --model encoder", **more
    )


Data = Annotated[
    list[Path] | None, Option("--data", metavar="PATH", help=f"{options.LABELLED_HELP} Repeatable.")
]
TextColumn = options.TextColumn
LabelColumn = options.LabelColumn
Kind = Annotated[
    Literal["default", "fast", "encoder"],
    Option(
        "--model",
        help="default: the shipped encoder's heads; fast: the linear model; encoder: fine-tuned (hours).",
    ),
]
Corpus = Annotated[
    bool | None,
    Option(
        "--corpus/--no-corpus",
        help="Learn the project's corpus too. The default does so without --data only: its heads know it already.",
    ),
]
Penalty = Annotated[
    float | None,
    Option(
        metavar="P",
        min=1e-6,
        help="For default: how close the heads are held, 1000 (hardly move) to 1; chosen by cross-validation if omitted.",
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
        help="For fast and encoder: real passages (.jsonl or .jsonl.gz: text, section, source).",
    ),
]
Base = Annotated[
    str | None, _for_encoder("DIR|ID", "Pretrained encoder: folder, or id on the Hugging Face hub.")
]
Epochs = Annotated[int | None, _for_encoder("N", "Passes over the passages; 5 without.", min=1)]
Rate = Annotated[
    float | None, _for_encoder("RATE", "Largest learning rate of the head; 0.0002 without.")
]
Resume = Annotated[bool, _for_encoder(None, "Go on with a run that was broken off.", "--resume")]


@dataclass(frozen=True)
class EncoderOrder:
    """Options of the fine-tuning of an encoder; None: the default of
    `training.encoder.Settings`."""

    base: str | None = None
    epochs: int | None = None
    rate: float | None = None
    resume: bool = False
    headings: Path | None = None  # JSON: headings of like meaning, by a heading in lower case


@dataclass(frozen=True)
class Order:
    """A training as it was asked for, its options checked."""

    model: Literal["default", "fast", "encoder"]
    data: Sequence[Path]
    corpus: Path | None  # folder of the project's corpus, if it is to be learned
    out: Path
    text_column: str = "text"
    label_column: str = "labels"
    penalty: float | None = None
    seed: int = 0
    jobs: int = -1
    unlabelled: Sequence[Path] = ()
    encoder: EncoderOrder = field(default_factory=EncoderOrder)
    program: str = "tipclassify"

    def note(self, line: str) -> None:
        """Print a line on standard error."""
        print_note(line, self.program)


def train(
    data: Data = None,
    output: Out = None,
    model: Kind = "default",
    penalty: Penalty = None,
    corpus: Corpus = None,
    text_column: TextColumn = "text",
    label_column: LabelColumn = "labels",
    seed: Seed = 0,
    jobs: Jobs = -1,
    unlabelled: Unlabelled = None,
    base: Base = None,
    epochs: Epochs = None,
    rate: Rate = None,
    resume: Resume = False,
) -> None:
    """Train a model on labelled passages of your own, and measure what it learned and what it cost.

    Each row has a "text" and "labels", [] for none; a "section" holds its heading. Rows with the
    same "doc" (narrative) or "pair" (near twins) are held out together.

    The default's heads move towards your rows as far as cross-validation on them calls for, and no
    further than costs 0.01 of macro-F1 on a fixed set of passages of real reports. The model before
    and the new one are printed side by side. Seconds for some hundred rows; no PyTorch is needed.
    """
    encoder = EncoderOrder(base, epochs, rate, resume)
    if not data:
        raise options.misused("--data", "say which labelled passages to learn")
    if output is None:
        raise options.misused("--output", "say where the model shall go")
    order = make_order(
        model,
        data,
        output,
        corpus=_package_corpus() if corpus else None,
        text_column=text_column,
        label_column=label_column,
        penalty=penalty,
        seed=seed,
        jobs=jobs,
        unlabelled=unlabelled,
        encoder=encoder,
    )
    carry_out(order)


def make_order(
    model: Literal["default", "fast", "encoder"],
    data: Sequence[Path] | None,
    out: Path,
    *,
    corpus: Path | None,
    text_column: str,
    label_column: str,
    penalty: float | None,
    seed: int,
    jobs: int,
    unlabelled: Sequence[Path] | None,
    encoder: EncoderOrder,
    program: str = "tipclassify",
) -> Order:
    """Check the options of a training; refuse those of another kind of model, and an output in
    the way."""
    from tipclassify.model.common.folder import check_replaceable

    if model == "encoder" and not encoder.base:
        raise options.misused(
            "--model encoder", "needs --base, the pretrained encoder to start from"
        )
    for_encoder = {
        "base": encoder.base,
        "epochs": encoder.epochs,
        "rate": encoder.rate,
        "resume": encoder.resume,
    }
    for name, value in for_encoder.items():
        if value and model != "encoder":
            raise options.misused(f"--{name}", "needs --model encoder")
    if unlabelled and model == "default":
        raise options.misused("--unlabelled", "needs --model fast or encoder")
    if penalty is not None and model != "default":
        raise options.misused("--penalty", "needs --model default")
    if penalty is not None and not data:
        raise options.misused("--penalty", "needs --data, whose rows move the heads")
    check_replaceable(out)
    return Order(
        model,
        tuple(data or ()),
        corpus,
        out,
        text_column,
        label_column,
        penalty,
        seed,
        jobs,
        tuple(unlabelled or ()),
        encoder,
        program,
    )


def carry_out(order: Order) -> None:
    """Load the rows, say what will be replaced, train, and print what came of it."""
    corpus, own = load_rows(order)
    announce(order, corpus, own)
    before = _hash_of(order.out)
    try:
        trained = fit_and_write(order, corpus, own)
    except ValueError as error:  # of rows that cannot be learned
        raise InputError(str(error)) from error
    print_line(trained.table())
    if before and before == _hash_of(order.out):
        order.note(f"the same bytes as before: model {before[:12]}")
    order.note(
        f"saved {order.out}; use it with: tipclassify score --model {shlex.quote(str(order.out))} FILE"
    )


def load_rows(order: Order) -> tuple[list[Row], list[Row]]:
    """Load the project's corpus, where it is to be learned, and the user's rows."""
    from tipclassify.corpus.loading import corpus_rows, load_corpus

    corpus = corpus_rows(load_corpus(order.corpus)) if order.corpus else []
    columns = {"text_column": order.text_column, "label_column": order.label_column}
    own = corpus_rows(load_corpus(*order.data, **columns)) if order.data else []
    return corpus, own


def announce(order: Order, corpus: Sequence[Row], own: Sequence[Row]) -> None:
    """Say what teaches, what the training will replace, and where the command line looks for it."""
    from tipclassify.corpus.holdout import is_real

    real = sum(map(is_real, corpus))
    if corpus:
        order.note(
            f"{len(corpus) - real:,} invented passages, {real:,} real ones, {len(own):,} of your own"
        )
        if not real:
            cost = _REAL_MISSING[order.model]
            order.note(
                f"warning: without the real passages ('tipclassify corpus rebuild data/real'): {cost}"
            )
    else:
        order.note(f"{len(own):,} passages of your own")
    if 0 < len(own) < _FEW:
        order.note(
            f"warning: {len(own)} passages of your own are few: label {_FEW} or more to tell a difference"
        )
    for line in replaced(order.out):
        order.note(line)


_REAL_MISSING: Final = {
    "default": "the heads come out as good, but the encoder learned from them, and nothing real measures here",
    "fast": "it tags real reports far worse than the invented passages, on which it is measured, say",
    "encoder": "it tags real reports far worse than the invented passages, on which it is measured, say",
}


def _hash_of(out: Path) -> str:
    """Return the hash of the model in a folder, empty for none."""
    from tipclassify.model.common.folder import load_head

    return str(load_head(out).get("sha256", "")) if (out / "model.json").is_file() else ""


def replaced(out: Path) -> list[str]:
    """Say which model a training replaces, and which one the command line takes by the same
    name."""
    from tipclassify.model.loading import SHIPPED, model_folder

    lines = []
    if there := _hash_of(out):
        lines.append(f"replaces the model {there[:12]} in {out}")
    else:
        lines.append(f"makes a new model in {out}")
    if out.name in SHIPPED:
        with suppress(ModelError):
            taken = model_folder(out.name).resolve()
            if taken != out.resolve():
                lines.append(
                    f"'--model {out.name}' is another one, in {taken}: name the folder to use the new one"
                )
            else:
                lines.append(
                    f"'--model {out.name}' is this folder, so every command takes the new one at once"
                )
    return lines


def fit_and_write(order: Order, corpus: Sequence[Row], own: Sequence[Row]) -> Trained:
    """Hold out, fit, calibrate, evaluate and save: one recipe for each kind of model."""
    if order.model == "encoder":
        return run_encoder(order, [*corpus, *own])
    if order.model == "fast":
        return run_fast(order, corpus, own)
    from tipclassify.download.cache import cache_path
    from tipclassify.training.train_heads import HeadSettings, train_default

    settings = HeadSettings(order.penalty, seed=order.seed, cache=cache_path("pooled"))
    with progress_lines("passages read by the encoder") as progress:
        return train_default(corpus, own, order.out, settings=settings, progress=progress)


def _package_corpus() -> Path:
    """Find the corpus that is installed with the package, or in the checkout; `InputError` for
    none."""
    from tipclassify.corpus.loading import shipped_corpus

    folder = shipped_corpus()
    if folder is None:
        raise InputError("this installation has no corpus; leave --corpus out")
    return folder


def run_fast(order: Order, corpus: Sequence[Row], own: Sequence[Row]) -> Trained:
    """Train the linear model, on the default's scores of unlabelled passages too (distillation)."""
    from tipclassify.corpus.loading import corpus_rows, load_corpus, shipped_corpus
    from tipclassify.model.classifier import Classifier
    from tipclassify.training.train_heads import load_encoder
    from tipclassify.training.train_linear import Teaching, train_fast
    from tipclassify.training.unlabelled import read_unlabelled, score_unlabelled

    rows = [*corpus, *own]
    teacher = judge = None
    with nullcontext() if order.unlabelled else suppress(ModelError):
        scorer = load_encoder()
        teacher, judge = Classifier(scorer), scorer.model
    pool = read_unlabelled(order.unlabelled, [row["text"] for row in rows], _DISTILLED, order.seed)
    with progress_lines("passages scored by the default") as progress:
        soft = score_unlabelled(teacher, pool, progress) if teacher else []
    teaching = Teaching(
        soft=soft,
        teacher=f"the default, model `{str(teacher.meta['sha256'])[:12]}`"
        if teacher and soft
        else "",
        vocabulary=teacher.vocabulary if teacher else None,
        weighting_model=judge,
    )
    shipped = None if corpus else shipped_corpus()
    measured = corpus or (corpus_rows(load_corpus(shipped)) if shipped else [])
    with progress_lines("fitting") as progress:
        return train_fast(
            rows,
            order.out,
            own=len(own),
            teaching=teaching,
            measured=measured,
            seed=order.seed,
            jobs=order.jobs,
            progress=progress,
        )


def run_encoder(order: Order, rows: Sequence[Row], settings: Settings | None = None) -> Trained:
    """Fine-tune an encoder on `rows`, and export it with the heads of the fine-tuning.

    `settings` are those of the order if omitted.
    """
    from tipclassify.corpus.holdout import source_family
    from tipclassify.model.encoder.name_masking import COUNTRY_WORDS
    from tipclassify.text.features.tokenizer import known_words
    from tipclassify.training.encoder import Settings
    from tipclassify.training.encoder.recipe import export, fine_tune
    from tipclassify.training.unlabelled import read_unlabelled

    chosen: dict[str, Any] = {
        "epochs": order.encoder.epochs,
        "rate": order.encoder.rate,
        "seed": order.seed,
    }
    settings = settings or Settings(
        **{name: value for name, value in chosen.items() if value is not None}
    )
    texts = [row["text"] for row in rows]
    every = read_unlabelled(order.unlabelled, texts, None, settings.seed)
    # A lower-case word that occurs fewer than four times in 200,000 sentences is as likely a typo
    # as a word.
    vocabulary = known_words(texts) | known_words((text for text, _, _ in every), least=4)
    # "guinea" fowl and the verb "polish" must not hide the names of countries
    vocabulary -= COUNTRY_WORDS
    network = order.out.with_name(f"{order.out.name}-training")
    with progress_lines("fine-tuning") as progress:
        fine_tune(
            rows,
            network,
            str(order.encoder.base),
            settings,
            vocabulary,
            headings=order.encoder.headings,
            resume=order.encoder.resume,
            threads=max(0, order.jobs),
            progress=progress,
            reported=order.note,
        )
    pool = [
        (text, heading, family)
        for text, heading, source in every[:_POOL]
        if (family := source_family(source))
    ]
    trained = export(
        rows, network, order.out, vocabulary, pool, seed=settings.seed, reported=order.note
    )
    order.note(f"{network} has the network in floats")
    return trained


def run_command(train: Callable[..., None]) -> NoReturn:
    """Run ``train.py`` and exit with its code."""
    from tipclassify.cli.app import Command, run

    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command(cls=Command)(train)
    run(app, "train.py", ValueError)
