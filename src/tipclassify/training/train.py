"""Train a model, evaluate it on held-out passages, and write its folder: one function for each kind of model."""

from __future__ import annotations

import gzip
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
from tipclassify.corpus.loading import Row, corpus_digest, group_rows, labels_alone, text_key
from tipclassify.errors import InputError, ModelError
from tipclassify.evaluation.behaviour_tests import row_passage
from tipclassify.evaluation.bootstrap import Comparison, compare, comparison_table
from tipclassify.evaluation.metrics import metrics_table
from tipclassify.formatting import load_json
from tipclassify.labels import LABELS, indicator
from tipclassify.model.classifier import Classifier
from tipclassify.model.encoder.folder import EncoderModel, write_encoder
from tipclassify.model.encoder.scoring import EncoderScorer
from tipclassify.model.linear.model import write_model
from tipclassify.model.linear.scoring import apply_thresholds
from tipclassify.model.loading import load_scorer
from tipclassify.progress import Progress
from tipclassify.text.document import Passage
from tipclassify.training.calibration import calibrate
from tipclassify.training.evidence import Part, country_groups, judge_model
from tipclassify.training.fit import SoftPassage, fit_model, group_folds, model_meta
from tipclassify.training.heads import CORPUS_PENALTY, PENALTY, adapt_heads, out_of_fold_logits, pooled_vectors

__all__ = ["Trained", "read_unlabelled", "score_unlabelled", "train_default", "train_fast", "with_and_without_headings"]

_FOLDS: Final = 5
_MIN_REAL: Final = 500  # held-out real passages needed to refit calibration and thresholds
_TWINS: Final = 2.0  # sample weight of an invented near twin when the corpus is refitted, as in its fine-tuning
_BARE_WEIGHT: Final = 0.5  # sample weight of a passage without its heading, beside its copy with one
_BATCH: Final = 1_000  # unlabelled passages between two reports of progress

Unlabelled = tuple[str, str | None, str]  # text, heading and source of a passage


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
    twins: int = 1
    focal: float = 0.0


