"""What n-grams cannot count: detectors that slide over the words of a passage and tell how well a few words in a row match.

Each word is a small vector (its stem, its class in the lexicon, whether it opens a clause); each detector weighs the vectors
of three or five words in a row, and its best match in the passage is what counts. Words that behave alike get like vectors, so that
a detector learned on one wording answers to others; this is what tells "no victim was punished" from "no trafficker was
punished". A score stays a sum: each detector adds its match times its weight, and explains it by the words it stood on.

Everything is float32 in an order that does not depend on which passages are scored together: the same passage
gives the same bits in any batch.

Source: Kim 2014, Convolutional neural networks for sentence classification (EMNLP, arXiv:1408.5882).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from tipclassify.tokens import I64, U64, Bools, Tokens

__all__ = ["UNKNOWN", "Matches", "Windows", "stem_keys"]

Floats = npt.NDArray[np.float32]

UNKNOWN: Final = 0  # row of `stem_vectors` for a stem that training did not know
_ROWS: Final = (
    32  # rows of every matrix product: one shape, one order of addition, and too small for BLAS to start threads
)
_CHUNK: Final = 4_096  # words looked at at a time


@dataclass(frozen=True)
class Matches:
    """How far each detector answered to each passage.

    Attributes
    ----------
    strength : float32 (n, detectors)
        Match of its best window, 0 where none is above its bar.
    first, last : int64 (n, detectors)
        First and last word of that window, as numbers of the tokens given.
    """

    strength: Floats
    first: I64
    last: I64


@dataclass(frozen=True)
class Windows:
    """Detectors of a trained model.

    Attributes
    ----------
    stems : uint32 (v,)
        Keys of the known stems (`stem_keys`), ascending.
    stem_vectors : float32 (v + 1, d)
        Vector of each, after that of `UNKNOWN`.
    class_vectors : float32 (classes, d)
        Added for the class of the word in the lexicon.
    clause_vectors : float32 (2, d)
        Added for a word inside a clause, and for one that opens it.
    filters : sequence of float32 (width, d, k)
        Weights of `k` detectors for each width, an odd number of words.
    bars : sequence of float32 (k,)
        Added to the match; a detector answers above zero.
    weights : float32 (detectors, 3)
        What a unit of match adds to the log-odds of each label.
    """

    stems: npt.NDArray[np.uint32]
    stem_vectors: Floats
    class_vectors: Floats
    clause_vectors: Floats
    filters: tuple[Floats, ...]
    bars: tuple[Floats, ...]
    weights: Floats

    @property
    def margin(self) -> int:
        """Words that the widest detector sees on each side of its middle."""
        return max(len(f) for f in self.filters) // 2

    def scores(self, tokens: Tokens, passages: int) -> npt.NDArray[np.float64]:
        """What the detectors add to the log-odds of each label, float64 (passages, 3)."""
        added = np.zeros((passages, self.weights.shape[1]))
        for rows, strength, _ in self._matched(tokens):
            # Not a matrix product: its order of addition would depend on the number of rows.
            for j, weight in enumerate(self.weights.T):
                added[rows, j] = (strength * weight).sum(axis=1, dtype=np.float64)
        return added

    def matches(self, tokens: Tokens, passages: int) -> Matches:
        """Match and window of each detector; a passage without words has none (strength 0, words 0)."""
        detectors = len(self.weights)
        strength = np.zeros((passages, detectors), np.float32)
        first, last = np.zeros((2, passages, detectors), np.int64)
        begin = np.searchsorted(tokens.row, np.arange(passages + 1))
        reach = np.concatenate([np.full(f.shape[2], f.shape[0] // 2) for f in self.filters])
        for rows, found, middle in self._matched(tokens, where=True):
            strength[rows] = found
            first[rows] = np.maximum(middle - reach, begin[rows][:, None])
            last[rows] = np.minimum(middle + reach, begin[rows + 1][:, None] - 1)
        return Matches(strength, first, last)

    def _matched(self, tokens: Tokens, where: bool = False) -> Iterator[tuple[I64, Floats, I64]]:
        """(passages, strength, middle word of the best window) of each batch of passages that have words."""
        rows, begin = np.unique(tokens.row, return_index=True)
        bounds = np.append(begin, len(tokens.row))
        at = 0
        while at < len(rows):
            stop = max(at + 1, int(np.searchsorted(bounds, bounds[at] + _CHUNK, "right")) - 1)
            part = slice(int(bounds[at]), int(bounds[stop]))
            if part.stop - part.start > 2 * _CHUNK:  # one passage as long as a book
                strength, middle = self._best_of_long(tokens, part)
            else:
                starts = begin[at:stop] - part.start
                answers = self._answers(tokens, part, starts)
                spans = list(zip(starts.tolist(), [*starts[1:].tolist(), len(answers)], strict=True))
                strength = np.stack([answers[a:b].max(axis=0) for a, b in spans])  # several times as fast as reduceat
                middle = np.zeros((0, 0), np.int64)
                if where:
                    middle = np.stack([answers[a:b].argmax(axis=0) + a for a, b in spans]) + part.start
            yield rows[at:stop], np.maximum(strength, np.float32(0)), middle
            at = stop

    def _best_of_long(self, tokens: Tokens, part: slice) -> tuple[Floats, I64]:
        """The same for a single passage, piece by piece, so that memory stays flat."""
        best = np.full((1, len(self.weights)), -np.inf, np.float32)
        middle = np.zeros(best.shape, np.int64)
        for a in range(part.start, part.stop, _CHUNK):
            b = min(a + _CHUNK, part.stop)
            wide = slice(max(a - self.margin, part.start), min(b + self.margin, part.stop))
            answers = self._answers(tokens, wide, np.zeros(1, np.int64))[a - wide.start : b - wide.start]
            found = answers.max(axis=0, keepdims=True)
            middle = np.where(found > best, answers.argmax(axis=0) + a, middle)
            best = np.maximum(best, found)
        return best, middle

    def _answers(self, tokens: Tokens, part: slice, starts: I64) -> Floats:
        """Match of each detector with the window around each word, (words, detectors)."""
        margin = self.margin
        gap = np.zeros(part.stop - part.start, np.int64)
        gap[starts] = margin
        place = np.arange(len(gap)) + np.cumsum(gap)  # empty places part the passages
        rows = -(-(int(place[-1]) + 1 + margin) // _ROWS) * _ROWS
        laid = np.zeros((rows, self.stem_vectors.shape[1]), np.float32)
        laid[place] = self._vectors(tokens.stem[part], tokens.kind[part], tokens.edge[part])
        blocks = laid.reshape(-1, _ROWS, laid.shape[1])
        answers = np.empty((len(place), len(self.weights)), np.float32)
        column = 0
        for filters, bars in zip(self.filters, self.bars, strict=True):
            total = np.zeros((rows, len(bars)), np.float32)
            for offset, weights in enumerate(filters):
                shift = (
                    offset - len(filters) // 2
                )  # the product of a word counts for the window whose middle is so far before
                product = (blocks @ weights).reshape(rows, -1)
                total[max(0, -shift) : rows - max(0, shift)] += product[max(0, shift) : rows + min(0, shift)]
            np.add(total[place], bars, out=answers[:, column : column + len(bars)])
            column += len(bars)
        return answers

    def _vectors(self, stem: U64, kind: I64, opens: Bools) -> Floats:
        number = np.full(len(stem), UNKNOWN)
        if len(self.stems):
            key = stem_keys(stem)
            found = np.minimum(np.searchsorted(self.stems, key), len(self.stems) - 1)
            known = self.stems[found] == key
            number[known] = found[known] + 1
        return np.asarray(
            self.stem_vectors[number] + self.class_vectors[kind] + self.clause_vectors[opens.astype(np.intp)]
        )

    def scaled(self, factors: npt.NDArray[np.float64]) -> Windows:
        """The same detectors with the weights of each label multiplied, `factors` float (3,)."""
        weights = (self.weights * factors).astype(np.float32)
        return Windows(
            self.stems,
            self.stem_vectors,
            self.class_vectors,
            self.clause_vectors,
            self.filters,
            self.bars,
            weights,
        )

    def as_stored(self) -> Windows:
        """The detectors as the model file holds them: what is measured is what ships."""
        stored = self.from_arrays(self.to_arrays())
        assert stored is not None
        return stored

    def to_arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        """Arrays for the model file, half-floats where float32 says no more."""
        half = {
            "stem_vectors": self.stem_vectors,
            "class_vectors": self.class_vectors,
            "clause_vectors": self.clause_vectors,
            "detector_weights": self.weights,
        }
        half |= {f"filters_{i}": f for i, f in enumerate(self.filters)}
        half |= {f"bars_{i}": b for i, b in enumerate(self.bars)}
        return {"stems": self.stems, **{name: array.astype(np.float16) for name, array in half.items()}}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[np.generic]]) -> Windows | None:
        """The detectors in a model file, None where it has none.

        Raises
        ------
        KeyError
            When some arrays are missing.
        """
        if "stems" not in arrays:
            return None
        numbers = range(sum(name.startswith("filters_") for name in arrays))

        def single(name: str) -> Floats:
            return arrays[name].astype(np.float32)

        return cls(
            arrays["stems"].astype(np.uint32),
            single("stem_vectors"),
            single("class_vectors"),
            single("clause_vectors"),
            tuple(single(f"filters_{i}") for i in numbers),
            tuple(single(f"bars_{i}") for i in numbers),
            single("detector_weights"),
        )


def stem_keys(stem: U64) -> npt.NDArray[np.uint32]:
    """Upper half of the hashes of stems, but for the stand-ins of names and figures, whose lower half tells them."""
    key = (stem >> np.uint64(32)).astype(np.uint32)
    return np.asarray(np.where(stem < 4, stem.astype(np.uint32), key))
