"""Drop running headers, footers and page numbers: rows that repeat across pages."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from statistics import median
from typing import Final, NamedTuple

from tipclassify.readers.pdf.layout.pages import LARGE, Page, Row, body_size, group_rows

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


class _Edge(NamedTuple):
    """Hold a row near an edge: its text with masked numerals, and its place.

    The place is counted from the edge; a gap may follow inwards.
    """

    row: Row
    form: str
    slot: int
    size: float
    is_number: bool
    is_apart: bool


def drop_running_headers(pages: Sequence[Page]) -> list[Page]:
    """Drop rows at top and bottom that repeat across pages, apart from numerals, and page numbers.

    Most rows at its place repeat, too: a heading that opens two pages is where others have text. A
    gap separates it from the text, unless it is on nearly every page. One row in place and type
    size of repeated ones goes as well. Titles stay where they first stand: rows in large type, and
    what is below them in type as large as the text.
    """
    body = body_size(pages)
    titles: set[str] = set()
    parts = [part for page in pages for part in _edges(page)]
    edges = [edge for part in parts for edge in part]
    count = Counter((edge.form, edge.slot) for edge in edges)
    times = {key: sum(count[key[0], key[1] + shift] for shift in (-1, 0, 1)) for key in count}
    taken = Counter(edge.slot for edge in edges)
    repeated = [edge for edge in edges if times[edge.form, edge.slot] > 1]
    often = Counter(edge.slot for edge in repeated)
    looks = {(edge.slot, edge.size) for edge in repeated if often[edge.slot] * 2 > taken[edge.slot]}
    removed: set[int] = set()
    for part in parts:
        run: list[int] = []
        in_title = False
        for edge in part:
            if (edge.slot, edge.size) not in looks and (run or not edge.is_number):
                break
            if edge.slot > 0 and edge.form not in titles and not edge.is_number:
                in_title = edge.size >= (body if in_title else LARGE * body)
                if in_title:
                    titles.add(edge.form)
                    continue
            run += map(id, edge.row)
            if edge.is_apart or times[edge.form, edge.slot] >= max(3, _MIN_PAGE_SHARE * len(pages)):
                removed.update(run)
    return [
        replace(page, fragments=tuple(f for f in page.fragments if id(f) not in removed))
        for page in pages
    ]


def _edges(page: Page) -> Iterator[list[_Edge]]:
    """Yield the rows near the top, downwards, then those near the bottom, upwards."""
    rows = group_rows(page.fragments)
    for ordered, start in ((rows, 0.0), (rows[::-1], page.height + 1)):
        found: list[_Edge] = []
        for row, inner in zip(
            ordered[:_MAX_ROWS], [*ordered[1 : _MAX_ROWS + 1], None], strict=False
        ):
            offset, text = row[0].y - start, " ".join(f.text for f in row)
            if abs(offset) > page.height * _MARGIN_SHARE or any(f.table for f in row):
                break
            apart = inner is None or abs(inner[0].y - row[0].y) > _MIN_GAP * median(
                f.size for f in inner
            )
            form, slot = _NUMERAL.sub("#", text.lower()), round(offset / _POSITION_TOLERANCE)
            is_number = _PAGE_NUMBER.fullmatch(text) is not None
            found.append(_Edge(row, form, slot, max(f.size for f in row), is_number, apart))
        yield found
