"""The model card (Mitchell et al. 2019, arXiv:1810.03993) that training writes beside the weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tipclassify.agreement import Agreement, agreement_table
from tipclassify.behaviours import RuleResult
from tipclassify.evaluation import Metrics, ReliabilityBin, rounded
from tipclassify.labels import LABELS, MEANINGS, POLICIES
from tipclassify.resampling import Intervals
from tipclassify.slices import Mistake, Slice
from tipclassify.training import Fitted

__all__ = ["USE", "Evidence", "behaviour_part", "calibration_part", "labels_part", "model_card", "operating_evidence"]
__all__ += ["operating_part"]


@dataclass(frozen=True)
class Evidence:
    """All that is known of a freshly trained model.

    Attributes
    ----------
    corpus : mapping
        Number of passages, hash, and passages per label.
    intervals : mapping
        Policy → 95% intervals of the out-of-fold figures.
    kinds : mapping
        "sentence" and "clause" → number of passages and intervals.
    points : mapping
        What `operating_evidence` gives.
    twins : tuple of int
        What `evaluation.twins_right` gives, out of fold.
    narratives : Metrics or None
        Figures on passages of whole narratives, out of fold.
    """

    corpus: Mapping[str, Any]
    fitted: Fitted
    intervals: Mapping[str, Intervals]
    kinds: Mapping[str, tuple[int, Intervals]]
    slices: Sequence[Slice]
    reliability: Mapping[str, Sequence[ReliabilityBin]]
    errors: Sequence[Mistake]
    behaviours: Sequence[RuleResult]
    agreement: Sequence[Agreement]
    points: Mapping[str, Mapping[str, Mapping[str, Any]]]
    twins: tuple[int, int]
    narratives: Metrics | None


def operating_evidence(
    truth: npt.NDArray[np.bool_],
    given: Mapping[str, npt.NDArray[np.bool_]],
    thresholds: Mapping[str, Sequence[float]],
    found: Mapping[str, Intervals],
) -> dict[str, dict[str, dict[str, Any]]]:
    """Policy → label → threshold, and cross-fitted precision and recall, each with its 95% interval."""
    points: dict[str, dict[str, dict[str, Any]]] = {}
    for policy in POLICIES:
        right = truth & given[policy]
        points[policy] = {}
        for j, (label, row) in enumerate(zip(LABELS, found[policy].labels, strict=True)):
            hits = int(right[:, j].sum())
            figures = {
                "precision": (hits / max(1, int(given[policy][:, j].sum())), row.precision),
                "recall": (hits / max(1, int(truth[:, j].sum())), row.recall),
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
    parts = [
        _head(name),
        _corpus(evidence),
        _figures(evidence),
        operating_part(evidence.points),
        calibration_part(evidence.fitted.metrics, evidence.reliability),
        behaviour_part(evidence.behaviours),
        _errors(evidence.errors),
        USE,
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(name: str) -> str:
    meanings = "\n".join(f"- `{label}`: {MEANINGS[label]}" for label in LABELS)
    return f"""# Model card: {name}

It tags sentences of English reports on what governments do about human trafficking. Two parts are added, each weighed by what it
brings on held-out passages: a linear one over hashed n-grams (the sum over a sentence plus the sum over its best clause), and
detectors that slide over its words, three and five at a time (`"detectors"` in `model.json` says whether this model has
them). A sentence takes every label that applies, or none:

{meanings}"""


def _corpus(evidence: Evidence) -> str:
    corpus = evidence.corpus
    counts = ", ".join(f"`{label}` {n:,}" for label, n in corpus["labels"].items())
    text = f"""## Trained on
{corpus["passages"]:,} labelled passages ({counts}), corpus SHA-256 `{corpus["sha256"]}`. The corpus's own card says how it was
written and labelled."""
    if evidence.agreement:
        text += f"""

How far the corpus's two annotators agree, to hold the model's figures against. Both were language models, and the
sentences were written to be clear; people reading real reports agree less.

