#!/usr/bin/env python3
"""Measure how faithful the reasons of the default are, and what they cost.

    python benchmarks/reasons.py FILE…

In: reports, or ``.jsonl`` files of passages (``text``, optional ``section``). Out: a Markdown table
on tagged passages. Of each way to choose words, the log-odds that are lost when the three words (or
the phrase) which it names first are masked together, how many words these are, and the runs of the
encoder that it takes for a passage.

- *every word masked*: each word is masked in turn, and those are named whose drop is largest
  (occlusion).
- *contributions*: the exact summands of the log-odds, with no run but the one that scores the
  passage.
- *foretold*: the drops that the model's learned weights foretell from the token vectors of that
  run; the contributions, in a model that has learned none.
- *K words*: the K words of the largest sums are masked in turn.
- *K phrases*: the K phrases of three words of the largest sums are masked in turn, and one is
  named; phrases may overlap. Reports do this with four, by what is foretold.
- *chance*: three words at random.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from _measure import describe_environment, environment_line, markdown

from tipclassify import Classifier, Passage
from tipclassify.arrays import Floats
from tipclassify.evaluation.behaviours import passage_of_row
from tipclassify.labels import LABELS
from tipclassify.model.encoder.occlusion import (
    OcclusionText,
    sums_by_span,
    tokenize_for_occlusion,
)
from tipclassify.model.encoder.scoring import EncoderScorer
from tipclassify.readers import read_report

NAMED = 3  # words of a passage, as a reader takes in
Words = list[int]  # numbers of words of a passage


def tagged_passages(
    files: Sequence[Path], classifier: Classifier, most: int, seed: int
) -> list[Passage]:
    """Draw up to `most` tagged passages of the files, of more than twice `NAMED` words."""
    passages: list[Passage] = []
    for file in files:
        tagged = (
            classifier.tag(rows_of(file))
            if file.suffix == ".jsonl"
            else classifier.tag(read_report(file))
        )
        passages += [passage for passage in tagged if passage.labels]
    order = np.random.default_rng(seed).permutation(len(passages))
    chosen = [passages[at] for at in order.tolist() if len(passages[at].text.split()) > 2 * NAMED]
    return chosen[:most]


def rows_of(file: Path) -> list[Passage]:
    """Read the passages of a ``.jsonl`` file."""
    rows = map(json.loads, file.read_text("utf-8").splitlines())
    return [passage_of_row(row) for row in rows]


class Probe:
    """A passage's most probable label, and the log-odds of it with words masked."""

    def __init__(self, scorer: EncoderScorer, plain: EncoderScorer, reading: OcclusionText) -> None:
        """Read what each word contributes by `plain`, which has no learned weights of drops."""
        self.scorer = scorer
        self.reading = reading
        foretold, logits = scorer.token_contributions(reading.token_ids, reading.heading)
        contributions, _ = plain.token_contributions(reading.token_ids, reading.heading)
        self.label = int(np.argmax(logits))
        self.logit = float(logits[self.label])
        self.foretold = self.word_sums(foretold)
        self.contributions = self.word_sums(contributions)
        self.phrases = [list(phrase) for phrase in reading.phrases]
        self.runs = 0

    def word_sums(self, of_tokens: Floats) -> Floats:
        """Sum what tokens have, (tokens, 3), for each word and the label."""
        return sums_by_span(self.reading.words, self.reading.token_spans, of_tokens[:, self.label])

    def drop(self, words: Words) -> float:
        """Return the log-odds lost when `words` are masked together."""
        ids = self.reading.token_ids
        for word in words:
            span = self.reading.words[word]
            masked = self.reading.masked(span, self.scorer.tokenizer.mask)
            ids = [
                new if new != old else kept
                for kept, old, new in zip(ids, self.reading.token_ids, masked, strict=True)
            ]
        self.runs += 1
        logits = self.scorer.logits_of_ids([ids], [self.reading.heading])
        return self.logit - float(logits[0, self.label])

    def by_drop(self, units: Sequence[Words]) -> list[Words]:
        """Return the units, the one whose masking costs most first."""
        drops = [self.drop(unit) for unit in units]
        return [units[at] for at in np.argsort([-drop for drop in drops], kind="stable").tolist()]

    def largest_phrases(self, sums: Floats, most: int) -> list[Words]:
        """Return the phrases of the largest sums."""
        losses = [-sums[phrase].sum() for phrase in self.phrases]
        order = np.argsort(losses, kind="stable")[:most].tolist()
        return [self.phrases[at] for at in order]


