"""Evaluate a trained model on held-out rows, for its card (Mitchell et al.

2019, arXiv:1810.03993) and model.json.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any, Final

import jinja2
import numpy as np

from tipclassify._version import __version__
from tipclassify.arrays import Bools, Floats, Ints
from tipclassify.corpus.holdout import is_real, source_family
from tipclassify.corpus.loading import Row, corpus_digest
from tipclassify.evaluation.behaviour_tests import default_cases_path, row_passage, run_cases
from tipclassify.evaluation.bootstrap import Intervals, intervals
from tipclassify.evaluation.metrics import (
    Metrics,
    contrast_pair_accuracy,
    measure,
    reliability,
    rounded,
)
from tipclassify.formatting import json_line
from tipclassify.labels import LABELS, MEANINGS, POLICIES
from tipclassify.model.classifier import Classifier
from tipclassify.model.common.scoring import apply_thresholds
from tipclassify.resources import resource_path
from tipclassify.training.calibration import Calibrated
from tipclassify.training.examples import country_groups, labels_of
from tipclassify.training.fit_penalty import PenaltyChoice
from tipclassify.training.fixed_set import FixedComparison, false_tag_rate

__all__ = [
    "FAMILIES",
    "CardFacts",
    "CorpusFacts",
    "HeldOut",
    "Judged",
    "Part",
    "describe_corpus",
    "error_table",
    "judge_model",
    "model_meta",
]

_MIN_SUPPORT: Final = 20  # support below which the card shows the count instead of F1
_BINS: Final = 1_000  # histogram bins of probability: thresholds of the recall policy lie near 0.01
_GOLDEN: Final = 60  # passages whose scores a copy of the model must reproduce
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
_KINDS: Final = {
    "traffick": "sections on trafficking",
    "forced": "sections on forced labor",
    "child labor": "sections on child labor",
    "child soldier": "sections on child labor",
    "children": "sections on children",
    "": "other sections",
}  # by a word of the heading; the first match wins


@dataclass(frozen=True)
class Part:
    """Metrics on a subset of the held-out passages; NaN for the false-tag rate where each has a
    label."""

    name: str
    metrics: Metrics
    intervals: Intervals
    false_tag_rate: float


@dataclass(frozen=True)
class HeldOut:
    """Rows that taught nothing, with the probabilities that a model gives them."""

    rows: Sequence[Row]
    scores: Floats  # (n, 3)
    # cross-fitted predictions of the real rows, or of all where none is real
    calibrated: Calibrated | None = None
    weights: Floats | None = None  # of the real rows, as so many of whole reports


@dataclass(frozen=True)
class CorpusFacts:
    """What taught a model, counted for its card and ``model.json``."""

    passages: int
    real: int
    own: int  # of the user
    held_out: int
    sha256: str
    labels: dict[str, int]


@dataclass(frozen=True)
class CardFacts:
    """What the card says of one training, as it was."""

    name: str
    corpus: CorpusFacts
    held_out: str  # a sentence: which passages measure
    calibration: str  # a clause: how probabilities and thresholds came about
    encoder: str | None = None  # its pretrained base; None for the linear model
    start: str | None = None  # a sentence: where the heads started from
    # base, run and bits, where the folder has all of them
    fine_tuning: dict[str, Any] | None = None
    soft: int = 0  # passages without labels that a teacher scored
    teacher: str = ""
    penalty: PenaltyChoice | None = None
    fixed: FixedComparison | None = None


@dataclass(frozen=True)
class Judged:
    """A model's evaluation: metrics by part, all first; values for ``model.json``; card and
    golden rows."""

    parts: list[Part]
    figures: dict[str, Any]
    files: dict[str, str]


def model_meta(**meta: Any) -> dict[str, Any]:
    """Add the library versions to the metadata of a ``model.json``."""
    versions = {name: version(name) for name in ("numpy", "scipy", "scikit-learn", "sentencex")}
    return {**meta, "versions": {"tipclassify": __version__, **versions}}


def describe_corpus(rows: Sequence[Row], held: Bools, own: int = 0) -> CorpusFacts:
    """Count the passages of a training by kind and label; the last `own` of `rows` are the
    user's."""
    return CorpusFacts(
        passages=len(rows),
        real=sum(map(is_real, rows)),
        own=own,
        held_out=int(held.sum()),
        sha256=corpus_digest(rows),
        labels={label: sum(label in row["labels"] for row in rows) for label in LABELS},
    )


