"""Read and write an encoder's folder: ONNX graph, tokenizer, vocabulary, heads, and a JSON head with their hashes.

ONNX, JSON and arrays without pickle are data: only ONNX Runtime's operators run. Files are read once into memory, so
that the verified bytes are the ones used.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tipclassify.errors import ModelError
from tipclassify.labels import LABELS, POLICIES
from tipclassify.model.folder import (
    HEAD,
    as_bytes,
    check_head,
    digest,
    hashed_files,
    kind_of,
    load_head,
    sealed,
    write_folder,
)

__all__ = [
    "ENCODER",
    "FORMAT",
    "GRAPH",
    "HEADS",
    "REQUIRED_FILES",
    "TOKENIZER",
    "WORDS",
    "EncoderModel",
    "Heads",
    "check_encoder_head",
    "read_encoder",
    "write_encoder",
]

FORMAT: Final = 3  # 3: the graph outputs pooled vectors, and the heads have a file of their own
ENCODER: Final = "encoder"
GRAPH: Final = "model.onnx"
TOKENIZER: Final = "tokenizer.json"
WORDS: Final = "words.txt"
HEADS: Final = "heads.npz"
REQUIRED_FILES: Final = (GRAPH, TOKENIZER, WORDS, HEADS)
"""Files that scoring requires."""

_LONGEST_WINDOW: Final = 4_096  # tokens; the cost of attention is quadratic
_SPECIALS: Final = 3  # special tokens of a window: the first, the last, and the separator after the heading


@dataclass(frozen=True)
class Heads:
    """Classification heads: a logistic regression for each label, on pooled vectors.

    Attributes
    ----------
    weights : float64 (3, width)
    bias : float64 (3,)
    """

    weights: npt.NDArray[np.float64]
    bias: npt.NDArray[np.float64]

    def logits(self, pooled: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Compute uncalibrated log-odds, float64 (n, 3), of pooled vectors (n, width).

        Rows are summed one by one: a matrix product may round differently with the batch size.
        """
        rows = [(self.weights * row.astype(np.float64)).sum(axis=1) for row in pooled]
        return np.asarray(np.array(rows).reshape(-1, len(self.bias)) + self.bias)


@dataclass(frozen=True)
class EncoderModel:
    """Trained encoder model.

    Attributes
    ----------
    graph : bytes
        ONNX graph: ``input_ids`` and ``attention_mask``, int64 (n, t), to ``pooled``, float32 (n, width).
    tokenizer : str
        JSON of the `tokenizers` library.
    vocabulary : frozenset of str
        Known lower-case words, which distinguish names from words, and English from other languages.
    heads : Heads
        Heads for scoring.
    finetuned_heads : Heads
        Heads from fine-tuning, the starting point of every later fit.
    thresholds : mapping of str to tuple of float
        Policy → probability threshold of each label.
    scale, shift : float64 (3,)
        Calibrated log-odds of each label are ``scale * logit + shift`` (Platt scaling).
    window, overlap : int
        Tokens of a window, special tokens included, and tokens shared by neighbouring windows.
    stand_in : str
        Placeholder for names in the input text; "" disables name masking.
    meta : mapping
        Hashes, base, training, metrics, operating points, as plain JSON values.
    """

    graph: bytes
    tokenizer: str
    vocabulary: frozenset[str]
    heads: Heads
    finetuned_heads: Heads
    thresholds: Mapping[str, tuple[float, ...]]
    scale: npt.NDArray[np.float64]
    shift: npt.NDArray[np.float64]
    window: int
    overlap: int
    meta: Mapping[str, Any]
    stand_in: str = ""


def write_encoder(
    out: str | os.PathLike[str], model: EncoderModel, meta: Mapping[str, Any], files: Mapping[str, str] | None = None
) -> None:
    """Write an encoder's folder, replacing the model at `out` if there is one.

    Parameters
    ----------
    meta : mapping
        Additional fields of ``model.json``: ``base``, ``training``, ``metrics``, …
    files : mapping of str to str, optional
        Additional text files by name (``README.md``, ``golden.jsonl``, ``LICENSE``, ``NOTICE``).

    Raises
    ------
    ModelError
        When the model could not be read again, or `out` is a folder that is no model.
    """
    data = {
        GRAPH: model.graph,
        TOKENIZER: as_bytes(model.tokenizer),
        WORDS: as_bytes("\n".join(sorted(model.vocabulary)) + "\n"),
        HEADS: _packed(model),
        **{name: as_bytes(text) for name, text in (files or {}).items()},
    }
    head = {
        **{key: value for key, value in meta.items() if key != "sha256"},
        "format": FORMAT,
        "kind": ENCODER,
        "labels": list(LABELS),
        "thresholds": {policy: list(map(float, row)) for policy, row in model.thresholds.items()},
        "calibration": {"scale": model.scale.tolist(), "shift": model.shift.tolist()},
        "window": {"tokens": model.window, "overlap": model.overlap},
        "stand_in": model.stand_in,
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in data.items()},
    }
    head = json.loads(json.dumps(head))  # the types that reading returns
    check_encoder_head(Path(out) / HEAD, {**head, "sha256": digest(head)})
    write_folder(out, {**data, HEAD: sealed(head)})


