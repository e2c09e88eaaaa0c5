"""Train the linear model: on labelled rows, and on a teacher's probabilities of unlabelled ones."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np

from tipclassify.arrays import Bools
from tipclassify.corpus.holdout import TAUGHT, held_out, is_real, pack_taught
from tipclassify.corpus.rows import Row, passage_of_row
from tipclassify.errors import ModelError
from tipclassify.model.classifier import Classifier
from tipclassify.model.linear import write_linear_model
from tipclassify.progress import Progress
from tipclassify.training.evidence import (
    HELD_OUT_RULE,
    OUT_OF_FOLD,
    HeldOut,
    judge_trained_model,
    meta_of_trained_model,
)
from tipclassify.training.examples import (
    Examples,
    TrainingSplit,
    training_examples_of_rows,
)
from tipclassify.training.fit_linear import FittedLinear, LinearSettings, fit_linear
from tipclassify.training.fixed_set import (
    FixedComparison,
    choose_fixed,
    compare_on_fixed,
    fixed_rows,
    fixed_set_key_of_row,
)
from tipclassify.training.model_card import CardFacts, describe_training_corpus
from tipclassify.training.sample_weights import SampleWeights, weigh_real_rows
from tipclassify.training.trained import FolderAdditions, Trained

__all__ = [
    "LearnedLinear",
    "compare_linear",
    "fit_and_write_linear_model",
    "write_trained_linear",
]

_MIN_REAL: Final = 500  # held-out real passages needed to calibrate on them, and not out of fold


def fit_and_write_linear_model(
    rows: Sequence[Row],
    out: str | os.PathLike[str],
    *,
    own: int = 0,
    settings: LinearSettings | None = None,
    teacher: str = "",
    measured: Sequence[Row] = (),
    progress: Progress | None = None,
) -> Trained:
    """Fit the linear model, evaluate it on what is held out, and write its folder.

    The last `own` of `rows` are the user's, and are not held out. `measured` are rows with words
    of which the held-out ones are the fixed set; by default `rows` themselves. `teacher` is the
    model whose probabilities the soft passages have, for the card. Errors are those of
    `fit_linear`.
    """
    settings = settings or LinearSettings()
    examples = training_examples_of_rows(rows)
    holdout = _hold_out_linear_rows(rows, own)
    split = holdout.split
    held = split.held
    learned = examples.weighted(np.where(held[examples.row], 0.0, examples.weights))
    fitted = fit_linear(
        learned,
        settings,
        held=_calibrating_examples(split, examples),
        held_weights=holdout.weights.calibration,
        progress=progress,
    )
    fixed = compare_linear(
        Classifier(fitted.model), measured or rows, split.training_rows, settings.seed
    )
    calibrated_on = "the real passages held out" if held.any() else "these rows, out of fold"
    facts = CardFacts(
        name="fast" if not own else "the linear model, of your rows",
        corpus=describe_training_corpus(rows, int(held.sum()), own=own),
        held_out=f"the rows held out: {HELD_OUT_RULE}" if held.any() else OUT_OF_FOLD,
        calibration=f"fitted on {calibrated_on}",
        start="It started from nothing.",
        soft=len(settings.soft),
        teacher=teacher,
        fixed=fixed if own else None,
    )
    learning = LearnedLinear(fitted, [row["text"] for row in split.training_rows], settings.seed)
    evidence = _evidence_of_linear_model(holdout, examples, fitted)
    return replace(write_trained_linear(out, learning, evidence, facts), fixed=fixed)


@dataclass(frozen=True)
class LearnedLinear:
    """A fitted linear model, and what it was fitted on."""

    fitted: FittedLinear
    texts: Sequence[str]
    seed: int


def write_trained_linear(
    out: str | os.PathLike[str],
    learned: LearnedLinear,
    held: HeldOut,
    facts: CardFacts,
    additions: FolderAdditions | None = None,
) -> Trained:
    """Evaluate a linear model on what was held out, and write its folder."""
    additions = additions or FolderAdditions()
    model = learned.fitted.model
    evidence = judge_trained_model(Classifier(model), held, facts, learned.seed)
    settings = {"seed": learned.seed, "soft": facts.soft}
    meta = meta_of_trained_model({**evidence.figures, "settings": settings, **additions.values})
    files: dict[str, str | bytes] = {**evidence.files, TAUGHT: pack_taught(learned.texts)}
    write_linear_model(replace(model, meta=meta), out, {**files, **additions.files})
    return Trained(Path(out), evidence.parts, fixed=facts.fixed, calibration=facts.calibration)


def compare_linear(
    classifier: Classifier, measured: Sequence[Row], learned: Sequence[Row], seed: int = 0
) -> FixedComparison | None:
    """Compare a linear model with the shipped one on the fixed set of `measured`.

    Rows among those `learned` are left out. None where nothing is left, and, with a warning,
    where the shipped one cannot be read: while its features change, it is of others.
    """
    known = {fixed_set_key_of_row(row) for row in learned}
    chosen = [measured[i] for i in fixed_rows(measured)]
    rows = [row for row in chosen if fixed_set_key_of_row(row) not in known]
    if not rows:
        return None
    try:
        shipped = Classifier.load("fast")
    except ModelError as error:
        warnings.warn(f"not compared with the shipped model: {error}", stacklevel=2)
        return None
    passages = [passage_of_row(row) for row in rows]
    fixed = choose_fixed(rows, np.zeros((len(rows), 0), np.float32))
    return compare_on_fixed(fixed, classifier.predict(passages), shipped.predict(passages), seed)


@dataclass(frozen=True)
class _LinearHoldout:
    """Rows, those of them held out, and the sample weights of the held-out real ones."""

    split: TrainingSplit
    weights: SampleWeights = field(default_factory=SampleWeights)


def _hold_out_linear_rows(rows: Sequence[Row], own: int) -> _LinearHoldout:
    """Hold rows out, none of a small corpus, and weight the real ones to whole reports."""
    held = held_out(rows)
    held[len(rows) - own :] = False
    real = held & np.array([is_real(row) for row in rows])
    if real.sum() < _MIN_REAL:
        return _LinearHoldout(TrainingSplit(rows, np.zeros(len(rows), bool)))
    split = TrainingSplit(rows, held)
    return _LinearHoldout(split, weigh_real_rows(split.held_rows))


def _calibrating_examples(split: TrainingSplit, examples: Examples) -> Bools | None:
    """Return the mask of the examples that calibrate: held-out real ones, with their headings.

    None where nothing is held out: then all calibrate, out of fold.
    """
    if not split.held.any():
        return None
    real = split.held & np.array([is_real(row) for row in split.rows])
    mask = np.zeros(len(examples), bool)
    mask[examples.first[real]] = True
    return mask


def _evidence_of_linear_model(
    holdout: _LinearHoldout, examples: Examples, fitted: FittedLinear
) -> HeldOut:
    """Return what measures the model: the held-out rows, or else all, out of fold."""
    calibrated = fitted.calibrated
    split = holdout.split
    if split.held.any():
        rows = split.held_rows
        scores = Classifier(fitted.model).predict_proba([passage_of_row(row) for row in rows])
        return HeldOut(rows, scores, calibrated, holdout.weights.reports)
    first = examples.first
    y_pred = {policy: labels[first] for policy, labels in calibrated.y_pred.items()}
    calibrated = replace(calibrated, scores=calibrated.scores[first], y_pred=y_pred)
    return HeldOut(split.rows, calibrated.scores, calibrated)
