"""Write a model's card: what it learned, how good it is, and what it is for.

After Mitchell et al. 2019 (arXiv:1810.03993). The text is ``templates/model_card.md``; the facts
and figures in it are those of one training.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import jinja2

from tipclassify.corpus.holdout import is_real
from tipclassify.corpus.rows import Row, corpus_digest
from tipclassify.evaluation.behaviours import RuleResult
from tipclassify.evaluation.bootstrap import Interval
from tipclassify.evaluation.metrics import ReliabilityBin
from tipclassify.labels import LABELS, MEANINGS
from tipclassify.resources import resource_path
from tipclassify.training.error_table import PointFigures
from tipclassify.training.fit_penalty import PenaltyChoice
from tipclassify.training.fixed_set import FixedComparison
from tipclassify.training.parts import Part

__all__ = [
    "BaseEncoder",
    "CardFacts",
    "CardFigures",
    "CorpusFacts",
    "FineTuning",
    "FineTuningRun",
    "TaughtPassages",
    "describe_training_corpus",
    "model_card",
]

_MIN_SUPPORT: Final = 20  # support below which the card shows the count instead of F1


@dataclass(frozen=True)
class CorpusFacts:
    """What a model learned, counted for its card and ``model.json``."""

    passages: int
    real: int
    own: int  # of the user
    held_out: int
    sha256: str
    labels: dict[str, int]


@dataclass(frozen=True)
class BaseEncoder:
    """A pretrained encoder."""

    name: str
    licence: str
    sha256: str  # of its weights


@dataclass(frozen=True)
class FineTuningRun:
    """Those settings of the fine-tuning that the card states."""

    epochs: int
    invented: int
    batch: int
    seed: int
    rate: float
    decay: float
    no_heading: float
    other_heading: float
    stand_in: str
    near_identical_pairs: int
    other_genres: int


@dataclass(frozen=True)
class TaughtPassages:
    """Unlabelled passages that an encoder learned by the scores of other models."""

    passages: int
    teachers: list[str]  # the first characters of their SHA-256


@dataclass(frozen=True)
class FineTuning:
    """How an encoder was made."""

    base: BaseEncoder
    run: FineTuningRun
    taught: TaughtPassages | None
    bits: int  # of an exported weight


@dataclass(frozen=True)
class CardFacts:
    """What the card says of one training, as it was."""

    name: str
    corpus: CorpusFacts
    held_out: str  # a sentence: which passages measure
    calibration: str  # a clause: how probabilities and thresholds came about
    encoder: str | None = None  # its pretrained base; None for the linear model
    start: str | None = None  # a sentence: where the heads started from
    fine_tuning: FineTuning | None = None  # None where the folder lacks a part of it
    soft: int = 0  # passages without labels that a teacher scored
    teacher: str = ""
    penalty: PenaltyChoice | None = None
    fixed: FixedComparison | None = None


@dataclass(frozen=True)
class CardFigures:
    """What the card says of how good a model is."""

    real: bool  # whether real passages measured it
    weighted: bool  # whether these are weighted to match whole reports
    parts: Sequence[Part]  # all first
    # whether thresholds were chosen on other documents than those that they are judged by
    cross_fitted: bool
    points: Mapping[str, PointFigures]  # by policy
    points_by_kind: Mapping[str, PointFigures]  # at ``balanced``, by kind of report
    reliability: Sequence[Sequence[ReliabilityBin]]  # by bin, then by label
    contrast_pairs: tuple[int, int]  # those with both sides right, and all
    behaviours: Sequence[RuleResult]


def describe_training_corpus(rows: Sequence[Row], held_out: int = 0, own: int = 0) -> CorpusFacts:
    """Count the passages of a training by kind and label.

    `held_out` is the number of those left out of training, `own` of those that are the user's.
    """
    return CorpusFacts(
        passages=len(rows),
        real=sum(map(is_real, rows)),
        own=own,
        held_out=held_out,
        sha256=corpus_digest(rows),
        labels={label: sum(label in row["labels"] for row in rows) for label in LABELS},
    )


def model_card(facts: CardFacts, figures: CardFigures) -> str:
    """Write the card, in Markdown with the front matter that the Hugging Face hub reads."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(resource_path("training/templates")),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["figure"] = "{:.3f}".format
    environment.filters["share"] = _card_share
    environment.filters["percent"] = "{:.0%}".format
    environment.filters["count"] = "{:,}".format
    environment.filters["figure_with_interval"] = _card_figure_with_interval
    environment.filters["interval"] = _card_value_and_interval
    return environment.get_template("model_card.md").render(
        LABELS=LABELS,
        MEANINGS=MEANINGS,
        FEWEST=_MIN_SUPPORT,
        facts=facts,
        corpus=facts.corpus,
        real=figures.real,
        weighted=figures.weighted,
        parts=figures.parts,
        cross_fitted=figures.cross_fitted,
        points=figures.points,
        points_by_kind=figures.points_by_kind,
        reliability=figures.reliability,
        contrast_pairs=figures.contrast_pairs,
        behaviours=figures.behaviours,
    )


def _card_share(value: float) -> str:
    """Format a share in per cent; one that is undefined is a dash."""
    return "–" if math.isnan(value) else f"{value:.1%}"


def _card_figure_with_interval(value: float, interval: Interval) -> str:
    """Format a figure and its interval; a figure that is undefined is a dash."""
    return "–" if math.isnan(value) else f"{value:.3f} {interval}"


def _card_value_and_interval(numbers: Sequence[float | None]) -> str:
    """Format a value with both ends of its interval; None, as JSON has it, is undefined."""
    value, low, high = (float("nan") if number is None else number for number in numbers)
    return _card_figure_with_interval(value, Interval(low, high))
