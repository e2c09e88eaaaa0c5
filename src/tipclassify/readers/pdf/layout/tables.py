"""Find ruled tables and drawings with labels.

Each becomes one fragment of its page, in reading order.
"""

from __future__ import annotations

import re
from bisect import bisect
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final

from tipclassify.readers.pdf.layout.lines import cell_lines
from tipclassify.readers.pdf.layout.pages import (
    Fragment,
    Page,
    Shape,
    TableRow,
    Word,
    group_rows,
    make_fragments,
)

__all__ = ["CAPTION", "place_tables"]

# Beginning of the caption of a table or drawing.
CAPTION: Final = re.compile(
    r"(?:Table|Figure|Fig\.|Chart|Graph|Map|Box|Exhibit)\s+\(?\d+", re.IGNORECASE
)
_THIN: Final = 2.5  # points; a thinner box is a line
_TOUCH: Final = 2.0  # points between shapes of one table
_TOLERANCE: Final = 3.0  # points between edges of one border
_MAX_ROW: Final = 150.0  # points between the lines above and below a row
_PAGE_SHARE: Final = 0.9  # of the page's width and height; a larger box is a background
_MAX_NAME_LINES: Final = 3  # lines of a column's name
_MIN_DRAWING: Final = 40.0  # points
_MAX_TICK: Final = 14.0  # points
_LABEL_REACH: Final = 6.0  # em right of a drawing
_CAPTION_LEADING: Final = 1.5  # em between the lines of a caption
_MAX_LABEL_WORDS: Final = 4
_TICK: Final = "✓"


def place_tables(page: Page) -> Page:
    """Replace the fragments of each ruled table by one fragment.

    So it does with the labels of each drawing.
    """
    fragments = list(page.fragments)
    shapes = [
        s
        for s in page.shapes
        if s.x1 - s.x0 <= _PAGE_SHARE * page.width or s.y1 - s.y0 <= _PAGE_SHARE * page.height
    ]
    lines, drawings = [s for s in shapes if not s.drawing], [s for s in shapes if s.drawing]
    ticks = [
        Word(_TICK, s.x0, s.x1, s.y1, s.y1 - s.y0)
        for s in drawings
        if max(s.x1 - s.x0, s.y1 - s.y0) <= _MAX_TICK
    ]
    for group in _joined(
        _touching(lines), lambda above, below: _are_stacked(above, below, page.fragments)
    ):
        bounds = _bounds(group)
        inside = [f for f in fragments if _holds(bounds, f)]
        if inside and (rows := _ruled_rows(group, inside, ticks)):
            fragments = _replaced(fragments, inside, rows)
    for bounds in map(_bounds, _touching(drawings)):
        labels = [f for f in fragments if _is_label(f, bounds)]
        others = [f for f in fragments if _holds(bounds, f) and not _is_label(f, bounds)]
        large = min(bounds.x1 - bounds.x0, bounds.y1 - bounds.y0) >= _MIN_DRAWING
        if large and len(labels) > 2 * len(others):
            labels = [f for f in labels if not CAPTION.match(f.text)]
            captions = [
                _caption(f, fragments, labels) for f in fragments if _is_caption_of(f, bounds)
            ]
            rows = [TableRow([[f.text for f in caption]], header=True) for caption in captions]
            inside = [*(f for caption in captions for f in caption), *labels]
            fragments = _replaced(fragments, inside, [*rows, TableRow(_stacks(labels))])
    return replace(page, fragments=tuple(fragments))


def _replaced(
    fragments: list[Fragment], inside: list[Fragment], rows: list[TableRow]
) -> list[Fragment]:
    """Put a table in place of the fragments inside, on the baseline of its first row."""
    bounds = _bounds(Shape(f.x0, f.y - f.size, f.x1, f.y) for f in inside)
    first = min(inside, key=lambda f: f.y)
    word, order = Word("|", bounds.x0, bounds.x1, first.y, first.size), min(f.order for f in inside)
    table = Fragment(order, (word,), bounds.x0, bounds.x1, first.y, first.size, rows, bounds.y1)
    taken = set(map(id, inside))
    return sorted([*(f for f in fragments if id(f) not in taken), table], key=lambda f: f.order)


