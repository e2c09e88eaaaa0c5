"""Write a trained model's folder, with its card, its figures and its reference outputs.

Every training ends in `save`: it measures the model on what was held out, writes the card (after
Mitchell et al. 2019, arXiv:1810.03993), a template over ``model.json`` and the evidence, and
returns what it found as `Trained`.
"""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from itertools import compress
from pathlib import Path
from typing import Final

import jinja2
import numpy as np

from tipclassify._version import __version__
from tipclassify.arrays import Floats
from tipclassify.corpus.holdout import TAUGHT, is_real, pack_taught
from tipclassify.corpus.rows import Row, corpus_digest
from tipclassify.evaluation.behaviours import default_cases_path, run_cases
from tipclassify.evaluation.bootstrap import Interval, ModelComparison, comparison_table
from tipclassify.evaluation.metrics import contrast_pair_accuracy, metrics_table, reliability
from tipclassify.formatting import format_figure, json_line
from tipclassify.labels import LABELS, MEANINGS, POLICIES
from tipclassify.model.classifier import Classifier
from tipclassify.model.encoder.files import EncoderModel, write_encoder_model
from tipclassify.model.encoder.scoring import EncoderScorer
from tipclassify.model.linear import LinearModel, write_linear_model
from tipclassify.records import passage_of
from tipclassify.reports.adjust import FEWEST_POSITIVES
from tipclassify.resources import resource_path
from tipclassify.training.calibration import Calibrated
from tipclassify.training.examples import TABLE_ROWS, kinds_of_rows, real_mask
from tipclassify.training.fixed_set import FixedComparison
from tipclassify.training.measure import (
    TAG_BINS,
    Part,
    Predictions,
    error_table,
    measure_parts,
    operating_points,
    tag_reliability,
    take_kinds,
)
from tipclassify.training.penalty import PenaltyChoice

HELD_OUT_RULE: Final = (
    "one country in ten of human-rights, Labor and Universal Periodic Review reports, one entry or "
    "document in ten of other real text, and one group in ten of invented passages"
)
"""Which rows of a corpus are held out, for the card (`corpus.holdout`)."""

OUT_OF_FOLD: Final = "these rows, each judged by a model that did not see its group"
"""How rows that are too few to hold some out measure a model, for the card."""

_MOST_REFERENCES: Final = 60  # passages whose scores a copy of the model must reproduce


@dataclass(frozen=True)
class Trained:
    """Result of a training: the model's folder, and what it was measured to do.

    `parts` are metrics on passages left out of training, all first. `on_own` compares the model
    with the one it started from on the user's rows, out of fold, `fixed` on the fixed set.
    """

    out: Path
    parts: Sequence[Part]
    fixed: FixedComparison | None = None
    on_own: ModelComparison | None = None
    penalty: PenaltyChoice | None = None

    def table(self) -> str:
        """Format all of it as aligned plain text."""
        part = self.parts[0]
        tables = [metrics_table(part.metrics, f"{part.name}, left out of training")]
        if self.on_own:
            title = "what your rows changed on your rows, out of fold"
            tables.append(f"{title}\n{comparison_table(self.on_own, 'the model before')}")
        if self.penalty:
            tables.append(self.penalty.table())
        if self.fixed:
            tables.append(self.fixed.table())
        return "\n\n".join(tables)


