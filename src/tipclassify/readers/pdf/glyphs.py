"""Extract words with position, type size and weight from a PDFium page.

PDFium describes characters one call at a time, and calls dominate the time of reading a PDF. So only the ends of a word
are queried, and its inside only when the ends are in different text objects.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from ctypes import addressof, byref, c_double, c_int, create_string_buffer
from itertools import pairwise
from math import hypot
from statistics import median
from struct import Struct
from typing import Any, Final, NamedTuple
from unicodedata import bidirectional, normalize

from tipclassify.readers.pdf.layout.pages import Page, Shape, Word, make_page
from tipclassify.readers.pdf.shapes import read_shapes
from tipclassify.readers.pdf.tags import UNTAGGED, content_id, read_tags

__all__ = ["plain_text", "read_page"]

Box = tuple[float, float, float, float]
"""Left, bottom, right, top in points; y upwards."""

# White space is listed: \s includes \x1c to \x1f, which are ligatures in some fonts. PDFium writes \x02 or \ufffe for
# a hyphen at a line's end.
_TOKEN: Final = re.compile(
    r"[^ \t\r\n\0\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\x02\ufffe]+[\x02\ufffe]?|[\x02\ufffe]"
)
_MAX_GAP: Final = 0.1  # em between two text objects of one word; a wider gap separates a list marker from its entry
_BOLD_NAME: Final = re.compile(rb"bold|black|heavy|demi|-medi\b|cmb|sfbx|-bd", re.IGNORECASE)
_FORCE_BOLD: Final = 1 << 18  # font descriptor flag (ISO 32000-1, table 123)
_FILL_AND_STROKE: Final = 2  # text rendering mode that imitates bold (ISO 32000-1, table 106)
_SLANTING: Final = -1
_MIN_TEXT: Final = 25  # characters of a page; fewer are a stamp or a page number
_MIN_SHARE: Final = 0.75  # of a page's characters in the main direction
_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")
_CHARACTER_MAP: Final = {
    **dict.fromkeys([*range(0x1B), *range(0x7F, 0xA0)], None),
    **dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u2060\ufeff\ufffc\ufffd"), None),  # zero width, or unknown
    **dict.fromkeys(map(ord, "\x02\ufffe\u2010\u2011"), "-"),
    **dict.fromkeys(map(ord, "\uf0b7\uf0a7\uf06e\uf076\uf0d8\uf0fc\uf0a8■➢❖"), "•"),  # Symbol and Wingdings
    **dict(zip(range(0x10, 0x17), "“”„«»–—", strict=True)),  # TeX fonts without character names
    **dict(zip(range(0x1B, 0x20), ("ff", "fi", "fl", "ffi", "ffl"), strict=True)),
    **dict(zip(range(0xFB00, 0xFB07), ("ff", "fi", "fl", "ffi", "ffl", "st", "st"), strict=True)),
}


def read_page(raw: Any, page: Any, number: int) -> Page:
    """Read the words of a page in file order, rotated upright.

    Text in another direction than most of the page (stamps, axis labels) or outside its crop box is left out.

    Parameters
    ----------
    raw : module
        ``pypdfium2.raw``.
    page : pypdfium2.PdfPage
        The page; it is not closed.
    number : int
        Page number, from 1.
    """
    area: Box = page.get_bbox()
    tags = read_tags(raw, page)
    textpage = page.get_textpage()
    try:
        has_text = (textpage.count_chars() or len(list(page.get_objects([raw.FPDF_PAGEOBJ_TEXT])))) >= _MIN_TEXT
        found = list(_text_runs(raw, textpage, bool(tags)))
    finally:
        textpage.close()
    inside = [run for run in found if _is_inside(run.box, area)]
    weights = [sum(len(run.text) for run in inside if run.style.angle == angle) for angle in range(4)]
    angle = weights.index(max(weights))
    runs = _infer_bold([run for run in inside if run.style.angle == angle])
    problem = _text_problem(found, inside, runs) if has_text else ""
    words = [_rotate_upright(run, area) for run in runs]
    shapes = [_rotate_shape(shape, area, angle) for shape in read_shapes(raw, page)]
    width, height = area[2] - area[0], area[3] - area[1]
    return make_page(number, *((height, width) if angle % 2 else (width, height)), words, shapes, tags, problem)


def plain_text(text: str) -> str:
    """Normalize text: expand ligatures, remove soft hyphens and zero-width characters.

    >>> plain_text("traf\\u00adﬁc\\uf0b7")
    'traffic•'
    """
    if text.isascii() and text.isprintable():
        return text
    if text.endswith("\u00ad"):  # a visible one, at a line's end
        text = text[:-1] + "-"
    if _SURROGATE.search(text):  # builds with 16-bit characters
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return normalize("NFC", text.translate(_CHARACTER_MAP))


# --------------------------------------------------------------------------------------------- runs


class _Style(NamedTuple):
    """Hold the style of characters: size in points, quarter turns from the x axis, first origin, font.

    `bold` is None where the font has no name.
    """

    size: float
    bold: bool | None
    angle: int
    x: float
    y: float
    font: int


class _TextRun(NamedTuple):
    """Hold a word, or a part of one in one style, `glued` to the part before."""

    text: str
    box: Box
    style: _Style
    glued: bool
    content: int


def _text_runs(raw: Any, textpage: Any, tagged: bool) -> Iterator[_TextRun]:
    count = textpage.count_chars()
    text = textpage.get_text_range(0, count) if count else ""
    if len(text) != count:  # PDFium dropped or inserted characters: use its character list
        text = "".join(chr(raw.FPDFText_GetUnicode(textpage.raw, i)) for i in range(count))
    reader = _CharacterReader(raw, textpage.raw)
    last: _TextRun | None = None
    for token in _TOKEN.finditer(text):
        for start, end, box, style, glued in _split_token(*token.span(), reader):
            plain = plain_text(text[start:end])
            if plain:
                if plain == "-" and start > token.start():
                    glued = True  # a hyphen set at the margin, a little off its word
                elif not glued and last is not None and reader.is_false_space(start - 1, last, box):
                    glued = True
                last = _TextRun(plain, box, style, glued, reader.content(start) if tagged else UNTAGGED)
                yield last


def _split_token(start: int, end: int, reader: _CharacterReader) -> Iterator[tuple[int, int, Box, _Style, bool]]:
    """Split a token at changes of style and at gaps: (start, end, box, style, glued to the part before)."""
    first, last = reader.box(start), reader.box(end - 1)
    style = reader.style(start, first)
    glued = False
    if end - start > 1 and reader.text_object(start) != reader.text_object(end - 1):
        boxes = [first, *map(reader.box, range(start + 1, end))]
        gaps = [_gap_between(a, b, style.angle) for a, b in pairwise(boxes)]
        limit = _MAX_GAP * style.size + reader.spacing(gaps)
        before = first
        for at, gap, box in zip(range(start + 1, end), gaps, boxes[1:], strict=True):
            if gap > limit or not _same_height(before, box, style.angle):
                yield start, at, _bounding_box(first, before), style, glued
                start, first, glued = at, box, gap <= limit
                style = reader.style(at, box)
            before = box
    yield start, end, _bounding_box(first, last), style, glued


class _CharacterReader:
    """Read boxes and styles of the characters of a text page by index."""

    def __init__(self, raw: Any, handle: Any) -> None:
        self._raw, self._handle = raw, handle
        self._rectangle, self._matrix = raw.FS_RECTF(), raw.FS_MATRIX()
        self._rectangle_at, self._unpack = byref(self._rectangle), Struct("4f").unpack
        self._loose_box, self._object = raw.FPDFText_GetLooseCharBox, raw.FPDFText_GetTextObject
        self._bold: dict[int, bool | None] = {}
        self._spacing = 0.0
        self._font, self._box, self._style = 0, (0.0, 0.0, 0.0, 0.0), _Style(0.0, False, _SLANTING, 0.0, 0.0, 0)

    def box(self, index: int) -> Box:
        """Return the loose box of a character, with the height of the font: equal for "a" and "l"."""
        self._loose_box(self._handle, index, self._rectangle_at)
        left, top, right, bottom = self._unpack(self._rectangle)
        return left, bottom, right, top

    def text_object(self, index: int) -> int:
        """Return the address of a character's text object; 0 for characters generated by PDFium."""
        found = self._object(self._handle, index)
        return addressof(found.contents) if found else 0

    def content(self, index: int) -> int:
        """Return the marked-content id of a character."""
        found = self._object(self._handle, index)
        return content_id(self._raw, found) if found else UNTAGGED

    def style(self, index: int, box: Box) -> _Style:
        """Return a character's style; one with the font and vertical extent of the last has its style."""
        raw, handle = self._raw, self._handle
        found = self._object(handle, index)
        font = raw.FPDFTextObj_GetFont(found) if found else None
        key = addressof(font.contents) if font else 0
        if not key or key != self._font or not _same_height(box, self._box, self._style.angle):
            x, y = c_double(), c_double()
            raw.FPDFText_GetMatrix(handle, index, byref(self._matrix))
            raw.FPDFText_GetCharOrigin(handle, index, byref(x), byref(y))
            matrix = self._matrix
            size = round(raw.FPDFText_GetFontSize(handle, index) * hypot(matrix.c, matrix.d), 1)
            bold = self._has_bold_font(index, key)
            if found and raw.FPDFTextObj_GetTextRenderMode(found) == _FILL_AND_STROKE:
                bold = True
            self._style = _Style(size, bold, _quarter_turns(matrix.a, matrix.b), x.value, y.value, key)
        self._font, self._box = key, box
        return self._style

    def spacing(self, gaps: list[float]) -> float:
        """Return the letter spacing in points, of this word or, if it is too short, of the last."""
        if len(gaps) > 2:
            self._spacing = max(median(gaps), 0.0)
        return self._spacing

    def is_false_space(self, index: int, before: _TextRun, box: Box) -> bool:
        """Return whether PDFium generated a space before a character as close as the letters of the last word."""
        gap, limit = _gap_between(before.box, box, before.style.angle), _MAX_GAP * before.style.size
        close = -limit < gap < limit + self._spacing and _same_height(before.box, box, before.style.angle)
        return close and self._raw.FPDFText_IsGenerated(self._handle, index) == 1

    def _has_bold_font(self, index: int, key: int) -> bool | None:
        if key not in self._bold:
            name, flags = create_string_buffer(256), c_int()
            self._raw.FPDFText_GetFontInfo(self._handle, index, name, len(name), byref(flags))
            bold = bool(flags.value & _FORCE_BOLD or _BOLD_NAME.search(name.value))
            self._bold[key] = bold if name.value or bold else None
        return self._bold[key]


