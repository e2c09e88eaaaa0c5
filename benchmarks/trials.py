#!/usr/bin/env python3
"""Run small ablations of the encoder's fine-tuning, one change each.

    python benchmarks/trials.py --base FOLDER

In: a base model (all-MiniLM-L6-v2), and the training rows of the shipped encoder: ``--data``, and
``--real-train`` for real passages elsewhere. Out: a line for each trial: macro-F1 on held-out real
passages (`holdout.held_out`), with and without headings, and of those of other genres, each label
at its best threshold, and the share of passages without any label that are tagged.

Trials are short: compare their figures only with each other. Needs the extra ``train``.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Final
from unittest import mock

import numpy as np
import torch
import typer
from _measure import DATA, describe_environment, environment_line
from _rows import training_rows
from torch import Tensor, nn

from finetuning import Settings
from finetuning.fitting import (
    Run,
    TokenizedExamples,
    best_macro_f1,
    deterministic,
    fit,
    logits_of,
)
from finetuning.network import new_network
from finetuning.recipe import Recipe, encode, read_tokenizer, tokenize_rows
from tipclassify.arrays import Floats, logistic
from tipclassify.corpus.holdout import held_out, is_other_genre, is_real
from tipclassify.corpus.rows import Row, labels_alone
from tipclassify.labels import LABELS, label_indicator
from tipclassify.model.encoder.names import COUNTRY_WORDS, mask_names
from tipclassify.text.tokens import collect_vocabulary
from tipclassify.training.calibration import choose_calibration_thresholds, platt

# Maximum tokens of a heading and of the previous sentence; with the separator 40, the limit of a
# heading.
HEADING: Final = 12
BEFORE: Final = 27


@dataclass(frozen=True)
class Trial:
    """Changes to a short run with the shipped settings; each passage once, and no teachers."""

    settings: Settings = field(default_factory=Settings)  # but the epochs
    invented: float = 1 / 3  # share of invented passages
    complicity: float = 1.0  # weight of positives of that label in the loss
    before: bool = False  # insert the previous sentence (field ``before``) after the heading
    other_genres: int = 1  # times that a passage of other genres is learned
    # how far labels that one reader gave move towards 0.5; those of two who agreed stay
    smoothing: float = 0.0


TRIALS: Final = {
    "as shipped": Trial(),
    "another seed": Trial(Settings(seed=1)),
    "no invented passages": Trial(invented=0.0),
    "two thirds invented": Trial(invented=2 / 3),
    # about the mean rate with decay
    "one rate for all layers": Trial(Settings(decay=1.0, rate=1.2e-4)),
    "complicity counts twice": Trial(complicity=2.0),
    "previous sentence as context": Trial(before=True),
    "other genres twice": Trial(other_genres=2),
    "labels of one reader smoothed": Trial(smoothing=0.05),
}
SEEDS: Final = {"as shipped", "another seed"}


def run_trial(
    rows: list[Row], learned: int, trial: Trial, base: Path, epochs: int, words: frozenset[str]
) -> list[Floats]:
    """Fine-tune on the first `learned` rows; return logits of the others, headed and bare."""
    settings = replace(trial.settings, epochs=epochs)
    tokenizer = read_tokenizer((base / "tokenizer.json").read_text("utf-8"))
    headings = json.loads((DATA / "headings.json").read_text("utf-8"))
    examples = tokenize_rows(rows, tokenizer, Recipe(str(base), words, settings, headings))
    if trial.before:
        texts = [str(row.get("before") or "") for row in rows]
        masked = mask_names(texts, words, settings.stand_in)
        before = encode(tokenizer, [sentence.text for sentence in masked])
        examples = with_sentences_before(examples, before)
    if trial.smoothing:
        examples = with_smoothed_labels(examples, rows, trial.smoothing)
    genre_rows = [i for i in range(learned) if is_other_genre(rows[i])]
    positions = np.array([*range(learned), *genre_rows * (trial.other_genres - 1)])
    held = np.arange(learned, len(rows))
    with (
        deterministic(torch.get_num_threads()),
        tempfile.TemporaryDirectory() as folder,
        mock.patch.object(nn.functional, "binary_cross_entropy_with_logits", loss_of(trial)),
    ):
        network = new_network(base, settings)
        fit(
            network,
            examples,
            [positions for _ in range(epochs)],
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


def with_sentences_before(
    examples: TokenizedExamples, before: Sequence[list[int]]
) -> TokenizedExamples:
    """Append the previous sentence to the heading of each passage, if there are both."""
    separator = examples.special.separator
    headings = []
    for heading, sentence in zip(examples.headings, before, strict=True):
        if heading and sentence:
            first_tokens = heading[:HEADING]
            last_tokens = sentence[-BEFORE:]
            headings.append([*first_tokens, separator, *last_tokens])
        else:
            headings.append(heading)
    return replace(examples, headings=headings)


def with_smoothed_labels(
    examples: TokenizedExamples, rows: Sequence[Row], smoothing: float
) -> TokenizedExamples:
    """Move the labels that one reader gave towards 0.5 (Szegedy et al. 2016, CVPR)."""
    annotators = [str(row.get("annotator") or "") for row in rows]
    # invented passages, which two readers labelled, name none
    of_one_reader = np.array(
        [bool(name) and "+" not in name and name != "third-reading" for name in annotators]
    )
    rate = smoothing * of_one_reader[:, np.newaxis]
    return replace(
        examples,
        targets=examples.targets * (1 - rate) + rate / 2,
        targets_alone=examples.targets_alone * (1 - rate) + rate / 2,
    )


def loss_of(trial: Trial) -> Callable[..., Tensor]:
    """Return the weighted cross-entropy of a trial, to replace PyTorch's."""
    plain = nn.functional.binary_cross_entropy_with_logits
    weights = torch.tensor([trial.complicity if label == "complicity" else 1.0 for label in LABELS])

    def loss(logits: Tensor, wanted: Tensor, reduction: str = "mean") -> Tensor:
        return plain(logits, wanted, pos_weight=weights, reduction=reduction)

    return loss


