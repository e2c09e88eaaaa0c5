"""Split a page into regions in reading order: columns, full-width text above and below them, sidebars.

A page is split at vertical white strips between columns of prose, longest first (XY-cut, Nagy and Seth 1984), so that a
title, two columns and a full-width note keep their order. Prose is required on one side, which keeps tables whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from statistics import median
from typing import Final, NamedTuple

from tipclassify.readers.pdf.layout.pages import Fragment, Page, Row, group_rows, row_text

__all__ = ["Region", "reading_order"]


class Region(NamedTuple):
    """Hold the rows of a column or other region of a page; `aside` marks a sidebar."""

    rows: list[Row]
    aside: bool = False


class _Area(NamedTuple):
    """Hold an area of a page that may contain columns."""

    fragments: list[Fragment]
    aside: bool


class _WhiteStrip(NamedTuple):
    """Hold a white strip from x0 to x1 in rows start to end; `both` is the lesser row count of its two sides."""

    x0: float
    x1: float
    start: int
    end: int
    both: int


_MIN_GUTTER: Final = 0.7  # em between columns
_WIDE_GUTTER: Final = 1.5  # em; a strip this wide separates columns even of few rows
_MIN_ROWS: Final = 4  # rows on both sides of a narrower strip
_MIN_ROWS_INTERLEAVED: Final = 8  # the same where the file interleaves both sides line by line
_MIN_COLUMN: Final = 5.0  # em of a left column; list markers and line numbers are narrower
_MIN_RIGHT_COLUMN: Final = 2.0  # em of a right column
_MAX_SIDE_HEADS: Final = 0.4  # share of the rows of the text beside them
_MAX_BOX_SIZE: Final = 0.93  # share of the type size of the text beside a sidebar
_MAX_TRIED_STRIPS: Final = 12  # strips tried before an area counts as a single column
_LONG_WORD: Final = 20  # characters of a word, such as a link, that may overflow its column
# Limits on time, far above those of real reports.
_MAX_STRIPS: Final = 64  # tracked at a time
_MAX_CUTS: Final = 200  # splits of a page
_MAX_FRAGMENTS: Final = 5_000  # fragments of a page; more are a drawing or a sheet of figures


def reading_order(page: Page) -> list[Region]:
    """Return the regions of a page in reading order."""
    parts: list[Region] = []
    todo = [_Area(list(page.fragments), False)]
    cuts = 0
    while todo:
        area = todo.pop()
        rows = group_rows(area.fragments)
        cut = _split_area(rows) if cuts < _MAX_CUTS and len(page.fragments) <= _MAX_FRAGMENTS else None
        if cut is None:
            parts.append(Region(rows, area.aside))
        else:
            cuts += 1
            todo.extend(_Area(part.fragments, part.aside or area.aside) for part in reversed(cut))
    return [part for part in parts if part.rows]


def _split_area(rows: list[Row]) -> list[_Area] | None:
    """Split an area into parts in reading order; None if it is a single column."""
    if len(rows) < 2:
        return None
    em = median(f.size for row in rows for f in row)
    for strip in _white_strips(rows, em)[:_MAX_TRIED_STRIPS]:
        sides = [_sides(row, strip) for row in rows[strip.start : strip.end]]
        left, right = [a for a, _ in sides if a], [b for _, b in sides if b]
        if (
            _width(left) < _MIN_COLUMN * em
            or _width(right) < _MIN_RIGHT_COLUMN * em
            or not _are_columns(left, right, strip, em)
        ):
            continue
        above, below = rows[: strip.start], rows[strip.end :]
        if all(_is_display(row, em) for row in left) and len(left) < _MAX_SIDE_HEADS * len(right):
            return [_Area(part, False) for part in (_fragments(above), *_by_side_heads(sides), _fragments(below))]
        box = _box_beside(left, right)
        if box is not None:  # a sidebar is read after the text beside it
            main, aside = (left, right) if box == 1 else (right, left)
            return [*(_Area(_fragments(part), False) for part in (above, main, below)), _Area(_fragments(aside), True)]
        columns = _column_order(sides, em, bool(below))
        return [_Area(part, False) for part in (_fragments(above), *columns, _fragments(below))]
    return None


def _fragments(rows: Iterable[Row]) -> list[Fragment]:
    return [fragment for row in rows for fragment in row]


def _sides(row: Row, strip: _WhiteStrip) -> tuple[Row, Row]:
    return [f for f in row if f.x0 < strip.x0], [f for f in row if f.x0 >= strip.x0]


def _width(rows: list[Row]) -> float:
    return max(row[-1].x1 for row in rows) - min(row[0].x0 for row in rows)


# --------------------------------------------------------------------------------------------- tests for columns


def _are_columns(left: list[Row], right: list[Row], strip: _WhiteStrip, em: float) -> bool:
    """Return whether a side of the strip is prose: its lines continue in lower case, unlike table cells."""
    in_turn = max(f.order for f in _fragments(left)) < min(f.order for f in _fragments(right))
    narrow = _width(right) < _MIN_COLUMN * em
    wide = strip.x1 - strip.x0 >= (2 * _WIDE_GUTTER if narrow else _WIDE_GUTTER) * em
    if not wide and strip.both < (_MIN_ROWS if in_turn and not narrow else _MIN_ROWS_INTERLEAVED):
        return False  # may be chance alignment of word gaps in a narrow column
    texts = [[row_text(row) for row in side] for side in (left, right)]
    if any(map(_is_prose, texts)):
        return True
    return all(len(side) >= 6 and median(len(text.split()) for text in side) >= 4 for side in texts)


def _is_prose(texts: list[str]) -> bool:
    if len(texts) < 3 or median(len(text.split()) for text in texts) < 3:
        return False
    return sum(text[:1].islower() for text in texts[1:]) >= 0.3 * (len(texts) - 1)


def _box_beside(left: list[Row], right: list[Row]) -> int | None:
    """Return which side, 0 or 1, is a sidebar: the one in clearly smaller type, if also narrower; else None."""
    sizes = [median(f.size for f in _fragments(side) for _ in f.words) for side in (left, right)]
    box = sizes.index(min(sizes))
    widths = _width(left), _width(right)
    return box if sizes[box] < _MAX_BOX_SIZE * sizes[1 - box] and widths[box] < 0.8 * widths[1 - box] else None


def _by_side_heads(sides: list[tuple[Row, Row]]) -> list[list[Fragment]]:
    """Order side headings, each before the text that begins beside it."""
    starts = [at for at, (left, _) in enumerate(sides) if at == 0 or (left and not sides[at - 1][0])]
    parts: list[list[Fragment]] = []
    for start, end in zip(starts, [*starts[1:], len(sides)], strict=True):
        parts += [_fragments(left for left, _ in sides[start:end]), _fragments(right for _, right in sides[start:end])]
    return parts


def _column_order(sides: list[tuple[Row, Row]], em: float, more_below: bool) -> list[list[Fragment]]:
    """Order left and right columns; separately above and below a full-width heading."""
    parts: list[list[Fragment]] = []
    start = 0
    for at in range(1, len(sides)):
        if _starts_columns(sides, start, at, em, more_below):
            parts += [_fragments(a for a, _ in sides[start:at]), _fragments(b for _, b in sides[start:at])]
            start = at
    return [*parts, _fragments(a for a, _ in sides[start:]), _fragments(b for _, b in sides[start:])]


def _starts_columns(sides: list[tuple[Row, Row]], start: int, at: int, em: float, more_below: bool) -> bool:
    """Return whether row `at`, alone on the left, heads both columns: they end above and restart below it."""
    heading, beside = sides[at]
    if beside or not _is_display(heading, em):
        return False
    over = [[f.order for f in _fragments(side[i] for side in sides[start:at])] for i in (0, 1)]
    if all(over) and max(over[0]) < min(over[1]):  # the file has the columns in turn, and so the heading after both
        return max(over[1]) < heading[0].order
    left_over, right_over = (next((_bottom(s[i][0]) for s in reversed(sides[start:at]) if s[i]), None) for i in (0, 1))
    if left_over is None or right_over is None or abs(left_over - right_over) > 2 * em:
        return False
    if heading[0].y - left_over < 1.6 * max(em, heading[0].size):
        return False
    left, right = (next((s[i] for s in sides[at + 1 :] if s[i]), None) for i in (0, 1))
    if left is None or right is None:
        return more_below and left is None and right is None
    level = abs(left[0].y - right[0].y) < 1.5 * em
    return level and right[0].y - right_over > 3 * em and not _is_display(right, em)


def _bottom(fragment: Fragment) -> float:
    return fragment.y if fragment.table is None else fragment.table.bottom


def _is_display(row: Row, em: float) -> bool:
    return row[0].size > 1.1 * em or row[0].words[0].bold


# --------------------------------------------------------------------------------------------- white strips


def _white_strips(rows: list[Row], em: float) -> list[_WhiteStrip]:
    """Find white strips with text on both sides, sorted by the number of rows, descending."""
    low, high = min(row[0].x0 for row in rows), max(max(f.x1 for f in row) for row in rows)
    need = max(_MIN_GUTTER * em, 6.0)
    active: dict[tuple[float, float], int] = {}
    ended: set[tuple[float, float, int, int]] = set()
    for number, row in enumerate(rows):
        free = [gap for gap in _gaps(row, low, high) if gap[1] - gap[0] >= need]
        continued: dict[tuple[float, float], int] = {}
        for (a, b), start in active.items():
            for c, d in free:
                part = (max(a, c), min(b, d))
                if part[1] - part[0] >= need:
                    continued[part] = min(start, continued.get(part, start))
            if continued.get((a, b), number) > start:
                ended.add((a, b, start, number))
        for gap in free:
            continued.setdefault(gap, number)
        if len(continued) > _MAX_STRIPS:
            continued = dict(sorted(continued.items(), key=lambda item: item[1])[:_MAX_STRIPS])
        active = continued
    ended.update((a, b, start, len(rows)) for (a, b), start in active.items())
    strips = []
    for a, b, start, end in ended:
        block = rows[start:end]
        left = sum(row[0].x1 <= a + 1 for row in block)
        right = sum(row[-1].x0 >= b - 1 for row in block)
        if left and right and end - start > 1:
            strips.append(_WhiteStrip(a, b, start, end, min(left, right)))
    return sorted(strips, key=lambda s: (-s.both, s.start - s.end, s.x0 - s.x1, s))


def _gaps(row: Row, low: float, high: float) -> Iterator[tuple[float, float]]:
    at = low
    for fragment in row:
        if fragment.x0 > at:
            yield at, fragment.x0
        last = fragment.words[-1]
        at = max(at, last.x0 if len(last.text) >= _LONG_WORD else fragment.x1)
    if high > at:
        yield at, high
