"""Findings of each file, gathered by section, with counts of its passages, sentences and rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from tipclassify.labels import LABELS, label_name
from tipclassify.records import Passage, Report, section_name
from tipclassify.reports.cite import cite
from tipclassify.reports.counts import Group
from tipclassify.reports.findings import KindCounts, Nature, Natures, Subject


class Listed(NamedTuple):
    """A tagged passage, what is said of its kind, and its citation without the quote."""

    passage: Passage
    nature: Nature
    source: str

    @property
    def remarks(self) -> list[str]:
        """Remarks to print beside it: a table row, a sentence said before, low confidence."""
        remarks = self.nature.remarks
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
    subject: Subject = field(default_factory=Subject)
    counts: defaultdict[str | None, Group] = field(default_factory=lambda: defaultdict(Group))
    kinds: defaultdict[str | None, KindCounts] = field(
        default_factory=lambda: defaultdict(KindCounts)
    )
    tagged: defaultdict[str | None, list[Listed]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def of(cls, report: Report) -> FileFindings:
        """Begin with the file of a report."""
        return cls(report.file, report.title, report.country, report.year, report.address)

    @property
    def total(self) -> Group:
        """Counts of passages of all sections."""
        return sum(self.counts.values(), Group())

    @property
    def total_kinds(self) -> KindCounts:
        """Counts of sentences and table rows of all sections."""
        return sum(self.kinds.values(), KindCounts())

    def table(self, labels: Sequence[str] = LABELS) -> Iterator[tuple[str, ...]]:
        """Yield the cells of a table of sentences: its header, a row a section, one for all."""
        names = map(label_name, labels)
        yield "section", "passages", "sentences about trafficking", *names, "table rows tagged"
        rows = [
            (section_name(section), group, self.kinds[section])
            for section, group in self.counts.items()
        ]
        for name, group, kinds in [*rows, ("all", self.total, self.total_kinds)]:
            shares = [kinds.count_and_share(label) for label in labels]
            rows_tagged = f"{kinds.tagged_rows:,}"
            yield name, f"{group.passages:,}", f"{kinds.on_subject:,}", *shares, rows_tagged

    def add(self, report: Report, natures: Sequence[Nature]) -> None:
        """Count the passages of the file, or of a part or batch of it, by what they are."""
        self.notes += report.notes
        self.subject += Subject.of(report.passages)
        by_section: defaultdict[str | None, list[Passage]] = defaultdict(list)
        for passage, nature in zip(report.passages, natures, strict=True):
            by_section[passage.section].append(passage)
            self.kinds[passage.section].add(passage, nature)
        for section, passages in by_section.items():
            self.counts[section] += Group.of((), passages, report.publication)

    def list_tagged(self, report: Report, natures: Sequence[Nature]) -> None:
        """List the tagged passages of the file, or of a part or batch of it."""
        for passage, nature in zip(report.passages, natures, strict=True):
            if passage.labels:
                listed = Listed(passage, nature, cite(report, passage).source)
                self.tagged[passage.section].append(listed)


def findings_by_file(
    reports: Iterable[Report], parts: bool = False, listed: bool = True
) -> Iterator[FileFindings]:
    """Gather the findings of each file, or with `parts` of each part; a file's come together.

    Without `listed` they are counted only.
    """
    for _, reports_of_file in groupby(reports, key=attrgetter("file")):
        gathered: FileFindings | None = None
        natures: Natures | None = None
        for number, report in enumerate(reports_of_file):
            if natures is None:
                natures = Natures(rows=report.document is None)
            if gathered is not None and parts and report.part:
                yield gathered
                gathered = None
            if gathered is None:
                gathered = FileFindings.of(report)
            names = [f"{number}.{place}" for place in range(len(report.passages))]
            of_passages = list(natures.of(report.passages, names))
            gathered.add(report, of_passages)
            if listed:
                gathered.list_tagged(report, of_passages)
        if gathered is not None:
            yield gathered
