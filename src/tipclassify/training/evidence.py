"""Evaluate a trained model on held-out rows: figures for model.json, a card, and reference outputs.

What was held out comes in with its scores, `HeldOut`; `Evidence` goes into the model's folder.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from typing import Final

import numpy as np

from tipclassify._version import __version__
from tipclassify.arrays import Bools, Floats
from tipclassify.corpus.holdout import is_real, source_family
from tipclassify.corpus.rows import Row, passage_of_row
from tipclassify.evaluation.behaviours import default_cases_path, run_cases
from tipclassify.evaluation.metrics import contrast_pair_accuracy, reliability
from tipclassify.formatting import json_line
from tipclassify.labels import LABELS, POLICIES
from tipclassify.model.classifier import Classifier
from tipclassify.model.scoring import apply_thresholds
from tipclassify.training.calibration import Calibrated
from tipclassify.training.error_table import (
    PointFigures,
    error_table,
    operating_point_card_figures,
)
from tipclassify.training.examples import bootstrap_groups_of_rows, label_matrix_for_training
from tipclassify.training.model_card import CardFacts, CardFigures, model_card
from tipclassify.training.parts import (
    FAMILIES,
    HeldOutPredictions,
    Part,
    masks_of_report_kinds,
    measure_held_out_parts,
)

__all__ = [
    "HELD_OUT_RULE",
    "OUT_OF_FOLD",
    "Evidence",
    "HeldOut",
    "judge_trained_model",
    "meta_of_trained_model",
]

HELD_OUT_RULE: Final = (
    "one country in ten of human-rights, Labor and Universal Periodic Review reports, one entry or "
    "document in ten of other real text, and one group in ten of invented passages"
)
"""Which rows of a corpus are held out, for the card (`corpus.holdout`)."""

OUT_OF_FOLD: Final = "these rows, each judged by a model that did not see its group"
"""How rows that are too few to hold some out measure a model, for the card."""

_MOST_REFERENCES: Final = 60  # passages whose scores a copy of the model must reproduce


@dataclass(frozen=True)
class HeldOut:
    """Rows left out of training, with the probabilities that a model gives them."""

    rows: Sequence[Row]
    scores: Floats  # (n, 3)
    # cross-fitted predictions of all rows, or of those `measured`
    calibrated: Calibrated | None = None
    weights: Floats | None = None  # of the real rows, as so many of whole reports

    @property
    def measured(self) -> Bools:
        """Mask of the rows that the main figures are of: the real ones, or all where none is."""
        real = np.array([is_real(row) for row in self.rows], bool)
        return real if real.any() else np.ones(len(self.rows), bool)

    def predictions(self, classifier: Classifier) -> HeldOutPredictions:
        """Return labels and predictions; rows that calibrated have their cross-fitted ones."""
        scores = self.scores.copy()
        y_pred: dict[str, Bools] = {
            policy: apply_thresholds(scores, classifier.thresholds(policy)) for policy in POLICIES
        }
        if self.calibrated:
            crossed = self.measured
            if len(self.calibrated.scores) == len(self.rows):
                crossed = np.ones(len(self.rows), bool)
            scores[crossed] = self.calibrated.scores
            for policy in POLICIES:
                y_pred[policy][crossed] = self.calibrated.y_pred[policy]
        return HeldOutPredictions(
            label_matrix_for_training(self.rows),
            scores,
            y_pred,
            bootstrap_groups_of_rows(self.rows),
            np.ones(len(self.rows)),
        )


@dataclass(frozen=True)
class Evidence:
    """A model's evaluation, as its folder has it."""

    parts: list[Part]  # all first
    figures: dict[str, object]  # plain values for ``model.json``
    files: dict[str, str]  # the card and the reference outputs, by file name


def meta_of_trained_model(meta: Mapping[str, object]) -> dict[str, object]:
    """Add the library versions to the metadata of a ``model.json``."""
    versions = {name: version(name) for name in ("numpy", "scipy", "scikit-learn", "sentencex")}
    return {**meta, "versions": {"tipclassify": __version__, **versions}}


def judge_trained_model(
    classifier: Classifier, held: HeldOut, facts: CardFacts, seed: int, cases: bool = True
) -> Evidence:
    """Evaluate a model on what was held out, and write its card and reference outputs.

    Without `cases` no behavioural tests are run: with an encoder they take longer than fitting its
    heads.
    """
    rows = held.rows
    predictions = held.predictions(classifier)
    parts = measure_held_out_parts(rows, predictions, classifier.thresholds("balanced"), seed)
    contrast_pairs = contrast_pair_accuracy(
        [row.get("pair") for row in rows], predictions.y_true, predictions.y_pred["balanced"]
    )
    behaviours = run_cases(classifier, default_cases_path()) if cases else []

    measured = predictions.take(held.measured)
    if held.weights is not None:
        measured = replace(measured, weights=held.weights)
    points: dict[str, PointFigures] = {
        policy: operating_point_card_figures(measured, policy, classifier.thresholds(policy), seed)
        for policy in POLICIES
    }
    families = [
        source_family(row.get("doc"))
        for row, is_measured in zip(rows, held.measured.tolist(), strict=True)
        if is_measured
    ]
    balanced = classifier.thresholds("balanced")
    masks = masks_of_report_kinds(families, held.weights) if held.weights is not None else {}
    points_by_kind = {
        kind: operating_point_card_figures(measured.take(mask), "balanced", balanced, seed)
        for kind, mask in masks.items()
    }
    by_label = [reliability(measured.y_true[:, j], measured.scores[:, j]) for j in range(3)]
    card_figures = CardFigures(
        real=any(map(is_real, rows)),
        weighted=held.weights is not None,
        parts=parts,
        cross_fitted=held.calibrated is not None,
        points=points,
        points_by_kind=points_by_kind,
        reliability=list(zip(*by_label, strict=True)),
        contrast_pairs=contrast_pairs,
        behaviours=behaviours,
    )
    right, pairs = contrast_pairs
    figures: dict[str, object] = {
        "corpus": asdict(facts.corpus),
        "calibrated": facts.calibration,
        "metrics": parts[0].metrics.to_dict(),
        "operating_points": points,
        "operating_points_by_kind": points_by_kind,
        "near_identical_pairs": {"right": right, "pairs": pairs},
        "error_table": error_table(measured, masks),
        "behaviours": {result.rule: round(result.rate, 4) for result in behaviours},
        "kinds": {
            part.name: part.metrics.passages for part in parts if part.name in FAMILIES.values()
        },
    }
    if facts.penalty:
        figures["penalty"] = facts.penalty.to_dict()
    if facts.fixed:
        figures["fixed_set"] = facts.fixed.to_dict()
    files = {
        "README.md": model_card(facts, card_figures),
        "golden.jsonl": _reference_outputs_for_trained_model(classifier, rows),
    }
    return Evidence(parts, figures, files)


def _reference_outputs_for_trained_model(classifier: Classifier, rows: Sequence[Row]) -> str:
    """Write reference outputs as JSON lines: an even sample of invented passages, with scores."""
    invented = [row for row in rows if not is_real(row)]
    sample = invented[:: max(1, len(invented) // _MOST_REFERENCES)][:_MOST_REFERENCES]
    if not sample:
        return ""
    scores = classifier.predict_proba([passage_of_row(row) for row in sample]).round(5)
    lines = []
    for row, row_scores in zip(sample, scores.tolist(), strict=True):
        by_label = dict(zip(LABELS, row_scores, strict=True))
        lines.append(
            json_line({"text": row["text"], "section": row.get("section"), "scores": by_label})
        )
    return "".join(lines)
