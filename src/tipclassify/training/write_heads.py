"""Evaluate a trained encoder, and write its model folder with its card.

Three ways lead here: heads fitted on the corpus, heads adapted to a user's rows, and an encoder
fresh from its fine-tuning.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from tipclassify.arrays import Floats, logistic
from tipclassify.corpus.holdout import held_out
from tipclassify.corpus.rows import Row
from tipclassify.errors import ModelError
from tipclassify.model.classifier import Classifier
from tipclassify.model.encoder.files import EncoderModel, write_encoder_model
from tipclassify.model.encoder.scoring import EncoderScorer
from tipclassify.training.adapt_heads import AdaptedHeads
from tipclassify.training.error_table import error_table_on_fixed_set
from tipclassify.training.evidence import (
    HELD_OUT_RULE,
    HeldOut,
    judge_trained_model,
    meta_of_trained_model,
)
from tipclassify.training.examples import TrainingSplit, Vectors, headings_for_training
from tipclassify.training.fit_corpus import CorpusHeads, calibrate_on_real, with_calibration
from tipclassify.training.fit_heads import HeadSettings, load_encoder_to_fit_heads, second_moment
from tipclassify.training.fit_penalty import labels_given_by_fitted_heads
from tipclassify.training.fixed_set import (
    FixedComparison,
    FixedSet,
    choose_fixed,
    compare_on_fixed,
    fixed_rows,
)
from tipclassify.training.model_card import (
    BaseEncoder,
    CardFacts,
    FineTuning,
    FineTuningRun,
    TaughtPassages,
    describe_training_corpus,
)
from tipclassify.training.sample_weights import weigh_real_rows
from tipclassify.training.trained import FolderAdditions, Trained
from tipclassify.training.training_files import pack_training_files, read_unlearned_fixed_set

__all__ = ["write_adapted_heads", "write_finetuned_encoder", "write_fitted_heads"]

_MOMENT_ROWS: Final = 5_000  # passages whose vectors give the second moment of a new encoder
# what ``model.json`` says of the encoder, and later heads on it keep
_OF_ENCODER: Final = ("base", "training", "weight_bits")


# ------------------------------------------------------------------------------------- three ways


def write_fitted_heads(
    out: str | os.PathLike[str], fitted: CorpusHeads, start: EncoderModel, settings: HeadSettings
) -> Trained:
    """Evaluate heads fitted on the corpus alone, and write their model folder."""
    # The hash of the encoder's own training stays, so that a second run writes the same bytes.
    kept = (*_OF_ENCODER, "adapted_from")
    meta = {key: start.meta[key] for key in kept if key in start.meta}
    meta.setdefault("adapted_from", str(start.meta["sha256"]))
    draft = _ModelDraft(
        model=fitted.model,
        held=fitted.held_out(),
        facts=_card_facts_of_corpus(
            fitted.split,
            fitted.calibrated is not None,
            meta,
            start="They started from those of the fine-tuning and were fitted on the corpus.",
        ),
        meta=meta,
        run_cases=True,
    )
    # The comparison with the model before is no part of the folder: a second run has the same
    # bytes.
    return replace(_judge_training_and_write_model(out, draft, settings.seed), fixed=fitted.fixed)


def write_adapted_heads(
    out: str | os.PathLike[str],
    adapted: AdaptedHeads,
    own: Sequence[Row],
    settings: HeadSettings,
    *,
    fitted: CorpusHeads | None = None,
    additions: FolderAdditions | None = None,
) -> Trained:
    """Evaluate heads that learned the user's rows `own`, and write their model folder.

    They are judged on the rows held out of the corpus that the heads were `fitted` on first, or
    else on the user's own, out of fold.
    """
    additions = additions or FolderAdditions()
    model = adapted.model
    if fitted is not None:
        held_rows = fitted.split.held_rows
        held = HeldOut(held_rows, fitted.held_scores(model), weights=fitted.weights.reports)
        corpus = describe_training_corpus([*fitted.split.rows, *own], len(held_rows), own=len(own))
        measured = f"the rows held out of the corpus: {HELD_OUT_RULE}"
        start = (
            "They were first fitted on the corpus, from those of the fine-tuning, "
            "then on the user's rows."
        )
    else:
        held = HeldOut(own, adapted.scores)
        corpus = describe_training_corpus(own, own=len(own))
        measured = "the user's rows, each judged by heads that did not see its group"
        start = f"They started from those in use of model `{adapted.adapted_from[:12]}`."
    facts = CardFacts(
        name="the default, adapted",
        corpus=corpus,
        held_out=measured,
        calibration=adapted.calibration,
        encoder=_encoder_name_for_card(model.meta),
        start=start,
        penalty=adapted.penalty,
        fixed=adapted.fixed,
    )
    meta = {
        "adapted_from": adapted.adapted_from,
        **{key: model.meta[key] for key in _OF_ENCODER if key in model.meta},
        "settings": {
            "seed": settings.seed,
            "folds": settings.folds,
            "penalty": adapted.penalty.penalty,
        },
        **additions.values,
    }
    if fitted is None:
        known = _error_table_for_counts(adapted)
        if known:
            meta["error_table"] = known
    draft = _ModelDraft(model, held, facts, meta, run_cases=False, files=additions.files)
    return replace(
        _judge_training_and_write_model(out, draft, settings.seed), on_own=adapted.on_own
    )


def write_finetuned_encoder(
    out: str | os.PathLike[str],
    model: EncoderModel,
    corpus: Sequence[Row],
    held_pooled: Vectors,
    meta: Mapping[str, object],
    *,
    seed: int = 0,
) -> Trained:
    """Calibrate an encoder fresh from its fine-tuning, evaluate it, and write its model folder.

    `held_pooled` are the vectors of the held-out rows of `corpus`, in order, `meta` what
    ``model.json`` says of the encoder. The folder gets a fixed set, and the second moment of a
    sample of what the encoder learned.
    """
    split = TrainingSplit(corpus, held_out(corpus))
    raw = model.heads.logits(held_pooled)
    weights = weigh_real_rows(split.held_rows)
    calibrated = calibrate_on_real(split.held_rows, raw, weights.calibration, seed)
    model = with_calibration(model, calibrated)

    position = np.cumsum(split.held) - 1  # of a held-out row among the held-out ones
    chosen = fixed_rows(corpus)
    fixed_passages = [corpus[i] for i in chosen]
    fixed = choose_fixed(fixed_passages, held_pooled[position[chosen]])
    learned = split.training_rows
    learned_texts = [row["text"] for row in learned]
    files = pack_training_files(fixed, _second_moment_of_sample(model, learned), learned_texts)
    model = replace(model, training_files=files)

    scores = logistic(raw * model.scale + model.shift)
    draft = _ModelDraft(
        model=model,
        held=HeldOut(split.held_rows, scores, calibrated, weights.reports),
        facts=_card_facts_of_corpus(
            split, calibrated is not None, meta, start="They are those of the fine-tuning."
        ),
        meta=meta,
        run_cases=True,
    )
    comparison = _compare_trained_heads_with_default(fixed, fixed_passages, model, seed)
    return replace(_judge_training_and_write_model(out, draft, seed), fixed=comparison)


# ------------------------------------------------------------------------------------ their parts


@dataclass(frozen=True)
class _ModelDraft:
    """A model folder before its evaluation."""

    model: EncoderModel
    held: HeldOut  # what measures it
    facts: CardFacts
    meta: Mapping[str, object]  # further values for ``model.json``
    run_cases: bool  # of behaviour, which take minutes
    files: Mapping[str, str] = field(default_factory=dict)  # further texts by name


def _judge_training_and_write_model(
    out: str | os.PathLike[str], draft: _ModelDraft, seed: int
) -> Trained:
    facts = draft.facts
    # What is measured is what the folder will score with, which has a hash only when written.
    scorer = EncoderScorer(replace(draft.model, meta={"sha256": "", **draft.meta}))
    evidence = judge_trained_model(Classifier(scorer), draft.held, facts, seed, draft.run_cases)
    meta = meta_of_trained_model({**evidence.figures, **draft.meta})
    write_encoder_model(out, draft.model, meta, {**evidence.files, **draft.files})
    return Trained(
        Path(out),
        evidence.parts,
        fixed=facts.fixed,
        penalty=facts.penalty,
        calibration=facts.calibration,
    )


def _error_table_for_counts(adapted: AdaptedHeads) -> object:
    """Return the error table by which counts of reports are adjusted; None if none is known.

    The user's rows would not do, though they measure the heads: people label what is hard, and an
    error rate of hard passages is none of whole reports. So it is of the reports of the fixed set,
    else the one of the model that the heads started from.
    """
    model = adapted.model
    fixed = read_unlearned_fixed_set(model, adapted.own)
    table = error_table_on_fixed_set(model, fixed) if fixed else None
    return table or model.meta.get("error_table")


def _card_facts_of_corpus(
    split: TrainingSplit, refitted: bool, meta: Mapping[str, object], start: str
) -> CardFacts:
    """Say what a training on the corpus alone was; `refitted` is about its calibration."""
    return CardFacts(
        name="default",
        corpus=describe_training_corpus(split.rows, int(split.held.sum())),
        held_out=f"the rows held out: {HELD_OUT_RULE}",
        calibration=(
            "refitted on the real passages held out, cross-fitted by country"
            if refitted
            else "kept, since too few real passages were held out"
        ),
        encoder=_encoder_name_for_card(meta),
        start=start,
        fine_tuning=_fine_tuning_for_card(meta),
    )


class _RecordedBase(msgspec.Struct):
    """What ``base`` of a ``model.json`` says of the encoder."""

    name: str = "a pretrained encoder"


class _RecordedTraining(msgspec.Struct):
    """What ``training`` of a ``model.json`` says of the fine-tuning."""

    settings: FineTuningRun
    taught: TaughtPassages | None = None


def _encoder_name_for_card(meta: Mapping[str, object]) -> str:
    return msgspec.convert(meta.get("base", {}), _RecordedBase).name


def _fine_tuning_for_card(meta: Mapping[str, object]) -> FineTuning | None:
    """Return what the card says of the encoder's fine-tuning, if ``model.json`` has all of it."""
    with suppress(KeyError, msgspec.ValidationError):
        training = msgspec.convert(meta["training"], _RecordedTraining)
        return FineTuning(
            base=msgspec.convert(meta["base"], BaseEncoder),
            run=training.settings,
            taught=training.taught,
            bits=msgspec.convert(meta["weight_bits"], int),
        )
    return None


def _second_moment_of_sample(model: EncoderModel, rows: Sequence[Row]) -> Floats:
    """Compute the second moment of the vectors of an even sample of rows."""
    sample = rows[:: max(1, len(rows) // _MOMENT_ROWS)]
    texts = [row["text"] for row in sample]
    return second_moment(EncoderScorer(model).pooled(texts, headings_for_training(sample)))


def _compare_trained_heads_with_default(
    fixed: FixedSet, passages: Sequence[Row], model: EncoderModel, seed: int
) -> FixedComparison | None:
    """Set another encoder beside the shipped default, which reads the passages itself."""
    try:
        shipped = load_encoder_to_fit_heads()
    except ModelError:  # none is here: the first one is being made
        return None
    texts = [row["text"] for row in passages]
    raw = shipped.model.heads.logits(shipped.pooled(texts, headings_for_training(passages)))
    before = labels_given_by_fitted_heads(raw, shipped.model)
    after = labels_given_by_fitted_heads(model.heads.logits(fixed.pooled), model)
    return compare_on_fixed(fixed, after, before, seed)
