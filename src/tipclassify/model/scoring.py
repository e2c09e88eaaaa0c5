"""Define what both models share when they score.

That is a scorer's members, its scores, and how a threshold and low confidence are decided.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

import numpy as np

from tipclassify.arrays import Bools, Floats, Ints
from tipclassify.model.explanation import Explanation
from tipclassify.text.tokens import (
    batches_of_text_for_features,
    count_token_words,
    tokenize,
)

__all__ = [
    "Scored",
    "Scorer",
    "apply_thresholds",
    "count_words_for_model",
    "flag_low_model_confidence",
    "reaches_threshold",
]

_FEWEST_WORDS: Final = 3
# English on other subjects is below, French, Spanish or German far above
_MOST_UNKNOWN: Final = 1 / 3


class Scored(NamedTuple):
    """Scores of a list of passages."""

    logits: Floats  # (n, 3), calibrated log-odds
    words: Ints  # (n,), words per passage, figures and names excluded
    unknown: Ints  # (n,), those among them outside the vocabulary


class Scorer(Protocol):
    """A model of either kind, ready to score: `LinearScorer` and `EncoderScorer`."""

    @property
    def meta(self) -> Mapping[str, Any]:
        """Metadata of the model, as plain JSON values: hash, corpus, metrics."""

    @property
    def thresholds(self) -> Mapping[str, tuple[float, ...]]:
        """Probability threshold of each label, in the order of ``LABELS``, by policy."""

    @property
    def vocabulary(self) -> frozenset[str]:
        """Known lower-case words."""

    @property
    def measured(self) -> str:
        """Evaluation data of the metrics in `meta`."""

    @property
    def methods(self) -> tuple[str, ...]:
        """Possible values of `Explanation.method`."""

    @property
    def rounding(self) -> float:
        """Tolerance of a probability between processors."""

    def description(self) -> dict[str, str]:
        """Describe the model for ``tipclassify info``."""

    def score_texts(
        self, texts: Sequence[str], headings: Sequence[str | None] | None = None
    ) -> Scored:
        """Score each text; a heading is None for a text without section."""

    def explain_texts(
        self,
        texts: Sequence[str],
        headings: Sequence[str | None] | None = None,
        labels: Sequence[Sequence[str]] | None = None,
        max_phrases: int | None = None,
    ) -> list[dict[str, Explanation]]:
        """Explain the score of each text, by label; see `Classifier.explain_all`."""


def apply_thresholds(scores: Floats, thresholds: Floats) -> Bools:
    """Test which probabilities (n, 3) are at least their threshold (3,), bool (n, 3)."""
    return np.asarray(scores >= thresholds)


def reaches_threshold(score: float, threshold: float) -> bool:
    """Test whether one probability is at least its threshold."""
    return score >= threshold


def count_words_for_model(texts: Sequence[str], vocabulary: frozenset[str]) -> tuple[Ints, Ints]:
    """Count words and unknown words per text (see `Scored`), without scoring."""
    words = [np.zeros(0, np.int64)]
    unknown = [np.zeros(0, np.int64)]
    for _, batch in batches_of_text_for_features(texts):
        batch_words, batch_unknown = count_token_words(tokenize(batch, vocabulary), len(batch))
        words.append(batch_words)
        unknown.append(batch_unknown)
    return np.concatenate(words), np.concatenate(unknown)


def flag_low_model_confidence(words: Ints, unknown: Ints) -> Bools:
    """Flag texts with few words, or with many outside the vocabulary, bool (n,)."""
    return np.asarray((words < _FEWEST_WORDS) | (unknown > words * _MOST_UNKNOWN))
