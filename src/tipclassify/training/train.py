"""Train a model from labelled passages and write its folder: one function for each kind of model.

The held-out rows (`holdout`) evaluate every kind alike: real ones calibrate and set thresholds, weighted to the
proportions of whole reports.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tipclassify.arrays import Bools, Floats, Ints
from tipclassify.corpus.holdout import held_out, is_real, natural_weights, source_family
from tipclassify.corpus.loading import Row, corpus_digest, group_rows, labels_alone
from tipclassify.errors import ModelError
from tipclassify.evaluation.behaviour_tests import row_passage
from tipclassify.evaluation.bootstrap import Comparison, compare, comparison_table
from tipclassify.evaluation.metrics import metrics_table
from tipclassify.labels import LABELS, POLICIES, indicator
from tipclassify.model.classifier import Classifier
from tipclassify.model.linear.scoring import apply_thresholds, logistic
from tipclassify.progress import Progress
from tipclassify.training.calibration import Calibrated, calibrate
from tipclassify.training.evidence import Part, country_groups, judge_model
from tipclassify.training.fit import SoftPassage, fit_model, group_folds, model_meta

if TYPE_CHECKING:
    from tipclassify.model.encoder.folder import EncoderModel
    from tipclassify.model.encoder.scoring import EncoderScorer

__all__ = ["Trained", "train_default", "train_fast", "with_and_without_headings"]

_FOLDS: Final = 5
_MIN_REAL: Final = 500  # held-out real passages needed to refit calibration and thresholds
_BARE_WEIGHT: Final = 0.5  # sample weight of a passage without its heading, beside its copy with one


@dataclass(frozen=True)
class Trained:
    """Result of a training: the model's folder, and metrics on held-out passages, all of them first.

    `on_own` and `on_held` compare the default with the user's rows ("this") and without them ("other"): on those rows,
    out of fold, and on the held-out part of the corpus.
    """

    out: Path
    parts: Sequence[Part]
    on_own: Comparison | None = None
    on_held: Comparison | None = None

    def table(self) -> str:
        """Format the metrics as aligned plain text."""
        tables = [metrics_table(self.parts[0].metrics, f"{self.parts[0].name}, not taught")]
        for name, found in (("your rows, out of fold", self.on_own), ("passages held out of the corpus", self.on_held)):
            if found:
                tables.append(f"what your rows changed on {name}\n{comparison_table(found, 'the model without them')}")
        return "\n\n".join(tables)


def train_default(
    corpus: Sequence[Row],
    own: Sequence[Row],
    out: str | os.PathLike[str],
    *,
    weight: float = 1.0,
    start: str | os.PathLike[str] | None = None,
    seed: int = 0,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> Trained:
    """Fit the heads of the default on the corpus and on the user's rows, and write the model.

    Raises `ModelError` when `start` cannot be loaded, or is no encoder, `ValueError` when no row has a label, or there
    are too few for cross-validation.

    Parameters
    ----------
    weight : float
        Sample weight of the user's rows, `own`, above 0.
    start : path, optional
        Model with the frozen encoder and the initial heads; the shipped default if omitted.
    cache : path, optional
        Folder that caches pooled vectors between trainings.
    """
    from tipclassify.training.heads import adapt_heads, out_of_fold_logits, pooled_vectors

    scorer = load_encoder(start)
    rows, model = [*corpus, *own], scorer.model
    if not any(row["labels"] for row in rows):
        raise ValueError("no passage has a label: nothing to learn; label some")
    is_own = np.arange(len(rows)) >= len(corpus)
    held = np.concatenate([held_out(corpus), np.zeros(len(own), bool)])
    texts, headings, y_true, origin, weights = with_and_without_headings(rows)
    weights = np.where(is_own[origin], weight * weights, weights)
    pooled = pooled_vectors(scorer, texts, headings, cache=cache, progress=progress)

    def adapted(chosen: Bools) -> Any:
        return adapt_heads(model.finetuned_heads, pooled[chosen], y_true[chosen], weights[chosen])

    train, first = ~held[origin], np.flatnonzero(np.diff(origin, prepend=-1))  # `first`: each row with its heading
    heads = adapted(train)
    true, raw = y_true[first], heads.logits(pooled[first])
    on_own = on_held = None
    if is_own.any():
        fold = np.full(len(rows), -1)
        fold[is_own] = group_folds(np.asarray(group_rows(rows))[is_own], _FOLDS, seed)
        out_of_fold = np.zeros(y_true.shape)
        out_of_fold[train] = out_of_fold_logits(
            model.finetuned_heads, pooled[train], y_true[train], weights[train], fold[origin][train]
        )
        raw[is_own] = out_of_fold[first][is_own]
        without = adapted(train & ~is_own[origin])
        threshold = np.array(model.thresholds["balanced"])
        limit = np.log(threshold) - np.log1p(-threshold)
        now, before = (one * model.scale + model.shift >= limit for one in (raw, without.logits(pooled[first])))
        groups = country_groups(rows)
        on_own, on_held = (
            compare(true[part], now[part], before[part], groups[part], seed=seed) if part.any() else None
            for part in (is_own, held)
        )
    evaluated = held if held.any() else is_own
    meta = {key: scorer.meta[key] for key in ("base", "training", "natural") if key in scorer.meta}
    meta["adapted_from"] = str(scorer.meta["sha256"])
    about = {"adapted_from": meta["adapted_from"]}
    model = replace(model, heads=heads)
    judged = (held, evaluated, raw[evaluated])
    trained = write_trained_encoder(out, model, rows, *judged, meta, about, seed=seed, cases=not own)
    return replace(trained, on_own=on_own, on_held=on_held)


def load_encoder(start: str | os.PathLike[str] | None = None) -> EncoderScorer:
    """Load an encoder to fit heads on, the shipped one by default; raise `ModelError` for any other kind of model."""
    from tipclassify.model.encoder.scoring import EncoderScorer
    from tipclassify.model.loading import load_scorer

    scorer = load_scorer(start)
    if not isinstance(scorer, EncoderScorer):
        raise ModelError(f"{start}: heads are fitted on an encoder, and this is none; give another model to start from")
    return scorer


def write_trained_encoder(
    out: str | os.PathLike[str],
    model: EncoderModel,
    rows: Sequence[Row],
    held: Bools,
    evaluated: Bools,
    raw: Floats,
    meta: Mapping[str, Any],
    about: Mapping[str, Any],
    *,
    seed: int = 0,
    cases: bool = True,
    files: Mapping[str, str] | None = None,
) -> Trained:
    """Calibrate an encoder on held-out rows, choose its thresholds, evaluate it, and write its folder.

    `raw` has the logits before calibration of the `evaluated` rows; the `held` ones taught nothing. With too few real
    ones the calibration and the thresholds of `model` stay. `meta` is for ``model.json``, `about` for the card.
    """
    from tipclassify.model.encoder.folder import write_encoder
    from tipclassify.model.encoder.scoring import EncoderScorer

    corpus, rows = _describe_corpus(rows, held), [rows[i] for i in np.flatnonzero(evaluated).tolist()]
    y_true = np.array([indicator(row["labels"]) for row in rows], bool)
    real = np.array([is_real(row) for row in rows], bool)
    weights = _report_weights(rows, real, logistic(raw[real] * model.scale + model.shift), meta)
    calibrated = None
    if real.sum() >= _MIN_REAL:
        fold = group_folds(country_groups(rows)[real], _FOLDS, seed)
        calibrated = calibrate(raw[real], y_true[real], fold, weights=weights)
        model = replace(model, scale=calibrated.scale, shift=calibrated.shift, thresholds=calibrated.thresholds)
    classifier = Classifier(EncoderScorer(replace(model, meta={"sha256": "", **meta})))
    predicted = _predicted(logistic(raw * model.scale + model.shift), classifier, real, calibrated)
    encoder = str(meta.get("base", {}).get("name", "a pretrained encoder"))
    about = {"name": Path(out).name, "corpus": corpus, "encoder": encoder, **about}
    parts, figures, written = judge_model(classifier, rows, y_true, *predicted, weights, about, seed, cases)
    write_encoder(out, model, model_meta(**{**meta, "corpus": corpus, **figures}), {**written, **(files or {})})
    return Trained(Path(out), parts)


def _report_weights(rows: Sequence[Row], real: Bools, scores: Floats, meta: Mapping[str, Any]) -> Floats:
    """Weight real rows, of probabilities `scores`, to the proportions of whole reports, where `meta` has them."""
    if not real.any() or "natural" not in meta:
        return np.ones(int(real.sum()) or len(rows))
    families = [str(source_family(rows[i]["doc"])) for i in np.flatnonzero(real).tolist()]
    return natural_weights(families, scores, meta["natural"])


def _predicted(
    scores: Floats, classifier: Classifier, real: Bools, calibrated: Calibrated | None
) -> tuple[Floats, dict[str, Bools]]:
    """Return scores and labels by policy, cross-fitted ones of the `real` rows that the model was calibrated on."""
    y_pred = {policy: apply_thresholds(scores, classifier.thresholds(policy)) for policy in POLICIES}
    if calibrated:
        scores[real] = calibrated.scores
        for policy in POLICIES:
            y_pred[policy][real] = calibrated.y_pred[policy]
    return scores, y_pred


def train_fast(
    rows: Sequence[Row],
    out: str | os.PathLike[str],
    *,
    soft: Sequence[SoftPassage] = (),
    vocabulary: frozenset[str] | None = None,
    weighting_model: Classifier | None = None,
    teacher: str = "",
    seed: int = 0,
    jobs: int = 1,
    progress: Progress | None = None,
) -> Trained:
    """Fit the linear model on labelled rows and on a teacher's probabilities, and write it.

    Raises `ValueError` when there are too few rows for cross-validation, or none has a label.

    Parameters
    ----------
    soft, vocabulary, jobs, progress
        As in `training.fit_model`; `teacher` describes for the card whose probabilities `soft` has.
    weighting_model : Classifier, optional
        The default, whose scores weight the held-out passages to the proportions of whole reports.
    """
    from tipclassify.model.linear.model import write_model

    texts, headings, y_true, origin, weights = with_and_without_headings(rows)
    first = np.flatnonzero(np.diff(origin, prepend=-1))
    held = held_out(rows)
    real = held & np.array([is_real(row) for row in rows])
    if real.sum() < _MIN_REAL:  # a user's own corpus: evaluate out of fold
        held[:] = real[:] = False
    kept = [row for row, mine in zip(rows, held, strict=True) if mine] if real.any() else list(rows)
    row_weights = np.ones(int(real.sum()) or len(kept))
    if real.any() and weighting_model is not None:
        probabilities = weighting_model.predict_proba([row_passage(rows[i]) for i in np.flatnonzero(real).tolist()])
        row_weights = _report_weights(rows, real, probabilities, weighting_model.meta)
    evaluated = np.zeros(len(texts), bool)
    evaluated[first[real]] = True
    weights = np.where(held[origin], 0.0, weights)
    judged: Any = {"held": evaluated, "held_weights": row_weights} if real.any() else {}
    options: Any = {"soft": soft, "vocabulary": vocabulary, "seed": seed, "jobs": jobs, "progress": progress}
    groups = country_groups(rows)[origin]
    fitted = fit_model(texts, y_true, groups, headings=headings, weights=weights, **judged, **options)
    classifier, calibrated = Classifier(fitted.model), fitted.calibrated
    true = np.array([indicator(row["labels"]) for row in kept], bool)
    if real.any():
        predicted = _predicted(
            classifier.predict_proba(list(map(row_passage, kept))), classifier, real[held], calibrated
        )
    else:
        y_pred = {policy: calibrated.y_pred[policy][first] for policy in POLICIES}
        predicted = calibrated.scores[first], y_pred
    corpus = _describe_corpus(rows, held)
    about = {"name": Path(out).name, "corpus": corpus, **({"soft": len(soft), "teacher": teacher} if soft else {})}
    parts, figures, files = judge_model(classifier, kept, true, *predicted, row_weights, about, seed)
    meta = model_meta(corpus=corpus, settings={"seed": seed, "soft": len(soft)}, **figures)
    write_model(replace(fitted.model, meta=meta), out, files)
    return Trained(Path(out), parts)


def with_and_without_headings(rows: Sequence[Row]) -> tuple[list[str], list[str | None], Bools, Ints, Floats]:
    """Expand rows into training examples: each with its heading, then real ones without it (`labels_alone`) too.

    Returns texts, headings, labels (m, 3), the row number of each example, ascending, and sample weights.
    """
    examples: list[tuple[str, str | None, tuple[bool, bool, bool], int, float]] = []
    for number, row in enumerate(rows):
        section = row.get("section") or None
        examples.append((row["text"], section, indicator(row["labels"]), number, 1.0))
        if section and is_real(row):
            examples.append((row["text"], None, indicator(labels_alone(row)), number, _BARE_WEIGHT))
    texts, headings, labels, origin, weights = zip(*examples, strict=True) if examples else ((),) * 5
    y_true = np.array(labels, bool).reshape(-1, len(LABELS))
    return list(texts), list(headings), y_true, np.array(origin, np.int64), np.array(weights, np.float64)


def _describe_corpus(rows: Sequence[Row], held: Bools) -> dict[str, Any]:
    """Summarise a corpus for ``model.json``: counts of passages by kind and label, and its SHA-256."""
    return {
        "passages": len(rows),
        "real": sum(map(is_real, rows)),
        "held_out": int(held.sum()),
        "sha256": corpus_digest(rows),
        "labels": {label: sum(label in row["labels"] for row in rows) for label in LABELS},
    }
