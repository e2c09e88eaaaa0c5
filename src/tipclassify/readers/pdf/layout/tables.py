"""Find ruled tables and drawings with labels.

Each becomes one fragment of its page, in reading order.
"""

from __future__ import annotations

import re
from bisect import bisect
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final, NamedTuple

from tipclassify.readers.pdf.layout.lines import make_lines_of_pdf_cell
from tipclassify.readers.pdf.layout.pages import (
    PageLayout,
    PdfFragment,
    PdfShape,
    PdfTableRow,
    PdfWord,
    group_pdf_rows,
    make_pdf_fragments,
)

__all__ = ["CAPTION", "place_ruled_tables"]

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
_LABEL_LEADING: Final = 1.5  # em between the lines of a label
_MAX_LABEL_WORDS: Final = 4
_TICK: Final = "✓"


@dataclass(frozen=True, slots=True)
class _RuledTableLine:
    """Hold a line across the page, from x0 to x1, or an edge of a box."""

    y: float
    x0: float
    x1: float


class _RuledTableCell(NamedTuple):
    """Hold the place of a cell: its column, and the slot in which it begins."""

    column: int
    slot: int


@dataclass(frozen=True, slots=True)
class _RuledTableGrid:
    """Hold the lines of a table, in ascending order; a slot is between two levels."""

    edges: list[float]  # x of the lines between columns, in points
    levels: list[float]  # y of the lines between rows
    tops: list[list[int]]  # for each column and slot, the slot in which the cell there begins

    @property
    def bounds(self) -> PdfShape:
        """Outer lines of the table."""
        return PdfShape(self.edges[0], self.levels[0], self.edges[-1], self.levels[-1])

    def cell_of(self, text: PdfWord) -> _RuledTableCell:
        """Return the cell in which the middle of a text is."""
        x, y = _middle_of_pdf_text(text)
        column = max(bisect(self.edges[:-1], x) - 1, 0)
        slot = max(bisect(self.levels[:-1], y) - 1, 0)
        return _RuledTableCell(column, self.tops[column][slot])


def place_ruled_tables(page: PageLayout) -> PageLayout:
    """Replace the fragments of each ruled table by one, and so the labels of each drawing."""
    shapes = [shape for shape in page.shapes if not _is_background_of_page(shape, page)]
    lines = [shape for shape in shapes if not shape.drawing]
    drawings = [shape for shape in shapes if shape.drawing]
    fragments = list(page.fragments)
    ticks = [_tick_of_drawing(shape) for shape in drawings if _is_drawn_tick(shape)]
    for group in _join_stacked_shapes(_group_touching_shapes(lines), page.fragments):
        bounds = _bounds_of_pdf_shapes(group)
        inside = [f for f in fragments if _pdf_box_holds(bounds, f)]
        rows = _rows_of_ruled_table(group, inside, ticks) if inside else []
        if rows:
            fragments = _replace_by_pdf_table(fragments, inside, rows)
    for group in _group_touching_shapes(drawings):
        fragments = _place_labelled_drawing(fragments, _bounds_of_pdf_shapes(group))
    return replace(page, fragments=tuple(fragments))


def _is_background_of_page(shape: PdfShape, page: PageLayout) -> bool:
    """Return whether a shape is nearly as wide and as high as the page."""
    is_wide = shape.x1 - shape.x0 > _PAGE_SHARE * page.width
    return is_wide and shape.y1 - shape.y0 > _PAGE_SHARE * page.height


def _is_drawn_tick(drawing: PdfShape) -> bool:
    return max(drawing.x1 - drawing.x0, drawing.y1 - drawing.y0) <= _MAX_TICK


def _tick_of_drawing(drawing: PdfShape) -> PdfWord:
    """Return the check mark that a small drawing is, if it is alone in a cell of a table."""
    return PdfWord(_TICK, drawing.x0, drawing.x1, drawing.y1, size=drawing.y1 - drawing.y0)


