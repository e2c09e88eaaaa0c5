"""Assemble paragraphs of a document from its pages.

They are joined across columns and pages; headings and notes are detected.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tipclassify.readers.pdf.layout.columns import reading_order
from tipclassify.readers.pdf.layout.grouping import (
    BULLET,
    NOTES,
    LineGroup,
    begins_lower,
    ends_sentence,
    group_lines,
    is_unfinished,
    same_size,
)
from tipclassify.readers.pdf.layout.hyphens import count_whole_words, hyphenates, join_lines
from tipclassify.readers.pdf.layout.lines import MAX_MISALIGNMENT, Line, make_lines
from tipclassify.readers.pdf.layout.pages import LARGE, Page, body_size
from tipclassify.readers.pdf.layout.running_headers import drop_running_headers
from tipclassify.readers.pdf.layout.side_marks import drop_side_marks
from tipclassify.readers.pdf.layout.symbol_fonts import mark_bullets
from tipclassify.readers.pdf.layout.tables import CAPTION, place_tables
from tipclassify.readers.pdf.structure_tree import is_tagged, tagged_groups
from tipclassify.readers.source_blocks import table_row
from tipclassify.text.segmentation.sections import named_section, without_enumerator

__all__ = ["Bookmarks", "Paragraph", "body_size", "bookmark", "read_paragraphs"]

# levels of the headings that the bookmarks of a file name, by `bookmark`
Bookmarks = Mapping[tuple[int, str], int]


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Hold a paragraph and the page on which it begins.

    Its type size is in points; the level is that of a heading, if given. `kind` is "text",
    "heading", "note", "caption", or "row" or "header" of a table; `aside` marks a sidebar, `marked`
    a paragraph that begins with the mark or number of a note.
    """

    text: str
    page: int
    kind: str = "text"
    size: float = 0.0
    aside: bool = False
    level: int | None = None
    marked: bool = False

    @property
    def is_heading(self) -> bool:
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
_MAX_NOTE_SIZE: Final = 0.93  # of the size of body text
# note marks after a heading that are as large as it
_LAST_STARS: Final = re.compile(r"(?<=\w)[*†‡]{1,4}$")
_STARRED: Final = re.compile(r"(?:\*{1,4}|[†‡]{1,3})(?=\s?\w)")
_MAX_STARRED_LINES: Final = 16
_NOTE_GAP: Final = 1.8  # em between the text and such notes
# paragraphs between the parts of an interrupted one: sidebars, tables, captions
_LOOK_BACK: Final = 8


def read_paragraphs(pages: Sequence[Page], bookmarks: Bookmarks | None = None) -> list[Paragraph]:
    """Read the paragraphs of a document, by its structure tree or its layout.

    The tree counts where it has most of a page's text. There, a paragraph that a bookmark of its
    page names is a heading.
    """
    pages = mark_bullets(pages)
    by_tree = {page.number for page in pages if is_tagged(page)}
    pages = [page if page.number in by_tree else place_tables(page) for page in pages]
    body = body_size(pages)
    groups: list[LineGroup] = []
    notes: list[LineGroup] = []
    for page in drop_side_marks(drop_running_headers(pages)):
        if page.number in by_tree:
            for group in tagged_groups(page, body):
                (notes if group.kind == "note" else groups).append(group)
            continue
        for rows, aside in reading_order(page):
            lines = make_lines(rows)
            start = len(lines) if aside else _start_of_notes(lines, body)
            groups += group_lines(lines[:start], page.number, body, aside=aside)
            notes += group_lines(lines[start:], page.number, body, notes=True)
    _find_kinds(groups, pages, body, bookmarks or {})
    # notes after text
    ordered = sorted([*_join_continuations(groups), *notes], key=lambda group: group.page)
    cells = [group.cells or [[line.text for line in group.lines]] for group in ordered]
    texts = [lines for found in cells for lines in found]
    words, hyphenated = count_whole_words(texts), hyphenates(texts)
    paragraphs: list[Paragraph] = []
    for group, found in zip(ordered, cells, strict=True):
        text = BULLET.sub("", table_row(join_lines(lines, words, hyphenated) for lines in found))
        if group.kind in ("heading", "caption"):
            text = _LAST_STARS.sub("", text)
        if text:
            first = group.lines[0]
            kind = group.kind or "note"
            paragraphs.append(
                Paragraph(
                    text, group.page, kind, first.size, group.aside, group.level, first.begins_note
                )
            )
    return paragraphs


def bookmark(page: int, text: str) -> tuple[int, str]:
    """Return the key of a heading on a page: its letters and digits, without an enumerator."""
    return page, "".join(filter(str.isalnum, without_enumerator(text).casefold()))


def _find_kinds(
    groups: list[LineGroup], pages: Iterable[Page], body: float, bookmarks: Bookmarks
) -> None:
    """Tell headings, captions, rows and text apart.

    The tree decides if it names headings, else bookmarks and layout.
    """
    bold = [word.bold for page in pages for word in page.words if word.size == body]
    bold_body = sum(bold) * 2 > len(bold)
    named = sum(group.kind == "heading" for group in groups) > 1
    neighbours = zip([None, *groups], groups, [*groups[1:], None], strict=False)
    for at, (before, group, following) in enumerate(neighbours):
        if group.is_table:
            group.kind = group.kind or "row"
        elif group.kind != "caption":
            if level := not group.kind and bookmarks.get(bookmark(group.page, group.text)):
                group.kind, group.level = "heading", level
            said = group.kind == "heading" and not _is_sentence(group.text)
            heading = said or (not (named and group.kind) and _is_heading(group, body, bold_body))
            is_title = (
                CAPTION.match(group.text) is not None
                and len(group.text.split()) <= _MAX_TITLE_WORDS
            )
            caption = is_title and (heading or (following is not None and following.is_table))
            if heading and not said:
                caption = caption or any(_is_beside(group, other) for other in (before, following))
                heading = caption or not _is_cell(group, groups[max(at - _NEAR, 0) : at + _NEAR])
            group.kind = "caption" if caption else "heading" if heading else "text"


