"""Split a page into columns and sidebars in reading order.

It is cut at white strips beside prose (XY-cut; Nagy, Seth 1984).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from math import floor
from statistics import median
from typing import Final, NamedTuple

from tipclassify.readers.pdf.layout.pages import PageLayout, PdfFragment, Row, group_pdf_rows

__all__ = ["PdfRegion", "pdf_reading_order"]


class _WhitePageStrip(NamedTuple):
    """Hold a white strip in a page, from x0 to x1 in points."""

    x0: float
    x1: float
    start: int  # its first row
    end: int  # the row after its last one
    both: int  # rows with text, on the side that has fewer of them


_MIN_GUTTER: Final = 0.7  # em between columns
_WIDE_GUTTER: Final = 1.5  # em; a strip this wide separates columns even of few rows
_MIN_ROWS: Final = 4  # rows on both sides of a narrower strip
_MIN_ROWS_INTERLEAVED: Final = 8  # the same where the file interleaves both sides line by line
_MIN_COLUMN: Final = 5.0  # em; list markers and line numbers are narrower
_LONG_WORD: Final = 20  # characters of a link or other long word
_MAX_SIDE_HEADS: Final = 0.4  # share of the rows of the text beside them
_MAX_BOX_SIZE: Final = 0.93  # share of the type size of the text beside a sidebar
_MAX_BOX_WIDTH: Final = 0.8  # share of the width of that text
_MAX_TRIED_STRIPS: Final = 12  # strips tried before an area counts as a single column
_MAX_STARTS: Final = 100  # places where lines begin, the most frequent ones
_MAX_FRAGMENTS: Final = 2_000  # fragments of a page; more are a drawing or a sheet of figures


class PdfRegion(NamedTuple):
    """Hold the rows of a part of a page without columns, and whether it is a sidebar."""

    rows: list[Row]
    aside: bool


@dataclass(frozen=True, slots=True)
class _PdfAreaPart:
    """Hold the fragments of a part of an area, and whether it is a sidebar."""

    fragments: list[PdfFragment]
    aside: bool = False


@dataclass(frozen=True, slots=True)
class _CutPdfRow:
    """Hold the fragments of a row left and right of a white strip."""

    left: Row
    right: Row


def pdf_reading_order(page: PageLayout) -> list[PdfRegion]:
    """Return the regions of a page in reading order."""
    rows = group_pdf_rows(page.fragments)
    if len(page.fragments) > _MAX_FRAGMENTS:
        return [PdfRegion(rows, aside=False)]
    return list(_regions_of_pdf_area(rows, aside=False))


def _regions_of_pdf_area(rows: list[Row], aside: bool) -> Iterator[PdfRegion]:
    """Yield the regions of an area, which is in a sidebar or not."""
    parts = _split_pdf_area(rows)
    for part in parts:
        yield from _regions_of_pdf_area(group_pdf_rows(part.fragments), part.aside or aside)
    if rows and not parts:
        yield PdfRegion(rows, aside)


def _split_pdf_area(rows: list[Row]) -> list[_PdfAreaPart]:
    """Split an area into parts in reading order; a single column has none."""
    if len(rows) < 2:
        return []
    em = median(f.size for row in rows for f in row)
    for strip in _white_page_strips(rows, em)[:_MAX_TRIED_STRIPS]:
        cut_rows = [_cut_pdf_row(row, strip.x1) for row in rows[strip.start : strip.end]]
        left = _left_column_of_pdf(cut_rows)
        right = _right_column_of_pdf(cut_rows)
        if not _are_pdf_columns(left, right, strip, em):
            continue
        above = _PdfAreaPart(_fragments_of_column(rows[: strip.start]))
        below = _PdfAreaPart(_fragments_of_column(rows[strip.end :]))
        # a sidebar is read after the text beside it
        for sidebar, text in ((right, left), (left, right)):
            if _is_pdf_sidebar(sidebar, text=text):
                return [
                    above,
                    _PdfAreaPart(_fragments_of_column(text)),
                    below,
                    _PdfAreaPart(_fragments_of_column(sidebar), aside=True),
                ]
        columns = [_PdfAreaPart(fragments) for fragments in _order_pdf_columns(cut_rows, em)]
        return [above, *columns, below]
    return []


def _cut_pdf_row(row: Row, x: float) -> _CutPdfRow:
    left = [fragment for fragment in row if fragment.x0 < x]
    right = [fragment for fragment in row if fragment.x0 >= x]
    return _CutPdfRow(left, right)


def _left_column_of_pdf(rows: Sequence[_CutPdfRow]) -> list[Row]:
    return [row.left for row in rows if row.left]


def _right_column_of_pdf(rows: Sequence[_CutPdfRow]) -> list[Row]:
    return [row.right for row in rows if row.right]


def _is_pdf_sidebar(rows: list[Row], text: list[Row]) -> bool:
    """Return whether a column is in smaller type than the text beside it, and narrower."""
    is_small = _type_size_of_pdf_column(rows) < _MAX_BOX_SIZE * _type_size_of_pdf_column(text)
    return is_small and _width_of_pdf_column(rows) < _MAX_BOX_WIDTH * _width_of_pdf_column(text)


def _fragments_of_column(rows: Iterable[Row]) -> list[PdfFragment]:
    return [fragment for row in rows for fragment in row]


def _width_of_pdf_column(rows: list[Row]) -> float:
    return max(row[-1].x1 for row in rows) - min(row[0].x0 for row in rows)


def _type_size_of_pdf_column(rows: list[Row]) -> float:
    return median(f.size for row in rows for f in row for _ in f.words)


def _are_pdf_columns(left: list[Row], right: list[Row], strip: _WhitePageStrip, em: float) -> bool:
    """Return whether a side of the strip is prose.

    Its lines continue in lower case, unlike table cells.
    """
    gutter = strip.x1 - strip.x0
    left_is_narrow = _width_of_pdf_column(left) < _MIN_COLUMN * em
    right_is_narrow = _width_of_pdf_column(right) < _MIN_COLUMN * em
    if left_is_narrow or (right_is_narrow and gutter < 2 * _WIDE_GUTTER * em):
        return False
    if left[0][0].y > right[-1][0].y or right[0][0].y > left[-1][0].y:
        return False  # one above the other, as a title at the right margin is above the text
    if gutter < _WIDE_GUTTER * em:
        last_of_left = max(f.order for f in _fragments_of_column(left))
        in_turn = last_of_left < min(f.order for f in _fragments_of_column(right))
        if strip.both < (_MIN_ROWS if in_turn else _MIN_ROWS_INTERLEAVED):
            return False  # may be chance alignment of word gaps in a narrow column
    left_texts = _texts_of_pdf_column(left)
    right_texts = _texts_of_pdf_column(right)
    if any(_is_prose_column(texts, 3, words=3, lower=0.3) for texts in (left_texts, right_texts)):
        return True
    return all(
        _is_prose_column(_column_without_links(texts), 6, words=4, lower=0.0)
        for texts in (left_texts, right_texts)
    )


def _texts_of_pdf_column(rows: list[Row]) -> list[str]:
    return [" ".join(fragment.text for fragment in row) for row in rows]


def _column_without_links(texts: list[str]) -> list[str]:
    return [text for text in texts if " " in text or len(text) < _LONG_WORD]


def _is_prose_column(texts: list[str], count: int, words: float, lower: float) -> bool:
    """Return whether there are so many texts, long enough and continued in lower case.

    Half of them have at least so many `words`; `lower` is the share that begin in lower case.
    """
    if len(texts) < count or median(len(text.split()) for text in texts) < words:
        return False
    continued = sum(text[:1].islower() for text in texts[1:])
    return continued >= lower * (len(texts) - 1)


def _order_pdf_columns(rows: Sequence[_CutPdfRow], em: float) -> list[list[PdfFragment]]:
    """Order left and right columns.

    They begin anew from each heading at the side, or over both columns.
    """
    left = _left_column_of_pdf(rows)
    right = _right_column_of_pdf(rows)
    are_headings = all(_is_heading_like_row(row, em) for row in left)
    if are_headings and len(left) < _MAX_SIDE_HEADS * len(right):
        starts = [at for at in range(1, len(rows)) if rows[at].left and not rows[at - 1].left]
    else:
        starts = [at for at in range(1, len(rows)) if _heads_both_columns(rows, at, em)]
    columns: list[list[PdfFragment]] = []
    for start, end in pairwise([0, *starts, len(rows)]):
        columns.append(_fragments_of_column(row.left for row in rows[start:end]))
        columns.append(_fragments_of_column(row.right for row in rows[start:end]))
    return columns


def _heads_both_columns(rows: Sequence[_CutPdfRow], at: int, em: float) -> bool:
    """Return whether row `at`, alone on the left, heads both columns.

    They end above it, and restart below.
    """
    heading = rows[at].left
    if rows[at].right or not _is_heading_like_row(heading, em):
        return False
    before = [f for row in rows[:at] for f in (*row.left, *row.right)]
    if max(f.order for f in before) > heading[0].order:
        return False  # the file has the left column first
    above = rows[at - 1]
    below = next((row for row in rows[at + 1 :] if row.right), None)
    if below is None or not (above.left and above.right and below.left):
        return False
    gap = below.right[0].y - above.right[0].y
    return gap > 3 * em and not _is_heading_like_row(below.right, em)


def _is_heading_like_row(row: Row, em: float) -> bool:
    """Return whether a row is set like a heading: larger than the text, or bold."""
    return row[0].size > 1.1 * em or row[0].words[0].bold


def _white_page_strips(rows: list[Row], em: float) -> list[_WhitePageStrip]:
    """Find white strips with text on both sides; those beside the most rows come first."""
    min_gutter = max(_MIN_GUTTER * em, 6.0)
    starts = Counter(floor(f.x0) for row in rows for f in row)
    strips: set[_WhitePageStrip] = set()
    for x1, _ in starts.most_common(_MAX_STARTS):
        x0 = x1 - min_gutter
        is_white = [not any(f.x0 < x1 and f.x1 > x0 for f in row) for row in rows]
        for white, group in groupby(range(len(rows)), key=is_white.__getitem__):
            if white:
                numbers = list(group)
                strip = _widest_white_strip(rows, x1, numbers[0], numbers[-1] + 1)
                if strip is not None:
                    strips.add(strip)
    return sorted(strips, key=_preference_of_white_strip)


def _widest_white_strip(rows: list[Row], x1: float, start: int, end: int) -> _WhitePageStrip | None:
    """Return the strip left of x1, as wide as it can be; None without text on both sides."""
    beside = rows[start:end]
    if len(beside) < 2:
        return None
    left_count = sum(row[0].x0 < x1 for row in beside)
    right_count = sum(row[-1].x0 >= x1 for row in beside)
    if left_count == 0 or right_count == 0:
        return None
    x0 = max(f.x1 for row in beside for f in row if f.x0 < x1)
    return _WhitePageStrip(x0, x1, start, end, both=min(left_count, right_count))


def _preference_of_white_strip(strip: _WhitePageStrip) -> tuple[int, int, float, _WhitePageStrip]:
    """Return the sorting key of a strip: more rows with text on both sides, longer, wider."""
    length = strip.end - strip.start
    width = strip.x1 - strip.x0
    return -strip.both, -length, -width, strip
