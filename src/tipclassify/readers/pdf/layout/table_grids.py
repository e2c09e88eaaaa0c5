"""Read the cells of a ruled table by the grid of its lines.

Shapes and the text inside in, rows of cells out.
"""

from __future__ import annotations

from bisect import bisect
from collections import defaultdict
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

from tipclassify.readers.pdf.layout.lines import make_lines_of_pdf_cell
from tipclassify.readers.pdf.layout.pages import (
    PdfFragment,
    PdfShape,
    PdfTableRow,
    PdfWord,
    group_pdf_rows,
    make_pdf_fragments,
)
from tipclassify.readers.pdf.layout.shape_groups import (
    BORDER_TOLERANCE,
    merge_close_coordinates,
    middle_of_pdf_text,
    pdf_box_holds,
)

__all__ = ["rows_of_ruled_table"]

_THIN: Final = 2.5  # points; a thinner box is a line
_MAX_NAME_LINES: Final = 3  # lines of a column's name


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
        x, y = middle_of_pdf_text(text)
        column = max(bisect(self.edges[:-1], x) - 1, 0)
        slot = max(bisect(self.levels[:-1], y) - 1, 0)
        return _RuledTableCell(column, self.tops[column][slot])


def rows_of_ruled_table(
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
    edges = merge_close_coordinates(
        x for shape in shapes for x in _edges_of_pdf_shape(shape.x0, shape.x1)
    )
    across = [
        _RuledTableLine(y, shape.x0, shape.x1)
        for shape in shapes
        if shape.x1 - shape.x0 > _THIN
        for y in _edges_of_pdf_shape(shape.y0, shape.y1)
    ]
    levels = merge_close_coordinates(line.y for line in across)
    if len(edges) < 3 or len(levels) < 2:
        return None
    tops: list[list[int]] = []
    for left, right in pairwise(edges):
        middle = (left + right) / 2
        ruled = [line.y for line in across if line.x0 <= middle <= line.x1]
        tops.append(_top_slots_of_pdf_column(ruled, levels))
    return _RuledTableGrid(edges, levels, tops)


def _edges_of_pdf_shape(low: float, high: float) -> tuple[float, ...]:
    """Return both edges of a box, or the middle of a line."""
    return ((low + high) / 2,) if high - low <= _THIN else (low, high)


def _top_slots_of_pdf_column(ruled: list[float], levels: list[float]) -> list[int]:
    """Return for each slot between two levels the slot in which its cell of a column begins."""
    tops = [0]
    for slot, level in enumerate(levels[1:-1], 1):
        is_ruled = any(abs(y - level) <= BORDER_TOLERANCE for y in ruled)
        tops.append(slot if is_ruled else tops[-1])
    return tops


def _ticked_table_cells(
    grid: _RuledTableGrid, ticks: Sequence[PdfWord], filled: Container[_RuledTableCell]
) -> dict[_RuledTableCell, list[PdfWord]]:
    """Return the cells that have nothing in them but a single tick."""
    ticks_by_cell: dict[_RuledTableCell, list[PdfWord]] = defaultdict(list)
    for tick in dict.fromkeys(ticks):  # one that is drawn twice counts once
        if pdf_box_holds(grid.bounds, tick):
            ticks_by_cell[grid.cell_of(tick)].append(tick)
    return {
        cell: words
        for cell, words in ticks_by_cell.items()
        if len(words) == 1 and cell not in filled
    }


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
