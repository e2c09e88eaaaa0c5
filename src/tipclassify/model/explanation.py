"""Explain a score by the contributions of spans, and of the section's heading, to the log-odds of each label.

The fast model's score is a sum over features, those of the best clause counted twice, so that its summands are an exact
explanation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from tipclassify.labels import LABELS
from tipclassify.model.linear.model import Model
from tipclassify.model.linear.scoring import heading_logits
from tipclassify.text.features.hashing import Features, feature_keys, featurize, score_sums
from tipclassify.text.features.templates import length_scale

__all__ = ["ADDITIVE", "OCCLUSION", "Explanation", "SpanWeight", "explain_texts", "known_features"]

ADDITIVE: Final = "additive"
OCCLUSION: Final = "occlusion"

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SpanWeight:
    """Contribution of a span to the log-odds of a label; positive values support the label.

    For the fast model a summand of the score; for an encoder the decrease of the log-odds when the span is masked.
    """

    start: int
    end: int
    text: str
    weight: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """Explanation of a passage's score on one label.

    Attributes
    ----------
    label : str
    probability : float
        0 to 1: logistic function of `logit`.
    logit, bias : float
        Calibrated log-odds, and their value for a passage without known features (additive) or with every word masked
        (occlusion).
    spans : tuple of SpanWeight
        Largest absolute weight first. Spans overlap: a word counts alone and in its n-grams or clause.
    method : str
        ``"additive"`` (fast model): ``bias + heading + sum(span weights) == logit``. ``"occlusion"`` (encoder): each
        span is masked in turn; these scores do not add up, since a redundant word hides another's effect.
    heading : float
        Contribution of the section's heading to the log-odds; 0 without heading.
    """

    label: str
    probability: float
    logit: float
    bias: float
    spans: tuple[SpanWeight, ...]
    method: str = ADDITIVE
    heading: float = 0.0


def explain_texts(
    model: Model, texts: Sequence[str], headings: Sequence[str | None] | None = None
) -> list[dict[str, Explanation]]:
    """Explain the score of each text, by label; a heading is None for a text without section."""
    if not texts:
        return []
    features = featurize(texts, model.vocabulary)
    row, start, end, weight = _contributions(model, features)
    from_heading = heading_logits(model, [None] * len(texts) if headings is None else headings, len(texts))
    order = np.argsort(row, kind="stable")
    bounds = np.searchsorted(row[order], np.arange(len(texts) + 1))
    return [
        _explanations(model, text, start[mine], end[mine], weight[mine], heading)
        for text, mine, heading in zip(texts, np.split(order, bounds[1:-1]), from_heading, strict=True)
    ]


def known_features(model: Model, features: Features) -> tuple[npt.NDArray[np.bool_], Ints]:
    """Test which features the model knows, bool (m,), and return their rows in the weight table, int64 (known,)."""
    table = model.hashes
    if not len(table):
        return np.zeros(len(features.hash), bool), np.zeros(0, np.int64)
    key = feature_keys(features.hash)
    index = np.minimum(np.searchsorted(table, key), len(table) - 1)
    known = table[index] == key
    return known, index[known]


def _contributions(model: Model, features: Features) -> tuple[Ints, Ints, Ints, Floats]:
    """Return passage, start and end of each known feature, and its contributions, float64 (m, 3)."""
    known, index = known_features(model, features)
    row, clause = features.row[known], features.clause[known]
    whole = length_scale(np.bincount(features.row, minlength=len(features.words)))[row]
    counts = np.bincount(features.clause[features.clause >= 0], minlength=len(features.clause_row))
    by_clause = np.append(length_scale(counts), 0.0)
    weight = model.weights[index] * model.units
    for j in range(len(LABELS)):
        best = score_sums(features, known, model.weights[index, j])[1][row]
        weight[:, j] *= whole + by_clause[clause] * ((clause == best) & (clause >= 0))
    return row, features.start[known], features.end[known], weight


def _explanations(
    model: Model, text: str, start: Ints, end: Ints, contribution: Floats, from_heading: Floats
) -> dict[str, Explanation]:
    spans, which = np.unique(np.stack([start, end], axis=1), axis=0, return_inverse=True)
    found = {}
    for j, label in enumerate(LABELS):
        weight = np.bincount(which.ravel(), contribution[:, j], len(spans))
        bias, heading = float(model.bias[j]), float(from_heading[j])
        logit = bias + heading + float(weight.sum())
        probability = float(1 / (1 + np.exp(-logit)))
        order = np.argsort(-np.abs(weight), kind="stable")
        ends = zip(spans[order].tolist(), weight[order].tolist(), strict=True)
        reasons = tuple(SpanWeight(a, b, text[a:b], w) for (a, b), w in ends)
        found[label] = Explanation(label, probability, logit, bias, reasons, heading=heading)
    return found
