"""The linear model: a table of weights of hashed features, in a folder of JSON and arrays.

A score is a sum over features, so its summands explain it exactly. It is the sum over the passage
plus that over its best clause: one clear clause counts in a long passage. Source: multiple-instance
learning, Andrews, Tsochantaridis and Hofmann 2002 (NeurIPS 15).
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tipclassify.arrays import U64, Floats, Ints
from tipclassify.errors import ModelError
from tipclassify.labels import LABELS
from tipclassify.model.folder import (
    LINEAR,
    MAX_LOG_ODDS,
    METADATA,
    check_metadata,
    read_arrays,
    read_files,
    read_metadata,
    write_model,
)
from tipclassify.model.scoring import ADDITIVE, Explanation, Scored, explanations
from tipclassify.text.templates import (
    FEATURE_VERSION,
    best_clauses,
    featurize,
    heading_hashes,
    length_scale,
    structure_of,
    template_features,
)
from tipclassify.text.tokens import (
    Tokens,
    text_batches,
    token_words,
    tokenize,
)

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

_TO_SLOT: Final = np.uint64(64 - SLOT_BITS)
_TO_KEY: Final = np.uint64(32)
# the remaining bits of a key detect collisions
_FINGERPRINT: Final = np.uint64((1 << (32 - SLOT_BITS)) - 1)
_ROW: Final = 4  # numbers of 16 bits in one of 64


# ------------------------------------------------------------------------------------------- folder


@dataclass(frozen=True, eq=False)
class LinearModel:
    """Trained linear model."""

    # (m,), upper half of each feature's hash, ascending; no two share a slot
    hashes: npt.NDArray[np.uint32]
    # (m, labels), of each label's log-odds, in `units`, before length normalisation
    weights: npt.NDArray[np.int16]
    units: Floats  # (labels,), log-odds of one unit of weight
    bias: Floats  # (labels,), log-odds of a passage without known features
    # known lower-case words (`tokens.collect_vocabulary`)
    vocabulary: frozenset[str] = field(repr=False)
    thresholds: Mapping[str, tuple[float, ...]]  # policy → probability threshold of each label
    # data hash, seed, settings, versions, metrics: plain JSON values of many types
    meta: Mapping[str, Any] = field(repr=False)
    labels: tuple[str, ...] = LABELS


def write_linear_model(
    model: LinearModel, path: str | os.PathLike[str], files: Mapping[str, str | bytes] | None = None
) -> None:
    """Write a model's folder, replacing the one at `path`, with further files by their name."""
    buffer = io.BytesIO()
    words = np.frombuffer("\n".join(sorted(model.vocabulary)).encode("utf-8"), np.uint8)
    # Not compressed: that saves a fifth of the size, but doubles the reading time.
    np.savez(buffer, hashes=model.hashes, weights=model.weights, units=model.units, words=words)
    metadata = {
        "format": _FORMAT,
        "kind": LINEAR,
        "features": FEATURE_VERSION,
        "labels": list(model.labels),
        "bias": [float(b) for b in model.bias],
        "thresholds": {policy: list(map(float, row)) for policy, row in model.thresholds.items()},
        **model.meta,
        "weights_sha256": hashlib.sha256(buffer.getvalue()).hexdigest(),
    }
    written = {_WEIGHTS: buffer.getvalue()}
    for name, data in (files or {}).items():
        written[name] = data.encode() if isinstance(data, str) else data
    write_model(path, metadata, written)


