"""``tipclassify train`` and its options, which ``train.py`` has too."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer
from typer import Option

from tipclassify.cli import options
from tipclassify.cli.output import check_output, file_ids, print_line, print_note
from tipclassify.errors import InputError, ModelError
from tipclassify.progress import progress_bar
from tipclassify.whole_files import remove_left_for, staging_name

if TYPE_CHECKING:
    from tipclassify.corpus.rows import Row
    from tipclassify.training.write import Trained

_FEWER: Final = 0.9  # share of the real passages before, under which some are missing
_FEW: Final = 100  # rows of one's own, under which a difference can hardly be shown
progress_lines = partial(progress_bar, every=30.0)  # seconds between two lines off a terminal

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
        help="Learn the project's corpus too; the default, whose heads know it, does so "
        "without --data.",
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
Replace = Annotated[
    bool,
    Option("--replace", help="Take the place of a model that is better, or learned more."),
]
Seed = Annotated[int, Option(metavar="N", help="Random seed of folds, and of an encoder's order.")]
Jobs = Annotated[
    int,
    Option("--jobs", "-j", metavar="N", help="Processes, or an encoder's threads; -1: one a core."),
]
Unlabelled = Annotated[
    list[Path] | None,
    Option(
        metavar="FILE",
        help="Not for default: real passages (.jsonl or .jsonl.gz: text, section).",
    ),
]


def train(
    data: Data = None,
    output: Out = None,
    replace: Replace = False,
    model: Kind = "default",
    penalty: Penalty = None,
    corpus: Annotated[
        bool,
        Option("--corpus/--no-corpus", help="Learn the project's corpus too; with --model fast."),
    ] = False,
    text_column: TextColumn = "text",
    label_column: LabelColumn = "labels",
    annotated: options.AnnotatedFor = "",
    seed: Seed = 0,
    jobs: Jobs = -1,
    unlabelled: Unlabelled = None,
) -> None:
    """Train a model on labelled passages of your own, and measure what it learned and what it cost.

    Each row has a "text" and "labels", [] for none; a "section" holds its heading. Rows with the
    same "doc" (narrative) or "pair" (near-identical pairs) are held out together.

    The default's heads move towards your rows as far as cross-validation on them calls for, and no
    further than costs 0.01 of macro-F1 on a fixed set of passages of real reports, or 0.035 where
    they follow a rule that contradicts the model, which is said. The model before
    and the new one are printed side by side. One that is worse there than the shipped model in its
    place goes beside it, and the exit code is 1. Seconds for some hundred rows, without PyTorch.
    """
    if not data:
        raise options.invalid_option("--data", "say which labelled passages to learn")
    if output is None:
        raise options.invalid_option("--output", "say where the model shall go")
    folder = None
    if corpus:
        from tipclassify.corpus.rows import shipped_corpus

        folder = shipped_corpus()
        if folder is None:
            raise InputError("this installation has no corpus; leave --corpus out")
    run_training(
        model,
        data,
        output,
        replace=replace,
        corpus=folder,
        text_column=text_column,
        label_column=label_column,
        annotated=annotated,
        penalty=penalty,
        seed=seed,
        jobs=jobs,
        unlabelled=unlabelled or (),
    )


def run_training(
    model: Literal["default", "fast", "encoder"],
    data: Sequence[Path],
    out: Path | None,
    *,
    home: Path | None = None,
    replace: bool = False,
    corpus: Path | None,
    text_column: str,
    label_column: str,
    penalty: float | None,
    seed: int,
    jobs: int,
    unlabelled: Sequence[Path],
    annotated: str = "",
    fine_tune: Callable[..., Trained] | None = None,
) -> None:
    """Load the rows, say what will be replaced, train, and print what came of it.

    `home` is a folder of shipped models, besides those of the package: without `out` the model goes
    there. `corpus` is the folder of the project's corpus, if it is to be learned. `fine_tune` trains
    an encoder (`finetuning.command.run`).

    Unless it may `replace` any, a model goes beside the one in its place (`NAME-new`) where it lacks
    what that one learned and no `out` was given, and where that one is shipped and better.
    """
    from tipclassify.corpus.rows import read_rows
    from tipclassify.model.folder import check_replaceable, hash_in, move_model

    place = out or (home or Path("models")) / ("fast" if model == "fast" else "default")
    beside = place.with_name(f"{place.name}-new")
    guarded = not replace and _is_shipped(place, home)
    _check(model, data, place, corpus, penalty, unlabelled)
    if guarded:
        check_replaceable(beside)
    corpus_rows = read_rows(corpus) if corpus else []
    own: list[Row] = []
    if data:
        columns = options.columns_of(text_column, label_column, annotated)
        own = options.read_labelled(data, columns)
    own, measured = _without_held_out(own, corpus_rows)
    if measured:
        why = "their words are held out, to measure the model"
        print_note(f"passages of your own left out: {measured:,}, since {why}")
    learns_all = model == "default" and bool(data)  # its heads start from those that did
    lacks = "" if learns_all else _lacking(place, [*corpus_rows, *own], model, unlabelled)
    if lacks:
        print_note(f"warning: lacks what the model in {place} learned: {lacks}")
        if out is None and not replace:
            print_note("so it goes beside that one, unless --replace is given")
            place = beside
            guarded = False
    for line in announcement(place, corpus_rows, own):
        print_note(line)
    before = hash_in(place)
    # A model that may be worse is put in its place when it has been measured.
    scratch = staging_name(place)
    written = scratch / "model" if guarded else place
    remove_left_for(place)
    try:
        if fine_tune:
            from tipclassify.corpus.given import known_labels
            from tipclassify.training.examples import check_annotated

            rows = [*corpus_rows, *own]
            check_annotated(known_labels(rows))
            checkpoints = place.with_name(f"{place.name}-training")
            trained = fine_tune(
                rows,
                written,
                checkpoints=checkpoints,
                unlabelled=unlabelled,
                seed=seed,
                jobs=jobs,
            )
        elif model == "fast":
            trained = fit_fast(corpus_rows, own, written, unlabelled, seed, jobs)
        else:
            from tipclassify.training.default import train_on_corpus, train_on_own

            with progress_lines("passages read by the encoder") as progress:
                if data:
                    trained = train_on_own(
                        own, written, penalty=penalty, seed=seed, progress=progress
                    )
                else:
                    trained = train_on_corpus(corpus_rows, written, seed=seed, progress=progress)
    except ValueError as error:  # of rows that cannot be learned
        raise InputError(str(error)) from error
    print_line(trained.table())
    worse = trained.fixed.worse() if guarded and trained.fixed else ""
    if worse:
        problem = f"worse than the model in {place}: {worse}"
        print_note(f"{problem}; so it goes beside that one, unless --replace is given")
        place = beside
    if guarded:
        move_model(written, place)
        shutil.rmtree(scratch, ignore_errors=True)
    if before and before == hash_in(place):
        print_note(f"the same bytes as before: model {before[:12]}")
    command = f"tipclassify score --model {shlex.quote(str(place))} FILE"
    print_note(f"saved {place}; use it with: {command}")
    if worse:
        raise typer.Exit(1)


def _is_shipped(place: Path, home: Path | None) -> bool:
    """Test whether a shipped model has this place, in the package or in `home`."""
    from tipclassify.model.find import SHIPPED, model_folder

    places = [home / name for name in SHIPPED] if home else []
    with suppress(ModelError):  # a package without models
        places += [model_folder(name) for name in SHIPPED]
    return place.resolve() in {shipped.resolve() for shipped in places}


def _lacking(place: Path, rows: Sequence[Row], model: str, unlabelled: Sequence[Path]) -> str:
    """Say what the model in a place learned and a training lacks; empty for nothing."""
    from tipclassify.corpus.holdout import is_real
    from tipclassify.model.folder import METADATA, read_metadata

    metadata = read_metadata(place) if (place / METADATA).is_file() else {}
    lacking = []
    real = sum(map(is_real, rows))
    real_before = _count(metadata, "corpus", "real")
    if real < _FEWER * real_before:
        lacking.append(f"{real_before:,} real passages, of which {real:,} are here")
    scored = _count(metadata, "settings", "soft") or _count(
        metadata, "training", "taught", "passages"
    )
    if scored and model != "default" and not unlabelled:
        lacking.append(f"the scores of {scored:,} unlabelled passages (--unlabelled)")
    return ", and ".join(lacking)


def _count(metadata: object, *names: str) -> int:
    """Return a count of ``model.json``, by the names that lead to it; 0 for none."""
    for name in names:
        metadata = metadata.get(name) if isinstance(metadata, dict) else None
    return metadata if isinstance(metadata, int) else 0


def _check(
    model: str,
    data: Sequence[Path],
    out: Path,
    corpus: Path | None,
    penalty: float | None,
    unlabelled: Sequence[Path],
) -> None:
    """Refuse options of another kind of model, and an output in the way."""
    from tipclassify.model.folder import check_replaceable

    if corpus and data and model == "default":
        raise options.invalid_option("--corpus", "is not for the default, whose heads know it")
    if unlabelled and model == "default":
        raise options.invalid_option("--unlabelled", "is not for --model default")
    if penalty is not None and model != "default":
        raise options.invalid_option("--penalty", "needs --model default")
    if penalty is not None and not data:
        raise options.invalid_option("--penalty", "needs --data, whose rows move the heads")
    read = file_ids([*data, *unlabelled, corpus])
    check_output(out, read)  # first: another file in the way is no input
    check_replaceable(out)


def _without_held_out(own: Sequence[Row], corpus: Sequence[Row]) -> tuple[list[Row], int]:
    """Return the user's rows but those with the words of a held-out one, and how many those are."""
    from tipclassify.corpus.holdout import held_out
    from tipclassify.corpus.rows import text_key

    measured = {text_key(row["text"]) for row in compress(corpus, held_out(corpus))}
    kept = [row for row in own if text_key(row["text"]) not in measured]
    return kept, len(own) - len(kept)


