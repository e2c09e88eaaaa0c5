"""Outcome of a run in any format: tagged passages, and a warning for each doubtful report."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from typing import Final, Generic, TypeVar

from tipclassify.labels import LABELS
from tipclassify.reporting.group import Group
from tipclassify.reporting.particulars import several
from tipclassify.reporting.report import TaggedReport
from tipclassify.reporting.subject import Subject, is_unread
from tipclassify.reporting.text_kind import KindEvidence, kind_warning

__all__ = ["Counted", "Outcome", "counted"]

T = TypeVar("T")

# passages of low confidence, and their share, from which they are no exception
_DOUBTFUL: Final = 3
_DOUBTFUL_SHARE: Final = 1 / 3


@dataclass(frozen=True, slots=True)
class Counted(Generic[T]):
    """A report's output and the counts of its passages, from the process that tagged it."""

    file: str
    output: T
    group: Group
    subject: Subject
    kind: KindEvidence


def counted(make: Callable[[TaggedReport], T], report: TaggedReport) -> Counted[T]:
    """Make the output of a report, and count its passages."""
    return Counted(
        file=report.file,
        output=make(report),
        group=Group.of((), report.passages),
        subject=Subject.of(report.passages),
        kind=KindEvidence.of(report.passages),
    )


@dataclass(slots=True)
class Outcome:
    """Totals of the reports written so far."""

    # kinds of text that the model was measured on; None where it does not say
    measured: Collection[str] | None = None
    reports: int = 0
    total: Group = field(default_factory=lambda: Group(()))
    warnings: list[str] = field(default_factory=list)

    def outputs(self, counted_reports: Iterable[Counted[T]]) -> Iterator[T]:
        """Yield the outputs, and count the reports; parts of a file follow each other."""
        for file, parts in groupby(counted_reports, attrgetter("file")):
            group = Group(())
            subject = Subject()
            evidence = KindEvidence()
            for part in parts:
                group += part.group
                subject += part.subject
                evidence += part.kind
                yield part.output
            self.reports += 1
            self.total += group
            doubt = _doubt(group, subject)
            if doubt is None and self.measured is not None:
                doubt = kind_warning(evidence.kind(), self.measured)
            if doubt:
                self.warnings.append(f"{file}: {doubt}")

    def __str__(self) -> str:
        labels = ", ".join(f"{label} {self.total.count(label):,}" for label in LABELS)
        reports = several(self.reports, "report")
        return f"{reports}, {several(self.total.tagged, 'tagged passage')} ({labels})"


def _doubt(group: Group, subject: Subject) -> str | None:
    """Say in one line why the tags of a report may mean little; None if nothing is against them."""
    if is_unread(group.unknown, group.sentences):
        return (
            f"{group.unknown:,} of {group.sentences:,} sentences are in words that the model does "
            "not know; if they are not in English, their tags mean nothing"
        )
    if subject.is_other:
        return (
            f"mostly on other subjects: {subject.on_subject:,} of {subject.passages:,} passages "
            "are about trafficking"
        )
    if group.low_confidence >= max(_DOUBTFUL, group.passages * _DOUBTFUL_SHARE):
        return (
            f"low confidence in {group.low_confidence:,} of {group.passages:,} passages: few "
            "words, or unknown ones"
        )
    return None
