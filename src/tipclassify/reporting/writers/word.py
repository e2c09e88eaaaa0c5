"""Word writer: counts, then the tagged passages under the headings of their sections, each with its citation."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import IO, Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from tipclassify.errors import MissingExtraError
from tipclassify.formatting import one_line
from tipclassify.reporting.subject import subject_line
from tipclassify.reporting.writers import ScoringContext, TaggedReport, known, section_name, source_name
from tipclassify.reporting.writers.findings import FileFindings, by_file

__all__ = ["write_docx"]


def write_docx(reports: Iterable[TaggedReport], out: IO[bytes], context: ScoringContext) -> None:
    """Write title, counts and tagged passages of each file, then model and policy. The same input gives the same bytes.

    The headings are Word's own, by which it navigates.
    """
    try:
        from docx import Document
    except ImportError:
        raise MissingExtraError("writing Word files", "docx") from None
    word = Document()
    word.core_properties.title = "Tagged passages"
    word.core_properties.author = context.about()["tool"]
    word.add_heading("Tagged passages", 0)
    for found in by_file(reports):
        _add_file(word, found)
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


def _add_file(word: Any, found: FileFindings) -> None:
    word.add_heading(one_line(source_name(found.title)), 1)
    word.add_paragraph(" · ".join(map(one_line, (source_name(found.file), *known(found.country, found.year)))))
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
                facts.add_run(label).bold = True
                facts.add_run(f" {finding.passage.scores[label]:.2f} · ")
            if finding.passage.low_confidence:
                facts.add_run("low confidence: read it before you use it · ")
            facts.add_run(finding.citation)
