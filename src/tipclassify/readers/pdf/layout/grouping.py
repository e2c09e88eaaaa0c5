"""Group the lines of a column into paragraphs, headings, list entries and table rows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import Final

from tipclassify.readers.pdf.layout.lines import MAX_MISALIGNMENT, Line
from tipclassify.readers.pdf.layout.pages import LARGE
from tipclassify.readers.pdf.layout.tables import CAPTION
from tipclassify.text.features.lexicon import WORDS

__all__ = [
    "BULLET",
    "NOTES",
    "LineGroup",
    "begins_lower",
    "ends_sentence",
    "group_lines",
    "is_unfinished",
    "mark_ends",
    "same_size",
]

BULLET: Final = re.compile(r"\A[•●▪◦‣∙○➢■□*·–—-](?:\s+|$)")  # bullet of a list entry
# end of a sentence or of the introduction of a list
_ENDED: Final = re.compile(r"[.!?:;…][\"”’')\]»]*$")
# note marks after a sentence
NOTES: Final = re.compile(r"(?:\s*[(\[]\d{1,3}(?:[,;–-]\s?\d{1,3})*[)\]])+$")
_MAX_ABBREVIATION: Final = 24  # characters
_LAST_WORD: Final = re.compile(r"([^\W\d_](?:[\w.]*\w)?)\.$")
_TITLES, _BEFORE_NUMBER = (frozenset(WORDS[name]) for name in ("never_final", "before_number"))
_LIST_NUMBER: Final = re.compile(
    r"(?:\(?(?:\d{1,3}|[A-Za-z]|[ivx]{1,5}|[IVX]{1,5})[.)]|\d{1,3}(?:\.\d{1,3}){1,3}\.?)(?:\s|$)"
)
_ENTRY_NUMBER: Final = re.compile(r"[\[(]?((?:\d{1,3}\.){0,3})(\d{1,3})[\])]?[.:]?\s")
_LOWER: Final = re.compile(r"[\"“‘(\[]*[a-zß-öø-ÿ]")
# Words at the end of a line that nothing ends with: a sentence, a heading or an entry goes on.
_UNFINISHED: Final = re.compile(
    r"(?:^|\s)(?:the|a|an|of|and|or|in|to|for|by|with|on|at|from|into|between|that|which|as|than|its|their)$"
)
_SIZE_TOLERANCE: Final = 0.08  # relative difference of type sizes in one paragraph
_PARAGRAPH_GAP: Final = 1.35  # of the line spacing, between paragraphs
_SENTENCE_GAP: Final = 1.12  # the same after the end of a sentence
_INDENT: Final = 0.8  # em
_SPACE_WIDTH: Final = 0.25  # em
_MAX_ROOM: Final = 0.25  # of the width of the lines near by
_MARGIN_LINES: Final = 3  # lines above and below whose ends are the margin
_MIN_FULL: Final = 0.75  # of the width of lines that are full
_RAGGED: Final = 1.0  # em that a full line may leave at a ragged margin


@dataclass(slots=True)
class LineGroup:
    """Collect the lines of a paragraph, or the cells of a table row.

    `margin` is the right end of the lines near by. `kind` is as of `Paragraph`, or "" if the
    structure tree does not give it; `first` and `last` are in the column.
    """

    lines: list[Line]
    page: int
    margin: float = 0.0
    aside: bool = False
    first: bool = False
    last: bool = False
    kind: str = ""
    level: int | None = None
    cells: list[list[str]] = field(default_factory=list)

    def room_for(self, line: Line) -> float:
        """Return the room that the first word of `line` would leave in the last line, in points."""
        return self.margin - self.lines[-1].x1 - _SPACE_WIDTH * line.size - line.first_word_width

    def is_full(self, room: float) -> bool:
        """Return whether the last line is nearly as long as the lines near by.

        The room is that for the next word.
        """
        last = self.lines[-1]
        return room <= max(last.size, _MAX_ROOM * (self.margin - last.x0))

    @property
    def is_table(self) -> bool:
        return bool(self.cells) or self.lines[0].cells > 1

    @property
    def text(self) -> str:
        return " ".join(line.text for line in self.lines)

    @property
    def is_entry(self) -> bool:
        text = self.lines[0].text
        return BULLET.match(text) is not None or _LIST_NUMBER.match(text) is not None


def same_size(a: Line, b: Line) -> bool:
    """Test whether the type sizes of two lines are equal, within a tolerance."""
    return abs(a.size - b.size) <= _SIZE_TOLERANCE * a.size


def ends_sentence(text: str, following: str) -> bool:
    """Return whether a line ends a sentence, or introduces a list, before the following one.

    >>> [ends_sentence("Two men fled. (3,14)", "The court"), ends_sentence("The law bans:", "slavery")]
    [True, True]
    >>> [ends_sentence(line, next_line) for line, next_line in (("the U.S.", "army"), ("told Dr.", "Salo"), ("p.", "4"))]
    [False, False, False]
    """
    text = NOTES.sub("", text)
    if not _ENDED.search(text) or (begins_lower(following) and not text.endswith((":", ";"))):
        return False
    word = _last_word(text)
    return word not in _TITLES and not (word in _BEFORE_NUMBER and following[:1].isdecimal())


def begins_lower(text: str) -> bool:
    """Return whether a line begins inside a sentence: in lower case, and not as an entry of a list.

    >>> begins_lower("(lack of funds)"), begins_lower("(a) Funds"), begins_lower("Funds")
    (True, False, False)
    """
    return _LOWER.match(text) is not None and _LIST_NUMBER.match(text) is None


def is_unfinished(text: str) -> bool:
    """Return whether a line ends inside a sentence.

    It ends with a hyphen, an article, a preposition or a title.

    >>> [is_unfinished(text) for text in ("However, children in", "as he told Dr.", "However, children")]
    [True, True, False]
    """
    return text.endswith("-") or _UNFINISHED.search(text) is not None or _last_word(text) in _TITLES


def _last_word(text: str) -> str:
    """Return the last word of a line that ends in a full stop, in lower case; "" if it does not."""
    found = _LAST_WORD.search(text[-_MAX_ABBREVIATION:]) if text.endswith(".") else None
    return found[1].lower() if found else ""


def group_lines(
    lines: list[Line], page: int, body: float, *, aside: bool = False, notes: bool = False
) -> list[LineGroup]:
    """Group the lines of a column, of a sidebar or of notes, from the top.

    `body` is the type size of running text.
    """
    groups: list[LineGroup] = []
    leading = _leading(lines)
    for at, line in enumerate(lines):
        margin = _margin(lines, at)
        # bold rows at the top have the names of columns, further down they are labels
        if line.table is not None:
            names = next((number for number, row in enumerate(line.table) if not row.header), 0)
            kinds = ["header" if number < names else "row" for number in range(len(line.table))]
            rows = zip(line.table, kinds, strict=True)
            groups += [
                LineGroup([line], page, 0.0, aside, kind=kind, cells=row.cells)
                for row, kind in rows
                if row.cells
            ]
        elif (
            groups
            and not (notes and line.begins_note)
            and not _breaks(groups[-1], line, leading, body)
        ):
            groups[-1].lines.append(line)
            groups[-1].margin = margin
        else:
            groups.append(LineGroup([line], page, margin, aside))
    return mark_ends(groups)


def mark_ends(groups: list[LineGroup]) -> list[LineGroup]:
    """Mark the first and last paragraph of a column.

    They may continue across table rows, captions and notes.
    """
    text = [
        g for g in groups if not g.cells and g.kind != "note" and not CAPTION.match(g.lines[0].text)
    ]
    for group in text:
        group.first, group.last = group is text[0], group is text[-1]
    return groups


def _margin(lines: Sequence[Line], at: int) -> float:
    """Return the right margin at a line, in points.

    Beside a box or a drawing the lines above or below are shorter, and theirs is the margin if they
    are full. Where neither are, as in a list of short entries, it is the right end of all lines
    near by.
    """
    line = lines[at]
    near = range(max(at - _MARGIN_LINES, 0), min(at + _MARGIN_LINES + 1, len(lines)))
    alike = [i for i in near if lines[i].table is None and same_size(lines[i], line)]
    above = [lines[i] for i in alike if i <= at]
    below = [lines[i] for i in alike if i >= at]
    ends = [max(one.x1 for one in side) for side in (above, below) if _are_full(side)]
    return min(ends) if ends else max((lines[i].x1 for i in alike), default=line.x1)


def _are_full(lines: Sequence[Line]) -> bool:
    """Return whether lines are broken where the next word had no room.

    One paragraph may end between them.
    """
    if len(lines) < 3:
        return False
    left, right = min(line.x0 for line in lines), max(line.x1 for line in lines)
    full = sum(
        above.x1 - left > _MIN_FULL * (right - left)
        and above.x1 + (_SPACE_WIDTH + _RAGGED) * below.size + below.first_word_width > right
        for above, below in pairwise(lines)
    )
    return full >= len(lines) - 2


def _leading(lines: Sequence[Line]) -> float:
    """Return the line spacing within paragraphs, in points.

    The lower quartile excludes paragraph gaps. Each step counts by its letters, so that the few
    short labels of a chart among the lines have no say.
    """
    steps = sorted(
        (b.y - a.y, min(len(a.text), len(b.text))) for a, b in pairwise(lines) if b.y > a.y
    )
    if len(steps) < 2:
        return min((step for step, _ in steps), default=1.2 * lines[0].size if lines else 1.0)
    letters = list(accumulate(count for _, count in steps))
    return next(
        step for (step, _), sofar in zip(steps, letters, strict=True) if sofar >= letters[-1] / 4
    )


def _breaks(group: LineGroup, line: Line, leading: float, body: float) -> bool:
    """Return whether `line` begins a new paragraph after `group`."""
    last, room = group.lines[-1], group.room_for(line)
    numbered = _LIST_NUMBER.match(line.text) is not None
    goes_on = is_unfinished(last.text) or begins_lower(line.text)
    if _hangs(last, line, leading):
        return False
    if max(last.cells, line.cells) > 1 or line.begins_raised or not same_size(last, line):
        return True
    large = min(last.size, line.size) >= LARGE * body
    step = (line.y - last.y) / (max(leading, 1.2 * line.size) if large else leading)
    if (
        step > _PARAGRAPH_GAP
        or step <= 0
        or BULLET.match(line.text)
        or _is_next_entry(group.lines[0], line)
    ):
        return True
    ended, capitals = ends_sentence(last.text, line.text), group.text.isupper()
    if large and last.bold == line.bold:  # titles are broken by sense, not by width
        return ended and not last.text.endswith(":")
    if last.bold == line.bold == "all" and capitals == line.text.isupper() and not ended:
        return numbered  # headings, too
    if {last.bold, line.bold} == {"all", ""} and (last.bold or ended or room > 0.3 * line.size):
        return True
    # a single word may be an abbreviation
    if capitals and " " in group.text and not line.text.isupper():
        return True
    if ended:
        apart = step > _SENTENCE_GAP and not goes_on
        return numbered or apart or room > 0.3 * line.size or _indent_breaks(group, line)
    return not goes_on and not group.is_full(room)


def _hangs(row: Line, line: Line, leading: float) -> bool:
    """Return whether a line continues the last cell of a table row.

    It is directly below, and where the cell begins.
    """
    if row.cells < 2 or row.table is not None or line.cells > 1 or not same_size(row, line):
        return False
    below = 0 < line.y - row.y <= _PARAGRAPH_GAP * leading
    return (
        below and len(row.cell_starts) > 1 and abs(line.x0 - row.cell_starts[-1]) < MAX_MISALIGNMENT
    )


def _is_next_entry(first: Line, line: Line) -> bool:
    """Return whether a line begins with the number after that of an entry, at the same place."""
    own, following = _ENTRY_NUMBER.match(first.text), _ENTRY_NUMBER.match(line.text)
    if own is None or following is None or own[1] != following[1]:
        return False
    return int(following[2]) == int(own[2]) + 1 and abs(first.x0 - line.x0) < line.size


def _indent_breaks(group: LineGroup, line: Line) -> bool:
    """Return whether an indent, or the end of one, begins a paragraph at `line`."""
    if len(group.lines) == 1:
        return not group.is_entry and line.x0 > group.lines[-1].x0 + _INDENT * line.size
    return abs(line.x0 - min(before.x0 for before in group.lines[1:][-3:])) > _INDENT * line.size
