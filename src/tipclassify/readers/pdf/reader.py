"""Open and check a PDF, and make a `Document` of its paragraphs.

`glyphs` reads its words, `layout` groups them.
"""

from __future__ import annotations

import logging
import re
import threading
import warnings
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import replace
from itertools import islice
from types import ModuleType
from typing import Any, Final

from tipclassify.errors import InputError, needs_extra
from tipclassify.formatting import numbered
from tipclassify.labels import SECTIONS
from tipclassify.readers.pdf.glyphs import plain_text, read_page
from tipclassify.readers.pdf.layout.flow import (
    Bookmarks,
    Paragraph,
    body_size,
    bookmark,
    read_paragraphs,
)
from tipclassify.readers.pdf.layout.pages import Page, whole_words
from tipclassify.readers.pdf.legibility import is_garbled
from tipclassify.readers.pdf.references import REFERENCES, find_references, is_reference_heading
from tipclassify.readers.publication import known_publisher
from tipclassify.readers.titles import TitleLine, is_stale, title_of_first_page
from tipclassify.text.document import Block, Document
from tipclassify.text.segmentation.sections import (
    Outline,
    join_headings,
    run_in_section,
    without_continuation,
)

__all__ = ["MOST_CHARACTERS", "MOST_PAGES", "read_pdf"]

MOST_PAGES: Final = 5_000  # maximum pages of a report; yearbooks of all countries have some 700
# of a report, 4,000 a page at the maximum of pages: bounds time and memory
MOST_CHARACTERS: Final = 20_000_000

_OCR: Final = "run OCR first, e.g. ocrmypdf"
_SCANNED: Final = "without a text layer (scanned?)"
_GARBLED: Final = (
    "with a text layer in which few words are words (a font's character map is broken)"
)
_MIN_LETTERS: Final = 25  # letters a page; fewer indicate a scan with a stamp or page number
_MAX_BOOKMARKS: Final = 20_000
_FORM_DEPTH: Final = 3  # images may be nested in form objects
_TAIL_BYTES: Final = 4_096  # bytes at the end that hold ``startxref`` in a complete file
_PLACEHOLDER_TITLE: Final = re.compile(
    r"microsoft \w+ - |untitled|document ?\d*$|slide \d|print$|title$|https?:|file:"
    r"|.*\.(docx?|pdf|od[tf]|indd|qxd|rtf|tex|dvi|html?|p65|fm|xlsx?|pptx?|wpd)$",
    re.IGNORECASE,
)
_GLUED_COLON: Final = re.compile(r"(?<=[^\W\d_]):(?=[^\W\d_])")
_PDFIUM: Final = threading.Lock()  # PDFium has global state and is not thread-safe


def read_pdf(data: bytes, source: str) -> Document:
    """Read the blocks of a PDF with a text layer, in reading order, each with its page.

    Offsets count the characters of the document's text, in which empty lines separate blocks.
    Footnotes are blocks after the text of their page. Running headers, page numbers, note marks,
    and text in another direction than most of its page are left out; pages that are not read in
    full give a `UserWarning`.

    Raises `InputError` when the file is damaged, encrypted, empty, too long, or a scan without
    text, and `MissingExtraError` when PDFium is not installed.
    """
    with needs_extra("reading PDF", "pdf"):
        import pypdfium2
    with _PDFIUM, _open_document(pypdfium2, data, source) as document:
        pages = _read_pages(pypdfium2, document, source)
        bookmarks = _read_bookmarks(document)
        title = _clean_title(document.get_metadata_value("Title"))
        author = plain_text(document.get_metadata_value("Author"))
    for warning in _text_layer_warnings(pages, data, source):
        warnings.warn(warning, stacklevel=2)
    paragraphs = read_paragraphs(pages, bookmarks)
    if not paragraphs:
        raise InputError(f"{source}: no readable text in {len(pages)} pages; {_OCR}")
    if title is None or is_stale(title, _text_of_first_page(pages)):
        lines = [TitleLine(p.text, p.kind == "heading", p.size) for p in paragraphs if p.page == 1]
        title = title_of_first_page(lines, body_size(pages))
    text = "\n\n".join(paragraph.text for paragraph in paragraphs)
    # Authors are mostly people, or whose computer it was; a body that publishes reports is neither.
    publisher = known_publisher(author)
    return Document(text, tuple(_blocks(paragraphs)), source, title, publisher=publisher)


def _text_of_first_page(pages: list[Page]) -> str:
    """Return all words of the first page that has any, with its headers and footers."""
    return next((" ".join(whole_words(page.words)) for page in pages if page.words), "")


def _blocks(paragraphs: list[Paragraph]) -> Iterator[Block]:
    """Yield a block for each paragraph in its section.

    Text after a table is in that of the heading before.
    """
    references = find_references(paragraphs)
    outlines = {False: Outline(), True: Outline()}  # a sidebar has its own headings
    sections: dict[bool, str | None] = {False: None, True: None}
    table: str | None = None
    at = 0
    for number, paragraph in enumerate(paragraphs):
        text, aside, heading = paragraph.text, paragraph.aside, paragraph.is_heading
        section = sections[aside]
        if number in references:
            section, heading = REFERENCES, is_reference_heading(text)
        elif paragraph.kind == "caption":
            section = table = _table_section(section, text)
        elif paragraph.kind in ("row", "header"):
            section = table or section
        elif heading and table is not None and (nested := join_headings(table, text)) != text:
            section = sections[aside] = nested  # the name of a column, of a table that is not ruled
        else:
            table = None
            opened = (
                outlines[aside].section(text, paragraph.level) if heading else run_in_section(text)
            )
            section = sections[aside] = opened or section
        yield Block(
            at, at + len(text), section, heading or paragraph.kind == "header", paragraph.page
        )
        at += len(text) + 2


