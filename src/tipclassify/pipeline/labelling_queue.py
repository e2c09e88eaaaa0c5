"""The rows of a labelling queue: the passages of tagged reports that are most useful to label."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import compress
from pathlib import PurePath
from typing import Any, Final

from tipclassify.arrays import Floats
from tipclassify.corpus.active_learning import rank
from tipclassify.corpus.loading import text_key
from tipclassify.labels import LABELS, Policy
from tipclassify.model.classifier import Classifier
from tipclassify.model.common.scoring import apply_thresholds
from tipclassify.reporting.report import TaggedReport
from tipclassify.text.document import Passage

__all__ = ["queue_rows"]

_OWN: Final = frozenset(
    "text label labels predicted scores other_labels other_scores why low_confidence".split()
)


def queue_rows(
    reports: Iterable[TaggedReport],
    thresholds: Floats,
    n: int,
    *,
    known: Sequence[str] = (),
    other: Classifier | None = None,
    policy: Policy = "balanced",
    seed: int = 0,
) -> list[dict[str, Any]]:
    """Choose the `n` passages to label next, as rows; fewer if the reports have fewer.

    A passage with the text of a `known` one is left out. Passages on whose labels the model and the
    `other` one disagree, each at its thresholds of `policy`, come first.
    """
    labelled = {text_key(text) for text in known}
    passages: list[Passage] = []
    places: list[dict[str, Any]] = []
    for report in reports:
        for number, passage in enumerate(report.passages):
            key = text_key(passage.text)
            if key and key not in labelled:
                labelled.add(key)  # a repeated sentence is queued once
                passages.append(passage)
                places.append(_where(report, passage, number))
    votes, other_scores = [], None
    if other is not None and passages:
        other_scores = other.predict_proba(passages)
        votes = [apply_thresholds(other_scores, other.thresholds(policy))]
    rows = []
    taken: Counter[str] = Counter()
    for pick in rank(passages, thresholds, n, known=known, others=votes, seed=seed):
        passage, where = passages[pick.index], places[pick.index]
        name = where.pop("id")
        taken[name] += 1
        row = {
            "id": name if taken[name] == 1 else f"{name}-{taken[name]}",
            "text": passage.text,
            "labels": None,
            "predicted": list(passage.labels),
            "scores": _rounded(passage.scores.values()),
        }
        if other_scores is not None:
            row["other_labels"] = list(compress(LABELS, votes[0][pick.index]))
            row["other_scores"] = _rounded(other_scores[pick.index].tolist())
        rows.append({**row, "why": pick.why, **where})
    return rows


def _rounded(scores: Iterable[float]) -> dict[str, float]:
    return {label: round(score, 4) for label, score in zip(LABELS, scores, strict=True)}


def _where(report: TaggedReport, passage: Passage, number: int) -> dict[str, Any]:
    """Return the source of a passage: report, section, page and offsets; an input row keeps its
    own fields."""
    stem = PurePath(report.file.rstrip("/")).stem or "input"
    if report.extras:
        own = {
            name: value
            for name, value in report.extras[number].items()
            if name not in _OWN and value is not None
        }
        return {"report": report.file, **own, "id": str(own.get("id") or f"{stem}-{number + 1}")}
    where = {
        "id": f"{stem}-{passage.start}",
        "report": report.file,
        "doc": report.file,  # passages of one report stay on one side of a split
        "country": report.document and report.document.country,
        "year": report.document and report.document.year,
        **{name: getattr(passage, name) for name in ("section", "page", "start", "end")},
    }
    return {name: value for name, value in where.items() if value is not None}
