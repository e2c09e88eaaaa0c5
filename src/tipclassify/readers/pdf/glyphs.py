"""Extract words and drawn shapes, which rule tables, from a PDFium page."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from ctypes import addressof, byref, c_double, c_float, c_int, create_string_buffer
from itertools import islice, pairwise
from math import atan2, hypot, pi
from statistics import median
from typing import Any, Final, NamedTuple
from unicodedata import bidirectional, normalize

from tipclassify.readers.pdf.layout.pages import Page, Shape, Tag, Word, make_page
from tipclassify.readers.pdf.structure_tree import read_tags, tag_of

__all__ = ["plain_text", "read_page"]

Box = tuple[float, float, float, float]  # least x and y, greatest x and y, in points

# White space is listed: \s includes \x1c to \x1f, which are ligatures in some fonts. PDFium writes
# \x02 or \ufffe for a hyphen at a line's end.
_TOKEN: Final = re.compile(
    r"[^ \t\r\n\0\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\x02\ufffe]+[\x02\ufffe]?|[\x02\ufffe]"
)
# em between two text objects of one word; a wider gap separates a list marker from its entry
_MAX_GAP: Final = 0.1
_BOLD_NAME: Final = re.compile(rb"bold|black|heavy|demi|-medi\b|cmb|sfbx|-bd", re.IGNORECASE)
_FORCE_BOLD: Final = 1 << 18  # font descriptor flag (ISO 32000-1, table 123)
_FILL_AND_STROKE: Final = 2  # text rendering mode that imitates bold (ISO 32000-1, table 106)
_SLANTING: Final = -1
_MAX_SLANT: Final = 0.06  # of a quarter turn
_MIN_TEXT: Final = 25  # characters of a page; fewer are a stamp or a page number
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


def read_page(raw: Any, page: Any, number: int) -> Page:
    """Read a page of PDFium, whose functions `raw` has: its words in file order, rotated upright.

    It is not closed. Text in another direction than most of the page (stamps, axis labels) or
    outside its crop box is left out.
    """
    area: Box = page.get_bbox()
    tags = read_tags(raw, page)
    for _ in range(2):
        with closing(page.get_textpage()) as textpage:
            count = textpage.count_chars()
            has_text = (count or len(list(page.get_objects([raw.FPDF_PAGEOBJ_TEXT])))) >= _MIN_TEXT
            text = textpage.get_text_range(0, count) if count else ""
            found = list(_TextPage(raw, textpage, area, tags).runs(text))
        inside = [run for run in found if run.inside]
        letters = Counter[int]()
        for run in inside:
            letters[run.angle] += len(run.word.text)
        angle = max(range(4), key=letters.__getitem__)
        if not inside or page.get_rotation() == 90 * angle:
            break
        # PDFium has the parts of a line in order only where it is displayed upright
        page.set_rotation(90 * angle)
    words = [run.word for run in inside if run.angle == angle]
    problem = _text_problem(found, inside, words) if has_text else ""
    shapes = [
        Shape(*_turned(shape[:4], area, angle), shape.drawing) for shape in _read_shapes(raw, page)
    ]
    return make_page(number, *_turned(area, area, angle)[2:], words, shapes, problem)


def plain_text(text: str) -> str:
    """Normalize text: expand ligatures, remove soft hyphens and zero-width characters."""
    if text.isascii() and text.isprintable():
        return text
    if text.endswith("\u00ad"):  # a visible one, at a line's end
        text = text[:-1] + "-"
    if _SURROGATE.search(text):  # builds with 16-bit characters
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return normalize("NFC", text.translate(_CHARACTER_MAP))


class _Run(NamedTuple):
    """Hold a word or a part of one, and where it is.

    That is the quarter turns of its direction, and whether its center is on the page.
    """

    word: Word
    angle: int
    inside: bool


class _Style(NamedTuple):
    """Hold what the characters of a text object share.

    That is the size in points, quarter turns, bold type, tag, and name of the font.
    """

    size: float
    angle: int
    bold: bool
    tag: Tag | None
    font: str


class _TextPage:
    """Read the words of a PDFium text page by the indexes of its characters.

    Calls of PDFium cost more than what it does in them: so the style is asked for once for each
    text object, and the structures that it fills are made once for each page.
    """

    def __init__(self, raw: Any, textpage: Any, area: Box, tags: dict[int, Tag]) -> None:
        self._raw, self._area, self._tags = raw, area, tags
        self._handle = textpage.raw
        self._styles: dict[int, _Style] = {}  # by the address of the text object
        self._matrix, self._rectangle, self._flags = raw.FS_MATRIX(), raw.FS_RECTF(), c_int()
        self._x, self._y = c_double(), c_double()
        self._asked, self._answer = -1, 0
        self._page_sizes = {
            angle: _turned(area, area, angle)[2:] for angle in (*range(4), _SLANTING)
        }
        self._font_name = create_string_buffer(256)

    def runs(self, text: str) -> Iterator[_Run]:
        """Yield the words of the page, which has this text.

        Each is split at changes of style and at gaps.
        """
        count = self._raw.FPDFText_CountChars(self._handle)
        if len(text) != count:  # PDFium dropped or inserted characters: use its character list
            text = "".join(
                chr(self._raw.FPDFText_GetUnicode(self._handle, at)) for at in range(count)
            )
        for token in _TOKEN.finditer(text):
            for start, end, glued in self._split(*token.span()):
                # a hyphen set at the margin may be a little off its word
                if plain := plain_text(text[start:end]):
                    yield self._run(
                        start, end, plain, glued or (plain == "-" and start > token.start())
                    )

    def _split(self, start: int, end: int) -> Iterator[tuple[int, int, bool]]:
        """Split a token whose ends are in different text objects.

        A part is its start and end, and whether it is glued to the part before.
        """
        glued = False
        if end - start > 1 and self._address(end - 1) != self._address(start):
            size, angle = self._style(start)[:2]
            pairs = list(pairwise(self._box(at, angle) for at in range(start, end)))
            # the letters may be spaced
            limit = _MAX_GAP * size + max(median(b[0] - a[2] for a, b in pairs), 0.0)
            for at, (a, b) in enumerate(pairs, start + 1):
                gap = b[0] - a[2]
                # another font or baseline
                if gap > limit or abs(a[1] - b[1]) >= 0.1 or abs(a[3] - b[3]) >= 0.1:
                    yield start, at, glued
                    start, glued = at, gap <= limit
        yield start, end, glued

    def _box(self, index: int, angle: int) -> Box:
        """Return the loose box of a character, with the height of the font.

        It is as high for "a" as for "l".
        """
        found = self._rectangle
        self._raw.FPDFText_GetLooseCharBox(self._handle, index, byref(found))
        return _turned((found.left, found.bottom, found.right, found.top), self._area, angle)

    def _address(self, index: int) -> int:
        """Return the address of the text object of a character; 0 for one that PDFium generated."""
        if index != self._asked:  # of the first character of a word, it is asked for twice
            found = self._raw.FPDFText_GetTextObject(self._handle, index)
            self._asked, self._answer = index, addressof(found.contents) if found else 0
        return self._answer

    def _style(self, index: int) -> _Style:
        address = self._address(index)
        style = self._styles.get(address) if address else None
        if style is None:
            style = self._styles[address] = self._read_style(index)
        return style

    def _read_style(self, index: int) -> _Style:
        """Read the style of a character's text object; the angle may be `_SLANTING`."""
        matrix = self._matrix
        self._raw.FPDFText_GetMatrix(self._handle, index, byref(matrix))
        size = self._raw.FPDFText_GetFontSize(self._handle, index) * hypot(matrix.c, matrix.d)
        turns = atan2(matrix.b, matrix.a) / (pi / 2)
        angle = round(turns) % 4 if abs(turns - round(turns)) < _MAX_SLANT else _SLANTING
        found = self._raw.FPDFText_GetTextObject(self._handle, index)
        tag = tag_of(self._raw, found, self._tags) if found and self._tags else None
        name, flags = self._font_name, self._flags
        self._raw.FPDFText_GetFontInfo(self._handle, index, name, len(name), byref(flags))
        outlined = found and self._raw.FPDFTextObj_GetTextRenderMode(found) == _FILL_AND_STROKE
        bold = (
            outlined or flags.value & _FORCE_BOLD > 0 or _BOLD_NAME.search(name.value) is not None
        )
        return _Style(round(size, 1), angle, bool(bold), tag, name.value.decode("latin-1"))

    def _run(self, start: int, end: int, text: str, glued: bool) -> _Run:
        size, angle, bold, tag, font = self._style(start)
        first = self._box(start, angle)
        last = first if end - 1 == start else self._box(end - 1, angle)
        x0, x1 = min(first[0], last[0]), max(first[2], last[2])
        width, height = self._page_sizes[angle]
        middle = (min(first[1], last[1]) + max(first[3], last[3])) / 2
        inside = 0 <= x0 + x1 <= 2 * width and 0 <= middle <= height
        x, y = self._x, self._y
        self._raw.FPDFText_GetCharOrigin(self._handle, start, byref(x), byref(y))
        baseline = _turned((x.value, y.value, x.value, y.value), self._area, angle)[1]
        return _Run(Word(text, x0, x1, baseline, size, bold, glued, tag, font), angle, inside)


