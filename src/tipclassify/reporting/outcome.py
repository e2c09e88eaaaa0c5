"""Outcome of a run in any format: tagged passages, and a warning for each doubtful report."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from typing import Any, Final

from tipclassify.labels import LABELS
from tipclassify.reporting.particulars import several
from tipclassify.reporting.report import TaggedReport
from tipclassify.reporting.subject import Subject, is_unread
from tipclassify.reporting.summary import Group
from tipclassify.reporting.text_kind import KindEvidence, kind_warning

__all__ = ["Counted", "Outcome", "counted"]

# passages of low confidence, and their share, from which they are no exception
_DOUBTFUL: Final = 3
_DOUBTFUL_SHARE: Final = 1 / 3


@dataclass(frozen=True, slots=True)
class Counted:
    """A report's output and the counts of its passages, from the process that tagged it."""

    file: str
    output: Any
    group: Group
    subject: Subject
    kind: KindEvidence


def counted(make: Callable[[TaggedReport], Any], report: TaggedReport) -> Counted:
    """Make the output of a report, and count its passages."""
    return Counted(
        report.file,
        make(report),
        Group.of((), report.passages),
        Subject.of(report.passages),
        KindEvidence.of(report.passages),
    )


@dataclass(slots=True)
class Outcome:
    """Totals of the reports written so far."""

    # kinds of text that the model was measured on; None where it does not say
    measured: Collection[str] | None = None
    reports: int = 0
    total: Group = field(default_factory=lambda: Group(()))
    warnings: list[str] = field(default_factory=list)

    def outputs(self, made: Iterable[Counted]) -> Iterator[Any]:
        """Yield the outputs, and count the reports; parts of a file follow each other."""
        for file, parts in groupby(made, attrgetter("file")):
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
    sentences = group.passages - group.low_confidence + group.unknown
    if is_unread(group.unknown, sentences):
        return (
            f"{group.unknown:,} of {sentences:,} sentences are in words that the model does not "
            "know; if they are not in English, their tags mean nothing"
        )
    if subject.is_other:
        return (
            f"mostly on other subjects: {subject.about:,} of {subject.passages:,} passages are "
            "about trafficking"
        )
    if group.low_confidence >= max(_DOUBTFUL, group.passages * _DOUBTFUL_SHARE):
        return (
            f"low confidence in {group.low_confidence:,} of {group.passages:,} passages: few "
            "words, or unknown ones"
        )
    return None
