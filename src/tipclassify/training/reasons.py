"""Learn to foretell, from a token's output vector, the log-odds that masking it costs.

Labelled passages come in, weights go out. A report's reasons come from masking a few phrases, and
the weights choose which. What a token adds to the mean vector tells little of that, since masking
it changes the vectors of all others as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from threadpoolctl import threadpool_limits

from tipclassify.arrays import Floats
from tipclassify.corpus.holdout import is_real
from tipclassify.corpus.rows import Row
from tipclassify.model.encoder.files import EncoderModel
from tipclassify.model.encoder.occlusion import PHRASE_WORDS, tokenize_for_occlusion
from tipclassify.model.encoder.scoring import EncoderScorer
from tipclassify.training.examples import row_headings

_PASSAGES: Final = 800  # masked in ten places each: some 40 s of a core
_PENALTY: Final = 0.01  # ridge, as a share of the mean squared entry of the phrases' vectors
_TEXTS_AT_ONCE: Final = 100  # whose token vectors are held


def fit_drop_weights(model: EncoderModel, rows: Sequence[Row]) -> Floats | None:
    """Fit weights, float64 (labels, width), by ridge regression of the drops that masking phrases cost.

    They are measured on an even sample of the labelled real passages of `rows`, or of all labelled
    ones where none is real; for each label, on those to which the model gives it. None where a
    label has no such passage.
    """
    labelled = [row for row in rows if row["labels"]]
    real = [row for row in labelled if is_real(row)]
    candidates = real or labelled
    size = min(_PASSAGES, len(candidates))
    sample = [candidates[number * len(candidates) // size] for number in range(size)]
    scorer = EncoderScorer(model)
    measured = []
    for first in range(0, len(sample), _TEXTS_AT_ONCE):
        measured += _measure_drops(scorer, sample[first : first + _TEXTS_AT_ONCE])
    weights = []
    with threadpool_limits(1):  # a fixed order of summation on every machine
        for column in range(len(model.scale)):
            tagged = [(vectors, drops) for vectors, drops, logits in measured if logits[column] > 0]
            if not tagged:
                return None
            vectors = np.concatenate([vectors for vectors, _ in tagged])
            drops = np.concatenate([drops[:, column] for _, drops in tagged])
            width = vectors.shape[1]
            gram = vectors.T @ vectors
            penalty = _PENALTY * np.trace(gram) / width
            # least squares, since the matrix of vectors that are all zero has no inverse
            solution, *_ = np.linalg.lstsq(gram + penalty * np.eye(width), vectors.T @ drops)
            weights.append(solution)
    return np.array(weights)


def _measure_drops(
    scorer: EncoderScorer, rows: Sequence[Row]
) -> list[tuple[Floats, Floats, Floats]]:
    """Mask the disjoint phrases of each passage in turn, and measure how the log-odds fall.

    Returns, for each passage, the vector of each phrase, (phrases, width), the sum of its tokens'
    divided by the tokens of the window; the drops, (phrases, labels); and the calibrated log-odds
    of the whole, (labels,). Passages of several windows are left out, since a phrase may count in
    two of them.
    """
    texts = [row["text"] for row in rows]
    readings = tokenize_for_occlusion(scorer, texts, row_headings(rows))
    outputs = scorer.first_window_vectors(
        [(reading.token_ids, reading.heading) for reading in readings]
    )
    measured = []
    for reading, token_vectors in zip(readings, outputs, strict=True):
        words = reading.words
        if not words or len(token_vectors) != len(reading.token_ids):
            continue
        spans = [
            (words[start][0], words[min(start + PHRASE_WORDS, len(words)) - 1][1])
            for start in range(0, len(words), PHRASE_WORDS)
        ]
        masked = [reading.masked(span, scorer.tokenizer.mask) for span in spans]
        ids = np.array(reading.token_ids)
        float_vectors = token_vectors.astype(np.float64)
        vectors = [float_vectors[ids != np.array(variant)].sum(axis=0) for variant in masked]
        variants = [reading.token_ids, *masked]
        logits = scorer.logits_of_ids(variants, [reading.heading for _ in variants])
        measured.append((np.array(vectors), logits[0] - logits[1:], logits[0]))
    return measured
