"""Assemble the paragraphs of a document from its pages.

They are joined across columns and pages; headings and notes are detected.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Final

from tipclassify.readers.blocks import join_cells
from tipclassify.readers.pdf.layout.captions import CAPTION
from tipclassify.readers.pdf.layout.columns import pdf_reading_order
from tipclassify.readers.pdf.layout.drawings import place_labelled_drawings
from tipclassify.readers.pdf.layout.grouping import (
    BULLET,
    NOTES,
    EntryNumber,
    LineGroup,
    entry_number_of_pdf,
    group_pdf_lines,
    pdf_line_begins_lower,
    pdf_line_ends_sentence,
    pdf_line_is_unfinished,
    same_type_size,
)
from tipclassify.readers.pdf.layout.hyphens import (
    count_unhyphenated_words,
    hyphenates_line_ends,
    join_hyphenated_lines,
    starts_of_joined_lines,
)
from tipclassify.readers.pdf.layout.lines import MAX_MISALIGNMENT, PdfLine, make_pdf_lines
from tipclassify.readers.pdf.layout.pages import LARGE, PageLayout, body_type_size
from tipclassify.readers.pdf.layout.ruled_tables import place_ruled_tables
from tipclassify.readers.pdf.layout.running_headers import drop_running_headers
from tipclassify.readers.pdf.layout.side_marks import drop_side_marks
from tipclassify.readers.pdf.layout.symbol_fonts import put_bullets_for_symbol_fonts
from tipclassify.readers.pdf.structure_tree import (
    has_usable_structure_tree,
    line_groups_by_structure_tree,
)
from tipclassify.records import PageStart
from tipclassify.text.prose import is_contents_entry
from tipclassify.text.sections import (
    heading_without_enumerator,
    standard_section_of_line,
)

__all__ = ["Bookmarks", "PdfParagraph", "pdf_bookmark_key", "read_pdf_paragraphs"]

# levels of the headings that the bookmarks of a file name, by `pdf_bookmark_key`
Bookmarks = Mapping[tuple[int, str], int]


@dataclass(frozen=True, slots=True)
class PdfParagraph:
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
class _PdfBodyType:
    """Hold the type of running text: its size in points, and whether most of it is bold."""

    size: float
    is_bold: bool


def read_pdf_paragraphs(
    pages: Sequence[PageLayout], bookmarks: Bookmarks | None = None
) -> list[PdfParagraph]:
    """Read the paragraphs of a document, by its structure tree or its layout.

    The tree counts where it has most of a page's text. There, a paragraph that a bookmark of its
    page names is a heading.
    """
    pages = put_bullets_for_symbol_fonts(pages)
    by_tree = {page.number for page in pages if has_usable_structure_tree(page)}
    pages = [
        page if page.number in by_tree else place_labelled_drawings(place_ruled_tables(page))
        for page in pages
    ]
    body = _pdf_body_type(pages)
    groups: list[LineGroup] = []
    notes: list[LineGroup] = []
    for page in drop_side_marks(drop_running_headers(pages)):
        if page.number in by_tree:
            for group in line_groups_by_structure_tree(page, body.size):
                if group.kind == "note":
                    notes.append(group)
                else:
                    groups.append(group)
            continue
        for region in pdf_reading_order(page):
            lines = make_pdf_lines(region.rows)
            start = len(lines) if region.aside else _start_of_pdf_footnotes(lines, body.size)
            groups += group_pdf_lines(lines[:start], page.number, body.size, aside=region.aside)
            notes += group_pdf_lines(lines[start:], page.number, body.size, notes=True)
    _set_kinds_of_line_groups(groups, body, bookmarks or {})
    # notes after the text of their page
    ordered = sorted([*_join_continued_line_groups(groups), *notes], key=lambda group: group.page)
    return _make_pdf_paragraphs(ordered)


def pdf_bookmark_key(page: int, text: str) -> tuple[int, str]:
    """Return the key of a heading on a page: its letters and digits, without an enumerator."""
    return page, "".join(filter(str.isalnum, heading_without_enumerator(text).casefold()))


def _pdf_body_type(pages: Sequence[PageLayout]) -> _PdfBodyType:
    """Find the type of running text."""
    size = body_type_size(pages)
    bold = [word.bold for page in pages for word in page.words if word.size == size]
    return _PdfBodyType(size, is_bold=sum(bold) * 2 > len(bold))


def _make_pdf_paragraphs(groups: Sequence[LineGroup]) -> list[PdfParagraph]:
    """Join the lines of each group; groups without text become no paragraphs."""
    cells_by_group: list[list[list[str]]] = []
    for group in groups:
        lines = [line.text for line in group.lines]
        cells_by_group.append(group.cells or [lines])
    texts = [cell for cells in cells_by_group for cell in cells]
    words = count_unhyphenated_words(texts)
    hyphenated = hyphenates_line_ends(texts)
    paragraphs: list[PdfParagraph] = []
    for group, cells in zip(groups, cells_by_group, strict=True):
        text = join_cells(join_hyphenated_lines(cell, words, hyphenated) for cell in cells)
        bullet = BULLET.match(text)
        bullet_length = bullet.end() if bullet else 0
        text = text[bullet_length:]
        if group.kind in ("heading", "caption"):
            text = _LAST_STARS.sub("", text)
        if text:
            first = group.lines[0]
            later_pages: list[PageStart] = []
            if group.later_pages:
                starts = starts_of_joined_lines(cells[0], words, hyphenated)
                for line, page in group.later_pages.items():
                    later_pages.append(PageStart(starts[line] - bullet_length, page))
            paragraphs.append(
                PdfParagraph(
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


def _set_kinds_of_line_groups(
    groups: list[LineGroup], body: _PdfBodyType, bookmarks: Bookmarks
) -> None:
    """Tell headings, captions, rows and text apart.

    The tree decides if it names headings, else bookmarks and layout.
    """
    tree_names_headings = sum(group.kind == "heading" for group in groups) > 1
    heading_numbers: set[EntryNumber] = set()
    for at, group in enumerate(groups):
        if group.is_table:
            group.kind = group.kind or "row"
            continue
        if group.kind == "caption":
            continue
        if not group.kind:
            level = bookmarks.get(pdf_bookmark_key(group.page, group.text))
            if level is not None:
                group.kind = "heading"
                group.level = level
        if group.kind == "heading" and not _is_pdf_sentence(group.text):
            group.kind = (
                "caption" if _is_pdf_caption(group, groups, at, heading=True) else "heading"
            )
        elif group.kind and tree_names_headings:
            group.kind = "caption" if _is_pdf_caption(group, groups, at, heading=False) else "text"
        else:
            group.kind = _paragraph_kind_by_layout(group, groups, at, body, heading_numbers)
        number = entry_number_of_pdf(group.text) if group.kind == "heading" else None
        if number is not None:
            heading_numbers.add(number)


def _paragraph_kind_by_layout(
    group: LineGroup,
    groups: Sequence[LineGroup],
    at: int,
    body: _PdfBodyType,
    heading_numbers: Set[EntryNumber],
) -> str:
    """Return the kind of the group at an index of `groups`: "heading", "caption" or "text".

    `heading_numbers` are those of the headings before it.
    """
    heading = _is_pdf_heading(group, body, heading_numbers)
    if _is_pdf_caption(group, groups, at, heading):
        return "caption"
    if not heading:
        return "text"
    before = groups[at - 1] if at > 0 else None
    following = groups[at + 1] if at + 1 < len(groups) else None
    if _is_beside_pdf_table(group, before) or _is_beside_pdf_table(group, following):
        return "caption"
    near = groups[max(at - _NEAR, 0) : at + _NEAR]
    return "text" if _is_cell_of_pdf_table(group, near) else "heading"


def _is_pdf_caption(group: LineGroup, groups: Sequence[LineGroup], at: int, heading: bool) -> bool:
    """Return whether a group begins like a caption, and is a heading or above a table."""
    if CAPTION.match(group.text) is None or len(group.text.split()) > _MAX_TITLE_WORDS:
        return False
    return heading or (at + 1 < len(groups) and groups[at + 1].is_table)


def _is_beside_pdf_table(group: LineGroup, other: LineGroup | None) -> bool:
    """Return whether a paragraph stands at the side of a table, as its caption does."""
    if other is None or not other.is_table or other.page != group.page:
        return False
    size = group.lines[0].size
    row = other.lines[0]
    bottom = max(row.bottom, other.lines[-1].y)
    return row.y - size <= group.lines[-1].y and group.lines[0].y - size <= bottom


def _is_cell_of_pdf_table(group: LineGroup, near: Iterable[LineGroup]) -> bool:
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


def _is_pdf_sentence(text: str) -> bool:
    """Return whether a text begins or ends like a sentence.

    It begins in lower case, or has the end of a sentence inside.
    """
    text = NOTES.sub("", text)
    if text.endswith((";", ",")):
        return True
    if text.endswith(".") and len(text.split()) > _MAX_NUMBERED_WORDS:
        return True
    plain = heading_without_enumerator(text)
    return plain[:1].islower() or _END_INSIDE.search(plain) is not None


def _is_pdf_heading(
    group: LineGroup, body: _PdfBodyType, heading_numbers: Set[EntryNumber]
) -> bool:
    """Return whether a paragraph is a heading.

    It is short and large, bold or capitalized, or the name of a section. In bold, it may be longer
    where it is a question, or its number is the one after that of a heading before it.
    """
    text = group.text
    letters = [character for character in text if character.isalpha()]
    if len(letters) < 3 or BULLET.match(text) or _is_pdf_sentence(text) or is_contents_entry(text):
        return False
    if text.count("(") > text.count(")"):
        return False  # goes on in the next paragraph
    size = group.lines[0].size
    word_count = len(text.split())
    if size >= LARGE * body.size:
        return word_count <= _MAX_TITLE_WORDS
    bold = not body.is_bold and all(line.bold == "all" for line in group.lines)
    is_question = text.endswith("?")
    number = entry_number_of_pdf(text)
    is_next = number is not None and number.before in heading_numbers and not text.endswith(":")
    max_words = _MAX_TITLE_WORDS if bold and (is_question or is_next) else _MAX_WORDS
    if word_count > max_words or text.endswith("!"):
        return False
    if size < _MIN_HEADING_SIZE * body.size and not group.aside:
        return False
    if bold:
        return True
    in_capitals = len(letters) > 3 and all(letter.isupper() for letter in letters)
    return not is_question and (in_capitals or standard_section_of_line(text) is not None)


def _start_of_pdf_footnotes(lines: list[PdfLine], body: float) -> int:
    """Return the index of the first footnote line at the end of a column.

    It is the line count if there is none.
    """
    starred = _start_of_starred_footnotes(lines, body)
    if starred is not None:
        return starred
    start = 0  # of the last lines in small type
    for number, line in enumerate(lines, 1):
        if line.size > _MAX_NOTE_SIZE * body or line.cells > 1:
            start = number
    if not any(line.begins_note for line in lines[start:]):
        return len(lines)
    if start == 0:
        return 0
    # the last lines of a caption or table above the notes
    while not lines[start].begins_note and _is_directly_below_line(lines[start - 1], lines[start]):
        start += 1
    return start


def _is_directly_below_line(line: PdfLine, following: PdfLine) -> bool:
    """Return whether there is no gap between a line and the following one."""
    return following.y - line.y < _LINE_GAP * following.size


def _start_of_starred_footnotes(lines: list[PdfLine], body: float) -> int | None:
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
        if line.y - above.y > _NOTE_GAP * line.size or not same_type_size(above, line):
            marks_differ = len(set(marks)) == len(marks)
            return at if mark is not None and marks_differ else None
    return None


def _join_continued_line_groups(groups: list[LineGroup]) -> list[LineGroup]:
    """Join the parts of paragraphs that go on in the next column or page."""
    joined: list[LineGroup] = []
    before: LineGroup | None = None
    for group in groups:
        start = _find_continued_line_group(group, joined, before)
        if start is None:
            joined.append(group)
            before = group
        else:
            if group.page != start.last_page:
                start.later_pages[len(start.lines)] = group.page
            start.lines += group.lines
            start.margin = group.margin
            start.last = group.last
            before = start
    return joined


def _find_continued_line_group(
    group: LineGroup, earlier: Sequence[LineGroup], before: LineGroup | None
) -> LineGroup | None:
    """Return the last of the earlier groups that `group` continues, if any does.

    `before` is the one directly before it.
    """
    if not group.first:
        return None
    for other in reversed(earlier[-_LOOK_BACK:]):
        if _continues_line_group(other, group, is_next=other is before):
            return other
    return None


def _continues_line_group(start: LineGroup, group: LineGroup, is_next: bool) -> bool:
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
    if not same_type_size(line, last) or _SENTENCE_END.search(NOTES.sub("", last.text)):
        return False
    if pdf_line_begins_lower(line.text) or pdf_line_is_unfinished(last.text):
        return True
    room = start.room_for(line)
    full = room < 0 or (len(start.lines) > 1 and start.is_full(room))
    return is_next and full and not pdf_line_ends_sentence(last.text, line.text)
