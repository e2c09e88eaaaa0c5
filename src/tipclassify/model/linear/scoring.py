"""Score texts with a linear model: log-odds, probabilities, labels.

The features are those of `templates`, but no feature table is built: weights are precomputed by word or class, and
those of n-grams come from a hash table. Weights are integers, so that sums are exact in any order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from tipclassify.arrays import U64, Bools, Floats, Ints
from tipclassify.model.explanation import ADDITIVE, Explanation
from tipclassify.model.linear.model import SLOT_BITS, Model
from tipclassify.text.features.hashing import heading_hashes
from tipclassify.text.features.lexicon import ACTORS, CLASSES, CUES
from tipclassify.text.features.structure import (
    ACTOR_NUMBER,
    Structure,
    actors,
    concat_ranges,
    imperatives,
    pairs,
    scopes,
    structure_of,
)
from tipclassify.text.features.templates import ACROSS_HASH, CLASS_HASH, SALT, SHIFTER_HASH, length_scale
from tipclassify.text.features.tokenizer import Tokens, batches, tokenize, word_counts
from tipclassify.text.features.vocabulary import FACTOR, WordColumns

__all__ = ["LinearScorer", "Scored", "apply_thresholds", "count_words", "is_low_confidence", "logistic"]

_FEWEST_WORDS: Final = 3
_MOST_UNKNOWN: Final = 1 / 3  # English on other subjects is below, French, Spanish or German far above

_TO_SLOT: Final = np.uint64(64 - SLOT_BITS)
_TO_KEY: Final = np.uint64(32)
_FINGERPRINT: Final = np.uint64((1 << (32 - SLOT_BITS)) - 1)  # the remaining bits of a key detect collisions

_CLASSES: Final = len(CLASS_HASH)  # with 0 for words without class
_SHIFTER_SETS: Final = len(SHIFTER_HASH)
_ACTOR_HASH: Final = CLASS_HASH[[CLASSES.index(name) + 1 for name in ACTORS]] * FACTOR[0]
# Columns of the weights by word: after each actor (0: without actor), in each scope, alone, as first word of a passage.
_AFTER_ACTOR: Final = 0
_IN_SCOPE: Final = 1 + len(ACTORS)
_ITSELF: Final = _IN_SCOPE + len(CUES)
_FIRST_WORD: Final = _ITSELF + 1
_COLUMNS: Final = _FIRST_WORD + 1

Rows = npt.NDArray[np.int16]
Addends = tuple[Ints, Rows]  # indices of accumulators, and the rows to add


class Scored(NamedTuple):
    """Scores of a list of passages."""

    logits: Floats  # (n, 3), calibrated log-odds
    words: Ints  # (n,), words per passage, figures and names excluded
    unknown: Ints  # (n,), those among them outside the vocabulary


class LinearScorer:
    """Scorer of a linear model."""

    measured: Final = "out of fold"  # evaluation data of the metrics in `meta`
    methods: Final = (ADDITIVE,)  # possible values of `Explanation.method`
    rounding: Final = 1e-5  # tolerance of a probability between processors; all output has four decimals

    def __init__(self, model: Model) -> None:
        self.model = model
        self.meta, self.thresholds, self.vocabulary = model.meta, model.thresholds, model.vocabulary
        self.table = WeightTable(model.hashes, model.weights)
        self._cached_heading = lru_cache(4_096)(self._heading_logits)  # the reports of a year share most headings

    def __reduce__(self) -> tuple[type[LinearScorer], tuple[Model]]:
        return LinearScorer, (self.model,)  # another process builds its own table

    def about(self) -> dict[str, str]:
        """Describe the model for ``tipclassify info``."""
        return {"features": f"{len(self.model.hashes):,} ({len(self.vocabulary):,} words known)"}

    def score_texts(self, texts: Sequence[str], headings: Sequence[str | None] | None = None) -> Scored:
        """Score each text; a heading is None for a text without section."""
        logits = np.tile(self.model.bias, (len(texts), 1))
        words, unknown = np.zeros((2, len(texts)), np.int64)
        for first, batch in batches(texts):
            rows = slice(first, first + len(batch))
            tokens = tokenize(batch, self.vocabulary)
            words[rows], unknown[rows] = word_counts(tokens, len(batch))
            if len(tokens.row):
                logits[rows] += self._text_logits(tokens, len(batch))
        if headings is not None:
            logits += self.heading_logits(headings, len(texts))
        return Scored(logits, words, unknown)

    def explain_texts(
        self, texts: Sequence[str], headings: Sequence[str | None] | None = None
    ) -> list[dict[str, Explanation]]:
        """Explain the score of each text, by label."""
        from tipclassify.model.linear.contributions import explain_by_contributions  # not needed for scoring

        from_heading = self.heading_logits([None] * len(texts) if headings is None else headings, len(texts))
        return explain_by_contributions(self.model, texts, from_heading)

    def heading_logits(self, headings: Sequence[str | None], n: int) -> Floats:
        """Return the contribution of each of `n` headings to the log-odds, float64 (n, 3)."""
        if len(headings) != n:
            raise ValueError(f"{n} texts but {len(headings)} headings: give one for each text, or None")
        return np.array([self._cached_heading(heading) for heading in headings]).reshape(n, len(self.model.bias))

    def _heading_logits(self, heading: str | None) -> Floats:
        code = heading_hashes(heading)
        weights = self.table.hashed(code)[:, 1:].sum(axis=0, dtype=np.int64)
        return np.asarray(weights * length_scale(np.array(len(code))) * self.model.units)

    def _text_logits(self, tokens: Tokens, passages: int) -> Floats:
        """Sum the weights of each passage, those of its best clause counted twice, float64 (passages, 3)."""
        structure = structure_of(tokens)
        clause, whole = _sum_weights(self.table, tokens, structure, passages)
        first = structure.clause[structure.first]  # clause of each passage that has words
        row = structure.row[structure.first]
        whole[:, row] += np.add.reduceat(clause, first, axis=1)
        logits = whole[1:] * length_scale(whole[0])
        logits[:, row] += np.maximum.reduceat(clause[1:] * length_scale(clause[0]), first, axis=1)
        return np.asarray(logits.T * self.model.units)


def count_words(texts: Sequence[str], vocabulary: frozenset[str]) -> tuple[Ints, Ints]:
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


class WeightTable:
    """Look-up tables of a model's weights. A row is int16 (4,): number of features, and their weight for each label.

    Parameters
    ----------
    hashes : uint32 (m,)
        Keys of the features, at most one per slot.
    weights : int16 (m, 3)
    """

    def __init__(self, hashes: npt.NDArray[np.uint32], weights: Rows) -> None:
        self._slots = np.zeros((1 << SLOT_BITS, 4), np.int16)  # column 0 is a fingerprint instead of a count
        slot = hashes >> np.uint32(32 - SLOT_BITS)
        self._slots[slot, 0] = (hashes & _FINGERPRINT).astype(np.int16)
        self._slots[slot, 1:] = weights
        none = np.zeros(0, np.uint64)
        self._by_word = none, self._word_rows(none, none)
        self._tabulate_classes()

    def hashed(self, code: U64, kept: Bools | None = None) -> Rows:
        """Look up features by hash, int16 (…, 4); zeros for features not `kept`."""
        rows = self._slots.take((code >> _TO_SLOT).view(np.int64), axis=0)
        known = rows[..., 0] == ((code >> _TO_KEY) & _FINGERPRINT).astype(np.int16)
        if kept is not None:
            known &= kept
        rows.view(np.uint64)[..., 0] *= known  # zeros for unknown features
        rows[..., 0] = 1 if kept is None else kept
        return rows

    def by_word(self, columns: WordColumns) -> Rows:
        """Return the rows of all words seen so far, int16 (words * _COLUMNS, 4), extending the cache."""
        known, rows = self._by_word
        both = min(len(known), len(columns.word))
        if not np.array_equal(known[:both], columns.word[:both]):  # the vocabulary table was replaced
            both, rows = 0, rows[:0]
        if both < len(columns.word):
            new = self._word_rows(columns.word[both:], columns.stem[both:])
            rows = np.concatenate([rows[: both * _COLUMNS], new])
            self._by_word = columns.word, rows
        return rows

    def _word_rows(self, word: U64, stem: U64) -> Rows:
        head, tail = stem * FACTOR[0], stem * FACTOR[1]
        code = np.zeros((len(word), _COLUMNS), np.uint64)
        for name in range(len(ACTORS)):
            code[:, _AFTER_ACTOR + 1 + name] = _ACTOR_HASH[name] + tail + SALT[70]
        for name in range(len(CUES)):
            code[:, _IN_SCOPE + name] = head + SALT[20 + name]
        code[:, _ITSELF] = word * FACTOR[0] + SALT[1]
        code[:, _FIRST_WORD] = word * FACTOR[0] + SALT[80]
        rows = self.hashed(code)
        rows[:, _AFTER_ACTOR] = 0  # no actor
        rows[:, _ITSELF] += self.hashed(head + SALT[4])
        return rows.reshape(-1, 4)

    def _tabulate_classes(self) -> None:
        """Precompute the tables by class, int16 (…, 4)."""
        first, second, third = (CLASS_HASH * factor for factor in FACTOR[:3])
        two = first[:, None] + second
        three = two[:, :, None] + third
        # Uni-, bi-, tri- and skip-bigrams of a class and the next two of its clause, if any.
        self.sequence = (
            self._classes(first + SALT[60], 1)[:, None, None]
            + self._classes(two + SALT[61], 2)[:, :, None]
            + self._classes(two + SALT[63], 2)[:, None]
            + self._classes(three + SALT[62], 3)
        ).reshape(-1, 4)
        # Bigrams, and skip-bigrams with trigrams, whose last class lies in another clause.
        self.pair_across = self._classes(two + SALT[61] + ACROSS_HASH, 2).reshape(-1, 4)
        across = self._classes(two + SALT[63] + ACROSS_HASH, 2)[:, None] + self._classes(
            three + SALT[62] + ACROSS_HASH, 3
        )
        self.triple_across = across.reshape(-1, 4)
        self.pair = self._classes(two[:, :, None] + SHIFTER_HASH + SALT[65], 2).reshape(-1, 4)
        after_actor = self.hashed(_ACTOR_HASH[:, None] + second + SALT[71])
        self.after_actor = np.concatenate([np.zeros_like(after_actor[:1]), after_actor])  # 0: no actor
        self.in_scope = self.hashed(first + SALT[40 : 40 + len(CUES), None])
        self.imperative_class = self._classes(first + SALT[83], 1)
        self.after_actor[:, 0] = self.in_scope[:, 0] = 0  # words without a class
        self.after_actor, self.in_scope = self.after_actor.reshape(-1, 4), self.in_scope.reshape(-1, 4)
        self.first_class = self.hashed(first + SALT[81])
        self.imperative = self.hashed(SALT[84:85])

    def _classes(self, code: U64, axes: int) -> Rows:
        """Look up features of classes; zeros for words without class, on the first `axes` axes."""
        rows = self.hashed(code)
        for axis in range(axes):
            np.moveaxis(rows, axis, 0)[0] = 0
        return rows


def _sum_weights(weights: WeightTable, t: Tokens, s: Structure, passages: int) -> tuple[Floats, Floats]:
    """Count features and sum their weights for each label, float64 (4, clauses) and (4, passages).

    The first are the sums within clauses, the second those of features that span clauses of a passage.
    """
    parts = [*_words(weights, t, s), *_classes(weights, s), *_openings(weights, t, s)]
    where, rows = (np.concatenate(column) for column in zip(*parts, strict=True))
    sums = np.array([np.bincount(where, lane, len(s.begin) + passages) for lane in rows.T], np.float64)
    return sums[:, : len(s.begin)], sums[:, len(s.begin) :]


def _cross_clause_index(s: Structure, token: Ints) -> Ints:
    """Index of each passage's cross-clause accumulator, stored after the per-clause ones."""
    return s.row.take(token) + len(s.begin)