def _infer_bold(runs: list[_TextRun]) -> list[_TextRun]:
    """Infer the weight of unnamed fonts (Type 3): all but the most frequent one count as bold."""
    sizes: Counter[int] = Counter()
    for run in runs:
        if run.style.bold is None:
            sizes[run.style.font] += len(run.text)
    if not sizes:
        return runs
    main = sizes.most_common(1)[0][0]
    return [
        run._replace(style=run.style._replace(bold=run.style.font != main)) if run.style.bold is None else run
        for run in runs
    ]


def _text_problem(found: list[_TextRun], inside: list[_TextRun], kept: list[_TextRun]) -> str:
    """Return why the text of a page is not read, or not in order; "" if it is."""
    size = sum(len(run.text) for run in kept)
    if sum(len(run.text) for run in found) < _MIN_TEXT:
        return "with characters that the fonts do not name"
    if not inside:
        return "with text outside of the page alone"
    if size < _MIN_SHARE * sum(len(run.text) for run in inside):
        return "with text in other directions, which is left out"
    if sum(bidirectional(letter) in ("R", "AL") for run in kept for letter in run.text) * 2 > size:
        return "with right-to-left text, whose words are out of order"
    steps = [
        len(b.text) == 1 and abs(a.style.x - b.style.x) < 0.5 * a.style.size < a.style.y - b.style.y
        for a, b in pairwise(kept)
    ]
    return "with vertical text, whose characters are out of order" if sum(steps) * 2 > len(kept) else ""


