"""Findings of each file by section: Word and Markdown, where counts come first, and citations."""

from __future__ import annotations

import io
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from typing import IO, TYPE_CHECKING, Final
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from markupsafe import Markup

from tipclassify.errors import needs_extra
from tipclassify.formatting import one_line
from tipclassify.labels import LABELS, label_name
from tipclassify.reporting.citation import Citation, cite
from tipclassify.reporting.group import Group
from tipclassify.reporting.particulars import FindingNature, KindCounts, Natures
from tipclassify.reporting.report import (
    Finding,
    ScoringContext,
    TaggedReport,
    known,
    section_name,
    source_name,
    title_name,
)
from tipclassify.reporting.subject import Subject, about_trafficking, subject_line
from tipclassify.text.document import Passage

if TYPE_CHECKING:
    from docx.document import Document

__all__ = [
    "COUNTED",
    "FileFindings",
    "ListedFinding",
    "by_file",
    "write_bibtex",
    "write_csl",
    "write_docx",
    "write_markdown",
    "write_ris",
]

Section = str | None

COUNTED: Final = "Labels are counted by sentence, each sentence once; shares are of the {base}."
"""Line under a table of counts, with a placeholder for what shares are of."""


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
    subject: Subject = field(default_factory=Subject)
    counts: defaultdict[Section, Group] = field(
        default_factory=lambda: defaultdict(lambda: Group(()))
    )
    kinds: defaultdict[Section, KindCounts] = field(default_factory=lambda: defaultdict(KindCounts))
    tagged: defaultdict[Section, list[ListedFinding]] = field(
        default_factory=lambda: defaultdict(list)
    )

    @classmethod
    def of(cls, report: TaggedReport) -> FileFindings:
        """Begin with the file of a report."""
        return cls(report.file, report.title, report.country, report.year, report.address)

    @property
    def total(self) -> Group:
        """Counts of passages of all sections."""
        return sum(self.counts.values(), Group(()))

    @property
    def total_kinds(self) -> KindCounts:
        """Counts of sentences and table rows of all sections."""
        return sum(self.kinds.values(), KindCounts())

    def table(self) -> Iterator[tuple[str, ...]]:
        """Yield the cells of a table of sentences: its header, a row a section, one for all."""
        labels = [label_name(label) for label in LABELS]
        yield "section", "passages", "sentences about trafficking", *labels, "table rows tagged"
        for section, group in self.counts.items():
            yield _table_row(section_name(section), group, self.kinds[section])
        yield _table_row("all", self.total, self.total_kinds)

    def count(self, report: TaggedReport) -> None:
        """Add the passages of the file, or of a part or batch of it."""
        self.notes += report.notes
        self.subject += Subject.of(report.passages)
        by_section: defaultdict[Section, list[Passage]] = defaultdict(list)
        for passage in report.passages:
            by_section[passage.section].append(passage)
        for section, passages in by_section.items():
            self.counts[section] += Group.of((), passages)

    def count_kinds(self, report: TaggedReport, natures: Sequence[FindingNature]) -> None:
        """Add the sentences and table rows of the file, or of a part or batch of it."""
        on_subject = about_trafficking(report.passages)
        for passage, nature, is_about in zip(report.passages, natures, on_subject, strict=True):
            self.kinds[passage.section].add_passage(passage, nature, is_about)


def _table_row(name: str, group: Group, kinds: KindCounts) -> tuple[str, ...]:
    counts = [kinds.count_and_share(label) for label in LABELS]
    return (
        name,
        f"{group.passages:,}",
        f"{kinds.on_subject:,}",
        *counts,
        f"{kinds.tagged_rows:,}",
    )


def by_file(reports: Iterable[TaggedReport], parts: bool = False) -> Iterator[FileFindings]:
    """Gather the findings of each file, or with `parts` of each part; a file's come together."""
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
            _gather(gathered, report, natures, number)
        if gathered is not None:
            yield gathered


def _gather(gathered: FileFindings, report: TaggedReport, natures: Natures, number: int) -> None:
    """Add a report, the part or batch `number` of its file."""
    names = [f"{number}.{place}" for place in range(len(report.passages))]
    passage_natures = list(natures.of(report.passages, names))
    gathered.count(report)
    gathered.count_kinds(report, passage_natures)
    for finding, nature in zip(report.findings(), passage_natures, strict=True):
        if finding.passage.labels:
            gathered.tagged[finding.passage.section].append(ListedFinding(finding, nature))


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
        rendered(
            "findings.md",
            escape=_escaped,
            files=by_file(reports),
            counted=COUNTED,
            context=context,
            cite=cite,
        )
    )


