"""A page in, its parts in reading order out: columns, what stands over and under them, boxes beside them.

A page is cut wherever a strip of white parts columns of prose, from the longest strip to the shortest, so that a wide
title, two columns and a wide note come out in the order in which a reader takes them. Cutting at white strips is the
XY-cut of Nagy and Seth (1984); that prose is asked for on a side of the strip leaves tables whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from statistics import median
from typing import Final, NamedTuple

from tipclassify.readers.pdf.layout.pages import Fragment, Page, Row, row_text, rows_of

__all__ = ["Part", "reading_order"]


class Part(NamedTuple):
    """Rows of a column or other part of a page; `aside` if it is a box beside the text."""

    rows: list[Row]
    aside: bool = False


class _Area(NamedTuple):
    """Part of a page that may hold columns."""

    fragments: list[Fragment]
    aside: bool


class _Strip(NamedTuple):
    """White between x0 and x1 in rows start to end, with `both` the lesser number of rows on its two sides."""

    x0: float
    x1: float
    start: int
    end: int
    both: int


_GUTTER: Final = 0.7  # em of white between columns at least
_WIDE: Final = 1.5  # em of white that parts columns even where few rows show it
_FEW: Final = 4  # rows on both sides of a narrower strip at least
_MANY: Final = 8  # the same where the file has the two sides line by line, not one after the other
_COLUMN: Final = 5.0  # em of a left column at least: list marks and line numbers are narrower
_NARROW: Final = 2.0  # em of a right one
_SIDE_HEADS: Final = 0.4  # of the rows of the text beside them at most
_BOX: Final = 0.93  # of the type size beside a box at most
_TRIED: Final = 12  # strips looked at before a part is taken for a single column
_LINK: Final = 20  # characters of a word that may stick out of its column
# Bounds on time, far above what pages of reports have.
_STRIPS: Final = 64  # followed at a time
_CUTS: Final = 200  # of a page
_CROWDED: Final = 5_000  # fragments of a page: a drawing or sheet of figures, not columns


def reading_order(page: Page) -> list[Part]:
    """The columns and other parts of a page, in reading order."""
    parts: list[Part] = []
    todo = [_Area(list(page.fragments), False)]
    cuts = 0
    while todo:
        area = todo.pop()
        rows = rows_of(area.fragments)
        cut = _cut(rows) if cuts < _CUTS and len(page.fragments) <= _CROWDED else None
        if cut is None:
            parts.append(Part(rows, area.aside))
        else:
            cuts += 1
            todo.extend(_Area(part.fragments, part.aside or area.aside) for part in reversed(cut))
    return [part for part in parts if part.rows]


def _cut(rows: list[Row]) -> list[_Area] | None:
    """The parts of an area in reading order, or None if it is a single column."""
    if len(rows) < 2:
        return None
    em = median(f.size for row in rows for f in row)
    for strip in _strips(rows, em)[:_TRIED]:
        sides = [_sides(row, strip) for row in rows[strip.start : strip.end]]
        left, right = [a for a, _ in sides if a], [b for _, b in sides if b]
        if _width(left) < _COLUMN * em or _width(right) < _NARROW * em or not _are_columns(left, right, strip, em):
            continue
        above, below = rows[: strip.start], rows[strip.end :]
        if all(_is_display(row, em) for row in left) and len(left) < _SIDE_HEADS * len(right):
            return [_Area(part, False) for part in (_flat(above), *_by_side_heads(sides), _flat(below))]
        box = _box_beside(left, right)
        if box is not None:  # it interrupts the text beside it, and is read after that
            main, aside = (left, right) if box == 1 else (right, left)
            return [*(_Area(_flat(part), False) for part in (above, main, below)), _Area(_flat(aside), True)]
        columns = _in_order(sides, em, bool(below))
        return [_Area(part, False) for part in (_flat(above), *columns, _flat(below))]
    return None


def _flat(rows: Iterable[Row]) -> list[Fragment]:
    return [fragment for row in rows for fragment in row]


def _sides(row: Row, strip: _Strip) -> tuple[Row, Row]:
    return [f for f in row if f.x0 < strip.x0], [f for f in row if f.x0 >= strip.x0]


def _width(rows: list[Row]) -> float:
    return max(row[-1].x1 for row in rows) - min(row[0].x0 for row in rows)


# --------------------------------------------------------------------------------------------- what is a column


def _are_columns(left: list[Row], right: list[Row], strip: _Strip, em: float) -> bool:
    """Prose on a side of the strip: cells of a table begin anew in each row, lines of prose go on in small letters."""
    in_turn = max(f.order for f in _flat(left)) < min(f.order for f in _flat(right))
    narrow = _width(right) < _COLUMN * em
    wide = strip.x1 - strip.x0 >= (2 * _WIDE if narrow else _WIDE) * em
    if not wide and strip.both < (_FEW if in_turn and not narrow else _MANY):
        return False  # chance: gaps between words of a narrow column that stand under each other
    texts = [[row_text(row) for row in side] for side in (left, right)]
    if any(map(_is_prose, texts)):
        return True
    return all(len(side) >= 6 and median(len(text.split()) for text in side) >= 4 for side in texts)


def _is_prose(texts: list[str]) -> bool:
    if len(texts) < 3 or median(len(text.split()) for text in texts) < 3:
        return False
    return sum(text[:1].islower() for text in texts[1:]) >= 0.3 * (len(texts) - 1)


def _box_beside(left: list[Row], right: list[Row]) -> int | None:
    """Which side, 0 or 1, is a box beside the text: the one in clearly smaller type, if it is also the narrower."""
    sizes = [median(f.size for f in _flat(side) for _ in f.words) for side in (left, right)]
    box = sizes.index(min(sizes))
    widths = _width(left), _width(right)
    return box if sizes[box] < _BOX * sizes[1 - box] and widths[box] < 0.8 * widths[1 - box] else None


def _by_side_heads(sides: list[tuple[Row, Row]]) -> list[list[Fragment]]:
    """Headings in the margin, each before the text that begins beside it."""
    starts = [at for at, (left, _) in enumerate(sides) if at == 0 or (left and not sides[at - 1][0])]
    parts: list[list[Fragment]] = []
    for start, end in zip(starts, [*starts[1:], len(sides)], strict=True):
        parts += [_flat(left for left, _ in sides[start:end]), _flat(right for _, right in sides[start:end])]
    return parts


def _in_order(sides: list[tuple[Row, Row]], em: float, more_below: bool) -> list[list[Fragment]]:
    """Left column, right column; twice where a heading parts two pairs of columns."""
    parts: list[list[Fragment]] = []
    start = 0
    for at in range(1, len(sides)):
        if _heads_anew(sides, start, at, em, more_below):
            parts += [_flat(a for a, _ in sides[start:at]), _flat(b for _, b in sides[start:at])]
            start = at
    return [*parts, _flat(a for a, _ in sides[start:]), _flat(b for _, b in sides[start:])]


def _heads_anew(sides: list[tuple[Row, Row]], start: int, at: int, em: float, more_below: bool) -> bool:
    """Whether row `at`, alone on the left, heads both columns: they end above it, and begin below it, side by side."""
    heading, beside = sides[at]
    if beside or not _is_display(heading, em):
        return False
    left_over, right_over = (next((s[i][0].y for s in reversed(sides[start:at]) if s[i]), None) for i in (0, 1))
    if left_over is None or right_over is None or abs(left_over - right_over) > 2 * em:
        return False
    if heading[0].y - left_over < 1.6 * max(em, heading[0].size):
        return False
    left, right = (next((s[i] for s in sides[at + 1 :] if s[i]), None) for i in (0, 1))
    if left is None or right is None:
        return more_below and left is None and right is None
    level = abs(left[0].y - right[0].y) < 1.5 * em
    return level and right[0].y - right_over > 3 * em and not _is_display(right, em)


def _is_display(row: Row, em: float) -> bool:
    return row[0].size > 1.1 * em or row[0].words[0].bold


# --------------------------------------------------------------------------------------------- white strips


def _strips(rows: list[Row], em: float) -> list[_Strip]:
    """White strips with text on both sides, those that part most rows first."""
    low, high = min(row[0].x0 for row in rows), max(max(f.x1 for f in row) for row in rows)
    need = max(_GUTTER * em, 6.0)
    active: dict[tuple[float, float], int] = {}
    ended: set[tuple[float, float, int, int]] = set()
    for number, row in enumerate(rows):
        free = [gap for gap in _gaps(row, low, high) if gap[1] - gap[0] >= need]
        going: dict[tuple[float, float], int] = {}
        for (a, b), start in active.items():
            for c, d in free:
                part = (max(a, c), min(b, d))
                if part[1] - part[0] >= need:
                    going[part] = min(start, going.get(part, start))
            if going.get((a, b), number) > start:
                ended.add((a, b, start, number))
        for gap in free:
            going.setdefault(gap, number)
        if len(going) > _STRIPS:
            going = dict(sorted(going.items(), key=lambda item: item[1])[:_STRIPS])
        active = going
    ended.update((a, b, start, len(rows)) for (a, b), start in active.items())
    strips = []
    for a, b, start, end in ended:
        block = rows[start:end]
        left = sum(row[0].x1 <= a + 1 for row in block)
        right = sum(row[-1].x0 >= b - 1 for row in block)
        if left and right and end - start > 1:
            strips.append(_Strip(a, b, start, end, min(left, right)))
    return sorted(strips, key=lambda s: (-s.both, s.start - s.end, s.x0 - s.x1, s))


def _gaps(row: Row, low: float, high: float) -> Iterator[tuple[float, float]]:
    at = low
    for fragment in row:
        if fragment.x0 > at:
            yield at, fragment.x0
        last = fragment.words[-1]
        at = max(at, last.x0 if len(last.text) >= _LINK else fragment.x1)
    if high > at:
        yield at, high
