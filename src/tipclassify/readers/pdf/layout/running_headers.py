"""Drop running headers, footers and page numbers: rows that repeat across pages."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from statistics import median
from typing import Final, NamedTuple

from tipclassify.readers.pdf.layout.pages import MAX_RAISED_SIZE, Page, Row, group_rows, row_text

__all__ = ["drop_running_headers"]

_MARGIN_SHARE: Final = 0.3  # of the page height, at top and bottom; TeX sets page numbers far from the edge
_MAX_ROWS: Final = 4  # rows of a header or footer
_POSITION_TOLERANCE: Final = 4.0  # points
_MIN_PAGE_SHARE: Final = 0.4  # of the pages; left and right headers may differ
_MIN_GAP: Final = 1.45  # em from the text; wider than line spacing
_NUMBER: Final = r"(?:\d{1,4}|[ivxlc]{1,7})"
_PAGE_NUMBER: Final = re.compile(rf"\W*(?:(?:page|p\.)\s*)?{_NUMBER}(?:\s*(?:of|/|\|)\s*\d{{1,4}})?\W*", re.IGNORECASE)
_BROWSER_LINE: Final = re.compile(  # print headers and footers of browsers
    r"(?:https?|file):\S*\s+\d+\s*/\s*\d+|\d{1,4}[./-]\d{1,2}[./-]\d{2,4},? \d{1,2}:\d\d(?::\d\d)?(?:\s?[AP]M)?\b.*"
)
_NUMERAL: Final = re.compile(r"\d+|\b[ivxlc]+\b")
_NOTE_MARK: Final = re.compile(r"[\d*†‡§]{1,3}")


class _EdgeRow(NamedTuple):
    """Hold a row near an edge of the page; its offset from there, in points, is negative at the bottom."""

    row: Row
    text: str
    offset: float
    is_head: bool
    is_apart: bool  # a gap separates it from the next row inwards

    @property
    def size(self) -> float:
        return max(fragment.size for fragment in self.row)

    @property
    def form(self) -> str:
        """Return its text with digits and roman numerals masked."""
        return _NUMERAL.sub("#", self.text.lower())

    @property
    def slot(self) -> int:
        return round(self.offset / _POSITION_TOLERANCE)


def drop_running_headers(pages: Sequence[Page]) -> list[Page]:
    """Drop rows at top and bottom that repeat across pages, apart from digits, and page numbers.

    A row repeats if another page has the same text, apart from digits and roman numerals, at the same offset, and most
    rows at that offset repeat: a heading that opens two pages is where others have text. A gap separates it from the
    text, unless it is on nearly every page or every other one. A single row with the offset and type size of repeated
    ones is dropped too, as the header of a short chapter. Page numbers are also recognized by their form alone.
    """
    edges = [_edges(page) for page in pages]
    pages_with = Counter(key for found in edges for key in {(edge.form, edge.slot) for edge in found})

    def times(edge: _EdgeRow) -> int:
        return sum(pages_with[edge.form, slot] for slot in range(edge.slot - 1, edge.slot + 2))

    taken = Counter(edge.slot for found in edges for edge in found)
    repeated = Counter(edge.slot for found in edges for edge in found if times(edge) > 1)
    looks = {(edge.slot, edge.size) for found in edges for edge in found if times(edge) > 1}
    often = max(3, _MIN_PAGE_SHARE * len(pages))
    kept: list[Page] = []
    for page, found in zip(pages, edges, strict=True):
        removed: set[int] = set()
        for is_head in (True, False):
            run: list[int] = []
            for edge in (edge for edge in found if edge.is_head == is_head):
                count, printed = times(edge), _BROWSER_LINE.fullmatch(edge.text) is not None
                running = (edge.slot, edge.size) in looks and repeated[edge.slot] * 2 > taken[edge.slot]
                if not running and (run or not (printed or _PAGE_NUMBER.fullmatch(edge.text))):
                    break
                run += map(id, edge.row)
                if edge.is_apart or printed or count >= often:
                    removed.update(run)
        kept.append(
            replace(page, fragments=tuple(f for f in page.fragments if id(f) not in removed)) if removed else page
        )
    return kept


def _edges(page: Page) -> list[_EdgeRow]:
    """Return the rows near the top, downwards, then those near the bottom, upwards."""
    rows = group_rows(page.fragments)
    found: list[_EdgeRow] = []
    for is_head, ordered in ((True, rows), (False, rows[::-1])):
        start = 0.0 if is_head else page.height + 1
        for row, inner in zip(ordered[:_MAX_ROWS], [*ordered[1 : _MAX_ROWS + 1], None], strict=False):
            offset = row[0].y - start
            if abs(offset) > page.height * _MARGIN_SHARE or _is_note(row) or any(f.table for f in row):
                break
            apart = inner is None or abs(inner[0].y - row[0].y) > _MIN_GAP * median(f.size for f in inner)
            found.append(_EdgeRow(row, row_text(row), offset, is_head, apart))
    return found


def _is_note(row: Row) -> bool:
    """Return whether a row begins with a raised mark."""
    first = row[0].words[0]
    return (
        first.size < MAX_RAISED_SIZE * max(fragment.size for fragment in row)
        and _NOTE_MARK.fullmatch(first.text) is not None
    )