def _place_labelled_drawing(fragments: list[PdfFragment], bounds: PdfShape) -> list[PdfFragment]:
    """Replace the caption and labels of a drawing by one fragment, if it is one with labels."""
    if min(bounds.x1 - bounds.x0, bounds.y1 - bounds.y0) < _MIN_DRAWING:
        return fragments
    labels = [f for f in fragments if _is_label_of_drawing(f, bounds)]
    others = [
        f for f in fragments if _pdf_box_holds(bounds, f) and not _is_label_of_drawing(f, bounds)
    ]
    if len(labels) <= 2 * len(others):
        return fragments
    labels = [label for label in labels if not CAPTION.match(label.text)]
    inside: list[PdfFragment] = []
    rows: list[PdfTableRow] = []
    for fragment in fragments:
        if _is_caption_of_drawing(fragment, bounds):
            caption = _lines_of_drawing_caption(fragment, fragments, labels)
            inside += caption
            rows.append(PdfTableRow([[line.text for line in caption]], header=True))
    inside += labels
    if not inside:  # all that is beside the drawing is the caption of another one
        return fragments
    rows.append(PdfTableRow(_stack_drawing_labels(labels)))
    return _replace_by_pdf_table(fragments, inside, rows)


def _replace_by_pdf_table(
    fragments: list[PdfFragment], inside: list[PdfFragment], rows: list[PdfTableRow]
) -> list[PdfFragment]:
    """Put a table in place of the fragments inside, on the baseline of its first row."""
    bounds = _bounds_of_pdf_shapes([PdfShape(f.x0, f.y - f.size, f.x1, f.y) for f in inside])
    first = min(inside, key=lambda f: f.y)
    table = PdfFragment(
        order=min(f.order for f in inside),
        words=(PdfWord("|", bounds.x0, bounds.x1, first.y, first.size),),
        x0=bounds.x0,
        x1=bounds.x1,
        y=first.y,
        size=first.size,
        table=rows,
        bottom=bounds.y1,
    )
    inside_ids = {id(f) for f in inside}
    others = [f for f in fragments if id(f) not in inside_ids]
    return sorted([*others, table], key=lambda f: f.order)


def _bounds_of_pdf_shapes(shapes: Sequence[PdfShape]) -> PdfShape:
    """Return the smallest box around shapes."""
    return PdfShape(
        x0=min(shape.x0 for shape in shapes),
        y0=min(shape.y0 for shape in shapes),
        x1=max(shape.x1 for shape in shapes),
        y1=max(shape.y1 for shape in shapes),
    )


def _join_shape_groups(
    groups: list[list[PdfShape]], belong: Callable[[list[PdfShape], list[PdfShape]], bool]
) -> list[list[PdfShape]]:
    """Join groups that belong together, directly or through others, from the top.

    `belong` is asked about a group and one that begins below its top.
    """
    joined: list[list[PdfShape]] = []
    for group in sorted(groups, key=lambda shapes: _bounds_of_pdf_shapes(shapes).y0):
        apart: list[list[PdfShape]] = []
        together: list[PdfShape] = []
        for other in joined:
            if belong(other, group):
                together += other
            else:
                apart.append(other)
        joined = [*apart, together + group]
    return joined


def _group_touching_shapes(shapes: list[PdfShape]) -> list[list[PdfShape]]:
    """Group shapes that touch, directly or through others."""

    def belong(group: list[PdfShape], single: list[PdfShape]) -> bool:
        (shape,) = single
        return any(_pdf_shapes_touch(shape, other) for other in group)

    return _join_shape_groups([[shape] for shape in shapes], belong)


def _pdf_shapes_touch(a: PdfShape, b: PdfShape) -> bool:
    across = a.x0 - _TOUCH <= b.x1 and b.x0 <= a.x1 + _TOUCH
    return across and a.y0 - _TOUCH <= b.y1 and b.y0 <= a.y1 + _TOUCH


def _join_stacked_shapes(
    groups: list[list[PdfShape]], fragments: Sequence[PdfFragment]
) -> list[list[PdfShape]]:
    """Join the groups of lines that rule one table, row by row."""
    return _join_shape_groups(
        groups, lambda group, other: _are_stacked_pdf_shapes(group, other, fragments)
    )