def _words(weights: WeightTable, t: Tokens, s: Structure) -> Iterator[Addends]:
    """Yield the sums of words and stems, their n-grams, and both with their actor and in the scope of a cue."""
    by_word = weights.by_word(t.columns)
    place = t.number * _COLUMNS
    total = by_word.take(place + _ITSELF, axis=0)  # per token, within its clause
    for salt, column, gap in ((2, t.word, 1), (5, t.stem, 1), (6, t.stem, 2)):
        code = column[:-gap] * FACTOR[0] + column[gap:] * FACTOR[1] + SALT[salt]
        inside = s.clause[:-gap] == s.clause[gap:]
        total[:-gap] += weights.hashed(code, inside)
        across = np.flatnonzero(~inside & (s.row[:-gap] == s.row[gap:]))
        yield _cross_clause_index(s, across), weights.hashed(code.take(across))

    actor = actors(s)
    acting = ACTOR_NUMBER.take(s.kind.take(actor)) * (actor >= 0)
    inside = acting * (s.clause.take(actor) == s.clause)
    total += by_word.take(place + _AFTER_ACTOR + inside, axis=0)
    total += weights.after_actor.take(inside * _CLASSES + s.kind, axis=0)
    across = np.flatnonzero(acting != inside)
    acting = acting.take(across)
    rows = by_word.take(place.take(across) + _AFTER_ACTOR + acting, axis=0)
    yield (
        _cross_clause_index(s, across),
        rows + weights.after_actor.take(acting * _CLASSES + s.kind.take(across), axis=0),
    )

    _, here, cue_type = scopes(s)
    rows = by_word.take(place.take(here) + _IN_SCOPE + cue_type, axis=0)
    rows += weights.in_scope.take(cue_type * _CLASSES + s.kind.take(here), axis=0)
    yield s.clause.take(here), rows
    yield s.clause, total


