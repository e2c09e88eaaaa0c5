"""Make lines of text from rows.

Note marks are left out; table cells and dot leaders are separated by " | ".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from statistics import median
from typing import Final

from tipclassify.readers.blocks import join_cells
from tipclassify.readers.pdf.layout.pages import (
    MAX_RAISED_SIZE,
    PdfFragment,
    PdfWord,
    Row,
    Table,
    join_pdf_words,
    main_type_size,
)
from tipclassify.records import CELL_BAR

__all__ = ["MAX_MISALIGNMENT", "PdfLine", "make_lines_of_pdf_cell", "make_pdf_lines"]

Cell = list[PdfWord]  # words of a row between two wide gaps


@dataclass(frozen=True, slots=True)
class PdfLine:
    """Hold a line of a column, or in its place a whole table; lengths are in points."""

    text: str
    x0: float
    x1: float
    y: float  # its baseline
    size: float
    first_word_width: float = 0.0
    bold: str = ""  # which words are: "all", "some" or ""
    begins_note: bool = False  # by a mark or a number
    begins_raised: bool = False  # by a raised mark, which is dropped from the text
    cells: int = 1  # count of table cells; running text has 1
    cell_starts: tuple[float, ...] = ()  # left ends of the cells
    bottom: float = 0.0  # last baseline of a whole table
    table: Table | None = None


_MIN_CELL_GAP: Final = 1.2  # em between table cells
MAX_MISALIGNMENT: Final = 3.0  # points between edges of aligned cells
_NEAR_ROWS: Final = 2  # rows above and below whose cells are compared
_MAX_COMPARED_CELLS: Final = 20  # cells compared in a row
_MIN_RAISE: Final = 0.15  # em between the baselines of a line and of a raised mark
# Of a list or a paragraph: "(a)", "iv.", "12.", "136.32."
_LIST_MARK: Final = re.compile(
    r"\W{1,2}|\(?(?:\d{1,3}(?:\.\d{1,3}){0,3}|[A-Za-z]|[ivxIVX]{1,5})[.)]"
)
# The same without a stop: "136.32".
_BARE_MARK: Final = re.compile(r"\d{1,3}(?:\.\d{1,3}){0,3}")
_LEADER_PARTS: Final = ("..", ". .", "…", "_")  # one is in every text with leaders
_LEADERS: Final = re.compile(r"(?:\s?\.){4,}\s*|\s*…{2,}\s*|(?:\s_){4,}\s*")
_MARK: Final = re.compile(
    r"[\[(]?(?:\d{1,3}|[*†‡§¶#]{1,3})(?:[,;–-]\s?(?:\d{1,3}|[*†‡§¶]))*[\])]?,?"
)
_NOTE_START: Final = re.compile(r"[\[(]?(?:\d{1,3}|[*†‡§¶]{1,3})[\])]?[.)]?\s?(?=[^\W\d_]|[“\"‘(])")
_BRACKETED: Final = re.compile(r"\[\d{1,3}\]")
_UNIT: Final = re.compile(r"(?:^|[\d\s(/])[kcmd]?m$")
_SUPERSCRIPTS: Final = re.compile(
    r"(?<=[^\W\d_])(?<!\bm)(?<!\b[kcd]m)[¹²³⁰⁴-⁹]+|(?<=[.,;:!?)”’\"'])[¹²³⁰⁴-⁹]+"
)


def make_pdf_lines(rows: Sequence[Row]) -> list[PdfLine]:
    """Make a line of each row; rows with aligned cells are table rows."""
    cells_by_row: list[list[Cell]] = []
    for row in rows:
        words = [word for fragment in row if fragment.table is None for word in fragment.words]
        cells_by_row.append(_split_pdf_row_into_cells(words))
    lines: list[PdfLine] = []
    for at, (row, cells) in enumerate(zip(rows, cells_by_row, strict=True)):
        lines += [_line_for_pdf_table(fragment) for fragment in row if fragment.table is not None]
        above = cells_by_row[max(at - _NEAR_ROWS, 0) : at]
        below = cells_by_row[at + 1 : at + 1 + _NEAR_ROWS]
        if _is_pdf_table_row(cells, above + below):
            line = _line_of_pdf_cells(cells)
        else:
            line = _line_of_pdf_cells([[word for cell in cells for word in cell]])
        if line is not None:
            lines.append(line)
    return lines


def make_lines_of_pdf_cell(rows: Iterable[Row]) -> list[PdfLine]:
    """Make a line of running text of each row."""
    lines: list[PdfLine] = []
    for row in rows:
        line = _line_of_pdf_cells([[word for fragment in row for word in fragment.words]])
        if line is not None:
            lines.append(line)
    return lines


def _line_for_pdf_table(fragment: PdfFragment) -> PdfLine:
    """Make the line that stands in place of a whole table."""
    return PdfLine(
        text="",
        x0=fragment.x0,
        x1=fragment.x1,
        y=fragment.y,
        size=fragment.size,
        cells=2,
        table=fragment.table,
        bottom=fragment.bottom,
    )


def _split_pdf_row_into_cells(words: list[PdfWord]) -> list[Cell]:
    """Split the words of a row at wide gaps."""
    cells = [words[:1]]
    for last, word in pairwise(words):
        if word.x0 - last.x1 >= _MIN_CELL_GAP * max(word.size, last.size):
            cells.append([])
        cells[-1].append(word)
    if len(cells) > 1 and _is_pdf_list_mark(join_pdf_words(cells[0]), len(cells)):
        mark = cells.pop(0)
        cells[0] = mark + cells[0]
    return cells


def _is_pdf_list_mark(text: str, cell_count: int) -> bool:
    """Return whether the first cell of a row is the mark of a list entry, paragraph or note."""
    # a number before several cells is one of them
    if cell_count == 2 and _BARE_MARK.fullmatch(text):
        return True
    return _LIST_MARK.fullmatch(text) is not None


def _is_pdf_table_row(cells: list[Cell], near: Sequence[list[Cell]]) -> bool:
    return not _is_justified_pdf_row(cells) and any(
        _are_aligned_pdf_rows(cells, other) for other in near
    )


def _are_aligned_pdf_rows(cells: list[Cell], other: list[Cell]) -> bool:
    """Return whether two rows have a cell, after the first, with an aligned edge."""
    for cell in cells[1:_MAX_COMPARED_CELLS]:
        for other_cell in other[1:_MAX_COMPARED_CELLS]:
            between_starts = abs(cell[0].x0 - other_cell[0].x0)
            between_ends = abs(cell[-1].x1 - other_cell[-1].x1)
            if min(between_starts, between_ends) < MAX_MISALIGNMENT:
                return True
    return False


def _is_justified_pdf_row(cells: list[Cell]) -> bool:
    """Return whether a row is one cell or a justified line of prose.

    Prose has a hyphen at its end, or lower case after gaps.
    """
    if len(cells) < 2 or cells[-1][-1].text.endswith("-"):
        return True
    lower = sum(cell[0].text[0].islower() for cell in cells[1:])
    return lower * 4 > len(cells)


def _line_of_pdf_cells(cells: list[Cell]) -> PdfLine | None:
    """Make a line of cells; None if they have no text."""
    words = [word for cell in cells for word in cell]
    if not words:
        return None
    size = main_type_size(words)
    y = median(word.y for word in words if word.size == size)
    text_cells = [_without_raised_note_marks(cell, size, y) for cell in cells]
    texts = [text for text in map(_text_of_pdf_cell, text_cells) if text]
    if not texts:
        return None
    text = join_cells(texts)
    text_words = [word for cell in text_cells for word in cell]
    begins_raised = text_words[0] is not words[0]
    least_cells = 2 if CELL_BAR in text else 1  # dot leaders separate cells, too
    return PdfLine(
        text=text,
        x0=words[0].x0,
        x1=max(word.x1 for word in words),
        y=y,
        size=size,
        first_word_width=_width_of_first_pdf_word(text_words),
        bold=_bold_words_of_pdf_line(text_words),
        begins_note=begins_raised or _NOTE_START.match(text) is not None,
        begins_raised=begins_raised,
        cells=max(len(texts), least_cells),
        cell_starts=tuple(cell[0].x0 for cell in text_cells if cell),
    )


def _width_of_first_pdf_word(words: list[PdfWord]) -> float:
    """Return the width of the first word, which may have several parts, in points."""
    last = words[0]
    for word in words[1:]:
        if not word.glued:
            break
        last = word
    return last.x1 - words[0].x0


def _bold_words_of_pdf_line(words: list[PdfWord]) -> str:
    """Return which words are bold, as `PdfLine.bold` has it."""
    if all(word.bold for word in words):
        return "all"
    return "some" if any(word.bold for word in words) else ""


def _text_of_pdf_cell(words: list[PdfWord]) -> str:
    """Return the text of a cell, without raised digits; its dot leaders become " | "."""
    text = " ".join(join_pdf_words(words).split())
    if not text.isascii():
        text = " ".join(_SUPERSCRIPTS.sub("", text).split())
    if not any(leader in text for leader in _LEADER_PARTS):
        return text.strip(" |") or text
    return _LEADERS.sub(CELL_BAR, text).strip(" |") or text


def _without_raised_note_marks(words: list[PdfWord], size: float, y: float) -> list[PdfWord]:
    """Remove raised note marks, and small ones in brackets on the baseline."""
    max_mark_size = MAX_RAISED_SIZE * size
    min_raise = _MIN_RAISE * size
    kept: list[PdfWord] = []
    for raised, group in groupby(
        words, key=lambda word: word.size < max_mark_size and y - word.y > min_raise
    ):
        run = list(group)
        if raised:
            if not _is_raised_note_mark(run, kept):
                kept += run
            continue
        for word in run:
            if word.size >= max_mark_size or not _BRACKETED.fullmatch(word.text):
                kept.append(word)
    return kept


def _is_raised_note_mark(raised: list[PdfWord], before: list[PdfWord]) -> bool:
    """Return whether raised words are a note mark; after a unit, "2" and "3" are exponents."""
    text = "".join(word.text for word in raised)
    if text in ("2", "3") and before and _UNIT.search(before[-1].text):
        return False
    return _MARK.fullmatch(text) is not None
