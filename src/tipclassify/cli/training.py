"""The options of ``train.py``, what it runs for each kind of model, and its words for what went wrong."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import typer

from tipclassify.cli.output import show_warnings
from tipclassify.errors import CorpusError, ModelError, TipclassifyError
from tipclassify.progress import progress_bar

_POOL: Final = 20_000  # unlabelled passages that say in what proportions whole reports hold them
_TAUGHT: Final = 80_000  # unlabelled passages whose scores the fast model learns
_USED_BY: Final = {"weight": ("default",), "unlabelled": ("fast", "encoder")}  # others: the encoder alone


def _for_encoder(name: str, help: str, **more: Any) -> Any:
    """An option that only an encoder has."""
    return typer.Option(name, help=help, rich_help_panel="With --model encoder", **more)


Data = Annotated[
    list[Path] | None,
    typer.Option(
        "--data",
        help="Labelled passages of your own beside the project's corpus: a .jsonl, .csv or .parquet file, or a folder of them. "
        "May be repeated.",
    ),
]
Kind = Annotated[
    Literal["default", "fast", "encoder"],
    typer.Option(
        "--model",
        help="default: the heads of the shipped encoder (minutes). fast: the linear model (minutes). "
        "encoder: fine-tune an encoder from a pretrained one (hours; extra train).",
    ),
]
Corpus = Annotated[
    bool, typer.Option("--corpus/--no-corpus", help="Train on the project's corpus in data/ too, or on --data alone.")
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        "--output",
        "-o",
        help="Folder of the new model; models/default or models/fast without, where there is no --data.",
    ),
]
Seed = Annotated[
    int, typer.Option("--seed", help="Draws the folds, and an encoder's order; the same seed, the same model.")
]
Jobs = Annotated[int, typer.Option("--jobs", "-j", help="Processes, or an encoder's threads; -1 for one a core.")]
Weight = Annotated[float, typer.Option("--weight", min=0.001, help="Count each row of --data so many times.")]
Unlabelled = Annotated[
    list[Path] | None,
    typer.Option(
        "--unlabelled",
        help="Real passages without labels (.jsonl or .jsonl.gz with text, section, source): the default scores them for the "
        "fast model to learn; of an encoder they tell the proportions of whole reports and which words there are.",
    ),
]
Base = Annotated[
    str | None,
    _for_encoder("--base", "Pretrained encoder to fine-tune: its folder, or its id on the Hugging Face hub."),
]
Epochs = Annotated[int | None, _for_encoder("--epochs", "Passes over the passages; 4 without.", min=1)]
Rate = Annotated[
    float | None,
    _for_encoder(
        "--rate", "Learning rate of the head, the largest of the run; 0.0002 without. Larger bases want less."
    ),
]
Invented = Annotated[
    int | None,
    _for_encoder(
        "--invented",
        "Invented passages of an epoch, where there are real ones: near twins first; 12000 without.",
        min=0,
    ),
]
Resume = Annotated[bool, _for_encoder("--resume", "Go on with a run that was broken off.")]


def refuse_misplaced(kind: str, base: str | None, given: Mapping[str, object]) -> None:
    """A usage error where an encoder has no base, or an option is `given` that this kind of model has no use for."""
    if kind == "encoder" and not base:
        raise typer.BadParameter("needs --base, the pretrained encoder to start from", param_hint="'--model encoder'")
    for name, value in {"base": base, **given}.items():
        kinds = _USED_BY.get(name, ("encoder",))
        if value and kind not in kinds:
            raise typer.BadParameter(f"needs --model {' or '.join(kinds)}", param_hint=f"'--{name}'")


def print_line(line: str) -> None:
    """One line of ``train.py`` on standard error."""
    print(f"train.py: {line}", file=sys.stderr)


def report_rows(corpus: Sequence[dict[str, Any]], own: Sequence[dict[str, Any]]) -> None:
    """Print on standard error how many passages are trained on, and whether real ones are among them."""
    from tipclassify.corpus.holdout import is_real

    real = sum(map(is_real, corpus))
    advice = " ('tipclassify corpus rebuild data/real' fetches them)" if corpus else ""
    found = f"{real:,} real passages" if real else f"no real passages{advice}"
    print_line(f"{len(corpus) - real:,} invented passages, {found}, {len(own):,} of your own")
    if 0 < len(own) < 100:
        print_line(
            f"warning: {len(own)} passages of your own move the model little; label 100 or more to tell a difference"
        )


def run_fast(rows: Sequence[dict[str, Any]], out: Path, unlabelled: Sequence[Path], seed: int, jobs: int) -> Any:
    """Train the linear model on `rows`, and on what the default says of unlabelled passages."""
    from tipclassify.model.classifier import Classifier
    from tipclassify.training.train import train_fast
    from tipclassify.training.unlabelled import read_unlabelled, score_unlabelled

    teacher: Classifier | None = None
    try:
        teacher = Classifier.load()
    except ModelError:
        if unlabelled:
            raise
    pool = read_unlabelled(unlabelled, [row["text"] for row in rows], _TAUGHT, seed)
    with progress_bar("passages scored by the default") as progress:
        soft = score_unlabelled(teacher, pool, progress) if teacher else []
    with progress_bar("fitting") as progress:
        return train_fast(
            rows,
            out,
            soft=soft,
            vocabulary=teacher.vocabulary if teacher else None,
            weighting_model=teacher,
            teacher=f"the default, model `{str(teacher.meta['sha256'])[:12]}`" if teacher else "",
            seed=seed,
            jobs=jobs,
            progress=progress,
        )


def run_encoder(
    rows: Sequence[dict[str, Any]],
    out: Path,
    base: str,
    headings: Path,
    unlabelled: Sequence[Path],
    chosen: dict[str, Any],
    resume: bool,
    jobs: int,
) -> Any:
    """Fine-tune an encoder on `rows`, and write it with the heads it was fine-tuned with."""
    from tipclassify.corpus.holdout import source_family
    from tipclassify.model.encoder.country_words import COUNTRY_WORDS
    from tipclassify.text.features.tokenizer import known_words
    from tipclassify.training.encoder.recipe import export, fine_tune
    from tipclassify.training.encoder.settings import Settings
    from tipclassify.training.unlabelled import read_unlabelled

    settings = Settings(**{name: value for name, value in chosen.items() if value is not None})
    texts = [row["text"] for row in rows]
    every = read_unlabelled(unlabelled, texts, None, settings.seed)
    # A word that stands in lower case but once or twice in 200,000 sentences is as often a slip as a word.
    vocabulary = known_words(texts) | known_words((text for text, _, _ in every), least=4)
    vocabulary -= COUNTRY_WORDS  # "guinea" fowl and "polish" verbs: a country's name is a name
    network = out.with_name(f"{out.name}-training")
    with progress_bar("fine-tuning") as progress:
        fine_tune(
            rows,
            network,
            base,
            settings,
            vocabulary,
            headings=headings,
            resume=resume,
            threads=max(0, jobs),
            progress=progress,
            reported=print_line,
        )
    pool = [(text, heading, family) for text, heading, source in every[:_POOL] if (family := source_family(source))]
    trained = export(rows, network, out, vocabulary, pool, seed=settings.seed, reported=print_line)
    print_line(f"{network} has the network in floats")
    return trained


@contextmanager
def print_errors() -> Iterator[None]:
    """Errors of ours as a line or more on standard error, and exit code 1; warnings as lines too."""
    show_warnings("train.py")
    try:
        yield
    except CorpusError as error:
        print("\n".join(error.problems), file=sys.stderr)
        print_line(f"nothing was trained: {len(error.problems)} problems in the corpus")
        raise typer.Exit(1) from None
    except (TipclassifyError, ValueError) as error:
        print_line(str(error))
        raise typer.Exit(1) from None
