"""Pages in, the same without running heads, feet and page numbers out: what repeats across pages is not their text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from statistics import median
from typing import Final, NamedTuple

from tipclassify.readers.pdf.layout.pages import SMALL, Page, Row, row_text, rows_of

__all__ = ["drop_running_rows"]

_ZONE: Final = 0.3  # of the height, at top and bottom, where running heads stand: TeX puts page numbers high
_DEEP: Final = 4  # rows of them at most
_PLACE: Final = 4.0  # points that their place may vary by
_OFTEN: Final = 0.4  # of the pages: heads of left and right pages may differ
_APART: Final = 1.45  # em from the text at least: more than lines of a paragraph have
_NUMBER: Final = r"(?:\d{1,4}|[ivxlc]{1,7})"
_PAGE_NUMBER: Final = re.compile(rf"\W*(?:(?:page|p\.)\s*)?{_NUMBER}(?:\s*(?:of|/|\|)\s*\d{{1,4}})?\W*", re.IGNORECASE)
_PRINTED: Final = re.compile(  # what browsers put at head and foot
    r"(?:https?|file):\S*\s+\d+\s*/\s*\d+|\d{1,4}[./-]\d{1,2}[./-]\d{2,4},? \d{1,2}:\d\d(?::\d\d)?(?:\s?[AP]M)?\b.*"
)
_COUNTED: Final = re.compile(r"\d+|\b[ivxlc]+\b")
_RAISED: Final = re.compile(r"[\d*†‡§]{1,3}")


class _Edge(NamedTuple):
    """A row near an edge; its place is counted from there, and negative at the foot."""

    row: Row
    text: str
    place: float
    is_head: bool
    is_apart: bool  # by white from the row further in

    @property
    def size(self) -> float:
        return max(fragment.size for fragment in self.row)

    @property
    def form(self) -> str:
        """Its text but for digits and roman numerals."""
        return _COUNTED.sub("#", self.text.lower())

    @property
    def slot(self) -> int:
        return round(self.place / _PLACE)


def drop_running_rows(pages: Sequence[Page]) -> list[Page]:
    """Pages without the rows at top and bottom that repeat across pages but for digits, and without page numbers.

    A row repeats if one of the same text, digits and roman numerals apart, stands in the same place on another page,
    and most of the rows in that place repeat: a heading that happens to open two pages stands where other pages
    have text. White parts it from the text, unless it is on nearly every page, or every other. A lone row in the
    place and type of those that repeat goes too: the head of a short chapter. A page number is also known by its form
    alone.
    """
    edges = [_edges(page) for page in pages]
    pages_with = Counter(key for found in edges for key in {(edge.form, edge.slot) for edge in found})

    def times(edge: _Edge) -> int:
        return sum(pages_with[edge.form, slot] for slot in range(edge.slot - 1, edge.slot + 2))

    taken = Counter(edge.slot for found in edges for edge in found)
    repeated = Counter(edge.slot for found in edges for edge in found if times(edge) > 1)
    looks = {(edge.slot, edge.size) for found in edges for edge in found if times(edge) > 1}
    often = max(3, _OFTEN * len(pages))
    kept: list[Page] = []
    for page, found in zip(pages, edges, strict=True):
        gone: set[int] = set()
        for is_head in (True, False):
            run: list[int] = []
            for edge in (edge for edge in found if edge.is_head == is_head):
                count, printed = times(edge), _PRINTED.fullmatch(edge.text) is not None
                running = (edge.slot, edge.size) in looks and repeated[edge.slot] * 2 > taken[edge.slot]
                if not running and (run or not (printed or _PAGE_NUMBER.fullmatch(edge.text))):
                    break
                run += map(id, edge.row)
                if edge.is_apart or printed or count >= often:
                    gone.update(run)
        kept.append(replace(page, fragments=tuple(f for f in page.fragments if id(f) not in gone)) if gone else page)
    return kept


def _edges(page: Page) -> list[_Edge]:
    """Rows near the top from there down, then rows near the bottom from there up."""
    rows = rows_of(page.fragments)
    found: list[_Edge] = []
    for is_head, ordered in ((True, rows), (False, rows[::-1])):
        start = 0.0 if is_head else page.height + 1
        for row, inner in zip(ordered[:_DEEP], [*ordered[1 : _DEEP + 1], None], strict=False):
            place = row[0].y - start
            if abs(place) > page.height * _ZONE or _is_note(row):
                break
            apart = inner is None or abs(inner[0].y - row[0].y) > _APART * median(f.size for f in inner)
            found.append(_Edge(row, row_text(row), place, is_head, apart))
    return found


def _is_note(row: Row) -> bool:
    """Whether a row begins with a raised mark."""
    first = row[0].words[0]
    return first.size < SMALL * max(fragment.size for fragment in row) and _RAISED.fullmatch(first.text) is not None
