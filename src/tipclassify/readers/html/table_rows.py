"""Join the cells of the table rows of a web page into lines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from tipclassify.readers.html.line_builder import HtmlLine
from tipclassify.readers.source_blocks import join_source_cells

__all__ = ["HtmlTableRows"]

_MIN_PARAGRAPH: Final = 150  # characters; a longer cell of a table is a paragraph
# of a list in a layout table
_ENUMERATOR: Final = re.compile(r"\(?(?:\d{1,3}|[a-z]|[ivx]{1,5})[.)]|[•●▪◦‣*·–—-]")


@dataclass(frozen=True, slots=True)
class _OpenHtmlRow:
    """A table row that is being read, by the numbers of its lines."""

    first_line: int
    cell_starts: list[int]  # first line of each cell


class HtmlTableRows:
    """Hold the table rows that are being read: a cell may have a table of its own.

    `lines` are the finished lines of the page, to which others add those of the cells.
    """

    def __init__(self, lines: list[HtmlLine]) -> None:
        self._lines = lines
        self._open_rows: list[_OpenHtmlRow] = []

    def start_row_or_cell(self, tag: str) -> None:
        """Note the line at which a row or a cell begins, if an element of this tag is one."""
        if tag == "tr":
            self._open_rows.append(_OpenHtmlRow(len(self._lines), []))
        elif tag in ("td", "th") and self._open_rows:
            self._open_rows[-1].cell_starts.append(len(self._lines))

    def end_row(self, group: int) -> None:
        """End a row, and join its cells into one line of a group if each has one.

        A layout table with paragraphs and a menu stays as it is.
        """
        if not self._open_rows:
            return
        row = self._open_rows.pop()
        cells = [
            self._lines[start:end]
            for start, end in pairwise([*row.cell_starts, len(self._lines)])
            if start < end
        ]
        if len(cells) < 2 or any(len(cell) > 1 or cell[0].kind == "heading" for cell in cells):
            return
        lines = [cell[0] for cell in cells]
        has_menu = any(line.is_link for line in lines)
        has_paragraph = any(len(line.text) > _MIN_PARAGRAPH for line in lines)
        if not (has_menu and has_paragraph):
            self._lines[row.first_line :] = [_join_html_cells(lines, group)]


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
