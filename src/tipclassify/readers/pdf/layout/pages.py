"""Group the words of a page into fragments, and these into rows.

A row has the fragments on one baseline, across the columns of the page.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

__all__ = [
    "LARGE",
    "MAX_RAISED_SIZE",
    "PageLayout",
    "PdfFragment",
    "PdfShape",
    "PdfTableRow",
    "PdfTag",
    "PdfWord",
    "Row",
    "Table",
    "body_type_size",
    "group_pdf_rows",
    "join_pdf_words",
    "main_type_size",
    "make_page_layout",
    "make_pdf_fragments",
    "whole_pdf_words",
]


class PdfTag(NamedTuple):
    """Hold the innermost block of the tree around a text, and its table row or 0.

    Both are numbered in reading order.
    """

    block: int
    kind: str  # "text", "heading", "caption", "cell", "note" or "artifact"
    level: int | None = None
    row: int = 0
    header: bool = False


class PdfWord(NamedTuple):
    """Hold a word, or a part of one in one style, `glued` to the part before.

    `tag` is None outside of the tree. `font` is the name of its font in the file.
    """

    text: str
    x0: float
    x1: float
    y: float
    size: float
    bold: bool = False
    glued: bool = False
    tag: PdfTag | None = None
    font: str = ""


class PdfShape(NamedTuple):
    """Hold a straight line or box, or the bounds of a drawing; edges in points."""

    x0: float
    y0: float
    x1: float
    y1: float
    drawing: bool = False


@dataclass(frozen=True, slots=True)
class PdfFragment:
    """Hold adjacent words on one baseline, or in their place a whole table.

    A table reaches down to the baseline `bottom`. `order` is the index in the file.
    """

    order: int
    words: tuple[PdfWord, ...]
    x0: float
    x1: float
    y: float
    size: float
    table: Table | None = None
    bottom: float = 0.0

    @property
    def text(self) -> str:
        """Text of the words, with spaces between them."""
        return join_pdf_words(self.words)


Row = list[PdfFragment]  # fragments of one baseline, from left to right


class PdfTableRow(NamedTuple):
    """Hold the cells of a table row, each the lines of its text."""

    cells: list[list[str]]
    header: bool = False


Table = list[PdfTableRow]  # rows of a ruled table, or the caption and labels of a drawing


@dataclass(frozen=True, slots=True)
class PageLayout:
    """Hold a page: its words, fragments and drawn shapes, in file order.

    `problem` is why text is not read or not in order.
    """

    number: int
    width: float
    height: float
    words: tuple[PdfWord, ...]
    fragments: tuple[PdfFragment, ...]
    shapes: Sequence[PdfShape] = ()
    problem: str = ""


LARGE: Final = 1.12  # minimum type size of a heading relative to body text
MAX_RAISED_SIZE: Final = 0.8  # maximum type size of a raised mark relative to its line
# em between words of a fragment; wider gaps of justified lines are joined later
_MAX_WORD_GAP: Final = 0.8
_MAX_MARKER_GAP: Final = 3.0  # em between the marker of a list entry and its text
_MARKER: Final = re.compile(r"\d{1,3}[.)]?|[•●▪◦‣–—-]")
_MAX_OVERLAP: Final = 0.5  # em of overlap with the last word, by kerning or italics
_MIN_INITIAL_SIZE: Final = 1.8  # size of a drop cap relative to its line
_MAX_INITIAL_OVERLAP: Final = 0.5  # em of overlap of a drop cap with its word
_MAX_BASELINE_SHIFT: Final = 0.35  # em between baselines of one line
_MAX_RAISE: Final = 0.75  # em between baselines of a word and the raised mark after it


def make_page_layout(
    number: int,
    width: float,
    height: float,
    words: Sequence[PdfWord],
    shapes: Sequence[PdfShape] = (),
    problem: str = "",
) -> PageLayout:
    """Make a page; group its words into fragments, with drop caps at the words that they begin."""
    joined = list(words)
    for at, (initial, word) in enumerate(pairwise(words)):
        if _is_drop_cap_of_word(initial, word):
            joined[at] = initial._replace(size=word.size, y=word.y)
            joined[at + 1] = word._replace(glued=True)
    return PageLayout(
        number=number,
        width=width,
        height=height,
        words=tuple(joined),
        fragments=tuple(make_pdf_fragments(joined)),
        shapes=shapes,
        problem=problem,
    )


def _is_drop_cap_of_word(initial: PdfWord, word: PdfWord) -> bool:
    """Return whether a word is a large capital that begins the next one."""
    if len(initial.text) != 1 or not initial.text.isupper():
        return False
    if initial.size < _MIN_INITIAL_SIZE * word.size:
        return False
    gap = word.x0 - initial.x1
    is_near = -_MAX_INITIAL_OVERLAP * word.size < gap < word.size
    return is_near and word.text[0].islower()


def make_pdf_fragments(words: Sequence[PdfWord]) -> list[PdfFragment]:
    """Group words in file order into fragments."""
    runs: list[list[PdfWord]] = []
    for word in words:
        if not runs:
            runs.append([word])
        elif _continues_pdf_fragment(runs[-1][-1], word) or _is_list_marker_of_word(runs, word):
            runs[-1].append(word)
        else:
            runs.append([word])
    return [_make_pdf_fragment(order, run) for order, run in enumerate(runs)]


def _make_pdf_fragment(order: int, words: list[PdfWord]) -> PdfFragment:
    largest = max(words, key=lambda word: word.size)  # sets the baseline
    return PdfFragment(
        order=order,
        words=tuple(words),
        x0=words[0].x0,
        x1=max(word.x1 for word in words),
        y=largest.y,
        size=largest.size,
    )


def _continues_pdf_fragment(last: PdfWord, word: PdfWord) -> bool:
    """Return whether a word continues the fragment of the word before it in the file."""
    em = max(last.size, word.size)
    raised = min(last.size, word.size) < MAX_RAISED_SIZE * em
    max_shift = _MAX_RAISE if raised else _MAX_BASELINE_SHIFT
    on_line = abs(word.y - last.y) < max_shift * em
    return on_line and -_MAX_OVERLAP * em < word.x0 - last.x1 < _MAX_WORD_GAP * em


def _is_list_marker_of_word(runs: list[list[PdfWord]], word: PdfWord) -> bool:
    """Return whether the last run is the marker of a list entry that begins with `word`.

    There is some space between the two.
    """
    if len(runs[-1]) != 1:
        return False
    marker = runs[-1][0]
    max_shift = _MAX_BASELINE_SHIFT * word.size
    if len(runs) > 1 and abs(runs[-2][-1].y - marker.y) < max_shift:
        return False  # the marker is not the first of its line
    is_small = marker.size < MAX_RAISED_SIZE * word.size
    raised = is_small and 0 < word.y - marker.y < _MAX_RAISE * word.size
    on_line = raised or abs(word.y - marker.y) < max_shift
    near = on_line and 0 < word.x0 - marker.x1 < _MAX_MARKER_GAP * word.size
    return near and word.text[0].isalpha() and _MARKER.fullmatch(marker.text) is not None


def body_type_size(pages: Iterable[PageLayout]) -> float:
    """Return the type size of running text, in points.

    It is the main one of most pages, outside of ruled tables.
    """
    page_counts = Counter[float]()  # pages by their main size
    letter_counts = Counter[float]()  # letters by size, of all pages
    for page in pages:
        on_page = _letters_by_type_size(word for f in page.fragments for word in f.words)
        if on_page:
            page_counts[_most_common_type_size(on_page)] += 1
        letter_counts.update(on_page)
    return max(page_counts, key=lambda size: (page_counts[size], letter_counts[size]), default=0.0)


def main_type_size(words: Iterable[PdfWord]) -> float:
    """Return the type size that most letters of words have, in points."""
    return _most_common_type_size(_letters_by_type_size(words))


def _most_common_type_size(counts: Counter[float]) -> float:
    size, _ = counts.most_common(1)[0]
    return size


def _letters_by_type_size(words: Iterable[PdfWord]) -> Counter[float]:
    letters = Counter[float]()
    for word in words:
        letters[word.size] += len(word.text)
    return letters


def group_pdf_rows(fragments: Iterable[PdfFragment]) -> list[Row]:
    """Group fragments by baseline, rows from the top, fragments from the left."""
    rows: list[Row] = []
    base: PdfFragment | None = None  # the largest fragment of the row, which sets its baseline
    for fragment in sorted(fragments, key=lambda f: f.y):
        if base is None or not _is_on_baseline_of_row(base, fragment):
            rows.append([fragment])
            base = fragment
            continue
        rows[-1].append(fragment)
        if fragment.size > base.size:
            base = fragment
    return [sorted(row, key=lambda f: f.x0) for row in rows]


def _is_on_baseline_of_row(base: PdfFragment, fragment: PdfFragment) -> bool:
    """Return whether a fragment is hardly lower than the row whose baseline `base` sets."""
    return fragment.y - base.y <= _MAX_BASELINE_SHIFT * min(base.size, fragment.size)


def whole_pdf_words(words: Iterable[PdfWord]) -> list[str]:
    """Return the texts of words, with the parts of each joined."""
    texts: list[str] = []
    for word in words:
        if word.glued and texts:
            texts[-1] += word.text
        else:
            texts.append(word.text)
    return texts


def join_pdf_words(words: Iterable[PdfWord]) -> str:
    """Join words with spaces, and the parts of each word without."""
    return "".join(word.text if word.glued else " " + word.text for word in words).strip()
