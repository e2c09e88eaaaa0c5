"""Drop what pages repeat beside the text, and put bullets for the marks of symbol fonts.

Dropped are running headers, footers, page numbers, thumb indexes, tabs and numbers of lines: short
texts that stand at the same place of several pages.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from statistics import median
from typing import Final, NamedTuple

from tipclassify.readers.pdf.lines import (
    LARGE,
    Fragment,
    Page,
    Row,
    Word,
    body_size,
    group_rows,
    make_page,
)

# of the page height, at top and bottom; TeX sets page numbers far from the edge
_MARGIN_SHARE: Final = 0.3
_MAX_ROWS: Final = 4  # rows of a header or footer
_HEADER_SLOT: Final = 4.0  # points between heights that count as one
_MIN_PAGE_SHARE: Final = 0.4  # of the pages; left and right headers may differ
_MIN_GAP: Final = 1.45  # em from the text; wider than line spacing
_PAGE_NUMBER: Final = re.compile(
    r"(?i)\W*(?:(?:page|p\.)\s*)?(?:\d{1,4}|[ivxlc]{1,7})(?:\s*(?:of|/|\|)\s*\d{1,4})?\W*"
)
_NUMERAL: Final = re.compile(r"\d+|\b[ivxlc]+\b")

_MAX_MARK_WORDS: Final = 3
_MAX_MARK_LETTERS: Final = 24
_MIN_TEXT_WORDS: Final = 4  # words of a fragment that is text
# of the letters of a page's text, which may stand out of it on either side
_EDGE_SHARE: Final = 0.03
_MARK_SLOT: Final = 6.0  # points between places that count as one
_MIN_MARK_PAGES: Final = 3  # pages with a mark at a place

_SYMBOL_FONT: Final = re.compile(r"wingding|webding|dingbat|bullet", re.IGNORECASE)
_MIN_BULLETS: Final = 3  # of a font whose name says nothing
_MAX_FORMS: Final = 2  # unlike marks of such a font
_WORD_LETTERS: Final = frozenset("AIaOo")  # letters that are words, and may begin many lines
_SAME_LINE: Final = 0.35  # em between baselines of one line
_BULLET: Final = "•"


class _Place(NamedTuple):
    """Hold a text, and where it stands, in slots."""

    text: str
    x: int
    y: int


def _count_near(counts: Counter[_Place], place: _Place) -> int:
    """Count a text at a place and around it: what is between two slots may be in either."""
    around = product((place.x - 1, place.x, place.x + 1), (place.y - 1, place.y, place.y + 1))
    return sum(counts[_Place(place.text, x, y)] for x, y in around)


def _majority(keys: Iterable[Hashable], of_all: Iterable[Hashable]) -> set[Hashable]:
    """Return the keys whose count in `keys` is more than half of that in `of_all`."""
    counts = Counter(of_all)
    return {key for key, count in Counter(keys).items() if count * 2 > counts[key]}


def _without(pages: Sequence[Page], removed: Iterable[Fragment]) -> list[Page]:
    ids = {id(fragment) for fragment in removed}
    return [
        replace(page, fragments=tuple(f for f in page.fragments if id(f) not in ids))
        for page in pages
    ]


@dataclass(frozen=True, slots=True)
class _EdgeRow:
    """Hold a row near the top or bottom of a page."""

    row: Row
    place: _Place  # its text with masked numerals; counted from the edge
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
    counts = Counter(row.place for row in all_rows)
    times = {place: _count_near(counts, place) for place in counts}
    repeated = [row for row in all_rows if times[row.place] > 1]
    slots = _majority((row.place.y for row in repeated), (row.place.y for row in all_rows))
    looks = {(row.place.y, row.size) for row in repeated if row.place.y in slots}
    everywhere = {place for place in times if times[place] >= max(3, _MIN_PAGE_SHARE * len(pages))}
    titles: set[str] = set()  # texts of those so far
    removed: list[Fragment] = []
    for edge in edges:
        for row in _headers(edge, looks, everywhere, titles, body):
            removed += row
    return _without(pages, removed)


def _headers(
    edge: Sequence[_EdgeRow],
    looks: Collection[tuple[int, float]],
    everywhere: Collection[_Place],
    titles: set[str],
    body: float,
) -> list[Row]:
    """Return the rows at one edge of a page that are a header or footer; add to the titles.

    `looks` are the heights and type sizes of repeated rows. A row that is not `everywhere` must be
    apart from the text.
    """
    rows: list[Row] = []
    count = 0  # of those rows that a gap, or their number, tells from text
    in_title = False
    for edge_row in edge:
        place = edge_row.place
        # a page number may be the outermost row, without any like it
        if (place.y, edge_row.size) not in looks and (rows or not edge_row.is_number):
            break
        is_at_top = place.y > 0
        if is_at_top and place.text not in titles and not edge_row.is_number:
            in_title = edge_row.size >= (body if in_title else LARGE * body)
            if in_title:
                titles.add(place.text)
                continue
        rows.append(edge_row.row)
        if edge_row.is_apart or place in everywhere:
            count = len(rows)
    return rows[:count]


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
                place=_Place(_NUMERAL.sub("#", text.lower()), 0, round(offset / _HEADER_SLOT)),
                size=max(f.size for f in row),
                is_number=_PAGE_NUMBER.fullmatch(text) is not None,
                is_apart=is_apart,
            )
        )
    return edge_rows


class _SideMark(NamedTuple):
    """Hold a short text beside the text of a page."""

    fragment: Fragment
    page: int
    place: _Place

    @property
    def line(self) -> tuple[int, float]:
        """Key of the marks that stand one above the other, in type of one size."""
        return self.place.x, self.fragment.size


def drop_side_marks(pages: Sequence[Page]) -> list[Page]:
    """Drop short texts outside of the text's columns that repeat on other pages.

    They stand at the same place there. A list marker hangs outside as well, but that it is the same
    on other pages is chance. Most of the marks in a line of them, one above the other, must repeat:
    then all of the line are dropped, since an index has letters with a single page.
    """
    marks: list[_SideMark] = []
    for page in pages:
        for f in _fragments_beside_text(page):
            place = _Place(f.text, round(f.x0 / _MARK_SLOT), round(f.y / _MARK_SLOT))
            marks.append(_SideMark(f, page.number, place))
    # a mark that a page has twice counts once
    on_pages = {(mark.page, mark.place, mark.fragment.size) for mark in marks}
    counts = Counter(place for _, place, _ in on_pages)
    repeated = {place for place in counts if _count_near(counts, place) >= _MIN_MARK_PAGES}
    repeated_lines = (mark.line for mark in marks if mark.place in repeated)
    lines = _majority(repeated_lines, (mark.line for mark in marks))
    return _without(pages, (mark.fragment for mark in marks if mark.line in lines))


def _fragments_beside_text(page: Page) -> Iterator[Fragment]:
    """Yield the short fragments left and right of a page's text."""
    text = [f for f in page.fragments if len(f.words) >= _MIN_TEXT_WORDS]
    if not text:
        return
    left = _edge_of_text([(f.x0, len(f.text)) for f in text])
    right = -_edge_of_text([(-f.x1, len(f.text)) for f in text])
    for f in page.fragments:
        is_short = len(f.words) <= _MAX_MARK_WORDS and len(f.text) <= _MAX_MARK_LETTERS
        if is_short and f.table is None and (f.x1 < left or f.x0 > right):
            yield f


