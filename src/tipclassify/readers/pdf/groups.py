"""Group the lines of a column into paragraphs, headings, list entries and table rows."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import Final

from tipclassify.readers.pdf.lines import LARGE, MAX_MISALIGNMENT, Line, TableRow
from tipclassify.readers.pdf.tables import CAPTION
from tipclassify.text.lexicon import WORDS

BULLET: Final = re.compile(r"\A[•●▪◦‣∙○➢■□*·–—-](?:\s+|$)")  # bullet of a list entry
# end of a sentence or of the introduction of a list
_ENDED: Final = re.compile(r"[.!?:;…][\"”’')\]»]*$")
# note marks after a sentence
NOTES: Final = re.compile(r"(?:\s*[(\[]\d{1,3}(?:[,;–-]\s?\d{1,3})*[)\]])+$")
_MAX_ABBREVIATION: Final = 24  # characters
_LAST_WORD: Final = re.compile(r"([^\W\d_](?:[\w.]*\w)?)\.$")
_TITLES: Final = frozenset(WORDS["never_final"])  # before a name: "Dr."
_BEFORE_NUMBER: Final = frozenset(WORDS["before_number"])  # "p."
_LIST_NUMBER: Final = re.compile(
    r"(?:\(?(?:\d{1,3}|[A-Za-z]|[ivx]{1,5}|[IVX]{1,5})[.)]|\d{1,3}(?:\.\d{1,3}){1,3}\.?)(?:\s|$)"
)
_ENTRY_NUMBER: Final = re.compile(r"[\[(]?((?:\d{1,3}\.){0,3})(\d{1,3})[\])]?[.:]?\s")
_LOWER: Final = re.compile(r"[\"“‘(\[]*[a-zß-öø-ÿ]")
# Words at the end of a line that nothing ends with: a sentence, a heading or an entry goes on.
_UNFINISHED: Final = re.compile(
    r"(?:^|\s)(?:the|a|an|of|and|or|in|to|for|by|with|on|at|from|into|between|that|which|as|than"
    r"|its|their)$"
)
_SIZE_TOLERANCE: Final = 0.08  # relative difference of type sizes in one paragraph
_PARAGRAPH_GAP: Final = 1.35  # of the line spacing, between paragraphs
_SENTENCE_GAP: Final = 1.12  # the same after the end of a sentence
_INDENT: Final = 0.8  # em
_INDENT_LINES: Final = 3  # last lines of a paragraph, whose left end is its own
_MIN_ROOM: Final = 0.3  # em that the first word of the next line leaves in one that ends early
_SPACE_WIDTH: Final = 0.25  # em
_MAX_ROOM: Final = 0.25  # of the width of the lines near by
_MARGIN_LINES: Final = 3  # lines above and below whose ends are the margin
_MIN_FULL: Final = 0.75  # of the width of lines that are full
_RAGGED: Final = 1.0  # em that a full line may leave at a ragged margin


@dataclass(slots=True)
class Group:
    """Collect the lines of a paragraph, or the cells of a table row."""

    lines: list[Line]
    page: int
    margin: float = 0.0  # right end of the lines near by, in points
    aside: bool = False  # in a sidebar
    first: bool = False  # of its column
    last: bool = False  # of its column
    later_pages: dict[int, int] = field(default_factory=dict)  # by the index of their first line
    kind: str = ""  # as of `Paragraph`; "" until it is known
    level: int | None = None  # of a heading, where the file gives it
    cells: list[list[str]] = field(default_factory=list)  # of a table row, each a list of lines

    def room_for(self, line: Line) -> float:
        """Return the room that the first word of `line` would leave in the last line, in points."""
        return self.margin - self.lines[-1].x1 - _SPACE_WIDTH * line.size - line.first_word_width

    def is_full(self, room: float) -> bool:
        """Return whether the last line is nearly as long as the lines near by.

        `room` is what the next word would leave in it, in points.
        """
        last = self.lines[-1]
        return room <= max(last.size, _MAX_ROOM * (self.margin - last.x0))

    @property
    def is_table(self) -> bool:
        """Whether it is a row of a table."""
        return bool(self.cells) or self.lines[0].cells > 1

    @property
    def last_page(self) -> int:
        """Page on which it ends."""
        return next(reversed(self.later_pages.values()), self.page)

    @property
    def text(self) -> str:
        """Text of the lines, whose hyphens at line ends stay."""
        return " ".join(line.text for line in self.lines)

    @property
    def is_entry(self) -> bool:
        """Whether it begins with the bullet or number of a list entry."""
        text = self.lines[0].text
        return BULLET.match(text) is not None or _LIST_NUMBER.match(text) is not None


def entry_number(text: str) -> tuple[str, int] | None:
    """Return the chapter and number at the start of a list entry or heading, if it has one.

    >>> entry_number("4.1.7 Fund shelters"), entry_number("7 Fund shelters")
    (('4.1.', 7), ('', 7))
    """
    match = _ENTRY_NUMBER.match(text)
    return (match[1], int(match[2])) if match else None


def is_next_entry(text: str, before: Container[tuple[str, int] | None]) -> bool:
    """Return whether a text begins with a number that is the next one of some before."""
    number = entry_number(text)
    return number is not None and (number[0], number[1] - 1) in before


def same_size(a: Line, b: Line) -> bool:
    """Test whether the type sizes of two lines are equal, within a tolerance."""
    return abs(a.size - b.size) <= _SIZE_TOLERANCE * a.size


def ends_sentence(text: str, following: str) -> bool:
    """Return whether a line ends a sentence, or introduces a list, before the following one.

    >>> ends_sentence("Two men fled. (3,14)", "The court")
    True
    >>> ends_sentence("The law bans:", "debts")
    True
    >>> ends_sentence("told Dr.", "Salo"), ends_sentence("p.", "4")
    (False, False)
    >>> ends_sentence("the U.S.", "army")
    False
    """
    text = NOTES.sub("", text)
    if not _ENDED.search(text):
        return False
    if begins_lower(following) and not text.endswith((":", ";")):
        return False
    word = _abbreviation(text)
    return word not in _TITLES and not (word in _BEFORE_NUMBER and following[:1].isdecimal())


def begins_lower(text: str) -> bool:
    """Return whether a line begins inside a sentence: in lower case, and not as an entry of a list.

    >>> [begins_lower(text) for text in ("(lack of funds)", "(a) Funds", "Funds")]
    [True, False, False]
    """
    return _LOWER.match(text) is not None and _LIST_NUMBER.match(text) is None


def is_unfinished(text: str) -> bool:
    """Return whether a line ends inside a sentence: with a hyphen, article, preposition or title.

    >>> is_unfinished("However, children in"), is_unfinished("as he told Dr.")
    (True, True)
    >>> is_unfinished("However, children")
    False
    """
    if text.endswith("-") or _UNFINISHED.search(text):
        return True
    return _abbreviation(text) in _TITLES


def _abbreviation(text: str) -> str:
    """Return the last word of a line that ends in a full stop, in lower case; "" if it does not."""
    if not text.endswith("."):
        return ""
    match = _LAST_WORD.search(text[-_MAX_ABBREVIATION:])
    return match[1].lower() if match else ""


def group_lines(lines: list[Line], page: int, body: float, *, notes: bool = False) -> list[Group]:
    """Group the lines of a column or of notes, from the top.

    `body` is the type size of running text.
    """
    groups: list[Group] = []
    leading = _line_spacing(lines)
    for at, line in enumerate(lines):
        if line.table is not None:
            groups += _table_groups(line, line.table, page)
            continue
        is_new_note = notes and line.begins_note
        if not groups or is_new_note or _begins_paragraph(groups[-1], line, leading, body):
            groups.append(Group([], page))
        groups[-1].lines.append(line)
        groups[-1].margin = _margin(lines, at)
    return mark_ends(groups)


def _table_groups(line: Line, table: Sequence[TableRow], page: int) -> list[Group]:
    """Make a group of each row of a ruled table, in whose place `line` is."""
    # Bold rows at the top name the columns, those further down are labels. A table of bold rows
    # alone names none.
    header_count = next((count for count, row in enumerate(table) if not row.header), 0)
    groups: list[Group] = []
    for number, row in enumerate(table):
        if row.cells:
            kind = "header" if number < header_count else "row"
            groups.append(Group([line], page, kind=kind, cells=row.cells))
    return groups


def mark_ends(groups: list[Group]) -> list[Group]:
    """Mark the first and last paragraph of a column.

    They may continue across table rows, captions and notes.
    """
    paragraphs: list[Group] = []
    for group in groups:
        if not group.cells and group.kind != "note" and not CAPTION.match(group.lines[0].text):
            paragraphs.append(group)
    for group in paragraphs:
        group.first = group is paragraphs[0]
        group.last = group is paragraphs[-1]
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
    margins = [max(line.x1 for line in side) for side in (above, below) if _are_full(side)]
    if margins:
        return min(margins)
    # a type size may be negative, and is then like none, not even itself
    return max((lines[i].x1 for i in alike), default=line.x1)


def _are_full(lines: Sequence[Line]) -> bool:
    """Return whether lines are broken where the next word had no room.

    One paragraph may end between them.
    """
    if len(lines) < 3:
        return False
    left = min(line.x0 for line in lines)
    right = max(line.x1 for line in lines)
    min_width = _MIN_FULL * (right - left)
    full = 0
    for line, following in pairwise(lines):
        space = (_SPACE_WIDTH + _RAGGED) * following.size
        end_with_next_word = line.x1 + space + following.first_word_width
        if line.x1 - left > min_width and end_with_next_word > right:
            full += 1
    return full >= len(lines) - 2


def _line_spacing(lines: Sequence[Line]) -> float:
    """Return the line spacing within paragraphs, in points.

    The lower quartile excludes paragraph gaps. Each step counts by its letters, so that the few
    short labels of a chart among the lines have no say.
    """
    steps: list[tuple[float, int]] = []  # down to the next line, and letters of the shorter one
    for line, following in pairwise(lines):
        if following.y > line.y:
            letters = min(len(line.text), len(following.text))
            steps.append((following.y - line.y, letters))
    if not steps:
        return 1.2 * lines[0].size if lines else 1.0
    steps.sort()
    letters_up_to = list(accumulate(letters for _, letters in steps))
    height, _ = steps[bisect_left(letters_up_to, letters_up_to[-1] / 4)]
    return height


def _begins_paragraph(group: Group, line: Line, leading: float, body: float) -> bool:
    """Return whether `line` begins a new paragraph after `group`."""
    last = group.lines[-1]
    if _continues_cell(last, line, leading):
        return False
    if max(last.cells, line.cells) > 1 or line.begins_raised or not same_size(last, line):
        return True
    is_large = min(last.size, line.size) >= LARGE * body
    spacing = max(leading, 1.2 * line.size) if is_large else leading
    step = (line.y - last.y) / spacing
    if step > _PARAGRAPH_GAP or step <= 0:
        return True
    first = group.lines[0]
    is_aligned = abs(first.x0 - line.x0) < line.size
    if BULLET.match(line.text) or (
        is_aligned and is_next_entry(line.text, [entry_number(first.text)])
    ):
        return True
    ended = ends_sentence(last.text, line.text)
    if is_large and last.bold == line.bold:  # titles are broken by sense, not by width
        return ended and not last.text.endswith(":")
    # of the lines between, these two say enough
    in_capitals = first.text.isupper() and last.text.isupper()
    numbered = _LIST_NUMBER.match(line.text) is not None
    both_bold = last.bold == "all" and line.bold == "all"
    if both_bold and in_capitals == line.text.isupper() and not ended:
        return numbered  # headings, too
    room = group.room_for(line)
    has_room = room > _MIN_ROOM * line.size
    if {last.bold, line.bold} == {"all", ""} and (last.bold or ended or has_room):
        return True
    # a single word may be an abbreviation
    has_space = len(group.lines) > 1 or " " in last.text
    if in_capitals and has_space and not line.text.isupper():
        return True
    goes_on = is_unfinished(last.text) or begins_lower(line.text)
    if ended:
        is_apart = step > _SENTENCE_GAP and not goes_on
        return numbered or is_apart or has_room or _is_indented(group, line)
    return not goes_on and not group.is_full(room)


def _continues_cell(row: Line, line: Line, leading: float) -> bool:
    """Return whether a line continues the last cell of a table row.

    It is directly below, and where the cell begins.
    """
    if row.cells < 2 or row.table is not None or line.cells > 1 or not same_size(row, line):
        return False
    if not 0 < line.y - row.y <= _PARAGRAPH_GAP * leading:
        return False
    return len(row.cell_starts) > 1 and abs(line.x0 - row.cell_starts[-1]) < MAX_MISALIGNMENT


def _is_indented(group: Group, line: Line) -> bool:
    """Return whether an indent, or the end of one, begins a paragraph at `line`."""
    min_indent = _INDENT * line.size
    if len(group.lines) == 1:
        return not group.is_entry and line.x0 > group.lines[0].x0 + min_indent
    left = min(before.x0 for before in group.lines[1:][-_INDENT_LINES:])
    return abs(line.x0 - left) > min_indent
