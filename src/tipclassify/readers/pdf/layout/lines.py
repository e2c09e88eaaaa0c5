"""Make lines of text from rows: without note marks, with table cells and dot leaders separated by " | "."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise, takewhile
from statistics import median
from typing import Final

from tipclassify.readers.pdf.layout.pages import (
    MAX_RAISED_SIZE,
    Fragment,
    Row,
    Table,
    Word,
    join_words,
    letters_by_size,
    row_text,
)

__all__ = ["Line", "cell_lines", "make_lines"]


@dataclass(frozen=True, slots=True)
class Line:
    """Hold a line of a column, or in its place a whole table; ends, baseline, size and widths in points.

    `bold` says which words are: "all", "some" or "". `cells` counts table cells; running text has 1.
    `starts_with_note_mark` tells that a raised mark before it was removed.
    """

    text: str
    x0: float
    x1: float
    y: float
    size: float
    first_word_width: float = 0.0
    bold: str = ""
    starts_with_note_mark: bool = False
    cells: int = 1
    table: Table | None = None


_MIN_CELL_GAP: Final = 1.2  # em between table cells
_MAX_MISALIGNMENT: Final = 3.0  # points between edges of aligned cells
_MAX_COMPARED_CELLS: Final = 20  # cells compared in a row
_LIST_MARK: Final = re.compile(r"\W{1,2}|\(?(?:\d{1,3}|[A-Za-z]|[ivxIVX]{1,5})[.)]")
_LEADERS: Final = re.compile(r"(?:\s?\.){4,}\s*|\s*…{2,}\s*|(?:\s_){4,}\s*")
_MARK: Final = re.compile(r"[\[(]?(?:\d{1,3}|[*†‡§¶#]{1,3})(?:[,;–-]\s?(?:\d{1,3}|[*†‡§¶]))*[\])]?,?")
_BRACKETED: Final = re.compile(r"\[\d{1,3}\]")
_UNIT: Final = re.compile(r"(?:^|[\d\s(/])[kcmd]?m$")
_SUPERSCRIPTS: Final = re.compile(r"(?<=[^\W\d_])(?<!\bm)(?<!\b[kcd]m)[¹²³⁰⁴-⁹]+|(?<=[.,;:!?)”’\"'])[¹²³⁰⁴-⁹]+")


def make_lines(rows: Iterable[Row]) -> list[Line]:
    """Make a line of each row; rows with aligned cells are table rows."""
    rows = list(rows)
    cells = [_cells([f for f in row if f.table is None]) for row in rows]
    lines: list[Line] = []
    for at, (row, found) in enumerate(zip(rows, cells, strict=True)):
        lines += [Line("", f.x0, f.x1, f.y, f.size, cells=2, table=f.table) for f in row if f.table is not None]
        near = [*cells[max(at - 2, 0) : at], *cells[at + 1 : at + 3]]
        if len(found) > 1 and (_is_justified(found) or not any(_are_aligned(found, other) for other in near)):
            found = [[fragment for cell in found for fragment in cell]]
        lines += _lines(found)
    return lines


def cell_lines(rows: Iterable[Row]) -> list[Line]:
    """Make a line of running text of each row."""
    return [line for row in rows for line in _lines([row])]


def _cells(row: Row) -> list[Row]:
    cells = [row[:1]]
    for last, fragment in pairwise(row):
        if fragment.x0 - last.x1 >= _MIN_CELL_GAP * max(fragment.size, last.size):
            cells.append([])
        cells[-1].append(fragment)
    mark = row_text(cells[0])  # of a list, paragraph or note; a number before several cells is one of them
    if len(cells) > 1 and (_LIST_MARK.fullmatch(mark) or (len(cells) == 2 and re.fullmatch(r"\d{1,3}", mark))):
        cells[:2] = [cells[0] + cells[1]]
    return cells


def _are_aligned(cells: list[Row], other: list[Row]) -> bool:
    """Return whether two rows have a cell, after the first, with an aligned edge."""
    ends = [[(cell[0].x0, cell[-1].x1) for cell in row[1:_MAX_COMPARED_CELLS]] for row in (cells, other)]
    return any(min(abs(a[0] - b[0]), abs(a[1] - b[1])) < _MAX_MISALIGNMENT for a in ends[0] for b in ends[1])


def _is_justified(cells: list[Row]) -> bool:
    """Return whether a row is a justified line of prose: a hyphen at its end, lower case after gaps, or equal gaps."""
    words = [word for cell in cells for word in _words(cell)]
    if words[-1].text.endswith("-") or sum(cell[0].words[0].text[0].islower() for cell in cells) * 4 > len(cells):
        return True
    gaps = [b.x0 - a.x1 for a, b in pairwise(words) if not b.glued]
    figures = sum(word.text[0].isdigit() for word in words)
    return max(gaps) - min(gaps) < 0.2 * words[0].size and figures * 2 < len(words)


def _lines(cells: list[Row]) -> list[Line]:
    """Make a line of cells; none if they have no text."""
    words = [word for cell in cells for word in _words(cell)]
    if not words:
        return []
    size = letters_by_size(words).most_common(1)[0][0]
    y = median(word.y for word in words if word.size == size)
    kept = [_without_marks(_words(cell), size, y) for cell in cells]
    texts = [text for rest in kept if (text := _text(rest))]
    if not texts:
        return []
    text = " | ".join(texts)
    shown = [word for rest in kept for word in rest]
    first = [shown[0], *takewhile(lambda word: word.glued, shown[1:])]
    bold = sum(word.bold for word in shown)
    line = Line(
        text=text,
        x0=words[0].x0,
        x1=max(word.x1 for word in words),
        y=y,
        size=size,
        first_word_width=first[-1].x1 - first[0].x0,
        bold="all" if bold == len(shown) else "some" if bold else "",
        starts_with_note_mark=shown[0] is not words[0],
        cells=max(len(texts), 1 + (" | " in text)),
    )
    return [line]


def _words(cell: Iterable[Fragment]) -> list[Word]:
    return [word for fragment in cell for word in fragment.words]


def _text(words: list[Word]) -> str:
    text = " ".join(_SUPERSCRIPTS.sub("", join_words(words)).split())
    return _LEADERS.sub(" | ", text).strip(" |") or text


def _without_marks(words: list[Word], size: float, y: float) -> list[Word]:
    """Remove raised note marks, and small ones in brackets on the baseline."""
    kept: list[Word] = []
    at = 0
    while at < len(words):
        raised = list(takewhile(lambda w: w.size < MAX_RAISED_SIZE * size and y - w.y > 0.15 * size, words[at:]))
        text = "".join(word.text for word in raised)
        following = words[at + len(raised)] if at + len(raised) < len(words) else None
        if raised and _MARK.fullmatch(text):
            if kept and text in ("2", "3") and _UNIT.search(kept[-1].text):
                kept += raised
            elif following is not None and following.text[0].isalnum():
                words[at + len(raised)] = following._replace(glued=False)
        elif raised:
            kept += raised
        elif not (words[at].size < MAX_RAISED_SIZE * size and _BRACKETED.fullmatch(words[at].text)):
            kept.append(words[at])
        at += max(len(raised), 1)
    return kept
