"""Marks of an output's passages, and the findings of each file, gathered by section.

What an output says of a passage is its `Mark`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tipclassify.labels import LABELS, label_name
from tipclassify.records import Passage, Report, section_name
from tipclassify.reports.cite import Citation, cite
from tipclassify.reports.counts import Group
from tipclassify.reports.findings import Nature, Wording, natures
from tipclassify.text.kinds import kind_warning

if TYPE_CHECKING:
    from tipclassify.write.reasons import Reason


@dataclass(slots=True, eq=False)
class Mark:
    """A passage of an output, with all that the output says of it."""

    passage: Passage
    number: int  # in its input, from 1
    name: str  # of its place in the output, with which its element ids begin
    nature: Nature
    cited: Citation | None  # if it has a label
    is_doubtful: bool = False  # `Report.is_doubtful`
    # on a page: by label that its card shows; None if there is no card
    reasons: Mapping[str, Reason] | None = None
    in_doubt: tuple[str, ...] = ()  # labels near their threshold, whose rule the card shows
    # first place of its words in the article, by labels
    same_words: dict[tuple[str, ...], Mark] = field(default_factory=dict)

    @property
    def remarks(self) -> list[str]:
        """Remarks to print beside it: a table row, a sentence said before, a doubtful tag."""
        remarks = self.nature.remarks
        if self.is_doubtful:
            remarks.append("doubtful: read it before you use it")
        return remarks


class Marker:
    """Marks the passages of reports; parts of one input, or batches of its rows, come in order."""

    def __init__(self) -> None:
        self.reports = 0  # marked so far
        self.parts = 0  # of the input that is read
        self._file: str | None = None
        self._rows = 0
        self._places: dict[Wording, str] | None = None  # that say something first; None for rows

    def marks(self, report: Report) -> list[Mark]:
        """Mark the passages of a report."""
        is_rows = report.document is None
        if report.file != self._file:
            self._file = report.file
            self.parts = 0
            self._rows = 0
            self._places = None if is_rows else {}
        self.reports += 1
        self.parts += 1
        first = 1 + self._rows
        if is_rows:
            self._rows += len(report.passages)
        prefix = id_prefix(self.reports)
        names = [f"{prefix}p{first + place}" for place in range(len(report.passages))]
        of_passages = natures(report.passages, names, self._places)
        return [
            Mark(
                passage,
                number,
                name,
                nature,
                cite(report, passage) if passage.labels else None,
                report.is_doubtful(passage),
            )
            for number, (passage, name, nature) in enumerate(
                zip(report.passages, names, of_passages, strict=True), first
            )
        ]


def id_prefix(number: int) -> str:
    """Return the prefix of the element ids of an output's report, by its number from 1."""
    return "" if number == 1 else f"r{number}"


@dataclass(slots=True)
class FileFindings:
    """Counts of a file, or of a part of it, by section, and its tagged passages.

    Sections are in order of appearance.
    """

    file: str
    title: str
    country: str | None
    year: int | None
    address: str | None = None
    is_measured: bool = True  # `Report.is_measured`
    notes: list[str] = field(default_factory=list)
    total: Group = field(default_factory=Group)
    sections: defaultdict[str | None, Group] = field(default_factory=lambda: defaultdict(Group))
    tagged: defaultdict[str | None, list[Mark]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def of(cls, report: Report) -> FileFindings:
        """Begin with the file of a report."""
        about = report.title, report.country, report.year, report.address, report.is_measured
        return cls(report.file, *about)

    def table(self, labels: Sequence[str] = LABELS) -> Iterator[tuple[str, ...]]:
        """Yield the cells of a table of counts: its header, a row a section, one for all."""
        names = map(label_name, labels)
        yield "section", "passages", "sentences about trafficking", *names, "table rows tagged"
        rows = [(section_name(section), group) for section, group in self.sections.items()]
        for name, group in [*rows, ("all", self.total)]:
            shares = [group.count_and_share(label) for label in labels]
            yield name, f"{group.passages:,}", f"{group.base:,}", *shares, f"{group.tagged_rows:,}"

    def add(self, report: Report, marks: Iterable[Mark]) -> None:
        """Count the passages of the file, or of a part or batch of it, by what they are."""
        self.notes += report.notes
        if not report.is_measured and report.part <= 1:
            self.notes.append(kind_warning(report.reads_like or ""))
        by_section: defaultdict[str | None, list[Mark]] = defaultdict(list)
        for mark in marks:
            by_section[mark.passage.section].append(mark)
        for section, of_section in by_section.items():
            group = count_marks(of_section, report.publication)
            self.sections[section] += group
            self.total += group


def count_marks(marks: Iterable[Mark], publication: str | None = None) -> Group:
    """Count marked passages."""
    marks = list(marks)
    passages = [mark.passage for mark in marks]
    return Group.of((), passages, [mark.nature for mark in marks], publication)


def findings_by_file(
    reports: Iterable[Report],
    parts: bool = False,
    write: Callable[[Report, list[Mark]], None] | None = None,
) -> Iterator[FileFindings]:
    """Gather the findings of each file, or with `parts` of each part; a file's come together.

    With `write`, the marks of each report are passed to it, and counted only.
    """
    marker = Marker()
    gathered: FileFindings | None = None
    for report in reports:
        marks = marker.marks(report)
        if gathered is not None and (marker.parts == 1 or (parts and report.part)):
            yield gathered
            gathered = None
        if gathered is None:
            gathered = FileFindings.of(report)
        gathered.add(report, marks)
        if write is not None:
            write(report, marks)
            continue
        for mark in marks:
            if mark.passage.labels:
                gathered.tagged[mark.passage.section].append(mark)
    if gathered is not None:
        yield gathered
