"""Drop marks beside the text of many pages: thumb indexes, tabs, numbers of lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Final, NamedTuple

from tipclassify.readers.pdf.layout.pages import PageLayout, PdfFragment

__all__ = ["drop_side_marks"]

_MAX_WORDS: Final = 3  # words of a mark
_MAX_LETTERS: Final = 24  # characters of a mark
_MIN_TEXT_WORDS: Final = 4  # words of a fragment that is text
# of the letters of a page's text, which may stand out of it on either side
_EDGE_SHARE: Final = 0.03
_SLOT: Final = 6.0  # points between places that count as one
_MIN_PAGES: Final = 3  # pages with a mark at a place
_NEIGHBOURS: Final = tuple(product((-1, 0, 1), repeat=2))


class _SideMarkPlace(NamedTuple):
    """Hold a place on a page, in slots."""

    x: int
    y: int


class _SideMark(NamedTuple):
    """Hold a mark: its text, its place, and its type size in points."""

    text: str
    place: _SideMarkPlace
    size: float

    @property
    def line(self) -> tuple[int, float]:
        """Key of the marks that stand one above the other, in type of one size."""
        return self.place.x, self.size


@dataclass(frozen=True, slots=True)
class _SideMarkOnPage:
    """Hold a mark, its page, and the fragment that it was made of."""

    page: int
    fragment: PdfFragment
    mark: _SideMark


def drop_side_marks(pages: Sequence[PageLayout]) -> list[PageLayout]:
    """Drop short texts outside of the text's columns that repeat on other pages.

    They stand at the same place there. A list marker hangs outside as well, but that it is the same
    on other pages is chance. Most of the marks in a line of them, one above the other, must repeat:
    then all of the line are dropped, since an index has letters with a single page.
    """
    marks_on_pages: list[_SideMarkOnPage] = []
    for page in pages:
        for fragment in _fragments_beside_text(page):
            mark = _side_mark_of_fragment(fragment)
            marks_on_pages.append(_SideMarkOnPage(page.number, fragment, mark))
    marks = [on_page.mark for on_page in marks_on_pages]
    repeated = _repeated_side_marks(marks_on_pages)
    mark_counts = Counter(mark.line for mark in marks)
    repeated_counts = Counter(mark.line for mark in marks if mark in repeated)
    lines = {line for line in mark_counts if repeated_counts[line] * 2 > mark_counts[line]}
    removed = {id(on_page.fragment) for on_page in marks_on_pages if on_page.mark.line in lines}
    if not removed:
        return list(pages)
    return [
        replace(page, fragments=tuple(f for f in page.fragments if id(f) not in removed))
        for page in pages
    ]


def _repeated_side_marks(marks_on_pages: Sequence[_SideMarkOnPage]) -> set[_SideMark]:
    """Return the marks whose text stands at the same place of several pages."""
    # a mark that a page has twice counts once
    marks_by_page = {(on_page.page, on_page.mark) for on_page in marks_on_pages}
    page_counts = Counter((mark.text, mark.place) for _, mark in marks_by_page)
    repeated: set[_SideMark] = set()
    for mark in {on_page.mark for on_page in marks_on_pages}:
        count = 0
        for right, down in _NEIGHBOURS:  # a place between two slots may be in either
            place = _SideMarkPlace(mark.place.x + right, mark.place.y + down)
            count += page_counts[mark.text, place]
        if count >= _MIN_PAGES:
            repeated.add(mark)
    return repeated


def _side_mark_of_fragment(fragment: PdfFragment) -> _SideMark:
    place = _SideMarkPlace(round(fragment.x0 / _SLOT), round(fragment.y / _SLOT))
    return _SideMark(fragment.text, place, fragment.size)


def _fragments_beside_text(page: PageLayout) -> Iterator[PdfFragment]:
    """Yield the short fragments left and right of a page's text."""
    text = [f for f in page.fragments if len(f.words) >= _MIN_TEXT_WORDS]
    if not text:
        return
    left = _edge_of_pdf_text([(f.x0, len(f.text)) for f in text])
    right = -_edge_of_pdf_text([(-f.x1, len(f.text)) for f in text])
    for fragment in page.fragments:
        short = len(fragment.words) <= _MAX_WORDS and len(fragment.text) <= _MAX_LETTERS
        if short and fragment.table is None and (fragment.x1 < left or fragment.x0 > right):
            yield fragment


def _edge_of_pdf_text(ends: list[tuple[float, int]]) -> float:
    """Return the least of the ends of fragments, each with its letters, but for a small share."""
    max_outside = _EDGE_SHARE * sum(letters for _, letters in ends)
    outside = 0
    for end, letters in sorted(ends):
        outside += letters
        if outside > max_outside:
            return end
    return max(end for end, _ in ends)  # fragments without any letter
