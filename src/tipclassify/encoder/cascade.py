"""Two models as one: the default decides where it seldom errs, the encoder the rest.

How often the default errs at a probability is in its model folder: the ``error_table`` counts, for each label and each hundredth of
probability, passages with and without the label, out of fold on whole narratives. Made monotone (pool adjacent violators, Ayer et
al. 1955), its share of passages with the label is r(p), and whoever says what is likelier errs in e = min(r, 1 - r) of
all passages at p. A passage's error, that any of its labels is wrong, is taken as 1 - Π(1 - e) over the labels. The
default keeps a passage whose error is at most the bound, unless it has too little to go by (`is_doubtful`).

Both parts are calibrated, so what comes out is: of the passages at 0.7, from either, seven in ten have the label.

Source: the cascade of Viola and Jones 2001 (CVPR).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tipclassify.encoder.scoring import EncoderScorer
from tipclassify.explanation import Explanation
from tipclassify.labels import LABELS
from tipclassify.scorer import Linear
from tipclassify.scoring import Scored, is_doubtful

__all__ = ["BOUND", "CascadeScorer", "error_rates_by_probability", "passage_errors"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

BOUND: Final = 0.15
"""Where the encoder's head tells no other. Out of fold, the default then keeps 60% of the passages of the corpus's narratives, and has a label
wrong on 3% of these; of all its wrong labels there, 90% are on what it sends on (`benchmarks/cascade.py`)."""

_STEPS: Final = 100  # of probability, in the error table


class CascadeScorer:
    """A default and an encoder; see `tipclassify.scorer.Scorer`. The thresholds are the encoder's."""

    measured: Final = EncoderScorer.measured
    methods: Final = (*Linear.methods, *EncoderScorer.methods)

    def __init__(self, default: Linear, encoder: EncoderScorer) -> None:
        self.default = default
        self.encoder = encoder
        self.bound = float(encoder.meta.get("cascade", {}).get("bound", BOUND))
        self.rounding = encoder.rounding

    @cached_property
    def meta(self) -> Mapping[str, Any]:
        """The encoder's, under a hash of both; what was measured of the encoder alone is left out."""
        parts = [self.default.meta["sha256"], self.encoder.meta["sha256"], self.bound]
        kept = ("base", "calibration", "corpus", "files", "versions")
        told: Mapping[str, Any] = self.encoder.meta.get("cascade", {})
        return {
            **{key: self.encoder.meta[key] for key in kept if key in self.encoder.meta},
            **{key: value for key, value in told.items() if key != "bound"},  # metrics, error_table, … of the cascade
            "kind": "cascade",
            "sha256": hashlib.sha256(repr(parts).encode()).hexdigest(),
        }

    @property
    def thresholds(self) -> Mapping[str, tuple[float, ...]]:
        return self.encoder.thresholds

    @property
    def vocabulary(self) -> frozenset[str]:
        return self.default.vocabulary

    def score_texts(self, texts: Sequence[str]) -> Scored:
        found = self.default.score_texts(texts)
        on = self._sent_on(found)
        if on.any():
            found.logits[on] = self.encoder.logits([texts[i] for i in np.flatnonzero(on).tolist()])
        return found

    def explain_texts(self, texts: Sequence[str]) -> list[dict[str, Explanation]]:
        """Each by the model that decided: the reasons of the one add up, those of the other do not."""
        on = self.sent_on(texts)
        parts = {
            False: iter(self.default.explain_texts([texts[i] for i in np.flatnonzero(~on).tolist()])),
            True: iter(self.encoder.explain_texts([texts[i] for i in np.flatnonzero(on).tolist()])),
        }
        return [next(parts[sent]) for sent in on.tolist()]

    def sent_on(self, texts: Sequence[str]) -> Bools:
        """Texts that the encoder decides."""
        return self._sent_on(self.default.score_texts(texts))

    def about(self) -> dict[str, str]:
        kind = f"cascade: the default decides where its error is at most {self.bound:.3g}, else the encoder"
        hashes = f"{self.default.meta['sha256'][:12]}…, {self.encoder.meta['sha256'][:12]}…"
        return {**self.encoder.about(), "kind": kind, "default, encoder": hashes}

    def _sent_on(self, found: Scored) -> Bools:
        errors = passage_errors(1 / (1 + np.exp(-found.logits)), self._rates)
        return np.asarray((errors > self.bound) | is_doubtful(found))

    @cached_property
    def _rates(self) -> Floats:
        return error_rates_by_probability(self.default.meta)


def error_rates_by_probability(meta: Mapping[str, Any]) -> Floats:
    """How often a model errs on each label at each hundredth of probability, float64 (3, 100), by its ``error_table``.

    A model without one, which was trained on no narratives, is taken at its word: its probabilities are calibrated.
    """
    histogram = meta.get("error_table", {}).get("histogram", {})
    rates = np.tile((np.arange(_STEPS) + 0.5) / _STEPS, (len(LABELS), 1))
    for j, label in enumerate(LABELS):
        if label in histogram:
            counts = np.array([histogram[label]["with"], histogram[label]["without"]], np.float64)
            rates[j] = _monotone(counts[0], counts.sum(0), rates[j])
    return np.asarray(np.minimum(rates, 1 - rates))


def passage_errors(scores: Floats, rates: Floats) -> Floats:
    """Chance that any label of a passage is wrong, float64 (n,), by its probabilities (n, 3) and the table of rates."""
    step = np.minimum((scores * _STEPS).astype(np.int64), _STEPS - 1)
    right = np.ones(len(scores))
    for j in range(len(LABELS)):
        right *= 1 - rates[j][step[:, j]]
    return 1 - right


def _monotone(having: Floats, all_: Floats, expected: Floats) -> Floats:
    """Share of passages with the label at each step, never falling: neighbours that would are pooled.

    Each step counts one passage of the share that calibration expects, or few passages would mean no errors at all.
    """
    blocks: list[tuple[float, float, int]] = []
    for count, total in zip((having + expected).tolist(), (all_ + 1).tolist(), strict=True):
        steps = 1
        while blocks and blocks[-1][0] / blocks[-1][1] > count / total:
            before = blocks.pop()
            count, total, steps = count + before[0], total + before[1], steps + before[2]
        blocks.append((count, total, steps))
    return np.concatenate([np.full(steps, count / total) for count, total, steps in blocks])
