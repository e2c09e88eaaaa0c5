"""Open and check a PDF, and make a `Document` of its paragraphs.

`glyphs` reads the words of its pages; `lines`, `columns` and `groups` put them together.
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
from typing import TYPE_CHECKING, Final

from tipclassify.errors import InputError, needs_extra
from tipclassify.formatting import format_numbers
from tipclassify.labels import SECTIONS
from tipclassify.readers.about.publishers import known_publisher
from tipclassify.readers.about.titles import TitleLine, is_stale_title, title_of_first_page
from tipclassify.readers.blocks import BETWEEN_BLOCKS
from tipclassify.readers.pdf.glyphs import normalize, read_page
from tipclassify.readers.pdf.legibility import is_garbled
from tipclassify.readers.pdf.lines import Page, body_size, whole_words
from tipclassify.readers.pdf.paragraphs import Bookmarks, Paragraph, bookmark_key, read_paragraphs
from tipclassify.readers.pdf.references import REFERENCES, find_references, is_reference_heading
from tipclassify.records import Block, Document, PageStart
from tipclassify.text.sections import (
    HeadingOutline,
    join_headings,
    run_in_section,
    without_continuation,
)

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument, PdfPage

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
_THREE_LETTERS: Final = re.compile(r"[^\W\d_]{3}")
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
    with _PDFIUM, _open(pypdfium2, data, source) as document:
        pages = _read_pages(pypdfium2, document, source)
        bookmarks = _read_bookmarks(document)
        title = _clean_title(document.get_metadata_value("Title"))
        author = normalize(document.get_metadata_value("Author"))
    for warning in _warnings(pages, data, source):
        warnings.warn(warning, stacklevel=2)
    paragraphs = read_paragraphs(pages, bookmarks)
    if not paragraphs:
        raise InputError(f"{source}: no readable text in {len(pages)} pages; {_OCR}")
    # all words of the first page that has any, with its headers and footers
    first_words = next((page.words for page in pages if page.words), ())
    if title is None or is_stale_title(title, " ".join(whole_words(first_words))):
        lines = [TitleLine(p.text, p.kind == "heading", p.size) for p in paragraphs if p.page == 1]
        title = title_of_first_page(lines, body_size(pages))
    return Document(
        text=BETWEEN_BLOCKS.join(paragraph.text for paragraph in paragraphs),
        blocks=tuple(_blocks(paragraphs)),
        source=source,
        title=title,
        # Authors are mostly people, or whose computer it was; a publisher of reports is neither.
        publisher=known_publisher(author),
    )


def _blocks(paragraphs: list[Paragraph]) -> Iterator[Block]:
    """Yield a block for each paragraph in its section.

    Text after a table is in that of the heading before. The headings of a sidebar open none outside
    of it.
    """
    references = find_references(paragraphs)
    # of the text, after 0, and of the sidebars of each page, after its number
    outlines: dict[int, HeadingOutline] = defaultdict(HeadingOutline)
    sections: dict[int, str | None] = defaultdict(lambda: None)  # the current ones
    table: str | None = None  # section of the table that the last paragraphs are in
    start = 0
    for number, paragraph in enumerate(paragraphs):
        text = paragraph.text
        heading = paragraph.is_heading
        place = paragraph.page if paragraph.aside else 0
        current = sections[place]
        section: str | None
        if number in references:
            section = REFERENCES
            heading = is_reference_heading(text)
        elif paragraph.kind == "caption":
            table = _section_of_table(current, text)
            section = table
        elif paragraph.kind in ("row", "header"):
            section = table or current
        elif heading and table is not None and join_headings(table, text) != text:
            # it names a column of a table that is not ruled
            section = join_headings(table, text)
            sections[place] = section
        else:
            table = None
            if heading:
                opened: str | None = outlines[place].section(text, paragraph.level)
            else:
                opened = run_in_section(text)
            section = opened or current
            sections[place] = section
        end = start + len(text)
        later_pages = tuple(
            PageStart(start + page_start.offset, page_start.page)
            for page_start in paragraph.later_pages
        )
        yield Block(
            start,
            end,
            section,
            heading=heading or paragraph.kind == "header",
            page=paragraph.page,
            later_pages=later_pages,
        )
        start = end + len(BETWEEN_BLOCKS)


def _section_of_table(section: str | None, caption: str) -> str:
    """Join the caption of a table to the heading above it; standard sections stay as they are."""
    if section in SECTIONS:
        return section
    caption = without_continuation(caption)
    if not section:
        return caption
    return f"{section.rstrip(' :.')}: {caption}"


def _open(pdfium: ModuleType, data: bytes, source: str) -> PdfDocument:
    """Open a PDF; raise `InputError` where it is damaged or encrypted."""
    if b"%PDF-" not in data[:1_024]:
        raise InputError(f"{source}: not a PDF file; check what was saved")
    try:
        # some failures keep the last error code; that of a broken file is known
        with suppress(pdfium.PdfiumError):
            pdfium.PdfDocument(b"%PDF-")
        return pdfium.PdfDocument(data)
    except pdfium.PdfiumError as error:
        locked = (pdfium.raw.FPDF_ERR_PASSWORD, pdfium.raw.FPDF_ERR_SECURITY)
        if getattr(error, "err_code", None) in locked:
            raise InputError(
                f"{source}: encrypted, or protected by a password; save a copy without"
            ) from None
        raise InputError(
            f"{source}: damaged, cut off or without pages; fetch or export it again"
        ) from None


def _read_pages(pdfium: ModuleType, document: PdfDocument, source: str) -> list[Page]:
    """Read all pages, each with its problem if it has one."""
    if len(document) > MOST_PAGES:
        raise InputError(f"{source}: {len(document):,} pages, over {MOST_PAGES:,}; split it")
    pages: list[Page] = []
    characters = 0
    for number in range(1, len(document) + 1):
        try:
            with closing(document[number - 1]) as pdfium_page:
                page = read_page(pdfium.raw, pdfium_page, number)
                page = replace(page, problem=_problem(pdfium.raw, pdfium_page, page))
        except pdfium.PdfiumError:
            raise InputError(
                f"{source}: damaged at page {number}; fetch or export it again"
            ) from None
        characters += sum(len(word.text) for word in page.words)
        if characters > MOST_CHARACTERS:
            raise InputError(f"{source}: over {MOST_CHARACTERS:,} characters; split it")
        pages.append(page)
    return pages


def _problem(raw: ModuleType, pdfium_page: PdfPage, page: Page) -> str:
    """Return why the text of a page is not all that one sees, or ""."""
    if page.problem:
        return page.problem
    if _count_letters(page) < _MIN_LETTERS:
        kinds = {page_object.type for page_object in pdfium_page.get_objects(max_depth=_FORM_DEPTH)}
        return _SCANNED if kinds - {raw.FPDF_PAGEOBJ_TEXT} else ""
    return _GARBLED if is_garbled(whole_words(page.words)) else ""


def _count_letters(page: Page) -> int:
    return sum(sum(map(str.isalpha, word.text)) for word in page.words)


def _read_bookmarks(document: PdfDocument) -> Bookmarks:
    """Return the headings that the file's bookmarks name, with their levels."""
    # it warns of bookmarks that go round in circles
    logging.getLogger("pypdfium2").setLevel(logging.CRITICAL)
    levels: dict[tuple[int, str], int] = {}
    for mark in islice(document.get_toc(), _MAX_BOOKMARKS):
        target = mark.get_dest()
        index = target.get_index() if target else None
        if index is not None:
            levels[bookmark_key(index + 1, normalize(mark.get_title()))] = mark.level + 1
    return levels


