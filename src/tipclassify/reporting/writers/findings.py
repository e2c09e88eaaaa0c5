"""Findings of each file by section; the formats in which counts come before quotes, and those of
citations."""

from __future__ import annotations

import io
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, groupby
from operator import attrgetter
from typing import IO, Any, Final, Literal
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from markupsafe import Markup

from tipclassify.errors import needs_extra
from tipclassify.formatting import one_line
from tipclassify.labels import LABELS, label_name
from tipclassify.reporting.citation import Citation, cite
from tipclassify.reporting.particulars import KindCounts
from tipclassify.reporting.report import (
    Finding,
    ScoringContext,
    TaggedReport,
    known,
    section_name,
    source_name,
    title_name,
)
from tipclassify.reporting.subject import Subject, subject_line
from tipclassify.reporting.summary import NONE, Group
from tipclassify.text.document import Passage

__all__ = [
    "FileFindings",
    "by_file",
    "write_bibtex",
    "write_csl",
    "write_docx",
    "write_markdown",
    "write_ris",
]

Section = str | None


@dataclass(slots=True)
class FileFindings:
    """Counts of the passages of a file, or a part of it, by section in order of appearance, and
    its tagged passages."""

    file: str
    title: str
    country: str | None
    year: int | None
    address: str | None = None
    notes: list[str] = field(default_factory=list)
    subject: Subject = field(default_factory=Subject)
    counts: defaultdict[Section, Group] = field(
        default_factory=lambda: defaultdict(lambda: Group(()))
    )
    tagged: defaultdict[Section, list[Finding]] = field(default_factory=lambda: defaultdict(list))
    # of a page, which counts sentences and table rows apart
    kinds: KindCounts = field(default_factory=KindCounts)

    @classmethod
    def of(cls, report: TaggedReport) -> FileFindings:
        """Begin with the file of a report."""
        return cls(report.file, report.title, report.country, report.year, report.address)

    @property
    def total(self) -> Group:
        """Counts of all sections."""
        return sum(self.counts.values(), Group(()))

    def table(self) -> Iterator[tuple[str, ...]]:
        """Yield the cells of a table of counts: its header, a row for each section, and one for
        all."""
        yield "section", "passages", *map(label_name, LABELS), NONE
        named = [(section_name(section), group) for section, group in self.counts.items()]
        for name, group in (*named, ("all", self.total)):
            yield (
                name,
                f"{group.passages:,}",
                *(f"{group.count(label):,}" for label in (*LABELS, NONE)),
            )

    def count(self, report: TaggedReport) -> None:
        """Add the counts of the file, or of a part or batch of it."""
        self.notes += report.notes
        self.subject += Subject.of(report.passages)
        by_section: defaultdict[Section, list[Passage]] = defaultdict(list)
        for passage in report.passages:
            by_section[passage.section].append(passage)
        for section, passages in by_section.items():
            self.counts[section] += Group.of((), passages)


def by_file(reports: Iterable[TaggedReport], parts: bool = False) -> Iterator[FileFindings]:
    """Gather the findings of each file, whose parts or rows follow each other, or with `parts`
    of each part."""
    for _, batches in groupby(
        reports, key=attrgetter("file", "part") if parts else attrgetter("file")
    ):
        first = next(batches)
        found = FileFindings.of(first)
        for report in chain((first,), batches):
            found.count(report)
            for finding in report.findings():
                if finding.passage.labels:
                    found.tagged[finding.passage.section].append(finding)
        yield found


_MARKUP: Final = re.compile(
    r"[\\`*{}\[\]<>|~&$@^#=]"
    r"|(?<![^\W_])_|_(?![^\W_])"  # an underscore inside a word is no markup
    r"|(?<=[A-Za-z]):(?=//)|(?<=[wW]{3})\."  # addresses that GitHub would turn into links
    r"|^[+\-:]"
)
_NUMBERED: Final = re.compile(r"^(\d{1,9})([.)])(?!\S)")


def write_markdown(reports: Iterable[TaggedReport], out: IO[str], context: ScoringContext) -> None:
    """Write title, counts and tagged passages of each file, then model and policy."""
    from tipclassify.reporting.writers.templating import rendered

    out.writelines(
        rendered("findings.md", escape=_escaped, files=by_file(reports), context=context, cite=cite)
    )


