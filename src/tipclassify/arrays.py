"""Type aliases for numpy arrays."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["U64", "Bools", "Floats", "Ints"]

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]
