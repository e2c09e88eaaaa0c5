"""Findings as documents: Word and Markdown, where counts come first, and files of citations."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import IO, TYPE_CHECKING, Final
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from markupsafe import Markup

from tipclassify.errors import needs_extra
from tipclassify.formatting import one_line
from tipclassify.labels import label_name
from tipclassify.probability import probability
from tipclassify.records import Report, known, section_name, source_name
from tipclassify.reports.cite import Citation, cite
from tipclassify.reports.counts import subject_line
from tipclassify.write.file_findings import FileFindings, Mark, findings_by_file
from tipclassify.write.output import Output

if TYPE_CHECKING:
    from docx.document import Document

# under a table of counts
_MARKUP: Final = re.compile(
    r"[\\`*{}\[\]<>|~&$@^#=]"
    r"|(?<![^\W_])_|_(?![^\W_])"  # an underscore inside a word is no markup
    r"|(?<=[A-Za-z]):(?=//)|(?<=[wW]{3})\."  # addresses that GitHub would turn into links
    r"|^[+\-:]"
)
_NUMBERED: Final = re.compile(r"^(\d{1,9})([.)])(?!\S)")


def write_markdown(reports: Iterable[Report], out: IO[str], output: Output) -> None:
    """Write title, counts and tagged passages of each file, then model and policy."""
    from tipclassify.write.templating import render_template

    out.writelines(
        render_template(
            "findings.md",
            escape=_escape_markdown,
            files=findings_by_file(reports),
            output=output,
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


def write_docx(reports: Iterable[Report], out: IO[bytes], output: Output) -> None:
    """Write title, counts and tagged passages of each file, then model and policy, without a date.

    Equal input gives equal bytes.
    """
    with needs_extra("writing Word files", "docx"):
        import docx
    word = docx.Document()
    word.core_properties.title = "Tagged passages"
    word.core_properties.author = output.run.about()["tool"]
    word.add_heading("Tagged passages", 0)
    for findings in findings_by_file(reports):
        _add_file(word, findings, output.run.labels)
    word.add_heading("How they were tagged", 1)
    for name, value in output.run.about().items():
        word.add_paragraph(f"{name}: {value}", "List Bullet")
    word.add_paragraph("A tag says what a passage claims, not whether it is true.")
    out.write(dateless(word))


def dateless(word: Document) -> bytes:
    """Pack a Word document without the time of its parts."""
    saved = io.BytesIO()
    word.save(saved)
    packed = io.BytesIO()
    with ZipFile(saved) as dated, ZipFile(packed, "w", ZIP_DEFLATED) as dateless:
        for name in dated.namelist():
            dateless.writestr(ZipInfo(name), dated.read(name), ZIP_DEFLATED)
    return packed.getvalue()


def _add_file(word: Document, findings: FileFindings, labels: tuple[str, ...]) -> None:
    word.add_heading(one_line(findings.title), 1)
    source = findings.address or source_name(findings.file)
    facts = (source, *known(findings.country, findings.year))
    word.add_paragraph(" · ".join(map(one_line, facts)))
    for note in findings.notes:
        word.add_paragraph(f"Not read in full: {one_line(note)}")
    add_table(word, list(findings.table(labels)))
    word.add_paragraph(" ".join(findings.total.counted(labels)))
    if line := subject_line([findings.total]):
        word.add_paragraph(line)
    if not findings.tagged:
        word.add_paragraph("No passage has a label.")
    for section, marks in findings.tagged.items():
        word.add_heading(one_line(section_name(section)), 2)
        for mark in marks:
            _add_finding(word, mark)


def add_table(word: Document, rows: Sequence[Sequence[str]]) -> None:
    """Add a table of a header and rows."""
    table = word.add_table(len(rows), len(rows[0]), "Light Grid Accent 1")
    for table_row, row in zip(table.rows, rows, strict=True):
        for cell, text in zip(table_row.cells, row, strict=True):
            cell.text = one_line(text)


def _add_finding(word: Document, mark: Mark) -> None:
    from docx.shared import RGBColor

    passage = mark.passage
    quote = word.add_paragraph("", "Quote")
    if mark.cited is not None and mark.cited.before:
        quote.add_run(f"{mark.cited.before} ").font.color.rgb = RGBColor(0x66, 0x66, 0x66)
    quote.add_run(one_line(passage.text))
    quote.paragraph_format.keep_with_next = True
    facts = word.add_paragraph()
    for label in passage.labels:
        facts.add_run(label_name(label)).bold = True
        facts.add_run(f" {probability(passage.scores[label])} · ")
    for remark in mark.remarks:
        facts.add_run(f"{remark} · ")
    if mark.cited is not None:
        facts.add_run(mark.cited.source)


def write_bibtex(reports: Iterable[Report], out: IO[str], output: Output) -> None:  # noqa: ARG001
    """Write a BibTeX entry for each tagged passage, once each."""
    out.writelines(citation.bibtex for citation in _citations(reports))


def write_ris(reports: Iterable[Report], out: IO[str], output: Output) -> None:  # noqa: ARG001
    """Write a RIS record for each tagged passage, once each."""
    out.writelines(citation.ris for citation in _citations(reports))


def _citations(reports: Iterable[Report]) -> Iterator[Citation]:
    """Cite each tagged passage, and once what stands twice in input rows without ids.

    The key of a citation that another report, or another part of it, has too gets the next number.
    """
    places: set[tuple[str, int, int, str, str]] = set()
    numbers = Counter[str]()  # the last one of each key without its number
    for report in reports:
        for passage in report.passages:
            if not passage.labels:
                continue
            row_id = repr(passage.extra.get("id"))
            place = (report.file, passage.start, passage.end, passage.key, row_id)
            if place in places:
                continue
            places.add(place)
            citation = cite(report, passage)
            plain, _, _ = citation.key.rpartition(passage.key)
            words = plain + passage.key
            numbers[words] = max(numbers[words] + 1, report.place_of_words(passage))
            if numbers[words] > 1:
                citation = replace(citation, key=f"{words}-{numbers[words]}")
            yield citation
