"""Read and write an encoder's folder.

It has the ONNX graph, tokenizer, vocabulary, heads, and a JSON head with their hashes.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from tipclassify.arrays import Floats
from tipclassify.errors import ModelError
from tipclassify.labels import LABELS
from tipclassify.model.folder import load_model_head, read_model_arrays, read_model_files
from tipclassify.model.metadata import (
    HEAD,
    check_model_head,
    hashed_model_files,
    model_head_digest,
)
from tipclassify.model.replacement import write_model_folder

__all__ = [
    "SPECIAL_TOKENS",
    "EncoderHeads",
    "EncoderModel",
    "read_encoder_model",
    "write_encoder_model",
]

SPECIAL_TOKENS: Final = 3  # of a window: the first, the last, and the separator after the heading
_FORMAT: Final = 3  # 3: the graph outputs pooled vectors, and the heads have a file of their own
_KIND: Final = "encoder"
_OWN_KEYS: Final = frozenset(
    "format kind labels thresholds calibration window stand_in files sha256".split()
)
_GRAPH: Final = "model.onnx"
_TOKENIZER: Final = "tokenizer.json"
_WORDS: Final = "words.txt"
_HEADS: Final = "heads.npz"
_REASONS: Final = "reasons.npz"  # a model without it explains by the heads alone
_NOTICES: Final = ("NOTICE", "LICENSE")  # of the pretrained base: they go where its weights go
_TRAINING: Final = ("fixed.npz", "moment.npz", "taught.bin")  # that scoring never reads
_REQUIRED: Final = (_GRAPH, _TOKENIZER, _WORDS, _HEADS)
_THREE: Final = msgspec.Meta(min_length=len(LABELS), max_length=len(LABELS))


class _EncoderCalibration(msgspec.Struct):
    scale: Annotated[list[Annotated[float, msgspec.Meta(gt=0)]], _THREE]
    shift: Annotated[list[float], _THREE]


class _EncoderWindow(msgspec.Struct):
    tokens: Annotated[int, msgspec.Meta(le=4_096)]  # the cost of attention is quadratic
    overlap: Annotated[int, msgspec.Meta(ge=0)]


class _EncoderSettings(msgspec.Struct):
    """Fields that only the head of an encoder has."""

    calibration: _EncoderCalibration
    window: _EncoderWindow
    stand_in: Annotated[str, msgspec.Meta(pattern=r"^(\S(.*\S)?)?$")]


@dataclass(frozen=True)
class EncoderHeads:
    """Classification heads: a logistic regression for each label, on pooled vectors."""

    weights: Floats  # (3, width)
    bias: Floats  # (3,)

    def logits(self, pooled: npt.NDArray[np.float32]) -> Floats:
        """Compute uncalibrated log-odds, float64 (n, 3), of pooled vectors (n, width).

        Rows are summed one by one: a matrix product may round differently with the batch size.
        """
        rows = [(self.weights * row.astype(np.float64)).sum(axis=1) for row in pooled]
        return np.asarray(np.array(rows).reshape(-1, len(self.bias)) + self.bias)


@dataclass(frozen=True)
class EncoderModel:
    """Trained encoder model.

    Calibrated log-odds of each label are ``scale * logit + shift`` (Platt scaling).
    """

    # ONNX: input_ids and attention_mask, int64 (n, t), to pooled, float32 (n, width), and tokens,
    # float32 (n, t, width)
    graph: bytes = field(repr=False)
    tokenizer: str = field(repr=False)  # JSON of the `tokenizers` library
    # known lower-case words: distinguish names from words, and English from the rest
    vocabulary: frozenset[str] = field(repr=False)
    heads: EncoderHeads = field(repr=False)
    # of the fine-tuning, the starting point of every later fit
    finetuned_heads: EncoderHeads = field(repr=False)
    thresholds: Mapping[str, tuple[float, ...]]  # policy → probability threshold of each label
    scale: Floats  # (3,)
    shift: Floats  # (3,)
    window: int  # tokens, special tokens included
    overlap: int  # tokens shared by neighbouring windows
    # base model, corpus, settings, versions, metrics, as plain JSON values
    meta: Mapping[str, Any] = field(repr=False)
    stand_in: str = ""  # placeholder for names in the input text; "" disables name masking
    # (3, width): how much of each log-odds masking a token costs, foretold by its output vector
    drop_weights: Floats | None = field(default=None, repr=False)
    notices: Mapping[str, str] = field(default_factory=dict, repr=False)  # text of each
    # see `training.training_files`
    training_files: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    @property
    def token_weights(self) -> Floats:
        """Return what a token's output vector says of the log-odds, (3, width).

        Divided by the tokens of the window: the drop foretold if the token is masked, or, in a
        model that has not learned this, what the token adds to the mean.
        """
        if self.drop_weights is None:
            return self.heads.weights * self.scale[:, None]
        return self.drop_weights


def write_encoder_model(
    out: str | os.PathLike[str],
    model: EncoderModel,
    meta: Mapping[str, object],
    files: Mapping[str, str] | None = None,
) -> None:
    """Write an encoder's folder, replacing the one at `out`.

    `files` are further text files by name (``README.md``). Raises `ModelError` when the head could
    not be read again, or `out` is a folder that is no model.
    """
    arrays = io.BytesIO()
    np.savez(
        arrays,
        weights=model.heads.weights,
        bias=model.heads.bias,
        own_weights=model.finetuned_heads.weights,
        own_bias=model.finetuned_heads.bias,
    )
    optional = {}
    if model.drop_weights is not None:
        optional[_REASONS] = _pack_model_drop_weights(model.drop_weights)
    texts = {**model.notices, **(files or {})}
    data = {
        _GRAPH: model.graph,
        _TOKENIZER: model.tokenizer.encode(),
        _WORDS: ("\n".join(sorted(model.vocabulary)) + "\n").encode(),
        _HEADS: arrays.getvalue(),
        **optional,
        **model.training_files,
        **{name: text.encode() for name, text in texts.items()},
    }
    head = {
        **{key: value for key, value in meta.items() if key not in _OWN_KEYS},
        "format": _FORMAT,
        "kind": _KIND,
        "labels": list(LABELS),
        "thresholds": {policy: list(map(float, row)) for policy, row in model.thresholds.items()},
        "calibration": {"scale": model.scale.tolist(), "shift": model.shift.tolist()},
        "window": {"tokens": model.window, "overlap": model.overlap},
        "stand_in": model.stand_in,
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in data.items()},
    }
    head = json.loads(json.dumps(head, allow_nan=False))  # the types that reading returns
    _read_encoder_settings(Path(out) / HEAD, {**head, "sha256": model_head_digest(head)})
    write_model_folder(out, head, data)


def read_encoder_model(path: str | os.PathLike[str]) -> EncoderModel:
    """Read and check an encoder's folder.

    Raises `ModelError` when the model is missing, truncated, modified, of another format, or for
    other labels.
    """
    folder = Path(path)
    head = load_model_head(folder)
    settings = _read_encoder_settings(folder / HEAD, head)
    data = read_model_files(folder, head, _REQUIRED)
    try:
        tokenizer = data[_TOKENIZER].decode("utf-8")
        words = data[_WORDS].decode("utf-8")
    except UnicodeDecodeError:
        raise ModelError(
            f"{folder}: {_TOKENIZER} or {_WORDS} is not UTF-8; copy or get the model anew"
        ) from None
    heads, finetuned_heads = _read_encoder_heads(folder / _HEADS, data[_HEADS])
    drop_weights = None
    if _REASONS in data:
        drop_weights = _read_model_drop_weights(folder / _REASONS, data[_REASONS], heads)
    return EncoderModel(
        graph=data[_GRAPH],
        tokenizer=tokenizer,
        vocabulary=frozenset(words.split()),
        heads=heads,
        finetuned_heads=finetuned_heads,
        thresholds={policy: tuple(row) for policy, row in head["thresholds"].items()},
        scale=np.array(settings.calibration.scale),
        shift=np.array(settings.calibration.shift),
        window=settings.window.tokens,
        overlap=settings.window.overlap,
        meta={
            key: value
            for key, value in head.items()
            if key not in {"format", "kind", "labels", "thresholds"}
        },
        stand_in=settings.stand_in,
        drop_weights=drop_weights,
        notices={name: data[name].decode("utf-8", "replace") for name in _NOTICES if name in data},
        training_files={name: data[name] for name in _TRAINING if name in data},
    )


def _read_encoder_settings(file: Path, head: Mapping[str, object]) -> _EncoderSettings:
    """Check a head and return its settings; the hash proves integrity, not validity."""
    check_model_head(file, head, _KIND, _FORMAT)
    try:
        settings = msgspec.convert(head, _EncoderSettings)
        tokens = settings.window.tokens
        overlap = settings.window.overlap
        if overlap >= tokens // 2 - SPECIAL_TOKENS:
            raise ValueError(f"a window of {tokens} tokens that share {overlap} covers no text")
        if not hashed_model_files(head).keys() >= set(_REQUIRED):
            raise ValueError(f"no hashes of {' and '.join(_REQUIRED)}")
    except ValueError as error:  # also that of msgspec
        raise ModelError(f"{file}: {error}; train or get the model anew") from None
    return settings


def _read_encoder_heads(file: Path, data: bytes) -> tuple[EncoderHeads, EncoderHeads]:
    """Read the heads of a model, and those of its fine-tuning."""
    names = ("weights", "bias", "own_weights", "own_bias")
    arrays = read_model_arrays(file, data, names, "the heads of an encoder")
    weights = arrays["weights"]
    weights_shape = (len(LABELS), weights.shape[1] if weights.ndim == 2 else 0)
    bias_shape = (len(LABELS),)
    for name, array in arrays.items():
        shape = weights_shape if name.endswith("weights") else bias_shape
        if array.shape != shape or array.dtype != np.float64 or not np.isfinite(array).all():
            raise ModelError(
                f"{file}: not {len(LABELS)} heads of finite numbers; train or get the model anew"
            )
    heads = EncoderHeads(weights, arrays["bias"])
    finetuned_heads = EncoderHeads(arrays["own_weights"], arrays["own_bias"])
    return heads, finetuned_heads


def _pack_model_drop_weights(weights: Floats) -> bytes:
    arrays = io.BytesIO()
    np.savez(arrays, drop_weights=weights)
    return arrays.getvalue()


def _read_model_drop_weights(file: Path, data: bytes, heads: EncoderHeads) -> Floats:
    """Read the weights that foretell drops, of the shape of the heads' weights."""
    weights = read_model_arrays(file, data, ["drop_weights"], "the weights of reasons")[
        "drop_weights"
    ]
    shape = heads.weights.shape
    if weights.shape != shape or weights.dtype != np.float64 or not np.isfinite(weights).all():
        raise ModelError(
            f"{file}: not {shape[0]} rows of {shape[1]} finite numbers; train or get the model anew"
        )
    return weights
