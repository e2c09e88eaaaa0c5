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
    "Fragment",
    "Page",
    "Row",
    "Shape",
    "Table",
    "TableRow",
    "Tag",
    "Word",
    "body_size",
    "group_rows",
    "join_words",
    "main_size",
    "make_fragments",
    "make_page",
    "whole_words",
]


class Tag(NamedTuple):
    """Hold the innermost block of the tree around a text, and its table row or 0.

    Both are numbered in reading order.
    """

    block: int
    kind: str  # "text", "heading", "caption", "cell", "note" or "artifact"
    level: int | None = None
    row: int = 0
    header: bool = False


class Word(NamedTuple):
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
    tag: Tag | None = None
    font: str = ""


class Shape(NamedTuple):
    """Hold a straight line or box, or the bounds of a drawing; edges in points."""

    x0: float
    y0: float
    x1: float
    y1: float
    drawing: bool = False


@dataclass(frozen=True, slots=True)
class Fragment:
    """Hold adjacent words on one baseline, or in their place a whole table.

    A table reaches down to the baseline `bottom`. `order` is the index in the file.
    """

    order: int
    words: tuple[Word, ...]
    x0: float
    x1: float
    y: float
    size: float
    table: Table | None = None
    bottom: float = 0.0

    @property
    def text(self) -> str:
        return join_words(self.words)


Row = list[Fragment]  # fragments of one baseline, from left to right


class TableRow(NamedTuple):
    """Hold the cells of a table row, each the lines of its text."""

    cells: list[list[str]]
    header: bool = False


Table = list[TableRow]  # rows of a ruled table, or the caption and labels of a drawing


@dataclass(frozen=True, slots=True)
class Page:
    """Hold a page: its words, fragments and drawn shapes, in file order.

    `problem` is why text is not read or not in order.
    """

    number: int
    width: float
    height: float
    words: tuple[Word, ...]
    fragments: tuple[Fragment, ...]
    shapes: Sequence[Shape] = ()
    problem: str = ""


LARGE: Final = 1.12  # minimum type size of a heading relative to body text
MAX_RAISED_SIZE: Final = 0.8  # maximum type size of a raised mark relative to its line
# em between words of a fragment; wider gaps of justified lines are joined later
_MAX_WORD_GAP: Final = 0.8
_MAX_MARKER_GAP: Final = 3.0  # em between the marker of a list entry and its text
_MARKER: Final = re.compile(r"\d{1,3}[.)]?|[•●▪◦‣–—-]")
_MAX_OVERLAP: Final = 0.5  # em of overlap with the last word, by kerning or italics
_MIN_INITIAL_SIZE: Final = 1.8  # size of a drop cap relative to its line
_MAX_BASELINE_SHIFT: Final = 0.35  # em between baselines of one line
_MAX_RAISE: Final = 0.75  # em between baselines of a word and the raised mark after it


def make_page(
    number: int,
    width: float,
    height: float,
    words: Sequence[Word],
    shapes: Sequence[Shape] = (),
    problem: str = "",
) -> Page:
    """Make a page; group its words into fragments, with drop caps at the words that they begin."""
    joined = list(words)
    for at, (initial, word) in enumerate(pairwise(words)):
        is_initial = (
            len(initial.text) == 1
            and initial.text.isupper()
            and initial.size >= _MIN_INITIAL_SIZE * word.size
        )
        if (
            is_initial
            and -0.5 * word.size < word.x0 - initial.x1 < word.size
            and word.text[0].islower()
        ):
            joined[at : at + 2] = [
                initial._replace(size=word.size, y=word.y),
                word._replace(glued=True),
            ]
    return Page(
        number, width, height, tuple(joined), tuple(make_fragments(joined)), shapes, problem
    )


def make_fragments(words: Sequence[Word]) -> list[Fragment]:
    """Group words in file order into fragments."""
    runs: list[list[Word]] = []
    for word in words:
        if runs and (_follows(runs[-1][-1], word) or _is_marker_of(runs, word)):
            runs[-1].append(word)
        else:
            runs.append([word])
    return [_fragment(order, run) for order, run in enumerate(runs)]


def _fragment(order: int, words: list[Word]) -> Fragment:
    main = max(words, key=lambda word: word.size)  # sets the baseline
    return Fragment(
        order, tuple(words), words[0].x0, max(word.x1 for word in words), main.y, main.size
    )


def _follows(last: Word, word: Word) -> bool:
    em = max(last.size, word.size)
    raised = min(last.size, word.size) < MAX_RAISED_SIZE * em
    same_line = abs(word.y - last.y) < (_MAX_RAISE if raised else _MAX_BASELINE_SHIFT) * em
    return same_line and -_MAX_OVERLAP * em < word.x0 - last.x1 < _MAX_WORD_GAP * em


def _is_marker_of(runs: list[list[Word]], word: Word) -> bool:
    """Return whether a line begins with a number or bullet, then its entry.

    There is some space between the two.
    """
    marker, shift = runs[-1][0], _MAX_BASELINE_SHIFT * word.size
    alone = len(runs[-1]) == 1 and not (len(runs) > 1 and abs(runs[-2][-1].y - marker.y) < shift)
    raised = (
        marker.size < MAX_RAISED_SIZE * word.size and 0 < word.y - marker.y < _MAX_RAISE * word.size
    )
    on_line = raised or abs(word.y - marker.y) < shift
    near = on_line and 0 < word.x0 - marker.x1 < _MAX_MARKER_GAP * word.size
    return alone and near and word.text[0].isalpha() and _MARKER.fullmatch(marker.text) is not None


def body_size(pages: Iterable[Page]) -> float:
    """Return the type size of running text, in points.

    It is the main one of most pages, outside of ruled tables.
    """
    sizes = [_letters_by_size(word for f in page.fragments for word in f.words) for page in pages]
    votes = Counter(size for found in sizes for size, _ in found.most_common(1))
    letters = sum(sizes, Counter[float]())
    return max(votes, key=lambda size: (votes[size], letters[size]), default=0.0)


def main_size(words: Iterable[Word]) -> float:
    """Return the type size that most letters of words have, in points."""
    return _letters_by_size(words).most_common(1)[0][0]


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
        if base is not None and fragment.y - base.y <= _MAX_BASELINE_SHIFT * min(
            base.size, fragment.size
        ):
            rows[-1].append(fragment)
            base = max(base, fragment, key=lambda f: f.size)
        else:
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


def join_words(words: Iterable[Word]) -> str:
    """Join words with spaces, and the parts of each without."""
    return "".join(word.text if word.glued else " " + word.text for word in words).strip()
