"""Words and where they stand on a page in, fragments and rows out.

Words that follow each other closely in the file are a `Fragment`; fragments on one baseline are a `Row` of the page,
be it through one column or several.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median
from typing import Final, NamedTuple

__all__ = ["SMALL", "Fragment", "Page", "Row", "Word", "join_words", "make_page", "row_text", "rows_of"]


class Word(NamedTuple):
    """A word, or the part of one that is set in one style (then `glued` to the part before)."""

    text: str
    x0: float
    x1: float
    y: float
    size: float
    bold: bool = False
    glued: bool = False


@dataclass(frozen=True, slots=True)
class Fragment:
    """Words that stand close on one baseline; `order` is its place in the file."""

    order: int
    words: tuple[Word, ...]
    x0: float
    x1: float
    y: float
    size: float


Row = list[Fragment]
"""Fragments of one baseline, from left to right."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page by its number from 1, its size and what stands on it in the order of the file."""

    number: int
    width: float
    height: float
    words: tuple[Word, ...]
    fragments: tuple[Fragment, ...]


SMALL: Final = 0.8
"""Size of a raised mark against its line, at most."""

_CLOSE: Final = 0.8  # em between words of a fragment at most; justified lines may have wider gaps and are joined later
_OVERLAP: Final = 0.5  # em that a word may start before the end of the last one: kerning, italics
_SAME_LINE: Final = 0.35  # em between baselines on one line
_RAISED: Final = 0.75  # em between baselines of a word and a mark that follows it
_TINY: Final = 0.4  # size of a mark against its word at least; smaller words stand beside an initial
_SIGNS: Final = 5  # characters of a raised mark at most
_INITIAL: Final = 1.8  # size of an initial against its line at least
_INITIALS: Final = 20  # of a page at most; more are a table of letters


def make_page(number: int, width: float, height: float, words: Sequence[Word]) -> Page:
    """A page with its words gathered to fragments."""
    fragments: list[Fragment] = []
    run: list[Word] = []
    for word in words:
        if run and not _follows(run, word):
            fragments.append(_fragment(len(fragments), run))
            run = []
        run.append(word)
    if run:
        fragments.append(_fragment(len(fragments), run))
    return Page(number, width, height, tuple(words), tuple(_with_initials(fragments)))


def _follows(run: list[Word], word: Word) -> bool:
    last = run[-1]
    em = max(last.size, word.size)
    if not -_OVERLAP * em < word.x0 - last.x1 < _CLOSE * min(em, 3 * last.size):
        return False
    drop = abs(word.y - last.y)
    return drop < _SAME_LINE * em or (drop < _RAISED * em and _TINY * em < min(last.size, word.size) < SMALL * em)


def _fragment(order: int, words: list[Word]) -> Fragment:
    main = max(words, key=lambda word: word.size)  # its baseline is the fragment's
    return Fragment(order, tuple(words), words[0].x0, max(word.x1 for word in words), main.y, main.size)


def _with_initials(fragments: list[Fragment]) -> list[Fragment]:
    """Fragments in which an initial as high as several lines is put before the first of them."""
    initials = [f for f in fragments if len(f.words) == 1 and len(f.words[0].text) == 1 and f.words[0].text.isupper()]
    for initial in initials if len(initials) <= _INITIALS else ():
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
        initial.size >= _INITIAL * line.size
        and (start[0].islower() or start[:2].isupper())
        and -0.5 * line.size < line.x0 - initial.x1 < line.size
        and initial.y - initial.size < line.y < initial.y + 0.2 * line.size
    )


def rows_of(fragments: Iterable[Fragment]) -> list[Row]:
    """Fragments by baseline from the top, each row from left to right."""
    rows: list[Row] = []
    base: Fragment | None = None  # what gives the row its baseline: its largest fragment
    for fragment in sorted(fragments, key=lambda f: f.y):
        if base is not None and fragment.y - base.y <= _reach(base, fragment):
            rows[-1].append(fragment)
            base = max(base, fragment, key=lambda f: f.size)
        else:
            rows.append([fragment])
            base = fragment
    for row in rows:
        row.sort(key=lambda f: f.x0)
    return rows


def _reach(a: Fragment, b: Fragment) -> float:
    """How far apart the baselines of two fragments of one row may be: further for a raised mark or sign."""
    small, large = sorted((a, b), key=lambda f: f.size)
    raised = small.size < SMALL * large.size and len(small.words) == 1 and len(small.words[0].text) <= _SIGNS
    return 0.5 * large.size if raised else _SAME_LINE * small.size


def row_text(row: Row) -> str:
    """Text of a row, its fragments parted by spaces."""
    return " ".join(join_words(fragment.words) for fragment in row)


def join_words(words: Sequence[Word]) -> str:
    """Words with spaces between; letters that are spaced out are drawn together.

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
