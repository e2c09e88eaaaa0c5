#!/usr/bin/env python3
"""What else could help an encoder learn: ``python benchmarks/encoder_options.py --base DIR``.

Out: a Markdown table, a row an option. Each trains the same base on the same draw of the corpus, for the same epochs, with one thing
changed, and is judged on the groups that `train.py --model encoder` holds out: macro-F1, each label at the threshold that is
best there (so it favours all rows alike), and the share of near twins whose sides are both wholly right. With ``--real``, macro-F1 of real passages
at the same thresholds; context is not measured there, where passages come without any. Two rows with another seed say how much chance does.

The options: a positive label counts as much as a negative one in sum (positive-weighted loss); a sentence of the batch and its near
twin are pushed apart by a margin where their labels differ (pairwise margin loss, the pairs as contrasts); the section, or section and previous sentence, stand before the
sentence (context); the mean and the largest of the vectors side by side; the mean of two seeds.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
import numpy.typing as npt
import torch
import typer
from _measure import DATA, about, about_line, markdown
from learning_curve import draw_groups
from quality import KINDS, read_passages

from tipclassify.corpus import Row, group_rows, read_rows
from tipclassify.encoder_training.batches import encode
from tipclassify.encoder_training.fitting import (
    Loss,
    Sentences,
    cross_entropy,
    deterministic,
    fit,
    logits_of,
    step_logits,
)
from tipclassify.encoder_training.network import Network, new_network, pad_of, read_tokenizer
from tipclassify.encoder_training.recipe import held_out
from tipclassify.encoder_training.settings import Settings
from tipclassify.encoder_training.targets import read_by
from tipclassify.evaluation import twins_right
from tipclassify.labels import LABELS, indicator
from tipclassify.progress import progress_bar
from tipclassify.tokens import known_words

MARGIN: Final = 4.0  # log-odds between near twins where a label divides them

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Context = Callable[[Sequence[Row]], list[str]]


def after_section(rows: Sequence[Row]) -> list[str]:
    """The section of each sentence."""
    return [str(row.get("section") or "other") for row in rows]


def after_previous(rows: Sequence[Row]) -> list[str]:
    """Section, and previous sentence of the same narrative.

    >>> after_previous([{"id": 1, "text": "A.", "doc": "d"}, {"id": 2, "text": "B.", "doc": "d", "section": "profile"}])
    ['other', 'profile: A.']
    """
    before = {b["id"]: f": {a['text']}" for a, b in pairwise(rows) if a.get("doc") and a["doc"] == b.get("doc")}
    return [f"{row.get('section') or 'other'}{before.get(row['id'], '')}" for row in rows]


def contrasts(taught: Sentences, pairs: Sequence[object], pad: int) -> Loss:
    """Cross-entropy, and for each sentence of the batch that has a twin, the margin that is missing between the two."""
    plain = cross_entropy(taught, pad)
    twin: dict[int, int] = {}
    last: dict[object, int] = {}
    for i, pair in enumerate(pairs):
        if pair:
            if pair in last:
                twin[i], twin[last[pair]] = last[pair], i
            last[pair] = i
    targets = torch.tensor(taught.targets, dtype=torch.float32)

    def of_step(network: Network, batch: npt.NDArray[np.int64]) -> torch.Tensor:
        found = plain(network, batch)
        here = [int(i) for i in batch if int(i) in twin]
        if not here:
            return found
        there = [twin[i] for i in here]
        apart = targets[here] - targets[there]
        a, b = (step_logits(network, [taught.ids[i] for i in side], pad) for side in (here, there))
        missing = torch.relu(MARGIN - apart * (a - b)) * apart.abs()
        return found + 0.1 * missing.sum() / max(1.0, float(apart.abs().sum())) * len(here) / len(batch)

    return of_step


def encoder_options(
    base: Annotated[str, typer.Option(metavar="DIR", help="Folder of the base.")],
    data: Annotated[list[Path] | None, typer.Option(help="Labelled file or folder; repeatable.")] = None,
    real: Annotated[Path | None, typer.Option(help="Real passages with text, labels and kind.")] = None,
    passages: Annotated[int, typer.Option(help="Size of the draw.")] = 6_000,
    epochs: Annotated[int, typer.Option(help="Passes over it.")] = 3,
) -> None:
    """Fine-tune a base once for each option, and print how well each tags."""
    rows = read_rows(*(data or [DATA]))
    groups = np.array(group_rows(rows))
    held = held_out(groups)
    open_rows = np.flatnonzero(~held)
    drawn = open_rows[draw_groups(groups[open_rows], passages, seed=0)]
    outside = read_passages([real] if real else [], real=True)
    bench = _Bench(Path(base), rows, drawn, np.flatnonzero(held), outside)
    plain = Settings(epochs=epochs)
    columns = ["option", "macro-F1", "near twins right", *([f"{kind} macro-F1" for kind in KINDS] if real else [])]
    table = [bench.row("none", first := bench.trained("none", plain))]
    table.append(bench.row("none, another seed", second := bench.trained("another seed", replace(plain, seed=1))))
    table.append(bench.row("two seeds averaged", [(a + b) / 2 for a, b in zip(first, second, strict=True)]))
    table.append(bench.row("positive-weighted loss", bench.trained("balance", plain, loss="balance")))
    table.append(bench.row("margin between near twins", bench.trained("contrasts", plain, loss="contrasts")))
    table.append(bench.row("mean and largest", bench.trained("both", replace(plain, pooling="both"))))
    table.append(bench.row("names kept", bench.trained("names", replace(plain, stand_in=""))))
    table.append(bench.row("section before it", bench.trained("section", plain, context=after_section)))
    table.append(bench.row("section and previous sentence", bench.trained("previous", plain, context=after_previous)))
    print(about_line(about()), end="\n\n")
    print(f"Trained on {len(drawn):,} passages, {epochs} epochs; judged on {int(held.sum()):,}.\n")
    print(markdown(columns, [[*row, *["–"] * (len(columns) - len(row))] for row in table]))


class _Bench:
    """One draw, one set held out, and the real passages."""

    def __init__(self, base: Path, rows: Sequence[Row], drawn: Any, held: Any, real: Any) -> None:
        self.base, self.rows, self.drawn, self.held, self.real = base, rows, drawn, held, real
        self.truth = np.array([indicator(row["labels"]) for row in rows], bool)
        self.texts = [str(row["text"]) for row in rows]
        self.words = known_words(self.texts)

    def trained(self, name: str, settings: Settings, loss: str = "", context: Context | None = None) -> list[Floats]:
        """Logits of the passages held out by a network trained so, and, without context, of the real ones."""
        tokenizer = read_tokenizer(self.base, settings.tokens)
        tokenizer.enable_truncation(settings.tokens, direction="left")  # of the context, if of anything
        pad, texts = pad_of(tokenizer), read_by(settings, self.texts, self.words)
        if context:
            before = read_by(settings, context(self.rows), self.words)
            texts = [f"{first} [SEP] {text}" for first, text in zip(before, texts, strict=True)]
        ids = encode(tokenizer, texts)
        taught, held = (
            Sentences([ids[i] for i in part], self.truth[part].astype(float)) for part in (self.drawn, self.held)
        )
        losses = {
            "balance": lambda: cross_entropy(taught, pad, (1 / taught.targets.mean(axis=0) - 1)),
            "contrasts": lambda: contrasts(taught, [self.rows[i].get("pair") for i in self.drawn], pad),
        }
        with (
            deterministic(torch.get_num_threads()),
            progress_bar(name) as progress,
            tempfile.TemporaryDirectory() as out,
        ):
            network = new_network(self.base, settings)
            fit(
                network,
                taught,
                held,
                settings,
                pad=pad,
                folder=Path(out),
                identity={},
                keep=lambda _: None,
                loss=losses[loss]() if loss else None,
                progress=progress,
                told=lambda line: print(f"{name}: {line}", file=sys.stderr),
            )
            if context or not self.real.texts:
                return [logits_of(network, held.ids, pad)]
            real = encode(tokenizer, read_by(settings, self.real.texts, self.words))
            return [logits_of(network, held.ids, pad), logits_of(network, real, pad)]

    def row(self, name: str, logits: Sequence[Floats]) -> list[str]:
        """Name and figures of an option."""
        truth = self.truth[self.held]
        least = np.array([_best(logits[0][:, j], truth[:, j]) for j in range(len(LABELS))])
        given = logits[0] >= least
        right, pairs = twins_right([self.rows[i].get("pair") for i in self.held], truth, given)
        found = [name, f"{_macro(truth, given):.3f}", f"{right / max(pairs, 1):.3f}"]
        if len(logits) > 1:
            kinds = np.array(self.real.kinds)
            found += [f"{_macro(self.real.truth[kinds == k], logits[1][kinds == k] >= least):.3f}" for k in KINDS]
        return found


def _best(logits: Floats, truth: Bools) -> float:
    """The least logit to give a label from, for the best F1."""
    order = np.argsort(-logits, kind="stable")
    hits = np.cumsum(truth[order])
    return float(logits[order[int(np.argmax(2 * hits / (np.arange(1, len(order) + 1) + truth.sum())))]])


def _macro(truth: Bools, given: Bools) -> float:
    both, some = (truth & given).sum(axis=0), truth.sum(axis=0) + given.sum(axis=0)
    return float(np.mean(2 * both / np.maximum(some, 1)))


if __name__ == "__main__":
    typer.run(encoder_options)