def _text_problem(found: list[_Run], inside: list[_Run], kept: list[Word]) -> str:
    """Return why the text of a page is not read, or not in order; "" if it is."""
    text = "".join(word.text for word in kept)
    if sum(len(run.word.text) for run in found) < _MIN_TEXT:
        return "with characters that the fonts do not name"
    if not inside:
        return "with text outside of the page alone"
    if len(text) < _MIN_SHARE * sum(len(run.word.text) for run in inside):
        return "with text in other directions, which is left out"
    letters = Counter() if text.isascii() else Counter(text)
    to_left = sum(
        count for letter, count in letters.items() if bidirectional(letter) in ("R", "AL")
    )
    if text and to_left >= _MIN_RIGHT_TO_LEFT * len(text):
        return "with right-to-left text, whose words are out of order"
    steps = sum(
        abs(a.x0 - b.x0) < 0.5 * a.size < b.y - a.y for a, b in pairwise(kept) if len(b.text) == 1
    )
    return "with vertical text, whose characters are out of order" if steps * 2 > len(kept) else ""


def _read_shapes(raw: Any, page: Any) -> list[Shape]:
    """Return the shapes of a page in its own coordinates, y upwards.

    There are none if there are too many for tables.
    """
    paths = page.get_objects([raw.FPDF_PAGEOBJ_PATH], max_depth=1)
    shapes = list(
        islice((shape for path in paths for shape in _path_shapes(raw, path)), _MAX_SHAPES + 1)
    )
    return shapes if len(shapes) <= _MAX_SHAPES else []


