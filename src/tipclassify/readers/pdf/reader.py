"""A PDF in, `Document` out: its text in reading order, without running heads, page numbers and note marks.

This module opens the file, tells what is wrong with it, and lays the offsets. `tipclassify.readers.pdf.glyphs` reads
the words of a page, `tipclassify.readers.pdf.layout` makes paragraphs of them.
"""

from __future__ import annotations

import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, Final

from tipclassify.errors import InputError, MissingExtraError
from tipclassify.readers.pdf.glyphs import plain_text, read_page
from tipclassify.readers.pdf.layout.flow import Paragraph, body_size, read_paragraphs
from tipclassify.readers.pdf.layout.pages import Page
from tipclassify.text.document import Block, Document
from tipclassify.text.segmentation.sections import Outline, run_in_section

__all__ = ["MOST_CHARACTERS", "MOST_PAGES", "read_pdf"]

MOST_PAGES: Final = 5_000
"""Pages of a report; yearbooks of all countries have some 700."""

MOST_CHARACTERS: Final = 20_000_000
"""Characters of a report, 4,000 on each of the most pages: a bound on time and memory."""

_OCR: Final = "run OCR first, e.g. ocrmypdf"
_SCANNED: Final = 25  # letters a page: fewer is a scan with a stamp or a page number on it
_FORM_DEPTH: Final = 3  # pictures may lie in forms
_TAIL: Final = 4_096  # bytes at the end among which a whole file says where its index is
_NO_TITLE: Final = re.compile(
    r"microsoft \w+ - |untitled|document ?\d*$|slide \d|print$|title$|https?:|file:"
    r"|.*\.(docx?|pdf|od[tf]|indd|qxd|rtf|tex|dvi|html?|p65|fm|xlsx?|pptx?|wpd)$",
    re.IGNORECASE,
)
_PDFIUM: Final = threading.Lock()  # PDFium keeps global state and is not safe in threads


def read_pdf(data: bytes, source: str) -> Document:
    """Blocks of a PDF with a text layer, in reading order, each with its page.

    Offsets count the characters of the document's text, in which blocks are parted by an empty line. Notes at the
    foot of a page are blocks of their own after its text. Left out are running heads, page numbers, note marks, and
    text that runs in another direction than most of its page.

    Parameters
    ----------
    data : bytes
        The whole file.
    source : str
        Its name, for messages and `Document.source`.

    Raises
    ------
    InputError
        In one line, when the file is damaged, locked, empty, too long, or a scan without text.
    MissingExtraError
        When PDFium is not installed.

    Warns
    -----
    UserWarning
        Naming the pages that have no text layer, when others have one; when the file's end is missing.
    """
    try:
        import pypdfium2
    except ImportError:
        raise MissingExtraError("reading PDF", "pdf") from None
    with _PDFIUM, _opened(pypdfium2, data, source) as document:
        pages, pictured = _read_pages(pypdfium2, document, source)
        title = _real_title(document.get_metadata_value("Title"))
    for warning in _check_text(pages, pictured, data, source):
        warnings.warn(warning, stacklevel=2)
    paragraphs = read_paragraphs(pages)
    if not paragraphs:
        raise InputError(f"{source}: no readable text in {len(pages)} pages; {_OCR}")
    parts: list[str] = []
    blocks: list[Block] = []
    at = 0
    outlines = {False: Outline(), True: Outline()}  # a box beside the text has headings of its own
    sections: dict[bool, str | None] = {False: None, True: None}
    for paragraph in paragraphs:
        text, aside = paragraph.text, paragraph.aside
        section = outlines[aside].section(text) if paragraph.heading else run_in_section(text) or sections[aside]
        sections[aside] = section
        blocks.append(Block(at, at + len(text), section, paragraph.heading, paragraph.page))
        parts.append(text)
        at += len(text) + 2
    return Document("\n\n".join(parts), tuple(blocks), source, title or _largest(paragraphs, body_size(pages)))


