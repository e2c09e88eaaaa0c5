"""Choose the passages of tagged reports to label, as rows of a queue.

Those most useful to a model that will learn them, or a random sample to measure one on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import compress
from pathlib import PurePath
from typing import Final

import numpy as np

from tipclassify.arrays import Bools, Floats
from tipclassify.corpus.active_learning import rank_for_active_learning
from tipclassify.corpus.loading import text_key
from tipclassify.labels import LABELS, Policy
from tipclassify.model.classifier import Classifier
from tipclassify.model.scoring import apply_thresholds
from tipclassify.reports.report import TaggedReport
from tipclassify.text.document import Passage

__all__ = ["queue_rows", "random_queue_rows"]

_OWN: Final = frozenset(
    "text label labels predicted scores other_labels other_scores why low_confidence".split()
)


@dataclass(frozen=True, slots=True)
class _QueueCandidate:
    """A passage that may be queued, and its source."""

    passage: Passage
    id: str  # of the input row, or made from the report's name; may be that of another passage too
    source: dict[str, object]  # further fields of its row


def queue_rows(
    reports: Iterable[TaggedReport],
    thresholds: Floats,
    n: int,
    *,
    known: Sequence[str] = (),
    other: Classifier | None = None,
    policy: Policy = "balanced",
    seed: int = 0,
) -> list[dict[str, object]]:
    """Choose the `n` passages to label next, as rows; fewer if the reports have fewer.

    A passage with the text of a `known` one is left out. Passages on whose labels the model and the
    `other` one disagree, each at its thresholds of `policy`, come first.
    """
    candidates = _queue_candidates(reports, known)
    passages = [candidate.passage for candidate in candidates]
    other_labels: Bools | None = None
    other_scores: Floats | None = None
    if other is not None and passages:
        other_scores = other.predict_proba(passages)
        other_labels = apply_thresholds(other_scores, other.thresholds(policy))
    rows: list[dict[str, object]] = []
    ids = _QueueIds()
    others = [] if other_labels is None else [other_labels]
    for pick in rank_for_active_learning(
        passages, thresholds, n, known=known, others=others, seed=seed
    ):
        candidate = candidates[pick.index]
        row = {
            "id": ids.next_for(candidate),
            "text": candidate.passage.text,
            "labels": None,
            "predicted": list(candidate.passage.labels),
            "scores": _queue_row_scores(candidate.passage.scores.values()),
        }
        if other_labels is not None and other_scores is not None:
            row["other_labels"] = list(compress(LABELS, other_labels[pick.index]))
            row["other_scores"] = _queue_row_scores(other_scores[pick.index].tolist())
        rows.append({**row, "why": pick.why, **candidate.source})
    return rows


def random_queue_rows(
    reports: Iterable[TaggedReport], n: int, *, known: Sequence[str] = (), seed: int = 0
) -> list[dict[str, object]]:
    """Draw `n` passages at random, as rows; all, in random order, if the reports have fewer.

    Each sentence is as likely as any other, however often the reports repeat it; those with the
    text of a `known` one are left out. The rows have no predictions, so that whoever labels them
    in an editor does not see what a model says.
    """
    candidates = _queue_candidates(reports, known)
    order = np.random.default_rng(seed).permutation(len(candidates))
    rows: list[dict[str, object]] = []
    ids = _QueueIds()
    for index in order[:n].tolist():
        candidate = candidates[index]
        row = {"id": ids.next_for(candidate), "text": candidate.passage.text, "labels": None}
        rows.append({**row, "why": "drawn at random", **candidate.source})
    return rows


def _queue_candidates(
    reports: Iterable[TaggedReport], known: Sequence[str]
) -> list[_QueueCandidate]:
    """List the passages that may be queued: each text once, and none that is known."""
    seen = {text_key(text) for text in known}
    candidates: list[_QueueCandidate] = []
    for report in reports:
        for number, passage in enumerate(report.passages):
            key = text_key(passage.text)
            if key and key not in seen:
                seen.add(key)
                candidates.append(_queue_candidate(report, passage, number))
    return candidates


class _QueueIds:
    """Ids of the rows of a queue, each given once."""

    def __init__(self) -> None:
        self._taken: Counter[str] = Counter()

    def next_for(self, candidate: _QueueCandidate) -> str:
        """Return a candidate's id, numbered where an earlier row has it."""
        self._taken[candidate.id] += 1
        number = self._taken[candidate.id]
        return candidate.id if number == 1 else f"{candidate.id}-{number}"


def _queue_row_scores(scores: Iterable[float]) -> dict[str, float]:
    return {label: round(score, 4) for label, score in zip(LABELS, scores, strict=True)}


def _queue_candidate(report: TaggedReport, passage: Passage, number: int) -> _QueueCandidate:
    """Describe a passage with its source: report, section, page and offsets.

    An input row keeps its own fields; `number` is its place in the batch of rows.
    """
    stem = PurePath(report.file.rstrip("/")).stem or "input"
    if report.extras:
        own = {
            name: value
            for name, value in report.extras[number].items()
            if name not in _OWN and value is not None
        }
        own_id = own.pop("id", None)
        made_id = f"{stem}-{number + 1}"
        row_id = made_id if own_id in (None, "") else str(own_id)
        return _QueueCandidate(passage, row_id, {"report": report.file, **own})
    source = {
        "report": report.file,
        "doc": report.file,  # passages of one report stay on one side of a split
        "country": report.document and report.document.country,
        "year": report.document and report.document.year,
        "section": passage.section,
        "page": passage.page,
        "start": passage.start,
        "end": passage.end,
    }
    known: dict[str, object] = {}
    for name, value in source.items():
        if value is not None:
            known[name] = value
    return _QueueCandidate(passage, f"{stem}-{passage.start}", known)
