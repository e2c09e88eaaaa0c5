"""Why a passage scores as it does: what every stretch of it adds to the log-odds of a label.

A score is a sum, over n-grams (those of the best clause count twice) and over detectors (each adds its match times its
weight, on the words where it matched best), so its parts are the reasons, and they add up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from tipclassify.features import Features, featurize, length_scale, score_sums
from tipclassify.labels import LABELS
from tipclassify.model_file import Model
from tipclassify.scoring import known_features

__all__ = ["ADDITIVE", "OCCLUSION", "Explanation", "SpanWeight", "explain_texts"]

ADDITIVE: Final = "additive"
OCCLUSION: Final = "occlusion"

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SpanWeight:
    """How far a stretch of a passage moves the log-odds of a label (positive: towards it).

    Of the default model it is what the stretch adds to the sum; of an encoder, how far the log-odds fall when it is masked.
    """

    start: int
    end: int
    text: str
    weight: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a passage scores as it does on one label.

    Attributes
    ----------
    label : str
    probability : float
        Logistic function of `logit`.
    logit, bias : float
        Calibrated log-odds, and their value for a passage without known features (additive) or with every word masked
        (occlusion).
    spans : tuple of SpanWeight
        Strongest first. Spans overlap: a word counts by itself and in the n-grams, or the clause, it is part of.
    method : str
        ``"additive"``: the default model is a sum, and ``bias + sum(span weights) == logit``. ``"occlusion"``: each span of an
        encoder was masked by itself, and its weight is how far the logit fell. These do not add up to anything: two words
        that say the same each fall by little, and both together by much.
    """

    label: str
    probability: float
    logit: float
    bias: float
    spans: tuple[SpanWeight, ...]
    method: str = ADDITIVE


def explain_texts(model: Model, texts: Sequence[str]) -> list[dict[str, Explanation]]:
    """Explanations of each text, by label."""
    if not texts:
        return []
    features = featurize(texts, model.vocabulary)
    parts = [part for part in (_of_ngrams(model, features), _of_detectors(model, features)) if part is not None]
    row, start, end = (np.concatenate([part[i] for part in parts]) for i in range(3))
    added = np.concatenate([part[3] for part in parts])
    order = np.argsort(row, kind="stable")
    bounds = np.searchsorted(row[order], np.arange(len(texts) + 1))
    return [
        _explanations(model, text, start[mine], end[mine], added[mine])
        for text, mine in zip(texts, np.split(order, bounds[1:-1]), strict=True)
    ]


def _of_ngrams(model: Model, features: Features) -> tuple[Ints, Ints, Ints, Floats]:
    """Passage, start and end of each known feature, and what it adds to each label, (m, 3)."""
    known, index = known_features(model, features)
    row, clause = features.row[known], features.clause[known]
    whole = length_scale(np.bincount(features.row, minlength=len(features.words)))[row]
    counts = np.bincount(features.clause[features.clause >= 0], minlength=len(features.clause_row))
    by_clause = np.append(length_scale(counts), 0.0)
    added = model.weights[index] * model.units
    for j in range(len(LABELS)):
        best = score_sums(features, known, model.weights[index, j])[1][row]
        added[:, j] *= whole + by_clause[clause] * ((clause == best) & (clause >= 0))
    return row, features.start[known], features.end[known], added


def _of_detectors(model: Model, features: Features) -> tuple[Ints, Ints, Ints, Floats] | None:
    """The same of each window to which a detector answers."""
    if model.windows is None or not len(features.tokens.row):
        return None
    tokens = features.tokens
    rows, begin = tokens.passages()
    found = model.windows.matches(tokens.stem, tokens.kind, tokens.edge, begin)
    passage, detector = np.nonzero(found.strength)
    return (
        rows[passage],
        tokens.start[found.first[passage, detector]],
        tokens.end[found.last[passage, detector]],
        found.strength[passage, detector][:, None] * model.windows.weights[detector].astype(np.float64),
    )


def _explanations(model: Model, text: str, start: Ints, end: Ints, added: Floats) -> dict[str, Explanation]:
    spans, which = np.unique(np.stack([start, end], axis=1), axis=0, return_inverse=True)
    found = {}
    for j, label in enumerate(LABELS):
        weight = np.bincount(which.ravel(), added[:, j], len(spans))
        bias = float(model.bias[j])
        logit = bias + float(weight.sum())
        order = np.argsort(-np.abs(weight), kind="stable")
        ends = zip(spans[order].tolist(), weight[order].tolist(), strict=True)
        reasons = tuple(SpanWeight(a, b, text[a:b], w) for (a, b), w in ends)
        found[label] = Explanation(label, float(1 / (1 + np.exp(-logit))), logit, bias, reasons)
    return found
