"""Split a page into columns and sidebars in reading order.

It is cut at white strips beside prose (XY-cut; Nagy, Seth 1984).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, pairwise
from math import floor
from statistics import median
from typing import Final, NamedTuple

from tipclassify.readers.pdf.layout.pages import Fragment, Page, Row, group_rows

__all__ = ["reading_order"]


class _WhiteStrip(NamedTuple):
    """Hold a white strip from x0 to x1 in rows start to end.

    `both` is the lesser row count of its two sides.
    """

    x0: float
    x1: float
    start: int
    end: int
    both: int


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


def reading_order(page: Page) -> list[tuple[list[Row], bool]]:
    """Return the rows of each part of a page in reading order, and whether it is a sidebar."""
    rows = group_rows(page.fragments)
    return (
        list(_regions(rows, aside=False))
        if len(page.fragments) <= _MAX_FRAGMENTS
        else [(rows, False)]
    )


def _regions(rows: list[Row], aside: bool) -> Iterator[tuple[list[Row], bool]]:
    parts = _split(rows)
    for fragments, is_box in parts:
        yield from _regions(group_rows(fragments), is_box or aside)
    if rows and not parts:
        yield rows, aside


def _split(rows: list[Row]) -> list[tuple[list[Fragment], bool]]:
    """Split an area into parts in reading order, each with whether it is a sidebar.

    None if it is a single column.
    """
    if len(rows) < 2:
        return []
    em = median(f.size for row in rows for f in row)
    for strip in _white_strips(rows, em)[:_MAX_TRIED_STRIPS]:
        sides = [
            ([f for f in row if f.x0 < strip.x1], [f for f in row if f.x0 >= strip.x1])
            for row in rows[strip.start : strip.end]
        ]
        left, right = [a for a, _ in sides if a], [b for _, b in sides if b]
        if _are_columns(left, right, strip, em):
            above, below = _fragments(rows[: strip.start]), _fragments(rows[strip.end :])
            for main, box in ((left, right), (right, left)):
                if _size(box) < _MAX_BOX_SIZE * _size(main) and _width(
                    box
                ) < _MAX_BOX_WIDTH * _width(main):
                    parts = [(part, False) for part in (above, _fragments(main), below)]
                    # a sidebar is read after the text beside it
                    return [*parts, (_fragments(box), True)]
            return [(part, False) for part in (above, *_column_order(sides, em), below)]
    return []


def _fragments(rows: Iterable[Row]) -> list[Fragment]:
    return [fragment for row in rows for fragment in row]


def _width(rows: list[Row]) -> float:
    return max(row[-1].x1 for row in rows) - min(row[0].x0 for row in rows)


def _size(rows: list[Row]) -> float:
    return median(f.size for row in rows for f in row for _ in f.words)


def _are_columns(left: list[Row], right: list[Row], strip: _WhiteStrip, em: float) -> bool:
    """Return whether a side of the strip is prose.

    Its lines continue in lower case, unlike table cells.
    """
    narrow, gutter = _width(right) < _MIN_COLUMN * em, strip.x1 - strip.x0
    if _width(left) < _MIN_COLUMN * em or (narrow and gutter < 2 * _WIDE_GUTTER * em):
        return False
    if left[0][0].y > right[-1][0].y or right[0][0].y > left[-1][0].y:
        return False  # one above the other, as a title at the right margin is above the text
    in_turn = max(f.order for f in _fragments(left)) < min(f.order for f in _fragments(right))
    if gutter < _WIDE_GUTTER * em and strip.both < (
        _MIN_ROWS if in_turn else _MIN_ROWS_INTERLEAVED
    ):
        return False  # may be chance alignment of word gaps in a narrow column
    texts = [[" ".join(f.text for f in row) for row in side] for side in (left, right)]
    # no links
    whole = [[text for text in side if " " in text or len(text) < _LONG_WORD] for side in texts]
    return any(_is_prose(side, 3, 3, 0.3) for side in texts) or all(
        _is_prose(side, 6, 4, 0.0) for side in whole
    )


def _is_prose(texts: list[str], lines: int, words: float, lower: float) -> bool:
    """Return whether texts are as many, as long, and in so large a share continue in lower case."""
    continued = sum(text[:1].islower() for text in texts[1:]) >= lower * (len(texts) - 1)
    return (
        len(texts) >= lines and median(len(text.split()) for text in texts) >= words and continued
    )


def _column_order(sides: Sequence[tuple[Row, Row]], em: float) -> list[list[Fragment]]:
    """Order left and right columns.

    They begin anew from each heading at the side, or over both columns.
    """
    left, right = [a for a, _ in sides if a], [b for _, b in sides if b]
    if all(_is_display(row, em) for row in left) and len(left) < _MAX_SIDE_HEADS * len(right):
        starts = [at for at in range(1, len(sides)) if sides[at][0] and not sides[at - 1][0]]
    else:
        starts = [at for at in range(1, len(sides)) if _heads_both(sides, at, em)]
    return [
        _fragments(side[i] for side in sides[start:end])
        for start, end in pairwise([0, *starts, len(sides)])
        for i in (0, 1)
    ]


def _heads_both(sides: Sequence[tuple[Row, Row]], at: int, em: float) -> bool:
    """Return whether row `at`, alone on the left, heads both columns.

    They end above it, and restart below.
    """
    heading, beside = sides[at]
    if (
        heading[:1]
        and max(f.order for side in sides[:at] for row in side for f in row) > heading[0].order
    ):
        return False  # the file has the left column first
    over, under = sides[at - 1], next((side for side in sides[at + 1 :] if side[1]), None)
    if beside or under is None or not (all(over) and all(under) and _is_display(heading, em)):
        return False
    return under[1][0].y - over[1][0].y > 3 * em and not _is_display(under[1], em)


def _is_display(row: Row, em: float) -> bool:
    return row[0].size > 1.1 * em or row[0].words[0].bold


def _white_strips(rows: list[Row], em: float) -> list[_WhiteStrip]:
    """Find white strips with text on both sides, sorted by the number of rows, descending."""
    need = max(_MIN_GUTTER * em, 6.0)
    starts = Counter(floor(f.x0) for row in rows for f in row)
    strips: set[_WhiteStrip] = set()
    for x1, _ in starts.most_common(_MAX_STARTS):
        free = [not any(f.x0 < x1 and f.x1 > x1 - need for f in row) for row in rows]
        for is_free, numbers in groupby(range(len(rows)), key=free.__getitem__):
            block = list(numbers) if is_free else []
            both = min(
                sum(rows[n][0].x0 < x1 for n in block), sum(rows[n][-1].x0 >= x1 for n in block)
            )
            if both and len(block) > 1:
                left = max(f.x1 for n in block for f in rows[n] if f.x0 < x1)
                strips.add(_WhiteStrip(left, x1, block[0], block[-1] + 1, both))
    return sorted(strips, key=lambda s: (-s.both, s.start - s.end, s.x0 - s.x1, s))
