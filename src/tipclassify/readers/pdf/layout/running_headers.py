"""Drop running headers, footers and page numbers: rows that repeat across pages."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Final, NamedTuple

from tipclassify.readers.pdf.layout.pages import (
    LARGE,
    PageLayout,
    Row,
    body_type_size,
    group_pdf_rows,
)

__all__ = ["drop_running_headers"]

# of the page height, at top and bottom; TeX sets page numbers far from the edge
_MARGIN_SHARE: Final = 0.3
_MAX_ROWS: Final = 4  # rows of a header or footer
_POSITION_TOLERANCE: Final = 4.0  # points
_MIN_PAGE_SHARE: Final = 0.4  # of the pages; left and right headers may differ
_MIN_GAP: Final = 1.45  # em from the text; wider than line spacing
_PAGE_NUMBER: Final = re.compile(
    r"(?i)\W*(?:(?:page|p\.)\s*)?(?:\d{1,4}|[ivxlc]{1,7})(?:\s*(?:of|/|\|)\s*\d{1,4})?\W*"
)
_NUMERAL: Final = re.compile(r"\d+|\b[ivxlc]+\b")


class _RunningHeaderLook(NamedTuple):
    """Hold the place of a row, counted from the edge in slots, and its type size in points."""

    slot: int
    size: float


@dataclass(frozen=True, slots=True)
class _PageEdgeRow:
    """Hold a row near an edge of a page."""

    row: Row
    form: str  # its text with masked numerals
    look: _RunningHeaderLook
    is_number: bool  # of a page
    is_apart: bool  # a gap separates it from what is further inside


@dataclass(frozen=True, slots=True)
class _RepeatedHeaders:
    """Hold what repeats near the edges of the pages of a document."""

    times: dict[tuple[str, int], int]  # by form and slot
    looks: set[_RunningHeaderLook]  # of places where most rows repeat


def drop_running_headers(pages: Sequence[PageLayout]) -> list[PageLayout]:
    """Drop rows at top and bottom that repeat across pages, apart from numerals, and page numbers.

    Most rows at its place repeat, too: a heading that opens two pages is where others have text. A
    gap separates it from the text, unless it is on nearly every page. One row in place and type
    size of repeated ones goes as well. Titles stay where they first stand: rows in large type, and
    what is below them in type as large as the text.
    """
    body = body_type_size(pages)
    edges = [edge for page in pages for edge in _rows_near_both_edges(page)]
    repeats = _find_repeated_headers([row for edge in edges for row in edge])
    min_times = max(3, _MIN_PAGE_SHARE * len(pages))
    titles: set[str] = set()  # forms of those so far
    removed: set[int] = set()
    for edge in edges:
        for edge_row in _running_header_rows(edge, repeats, min_times, titles, body):
            removed.update(id(fragment) for fragment in edge_row.row)
    return [
        replace(page, fragments=tuple(f for f in page.fragments if id(f) not in removed))
        for page in pages
    ]


def _find_repeated_headers(rows: Sequence[_PageEdgeRow]) -> _RepeatedHeaders:
    """Count how often each row is at its place, and find the places of repeated rows."""
    counts = Counter((row.form, row.look.slot) for row in rows)
    times: dict[tuple[str, int], int] = {}
    for form, slot in counts:
        near = (slot - 1, slot, slot + 1)  # a place between two slots may be in either
        times[form, slot] = sum(counts[form, near_slot] for near_slot in near)
    repeated = [row.look for row in rows if times[row.form, row.look.slot] > 1]
    all_counts = Counter(row.look.slot for row in rows)
    repeated_counts = Counter(look.slot for look in repeated)
    looks = {look for look in repeated if repeated_counts[look.slot] * 2 > all_counts[look.slot]}
    return _RepeatedHeaders(times, looks)


def _running_header_rows(
    edge: Sequence[_PageEdgeRow],
    repeats: _RepeatedHeaders,
    min_times: float,
    titles: set[str],
    body: float,
) -> list[_PageEdgeRow]:
    """Return the rows at one edge of a page that are a header or footer; add to the titles.

    `min_times` is on how many pages a row that no gap separates from the text must be.
    """
    rows: list[_PageEdgeRow] = []
    count = 0  # of those rows that a gap, or their number, tells from text
    in_title = False
    for edge_row in edge:
        # a page number may be the outermost row, without any like it
        if edge_row.look not in repeats.looks and (rows or not edge_row.is_number):
            break
        is_at_top = edge_row.look.slot > 0
        if is_at_top and edge_row.form not in titles and not edge_row.is_number:
            in_title = edge_row.look.size >= (body if in_title else LARGE * body)
            if in_title:
                titles.add(edge_row.form)
                continue
        rows.append(edge_row)
        if edge_row.is_apart or repeats.times[edge_row.form, edge_row.look.slot] >= min_times:
            count = len(rows)
    return rows[:count]


def _rows_near_both_edges(page: PageLayout) -> Iterator[list[_PageEdgeRow]]:
    """Yield the rows near the top, downwards, then those near the bottom, upwards."""
    rows = group_pdf_rows(page.fragments)
    yield _rows_near_page_edge(rows, 0.0, page.height)
    yield _rows_near_page_edge(rows[::-1], page.height + 1, page.height)


def _rows_near_page_edge(rows: Sequence[Row], edge: float, height: float) -> list[_PageEdgeRow]:
    """Return the rows near one edge of a page, whose rows are ordered inwards from it."""
    edge_rows: list[_PageEdgeRow] = []
    for at, row in enumerate(rows[:_MAX_ROWS]):
        offset = row[0].y - edge
        if abs(offset) > height * _MARGIN_SHARE or any(f.table for f in row):
            break
        text = " ".join(f.text for f in row)
        size = max(f.size for f in row)
        inner = rows[at + 1] if at + 1 < len(rows) else None
        edge_rows.append(
            _PageEdgeRow(
                row=row,
                form=_NUMERAL.sub("#", text.lower()),
                look=_RunningHeaderLook(round(offset / _POSITION_TOLERANCE), size),
                is_number=_PAGE_NUMBER.fullmatch(text) is not None,
                is_apart=inner is None or _pdf_rows_are_apart(row, inner),
            )
        )
    return edge_rows


def _pdf_rows_are_apart(row: Row, inner: Row) -> bool:
    return abs(inner[0].y - row[0].y) > _MIN_GAP * median(f.size for f in inner)