def judge_model(
    classifier: Classifier, held: HeldOut, facts: CardFacts, seed: int, cases: bool = True
) -> Judged:
    """Evaluate a model on what was held out, and write its card and golden rows.

    Rows that calibrated the model have their cross-fitted predictions. Without `cases` no
    behavioural tests are run: with an encoder they take longer than fitting its heads.
    """
    rows, scores, calibrated = held.rows, held.scores.copy(), held.calibrated
    real = np.array([is_real(row) for row in rows], bool)
    whole = real if real.any() else np.ones(len(rows), bool)
    y_true = labels_of(rows)
    by_policy: dict[str, Bools] = {
        policy: apply_thresholds(scores, classifier.thresholds(policy)) for policy in POLICIES
    }
    if calibrated:
        crossed = whole if len(calibrated.scores) < len(rows) else np.ones(len(rows), bool)
        scores[crossed] = calibrated.scores
        for policy in POLICIES:
            by_policy[policy][crossed] = calibrated.y_pred[policy]
    weights = np.ones(whole.sum()) if held.weights is None else held.weights
    groups, limit, y_pred = (
        country_groups(rows),
        classifier.thresholds("balanced"),
        by_policy["balanced"],
    )

    def part(name: str, chosen: Bools) -> Part:
        return Part(
            name,
            measure(y_true[chosen], scores[chosen], y_pred[chosen], limit),
            intervals(y_true[chosen], y_pred[chosen], groups[chosen], seed=seed),
            false_tag_rate(y_true[chosen], y_pred[chosen]),
        )

    parts = [part("real passages" if real.any() else "all passages", whole)]
    sources = np.array([FAMILIES.get(str(source_family(row.get("doc"))), "") for row in rows])
    headings = [str(row.get("section") or "").lower() for row in rows]
    kinds = [next(kind for word, kind in _KINDS.items() if word in heading) for heading in headings]
    sections = np.where([not heading for heading in headings], "no heading", np.array(kinds))
    for name in dict.fromkeys([*FAMILIES.values(), *_KINDS.values(), "no heading"]):
        if (mine := real & ((sources == name) | (sections == name))).any():
            parts.append(part(name, mine))
    if real.any() and not real.all():
        parts.append(part("invented passages", ~real))

    pairs = contrast_pair_accuracy([row.get("pair") for row in rows], y_true, y_pred)
    behaviours = run_cases(classifier, default_cases_path()) if cases else []
    y_true, by_policy = (
        y_true[whole],
        {policy: labels[whole] for policy, labels in by_policy.items()},
    )
    points = {
        policy: _operating_points(
            y_true, by_policy[policy], classifier.thresholds(policy), groups[whole], weights, seed
        )
        for policy in POLICIES
    }
    bins = [reliability(y_true[:, j], scores[whole, j]) for j in range(len(LABELS))]
    card = _model_card(
        facts=facts,
        corpus=facts.corpus,
        real=real.any(),
        parts=parts,
        points=points,
        reliability=list(zip(*bins, strict=True)),
        contrast_pairs=pairs,
        behaviours=behaviours,
    )
    figures = {
        "corpus": asdict(facts.corpus),
        "calibrated": facts.calibration,
        "metrics": parts[0].metrics.to_dict(),
        "operating_points": points,
        "near_twins": dict(zip(("right", "pairs"), pairs, strict=True)),
        "error_table": error_table(y_true, scores[whole], by_policy, weights),
        "behaviours": {result.rule: round(result.rate, 4) for result in behaviours},
        "kinds": {
            part.name: part.metrics.passages for part in parts if part.name in FAMILIES.values()
        },
    }
    if facts.penalty:
        figures["penalty"] = facts.penalty.to_dict()
    if facts.fixed:
        figures["fixed_set"] = facts.fixed.to_dict()
    return Judged(
        parts, figures, {"README.md": card, "golden.jsonl": _golden_rows(classifier, rows)}
    )