def _escaped(value: object) -> Markup:
    """Escape a text so that it renders literally: in one line, which begins no block.

    >>> print(_escaped("1. <b>[x](y)</b> | https://z"))
    1\\. \\<b\\>\\[x\\](y)\\</b\\> \\| https\\://z
    """
    if isinstance(value, Markup):
        return value
    without_markup = _MARKUP.sub(r"\\\g<0>", one_line(str(value)))
    return Markup(_NUMBERED.sub(r"\1\\\2", without_markup))


def write_docx(reports: Iterable[TaggedReport], out: IO[bytes], context: ScoringContext) -> None:
    """Write title, counts and tagged passages of each file, then model and policy, without a date.

    Equal input gives equal bytes.
    """
    with needs_extra("writing Word files", "docx"):
        import docx
    word = docx.Document()
    word.core_properties.title = "Tagged passages"
    word.core_properties.author = context.about()["tool"]
    word.add_heading("Tagged passages", 0)
    for file_findings in by_file(reports):
        _add_file(word, file_findings, context)
    word.add_heading("How they were tagged", 1)
    for name, value in context.about().items():
        word.add_paragraph(f"{name}: {value}", "List Bullet")
    word.add_paragraph("A tag says what a passage claims, not whether it is true.")
    out.write(_dateless(word))


def _dateless(word: Document) -> bytes:
    """Pack a Word document without the time of its parts."""
    saved = io.BytesIO()
    word.save(saved)
    packed = io.BytesIO()
    with ZipFile(saved) as dated, ZipFile(packed, "w", ZIP_DEFLATED) as dateless:
        for name in dated.namelist():
            dateless.writestr(ZipInfo(name), dated.read(name), ZIP_DEFLATED)
    return packed.getvalue()


def _add_file(word: Document, file_findings: FileFindings, context: ScoringContext) -> None:
    word.add_heading(one_line(title_name(file_findings.title)), 1)
    source = file_findings.address or source_name(file_findings.file)
    facts = (source, *known(file_findings.country, file_findings.year))
    word.add_paragraph(" · ".join(map(one_line, facts)))
    for note in file_findings.notes:
        word.add_paragraph(f"Not read in full: {one_line(note)}")
    _add_counts(word, file_findings)
    if line := subject_line([file_findings.subject]):
        word.add_paragraph(line)
    if not file_findings.tagged:
        word.add_paragraph("No passage has a label.")
    for section, findings in file_findings.tagged.items():
        word.add_heading(one_line(section_name(section)), 2)
        for listed in findings:
            _add_finding(word, listed, context)


def _add_counts(word: Document, file_findings: FileFindings) -> None:
    rows = list(file_findings.table())
    table = word.add_table(len(rows), len(rows[0]), "Light Grid Accent 1")
    for cells, row in zip(table.rows, rows, strict=True):
        for cell, text in zip(cells.cells, row, strict=True):
            cell.text = one_line(text)
    kinds = file_findings.total_kinds
    word.add_paragraph(" ".join([COUNTED.format(base=kinds.base()), *kinds.beside()]))


def _add_finding(word: Document, listed: ListedFinding, context: ScoringContext) -> None:
    quote = word.add_paragraph(one_line(listed.passage.text), "Quote")
    quote.paragraph_format.keep_with_next = True
    facts = word.add_paragraph()
    for label in listed.passage.labels:
        facts.add_run(label_name(label)).bold = True
        facts.add_run(f" {listed.passage.scores[label]:.2f} · ")
    for remark in listed.remarks:
        facts.add_run(f"{remark} · ")
    facts.add_run(cite(listed.finding, context).source)


def write_bibtex(reports: Iterable[TaggedReport], out: IO[str], context: ScoringContext) -> None:
    """Write a BibTeX entry for each tagged passage, once each."""
    out.writelines(citation.bibtex for citation in _citations(reports, context))


def write_ris(reports: Iterable[TaggedReport], out: IO[str], context: ScoringContext) -> None:
    """Write a RIS record for each tagged passage, once each."""
    out.writelines(citation.ris for citation in _citations(reports, context))


def _citations(reports: Iterable[TaggedReport], context: ScoringContext) -> Iterator[Citation]:
    """Cite each tagged passage, and once what stands twice in input rows without ids."""
    keys: set[str] = set()
    for report in reports:
        for finding in report.findings():
            if not finding.passage.labels:
                continue
            citation = cite(finding, context)
            if citation.key not in keys:
                keys.add(citation.key)
                yield citation


def write_csl(reports: Iterable[TaggedReport], out: IO[str], context: ScoringContext) -> None:
    """Write the citations as one CSL-JSON list, each once."""
    out.write("[")
    separator = "\n"
    for citation in _citations(reports, context):
        out.write(separator + citation.csl)
        separator = ",\n"
    out.write("\n]\n")
