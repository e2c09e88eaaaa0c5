"""Make lines of text from rows: without note marks, with table cells and dot leaders separated by " | "."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Final

from tipclassify.readers.pdf.layout.pages import MAX_RAISED_SIZE, Row, Table, Word, join_words, row_text

__all__ = ["Line", "cell_lines", "make_lines"]


@dataclass(frozen=True, slots=True)
class Line:
    """Hold a line of a column.

    Attributes
    ----------
    x0, x1, y, size : float
        Left and right end, baseline and main type size, in points.
    first_word_width : float
        Width of its first word, in points.
    bold : str
        Which of its words are bold: "all", "some" or "".
    starts_with_note_mark : bool
        Whether it began with a raised note mark, which is removed.
    cells : int
        Number of table cells; 1 for running text.
    table : Table or None
        A whole table in place of a line.
    """

    text: str
    x0: float
    x1: float
    y: float
    size: float
    first_word_width: float
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


def make_lines(rows: list[Row]) -> list[Line]:
    """Make a line of each row; rows with aligned cells are table rows."""
    cells = [_cells([f for f in row if f.table is None]) for row in rows]
    lines: list[Line] = []
    for at, found in enumerate(cells):
        for f in rows[at]:
            if f.table is not None:
                lines.append(Line("", f.x0, f.x1, f.y, f.size, 0.0, cells=2, table=f.table))
        near = [*cells[max(at - 2, 0) : at], *cells[at + 1 : at + 3]]
        if len(found) > 1 and not (any(_are_aligned(found, other) for other in near) and not _is_justified(found)):
            found = [[fragment for cell in found for fragment in cell]]
        line = _line(found)
        if line is not None:
            lines.append(line)
    return lines


def cell_lines(rows: Iterable[Row]) -> list[Line]:
    """Make a line of running text of each row."""
    return [line for row in rows if (line := _line([row])) is not None]


# --------------------------------------------------------------------------------------------- tables


def _cells(row: Row) -> list[Row]:
    cells = [row[:1]]
    for fragment in row[1:]:
        if fragment.x0 - cells[-1][-1].x1 >= _MIN_CELL_GAP * max(fragment.size, cells[-1][-1].size):
            cells.append([fragment])
        else:
            cells[-1].append(fragment)
    if len(cells) > 1 and _is_list_mark(row_text(cells[0]), len(cells)):
        cells[:2] = [cells[0] + cells[1]]
    return cells


def _is_list_mark(text: str, cells: int) -> bool:
    """Return whether a first cell is a list, paragraph or note marker; a number before several cells is not."""
    return _LIST_MARK.fullmatch(text) is not None or (cells == 2 and re.fullmatch(r"\d{1,3}", text) is not None)


def _are_aligned(cells: list[Row], other: list[Row]) -> bool:
    """Return whether two rows have a cell, after the first, with an aligned edge or center."""
    places = [_places(cell) for cell in other[1:_MAX_COMPARED_CELLS]]
    return any(
        abs(a - b) < _MAX_MISALIGNMENT
        for cell in cells[1:_MAX_COMPARED_CELLS]
        for place in places
        for a, b in zip(_places(cell), place, strict=True)
    )


def _places(cell: Row) -> tuple[float, float, float]:
    x0, x1 = cell[0].x0, cell[-1].x1
    return x0, (x0 + x1) / 2, x1


def _is_justified(cells: list[Row]) -> bool:
    """Return whether a row is a justified line of prose, not table cells.

    Such a line ends in a hyphen, continues in lower case after its gaps, or has equal gaps.
    """
    words = [word for cell in cells for fragment in cell for word in fragment.words]
    if words[-1].text.endswith("-") or sum(cell[0].words[0].text[0].islower() for cell in cells) * 4 > len(cells):
        return True
    gaps = [b.x0 - a.x1 for a, b in pairwise(words) if not b.glued]
    figures = sum(word.text[0].isdigit() for word in words)
    return max(gaps) - min(gaps) < 0.2 * words[0].size and figures * 2 < len(words)


# --------------------------------------------------------------------------------------------- lines


def _line(cells: list[Row]) -> Line | None:
    words = [word for cell in cells for fragment in cell for word in fragment.words]
    if not words:
        return None
    size = _main_size(words)
    y = median(word.y for word in words if word.size == size)
    texts: list[str] = []
    kept: list[Word] = []
    starts_with_note_mark = False
    for cell in cells:
        rest, has_mark = _without_marks([word for fragment in cell for word in fragment.words], size, y)
        starts_with_note_mark |= has_mark and not kept
        kept += rest
        text = " ".join(_SUPERSCRIPTS.sub("", join_words(rest)).split())
        texts += [_LEADERS.sub(" | ", text).strip(" |") or text] if text else []
    if not texts:
        return None
    text = " | ".join(texts)
    bold = sum(word.bold for word in kept)
    weight = "all" if bold == len(kept) else "some" if bold else ""
    return Line(
        text=text,
        x0=words[0].x0,
        x1=max(word.x1 for word in words),
        y=y,
        size=size,
        first_word_width=_first_word_width(kept),
        bold=weight,
        starts_with_note_mark=starts_with_note_mark,
        cells=max(len(texts), 1 + (" | " in text)),
    )


def _main_size(words: Iterable[Word]) -> float:
    sizes: Counter[float] = Counter()
    for word in words:
        sizes[word.size] += len(word.text)
    return sizes.most_common(1)[0][0]


def _first_word_width(words: list[Word]) -> float:
    end = 1
    while end < len(words) and words[end].glued:
        end += 1
    return words[end - 1].x1 - words[0].x0


def _without_marks(words: list[Word], size: float, y: float) -> tuple[list[Word], bool]:
    """Remove raised note marks; return the other words and whether a mark preceded them."""
    kept: list[Word] = []
    in_front = False
    at = 0
    while at < len(words):
        end = at
        while end < len(words) and words[end].size < MAX_RAISED_SIZE * size and y - words[end].y > 0.15 * size:
            end += 1
        raised = "".join(word.text for word in words[at:end])
        if end > at and _MARK.fullmatch(raised):
            if kept and raised in ("2", "3") and _UNIT.search(kept[-1].text):
                kept += words[at:end]
            elif end < len(words) and words[end].text[0].isalnum():
                words[end] = words[end]._replace(glued=False)
            in_front |= not kept
        elif end == at and kept and words[at].size < MAX_RAISED_SIZE * size and _BRACKETED.fullmatch(words[at].text):
            end = at + 1  # a small bracketed mark on the baseline
        else:
            end = max(end, at + 1)
            kept += words[at:end]
        at = end
    return kept, in_front
