"""Score texts with a linear model: calibrated log-odds; and convert log-odds to probabilities and labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from tipclassify.labels import LABELS
from tipclassify.model.linear.model import Model
from tipclassify.model.linear.sums import sum_weights
from tipclassify.text.features.structure import structure_of
from tipclassify.text.features.templates import length_scale
from tipclassify.text.features.tokenizer import I64, Tokens, batches, tokenize, word_counts

__all__ = [
    "Scored",
    "apply_thresholds",
    "count_words",
    "heading_logits",
    "is_low_confidence",
    "logistic",
    "score_texts",
]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_FEWEST_WORDS: Final = 3
_MOST_UNKNOWN: Final = 1 / 3  # English on other subjects is below, French, Spanish or German far above


class Scored(NamedTuple):
    """Scores of a list of passages.

    Attributes
    ----------
    logits : float64 (n, 3)
        Calibrated log-odds.
    words, unknown : int64 (n,)
        Words per passage, figures and names excluded, and those among them outside the vocabulary.
    """

    logits: Floats
    words: I64
    unknown: I64


def score_texts(model: Model, texts: Sequence[str], headings: Sequence[str | None] | None = None) -> Scored:
    """Score each text; a heading is None for a text without section."""
    logits = np.tile(model.bias, (len(texts), 1))
    words, unknown = np.zeros((2, len(texts)), np.int64)
    for first, batch in batches(texts):
        rows = slice(first, first + len(batch))
        tokens = tokenize(batch, model.vocabulary)
        words[rows], unknown[rows] = word_counts(tokens, len(batch))
        if len(tokens.row):
            logits[rows] += _text_logits(model, tokens, len(batch))
    if headings is not None:
        logits += heading_logits(model, headings, len(texts))
    return Scored(logits, words, unknown)


def _text_logits(model: Model, tokens: Tokens, passages: int) -> Floats:
    """Sum the weights of each passage, those of its best clause counted twice, float64 (passages, 3)."""
    structure = structure_of(tokens)
    clause, whole = sum_weights(model.table, tokens, structure, passages)
    first = structure.clause[structure.first]  # clause of each passage that has words
    row = structure.row[structure.first]
    whole[:, row] += np.add.reduceat(clause, first, axis=1)
    logits = whole[1:] * length_scale(whole[0])
    logits[:, row] += np.maximum.reduceat(clause[1:] * length_scale(clause[0]), first, axis=1)
    return np.asarray(logits.T * model.units)


def heading_logits(model: Model, headings: Sequence[str | None], n: int) -> Floats:
    """Return the contribution of each of `n` headings to the log-odds, float64 (n, 3).

    Raises
    ------
    ValueError
        When there are not `n` headings.
    """
    if len(headings) != n:
        raise ValueError(f"{n} texts but {len(headings)} headings: give one for each text, or None")
    number = {heading: at for at, heading in enumerate(dict.fromkeys(headings))}
    table = np.array([model.heading_logits(heading) for heading in number]).reshape(-1, len(LABELS))
    return table.take([number[heading] for heading in headings], axis=0)


def count_words(texts: Sequence[str], vocabulary: frozenset[str]) -> tuple[I64, I64]:
    """Count words and unknown words per text (see `Scored`), without scoring."""
    counts = [np.zeros((2, 0), np.int64)]
    counts += [np.stack(word_counts(tokenize(batch, vocabulary), len(batch))) for _, batch in batches(texts)]
    words, unknown = np.concatenate(counts, axis=1)
    return words, unknown


def is_low_confidence(found: Scored) -> Bools:
    """Flag texts with few words, or with many outside the vocabulary, bool (n,)."""
    return np.asarray((found.words < _FEWEST_WORDS) | (found.unknown > found.words * _MOST_UNKNOWN))


def logistic(logits: Floats) -> Floats:
    """Convert log-odds to probabilities."""
    return np.asarray(1 / (1 + np.exp(-logits)))


def apply_thresholds(scores: Any, thresholds: Any) -> Any:
    """Test which probabilities are at least their threshold; arrays or scalars.

    >>> apply_thresholds(np.array([0.2, 0.6, 0.9]), np.array([0.5, 0.6, 0.95])).tolist(), apply_thresholds(0.5, 0.4)
    ([False, True, False], True)
    """
    return scores >= thresholds
