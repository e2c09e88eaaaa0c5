"""Measure a freshly trained model on the rows held out: metrics for its card and its ``model.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from tipclassify.arrays import Bools, Floats, Ints
from tipclassify.corpus.holdout import document_country, is_real, source_family
from tipclassify.corpus.loading import Row, group_rows
from tipclassify.errors import InputError
from tipclassify.evaluation.behaviour_tests import RuleResult, default_cases_path, run_cases
from tipclassify.evaluation.bootstrap import intervals
from tipclassify.evaluation.metrics import contrast_pair_accuracy, measure, reliability, rounded
from tipclassify.labels import LABELS, POLICIES
from tipclassify.model.classifier import Classifier
from tipclassify.text.document import Passage
from tipclassify.training.model_card import Evidence, Part

__all__ = ["Judged", "country_groups", "error_table", "evidence_of", "golden_rows", "row_passage"]

_STEPS: Final = 1_000  # of probability in a histogram: thresholds of the recall policy lie near 0.01
_GOLDEN: Final = 60  # passages whose scores a copy of the model must reproduce
_FAMILIES: Final = {
    "hrr": "human-rights reports",
    "dol": "Department of Labor reports",
    "factbook": "World Factbook entries",
}
_KINDS: Final = {
    "traffick": "sections on trafficking",
    "forced": "sections on forced labor",
    "child labor": "sections on child labor",
    "child soldier": "sections on child labor",
    "children": "sections on children",
    "": "other sections",
}  # by a word of the heading, the first that is there
_JUDGED: Final = (
    "real passages of countries that taught nothing, chosen more often where they are hard: whole reports are easier. Calibration and "
    'thresholds are cross-fitted by country. Precision and recall under "Operating points" count each passage for as many as it '
    "stands for in whole reports"
)


@dataclass(frozen=True)
class Judged:
    """Rows that taught a model nothing, and what it makes of them.

    Attributes
    ----------
    y_true : bool (n, 3)
    scores : float (n, 3)
        Probabilities, calibrated on other documents.
    given : mapping of str to bool (n, 3)
        Policy → labels at thresholds of other documents.
    weights : float
        How much each real row counts, or each row where none is real.
    """

    rows: Sequence[Row]
    y_true: Bools
    scores: Floats
    given: Mapping[str, Bools]
    weights: Floats


def row_passage(row: Row) -> Passage:
    """Return a row's text under its heading."""
    return Passage(row["text"], 0, len(row["text"]), row.get("section") or None)


def country_groups(rows: Sequence[Row]) -> Ints:
    """Number the group of each row, int (n,): its country where it is real, else its group."""
    names = [
        document_country(str(row["doc"])) if is_real(row) else f"#{group}"
        for row, group in zip(rows, group_rows(rows), strict=True)
    ]
    return np.asarray(np.unique(names, return_inverse=True)[1], np.int64)


def evidence_of(
    judged: Judged, classifier: Classifier, seed: int, cases: bool = True
) -> tuple[Evidence, dict[str, Any]]:
    """Measure a model for its card, and as plain values for its ``model.json``.

    Parameters
    ----------
    cases : bool
        Run the behaviour cases too: with an encoder they take longer than a fit of its heads.
    """
    rows, y_true, given = judged.rows, judged.y_true, judged.given
    real = np.array([is_real(row) for row in rows], bool)
    whole = real if real.any() else np.ones(len(rows), bool)
    groups, limit = country_groups(rows), classifier.thresholds("balanced")

    def part(name: str, chosen: Bools) -> Part:
        y_pred = given["balanced"]
        empty = chosen & ~y_true.any(axis=1)
        return Part(
            name,
            measure(y_true[chosen], judged.scores[chosen], y_pred[chosen], limit),
            intervals(y_true[chosen], y_pred[chosen], groups[chosen], seed=seed),
            float(y_pred[empty].any(axis=1).mean()) if empty.any() else float("nan"),
        )

    parts = [part("real passages" if real.any() else "all passages", whole)]
    sources = np.array([_FAMILIES.get(str(source_family(row.get("doc"))), "") for row in rows])
    sections = np.array([_kind(str(row.get("section") or "").lower()) for row in rows])
    for column, names in ((sources, _FAMILIES.values()), (sections, [*_KINDS.values(), "no heading"])):
        parts += [part(name, mine) for name in dict.fromkeys(names) if (mine := real & (column == name)).any()]
    if real.any() and not real.all():
        parts.append(part("invented passages", ~real))

    y_whole, whole_given = y_true[whole], {policy: given[policy][whole] for policy in POLICIES}
    points = {
        policy: _operating_points(y_whole, y_pred, classifier.thresholds(policy), groups[whole], judged.weights, seed)
        for policy, y_pred in whole_given.items()
    }
    behaviours: list[RuleResult] = []
    with suppress(InputError):  # installed without the cases: a model without their rates is sound all the same
        behaviours = run_cases(classifier, default_cases_path()) if cases else []
    pairs = contrast_pair_accuracy([row.get("pair") for row in rows], y_true, given["balanced"])
    bins = [reliability(y_whole[:, j], judged.scores[whole, j]) for j in range(len(LABELS))]
    said = _JUDGED if real.any() else "passages that taught it nothing: out of fold, by group"
    evidence = Evidence(said, parts, points, list(zip(*bins, strict=True)), pairs, behaviours)
    figures = {
        "metrics": parts[0].metrics.to_dict(),
        "operating_points": points,
        "near_twins": dict(zip(("right", "pairs"), pairs, strict=True)),
        "error_table": error_table(y_whole, judged.scores[whole], whole_given, judged.weights),
        "behaviours": {result.rule: round(result.rate, 4) for result in behaviours},
    }
    return evidence, figures


