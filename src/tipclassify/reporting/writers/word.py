"""Word writer: counts, then the tagged passages under the headings of their sections, each with its citation."""

from __future__ import annotations

import io
from collections.abc import Iterable
from itertools import groupby
from operator import attrgetter
from typing import IO, Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from tipclassify.errors import MissingExtraError
from tipclassify.formatting import one_line
from tipclassify.labels import LABELS
from tipclassify.reporting.subject import subject_line
from tipclassify.reporting.writers import ScoringContext, TaggedReport
from tipclassify.reporting.writers.findings import FileFindings
from tipclassify.reporting.writers.templating import section_name
from tipclassify.text.document import Passage

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
    for file, batches in groupby(reports, key=attrgetter("file")):  # rows of one file come in batches
        _add_file(word, FileFindings.of(file, batches))
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
    word.add_heading(one_line(found.title), 1)
    word.add_paragraph(" · ".join(map(one_line, (found.name, *found.known))))
    for note in found.notes:
        word.add_paragraph(f"Not read in full: {one_line(note)}")
    columns = ("section", "passages", *LABELS, "(none)")
    table = word.add_table(1, len(columns), "Light Grid Accent 1")
    _fill(table.rows[0], columns)
    for section, counted in found.table():
        name = one_line(section_name(section)) if section != "all" else section
        _fill(table.add_row(), (name, *(f"{counted[column]:,}" for column in columns[1:])))
    if line := subject_line([found.subject]):
        word.add_paragraph(line)
    if not found.tagged:
        word.add_paragraph("No passage has a label.")
    for section, passages in found.tagged.items():
        word.add_heading(one_line(section_name(section)), 2)
        for passage in passages:
            quote = word.add_paragraph(one_line(passage.text), "Quote")
            quote.paragraph_format.keep_with_next = True
            _add_facts(word.add_paragraph(), passage, found)


def _fill(row: Any, values: Iterable[str]) -> None:
    for cell, value in zip(row.cells, values, strict=True):
        cell.text = value


def _add_facts(paragraph: Any, passage: Passage, found: FileFindings) -> None:
    """Add labels with their probabilities, and the citation: title, country and year, section, page, file, offsets."""
    for label in passage.labels:
        paragraph.add_run(label).bold = True
        paragraph.add_run(f" {passage.scores[label]:.2f} · ")
    if passage.low_confidence:
        paragraph.add_run("low confidence: read it before you use it · ")
    about = f"{found.title} ({', '.join(found.known)})" if found.known else found.title
    page = () if passage.page is None else (f"p. {passage.page}",)
    section = () if passage.section is None else (f"section “{section_name(passage.section)}”",)
    source = () if found.name == found.title else (found.name,)
    citation = (about, *section, *page, *source, f"characters {passage.start}–{passage.end}")
    paragraph.add_run(one_line(", ".join(citation)))
