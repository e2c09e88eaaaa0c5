"""Extract the words of a PDFium page, with their place and style, from its characters."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from ctypes import addressof, byref, c_double, c_int, create_string_buffer
from dataclasses import dataclass
from itertools import pairwise
from math import atan2, hypot, pi
from statistics import median
from types import ModuleType
from typing import TYPE_CHECKING, Final, NamedTuple

from tipclassify.readers.pdf.boxes import PdfBox, turn_pdf_box, turn_pdf_y
from tipclassify.readers.pdf.characters import normalize_pdf_text
from tipclassify.readers.pdf.layout.pages import PdfTag, PdfWord
from tipclassify.readers.pdf.structure_tree import pdf_tag_of

if TYPE_CHECKING:
    from pypdfium2 import PdfPage, PdfTextPage

__all__ = ["PdfGlyphRuns", "read_glyph_runs"]

# White space is listed: \s includes \x1c to \x1f, which are ligatures in some fonts. PDFium writes
# \x02 or \ufffe for a hyphen at a line's end.
_SPACES: Final = r" \t\r\n\0\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_TOKEN: Final = re.compile(rf"[^{_SPACES}\x02\ufffe]+[\x02\ufffe]?|[\x02\ufffe]")
# em between two text objects of one word; a wider gap separates a list marker from its entry
_MAX_GAP: Final = 0.1
_BOLD_NAME: Final = re.compile(rb"bold|black|heavy|demi|-medi\b|cmb|sfbx|-bd", re.IGNORECASE)
_FORCE_BOLD: Final = 1 << 18  # font descriptor flag (ISO 32000-1, table 123)
_FILL_AND_STROKE: Final = 2  # text rendering mode that imitates bold (ISO 32000-1, table 106)
_SLANTING: Final = -1  # angle of text that is not along the edges of the page
_MAX_SLANT: Final = 0.06  # of a quarter turn
_MAX_BASELINE_SHIFT: Final = 0.1  # points between the text objects of one word


class _GlyphRun(NamedTuple):
    """Hold a word or a part of one, and where it is."""

    word: PdfWord
    angle: int  # quarter turns of its direction, or `_SLANTING`
    inside: bool  # its center is on the page


class _GlyphPart(NamedTuple):
    """Hold the place of a part of a token: the indexes of its first character and after its last.

    It may be glued to the part before.
    """

    start: int
    end: int
    glued: bool


class _GlyphStyle(NamedTuple):
    """Hold what the characters of a text object share."""

    size: float  # in points
    angle: int  # quarter turns, or `_SLANTING`
    bold: bool
    tag: PdfTag | None
    font: str  # its name


@dataclass(frozen=True, slots=True)
class PdfGlyphRuns:
    """Hold the text of a page as runs."""

    runs: list[_GlyphRun]
    inside: list[_GlyphRun]  # those whose center is on the page
    angle: int  # of most of their characters
    count: int  # of the characters; of the text objects where the fonts name no character


def read_glyph_runs(
    raw: ModuleType, page: PdfPage, area: PdfBox, tags: dict[int, PdfTag]
) -> PdfGlyphRuns:
    """Read the runs of a page as it is rotated now."""
    with closing(page.get_textpage()) as textpage:
        count = textpage.count_chars()
        text = textpage.get_text_range(0, count) if count else ""
        runs = list(_PdfTextPage(raw, textpage, area, tags).runs(text))
    if not count:  # fonts may lack the names of all characters
        count = len(list(page.get_objects([raw.FPDF_PAGEOBJ_TEXT])))
    inside = [run for run in runs if run.inside]
    letters_by_angle = Counter[int]()
    for run in inside:
        letters_by_angle[run.angle] += len(run.word.text)
    angle = max(range(4), key=letters_by_angle.__getitem__)
    return PdfGlyphRuns(runs, inside, angle, count)


class _PdfTextPage:
    """Read the words of a PDFium text page by the indexes of its characters.

    Calls of PDFium cost more than what it does in them: so the style is asked for once for each
    text object, and the structures that it fills are made once for each page.
    """

    def __init__(
        self, raw: ModuleType, textpage: PdfTextPage, area: PdfBox, tags: dict[int, PdfTag]
    ) -> None:
        self._raw = raw
        self._area = area
        self._tags = tags
        self._handle = textpage.raw
        self._styles: dict[int, _GlyphStyle] = {}  # by the address of the text object
        self._upright_pages: dict[int, PdfBox] = {}  # by the angle of the text
        for angle in (0, 1, 2, 3, _SLANTING):
            self._upright_pages[angle] = turn_pdf_box(area, area, angle)
        # of the last character whose text object was asked for
        self._last_index = -1
        self._last_address = 0
        # filled by PDFium
        self._matrix = raw.FS_MATRIX()
        self._rectangle = raw.FS_RECTF()
        self._flags = c_int()
        self._x = c_double()
        self._y = c_double()
        self._font_name = create_string_buffer(256)

    def runs(self, text: str) -> Iterator[_GlyphRun]:
        """Yield the words of the page, which has this text.

        Each is split at changes of style and at gaps.
        """
        count = self._raw.FPDFText_CountChars(self._handle)
        if len(text) != count:  # PDFium dropped or inserted characters: use its character list
            text = "".join(
                chr(self._raw.FPDFText_GetUnicode(self._handle, at)) for at in range(count)
            )
        for token in _TOKEN.finditer(text):
            token_start, token_end = token.span()
            for part in self._parts(token_start, token_end):
                plain = normalize_pdf_text(text[part.start : part.end])
                if plain:
                    # a hyphen set at the margin may be a little off its word
                    is_last_hyphen = plain == "-" and part.start > token_start
                    glued = part.glued or is_last_hyphen
                    yield self._run(part.start, part.end, plain, glued)

    def _parts(self, start: int, end: int) -> Iterator[_GlyphPart]:
        """Split a token whose ends are in different text objects, at gaps and changes of font."""
        if end - start == 1 or self._address(end - 1) == self._address(start):
            yield _GlyphPart(start, end, glued=False)
            return
        style = self._style(start)
        boxes = [self._box(at, style.angle) for at in range(start, end)]
        # the letters may be spaced
        letter_gap = median(box.x0 - before.x1 for before, box in pairwise(boxes))
        max_gap = _MAX_GAP * style.size + max(letter_gap, 0.0)
        part_start = start
        glued = False
        for at, (before, box) in enumerate(pairwise(boxes), start + 1):
            gap = box.x0 - before.x1
            if gap > max_gap or _are_unlike_glyphs(before, box):
                yield _GlyphPart(part_start, at, glued)
                part_start = at
                glued = gap <= max_gap
        yield _GlyphPart(part_start, end, glued)

    def _box(self, index: int, angle: int) -> PdfBox:
        """Return the loose box of a character, with the height of the font.

        It is as high for "a" as for "l".
        """
        rectangle = self._rectangle
        self._raw.FPDFText_GetLooseCharBox(self._handle, index, byref(rectangle))
        box = PdfBox(rectangle.left, rectangle.bottom, rectangle.right, rectangle.top)
        return turn_pdf_box(box, self._area, angle)

    def _address(self, index: int) -> int:
        """Return the address of the text object of a character; 0 for one that PDFium generated."""
        if index != self._last_index:  # of the first character of a word, it is asked for twice
            text_object = self._raw.FPDFText_GetTextObject(self._handle, index)
            self._last_index = index
            self._last_address = addressof(text_object.contents) if text_object else 0
        return self._last_address

    def _style(self, index: int) -> _GlyphStyle:
        """Return the style of a character."""
        address = self._address(index)
        if not address:
            return self._read_style(index)
        style = self._styles.get(address)
        if style is None:
            style = self._read_style(index)
            self._styles[address] = style
        return style

    def _read_style(self, index: int) -> _GlyphStyle:
        """Read the style of a character's text object."""
        raw = self._raw
        matrix = self._matrix
        raw.FPDFText_GetMatrix(self._handle, index, byref(matrix))
        size = raw.FPDFText_GetFontSize(self._handle, index) * hypot(matrix.c, matrix.d)
        turns = atan2(matrix.b, matrix.a) / (pi / 2)
        is_slanting = abs(turns - round(turns)) >= _MAX_SLANT
        name = self._font_name
        flags = self._flags
        raw.FPDFText_GetFontInfo(self._handle, index, name, len(name), byref(flags))
        bold = flags.value & _FORCE_BOLD > 0 or _BOLD_NAME.search(name.value) is not None
        tag: PdfTag | None = None
        text_object = raw.FPDFText_GetTextObject(self._handle, index)
        if text_object:
            if self._tags:
                tag = pdf_tag_of(raw, text_object, self._tags)
            if raw.FPDFTextObj_GetTextRenderMode(text_object) == _FILL_AND_STROKE:
                bold = True
        return _GlyphStyle(
            size=round(size, 1),
            angle=_SLANTING if is_slanting else round(turns) % 4,
            bold=bold,
            tag=tag,
            font=name.value.decode("latin-1"),
        )

    def _run(self, start: int, end: int, text: str, glued: bool) -> _GlyphRun:
        """Make the run of a part; its ends are those of its first and last character."""
        style = self._style(start)
        first = self._box(start, style.angle)
        last = first if end - start == 1 else self._box(end - 1, style.angle)
        x0 = min(first.x0, last.x0)
        x1 = max(first.x1, last.x1)
        middle = (min(first.y0, last.y0) + max(first.y1, last.y1)) / 2
        page = self._upright_pages[style.angle]
        inside = 0 <= x0 + x1 <= 2 * page.x1 and 0 <= middle <= page.y1
        self._raw.FPDFText_GetCharOrigin(self._handle, start, byref(self._x), byref(self._y))
        y = turn_pdf_y(self._x.value, self._y.value, self._area, style.angle)
        word = PdfWord(
            text=text,
            x0=x0,
            x1=x1,
            y=y,
            size=style.size,
            bold=style.bold,
            glued=glued,
            tag=style.tag,
            font=style.font,
        )
        return _GlyphRun(word, style.angle, inside)


def _are_unlike_glyphs(box: PdfBox, other: PdfBox) -> bool:
    """Return whether two characters are in another font, or on another baseline."""
    if abs(box.y0 - other.y0) >= _MAX_BASELINE_SHIFT:
        return True
    return abs(box.y1 - other.y1) >= _MAX_BASELINE_SHIFT