def read_linear_model(path: str | os.PathLike[str]) -> LinearModel:
    """Read and check a model's folder.

    Raises `ModelError` when the model is missing, truncated, modified, or of another format.
    """
    folder = Path(path)
    file = folder / _WEIGHTS
    raw = read_metadata(folder)
    metadata = check_metadata(folder / METADATA, raw, LINEAR, _FORMAT)
    if metadata.features != FEATURE_VERSION:
        if metadata.features > FEATURE_VERSION:
            problem = "made for newer features; install a newer tipclassify"
        else:
            problem = "made for older features; retrain it with 'tipclassify train --model fast'"
        raise ModelError(f"{folder / METADATA}: {problem}")
    packed = read_files(folder, raw, (_WEIGHTS,))[_WEIGHTS]
    arrays = read_arrays(file, packed, _WEIGHT_ARRAYS, "a weight table")
    hashes = arrays["hashes"]
    weights = arrays["weights"]
    units = arrays["units"]
    labels = len(metadata.labels)
    if (
        {name: (array.dtype, array.ndim) for name, array in arrays.items()} != _WEIGHT_ARRAYS
        or weights.shape != (len(hashes), labels)
        or not len(units) == len(metadata.bias) == labels
        or not (np.abs(units) <= MAX_LOG_ODDS).all()
        or (np.diff(hashes.astype(np.int64) >> (32 - SLOT_BITS)) <= 0).any()
        or np.abs(weights.astype(np.int32)).max(initial=0) > MAX_WEIGHT
    ):
        raise ModelError(f"{file}: not a weight table for {labels} labels; train or get it anew")
    try:
        vocabulary = frozenset(arrays["words"].tobytes().decode("utf-8").split())
    except UnicodeDecodeError:
        raise ModelError(f"{file}: its words are not UTF-8; train or get it anew") from None
    return LinearModel(
        hashes=hashes,
        weights=weights,
        units=units,
        bias=np.array(metadata.bias, np.float64),
        vocabulary=vocabulary,
        thresholds={policy: tuple(row) for policy, row in raw["thresholds"].items()},
        meta={key: value for key, value in raw.items() if key not in _OWN_KEYS},
        labels=tuple(metadata.labels),
    )


# ------------------------------------------------------------------------------------------ scoring


