"""Learning the detectors of `windows` from labelled passages: stochastic gradient descent in plain numpy.

All three labels are learned at once: what tells them apart is shared. Words and vectors are dropped at random while
learning, so that no detector hangs on one word. Every draw comes from the seed.

Sources: Kim 2014 (arXiv:1408.5882) for the network; Kingma and Ba 2015 (arXiv:1412.6980) for the steps; Srivastava et al.
2014 (JMLR 15) for dropout; Polyak and Juditsky 1992 (SIAM J. Control Optim. 30) for the mean over steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from tipclassify.lexicon import CLASSES
from tipclassify.tokens import I64, Bools, Tokens
from tipclassify.vectors import UNKNOWN, WordVectors, stem_keys
from tipclassify.windows import Windows

__all__ = ["DETECTORS", "EPOCHS", "fit_windows"]

EPOCHS: Final = 15
"""Times that every passage is seen."""

DETECTORS: Final = {3: 48, 5: 48}
"""How many detectors look at how many words; see docs/experiments.md for others."""

_DIMENSIONS: Final = 48
_LEAST_USE: Final = 3  # a stem of fewer passages is an unknown word, so that unknown words are learned too
_BATCH: Final = 64
_STEP: Final = 3e-3
_MEMORY: Final = 0.998  # of the running mean of the parameters, which is what ships
_FORGET_WORD: Final = 0.15  # share of words read as unknown
_FORGET: Final = 0.3  # share of vector entries, and of detectors, left out

Floats = npt.NDArray[np.float32]
Parameters = dict[str, Floats]


def fit_windows(
    tokens: Tokens,
    truth: Bools,
    chosen: Bools,
    *,
    seed: int = 0,
    epochs: int = EPOCHS,
) -> tuple[Windows, npt.NDArray[np.float64]]:
    """Detectors learned from the `chosen` passages, and the bias of each label, float (3,).

    Parameters
    ----------
    tokens : Tokens
        Of all passages, as `features.featurize` gives them.
    truth : bool (n, 3)
    chosen : bool (n,)
    """
    corpus = _Corpus.of(tokens, chosen)
    rng = np.random.default_rng(seed)
    parameters = _start(rng, len(corpus.stems) + 1)
    moments = {name: (np.zeros_like(array), np.zeros_like(array)) for name, array in parameters.items()}
    mean = {name: array.copy() for name, array in parameters.items()}
    target = truth.astype(np.float32)
    step = 0
    for _ in range(epochs):
        for rows in corpus.batches(rng):
            gradients = _gradients(parameters, *corpus.laid_out(rows, rng), target[rows], rng)
            step += 1
            _descend(parameters, moments, gradients, step)
            share = np.float32(max(1 - _MEMORY, 9 / (10 + step)))
            for name, array in parameters.items():
                mean[name] += share * (array - mean[name])
    return _windows(mean, corpus.stems), mean["bias"].astype(np.float64)


@dataclass(frozen=True)
class _Corpus:
    """Words of the passages as rows of the vector tables; the passages to learn from."""

    stems: npt.NDArray[np.uint32]
    stem: I64
    kind: I64
    opens: I64
    begin: I64
    rows: I64

    @classmethod
    def of(cls, tokens: Tokens, chosen: Bools) -> _Corpus:
        keys, number = np.unique(stem_keys(tokens.stem), return_inverse=True)
        counts = np.bincount(number[chosen[tokens.row]], minlength=len(keys))
        kept = counts >= _LEAST_USE
        row = np.where(kept, np.cumsum(kept), UNKNOWN)
        begin = np.searchsorted(tokens.row, np.arange(len(chosen) + 1))
        rows = np.flatnonzero(chosen & (np.diff(begin) > 0))
        return cls(keys[kept], row[number], tokens.kind, tokens.edge.astype(np.int64), begin, rows)

    def batches(self, rng: np.random.Generator) -> Iterator[I64]:
        """All passages once, in batches of like length, in random order."""
        mixed = rng.permutation(self.rows)
        length = self.begin[mixed + 1] - self.begin[mixed]
        order = mixed[np.argsort(length // 6 + rng.random(len(mixed)) * 3, kind="stable")]
        parts = [order[i : i + _BATCH] for i in range(0, len(order), _BATCH)]
        for number in rng.permutation(len(parts)):
            yield parts[number]

    def laid_out(self, rows: I64, rng: np.random.Generator) -> tuple[I64, I64, I64, Bools]:
        """Stem, class and opening of the words of some passages, (batch, longest), and which places hold a word."""
        length = self.begin[rows + 1] - self.begin[rows]
        place = np.arange(int(np.max(length)))
        at = np.minimum(self.begin[rows][:, None] + place, len(self.stem) - 1)
        stem = np.where(rng.random(at.shape) < _FORGET_WORD, UNKNOWN, self.stem[at])
        return stem, self.kind[at], self.opens[at], place < length[:, None]


def _start(rng: np.random.Generator, stems: int) -> Parameters:
    """Random vectors; filters and weights scaled to their fan-in."""

    def uniform(fan_in: int, *shape: int) -> Floats:
        return rng.uniform(-(fan_in**-0.5), fan_in**-0.5, shape).astype(np.float32)

    start = {
        name: (rng.standard_normal((rows, _DIMENSIONS)) * 0.3).astype(np.float32)
        for name, rows in (("stem", stems), ("kind", len(CLASSES) + 1), ("opens", 2))
    }
    for width, number in DETECTORS.items():
        start[f"filters{width}"] = uniform(width * _DIMENSIONS, width, _DIMENSIONS, number)
        start[f"bars{width}"] = uniform(width * _DIMENSIONS, number)
    detectors = sum(DETECTORS.values())
    start["weights"], start["bias"] = uniform(detectors, detectors, 3), uniform(detectors, 3)
    return start


def _gradients(
    p: Parameters, stem: I64, kind: I64, opens: I64, real: Bools, target: Floats, rng: np.random.Generator
) -> Parameters:
    """Gradient of the log loss, summed over labels and averaged over the batch."""
    batch, longest = stem.shape
    margin = max(DETECTORS) // 2
    shape = (batch, longest + 2 * margin, _DIMENSIONS)
    middle = (slice(None), slice(margin, margin + longest))
    mask = real[..., None] * _kept(rng, (batch, longest, _DIMENSIONS))
    vectors = np.zeros(shape, np.float32)
    vectors[middle] = (p["stem"][stem] + p["kind"][kind] + p["opens"][opens]) * mask
    flat = vectors.reshape(-1, _DIMENSIONS)

    pooled, best = [], []
    for width in DETECTORS:
        answer = np.full((batch, longest + 2 * margin, p[f"bars{width}"].size), -np.inf, np.float32)
        total = _slid(flat, p[f"filters{width}"]).reshape(answer.shape)
        answer[middle] = np.where(real[..., None], total[middle], -np.inf)
        best.append(answer.argmax(axis=1))
        pooled.append(np.take_along_axis(answer, best[-1][:, None], axis=1)[:, 0] + p[f"bars{width}"])
    match = np.concatenate(pooled, axis=1)
    kept = (match > 0) * _kept(rng, match.shape)
    match = match * kept
    logit = match @ p["weights"] + p["bias"]
    slope: Floats = np.asarray((1 / (1 + np.exp(-logit)) - target) / np.float32(batch), np.float32)

    found: Parameters = {"weights": match.T @ slope, "bias": slope.sum(axis=0)}
    back = (slope @ p["weights"].T) * kept
    flow = np.zeros_like(flat)
    column = 0
    for width, places in zip(DETECTORS, best, strict=True):
        filters = p[f"filters{width}"]
        part = back[:, column : column + places.shape[1]]
        column += places.shape[1]
        found[f"bars{width}"] = part.sum(axis=0)
        answer = np.zeros((batch, shape[1], places.shape[1]), np.float32)
        np.put_along_axis(answer, places[:, None], part[:, None], axis=1)
        found[f"filters{width}"] = _slide_back(flat, answer.reshape(len(flat), -1), filters, flow)
    flow = flow.reshape(shape)[middle] * mask
    for name, index in (("stem", stem), ("kind", kind), ("opens", opens)):
        found[name] = _sums(index[real], flow[real], len(p[name]))
    return found


def _slid(flat: Floats, filters: Floats) -> Floats:
    """Sum over the places of a window, at the window's middle; the first and last places of `flat` are empty."""
    width = len(filters)
    total = np.zeros((len(flat), filters.shape[2]), np.float32)
    count = len(flat) - width + 1
    for offset in range(width):
        total[width // 2 : width // 2 + count] += flat[offset : offset + count] @ filters[offset]
    return total


def _slide_back(flat: Floats, answer: Floats, filters: Floats, flow: Floats) -> Floats:
    """Gradient of the filters; that of the words is added to `flow`."""
    width = len(filters)
    count = len(flat) - width + 1
    answer = answer[width // 2 : width // 2 + count]
    found = np.empty_like(filters)
    for offset in range(width):
        found[offset] = flat[offset : offset + count].T @ answer
        flow[offset : offset + count] += answer @ filters[offset].T
    return found


def _sums(index: I64, values: Floats, number: int) -> Floats:
    """Sum of the rows of `values` by `index`."""
    from scipy.sparse import csr_matrix

    ones = np.ones(len(index), np.float32)
    return np.asarray(csr_matrix((ones, (index, np.arange(len(index)))), shape=(number, len(index))) @ values)


def _kept(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    return (rng.random(shape, np.float32) >= _FORGET) * np.float32(1 / (1 - _FORGET))


def _descend(p: Parameters, moments: dict[str, tuple[Floats, Floats]], gradients: Parameters, step: int) -> None:
    """One step of Adam, in place."""
    rate = np.float32(_STEP * np.sqrt(1 - 0.999**step) / (1 - 0.9**step))
    for name, gradient in gradients.items():
        first, second = moments[name]
        first *= np.float32(0.9)
        first += np.float32(0.1) * gradient
        second *= np.float32(0.999)
        second += np.float32(0.001) * gradient * gradient
        p[name] -= rate * first / (np.sqrt(second) + np.float32(1e-8))


def _windows(p: Parameters, stems: npt.NDArray[np.uint32]) -> Windows:
    return Windows(
        WordVectors(stems, p["stem"], p["kind"], p["opens"]),
        tuple(p[f"filters{width}"] for width in DETECTORS),
        tuple(p[f"bars{width}"] for width in DETECTORS),
        p["weights"],
    )
