"""Findings of each file, gathered by section, with counts of its passages, sentences and rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter

from tipclassify.labels import LABELS, label_name
from tipclassify.records import Passage, Report, section_name
from tipclassify.reports.group import Group
from tipclassify.reports.particulars import FindingKindCounts, FindingNature, FindingNatures
from tipclassify.reports.report import Finding, findings_of
from tipclassify.reports.subject import ReportSubject, report_passages_about_trafficking

__all__ = ["FileFindings", "ListedFinding", "findings_by_file"]

Section = str | None


@dataclass(frozen=True, slots=True)
class ListedFinding:
    """A tagged passage with what is said of its kind."""

    finding: Finding
    nature: FindingNature

    @property
    def passage(self) -> Passage:
        """The passage."""
        return self.finding.passage

    @property
    def remarks(self) -> list[str]:
        """Remarks to print beside it: a table row, a sentence said before, low confidence."""
        remarks = []
        if self.nature.kind == "table row":
            remarks.append("table row")
        if self.nature.first is not None:
            remarks.append("stands before in this report, counted there")
        if self.passage.low_confidence:
            remarks.append("low confidence: read it before you use it")
        return remarks


@dataclass(slots=True)
class FileFindings:
    """Counts of a file's passages, or of a part of it, by section, and its tagged passages.

    Sections are in order of appearance. `counts` are of passages, each place; `kinds` are of
    sentences, each once, and of table rows.
    """

    file: str
    title: str
    country: str | None
    year: int | None
    address: str | None = None
    notes: list[str] = field(default_factory=list)
    subject: ReportSubject = field(default_factory=ReportSubject)
    counts: defaultdict[Section, Group] = field(
        default_factory=lambda: defaultdict(lambda: Group(()))
    )
    kinds: defaultdict[Section, FindingKindCounts] = field(
        default_factory=lambda: defaultdict(FindingKindCounts)
    )
    tagged: defaultdict[Section, list[ListedFinding]] = field(
        default_factory=lambda: defaultdict(list)
    )

    @classmethod
    def of(cls, report: Report) -> FileFindings:
        """Begin with the file of a report."""
        return cls(report.file, report.title, report.country, report.year, report.address)

    @property
    def total(self) -> Group:
        """Counts of passages of all sections."""
        return sum(self.counts.values(), Group(()))

    @property
    def total_kinds(self) -> FindingKindCounts:
        """Counts of sentences and table rows of all sections."""
        return sum(self.kinds.values(), FindingKindCounts())

    def table(self) -> Iterator[tuple[str, ...]]:
        """Yield the cells of a table of sentences: its header, a row a section, one for all."""
        labels = [label_name(label) for label in LABELS]
        yield "section", "passages", "sentences about trafficking", *labels, "table rows tagged"
        for section, group in self.counts.items():
            yield _row_of_section_counts(section_name(section), group, self.kinds[section])
        yield _row_of_section_counts("all", self.total, self.total_kinds)

    def count(self, report: Report) -> None:
        """Add the passages of the file, or of a part or batch of it."""
        self.notes += report.notes
        self.subject += ReportSubject.of(report.passages)
        by_section: defaultdict[Section, list[Passage]] = defaultdict(list)
        for passage in report.passages:
            by_section[passage.section].append(passage)
        for section, passages in by_section.items():
            self.counts[section] += Group.of((), passages, report.publication)

    def count_kinds(self, report: Report, natures: Sequence[FindingNature]) -> None:
        """Add the sentences and table rows of the file, or of a part or batch of it."""
        on_subject = report_passages_about_trafficking(report.passages)
        for passage, nature, is_about in zip(report.passages, natures, on_subject, strict=True):
            self.kinds[passage.section].add_passage(passage, nature, is_about)


def _row_of_section_counts(name: str, group: Group, kinds: FindingKindCounts) -> tuple[str, ...]:
    counts = [kinds.count_and_share(label) for label in LABELS]
    return (
        name,
        f"{group.passages:,}",
        f"{kinds.on_subject:,}",
        *counts,
        f"{kinds.tagged_rows:,}",
    )


def findings_by_file(reports: Iterable[Report], parts: bool = False) -> Iterator[FileFindings]:
    """Gather the findings of each file, or with `parts` of each part; a file's come together."""
    for _, reports_of_file in groupby(reports, key=attrgetter("file")):
        gathered: FileFindings | None = None
        natures: FindingNatures | None = None
        for number, report in enumerate(reports_of_file):
            if natures is None:
                natures = FindingNatures(rows=report.document is None)
            if gathered is not None and parts and report.part:
                yield gathered
                gathered = None
            if gathered is None:
                gathered = FileFindings.of(report)
            _gather_findings(gathered, report, natures, number)
        if gathered is not None:
            yield gathered


def _gather_findings(
    gathered: FileFindings, report: Report, natures: FindingNatures, number: int
) -> None:
    """Add a report, the part or batch `number` of its file."""
    names = [f"{number}.{place}" for place in range(len(report.passages))]
    passage_natures = list(natures.of(report.passages, names))
    gathered.count(report)
    gathered.count_kinds(report, passage_natures)
    for finding, nature in zip(findings_of(report), passage_natures, strict=True):
        if finding.passage.labels:
            gathered.tagged[finding.passage.section].append(ListedFinding(finding, nature))
