#!/usr/bin/env python3
"""Run small ablations of the encoder's fine-tuning, one change each: ``python benchmarks/trials.py
--base FOLDER``.

In: a base model (all-MiniLM-L6-v2), and the training rows of the shipped encoder: ``--data``, and
``--real-train`` for real passages elsewhere. Out: a line for each trial: macro-F1 on held-out real
passages (`holdout.held_out`), with and without headings, each label at its best threshold, and the
share of passages without any label that are tagged.

Trials are short: compare their figures only with each other. Needs the extra ``train``.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Final
from unittest import mock

import numpy as np
import numpy.typing as npt
import torch
import typer
from _measure import DATA, about, about_line
from _rows import training_rows
from torch import Tensor, nn

from tipclassify.arrays import logistic
from tipclassify.corpus.holdout import held_out, is_real
from tipclassify.corpus.loading import Row, labels_alone
from tipclassify.labels import LABELS, indicator
from tipclassify.model.encoder.name_masking import mask_names
from tipclassify.text.features.tokenizer import known_words
from tipclassify.training.calibration import operating_points, platt
from tipclassify.training.encoder import Settings
from tipclassify.training.encoder.fitting import (
    Examples,
    Run,
    deterministic,
    fit,
    logits_of,
    macro_f1,
)
from tipclassify.training.encoder.network import new_network
from tipclassify.training.encoder.recipe import Recipe, encode, read_tokenizer, tokenize_rows

# Maximum tokens of a heading and of the previous sentence; with the separator 40, the limit of a
# heading.
HEADING, BEFORE = 12, 27

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Trial:
    """Changes to the shipped recipe: values of `Settings`, the rows, the loss, or the input."""

    settings: dict[str, Any] = field(default_factory=dict)
    invented: float = 1 / 3  # share of invented passages
    complicity: float = 1.0  # weight of positives of that label in the loss
    before: bool = False  # insert the previous sentence (field ``before``) after the heading


TRIALS: Final = {
    "as shipped": Trial(),
    "another seed": Trial({"seed": 1}),
    "no invented passages": Trial(invented=0.0),
    "two thirds invented": Trial(invented=2 / 3),
    # about the mean rate with decay
    "one rate for all layers": Trial({"decay": 1.0, "rate": 1.2e-4}),
    "complicity counts twice": Trial(complicity=2.0),
    "previous sentence as context": Trial(before=True),
}
SEEDS: Final = {"as shipped", "another seed"}


def run_trial(
    rows: list[Row], taught: int, trial: Trial, base: Path, epochs: int, words: frozenset[str]
) -> list[Floats]:
    """Fine-tune on the first `taught` rows; return the logits of the others.

    They are those with headings, then those without.
    """
    settings = replace(Settings(epochs=epochs), **trial.settings)
    tokenizer = read_tokenizer((base / "tokenizer.json").read_text("utf-8"))
    headings = json.loads((DATA / "headings.json").read_text("utf-8"))
    examples = tokenize_rows(rows, tokenizer, Recipe(str(base), words, settings, headings))
    if trial.before:
        texts = [str(row.get("before") or "") for row in rows]
        before = encode(
            tokenizer, [one.text for one in mask_names(texts, words, settings.stand_in)]
        )
        examples = with_sentences_before(examples, before)
    positions = np.arange(taught)
    held = np.arange(taught, len(rows))
    with (
        deterministic(torch.get_num_threads()),
        tempfile.TemporaryDirectory() as folder,
        mock.patch.object(nn.functional, "binary_cross_entropy_with_logits", loss_of(trial)),
    ):
        network = new_network(base, settings)
        fit(
            network,
            examples,
            [positions] * epochs,
            held[:50],
            settings,
            Run(Path(folder)),
        )
        return [
            logits_of(
                network,
                examples.rows(held, settings.tokens, with_headings),
                examples.special.padding,
            )
            for with_headings in (True, False)
        ]


def with_sentences_before(examples: Examples, before: Sequence[list[int]]) -> Examples:
    """Append the previous sentence to the heading of each passage, if there are both."""
    separator = examples.special.separator
    pairs = zip(examples.headings, before, strict=True)
    return replace(
        examples,
        headings=[[*h[:HEADING], separator, *b[-BEFORE:]] if h and b else h for h, b in pairs],
    )


def loss_of(trial: Trial) -> Any:
    """Return the weighted cross-entropy of a trial, to replace PyTorch's."""
    plain = nn.functional.binary_cross_entropy_with_logits
    weights = torch.tensor([trial.complicity if label == "complicity" else 1.0 for label in LABELS])

    def loss(logits: Tensor, wanted: Tensor, reduction: str = "mean") -> Tensor:
        return plain(logits, wanted, pos_weight=weights, reduction=reduction)

    return loss


def trial_line(name: str, headed: Floats, bare: Floats, held: Sequence[Row]) -> str:
    """Format the name and the figures of a trial as a line."""
    y_true = np.array([indicator(row["labels"]) for row in held], bool)
    alone = np.array([indicator(labels_alone(row)) for row in held], bool)
    fits = [platt(headed[:, j], y_true[:, j]) for j in range(len(LABELS))]
    scores = np.stack(
        [logistic(headed[:, j] * scale + shift) for j, (scale, shift) in enumerate(fits)], axis=1
    )
    least = [operating_points(y_true[:, j], scores[:, j])["balanced"] for j in range(len(LABELS))]
    tagged = (scores >= least)[~y_true.any(axis=1)].any(axis=1).mean()
    return (
        f"{name:30} {macro_f1(headed, y_true):10.3f} {macro_f1(bare, alone):10.3f} {tagged:10.1%}"
    )


def trials(
    base: Annotated[Path, typer.Option(help="Folder of the base model.")],
    data: Annotated[
        list[Path] | None, typer.Option(help="Labelled file or folder; repeatable.")
    ] = None,
    real_train: Annotated[
        list[Path] | None, typer.Option(help="Further real passages; repeatable.")
    ] = None,
    passages: Annotated[
        int, typer.Option(min=10, help="Passages that each trial learns from.")
    ] = 6_000,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over them.")] = 1,
    only: Annotated[
        list[str] | None, typer.Option(help="Name of a trial; repeatable; all without.")
    ] = None,
) -> None:
    """Run the trials, and print their figures."""
    rows = training_rows(data or [DATA], real_train or [])
    words = known_words([row["text"] for row in rows])
    out, real = held_out(rows), np.array(list(map(is_real, rows)), bool)
    held = [rows[i] for i in np.flatnonzero(real & out)]
    found: dict[str, list[Floats]] = {}
    print(
        f"{about_line(about())}\n\n{'':30} {'headings':>10} {'without':>10} {'no cause':>10}",
        flush=True,
    )
    for name in only or TRIALS:
        draw, some = np.random.default_rng(0), round(TRIALS[name].invented * passages)
        chosen = [*draw.permutation(np.flatnonzero(real & ~out))[: passages - some]]
        chosen += [*draw.permutation(np.flatnonzero(~real & ~out))[:some]]
        taught = [rows[i] for i in chosen]
        found[name] = run_trial([*taught, *held], len(taught), TRIALS[name], base, epochs, words)
        print(trial_line(name, *found[name], held), flush=True)
    if found.keys() >= SEEDS:
        mean = [
            np.mean(both, axis=0)
            for both in zip(*(found[name] for name in sorted(SEEDS)), strict=True)
        ]
        print(trial_line("two seeds averaged", *mean, held), flush=True)


if __name__ == "__main__":
    typer.run(trials)