def _operating_points(
    y_true: Bools, y_pred: Bools, thresholds: Floats, groups: Ints, weights: Floats, seed: int
) -> dict[str, dict[str, Any]]:
    """Return the threshold of each label, and precision and recall with their 95% intervals."""
    points = {}
    found = intervals(y_true, y_pred, groups, seed=seed, weights=weights)
    for j, (label, row) in enumerate(zip(LABELS, found.labels, strict=True)):
        hits = float(weights @ (y_true[:, j] & y_pred[:, j]))
        precision, recall = (
            hits / max(1e-9, float(weights @ all_of[:, j])) for all_of in (y_pred, y_true)
        )
        points[label] = {
            "threshold": round(float(thresholds[j]), 4),
            "precision": rounded([precision, row.precision.low, row.precision.high]),
            "recall": rounded([recall, row.recall.low, row.recall.high]),
        }
    return points


def error_table(
    y_true: Bools, scores: Floats, labels: Mapping[str, Bools], weights: Floats
) -> dict[str, Any]:
    """Count right and wrong predictions `labels` (policy → bool (n, 3)), by which `summary` adjusts
    its counts.

    Weights are scaled to sum to the effective sample size (Kish 1965: the square of the sum over
    the sum of squares). ``histogram`` counts passages with and without each label by probability,
    in bins of 0.001.
    """
    weights = weights * weights.sum() / max(float(weights @ weights), 1e-12)
    policies: dict[str, Any] = {}
    for policy in POLICIES:
        y_pred = labels[policy]
        cells = {
            "tp": y_true & y_pred,
            "fn": y_true & ~y_pred,
            "fp": ~y_true & y_pred,
            "tn": ~y_true & ~y_pred,
        }
        policies[policy] = {
            label: {name: round(float(weights @ cell[:, j]), 3) for name, cell in cells.items()}
            for j, label in enumerate(LABELS)
        }
    step = np.minimum((scores * _BINS).astype(int), _BINS - 1)
    histogram = {
        label: {
            name: np.bincount(step[mine, j], weights[mine], minlength=_BINS).round(3).tolist()
            for name, mine in (("with", y_true[:, j]), ("without", ~y_true[:, j]))
        }
        for j, label in enumerate(LABELS)
    }
    return {
        "passages": round(float(weights.sum()), 1),
        "policies": policies,
        "histogram": histogram,
    }


def _golden_rows(classifier: Classifier, rows: Sequence[Row]) -> str:
    """Write an even sample of invented passages with their scores, as JSON lines that a model
    copy must match."""
    sample = [row for row in rows if not is_real(row)]
    sample = sample[:: max(1, len(sample) // _GOLDEN)][:_GOLDEN]
    scores = (
        classifier.predict_proba(list(map(row_passage, sample))).round(5).tolist() if sample else []
    )
    lines = (
        {
            "text": row["text"],
            "section": row.get("section"),
            "scores": dict(zip(LABELS, of_row, strict=True)),
        }
        for row, of_row in zip(sample, scores, strict=True)
    )
    return "".join(map(json_line, lines))


def _model_card(**values: Any) -> str:
    options: dict[str, Any] = {
        "undefined": jinja2.StrictUndefined,
        "trim_blocks": True,
        "keep_trailing_newline": True,
    }
    loader = jinja2.FileSystemLoader(resource_path("training/templates"))
    environment = jinja2.Environment(loader=loader, **options)
    formats = {"figure": "{:.3f}", "share": "{:.1%}", "percent": "{:.0%}", "count": "{:,}"}
    environment.filters.update({name: form.format for name, form in formats.items()})
    environment.filters["interval"] = lambda value: "{:.3f} [{:.3f}, {:.3f}]".format(
        *(float("nan") if one is None else one for one in value)
    )
    template = environment.get_template("model_card.md")
    return template.render(LABELS=LABELS, MEANINGS=MEANINGS, FEWEST=_MIN_SUPPORT, **values)
