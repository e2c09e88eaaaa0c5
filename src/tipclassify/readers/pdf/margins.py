"""Drop what pages repeat around their text.

These are running headers, footers and page numbers, and at the side thumb indexes and line numbers.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace
from statistics import median
from typing import Final, NamedTuple

from tipclassify.readers.pdf.lines import LARGE, Fragment, Page, Row, body_size, group_rows

# of the page height, at top and bottom; TeX sets page numbers far from the edge
_MARGIN_SHARE: Final = 0.3
_MAX_ROWS: Final = 4  # rows of a header or footer
_SLOT: Final = 4.0  # points between heights that count as one
_MIN_PAGE_SHARE: Final = 0.4  # of the pages; left and right headers may differ
_MIN_GAP: Final = 1.45  # em from the text; wider than line spacing
_PAGE_NUMBER: Final = re.compile(
    r"(?i)\W*(?:(?:page|p\.)\s*)?(?:\d{1,4}|[ivxlc]{1,7})(?:\s*(?:of|/|\|)\s*\d{1,4})?\W*"
)
_NUMERAL: Final = re.compile(r"\d+|\b[ivxlc]+\b")
_MAX_MARK_WORDS: Final = 3  # of a mark at the side
_MIN_MARK_PAGES: Final = 3  # pages with a mark at a place
_MARK_SLOT: Final = 6.0  # points between places that count as one
_OUTSIDE_SHARE: Final = 0.03  # of the fragments of text, which may hang out of it on either side


class _EdgeRow(NamedTuple):
    """Hold a row near the top or bottom of a page."""

    row: Row
    text: str  # with masked numerals
    slot: int  # height from the edge, negative at the bottom
    size: float
    is_number: bool  # of a page
    is_apart: bool  # a gap separates it from what is further inside


def drop_running_headers(pages: Sequence[Page]) -> list[Page]:
    """Drop rows at top and bottom that repeat across pages, apart from numerals, and page numbers.

    Most rows at its place repeat, too: a heading that opens two pages is where others have text. A
    gap separates it from the text, unless it is on nearly every page. One row in place and type
    size of repeated ones goes as well. Titles stay where they first stand: rows in large type, and
    what is below them in type as large as the text.
    """
    body = body_size(pages)
    edges: list[list[_EdgeRow]] = []
    for page in pages:
        rows = group_rows(page.fragments)
        edges.append(_edge_rows(rows, 0.0, page.height))
        edges.append(_edge_rows(rows[::-1], page.height + 1, page.height))
    all_rows = [row for edge in edges for row in edge]
    counts = Counter((row.text, row.slot) for row in all_rows)

    def times(row: _EdgeRow) -> int:
        """Count its text at its height, and in the slots above and below."""
        return sum(counts[row.text, row.slot + step] for step in (-1, 0, 1))

    repeated = [row for row in all_rows if times(row) > 1]
    rows_in_slot = Counter(row.slot for row in all_rows)
    repeated_in_slot = Counter(row.slot for row in repeated)
    looks: set[tuple[int, float]] = set()  # heights and type sizes of repeated rows
    for row in repeated:
        if 2 * repeated_in_slot[row.slot] > rows_in_slot[row.slot]:
            looks.add((row.slot, row.size))
    min_times = max(3, _MIN_PAGE_SHARE * len(pages))
    titles: set[str] = set()  # texts of those so far
    removed: set[int] = set()
    for edge in edges:
        headers: list[int] = []
        for row in _without_titles(edge, looks, titles, body):
            headers += map(id, row.row)
            if row.is_apart or times(row) >= min_times:
                removed.update(headers)
    return _without(pages, removed)


def _without_titles(
    edge: Sequence[_EdgeRow], looks: Collection[tuple[int, float]], titles: set[str], body: float
) -> list[_EdgeRow]:
    """Return the outermost rows that look like headers, without titles; add to those."""
    rows: list[_EdgeRow] = []
    in_title = False
    for row in edge:
        # a page number may be the outermost row, without any like it
        if (row.slot, row.size) not in looks and (rows or not row.is_number):
            break
        if row.slot > 0 and row.text not in titles and not row.is_number:
            in_title = row.size >= (body if in_title else LARGE * body)
            if in_title:
                titles.add(row.text)
                continue
        rows.append(row)
    return rows


def _edge_rows(rows: Sequence[Row], edge: float, height: float) -> list[_EdgeRow]:
    """Return the rows near one edge of a page, whose rows are ordered inwards from it."""
    edge_rows: list[_EdgeRow] = []
    for at, row in enumerate(rows[:_MAX_ROWS]):
        offset = row[0].y - edge
        if abs(offset) > height * _MARGIN_SHARE or any(f.table for f in row):
            break
        text = " ".join(f.text for f in row)
        is_apart = True
        if at + 1 < len(rows):
            inner = rows[at + 1]
            is_apart = abs(inner[0].y - row[0].y) > _MIN_GAP * median(f.size for f in inner)
        edge_rows.append(
            _EdgeRow(
                row=row,
                text=_NUMERAL.sub("#", text.lower()),
                slot=round(offset / _SLOT),
                size=max(f.size for f in row),
                is_number=_PAGE_NUMBER.fullmatch(text) is not None,
                is_apart=is_apart,
            )
        )
    return edge_rows


def drop_side_marks(pages: Sequence[Page]) -> list[Page]:
    """Drop thumb indexes, tabs and line numbers: short texts beside the text of several pages.

    A list marker is beside the text, too, but at the same place of other pages by chance alone.
    Marks in type of one size that are above each other are all dropped if most of them repeat: an
    index may have a letter for a single page.
    """
    marks = [(page.number, f) for page in pages for f in _fragments_beside_text(page)]
    # one that a page has twice counts once
    counts = Counter(place for _, place in {(page, _mark_place(f)) for page, f in marks})
    strips: dict[tuple[int, float], list[tuple[Fragment, bool]]] = defaultdict(list)
    for _, f in marks:
        text, x, y = _mark_place(f)
        times = sum(counts[text, x, y + step] for step in (-1, 0, 1))
        strips[x, f.size].append((f, times >= _MIN_MARK_PAGES))
    removed: set[int] = set()
    for strip in strips.values():
        if 2 * sum(is_repeated for _, is_repeated in strip) > len(strip):
            removed.update(id(f) for f, _ in strip)
    return _without(pages, removed)


def _mark_place(mark: Fragment) -> tuple[str, int, int]:
    """Return the text of a mark, and where it is, in slots."""
    return mark.text, round(mark.x0 / _MARK_SLOT), round(mark.y / _MARK_SLOT)


def _fragments_beside_text(page: Page) -> list[Fragment]:
    """Return the short fragments left and right of a page's text."""
    text = [f for f in page.fragments if len(f.words) > _MAX_MARK_WORDS]
    if not text:
        return []
    outside = int(_OUTSIDE_SHARE * len(text))
    left = sorted(f.x0 for f in text)[outside]
    right = sorted(f.x1 for f in text)[-1 - outside]
    return [
        f
        for f in page.fragments
        if len(f.words) <= _MAX_MARK_WORDS and f.table is None and (f.x1 < left or f.x0 > right)
    ]


def _without(pages: Sequence[Page], removed: Collection[int]) -> list[Page]:
    """Return the pages without the fragments that have these ids."""
    return [
        replace(page, fragments=[f for f in page.fragments if id(f) not in removed])
        for page in pages
    ]
