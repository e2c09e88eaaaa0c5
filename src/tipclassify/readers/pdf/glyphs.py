"""Read a page of PDFium: its words, upright and in file order, and its drawn shapes.

Coordinates of PDFium are points, y upwards; those of a `Page` are upright after quarter turns, y
downwards.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing
from ctypes import addressof, c_double, c_float, c_int, create_string_buffer
from itertools import pairwise
from math import atan2, hypot, pi
from statistics import median
from types import ModuleType
from typing import TYPE_CHECKING, Final, NamedTuple

from tipclassify.readers.pdf.lines import Box, Page, Tag, Word, join_drop_caps, make_fragments
from tipclassify.readers.pdf.tags import read_tags, tag_of

if TYPE_CHECKING:
    from pypdfium2 import PdfObject, PdfPage, PdfTextPage

_MIN_TEXT: Final = 25  # characters of a page; fewer are a stamp or a page number
_MIN_SHARE: Final = 0.75  # of a page's characters in the main direction
_MIN_RIGHT_TO_LEFT: Final = 0.1  # of a page's characters; fewer are a name
# White space is listed: \s includes \x1c to \x1f, which are ligatures in some fonts. PDFium writes
# \x02 or \ufffe for a hyphen at a line's end.
_SPACES: Final = r" \t\r\n\0\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_TOKEN: Final = re.compile(rf"[^{_SPACES}\x02\ufffe]+[\x02\ufffe]?|[\x02\ufffe]")
# em between two text objects of one word; a wider gap separates a list marker from its entry
_MAX_GAP: Final = 0.1
_BOLD_NAME: Final = re.compile(rb"bold|black|heavy|demi|-medi\b|cmb|sfbx|-bd", re.IGNORECASE)
_SYMBOL_NAME: Final = re.compile(rb"wingding|webding|dingbat|bullet|sorts|ornament", re.IGNORECASE)
_FORCE_BOLD: Final = 1 << 18  # font descriptor flag (ISO 32000-1, table 123)
_FILL_AND_STROKE: Final = 2  # text rendering mode that imitates bold (ISO 32000-1, table 106)
_SLANTING: Final = -1  # angle of text that is not along the edges of the page
_OUTSIDE: Final = -2  # angle of text whose center is not on the page
_MAX_SLANT: Final = 0.06  # of a quarter turn
_MAX_BASELINE_SHIFT: Final = 0.1  # points between the text objects of one word

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

_MAX_SEGMENTS: Final = 400  # of a path that may rule a table; more are a drawing
_MAX_SHAPES: Final = 2_000  # of a page; more are a drawing
_OFF_AXIS: Final = 0.1  # points; the parts of a small tick are short


class _Style(NamedTuple):
    """Hold what the characters of a text object share."""

    size: float  # in points
    angle: int  # quarter turns, or `_SLANTING`
    bold: bool
    has_symbols: bool  # in place of letters
    tag: Tag | None


# by the quarter turns of their direction, `_SLANTING` or `_OUTSIDE`
_Words = defaultdict[int, list[Word]]


def read_page(raw: ModuleType, page: PdfPage, number: int) -> Page:
    """Read a page of PDFium, whose functions `raw` has: its words in file order, rotated upright.

    It is not closed. Text in another direction than most of the page (stamps, axis labels) or
    outside its crop box is left out.
    """
    area = Box(*page.get_bbox())
    tags = read_tags(raw, page)
    words, count = _read_words(raw, page, area, tags)
    angle = _main_angle(words)
    if page.get_rotation() != 90 * angle:
        # PDFium has the parts of a line in order only where it is displayed upright
        page.set_rotation(90 * angle)
        words, count = _read_words(raw, page, area, tags)
        angle = _main_angle(words)
    upright_page = _upright(area, angle, *area)
    problem = _problem(words, angle, count)
    lines, drawings = _read_shapes(raw, page, area, angle)
    join_drop_caps(words[angle])
    return Page(
        number,
        width=upright_page.x1,
        height=upright_page.y1,
        words=words[angle],
        fragments=make_fragments(words[angle]),
        lines=lines,
        drawings=drawings,
        problem=problem,
    )


def _main_angle(words: _Words) -> int:
    """Return the quarter turns of most characters on the page."""
    return max(range(4), key=lambda angle: _count_letters(words[angle]))


def _count_letters(words: Iterable[Word]) -> int:
    return sum(len(word.text) for word in words)


def _problem(words: _Words, angle: int, count: int) -> str:
    """Return why the text of a page is not read, or not in order; "" if it is.

    `count` is that of its characters; the words at `angle` are kept.
    """
    if count < _MIN_TEXT:
        return ""
    letters = sum(map(_count_letters, words.values()))
    if letters < _MIN_TEXT:
        return "with characters that the fonts do not name"
    inside = letters - _count_letters(words[_OUTSIDE])
    if inside == 0:
        return "with text outside of the page alone"
    text = "".join(word.text for word in words[angle])
    if len(text) < _MIN_SHARE * inside:
        return "with text in other directions, which is left out"
    right_to_left = sum(
        letter_count
        for letter, letter_count in Counter(text).items()
        if unicodedata.bidirectional(letter) in ("R", "AL")
    )
    if right_to_left >= _MIN_RIGHT_TO_LEFT * len(text):
        return "with right-to-left text, whose words are out of order"
    steps = 0  # from a single character to one below it
    for above, word in pairwise(words[angle]):
        if len(above.text) == 1:
            half_em = 0.5 * above.size
            steps += abs(above.x0 - word.x0) < half_em < word.y - above.y
    if steps * 2 > len(words[angle]):
        return "with vertical text, whose characters are out of order"
    return ""


def _upright(area: Box, angle: int, x0: float, y0: float, x1: float, y1: float) -> Box:
    """Return a box of a page, y upwards, in upright coordinates, y downwards.

    >>> _upright(Box(0, 0, 600, 800), 0, 10, 20, 30, 40)
    Box(x0=10, y0=760, x1=30, y1=780)
    """
    height = area.y1 - area.y0
    next_height = area.x1 - area.x0
    box = Box(x0 - area.x0, area.y1 - y1, x1 - area.x0, area.y1 - y0)
    for _ in range(angle):  # none for slanting text, which is left out
        box = Box(height - box.y1, box.x0, height - box.y0, box.x1)
        height, next_height = next_height, height
    return box


def _read_words(
    raw: ModuleType, page: PdfPage, area: Box, tags: dict[int, Tag]
) -> tuple[_Words, int]:
    """Return the words of a page as it is rotated now, and the count of its characters.

    Where the fonts name no character, it is the count of its text objects.
    """
    words = _Words(list)
    with closing(page.get_textpage()) as textpage:
        count = textpage.count_chars()
        text = textpage.get_text_range(0, count) if count else ""
        if len(text) != count:  # PDFium dropped or inserted characters: use its character list
            text = "".join(chr(raw.FPDFText_GetUnicode(textpage, at)) for at in range(count))
        reader = _TextReader(raw, textpage, area, tags)
        for token in _TOKEN.finditer(text):
            for start, end, glued in reader.parts(*token.span()):
                plain = normalize(text[start:end])
                if plain:
                    # a hyphen set at the margin may be a little off its word
                    is_last_hyphen = plain == "-" and start > token.start()
                    angle, word = reader.word(start, end, plain, glued or is_last_hyphen)
                    words[angle].append(word)
    if not count:
        count = len(list(page.get_objects([raw.FPDF_PAGEOBJ_TEXT])))
    return words, count


class _TextReader:
    """Read words of a PDFium text page by the indexes of their characters.

    The style is asked for once for each text object: calls of PDFium are slow.
    """

    def __init__(
        self, raw: ModuleType, textpage: PdfTextPage, area: Box, tags: dict[int, Tag]
    ) -> None:
        self._raw = raw
        self._textpage = textpage
        self._area = area
        self._tags = tags
        self._styles: dict[int, _Style] = {}  # by the address of the text object

    def parts(self, start: int, end: int) -> Iterator[tuple[int, int, bool]]:
        """Split a token whose ends are in different text objects, at gaps and changes of font.

        Yields the indexes of the first character of each part and after its last one, and whether
        it is glued to the part before.
        """
        if end - start == 1 or self._address(end - 1) == self._address(start):
            yield start, end, False
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
            shift = max(abs(before.y0 - box.y0), abs(before.y1 - box.y1))
            if gap > max_gap or shift >= _MAX_BASELINE_SHIFT:  # in another font or line
                yield part_start, at, glued
                part_start = at
                glued = gap <= max_gap
        yield part_start, end, glued

    def word(self, start: int, end: int, text: str, glued: bool) -> tuple[int, Word]:
        """Make the word of a part, after its angle; its ends are those of its outer characters."""
        style = self._style(start)
        angle = style.angle
        first = self._box(start, angle)
        last = self._box(end - 1, angle)
        x0 = min(first.x0, last.x0)
        x1 = max(first.x1, last.x1)
        x = c_double()
        y = c_double()
        self._raw.FPDFText_GetCharOrigin(self._textpage, start, x, y)
        baseline = _upright(self._area, angle, x.value, y.value, x.value, y.value).y1
        if style.has_symbols and len(text) == 1 and text.isalnum():
            text = "•"  # a mark with the name of a letter
        word = Word(text, x0, x1, baseline, style.size, style.bold, glued, style.tag)
        page = _upright(self._area, angle, *self._area)
        middle = (min(first.y0, last.y0) + max(first.y1, last.y1)) / 2
        inside = 0 <= x0 + x1 <= 2 * page.x1 and 0 <= middle <= page.y1
        return angle if inside else _OUTSIDE, word

    def _box(self, index: int, angle: int) -> Box:
        """Return the loose box of a character: with the height of the font, for "a" as for "l"."""
        box = self._raw.FS_RECTF()
        self._raw.FPDFText_GetLooseCharBox(self._textpage, index, box)
        return _upright(self._area, angle, box.left, box.bottom, box.right, box.top)

    def _address(self, index: int) -> int:
        """Return the address of the text object of a character; 0 for one that PDFium generated."""
        text_object = self._raw.FPDFText_GetTextObject(self._textpage, index)
        return addressof(text_object.contents) if text_object else 0

    def _style(self, index: int) -> _Style:
        """Return the style of a character, which is that of its text object."""
        address = self._address(index)
        style = self._styles.get(address) if address else None
        if style is None:
            style = _read_style(self._raw, self._textpage, index, self._tags)
            self._styles[address] = style
        return style


def _read_style(raw: ModuleType, textpage: PdfTextPage, index: int, tags: dict[int, Tag]) -> _Style:
    matrix = raw.FS_MATRIX()
    raw.FPDFText_GetMatrix(textpage, index, matrix)
    size = raw.FPDFText_GetFontSize(textpage, index) * hypot(matrix.c, matrix.d)
    turns = atan2(matrix.b, matrix.a) / (pi / 2)
    is_slanting = abs(turns - round(turns)) >= _MAX_SLANT
    name = create_string_buffer(256)
    flags = c_int()
    raw.FPDFText_GetFontInfo(textpage, index, name, len(name), flags)
    bold = flags.value & _FORCE_BOLD > 0 or _BOLD_NAME.search(name.value) is not None
    tag: Tag | None = None
    text_object = raw.FPDFText_GetTextObject(textpage, index)
    if text_object:
        if tags:
            tag = tag_of(raw, text_object, tags)
        if raw.FPDFTextObj_GetTextRenderMode(text_object) == _FILL_AND_STROKE:
            bold = True
    return _Style(
        size=round(size, 1),
        angle=_SLANTING if is_slanting else round(turns) % 4,
        bold=bold,
        has_symbols=_SYMBOL_NAME.search(name.value) is not None,
        tag=tag,
    )


def normalize(text: str) -> str:
    """Normalize text: expand ligatures, remove soft hyphens and zero-width characters.

    >>> normalize("tra\ufb03ckers")
    'traffickers'
    """
    if text.isascii() and text.isprintable():
        return text
    if text.endswith("\u00ad"):  # a visible one, at a line's end
        text = text[:-1] + "-"
    if _SURROGATE.search(text):  # builds with 16-bit characters
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return unicodedata.normalize("NFC", text.translate(_CHARACTER_MAP))


def _read_shapes(
    raw: ModuleType, page: PdfPage, area: Box, angle: int
) -> tuple[list[Box], list[Box]]:
    """Return the lines and boxes that a page draws, which may rule tables, and its drawings.

    There are none if there are too many for tables.
    """
    straight: list[Box] = []
    drawings: list[Box] = []
    for path in page.get_objects([raw.FPDF_PAGEOBJ_PATH], max_depth=1):
        lines = _straight_lines(raw, path)
        if lines is None:
            drawings.append(_upright(area, angle, *path.get_bounds()))
        for line in lines or ():
            xs, ys = zip(*line, strict=True)
            straight.append(_upright(area, angle, min(xs), min(ys), max(xs), max(ys)))
        if len(straight) + len(drawings) > _MAX_SHAPES:
            return [], []
    return straight, drawings


def _straight_lines(raw: ModuleType, path: PdfObject) -> list[list[tuple[float, float]]] | None:
    """Return the points of each line of a path, all of whose steps are across or down the page.

    None if it has other segments or very many.
    """
    count = raw.FPDFPath_CountSegments(path)
    if count > _MAX_SEGMENTS:
        return None
    matrix = path.get_matrix()
    x = c_float()
    y = c_float()
    lines: list[list[tuple[float, float]]] = []
    for at in range(count):
        segment = raw.FPDFPath_GetPathSegment(path, at)
        kind = raw.FPDFPathSegment_GetType(segment)
        if kind == raw.FPDF_SEGMENT_BEZIERTO:
            return None
        raw.FPDFPathSegment_GetPoint(segment, x, y)
        point = matrix.on_point(x.value, y.value)
        if kind == raw.FPDF_SEGMENT_MOVETO or not lines:
            lines.append([])
        elif min(abs(point[0] - lines[-1][-1][0]), abs(point[1] - lines[-1][-1][1])) >= _OFF_AXIS:
            return None
        lines[-1].append(point)
    return lines