def _are_stacked_pdf_shapes(
    group: list[PdfShape], other: list[PdfShape], fragments: Sequence[PdfFragment]
) -> bool:
    """Return whether groups are broken at the same places, with only cells between.

    Such are rows ruled by lines.
    """
    above = _bounds_of_pdf_shapes(group)
    below = _bounds_of_pdf_shapes(other)
    if abs(above.x1 - below.x1) > _TOLERANCE or below.y0 - above.y1 >= _MAX_ROW:
        return False
    other_breaks = _breaks_of_ruled_lines(other)
    shared = [
        x
        for x in _breaks_of_ruled_lines(group)
        if any(abs(x - other_x) <= _TOLERANCE for other_x in other_breaks)
    ]
    if not shared:
        return False
    for fragment in fragments:
        _, y = _middle_of_pdf_text(fragment)
        if not above.y1 < y < below.y0 or fragment.x0 >= above.x1:
            continue
        if CAPTION.match(fragment.text) or any(_pdf_fragment_crosses(fragment, x) for x in shared):
            return False
    return True


def _breaks_of_ruled_lines(shapes: list[PdfShape]) -> list[float]:
    """Return where lines across begin or end, but for the outermost ends, in points."""
    ends = [end for shape in shapes for end in (shape.x0, shape.x1)]
    return _merge_close_coordinates(ends)[1:-1]


def _pdf_fragment_crosses(fragment: PdfFragment, x: float) -> bool:
    return fragment.x0 < x - 1 and x + 1 < fragment.x1


def _pdf_box_holds(bounds: PdfShape, text: PdfFragment | PdfWord) -> bool:
    """Return whether the middle of a text is in a box."""
    x, y = _middle_of_pdf_text(text)
    return bounds.x0 <= x <= bounds.x1 and bounds.y0 <= y <= bounds.y1


def _middle_of_pdf_text(text: PdfFragment | PdfWord) -> tuple[float, float]:
    """Return x and y of the middle of a text's letters, in points."""
    return (text.x0 + text.x1) / 2, text.y - 0.3 * text.size


def _rows_of_ruled_table(
    shapes: Sequence[PdfShape], inside: Sequence[PdfFragment], ticks: Sequence[PdfWord]
) -> list[PdfTableRow]:
    """Return the rows of the table that shapes rule.

    There are none if it has no two columns and rows of text.
    """
    grid = _grid_of_ruled_table(shapes)
    if grid is None:
        return []
    cells: dict[_RuledTableCell, list[PdfWord]] = defaultdict(list)
    for fragment in inside:
        for word in fragment.words:
            cells[grid.cell_of(word)].append(word)
    cells.update(_ticked_table_cells(grid, ticks, cells))
    rows = list(_rows_of_grid(cells, grid.tops))
    if sum(len(row.cells) > 1 for row in rows) < 2:
        return []
    if len(rows) == 2 and any(len(cell) > _MAX_NAME_LINES for cell in rows[0].cells):
        return []  # a frame around prose
    return rows


def _grid_of_ruled_table(shapes: Sequence[PdfShape]) -> _RuledTableGrid | None:
    """Return the grid of the table that shapes rule; None without two columns and a row."""
    edges = _merge_close_coordinates(
        x for shape in shapes for x in _edges_of_pdf_shape(shape.x0, shape.x1)
    )
    across = [
        _RuledTableLine(y, shape.x0, shape.x1)
        for shape in shapes
        if shape.x1 - shape.x0 > _THIN
        for y in _edges_of_pdf_shape(shape.y0, shape.y1)
    ]
    levels = _merge_close_coordinates(line.y for line in across)
    if len(edges) < 3 or len(levels) < 2:
        return None
    tops: list[list[int]] = []
    for left, right in pairwise(edges):
        middle = (left + right) / 2
        tops.append(
            _top_slots_of_pdf_column(
                [line.y for line in across if line.x0 <= middle <= line.x1], levels
            )
        )
    return _RuledTableGrid(edges, levels, tops)


def _ticked_table_cells(
    grid: _RuledTableGrid, ticks: Sequence[PdfWord], filled: Container[_RuledTableCell]
) -> dict[_RuledTableCell, list[PdfWord]]:
    """Return the cells that have nothing in them but a single tick."""
    ticks_by_cell: dict[_RuledTableCell, list[PdfWord]] = defaultdict(list)
    for tick in dict.fromkeys(ticks):  # one that is drawn twice counts once
        if _pdf_box_holds(grid.bounds, tick):
            ticks_by_cell[grid.cell_of(tick)].append(tick)
    return {
        cell: words
        for cell, words in ticks_by_cell.items()
        if len(words) == 1 and cell not in filled
    }


def _edges_of_pdf_shape(low: float, high: float) -> tuple[float, ...]:
    """Return both edges of a box, or the middle of a line."""
    return ((low + high) / 2,) if high - low <= _THIN else (low, high)