def _escaped(value: Any) -> Markup:
    """Escape a text so that it renders literally: in one line, which begins no block.

    >>> print(_escaped("1. <b>[x](y)</b> | https://z"))
    1\\. \\<b\\>\\[x\\](y)\\</b\\> \\| https\\://z
    """
    if isinstance(value, Markup):
        return value
    return Markup(_NUMBERED.sub(r"\1\\\2", _MARKUP.sub(r"\\\g<0>", one_line(str(value)))))


def write_docx(reports: Iterable[TaggedReport], out: IO[bytes], context: ScoringContext) -> None:
    """Write title, counts and tagged passages of each file, then model and policy; equal input
    gives equal bytes."""
    with needs_extra("writing Word files", "docx"):
        from docx import Document
    word = Document()
    word.core_properties.title = "Tagged passages"
    word.core_properties.author = context.about()["tool"]
    word.add_heading("Tagged passages", 0)
    for found in by_file(reports):
        _add_file(word, found, context)
    word.add_heading("How they were tagged", 1)
    for name, value in context.about().items():
        word.add_paragraph(f"{name}: {value}", "List Bullet")
    word.add_paragraph("A tag says what a passage claims, not whether it is true.")
    saved, packed = io.BytesIO(), io.BytesIO()
    word.save(saved)
    with ZipFile(saved) as made, ZipFile(packed, "w", ZIP_DEFLATED) as dateless:
        for name in made.namelist():
            dateless.writestr(ZipInfo(name), made.read(name), ZIP_DEFLATED)
    out.write(packed.getvalue())


def _add_file(word: Any, found: FileFindings, context: ScoringContext) -> None:
    word.add_heading(one_line(title_name(found.title)), 1)
    source = found.address or source_name(found.file)
    word.add_paragraph(" · ".join(map(one_line, (source, *known(found.country, found.year)))))
    for note in found.notes:
        word.add_paragraph(f"Not read in full: {one_line(note)}")
    rows = list(found.table())
    table = word.add_table(len(rows), len(rows[0]), "Light Grid Accent 1")
    for cells, row in zip(table.rows, rows, strict=True):
        for cell, text in zip(cells.cells, row, strict=True):
            cell.text = one_line(text)
    if line := subject_line([found.subject]):
        word.add_paragraph(line)
    if not found.tagged:
        word.add_paragraph("No passage has a label.")
    for section, findings in found.tagged.items():
        word.add_heading(one_line(section_name(section)), 2)
        for finding in findings:
            quote = word.add_paragraph(one_line(finding.passage.text), "Quote")
            quote.paragraph_format.keep_with_next = True
            facts = word.add_paragraph()
            for label in finding.passage.labels:
                facts.add_run(label_name(label)).bold = True
                facts.add_run(f" {finding.passage.scores[label]:.2f} · ")
            if finding.passage.low_confidence:
                facts.add_run("low confidence: read it before you use it · ")
            facts.add_run(cite(finding, context).source)


def _write_citations(
    form: Literal["bibtex", "ris"],
    reports: Iterable[TaggedReport],
    out: IO[str],
    context: ScoringContext,
) -> None:
    out.writelines(getattr(citation, form) for citation in _citations(reports, context))


def _citations(reports: Iterable[TaggedReport], context: ScoringContext) -> Iterator[Citation]:
    """Cite each tagged passage, and once what stands twice in input rows without ids."""
    keys: set[str] = set()
    for finding in (
        finding for report in reports for finding in report.findings() if finding.passage.labels
    ):
        citation = cite(finding, context)
        if citation.key not in keys:
            keys.add(citation.key)
            yield citation


write_bibtex, write_ris = partial(_write_citations, "bibtex"), partial(_write_citations, "ris")


def write_csl(reports: Iterable[TaggedReport], out: IO[str], context: ScoringContext) -> None:
    """Write the citations as one CSL-JSON list, each once."""
    out.write("[")
    for number, citation in enumerate(_citations(reports, context)):
        out.write(("," if number else "") + "\n" + citation.csl)
    out.write("\n]\n")
