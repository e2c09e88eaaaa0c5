"""Train the linear model: on labelled rows, and on a teacher's probabilities of unlabelled ones."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from tipclassify.arrays import Bools, Floats, logistic
from tipclassify.corpus.holdout import held_out, is_real
from tipclassify.corpus.loading import Row
from tipclassify.corpus.taught import TAUGHT, pack_taught
from tipclassify.evaluation.behaviour_tests import row_passage
from tipclassify.model.classifier import Classifier
from tipclassify.model.encoder.folder import EncoderModel
from tipclassify.model.encoder.scoring import EncoderScorer
from tipclassify.model.linear.model import write_model
from tipclassify.progress import Progress
from tipclassify.training.evidence import (
    CardFacts,
    HeldOut,
    describe_corpus,
    judge_model,
    model_meta,
)
from tipclassify.training.examples import Examples, expand_rows, headings_of
from tipclassify.training.fit_linear import (
    Fitted,
    LinearSettings,
    SoftPassage,
    fit_linear,
)
from tipclassify.training.fixed_set import (
    FixedComparison,
    choose_fixed,
    compare_on_fixed,
    fixed_rows,
    row_digest,
)
from tipclassify.training.train_heads import Trained, calibration_weights, report_weights

__all__ = ["Teaching", "compare_linear", "train_fast", "write_linear"]

_MIN_REAL: Final = 500  # held-out real passages needed to calibrate on them, and not out of fold


@dataclass(frozen=True)
class Teaching:
    """What the default brings to the training of the linear model."""

    soft: Sequence[SoftPassage] = ()  # unlabelled passages with its probabilities
    teacher: str = ""  # whose they are, for the card
    vocabulary: frozenset[str] | None = None  # known words; those of the rows if omitted
    weighting_model: EncoderModel | None = None  # weights held-out passages to whole reports


def train_fast(
    rows: Sequence[Row],
    out: str | os.PathLike[str],
    *,
    own: int = 0,
    teaching: Teaching | None = None,
    measured: Sequence[Row] = (),
    seed: int = 0,
    jobs: int = 1,
    progress: Progress | None = None,
) -> Trained:
    """Fit the linear model, evaluate it on what is held out, and write it; errors as in
    `fit_linear`.

    The last `own` of `rows` are the user's. `measured` are rows with words of which the held-out
    ones are the fixed set; by default `rows` themselves.
    """
    teaching = teaching or Teaching()
    examples = expand_rows(rows)
    split = _hold_out(rows, own, teaching)
    held = split.held
    calibrating = None
    if held.any():
        real = held & np.array([is_real(row) for row in rows])
        calibrating = np.zeros(len(examples), bool)
        calibrating[examples.first[real]] = True
    taught = examples.weighted(np.where(held[examples.row], 0.0, examples.weights))
    settings = LinearSettings(
        soft=teaching.soft, vocabulary=teaching.vocabulary, seed=seed, jobs=jobs
    )
    fitted = fit_linear(
        taught,
        settings,
        held=calibrating,
        held_weights=split.calibration_weights,
        progress=progress,
    )
    evidence = _evidence(rows, held, examples, fitted, split.report_weights)
    fixed = compare_linear(
        Classifier(fitted.model),
        measured or rows,
        [row for row, out in zip(rows, held, strict=True) if not out],
        seed,
    )
    facts = CardFacts(
        name="fast" if not own else "the linear model, of your rows",
        corpus=describe_corpus(rows, held, own=own),
        held_out=_measured_on(held),
        calibration="fitted on the real passages held out"
        if held.any()
        else "fitted on these rows, out of fold",
        start="It started from nothing.",
        soft=len(teaching.soft),
        teacher=teaching.teacher,
        fixed=fixed if own else None,
    )
    texts = [row["text"] for row, out in zip(rows, held, strict=True) if not out]
    trained = write_linear(out, fitted, evidence, facts, texts, seed)
    return replace(trained, fixed=fixed)


def write_linear(
    out: str | os.PathLike[str],
    fitted: Fitted,
    evidence: HeldOut,
    facts: CardFacts,
    texts: Sequence[str],
    seed: int,
    extra: Mapping[str, object] | None = None,
    files: Mapping[str, str] | None = None,
) -> Trained:
    """Evaluate a linear model and write its folder; `texts` are those that taught it."""
    judged = judge_model(Classifier(fitted.model), evidence, facts, seed)
    settings = {"seed": seed, "soft": facts.soft}
    meta = model_meta(**{**judged.figures, "settings": settings, **(extra or {})})
    written: dict[str, str | bytes] = {**judged.files, TAUGHT: pack_taught(texts), **(files or {})}
    write_model(replace(fitted.model, meta=meta), out, written)
    return Trained(Path(out), judged.parts, fixed=facts.fixed, calibration=facts.calibration)


def compare_linear(
    classifier: Classifier, measured: Sequence[Row], taught: Sequence[Row], seed: int = 0
) -> FixedComparison | None:
    """Compare a linear model with the shipped one on the fixed set of `measured`, whose words are
    here.

    Rows among those `taught` are left out. None where nothing is left.
    """
    known = {row_digest(row) for row in taught}
    chosen = [measured[i] for i in fixed_rows(measured)]
    rows = [row for row in chosen if row_digest(row) not in known]
    if not rows:
        return None
    passages = [row_passage(row) for row in rows]
    fixed = choose_fixed(rows, np.zeros((len(rows), 0), np.float32))
    shipped = Classifier.load("fast")
    return compare_on_fixed(fixed, classifier.predict(passages), shipped.predict(passages), seed)


@dataclass(frozen=True)
class _Split:
    """The held-out rows, bool (rows,), and the sample weights of the real ones, to calibrate and
    to measure by."""

    held: Bools
    calibration_weights: Floats | None = None
    report_weights: Floats | None = None


def _hold_out(rows: Sequence[Row], own: int, teaching: Teaching) -> _Split:
    """Hold rows out, none of a small corpus, and weight the real ones."""
    held = held_out(rows)
    held[len(rows) - own :] = False
    real = held & np.array([is_real(row) for row in rows])
    if real.sum() < _MIN_REAL:
        return _Split(np.zeros(len(rows), bool))
    if teaching.weighting_model is None:
        return _Split(held)
    plain = EncoderScorer(teaching.weighting_model.as_finetuned())
    passages = [row for row, chosen in zip(rows, real, strict=True) if chosen]
    texts = [row["text"] for row in passages]
    strata = logistic(plain.logits(texts, headings_of(passages)))
    meta = teaching.weighting_model.meta
    return _Split(
        held, calibration_weights(passages, strata, meta), report_weights(passages, strata, meta)
    )


def _evidence(
    rows: Sequence[Row],
    held: Bools,
    examples: Examples,
    fitted: Fitted,
    weights: Floats | None,
) -> HeldOut:
    """Return the rows that taught nothing with their scores: held out, or else all, out of fold."""
    calibrated = fitted.calibrated
    if held.any():
        kept = [row for row, out in zip(rows, held, strict=True) if out]
        scores = Classifier(fitted.model).predict_proba([row_passage(row) for row in kept])
        return HeldOut(kept, scores, calibrated, weights)
    first = examples.first
    y_pred = {policy: labels[first] for policy, labels in calibrated.y_pred.items()}
    calibrated = replace(calibrated, scores=calibrated.scores[first], y_pred=y_pred)
    return HeldOut(rows, calibrated.scores, calibrated)


def _measured_on(held: Bools) -> str:
    if held.any():
        return (
            "the rows held out: one country in ten of real reports, one group in ten of the others"
        )
    return "these rows, each judged by a model that did not see its group"