def trial_line(name: str, headed: Floats, bare: Floats, held: Sequence[Row]) -> str:
    """Format the name and the figures of a trial as a line."""
    y_true = np.array([label_indicator(row["labels"]) for row in held], bool)
    alone = np.array([label_indicator(labels_alone(row)) for row in held], bool)
    fits = [platt(headed[:, j], y_true[:, j]) for j in range(len(LABELS))]
    scores = np.stack(
        [logistic(headed[:, j] * scale + shift) for j, (scale, shift) in enumerate(fits)], axis=1
    )
    least = [
        choose_calibration_thresholds(y_true[:, j], scores[:, j])["balanced"]
        for j in range(len(LABELS))
    ]
    tagged = (scores >= least)[~y_true.any(axis=1)].any(axis=1).mean()
    f1_headed = best_macro_f1(headed, y_true)
    f1_bare = best_macro_f1(bare, alone)
    genres = np.array([is_other_genre(row) for row in held])
    f1_genres = best_macro_f1(headed[genres], y_true[genres])
    return f"{name:30} {f1_headed:10.3f} {f1_bare:10.3f} {f1_genres:12.3f} {tagged:13.1%}"


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
    words = collect_vocabulary([row["text"] for row in rows]) - COUNTRY_WORDS
    out = held_out(rows)
    real = np.array(list(map(is_real, rows)), bool)
    held = [rows[i] for i in np.flatnonzero(real & out)]
    logits: dict[str, list[Floats]] = {}
    print(environment_line(describe_environment()), end="\n\n")
    columns = f"{'headings':>10} {'without':>10} {'other genres':>12} {'false alarms':>13}"
    print(f"{'':30} {columns}", flush=True)
    for name in only or TRIALS:
        trial = TRIALS[name]
        rng = np.random.default_rng(0)
        invented = round(trial.invented * passages)
        real_rows = rng.permutation(np.flatnonzero(real & ~out))[: passages - invented]
        invented_rows = rng.permutation(np.flatnonzero(~real & ~out))[:invented]
        learned = [rows[i] for i in (*real_rows, *invented_rows)]
        headed, bare = run_trial([*learned, *held], len(learned), trial, base, epochs, words)
        logits[name] = [headed, bare]
        print(trial_line(name, headed, bare, held), flush=True)
    if logits.keys() >= SEEDS:
        headed = np.mean([logits[name][0] for name in sorted(SEEDS)], axis=0)
        bare = np.mean([logits[name][1] for name in sorted(SEEDS)], axis=0)
        print(trial_line("two seeds averaged", headed, bare, held), flush=True)


if __name__ == "__main__":
    typer.run(trials)
