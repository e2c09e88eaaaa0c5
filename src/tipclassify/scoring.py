"""From features to calibrated log-odds, with a model's weights."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tipclassify.features import Features, score_sums
from tipclassify.labels import LABELS
from tipclassify.model_file import Model

__all__ = ["known_features", "logits_of"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def logits_of(model: Model, features: Features) -> Floats:
    """Calibrated log-odds of each passage, float64 (n, 3)."""
    known, index = known_features(model, features)
    sums = [score_sums(features, known, model.weights[index, j])[0] for j in range(len(LABELS))]
    logits = np.stack(sums, axis=1) + model.bias
    if model.windows is not None:
        logits += model.windows.scores(features.tokens, len(logits))
    return np.asarray(logits)


def known_features(model: Model, features: Features) -> tuple[Bools, npt.NDArray[np.intp]]:
    """Which features the model knows, bool (m,), and the row of the weight table of each that it knows."""
    table = model.hashes
    if not len(table):
        return np.zeros(len(features.hash), bool), np.zeros(0, np.intp)
    key = (features.hash >> np.uint64(32)).astype(np.uint32)
    index = np.minimum(np.searchsorted(table, key), len(table) - 1)
    known = table[index] == key
    return known, index[known]