def _is_beside(group: LineGroup, other: LineGroup | None) -> bool:
    """Return whether a paragraph stands at the side of a table, as its caption does."""
    if other is None or not other.is_table or other.page != group.page:
        return False
    row, size = other.lines[0], group.lines[0].size
    return row.y - size <= group.lines[-1].y and group.lines[0].y - size <= max(
        row.bottom, other.lines[-1].y
    )


def _is_cell(group: LineGroup, near: Iterable[LineGroup]) -> bool:
    """Return whether a paragraph begins where a column of a table near by does.

    The table is not ruled, the column an inner one.
    """
    line = group.lines[0]
    rows = (
        other.lines[0]
        for other in near
        if other.page == group.page and other.lines[0].table is None
    )
    return any(
        abs(row.y - line.y) < _MAX_TABLE_REACH * line.size
        and any(abs(start - line.x0) < MAX_MISALIGNMENT for start in row.cell_starts[1:])
        for row in rows
        if row.cells > 1
    )


def _is_sentence(text: str) -> bool:
    """Return whether a text begins or ends like a sentence.

    It begins in lower case, or has the end of a sentence inside.
    """
    text = NOTES.sub("", text)
    plain = without_enumerator(text)
    ended = text.endswith((";", ",")) or (
        text.endswith(".") and len(text.split()) > _MAX_NUMBERED_WORDS
    )
    return ended or plain[:1].islower() or _END_INSIDE.search(plain) is not None


def _is_heading(group: LineGroup, body: float, bold_body: bool) -> bool:
    """Return whether a paragraph is a heading.

    It is short and large, bold or capitalized, or the name of a section.
    """
    text, size = group.text, group.lines[0].size
    count, letters = len(text.split()), [c for c in text if c.isalpha()]
    if (
        len(letters) < 3
        or BULLET.match(text)
        or text.count("(") > text.count(")")
        or _is_sentence(text)
    ):
        return False
    if size >= LARGE * body:
        return count <= _MAX_TITLE_WORDS
    bold = not bold_body and all(line.bold == "all" for line in group.lines)
    is_question = text.endswith("?")  # one in bold is a heading, as long as it may be
    longest = _MAX_TITLE_WORDS if is_question and bold else _MAX_WORDS
    if count > longest or text.endswith("!") or (size < 0.9 * body and not group.aside):
        return False
    capitals = len(letters) > 3 and all(c.isupper() for c in letters)
    return bold or (not is_question and (capitals or named_section(text) is not None))


def _start_of_notes(lines: list[Line], body: float) -> int:
    """Return the index of the first footnote line at the end of a column.

    It is the line count if there is none.
    """
    if (starred := _start_of_starred_notes(lines, body)) is not None:
        return starred
    ends = [
        at
        for at, line in enumerate(lines, 1)
        if line.size > _MAX_NOTE_SIZE * body or line.cells > 1
    ]
    start = max(ends, default=0)
    if not any(line.begins_note for line in lines[start:]):
        return len(lines)
    while (
        start > 0
        and not lines[start].begins_note
        and lines[start].y - lines[start - 1].y < 1.6 * lines[start].size
    ):
        start += 1  # the last lines of a caption or table above the notes
    return start


def _start_of_starred_notes(lines: list[Line], body: float) -> int | None:
    """Return the index of the first of the last lines that are notes in type as large as the text.

    None without any. Such notes begin with asterisks or daggers, each with others, unlike the
    bullets of a list, below a gap.
    """
    marks: list[str] = []
    for at in range(len(lines) - 1, max(0, len(lines) - _MAX_STARRED_LINES), -1):
        line, gap = lines[at], lines[at].y - lines[at - 1].y
        mark = _STARRED.match(line.text)
        if line.bold == "all" or line.cells > 1 or line.size <= _MAX_NOTE_SIZE * body:
            return None
        marks += [mark[0]] if mark else []
        if gap > _NOTE_GAP * line.size or not same_size(lines[at - 1], line):
            return at if mark and len(set(marks)) == len(marks) else None
    return None


def _join_continuations(groups: list[LineGroup]) -> list[LineGroup]:
    joined: list[LineGroup] = []
    before: LineGroup | None = None
    for group in groups:
        near = reversed(joined[-_LOOK_BACK:]) if group.first else ()
        start = next((other for other in near if _continues(other, group, other is before)), None)
        if start is None:
            joined.append(group)
        else:
            start.lines += group.lines
            start.margin, start.last = group.margin, group.last
        before = start or group
    return joined


def _continues(start: LineGroup, group: LineGroup, beside: bool) -> bool:
    """Return whether `group` continues `start`.

    Either `start` ends inside a sentence, or `group` begins inside one. Directly before it, a
    paragraph of several lines whose last one is full goes on, too.
    """
    last, line = start.lines[-1], group.lines[0]
    if (
        {start.kind, group.kind} != {"text"}
        or start.aside != group.aside
        or not start.last
        or group.is_entry
    ):
        return False
    if not same_size(line, last) or _SENTENCE_END.search(NOTES.sub("", last.text)):
        return False
    if begins_lower(line.text) or is_unfinished(last.text):
        return True
    room = start.room_for(line)
    full = room < 0 or (len(start.lines) > 1 and start.is_full(room))
    return beside and full and not ends_sentence(last.text, line.text)
