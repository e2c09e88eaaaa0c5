"""The options of ``train.py``, what it runs for each kind of model, and its words for what went wrong."""

from __future__ import annotations

import gzip
import json
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Final

import typer

__all__ = [
    "BaseOption",
    "CorpusOption",
    "DataOption",
    "EpochsOption",
    "InventedOption",
    "JobsOption",
    "Kind",
    "KindOption",
    "OutOption",
    "RateOption",
    "ResumeOption",
    "SeedOption",
    "UnlabelledOption",
    "WeightOption",
    "print_errors",
    "read_unlabelled",
    "refuse_misplaced",
    "report_rows",
    "run_encoder",
    "run_fast",
]

_ENCODER_PANEL: Final = "With --model encoder"
_POOL: Final = 20_000  # unlabelled passages that say in what proportions whole reports hold them
_TAUGHT: Final = 80_000  # unlabelled passages whose scores the fast model learns


class Kind(str, Enum):
    """Kinds of model that can be trained."""

    default = "default"
    fast = "fast"
    encoder = "encoder"


_USED_BY: Final = {"weight": (Kind.default,), "unlabelled": (Kind.fast, Kind.encoder)}  # others: the encoder alone


DataOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--data",
        help="Labelled passages of your own beside the project's corpus: a .jsonl, .csv or .parquet file, or a folder of them. "
        "May be repeated.",
    ),
]
KindOption = Annotated[
    Kind,
    typer.Option(
        "--model",
        help="default: the heads of the shipped encoder (minutes). fast: the linear model (minutes). "
        "encoder: fine-tune an encoder from a pretrained one (hours; extra train).",
    ),
]
CorpusOption = Annotated[
    bool, typer.Option("--corpus/--no-corpus", help="Train on the project's corpus in data/ too, or on --data alone.")
]
OutOption = Annotated[
    Path | None,
    typer.Option(
        "--out", help="Folder of the new model; models/default or models/fast without, where there is no --data."
    ),
]
SeedOption = Annotated[
    int, typer.Option("--seed", help="Draws the folds, and an encoder's order; the same seed, the same model.")
]
JobsOption = Annotated[int, typer.Option("--jobs", help="Processes, or an encoder's threads; -1 for one a core.")]
WeightOption = Annotated[float, typer.Option("--weight", min=0.001, help="Count each row of --data so many times.")]
UnlabelledOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--unlabelled",
        help="Real passages without labels (.jsonl or .jsonl.gz with text, section, source): the default scores them for the "
        "fast model to learn; of an encoder they tell the proportions of whole reports and which words there are.",
    ),
]
BaseOption = Annotated[
    str | None,
    typer.Option(
        "--base",
        rich_help_panel=_ENCODER_PANEL,
        help="Pretrained encoder to fine-tune: its folder, or its id on the Hugging Face hub.",
    ),
]
EpochsOption = Annotated[
    int | None,
    typer.Option("--epochs", min=1, rich_help_panel=_ENCODER_PANEL, help="Passes over the passages; 4 without."),
]
RateOption = Annotated[
    float | None,
    typer.Option(
        "--rate",
        rich_help_panel=_ENCODER_PANEL,
        help="Learning rate of the head, the largest of the run; 0.0002 without. Larger bases want less.",
    ),
]
InventedOption = Annotated[
    int | None,
    typer.Option(
        "--invented",
        min=0,
        rich_help_panel=_ENCODER_PANEL,
        help="Invented passages of an epoch, where there are real ones: near twins first; 12000 without.",
    ),
]
ResumeOption = Annotated[
    bool, typer.Option("--resume", rich_help_panel=_ENCODER_PANEL, help="Go on with a run that was broken off.")
]


def refuse_misplaced(kind: Kind, base: str | None, given: Mapping[str, object]) -> None:
    """A usage error where an encoder has no base, or an option is `given` that this kind of model has no use for."""
    if kind is Kind.encoder and not base:
        raise typer.BadParameter("needs --base, the pretrained encoder to start from", param_hint="'--model encoder'")
    for name, value in {"base": base, **given}.items():
        kinds = _USED_BY.get(name, (Kind.encoder,))
        if value and kind not in kinds:
            raise typer.BadParameter(f"needs --model {' or '.join(k.value for k in kinds)}", param_hint=f"'--{name}'")


