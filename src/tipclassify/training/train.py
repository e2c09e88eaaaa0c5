"""Train a model from labelled passages and write its folder: one function for each kind of model.

Rows come in, a model folder with its card goes out. The held-out rows (`holdout`) evaluate every kind alike: real ones
calibrate and set thresholds, weighted to the proportions of whole reports. Training passages of an encoder never
evaluate its heads.
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
from tipclassify.evaluation.bootstrap import Comparison, compare, comparison_table
from tipclassify.evaluation.metrics import metrics_table
from tipclassify.labels import LABELS, POLICIES, indicator
from tipclassify.model.classifier import Classifier
from tipclassify.model.linear.scoring import apply_thresholds, logistic
from tipclassify.progress import Progress
from tipclassify.training.calibration import calibrate
from tipclassify.training.evidence import HeldOutPredictions, collect_evidence, country_groups, golden_rows, row_passage
from tipclassify.training.fit import SoftPassage, fit_model, group_folds, model_meta
from tipclassify.training.model_card import Part, model_card

if TYPE_CHECKING:
    from tipclassify.model.encoder.folder import EncoderModel
    from tipclassify.model.encoder.scoring import EncoderScorer

__all__ = ["Trained", "describe_corpus", "describe_training_data", "train_default", "train_fast"]
__all__ += ["with_and_without_headings", "write_trained_encoder"]

_FOLDS: Final = 5
_MIN_REAL: Final = 500  # held-out real passages needed to refit calibration and thresholds
_BARE_WEIGHT: Final = 0.5  # sample weight of a passage without its heading, beside its copy with one
_TAGS: Final = "It tags sentences of English reports on what governments do about human trafficking"
_ENCODER_LIMITS: Final = (
    "What flows between layers is brought to whole numbers as it comes, which processors round differently: a "
    "probability may differ\nthere by some thousandths as a rule, and by over a tenth at worst. `golden.jsonl` holds "
    "scores of held-out passages from the machine that trained;\n`tipclassify check` allows for that. A passage longer "
    "than the window is scored in overlapping parts and takes each label's highest score. Reasons\nare falls of the "
    "log-odds when words are masked, not weights that add up."
)


@dataclass(frozen=True)
class Trained:
    """Result of a training.

    Attributes
    ----------
    out : Path
        The model's folder.
    parts : sequence of Part
        Metrics on held-out passages, all of them first.
    on_own, on_held : Comparison or None
        The default with the user's rows ("this") and without them ("other"): on those rows, out of fold, and on the
        held-out part of the corpus.
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