def read_encoder(path: str | os.PathLike[str]) -> EncoderModel:
    """Read and check an encoder's folder.

    Raises
    ------
    ModelError
        When the model is missing, truncated, modified, of another format, or for other labels.
    """
    folder = Path(path)
    head = load_head(folder)
    check_encoder_head(folder / HEAD, head)
    calibration, window = head["calibration"], head["window"]
    data = {name: _read_verified(folder / name, wanted) for name, wanted in head["files"].items()}
    heads, finetuned_heads = _unpacked(data[HEADS], folder / HEADS)
    return EncoderModel(
        graph=data[GRAPH],
        tokenizer=_text(folder / TOKENIZER, data[TOKENIZER]),
        vocabulary=frozenset(_text(folder / WORDS, data[WORDS]).split()),
        heads=heads,
        finetuned_heads=finetuned_heads,
        thresholds={policy: tuple(row) for policy, row in head["thresholds"].items()},
        scale=np.array(calibration["scale"], np.float64),
        shift=np.array(calibration["shift"], np.float64),
        window=window["tokens"],
        overlap=window["overlap"],
        meta={key: value for key, value in head.items() if key not in {"format", "kind", "labels", "thresholds"}},
        stand_in=head["stand_in"],
    )


def check_encoder_head(file: str | os.PathLike[str], head: Mapping[str, Any]) -> None:
    """Check that a head is unmodified, for these labels, and of an encoder that this version can use.

    Raises
    ------
    ModelError
        When it is not; the message names `file`.
    """
    if kind_of(head) != ENCODER:
        raise ModelError(f"{file}: a model of kind {kind_of(head)!r}, not an encoder; use another model")
    written = head["format"]
    if not isinstance(written, int) or written > FORMAT:
        raise ModelError(f"{file}: written by a newer tipclassify (format {written}); run 'pip install -U tipclassify'")
    if written < FORMAT:
        raise ModelError(f"{file}: written by an older tipclassify (format {written}); train or get the model anew")
    check_head(file, head)
    problem = _head_problem(head)
    if problem:
        raise ModelError(f"{file}: {problem}; train the encoder anew, or get the model anew")


def _head_problem(head: Mapping[str, Any]) -> str | None:
    """Return the first invalid setting of a head, if any; the hash proves integrity, not validity."""
    rows = {f"thresholds for {policy}": head["thresholds"][policy] for policy in POLICIES}
    calibration, window = (head.get(key) for key in ("calibration", "window"))
    if not isinstance(calibration, dict):
        return "no calibration"
    rows |= {f"calibration's {part}": calibration.get(part) for part in ("scale", "shift")}
    for name, row in rows.items():
        if not (isinstance(row, list) and len(row) == len(LABELS) and all(map(_finite, row))):
            return f"{name} are not {len(LABELS)} numbers"
    if min(calibration["scale"]) <= 0:
        return "calibration's scale turns a label's meaning round"
    if not (isinstance(window, dict) and all(type(window.get(part)) is int for part in ("tokens", "overlap"))):
        return "no window"
    tokens, overlap = window["tokens"], window["overlap"]
    if not (_SPECIALS < tokens <= _LONGEST_WINDOW and 0 <= overlap < tokens // 2 - _SPECIALS):
        return f"a window of {tokens} tokens that share {overlap} covers no text"
    stand_in = head.get("stand_in")
    if not isinstance(stand_in, str) or stand_in != stand_in.strip():
        return f"names are to be replaced by {stand_in!r}, which is no word"
    try:
        files = hashed_files(head)
    except ValueError as error:
        return str(error)
    return None if set(REQUIRED_FILES) <= set(files) else f"no hashes of {' and '.join(REQUIRED_FILES)}"


def _finite(value: Any) -> bool:
    return type(value) in (int, float) and bool(np.isfinite(value))


def _packed(model: EncoderModel) -> bytes:
    """Serialise the heads."""
    buffer = io.BytesIO()
    one, other = model.heads, model.finetuned_heads
    np.savez(buffer, weights=one.weights, bias=one.bias, own_weights=other.weights, own_bias=other.bias)
    return buffer.getvalue()


def _unpacked(data: bytes, file: Path) -> tuple[Heads, Heads]:
    """Deserialise and check the heads, and those from fine-tuning."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            heads = Heads(arrays["weights"], arrays["bias"])
            finetuned_heads = Heads(arrays["own_weights"], arrays["own_bias"])
    except (ValueError, KeyError, OSError, EOFError, RuntimeError, zipfile.BadZipFile):
        raise ModelError(f"{file}: not the heads of an encoder; train or get the model anew") from None
    width = heads.weights.shape[-1:]
    wanted = [((len(LABELS), *width), one.weights) for one in (heads, finetuned_heads)] + [
        ((len(LABELS),), one.bias) for one in (heads, finetuned_heads)
    ]
    if not all(one.shape == shape and one.dtype == np.float64 and np.isfinite(one).all() for shape, one in wanted):
        raise ModelError(f"{file}: not {len(LABELS)} heads of finite numbers; train or get the model anew")
    return heads, finetuned_heads


def _read_verified(file: Path, wanted: str) -> bytes:
    """Read a file and verify its SHA-256; an absent file that scoring does not require is empty."""
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        if file.name not in REQUIRED_FILES:
            return b""
        raise ModelError(f"{file}: missing; copy or get the model anew") from None
    except OSError as error:
        raise ModelError(f"{file}: cannot be read ({error.strerror}); copy or get the model anew") from None
    if hashlib.sha256(data).hexdigest() != wanted:
        raise ModelError(f"{file}: truncated or changed since training; copy or get the model anew")
    return data


def _text(file: Path, data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise ModelError(f"{file}: not UTF-8; copy or get the model anew") from None