def report_rows(corpus: Sequence[dict[str, Any]], own: Sequence[dict[str, Any]]) -> None:
    """Say on standard error what is trained on, and whether real passages are there."""
    from tipclassify.corpus.holdout import is_real

    real = sum(map(is_real, corpus))
    advice = " ('tipclassify corpus rebuild data/real' fetches them)" if corpus else ""
    told = f"{real:,} real passages" if real else f"no real passages{advice}"
    print(f"train.py: {len(corpus) - real:,} invented passages, {told}, {len(own):,} of your own", file=sys.stderr)
    if 0 < len(own) < 100:
        print(
            f"train.py: warning: {len(own)} passages of your own move the model little; label 100 or more to tell a difference",
            file=sys.stderr,
        )


def run_fast(rows: Sequence[dict[str, Any]], out: Path, unlabelled: Sequence[Path], seed: int, jobs: int) -> Any:
    """Train the linear model on `rows`, and on what the default says of unlabelled passages."""
    from tipclassify.errors import ModelError
    from tipclassify.model.classifier import Classifier
    from tipclassify.progress import progress_bar
    from tipclassify.text.document import Passage
    from tipclassify.training.train import train_fast

    try:
        teacher: Classifier | None = Classifier.load()
    except ModelError:
        if unlabelled:
            raise
        teacher = None
    soft: list[tuple[str, str | None, Sequence[float]]] = []
    pool = read_unlabelled(unlabelled, [row["text"] for row in rows], _TAUGHT, seed)
    if teacher is not None:
        with progress_bar("passages scored by the default") as progress:
            for first in range(0, len(pool), 1_000):
                part = [
                    # one in three without its heading, as a bare text is read
                    Passage(text, 0, len(text), heading if (first + i) % 3 else None)
                    for i, (text, heading, _) in enumerate(pool[first : first + 1_000])
                ]
                scores = teacher.predict_proba(part).tolist()
                soft += ((one.text, one.section, row) for one, row in zip(part, scores, strict=True))
                if progress:
                    progress(min(first + 1_000, len(pool)), len(pool))
    with progress_bar("fitting") as progress:
        return train_fast(
            rows,
            out,
            soft=soft,
            vocabulary=teacher.vocabulary if teacher else None,
            judge=teacher,
            taught=f"the default, model `{str(teacher.meta['sha256'])[:12]}`" if teacher else "",
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
    from tipclassify.progress import progress_bar
    from tipclassify.text.features.tokenizer import known_words
    from tipclassify.training.encoder.recipe import export, fine_tune
    from tipclassify.training.encoder.settings import Settings

    def told(line: str) -> None:
        print(f"train.py: {line}", file=sys.stderr)

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
            reported=told,
        )
    pool = [(text, heading, family) for text, heading, source in every[:_POOL] if (family := source_family(source))]
    trained = export(rows, network, out, vocabulary, pool, seed=settings.seed, reported=told)
    told(f"{network} has the network in floats")
    return trained


def read_unlabelled(
    paths: Sequence[Path], known: Sequence[str], most: int | None, seed: int
) -> list[tuple[str, str | None, str]]:
    """Text, heading and source of unlabelled passages in a drawn order, without those whose text is `known`, or twice there.

    Raises
    ------
    InputError
        When a file cannot be read as JSON lines with a text.
    """
    import numpy as np

    from tipclassify.corpus.loading import text_key
    from tipclassify.errors import InputError

    seen = {text_key(text) for text in known}
    found = []
    for path in paths:
        try:
            with (
                gzip.open(path, "rt", encoding="utf-8")
                if path.suffix == ".gz"
                else path.open(encoding="utf-8") as lines
            ):
                for line in lines:
                    row = json.loads(line)
                    key = text_key(row["text"])
                    if key not in seen:
                        seen.add(key)
                        found.append((row["text"], row.get("section") or None, f"{row.get('source') or ''}"))
        except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(
                f"{path}: not JSON lines with a text each ({error}); give a .jsonl or .jsonl.gz file"
            ) from None
    order = np.random.default_rng([seed, 2]).permutation(len(found))[:most]
    return [found[i] for i in order.tolist()]


@contextmanager
def print_errors() -> Iterator[None]:
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
