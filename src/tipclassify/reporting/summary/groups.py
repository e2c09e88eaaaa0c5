"""Counts of passages: a `Group` for one file, country, year or section; a `Summary` of all groups and the total."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tipclassify.labels import LABELS
from tipclassify.reporting.subject import Subject, is_unread
from tipclassify.reporting.summary.adjustment import NOTES, Estimate, Rates, adjust

__all__ = ["NONE", "OVERLAP", "Group", "Key", "Name", "Summary"]

NONE: Final = "(none)"
"""Pseudo-label of passages without a label."""

OVERLAP: Final = "A passage may have several labels: shares need not add up to 100%."
"""Caveat to print under every table of counts."""

Name = str | int | None
"""Value of a dimension: a file, country, section or year; None if unknown."""

Key = tuple[Name, ...]
"""Names of a group, one for each dimension."""


@dataclass(frozen=True, slots=True)
class Group:
    """Passages counted together.

    Attributes
    ----------
    key : tuple
        Its name in each dimension; empty for the total.
    sets : mapping of (tuple of str) to int
        Number of passages by label set, in the order of ``LABELS``; ``()`` for no label.
    low_confidence : int
        Number of passages of few words, or of many that the model does not know.
    unknown : int
        Number of those that are sentences, with many unknown words (`tipclassify.reporting.subject.is_unknown`).
    """

    key: Key
    sets: Mapping[tuple[str, ...], int] = field(default_factory=dict, hash=False)
    low_confidence: int = 0
    unknown: int = 0

    @property
    def passages(self) -> int:
        """Number of passages."""
        return sum(self.sets.values())

    def count(self, label: str) -> int:
        """Count the passages with `label`; ``NONE`` for those without any.

        >>> Group((), {("failure",): 2, ("failure", "complicity"): 1, (): 4}).count("failure")
        3
        """
        if label == NONE:
            return self.sets.get((), 0)
        return sum(n for labels, n in self.sets.items() if label in labels)

    def share(self, label: str) -> float:
        """Return the count as a share of passages, 0 to 1; NaN for no passages."""
        return self.count(label) / self.passages if self.passages else math.nan


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts of passages by group.

    Attributes
    ----------
    by : tuple of str
        Dimensions of the groups, of ``DIMENSIONS``.
    groups : tuple of Group
        Files and sections in order of appearance, countries by name, years ascending; those without a name last.
    total : Group
        All passages.
    rates : mapping of str to Rates, or None
        Error rates of the model by label, if it records them.
    about : mapping of str to str
        Policy, threshold overrides and model.
    subjects : tuple of Subject
        For each file, the number of its passages about trafficking.
    """

    by: tuple[str, ...]
    groups: tuple[Group, ...]
    total: Group
    rates: Mapping[str, Rates] | None = None
    about: Mapping[str, str] = field(default_factory=dict, hash=False)
    subjects: tuple[Subject, ...] = ()

    def estimate(self, group: Group, label: str) -> Estimate | None:
        """Adjust the count of a label; None if the error rates are unknown.

        Each group is adjusted by itself: the counts add up to the adjusted total, except where one was clipped to 0..n.
        """
        if self.rates is None:
            return None
        found = adjust(group.count(label), group.passages, self.rates[label])
        if not is_unread(group.unknown, group.passages - group.low_confidence + group.unknown):
            return found
        return Estimate(found.count, found.low, found.high, (*found.notes, "unclear"))

    def notes(self) -> list[str]:
        """List the keys of `NOTES` that any adjusted count has."""
        estimates = [self.estimate(group, label) for group in (*self.groups, self.total) for label in LABELS]
        given = {note for found in estimates if found for note in found.notes}
        return [note for note in NOTES if note in given]

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield plain values of each group and, last, of the total, for JSON; a share of no passages is None."""
        for group in (*self.groups, self.total):
            names = group.key or (None,) * len(self.by)
            labels = {label: self._figures(group, label) for label in (*LABELS, NONE)}
            yield {
                **dict(zip(self.by, names, strict=True)),
                "total": group is self.total,
                "passages": group.passages,
                "low_confidence": group.low_confidence,
                "labels": {label: labels[label] for label in LABELS},
                "none": labels[NONE],
                **self.about,
            }

    def _figures(self, group: Group, label: str) -> dict[str, Any]:
        counted = {"count": group.count(label), "share": _share(group.count(label), group.passages)}
        found = None if label == NONE else self.estimate(group, label)
        if found is None:
            return counted
        return {
            **counted,
            "adjusted": round(found.count, 2),
            "low": round(found.low, 2),
            "high": round(found.high, 2),
            "adjusted_share": _share(found.count, group.passages),
            "notes": list(found.notes),
        }


def _share(count: float, passages: int) -> float | None:
    return round(count / passages, 4) if passages else None
