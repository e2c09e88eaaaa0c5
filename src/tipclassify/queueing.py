"""From tagged reports to rows for annotators: the passages that teach most, with what the model says of them.

Rows are those of a corpus with ``labels`` null, which `corpus.read_rows` refuses until somebody has labelled them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import PurePath
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tipclassify.classifier import Classifier
from tipclassify.corpus import text_key
from tipclassify.document import Passage
from tipclassify.labels import LABELS
from tipclassify.scoring import apply_thresholds
from tipclassify.teaching import rank
from tipclassify.writers import TaggedReport

__all__ = ["logits_of", "queue_rows"]

_SUREST: Final = 1e-12  # a probability of exactly 1 has no log-odds
_OWN: Final = (
    "text",
    "label",
    "labels",
    "predicted",
    "scores",
    "other_labels",
    "other_scores",
    "why",
    "low_confidence",
)


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
    """The `n` passages to label next, as rows; fewer where the reports have no more.

    Parameters
    ----------
    thresholds : float (3,)
        Probability from which each label is given.
    known : sequence of str, optional
        Labelled passages; one with the same text is left out.
    other : Classifier, optional
        A second model: passages whose labels the two see differently, each at its thresholds of `policy`, come first.
    """
    labelled = {text_key(text) for text in known or ()}
    found: list[tuple[Passage, dict[str, Any]]] = []
    for report in reports:
        for number, passage in enumerate(report.passages):
            key = text_key(passage.text)
            if key and key not in labelled:
                labelled.add(key)  # the same sentence is asked for once
                found.append((passage, _where(report, passage, number)))
    if not found:
        return []
    passages = [passage for passage, _ in found]
    texts = [passage.text for passage in passages]
    doubtful = [passage.low_confidence for passage in passages]
    second = None if other is None else _Second(other, passages, policy)
    votes = [] if second is None else [second.given]
    picks = rank(texts, logits_of(passages), thresholds, doubtful, n, known=known or None, others=votes, seed=seed)
    rows = []
    taken: dict[str, int] = {}
    for pick in picks:
        passage, where = found[pick.index]
        name = where.pop("id")
        taken[name] = taken.get(name, 0) + 1
        rows.append(
            {
                "id": name if taken[name] == 1 else f"{name}-{taken[name]}",
                "text": passage.text,
                "labels": None,
                "predicted": list(passage.labels),
                "scores": {label: round(score, 4) for label, score in passage.scores.items()},
                **({} if second is None else second.of(pick.index)),
                "why": pick.why,
                **where,
            }
        )
    return rows


def logits_of(passages: Sequence[Passage]) -> npt.NDArray[np.float64]:
    """Log-odds, float (n, 3), of tagged passages."""
    scores = np.array([[passage.scores[label] for label in LABELS] for passage in passages]).reshape(-1, len(LABELS))
    chance = np.clip(scores, _SUREST, 1 - _SUREST)
    return np.asarray(np.log(chance) - np.log1p(-chance))


class _Second:
    """What another model says of passages: labels `given`, bool (n, 3), and their probabilities."""

    def __init__(self, model: Classifier, passages: Sequence[Passage], policy: str) -> None:
        self._scores = model.predict_proba(passages)
        self.given = apply_thresholds(self._scores, model.thresholds(policy))

    def of(self, i: int) -> dict[str, Any]:
        """The fields of a row."""
        scores = zip(LABELS, self._scores[i].tolist(), strict=True)
        return {
            "other_labels": [label for label, has in zip(LABELS, self.given[i].tolist(), strict=True) if has],
            "other_scores": {label: round(score, 4) for label, score in scores},
        }


def _where(report: TaggedReport, passage: Passage, number: int) -> dict[str, Any]:
    """Where a passage stands; a ready row keeps its own fields, its id among them."""
    stem = PurePath(report.file.rstrip("/")).stem or "input"
    if report.extras:
        own = {name: value for name, value in report.extras[number].items() if name not in _OWN and value is not None}
        return {"report": report.file, **own, "id": str(own.get("id") or f"{stem}-{number + 1}")}
    document = report.document
    about = {} if document is None else {"country": document.country, "year": document.year}
    told = {**about, "section": passage.section, "page": passage.page}
    return {
        "id": f"{stem}-{passage.start}",
        "report": report.file,
        "doc": report.file,  # passages of one report stay on one side of a split
        **{name: value for name, value in told.items() if value is not None},
        "start": passage.start,
        "end": passage.end,
    }
