"""Train the default: heads on a frozen encoder, from the corpus or from a user's rows.

| step | where |
| --- | --- |
| rows to examples | `examples.make_examples` |
| examples to vectors, and vectors to heads | `vectors`, `heads` |
| from the corpus, with its held-out rows | `train_on_corpus` |
| towards the user's rows, by a chosen penalty | `train_on_own`, `adapt`, `penalty` |
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
from typing import Final

import numpy as np

from tipclassify.arrays import Floats, Vectors
from tipclassify.corpus.holdout import held_out
from tipclassify.corpus.rows import Row
from tipclassify.evaluation.bootstrap import ModelComparison, compare
from tipclassify.model.encoder.files import EncoderModel
from tipclassify.model.encoder.scoring import EncoderScorer
from tipclassify.progress import Progress
from tipclassify.training.calibration import MIN_REAL, Calibrated, calibrate
from tipclassify.training.examples import (
    Examples,
    calibration_weights,
    check_labelled,
    country_groups,
    group_folds,
    kinds_of_rows,
    label_matrix,
    make_examples,
    real_mask,
    report_weights,
    row_headings,
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
    fit_path,
    load_encoder,
    probabilities,
    second_moment,
)
from tipclassify.training.measure import fixed_error_table
from tipclassify.training.penalty import PENALTIES, PenaltyChoice, choose_penalty
from tipclassify.training.reasons import fit_drop_weights
from tipclassify.training.vectors import pooled_vectors
from tipclassify.training.write import HELD_OUT_RULE, Trained, count_corpus, save

# Euclidean, of the whole corpus: it hardly matters beside 70,000 rows
_PENALTY: Final = 100.0
_PAIR_WEIGHT: Final = 2.0  # sample weight of an invented row of a pair, as in the fine-tuning
FOLDS: Final = 5
"""Folds of cross-validation on the user's rows."""

# what ``model.json`` says of the encoder, and later heads on it keep
_OF_ENCODER: Final = ("base", "training", "weight_bits")


# ----------------------------------------------------------------------------------- of the corpus


