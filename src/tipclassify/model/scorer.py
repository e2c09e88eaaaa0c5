"""What the classifier needs of a model, whatever its kind, and the linear kind as such.

A `Scorer` gives calibrated log-odds and reasons. Everything else (policies, tags, documents) is the classifier's, and the same
for all kinds: code that asks of which kind a model is belongs into a scorer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final, Protocol

from tipclassify.model.explanation import ADDITIVE, Explanation, explain_texts
from tipclassify.model.linear.model import Model
from tipclassify.model.linear.scoring import Scored, score_texts

__all__ = ["Linear", "Scorer"]


class Scorer(Protocol):
    """A model at work."""

    @property
    def rounding(self) -> float:
        """Difference of a probability that another processor, or another batch, may make."""

    @property
    def measured(self) -> str:
        """On what the figures in `meta` were measured."""

    @property
    def methods(self) -> tuple[str, ...]:
        """How it explains: the values that `Explanation.method` may have."""

    @property
    def meta(self) -> Mapping[str, Any]:
        """What the model says of itself: ``sha256``, ``corpus``, ``metrics``, ``operating_points``, ``error_table``, …"""

    @property
    def thresholds(self) -> Mapping[str, tuple[float, ...]]:
        """Policy → probability from which each label is given."""

    @property
    def vocabulary(self) -> frozenset[str]:
        """Words known in lower case, by which names are told from words."""

    def score_texts(self, texts: Sequence[str], headings: Sequence[str | None] | None = None) -> Scored:
        """Calibrated log-odds of each text under the heading of its section (None: no heading), and its counts of words."""

    def explain_texts(
        self, texts: Sequence[str], headings: Sequence[str | None] | None = None
    ) -> list[dict[str, Explanation]]:
        """Reasons of each text, by label."""

    def about(self) -> dict[str, str]:
        """What this kind of model has to tell of itself, for ``tipclassify info``."""


class Linear:
    """The linear kind: sums of weights of n-grams."""

    measured: Final = "out of fold"
    methods: Final = (ADDITIVE,)
    rounding: Final = 1e-5  # sums of float32 in another order; everything that is printed has four decimals

    def __init__(self, model: Model) -> None:
        self.model = model
        self.meta, self.thresholds, self.vocabulary = model.meta, model.thresholds, model.vocabulary
        self.score_texts = partial(score_texts, model)
        self.explain_texts = partial(explain_texts, model)

    def about(self) -> dict[str, str]:
        return {"features": f"{len(self.model.hashes):,} ({len(self.model.vocabulary):,} words known)"}