def _merge_close_coordinates(values: Iterable[float]) -> list[float]:
    """Return the ascending values without those that are close to one before."""
    kept: list[float] = []
    for value in sorted(values):
        if not kept or value - kept[-1] > _TOLERANCE:
            kept.append(value)
    return kept


def _top_slots_of_pdf_column(ruled: list[float], levels: list[float]) -> list[int]:
    """Return for each slot between two levels the slot in which its cell of a column begins."""
    tops = [0]
    for slot, level in enumerate(levels[1:-1], 1):
        is_ruled = any(abs(y - level) <= _TOLERANCE for y in ruled)
        tops.append(slot if is_ruled else tops[-1])
    return tops


def _rows_of_grid(
    cells: Mapping[_RuledTableCell, list[PdfWord]], tops: list[list[int]]
) -> Iterator[PdfTableRow]:
    """Yield the rows; a label beside several rows is given with each of them."""
    label_column = min((cell.column for cell in cells), default=0)
    for slot in range(len(tops[0])):
        row = [_RuledTableCell(column, slot) for column in range(len(tops))]
        row = [cell for cell in row if cell in cells]
        if not row:
            continue
        label = _RuledTableCell(label_column, tops[label_column][slot])
        if row[0].column != label_column and label in cells:
            row.insert(0, label)
        texts = [_lines_of_ruled_cell(cells[cell]) for cell in row]
        bold = all(word.bold for cell in row for word in cells[cell])
        yield PdfTableRow([lines for lines in texts if lines], header=bold)


def _lines_of_ruled_cell(words: Sequence[PdfWord]) -> list[str]:
    """Return the lines of text in a cell."""
    rows = group_pdf_rows(make_pdf_fragments(words))
    return [line.text for line in make_lines_of_pdf_cell(rows)]


def _is_label_of_drawing(fragment: PdfFragment, drawing: PdfShape) -> bool:
    """Return whether a fragment is short and inside a drawing, or beside it on the right."""
    if len(fragment.words) > _MAX_LABEL_WORDS or fragment.x0 < drawing.x0:
        return False
    _, y = _middle_of_pdf_text(fragment)
    max_x1 = drawing.x1 + _LABEL_REACH * fragment.size
    return fragment.x1 <= max_x1 and drawing.y0 <= y <= drawing.y1


def _is_caption_of_drawing(fragment: PdfFragment, drawing: PdfShape) -> bool:
    """Return whether a fragment is a caption just above or below a drawing."""
    near = drawing.y0 - 3 * fragment.size <= fragment.y <= drawing.y1 + 3 * fragment.size
    over = fragment.x0 < drawing.x1 and fragment.x1 > drawing.x0
    return near and over and CAPTION.match(fragment.text) is not None


def _lines_of_drawing_caption(
    first: PdfFragment, fragments: Iterable[PdfFragment], labels: Iterable[PdfFragment]
) -> list[PdfFragment]:
    """Return the lines of a caption.

    These are below the first one, in its type and about its middle; labels are none.
    """
    lines = [first]
    label_ids = {id(label) for label in labels}
    for fragment in sorted(fragments, key=lambda f: f.y):
        last = lines[-1]
        below = 0 < fragment.y - last.y < _CAPTION_LEADING * last.size
        alike = fragment.size == last.size and fragment.words[0].bold == last.words[0].bold
        centered = abs(_middle_of_pdf_text(fragment)[0] - _middle_of_pdf_text(first)[0]) < last.size
        is_free = fragment.table is None and id(fragment) not in label_ids
        if below and alike and centered and is_free:
            lines.append(fragment)
    return lines


def _stack_drawing_labels(labels: Sequence[PdfFragment]) -> list[list[str]]:
    """Join labels that stand under one another, into the lines of one text."""
    stacks: list[list[PdfFragment]] = []
    for label in labels:
        if stacks and _is_under_label(stacks[-1][-1], label):
            stacks[-1].append(label)
        else:
            stacks.append([label])
    return [[label.text for label in stack] for stack in stacks]


def _is_under_label(last: PdfFragment, label: PdfFragment) -> bool:
    below = 0 < label.y - last.y < _LABEL_LEADING * label.size
    return below and label.x0 < last.x1 and last.x0 < label.x1
