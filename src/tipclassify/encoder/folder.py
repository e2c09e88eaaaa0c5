"""An encoder on disk: a folder with the graph, the tokenizer, and a head that holds the hash of each file.

ONNX and JSON are data: nothing of the folder is run but the operators of the graph, by ONNX Runtime. What is checked is
what is used: the files are read once, into memory.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tipclassify.errors import ModelError
from tipclassify.labels import LABELS, POLICIES
from tipclassify.model_file import Model, model_bytes, model_of_bytes
from tipclassify.model_folder import (
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
    "DEFAULT_FILES",
    "ENCODER",
    "FORMAT",
    "GRAPH",
    "NEEDED",
    "TOKENIZER",
    "EncoderModel",
    "check_encoder_head",
    "read_encoder",
]
__all__ += ["write_encoder"]

FORMAT: Final = 2  # 2: names may be taken out
ENCODER: Final = "encoder"
GRAPH: Final = "model.onnx"
_DEFAULT: Final = "default"  # in the calibration: how much the model of the default kind counts
TOKENIZER: Final = "tokenizer.json"
DEFAULT_FILES: Final = ("default.json", "default.npz")
"""Head and weights of the model of the default kind that is beside it, where there is one."""
NEEDED: Final = (GRAPH, TOKENIZER)
"""Files without which there is no scoring."""

_INPUTS: Final = ("input_ids", "attention_mask")
_LONGEST_WINDOW: Final = 4_096  # tokens; attention costs their square
_SPECIALS: Final = 2  # tokens of a window that are no text


@dataclass(frozen=True)
class EncoderModel:
    """Everything scoring needs, and what training wants remembered.

    Attributes
    ----------
    graph : bytes
        ONNX: ``input_ids`` and ``attention_mask``, int64 (n, t), to ``logits``, float32 (n, 3), before calibration.
    tokenizer : str
        JSON of the `tokenizers` library.
    thresholds : mapping of str to tuple of float
        Policy → probability from which each label is given.
    scale, shift : float64 (3,)
        Calibrated log-odds of each label are ``scale * logit + shift``.
    window, overlap : int
        Tokens of a window, with its first and last that are no text, and how many of the text two neighbours share.
    inputs : tuple of str
        Names of the graph's inputs.
    default : Model or None
        A model of the default kind whose words tell names, and whose log-odds count too, times `default_weight` (float64 (3,)), where
        that is not None: its own copy, so that what an encoder says hangs on nothing outside its folder.
    stand_in : str
        What every name is replaced by before the graph reads a text, by the vocabulary of `default`; "" leaves names as they are.
    meta : mapping
        The head: hashes, base, training, metrics, operating points: plain JSON values.
    """

    graph: bytes
    tokenizer: str
    thresholds: Mapping[str, tuple[float, ...]]
    scale: npt.NDArray[np.float64]
    shift: npt.NDArray[np.float64]
    window: int
    overlap: int
    inputs: tuple[str, ...]
    meta: Mapping[str, Any]
    default: Model | None = None
    default_weight: npt.NDArray[np.float64] | None = None
    stand_in: str = ""


def write_encoder(
    out: str | os.PathLike[str],
    *,
    onnx: bytes,
    tokenizer: str,
    head: Mapping[str, Any],
    files: Mapping[str, str] | None = None,
    default: Model | None = None,
) -> None:
    """Write an encoder's folder, replacing the model at `out` if there is one.

    Parameters
    ----------
    onnx : bytes
        The graph.
    tokenizer : str
        JSON of the `tokenizers` library.
    head : mapping
        ``thresholds``, ``calibration``, ``window``, ``inputs`` and what else ``model.json`` shall hold; format, kind, labels
        and hashes are put in here.
    files : mapping of str to str, optional
        Further text files of the folder by name (``README.md``, ``golden.jsonl``, ``LICENSE``, ``NOTICE``).
    default : Model, optional
        The model of the default kind beside it, where the head's ``calibration`` has weights for one, or its ``stand_in`` takes names
        out.

    Raises
    ------
    ModelError
        When the head is not fit to be read again, or a folder that is no model is in the way.
    """
    texts = {TOKENIZER: tokenizer, **(files or {})}
    data = {GRAPH: onnx, **{name: as_bytes(text) for name, text in texts.items()}}
    if default is not None:
        data |= dict(zip(DEFAULT_FILES, model_bytes(default), strict=True))
    whole = {
        "inputs": list(_INPUTS),
        "output": "logits",
        **{key: value for key, value in head.items() if key != "sha256"},
        "format": FORMAT,
        "kind": ENCODER,
        "labels": list(LABELS),
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in data.items()},
    }
    whole = json.loads(json.dumps(whole))  # as it will be read
    check_encoder_head(Path(out) / HEAD, {**whole, "sha256": digest(whole)})
    write_folder(out, {**data, HEAD: sealed(whole)})


def read_encoder(path: str | os.PathLike[str]) -> EncoderModel:
    """Read and check an encoder's folder.

    Raises
    ------
    ModelError
        When it is missing, truncated, changed since it was written, of a newer format, or for other labels.
    """
    folder = Path(path)
    head = load_head(folder)
    check_encoder_head(folder / HEAD, head)
    calibration, window = head["calibration"], head["window"]
    needed = _needed(head)
    data = {name: _checked(folder / name, wanted, needed) for name, wanted in head["files"].items()}
    default, weight = None, None
    if set(DEFAULT_FILES) <= set(needed):
        default = model_of_bytes(data[DEFAULT_FILES[0]], data[DEFAULT_FILES[1]], folder / DEFAULT_FILES[0])
    if _DEFAULT in calibration:
        weight = np.array(calibration[_DEFAULT], np.float64)
    return EncoderModel(
        data[GRAPH],
        _text(folder / TOKENIZER, data[TOKENIZER]),
        {policy: tuple(row) for policy, row in head["thresholds"].items()},
        np.array(calibration["scale"], np.float64),
        np.array(calibration["shift"], np.float64),
        window["tokens"],
        window["overlap"],
        tuple(head["inputs"]),
        {key: value for key, value in head.items() if key not in {"format", "kind", "labels", "thresholds"}},
        default,
        weight,
        head.get("stand_in", ""),
    )


def check_encoder_head(file: str | os.PathLike[str], head: Mapping[str, Any]) -> None:
    """Whether a head is of an encoder that this version can use, for these labels, and unchanged.

    Raises
    ------
    ModelError
        When it is not.
    """
    if kind_of(head) != ENCODER:
        raise ModelError(f"{file}: a model of kind {kind_of(head)!r}, not an encoder; use another model")
    written = head["format"]
    if not isinstance(written, int) or written > FORMAT:
        raise ModelError(f"{file}: written by a newer tipclassify (format {written}); run 'pip install -U tipclassify'")
    check_head(file, head)
    wrong = _unfit(head)
    if wrong:
        raise ModelError(f"{file}: {wrong}; train the encoder anew, or get the model anew")


def _unfit(head: Mapping[str, Any]) -> str | None:
    """What scoring could not use; a hash tells whether a head was changed, not whether it makes sense."""
    rows = {f"thresholds for {policy}": head["thresholds"][policy] for policy in POLICIES}
    calibration, window, inputs = (head.get(key) for key in ("calibration", "window", "inputs"))
    if not isinstance(calibration, dict):
        return "no calibration"
    parts = ("scale", "shift", *((_DEFAULT,) if _DEFAULT in calibration else ()))
    rows |= {f"calibration's {part}": calibration.get(part) for part in parts}
    for name, row in rows.items():
        if not (isinstance(row, list) and len(row) == len(LABELS) and all(map(_finite, row))):
            return f"{name} are not {len(LABELS)} numbers"
    if min(calibration["scale"]) <= 0 or min(calibration.get(_DEFAULT, [0])) < 0:
        return "calibration's scale turns a label's meaning round"
    if not (isinstance(window, dict) and all(type(window.get(part)) is int for part in ("tokens", "overlap"))):
        return "no window"
    tokens, overlap = window["tokens"], window["overlap"]
    if not (_SPECIALS < tokens <= _LONGEST_WINDOW and 0 <= overlap < tokens - _SPECIALS):
        return f"a window of {tokens} tokens that share {overlap} covers no text"
    if not (isinstance(inputs, list) and set(_INPUTS) <= set(inputs) <= {*_INPUTS, "token_type_ids"}):
        return f"inputs of the graph are {inputs}, not {', '.join(_INPUTS)}"
    stand_in = head.get("stand_in", "")
    if not isinstance(stand_in, str) or stand_in != stand_in.strip():
        return f"names are to be replaced by {stand_in!r}, which is no word"
    if head.get("output") != "logits":
        return "the graph's output is not named logits"
    try:
        files = hashed_files(head)
    except ValueError as error:
        return str(error)
    needed = _needed(head)
    return None if set(needed) <= set(files) else f"no hashes of {' and '.join(needed)}"


def _needed(head: Mapping[str, Any]) -> tuple[str, ...]:
    beside = _DEFAULT in head["calibration"] or head.get("stand_in")
    return (*NEEDED, *(DEFAULT_FILES if beside else ()))


def _finite(value: Any) -> bool:
    return type(value) in (int, float) and bool(np.isfinite(value))


def _checked(file: Path, wanted: str, needed: Sequence[str]) -> bytes:
    """The bytes of a file whose hash is `wanted`; none for one that scoring does without and that is not there."""
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        if file.name not in needed:
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