def _kind(heading: str) -> str:
    return next(name for word, name in _KINDS.items() if word in heading) if heading else "no heading"


def _operating_points(
    y_true: Bools, y_pred: Bools, thresholds: Floats, groups: Ints, weights: Floats, seed: int
) -> dict[str, dict[str, Any]]:
    """Threshold, precision and recall of each label, the latter two with the ends of their 95% intervals."""
    points = {}
    found = intervals(y_true, y_pred, groups, seed=seed)
    for j, (label, row) in enumerate(zip(LABELS, found.labels, strict=True)):
        hits = float(weights @ (y_true[:, j] & y_pred[:, j]))
        precision, recall = (hits / max(1e-9, float(weights @ all_of[:, j])) for all_of in (y_pred, y_true))
        points[label] = {
            "threshold": round(float(thresholds[j]), 4),
            "precision": rounded([precision, row.precision.low, row.precision.high]),
            "recall": rounded([recall, row.recall.low, row.recall.high]),
        }
    return points


def error_table(y_true: Bools, scores: Floats, labels: Mapping[str, Bools], weights: Floats) -> dict[str, Any]:
    """Count how often `labels` (policy → bool (n, 3)) are given rightly and wrongly, held out: what adjusts counts
    (`summary`).

    Each passage counts its weight, scaled so that all together count as many as they are worth (Kish 1965: the square of the
    sum over the sum of squares). ``policies`` has the counts of each policy and label at cross-fitted thresholds;
    ``histogram`` counts passages with and without each label by probability in steps of 0.001.
    """
    weights = weights * weights.sum() / max(float(weights @ weights), 1e-12)
    policies: dict[str, Any] = {}
    for policy in POLICIES:
        given = labels[policy]
        cells = {"tp": y_true & given, "fn": y_true & ~given, "fp": ~y_true & given, "tn": ~y_true & ~given}
        policies[policy] = {
            label: {name: round(float(weights @ cell[:, j]), 3) for name, cell in cells.items()}
            for j, label in enumerate(LABELS)
        }
    step = np.minimum((scores * _STEPS).astype(int), _STEPS - 1)
    histogram = {
        label: {
            name: np.bincount(step[mine, j], weights[mine], minlength=_STEPS).round(3).tolist()
            for name, mine in (("with", y_true[:, j]), ("without", ~y_true[:, j]))
        }
        for j, label in enumerate(LABELS)
    }
    return {"passages": round(float(weights.sum()), 1), "policies": policies, "histogram": histogram}


def golden_rows(classifier: Classifier, rows: Sequence[Row]) -> str:
    """Write invented passages, evenly drawn, with their scores: what any copy of the model must give."""
    drawn = [row for row in rows if not is_real(row)]
    drawn = drawn[:: max(1, len(drawn) // _GOLDEN)][:_GOLDEN]
    scores = classifier.predict_proba(list(map(row_passage, drawn))).round(5).tolist() if drawn else []
    lines = (
        {"text": row["text"], "section": row.get("section"), "scores": dict(zip(LABELS, of_row, strict=True))}
        for row, of_row in zip(drawn, scores, strict=True)
    )
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
