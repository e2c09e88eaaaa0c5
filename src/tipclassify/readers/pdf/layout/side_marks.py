"""Drop what stands beside the text of many pages.

Such are letters of a thumb index, tabs, and numbers of lines.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import accumulate, product
from typing import Final, NamedTuple

from tipclassify.readers.pdf.layout.pages import Fragment, Page

__all__ = ["drop_side_marks"]

_MAX_WORDS: Final = 3  # words of a mark
_MAX_LETTERS: Final = 24  # characters of a mark
_MIN_TEXT_WORDS: Final = 4  # words of a fragment that is text
# of the letters of a page's text, which may stand out of it on either side
_EDGE_SHARE: Final = 0.03
_SLOT: Final = 6.0  # points between places that count as one
_MIN_PAGES: Final = 3  # pages with a mark at a place
_NEIGHBOURS: Final = tuple(product((-1, 0, 1), repeat=2))


class _Mark(NamedTuple):
    """Hold a mark: its text, its place in slots, and its type size in points."""

    text: str
    x: int
    y: int
    size: float


def drop_side_marks(pages: Sequence[Page]) -> list[Page]:
    """Drop short texts outside of the text's columns.

    They stand at the same place of other pages, too. A list marker hangs outside as well, but that
    it is the same on other pages is chance. Most of the marks in a line of them, one above the
    other, must repeat: then all of the line are dropped, since an index has letters with a single
    page.
    """
    found = [
        (page.number, fragment, _mark(fragment)) for page in pages for fragment in _beside(page)
    ]
    count = Counter(
        (mark.text, mark.x, mark.y) for _, mark in {(number, mark) for number, _, mark in found}
    )
    repeats = {
        mark: sum(count[mark.text, mark.x + right, mark.y + down] for right, down in _NEIGHBOURS)
        >= _MIN_PAGES
        for _, _, mark in found
    }
    total = Counter((mark.x, mark.size) for _, _, mark in found)
    often = Counter((mark.x, mark.size) for _, _, mark in found if repeats[mark])
    lines = {line for line in total if often[line] * 2 > total[line]}
    removed = {id(fragment) for _, fragment, mark in found if (mark.x, mark.size) in lines}
    if not removed:
        return list(pages)
    return [
        replace(page, fragments=tuple(f for f in page.fragments if id(f) not in removed))
        for page in pages
    ]


def _mark(fragment: Fragment) -> _Mark:
    return _Mark(
        fragment.text, round(fragment.x0 / _SLOT), round(fragment.y / _SLOT), fragment.size
    )


def _beside(page: Page) -> Iterator[Fragment]:
    """Yield the short fragments left and right of a page's text."""
    text = [f for f in page.fragments if len(f.words) >= _MIN_TEXT_WORDS]
    if not text:
        return
    left = _edge([(f.x0, len(f.text)) for f in text])
    right = -_edge([(-f.x1, len(f.text)) for f in text])
    for fragment in page.fragments:
        short = len(fragment.words) <= _MAX_WORDS and len(fragment.text) <= _MAX_LETTERS
        if short and fragment.table is None and (fragment.x1 < left or fragment.x0 > right):
            yield fragment


def _edge(ends: list[tuple[float, int]]) -> float:
    """Return the least end but for a small share of the letters."""
    ends = sorted(ends)
    sums = list(accumulate(letters for _, letters in ends))
    return next(
        end for (end, _), total in zip(ends, sums, strict=True) if total > _EDGE_SHARE * sums[-1]
    )
