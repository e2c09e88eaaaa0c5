"""The head of a model, ``model.json``: what it says, and whether it can be trusted.

Bytes come in, a checked head goes out. It has the hashes of the folder's files and of itself.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, TypedDict, cast

import msgspec

from tipclassify.errors import ModelError
from tipclassify.formatting import load_json
from tipclassify.labels import LABELS, POLICIES

__all__ = [
    "HEAD",
    "LINEAR",
    "Head",
    "check_model_head",
    "hashed_model_files",
    "model_head_digest",
    "model_kind",
    "model_weights_digest",
    "parse_model_head",
]

HEAD: Final = "model.json"
LINEAR: Final = "linear"  # kind of a model without ``kind`` in its head
_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_MOST_FILES: Final = 50


class HeadCorpus(TypedDict, total=False):
    """What a head says of the training corpus."""

    passages: int
    sha256: str


class Head(TypedDict, total=False):
    """Fields of ``model.json`` that are read by name; `check_model_head` verifies their types."""

    format: int
    kind: str
    features: int
    labels: list[str]
    thresholds: dict[str, list[float]]
    bias: list[float]
    corpus: HeadCorpus
    files: dict[str, str]
    weights_sha256: str
    adapted_from: str
    sha256: str


class _HeadErrorRates(msgspec.Struct):
    policies: dict[str, dict[str, dict[str, float]]]
    histogram: dict[str, dict[str, list[float]]] = {}


class _HeadErrorTable(_HeadErrorRates):
    kinds: dict[str, _HeadErrorRates] = {}


class _HeadOperatingPoint(msgspec.Struct):
    threshold: float
    precision: list[float | None] = []  # with its interval, which few groups leave undefined
    recall: list[float | None] = []


class _HeadMetrics(msgspec.Struct):
    macro_f1: float | None = None


class _CheckedHead(msgspec.Struct):
    """Types of the fields of a head that are read anywhere; all but the first are optional."""

    format: int
    kind: str = LINEAR
    features: int = 0
    labels: list[str] = []
    thresholds: dict[str, list[float]] = {}
    bias: list[float] = []
    base: dict[str, str] = {}
    corpus: dict[str, object] = {}
    versions: dict[str, str] = {}
    metrics: _HeadMetrics = msgspec.field(default_factory=_HeadMetrics)
    behaviours: dict[str, float] = {}
    operating_points: dict[str, dict[str, _HeadOperatingPoint]] = {}
    error_table: _HeadErrorTable | None = None


def model_head_digest(head: Mapping[str, object]) -> str:
    """Compute the SHA-256 of a head without its ``sha256``, in hexadecimal."""
    plain = {key: value for key, value in head.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode("utf-8")).hexdigest()


def parse_model_head(data: bytes) -> Head:
    """Parse the bytes of a ``model.json``; raise `ValueError` if invalid."""
    head = load_json(data)
    if not isinstance(head, dict) or "format" not in head:
        raise ValueError("no head of a model")
    return cast("Head", head)


def model_kind(head: Mapping[str, object]) -> str:
    """Return the kind of model of a head."""
    return str(head.get("kind", LINEAR))


def hashed_model_files(head: Mapping[str, object]) -> dict[str, str]:
    """Return the files that a head lists, with their SHA-256 in hexadecimal.

    Raises `ValueError` when the list is missing, or an entry is no plain file name with a hash.
    """
    if model_kind(head) == LINEAR:
        listed: object = {"weights.npz": head.get("weights_sha256")}
    else:
        listed = head.get("files")
    if not isinstance(listed, dict) or not listed or len(listed) > _MOST_FILES or HEAD in listed:
        raise ValueError("no hashes of its files")
    for name, value in listed.items():
        if not (_NAME.fullmatch(name) and isinstance(value, str) and _SHA256.fullmatch(value)):
            raise ValueError(f"{name!r:.50} is no file with its hash")
    return dict(listed)


def model_weights_digest(head: Mapping[str, object]) -> str:
    """Return the SHA-256 of the weights; raise `ValueError` or `KeyError` if the head has none."""
    files = hashed_model_files(head)
    return files.get("weights.npz") or files["model.onnx"]


def check_model_head(
    file: Path | str,
    head: Mapping[str, object],
    kind: str | None = None,
    version: int | None = None,
) -> None:
    """Check a head's labels, hash, thresholds and files, and kind and format if given.

    Raises `ModelError`, which names `file`.
    """
    if kind is not None and model_kind(head) != kind:
        raise ModelError(
            f"{file}: a model of kind {model_kind(head)!r}, not {kind!r}; use another model"
        )
    try:
        typed = msgspec.convert(head, _CheckedHead)
    except ValueError as error:  # also where a string holds half of a surrogate pair
        raise ModelError(
            f"{file}: not a head that can be used ({error}); train or get the model anew"
        ) from None
    if version is not None and typed.format > version:
        raise ModelError(
            f"{file}: written by a newer tipclassify (format {head['format']}); "
            "install a newer tipclassify"
        )
    if version is not None and typed.format < version:
        raise ModelError(
            f"{file}: written by an older tipclassify (format {head['format']}); retrain it"
        )
    if tuple(typed.labels) != LABELS:
        raise ModelError(
            f"{file}: made for the labels {head.get('labels')}, not {list(LABELS)}; "
            "use another model"
        )
    if head.get("sha256") != model_head_digest(head):
        raise ModelError(
            f"{file}: changed since training (its hash does not match); "
            "copy or train the model anew"
        )
    missing = [
        policy for policy in POLICIES if len(typed.thresholds.get(policy, ())) != len(LABELS)
    ]
    if missing:
        raise ModelError(f"{file}: has no thresholds for {', '.join(missing)}; retrain it")
    try:
        hashed_model_files(head)
    except ValueError as error:
        raise ModelError(f"{file}: {error}; train or get the model anew") from None