def _path_shapes(raw: Any, path: Any) -> Iterator[Shape]:
    """Yield the straight lines and boxes of a path one by one.

    Yields its bounds if it has other segments.
    """
    count = raw.FPDFPath_CountSegments(path)
    straight, matrix = count <= _MAX_SEGMENTS, path.get_matrix()
    parts: list[list[tuple[float, float]]] = []
    x, y = c_float(), c_float()
    for segment in (
        raw.FPDFPath_GetPathSegment(path, at) for at in range(count if straight else 0)
    ):
        raw.FPDFPathSegment_GetPoint(segment, byref(x), byref(y))
        kind = raw.FPDFPathSegment_GetType(segment)
        straight &= kind != raw.FPDF_SEGMENT_BEZIERTO
        if kind == raw.FPDF_SEGMENT_MOVETO or not parts:
            parts.append([])
        parts[-1].append(matrix.on_point(x.value, y.value))
    steps = [(abs(a[0] - b[0]), abs(a[1] - b[1])) for part in parts for a, b in pairwise(part)]
    if straight and all(min(step) < _OFF_AXIS for step in steps):
        for part in parts:
            xs, ys = zip(*part, strict=True)
            yield Shape(min(xs), min(ys), max(xs), max(ys))
    else:
        left, bottom, right, top = path.get_bounds()
        yield Shape(left, bottom, right, top, drawing=True)


def _turned(box: Box, area: Box, angle: int) -> Box:
    """Return a box of the page, y upwards, in layout coordinates.

    These are upright after quarter turns, y downwards.
    """
    (left, bottom, right, top), (x0, y0, x1, y1) = box, area
    if angle == 0:  # nearly always
        return left - x0, y1 - top, right - x0, y1 - bottom
    return (
        (left - x0, y1 - top, right - x0, y1 - bottom),
        (bottom - y0, left - x0, top - y0, right - x0),
        (x1 - right, bottom - y0, x1 - left, top - y0),
        (y1 - top, x1 - right, y1 - bottom, x1 - left),
    )[angle]