def save(
    out: str | os.PathLike[str],
    model: EncoderModel | LinearModel,
    rows: Sequence[Row],
    scores: Floats,
    *,
    name: str,
    corpus: Mapping[str, object],
    held_out: str,
    start: str,
    calibration: str,
    meta: Mapping[str, object],
    learned: Iterable[str] = (),
    calibrated: Calibrated | None = None,
    weights: Floats | None = None,
    penalty: PenaltyChoice | None = None,
    fixed: FixedComparison | None = None,
    soft: int = 0,
    teacher: str = "",
    seed: int = 0,
) -> Trained:
    """Measure a model on rows that it did not learn, and write its folder, card included.

    `scores` are its probabilities of them, (n, labels); `calibrated` has cross-fitted predictions
    of the real or of all rows, `weights` match the real ones to whole reports. `name` stands in
    the card's title. `corpus` counts what was learned (`count_corpus`), `held_out` says
    which passages measure, `start` in a sentence where the model started from, `calibration` in a
    clause how probabilities and thresholds came about. `penalty` and `fixed` are of heads that a
    user's rows moved; `soft` passages without labels had their scores from a `teacher`. `meta` are
    further values for ``model.json``. Of the texts that a linear model `learned` its folder keeps the
    keys; an encoder brings them.
    """
    encoder = None
    if isinstance(model, EncoderModel):
        # What is measured is what the folder will score with, which has a hash only when written.
        classifier = Classifier(EncoderScorer(replace(model, meta={"sha256": "", **meta})))
        base = meta.get("base")
        encoder = str((isinstance(base, dict) and base.get("name")) or "a pretrained encoder")
    else:
        classifier = Classifier(model)

    # The main figures are of the real rows, or of all where none is real.
    thresholds: dict[str, Floats] = {policy: classifier.thresholds(policy) for policy in POLICIES}
    predictions = Predictions.of(rows, scores, thresholds, calibrated)
    parts = measure_parts(rows, predictions, thresholds["balanced"], seed)
    real = real_mask(rows)
    measured = predictions.take(real) if real.any() else predictions
    kinds: list[str] | None = None
    of_kinds: dict[str, Predictions] = {}
    sentences = measured
    if weights is not None:
        measured = replace(measured, weights=weights)
        kinds = kinds_of_rows(list(compress(rows, real)))
        of_kinds = take_kinds(measured, kinds)
        sentences = measured.take(np.array([kind != TABLE_ROWS for kind in kinds], bool))
    points = {
        policy: operating_points(sentences, policy, thresholds[policy], seed) for policy in POLICIES
    }
    points_by_kind = {
        policy: {
            kind: operating_points(part, policy, thresholds[policy], seed)
            for kind, part in of_kinds.items()
        }
        for policy in POLICIES
    }
    right, pairs = contrast_pair_accuracy(
        [row.get("pair") for row in rows], predictions.y_true, predictions.y_pred["balanced"]
    )
    # With an encoder they take longer than fitting its heads.
    behaviours = [] if penalty else run_cases(classifier, default_cases_path())

    figures: dict[str, object] = {
        "corpus": corpus,
        "calibrated": calibration,
        "metrics": parts[0].metrics.to_dict(),
        "operating_points": points,
        "operating_points_by_kind": points_by_kind,
        "near_identical_pairs": {"right": right, "pairs": pairs},
        "error_table": error_table(measured, kinds),
        "behaviours": {result.rule: round(result.rate, 4) for result in behaviours},
        "kinds": {kind: len(part.y_true) for kind, part in of_kinds.items()},
    }
    columns = zip(measured.y_true.T, measured.scores.T, strict=True)
    card = _card(
        meta,
        name=name,
        encoder=encoder,
        corpus=corpus,
        held_out=held_out,
        start=start,
        calibration=calibration,
        penalty=penalty,
        fixed=fixed,
        soft=soft,
        teacher=teacher,
        real=bool(real.any()),
        weighted=weights is not None,
        cross_fitted=calibrated is not None,
        parts=parts,
        points=points,
        points_by_kind=points_by_kind,
        reliability=list(zip(*(reliability(has, column) for has, column in columns), strict=True)),
        tag_reliability={kind: tag_reliability(part) for kind, part in of_kinds.items()},
        contrast_pairs=(right, pairs),
        behaviours=behaviours,
    )
    head = {**figures, **meta, "versions": _versions()}
    texts = {"README.md": card, "golden.jsonl": _reference_outputs(classifier, rows)}
    if isinstance(model, EncoderModel):
        write_encoder_model(out, model, head, texts)
    else:
        taught = {TAUGHT: pack_taught(learned)}
        write_linear_model(replace(model, meta=head), out, {**texts, **taught})
    return Trained(Path(out), parts, fixed=fixed, penalty=penalty)


