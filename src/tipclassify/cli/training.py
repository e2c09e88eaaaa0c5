"""Command line of ``train.py``: its options, and the training run of each kind of model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NoReturn

import typer
from typer import Option

from tipclassify.cli import options
from tipclassify.cli.app import Command, run
from tipclassify.cli.output import print_note
from tipclassify.errors import ModelError
from tipclassify.progress import progress_bar

_POOL: Final = 20_000  # unlabelled passages from which the class proportions of whole reports are estimated
_DISTILLED: Final = 80_000  # unlabelled passages whose scores by the default the fast model learns
_USED_BY: Final = {"weight": ("default",), "unlabelled": ("fast", "encoder")}  # other options: the encoder only

print_line = partial(print_note, program="train.py")


def _for_encoder(metavar: str | None, help: str, *names: str, **more: Any) -> Any:
    return Option(*names, metavar=metavar, help=help, rich_help_panel="With --model encoder", **more)


Data = Annotated[list[Path] | None, Option("--data", metavar="PATH", help=f"{options.LABELLED_HELP} Repeatable.")]
TextColumn = options.TextColumn
LabelColumn = options.LabelColumn
Kind = Annotated[
    Literal["default", "fast", "encoder"],
    Option(
        "--model", help="default: the shipped encoder's heads; fast: the linear model; encoder: fine-tuned (hours)."
    ),
]
Corpus = Annotated[bool, Option("--corpus/--no-corpus", help="Train on data/ too, or on --data alone.")]
Out = Annotated[Path | None, Option("--output", "-o", "--out", metavar="DIR", help="New model; needed with --data.")]
Seed = Annotated[int, Option(metavar="N", help="Of folds and an encoder's order: the same seed, the same model.")]
Jobs = Annotated[int, Option("--jobs", "-j", metavar="N", help="Processes, or an encoder's threads; -1: one a core.")]
Weight = Annotated[float, Option(metavar="TIMES", min=0.001, help="Count each row of --data so many times.")]
Unlabelled = Annotated[
    list[Path] | None,
    Option(metavar="FILE", help="For fast and encoder: real passages (.jsonl or .jsonl.gz: text, section, source)."),
]
Base = Annotated[str | None, _for_encoder("DIR|ID", "Pretrained encoder: folder, or id on the Hugging Face hub.")]
Epochs = Annotated[int | None, _for_encoder("N", "Passes over the passages; 5 without.", min=1)]
Rate = Annotated[float | None, _for_encoder("RATE", "Largest learning rate of the head; 0.0002 without.")]
Resume = Annotated[bool, _for_encoder(None, "Go on with a run that was broken off.", "--resume")]


def refuse_misplaced(kind: str, base: str | None, given: Mapping[str, object]) -> None:
    """Refuse an encoder without a base, and a `given` option that does not apply to this kind of model."""
    if kind == "encoder" and not base:
        raise options.misused("--model encoder", "needs --base, the pretrained encoder to start from")
    for name, value in {"base": base, **given}.items():
        kinds = _USED_BY.get(name, ("encoder",))
        if value and kind not in kinds:
            raise options.misused(f"--{name}", f"needs --model {' or '.join(kinds)}")


def replaceable(out: Path) -> Path:
    """Return a model's folder; raise `ModelError` at once, not after a long training, if something else is there."""
    from tipclassify.model.common.folder import check_replaceable

    check_replaceable(out)
    return out


def report_rows(corpus: Sequence[dict[str, Any]], own: Sequence[dict[str, Any]]) -> None:
    """Print the number of training passages on standard error: invented, real, and of the user's own."""
    from tipclassify.corpus.holdout import is_real

    real = sum(map(is_real, corpus))
    advice = " ('tipclassify corpus rebuild data/real' fetches them)" if corpus else ""
    found = f"{real:,} real passages" if real else f"no real passages{advice}"
    print_line(f"{len(corpus) - real:,} invented passages, {found}, {len(own):,} of your own")
    if 0 < len(own) < 100:
        advice = "label 100 or more to tell a difference"
        print_line(f"warning: {len(own)} passages of your own move the model little; {advice}")


def run_fast(rows: Sequence[dict[str, Any]], out: Path, unlabelled: Sequence[Path], seed: int, jobs: int) -> Any:
    """Train the linear model on `rows`, and on the default's scores of unlabelled passages (distillation)."""
    from tipclassify.model.classifier import Classifier
    from tipclassify.training.train import load_encoder, read_unlabelled, score_unlabelled, train_fast

    teacher = judge = None
    with nullcontext() if unlabelled else suppress(ModelError):
        scorer = load_encoder()
        teacher, judge = Classifier(scorer), scorer.model
    pool = read_unlabelled(unlabelled, [row["text"] for row in rows], _DISTILLED, seed)
    with progress_bar("passages scored by the default") as progress:
        soft = score_unlabelled(teacher, pool, progress) if teacher else []
    name = f"the default, model `{str(teacher.meta['sha256'])[:12]}`" if teacher else ""
    words = teacher.vocabulary if teacher else None
    taught: dict[str, Any] = {"soft": soft, "vocabulary": words, "weighting_model": judge, "teacher": name}
    with progress_bar("fitting") as progress:
        return train_fast(rows, out, **taught, seed=seed, jobs=jobs, progress=progress)


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
    """Fine-tune an encoder on `rows`, and export it with the heads of the fine-tuning."""
    from tipclassify.corpus.holdout import source_family
    from tipclassify.model.encoder.name_masking import COUNTRY_WORDS
    from tipclassify.text.features.tokenizer import known_words
    from tipclassify.training.encoder import Settings
    from tipclassify.training.encoder.recipe import export, fine_tune
    from tipclassify.training.train import read_unlabelled

    settings = Settings(**{name: value for name, value in chosen.items() if value is not None})
    texts = [row["text"] for row in rows]
    every = read_unlabelled(unlabelled, texts, None, settings.seed)
    # A lower-case word that occurs fewer than four times in 200,000 sentences is as likely a typo as a word.
    vocabulary = known_words(texts) | known_words((text for text, _, _ in every), least=4)
    vocabulary -= COUNTRY_WORDS  # "guinea" fowl and the verb "polish" must not hide the names of countries
    network = out.with_name(f"{out.name}-training")
    run: dict[str, Any] = {"resume": resume, "threads": max(0, jobs), "reported": print_line}
    with progress_bar("fine-tuning") as progress:
        fine_tune(rows, network, base, settings, vocabulary, headings=headings, progress=progress, **run)
    pool = [(text, heading, family) for text, heading, source in every[:_POOL] if (family := source_family(source))]
    trained = export(rows, network, out, vocabulary, pool, seed=settings.seed, reported=print_line)
    print_line(f"{network} has the network in floats")
    return trained


def run_command(train: Callable[..., None]) -> NoReturn:
    """Run ``train.py`` and exit with its code."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command(cls=Command)(train)
    run(app, "train.py", ValueError)