@dataclass(frozen=True)
class Trained:
    """Result of a training: the model's folder, and metrics on held-out passages, all of them first.

    `on_own` and `on_held` compare the default with and without the user's rows, on these and on the held-out passages.
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
    adapt: bool = False,
    seed: int = 0,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> Trained:
    """Fit the heads of the default on the corpus and on the user's rows, `own`, and write the model.

    `weight`, above 0, is the sample weight of the user's rows; `start` the model with the frozen encoder and the
    initial heads, the shipped default if omitted; `cache` a folder for pooled vectors between trainings. With a corpus
    the heads start from those of the fine-tuning; the user's rows alone, or any with `adapt`, move those in use. With
    `adapt` the comparison is with the heads in use, and calibration and thresholds stay. Raises `ModelError` when
    `start` is no encoder, `ValueError` when no row has a label, or too few can be held out.
    """
    scorer = load_encoder(start)
    rows, model = [*corpus, *own], scorer.model
    if not any(row["labels"] for row in rows):
        raise ValueError("no passage has a label: nothing to learn; label some")
    is_own = np.arange(len(rows)) >= len(corpus)
    held = np.concatenate([held_out(corpus), np.zeros(len(own), bool)])
    texts, headings, y_true, origin, weights = with_and_without_headings(rows)
    refit = bool(corpus) and not adapt
    twins = np.array([refit and bool(row.get("pair")) and not is_real(row) for row in rows])
    weights = np.where(is_own[origin], weight * weights, np.where(twins[origin], _TWINS * weights, weights))
    pooled = pooled_vectors(scorer, texts, headings, cache=cache, progress=progress)

    initial, penalty = (model.finetuned_heads, CORPUS_PENALTY) if refit else (model.heads, PENALTY)

    def adapted(chosen: Bools) -> Any:
        return adapt_heads(initial, pooled[chosen], y_true[chosen], weights[chosen], penalty)

    train, first = ~held[origin], np.flatnonzero(np.diff(origin, prepend=-1))  # `first`: each row with its heading
    heads = adapted(train)
    true, raw = y_true[first], heads.logits(pooled[first])
    on_own = on_held = None
    if is_own.any():
        fold = np.full(len(rows), -1)
        fold[is_own] = group_folds(np.asarray(group_rows(rows))[is_own], _FOLDS, seed)
        out_of_fold = np.zeros(y_true.shape)
        out_of_fold[train] = out_of_fold_logits(
            initial, pooled[train], y_true[train], weights[train], fold[origin][train], penalty
        )
        raw[is_own] = out_of_fold[first][is_own]
        without = initial if adapt else adapted(train & ~is_own[origin])
        now, before = (
            apply_thresholds(logistic(one * model.scale + model.shift), model.thresholds["balanced"])
            for one in (raw, without.logits(pooled[first]))
        )
        groups = country_groups(rows)
        on_own, on_held = (
            compare(true[part], now[part], before[part], groups[part], seed=seed) if part.any() else None
            for part in (is_own, held)
        )
    evaluated = held if held.any() else is_own
    kept = ("base", "training", "natural", "weight_bits", *(() if own else ("adapted_from",)))  # the same bytes again
    meta = {"adapted_from": str(scorer.meta["sha256"])} | {key: scorer.meta[key] for key in kept if key in scorer.meta}
    strata = logistic(model.finetuned_heads.logits(pooled[first][evaluated]))
    about, judged = {"adapted_from": meta["adapted_from"]}, (held, evaluated, raw[evaluated], strata)
    model = replace(model, heads=heads)
    options: Any = {"seed": seed, "cases": not own, "recalibrate": not adapt}
    trained = write_trained_encoder(out, model, rows, *judged, meta, about, **options)
    return replace(trained, on_own=on_own, on_held=on_held)


def load_encoder(start: str | os.PathLike[str] | None = None) -> EncoderScorer:
    """Load an encoder to fit heads on, the shipped one by default; raise `ModelError` for any other kind of model."""
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
    strata: Floats,
    meta: Mapping[str, Any],
    about: Mapping[str, Any],
    *,
    seed: int = 0,
    cases: bool = True,
    recalibrate: bool = True,
) -> Trained:
    """Calibrate an encoder on held-out rows, choose its thresholds, evaluate it, and write its folder.

    `raw` has the uncalibrated logits of the `evaluated` rows, `strata` their probabilities by the heads of the
    fine-tuning, of which ``natural`` in `meta` has the shares; the `held` rows taught nothing. Without `recalibrate` or
    with too few real ones, those of `model` stay. `meta` is for ``model.json``, `about` for the card.
    """
    corpus, rows = _describe_corpus(rows, held), [rows[i] for i in np.flatnonzero(evaluated).tolist()]
    real = np.array([is_real(row) for row in rows], bool)
    weights = _report_weights(rows, real, strata[real], meta)
    calibrated = None
    if recalibrate and real.sum() >= _MIN_REAL:
        y_true = np.array([indicator(row["labels"]) for row in rows], bool)[real]
        fold = group_folds(country_groups(rows)[real], _FOLDS, seed)
        calibrated = calibrate(raw[real], y_true, fold, weights)
        model = replace(model, scale=calibrated.scale, shift=calibrated.shift, thresholds=calibrated.thresholds)
    classifier = Classifier(EncoderScorer(replace(model, meta={"sha256": "", **meta})))
    scores = logistic(raw * model.scale + model.shift)
    encoder = str(meta.get("base", {}).get("name", "a pretrained encoder"))
    about = {"name": Path(out).name, "corpus": corpus, "encoder": encoder, **_fine_tuning(meta), **about}
    parts, figures, written = judge_model(classifier, rows, scores, calibrated, weights, about, seed, cases)
    write_encoder(out, model, model_meta(**{**meta, "corpus": corpus, **figures}), written)
    return Trained(Path(out), parts)


def _fine_tuning(meta: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the card says of the encoder's fine-tuning, if ``model.json`` has all of it."""
    with suppress(KeyError, TypeError, msgspec.ValidationError):
        runs, bits = [*meta["training"]["earlier"], meta["training"]["settings"]], meta["weight_bits"]
        base = {name: meta["base"][name] for name in ("name", "licence", "sha256")}
        msgspec.convert([runs, bits, base], tuple[list[_Run], int, dict[str, str]])
        return {"base": base, "runs": runs, "bits": bits} if runs else {}
    return {}


def _report_weights(rows: Sequence[Row], real: Bools, scores: Floats, meta: Mapping[str, Any]) -> Floats | None:
    """Weight real rows, of probabilities `scores`, to the proportions of whole reports, where `meta` has them."""
    if not real.any() or "natural" not in meta:
        return None
    families = [str(source_family(rows[i]["doc"])) for i in np.flatnonzero(real).tolist()]
    return natural_weights(families, scores, meta["natural"])


