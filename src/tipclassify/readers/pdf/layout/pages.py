"""Group the words of a page into fragments and rows.

Words that follow each other closely in the file are a `Fragment`; fragments on one baseline are a `Row` of the page,
across one column or several.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from statistics import median
from typing import Final, NamedTuple

from tipclassify.readers.pdf.tags import Tag

__all__ = ["MAX_RAISED_SIZE", "Fragment", "Page", "Row", "Shape", "Table", "TableRow", "Word", "group_rows"]
__all__ += ["join_words", "make_fragments", "make_page", "row_text"]


class Word(NamedTuple):
    """Hold a word, or a part of one in one style, `glued` to the part before; `content` is its marked-content id."""

    text: str
    x0: float
    x1: float
    y: float
    size: float
    bold: bool = False
    glued: bool = False
    content: int = -1


class Shape(NamedTuple):
    """Hold a straight line or box, or the bounds of a drawing; edges in points."""

    x0: float
    y0: float
    x1: float
    y1: float
    drawing: bool = False


@dataclass(frozen=True, slots=True)
class Fragment:
    """Hold adjacent words on one baseline, or in their place a whole table; `order` is the index in the file."""

    order: int
    words: tuple[Word, ...]
    x0: float
    x1: float
    y: float
    size: float
    table: Table | None = None


Row = list[Fragment]
"""Fragments of one baseline, from left to right."""


class TableRow(NamedTuple):
    """Hold the cells of a table row, each the rows of its text."""

    cells: list[list[Row]]
    header: bool = False


class Table(NamedTuple):
    """Hold the rows of a ruled table, or the caption and labels of a drawing, and its bottom edge."""

    rows: list[TableRow]
    bottom: float


@dataclass(frozen=True, slots=True)
class Page:
    """Hold a page: its number from 1, its size in points, words and fragments in file order.

    `shapes` are its drawn lines and boxes, `tags` the blocks of its structure tree by marked-content id.
    `problem` says why its text is not read, or not in order.
    """

    number: int
    width: float
    height: float
    words: tuple[Word, ...]
    fragments: tuple[Fragment, ...]
    shapes: tuple[Shape, ...] = ()
    tags: Mapping[int, Tag] = field(default_factory=dict)
    problem: str = ""


MAX_RAISED_SIZE: Final = 0.8
"""Maximum type size of a raised mark relative to its line."""

_MAX_WORD_GAP: Final = 0.8  # em between words of a fragment; wider gaps of justified lines are joined later
_MAX_MARKER_GAP: Final = 3.0  # em between the marker of a list entry and its text
_MARKER: Final = re.compile(r"\d{1,3}[.)]?|[•●▪◦‣–—-]")
_MAX_OVERLAP: Final = 0.5  # em of overlap with the last word, by kerning or italics
_MAX_BASELINE_SHIFT: Final = 0.35  # em between baselines of one line
_MAX_RAISE: Final = 0.75  # em between baselines of a word and the raised mark after it
_MIN_RAISED_SIZE: Final = 0.4  # size of a raised mark relative to its word; smaller words are beside a drop cap
_MAX_MARK_CHARACTERS: Final = 5  # characters of a raised mark
_MIN_INITIAL_SIZE: Final = 1.8  # size of a drop cap relative to its line
_MAX_INITIALS: Final = 20  # drop caps of a page; more are a table of letters


def make_page(
    number: int,
    width: float,
    height: float,
    words: Sequence[Word],
    shapes: Sequence[Shape] = (),
    tags: Mapping[int, Tag] | None = None,
    problem: str = "",
) -> Page:
    """Make a page; group its words into fragments."""
    fragments = tuple(_join_drop_caps(make_fragments(words)))
    return Page(number, width, height, tuple(words), fragments, tuple(shapes), tags or {}, problem)


def make_fragments(words: Sequence[Word]) -> list[Fragment]:
    """Group words in file order into fragments."""
    fragments: list[Fragment] = []
    run: list[Word] = []
    for word in words:
        if run and not _follows(run, word) and not _is_marker_of(run, word, fragments):
            fragments.append(_fragment(len(fragments), run))
            run = []
        run.append(word)
    if run:
        fragments.append(_fragment(len(fragments), run))
    return fragments


def _follows(run: list[Word], word: Word) -> bool:
    last = run[-1]
    em = max(last.size, word.size)
    if not -_MAX_OVERLAP * em < word.x0 - last.x1 < _MAX_WORD_GAP * min(em, 3 * last.size):
        return False
    drop = abs(word.y - last.y)
    return drop < _MAX_BASELINE_SHIFT * em or (
        drop < _MAX_RAISE * em and _MIN_RAISED_SIZE * em < min(last.size, word.size) < MAX_RAISED_SIZE * em
    )


def _is_marker_of(run: list[Word], word: Word, before: list[Fragment]) -> bool:
    """Return whether a line begins with a number or bullet, and with some space the text of its entry."""
    marker = run[0]
    return (
        len(run) == 1
        and _MARKER.fullmatch(marker.text) is not None
        and abs(word.y - marker.y) < _MAX_BASELINE_SHIFT * word.size
        and 0 < word.x0 - marker.x1 < _MAX_MARKER_GAP * word.size
        and not (before and abs(before[-1].y - marker.y) < _MAX_BASELINE_SHIFT * word.size)
        and word.text[0].isalpha()
    )


def _fragment(order: int, words: list[Word]) -> Fragment:
    main = max(words, key=lambda word: word.size)  # sets the baseline of the fragment
    return Fragment(order, tuple(words), words[0].x0, max(word.x1 for word in words), main.y, main.size)


def _join_drop_caps(fragments: list[Fragment]) -> list[Fragment]:
    """Join each drop cap to the first of the lines beside it."""
    initials = [f for f in fragments if len(f.words) == 1 and len(f.words[0].text) == 1 and f.words[0].text.isupper()]
    for initial in initials if len(initials) <= _MAX_INITIALS else ():
        lines = [f for f in fragments if _is_beside(initial, f)]
        if lines:
            line = min(lines, key=lambda f: f.y)
            letter = initial.words[0]._replace(size=line.size, y=line.y)
            words = (letter, line.words[0]._replace(glued=True), *line.words[1:])
            joined = replace(line, words=words, x0=initial.x0)
            fragments = [joined if f is line else f for f in fragments if f is not initial]
    return fragments


def _is_beside(initial: Fragment, line: Fragment) -> bool:
    start = line.words[0].text
    return (
        initial.size >= _MIN_INITIAL_SIZE * line.size
        and (start[0].islower() or start[:2].isupper())
        and -0.5 * line.size < line.x0 - initial.x1 < line.size
        and initial.y - initial.size < line.y < initial.y + 0.2 * line.size
    )


def group_rows(fragments: Iterable[Fragment]) -> list[Row]:
    """Group fragments by baseline, rows from the top, fragments from the left."""
    rows: list[Row] = []
    base: Fragment | None = None  # the largest fragment of the row, which sets its baseline
    for fragment in sorted(fragments, key=lambda f: f.y):
        if base is not None and fragment.y - base.y <= _max_baseline_distance(base, fragment):
            rows[-1].append(fragment)
            base = max(base, fragment, key=lambda f: f.size)
        else:
            rows.append([fragment])
            base = fragment
    for row in rows:
        row.sort(key=lambda f: f.x0)
    return rows


def _max_baseline_distance(a: Fragment, b: Fragment) -> float:
    """Return the maximum distance of two baselines in one row, in points; larger for a raised mark."""
    small, large = sorted((a, b), key=lambda f: f.size)
    raised = (
        small.size < MAX_RAISED_SIZE * large.size
        and len(small.words) == 1
        and len(small.words[0].text) <= _MAX_MARK_CHARACTERS
    )
    return 0.5 * large.size if raised else _MAX_BASELINE_SHIFT * small.size


def row_text(row: Row) -> str:
    """Join the fragments of a row with spaces."""
    return " ".join(join_words(fragment.words) for fragment in row)


def join_words(words: Sequence[Word]) -> str:
    """Join words with spaces; letter-spaced words are contracted.

    >>> join_words([Word("for", 0, 13, 0, 10), Word("ced", 13, 28, 0, 10, glued=True), Word("labor", 31, 50, 0, 10)])
    'forced labor'
    """
    spaced = len(words) >= 4 and sum(len(word.text) == 1 and word.text.isalpha() for word in words) >= 0.75 * len(words)
    if not spaced:
        return "".join(word.text if word.glued or not i else " " + word.text for i, word in enumerate(words))
    gaps = [b.x0 - a.x1 for a, b in pairwise(words)]
    limit = median(gaps) + 0.12 * words[0].size
    return words[0].text + "".join(
        (" " if gap > limit else "") + word.text for gap, word in zip(gaps, words[1:], strict=True)
    )
