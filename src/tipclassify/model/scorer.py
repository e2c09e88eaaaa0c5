"""Define the interface between classifier and models, and implement it for the linear model.

A `Scorer` computes calibrated log-odds and explanations. Policies, labels and documents are the classifier's, the same
for all kinds; code that depends on the kind of model belongs in a scorer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final, Protocol

from tipclassify.model.explanation import ADDITIVE, Explanation, explain_texts
from tipclassify.model.linear.model import Model
from tipclassify.model.linear.scoring import Scored, score_texts

__all__ = ["LinearScorer", "Scorer"]


class Scorer(Protocol):
    """Interface of a loaded model."""

    @property
    def rounding(self) -> float:
        """Tolerance of a probability between processors and batches."""

    @property
    def measured(self) -> str:
        """Evaluation data of the metrics in `meta`, as a phrase."""

    @property
    def methods(self) -> tuple[str, ...]:
        """Explanation methods: the possible values of `Explanation.method`."""

    @property
    def meta(self) -> Mapping[str, Any]:
        """Metadata: ``sha256``, ``corpus``, ``metrics``, ``operating_points``, ``error_table``, …"""

    @property
    def thresholds(self) -> Mapping[str, tuple[float, ...]]:
        """Policy → probability threshold of each label."""

    @property
    def vocabulary(self) -> frozenset[str]:
        """Known lower-case words, which distinguish names from words."""

    def score_texts(self, texts: Sequence[str], headings: Sequence[str | None] | None = None) -> Scored:
        """Compute calibrated log-odds and word counts of each text; the heading of a text without section is None."""

    def explain_texts(
        self, texts: Sequence[str], headings: Sequence[str | None] | None = None
    ) -> list[dict[str, Explanation]]:
        """Explain the score of each text, by label."""

    def about(self) -> dict[str, str]:
        """Describe the model for ``tipclassify info``."""


class LinearScorer:
    """Scorer of a linear model."""

    measured: Final = "out of fold"
    methods: Final = (ADDITIVE,)
    rounding: Final = 1e-5  # order of float32 sums; all output has four decimals

    def __init__(self, model: Model) -> None:
        self.model = model
        self.meta, self.thresholds, self.vocabulary = model.meta, model.thresholds, model.vocabulary
        self.score_texts = partial(score_texts, model)
        self.explain_texts = partial(explain_texts, model)

    def about(self) -> dict[str, str]:
        return {"features": f"{len(self.model.hashes):,} ({len(self.model.vocabulary):,} words known)"}