def train_on_corpus(
    corpus: Sequence[Row],
    out: str | os.PathLike[str],
    *,
    start: str | os.PathLike[str] | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Trained:
    """Fit the heads of the default on the corpus, from those of the fine-tuning; write the model.

    `start` is the model with the frozen encoder and the heads in use, the shipped default if
    omitted. Raises `ModelError` when it is no encoder, `ValueError` when no row has a label.
    """
    before = load_encoder(start)
    check_labelled(corpus)
    held = held_out(corpus)
    held_rows = list(compress(corpus, held))
    learned_rows = list(compress(corpus, ~held))
    examples = make_examples(corpus)
    pooled = pooled_vectors(before, examples.texts, examples.headings, progress)
    held_pooled = pooled[examples.first][held]

    learned = ~held[examples.row]
    paired = np.array([bool(row.get("pair")) for row in corpus]) & ~real_mask(corpus)
    heads = fit_heads(
        Prior(before.model.finetuned_heads),
        pooled[learned],
        examples.y_true[learned],
        np.where(paired[examples.row], _PAIR_WEIGHT, 1.0)[learned] * examples.weights[learned],
        _PENALTY,
    )
    model = replace(before.model, heads=heads)
    model, calibrated = calibrate_heads(model, held_rows, held_pooled, seed)
    chosen = fixed_rows(held_rows)
    fixed = FixedSet.of([held_rows[i] for i in chosen], held_pooled[chosen])
    learned_texts = [row["text"] for row in learned_rows]
    fixed_before = unlearned_fixed_set(before.model, learned_texts, row_headings(learned_rows))
    if fixed_before and not fixed.real.any():  # its vectors are of the same encoder
        fixed = fixed_before
    comparison = compare_heads(fixed, model, before.model, seed)
    moment = second_moment(pooled[learned])
    model = replace(
        model,
        drop_weights=fit_drop_weights(model, learned_rows),
        training_files=pack_training_files(fixed, moment, learned_texts, before.model),
    )

    # The hash of the encoder's own training stays, so that a second run writes the same bytes.
    kept = (*_OF_ENCODER, "adapted_from")
    meta = {key: before.model.meta[key] for key in kept if key in before.model.meta}
    meta.setdefault("adapted_from", str(before.model.meta["sha256"]))
    trained = save_of_corpus(
        out,
        model,
        corpus,
        held_rows,
        held_pooled,
        calibrated,
        start="They started from those of the fine-tuning and were fitted on the corpus.",
        meta=meta,
        seed=seed,
    )
    # The comparison is no part of the folder: a second run has the same bytes.
    return replace(trained, fixed=comparison)


def calibrate_heads(
    model: EncoderModel, held_rows: Sequence[Row], held_pooled: Vectors, seed: int
) -> tuple[EncoderModel, Calibrated | None]:
    """Calibrate a model on the real ones among held-out rows, of vectors `held_pooled`.

    Where they are too few, it keeps its calibration and thresholds, and there is none to return.
    """
    real = real_mask(held_rows)
    if real.sum() < MIN_REAL:
        return model, None
    fold = group_folds(country_groups(held_rows)[real], FOLDS, seed)
    raw = model.heads.logits(held_pooled)[real]
    y_true = label_matrix(held_rows)[real]
    kinds = [kind for kind in kinds_of_rows(held_rows) if kind]
    fitted = calibrate(raw, y_true, fold, calibration_weights(held_rows), kinds)
    calibrated = replace(
        model, scale=fitted.scale, shift=fitted.shift, thresholds=fitted.thresholds
    )
    return calibrated, fitted


def save_of_corpus(
    out: str | os.PathLike[str],
    model: EncoderModel,
    corpus: Sequence[Row],
    held_rows: Sequence[Row],
    held_pooled: Vectors,
    calibrated: Calibrated | None,
    *,
    start: str,
    meta: Mapping[str, object],
    seed: int,
) -> Trained:
    """Measure a model of the corpus alone on its held-out rows, and write its folder.

    `held_pooled` are the vectors of `held_rows`; `start` says what the heads started from.
    """
    calibration = "refitted on the real passages held out, cross-fitted by country"
    if calibrated is None:
        calibration = "kept, since too few real passages were held out"
    return save(
        out,
        model,
        held_rows,
        probabilities(model, model.heads.logits(held_pooled)),
        name="default",
        corpus=count_corpus(corpus, held_out=len(held_rows)),
        held_out=f"the rows held out: {HELD_OUT_RULE}",
        start=start,
        calibration=calibration,
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


# ------------------------------------------------------------------------------- of the user's rows


@dataclass(frozen=True)
class Heads:
    """Heads that moved towards a user's examples, in a model ready to score, and the evidence."""

    model: EncoderModel
    own: Examples
    scores: Floats  # (rows, labels), out of fold on the user's rows; NaN for unknown labels
    penalty: PenaltyChoice
    on_own: ModelComparison  # beside the heads before, on the user's rows
    fixed: FixedComparison | None  # beside the heads before, on the fixed set


def train_on_own(
    own: Sequence[Row],
    out: str | os.PathLike[str],
    *,
    start: str | os.PathLike[str] | None = None,
    penalty: float | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Trained:
    """Move the heads of the default towards the user's rows, and write the model.

    They start from those in use of the model `start`, the shipped default if omitted, and are held
    close to them by a `penalty`, which cross-validation chooses if omitted. Raises `ModelError`
    when `start` is no encoder, `ValueError` when no row has a label, or too few can be held out.
    """
    scorer = load_encoder(start)
    check_labelled(own)
    heads = adapt(scorer, make_examples(own), penalty=penalty, seed=seed, progress=progress)
    return save_adapted(out, heads, own, seed=seed)


def adapt(
    scorer: EncoderScorer,
    own: Examples,
    *,
    penalty: float | None = None,
    folds: int = FOLDS,
    seed: int = 0,
    progress: Progress | None = None,
) -> Heads:
    """Move the heads in use towards the user's examples, by a penalty given or chosen.

    The out-of-fold scores and the comparison are of the rows with their headings. Calibration and
    thresholds stay.
    """
    model = scorer.model
    pooled = pooled_vectors(scorer, own.texts, own.headings, progress, keep=True)
    fold = group_folds(own.groups, folds, seed)
    prior = Prior(model.heads, read_second_moment(model))
    fixed = unlearned_fixed_set(model, own.texts, own.headings)
    tried = PENALTIES if penalty is None else (penalty,)
    fits = fit_path(prior, pooled, own.y_true, own.label_weights, fold, tried)
    if penalty is None:
        choice = choose_penalty(model, own, pooled, fits, fixed)
    else:
        choice = PenaltyChoice(penalty, "as given")
    heads, raw = fits[tried.index(choice.penalty)]
    adapted = replace(model, heads=heads, training_files=add_taught(model, own.texts))

    first = own.first
    known = own.known[first]
    before = known & balanced_labels(model, model.heads.logits(pooled[first]))
    after = known & balanced_labels(adapted, raw[first])
    comparison = None
    if fixed is not None:
        comparison = compare_heads(fixed, adapted, model, seed)
        comparison = replace(comparison, chose_penalty=penalty is None)
    return Heads(
        model=adapted,
        own=own,
        scores=np.where(known, probabilities(adapted, raw[first]), np.nan),
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
    before = model.meta
    meta: dict[str, object] = {
        "adapted_from": str(before["sha256"]),
        **{key: before[key] for key in _OF_ENCODER if key in before},
        "settings": {"seed": seed, "folds": folds, "penalty": adapted.penalty.penalty},
    }
    # The user's rows would not do for counts of reports, though they measure the heads: people
    # label what is hard, and an error rate of hard passages is none of whole reports. So the
    # table is of the reports of the fixed set, else that of the heads before.
    fixed = unlearned_fixed_set(model, adapted.own.texts, adapted.own.headings)
    table = (fixed_error_table(model, fixed) if fixed else None) or before.get("error_table")
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
        start=f"They started from those in use of model `{str(before['sha256'])[:12]}`.",
        calibration="that of the model before",
        meta=meta,
        penalty=adapted.penalty,
        fixed=adapted.fixed,
        seed=seed,
    )
    return replace(trained, on_own=adapted.on_own)
