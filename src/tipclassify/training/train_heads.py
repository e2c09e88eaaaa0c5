"""Train the default: heads on a frozen encoder, from the corpus, from a user's rows, or from both.

The way of a row: `expand_rows` makes examples of it, `pooled_vectors` reads them with the encoder,
`fit_heads` moves the heads, `calibrate` or `recalibrate` sets what a probability means,
`compare_on_fixed` and `judge_model` say what came of it, `write_trained_encoder` writes the folder.
"""

from __future__ import annotations

import io
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from tipclassify.arrays import Bools, Floats, Ints, logistic
from tipclassify.corpus.holdout import held_out, is_real, natural_weights, source_family
from tipclassify.corpus.loading import Row
from tipclassify.corpus.taught import TAUGHT, pack_taught
from tipclassify.errors import ModelError
from tipclassify.evaluation.bootstrap import ModelComparison, compare, comparison_table
from tipclassify.evaluation.metrics import metrics_table
from tipclassify.model.classifier import Classifier
from tipclassify.model.common.folder import read_arrays
from tipclassify.model.encoder.folder import EncoderModel, write_encoder
from tipclassify.model.encoder.scoring import EncoderScorer
from tipclassify.model.loading import load_scorer
from tipclassify.progress import Progress
from tipclassify.training.calibration import Calibrated, Recalibrated, calibrate, recalibrate
from tipclassify.training.evidence import (
    CardFacts,
    HeldOut,
    Part,
    describe_corpus,
    judge_model,
    model_meta,
)
from tipclassify.training.examples import (
    Examples,
    Vectors,
    country_groups,
    expand_rows,
    group_folds,
    headings_of,
    labels_of,
)
from tipclassify.training.fit_heads import (
    Prior,
    fit_heads,
    out_of_fold_logits,
    pooled_vectors,
    second_moment,
)
from tipclassify.training.fit_penalty import (
    ELSEWHERE,
    MOST_LOST,
    PenaltyChoice,
    choose_penalty,
    given_labels,
    on_fixed,
)
from tipclassify.training.fixed_set import (
    FixedComparison,
    FixedSet,
    choose_fixed,
    compare_on_fixed,
    fixed_rows,
    pack_fixed,
    read_fixed,
)

__all__ = [
    "AdaptedHeads",
    "HeadSettings",
    "Trained",
    "adapt_to_own",
    "calibration_weights",
    "load_encoder",
    "report_weights",
    "train_default",
    "write_adapted",
    "write_exported_encoder",
]

_FIXED: Final = "fixed.npz"
_MOMENT: Final = "moment.npz"
# Euclidean, of the whole corpus: it hardly matters beside 70,000 rows
_CORPUS_PENALTY: Final = 100.0
_MIN_REAL: Final = 500  # held-out real passages needed to refit calibration and thresholds
_TWINS: Final = 2.0  # sample weight of an invented near twin in the corpus, as in its fine-tuning
_MOMENT_ROWS: Final = 5_000  # passages whose vectors give the second moment of a new encoder
_MANY: Final = 5_000  # examples of the user's, above which a sample chooses the penalty
_KEPT: Final = ("base", "training", "natural", "weight_bits")  # of the encoder, in ``model.json``


class _Run(msgspec.Struct):
    """A fine-tuning, as the card tells it."""

    epochs: int
    invented: int
    batch: int
    seed: int
    rate: float
    decay: float
    no_heading: float
    other_heading: float
    stand_in: str
    twins: int
    other_genres: int


@dataclass(frozen=True)
class HeadSettings:
    """Settings of a fit of the default's heads."""

    penalty: float | None = None  # on the distance from the heads it starts from; None: chosen
    folds: int = 5
    seed: int = 0
    cache: Path | None = None  # of pooled vectors, between trainings


