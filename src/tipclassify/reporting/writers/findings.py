"""Gather the tagged passages of one file by section, for formats in which the counts come first."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tipclassify.reporting.subject import Subject
from tipclassify.reporting.writers import TaggedReport
from tipclassify.text.document import Passage
from tipclassify.text.furniture import is_prose

__all__ = ["FileFindings"]


@dataclass(slots=True)
class FileFindings:
    """Tagged passages of one file by section, in the order in which sections begin, and counts of all of its prose."""

    name: str
    title: str
    known: list[str] = field(default_factory=list)  # country and year, where the document tells them
    notes: list[str] = field(default_factory=list)
    subject: Subject = field(default_factory=Subject)
    counts: defaultdict[str | None, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    tagged: defaultdict[str | None, list[Passage]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def of(cls, file: str, batches: Iterable[TaggedReport]) -> FileFindings:
        """Gather the findings of a file, whose rows come in batches."""
        name = "standard input" if file == "-" else file
        found = cls(name, name)
        for report in batches:
            if report.document and found.title == name:
                found.title = report.document.title or name
                found.known = [str(value) for value in (report.country, report.year) if value]
            found.notes += report.notes
            found.subject += Subject.of(report.passages)
            for passage in filter(is_prose, report.passages):
                found.counts[passage.section].update(("passages", *(passage.labels or ("(none)",))))
                if passage.labels:
                    found.tagged[passage.section].append(passage)
        return found

    def table(self) -> Iterator[tuple[str | None, Counter[str]]]:
        """Yield the counts of each section, and of ``all``."""
        yield from self.counts.items()
        yield "all", sum(self.counts.values(), Counter())
