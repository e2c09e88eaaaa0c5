"""Split a page into columns and sidebars in reading order.

It is cut at white strips beside prose (XY-cut; Nagy, Seth 1984).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import chain, groupby, pairwise
from math import floor
from statistics import median
from typing import Final, NamedTuple

from tipclassify.readers.pdf.lines import Page, Row, group_rows

_MIN_GUTTER: Final = 0.7  # em between columns
_WIDE_GUTTER: Final = 1.5  # em; a strip this wide separates columns even of few rows
_MIN_ROWS: Final = 4  # rows on both sides of a narrower strip
_MIN_ROWS_INTERLEAVED: Final = 8  # the same where the file interleaves both sides line by line
_MIN_COLUMN: Final = 5.0  # em; list markers and line numbers are narrower
_LONG_WORD: Final = 20  # characters of a link or other long word
_MAX_SIDE_HEADS: Final = 0.4  # share of the rows of the text beside them
_MAX_SIDEBAR_SIZE: Final = 0.93  # share of the type size of the text beside a sidebar
_MAX_SIDEBAR_WIDTH: Final = 0.8  # share of the width of that text
_MAX_TRIED_STRIPS: Final = 12  # strips tried before an area counts as a single column
_MAX_STARTS: Final = 100  # places where lines begin, the most frequent ones
_MAX_FRAGMENTS: Final = 2_000  # fragments of a page; more are a drawing or a sheet of figures


class _Strip(NamedTuple):
    """Hold a white strip in a page, from x0 to x1 in points."""

    x0: float
    x1: float
    start: int  # its first row
    end: int  # the row after its last one
    both: int  # rows with text, on the side that has fewer of them


def reading_order(page: Page) -> list[tuple[list[Row], bool]]:
    """Return the rows of each region without columns, and whether it is in a sidebar."""
    rows = group_rows(page.fragments)
    if len(page.fragments) > _MAX_FRAGMENTS:
        return [(rows, False)]
    return list(_regions(rows, aside=False))


def _regions(rows: list[Row], aside: bool) -> Iterator[tuple[list[Row], bool]]:
    parts = _split(rows)
    for part, is_sidebar in parts:
        fragments = chain.from_iterable(part)
        yield from _regions(group_rows(fragments), aside or is_sidebar)
    if rows and not parts:
        yield rows, aside


def _split(rows: list[Row]) -> list[tuple[list[Row], bool]]:
    """Split an area into parts in reading order, each with whether it is a sidebar.

    A single column has no parts.
    """
    if len(rows) < 2:
        return []
    em = median(f.size for row in rows for f in row)
    for strip in _white_strips(rows, em)[:_MAX_TRIED_STRIPS]:
        beside = rows[strip.start : strip.end]
        left_rows = [[f for f in row if f.x0 < strip.x1] for row in beside]
        right_rows = [[f for f in row if f.x0 >= strip.x1] for row in beside]
        left = list(filter(None, left_rows))
        right = list(filter(None, right_rows))
        if _are_columns(left, right, strip, em):
            above = rows[: strip.start]
            below = rows[strip.end :]
            # a sidebar is read after the text beside it
            for sidebar, text in ((right, left), (left, right)):
                if _is_sidebar(sidebar, text=text):
                    return [(above, False), (text, False), (below, False), (sidebar, True)]
            # the columns begin anew from each heading at the side, or over both
            if len(left) < _MAX_SIDE_HEADS * len(right) and _are_headings(left, em):
                starts = [
                    at for at in range(1, len(beside)) if left_rows[at] and not left_rows[at - 1]
                ]
            else:
                starts = [
                    at for at in range(1, len(beside)) if _heads_both(left_rows, right_rows, at, em)
                ]
            parts = [above]
            for start, end in pairwise([0, *starts, len(beside)]):
                parts += [left_rows[start:end], right_rows[start:end]]
            parts.append(below)
            return [(part, False) for part in parts]
    return []


def _is_sidebar(rows: list[Row], text: list[Row]) -> bool:
    """Return whether a column is in smaller type than the text beside it, and narrower."""
    is_small = _type_size(rows) < _MAX_SIDEBAR_SIZE * _type_size(text)
    return is_small and _width(rows) < _MAX_SIDEBAR_WIDTH * _width(text)


def _type_size(rows: list[Row]) -> float:
    return median(f.size for row in rows for f in row for _ in f.words)


def _width(rows: list[Row]) -> float:
    return max(row[-1].x1 for row in rows) - min(row[0].x0 for row in rows)


def _are_columns(left: list[Row], right: list[Row], strip: _Strip, em: float) -> bool:
    """Return whether a side of the strip is prose.

    Its lines continue in lower case, unlike table cells.
    """
    gutter = strip.x1 - strip.x0
    if _width(left) < _MIN_COLUMN * em:
        return False
    if _width(right) < _MIN_COLUMN * em and gutter < 2 * _WIDE_GUTTER * em:
        return False
    if left[0][0].y > right[-1][0].y or right[0][0].y > left[-1][0].y:
        return False  # one above the other, as a title at the right margin is above the text
    if gutter < _WIDE_GUTTER * em:
        last_of_left = max(f.order for row in left for f in row)
        in_turn = last_of_left < min(f.order for row in right for f in row)
        if strip.both < (_MIN_ROWS if in_turn else _MIN_ROWS_INTERLEAVED):
            return False  # may be chance alignment of word gaps in a narrow column
    sides = [[" ".join(f.text for f in row) for row in side] for side in (left, right)]
    if any(_is_prose(texts, 3, words=3, lower=0.3) for texts in sides):
        return True
    without_links = [
        [text for text in texts if " " in text or len(text) < _LONG_WORD] for texts in sides
    ]
    return all(_is_prose(texts, 6, words=4, lower=0.0) for texts in without_links)


def _is_prose(texts: list[str], count: int, words: float, lower: float) -> bool:
    """Return whether there are so many texts, long enough and continued in lower case.

    Half of them have at least so many `words`; `lower` is the share that begin in lower case.
    """
    if len(texts) < count or median(len(text.split()) for text in texts) < words:
        return False
    continued = sum(text[:1].islower() for text in texts[1:])
    return continued >= lower * (len(texts) - 1)


def _are_headings(rows: list[Row], em: float) -> bool:
    """Return whether rows are set like headings: larger than the text, or bold."""
    return all(row[0].size > 1.1 * em or row[0].words[0].bold for row in rows)


def _heads_both(left: list[Row], right: list[Row], at: int, em: float) -> bool:
    """Return whether row `at`, alone on the left, heads both columns.

    They end above it, and begin again below.
    """
    if right[at] or not _are_headings([left[at]], em):
        return False
    before = chain.from_iterable([*left[:at], *right[:at]])
    if max(f.order for f in before) > left[at][0].order:
        return False  # the file has the left column first
    below = next((row for row in range(at + 1, len(right)) if right[row]), None)
    if below is None or not (left[at - 1] and right[at - 1] and left[below]):
        return False
    gap = right[below][0].y - right[at - 1][0].y
    return gap > 3 * em and not _are_headings([right[below]], em)


def _white_strips(rows: list[Row], em: float) -> list[_Strip]:
    """Find white strips with text on both sides; those beside the most rows come first."""
    min_gutter = max(_MIN_GUTTER * em, 6.0)
    starts = Counter(floor(f.x0) for row in rows for f in row)
    strips: set[_Strip] = set()
    for x1, _ in starts.most_common(_MAX_STARTS):
        x0 = x1 - min_gutter
        is_white = [not any(f.x0 < x1 and f.x1 > x0 for f in row) for row in rows]
        for white, group in groupby(range(len(rows)), key=is_white.__getitem__):
            if white:
                numbers = list(group)
                strip = _widest_strip(rows, x1, numbers[0], numbers[-1] + 1)
                if strip is not None:
                    strips.add(strip)
    # more rows with text on both sides, longer, wider
    return sorted(strips, key=lambda s: (-s.both, s.start - s.end, s.x0 - s.x1, s))


def _widest_strip(rows: list[Row], x1: float, start: int, end: int) -> _Strip | None:
    """Return the strip left of x1, as wide as it can be; None without text on both sides."""
    beside = rows[start:end]
    left_count = sum(row[0].x0 < x1 for row in beside)
    right_count = sum(row[-1].x0 >= x1 for row in beside)
    if len(beside) < 2 or left_count == 0 or right_count == 0:
        return None
    x0 = max(f.x1 for row in beside for f in row if f.x0 < x1)
    return _Strip(x0, x1, start, end, both=min(left_count, right_count))
