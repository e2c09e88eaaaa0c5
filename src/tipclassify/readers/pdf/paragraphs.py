"""Assemble the paragraphs of a document from its pages.

They are joined across lines, columns and pages; headings and notes are detected.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from tipclassify.readers.blocks import join_cells
from tipclassify.readers.pdf.columns import reading_order
from tipclassify.readers.pdf.groups import (
    BULLET,
    NOTES,
    Group,
    begins_lower,
    ends_sentence,
    entry_number,
    group_lines,
    is_next_entry,
    is_unfinished,
    same_size,
)
from tipclassify.readers.pdf.hyphens import LineJoiner
from tipclassify.readers.pdf.lines import LARGE, MAX_MISALIGNMENT, Line, Page, body_size, make_lines
from tipclassify.readers.pdf.margins import drop_running_headers, drop_side_marks
from tipclassify.readers.pdf.tables import CAPTION, place_tables
from tipclassify.readers.pdf.tags import groups_of_tree, has_usable_tree
from tipclassify.records import PageStart
from tipclassify.text.prose import is_contents_entry
from tipclassify.text.sections import section_named_by, without_enumerator

# levels of the headings that the bookmarks of a file name, by `bookmark_key`
Bookmarks = Mapping[tuple[int, str], int]

_MAX_WORDS: Final = 14  # words of a bold or capitalized heading; as for web pages
_MAX_TITLE_WORDS: Final = 30  # words of a heading in larger type
_NEAR: Final = 40  # paragraphs before and after
_MAX_TABLE_REACH: Final = 20.0  # em between a row of a table and what may be a cell of it
_MAX_NUMBERED_WORDS: Final = 3  # words of a heading that ends in a full stop, such as "Section 2."
_END_INSIDE: Final = re.compile(
    r"[a-z]{3}[\"”’)\]]*[.!](?:\s[(\[][\d,; –-]+[)\]])*\s+[\"“(\[]?[A-Z]"
)
_SENTENCE_END: Final = re.compile(r"[.!?][\"”’')\]»]*$")
_MIN_HEADING_SIZE: Final = 0.9  # of the size of body text, but in sidebars
_MAX_NOTE_SIZE: Final = 0.93  # of the size of body text
# note marks after a heading that are as large as it
_LAST_STARS: Final = re.compile(r"(?<=\w)[*†‡]{1,4}$")
_STARRED: Final = re.compile(r"(?:\*{1,4}|[†‡]{1,3})(?=\s?\w)")
_MAX_STARRED_LINES: Final = 16
_LINE_GAP: Final = 1.6  # em between the baselines of lines of one block
_NOTE_GAP: Final = 1.8  # em between the text and such notes
# paragraphs between the parts of an interrupted one: sidebars, tables, captions
_LOOK_BACK: Final = 8


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Hold a paragraph of a document."""

    text: str
    page: int  # on which it begins
    kind: str = "text"  # or "heading", "note", "caption", or "row" or "header" of a table
    size: float = 0.0  # of its type, in points
    aside: bool = False  # in a sidebar
    level: int | None = None  # of a heading, where the file gives it
    marked: bool = False  # it begins with the mark or number of a note
    later_pages: tuple[PageStart, ...] = ()  # by offsets in its text

    @property
    def is_heading(self) -> bool:
        """Whether it is a heading, or the caption of a table or drawing."""
        return self.kind in ("heading", "caption")


def read_paragraphs(pages: Sequence[Page], bookmarks: Bookmarks | None = None) -> list[Paragraph]:
    """Read the paragraphs of a document, by its structure tree or its layout.

    The tree counts where it has most of a page's text. There, a paragraph that a bookmark of its
    page names is a heading.
    """
    by_tree = {page.number for page in pages if has_usable_tree(page)}
    pages = [page if page.number in by_tree else place_tables(page) for page in pages]
    body = body_size(pages)
    bold = [word.bold for page in pages for word in page.words if word.size == body]
    body_is_bold = sum(bold) * 2 > len(bold)
    groups: list[Group] = []
    notes: list[Group] = []
    for page in drop_side_marks(drop_running_headers(pages)):
        if page.number in by_tree:
            for group in groups_of_tree(page, body):
                if group.kind == "note":
                    notes.append(group)
                else:
                    groups.append(group)
            continue
        for rows, aside in reading_order(page):
            lines = make_lines(rows)
            start = len(lines) if aside else _start_of_notes(lines, body)
            for group in group_lines(lines[:start], page.number, body):
                group.aside = aside
                groups.append(group)
            notes += group_lines(lines[start:], page.number, body, notes=True)
    _set_kinds(groups, body, body_is_bold, bookmarks or {})
    # notes after the text of their page
    ordered = sorted([*_join_continued(groups), *notes], key=lambda group: group.page)
    return _make_paragraphs(ordered)


