"""Read and write an encoder's folder.

It has the ONNX graph, tokenizer, vocabulary, heads, and metadata with their hashes.
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
from tipclassify.model.folder import (
    MAX_LOG_ODDS,
    METADATA,
    LogOdds,
    check_metadata,
    hashed_files,
    metadata_digest,
    read_arrays,
    read_files,
    read_metadata,
    write_model,
)

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


class _Calibration(msgspec.Struct):
    scale: list[Annotated[float, msgspec.Meta(gt=0, le=MAX_LOG_ODDS)]]
    shift: list[LogOdds]


class _Window(msgspec.Struct):
    tokens: Annotated[int, msgspec.Meta(le=4_096)]  # the cost of attention is quadratic
    overlap: Annotated[int, msgspec.Meta(ge=0)]


class _Settings(msgspec.Struct):
    """Fields of ``model.json`` that only an encoder has."""

    labels: list[str]
    calibration: _Calibration
    window: _Window
    stand_in: Annotated[str, msgspec.Meta(pattern=r"^(\S(.*\S)?)?$")]


@dataclass(frozen=True)
class EncoderHeads:
    """Classification heads: a logistic regression for each label, on pooled vectors."""

    weights: Floats  # (labels, width)
    bias: Floats  # (labels,)

    def logits(self, pooled: npt.NDArray[np.float32]) -> Floats:
        """Compute uncalibrated log-odds, float64 (n, labels), of pooled vectors (n, width).

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
    scale: Floats  # (labels,)
    shift: Floats  # (labels,)
    window: int  # tokens, special tokens included
    overlap: int  # tokens shared by neighbouring windows
    # base model, corpus, settings, versions, metrics, as plain JSON values
    meta: Mapping[str, Any] = field(repr=False)
    stand_in: str = ""  # placeholder for names in the input text; "" disables name masking
    # (labels, width): how much of each log-odds masking a token costs, foretold by its output vector
    drop_weights: Floats | None = field(default=None, repr=False)
    notices: Mapping[str, str] = field(default_factory=dict, repr=False)  # text of each
    # see `training.fixed_set`
    training_files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    labels: tuple[str, ...] = LABELS

    @property
    def token_weights(self) -> Floats:
        """Return what a token's output vector says of the log-odds, (labels, width).

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

    `files` are further text files by name (``README.md``). Raises `ModelError` when the
    metadata could not be read again, or `out` is a folder that is no model.
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
        reasons = io.BytesIO()
        np.savez(reasons, drop_weights=model.drop_weights)
        optional[_REASONS] = reasons.getvalue()
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
    metadata = {
        **{key: value for key, value in meta.items() if key not in _OWN_KEYS},
        "format": _FORMAT,
        "kind": _KIND,
        "labels": list(model.labels),
        "thresholds": {policy: list(map(float, row)) for policy, row in model.thresholds.items()},
        "calibration": {"scale": model.scale.tolist(), "shift": model.shift.tolist()},
        "window": {"tokens": model.window, "overlap": model.overlap},
        "stand_in": model.stand_in,
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in data.items()},
    }
    metadata = json.loads(json.dumps(metadata, allow_nan=False))  # the types that reading returns
    _read_settings(Path(out) / METADATA, {**metadata, "sha256": metadata_digest(metadata)})
    write_model(out, metadata, data)


def read_encoder_model(path: str | os.PathLike[str]) -> EncoderModel:
    """Read and check an encoder's folder.

    Raises `ModelError` when the model is missing, truncated, modified, or of another format.
    """
    folder = Path(path)
    metadata = read_metadata(folder)
    settings = _read_settings(folder / METADATA, metadata)
    data = read_files(folder, metadata, _REQUIRED)
    try:
        tokenizer = data[_TOKENIZER].decode("utf-8")
        words = data[_WORDS].decode("utf-8")
    except UnicodeDecodeError:
        raise ModelError(
            f"{folder}: {_TOKENIZER} or {_WORDS} is not UTF-8; copy or get the model anew"
        ) from None
    labels = tuple(settings.labels)
    heads, finetuned_heads = _read_heads(folder / _HEADS, data[_HEADS], len(labels))
    drop_weights = None
    if _REASONS in data:
        file = folder / _REASONS
        reasons = read_arrays(file, data[_REASONS], ["drop_weights"], "the weights of reasons")
        drop_weights = reasons["drop_weights"]
        _check_floats(file, drop_weights, heads.weights.shape)
    return EncoderModel(
        graph=data[_GRAPH],
        tokenizer=tokenizer,
        vocabulary=frozenset(words.split()),
        heads=heads,
        finetuned_heads=finetuned_heads,
        thresholds={policy: tuple(row) for policy, row in metadata["thresholds"].items()},
        scale=np.array(settings.calibration.scale),
        shift=np.array(settings.calibration.shift),
        window=settings.window.tokens,
        overlap=settings.window.overlap,
        meta={
            key: value
            for key, value in metadata.items()
            if key not in {"format", "kind", "labels", "thresholds"}
        },
        stand_in=settings.stand_in,
        drop_weights=drop_weights,
        notices={name: data[name].decode("utf-8", "replace") for name in _NOTICES if name in data},
        training_files={name: data[name] for name in _TRAINING if name in data},
        labels=labels,
    )


def _read_settings(file: Path, metadata: Mapping[str, object]) -> _Settings:
    """Check metadata and return the settings; their hash proves integrity, not validity."""
    check_metadata(file, metadata, _KIND, _FORMAT)
    try:
        settings = msgspec.convert(metadata, _Settings)
        for name in ("scale", "shift"):
            if len(getattr(settings.calibration, name)) != len(settings.labels):
                raise ValueError(f"a {name} of another number of labels")
        tokens = settings.window.tokens
        overlap = settings.window.overlap
        if overlap >= tokens // 2 - SPECIAL_TOKENS:
            raise ValueError(f"a window of {tokens} tokens that share {overlap} covers no text")
        if not hashed_files(metadata).keys() >= set(_REQUIRED):
            raise ValueError(f"no hashes of {' and '.join(_REQUIRED)}")
    except ValueError as error:  # also that of msgspec
        raise ModelError(f"{file}: {error}; train or get the model anew") from None
    return settings


def _read_heads(file: Path, data: bytes, labels: int) -> tuple[EncoderHeads, EncoderHeads]:
    """Read the heads of a model, one for each label, and those of its fine-tuning."""
    names = ("weights", "bias", "own_weights", "own_bias")
    arrays = read_arrays(file, data, names, "the heads of an encoder")
    width = arrays["weights"].shape[-1:]
    for name, array in arrays.items():
        _check_floats(file, array, (labels, *width) if name.endswith("weights") else (labels,))
    heads = EncoderHeads(arrays["weights"], arrays["bias"])
    finetuned_heads = EncoderHeads(arrays["own_weights"], arrays["own_bias"])
    return heads, finetuned_heads


def _check_floats(file: Path, array: npt.NDArray[Any], shape: tuple[int, ...]) -> None:
    """Raise `ModelError` unless an array has this shape, and numbers of 64 bits that add up."""
    is_float = array.shape == shape and array.dtype == np.float64
    if not is_float or not (np.abs(array) <= MAX_LOG_ODDS).all():
        size = " x ".join(map(str, shape))
        most = f"finite numbers up to {MAX_LOG_ODDS:g}"
        raise ModelError(f"{file}: not {size} {most}; train or get the model anew")