def count_corpus(rows: Sequence[Row], held_out: int = 0, own: int = 0) -> dict[str, object]:
    """Count the passages of a training by kind and label, for card and ``model.json``.

    `held_out` is the number of those left out of training, `own` of those that are the user's.
    """
    return {
        "passages": len(rows),
        "real": sum(map(is_real, rows)),
        "own": own,
        "held_out": held_out,
        "sha256": corpus_digest(rows),
        "labels": {label: sum(label in row["labels"] for row in rows) for label in LABELS},
    }


def _versions() -> dict[str, str]:
    """Collect the versions that decide how vectors are rounded, and the processor's instructions."""
    versions = {"tipclassify": __version__}
    for name in ("numpy", "onnxruntime", "scipy", "scikit-learn", "sentencex", "tokenizers"):
        with suppress(PackageNotFoundError):  # the linear model needs few of them
            versions[name] = version(name)
    instructions = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    return {**versions, "processor": " ".join([platform.machine(), *instructions])}


def _reference_outputs(classifier: Classifier, rows: Sequence[Row]) -> str:
    """Write reference outputs as JSON lines: an even sample of invented passages, with scores."""
    invented = [row for row in rows if not is_real(row)]
    sample = invented[:: max(1, len(invented) // _MOST_REFERENCES)][:_MOST_REFERENCES]
    if not sample:
        return ""
    scores = classifier.predict_proba([passage_of(row) for row in sample]).round(5)
    lines = []
    for row, row_scores in zip(sample, scores.tolist(), strict=True):
        by_label = dict(zip(LABELS, row_scores, strict=True))
        lines.append(
            json_line({"text": row["text"], "section": row.get("section"), "scores": by_label})
        )
    return "".join(lines)


# --------------------------------------------------------------------------------------- the card


def _card(meta: Mapping[str, object], *, penalty: PenaltyChoice | None, **figures: object) -> str:
    """Write the card, in Markdown with the front matter that the Hugging Face hub reads."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(resource_path("training/templates")),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["figure"] = _figure
    environment.filters["share"] = partial(format_figure, form=".1%")
    environment.filters["percent"] = "{:.0%}".format
    environment.filters["count"] = "{:,}".format
    environment.filters["figure_with_interval"] = _figure_with_interval
    environment.filters["interval"] = _value_and_interval
    fine_tuning = ""
    if penalty is None:
        # A folder that lacks a part of it, or has it in another form, is told without.
        with suppress(jinja2.UndefinedError, TypeError, ValueError):
            fine_tuning = environment.get_template("fine_tuning.md").render(meta)
    return environment.get_template("model_card.md").render(
        LABELS=LABELS,
        MEANINGS=MEANINGS,
        FEWEST=FEWEST_POSITIVES,
        TAG_BINS=TAG_BINS,
        meta=meta,
        penalty=penalty,
        fine_tuning=fine_tuning,
        **figures,
    )


def _figure(value: float | None) -> str:
    """Format a figure; None, as JSON has what is undefined, is a dash."""
    return format_figure(math.nan if value is None else value)


def _figure_with_interval(value: float, interval: Interval) -> str:
    """Format a figure and its interval; a figure that is undefined is a dash."""
    return "–" if math.isnan(value) else f"{value:.3f} {interval}"


def _value_and_interval(numbers: Sequence[float | None]) -> str:
    """Format a value with both ends of its interval; None, as JSON has it, is undefined."""
    value, low, high = (float("nan") if number is None else number for number in numbers)
    return _figure_with_interval(value, Interval(low, high))
