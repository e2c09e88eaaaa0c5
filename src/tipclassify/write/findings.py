"""Findings as documents: Word and Markdown, where counts come first, and files of citations."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from typing import IO, TYPE_CHECKING, Final
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from markupsafe import Markup

from tipclassify.errors import needs_extra
from tipclassify.formatting import one_line
from tipclassify.labels import label_name
from tipclassify.probability import probability
from tipclassify.records import Report, known, section_name, source_name
from tipclassify.reports.citation import Citation, cite
from tipclassify.reports.report import findings_of
from tipclassify.reports.subject import subject_line
from tipclassify.write.file_findings import (
    FileFindings,
    ListedFinding,
    findings_by_file,
)
from tipclassify.write.output import Output

if TYPE_CHECKING:
    from docx.document import Document

__all__ = [
    "write_bibtex",
    "write_findings_docx",
    "write_findings_markdown",
    "write_ris",
]

# under a table of counts
_COUNTED: Final = "Labels are counted by sentence, each sentence once; shares are of the {base}."

_MARKUP: Final = re.compile(
    r"[\\`*{}\[\]<>|~&$@^#=]"
    r"|(?<![^\W_])_|_(?![^\W_])"  # an underscore inside a word is no markup
    r"|(?<=[A-Za-z]):(?=//)|(?<=[wW]{3})\."  # addresses that GitHub would turn into links
    r"|^[+\-:]"
)
_NUMBERED: Final = re.compile(r"^(\d{1,9})([.)])(?!\S)")


def write_findings_markdown(reports: Iterable[Report], out: IO[str], output: Output) -> None:
    """Write title, counts and tagged passages of each file, then model and policy."""
    from tipclassify.write.templating import render_template

    out.writelines(
        render_template(
            "findings.md",
            escape=_escape_markdown,
            files=findings_by_file(reports),
            counted=_COUNTED,
            output=output,
            cite=cite,
        )
    )


def _escape_markdown(value: object) -> Markup:
    """Escape a text so that it renders literally: in one line, which begins no block.

    >>> print(_escape_markdown("1. <b>[x](y)</b> | https://z"))
    1\\. \\<b\\>\\[x\\](y)\\</b\\> \\| https\\://z
    """
    if isinstance(value, Markup):
        return value
    without_markup = _MARKUP.sub(r"\\\g<0>", one_line(str(value)))
    return Markup(_NUMBERED.sub(r"\1\\\2", without_markup))


def write_findings_docx(reports: Iterable[Report], out: IO[bytes], output: Output) -> None:
    """Write title, counts and tagged passages of each file, then model and policy, without a date.

    Equal input gives equal bytes.
    """
    with needs_extra("writing Word files", "docx"):
        import docx
    word = docx.Document()
    word.core_properties.title = "Tagged passages"
    word.core_properties.author = output.run.about()["tool"]
    word.add_heading("Tagged passages", 0)
    for file_findings in findings_by_file(reports):
        _add_file_findings_to_docx(word, file_findings, output)
    word.add_heading("How they were tagged", 1)
    for name, value in output.run.about().items():
        word.add_paragraph(f"{name}: {value}", "List Bullet")
    word.add_paragraph("A tag says what a passage claims, not whether it is true.")
    out.write(_pack_dateless_docx(word))


def _pack_dateless_docx(word: Document) -> bytes:
    """Pack a Word document without the time of its parts."""
    saved = io.BytesIO()
    word.save(saved)
    packed = io.BytesIO()
    with ZipFile(saved) as dated, ZipFile(packed, "w", ZIP_DEFLATED) as dateless:
        for name in dated.namelist():
            dateless.writestr(ZipInfo(name), dated.read(name), ZIP_DEFLATED)
    return packed.getvalue()


def _add_file_findings_to_docx(word: Document, file_findings: FileFindings, output: Output) -> None:
    word.add_heading(one_line(file_findings.title), 1)
    source = file_findings.address or source_name(file_findings.file)
    facts = (source, *known(file_findings.country, file_findings.year))
    word.add_paragraph(" · ".join(map(one_line, facts)))
    for note in file_findings.notes:
        word.add_paragraph(f"Not read in full: {one_line(note)}")
    _add_finding_counts_to_docx(word, file_findings)
    if line := subject_line([file_findings.subject]):
        word.add_paragraph(line)
    if not file_findings.tagged:
        word.add_paragraph("No passage has a label.")
    for section, findings in file_findings.tagged.items():
        word.add_heading(one_line(section_name(section)), 2)
        for listed in findings:
            _add_finding_to_docx(word, listed, output)


def _add_finding_counts_to_docx(word: Document, file_findings: FileFindings) -> None:
    rows = list(file_findings.table())
    table = word.add_table(len(rows), len(rows[0]), "Light Grid Accent 1")
    for cells, row in zip(table.rows, rows, strict=True):
        for cell, text in zip(cells.cells, row, strict=True):
            cell.text = one_line(text)
    kinds = file_findings.total_kinds
    word.add_paragraph(" ".join([_COUNTED.format(base=kinds.base()), *kinds.beside()]))


def _add_finding_to_docx(word: Document, listed: ListedFinding, output: Output) -> None:
    quote = word.add_paragraph(one_line(listed.passage.text), "Quote")
    quote.paragraph_format.keep_with_next = True
    facts = word.add_paragraph()
    for label in listed.passage.labels:
        facts.add_run(label_name(label)).bold = True
        facts.add_run(f" {probability(listed.passage.scores[label])} · ")
    for remark in listed.remarks:
        facts.add_run(f"{remark} · ")
    facts.add_run(cite(listed.finding.report, listed.finding.passage, output.run).source)


def write_bibtex(reports: Iterable[Report], out: IO[str], output: Output) -> None:
    """Write a BibTeX entry for each tagged passage, once each."""
    out.writelines(citation.bibtex for citation in _cite_findings(reports, output))


def write_ris(reports: Iterable[Report], out: IO[str], output: Output) -> None:
    """Write a RIS record for each tagged passage, once each."""
    out.writelines(citation.ris for citation in _cite_findings(reports, output))


def _cite_findings(reports: Iterable[Report], output: Output) -> Iterator[Citation]:
    """Cite each tagged passage, and once what stands twice in input rows without ids."""
    keys: set[str] = set()
    for report in reports:
        for finding in findings_of(report):
            if not finding.passage.labels:
                continue
            citation = cite(finding.report, finding.passage, output.run)
            if citation.key not in keys:
                keys.add(citation.key)
                yield citation