def _bounds(shapes: Iterable[Shape]) -> Shape:
    x0, y0, x1, y1 = zip(*(shape[:4] for shape in shapes), strict=True)
    return Shape(min(x0), min(y0), max(x1), max(y1))


def _joined(
    groups: list[list[Shape]], belong: Callable[[list[Shape], list[Shape]], bool]
) -> list[list[Shape]]:
    """Join groups that belong together, directly or through others, from the top."""
    joined: list[list[Shape]] = []
    for group in sorted(groups, key=lambda g: _bounds(g).y0):
        near = [other for other in joined if belong(other, group)]
        joined = [
            *(other for other in joined if other not in near),
            [*(s for other in near for s in other), *group],
        ]
    return joined


def _touching(shapes: list[Shape]) -> list[list[Shape]]:
    return _joined(
        [[s] for s in shapes], lambda group, new: any(_touch(new[0], other) for other in group)
    )


def _touch(a: Shape, b: Shape) -> bool:
    return (
        a.x0 - _TOUCH <= b.x1
        and b.x0 <= a.x1 + _TOUCH
        and a.y0 - _TOUCH <= b.y1
        and b.y0 <= a.y1 + _TOUCH
    )


def _are_stacked(group: list[Shape], other: list[Shape], fragments: Sequence[Fragment]) -> bool:
    """Return whether groups are broken at the same places, with only cells between.

    Such are rows ruled by lines.
    """
    above, below = _bounds(group), _bounds(other)
    if abs(above.x1 - below.x1) > _TOLERANCE or below.y0 - above.y1 >= _MAX_ROW:
        return False
    breaks = [
        _clusters(edge for shape in part for edge in (shape.x0, shape.x1))[1:-1]
        for part in (group, other)
    ]
    shared = [a for a in breaks[0] for b in breaks[1] if abs(a - b) <= _TOLERANCE]
    between = [f for f in fragments if above.y1 < _middle(f)[1] < below.y0 and f.x0 < above.x1]
    crossed = any(
        CAPTION.match(f.text) or any(f.x0 < x - 1 < x + 1 < f.x1 for x in shared) for f in between
    )
    return bool(shared) and not crossed


def _holds(bounds: Shape, text: Fragment | Word) -> bool:
    x, y = _middle(text)
    return bounds.x0 <= x <= bounds.x1 and bounds.y0 <= y <= bounds.y1


def _middle(text: Fragment | Word) -> tuple[float, float]:
    return (text.x0 + text.x1) / 2, text.y - 0.3 * text.size


def _ruled_rows(
    shapes: Sequence[Shape], inside: Sequence[Fragment], ticks: Sequence[Word]
) -> list[TableRow]:
    """Return the rows of the table that shapes rule.

    There are none if it has no two columns and rows of text.
    """
    words = [word for fragment in inside for word in fragment.words]
    edges = _clusters(x for s in shapes for x in _edges(s.x0, s.x1))
    across = [(y, s.x0, s.x1) for s in shapes if s.x1 - s.x0 > _THIN for y in _edges(s.y0, s.y1)]
    levels = _clusters(y for y, _, _ in across)
    if len(edges) < 3 or len(levels) < 2:
        return []
    tops = [
        _tops([y for y, x0, x1 in across if x0 <= (a + b) / 2 <= x1], levels)
        for a, b in pairwise(edges)
    ]

    def cell_of(text: Word) -> tuple[int, int]:
        x, y = _middle(text)
        column, slot = max(bisect(edges[:-1], x) - 1, 0), max(bisect(levels[:-1], y) - 1, 0)
        return column, tops[column][slot]

    cells: dict[tuple[int, int], list[Word]] = defaultdict(list)
    for word in words:
        cells[cell_of(word)].append(word)
    table = Shape(edges[0], levels[0], edges[-1], levels[-1])
    ticked = {tick: cell_of(tick) for tick in ticks if _holds(table, tick)}
    alone = [
        cell for cell, count in Counter(ticked.values()).items() if count == 1 and cell not in cells
    ]
    cells |= {cell: [tick] for tick, cell in ticked.items() if cell in alone}
    rows = list(_table_rows(cells, tops))
    if sum(len(row.cells) > 1 for row in rows) < 2:
        return []
    # around prose
    is_frame = len(rows) == 2 and any(len(cell) > _MAX_NAME_LINES for cell in rows[0].cells)
    return [] if is_frame else rows


