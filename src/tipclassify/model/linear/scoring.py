"""From texts to calibrated log-odds with the weights of a linear model, and from log-odds to probabilities and labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from tipclassify.labels import LABELS
from tipclassify.model.linear.model import Model
from tipclassify.model.linear.sums import sums_of
from tipclassify.text.features.structure import structure_of
from tipclassify.text.features.templates import length_scale
from tipclassify.text.features.tokenizer import I64, Tokens, batches, tokenize, word_counts

__all__ = ["Scored", "apply_thresholds", "count_words", "heading_logits", "is_doubtful", "logistic", "score_texts"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_FEWEST_WORDS: Final = 3
_MOST_UNKNOWN: Final = 1 / 3  # English of other subjects stays below; French, Spanish or German are far above


class Scored(NamedTuple):
    """Scores of some passages.

    Attributes
    ----------
    logits : float64 (n, 3)
        Calibrated log-odds.
    words, unknown : int64 (n,)
        Words of each passage besides figures and names, and how many of them are not in the vocabulary.
    """

    logits: Floats
    words: I64
    unknown: I64


def score_texts(model: Model, texts: Sequence[str], headings: Sequence[str | None] | None = None) -> Scored:
    """Score each text, given the heading of its section if it has one."""
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
    """Sum the features of each passage, and once more those of its best clause, float64 (passages, 3)."""
    structure = structure_of(tokens)
    clause, whole = sums_of(model.table, tokens, structure, passages)
    first = structure.clause[structure.first]  # clause of each passage that has words
    row = structure.row[structure.first]
    whole[:, row] += np.add.reduceat(clause, first, axis=1)
    logits = whole[1:] * length_scale(whole[0])
    logits[:, row] += np.maximum.reduceat(clause[1:] * length_scale(clause[0]), first, axis=1)
    return np.asarray(logits.T * model.units)


def heading_logits(model: Model, headings: Sequence[str | None], n: int) -> Floats:
    """Add up what each of `n` headings contributes to the log-odds, float64 (n, 3); each distinct one is looked up once.

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
    """Count ``words`` and ``unknown`` of `Scored` without scoring."""
    counts = [np.zeros((2, 0), np.int64)]
    counts += [np.stack(word_counts(tokenize(batch, vocabulary), len(batch))) for _, batch in batches(texts)]
    words, unknown = np.concatenate(counts, axis=1)
    return words, unknown


def is_doubtful(found: Scored) -> Bools:
    """Find texts with too little to go by, bool (n,): few words, or many that are not in the vocabulary."""
    return np.asarray((found.words < _FEWEST_WORDS) | (found.unknown > found.words * _MOST_UNKNOWN))


def logistic(logits: Floats) -> Floats:
    """Probabilities of log-odds."""
    return np.asarray(1 / (1 + np.exp(-logits)))


def apply_thresholds(scores: Any, thresholds: Any) -> Any:
    """Give the labels whose probability is at least their threshold; arrays of both, or two numbers.

    >>> apply_thresholds(np.array([0.2, 0.6, 0.9]), np.array([0.5, 0.6, 0.95])).tolist(), apply_thresholds(0.5, 0.4)
    ([False, True, False], True)
    """
    return scores >= thresholds