@dataclass(frozen=True)
class Trained:
    """Result of a training: the model's folder, and what it was measured to do.

    `parts` are metrics on passages that taught nothing, all first. `on_own` compares the model with
    the one it started from on the user's rows, out of fold, `fixed` on the fixed set.
    """

    out: Path
    parts: Sequence[Part]
    fixed: FixedComparison | None = None
    on_own: ModelComparison | None = None
    penalty: PenaltyChoice | None = None
    calibration: str = ""

    def table(self) -> str:
        """Format all of it as aligned plain text."""
        part = self.parts[0]
        tables = [metrics_table(part.metrics, f"{part.name}, not taught")]
        if self.on_own:
            title = "what your rows changed on your rows, out of fold"
            tables.append(f"{title}\n{comparison_table(self.on_own, 'the model before')}")
        if self.penalty:
            tables.append(self.penalty.table())
        if self.calibration:
            tables.append(f"calibration: {self.calibration}")
        if self.fixed:
            tables.append(self.fixed.table())
        return "\n\n".join(tables)


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


# ------------------------------------------------------------------------------------------ recipes


def train_default(
    corpus: Sequence[Row],
    own: Sequence[Row],
    out: str | os.PathLike[str],
    *,
    start: str | os.PathLike[str] | None = None,
    settings: HeadSettings | None = None,
    progress: Progress | None = None,
) -> Trained:
    """Fit the heads of the default on the corpus, then on the user's rows, `own`, and write the
    model.

    `start` is the model with the frozen encoder and the heads in use, the shipped default if
    omitted. With a `corpus` the heads are first fitted on it, from those of the fine-tuning. The
    user's rows then move them, held close by a penalty. Raises `ModelError` when `start` is no
    encoder, `ValueError` when no row has a label, or too few can be held out.
    """
    settings = settings or HeadSettings()
    scorer = load_encoder(start)
    if not any(row["labels"] for row in (*corpus, *own)):
        raise ValueError("no passage has a label: nothing to learn; label some")
    if not corpus:
        examples = expand_rows(own, _own_groups(own))
        adapted = adapt_to_own(scorer, examples, settings, progress)
        return write_adapted(out, adapted, own, settings)
    fitted = _fit_on_corpus(scorer, corpus, settings, progress)
    if not own:
        return _write_fitted(out, scorer, fitted, corpus, settings)
    between = EncoderScorer(fitted.model)
    examples = expand_rows(own, _own_groups(own))
    adapted = adapt_to_own(between, examples, settings, progress)
    return write_adapted(out, adapted, own, settings, corpus=corpus, held=fitted)


@dataclass(frozen=True)
class _Fitted:
    """Heads fitted on a corpus, and what was held out of it."""

    model: EncoderModel
    held: Bools  # (rows,)
    held_pooled: Vectors  # of the held-out rows, under their headings
    calibrated: Calibrated | None
    weights: Floats | None  # of the held-out real rows
    fixed: FixedComparison | None


def _fit_on_corpus(
    scorer: EncoderScorer, corpus: Sequence[Row], settings: HeadSettings, progress: Progress | None
) -> _Fitted:
    """Fit the heads on a corpus, calibrate them on its held-out rows, and make its fixed set."""
    model = scorer.model
    examples = expand_rows(corpus)
    held = held_out(corpus)
    pooled = pooled_vectors(
        scorer, examples.texts, examples.headings, cache=settings.cache, progress=progress
    )
    twins = np.array([bool(row.get("pair")) and not is_real(row) for row in corpus])
    weights = np.where(twins[examples.row], _TWINS * examples.weights, examples.weights)
    taught = ~held[examples.row]
    prior = Prior(model.finetuned_heads)
    heads = fit_heads(
        prior, pooled[taught], examples.y_true[taught], weights[taught], _CORPUS_PENALTY
    )
    with_headings = pooled[examples.first]
    rows = [row for row, out in zip(corpus, held, strict=True) if out]
    held_pooled = with_headings[held]
    strata = logistic(model.finetuned_heads.logits(held_pooled))
    real_weights = report_weights(rows, strata, model.meta)
    calibrating = calibration_weights(rows, strata, model.meta)
    calibrated = calibrate_on_real(rows, heads.logits(held_pooled), calibrating, settings.seed)
    chosen = fixed_rows(corpus)
    fixed = choose_fixed([corpus[i] for i in chosen], with_headings[chosen])
    fitted = _with_calibration(replace(model, heads=heads), calibrated)
    texts = [row["text"] for row, out in zip(corpus, held, strict=True) if not out]
    files = _training_files(fixed, second_moment(pooled[taught]), texts, model)
    fitted = replace(fitted, training_files=files)
    comparison = _compare(fixed, fitted, model, settings.seed)
    return _Fitted(fitted, held, held_pooled, calibrated, real_weights, comparison)