def _edges(low: float, high: float) -> tuple[float, ...]:
    """Return both edges of a box, or the middle of a line."""
    return ((low + high) / 2,) if high - low <= _THIN else (low, high)


def _clusters(values: Iterable[float]) -> list[float]:
    """Return the ascending values without those that are close to one before."""
    found: list[float] = []
    for value in sorted(values):
        if not found or value - found[-1] > _TOLERANCE:
            found.append(value)
    return found


def _tops(ruled: list[float], levels: list[float]) -> list[int]:
    """Return for each slot between two levels the slot in which its cell of a column begins."""
    tops = [0]
    for slot, level in enumerate(levels[1:-1], 1):
        tops.append(slot if any(abs(y - level) <= _TOLERANCE for y in ruled) else tops[-1])
    return tops


def _table_rows(
    cells: dict[tuple[int, int], list[Word]], tops: list[list[int]]
) -> Iterator[TableRow]:
    """Yield the rows; a label beside several rows is given with each of them."""
    label = min((column for column, _ in cells), default=0)
    for slot in range(len(tops[0])):
        places = [(column, slot) for column in range(len(tops)) if (column, slot) in cells]
        if places:
            if (label, slot) not in cells and (label, tops[label][slot]) in cells:
                places.insert(0, (label, tops[label][slot]))
            bold = all(word.bold for place in places for word in cells[place])
            rows = [group_rows(make_fragments(cells[place])) for place in places]
            yield TableRow(
                [[line.text for line in lines] for found in rows if (lines := cell_lines(found))],
                bold,
            )


def _is_label(fragment: Fragment, drawing: Shape) -> bool:
    """Return whether a fragment is short and inside a drawing, or beside it on the right."""
    beside = drawing.x0 <= fragment.x0 and fragment.x1 <= drawing.x1 + _LABEL_REACH * fragment.size
    return (
        len(fragment.words) <= _MAX_LABEL_WORDS
        and beside
        and drawing.y0 <= _middle(fragment)[1] <= drawing.y1
    )


def _is_caption_of(fragment: Fragment, drawing: Shape) -> bool:
    """Return whether a fragment is a caption just above or below a drawing."""
    near = drawing.y0 - 3 * fragment.size <= fragment.y <= drawing.y1 + 3 * fragment.size
    over = fragment.x0 < drawing.x1 and fragment.x1 > drawing.x0
    return near and over and CAPTION.match(fragment.text) is not None


def _caption(
    first: Fragment, fragments: Iterable[Fragment], labels: Iterable[Fragment]
) -> list[Fragment]:
    """Return the lines of a caption.

    These are below the first one, in its type and about its middle.
    """
    lines, taken = [first], set(map(id, labels))
    for fragment in sorted(fragments, key=lambda f: f.y):
        last = lines[-1]
        below = 0 < fragment.y - last.y < _CAPTION_LEADING * last.size
        alike = fragment.size == last.size and fragment.words[0].bold == last.words[0].bold
        centered = abs(_middle(fragment)[0] - _middle(first)[0]) < last.size
        if below and alike and centered and fragment.table is None and id(fragment) not in taken:
            lines.append(fragment)
    return lines


def _stacks(labels: Sequence[Fragment]) -> list[list[str]]:
    """Join labels that stand under one another."""
    stacks: list[list[Fragment]] = []
    for label in labels:
        last = stacks[-1][-1] if stacks else label
        if 0 < label.y - last.y < 1.5 * label.size and label.x0 < last.x1 and last.x0 < label.x1:
            stacks[-1].append(label)
        else:
            stacks.append([label])
    return [[label.text for label in stack] for stack in stacks]
