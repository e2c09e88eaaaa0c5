"""Find ruled tables and drawings with labels; each becomes one fragment of its page, in reading order.

Drawn lines and boxes that touch are a table; their edges are the borders of its rows and columns.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final, NamedTuple

from tipclassify.readers.pdf.layout.pages import (
    Fragment,
    Page,
    Row,
    Shape,
    Table,
    TableRow,
    Word,
    group_rows,
    make_fragments,
    row_text,
)

__all__ = ["CAPTION", "place_tables"]

CAPTION: Final = re.compile(r"(?:Table|Figure|Fig\.|Chart|Graph|Map|Box|Exhibit)\s+\(?\d+", re.IGNORECASE)
"""Beginning of the caption of a table or drawing."""

_THIN: Final = 2.5  # points; a thinner box is a line
_TOUCH: Final = 2.0  # points between shapes of one table
_TOLERANCE: Final = 3.0  # points between edges of one border
_MAX_ROW: Final = 150.0  # points between the lines above and below a row
_MIN_SIDE: Final = 6.0  # points of a cell
_PAGE_SHARE: Final = 0.9  # of the page's width and height; a larger box is a background
_MAX_CROSSING: Final = 0.03  # share of the words that a border may cross: cells that span columns
_MAX_NAME_LINES: Final = 3  # lines of a column's name
_MIN_DRAWING: Final = 40.0  # points
_MAX_TICK: Final = 14.0  # points
_LABEL_REACH: Final = 6.0  # em right of a drawing
_MAX_LABEL_WORDS: Final = 4
_TICK: Final = "✓"


class _Line(NamedTuple):
    """Hold a horizontal or vertical line at `at`, from `start` to `end`."""

    at: float
    start: float
    end: float


def place_tables(page: Page) -> Page:
    """Replace the fragments of each ruled table, and the labels of each drawing, by one fragment."""
    left = list(page.fragments)
    found: list[Fragment] = []
    ruling = [s for s in page.shapes if not s.drawing and not _is_background(s, page)]
    ticks = [s for s in page.shapes if s.drawing and max(s.x1 - s.x0, s.y1 - s.y0) <= _MAX_TICK]
    for group in _stacked(_touching(ruling), left):
        inside = [f for f in left if _holds(_bounds(group), f)]
        rows = _ruled_rows(group, inside, ticks) if len(group) > 1 and len(inside) > 3 else []
        if rows:
            taken = set(map(id, inside))
            left = [f for f in left if id(f) not in taken]
            found.append(_placed(rows, inside, _bounds(group)))
    for group in _touching([s for s in page.shapes if s.drawing]):
        bounds = _bounds(group)
        if min(bounds.x1 - bounds.x0, bounds.y1 - bounds.y0) >= _MIN_DRAWING and not _is_background(bounds, page):
            labels = [f for f in left if _is_label(f, bounds)]
            if len(labels) > 2 * sum(_holds(bounds, f) and not _is_label(f, bounds) for f in left):
                captions = [f for f in left if _is_caption_of(f, bounds)]
                taken = set(map(id, [*labels, *captions]))
                left = [f for f in left if id(f) not in taken]
                rows = [TableRow([[[f]]], header=True) for f in captions]
                cells = [[[f] for f in label] for label in _stacks(labels)]
                found.append(_placed([*rows, TableRow(cells)], [*captions, *labels], _extent([*captions, *labels])))
    return replace(page, fragments=tuple(sorted([*left, *found], key=lambda f: f.order))) if found else page


def _placed(rows: list[TableRow], inside: Sequence[Fragment], bounds: Shape) -> Fragment:
    """Return a fragment in place of a table, on the baseline of its first row."""
    first = min(inside, key=lambda f: f.y)
    word = Word("|", bounds.x0, bounds.x1, first.y, first.size)
    order = min(fragment.order for fragment in inside)
    return Fragment(order, (word,), bounds.x0, bounds.x1, first.y, first.size, Table(rows, bounds.y1))


# --------------------------------------------------------------------------------------------- shapes


def _is_background(shape: Shape, page: Page) -> bool:
    return shape.x1 - shape.x0 > _PAGE_SHARE * page.width and shape.y1 - shape.y0 > _PAGE_SHARE * page.height


def _bounds(shapes: Iterable[Shape]) -> Shape:
    x0, y0, x1, y1 = zip(*(shape[:4] for shape in shapes), strict=True)
    return Shape(min(x0), min(y0), max(x1), max(y1))


def _extent(fragments: Sequence[Fragment]) -> Shape:
    """Return the bounds of text: a drawing may be clipped."""
    return _bounds([Shape(f.x0, f.y - f.size, f.x1, f.y) for f in fragments])


def _touching(shapes: Sequence[Shape]) -> list[list[Shape]]:
    """Group shapes that touch, directly or through others."""
    groups: list[tuple[Shape, list[Shape]]] = []
    for shape in sorted(shapes, key=lambda s: s.y0):
        members, bounds, others = [shape], shape, []
        for group in groups:
            near = any(
                s.x0 - _TOUCH <= shape.x1 and shape.x0 <= s.x1 + _TOUCH and shape.y0 <= s.y1 + _TOUCH
                for s in (group[1] if _overlap(group[0], shape) else ())
            )
            if near:
                members, bounds = [*group[1], *members], _bounds([group[0], bounds])
            else:
                others.append(group)
        groups = [*others, (bounds, members)]
    return [members for _, members in groups]


def _stacked(groups: list[list[Shape]], fragments: Sequence[Fragment]) -> list[list[Shape]]:
    """Join groups that are broken at the same places, with nothing but cells between: rows ruled by lines alone."""
    joined: list[list[Shape]] = []
    for group in sorted(groups, key=lambda g: _bounds(g).y0):
        for other in reversed(joined):
            above, below = _bounds(other), _bounds(group)
            shared = [a for a in _breaks(other) for b in _breaks(group) if abs(a - b) <= _TOLERANCE]
            between = [f for f in fragments if above.y1 < _middle(f.y, f.size) < below.y0 and f.x0 < above.x1]
            if (
                shared
                and abs(above.x1 - below.x1) <= _TOLERANCE
                and below.y0 - above.y1 < _MAX_ROW
                and not any(
                    CAPTION.match(row_text([f])) or any(f.x0 < x - 1 < x + 1 < f.x1 for x in shared) for f in between
                )
            ):
                other.extend(group)
                break
        else:
            joined.append(list(group))
    return joined


def _breaks(group: Sequence[Shape]) -> list[float]:
    """Return where the lines of a group are broken, inside of it."""
    return _clusters(edge for shape in group for edge in (shape.x0, shape.x1))[1:-1]


def _overlap(a: Shape, b: Shape) -> bool:
    return a.x0 - _TOUCH <= b.x1 and b.x0 <= a.x1 + _TOUCH and a.y0 - _TOUCH <= b.y1 and b.y0 <= a.y1 + _TOUCH


def _holds(bounds: Shape, fragment: Fragment) -> bool:
    """Return whether the middle of a fragment's letters is within bounds."""
    x, y = (fragment.x0 + fragment.x1) / 2, _middle(fragment.y, fragment.size)
    return bounds.x0 <= x <= bounds.x1 and bounds.y0 <= y <= bounds.y1


