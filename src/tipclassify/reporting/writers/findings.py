"""Gather the tagged passages of each file by section, for formats in which the counts come first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, groupby
from operator import attrgetter

from tipclassify.labels import LABELS
from tipclassify.reporting.subject import Subject
from tipclassify.reporting.summary import NONE, Group
from tipclassify.reporting.writers import Finding, TaggedReport, section_name
from tipclassify.text.document import Passage
from tipclassify.text.furniture import is_prose

__all__ = ["FileFindings", "by_file", "by_section"]

Section = str | None


@dataclass(slots=True)
class FileFindings:
    """Counts of one file's prose by section, in the order in which sections begin, and its tagged passages."""

    file: str
    title: str
    country: str | None
    year: int | None
    notes: list[str] = field(default_factory=list)
    subject: Subject = field(default_factory=Subject)
    counts: defaultdict[Section, Group] = field(default_factory=lambda: defaultdict(lambda: Group(())))
    tagged: defaultdict[Section, list[Finding]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def of(cls, report: TaggedReport) -> FileFindings:
        """Begin with the file of a report."""
        return cls(report.file, report.title, report.country, report.year)

    @property
    def total(self) -> Group:
        """Counts of all sections."""
        return sum(self.counts.values(), Group(()))

    def table(self) -> Iterator[tuple[str, ...]]:
        """Yield the cells of a table of counts: its header, a row for each section, and one for all."""
        yield "section", "passages", *LABELS, NONE
        named = [(section_name(section), group) for section, group in self.counts.items()]
        for name, group in (*named, ("all", self.total)):
            yield name, f"{group.passages:,}", *(f"{group.count(label):,}" for label in (*LABELS, NONE))

    def count(self, report: TaggedReport) -> None:
        """Add the counts of the file, or of a part or batch of it."""
        self.notes += report.notes
        self.subject += Subject.of(report.passages)
        for section, group in by_section(report.passages).items():
            self.counts[section] += group


def by_section(passages: Iterable[Passage]) -> Mapping[Section, Group]:
    """Count the prose of each section, in order of appearance."""
    prose: defaultdict[Section, list[Passage]] = defaultdict(list)
    for passage in filter(is_prose, passages):
        prose[passage.section].append(passage)
    return {section: Group.of((), inside) for section, inside in prose.items()}


def by_file(reports: Iterable[TaggedReport]) -> Iterator[FileFindings]:
    """Gather the findings of each file, whose parts or rows follow each other."""
    for _, batches in groupby(reports, key=attrgetter("file")):
        first = next(batches)
        found = FileFindings.of(first)
        for report in chain((first,), batches):
            found.count(report)
            for finding in report.findings():
                if finding.passage.labels:
                    found.tagged[finding.passage.section].append(finding)
        yield found