# --------------------------------------------------------------------------------------------- encoders


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

    Parameters
    ----------
    corpus, own : sequence of rows
        Rows of the project's corpus, real passages included, and of the user.
    weight : float
        Sample weight of the user's rows, above 0.
    start : path, optional
        Model with the frozen encoder and the initial heads; the shipped default if omitted.
    cache : path, optional
        Folder that caches pooled vectors between trainings.

    Raises
    ------
    ModelError
        When `start` cannot be loaded, or is no encoder.
    ValueError
        When no row has a label, or there are too few for cross-validation.
    """
    from tipclassify.training.heads import adapt_heads, out_of_fold_logits, pooled_vectors

    scorer = load_encoder(start)
    rows, model = [*corpus, *own], scorer.model
    if not any(row["labels"] for row in rows):
        raise ValueError("no passage has a label: nothing to learn; label some")
    is_own = np.arange(len(rows)) >= len(corpus)
    held = np.zeros(len(rows), bool)
    held[~is_own] = held_out(corpus)
    texts, headings, y_true, origin, weights = with_and_without_headings(rows)
    weights = np.where(is_own[origin], weight * weights, weights)
    pooled = pooled_vectors(scorer, texts, headings, cache=cache, progress=progress)
    train, first = ~held[origin], np.flatnonzero(np.diff(origin, prepend=-1))  # `first`: each row with its heading
    heads = adapt_heads(model.finetuned_heads, pooled[train], y_true[train], weights[train])
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
        others = train & ~is_own[origin]
        without = (
            adapt_heads(model.finetuned_heads, pooled[others], y_true[others], weights[others])
            if others.any()
            else model.finetuned_heads
        )
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
    meta |= {"adapted_from": str(scorer.meta["sha256"]), "corpus": describe_corpus(rows, held)}
    trained = (
        f"{describe_training_data(rows, held)} The encoder is that of model `{str(scorer.meta['sha256'])[:12]}`, which "
        "learned from more; only its heads were fitted on these."
    )
    kept = [rows[i] for i in np.flatnonzero(evaluated)]
    parts = write_trained_encoder(
        out, replace(model, heads=heads), kept, raw[evaluated], true[evaluated], meta, trained, seed=seed, cases=not own
    )
    return Trained(Path(out), parts, on_own, on_held)


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
    raw: Floats,
    y_true: Bools,
    meta: Mapping[str, Any],
    trained: str,
    *,
    seed: int = 0,
    cases: bool = True,
    files: Mapping[str, str] | None = None,
) -> Sequence[Part]:
    """Calibrate an encoder on held-out rows, choose its thresholds, evaluate it, and write its folder.

    Parameters
    ----------
    rows : sequence of rows
        Held-out rows, with their logits before calibration, `raw` (n, 3), and `y_true` (n, 3). With too few real ones
        the calibration and the thresholds of `model` stay.
    meta : mapping
        Further plain values for ``model.json``; ``natural`` from `holdout.natural_shares`.
    trained : str
        Description of the training data, for the card.
    """
    from tipclassify.model.encoder.folder import write_encoder
    from tipclassify.model.encoder.scoring import EncoderScorer

    real = np.array([is_real(row) for row in rows], bool)
    weights = np.ones(int(real.sum()) or len(rows))
    if real.any() and "natural" in meta:
        families = [str(source_family(row["doc"])) for row in rows if is_real(row)]
        weights = natural_weights(families, logistic(raw[real] * model.scale + model.shift), meta["natural"])
    calibrated = None
    if real.sum() >= _MIN_REAL:
        fold = group_folds(country_groups(rows)[real], _FOLDS, seed)
        calibrated = calibrate(raw[real], y_true[real], fold, weights=weights)
        model = replace(model, scale=calibrated.scale, shift=calibrated.shift, thresholds=calibrated.thresholds)
    scores = logistic(raw * model.scale + model.shift)
    y_pred = {policy: apply_thresholds(scores, np.array(model.thresholds[policy])) for policy in POLICIES}
    if calibrated:
        scores[real] = calibrated.scores
        for policy in POLICIES:
            y_pred[policy][real] = calibrated.y_pred[policy]
    classifier = Classifier(EncoderScorer(replace(model, meta={"sha256": "", **meta})))
    predictions = HeldOutPredictions(rows, y_true, scores, y_pred, weights)
    evidence, metrics = collect_evidence(predictions, classifier, seed, cases)
    name = str(meta.get("base", {}).get("name", "a pretrained encoder"))
    what = (
        f"{_TAGS}. {name}, fine-tuned, reads a sentence under the heading of its section; a logistic regression for "
        "each label reads its pooled vector."
    )
    card = model_card(Path(out).name, what, trained, evidence, _ENCODER_LIMITS)
    texts = {"README.md": card, "golden.jsonl": golden_rows(classifier, rows), **(files or {})}
    write_encoder(out, model, model_meta(**{**meta, **metrics}), texts)
    return evidence.parts


# --------------------------------------------------------------------------------------------- the linear model


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

    Parameters
    ----------
    soft : sequence of (text, heading, probabilities)
        Further passages with a teacher's probability of each label.
    vocabulary : frozenset of str, optional
        Words known in lower case; by default those of the rows.
    weighting_model : Classifier, optional
        The default, whose scores weight the held-out passages to the proportions of whole reports.
    teacher : str
        Description of the teacher, for the card.

    Raises
    ------
    ValueError
        When there are too few rows for cross-validation, or none has a label.
    """
    from tipclassify.model.linear.model import write_model

    texts, headings, y_true, origin, weights = with_and_without_headings(rows)
    first = np.flatnonzero(np.diff(origin, prepend=-1))
    held = held_out(rows)
    real = held & np.array([is_real(row) for row in rows])
    real_weights = None
    if real.sum() < _MIN_REAL:  # a user's own corpus: evaluate out of fold
        held[:] = real[:] = False
    elif weighting_model is not None and "natural" in weighting_model.meta:
        real_rows = [rows[i] for i in np.flatnonzero(real).tolist()]
        families = [str(source_family(row["doc"])) for row in real_rows]
        probabilities = weighting_model.predict_proba(list(map(row_passage, real_rows)))
        real_weights = natural_weights(families, probabilities, weighting_model.meta["natural"])
    evaluated = np.zeros(len(texts), bool)
    evaluated[first[real]] = True
    fitted = fit_model(
        texts,
        y_true,
        country_groups(rows)[origin],
        headings=headings,
        weights=np.where(held[origin], 0.0, weights),
        held=evaluated if real.any() else None,
        held_weights=real_weights,
        soft=soft,
        vocabulary=vocabulary,
        seed=seed,
        jobs=jobs,
        progress=progress,
    )
    classifier = Classifier(fitted.model)
    if real.any():
        kept = [rows[i] for i in np.flatnonzero(held).tolist()]
        scores = classifier.predict_proba(list(map(row_passage, kept)))
        y_pred = {policy: apply_thresholds(scores, classifier.thresholds(policy)) for policy in POLICIES}
        scores[real[held]] = fitted.scores
        for policy in POLICIES:
            y_pred[policy][real[held]] = fitted.y_pred[policy]
    else:
        kept = list(rows)
        scores, y_pred = fitted.scores[first], {policy: fitted.y_pred[policy][first] for policy in POLICIES}
    true = np.array([indicator(row["labels"]) for row in kept], bool)
    row_weights = np.ones(int(real.sum()) or len(kept)) if real_weights is None else real_weights
    predictions = HeldOutPredictions(kept, true, scores, y_pred, row_weights)
    evidence, metrics = collect_evidence(predictions, classifier, seed)
    trained = describe_training_data(rows, held)
    if soft:
        trained += f" Beside them {len(soft):,} passages without labels, by the scores of {teacher}."
    what = (
        f"{_TAGS}: a sum of weights of hashed n-grams of the sentence, of its best clause and of the heading of its "
        "section, by numpy alone."
    )
    card = model_card(Path(out).name, what, trained, evidence)
    meta = {"corpus": describe_corpus(rows, held), "settings": {"seed": seed, "soft": len(soft)}, **metrics}
    files = {"README.md": card, "golden.jsonl": golden_rows(classifier, kept)}
    write_model(replace(fitted.model, meta=model_meta(**meta)), out, files)
    return Trained(Path(out), evidence.parts)