def _middle(baseline: float, size: float) -> float:
    return baseline - 0.3 * size


# --------------------------------------------------------------------------------------------- ruled tables


def _ruled_rows(shapes: Sequence[Shape], inside: Sequence[Fragment], ticks: Sequence[Shape]) -> list[TableRow]:
    """Return the rows of the table that shapes rule; none if they have no two columns and rows of text."""
    across, down = _lines(shapes)
    words = [word for fragment in inside for word in fragment.words]
    limit = max(1, _MAX_CROSSING * len(words))
    borders = _clusters([line.at for line in down])
    edges = [x for x in borders if sum(word.x0 < x - 1 < x + 1 < word.x1 for word in words) <= limit]
    levels = _clusters([line.at for line in across])
    columns = [(a, b) for a, b in pairwise(edges) if b - a >= _MIN_SIDE]
    if len(columns) < 2 or len(levels) < 2:
        return []
    cells: dict[tuple[int, int], list[Word]] = defaultdict(list)
    tops = [_spans(column, levels, across) for column in columns]
    for word in words:
        x, slot = (word.x0 + word.x1) / 2, _slot(levels, _middle(word.y, word.size))
        column = max((n for n, (start, _) in enumerate(columns) if start <= x), default=0)
        cells[column, tops[column][slot]].append(word)
    _add_ticks(cells, columns, levels, tops, ticks)
    rows = list(_table_rows(cells, tops, len(levels) - 1))
    return rows if _is_table(rows) else []


def _lines(shapes: Iterable[Shape]) -> tuple[list[_Line], list[_Line]]:
    """Return the horizontal and vertical borders: lines, their ends, and the edges of boxes."""
    across: list[_Line] = []
    down: list[_Line] = []
    for x0, y0, x1, y1, _ in shapes:
        if y1 - y0 <= _THIN:
            across.append(_Line((y0 + y1) / 2, x0, x1))
        else:
            across += [_Line(y0, x0, x1), _Line(y1, x0, x1)]
        if x1 - x0 <= _THIN:
            down.append(_Line((x0 + x1) / 2, y0, y1))
        else:
            down += [_Line(x0, y0, y1), _Line(x1, y0, y1)]
    return [line for line in across if line.end - line.start > _THIN], down