{agreement_table(evidence.agreement)}"""
    return text


def _figures(evidence: Evidence) -> str:
    metrics, found = evidence.fitted.metrics, evidence.intervals["balanced"]
    kinds = [
        f"| {kind} | {number:,} | {i.macro_f1} | " + " | ".join(str(label.f1) for label in i.labels) + " |"
        for kind, (number, i) in evidence.kinds.items()
    ]
    parts = [
        f"| {s.field} | {s.value} | {s.metrics.passages:,} | {s.metrics.exact_match:.3f} | "
        + " | ".join(f"{m.f1:.3f}" if m.support >= _FEWEST else "–" for m in s.metrics.labels)
        + " |"
        for s in evidence.slices
        if s.metrics.passages >= _SMALLEST
    ]
    names = " | ".join(LABELS)
    return "\n".join(
        [
            "## How good it is",
            "Out of fold on that corpus: no passage is judged by a model, calibration or threshold that saw it, its narrative or",
            "its near twins. **These are figures on the corpus, which holds hard near twins on purpose, and not on real",
            "reports**: measure on sentences that you labelled, with `tipclassify evaluate`. Brackets are 95% bootstrap",
            "intervals by group.",
            "",
            labels_part(metrics, found),
            *_harder_and_easier(evidence),
            "",
            "F1 by form (a clause begins in lower case or lacks a full stop):",
            "",
            f"| form | passages | macro-F1 | {names} |",
            "| --- | --- | --- | --- | --- | --- |",
            *kinds,
            "",
            "By section, length in words and number of clauses: the share of passages with all labels right, and F1 where at least",
            f"{_FEWEST} passages have the label:",
            "",
            f"| by | value | passages | all right | {names} |",
            "| --- | --- | --- | --- | --- | --- | --- |",
            *parts,
        ]
    )


def labels_part(metrics: Metrics, found: Intervals) -> str:
    """The table of the labels, each figure with its interval, and what holds for all of them."""
    rows = [
        f"| {m.label} | {m.precision:.3f} {i.precision} | {m.recall:.3f} {i.recall} | {m.f1:.3f} {i.f1} | {m.support:,} "
        f"| {m.average_precision:.3f} |"
        for m, i in zip(metrics.labels, found.labels, strict=True)
    ]
    return "\n".join(
        [
            "| label | precision | recall | F1 | support | average precision |",
            "| --- | --- | --- | --- | --- | --- |",
            *rows,
            "",
            f"Macro-F1 {metrics.macro_f1:.3f} {found.macro_f1}; all labels of a passage right: {metrics.exact_match:.3f} "
            f"{found.exact_match}.",
        ]
    )


def _harder_and_easier(evidence: Evidence) -> list[str]:
    """What the figure for the whole corpus hides: near twins on one side, whole narratives on the other."""
    lines = []
    right, pairs = evidence.twins
    if pairs:
        lines += [
            "",
            f"Hardest: of {pairs:,} pairs of near twins that differ in their labels (a negation moved, victims for traffickers),",
            f"both sides are wholly right in {right / pairs:.1%}.",
        ]
    if evidence.narratives:
        labels = "; ".join(
            f"{m.label} precision {m.precision:.3f}, recall {m.recall:.3f}" for m in evidence.narratives.labels
        )
        lines += [
            "",
            f"Nearest to what a report holds: the {evidence.narratives.passages:,} passages of whole narratives. Macro-F1 "
            f"{evidence.narratives.macro_f1:.3f};",
            f"{labels}. These rates adjust the counts of `tipclassify summary`.",
        ]
    return lines


def operating_part(points: Mapping[str, Mapping[str, Mapping[str, Any]]], judged: str = "out-of-fold") -> str:
    """The table of thresholds with what each gives; `judged` says on what."""
    rows = [
        f"| {policy} | {label} | {p['threshold']:.3f} | "
        + " | ".join(
            "{:.3f} [{:.3f}, {:.3f}]".format(*(v if v is not None else float("nan") for v in p[name]))
            for name in ("precision", "recall")
        )
        + " |"
        for policy, labels in points.items()
        for label, p in labels.items()
    ]
    return "\n".join(
        [
            "## Operating points",
            f"Probability from which a label is given (`--policy`), with the {judged} precision and recall at thresholds chosen on",
            "other folds. `screen` aims at recall 0.95, `cite` at precision 0.95, `balanced` at the best F1.",
            "",
            "| policy | label | threshold | precision | recall |",
            "| --- | --- | --- | --- | --- |",
            *rows,
        ]
    )


def calibration_part(
    metrics: Metrics, reliability: Mapping[str, Sequence[ReliabilityBin]], judged: str = "out-of-fold"
) -> str:
    """The table of what was said and what was seen; `judged` says on what."""
    bins = next(iter(reliability.values()))
    errors = ", ".join(f"{m.label} {m.calibration_error:.3f}" for m in metrics.labels)
    rows = [
        f"| {b.low:.1f} to {b.high:.1f} | "
        + " | ".join(_said_and_seen(reliability[label][number]) for label in LABELS)
        + " |"
        for number, b in enumerate(bins)
    ]
    return "\n".join(
        [
            "## What a probability means",
            f"Calibrated by Platt's method on {judged} scores. Expected calibration error over ten bins: {errors}. Of passages given a",
            "probability in the range on the left, the share that has the label (mean probability, passages):",
            "",
            f"| range | {' | '.join(LABELS)} |",
            "| --- | --- | --- | --- |",
            *rows,
        ]
    )


def _said_and_seen(b: ReliabilityBin) -> str:
    return f"{b.share_true:.2f} ({b.mean_probability:.2f}, {b.passages:,})" if b.passages else "–"


def behaviour_part(results: Sequence[RuleResult]) -> str:
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


def _errors(errors: Sequence[Mistake]) -> str:
    rows = [f"- {e.error} `{e.label}` at {e.probability:.2f} (threshold {e.threshold:.2f}): {e.text}" for e in errors]
    return "\n".join(["## Known failures", "The errors it was surest of, out of fold:", "", *rows])


_SMALLEST = 50  # passages; figures of fewer say little
_FEWEST = 20  # passages with the label
USE = """## Use it for
Finding the passages of a report that deserve reading, sorting them, and counting them with the error rates above in
mind. Passages flagged `low_confidence` (under three words, or many words unknown to training) need a reader.

## Do not use it for
Judging a state, a person or a case without reading the passage; text that is not English; text that is not a report on
what governments do about trafficking; ranking countries by counts of tags. A tag says what the sentence claims, not
whether it is true."""
