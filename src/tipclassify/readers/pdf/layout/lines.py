"""Make lines of text from rows.

Note marks are left out; table cells and dot leaders are separated by " | ".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise, takewhile
from statistics import median
from typing import Final

from tipclassify.readers.pdf.layout.pages import (
    MAX_RAISED_SIZE,
    Row,
    Table,
    Word,
    join_words,
    main_size,
)

__all__ = ["MAX_MISALIGNMENT", "Line", "cell_lines", "make_lines"]


@dataclass(frozen=True, slots=True)
class Line:
    """Hold a line of a column, or in its place a whole table.

    Its ends, baseline, size and widths are in points. `bold` says which words are: "all", "some" or
    "". `cells` counts table cells; running text has 1. `begins_note`: by a mark or a number;
    `begins_raised`: by a raised mark, which is dropped from the text. `cell_starts` are the left
    ends of its cells, `bottom` is the last baseline of a whole table.
    """

    text: str
    x0: float
    x1: float
    y: float
    size: float
    first_word_width: float = 0.0
    bold: str = ""
    begins_note: bool = False
    begins_raised: bool = False
    cells: int = 1
    cell_starts: tuple[float, ...] = ()
    bottom: float = 0.0
    table: Table | None = None


_MIN_CELL_GAP: Final = 1.2  # em between table cells
MAX_MISALIGNMENT: Final = 3.0  # points between edges of aligned cells
_MAX_COMPARED_CELLS: Final = 20  # cells compared in a row
# Of a list or a paragraph: "(a)", "iv.", "12.", "136.32."
_LIST_MARK: Final = re.compile(
    r"\W{1,2}|\(?(?:\d{1,3}(?:\.\d{1,3}){0,3}|[A-Za-z]|[ivxIVX]{1,5})[.)]"
)
_BARE_MARK: Final = re.compile(r"\d{1,3}(?:\.\d{1,3}){0,3}")  # the same without a stop: "136.32"
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


def make_lines(rows: Sequence[Row]) -> list[Line]:
    """Make a line of each row; rows with aligned cells are table rows."""
    cells = [_cells([word for f in row if f.table is None for word in f.words]) for row in rows]
    lines: list[Line] = []
    for at, (row, found) in enumerate(zip(rows, cells, strict=True)):
        lines += [
            Line("", f.x0, f.x1, f.y, f.size, cells=2, table=f.table, bottom=f.bottom)
            for f in row
            if f.table is not None
        ]
        near = [*cells[max(at - 2, 0) : at], *cells[at + 1 : at + 3]]
        is_table = not _is_justified(found) and any(_are_aligned(found, other) for other in near)
        if line := _line(found if is_table else [[word for cell in found for word in cell]]):
            lines.append(line)
    return lines


def cell_lines(rows: Iterable[Row]) -> list[Line]:
    """Make a line of running text of each row."""
    return [
        line
        for row in rows
        if (line := _line([[word for fragment in row for word in fragment.words]]))
    ]


def _cells(words: list[Word]) -> list[list[Word]]:
    cells = [words[:1]]
    for last, word in pairwise(words):
        if word.x0 - last.x1 >= _MIN_CELL_GAP * max(word.size, last.size):
            cells.append([])
        cells[-1].append(word)
    # of a list, paragraph or note; a number before several cells is one of them
    mark = join_words(cells[0])
    bare = len(cells) == 2 and _BARE_MARK.fullmatch(mark)
    if len(cells) > 1 and (bare or _LIST_MARK.fullmatch(mark)):
        cells[:2] = [[*cells[0], *cells[1]]]
    return cells


def _are_aligned(cells: list[list[Word]], other: list[list[Word]]) -> bool:
    """Return whether two rows have a cell, after the first, with an aligned edge."""
    ends = [
        [(cell[0].x0, cell[-1].x1) for cell in row[1:_MAX_COMPARED_CELLS]] for row in (cells, other)
    ]
    return any(
        min(abs(a[0] - b[0]), abs(a[1] - b[1])) < MAX_MISALIGNMENT for a in ends[0] for b in ends[1]
    )


def _is_justified(cells: list[list[Word]]) -> bool:
    """Return whether a row is one cell or a justified line of prose.

    Prose has a hyphen at its end, or lower case after gaps.
    """
    lower = sum(cell[0].text[0].islower() for cell in cells[1:])
    return len(cells) < 2 or cells[-1][-1].text.endswith("-") or lower * 4 > len(cells)


def _line(cells: list[list[Word]]) -> Line | None:
    """Make a line of cells; None if they have no text."""
    words = [word for cell in cells for word in cell]
    if not words:
        return None
    size = main_size(words)
    y = median(word.y for word in words if word.size == size)
    kept = [_without_marks(cell, size, y) for cell in cells]
    texts = [text for rest in kept if (text := _text(rest))]
    if not texts:
        return None
    text = " | ".join(texts)
    shown = [word for rest in kept for word in rest]
    first = [shown[0], *takewhile(lambda word: word.glued, shown[1:])]
    x1, width = max(word.x1 for word in words), first[-1].x1 - first[0].x0
    bold = (
        "all"
        if all(word.bold for word in shown)
        else "some"
        if any(word.bold for word in shown)
        else ""
    )
    raised = shown[0] is not words[0]
    begins_note = raised or _NOTE_START.match(text) is not None
    cell_count = max(len(texts), 1 + (" | " in text))
    starts = tuple(rest[0].x0 for rest in kept if rest)
    return Line(
        text, words[0].x0, x1, y, size, width, bold, begins_note, raised, cell_count, starts
    )


def _text(words: list[Word]) -> str:
    text = " ".join(join_words(words).split())
    if not text.isascii():
        text = " ".join(_SUPERSCRIPTS.sub("", text).split())
    if not any(leader in text for leader in _LEADER_PARTS):
        return text.strip(" |") or text
    return _LEADERS.sub(" | ", text).strip(" |") or text


def _without_marks(words: list[Word], size: float, y: float) -> list[Word]:
    """Remove raised note marks, and small ones in brackets on the baseline."""
    kept: list[Word] = []
    for raised, part in groupby(
        words, key=lambda w: w.size < MAX_RAISED_SIZE * size and y - w.y > 0.15 * size
    ):
        found = list(part)
        text = "".join(word.text for word in found)
        is_exponent = text in ("2", "3") and kept and _UNIT.search(kept[-1].text)
        if raised and (is_exponent or not _MARK.fullmatch(text)):
            kept += found
        elif not raised:
            kept += [
                w
                for w in found
                if w.size >= MAX_RAISED_SIZE * size or not _BRACKETED.fullmatch(w.text)
            ]
    return kept