# --------------------------------------------------------------------------------------------- boxes


def _bounding_box(a: Box, b: Box) -> Box:
    if a[1] == b[1] and a[0] <= b[2]:  # side by side
        return a[0], a[1], b[2], a[3]
    return min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])


def _same_height(a: Box, b: Box, angle: int) -> bool:
    """Return whether two boxes have equal vertical extent, as characters of one font on one baseline do."""
    side = 1 - angle % 2
    return abs(a[side] - b[side]) < 0.1 and abs(a[side + 2] - b[side + 2]) < 0.1


def _gap_between(before: Box, box: Box, angle: int) -> float:
    """Return the gap between two boxes in the direction of writing, in points."""
    return (box[0] - before[2], box[1] - before[3], before[0] - box[2], before[1] - box[3])[angle]


def _is_inside(box: Box, area: Box) -> bool:
    """Return whether the center of a box is on the page."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return area[0] <= x <= area[2] and area[1] <= y <= area[3]


def _rotate_upright(run: _TextRun, area: Box) -> Word:
    """Convert a text run to a word in layout coordinates: page upright, y downwards."""
    (left, bottom, right, top), style = run.box, run.style
    x0, x1, y = (
        (left - area[0], right - area[0], area[3] - style.y),
        (bottom - area[1], top - area[1], style.x - area[0]),
        (area[2] - right, area[2] - left, style.y - area[1]),
        (area[3] - top, area[3] - bottom, area[2] - style.x),
    )[style.angle]
    return Word(run.text, x0, x1, y, style.size, bool(style.bold), run.glued, run.content)


def _rotate_shape(shape: Shape, area: Box, angle: int) -> Shape:
    """Convert a shape to layout coordinates."""
    left, bottom, right, top, drawing = shape
    x0, y0, x1, y1 = (
        (left - area[0], area[3] - top, right - area[0], area[3] - bottom),
        (bottom - area[1], left - area[0], top - area[1], right - area[0]),
        (area[2] - right, bottom - area[1], area[2] - left, top - area[1]),
        (area[3] - top, area[2] - right, area[3] - bottom, area[2] - left),
    )[angle]
    return Shape(x0, y0, x1, y1, drawing)


def _quarter_turns(a: float, b: float) -> int:
    """Return the quarter turns of the writing direction (a, b) from the x axis, or `_SLANTING`."""
    if abs(b) <= abs(a) * 0.1:
        return 0 if a >= 0 else 2
    if abs(a) <= abs(b) * 0.1:
        return 1 if b > 0 else 3
    return _SLANTING
