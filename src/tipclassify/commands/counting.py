"""How many passages a cascade sends on, counted where reports are tagged and told at the end.

Worker processes import this to do their tasks, and want nothing of the command line: that would take a sixth of their start.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from tipclassify.batch import Tagging
    from tipclassify.writers import Rows, TaggedReport

__all__ = ["Counted", "Counting", "SentOn", "tell_sent_on"]

R = TypeVar("R", "Rows", "TaggedReport")


@dataclass(frozen=True, slots=True)
class Counted(Generic[R]):
    """What a report was made into, how many passages it has, and how many of them a cascade sent on; None of no cascade."""

    made: R
    passages: int
    sent: int | None

    @property
    def notes(self) -> tuple[str, ...]:
        return self.made.notes


@dataclass(frozen=True, slots=True)
class Counting(Generic[R]):
    """Makes something of a report, and counts, in the process that tagged it.

    The first model of a cascade says once more what it leaves to the second, in a hundredth of the second's time.
    """

    make: Callable[[TaggedReport], R]
    tagging: Tagging

    def __call__(self, report: TaggedReport) -> Counted[R]:
        sent = self.tagging.classifier().sent_on(report.passages)
        return Counted(self.make(report), len(report.passages), None if sent is None else int(sent.sum()))


class SentOn:
    """How many passages of the reports that go by a cascade leaves to its second model; of other models it says nothing."""

    def __init__(self) -> None:
        self._passages = self._sent = 0
        self._cascade = False

    def noted(self, one: Counted[R]) -> R:
        """What was made of the report, which is counted."""
        if one.sent is not None:
            self._cascade = True
            self._passages += one.passages
            self._sent += one.sent
        return one.made

    def tell(self) -> None:
        """The share, on standard error."""
        if self._cascade:
            tell_sent_on(self._sent, self._passages)


def tell_sent_on(sent: int, passages: int, which: str = "") -> None:
    """How many of the passages a cascade left to its second model, on standard error."""
    told = f"{sent:,} of {passages:,} passages{which} ({sent / max(1, passages):.0%}) went on to the encoder"
    print(f"tipclassify: {told}", file=sys.stderr)
