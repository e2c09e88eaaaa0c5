"""The model card (Mitchell et al. 2019, arXiv:1810.03993) that training writes beside the weights: real reports first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tipclassify.evaluation.behaviour_tests import RuleResult
from tipclassify.evaluation.bootstrap import Intervals
from tipclassify.evaluation.metrics import Metrics, ReliabilityBin, rounded
from tipclassify.labels import LABELS, MEANINGS, POLICIES

__all__ = ["Evidence", "Part", "model_card", "operating_evidence"]


@dataclass(frozen=True)
class Part:
    """Figures on some of the passages held out.

    Attributes
    ----------
    name : str
    metrics : Metrics
    intervals : Intervals
    without_cause : float
        Share of the passages without a label that are tagged all the same; NaN where there are none.
    """

    name: str
    metrics: Metrics
    intervals: Intervals
    without_cause: float


@dataclass(frozen=True)
class Evidence:
    """What is known of a freshly trained model.

    Attributes
    ----------
    what : str
        One paragraph on what kind of model it is.
    trained : str
        One paragraph on what it learned from.
    judged : str
        What the figures were measured on, in a few words.
    parts : sequence of Part
        The whole of what was held out first, then real passages by source and by kind of section, then invented ones.
    points : mapping
        What `operating_evidence` gives.
    twins : (int, int)
        What `evaluation.twins_right` gives.
    limits : str
        What a reader must know besides.
    """

    what: str
    trained: str
    judged: str
    parts: Sequence[Part]
    points: Mapping[str, Mapping[str, Mapping[str, Any]]]
    reliability: Mapping[str, Sequence[ReliabilityBin]]
    twins: tuple[int, int]
    behaviours: Sequence[RuleResult]
    limits: str = ""


def operating_evidence(
    truth: npt.NDArray[np.bool_],
    given: Mapping[str, npt.NDArray[np.bool_]],
    thresholds: Mapping[str, Sequence[float]],
    found: Mapping[str, Intervals],
    weights: npt.NDArray[np.float64] | None = None,
) -> dict[str, dict[str, dict[str, Any]]]:
    """Policy → label → threshold, and cross-fitted precision and recall, each with its 95% interval."""
    counts = np.ones(len(truth)) if weights is None else weights
    points: dict[str, dict[str, dict[str, Any]]] = {}
    for policy in POLICIES:
        points[policy] = {}
        for j, (label, row) in enumerate(zip(LABELS, found[policy].labels, strict=True)):
            hits = float(counts @ (truth[:, j] & given[policy][:, j]))
            figures = {
                "precision": (hits / max(1e-9, float(counts @ given[policy][:, j])), row.precision),
                "recall": (hits / max(1e-9, float(counts @ truth[:, j])), row.recall),
            }
            points[policy][label] = {
                "threshold": round(thresholds[policy][j], 4),
                **{
                    name: [rounded(value), rounded(interval.low), rounded(interval.high)]
                    for name, (value, interval) in figures.items()
                },
            }
    return points


def model_card(evidence: Evidence, name: str) -> str:
    """Markdown for the model folder's README."""
    meanings = "\n".join(f"- `{label}`: {MEANINGS[label]}" for label in LABELS)
    parts = [
        f"# Model card: {name}\n\n{evidence.what} A sentence takes every label that applies, or none:\n\n{meanings}",
        f"## Trained on\n{evidence.trained}",
        _figures(evidence),
        _operating_points(evidence),
        _calibration(evidence),
        _behaviour(evidence.behaviours),
        evidence.limits and f"## Limits\n{evidence.limits}",
        _USE,
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _figures(evidence: Evidence) -> str:
    whole, *parts = evidence.parts
    rows = [
        f"| {m.label} | {m.precision:.3f} {i.precision} | {m.recall:.3f} {i.recall} | {m.f1:.3f} {i.f1} | {m.support:,} "
        f"| {m.average_precision:.3f} |"
        for m, i in zip(whole.metrics.labels, whole.intervals.labels, strict=True)
    ]
    lines = [
        "## How good it is",
        f"On {evidence.judged}. Brackets are 95% bootstrap intervals, documents drawn whole.",
        "",
        "| label | precision | recall | F1 | support | average precision |",
        "| --- | --- | --- | --- | --- | --- |",
        *rows,
        "",
        f"Macro-F1 {whole.metrics.macro_f1:.3f} {whole.intervals.macro_f1}; all labels of a passage right: "
        f"{whole.metrics.exact_match:.3f} {whole.intervals.exact_match}; passages without a label that are tagged all the same: "
        f"{whole.without_cause:.1%}.",
        "",
        "| part | passages | macro-F1 | " + " | ".join(LABELS) + " | tagged without cause |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *map(_row, parts),
    ]
    right, pairs = evidence.twins
    if pairs:
        lines += [
            "",
            f"Hardest: of {pairs:,} pairs of invented near twins that differ in their labels (a negation moved, victims for",
            f"traffickers), both sides are wholly right in {right / pairs:.1%}.",
        ]
    return "\n".join(lines)


def _row(part: Part) -> str:
    labels = " | ".join(f"{m.f1:.3f}" if m.support >= _FEWEST else f"({m.support})" for m in part.metrics.labels)
    tagged = "–" if np.isnan(part.without_cause) else f"{part.without_cause:.1%}"
    macro = f"{part.metrics.macro_f1:.3f} {part.intervals.macro_f1}"
    return f"| {part.name} | {part.metrics.passages:,} | {macro} | {labels} | {tagged} |"


def _operating_points(evidence: Evidence) -> str:
    rows = [
        f"| {policy} | {label} | {p['threshold']:.3f} | "
        + " | ".join(
            "{:.3f} [{:.3f}, {:.3f}]".format(*(v if v is not None else float("nan") for v in p[name]))
            for name in ("precision", "recall")
        )
        + " |"
        for policy, labels in evidence.points.items()
        for label, p in labels.items()
    ]
    return "\n".join(
        [
            "## Operating points",
            "Probability from which a label is given (`--policy`), with precision and recall on the passages held out, at thresholds",
            "chosen on other documents. `screen` aims at recall 0.95, `cite` at precision 0.95, `balanced` at the best F1.",
            "",
            "| policy | label | threshold | precision | recall |",
            "| --- | --- | --- | --- | --- |",
            *rows,
        ]
    )


def _calibration(evidence: Evidence) -> str:
    bins = next(iter(evidence.reliability.values()))
    errors = ", ".join(f"{m.label} {m.calibration_error:.3f}" for m in evidence.parts[0].metrics.labels)
    rows = [
        f"| {b.low:.1f} to {b.high:.1f} | "
        + " | ".join(_said_and_seen(evidence.reliability[label][number]) for label in LABELS)
        + " |"
        for number, b in enumerate(bins)
    ]
    return "\n".join(
        [
            "## What a probability means",
            f"Calibrated by Platt's method on the passages held out. Expected calibration error over ten bins: {errors}. Of passages",
            "given a probability in the range on the left, the share that has the label (mean probability, passages):",
            "",
            f"| range | {' | '.join(LABELS)} |",
            "| --- | --- | --- | --- |",
            *rows,
        ]
    )


def _said_and_seen(b: ReliabilityBin) -> str:
    return f"{b.share_true:.2f} ({b.mean_probability:.2f}, {b.passages:,})" if b.passages else "–"


def _behaviour(results: Sequence[RuleResult]) -> str:
    """The table of the rules, the worst first; nothing where none was tried."""
    if not results:
        return ""
    rows = [f"| {r.rule} | {r.rate:.1%} | {r.cases} |" for r in sorted(results, key=lambda r: (r.rate, r.rule))]
    return "\n".join(
        [
            "## Behaviour",
            "Cases written for each rule of the codebook and kept out of training, all labels right; worst first. `tipclassify check`",
            "runs them and shows the failures. Rules under 80% are known weaknesses: read such passages yourself.",
            "",
            "| rule | passed | cases |",
            "| --- | --- | --- |",
            *rows,
        ]
    )


_FEWEST = 20  # passages with the label; F1 of fewer says little, and their number stands in its place
_USE = """## Use it for
Finding the passages of a report that deserve reading, sorting them, and counting them with the error rates above in
mind. Passages flagged `low_confidence` (under three words, or many words unknown to training) need a reader.

## Do not use it for
Judging a state, a person or a case without reading the passage; text that is not English; ranking countries by counts of tags. A
tag says what the sentence claims, not whether it is true."""