# --------------------------------------------------------------------------------------------- rows


def with_and_without_headings(rows: Sequence[Row]) -> tuple[list[str], list[str | None], Bools, Ints, Floats]:
    """Expand rows into training examples: each with its heading, and real ones without it too.

    An example without its heading has the labels from `labels_alone`.

    Returns
    -------
    texts, headings : list (m,)
    y_true : bool (m, 3)
    origin : int (m,)
        Row number of each example, ascending; the example with the heading comes first.
    weights : float (m,)
        Sample weights.
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


def describe_corpus(rows: Sequence[Row], held: Bools) -> dict[str, Any]:
    """Summarise a corpus for ``model.json``: counts of passages by kind and label, and its SHA-256."""
    return {
        "passages": len(rows),
        "real": sum(map(is_real, rows)),
        "held_out": int(held.sum()),
        "sha256": corpus_digest(rows),
        "labels": {label: sum(label in row["labels"] for row in rows) for label in LABELS},
    }


def describe_training_data(rows: Sequence[Row], held: Bools) -> str:
    """Describe the training data, for the model card."""
    corpus = describe_corpus(rows, held)
    counts = ", ".join(f"`{label}` {n:,}" for label, n in corpus["labels"].items())
    share = "one country in ten of real reports, one group in ten of the others"
    kept = f"{corpus['held_out']:,} of them were held out: {share}."
    return (
        f"{len(rows):,} labelled passages ({counts}): {corpus['real']:,} real passages of public reports and "
        f"{len(rows) - corpus['real']:,} others. Those of the project's corpus were labelled by language models. "
        f"SHA-256 of all: `{corpus['sha256']}`. "
        + (kept if held.any() else "None was held out: each was judged by a model that did not see its group.")
    )