@contextmanager
def _opened(pdfium: ModuleType, data: bytes, source: str) -> Iterator[Any]:
    """The document, closed afterwards."""
    if b"%PDF-" not in data[:1_024]:
        raise InputError(f"{source}: not a PDF file; check what was saved")
    try:
        document = pdfium.PdfDocument(data)
    except pdfium.PdfiumError:
        code = _error_code(pdfium, data)
        if code == pdfium.raw.FPDF_ERR_PASSWORD:
            raise InputError(f"{source}: protected by a password; save a copy without one") from None
        if code == pdfium.raw.FPDF_ERR_SECURITY:
            raise InputError(f"{source}: encrypted in an unknown way; save a copy that is not") from None
        raise InputError(f"{source}: damaged, cut off or without pages; fetch or export it again") from None
    with document:
        yield document


def _error_code(pdfium: ModuleType, data: bytes) -> int | None:
    """Why PDFium cannot load a file. Where it sets no code an older one stands, so that of a broken file is set first."""
    code: int | None = None
    for attempt in (b"%PDF-", data):
        try:
            pdfium.PdfDocument(attempt).close()
        except pdfium.PdfiumError as error:
            code = getattr(error, "err_code", None)
    return code


def _read_pages(pdfium: ModuleType, document: Any, source: str) -> tuple[list[Page], list[int]]:
    """All pages with their words, and the numbers of those that hold pictures or drawings and hardly any text."""
    count = len(document)
    if count > MOST_PAGES:
        raise InputError(f"{source}: {count:,} pages, over {MOST_PAGES:,}; split it")
    pages: list[Page] = []
    pictured: list[int] = []
    characters = 0
    for number in range(1, count + 1):
        try:
            handle = document[number - 1]
            try:
                page = read_page(pdfium.raw, handle, number)
                if _letters(page) < _SCANNED and any(
                    found.type != pdfium.raw.FPDF_PAGEOBJ_TEXT for found in handle.get_objects(max_depth=_FORM_DEPTH)
                ):
                    pictured.append(number)
            finally:
                handle.close()
        except pdfium.PdfiumError:
            raise InputError(f"{source}: damaged at page {number}; fetch or export it again") from None
        characters += sum(len(word.text) for word in page.words)
        if characters > MOST_CHARACTERS:
            raise InputError(f"{source}: over {MOST_CHARACTERS:,} characters; split it")
        pages.append(page)
    return pages, pictured


def _check_text(pages: list[Page], pictured: list[int], data: bytes, source: str) -> Iterator[str]:
    """What to warn of; a scan is refused."""
    blank = [page.number for page in pages if not page.words]
    few = sum(map(_letters, pages)) < _SCANNED * len(pages)
    if len(blank) == len(pages) or (few and len(pictured) * 2 > len(pages)):
        raise InputError(f"{source}: no text layer (scanned pages?); {_OCR}")
    without = sorted({*blank} & {*pictured})
    if without:
        named = ", ".join(map(str, without[:10])) + (f" and {len(without) - 10} more" if len(without) > 10 else "")
        yield f"{source}: {'page' if len(without) == 1 else 'pages'} {named} without a text layer (scanned?); {_OCR}"
    if b"startxref" not in data[-_TAIL:]:
        yield f"{source}: its end is missing, and text may be too; fetch it again"


def _letters(page: Page) -> int:
    return sum(sum(map(str.isalpha, word.text)) for word in page.words)


def _largest(paragraphs: list[Paragraph], body: float) -> str | None:
    """The heading in the largest type on the first page, if it is larger than the body."""
    headings = [p for p in paragraphs if p.heading and p.page == 1 and p.size > body * 1.1]
    return max(headings, key=lambda p: p.size).text if headings else None


def _real_title(title: str) -> str | None:
    """A title that someone gave, not the file name that a program left there.

    >>> _real_title("Microsoft Word - karvonia_final.docx"), _real_title("Karvonia: A Year of Trials")
    (None, 'Karvonia: A Year of Trials')
    """
    plain = " ".join(plain_text(title).split())
    return plain if re.search(r"[^\W\d_]{3}", plain) and not _NO_TITLE.match(plain) else None
