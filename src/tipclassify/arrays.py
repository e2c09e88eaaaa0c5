"""Define type aliases for numpy arrays, the logistic function, and a normal quantile."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]
Vectors = npt.NDArray[np.float32]

NORMAL_975: Final = 1.959964
"""97.5% quantile of the normal distribution, for intervals of 95%."""


def logistic(logits: Floats) -> Floats:
    """Convert log-odds to probabilities."""
    with np.errstate(over="ignore"):  # an infinite odds ratio is a probability of 0
        return np.asarray(1 / (1 + np.exp(-logits)))