def bookmark_key(page: int, text: str) -> tuple[int, str]:
    """Return the key of a heading on a page: its letters and digits, without an enumerator."""
    return page, "".join(filter(str.isalnum, without_enumerator(text).casefold()))


def _make_paragraphs(groups: Sequence[Group]) -> list[Paragraph]:
    """Join the lines of each group; groups without text become no paragraphs."""
    cells_by_group = [group.cells or [[line.text for line in group.lines]] for group in groups]
    joiner = LineJoiner([cell for cells in cells_by_group for cell in cells])
    paragraphs: list[Paragraph] = []
    for group, cells in zip(groups, cells_by_group, strict=True):
        text = join_cells("".join(joiner.parts(cell)) for cell in cells)
        bullet = BULLET.match(text)
        bullet_length = bullet.end() if bullet else 0
        text = text[bullet_length:]
        if group.kind in ("heading", "caption"):
            text = _LAST_STARS.sub("", text)
        if not text:
            continue
        later_pages: list[PageStart] = []
        if group.later_pages:
            lengths = map(len, joiner.parts(cells[0]))
            starts = list(accumulate(lengths, initial=-bullet_length))
            later_pages = [PageStart(starts[at], page) for at, page in group.later_pages.items()]
        first = group.lines[0]
        paragraphs.append(
            Paragraph(
                text=text,
                page=group.page,
                kind=group.kind or "note",
                size=first.size,
                aside=group.aside,
                level=group.level,
                marked=first.begins_note,
                later_pages=tuple(later_pages),
            )
        )
    return paragraphs


def _set_kinds(groups: list[Group], body: float, body_is_bold: bool, bookmarks: Bookmarks) -> None:
    """Tell headings, captions, rows and text apart.

    The tree decides if it names headings, else bookmarks and layout.
    """
    tree_names_headings = sum(group.kind == "heading" for group in groups) > 1
    heading_numbers: set[tuple[str, int] | None] = set()
    for at, group in enumerate(groups):
        if group.is_table:
            group.kind = group.kind or "row"
            continue
        if group.kind == "caption":
            continue
        if not group.kind:
            level = bookmarks.get(bookmark_key(group.page, group.text))
            if level is not None:
                group.kind = "heading"
                group.level = level
        by_layout = False
        if group.kind == "heading" and not _is_sentence(group.text):
            is_heading = True
        elif group.kind and tree_names_headings:
            is_heading = False
        else:
            by_layout = _is_heading(group, body, body_is_bold, heading_numbers)
            is_heading = by_layout
        before = groups[max(at - 1, 0) : at]
        following = groups[at + 1 : at + 2]
        above_table = any(other.is_table for other in following)
        is_caption = _begins_caption(group.text) and (is_heading or above_table)
        if by_layout and not is_caption:
            is_caption = any(_is_beside_table(group, other) for other in before + following)
        if is_caption:
            group.kind = "caption"
        elif by_layout and _is_cell(group, groups[max(at - _NEAR, 0) : at + _NEAR]):
            group.kind = "text"
        else:
            group.kind = "heading" if is_heading else "text"
        if group.kind == "heading":
            heading_numbers.add(entry_number(group.text))


def _begins_caption(text: str) -> bool:
    return CAPTION.match(text) is not None and len(text.split()) <= _MAX_TITLE_WORDS


def _is_beside_table(group: Group, other: Group) -> bool:
    """Return whether a paragraph stands at the side of a table, as its caption does."""
    if not other.is_table or other.page != group.page:
        return False
    size = group.lines[0].size
    row = other.lines[0]
    bottom = max(row.bottom, other.lines[-1].y)
    return row.y - size <= group.lines[-1].y and group.lines[0].y - size <= bottom


def _is_cell(group: Group, near: Iterable[Group]) -> bool:
    """Return whether a paragraph begins where a column of a table near by does.

    The table is not ruled, the column an inner one.
    """
    line = group.lines[0]
    for other in near:
        row = other.lines[0]
        if other.page != group.page or row.table is not None or row.cells < 2:
            continue
        if abs(row.y - line.y) >= _MAX_TABLE_REACH * line.size:
            continue
        if any(abs(start - line.x0) < MAX_MISALIGNMENT for start in row.cell_starts[1:]):
            return True
    return False


def _is_sentence(text: str) -> bool:
    """Return whether a text begins or ends like a sentence.

    It begins in lower case, or has the end of a sentence inside.
    """
    text = NOTES.sub("", text)
    if text.endswith((";", ",")):
        return True
    if text.endswith(".") and len(text.split()) > _MAX_NUMBERED_WORDS:
        return True
    plain = without_enumerator(text)
    return plain[:1].islower() or _END_INSIDE.search(plain) is not None


