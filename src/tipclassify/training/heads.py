"""Fit a frozen encoder's heads, regularised towards the previous ones (Chelba and Acero 2004, EMNLP)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from joblib import Memory
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

from tipclassify.arrays import Bools, Floats, Ints
from tipclassify.model.encoder.folder import Heads
from tipclassify.model.encoder.scoring import EncoderScorer
from tipclassify.progress import Progress

__all__ = ["CORPUS_PENALTY", "PENALTY", "adapt_heads", "out_of_fold_logits", "pooled_vectors"]

# With it 14 rows leave over 99% of the tags of other passages unchanged; some hundreds change related passages.
PENALTY: Final = 1_000.0
CORPUS_PENALTY: Final = 100.0  # of the whole corpus; for some hundreds of rows it would cost up to 0.01 of macro-F1
_CACHE_ROWS: Final = 500  # passages in a cache entry: a few new rows invalidate few entries

Vectors = npt.NDArray[np.float32]


def pooled_vectors(
    scorer: EncoderScorer,
    texts: Sequence[str],
    headings: Sequence[str | None],
    *,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> Vectors:
    """Compute pooled vectors, float32 (n, width), cached by a hash of encoder and passages, without texts."""
    kept = Memory(cache, verbose=0).cache(_pooled, ignore=["scorer", "texts", "headings"])
    encoder = hashlib.sha256(scorer.model.graph).hexdigest()
    found = [np.zeros((0, scorer.model.heads.weights.shape[1]), np.float32)]
    for first in range(0, len(texts), _CACHE_ROWS):
        last = min(first + _CACHE_ROWS, len(texts))
        part = list(texts[first:last]), list(headings[first:last])
        found.append(kept(scorer, *part, hashlib.sha256(json.dumps([encoder, *part]).encode()).hexdigest()))
        if progress:
            progress(last, len(texts))
    return np.concatenate(found)


def _pooled(scorer: EncoderScorer, texts: list[str], headings: list[str | None], key: str) -> Vectors:  # noqa: ARG001
    return scorer.pooled(texts, headings)


def adapt_heads(start: Heads, pooled: Vectors, y_true: Bools, weights: Floats, penalty: float = PENALTY) -> Heads:
    """Minimise the log loss plus half the penalty times the squared distance from the heads `start`."""
    design = np.column_stack([pooled.astype(np.float64), np.ones(len(pooled))])
    begin = np.column_stack([start.weights, start.bias])
    found = np.empty_like(begin)
    with threadpool_limits(1):  # a fixed order of summation on every machine
        for j, first in enumerate(begin):
            offset, sign = design @ first, np.where(y_true[:, j], 1.0, -1.0)

            def loss(delta: Floats, offset: Floats = offset, sign: Floats = sign) -> tuple[float, Floats]:
                margin = sign * (offset + design @ delta)
                slope = -sign * weights / (1 + np.exp(np.clip(margin, -500, 500)))
                value = float(weights @ np.logaddexp(0, -margin) + penalty / 2 * delta @ delta)
                return value, np.asarray(design.T @ slope + penalty * delta)

            best: Any = minimize(loss, np.zeros(len(first)), jac=True, method="L-BFGS-B", options={"maxiter": 500})
            found[j] = first + best.x
    return Heads(np.ascontiguousarray(found[:, :-1]), np.ascontiguousarray(found[:, -1]))


def out_of_fold_logits(
    start: Heads, pooled: Vectors, y_true: Bools, weights: Floats, fold: Ints, penalty: float = PENALTY
) -> Floats:
    """Compute out-of-fold logits (n, 3) before calibration; rows of fold -1 are in every training set and stay 0."""
    found = np.zeros(y_true.shape)
    for number in np.unique(fold[fold >= 0]):
        held = fold == number
        heads = adapt_heads(start, pooled[~held], y_true[~held], weights[~held], penalty)
        found[held] = heads.logits(pooled[held])
    return found