def _classes(weights: WeightTable, s: Structure) -> Iterator[Addends]:
    """Yield the sums of n-grams of up to four classes, skipping words without class, and of pairs within a clause."""
    classed = np.flatnonzero(s.kind)
    kind, clause, row = (np.append(column.take(classed), [-1, -1, -1]) for column in (s.kind, s.clause, s.row))
    n = len(classed)
    one, two, three = kind[:n], kind[1 : n + 1], kind[2 : n + 2]
    in_two, in_three = clause[:n] == clause[1 : n + 1], clause[:n] == clause[2 : n + 2]
    yield clause[:n], weights.sequence.take((one * _CLASSES + two * in_two) * _CLASSES + three * in_three, axis=0)
    across = np.flatnonzero(~in_two & (row[:n] == row[1 : n + 1]))
    yield (
        _cross_clause_index(s, classed.take(across)),
        weights.pair_across.take(one[across] * _CLASSES + two[across], axis=0),
    )
    across = np.flatnonzero(~in_three & (row[:n] == row[2 : n + 2]))
    place = (one[across] * _CLASSES + two[across]) * _CLASSES + three[across]
    yield _cross_clause_index(s, classed.take(across)), weights.triple_across.take(place, axis=0)
    four = np.flatnonzero(row[:n] == row[3:])
    code = np.full(len(four), SALT[64])
    for gap, factor in enumerate(FACTOR[:4]):
        code += CLASS_HASH.take(kind.take(four + gap)) * factor
    inside = clause.take(four) == clause.take(four + 3)
    code += ~inside * ACROSS_HASH
    where = np.where(inside, clause.take(four), _cross_clause_index(s, classed.take(four)))
    yield where, weights.hashed(code)
    first, second, shifters = pairs(s)
    place = (s.kind.take(first) * _CLASSES + s.kind.take(second)) * _SHIFTER_SETS + shifters
    yield s.clause.take(first), weights.pair.take(place, axis=0)


def _openings(weights: WeightTable, t: Tokens, s: Structure) -> Iterator[Addends]:
    """Yield the sums of the first words of a passage, and of the classes of one that opens with an imperative."""
    first = s.first
    rows = weights.by_word(t.columns).take(t.number.take(first) * _COLUMNS + _FIRST_WORD, axis=0)
    yield s.clause.take(first), rows + weights.first_class.take(s.kind.take(first), axis=0)
    first = first[s.stop - first > 1]
    code = t.columns.stem.take(t.number.take(first)) * FACTOR[0]
    code += CLASS_HASH.take(s.kind.take(first + 1)) * FACTOR[1] + SALT[82]
    inside = s.clause.take(first) == s.clause.take(first + 1)
    yield np.where(inside, s.clause.take(first), _cross_clause_index(s, first)), weights.hashed(code)
    head, stop = imperatives(t, s)
    yield s.clause.take(head), weights.imperative.repeat(len(head), axis=0)
    _, here = concat_ranges(head, stop)
    yield s.clause.take(here), weights.imperative_class.take(s.kind.take(here), axis=0)
