"""Lines of a column in, runs of them out that are paragraphs, headings, list entries or rows of a table.

A paragraph ends where the lines show it: by a wider gap, an indent, another type size, a list mark, or a last line
with room for the next word.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import quantiles
from typing import Final

from tipclassify.readers.pdf.layout.lines import Line

__all__ = ["BULLET", "ENDED", "LARGE", "Run", "are_alike", "runs_of"]

BULLET: Final = re.compile(r"\A[•●▪◦‣∙○➢■□*·–—-](?:\s+|$)")
"""The sign before a list entry."""

ENDED: Final = re.compile(r"[.!?:;…][\"”’')\]»]*$")
"""The end of a sentence, or of what introduces a list."""

LARGE: Final = 1.12
"""Size of a heading's type against the body's, at least."""

_LIST_NUMBER: Final = re.compile(
    r"(?:\(?(?:\d{1,3}|[A-Za-z]|[ivx]{1,5}|[IVX]{1,5})[.)]|\d{1,2}(?:\.\d{1,2}){1,3}\.?)(?:\s|$)"
)
_SAME_SIZE: Final = 0.08  # of a size that sizes of one paragraph may differ by
_GAP: Final = 1.35  # of the leading that parts paragraphs
_SLIGHT_GAP: Final = 1.12  # the same after the end of a sentence
_INDENT: Final = 0.8  # em
_SPACE: Final = 0.25  # em that a space is wide


@dataclass(slots=True)
class Run:
    """Lines of a paragraph as they are gathered; `margin` is the right end of the lines around its last one."""

    lines: list[Line]
    page: int
    last_page: int
    margin: float
    aside: bool
    first: bool  # in its column
    last: bool = False
    heading: bool = False

    @property
    def end(self) -> Line:
        return self.lines[-1]

    def room_for(self, line: Line) -> float:
        """What the first word of `line` would have left of the last line."""
        return self.margin - self.end.x1 - _SPACE * line.size - line.lead

    @property
    def is_table(self) -> bool:
        return self.lines[0].cells > 1

    @property
    def is_entry(self) -> bool:
        """Whether it begins with the mark of a list entry."""
        text = self.lines[0].text
        return BULLET.match(text) is not None or _LIST_NUMBER.match(text) is not None

    @property
    def is_indented(self) -> bool:
        """Whether its first line is."""
        return len(self.lines) > 1 and self.lines[0].x0 > self.lines[1].x0 + _INDENT * self.lines[1].size


def are_alike(a: Line, b: Line) -> bool:
    """Whether two lines are of one type size."""
    return abs(a.size - b.size) <= _SAME_SIZE * a.size


def runs_of(
    lines: Sequence[Line], page: int, body: float, *, aside: bool = False, opens: Callable[[Line], bool] | None = None
) -> list[Run]:
    """Runs of a column.

    Parameters
    ----------
    lines : sequence of Line
        From the top.
    page : int
        Number of the page, from 1.
    body : float
        Type size of most of the document, in points.
    aside : bool
        The column is a box beside the text.
    opens : callable
        Tells lines that begin a run however they stand.
    """
    runs: list[Run] = []
    leading = _leading(lines)
    for at, line in enumerate(lines):
        margin = max(near.x1 for near in lines[max(at - 3, 0) : at + 4])
        if runs and not (opens and opens(line)) and not _breaks(runs[-1], line, leading, body):
            runs[-1].lines.append(line)
            runs[-1].margin = margin
        else:
            runs.append(Run([line], page, page, margin, aside, first=not runs))
    if runs:
        runs[-1].last = True
    return runs


def _leading(lines: Sequence[Line]) -> float:
    """Distance of baselines within paragraphs: the lower quartile, since gaps between paragraphs are wider."""
    steps = [b.y - a.y for a, b in pairwise(lines) if abs(a.size - b.size) < 0.6 and b.y > a.y]
    if len(steps) < 2:
        return min(steps, default=1.2 * lines[0].size if lines else 1.0)
    return quantiles(steps, n=4, method="inclusive")[0]


def _breaks(run: Run, line: Line, leading: float, body: float) -> bool:
    """Whether `line` begins a new paragraph after `run`."""
    last = run.end
    if max(last.cells, line.cells) > 1 or not are_alike(last, line):
        return True
    large = min(last.size, line.size) >= LARGE * body
    step = (line.y - last.y) / (max(leading, 1.2 * line.size) if large else leading)
    if step > _GAP or step <= 0 or BULLET.match(line.text):
        return True
    if large and last.bold == line.bold:  # lines of a title are broken by sense
        return ENDED.search(last.text.rstrip(":")) is not None
    ended = ENDED.search(last.text) is not None
    return _looks_differ(run, line, ended) or _shape_breaks(run, line, step, ended)


def _looks_differ(run: Run, line: Line, ended: bool) -> bool:
    """Whether weight or capitals part a heading from text."""
    last, short = run.end, run.room_for(line) > 0.3 * line.size
    if last.bold == "all" and line.bold != "all":
        return short or not line.bold
    if line.bold == "all" and not last.bold:
        return ended or short
    return not line.text.isupper() and all(_is_in_capitals(before.text) for before in reversed(run.lines))


def _shape_breaks(run: Run, line: Line, step: float, ended: bool) -> bool:
    """Whether list marks, room at the line's end, or indents part `line` from the paragraph before."""
    last, room = run.end, run.room_for(line)
    if len(run.lines) == 1 and (BULLET.fullmatch(last.text) or _LIST_NUMBER.fullmatch(last.text)):
        return False  # a list mark on a line of its own
    if not ended:
        listed = run.is_entry and _LIST_NUMBER.match(line.text) and abs(line.x0 - run.lines[0].x0) < 0.3 * line.size
        wide = max(line.size, 0.25 * (run.margin - last.x0))
        return bool(listed) or (room > wide and not last.text.endswith("-") and not _are_centered(last, line))
    return (
        _LIST_NUMBER.match(line.text) is not None
        or room > 0.3 * line.size
        or _are_centered(last, line)
        or (last.text.endswith(";") and line.text[:1].isupper())
        or (step > _SLIGHT_GAP and not line.text[:1].islower())
        or _indent_breaks(run, line)
    )


def _is_in_capitals(text: str) -> bool:
    """Whether a line is set in capitals: two words or more, so that no abbreviation is taken for one."""
    return text.isupper() and len(text.split()) > 1


def _indent_breaks(run: Run, line: Line) -> bool:
    """Whether an indent, or the end of one, parts `line` from the paragraph before."""
    if len(run.lines) == 1:
        return not run.is_entry and line.x0 > run.end.x0 + _INDENT * line.size
    shift = line.x0 - min(before.x0 for before in run.lines[max(1, len(run.lines) - 3) :])
    return abs(shift) > _INDENT * line.size


def _are_centered(last: Line, line: Line) -> bool:
    return abs((last.x0 + last.x1) - (line.x0 + line.x1)) < 4 and abs(last.x0 - line.x0) > 4
