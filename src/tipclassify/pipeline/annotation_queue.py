"""Annotation queue: tagged reports in, the most informative passages out, as rows with the model's predictions.

Rows have the corpus format with ``labels`` null; `corpus.read_rows` refuses them until an annotator fills that in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import PurePath
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tipclassify.corpus.loading import text_key
from tipclassify.labels import LABELS
from tipclassify.model.classifier import Classifier
from tipclassify.model.linear.scoring import apply_thresholds
from tipclassify.pipeline.active_learning import rank
from tipclassify.reporting.writers import TaggedReport
from tipclassify.text.document import Passage
from tipclassify.text.furniture import is_prose

__all__ = ["queue_rows"]

_OWN: Final = frozenset("text label labels predicted scores other_labels other_scores why low_confidence".split())


def queue_rows(
    reports: Iterable[TaggedReport],
    thresholds: npt.NDArray[np.float64],
    n: int,
    *,
    known: Sequence[str] | None = None,
    other: Classifier | None = None,
    policy: str = "balanced",
    seed: int = 0,
) -> list[dict[str, Any]]:
    """Choose the `n` passages to label next, as rows; fewer if the reports have fewer. Page furniture is left out.

    Parameters
    ----------
    thresholds : float (3,)
        Probability threshold of each label.
    known : sequence of str, optional
        Texts of labelled passages; a passage with the same text is left out.
    other : Classifier, optional
        A second model: passages on whose labels the two disagree, each at its thresholds of `policy`, come first.
    """
    labelled = {text_key(text) for text in known or ()}
    passages: list[Passage] = []
    places: list[dict[str, Any]] = []
    for report in reports:
        for number, passage in enumerate(report.passages):
            key = text_key(passage.text)
            if key and key not in labelled and is_prose(passage):
                labelled.add(key)  # a repeated sentence is queued once
                passages.append(passage)
                places.append(_where(report, passage, number))
    if not passages:
        return []
    votes, other_scores = [], None
    if other is not None:
        other_scores = other.predict_proba(passages)
        votes = [apply_thresholds(other_scores, other.thresholds(policy))]
    rows = []
    taken: Counter[str] = Counter()
    for pick in rank(passages, thresholds, n, known=known or None, others=votes, seed=seed):
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
            row["other_labels"] = [label for label, has in zip(LABELS, votes[0][pick.index], strict=True) if has]
            row["other_scores"] = _rounded(other_scores[pick.index].tolist())
        rows.append({**row, "why": pick.why, **where})
    return rows


def _rounded(scores: Iterable[float]) -> dict[str, float]:
    return {label: round(score, 4) for label, score in zip(LABELS, scores, strict=True)}


def _where(report: TaggedReport, passage: Passage, number: int) -> dict[str, Any]:
    """Return the source of a passage: report, section, page and offsets; an input row keeps its own fields."""
    stem = PurePath(report.file.rstrip("/")).stem or "input"
    if report.extras:
        own = {name: value for name, value in report.extras[number].items() if name not in _OWN and value is not None}
        return {"report": report.file, **own, "id": str(own.get("id") or f"{stem}-{number + 1}")}
    document = report.document
    where = {
        "id": f"{stem}-{passage.start}",
        "report": report.file,
        "doc": report.file,  # passages of one report stay on one side of a split
        "country": document and document.country,
        "year": document and document.year,
        "section": passage.section,
        "page": passage.page,
        "start": passage.start,
        "end": passage.end,
    }
    return {name: value for name, value in where.items() if value is not None}
