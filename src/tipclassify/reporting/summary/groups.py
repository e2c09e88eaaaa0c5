"""Counts of passages: a `Group` has those of one file, country, year or section; a `Summary` has all groups and the total."""

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
"""Stands where a label would, for passages without any."""

OVERLAP: Final = "A passage may have several labels: shares need not add up to 100%."
"""To stand under every table of counts."""

Name = str | int | None
"""What passages are counted by: a file, country or section, a year; None where a passage has none."""

Key = tuple[Name, ...]
"""The names of a group, one for each thing that passages are counted by."""


@dataclass(frozen=True, slots=True)
class Group:
    """Passages counted together.

    Attributes
    ----------
    key : tuple
        Its file, country, year, section, as far as passages are counted by them; None where a passage has none. Empty
        for the total.
    sets : mapping of (tuple of str) to int
        Passages by the set of their labels, in the order of ``LABELS``; the empty one for none.
    low_confidence : int
        Passages that the model has too little to go by: few words, or many that it does not know.
    unknown : int
        Those of them that are sentences, so that many words are unknown.
    """

    key: Key
    sets: Mapping[tuple[str, ...], int] = field(default_factory=dict, hash=False)
    low_confidence: int = 0
    unknown: int = 0

    @property
    def passages(self) -> int:
        """All of them."""
        return sum(self.sets.values())

    def count(self, label: str) -> int:
        """Passages that were given `label`; ``NONE`` for those without any.

        >>> Group((), {("failure",): 2, ("failure", "complicity"): 1, (): 4}).count("failure")
        3
        """
        if label == NONE:
            return self.sets.get((), 0)
        return sum(n for labels, n in self.sets.items() if label in labels)

    def share(self, label: str) -> float:
        """The count as a share of passages; NaN for no passages."""
        return self.count(label) / self.passages if self.passages else math.nan


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts of passages by group.

    Attributes
    ----------
    by : tuple of str
        What passages are counted by, of ``DIMENSIONS``.
    groups : tuple of Group
        Files and sections in order of appearance, countries by name, years ascending; those without a name last.
    total : Group
        All passages.
    rates : mapping of str to Rates, or None
        Error rates of the model, where it knows them.
    about : mapping of str to str
        What tagged the passages: policy, thresholds in place of it, model.
    subjects : tuple of Subject
        Of each file, how many of its passages are about trafficking.
    """

    by: tuple[str, ...]
    groups: tuple[Group, ...]
    total: Group
    rates: Mapping[str, Rates] | None = None
    about: Mapping[str, str] = field(default_factory=dict, hash=False)
    subjects: tuple[Subject, ...] = ()

    def estimate(self, group: Group, label: str) -> Estimate | None:
        """The adjusted count of a label; None where the error rates are not known.

        Counts are adjusted group by group: they add up to the adjusted total but where one was held to 0..n.
        """
        if self.rates is None:
            return None
        found = adjust(group.count(label), group.passages, self.rates[label])
        if not is_unread(group.unknown, group.passages - group.low_confidence + group.unknown):
            return found
        return Estimate(found.count, found.low, found.high, (*found.notes, "unclear"))

    def notes(self) -> list[str]:
        """Keys of `NOTES` that speak against relying on some of the adjusted counts."""
        estimates = [self.estimate(group, label) for group in (*self.groups, self.total) for label in LABELS]
        given = {note for found in estimates if found for note in found.notes}
        return [note for note in NOTES if note in given]

    def rows(self) -> Iterator[dict[str, Any]]:
        """Plain values of each group and, last, of the total, for JSON. A share of no passages is None."""
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
