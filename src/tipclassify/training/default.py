"""Train the default: heads on a frozen encoder, from the corpus, from a user's rows, or from both.

| step | where |
| --- | --- |
| rows to examples | `examples.make_examples` |
| examples to vectors, and vectors to heads | `heads` |
| first from the corpus, with its held-out rows | `_fit_corpus` |
| then towards the user's rows, by a chosen penalty | `adapt`, `penalty` |
| from the corpus too: which phrases reasons mask | `reasons` |
| what a probability means | `calibration` |
| how good the heads are, and at what cost elsewhere | `measure`, `fixed_set` |
| the folder, with its card | `write` |
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from pathlib import Path
from typing import Final

import numpy as np

from tipclassify.arrays import Bools, Floats, Vectors
from tipclassify.corpus.holdout import held_out, is_real
from tipclassify.corpus.rows import Row
from tipclassify.evaluation.bootstrap import ModelComparison, compare
from tipclassify.model.encoder.files import EncoderHeads, EncoderModel
from tipclassify.model.encoder.scoring import EncoderScorer
from tipclassify.progress import Progress
from tipclassify.training.calibration import MIN_REAL, Calibrated, calibrate
from tipclassify.training.examples import (
    Examples,
    calibration_weights,
    country_groups,
    group_folds,
    label_matrix,
    make_examples,
    report_weights,
)
from tipclassify.training.fixed_set import (
    FixedComparison,
    FixedSet,
    add_taught,
    fixed_rows,
    pack_training_files,
    read_second_moment,
    unlearned_fixed_set,
)
from tipclassify.training.heads import (
    Prior,
    balanced_labels,
    fit_heads,
    load_encoder,
    out_of_fold_logits,
    pooled_vectors,
    probabilities,
    second_moment,
)
from tipclassify.training.measure import fixed_error_table
from tipclassify.training.penalty import PenaltyChoice, choose_penalty
from tipclassify.training.reasons import fit_drop_weights
from tipclassify.training.write import HELD_OUT_RULE, Trained, count_corpus, save

# Euclidean, of the whole corpus: it hardly matters beside 70,000 rows
_PENALTY: Final = 100.0
_PAIR_WEIGHT: Final = 2.0  # sample weight of an invented row of a pair, as in the fine-tuning
FOLDS: Final = 5
"""Folds of cross-validation on the user's rows."""

# what ``model.json`` says of the encoder, and later heads on it keep
_OF_ENCODER: Final = ("base", "training", "weight_bits")


@dataclass(frozen=True)
class Heads:
    """Heads that moved towards a user's examples, in a model ready to score, and the evidence."""

    model: EncoderModel
    own: Examples
    raw: Floats  # (rows, labels), uncalibrated logits of the user's rows, out of fold
    penalty: PenaltyChoice
    on_own: ModelComparison  # beside the heads before, on the user's rows
    fixed: FixedComparison | None  # beside the heads before, on the fixed set

    @property
    def scores(self) -> Floats:
        """Out-of-fold probabilities of the user's rows, (rows, labels)."""
        return probabilities(self.model, self.raw)


