"""Score texts with a linear model, and explain the scores.

A score is a sum over features, so its summands explain it exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from tipclassify.arrays import U64, Floats, Ints
from tipclassify.labels import LABELS
from tipclassify.model.explanation import ADDITIVE, Explanation, explanations
from tipclassify.model.linear_model import SLOT_BITS, LinearModel
from tipclassify.model.scoring import Scored
from tipclassify.text.hashing import (
    feature_keys,
    featurize,
    find_best_clauses_by_features,
    heading_hashes,
)
from tipclassify.text.templates import (
    find_feature_hashes,
    structure_of_tokens,
    template_features,
    text_length_feature_scale,
)
from tipclassify.text.tokens import (
    Tokens,
    batches_of_text_for_features,
    count_token_words,
    tokenize,
)

__all__ = ["LinearScorer"]

_TO_SLOT: Final = np.uint64(64 - SLOT_BITS)
_TO_KEY: Final = np.uint64(32)
# the remaining bits of a key detect collisions
_FINGERPRINT: Final = np.uint64((1 << (32 - SLOT_BITS)) - 1)


class LinearScorer:
    """Scorer of a linear model."""

    measured: Final = "out of fold"  # evaluation data of the metrics in `meta`
    methods: Final = (ADDITIVE,)  # possible values of `Explanation.method`
    # tolerance of a probability between processors; all output has four decimals
    rounding: Final = 1e-5

    def __init__(self, model: LinearModel) -> None:
        self.model = model
        self.meta = model.meta
        self.thresholds = model.thresholds
        self.vocabulary = model.vocabulary
        # by slot: fingerprint, and weight for each label
        table = np.zeros((1 << SLOT_BITS, 4), np.int16)
        slot = model.hashes >> np.uint32(32 - SLOT_BITS)
        table[slot, 0] = model.hashes & np.uint32(_FINGERPRINT)
        table[slot, 1:] = model.weights
        self._packed = table.view(np.uint64).ravel()
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
        for first, batch in batches_of_text_for_features(texts):
            rows = slice(first, first + len(batch))
            tokens = tokenize(batch, self.vocabulary)
            words[rows], unknown[rows] = count_token_words(tokens, len(batch))
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
        known = _known_feature_contributions(self.model, texts)
        heading_logits = self._headings_logits(headings, len(texts))
        # The features of a text, one text after the other.
        order = np.argsort(known.row, kind="stable")
        bounds = np.searchsorted(known.row[order], np.arange(len(texts) + 1))
        explained = []
        for number, text in enumerate(texts):
            features = order[bounds[number] : bounds[number + 1]]
            # Features of one span are added up.
            spans, span_of = np.unique(known.spans[features], axis=0, return_inverse=True)
            span_of = span_of.ravel()
            sums = np.array(
                [
                    np.bincount(span_of, label_weights, len(spans))
                    for label_weights in known.contributions[features].T
                ]
            )
            heading = heading_logits[number]
            logits = bias + heading + sums.sum(axis=1)
            explained.append(
                explanations(text, logits, bias, heading, spans.tolist(), sums, ADDITIVE)
            )
        return explained

    def _headings_logits(self, headings: Sequence[str | None] | None, n: int) -> Floats:
        """Return the contribution of each of `n` headings to the log-odds, float64 (n, 3)."""
        if headings is None:
            headings = [None for _ in range(n)]
        if len(headings) != n:
            raise ValueError(
                f"{n} texts but {len(headings)} headings: give one for each text, or None"
            )
        return np.array([self._cached_heading(heading) for heading in headings]).reshape(
            n, len(self.model.bias)
        )

    def _heading_logits(self, heading: str | None) -> Floats:
        code = heading_hashes(heading)
        weights = self._look_up(code).sum(axis=0, dtype=np.int64)
        return np.asarray(
            weights * text_length_feature_scale(np.array(len(code))) * self.model.units
        )

    def _text_logits(self, tokens: Tokens, passages: int) -> Floats:
        """Sum the weights of each passage, float64 (passages, 3).

        Those of its best clause count twice.
        """
        structure = structure_of_tokens(tokens)
        clauses = len(structure.begin)
        # of features within each clause, then of those across clauses
        sums = np.zeros((4, clauses + passages))
        for head, _, code, inside in template_features(tokens, structure):
            where = np.where(
                inside, structure.clause.take(head), structure.row.take(head) + clauses
            )
            sums[0] += np.bincount(where, minlength=sums.shape[1])
            weights = self._look_up(code).T
            for label, weight in enumerate(weights, 1):
                sums[label] += np.bincount(where, weight, sums.shape[1])
        clause = sums[:, :clauses]
        whole = sums[:, clauses:]
        first = structure.clause[structure.first]  # clause of each passage that has words
        row = structure.row[structure.first]
        whole[:, row] += np.add.reduceat(clause, first, axis=1)
        logits = whole[1:] * text_length_feature_scale(whole[0])
        logits[:, row] += np.maximum.reduceat(
            clause[1:] * text_length_feature_scale(clause[0]), first, axis=1
        )
        return np.asarray(logits.T * self.model.units)

    def _look_up(self, code: U64) -> npt.NDArray[np.int16]:
        """Look up the weights of features by hash, int16 (n, 3); zeros for unknown features."""
        packed = self._packed.take((code >> _TO_SLOT).view(np.int64))
        rows = packed.view(np.int16).reshape(-1, 4)
        packed *= rows[:, 0] == ((code >> _TO_KEY) & _FINGERPRINT).astype(np.int16)
        return rows[:, 1:]


@dataclass(frozen=True, eq=False)
class _KnownFeatures:
    """Known features of some texts, and what each adds to the log-odds."""

    row: Ints  # (m,), number of the text
    spans: Ints  # (m, 2), start and end in the text
    contributions: Floats  # (m, 3)


def _known_feature_contributions(model: LinearModel, texts: Sequence[str]) -> _KnownFeatures:
    """Compute the contributions of known features; those of the best clause count twice."""
    features = featurize(texts, model.vocabulary)
    index, known = find_feature_hashes(feature_keys(features.hash), model.hashes)
    weights = model.weights[index[known]]
    row = features.row[known]
    clause = features.clause[known]
    inside = clause >= 0
    whole = text_length_feature_scale(np.bincount(features.row, minlength=len(texts)))[row]
    counts = np.bincount(features.clause[features.clause >= 0], minlength=len(features.clause_row))
    # the last, reached by the index -1, is of features across clauses
    by_clause = np.append(text_length_feature_scale(counts), 0.0)
    contributions = weights * model.units
    for j in range(len(LABELS)):
        sums = np.bincount(clause[inside], weights[inside, j], len(counts)) * by_clause[:-1]
        best = find_best_clauses_by_features(sums, features.clause_row, len(texts))[row]
        contributions[:, j] *= whole + by_clause[clause] * (inside & (clause == best))
    spans = np.stack([features.start[known], features.end[known]], axis=1)
    return _KnownFeatures(row, spans, contributions)
