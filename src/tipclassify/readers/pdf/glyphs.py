"""Extract words and drawn shapes, which rule tables, from a PDFium page."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from ctypes import addressof, byref, c_double, c_float, c_int, create_string_buffer
from dataclasses import dataclass
from itertools import pairwise
from math import atan2, hypot, pi
from statistics import median
from types import ModuleType
from typing import TYPE_CHECKING, Final, NamedTuple
from unicodedata import bidirectional, normalize

from tipclassify.readers.pdf.layout.pages import (
    PageLayout,
    PdfShape,
    PdfTag,
    PdfWord,
    make_page_layout,
)
from tipclassify.readers.pdf.structure_tree import pdf_tag_of, read_pdf_tags

if TYPE_CHECKING:
    from pypdfium2 import PdfObject, PdfPage, PdfTextPage

__all__ = ["normalize_pdf_text", "read_pdf_page"]


class PdfBox(NamedTuple):
    """Hold a box: its least x and y, and its greatest, in points."""

    x0: float
    y0: float
    x1: float
    y1: float


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
_MIN_TEXT: Final = 25  # characters of a page; fewer are a stamp or a page number
_MAX_BASELINE_SHIFT: Final = 0.1  # points between the text objects of one word
_MIN_SHARE: Final = 0.75  # of a page's characters in the main direction
_MIN_RIGHT_TO_LEFT: Final = 0.1  # of a page's characters; fewer are a name
_MAX_SEGMENTS: Final = 400  # of a path that may rule a table; more are a drawing
_MAX_SHAPES: Final = 2_000  # of a page; more are a drawing
_OFF_AXIS: Final = 0.1  # points; the parts of a small tick are short
_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")
_CHARACTER_MAP: Final = {
    **dict.fromkeys([*range(0x1B), *range(0x7F, 0xA0)], None),
    # zero width, or unknown
    **dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u2060\ufeff\ufffc\ufffd"), None),
    **dict.fromkeys(map(ord, "\x02\ufffe\u2010\u2011"), "-"),
    # Symbol and Wingdings
    **dict.fromkeys(map(ord, "\uf0b7\uf0a7\uf06e\uf076\uf0d8\uf0fc\uf0a8■➢❖"), "•"),
    **dict(zip(range(0x10, 0x17), "“”„«»–—", strict=True)),  # TeX fonts without character names
    **dict(zip(range(0x1B, 0x20), ("ff", "fi", "fl", "ffi", "ffl"), strict=True)),
    **dict(zip(range(0xFB00, 0xFB07), ("ff", "fi", "fl", "ffi", "ffl", "st", "st"), strict=True)),
}


def read_pdf_page(raw: ModuleType, page: PdfPage, number: int) -> PageLayout:
    """Read a page of PDFium, whose functions `raw` has: its words in file order, rotated upright.

    It is not closed. Text in another direction than most of the page (stamps, axis labels) or
    outside its crop box is left out.
    """
    area = PdfBox(*page.get_bbox())
    tags = read_pdf_tags(raw, page)
    page_text = _read_glyph_runs(raw, page, area, tags)
    if page_text.inside and page.get_rotation() != 90 * page_text.angle:
        # PDFium has the parts of a line in order only where it is displayed upright
        page.set_rotation(90 * page_text.angle)
        page_text = _read_glyph_runs(raw, page, area, tags)
    angle = page_text.angle
    words = [run.word for run in page_text.inside if run.angle == angle]
    shapes: list[PdfShape] = []
    for shape in _read_pdf_shapes(raw, page):
        box = _turn_pdf_box(shape, area, angle)
        shapes.append(PdfShape(box.x0, box.y0, box.x1, box.y1, shape.drawing))
    upright_page = _turn_pdf_box(area, area, angle)
    return make_page_layout(
        number,
        width=upright_page.x1,
        height=upright_page.y1,
        words=words,
        shapes=shapes,
        problem=_problem_of_glyph_text(page_text, words),
    )


def normalize_pdf_text(text: str) -> str:
    """Normalize text: expand ligatures, remove soft hyphens and zero-width characters."""
    if text.isascii() and text.isprintable():
        return text
    if text.endswith("\u00ad"):  # a visible one, at a line's end
        text = text[:-1] + "-"
    if _SURROGATE.search(text):  # builds with 16-bit characters
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return normalize("NFC", text.translate(_CHARACTER_MAP))


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
class _PdfPageText:
    """Hold the text of a page."""

    runs: list[_GlyphRun]
    inside: list[_GlyphRun]  # those whose center is on the page
    angle: int  # of most of their characters
    is_text: bool  # there are more characters than in a stamp or page number


def _read_glyph_runs(
    raw: ModuleType, page: PdfPage, area: PdfBox, tags: dict[int, PdfTag]
) -> _PdfPageText:
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
    return _PdfPageText(runs, inside, angle, is_text=count >= _MIN_TEXT)


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
            self._upright_pages[angle] = _turn_pdf_box(area, area, angle)
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
        return _turn_pdf_box(box, self._area, angle)

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
        y = _turn_pdf_y(self._x.value, self._y.value, self._area, style.angle)
        word = PdfWord(text, x0, x1, y, style.size, style.bold, glued, style.tag, style.font)
        return _GlyphRun(word, style.angle, inside)


def _are_unlike_glyphs(box: PdfBox, other: PdfBox) -> bool:
    """Return whether two characters are in another font, or on another baseline."""
    if abs(box.y0 - other.y0) >= _MAX_BASELINE_SHIFT:
        return True
    return abs(box.y1 - other.y1) >= _MAX_BASELINE_SHIFT


def _problem_of_glyph_text(page_text: _PdfPageText, words: list[PdfWord]) -> str:
    """Return why the text of a page is not read, or not in order; "" if it is.

    `words` are those of the page that are kept.
    """
    if not page_text.is_text:
        return ""
    if sum(len(run.word.text) for run in page_text.runs) < _MIN_TEXT:
        return "with characters that the fonts do not name"
    if not page_text.inside:
        return "with text outside of the page alone"
    text = "".join(word.text for word in words)
    if len(text) < _MIN_SHARE * sum(len(run.word.text) for run in page_text.inside):
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


def _read_pdf_shapes(raw: ModuleType, page: PdfPage) -> list[PdfShape]:
    """Return the shapes of a page in its own coordinates, y upwards.

    There are none if there are too many for tables.
    """
    shapes: list[PdfShape] = []
    for path in page.get_objects([raw.FPDF_PAGEOBJ_PATH], max_depth=1):
        shapes += _shapes_of_pdf_path(raw, path)
        if len(shapes) > _MAX_SHAPES:
            return []
    return shapes


def _shapes_of_pdf_path(raw: ModuleType, path: PdfObject) -> list[PdfShape]:
    """Return the straight lines and boxes of a path, or its bounds if it has other segments."""
    lines = _straight_lines_of_path(raw, path)
    if lines is None or not all(_is_path_along_axes(line) for line in lines):
        left, bottom, right, top = path.get_bounds()
        return [PdfShape(left, bottom, right, top, drawing=True)]
    shapes: list[PdfShape] = []
    for line in lines:
        xs = [point.x for point in line]
        ys = [point.y for point in line]
        shapes.append(PdfShape(min(xs), min(ys), max(xs), max(ys)))
    return shapes


class _PdfPoint(NamedTuple):
    """Hold a point of a page."""

    x: float
    y: float


def _straight_lines_of_path(raw: ModuleType, path: PdfObject) -> list[list[_PdfPoint]] | None:
    """Return the points of each line of a path; None if it has curves or very many segments."""
    count = raw.FPDFPath_CountSegments(path)
    if count > _MAX_SEGMENTS:
        return None
    matrix = path.get_matrix()
    x = c_float()
    y = c_float()
    lines: list[list[_PdfPoint]] = []
    for at in range(count):
        segment = raw.FPDFPath_GetPathSegment(path, at)
        kind = raw.FPDFPathSegment_GetType(segment)
        if kind == raw.FPDF_SEGMENT_BEZIERTO:
            return None
        raw.FPDFPathSegment_GetPoint(segment, byref(x), byref(y))
        if kind == raw.FPDF_SEGMENT_MOVETO or not lines:
            lines.append([])
        lines[-1].append(_PdfPoint(*matrix.on_point(x.value, y.value)))
    return lines


def _is_path_along_axes(line: list[_PdfPoint]) -> bool:
    """Return whether all steps of a line are across or down the page."""
    for point, following in pairwise(line):
        across = abs(point.x - following.x)
        down = abs(point.y - following.y)
        if min(across, down) >= _OFF_AXIS:
            return False
    return True


def _turn_pdf_box(box: PdfBox | PdfShape, area: PdfBox, angle: int) -> PdfBox:
    """Return a box of the page, y upwards, in layout coordinates.

    These are upright after quarter turns, y downwards.
    """
    if angle == 0:  # nearly always
        return PdfBox(box.x0 - area.x0, area.y1 - box.y1, box.x1 - area.x0, area.y1 - box.y0)
    if angle == 1:
        return PdfBox(box.y0 - area.y0, box.x0 - area.x0, box.y1 - area.y0, box.x1 - area.x0)
    if angle == 2:
        return PdfBox(area.x1 - box.x1, box.y0 - area.y0, area.x1 - box.x0, box.y1 - area.y0)
    # slanting text is left out, so that its place does not matter
    return PdfBox(area.y1 - box.y1, area.x1 - box.x1, area.y1 - box.y0, area.x1 - box.x0)


def _turn_pdf_y(x: float, y: float, area: PdfBox, angle: int) -> float:
    """Return y of a point of the page in layout coordinates, as `_turn_pdf_box` does of a box."""
    if angle == 0:
        return area.y1 - y
    if angle == 1:
        return x - area.x0
    if angle == 2:
        return y - area.y0
    return area.x1 - x
