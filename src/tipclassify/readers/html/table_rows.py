"""Join the cells of the table rows of a web page into lines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from lxml import etree

from tipclassify.readers.html.line_builder import HtmlLine
from tipclassify.readers.source_blocks import carried_source_cells, join_source_cells

__all__ = ["HtmlTableRows"]

_MIN_PARAGRAPH: Final = 150  # characters; a longer cell of a table is a paragraph
_MAX_SPAN: Final = 100  # rows or columns of one cell
_MAX_COLUMN: Final = 100  # cells further right reach into no other row, which bounds the time
# of a list in a layout table
_ENUMERATOR: Final = re.compile(r"\(?(?:\d{1,3}|[a-z]|[ivx]{1,5})[.)]|[•●▪◦‣*·–—-]")


@dataclass(frozen=True, slots=True)
class _OpenHtmlCell:
    """A cell that is being read."""

    first_line: int  # by its number
    rows: int  # that it spans
    columns: int


@dataclass(frozen=True, slots=True)
class _OpenHtmlRow:
    """A table row that is being read."""

    first_line: int  # by its number
    cells: list[_OpenHtmlCell]


@dataclass(slots=True)
class _SpanningHtmlCell:
    """A cell that reaches into the rows below."""

    column: int
    columns: int
    line: HtmlLine | None  # None if no row repeats it: it is empty, a heading, or several lines
    rows_left: int

    @property
    def end(self) -> int:
        """Column after its last."""
        return self.column + self.columns


class HtmlTableRows:
    """Hold the table rows that are being read: a cell may have a table of its own.

    `lines` are the finished lines of the page, to which others add those of the cells.
    """

    def __init__(self, lines: list[HtmlLine]) -> None:
        self._lines = lines
        self._open_rows: list[_OpenHtmlRow] = []
        # by the table or group of rows that they end with
        self._spanning: dict[etree._Element, list[_SpanningHtmlCell]] = {}

    def start_row_or_cell(self, element: etree._Element) -> None:
        """Note the line at which a row or a cell begins, if an element is one."""
        if element.tag == "tr":
            self._open_rows.append(_OpenHtmlRow(len(self._lines), []))
        elif element.tag in ("td", "th") and self._open_rows:
            rows = _span_of_html_cell(element, "rowspan")
            columns = _span_of_html_cell(element, "colspan")
            self._open_rows[-1].cells.append(_OpenHtmlCell(len(self._lines), rows, columns))

    def end_row(self, element: etree._Element, group: int) -> None:
        """End a row, and join its cells into one line of a group if each has one.

        Cells of rows above that reach into it are among them. A layout table with paragraphs and a
        menu stays as it is.
        """
        if not self._open_rows:
            return
        row = self._open_rows.pop()
        spanning = self._spanning.setdefault(element.getparent(), [])
        lines_by_column = _carried_html_lines(spanning)
        own_lines = self._place_cells(row, spanning)
        lines_by_column.update(own_lines)
        cells = [lines_by_column[column] for column in sorted(lines_by_column)]
        if not own_lines or len(cells) < 2:
            return
        if any(len(cell) > 1 or cell[0].kind == "heading" for cell in cells):
            return
        lines = [cell[0] for cell in cells]
        has_menu = any(line.is_link for line in lines)
        has_paragraph = any(len(line.text) > _MIN_PARAGRAPH for line in lines)
        if not (has_menu and has_paragraph):
            self._lines[row.first_line :] = [_join_html_cells(lines, group)]

    def _place_cells(
        self, row: _OpenHtmlRow, spanning: list[_SpanningHtmlCell]
    ) -> dict[int, list[HtmlLine]]:
        """Return the lines of a row's cells by column, and note which reach into the next row."""
        taken = {column for above in spanning for column in range(above.column, above.end)}
        for above in spanning:
            above.rows_left -= 1
        spanning[:] = [above for above in spanning if above.rows_left > 0]
        lines_by_column: dict[int, list[HtmlLine]] = {}
        column = 0
        starts = [cell.first_line for cell in row.cells]
        spans = pairwise([*starts, len(self._lines)])
        for cell, (start, end) in zip(row.cells, spans, strict=True):
            while column in taken:
                column += 1
            lines = self._lines[start:end]
            if lines:
                lines_by_column[column] = lines
            if cell.rows > 1 and column < _MAX_COLUMN:
                is_carried = len(lines) == 1 and lines[0].kind != "heading"
                line = lines[0] if is_carried else None
                spanning.append(_SpanningHtmlCell(column, cell.columns, line, cell.rows - 1))
            column += cell.columns
        return lines_by_column


def _span_of_html_cell(cell: etree._Element, attribute: str) -> int:
    """Return how many rows or columns a cell spans, at most `_MAX_SPAN`."""
    span = cell.get(attribute, "1").strip()
    if not span.isdecimal():
        return 1
    return min(int(span[:4]), _MAX_SPAN) or 1


def _carried_html_lines(spanning: Sequence[_SpanningHtmlCell]) -> dict[int, list[HtmlLine]]:
    """Return the lines that a row repeats of the cells that reach into it, by column."""
    lines = {cell.column: cell.line for cell in spanning if cell.line is not None}
    columns = sorted(lines)
    carried_texts = carried_source_cells(lines[column].text for column in columns)
    return {
        column: [lines[column]] for column, text in zip(columns, carried_texts, strict=True) if text
    }


def _join_html_cells(cells: Sequence[HtmlLine], group: int) -> HtmlLine:
    """Join the cells of a row into one line, with bars between but for its enumerator."""
    texts = [cell.text for cell in cells]
    if _ENUMERATOR.fullmatch(texts[0]):
        text = f"{texts[0]} {join_source_cells(texts[1:])}"
    else:
        text = join_source_cells(texts)
    size = sum(map(len, texts))
    linked_size = sum(cell.linked * len(cell.text) for cell in cells)
    return replace(
        cells[0], text=text, kind="row", linked=linked_size / size, bold=False, group=group
    )
