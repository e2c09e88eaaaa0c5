"""Fit the heads of the default on a corpus, and calibrate them on what is held out of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from tipclassify.arrays import Floats, logistic
from tipclassify.corpus.holdout import held_out, is_real
from tipclassify.corpus.rows import Row
from tipclassify.model.encoder.files import EncoderModel
from tipclassify.model.encoder.scoring import EncoderScorer
from tipclassify.progress import Progress
from tipclassify.training.calibration import Calibrated, calibrate
from tipclassify.training.evidence import HeldOut
from tipclassify.training.examples import (
    Examples,
    TrainingSplit,
    Vectors,
    group_folds,
    label_matrix_for_training,
    training_examples_of_rows,
    training_groups_by_country,
)
from tipclassify.training.fit_drops import fit_drop_weights
from tipclassify.training.fit_heads import (
    HeadSettings,
    Prior,
    fit_heads,
    pooled_vectors_to_fit_heads,
    second_moment,
)
from tipclassify.training.fit_penalty import labels_given_by_fitted_heads
from tipclassify.training.fixed_set import (
    FixedComparison,
    FixedSet,
    choose_fixed,
    compare_on_fixed,
    fixed_rows,
)
from tipclassify.training.sample_weights import SampleWeights, weigh_real_rows
from tipclassify.training.training_files import pack_training_files

__all__ = [
    "CorpusHeads",
    "calibrate_on_real",
    "compare_heads_on_fixed",
    "fit_on_corpus",
    "with_calibration",
]

# Euclidean, of the whole corpus: it hardly matters beside 70,000 rows
_PENALTY: Final = 100.0
_MIN_REAL: Final = 500  # held-out real passages needed to refit calibration and thresholds
_PAIR_WEIGHT: Final = 2.0  # sample weight of an invented row of a pair, as in the fine-tuning


@dataclass(frozen=True)
class CorpusHeads:
    """Heads fitted on a corpus, in a model ready to score, and what was held out of it."""

    model: EncoderModel
    split: TrainingSplit
    held_pooled: Vectors  # of the held-out rows, under their headings
    calibrated: Calibrated | None  # None: too few real rows, so that the calibration was kept
    weights: SampleWeights  # of the held-out real rows
    fixed: FixedComparison

    def held_scores(self, model: EncoderModel) -> Floats:
        """Return the probabilities that a model on the same encoder gives the held-out rows."""
        raw = model.heads.logits(self.held_pooled)
        return logistic(raw * model.scale + model.shift)

    def held_out(self) -> HeldOut:
        """Return what measures these heads."""
        scores = self.held_scores(self.model)
        return HeldOut(self.split.held_rows, scores, self.calibrated, self.weights.reports)


def fit_on_corpus(
    scorer: EncoderScorer,
    corpus: Sequence[Row],
    settings: HeadSettings,
    progress: Progress | None = None,
) -> CorpusHeads:
    """Fit heads from those of the fine-tuning, and calibrate them on the held-out real rows.

    Their model has a new fixed set, second moment and keys of what it learned, for later
    trainings, and the weights by which phrases are chosen for reasons.
    """
    model = scorer.model
    split = TrainingSplit(corpus, held_out(corpus))
    examples = training_examples_of_rows(corpus)
    pooled = pooled_vectors_to_fit_heads(
        scorer, examples.texts, examples.headings, cache=settings.cache, progress=progress
    )
    learned = ~split.held[examples.row]
    heads = fit_heads(
        Prior(model.finetuned_heads),
        pooled[learned],
        examples.y_true[learned],
        _weigh_invented_pairs(corpus, examples)[learned],
        _PENALTY,
    )

    with_headings = pooled[examples.first]
    held_pooled = with_headings[split.held]
    weights = weigh_real_rows(split.held_rows)
    calibrated = calibrate_on_real(
        split.held_rows, heads.logits(held_pooled), weights.calibration, settings.seed
    )
    fitted = with_calibration(replace(model, heads=heads), calibrated)

    chosen = fixed_rows(corpus)
    fixed = choose_fixed([corpus[i] for i in chosen], with_headings[chosen])
    learned_texts = [row["text"] for row in split.training_rows]
    files = pack_training_files(fixed, second_moment(pooled[learned]), learned_texts, model)
    drop_weights = fit_drop_weights(fitted, split.training_rows)
    return CorpusHeads(
        model=replace(fitted, drop_weights=drop_weights, training_files=files),
        split=split,
        held_pooled=held_pooled,
        calibrated=calibrated,
        weights=weights,
        fixed=compare_heads_on_fixed(fixed, fitted, model, settings.seed),
    )


def _weigh_invented_pairs(corpus: Sequence[Row], examples: Examples) -> Floats:
    """Weight the examples, float (n,): those of invented pairs more."""
    paired = np.array([bool(row.get("pair")) and not is_real(row) for row in corpus])
    return np.where(paired[examples.row], _PAIR_WEIGHT * examples.weights, examples.weights)


def calibrate_on_real(
    rows: Sequence[Row], raw: Floats, weights: Floats | None, seed: int
) -> Calibrated | None:
    """Calibrate on the real ones among held-out rows; None where they are too few.

    `raw`, (n, 3), are uncalibrated logits of all rows, `weights` those of the real ones.
    """
    real = np.array([is_real(row) for row in rows], bool)
    if real.sum() < _MIN_REAL:
        return None
    fold = group_folds(training_groups_by_country(rows)[real], 5, seed)
    return calibrate(raw[real], label_matrix_for_training(rows)[real], fold, weights)


def with_calibration(model: EncoderModel, calibrated: Calibrated | None) -> EncoderModel:
    """Return a model with another calibration and its thresholds; with its own for None."""
    if calibrated is None:
        return model
    return replace(
        model,
        scale=calibrated.scale,
        shift=calibrated.shift,
        thresholds=calibrated.thresholds,
    )


def compare_heads_on_fixed(
    fixed: FixedSet, after: EncoderModel, before: EncoderModel, seed: int
) -> FixedComparison:
    """Compare two sets of heads on the same encoder, by the fixed set."""
    y_after = labels_given_by_fitted_heads(after.heads.logits(fixed.pooled), after)
    y_before = labels_given_by_fitted_heads(before.heads.logits(fixed.pooled), before)
    return compare_on_fixed(fixed, y_after, y_before, seed)