def _edge_of_text(ends: list[tuple[float, int]]) -> float:
    """Return the least of the ends of fragments, each with its letters, but for a small share."""
    max_outside = _EDGE_SHARE * sum(letters for _, letters in ends)
    outside = 0
    for end, letters in sorted(ends):
        outside += letters
        if outside > max_outside:
            return end
    return max(end for end, _ in ends)  # fragments without any letter


def put_bullets(pages: Sequence[Page]) -> list[Page]:
    """Put a bullet in place of each mark of a symbol font, which has the name of a letter.

    "b In March" is "• In March". A font is one by its name, or if all that the file has in it is
    one letter or two, each alone at the beginning of a line, before a word in another font.
    """
    fonts = _symbol_fonts(pages)
    marked = list(pages)
    for at, page in enumerate(pages):
        if fonts.isdisjoint(word.font for word in page.words):
            continue
        words: list[Word] = []
        for word in page.words:
            is_mark = word.font in fonts and len(word.text) == 1 and word.text.isalnum()
            words.append(word._replace(text=_BULLET) if is_mark else word)
        marked[at] = make_page(
            page.number, page.width, page.height, words, page.shapes, page.problem
        )
    return marked


def _symbol_fonts(pages: Sequence[Page]) -> set[str]:
    """Return the names of the symbol fonts of a document."""
    all_fonts = {word.font for page in pages for word in page.words}
    # fonts with a text of several letters; the others may be of marks
    word_fonts = {word.font for page in pages for word in page.words if len(word.text) > 1}
    letter_fonts = all_fonts - word_fonts - {""}
    symbol_fonts = {font for font in word_fonts | letter_fonts if _SYMBOL_FONT.search(font)}
    if letter_fonts <= symbol_fonts:
        return symbol_fonts
    marks: dict[str, list[str]] = defaultdict(list)
    for page in pages:
        for at, word in enumerate(page.words):
            if word.font in letter_fonts:
                # what is no mark has no letter
                marks[word.font].append(word.text if _opens_line(page.words, at) else "")
    for font, texts in marks.items():
        forms = set(texts)
        are_letters = all(form.isalpha() and form not in _WORD_LETTERS for form in forms)
        if are_letters and len(forms) <= _MAX_FORMS and len(texts) >= _MIN_BULLETS:
            symbol_fonts.add(font)
    return symbol_fonts


def _opens_line(words: Sequence[Word], at: int) -> bool:
    """Return whether a word begins a line, before a word in another font."""
    word = words[at]
    if at + 1 == len(words) or (at > 0 and _is_left_of(words[at - 1], word)):
        return False
    after = words[at + 1]
    return _is_left_of(word, after) and after.font != word.font


def _is_left_of(word: Word, other: Word) -> bool:
    on_line = abs(word.y - other.y) < _SAME_LINE * max(word.size, other.size)
    return on_line and word.x1 <= other.x0 + _SAME_LINE * word.size