def _table_section(section: str | None, caption: str) -> str:
    """Join the caption of a table to the heading above it; standard sections stay as they are."""
    if section in SECTIONS:
        return section
    caption = without_continuation(caption)
    return f"{section.rstrip(' :.')}: {caption}" if section else caption


def _open_document(pdfium: ModuleType, data: bytes, source: str) -> Any:
    if b"%PDF-" not in data[:1_024]:
        raise InputError(f"{source}: not a PDF file; check what was saved")
    try:
        # some failures keep the last error code; that of a broken file is known
        with suppress(pdfium.PdfiumError):
            pdfium.PdfDocument(b"%PDF-")
        return pdfium.PdfDocument(data)
    except pdfium.PdfiumError as error:
        if getattr(error, "err_code", None) in (
            pdfium.raw.FPDF_ERR_PASSWORD,
            pdfium.raw.FPDF_ERR_SECURITY,
        ):
            raise InputError(
                f"{source}: encrypted, or protected by a password; save a copy without"
            ) from None
        raise InputError(
            f"{source}: damaged, cut off or without pages; fetch or export it again"
        ) from None


def _read_pages(pdfium: ModuleType, document: Any, source: str) -> list[Page]:
    """Read all pages; those with images or drawings and hardly any text have a problem."""
    if len(document) > MOST_PAGES:
        raise InputError(f"{source}: {len(document):,} pages, over {MOST_PAGES:,}; split it")
    pages: list[Page] = []
    characters = 0
    for number in range(1, len(document) + 1):
        try:
            with closing(document[number - 1]) as handle:
                page = read_page(pdfium.raw, handle, number)
                if not page.problem and _count_letters(page) < _MIN_LETTERS:
                    kinds = {found.type for found in handle.get_objects(max_depth=_FORM_DEPTH)}
                    page = replace(
                        page, problem=_SCANNED if kinds - {pdfium.raw.FPDF_PAGEOBJ_TEXT} else ""
                    )
                elif not page.problem and is_garbled(whole_words(page.words)):
                    page = replace(page, problem=_GARBLED)
        except pdfium.PdfiumError:
            raise InputError(
                f"{source}: damaged at page {number}; fetch or export it again"
            ) from None
        characters += sum(len(word.text) for word in page.words)
        if characters > MOST_CHARACTERS:
            raise InputError(f"{source}: over {MOST_CHARACTERS:,} characters; split it")
        pages.append(page)
    return pages


def _read_bookmarks(document: Any) -> Bookmarks:
    """Return the headings that the file's bookmarks name, with their levels."""
    # it warns of bookmarks that go round in circles
    logging.getLogger("pypdfium2").setLevel(logging.CRITICAL)
    found = {}
    for mark in islice(document.get_toc(), _MAX_BOOKMARKS):
        if (target := mark.get_dest()) and (index := target.get_index()) is not None:
            found[bookmark(index + 1, plain_text(mark.get_title()))] = mark.level + 1
    return found


def _text_layer_warnings(pages: list[Page], data: bytes, source: str) -> Iterator[str]:
    """Yield warnings of missing text.

    Raises `InputError` for a scan or a file without readable text.
    """
    problems: dict[str, list[int]] = defaultdict(list)
    for page in pages:
        # a stamp or page number is text
        if page.problem and not (page.problem == _SCANNED and page.words):
            problems[page.problem].append(page.number)
    scans = sum(page.problem == _SCANNED for page in pages)
    blank = not any(page.words for page in pages)
    few = sum(map(_count_letters, pages)) < _MIN_LETTERS * len(pages)
    if blank and problems.keys() - {_SCANNED}:
        said = ", ".join(
            f"{numbered('page', numbers)} {problem}" for problem, numbers in problems.items()
        )
        raise InputError(f"{source}: no text that can be read: {said}; {_OCR}")
    if blank or (few and scans * 2 > len(pages)):
        raise InputError(f"{source}: no text layer (scanned pages?); {_OCR}")
    for problem, numbers in problems.items():
        advice = _OCR if problem in (_SCANNED, _GARBLED) else "check it against the file"
        yield f"{source}: {numbered('page', numbers)} {problem}; {advice}"
    if b"startxref" not in data[-_TAIL_BYTES:]:
        yield f"{source}: its end is missing, and text may be too; fetch it again"


def _count_letters(page: Page) -> int:
    return sum(sum(map(str.isalpha, word.text)) for word in page.words)


def _clean_title(title: str) -> str | None:
    """Return a metadata title, or None for placeholders such as file names."""
    plain = _GLUED_COLON.sub(": ", " ".join(plain_text(title).split()))
    return (
        plain if re.search(r"[^\W\d_]{3}", plain) and not _PLACEHOLDER_TITLE.match(plain) else None
    )