def largest(sums: Floats, most: int) -> list[Words]:
    """Return the words of the largest sums, each as a unit."""
    return [[at] for at in np.argsort(-sums, kind="stable")[:most].tolist()]


def joined(units: Sequence[Words], units_named: int = NAMED) -> Words:
    """Return the words of the units named first."""
    return [word for unit in units[:units_named] for word in unit]


def ways(rng: np.random.Generator) -> dict[str, Callable[[Probe], Words]]:
    """Return, by name, each way to choose the words that a reader is shown first."""
    return {
        "every word masked": lambda probe: joined(
            probe.by_drop([[at] for at in range(len(probe.foretold))])
        ),
        "contributions": lambda probe: joined(largest(probe.contributions, NAMED)),
        "contributions, 8 words": lambda probe: joined(
            probe.by_drop(largest(probe.contributions, 8))
        ),
        "contributions, 4 phrases": lambda probe: joined(
            probe.by_drop(probe.largest_phrases(probe.contributions, 4)), 1
        ),
        "contributions, 8 phrases": lambda probe: joined(
            probe.by_drop(probe.largest_phrases(probe.contributions, 8)), 1
        ),
        "foretold": lambda probe: joined(largest(probe.foretold, NAMED)),
        "foretold, 5 words": lambda probe: joined(probe.by_drop(largest(probe.foretold, 5))),
        "foretold, 8 words": lambda probe: joined(probe.by_drop(largest(probe.foretold, 8))),
        "foretold, 4 phrases": lambda probe: joined(
            probe.by_drop(probe.largest_phrases(probe.foretold, 4)), 1
        ),
        "foretold, 8 phrases": lambda probe: joined(
            probe.by_drop(probe.largest_phrases(probe.foretold, 8)), 1
        ),
        "chance": lambda probe: rng.choice(len(probe.foretold), NAMED, replace=False).tolist(),
    }


@dataclass(frozen=True)
class WayFigures:
    """Means over the passages for one way to choose words."""

    drop: float  # log-odds lost
    words: float  # words masked
    runs: float  # runs of the encoder


def measure(
    classifier: Classifier, passages: Sequence[Passage], seed: int
) -> dict[str, WayFigures]:
    """Measure each way to choose words, by its name."""
    scorer = classifier.scorer
    if not isinstance(scorer, EncoderScorer):
        raise typer.BadParameter(
            "the reasons of a linear model are exact; give an encoder", param_hint="'--model'"
        )
    readings = tokenize_for_occlusion(
        scorer, [passage.text for passage in passages], [passage.section for passage in passages]
    )
    plain = EncoderScorer(replace(scorer.model, drop_weights=None))
    probes = [Probe(scorer, plain, reading) for reading in readings if len(reading.words) >= NAMED]
    by_way = {}
    for name, choose in ways(np.random.default_rng(seed)).items():
        drops = []
        sizes = []
        runs = []
        for probe in probes:
            probe.runs = 0
            words = choose(probe)
            runs.append(probe.runs)
            drops.append(probe.drop(words))
            sizes.append(len(words))
        by_way[name] = WayFigures(
            drop=float(np.mean(drops)), words=float(np.mean(sizes)), runs=float(np.mean(runs))
        )
    return by_way


def reasons(
    files: Annotated[list[Path], typer.Argument(help="Reports, or .jsonl files of passages.")],
    model: Annotated[str, typer.Option(help="Name or folder of an encoder.")] = "default",
    most: Annotated[
        int, typer.Option(help="Tagged passages to measure on, drawn at random.")
    ] = 500,
    seed: Annotated[int, typer.Option(help="Of the draw.")] = 0,
) -> None:
    """Print the table."""
    classifier = Classifier.load(model)
    passages = tagged_passages(files, classifier, most, seed)
    by_way = measure(classifier, passages, seed)
    best = by_way["every word masked"]
    rows = [
        [
            name,
            f"{figures.drop:.2f}",
            f"{figures.drop / best.drop:.0%}",
            f"{figures.words:.1f}",
            f"{figures.runs:.1f}",
            f"{figures.runs / best.runs:.0%}",
        ]
        for name, figures in by_way.items()
    ]
    columns = [
        "words chosen by",
        "log-odds lost",
        "of the best",
        "words masked",
        "runs a passage",
        "of the most",
    ]
    counts = [f"{label} {sum(label in passage.labels for passage in passages)}" for label in LABELS]
    print(f"{len(passages)} tagged passages: {', '.join(counts)}\n")
    print(markdown(columns, rows))
    print(environment_line(describe_environment()))


if __name__ == "__main__":
    typer.run(reasons)
