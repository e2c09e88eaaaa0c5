"""Passages scored once more, and how far that is from what the bundle says."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from tipclassify.bundle.checks import Check, listed, many, on_lines
from tipclassify.bundle.manifest import PASSAGES, Row
from tipclassify.bundle.models import BREAKS
from tipclassify.classifier import Classifier
from tipclassify.labels import LABELS

__all__ = ["Replay", "labels_of"]


def labels_of(scores: Mapping[str, float], thresholds: Mapping[str, float]) -> tuple[str, ...]:
    """The labels whose probability reaches its threshold.

    >>> labels_of({"positive_effort": 0.9, "failure": 0.4, "complicity": 0.1}, dict.fromkeys(LABELS, 0.4))
    ('positive_effort', 'failure')
    """
    return tuple(label for label in LABELS if scores[label] >= thresholds[label])


@dataclass
class Replay:
    """Scores stored and found again, compared as they come.

    Attributes
    ----------
    exact : bool
        Differences of rounding count too.
    """

    classifier: Classifier
    policy: str
    thresholds: Mapping[str, float]
    exact: bool = False
    passages: int = 0
    unequal: int = 0
    largest: float = 0.0
    where: str = ""
    changed: list[str] = field(default_factory=list)
    doubts: list[int] = field(default_factory=list)
    broken: str | None = None

    def add(self, rows: Sequence[Row], line: int) -> None:
        """Score the passages of one input, which begin at `line` of ``passages.jsonl``."""
        if self.broken is not None or not rows:
            return
        try:
            with np.errstate(all="ignore"):
                found = self.classifier.tag_passages([row.passage() for row in rows], self.policy)
        except BREAKS as error:
            self.broken = f"the model cannot score the passages ({type(error).__name__}: {error})"
            return
        self.passages += len(rows)
        for number, (row, passage) in enumerate(zip(rows, found, strict=True), line):
            self._compare(number, row.scores, passage.scores)
            if passage.low_confidence != row.low_confidence:
                self.doubts.append(number)

    def _compare(self, number: int, stored: Mapping[str, float], found: Mapping[str, float]) -> None:
        gaps = {label: _gap(stored[label], found[label]) for label in LABELS}
        label = max(LABELS, key=gaps.__getitem__)
        if not gaps[label]:
            return
        self.unequal += 1
        if gaps[label] > self.largest:
            self.largest = gaps[label]
            self.where = f"{PASSAGES}:{number}, {label} {stored[label]:.6f}, here {found[label]:.6f}"
        before, after = (set(labels_of(scores, self.thresholds)) for scores in (stored, found))
        moved = [f"{'-' if one in before else '+'}{one}" for one in LABELS if (one in before) != (one in after)]
        if moved:
            self.changed.append(f"{number} {' '.join(moved)}")

    def check(self) -> Check:
        """What it comes to."""
        if self.broken is not None:
            return Check("scores", "differs", self.broken)
        again = f"{many(self.passages, 'passage')} scored again"
        doubts = f"; low_confidence differs on {on_lines(self.doubts)}" if self.doubts else ""
        if not self.unequal:
            return Check("scores", "differs" if doubts else "ok", f"{again}: equal to the last bit{doubts}")
        if self.largest <= self.classifier.scorer.rounding and not self.changed:
            detail = (
                f"{again}: {self.unequal:,} differ by rounding, at most {self.largest:.1g}; no label changes{doubts}"
            )
            return Check("scores", "differs" if doubts or self.exact else "ok", detail)
        labels = (
            f"labels change on {many(len(self.changed), 'line')}: {listed(self.changed)}"
            if self.changed
            else "no label changes"
        )
        detail = f"{again}: {self.unequal:,} differ, by up to {self.largest:.2g} ({self.where}); {labels}{doubts}"
        return Check("scores", "differs", detail)


def _gap(stored: float, found: float) -> float:
    gap = abs(found - stored)
    return math.inf if math.isnan(gap) else gap
