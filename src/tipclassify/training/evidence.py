"""Measure a freshly trained model on the rows held out: figures for its card, and plain values for its ``model.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tipclassify.corpus.holdout import document_country, is_real, source_family
from tipclassify.corpus.loading import Row, group_rows
from tipclassify.errors import InputError
from tipclassify.evaluation.behaviour_tests import RuleResult, default_cases_path, run_cases
from tipclassify.evaluation.bootstrap import intervals
from tipclassify.evaluation.metrics import measure, reliability, twins_right
from tipclassify.labels import LABELS, POLICIES
from tipclassify.model.classifier import Classifier
from tipclassify.text.document import Passage
from tipclassify.training.model_card import Evidence, Part, operating_evidence

__all__ = ["country_groups", "error_table", "evidence_of", "golden_rows", "row_passage"]

_STEPS: Final = 1_000  # of probability in a histogram: thresholds of the recall policy lie near 0.01
_GOLDEN: Final = 60  # passages whose scores a copy of the model must reproduce

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


def row_passage(row: Row) -> Passage:
    """A row's text under its heading."""
    return Passage(row["text"], 0, len(row["text"]), row.get("section") or None)


def country_groups(rows: Sequence[Row]) -> Ints:
    """A group number for each row, int (n,): its country where it is real, else its group."""
    names = [
        document_country(str(row["doc"])) if is_real(row) else f"#{group}"
        for row, group in zip(rows, group_rows(rows), strict=True)
    ]
    return np.asarray(np.unique(names, return_inverse=True)[1], np.int64)


def evidence_of(
    rows: Sequence[Row],
    truth: Bools,
    scores: Floats,
    given: Mapping[str, Bools],
    thresholds: Mapping[str, Sequence[float]],
    weights: Floats,
    classifier: Classifier,
    seed: int,
    cases: bool = True,
) -> tuple[Evidence, dict[str, Any]]:
    """What is known of a model by rows that taught it nothing, for its card, and as plain values for its ``model.json``.

    Parameters
    ----------
    scores : float (n, 3)
        Probabilities, calibrated on other documents.
    given : mapping of str to bool (n, 3)
        Policy → labels at thresholds of other documents.
    weights : float
        How much each real row counts, or each row where none is real.
    cases : bool
        Run the behaviour cases too: with an encoder they take longer than a fit of its heads.
    """
    real = np.array([is_real(row) for row in rows], bool)
    whole = real if real.any() else np.ones(len(rows), bool)
    groups = country_groups(rows)
    limit = np.array(thresholds["balanced"])

    def part(name: str, chosen: Bools) -> Part:
        empty = chosen & ~truth.any(axis=1)
        return Part(
            name,
            measure(truth[chosen], scores[chosen], given["balanced"][chosen], limit),
            intervals(truth[chosen], given["balanced"][chosen], groups[chosen], seed=seed),
            float(given["balanced"][empty].any(axis=1).mean()) if empty.any() else float("nan"),
        )

    parts = [part("real passages" if real.any() else "all passages", whole)]
    for column, kinds in (([source_family(row.get("doc")) for row in rows], _FAMILIES), (_kinds(rows), _KINDS)):
        values = np.array([str(value) for value in column])
        parts += [part(name, mine) for key, name in kinds.items() if (mine := real & (values == key)).any()]
    if real.any() and not real.all():
        parts.append(part("invented passages", ~real))
    found = {policy: intervals(truth[whole], given[policy][whole], groups[whole], seed=seed) for policy in POLICIES}
    points = operating_evidence(truth[whole], {p: given[p][whole] for p in POLICIES}, thresholds, found, weights)
    behaviours = _behaviours_of(classifier) if cases else []
    twins = twins_right([row.get("pair") for row in rows], truth, given["balanced"])
    evidence = Evidence(
        what="",
        trained="",
        judged=_JUDGED if real.any() else "passages that taught it nothing: out of fold, by group",
        parts=parts,
        points=points,
        reliability={label: reliability(truth[whole, j], scores[whole, j]) for j, label in enumerate(LABELS)},
        twins=twins,
        behaviours=behaviours,
    )
    figures = {
        "metrics": parts[0].metrics.to_dict(),
        "operating_points": points,
        "near_twins": dict(zip(("right", "pairs"), twins, strict=True)),
        "error_table": error_table(truth[whole], scores[whole], {p: given[p][whole] for p in POLICIES}, weights),
        "behaviours": {result.rule: round(result.rate, 4) for result in behaviours},
    }
    return evidence, figures


