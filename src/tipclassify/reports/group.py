"""Passages counted together: how many have each set of labels."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from tipclassify.records import Passage
from tipclassify.reports.dimensions import Key, Name
from tipclassify.reports.subject import is_unknown_sentence

__all__ = ["NONE", "Group"]

NONE: Final = "(none)"
"""Pseudo-label of passages without a label."""


@dataclass(frozen=True, slots=True)
class Group:
    """Passages counted together."""

    key: Key  # empty for the total
    # passages by their labels; ``()`` for no label
    sets: Mapping[tuple[str, ...], int] = field(default_factory=dict, hash=False)
    low_confidence: int = 0  # passages of few words, or of many that the model does not know
    # those among them that are sentences (`tipclassify.reports.subject.is_unknown_sentence`)
    unknown: int = 0
    # that all of the passages are of; None where they are of several, or of an unknown one
    publication: Name = None

    @classmethod
    def of(cls, key: Key, passages: Sequence[Passage], publication: Name = None) -> Group:
        """Count the passages."""
        return cls(
            key=key,
            sets=Counter(passage.labels for passage in passages),
            low_confidence=sum(passage.low_confidence for passage in passages),
            unknown=sum(map(is_unknown_sentence, passages)),
            publication=publication,
        )

    def __add__(self, other: Group) -> Group:
        return Group(
            key=self.key,
            sets=Counter(self.sets) + Counter(other.sets),
            low_confidence=self.low_confidence + other.low_confidence,
            unknown=self.unknown + other.unknown,
            publication=self._shared_publication(other),
        )

    def _shared_publication(self, other: Group) -> Name:
        """Return the publication of both groups; one without passages has no say."""
        if not self.sets:
            return other.publication
        if not other.sets or self.publication == other.publication:
            return self.publication
        return None

    @property
    def passages(self) -> int:
        """Number of passages."""
        return sum(self.sets.values())

    @property
    def tagged(self) -> int:
        """Number of passages with a label."""
        return self.passages - self.sets.get((), 0)

    @property
    def sentences(self) -> int:
        """Number of sentences: of passages of low confidence only those of unknown words."""
        return self.passages - self.low_confidence + self.unknown

    def count(self, label: str) -> int:
        """Count the passages with `label`; ``NONE`` for those without any."""
        if label == NONE:
            return self.sets.get((), 0)
        return sum(number for labels, number in self.sets.items() if label in labels)

    def share(self, label: str) -> float:
        """Return the count as a share of passages, 0 to 1; NaN for no passages."""
        return self.count(label) / self.passages if self.passages else math.nan
