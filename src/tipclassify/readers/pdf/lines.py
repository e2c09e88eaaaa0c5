"""Group the words of a page into fragments, rows and lines of text.

A fragment has adjacent words, a row the fragments of one baseline across the columns of its page.
A line is the text of a row of one column: note marks are left out, the cells of a table row are
separated by " | ". Lengths are in points, y downwards; text is at its baseline, an em is the size
of its type.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from statistics import median
from typing import Final, NamedTuple

from tipclassify.readers.blocks import join_cells
from tipclassify.records import CELL_BAR

LARGE: Final = 1.12  # minimum type size of a heading relative to body text
MAX_MISALIGNMENT: Final = 3.0  # points between edges of aligned cells
_MAX_RAISED_SIZE: Final = 0.8  # maximum type size of a raised mark relative to its line
# em between words of a fragment; wider gaps of justified lines are joined later
_MAX_WORD_GAP: Final = 0.8
_MAX_MARKER_GAP: Final = 3.0  # em between the marker of a list entry and its text
_MARKER: Final = re.compile(r"\d{1,3}[.)]?|[•●▪◦‣–—-]")
_MAX_OVERLAP: Final = 0.5  # em of overlap with the last word, by kerning or italics
_MIN_INITIAL_SIZE: Final = 1.8  # size of a drop cap relative to its line
_MAX_INITIAL_OVERLAP: Final = 0.5  # em of overlap of a drop cap with its word
_MAX_BASELINE_SHIFT: Final = 0.35  # em between baselines of one line
_MAX_RAISE: Final = 0.75  # em between baselines of a word and the raised mark after it
_MIN_RAISE: Final = 0.15  # em between the baselines of a line and of a raised mark
_MIN_CELL_GAP: Final = 1.2  # em between table cells
_NEAR_ROWS: Final = 2  # rows above and below whose cells are compared
_MAX_COMPARED_CELLS: Final = 20  # cells compared in a row
# Of a list or a paragraph: "(a)", "iv.", "12.", "136.32."
_LIST_MARK: Final = re.compile(
    r"\W{1,2}|\(?(?:\d{1,3}(?:\.\d{1,3}){0,3}|[A-Za-z]|[ivxIVX]{1,5})[.)]"
)
# The same without a stop: "136.32".
_BARE_MARK: Final = re.compile(r"\d{1,3}(?:\.\d{1,3}){0,3}")
_LEADER_PARTS: Final = ("..", ". .", "…", "_")  # one is in every text with leaders
_LEADERS: Final = re.compile(r"(?:\s?\.){4,}\s*|\s*…{2,}\s*|(?:\s_){4,}\s*")
_NOTE_MARK: Final = re.compile(
    r"[\[(]?(?:\d{1,3}|[*†‡§¶#]{1,3})(?:[,;–-]\s?(?:\d{1,3}|[*†‡§¶]))*[\])]?,?"
)
_NOTE_START: Final = re.compile(r"[\[(]?(?:\d{1,3}|[*†‡§¶]{1,3})[\])]?[.)]?\s?(?=[^\W\d_]|[“\"‘(])")
_BRACKETED: Final = re.compile(r"\[\d{1,3}\]")
_UNIT: Final = re.compile(r"(?:^|[\d\s(/])[kcmd]?m$")
_SUPERSCRIPTS: Final = re.compile(
    r"(?<=[^\W\d_])(?<!\bm)(?<!\b[kcd]m)[¹²³⁰⁴-⁹]+|(?<=[.,;:!?)”’\"'])[¹²³⁰⁴-⁹]+"
)


class Tag(NamedTuple):
    """Hold the innermost block of the structure tree around a text, and its table row or 0.

    Both are numbered in reading order.
    """

    block: int
    kind: str  # "text", "heading", "caption", "cell", "note" or "artifact"
    level: int | None = None
    row: int = 0
    header: bool = False


class Word(NamedTuple):
    """Hold a word, or a part of one in one style, `glued` to the part before."""

    text: str
    x0: float
    x1: float
    y: float
    size: float
    bold: bool = False
    glued: bool = False
    tag: Tag | None = None  # None outside of the structure tree


class Box(NamedTuple):
    """Hold a box or straight line."""

    x0: float
    y0: float
    x1: float
    y1: float


class TableRow(NamedTuple):
    """Hold the cells of a row of a ruled table, each the lines of its text.

    The caption and the labels of a drawing are held as such rows, too.
    """

    cells: list[list[str]]
    header: bool = False


@dataclass(frozen=True, slots=True)
class Fragment:
    """Hold adjacent words on one baseline, or in their place a whole table."""

    order: int  # index in the file
    words: tuple[Word, ...]
    x0: float
    x1: float
    y: float
    size: float
    table: Sequence[TableRow] | None = None
    bottom: float = 0.0  # last baseline of a table

    @property
    def text(self) -> str:
        """Text of the words, with spaces between them."""
        return " ".join(whole_words(self.words))


Row = list[Fragment]  # fragments of one baseline, from left to right


@dataclass(frozen=True, slots=True)
class Page:
    """Hold a page: its words, fragments and drawn shapes, in file order."""

    number: int
    width: float
    height: float
    words: Sequence[Word]
    fragments: Sequence[Fragment]
    lines: Sequence[Box] = ()  # straight ones, and boxes
    drawings: Sequence[Box] = ()  # bounds of other shapes
    problem: str = ""  # why text is not read or not in order


@dataclass(frozen=True, slots=True)
class Line:
    """Hold a line of a column, or in its place a whole table."""

    text: str
    x0: float
    x1: float
    y: float
    size: float
    first_word_width: float = 0.0
    bold: str = ""  # which words are: "all", "some" or ""
    begins_note: bool = False  # by a mark or a number
    begins_raised: bool = False  # by a raised mark, which is dropped from the text
    cells: int = 1  # count of table cells; running text has 1
    cell_starts: tuple[float, ...] = ()  # left ends of the cells
    bottom: float = 0.0  # last baseline of a whole table
    table: Sequence[TableRow] | None = None


def join_drop_caps(words: list[Word]) -> None:
    """Make each large capital, such as begins a chapter, the first part of the word after it."""
    for at, (initial, word) in enumerate(pairwise(words)):
        is_large = initial.size >= _MIN_INITIAL_SIZE * word.size
        if (
            is_large
            and len(initial.text) == 1
            and initial.text.isupper()
            and word.text[0].islower()
        ):
            gap = word.x0 - initial.x1
            if -_MAX_INITIAL_OVERLAP * word.size < gap < word.size:
                words[at] = initial._replace(size=word.size, y=word.y)
                words[at + 1] = word._replace(glued=True)


def make_fragments(words: Sequence[Word]) -> list[Fragment]:
    """Group words in file order into fragments."""
    runs: list[list[Word]] = []
    for word in words:
        if runs and (_is_next_word(runs[-1][-1], word) or _is_list_marker(runs, word)):
            runs[-1].append(word)
        else:
            runs.append([word])
    fragments: list[Fragment] = []
    for order, run in enumerate(runs):
        largest = max(run, key=lambda word: word.size)  # sets the baseline
        x1 = max(word.x1 for word in run)
        fragments.append(Fragment(order, tuple(run), run[0].x0, x1, largest.y, largest.size))
    return fragments


def _is_next_word(last: Word, word: Word) -> bool:
    """Return whether a word continues the fragment of the word before it in the file."""
    em = max(last.size, word.size)
    raised = min(last.size, word.size) < _MAX_RAISED_SIZE * em
    max_shift = _MAX_RAISE if raised else _MAX_BASELINE_SHIFT
    on_line = abs(word.y - last.y) < max_shift * em
    return on_line and -_MAX_OVERLAP * em < word.x0 - last.x1 < _MAX_WORD_GAP * em


def _is_list_marker(runs: list[list[Word]], word: Word) -> bool:
    """Return whether the last run is the marker of a list entry that begins with `word`."""
    if len(runs[-1]) != 1:
        return False
    marker = runs[-1][0]
    max_shift = _MAX_BASELINE_SHIFT * word.size
    if len(runs) > 1 and abs(runs[-2][-1].y - marker.y) < max_shift:
        return False  # the marker is not the first of its line
    is_small = marker.size < _MAX_RAISED_SIZE * word.size
    raised = is_small and 0 < word.y - marker.y < _MAX_RAISE * word.size
    on_line = raised or abs(word.y - marker.y) < max_shift
    near = on_line and 0 < word.x0 - marker.x1 < _MAX_MARKER_GAP * word.size
    return near and word.text[0].isalpha() and _MARKER.fullmatch(marker.text) is not None


def body_size(pages: Iterable[Page]) -> float:
    """Return the type size of running text: the main one of most pages, outside of tables."""
    page_counts = Counter[float]()  # pages by their main size
    letter_counts = Counter[float]()  # letters by size, of all pages
    for page in pages:
        letters = _letters_by_size(word for f in page.fragments for word in f.words)
        if letters:
            page_counts[letters.most_common(1)[0][0]] += 1
        letter_counts.update(letters)
    return max(page_counts, key=lambda size: (page_counts[size], letter_counts[size]), default=0.0)


def _letters_by_size(words: Iterable[Word]) -> Counter[float]:
    letters = Counter[float]()
    for word in words:
        letters[word.size] += len(word.text)
    return letters


def group_rows(fragments: Iterable[Fragment]) -> list[Row]:
    """Group fragments by baseline, rows from the top, fragments from the left."""
    rows: list[Row] = []
    base: Fragment | None = None  # the largest fragment of the row, which sets its baseline
    for fragment in sorted(fragments, key=lambda f: f.y):
        if base is not None:
            max_shift = _MAX_BASELINE_SHIFT * min(base.size, fragment.size)
            if fragment.y - base.y <= max_shift:
                rows[-1].append(fragment)
                base = max(base, fragment, key=lambda f: f.size)
                continue
        rows.append([fragment])
        base = fragment
    return [sorted(row, key=lambda f: f.x0) for row in rows]


def whole_words(words: Iterable[Word]) -> list[str]:
    """Return the texts of words, with the parts of each joined."""
    texts: list[str] = []
    for word in words:
        if word.glued and texts:
            texts[-1] += word.text
        else:
            texts.append(word.text)
    return texts


def make_lines(rows: Sequence[Row]) -> list[Line]:
    """Make a line of each row of a column; rows with aligned cells are table rows."""
    cells_by_row: list[list[list[Word]]] = []
    for row in rows:
        words = [word for fragment in row if fragment.table is None for word in fragment.words]
        cells_by_row.append(_split_cells(words))
    lines: list[Line] = []
    for at, (row, cells) in enumerate(zip(rows, cells_by_row, strict=True)):
        for f in row:
            if f.table is not None:
                lines.append(
                    Line("", f.x0, f.x1, f.y, f.size, cells=2, bottom=f.bottom, table=f.table)
                )
        near = cells_by_row[max(at - _NEAR_ROWS, 0) : at]
        near += cells_by_row[at + 1 : at + 1 + _NEAR_ROWS]
        if _is_justified(cells) or not any(_are_aligned(cells, other) for other in near):
            cells = [[word for cell in cells for word in cell]]
        line = _make_line(cells)
        if line is not None:
            lines.append(line)
    return lines


def cell_lines(rows: Iterable[Row]) -> list[Line]:
    """Make a line of running text of each row."""
    lines = [_make_line([[word for fragment in row for word in fragment.words]]) for row in rows]
    return [line for line in lines if line is not None]


def _split_cells(words: list[Word]) -> list[list[Word]]:
    """Split the words of a row at wide gaps, but not after the mark of an entry or note."""
    cells = [words[:1]]
    for last, word in pairwise(words):
        if word.x0 - last.x1 >= _MIN_CELL_GAP * max(word.size, last.size):
            cells.append([])
        cells[-1].append(word)
    if len(cells) > 1:
        mark = " ".join(whole_words(cells[0]))
        # a number before several cells is one of them
        is_bare_mark = len(cells) == 2 and _BARE_MARK.fullmatch(mark)
        if is_bare_mark or _LIST_MARK.fullmatch(mark):
            cells[:2] = [cells[0] + cells[1]]
    return cells


def _are_aligned(cells: list[list[Word]], other: list[list[Word]]) -> bool:
    """Return whether two rows have a cell, after the first, with an aligned edge."""
    for cell in cells[1:_MAX_COMPARED_CELLS]:
        for other_cell in other[1:_MAX_COMPARED_CELLS]:
            between_starts = abs(cell[0].x0 - other_cell[0].x0)
            between_ends = abs(cell[-1].x1 - other_cell[-1].x1)
            if min(between_starts, between_ends) < MAX_MISALIGNMENT:
                return True
    return False


def _is_justified(cells: list[list[Word]]) -> bool:
    """Return whether a row is one cell or a justified line of prose.

    Prose has a hyphen at its end, or lower case after gaps.
    """
    if len(cells) < 2 or cells[-1][-1].text.endswith("-"):
        return True
    lower = sum(cell[0].text[0].islower() for cell in cells[1:])
    return lower * 4 > len(cells)


def _make_line(cells: list[list[Word]]) -> Line | None:
    """Make a line of cells; None if they have no text."""
    words = [word for cell in cells for word in cell]
    if not words:
        return None
    size = _letters_by_size(words).most_common(1)[0][0]
    y = median(word.y for word in words if word.size == size)
    text_cells = [_without_note_marks(cell, size, y) for cell in cells]
    texts = [text for text in map(_text_of_cell, text_cells) if text]
    if not texts:
        return None
    text = join_cells(texts)
    text_words = [word for cell in text_cells for word in cell]
    begins_raised = text_words[0] is not words[0]
    first_word_end = text_words[0].x1
    for word in text_words[1:]:
        if not word.glued:
            break
        first_word_end = word.x1
    bold = ""
    if any(word.bold for word in text_words):
        bold = "all" if all(word.bold for word in text_words) else "some"
    least_cells = 2 if CELL_BAR in text else 1  # dot leaders separate cells, too
    return Line(
        text=text,
        x0=words[0].x0,
        x1=max(word.x1 for word in words),
        y=y,
        size=size,
        first_word_width=first_word_end - text_words[0].x0,
        bold=bold,
        begins_note=begins_raised or _NOTE_START.match(text) is not None,
        begins_raised=begins_raised,
        cells=max(len(texts), least_cells),
        cell_starts=tuple(cell[0].x0 for cell in text_cells if cell),
    )


def _text_of_cell(words: list[Word]) -> str:
    """Return the text of a cell, without raised digits; its dot leaders become " | "."""
    text = " ".join(whole_words(words))
    if not text.isascii():
        text = " ".join(_SUPERSCRIPTS.sub("", text).split())
    has_leaders = any(part in text for part in _LEADER_PARTS)
    parted = _LEADERS.sub(CELL_BAR, text) if has_leaders else text
    return parted.strip(" |") or text


def _without_note_marks(words: list[Word], size: float, y: float) -> list[Word]:
    """Remove raised note marks, and small ones in brackets on the baseline."""
    max_size = _MAX_RAISED_SIZE * size
    min_raise = _MIN_RAISE * size
    kept: list[Word] = []
    for raised, group in groupby(
        words, key=lambda word: word.size < max_size and y - word.y > min_raise
    ):
        run = list(group)
        if not raised:
            kept += [w for w in run if w.size >= max_size or not _BRACKETED.fullmatch(w.text)]
            continue
        text = "".join(word.text for word in run)
        is_exponent = text in ("2", "3") and kept and _UNIT.search(kept[-1].text)
        if is_exponent or not _NOTE_MARK.fullmatch(text):
            kept += run
    return kept