def _warnings(pages: list[Page], data: bytes, source: str) -> Iterator[str]:
    """Yield warnings of missing text.

    Raises `InputError` for a scan or a file without readable text.
    """
    pages_by_problem: dict[str, list[int]] = defaultdict(list)
    for page in pages:
        # a stamp or page number is text
        if page.problem and not (page.problem == _SCANNED and page.words):
            pages_by_problem[page.problem].append(page.number)
    reasons = {
        problem: f"{format_numbers('page', numbers)} {problem}"
        for problem, numbers in pages_by_problem.items()
    }
    is_blank = not any(page.words for page in pages)
    if is_blank and reasons.keys() - {_SCANNED}:
        raise InputError(
            f"{source}: no text that can be read: {', '.join(reasons.values())}; {_OCR}"
        )
    scan_count = sum(page.problem == _SCANNED for page in pages)
    has_few_letters = sum(map(_count_letters, pages)) < _MIN_LETTERS * len(pages)
    if is_blank or (has_few_letters and scan_count * 2 > len(pages)):
        raise InputError(f"{source}: no text layer (scanned pages?); {_OCR}")
    for problem, reason in reasons.items():
        advice = _OCR if problem in (_SCANNED, _GARBLED) else "check it against the file"
        yield f"{source}: {reason}; {advice}"
    if b"startxref" not in data[-_TAIL_BYTES:]:
        yield f"{source}: its end is missing, and text may be too; fetch it again"


def _clean_title(title: str) -> str | None:
    """Return a metadata title, or None for placeholders such as file names."""
    plain = _GLUED_COLON.sub(": ", " ".join(normalize(title).split()))
    if _PLACEHOLDER_TITLE.match(plain) or not _THREE_LETTERS.search(plain):
        return None
    return plain
