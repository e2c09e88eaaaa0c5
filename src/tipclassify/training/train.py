"""Train a model from labelled passages and write its folder: the steps of ``train.py`` behind one call a kind of model.

What is held out (`holdout`) measures every kind alike: real passages calibrate and set thresholds, each counted so that together
they stand for whole reports. Passages that taught an encoder are no evidence for its heads, and are not counted as such.
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
from tipclassify.training.evidence import Judged, country_groups, evidence_of, golden_rows, row_passage
from tipclassify.training.fit import SoftPassage, fit_model, group_folds, model_meta
from tipclassify.training.model_card import Part, model_card

if TYPE_CHECKING:
    from tipclassify.model.encoder.folder import EncoderModel
    from tipclassify.model.encoder.scoring import EncoderScorer

__all__ = ["Trained", "bare_and_headed", "described_corpus", "learned_from", "train_default", "train_fast"]
__all__ += ["write_trained_encoder"]

_FOLDS: Final = 5
_ENOUGH: Final = 500  # real passages held out, from which calibration and thresholds are set anew
_BARE: Final = 0.5  # weight of a passage read without its heading beside the same under it
_TAGS: Final = "It tags sentences of English reports on what governments do about human trafficking"
_ENCODER_LIMITS: Final = """What flows between layers is brought to whole numbers as it comes, which processors round differently: a probability may differ
there by some thousandths as a rule, and by over a tenth at worst. `golden.jsonl` holds scores of held-out passages from the machine that trained;
`tipclassify check` allows for that. A passage longer than the window is scored in overlapping parts and takes each label's highest score. Reasons
are falls of the log-odds when words are masked, not weights that add up."""


@dataclass(frozen=True)
class Trained:
    """The result of a training.

    Attributes
    ----------
    out : Path
        The model's folder.
    parts : sequence of Part
        Metrics on what taught the model nothing, the whole first.
    on_own, on_held : Comparison or None
        The default with the user's rows ("this") and without them ("other"): on those rows, out of fold, and on what was held
        out of the corpus.
    """

    out: Path
    parts: Sequence[Part]
    on_own: Comparison | None = None
    on_held: Comparison | None = None

    def table(self) -> str:
        """Lay out the metrics as aligned plain text."""
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
    """Fit the heads of the default on the corpus and on rows of one's own, and write the model.

    Parameters
    ----------
    corpus, own : sequence of rows
        Rows of the project's corpus, real passages included, and of the user.
    weight : float
        How much each row of one's own counts.
    start : path, optional
        Model whose encoder stays as it is and whose own heads the new ones start from; the shipped default without.
    cache : path, optional
        Folder where pooled vectors are kept from one training to the next.

    Raises
    ------
    ModelError
        When `start` cannot be used, or is no encoder.
    ValueError
        When no row has a label, or there are too few to hold some out.
    """
    from tipclassify.training.heads import adapt_heads, cross_adapted, pooled_vectors

    scorer = load_encoder(start)
    rows, model = [*corpus, *own], scorer.model
    if not any(row["labels"] for row in rows):
        raise ValueError("no passage has a label: nothing to learn; label some")
    mine = np.arange(len(rows)) >= len(corpus)
    held = np.zeros(len(rows), bool)
    held[~mine] = held_out(corpus)
    texts, headings, y_true, origin, weights = bare_and_headed(rows)
    weights = np.where(mine[origin], weight * weights, weights)
    pooled = pooled_vectors(scorer, texts, headings, cache=cache, progress=progress)
    taught, first = ~held[origin], np.flatnonzero(np.diff(origin, prepend=-1))  # `first`: each row under its heading
    heads = adapt_heads(model.finetuned_heads, pooled[taught], y_true[taught], weights[taught])
    true, raw = y_true[first], heads.logits(pooled[first])
    on_own = on_held = None
    if mine.any():
        fold = np.full(len(rows), -1)
        fold[mine] = group_folds(np.asarray(group_rows(rows))[mine], _FOLDS, seed)
        crossed = np.zeros(y_true.shape)
        crossed[taught] = cross_adapted(
            model.finetuned_heads, pooled[taught], y_true[taught], weights[taught], fold[origin][taught]
        )
        raw[mine] = crossed[first][mine]
        others = taught & ~mine[origin]
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
            for part in (mine, held)
        )
    judged = held if held.any() else mine
    meta = {key: scorer.meta[key] for key in ("base", "training", "natural") if key in scorer.meta}
    meta |= {"adapted_from": str(scorer.meta["sha256"]), "corpus": described_corpus(rows, held)}
    trained = (
        f"{learned_from(rows, held)} The encoder is that of model `{str(scorer.meta['sha256'])[:12]}`, which learned from more; only "
        "its heads were fitted on these."
    )
    kept = [rows[i] for i in np.flatnonzero(judged)]
    parts = write_trained_encoder(
        out, replace(model, heads=heads), kept, raw[judged], true[judged], meta, trained, seed=seed, cases=not own
    )
    return Trained(Path(out), parts, on_own, on_held)


def load_encoder(start: str | os.PathLike[str] | None = None) -> EncoderScorer:
    """Load the encoder that heads are fitted on, the shipped default by default; raise `ModelError` if it is none."""
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
    """Calibrate an encoder on rows that taught it nothing, set its thresholds, measure it, and write its folder.

    Parameters
    ----------
    rows : sequence of rows
        With their log-odds before calibration, `raw` (n, 3), and `y_true` (n, 3). With too few real ones the
        calibration and the thresholds of `model` stay.
    meta : mapping
        Further plain values for ``model.json``; ``natural`` as `holdout.natural_shares` gives it.
    trained : str
        What it learned from, for the card.
    """
    from tipclassify.model.encoder.folder import write_encoder
    from tipclassify.model.encoder.scoring import EncoderScorer

    real = np.array([is_real(row) for row in rows], bool)
    weights = np.ones(int(real.sum()) or len(rows))
    if real.any() and "natural" in meta:
        families = [str(source_family(row["doc"])) for row in rows if is_real(row)]
        weights = natural_weights(families, logistic(raw[real] * model.scale + model.shift), meta["natural"])
    chosen = None
    if real.sum() >= _ENOUGH:
        fold = group_folds(country_groups(rows)[real], _FOLDS, seed)
        chosen = calibrate(raw[real], y_true[real], fold, weights=weights)
        model = replace(model, scale=chosen.scale, shift=chosen.shift, thresholds=chosen.thresholds)
    scores = logistic(raw * model.scale + model.shift)
    given = {policy: scores >= np.array(model.thresholds[policy]) for policy in POLICIES}
    if chosen:
        scores[real] = chosen.scores
        for policy in POLICIES:
            given[policy][real] = chosen.given[policy]
    classifier = Classifier(EncoderScorer(replace(model, meta={"sha256": "", **meta})))
    evidence, figures = evidence_of(Judged(rows, y_true, scores, given, weights), classifier, seed, cases)
    name = str(meta.get("base", {}).get("name", "a pretrained encoder"))
    what = (
        f"{_TAGS}. {name}, fine-tuned, reads a sentence under the heading of its section; a logistic regression for "
        "each label reads its pooled vector."
    )
    card = model_card(Path(out).name, what, trained, evidence, _ENCODER_LIMITS)
    texts = {"README.md": card, "golden.jsonl": golden_rows(classifier, rows), **(files or {})}
    write_encoder(out, model, model_meta(**{**meta, **figures}), texts)
    return evidence.parts


# --------------------------------------------------------------------------------------------- the linear model


def train_fast(
    rows: Sequence[Row],
    out: str | os.PathLike[str],
    *,
    soft: Sequence[SoftPassage] = (),
    vocabulary: frozenset[str] | None = None,
    judge: Classifier | None = None,
    taught: str = "",
    seed: int = 0,
    jobs: int = 1,
    progress: Progress | None = None,
) -> Trained:
    """Fit the linear model on labelled rows and on a teacher's scores, and write it.

    Parameters
    ----------
    soft : sequence of (text, heading, probabilities)
        Further passages with what a teacher says of each label.
    vocabulary : frozenset of str, optional
        Words known in lower case; by default those of the rows.
    judge : Classifier, optional
        The default, whose scores say how many passages of a report each held-out passage stands for.
    taught : str
        What the teacher was, for the card.

    Raises
    ------
    ValueError
        When there are too few rows to hold some out, or none has a label.
    """
    from tipclassify.model.linear.model import write_model

    texts, headings, y_true, origin, weights = bare_and_headed(rows)
    first = np.flatnonzero(np.diff(origin, prepend=-1))
    held = held_out(rows)
    real = held & np.array([is_real(row) for row in rows])
    counts = None
    if real.sum() < _ENOUGH:  # a corpus of one's own: each row is judged by a model that did not see its fold
        held[:] = real[:] = False
    elif judge is not None and "natural" in judge.meta:
        here = [rows[i] for i in np.flatnonzero(real).tolist()]
        families = [str(source_family(row["doc"])) for row in here]
        counts = natural_weights(families, judge.predict_proba(list(map(row_passage, here))), judge.meta["natural"])
    judged = np.zeros(len(texts), bool)
    judged[first[real]] = True
    fitted = fit_model(
        texts,
        y_true,
        country_groups(rows)[origin],
        headings=headings,
        weights=np.where(held[origin], 0.0, weights),
        held=judged if real.any() else None,
        held_weights=counts,
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
        given = {policy: apply_thresholds(scores, classifier.thresholds(policy)) for policy in POLICIES}
        scores[real[held]] = fitted.scores
        for policy in POLICIES:
            given[policy][real[held]] = fitted.given[policy]
    else:
        kept = list(rows)
        scores, given = fitted.scores[first], {policy: fitted.given[policy][first] for policy in POLICIES}
    true = np.array([indicator(row["labels"]) for row in kept], bool)
    counts = np.ones(int(real.sum()) or len(kept)) if counts is None else counts
    evidence, figures = evidence_of(Judged(kept, true, scores, given, counts), classifier, seed)
    learned = learned_from(rows, held)
    if soft:
        learned += f" Beside them {len(soft):,} passages without labels, by the scores of {taught}."
    what = (
        f"{_TAGS}: a sum of weights of hashed n-grams of the sentence, of its best clause and of the heading of its "
        "section, by numpy alone."
    )
    card = model_card(Path(out).name, what, learned, evidence)
    meta = {"corpus": described_corpus(rows, held), "settings": {"seed": seed, "soft": len(soft)}, **figures}
    files = {"README.md": card, "golden.jsonl": golden_rows(classifier, kept)}
    write_model(replace(fitted.model, meta=model_meta(**meta)), out, files)
    return Trained(Path(out), evidence.parts)


# --------------------------------------------------------------------------------------------- rows


def bare_and_headed(rows: Sequence[Row]) -> tuple[list[str], list[str | None], Bools, Ints, Floats]:
    """List the rows as they are taught: under the heading, and real ones without it too, with the labels that they have
    then.

    Returns
    -------
    texts, headings, y_true, origin, weights
        ``origin`` is the row of each, ascending, the one under the heading first.
    """
    taught: list[tuple[str, str | None, tuple[bool, bool, bool], int, float]] = []
    for number, row in enumerate(rows):
        section = row.get("section") or None
        taught.append((row["text"], section, indicator(row["labels"]), number, 1.0))
        if section and is_real(row):
            taught.append((row["text"], None, indicator(labels_alone(row)), number, _BARE))
    texts, headings, labels, origin, weights = zip(*taught, strict=True) if taught else ((),) * 5
    y_true = np.array(labels, bool).reshape(-1, len(LABELS))
    return list(texts), list(headings), y_true, np.array(origin, np.int64), np.array(weights, np.float64)


def described_corpus(rows: Sequence[Row], held: Bools) -> dict[str, Any]:
    """Count the passages, real and held-out ones, and each label's, and hash them: plain values for ``model.json``."""
    return {
        "passages": len(rows),
        "real": sum(map(is_real, rows)),
        "held_out": int(held.sum()),
        "sha256": corpus_digest(rows),
        "labels": {label: sum(label in row["labels"] for row in rows) for label in LABELS},
    }


def learned_from(rows: Sequence[Row], held: Bools) -> str:
    """Describe what a model learned from, for its card."""
    found = described_corpus(rows, held)
    counts = ", ".join(f"`{label}` {n:,}" for label, n in found["labels"].items())
    share = "one country in ten of real reports, one group in ten of the others"
    kept = f"{found['held_out']:,} of them were held out: {share}."
    return (
        f"{len(rows):,} labelled passages ({counts}): {found['real']:,} real passages of public reports and "
        f"{len(rows) - found['real']:,} others. Those of the project's corpus were labelled by language models. "
        f"SHA-256 of all: `{found['sha256']}`. "
        + (kept if held.any() else "None was held out: each was judged by a model that did not see its group.")
    )