def train_fast(
    rows: Sequence[Row],
    out: str | os.PathLike[str],
    *,
    soft: Sequence[SoftPassage] = (),
    vocabulary: frozenset[str] | None = None,
    weighting_model: EncoderModel | None = None,
    teacher: str = "",
    seed: int = 0,
    jobs: int = 1,
    progress: Progress | None = None,
) -> Trained:
    """Fit the linear model on labelled rows and on a teacher's probabilities, and write it; errors as in `fit_model`.

    `teacher` describes for the card whose probabilities `soft` has. The scores of `weighting_model`, the default,
    weight the held-out passages to the proportions of whole reports.
    """
    texts, headings, y_true, origin, weights = with_and_without_headings(rows)
    first = np.flatnonzero(np.diff(origin, prepend=-1))
    held = held_out(rows)
    real = held & np.array([is_real(row) for row in rows])
    options: Any = {"soft": soft, "vocabulary": vocabulary, "seed": seed, "jobs": jobs, "progress": progress}
    kept, row_weights = rows, None
    if real.sum() < _MIN_REAL:  # a user's own corpus: evaluate out of fold
        held[:] = False
    else:
        kept = [row for row, mine in zip(rows, held, strict=True) if mine]
        if weighting_model is not None:
            plain = EncoderScorer(weighting_model.as_finetuned())
            of_row = [(rows[i]["text"], rows[i].get("section") or None) for i in np.flatnonzero(real).tolist()]
            strata = logistic(plain.logits(*map(list, zip(*of_row, strict=True))))
            row_weights = _report_weights(rows, real, strata, weighting_model.meta)
        evaluated = np.zeros(len(texts), bool)
        evaluated[first[real]] = True
        options |= {"held": evaluated, "held_weights": row_weights}
    weights = np.where(held[origin], 0.0, weights)
    groups = country_groups(rows)[origin]
    fitted = fit_model(texts, y_true, groups, headings=headings, weights=weights, **options)
    classifier, calibrated = Classifier(fitted.model), fitted.calibrated
    if held.any():
        scores = classifier.predict_proba(list(map(row_passage, kept)))
    else:
        scores = calibrated.scores[first]
        y_pred = {policy: labels[first] for policy, labels in calibrated.y_pred.items()}
        calibrated = replace(calibrated, scores=scores, y_pred=y_pred)
    corpus = _describe_corpus(rows, held)
    about = {"name": Path(out).name, "corpus": corpus, **({"soft": len(soft), "teacher": teacher} if soft else {})}
    parts, figures, files = judge_model(classifier, kept, scores, calibrated, row_weights, about, seed)
    meta = model_meta(corpus=corpus, settings={"seed": seed, "soft": len(soft)}, **figures)
    write_model(replace(fitted.model, meta=meta), out, files)
    return Trained(Path(out), parts)


def read_unlabelled(paths: Sequence[Path], known: Sequence[str], most: int | None, seed: int) -> list[Unlabelled]:
    """Read up to `most` distinct passages from JSON lines, shuffled by `seed`, without the texts in `known`.

    Raises `InputError` when a file is not JSON lines with a ``text``.
    """
    seen = set(map(text_key, known))
    found: list[Unlabelled] = []
    for path in paths:
        try:
            with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8") as lines:
                for row in map(load_json, lines):
                    if (key := text_key(row["text"])) not in seen:
                        seen.add(key)
                        found.append((row["text"], row.get("section") or None, f"{row.get('source') or ''}"))
        except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError) as error:
            what = f"{path}: not JSON lines with a text each ({error}); give a .jsonl or .jsonl.gz file"
            raise InputError(what) from None
    order = np.random.default_rng([seed, 2]).permutation(len(found))[:most]
    return [found[i] for i in order.tolist()]


def score_unlabelled(
    teacher: Classifier, pool: Sequence[Unlabelled], progress: Progress | None = None
) -> list[SoftPassage]:
    """Compute soft labels; one passage in three is scored without its heading, to train on bare text too."""
    bare = [(text, heading if number % 3 else None) for number, (text, heading, _) in enumerate(pool)]
    found: list[SoftPassage] = []
    for first in range(0, len(bare), _BATCH):
        batch = bare[first : first + _BATCH]
        scores = teacher.predict_proba([Passage(text, 0, len(text), heading) for text, heading in batch]).tolist()
        found += ((*one, row) for one, row in zip(batch, scores, strict=True))
        if progress:
            progress(len(found), len(pool))
    return found


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
