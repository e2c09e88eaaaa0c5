"""Measure a model on parts of the held-out passages: by kind of report, and by kind of section."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tipclassify.arrays import Bools, Floats, Ints
from tipclassify.corpus.holdout import REPORT_FAMILIES, is_real, source_family
from tipclassify.corpus.rows import Row
from tipclassify.evaluation.bootstrap import Interval, Intervals, intervals
from tipclassify.evaluation.metrics import Metrics, measure
from tipclassify.training.fixed_set import false_tag_rate

__all__ = [
    "FAMILIES",
    "FalseAlarms",
    "HeldOutPredictions",
    "Part",
    "masks_of_report_kinds",
    "measure_held_out_parts",
]

FAMILIES: Final = {
    "hrr": "human-rights reports",
    "dol": "Department of Labor reports",
    "factbook": "World Factbook entries",
    "un": "United Nations documents",
    "parliament": "parliaments' debates",
    "executive": "governments' press releases",
    "statute": "statutes",
    "company": "companies' statements",
}
"""Name of each family of real reports in the card."""

_SECTIONS: Final = {
    "traffick": "sections on trafficking",
    "forced": "sections on forced labor",
    "child labor": "sections on child labor",
    "child soldier": "sections on child labor",
    "children": "sections on children",
    "": "other sections",
}  # by a word of the heading; the first match wins
_NO_HEADING: Final = "no heading"


@dataclass(frozen=True)
class HeldOutPredictions:
    """Labels of passages, and what a model predicts for them, as arrays of one length n."""

    y_true: Bools  # (n, 3)
    scores: Floats  # (n, 3)
    y_pred: Mapping[str, Bools]  # by policy, each (n, 3)
    groups: Ints  # (n,), which the bootstrap draws whole
    weights: Floats  # (n,), passages of whole reports that each stands for

    def take(self, chosen: Bools) -> HeldOutPredictions:
        """Return those of a mask, bool (n,)."""
        return HeldOutPredictions(
            y_true=self.y_true[chosen],
            scores=self.scores[chosen],
            y_pred={policy: labels[chosen] for policy, labels in self.y_pred.items()},
            groups=self.groups[chosen],
            weights=self.weights[chosen],
        )


@dataclass(frozen=True)
class FalseAlarms:
    """How many passages without a label get one; rate and interval are NaN where each has one."""

    passages: int  # without a label
    rate: float  # share of these that get one
    interval: Interval

    def __str__(self) -> str:
        if not self.passages:
            return "–"
        between = ""
        if not np.isnan(self.interval.low):
            between = f" [{100 * self.interval.low:.1f}, {100 * self.interval.high:.1f}]"
        return f"{self.rate:.1%}{between} of {self.passages:,}"


@dataclass(frozen=True)
class Part:
    """Metrics on a part of the held-out passages."""

    name: str
    metrics: Metrics
    intervals: Intervals
    false_alarms: FalseAlarms


def masks_of_report_kinds(families: Sequence[str | None], weights: Floats) -> dict[str, Bools]:
    """Return the mask of each kind of report, bool (n,), by its name in the card.

    Kinds whose passages have no weight are left out.
    """
    masks = {}
    for family in REPORT_FAMILIES:
        mask = np.array([name == family for name in families], bool)
        if weights[mask].any():
            masks[FAMILIES[family]] = mask
    return masks


def measure_held_out_parts(
    rows: Sequence[Row], predictions: HeldOutPredictions, thresholds: Floats, seed: int
) -> list[Part]:
    """Measure the whole first, then kinds of report and of section, then invented passages.

    The whole is the real passages, or all where none is real. `thresholds`, (3,), are those of
    ``balanced``.
    """
    real = np.array([is_real(row) for row in rows], bool)
    masks = {"real passages": real} if real.any() else {"all passages": np.ones(len(rows), bool)}
    reports = np.array([FAMILIES.get(str(source_family(row.get("doc"))), "") for row in rows])
    sections = np.array([_section_kind_for_model_card(row) for row in rows])
    for name in FAMILIES.values():
        masks[name] = real & (reports == name)
    for name in dict.fromkeys([*_SECTIONS.values(), _NO_HEADING]):
        masks[name] = real & (sections == name)
    if real.any() and not real.all():
        masks["invented passages"] = ~real
    return [
        _measure_held_out_part(name, predictions.take(mask), thresholds, seed)
        for name, mask in masks.items()
        if mask.any()
    ]


def _section_kind_for_model_card(row: Row) -> str:
    heading = str(row.get("section") or "").lower()
    if not heading:
        return _NO_HEADING
    return next(kind for word, kind in _SECTIONS.items() if word in heading)


def _measure_held_out_part(
    name: str, predictions: HeldOutPredictions, thresholds: Floats, seed: int
) -> Part:
    y_true = predictions.y_true
    y_pred = predictions.y_pred["balanced"]
    return Part(
        name=name,
        metrics=measure(y_true, predictions.scores, y_pred, thresholds),
        intervals=intervals(y_true, y_pred, predictions.groups, seed=seed),
        false_alarms=_measure_false_alarms(predictions, seed),
    )


def _measure_false_alarms(predictions: HeldOutPredictions, seed: int) -> FalseAlarms:
    """Measure false alarms: what is not an exact match, of passages without a label."""
    unlabelled = predictions.take(np.asarray(~predictions.y_true.any(axis=1)))
    y_true = unlabelled.y_true
    y_pred = unlabelled.y_pred["balanced"]
    right = intervals(y_true, y_pred, unlabelled.groups, seed=seed).exact_match
    return FalseAlarms(
        passages=len(y_true),
        rate=false_tag_rate(y_true, y_pred),
        interval=Interval(1 - right.high, 1 - right.low),
    )
