"""Read and write the linear model: a folder of JSON and arrays, without executable content.

``model.json`` has labels, thresholds, metadata and hashes; ``weights.npz`` has the weight table and the vocabulary.
Reading needs numpy only, so that no release of scikit-learn breaks a shipped model. `model.folder` is the shared part.
"""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tipclassify.errors import ModelError
from tipclassify.labels import LABELS
from tipclassify.model.folder import (
    HEAD,
    LINEAR,
    as_bytes,
    check_head,
    kind_of,
    load_head,
    parse_head,
    sealed,
    write_folder,
)
from tipclassify.model.linear.sums import MAX_WEIGHT, SLOT_BITS, WeightTable
from tipclassify.text.features.hashing import FEATURE_VERSION, heading_hashes
from tipclassify.text.features.templates import length_scale

__all__ = [
    "FORMAT",
    "MAX_WEIGHT",
    "SLOT_BITS",
    "Model",
    "model_bytes",
    "model_of_bytes",
    "read_model",
    "write_model",
]

FORMAT: Final = 4
WEIGHTS: Final = "weights.npz"

_HEADINGS: Final = 4_096  # cached; a report has about twenty, and the reports of a year share most

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Model:
    """Trained linear model.

    Attributes
    ----------
    hashes : uint32 (m,)
        Upper half of each known feature's hash, ascending; no two share the first `SLOT_BITS` bits.
    weights : int16 (m, 3)
        Weight of each feature in the calibrated log-odds of each label, before length normalisation
        (`hashing.score_sums`), in `units`; absolute value at most `MAX_WEIGHT`.
    units : float64 (3,)
        Log-odds of one unit of weight, for each label.
    bias : float64 (3,)
        Calibrated log-odds of each label for a passage without known features.
    vocabulary : frozenset of str
        Known lower-case words (`tokenizer.known_words`).
    thresholds : mapping of str to tuple of float
        Policy → probability threshold of each label.
    meta : mapping
        Data hash, seed, settings, versions, metrics, as plain JSON values.
    """

    hashes: npt.NDArray[np.uint32]
    weights: npt.NDArray[np.int16]
    units: Floats
    bias: Floats
    vocabulary: frozenset[str]
    thresholds: Mapping[str, tuple[float, ...]]
    meta: Mapping[str, Any]

    def __getstate__(self) -> dict[str, object]:
        # Caches are not pickled: another process builds its own.
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @cached_property
    def table(self) -> WeightTable:
        """Weights in look-up tables."""
        return WeightTable(self.hashes, self.weights)

    @cached_property
    def heading_logits(self) -> Callable[[str | None], Floats]:
        """Cached function from a heading to its contribution to the log-odds, float64 (3,)."""
        return lru_cache(maxsize=_HEADINGS)(self._heading_logits)

    def _heading_logits(self, heading: str | None) -> Floats:
        code = heading_hashes(heading)
        weights = self.table.hashed(code)[:, 1:].sum(axis=0, dtype=np.int64)
        return np.asarray(weights * length_scale(np.array(len(code))) * self.units)


def write_model(model: Model, path: str | os.PathLike[str], files: Mapping[str, str] | None = None) -> None:
    """Write a model folder, replacing the one at `path` if there is one.

    Parameters
    ----------
    files : mapping of str to str, optional
        Additional text files by name (``README.md``, ``golden.jsonl``).
    """
    head, weights = model_bytes(model)
    texts = {name: as_bytes(text) for name, text in (files or {}).items()}
    write_folder(path, {WEIGHTS: weights, **texts, HEAD: head})


def model_bytes(model: Model) -> tuple[bytes, bytes]:
    """Serialise a model to the bytes of its head and of its weights."""
    weights = _pack(model)
    head = {
        "format": FORMAT,
        "kind": LINEAR,
        "features": FEATURE_VERSION,
        "labels": list(LABELS),
        "bias": [float(b) for b in model.bias],
        "thresholds": {policy: list(map(float, row)) for policy, row in model.thresholds.items()},
        **{key: value for key, value in model.meta.items() if key != "sha256"},
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
    }
    return sealed(head), weights


def read_model(path: str | os.PathLike[str]) -> Model:
    """Read and check a model folder.

    Raises
    ------
    ModelError
        When the model is missing, truncated, modified, of a newer format, or for other labels.
    """
    folder = Path(path)
    head = load_head(folder)
    _check(head, folder / HEAD)  # before the weights, for a clearer message on other kinds of models
    try:
        packed = (folder / WEIGHTS).read_bytes()
    except OSError as error:
        raise ModelError(f"{folder / WEIGHTS}: cannot be read ({error.strerror}); copy the model anew") from None
    return _model(head, packed, folder / WEIGHTS)


def model_of_bytes(head: bytes, weights: bytes, where: str | os.PathLike[str]) -> Model:
    """Read a model from the bytes of `model_bytes`; errors name `where` as its source.

    Raises
    ------
    ModelError
        As `read_model`.
    """
    try:
        parsed = parse_head(head)
    except ValueError:
        raise ModelError(f"{where}: truncated or not a model; copy or train the model anew") from None
    _check(parsed, Path(where))
    return _model(parsed, weights, Path(where))


def _model(head: Mapping[str, Any], packed: bytes, file: Path) -> Model:
    if hashlib.sha256(packed).hexdigest() != head.get("weights_sha256"):
        raise ModelError(f"{file}: truncated or changed since training; copy or train the model anew")
    try:
        with np.load(io.BytesIO(packed), allow_pickle=False) as arrays:
            hashes, weights, units, words = (arrays[name] for name in ("hashes", "weights", "units", "words"))
    except (ValueError, KeyError, OSError, zipfile.BadZipFile):
        raise ModelError(f"{file}: not a weight table; copy or train the model anew") from None
    meta = {
        key: value
        for key, value in head.items()
        if key not in {"format", "kind", "features", "labels", "bias", "thresholds", "weights_sha256"}
    }
    return Model(
        hashes,
        weights,
        units,
        np.array(head["bias"], np.float64),
        frozenset(words.tobytes().decode("utf-8").split()),
        {policy: tuple(row) for policy, row in head["thresholds"].items()},
        meta,
    )


def _check(head: Mapping[str, Any], file: Path) -> None:
    if kind_of(head) != LINEAR:
        raise ModelError(
            f"{file.parent}: a model of kind {kind_of(head)!r}, which Classifier.load reads, not a table of weights"
        )
    written = head["format"]
    if not isinstance(written, int) or written > FORMAT or head.get("features", 0) > FEATURE_VERSION:
        raise ModelError(f"{file}: written by a newer tipclassify (format {written}); run 'pip install -U tipclassify'")
    if head.get("features") != FEATURE_VERSION:
        raise ModelError(f"{file}: made for older features; retrain it with 'python train.py'")
    check_head(file, head)


def _pack(model: Model) -> bytes:
    buffer = io.BytesIO()
    words = np.frombuffer("\n".join(sorted(model.vocabulary)).encode("utf-8"), np.uint8)
    # Not compressed: that saves a fifth of the size, but doubles the reading time.
    np.savez(buffer, hashes=model.hashes, weights=model.weights, units=model.units, words=words)
    return buffer.getvalue()
