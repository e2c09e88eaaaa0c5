"""Read a page of PDFium: its words, upright and in file order, and its drawn shapes."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from types import ModuleType
from typing import TYPE_CHECKING, Final
from unicodedata import bidirectional

from tipclassify.readers.pdf.boxes import PdfBox, turn_pdf_box
from tipclassify.readers.pdf.drawn_shapes import read_pdf_shapes
from tipclassify.readers.pdf.glyphs import PdfGlyphRuns, read_glyph_runs
from tipclassify.readers.pdf.layout.pages import PageLayout, PdfShape, PdfWord, make_page_layout
from tipclassify.readers.pdf.structure_tree import read_pdf_tags

if TYPE_CHECKING:
    from pypdfium2 import PdfPage

__all__ = ["read_pdf_page"]

_MIN_TEXT: Final = 25  # characters of a page; fewer are a stamp or a page number
_MIN_SHARE: Final = 0.75  # of a page's characters in the main direction
_MIN_RIGHT_TO_LEFT: Final = 0.1  # of a page's characters; fewer are a name


def read_pdf_page(raw: ModuleType, page: PdfPage, number: int) -> PageLayout:
    """Read a page of PDFium, whose functions `raw` has: its words in file order, rotated upright.

    It is not closed. Text in another direction than most of the page (stamps, axis labels) or
    outside its crop box is left out.
    """
    area = PdfBox(*page.get_bbox())
    tags = read_pdf_tags(raw, page)
    glyphs = read_glyph_runs(raw, page, area, tags)
    if glyphs.inside and page.get_rotation() != 90 * glyphs.angle:
        # PDFium has the parts of a line in order only where it is displayed upright
        page.set_rotation(90 * glyphs.angle)
        glyphs = read_glyph_runs(raw, page, area, tags)
    angle = glyphs.angle
    words = [run.word for run in glyphs.inside if run.angle == angle]
    shapes: list[PdfShape] = []
    for shape in read_pdf_shapes(raw, page):
        box = turn_pdf_box(shape, area, angle)
        shapes.append(PdfShape(box.x0, box.y0, box.x1, box.y1, shape.drawing))
    upright_page = turn_pdf_box(area, area, angle)
    return make_page_layout(
        number,
        width=upright_page.x1,
        height=upright_page.y1,
        words=words,
        shapes=shapes,
        problem=_problem_of_page_text(glyphs, words),
    )


def _problem_of_page_text(glyphs: PdfGlyphRuns, words: list[PdfWord]) -> str:
    """Return why the text of a page is not read, or not in order; "" if it is.

    `words` are those of the page that are kept.
    """
    if glyphs.count < _MIN_TEXT:
        return ""
    if sum(len(run.word.text) for run in glyphs.runs) < _MIN_TEXT:
        return "with characters that the fonts do not name"
    if not glyphs.inside:
        return "with text outside of the page alone"
    text = "".join(word.text for word in words)
    if len(text) < _MIN_SHARE * sum(len(run.word.text) for run in glyphs.inside):
        return "with text in other directions, which is left out"
    if _is_right_to_left_pdf_text(text):
        return "with right-to-left text, whose words are out of order"
    if _is_vertical_pdf_text(words):
        return "with vertical text, whose characters are out of order"
    return ""


def _is_right_to_left_pdf_text(text: str) -> bool:
    """Return whether a text has more than a name in Arabic, Hebrew or the like."""
    if text.isascii():
        return False
    count = 0
    for letter, letter_count in Counter(text).items():
        if bidirectional(letter) in ("R", "AL"):
            count += letter_count
    return count >= _MIN_RIGHT_TO_LEFT * len(text)


def _is_vertical_pdf_text(words: list[PdfWord]) -> bool:
    """Return whether most words are single characters below another."""
    steps = 0
    for above, word in pairwise(words):
        if len(word.text) == 1:
            half_em = 0.5 * above.size
            is_below = abs(above.x0 - word.x0) < half_em < word.y - above.y
            steps += is_below
    return steps * 2 > len(words)