def adapt_to_own(
    scorer: EncoderScorer, own: Examples, settings: HeadSettings, progress: Progress | None = None
) -> AdaptedHeads:
    """Move the heads in use towards the user's examples, by a penalty given or chosen.

    The out-of-fold logits, calibration and comparison are of the rows with their headings.
    """
    model = scorer.model
    pooled = pooled_vectors(
        scorer, own.texts, own.headings, cache=settings.cache, progress=progress
    )
    fold = group_folds(own.groups, settings.folds, settings.seed)
    prior = Prior(model.heads, _read_moment(model))
    fixed = _fixed_of(model, own)
    if settings.penalty is None:
        some = _sample(own)
        choice = choose_penalty(prior, model, own.take(some), pooled[some], fold[some], fixed)
    else:
        choice = PenaltyChoice(settings.penalty, "as given")
    raw = out_of_fold_logits(prior, pooled, own.y_true, own.weights, fold, choice.penalty)
    first = own.first
    y_true, raw = own.y_true[first], raw[first]
    heads = fit_heads(prior, pooled, own.y_true, own.weights, choice.penalty)
    adapted = replace(model, heads=heads)
    again = recalibrate(raw, y_true, own.groups[first], fold[first], model.scale, model.shift)
    recalibrated = replace(adapted, scale=again.scale, shift=again.shift)
    sentence = again.sentence
    if not _pays(again, adapted, recalibrated, fixed):
        recalibrated = adapted
        sentence = "kept: what a refit on your rows gains there it loses on the fixed set"
    files = dict(model.training_files)
    files[TAUGHT] = pack_taught(own.texts, files.get(TAUGHT, b""))
    recalibrated = replace(recalibrated, training_files=files)
    before = given_labels(model.heads.logits(pooled[first]), model)
    return AdaptedHeads(
        model=recalibrated,
        own=own,
        raw=raw,
        penalty=choice,
        calibration=sentence,
        on_own=compare(
            y_true, given_labels(raw, recalibrated), before, own.groups[first], seed=settings.seed
        ),
        fixed=_compare(fixed, recalibrated, model, settings.seed) if fixed else None,
        adapted_from=str(model.meta["sha256"]),
    )