def announcement(out: Path, corpus: Sequence[Row], own: Sequence[Row]) -> list[str]:
    """Say what is learned, and what is replaced."""
    from tipclassify.corpus.holdout import is_real
    from tipclassify.model.folder import hash_in

    real = sum(map(is_real, corpus))
    lines = [f"{len(own):,} passages of your own"]
    if corpus:
        invented = len(corpus) - real
        lines = [f"{invented:,} invented passages, {real:,} real ones, {len(own):,} of your own"]
    if corpus and not real:
        missing = (
            "without the real passages "
            "(in a clone, 'tipclassify corpus rebuild data/real' fetches them)"
        )
        lines.append(f"warning: {missing}: nothing here measures it on real reports")
    if 0 < len(own) < _FEW:
        advice = f"label {_FEW} or more to tell a difference"
        lines.append(f"warning: {len(own)} passages of your own are few: {advice}")
    before = hash_in(out)
    lines.append(
        f"replaces the model {before[:12]} in {out}" if before else f"makes a new model in {out}"
    )
    return lines


def fit_fast(
    corpus: Sequence[Row],
    own: Sequence[Row],
    out: Path,
    unlabelled: Sequence[Path],
    seed: int,
    jobs: int,
) -> Trained:
    """Train the linear model, on the default's scores of unlabelled passages too (distillation)."""
    from tipclassify.corpus.rows import read_rows, shipped_corpus
    from tipclassify.model.classifier import Classifier
    from tipclassify.training.fast import read_unlabelled, score_unlabelled, train_fast
    from tipclassify.training.heads import load_encoder

    rows = [*corpus, *own]
    pool = read_unlabelled(unlabelled, [row["text"] for row in rows], seed)
    soft = []
    teacher = ""
    vocabulary = None
    try:
        default = Classifier(load_encoder())
    except ModelError as error:
        if unlabelled:  # only the default can score them
            raise
        print_note(f"warning: trained without the default: {error}")
    else:
        vocabulary = default.vocabulary
        with progress_lines("passages scored by the default") as progress:
            soft = score_unlabelled(default, pool, progress)
        if soft:
            teacher = f"the default, model `{str(default.meta['sha256'])[:12]}`"
    shipped = None if corpus else shipped_corpus()
    measured = corpus or (read_rows(shipped) if shipped else [])
    with progress_lines("fitting") as progress:
        return train_fast(
            rows,
            out,
            own=len(own),
            soft=soft,
            teacher=teacher,
            vocabulary=vocabulary,
            measured=measured,
            seed=seed,
            jobs=jobs,
            progress=progress,
        )
