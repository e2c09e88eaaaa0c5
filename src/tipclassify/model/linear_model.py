"""Read and write the linear model: a folder of JSON and arrays, without executable content."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tipclassify.arrays import Floats
from tipclassify.errors import ModelError
from tipclassify.labels import LABELS
from tipclassify.model.folder import load_model_head, read_model_arrays, read_model_files
from tipclassify.model.metadata import HEAD, LINEAR, check_model_head
from tipclassify.model.replacement import write_model_folder
from tipclassify.text.hashing import FEATURE_VERSION

__all__ = ["MAX_WEIGHT", "SLOT_BITS", "LinearModel", "read_linear_model", "write_linear_model"]

SLOT_BITS: Final = 22  # upper bits of a feature's key: its slot in the hash table
# largest absolute weight, in units: the file and the table hold whole numbers of 16 bits
MAX_WEIGHT: Final = 4_000

_FORMAT: Final = 4
_WEIGHTS: Final = "weights.npz"
# type and number of dimensions of each array of a weight table
_WEIGHT_ARRAYS: Final = {
    "hashes": (np.dtype("uint32"), 1),
    "weights": (np.dtype("int16"), 2),
    "units": (np.dtype("float64"), 1),
    "words": (np.dtype("uint8"), 1),
}
_OWN_KEYS: Final = frozenset("format kind features labels bias thresholds weights_sha256".split())


@dataclass(frozen=True, eq=False)
class LinearModel:
    """Trained linear model."""

    # (m,), upper half of each feature's hash, ascending; no two share a slot
    hashes: npt.NDArray[np.uint32]
    # (m, 3), of each label's log-odds, in `units`, before length normalisation
    weights: npt.NDArray[np.int16]
    units: Floats  # (3,), log-odds of one unit of weight
    bias: Floats  # (3,), log-odds of a passage without known features
    # known lower-case words (`tokenizer.collect_vocabulary`)
    vocabulary: frozenset[str] = field(repr=False)
    thresholds: Mapping[str, tuple[float, ...]]  # policy → probability threshold of each label
    # data hash, seed, settings, versions, metrics: plain JSON values of many types
    meta: Mapping[str, Any] = field(repr=False)


def write_linear_model(
    model: LinearModel, path: str | os.PathLike[str], files: Mapping[str, str | bytes] | None = None
) -> None:
    """Write a model folder, replacing the one at `path`, with further files by their name."""
    buffer = io.BytesIO()
    words = np.frombuffer("\n".join(sorted(model.vocabulary)).encode("utf-8"), np.uint8)
    # Not compressed: that saves a fifth of the size, but doubles the reading time.
    np.savez(buffer, hashes=model.hashes, weights=model.weights, units=model.units, words=words)
    head = {
        "format": _FORMAT,
        "kind": LINEAR,
        "features": FEATURE_VERSION,
        "labels": list(LABELS),
        "bias": [float(b) for b in model.bias],
        "thresholds": {policy: list(map(float, row)) for policy, row in model.thresholds.items()},
        **model.meta,
        "weights_sha256": hashlib.sha256(buffer.getvalue()).hexdigest(),
    }
    written = {_WEIGHTS: buffer.getvalue()}
    for name, data in (files or {}).items():
        written[name] = data.encode() if isinstance(data, str) else data
    write_model_folder(path, head, written)


def read_linear_model(path: str | os.PathLike[str]) -> LinearModel:
    """Read and check a model folder.

    Raises `ModelError` when the model is missing, truncated, modified, of another format, or for
    other labels.
    """
    folder = Path(path)
    head = load_model_head(folder)
    features = head.get("features", 0)
    check_model_head(folder / HEAD, head, LINEAR, _FORMAT)
    if features != FEATURE_VERSION:
        if features > FEATURE_VERSION:
            problem = "made for newer features; install a newer tipclassify"
        else:
            problem = "made for older features; retrain it with 'tipclassify train --model fast'"
        raise ModelError(f"{folder / HEAD}: {problem}")
    bias = head.get("bias", ())
    packed = read_model_files(folder, head, (_WEIGHTS,))[_WEIGHTS]
    arrays = read_model_arrays(folder / _WEIGHTS, packed, _WEIGHT_ARRAYS, "a weight table")
    hashes = arrays["hashes"]
    weights = arrays["weights"]
    units = arrays["units"]
    if (
        {name: (array.dtype, array.ndim) for name, array in arrays.items()} != _WEIGHT_ARRAYS
        or weights.shape != (len(hashes), len(LABELS))
        or not len(units) == len(bias) == len(LABELS)
        or not np.isfinite(units).all()
        or np.abs(weights.astype(np.int32)).max(initial=0) > MAX_WEIGHT
    ):
        raise ModelError(
            f"{folder / _WEIGHTS}: not a weight table for {len(LABELS)} labels; "
            "train or get it anew"
        )
    try:
        vocabulary = frozenset(arrays["words"].tobytes().decode("utf-8").split())
    except UnicodeDecodeError:
        raise ModelError(
            f"{folder / _WEIGHTS}: its words are not UTF-8; train or get it anew"
        ) from None
    return LinearModel(
        hashes=hashes,
        weights=weights,
        units=units,
        bias=np.array(bias, np.float64),
        vocabulary=vocabulary,
        thresholds={policy: tuple(row) for policy, row in head["thresholds"].items()},
        meta={key: value for key, value in head.items() if key not in _OWN_KEYS},
    )
