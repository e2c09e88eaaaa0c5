"""Explain the fast model's scores: a sum over features, so that its summands are an exact explanation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tipclassify.arrays import Bools, Floats, Ints
from tipclassify.labels import LABELS
from tipclassify.model.explanation import ADDITIVE, Explanation, explanation
from tipclassify.model.linear.model import Model
from tipclassify.text.features.hashing import Features, feature_keys, featurize, score_sums
from tipclassify.text.features.templates import find_sorted, length_scale

__all__ = ["explain_by_contributions", "known_features"]


def explain_by_contributions(model: Model, texts: Sequence[str], from_heading: Floats) -> list[dict[str, Explanation]]:
    """Explain the score of each text, by label, given the contributions of the headings, float64 (n, 3)."""
    if not texts:
        return []
    row, start, end, weight = _contributions(model, featurize(texts, model.vocabulary))
    order = np.argsort(row, kind="stable")
    bounds = np.searchsorted(row[order], np.arange(1, len(texts)))
    found = []
    for text, mine, heading in zip(texts, np.split(order, bounds), from_heading.tolist(), strict=True):
        spans, which = np.unique(np.stack([start[mine], end[mine]], axis=1), axis=0, return_inverse=True)
        of_text = {}
        for j, label in enumerate(LABELS):
            summed = np.bincount(which.ravel(), weight[mine, j], len(spans))
            bias = float(model.bias[j])
            logit = bias + heading[j] + float(summed.sum())
            of_text[label] = explanation(label, text, logit, bias, heading[j], spans.tolist(), summed, ADDITIVE)
        found.append(of_text)
    return found


def known_features(model: Model, features: Features) -> tuple[Bools, Ints]:
    """Test which features the model knows, bool (m,), and return their rows in the weight table, int64 (known,)."""
    if not len(model.hashes):
        return np.zeros(len(features.hash), bool), np.zeros(0, np.int64)
    index, known = find_sorted(feature_keys(features.hash), model.hashes)
    return known, index[known]


def _contributions(model: Model, features: Features) -> tuple[Ints, Ints, Ints, Floats]:
    """Return passage, start and end of each known feature, and its contributions, float64 (m, 3).

    Features of the best clause count twice.
    """
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