def _sample(own: Examples) -> Bools:
    """Return whole groups of about 5,000 examples, bool (n,): they choose a penalty as well as
    more."""
    parts = max(1, len(own) // _MANY)
    _, number = np.unique(own.groups, return_inverse=True)
    chosen = np.asarray(number % parts == 0)
    return chosen if len(np.unique(number[chosen])) > 1 else np.ones(len(own), bool)


def calibrate_on_real(
    rows: Sequence[Row], raw: Floats, weights: Floats | None, seed: int
) -> Calibrated | None:
    """Calibrate on the real ones among held-out rows; None where they are too few.

    `raw`, (n, 3), are uncalibrated logits of all rows, `weights` those of the real ones.
    """
    real = np.array([is_real(row) for row in rows], bool)
    if real.sum() < _MIN_REAL:
        return None
    fold = group_folds(country_groups(rows)[real], 5, seed)
    return calibrate(raw[real], labels_of(rows)[real], fold, weights)


# -------------------------------------------------------------------------------------------
# writing


def write_adapted(
    out: str | os.PathLike[str],
    adapted: AdaptedHeads,
    own: Sequence[Row],
    settings: HeadSettings,
    *,
    corpus: Sequence[Row] = (),
    held: _Fitted | None = None,
    extra: Mapping[str, Any] | None = None,
    files: Mapping[str, str] | None = None,
) -> Trained:
    """Evaluate heads that learned the user's rows, and write their model folder.

    They are judged on the rows held out of the corpus, or else on the user's own, out of fold.
    `extra` has further values for ``model.json``, `files` further files of the folder.
    """
    model = adapted.model
    if held is not None:
        rows = [row for row, is_out in zip(corpus, held.held, strict=True) if is_out]
        raw = model.heads.logits(held.held_pooled)
        evidence = HeldOut(rows, logistic(raw * model.scale + model.shift), weights=held.weights)
        measured = "the rows held out of the corpus: one country in ten of real reports, one group in ten of the others"
        start = "They were first fitted on the corpus, from those of the fine-tuning, then on the user's rows."
        mask = np.concatenate([held.held, np.zeros(len(own), bool)])
    else:
        evidence = HeldOut(own, adapted.scores)
        measured = "the user's rows, each judged by heads that did not see its group"
        start = f"They started from those in use of model `{adapted.adapted_from[:12]}`."
        mask = np.zeros(len(own), bool)
    facts = CardFacts(
        name="the default, adapted",
        corpus=describe_corpus([*corpus, *own], mask, own=len(own)),
        held_out=measured,
        calibration=adapted.calibration,
        encoder=_encoder_name(model.meta),
        start=start,
        penalty=adapted.penalty,
        fixed=adapted.fixed,
    )
    meta = {
        "adapted_from": adapted.adapted_from,
        **{key: model.meta[key] for key in ("base", "natural", "weight_bits") if key in model.meta},
        "settings": {
            "seed": settings.seed,
            "folds": settings.folds,
            "penalty": adapted.penalty.penalty,
        },
        **(extra or {}),
    }
    trained = _judge_and_write(out, model, evidence, facts, meta, settings.seed, False, files)
    return replace(trained, on_own=adapted.on_own)


def _write_fitted(
    out: str | os.PathLike[str],
    scorer: EncoderScorer,
    fitted: _Fitted,
    corpus: Sequence[Row],
    settings: HeadSettings,
) -> Trained:
    """Evaluate heads fitted on the corpus alone, and write their model folder."""
    rows = [row for row, is_out in zip(corpus, fitted.held, strict=True) if is_out]
    # The hash of the encoder's own training stays, so that a second run writes the same bytes.
    meta = {key: scorer.meta[key] for key in (*_KEPT, "adapted_from") if key in scorer.meta}
    meta.setdefault("adapted_from", str(scorer.meta["sha256"]))
    return write_trained_encoder(
        out,
        fitted.model,
        HeldOut(rows, _scores(fitted), fitted.calibrated, fitted.weights),
        corpus,
        fitted.held,
        meta,
        seed=settings.seed,
        start="They started from those of the fine-tuning and were fitted on the corpus.",
        fixed=fitted.fixed,
    )


def write_trained_encoder(
    out: str | os.PathLike[str],
    model: EncoderModel,
    held: HeldOut,
    corpus: Sequence[Row],
    mask: Bools,
    meta: Mapping[str, Any],
    *,
    seed: int = 0,
    start: str = "They are those of the fine-tuning.",
    fixed: FixedComparison | None = None,
) -> Trained:
    """Evaluate an encoder on what was held out of a corpus (`mask`), and write its model folder."""
    source = "refitted on the real passages held out, cross-fitted by country"
    facts = CardFacts(
        name="default",
        corpus=describe_corpus(corpus, mask),
        held_out="the rows held out: one country in ten of real reports, one group in ten of the others",
        calibration=source
        if held.calibrated
        else "kept, since too few real passages were held out",
        encoder=_encoder_name(meta),
        start=start,
        fine_tuning=_fine_tuning(meta),
    )
    # The comparison with the model before is no part of the folder: a second run has the same
    # bytes.
    trained = _judge_and_write(out, model, held, facts, meta, seed, True)
    return replace(trained, fixed=fixed)


def _judge_and_write(
    out: str | os.PathLike[str],
    model: EncoderModel,
    held: HeldOut,
    facts: CardFacts,
    meta: Mapping[str, Any],
    seed: int,
    cases: bool,
    files: Mapping[str, str] | None = None,
) -> Trained:
    scorer = EncoderScorer(replace(model, meta={"sha256": "", **meta}))
    judged = judge_model(Classifier(scorer), held, facts, seed, cases)
    written = {**judged.files, **(files or {})}
    write_encoder(out, model, model_meta(**{**judged.figures, **meta}), written)
    return Trained(
        Path(out),
        judged.parts,
        fixed=facts.fixed,
        penalty=facts.penalty,
        calibration=facts.calibration,
    )


def write_exported_encoder(
    out: str | os.PathLike[str],
    model: EncoderModel,
    corpus: Sequence[Row],
    held_pooled: Vectors,
    meta: Mapping[str, Any],
    *,
    seed: int = 0,
) -> Trained:
    """Calibrate an encoder fresh from its fine-tuning, evaluate it, and write its model folder.

    `held_pooled` are the vectors of the held-out rows of `corpus`, in order. The folder gets a
    fixed set, and the second moment of a sample of what taught the encoder.
    """
    held = held_out(corpus)
    rows = [row for row, is_out in zip(corpus, held, strict=True) if is_out]
    taught = [row for row, is_out in zip(corpus, held, strict=True) if not is_out]
    raw = model.heads.logits(held_pooled)
    weights = report_weights(rows, logistic(raw), meta)
    calibrated = calibrate_on_real(rows, raw, calibration_weights(rows, logistic(raw), meta), seed)
    model = _with_calibration(model, calibrated)

    position = np.cumsum(held) - 1
    chosen = fixed_rows(corpus)
    fixed_passages = [corpus[i] for i in chosen]
    fixed = choose_fixed(fixed_passages, held_pooled[position[chosen]])
    sample = taught[:: max(1, len(taught) // _MOMENT_ROWS)]
    vectors = EncoderScorer(model).pooled([row["text"] for row in sample], headings_of(sample))
    texts = [row["text"] for row in taught]
    files = _training_files(fixed, second_moment(vectors), texts, None)
    model = replace(model, training_files=files)

    scores = logistic(raw * model.scale + model.shift)
    evidence = HeldOut(rows, scores, calibrated, weights)
    comparison = _compare_with_shipped(fixed, fixed_passages, model, seed)
    return write_trained_encoder(
        out, model, evidence, corpus, held, meta, seed=seed, fixed=comparison
    )


def _compare_with_shipped(
    fixed: FixedSet, passages: Sequence[Row], model: EncoderModel, seed: int
) -> FixedComparison | None:
    """Set another encoder beside the shipped default, which reads the passages itself."""
    try:
        shipped = load_encoder()
    except ModelError:  # none is here: the first one is being made
        return None
    texts = [row["text"] for row in passages]
    raw = shipped.model.heads.logits(shipped.pooled(texts, headings_of(passages)))
    before = given_labels(raw, shipped.model)
    after = given_labels(model.heads.logits(fixed.pooled), model)
    return compare_on_fixed(fixed, after, before, seed)


# ---------------------------------------------------------------------------------------------
# parts


def load_encoder(start: str | os.PathLike[str] | None = None) -> EncoderScorer:
    """Load an encoder to fit heads on, the shipped one by default; `ModelError` for any other
    kind."""
    scorer = load_scorer(start)
    if not isinstance(scorer, EncoderScorer):
        problem = (
            "heads are fitted on an encoder, and this is none; give another model to start from"
        )
        raise ModelError(f"{start}: {problem}")
    return scorer


def calibration_weights(
    rows: Sequence[Row], strata: Floats, meta: Mapping[str, Any]
) -> Floats | None:
    """Weight the real ones of `rows` to the proportions of whole reports, where `meta` has them.

    `strata`, (n, 3), are probabilities of all rows by the heads of the fine-tuning. Nobody knows in
    what proportions documents of other genres hold their passages: each of these counts once.
    """
    real = np.array([is_real(row) for row in rows], bool)
    if not real.any() or "natural" not in meta:
        return None
    return natural_weights(_families(rows, real), strata[real], meta["natural"])


def report_weights(rows: Sequence[Row], strata: Floats, meta: Mapping[str, Any]) -> Floats | None:
    """Weight the real ones of `rows` as `calibration_weights` does, those of other genres with 0.

    So weighted, they measure what happens in whole reports, and nothing else.
    """
    weights = calibration_weights(rows, strata, meta)
    if weights is None:
        return None
    real = np.array([is_real(row) for row in rows], bool)
    known = np.isin(_families(rows, real), list(meta["natural"]))
    return np.where(known, weights, 0.0) if known.any() else weights


def _families(rows: Sequence[Row], chosen: Bools) -> list[str]:
    return [str(source_family(rows[i]["doc"])) for i in np.flatnonzero(chosen).tolist()]


def _own_groups(own: Sequence[Row]) -> Ints:
    return country_groups(own)


def _scores(fitted: _Fitted) -> Floats:
    raw = fitted.model.heads.logits(fitted.held_pooled)
    return logistic(raw * fitted.model.scale + fitted.model.shift)


def _with_calibration(model: EncoderModel, calibrated: Calibrated | None) -> EncoderModel:
    if calibrated is None:
        return model
    return replace(
        model,
        scale=calibrated.scale,
        shift=calibrated.shift,
        thresholds=calibrated.thresholds,
    )


def _training_files(
    fixed: FixedSet, moment: Floats, texts: Sequence[str], before: EncoderModel | None
) -> dict[str, bytes]:
    packed = io.BytesIO()
    np.savez(packed, moment=moment.astype(np.float32))
    earlier = before.training_files.get(TAUGHT, b"") if before else b""
    return {
        _FIXED: pack_fixed(fixed),
        _MOMENT: packed.getvalue(),
        TAUGHT: pack_taught(texts, earlier),
    }


def _read_moment(model: EncoderModel) -> Floats | None:
    """Read the second moment of the corpus's vectors; None for a model without."""
    if _MOMENT not in model.training_files:
        return None
    (moment,) = read_arrays(Path(_MOMENT), model.training_files[_MOMENT], ["moment"], "a moment")
    size = model.heads.weights.shape[1] + 1
    if moment.shape != (size, size) or not np.isfinite(moment).all():
        raise ModelError(f"{_MOMENT}: not a matrix of {size} rows; train or get the model anew")
    return np.asarray(moment, np.float64)


def _fixed_of(model: EncoderModel, own: Examples) -> FixedSet | None:
    """Read a model's fixed set, less the passages that now teach; None for a model without."""
    if _FIXED not in model.training_files:
        return None
    fixed = read_fixed(model.training_files[_FIXED], model.heads.weights.shape[1])
    pairs = zip(own.texts, own.headings, strict=True)
    return fixed.without([{"text": text, "section": heading} for text, heading in pairs])


def _compare(
    fixed: FixedSet, after: EncoderModel, before: EncoderModel, seed: int
) -> FixedComparison:
    new = given_labels(after.heads.logits(fixed.pooled), after)
    old = given_labels(before.heads.logits(fixed.pooled), before)
    return compare_on_fixed(fixed, new, old, seed)


def _pays(
    again: Recalibrated, before: EncoderModel, after: EncoderModel, fixed: FixedSet | None
) -> bool:
    """Whether a refitted calibration gains more on the user's rows than it loses on the fixed set.

    The same sum decides as for the penalty (`fit_penalty`).
    """
    if fixed is None or again.fall == 0:
        return True
    first, second = (on_fixed(fixed, model.heads, model) for model in (before, after))
    rise = second.loss - first.loss
    return not again.fall < ELSEWHERE * rise and not first.real - second.real > MOST_LOST / 2


def _encoder_name(meta: Mapping[str, Any]) -> str:
    return str(meta.get("base", {}).get("name", "a pretrained encoder"))


def _fine_tuning(meta: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what the card says of the encoder's fine-tuning, if ``model.json`` has all of it."""
    with suppress(KeyError, TypeError, msgspec.ValidationError):
        run = meta["training"]["settings"]
        bits = meta["weight_bits"]
        base = {name: meta["base"][name] for name in ("name", "licence", "sha256")}
        msgspec.convert([run, bits, base], tuple[_Run, int, dict[str, str]])
        return {"base": base, "run": run, "bits": bits}
    return None