def _clusters(values: Iterable[float]) -> list[float]:
    """Return the ascending values without those that are close to one before."""
    found: list[float] = []
    for value in sorted(values):
        if not found or value - found[-1] > _TOLERANCE:
            found.append(value)
    return found


def _spans(column: tuple[float, float], levels: list[float], across: list[_Line]) -> list[int]:
    """Return for each slot between two levels the slot in which its cell of a column begins."""
    middle = sum(column) / 2
    ruled = [line.at for line in across if line.start <= middle <= line.end]
    starts = [0]
    for slot, level in enumerate(levels[1:-1], 1):
        starts.append(slot if any(abs(at - level) <= _TOLERANCE for at in ruled) else starts[-1])
    return starts


def _slot(levels: list[float], y: float) -> int:
    return min(max(sum(level <= y for level in levels) - 1, 0), len(levels) - 2)


def _add_ticks(
    cells: dict[tuple[int, int], list[Word]],
    columns: list[tuple[float, float]],
    levels: list[float],
    tops: list[list[int]],
    ticks: Sequence[Shape],
) -> None:
    """Add a tick to cells without text that hold one small drawing alone."""
    drawn: dict[tuple[int, int], list[Shape]] = defaultdict(list)
    for tick in ticks:
        x, y = (tick.x0 + tick.x1) / 2, (tick.y0 + tick.y1) / 2
        column = next((n for n, (start, end) in enumerate(columns) if start <= x <= end), None)
        if column is not None and levels[0] <= y <= levels[-1]:
            drawn[column, tops[column][_slot(levels, y)]].append(tick)
    for place, shapes in drawn.items():
        if len(shapes) == 1 and place not in cells:
            (shape,) = shapes
            cells[place] = [Word(_TICK, shape.x0, shape.x1, shape.y1, shape.y1 - shape.y0)]


def _table_rows(cells: dict[tuple[int, int], list[Word]], tops: list[list[int]], slots: int) -> Iterator[TableRow]:
    """Yield the rows; a label beside several rows is given with each of them."""
    texts = {place: group_rows(make_fragments(words)) for place, words in cells.items()}
    label = min((column for column, _ in cells), default=0)
    for slot in range(slots):
        own = [texts.get((column, slot), []) for column in range(len(tops))]
        if any(own):
            if not own[label]:
                own[label] = texts.get((label, tops[label][slot]), [])
            row = [cell for cell in own if cell]
            bold = all(word.bold for cell in row for line in cell for fragment in line for word in fragment.words)
            yield TableRow(row, header=bold)


def _is_table(rows: list[TableRow]) -> bool:
    """Return whether rows have cells; below a first row of short ones if there are two, else they frame prose."""
    if sum(len(row.cells) > 1 for row in rows) < 2:
        return len(rows) > 3 and len(rows[0].cells) > 1 and rows[0].header  # a column may be empty
    return len(rows) > 2 or all(len(cell) <= _MAX_NAME_LINES for cell in rows[0].cells)


# --------------------------------------------------------------------------------------------- drawings


def _is_label(fragment: Fragment, drawing: Shape) -> bool:
    """Return whether a fragment is short and inside a drawing, or beside it on the right."""
    y = _middle(fragment.y, fragment.size)
    beside = drawing.x0 <= fragment.x0 and fragment.x1 <= drawing.x1 + _LABEL_REACH * fragment.size
    return len(fragment.words) <= _MAX_LABEL_WORDS and beside and drawing.y0 <= y <= drawing.y1


def _is_caption_of(fragment: Fragment, drawing: Shape) -> bool:
    """Return whether a fragment is a caption just above or below a drawing."""
    near = drawing.y0 - 3 * fragment.size <= fragment.y <= drawing.y1 + 3 * fragment.size
    over = fragment.x0 < drawing.x1 and fragment.x1 > drawing.x0
    text = row_text([fragment])
    return near and over and CAPTION.match(text) is not None and not text.lower().startswith("table")


def _stacks(labels: Sequence[Fragment]) -> list[Row]:
    """Join labels that stand under one another."""
    stacks: list[Row] = []
    for label in labels:
        last = stacks[-1][-1] if stacks else None
        if last is not None and 0 < label.y - last.y < 1.5 * label.size and label.x0 < last.x1 and last.x0 < label.x1:
            stacks[-1].append(label)
        else:
            stacks.append([label])
    return stacks
