"""Adapt the heads in use to a user's rows: choose the penalty, move them, calibrate, compare."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from tipclassify.arrays import Bools, Floats, logistic
from tipclassify.evaluation.bootstrap import ModelComparison, compare
from tipclassify.model.encoder.files import EncoderModel
from tipclassify.model.encoder.scoring import EncoderScorer
from tipclassify.progress import Progress
from tipclassify.training.calibration import Recalibrated, recalibrate
from tipclassify.training.examples import Examples, group_folds
from tipclassify.training.fit_corpus import compare_heads_on_fixed
from tipclassify.training.fit_heads import (
    HeadSettings,
    Prior,
    fit_heads,
    out_of_fold_logits,
    pooled_vectors_to_fit_heads,
)
from tipclassify.training.fit_penalty import (
    ELSEWHERE,
    MOST_LOST,
    PenaltyChoice,
    choose_penalty,
    labels_given_by_fitted_heads,
    measure_on_fixed,
)
from tipclassify.training.fixed_set import FixedComparison, FixedSet
from tipclassify.training.training_files import (
    read_second_moment,
    read_unlearned_fixed_set,
    training_files_with_learned_texts,
)

__all__ = ["AdaptedHeads", "adapt_to_own"]

# examples of the user's that choose the penalty: of twice as many and more, a sample
_MANY: Final = 5_000
# macro-F1 on the fixed set, beside what the penalty may cost
_MOST_LOST_BY_CALIBRATION: Final = MOST_LOST / 2
_KEPT: Final = "kept: what a refit on your rows gains there it loses on the fixed set"


@dataclass(frozen=True)
class AdaptedHeads:
    """Heads that learned a user's rows, in a model ready to score, and the evidence for them."""

    model: EncoderModel
    own: Examples
    raw: Floats  # (rows, 3), uncalibrated logits of the user's rows, out of fold
    penalty: PenaltyChoice
    calibration: str
    on_own: ModelComparison
    fixed: FixedComparison | None
    adapted_from: str  # hash of the model it started from

    @property
    def scores(self) -> Floats:
        """Out-of-fold probabilities of the user's rows, (rows, 3)."""
        return logistic(self.raw * self.model.scale + self.model.shift)


def adapt_to_own(
    scorer: EncoderScorer, own: Examples, settings: HeadSettings, progress: Progress | None = None
) -> AdaptedHeads:
    """Move the heads in use towards the user's examples, by a penalty given or chosen.

    The out-of-fold logits, calibration and comparison are of the rows with their headings.
    """
    model = scorer.model
    pooled = pooled_vectors_to_fit_heads(
        scorer, own.texts, own.headings, cache=settings.cache, progress=progress
    )
    fold = group_folds(own.groups, settings.folds, settings.seed)
    prior = Prior(model.heads, read_second_moment(model))
    fixed = read_unlearned_fixed_set(model, own)
    if settings.penalty is None:
        some = _sample_groups_for_penalty(own)
        choice = choose_penalty(prior, model, own.take(some), pooled[some], fold[some], fixed)
    else:
        choice = PenaltyChoice(settings.penalty, "as given")

    raw = out_of_fold_logits(prior, pooled, own.y_true, own.weights, fold, choice.penalty)
    heads = fit_heads(prior, pooled, own.y_true, own.weights, choice.penalty)
    moved = replace(model, heads=heads)

    first = own.first
    y_true = own.y_true[first]
    groups = own.groups[first]
    raw = raw[first]
    refit = recalibrate(raw, y_true, groups, fold[first], model.scale, model.shift)
    if not _recalibration_pays(refit, moved, fixed):
        refit = replace(refit, scale=model.scale, shift=model.shift, sentence=_KEPT)
    adapted = replace(
        moved,
        scale=refit.scale,
        shift=refit.shift,
        training_files=training_files_with_learned_texts(model, own.texts),
    )
    before = labels_given_by_fitted_heads(model.heads.logits(pooled[first]), model)
    after = labels_given_by_fitted_heads(raw, adapted)
    comparison = None
    if fixed is not None:
        chose_penalty = settings.penalty is None
        comparison = replace(
            compare_heads_on_fixed(fixed, adapted, model, settings.seed),
            chose_penalty=chose_penalty,
        )
    return AdaptedHeads(
        model=adapted,
        own=own,
        raw=raw,
        penalty=choice,
        calibration=refit.sentence,
        on_own=compare(y_true, after, before, groups, seed=settings.seed),
        fixed=comparison,
        adapted_from=str(model.meta["sha256"]),
    )


def _sample_groups_for_penalty(own: Examples) -> Bools:
    """Choose whole groups of about 5,000 examples, bool (n,): enough to choose a penalty."""
    parts = max(1, len(own) // _MANY)
    _, number = np.unique(own.groups, return_inverse=True)
    chosen = np.asarray(number % parts == 0)
    return chosen if len(np.unique(number[chosen])) > 1 else np.ones(len(own), bool)


def _recalibration_pays(refit: Recalibrated, moved: EncoderModel, fixed: FixedSet | None) -> bool:
    """Whether a refitted calibration gains more on the user's rows than it loses on the fixed set.

    The fixed set weighs `ELSEWHERE` times as much, and may lose little macro-F1.
    """
    if fixed is None or refit.fall == 0:
        return True
    recalibrated = replace(moved, scale=refit.scale, shift=refit.shift)
    before = measure_on_fixed(fixed, moved.heads, moved)
    after = measure_on_fixed(fixed, moved.heads, recalibrated)
    rise = after.loss - before.loss
    lost = before.macro_f1_real - after.macro_f1_real
    # Written so that an undefined figure, NaN, forbids nothing.
    gains_enough = not refit.fall < ELSEWHERE * rise
    costs_little = not lost > _MOST_LOST_BY_CALIBRATION
    return gains_enough and costs_little