def error_table(truth: Bools, scores: Floats, labels: Mapping[str, Bools], weights: Floats) -> dict[str, Any]:
    """How often `labels` (policy → bool (n, 3)) are given rightly and wrongly, held out: what adjusts counts (`summary`).

    Each passage counts its weight, scaled so that all together count as many as they are worth (Kish 1965: the square of the
    sum over the sum of squares). ``policies`` has the counts of each policy and label at cross-fitted thresholds;
    ``histogram`` counts passages with and without each label by probability in steps of 0.001.
    """
    weights = weights * weights.sum() / max(float(weights @ weights), 1e-12)
    policies: dict[str, Any] = {}
    for policy in POLICIES:
        given = labels[policy]
        cells = {"tp": truth & given, "fn": truth & ~given, "fp": ~truth & given, "tn": ~truth & ~given}
        policies[policy] = {
            label: {name: round(float(weights @ cell[:, j]), 3) for name, cell in cells.items()}
            for j, label in enumerate(LABELS)
        }
    step = np.minimum((scores * _STEPS).astype(int), _STEPS - 1)
    histogram = {
        label: {
            name: np.bincount(step[mine, j], weights[mine], minlength=_STEPS).round(3).tolist()
            for name, mine in (("with", truth[:, j]), ("without", ~truth[:, j]))
        }
        for j, label in enumerate(LABELS)
    }
    return {"passages": round(float(weights.sum()), 1), "policies": policies, "histogram": histogram}


def _kinds(rows: Sequence[Row]) -> list[str]:
    """Kind of section of each row, by its heading."""
    found = []
    for row in rows:
        heading = str(row.get("section") or "").lower()
        found.append(
            next((kind for pattern, kind in _KIND_WORDS if pattern in heading), "other" if heading else "none")
        )
    return found


def golden_rows(classifier: Classifier, rows: Sequence[Row]) -> str:
    """Invented passages, evenly drawn, with their scores: what any copy of the model must give."""
    drawn = [row for row in rows if not is_real(row)]
    drawn = drawn[:: max(1, len(drawn) // _GOLDEN)][:_GOLDEN]
    scores = classifier.predict_proba(list(map(row_passage, drawn))).round(5).tolist() if drawn else []
    lines = (
        {"text": row["text"], "section": row.get("section"), "scores": dict(zip(LABELS, of_row, strict=True))}
        for row, of_row in zip(drawn, scores, strict=True)
    )
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def _behaviours_of(classifier: Classifier) -> list[RuleResult]:
    """Rates of the behaviour cases."""
    try:
        return run_cases(classifier, default_cases_path())
    except InputError:  # installed without the cases: a model without their rates is sound all the same
        return []


_FAMILIES: Final = {
    "hrr": "human-rights reports",
    "dol": "Department of Labor reports",
    "factbook": "World Factbook entries",
}
_KINDS: Final = {
    "traffick": "sections on trafficking",
    "forced": "sections on forced labor",
    "child labor": "sections on child labor",
    "children": "sections on children",
    "other": "other sections",
    "none": "no heading",
}
_KIND_WORDS: Final = (
    ("traffick", "traffick"),
    ("forced", "forced"),
    ("child labor", "child labor"),
    ("child soldier", "child labor"),
    ("children", "children"),
)
_JUDGED: Final = (
    "real passages of countries that taught nothing, chosen more often where they are hard: whole reports are easier. Calibration and "
    'thresholds are cross-fitted by country. Precision and recall under "Operating points" count each passage for as many as it '
    "stands for in whole reports"
)