class LinearScorer:
    """Scorer of a linear model."""

    measured: Final = "out of fold"  # evaluation data of the metrics in `meta`
    methods: Final = (ADDITIVE,)  # possible values of `Explanation.method`
    # tolerance of a probability between processors; all output has four decimals
    rounding: Final = 1e-5

    def __init__(self, model: LinearModel) -> None:
        self.model = model
        self.labels = model.labels
        self.meta = model.meta
        self.thresholds = model.thresholds
        self.vocabulary = model.vocabulary
        # by slot: fingerprint, and weight for each label, in whole numbers of 64 bits
        numbers = 1 + len(model.labels)
        table = np.zeros((1 << SLOT_BITS, -(-numbers // _ROW) * _ROW), np.int16)
        slot = model.hashes >> np.uint32(32 - SLOT_BITS)
        table[slot, 0] = model.hashes & np.uint32(_FINGERPRINT)
        table[slot, 1:numbers] = model.weights
        self._packed = table.view(np.uint64)
        # the reports of a year share most headings
        self._cached_heading = lru_cache(4_096)(self._heading_logits)

    def __reduce__(self) -> tuple[type[LinearScorer], tuple[LinearModel]]:
        return LinearScorer, (self.model,)  # another process builds its own table

    def description(self) -> dict[str, str]:
        """Describe the model for ``tipclassify info``."""
        return {"features": f"{len(self.model.hashes):,} ({len(self.vocabulary):,} words known)"}

    def score_texts(
        self, texts: Sequence[str], headings: Sequence[str | None] | None = None
    ) -> Scored:
        """Score each text; a heading is None for a text without section."""
        logits = np.tile(self.model.bias, (len(texts), 1))
        words = np.zeros(len(texts), np.int64)
        unknown = np.zeros(len(texts), np.int64)
        for first, batch in text_batches(texts):
            rows = slice(first, first + len(batch))
            tokens = tokenize(batch, self.vocabulary)
            words[rows], unknown[rows] = token_words(tokens, len(batch))
            if len(tokens.row):
                logits[rows] += self._text_logits(tokens, len(batch))
        logits += self._headings_logits(headings, len(texts))
        return Scored(logits, words, unknown)

    def explain_texts(
        self,
        texts: Sequence[str],
        headings: Sequence[str | None] | None = None,
        labels: Sequence[Sequence[str]] | None = None,  # noqa: ARG002
        max_phrases: int | None = None,  # noqa: ARG002
    ) -> list[dict[str, Explanation]]:
        """Explain the score of each text, by label.

        All weights are known, so `labels` and `max_phrases` change nothing.
        """
        bias = self.model.bias
        logits = self.score_texts(texts, headings).logits
        row, feature_spans, contributions = self._contributions(texts)
        heading_logits = self._headings_logits(headings, len(texts))
        # The features of a text, one text after the other.
        order = np.argsort(row, kind="stable")
        bounds = np.searchsorted(row[order], np.arange(len(texts) + 1))
        explained = []
        for number, text in enumerate(texts):
            features = order[bounds[number] : bounds[number + 1]]
            # Features of one span are added up.
            spans, span_of = np.unique(feature_spans[features], axis=0, return_inverse=True)
            sums = np.zeros((len(self.labels), len(spans)))
            for label, weights in enumerate(contributions[features].T):
                sums[label] = np.bincount(span_of.ravel(), weights, len(spans))
            explained.append(
                explanations(
                    self.labels,
                    text,
                    logits[number],
                    bias,
                    heading_logits[number],
                    spans.tolist(),
                    sums,
                    ADDITIVE,
                )
            )
        return explained

    def _contributions(self, texts: Sequence[str]) -> tuple[Ints, Ints, Floats]:
        """Compute what features add to the log-odds; those of the best clause count twice.

        Returns the number of each feature's text (m,), its start and end in it (m, 2), and what it
        adds (m, labels). Features without weight are left out.
        """
        features = featurize(texts, self.vocabulary)
        weights = self._look_up(features.hash)
        known = weights.any(axis=1)
        weights = weights[known]
        row = features.row[known]
        clause = features.clause[known]
        inside = clause >= 0
        counts = np.bincount(
            features.clause[features.clause >= 0], minlength=len(features.clause_row)
        )
        # the last, reached by the index -1, is of features across clauses
        by_clause = np.append(length_scale(counts), 0.0)
        whole = length_scale(np.bincount(features.row, minlength=len(texts)))[row]
        contributions = weights * self.model.units
        for j in range(len(self.labels)):
            sums = np.bincount(clause[inside], weights[inside, j], len(counts)) * by_clause[:-1]
            best = best_clauses(sums, features.clause_row, len(texts))[row]
            contributions[:, j] *= whole + by_clause[clause] * (inside & (clause == best))
        spans = np.stack([features.start[known], features.end[known]], axis=1)
        return row, spans, contributions

    def _headings_logits(self, headings: Sequence[str | None] | None, n: int) -> Floats:
        """Return the contribution of each of `n` headings to the log-odds, (n, labels)."""
        if headings is None:
            headings = [None for _ in range(n)]
        if len(headings) != n:
            raise ValueError(
                f"{n} texts but {len(headings)} headings: give one for each text, or None"
            )
        return np.array([self._cached_heading(heading) for heading in headings]).reshape(
            n, len(self.labels)
        )

    def _heading_logits(self, heading: str | None) -> Floats:
        code = heading_hashes(heading)
        weights = self._look_up(code).sum(axis=0, dtype=np.int64)
        return np.asarray(weights * length_scale(np.array(len(code))) * self.model.units)

    def _text_logits(self, tokens: Tokens, passages: int) -> Floats:
        """Sum the weights of each passage, float64 (passages, labels).

        Those of its best clause count twice.
        """
        structure = structure_of(tokens)
        clauses = len(structure.begin)
        # Row 0 counts features. A column for each clause, then one for each passage, of the
        # features across its clauses.
        sums = np.zeros((1 + len(self.labels), clauses + passages))
        for head, _, code, inside in template_features(tokens, structure):
            where = np.where(inside, structure.clause.take(head), tokens.row.take(head) + clauses)
            sums[0] += np.bincount(where, minlength=sums.shape[1])
            for label, weight in enumerate(self._look_up(code).T, 1):
                sums[label] += np.bincount(where, weight, sums.shape[1])
        clause = sums[:, :clauses]
        whole = sums[:, clauses:]
        first = structure.clause[structure.first]  # clause of each passage that has words
        row = tokens.row[structure.first]
        whole[:, row] += np.add.reduceat(clause, first, axis=1)
        logits = whole[1:] * length_scale(whole[0])
        logits[:, row] += np.maximum.reduceat(clause[1:] * length_scale(clause[0]), first, axis=1)
        return np.asarray(logits.T * self.model.units)

    def _look_up(self, code: U64) -> npt.NDArray[np.int16]:
        """Look up the weights of features by hash, int16 (n, labels); 0 for unknown features."""
        packed = self._packed.take((code >> _TO_SLOT).view(np.int64), axis=0)
        rows = packed.view(np.int16)
        known = rows[:, 0] == ((code >> _TO_KEY) & _FINGERPRINT).astype(np.int16)
        packed *= known[:, None]
        return rows[:, 1 : 1 + len(self.labels)]