def train_default(
    corpus: Sequence[Row],
    own: Sequence[Row],
    out: str | os.PathLike[str],
    *,
    start: str | os.PathLike[str] | None = None,
    penalty: float | None = None,
    seed: int = 0,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> Trained:
    """Fit the heads of the default on the corpus, then on the user's rows, and write the model.

    `start` is the model with the frozen encoder and the heads in use, the shipped default if
    omitted. With a `corpus` the heads are first fitted on it, from those of the fine-tuning. The
    user's rows, `own`, then move them, held close by a `penalty`, which cross-validation chooses if
    omitted. The folder `cache` keeps pooled vectors between trainings. Raises
    `ModelError` when `start` is no encoder, `ValueError` when no row has a label, or too few can be
    held out.
    """
    scorer = load_encoder(start)
    if not any(row["labels"] for row in (*corpus, *own)):
        raise ValueError("no passage has a label: nothing to learn; label some")

    def move_to_own(scorer: EncoderScorer) -> Heads:
        return adapt(
            scorer,
            make_examples(own),
            penalty=penalty,
            seed=seed,
            cache=cache,
            progress=progress,
        )

    if not corpus:
        return save_adapted(out, move_to_own(scorer), own, seed=seed)

    before = scorer.model
    held = held_out(corpus)
    held_rows = list(compress(corpus, held))
    examples = make_examples(corpus)
    pooled = pooled_vectors(
        scorer, examples.texts, examples.headings, cache=cache, progress=progress
    )
    held_pooled = pooled[examples.first][held]
    heads = _fit_corpus(before, corpus, held, examples, pooled)
    raw = heads.logits(held_pooled)
    calibrated = calibrate_real(held_rows, raw, seed)
    fitted = with_calibration(replace(before, heads=heads), calibrated)
    chosen = fixed_rows(held_rows)
    fixed = FixedSet.of([held_rows[i] for i in chosen], held_pooled[chosen])
    learned_rows = list(compress(corpus, ~held))
    learned_texts = [row["text"] for row in learned_rows]
    moment = second_moment(pooled[~held[examples.row]])
    model = replace(
        fitted,
        drop_weights=fit_drop_weights(fitted, learned_rows),
        training_files=pack_training_files(fixed, moment, learned_texts, before),
    )
    if own:
        adapted = move_to_own(EncoderScorer(model))
        scores = probabilities(adapted.model, adapted.model.heads.logits(held_pooled))
        trained = save(
            out,
            adapted.model,
            held_rows,
            scores,
            name="the default, adapted",
            corpus=count_corpus([*corpus, *own], held_out=len(held_rows), own=len(own)),
            held_out=f"the rows held out of the corpus: {HELD_OUT_RULE}",
            start="They were first fitted on the corpus, from those of the fine-tuning, "
            "then on the user's rows.",
            calibration="kept, since too few real passages were held out"
            if calibrated is None
            else "fitted on the held-out real passages, by the heads before your rows moved them",
            meta=_adapted_meta(adapted, {"seed": seed, "folds": FOLDS}),
            weights=report_weights(held_rows),
            penalty=adapted.penalty,
            fixed=adapted.fixed,
            seed=seed,
        )
        return replace(trained, on_own=adapted.on_own)

    # The hash of the encoder's own training stays, so that a second run writes the same bytes.
    kept = (*_OF_ENCODER, "adapted_from")
    meta = {key: before.meta[key] for key in kept if key in before.meta}
    meta.setdefault("adapted_from", str(before.meta["sha256"]))
    start = "They started from those of the fine-tuning and were fitted on the corpus."
    trained = save_of_corpus(
        out, model, corpus, held_rows, raw, calibrated, start=start, meta=meta, seed=seed
    )
    # The comparison with the model before is no part of the folder: a second run has the same
    # bytes.
    return replace(trained, fixed=compare_heads(fixed, fitted, before, seed))


def adapt(
    scorer: EncoderScorer,
    own: Examples,
    *,
    penalty: float | None = None,
    folds: int = FOLDS,
    seed: int = 0,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> Heads:
    """Move the heads in use towards the user's examples, by a penalty given or chosen.

    The out-of-fold logits and the comparison are of the rows with their headings. Calibration and
    thresholds stay.
    """
    model = scorer.model
    pooled = pooled_vectors(scorer, own.texts, own.headings, cache=cache, progress=progress)
    fold = group_folds(own.groups, folds, seed)
    prior = Prior(model.heads, read_second_moment(model))
    fixed = unlearned_fixed_set(model, own)
    if penalty is None:
        choice = choose_penalty(prior, model, own, pooled, fold, fixed)
    else:
        choice = PenaltyChoice(penalty, "as given")

    raw = out_of_fold_logits(prior, pooled, own.y_true, own.weights, fold, choice.penalty)
    heads = fit_heads(prior, pooled, own.y_true, own.weights, choice.penalty)
    adapted = replace(model, heads=heads, training_files=add_taught(model, own.texts))

    first = own.first
    raw = raw[first]
    before = balanced_labels(model, model.heads.logits(pooled[first]))
    after = balanced_labels(adapted, raw)
    comparison = None
    if fixed is not None:
        comparison = compare_heads(fixed, adapted, model, seed)
        comparison = replace(comparison, chose_penalty=penalty is None)
    return Heads(
        model=adapted,
        own=own,
        raw=raw,
        penalty=choice,
        on_own=compare(own.y_true[first], after, before, own.groups[first], seed=seed),
        fixed=comparison,
    )


def save_adapted(
    out: str | os.PathLike[str],
    adapted: Heads,
    own: Sequence[Row],
    *,
    seed: int,
    folds: int = FOLDS,
) -> Trained:
    """Measure heads that learned the user's rows `own` on these, out of fold, and write the model."""
    model = adapted.model
    # The user's rows would not do for counts of reports, though they measure the heads: people
    # label what is hard, and an error rate of hard passages is none of whole reports. So the
    # table is of the reports of the fixed set, else that of the heads before.
    fixed = unlearned_fixed_set(model, adapted.own)
    table = (fixed_error_table(model, fixed) if fixed else None) or model.meta.get("error_table")
    meta = _adapted_meta(adapted, {"seed": seed, "folds": folds})
    if table:
        meta["error_table"] = table
    trained = save(
        out,
        model,
        own,
        adapted.scores,
        name="the default, adapted",
        corpus=count_corpus(own, own=len(own)),
        held_out="the user's rows, each judged by heads that did not see its group",
        start=f"They started from those in use of model `{str(model.meta['sha256'])[:12]}`.",
        calibration="that of the model before",
        meta=meta,
        penalty=adapted.penalty,
        fixed=adapted.fixed,
        seed=seed,
    )
    return replace(trained, on_own=adapted.on_own)


def _adapted_meta(adapted: Heads, settings: Mapping[str, object]) -> dict[str, object]:
    before = adapted.model.meta
    return {
        "adapted_from": str(before["sha256"]),
        **{key: before[key] for key in _OF_ENCODER if key in before},
        "settings": {**settings, "penalty": adapted.penalty.penalty},
    }


# ------------------------------------------------------------------------------------- their parts


def _fit_corpus(
    before: EncoderModel, corpus: Sequence[Row], held: Bools, examples: Examples, pooled: Vectors
) -> EncoderHeads:
    """Fit heads from those of the fine-tuning, on the rows that are not held out."""
    paired = np.array([bool(row.get("pair")) and not is_real(row) for row in corpus])
    weights = np.where(paired[examples.row], _PAIR_WEIGHT * examples.weights, examples.weights)
    learned = ~held[examples.row]
    return fit_heads(
        Prior(before.finetuned_heads),
        pooled[learned],
        examples.y_true[learned],
        weights[learned],
        _PENALTY,
    )


def calibrate_real(rows: Sequence[Row], raw: Floats, seed: int) -> Calibrated | None:
    """Calibrate on the real ones among held-out rows; None where they are too few.

    `raw`, (n, labels), are uncalibrated logits of all rows.
    """
    real = np.array([is_real(row) for row in rows], bool)
    if real.sum() < MIN_REAL:
        return None
    fold = group_folds(country_groups(rows)[real], 5, seed)
    return calibrate(raw[real], label_matrix(rows)[real], fold, calibration_weights(rows))


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


def _calibration_of_corpus(calibrated: Calibrated | None) -> str:
    if calibrated is None:
        return "kept, since too few real passages were held out"
    return "refitted on the real passages held out, cross-fitted by country"


def save_of_corpus(
    out: str | os.PathLike[str],
    model: EncoderModel,
    corpus: Sequence[Row],
    held_rows: Sequence[Row],
    raw: Floats,
    calibrated: Calibrated | None,
    *,
    start: str,
    meta: Mapping[str, object],
    seed: int,
) -> Trained:
    """Measure a model of the corpus alone on its held-out rows, and write its folder.

    `raw` are the uncalibrated logits of `held_rows`; `start` says what the heads started from.
    """
    return save(
        out,
        model,
        held_rows,
        probabilities(model, raw),
        name="default",
        corpus=count_corpus(corpus, held_out=len(held_rows)),
        held_out=f"the rows held out: {HELD_OUT_RULE}",
        start=start,
        calibration=_calibration_of_corpus(calibrated),
        meta=meta,
        calibrated=calibrated,
        weights=report_weights(held_rows),
        seed=seed,
    )


def compare_heads(
    fixed: FixedSet, after: EncoderModel, before: EncoderModel, seed: int
) -> FixedComparison:
    """Compare two sets of heads on the same encoder, by the fixed set."""
    y_after = balanced_labels(after, after.heads.logits(fixed.pooled))
    y_before = balanced_labels(before, before.heads.logits(fixed.pooled))
    return fixed.compare(y_after, y_before, seed)
