"""One training, as the command line asks for it: check, load, announce, fit, print."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from tipclassify.cli import options
from tipclassify.cli.output import (
    check_output,
    file_ids,
    print_line,
    print_note,
)
from tipclassify.errors import InputError, ModelError
from tipclassify.progress import progress_bar

if TYPE_CHECKING:
    from tipclassify.corpus.rows import Row
    from tipclassify.training.trained import Trained

_EVERY: Final = 30.0  # seconds between two lines of progress off a terminal
_FEW: Final = 100  # rows of one's own, under which a difference can hardly be shown
_UNMEASURED: Final = (
    "it tags real reports far worse than the invented passages, on which it is measured, say"
)
_REAL_MISSING: Final = {
    "default": "the heads come out as good, but the encoder learned from them, "
    "and nothing real measures here",
    "fast": _UNMEASURED,
    "encoder": _UNMEASURED,
}  # what a training without the real passages costs, by model

progress_lines = partial(progress_bar, every=_EVERY)


@dataclass(frozen=True)
class TrainCommandRequest:
    """A training as it was asked for."""

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
    program: str = "tipclassify"

    def note(self, line: str) -> None:
        """Print a line on standard error."""
        print_note(line, self.program)


Fit = Callable[[TrainCommandRequest, Sequence["Row"], Sequence["Row"]], "Trained"]
"""Train on the rows of the project's corpus and the user's own."""


def check_train_command_request(request: TrainCommandRequest) -> None:
    """Refuse options of another kind of model, and an output in the way."""
    from tipclassify.model.folder import check_replaceable, recover_folder

    if request.unlabelled and request.model == "default":
        raise options.invalid_option("--unlabelled", "is not for --model default")
    if request.penalty is not None and request.model != "default":
        raise options.invalid_option("--penalty", "needs --model default")
    if request.penalty is not None and not request.data:
        raise options.invalid_option("--penalty", "needs --data, whose rows move the heads")
    read = file_ids([*request.data, *request.unlabelled, request.corpus])
    check_output(request.out, read)  # first: another file in the way is no input
    recover_folder(request.out)  # what a killed training left takes space
    check_replaceable(request.out)


def fit_requested_model(
    request: TrainCommandRequest, corpus: Sequence[Row], own: Sequence[Row]
) -> Trained:
    """Hold out, fit, calibrate, evaluate and save: one recipe for each kind of model."""
    if request.model == "fast":
        return fit_fast_model_for_command(request, corpus, own)
    from tipclassify.resources import resource_folder_in_user_cache
    from tipclassify.training.fit_heads import HeadSettings
    from tipclassify.training.train_heads import train_default

    settings = HeadSettings(
        request.penalty, seed=request.seed, cache=resource_folder_in_user_cache("pooled")
    )
    with progress_lines("passages read by the encoder") as progress:
        return train_default(corpus, own, request.out, settings=settings, progress=progress)


def run_train_command(request: TrainCommandRequest, fit: Fit = fit_requested_model) -> None:
    """Load the rows, say what will be replaced, train by `fit`, and print what came of it."""
    check_train_command_request(request)
    corpus, own = load_rows_for_train_command(request)
    print_training_announcement(request, corpus, own)
    before = _hash_of_train_command_output(request.out)
    try:
        trained = fit(request, corpus, own)
    except ValueError as error:  # of rows that cannot be learned
        raise InputError(str(error)) from error
    print_line(trained.table())
    if before and before == _hash_of_train_command_output(request.out):
        request.note(f"the same bytes as before: model {before[:12]}")
    command = f"tipclassify score --model {shlex.quote(str(request.out))} FILE"
    request.note(f"saved {request.out}; use it with: {command}")


def load_rows_for_train_command(request: TrainCommandRequest) -> tuple[list[Row], list[Row]]:
    """Load the project's corpus, where it is to be learned, and the user's rows."""
    from tipclassify.corpus.rows import dataset_rows, load_corpus

    corpus = dataset_rows(load_corpus(request.corpus)) if request.corpus else []
    if not request.data:
        return corpus, []
    own = load_corpus(
        *request.data, text_column=request.text_column, label_column=request.label_column
    )
    return corpus, dataset_rows(own)


def print_training_announcement(
    request: TrainCommandRequest, corpus: Sequence[Row], own: Sequence[Row]
) -> None:
    """Say what it learns from, what it will replace, and where the command line looks for it."""
    from tipclassify.corpus.holdout import is_real

    real = sum(map(is_real, corpus))
    if corpus:
        invented = len(corpus) - real
        request.note(
            f"{invented:,} invented passages, {real:,} real ones, {len(own):,} of your own"
        )
    else:
        request.note(f"{len(own):,} passages of your own")
    if corpus and not real:
        missing = (
            "without the real passages "
            "(in a clone, 'tipclassify corpus rebuild data/real' fetches them)"
        )
        request.note(f"warning: {missing}: {_REAL_MISSING[request.model]}")
    if 0 < len(own) < _FEW:
        advice = f"label {_FEW} or more to tell a difference"
        request.note(f"warning: {len(own)} passages of your own are few: {advice}")
    for line in command_notes_on_replaced_model(request.out):
        request.note(line)


def _hash_of_train_command_output(out: Path) -> str:
    """Return the hash of the model in a folder, empty for none."""
    from tipclassify.model.folder import read_metadata

    if not (out / "model.json").is_file():
        return ""
    return str(read_metadata(out).get("sha256", ""))


def command_notes_on_replaced_model(out: Path) -> list[str]:
    """Say which model a training replaces, and which one the command line takes by that name."""
    from tipclassify.model.find import SHIPPED, model_folder

    before = _hash_of_train_command_output(out)
    lines = [f"makes a new model in {out}"]
    if before:
        lines = [f"replaces the model {before[:12]} in {out}"]
    if out.name in SHIPPED:
        with suppress(ModelError):
            taken = model_folder(out.name).resolve()
            option = f"'--model {out.name}'"
            if taken == out.resolve():
                lines.append(f"{option} is this folder, so every command takes the new one at once")
            else:
                lines.append(
                    f"{option} is another one, in {taken}: name the folder to use the new one"
                )
    return lines


def fit_fast_model_for_command(
    request: TrainCommandRequest, corpus: Sequence[Row], own: Sequence[Row]
) -> Trained:
    """Train the linear model, on the default's scores of unlabelled passages too (distillation)."""
    from tipclassify.corpus.rows import dataset_rows, load_corpus, shipped_corpus
    from tipclassify.model.classifier import Classifier
    from tipclassify.training.fit_heads import load_encoder_to_fit_heads
    from tipclassify.training.fit_linear import LinearSettings
    from tipclassify.training.train_linear import fit_and_write_linear_model
    from tipclassify.training.unlabelled import read_unlabelled, score_unlabelled_by_teacher

    rows = [*corpus, *own]
    settings = LinearSettings(seed=request.seed, jobs=request.jobs)
    teacher = ""
    pool = read_unlabelled(request.unlabelled, [row["text"] for row in rows], None, request.seed)
    scorer = None
    try:
        scorer = load_encoder_to_fit_heads()
    except ModelError as error:
        if request.unlabelled:  # only the default can score them
            raise
        request.note(f"warning: trained without the default: {error}")
    if scorer is not None:
        default = Classifier(scorer)
        with progress_lines("passages scored by the default") as progress:
            soft = score_unlabelled_by_teacher(default, pool, progress)
        settings = replace(settings, soft=soft, vocabulary=default.vocabulary)
        if soft:
            teacher = f"the default, model `{str(default.meta['sha256'])[:12]}`"
    shipped = None if corpus else shipped_corpus()
    measured = corpus or (dataset_rows(load_corpus(shipped)) if shipped else [])
    with progress_lines("fitting") as progress:
        return fit_and_write_linear_model(
            rows,
            request.out,
            own=len(own),
            settings=settings,
            teacher=teacher,
            measured=measured,
            progress=progress,
        )
