"""What both models share: scores, their explanations, and when a score is not to be relied on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np

from tipclassify.arrays import Bools, Floats, Ints, logistic
from tipclassify.notebook import explanation_html
from tipclassify.text.tokens import (
    text_batches,
    token_words,
    tokenize,
)

ADDITIVE: Final = "additive"
OCCLUSION: Final = "occlusion"

_FEWEST_WORDS: Final = 3
# English on other subjects is below, French, Spanish or German far above
_MOST_UNKNOWN: Final = 1 / 3


# ------------------------------------------------------------------------------------------- scores


class Scored(NamedTuple):
    """Scores of a list of passages."""

    logits: Floats  # (n, labels), calibrated log-odds
    words: Ints  # (n,), words per passage, figures and names excluded
    unknown: Ints  # (n,), those among them outside the vocabulary


def apply_thresholds(scores: Floats, thresholds: Floats) -> Bools:
    """Test which probabilities (n, labels) are at least their threshold (labels,)."""
    return np.asarray(scores >= thresholds)


def count_words(texts: Sequence[str], vocabulary: frozenset[str]) -> tuple[Ints, Ints]:
    """Count words and unknown words per text (see `Scored`), without scoring."""
    words = [np.zeros(0, np.int64)]
    unknown = [np.zeros(0, np.int64)]
    for _, batch in text_batches(texts):
        batch_words, batch_unknown = token_words(tokenize(batch, vocabulary), len(batch))
        words.append(batch_words)
        unknown.append(batch_unknown)
    return np.concatenate(words), np.concatenate(unknown)


def low_confidence(words: Ints, unknown: Ints) -> Bools:
    """Flag texts with few words, or with many outside the vocabulary, bool (n,)."""
    return np.asarray((words < _FEWEST_WORDS) | (unknown > words * _MOST_UNKNOWN))


# ------------------------------------------------------------------------------------- explanations


@dataclass(frozen=True, slots=True)
class SpanWeight:
    """Contribution of a span to the log-odds of a label; positive values support the label.

    For the fast model a summand of the score; for an encoder the decrease of the log-odds when the
    span is masked. `source` is the whole passage.
    """

    start: int
    end: int
    source: str = field(repr=False)
    weight: float

    @property
    def text(self) -> str:
        """The span's characters."""
        # Cut on demand: those of all spans of a long passage would take its length squared.
        return self.source[self.start : self.end]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Explanation of a passage's score on one label.

    Attributes
    ----------
    label : str
    probability : float
        0 to 1: logistic function of `logit`.
    logit, bias : float
        Calibrated log-odds, and their value for a passage without known features (additive) or with
        every word masked (occlusion); the bias is NaN where only some phrases were masked.
    spans : tuple of SpanWeight
        Largest absolute weight first. Spans overlap: a word counts alone and in its n-grams or
        clause.
    method : str
        ``"additive"`` (fast model): ``bias + heading + sum(span weights) == logit``.
        ``"occlusion"`` (encoder): each span is masked in turn; these scores do not add up, since a
        redundant word hides another's effect.
    heading : float
        Contribution of the section's heading to the log-odds; 0 without heading.
    """

    label: str
    probability: float
    logit: float
    bias: float
    spans: tuple[SpanWeight, ...]
    method: str
    heading: float

    def to_dict(self) -> dict[str, object]:
        """Convert to plain JSON values; a bias that was not measured becomes None."""
        spans = [
            {"start": span.start, "end": span.end, "text": span.text, "weight": span.weight}
            for span in self.spans
        ]
        return {
            "label": self.label,
            "probability": self.probability,
            "logit": self.logit,
            "bias": None if math.isnan(self.bias) else self.bias,
            "spans": spans,
            "method": self.method,
            "heading": self.heading,
        }

    def _repr_html_(self) -> str:
        text = self.spans[0].source if self.spans else ""
        spans = [(span.start, span.end, span.weight) for span in self.spans]
        return explanation_html(self.label, self.probability, text, spans)


class Explanations(dict[str, Explanation]):
    """Explanations of a passage by label: a dict that a notebook shows."""

    def _repr_html_(self) -> str:
        return "".join(explanation._repr_html_() for explanation in self.values())


def explanations(
    labels: Sequence[str],
    text: str,
    logits: Floats,
    bias: Floats,
    heading: Floats,
    spans: Sequence[Sequence[int]],
    weights: Floats,
    method: str,
) -> dict[str, Explanation]:
    """Explain the score of each label; `weights` are those of the spans, (labels, spans)."""
    probabilities = logistic(logits)
    by_label = Explanations()
    for j, label in enumerate(labels):
        reasons = []
        for at in np.argsort(-np.abs(weights[j]), kind="stable").tolist():
            start, end = spans[at]
            reasons.append(SpanWeight(start, end, text, float(weights[j, at])))
        by_label[label] = Explanation(
            label=label,
            probability=float(probabilities[j]),
            logit=float(logits[j]),
            bias=float(bias[j]),
            spans=tuple(reasons),
            method=method,
            heading=float(heading[j]),
        )
    return by_label
