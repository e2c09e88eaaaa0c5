"""Outcome of a run in any format: tagged passages, and a warning for each doubtful report."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from typing import Final

from tipclassify.formatting import count_with_noun
from tipclassify.labels import LABELS
from tipclassify.records import Report
from tipclassify.reports.group import Group
from tipclassify.reports.subject import ReportSubject, are_report_tags_meaningless
from tipclassify.reports.text_kind import TextKindEvidence, text_kind_warning_of_report

# passages of low confidence, and their share, from which they are no exception
_DOUBTFUL: Final = 3
_DOUBTFUL_SHARE: Final = 1 / 3


@dataclass(slots=True)
class Outcome:
    """Totals of the reports written so far."""

    # kinds of text that the model was measured on; None where it does not say
    measured: Collection[str] | None = None
    reports: int = 0
    total: Group = field(default_factory=lambda: Group(()))
    warnings: list[str] = field(default_factory=list)

    def counted(self, reports: Iterable[Report]) -> Iterator[Report]:
        """Yield the reports, and count them; parts of a file follow each other."""
        for file, parts in groupby(reports, attrgetter("file")):
            group = Group(())
            subject = ReportSubject()
            evidence = TextKindEvidence()
            for part in parts:
                group += Group.of((), part.passages)
                subject += ReportSubject.of(part.passages)
                evidence += TextKindEvidence.of(part.passages)
                yield part
            self.reports += 1
            self.total += group
            doubt = _doubt_about_report_tags(group, subject)
            if doubt is None and self.measured is not None:
                doubt = text_kind_warning_of_report(evidence.kind(), self.measured)
            if doubt:
                self.warnings.append(f"{file}: {doubt}")

    def __str__(self) -> str:
        labels = ", ".join(f"{label} {self.total.count(label):,}" for label in LABELS)
        reports = count_with_noun(self.reports, "report")
        return f"{reports}, {count_with_noun(self.total.tagged, 'tagged passage')} ({labels})"


def _doubt_about_report_tags(group: Group, subject: ReportSubject) -> str | None:
    """Say in one line why the tags of a report may mean little; None if nothing is against them."""
    if are_report_tags_meaningless(group.unknown, group.sentences):
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