def _is_heading(
    group: Group, body: float, body_is_bold: bool, heading_numbers: Set[tuple[str, int] | None]
) -> bool:
    """Return whether a paragraph is a heading by its layout.

    It is short and large, bold or capitalized, or the name of a section. In bold, it may be longer
    where it is a question, or its number is the one after that of a heading before it.
    """
    text = group.text
    letters = [character for character in text if character.isalpha()]
    if len(letters) < 3 or BULLET.match(text) or _is_sentence(text) or is_contents_entry(text):
        return False
    if text.count("(") > text.count(")"):
        return False  # goes on in the next paragraph
    size = group.lines[0].size
    word_count = len(text.split())
    if size >= LARGE * body:
        return word_count <= _MAX_TITLE_WORDS
    bold = not body_is_bold and all(line.bold == "all" for line in group.lines)
    is_question = text.endswith("?")
    is_next = is_next_entry(text, heading_numbers) and not text.endswith(":")
    max_words = _MAX_TITLE_WORDS if bold and (is_question or is_next) else _MAX_WORDS
    if word_count > max_words or text.endswith("!"):
        return False
    if size < _MIN_HEADING_SIZE * body and not group.aside:
        return False
    if bold:
        return True
    in_capitals = len(letters) > 3 and all(letter.isupper() for letter in letters)
    return not is_question and (in_capitals or section_named_by(text) is not None)


def _start_of_notes(lines: list[Line], body: float) -> int:
    """Return the index of the first footnote line at the end of a column.

    It is the line count if there is none.
    """
    starred = _start_of_starred_notes(lines, body)
    if starred is not None:
        return starred
    start = 0  # of the last lines in small type
    for number, line in enumerate(lines, 1):
        if line.size > _MAX_NOTE_SIZE * body or line.cells > 1:
            start = number
    if not any(line.begins_note for line in lines[start:]):
        return len(lines)
    # the last lines of a caption or table above the notes
    while start > 0 and not lines[start].begins_note:
        max_step = _LINE_GAP * lines[start].size
        is_directly_below = lines[start].y - lines[start - 1].y < max_step
        if not is_directly_below:
            break
        start += 1
    return start


def _start_of_starred_notes(lines: list[Line], body: float) -> int | None:
    """Return the index of the first of the last lines that are notes in type as large as the text.

    None without any. Such notes begin with asterisks or daggers, each with others, unlike the
    bullets of a list, below a gap.
    """
    marks: list[str] = []
    for at in range(len(lines) - 1, max(0, len(lines) - _MAX_STARRED_LINES), -1):
        line = lines[at]
        above = lines[at - 1]
        if line.bold == "all" or line.cells > 1 or line.size <= _MAX_NOTE_SIZE * body:
            return None
        mark = _STARRED.match(line.text)
        if mark is not None:
            marks.append(mark[0])
        if line.y - above.y > _NOTE_GAP * line.size or not same_size(above, line):
            marks_differ = len(set(marks)) == len(marks)
            return at if mark is not None and marks_differ else None
    return None


def _join_continued(groups: list[Group]) -> list[Group]:
    """Join the parts of paragraphs that go on in the next column or page."""
    joined: list[Group] = []
    before: Group | None = None  # the one directly before
    for group in groups:
        start: Group | None = None
        if group.first:
            for other in reversed(joined[-_LOOK_BACK:]):
                if _continues(other, group, is_next=other is before):
                    start = other
                    break
        if start is None:
            joined.append(group)
            before = group
            continue
        if group.page != start.last_page:
            start.later_pages[len(start.lines)] = group.page
        start.lines += group.lines
        start.margin = group.margin
        start.last = group.last
        before = start
    return joined


def _continues(start: Group, group: Group, is_next: bool) -> bool:
    """Return whether `group` continues `start`, which may be directly before it.

    Either `start` ends inside a sentence, or `group` begins inside one. Directly before it, a
    paragraph of several lines whose last one is full goes on, too.
    """
    if start.kind != "text" or group.kind != "text" or start.aside != group.aside:
        return False
    if not start.last or group.is_entry:
        return False
    last = start.lines[-1]
    line = group.lines[0]
    if not same_size(line, last) or _SENTENCE_END.search(NOTES.sub("", last.text)):
        return False
    if begins_lower(line.text) or is_unfinished(last.text):
        return True
    room = start.room_for(line)
    full = room < 0 or (len(start.lines) > 1 and start.is_full(room))
    return is_next and full and not ends_sentence(last.text, line.text)
