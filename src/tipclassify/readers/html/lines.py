"""Read a parsed web page into lines: headings, paragraphs, list entries and table rows.

`_Walk` visits each element once, `_LineBuilder` collects the texts of a line, `_TableRows` joins the
cells of a row.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final, NamedTuple

from lxml import etree

from tipclassify.readers.blocks import (
    LAST_CHARACTERS,
    SourceBlock,
    carried_cells,
    could_be_heading,
    is_note_mark,
    join_cells,
)
from tipclassify.readers.html.elements import (
    BLOCKS,
    HEADINGS,
    Navigation,
    class_without_digits,
    is_sentence,
    short_text,
    traits_of,
    visible_text,
)
from tipclassify.text.sections import section_named_by

# Flags of a text, a bit each; an element adds its own to those of the elements around it.
_LINK: Final = 1
_BOLD: Final = 2
_PREFORMATTED: Final = 4
_NOTES: Final = 8
_ITEM: Final = 16
_HEADING: Final = 32
_IN_PARAGRAPH: Final = 64
_DOUBTFUL: Final = 128
_ALL: Final = -1
_FLAGS_OF_TAG: Final = {
    **dict.fromkeys((*HEADINGS, "p"), _IN_PARAGRAPH),
    "li": _ITEM | _IN_PARAGRAPH,
    "b": _BOLD,
    "strong": _BOLD,
    "pre": _PREFORMATTED,
}
_GROUPS: Final = frozenset(
    "body div section article main center details td form blockquote header aside".split()
)
# elements judged by their whole text
_WHOLE: Final = HEADINGS | {"summary", "a", "sup", "button", "label"}
_MAX_HEADING_LINE: Final = 120  # characters of a heading between line breaks
# characters of a printed page number; in a page whose markup is broken, its element may hold text
_MAX_PAGE_NUMBER: Final = 16
_TAB_LEVEL: Final = 3  # of the heading of a panel that a tab shows
_DEFAULT_LEVEL: Final = 4  # of other headings whose element gives none
_BULLET: Final = re.compile(r"\s*(?:[•●▪◦‣*·–-]|\(?\d{1,2}[.)]|\([a-z]\))\s")
_BLANK_LINE: Final = re.compile(r"\n[ \t]*\r?\n")
_LINKED: Final = 0.95  # share of a line's characters in links, above which it is a link
_MIN_PARAGRAPH: Final = 150  # characters; a longer cell of a table is a paragraph
_MAX_SPAN: Final = 100  # rows or columns of one cell
_MAX_COLUMN: Final = 100  # cells further right reach into no other row, which bounds the time
# of a list in a layout table
_ENUMERATOR: Final = re.compile(r"\(?(?:\d{1,3}|[a-z]|[ivx]{1,5})[.)]|[•●▪◦‣*·–—-]")
_MAX_NOTE_MARK: Final = 30  # characters
_FOOTNOTE: Final = re.compile(
    r"[\[(]?(?:\d{1,3}|[*†‡§¶^↑↩⇑#]+\ufe0e?)[\])]?|[\[(](?:[a-z]|[ivx]{1,4}|note \d+)[\])]"
)


@dataclass(slots=True)
class Line(SourceBlock):
    """A block of text of the page."""

    linked: float = 0.0  # share of its characters in links
    bold: bool = False  # all of it
    notes: bool = False  # in the footnotes
    doubtful: bool = False  # in an element with the name of navigation
    # the innermost element that groups paragraphs, with its siblings of the same tag and class
    group: int = 0

    @property
    def is_link(self) -> bool:
        """Whether nearly all of it is in links."""
        return self.linked > _LINKED


def read_lines(page: etree._Element, parts: Sequence[etree._Element] = ()) -> list[Line]:
    """Read the lines of a page, or of some parts of it, without navigation.

    >>> page = etree.HTML("<nav>Home</nav><p>Police <b>acted</b>.</p>")
    >>> [line.text for line in read_lines(page)]
    ['Police acted.']
    """
    walk = _Walk(Navigation(page))
    for part in parts or [page]:
        walk.read(part)
    return walk.builder.lines


class _Walk:
    """Walk the elements of a page, and hold the state of the innermost open one."""

    def __init__(self, navigation: Navigation) -> None:
        self.navigation = navigation
        self.builder = _LineBuilder()
        self.rows = _TableRows(self.builder.lines)
        # of the innermost open element; its flags include those of the elements around it
        self.flags = 0
        self.group = 0
        # by the group around an element, its tag and its class
        self.group_numbers: dict[tuple[int, str, str], int] = {}

    @property
    def in_heading(self) -> bool:
        """Whether the innermost open element is a heading, or in one."""
        return self.flags & _HEADING > 0

    def read(self, root: etree._Element) -> None:
        """Read the text of an element and of all in it."""
        # of the open elements: flags and group around each, and whether it begins and ends a line
        outer: list[tuple[int, int, bool]] = []
        walk = etree.iterwalk(root, events=("start", "end"))
        for event, element in walk:
            tag = element.tag
            if event == "start":
                # A custom element begins a line, unless it is part of a paragraph.
                block = tag in BLOCKS or ("-" in tag and not self.flags & _IN_PARAGRAPH)
                outer.append((self.flags, self.group, block))
                added_flags = self.start(element, tag, block)
                if tag in _GROUPS:
                    self.group = self.group_of(element, tag)
                if added_flags is None:
                    walk.skip_subtree()
                    continue
                self.flags |= added_flags
                text = element.text
            else:
                self.flags, self.group, block = outer.pop()
                if block:
                    self.builder.add_block_edge(self.in_heading)
                if tag == "tr":
                    self.rows.end_row(element, self.group)
                text = element.tail if outer else None
            if text:
                self.builder.add_text(text, self.flags, self.group)
        self.builder.end_line()

    def start(self, element: etree._Element, tag: str, block: bool) -> int | None:
        """Begin an element: return the flags of its text, or None to leave it out."""
        traits = traits_of(element)
        if any(traits) and self.navigation.holds(element, traits):
            return None
        if tag == "br":
            self.builder.add_line_break(self.in_heading)
        is_read_whole = tag in _WHOLE or traits.page_break
        text = short_text(element) if is_read_whole else None
        if traits.page_break and text is not None and len(text) <= _MAX_PAGE_NUMBER:
            return None
        if tag in ("button", "label") and not self.read_control(element, text):
            return None
        if tag in ("a", "sup") and _is_note_mark(element, text, self.builder.last_characters):
            return None
        if block:
            self.builder.add_block_edge(self.in_heading)
        flags = _FLAGS_OF_TAG.get(tag, 0)
        if traits.named and not self.navigation.has_much(element):
            flags |= _DOUBTFUL
        if traits.notes:
            flags |= _NOTES
        if traits.bold:
            flags |= _BOLD
        is_heading = tag in HEADINGS or tag == "summary"
        if is_heading and not self.in_heading:
            level = int(tag[1]) if tag in HEADINGS else _DEFAULT_LEVEL
            self.builder.mark_heading("heading", level)
            if text is not None:
                flags |= _HEADING
        elif traits.heading and block and not self.in_heading:
            self.builder.mark_heading("title", _DEFAULT_LEVEL)
        elif tag == "a" and text is not None:
            leads_somewhere = element.get("href") is not None  # some open a panel
            if leads_somewhere and element.get("aria-expanded") is None:
                flags |= _LINK
        self.rows.start_row_or_cell(element)
        if tag in ("div", "section"):
            # the label of a tab is the heading of the panel that it shows
            panel = element.get("id")
            label = self.navigation.tabs.get(panel) if panel else None
            if label and could_be_heading(label):
                self.builder.add_heading(label, _TAB_LEVEL)
        return flags

    def group_of(self, element: etree._Element, tag: str) -> int:
        """Return the group of an element's lines: siblings with the same tag and class are one."""
        if tag == "div" and not any(child.tag in BLOCKS for child in element):  # a paragraph
            return self.group
        key = (self.group, tag, class_without_digits(element))
        return self.group_numbers.setdefault(key, len(self.group_numbers) + 1)

    def read_control(self, element: etree._Element, text: str | None) -> bool:
        """Read a button or label as the heading of a panel.

        Returns whether it is text of a heading or sentence instead.
        """
        if text is None or len(text) > _MAX_HEADING_LINE:
            return True
        inside_sentence = self.builder.has_text and (element.tail or "").strip() != ""
        says_something = element.tag == "label" and (is_sentence(text) or text.count(" ") >= 5)
        if self.in_heading or inside_sentence or says_something:
            return True
        opens_panel = "accordion" in (element.get("class") or "")
        if section_named_by(text) or (opens_panel and could_be_heading(text)):
            self.builder.add_heading(text, _DEFAULT_LEVEL)
        else:
            self.builder.end_line()
        return False


def _is_note_mark(element: etree._Element, text: str | None, text_before: str) -> bool:
    """Return whether a link or superscript is the mark of a footnote."""
    if text is None or len(text) > _MAX_NOTE_MARK:
        return False
    if element.tag == "a":
        return element.get("href") is not None and _FOOTNOTE.fullmatch(text) is not None
    return element.find(".//a") is not None or is_note_mark(text, text_before, element.tail or "")


class _Piece(NamedTuple):
    """A part of the current line."""

    text: str
    flags: int
    group: int


# Line breaks and spaces are in every element, so that they do not end what is bold or a link.
_BREAK: Final = _Piece("\n", _ALL, 0)
_SPACE: Final = _Piece(" ", _ALL, 0)


class _LineBuilder:
    """Hold the finished lines of a page and the current one."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        # The current line; its kind is "title" for a heading by its class.
        self._pieces: list[_Piece] = []
        self._kind = "text"
        self._level: int | None = None

    @property
    def has_text(self) -> bool:
        """Whether the current line has text."""
        return bool(self._pieces)

    @property
    def last_characters(self) -> str:
        """The end of the current line."""
        return "".join([piece.text[-LAST_CHARACTERS:] for piece in self._pieces[-2:]])

    def add_text(self, text: str, flags: int, group: int) -> None:
        """Add text to the current line; in preformatted text, an empty line ends one.

        White space begins no line.
        """
        if not self._pieces and text.isspace():
            return
        parts = _BLANK_LINE.split(text) if flags & _PREFORMATTED else (text,)
        for number, part in enumerate(parts):
            if number:
                self.end_line()
            if part.strip():
                if self._pieces and self._pieces[-1] is _BREAK and _BULLET.match(part):
                    self.end_line()
                self._pieces.append(_Piece(part, flags, group))
            elif self._pieces and self._pieces[-1] is not _BREAK:
                self._pieces.append(_SPACE)

    def add_block_edge(self, in_heading: bool) -> None:
        """Add the beginning or end of a block: it ends the line; within a heading it is a space."""
        if in_heading:
            self._pieces.append(_SPACE)
        else:
            if self._pieces:
                self.end_line()
            self.mark_heading("text", None)

    def add_line_break(self, in_heading: bool) -> None:
        """Add a line break: two end a paragraph, one a heading."""
        if in_heading:
            self._pieces.append(_SPACE)
        elif self._pieces and self._pieces[-1] is _BREAK:
            self.end_line()
        elif self._pieces and not self._split_off_heading():
            self._pieces.append(_BREAK)

    def add_heading(self, text: str, level: int) -> None:
        """Add a heading that is not among the text, after the current line."""
        self.end_line()
        self.lines.append(Line(text, "heading", level=level))

    def mark_heading(self, kind: str, level: int | None) -> None:
        """Note that the current line is a "heading", by its class a "title", or "text"."""
        self._kind = kind
        self._level = level

    def end_line(self) -> None:
        """End the current line, if it has text."""
        pieces = self._pieces
        self._pieces = []
        text = visible_text("".join([piece.text for piece in pieces])) if pieces else ""
        if not text:
            return
        written = [piece for piece in pieces if piece.flags != _ALL]
        size = sum([len(piece.text) for piece in written])
        linked_size = sum([len(piece.text) for piece in written if piece.flags & _LINK])
        last = written[-1]
        is_item = self._kind == "text" and last.flags & _ITEM > 0
        self.lines.append(
            Line(
                text,
                "item" if is_item else self._kind,
                level=self._level,
                linked=linked_size / size,
                bold=all(piece.flags & _BOLD for piece in written),
                notes=last.flags & _NOTES > 0,
                doubtful=last.flags & _DOUBTFUL > 0,
                group=last.group,
            )
        )
        self.mark_heading("text", None)

    def _split_off_heading(self) -> bool:
        """Split off the text since the last break if it is a heading; return whether it is."""
        start = len(self._pieces)
        while start and self._pieces[start - 1] is not _BREAK:
            start -= 1
        last = self._pieces[start:]
        text = visible_text("".join([piece.text for piece in last]))
        bold = all(piece.flags & _BOLD for piece in last)
        is_heading = section_named_by(text) or (bold and could_be_heading(text))
        if not is_heading or len(text) > _MAX_HEADING_LINE:
            return False
        if self._kind != "title":
            self._pieces = self._pieces[:start]
            self.end_line()
            self._pieces = last
            self.end_line()
        return True


@dataclass(slots=True)
class _Cell:
    """A cell of a table, which may reach into the rows below."""

    first_line: int  # by its number
    rows: int  # left that it covers
    columns: int
    column: int = 0
    line: Line | None = None  # None if no row repeats it: it is empty, a heading, or several lines


class _TableRows:
    """Hold the table rows that are being read: a cell may have a table of its own.

    `lines` are the finished lines of the page, to which others add those of the cells.
    """

    def __init__(self, lines: list[Line]) -> None:
        self._lines = lines
        self._open_rows: list[tuple[int, list[_Cell]]] = []  # number of the first line, and cells
        # by the table or group of rows that they end with
        self._spanning: dict[etree._Element, list[_Cell]] = {}

    def start_row_or_cell(self, element: etree._Element) -> None:
        """Note the line at which a row or a cell begins, if an element is one."""
        if element.tag == "tr":
            self._open_rows.append((len(self._lines), []))
        elif element.tag in ("td", "th") and self._open_rows:
            _, cells = self._open_rows[-1]
            rows = _span(element, "rowspan")
            cells.append(_Cell(len(self._lines), rows, _span(element, "colspan")))

    def end_row(self, element: etree._Element, group: int) -> None:
        """End a row, and join its cells into one line of a group if each has one.

        Cells of rows above that reach into it are among them. A layout table with paragraphs and a
        menu stays as it is.
        """
        if not self._open_rows:
            return
        first_line, open_cells = self._open_rows.pop()
        spanning = self._spanning.setdefault(element.getparent(), [])
        repeated = {cell.column: cell.line for cell in spanning if cell.line is not None}
        columns = sorted(repeated)
        texts = carried_cells(repeated[column].text for column in columns)
        lines_by_column = {
            column: [repeated[column]] for column, text in zip(columns, texts, strict=True) if text
        }
        own_lines = self._place(open_cells, spanning)
        lines_by_column.update(own_lines)
        cells = [lines_by_column[column] for column in sorted(lines_by_column)]
        if not own_lines or len(cells) < 2:
            return
        if any(len(cell) > 1 or cell[0].kind == "heading" for cell in cells):
            return
        lines = [cell[0] for cell in cells]
        has_menu = any(line.is_link for line in lines)
        has_paragraph = any(len(line.text) > _MIN_PARAGRAPH for line in lines)
        if not (has_menu and has_paragraph):
            self._lines[first_line:] = [_join(lines, group)]

    def _place(self, cells: list[_Cell], spanning: list[_Cell]) -> dict[int, list[Line]]:
        """Return the lines of a row's cells by column, and note which reach into the next row."""
        taken: set[int] = set()
        for above in spanning:
            taken.update(range(above.column, above.column + above.columns))
            above.rows -= 1
        spanning[:] = [above for above in spanning if above.rows > 0]
        lines_by_column: dict[int, list[Line]] = {}
        column = 0
        starts = [cell.first_line for cell in cells]
        for cell, (start, end) in zip(cells, pairwise([*starts, len(self._lines)]), strict=True):
            while column in taken:
                column += 1
            lines = self._lines[start:end]
            if lines:
                lines_by_column[column] = lines
            if cell.rows > 1 and column < _MAX_COLUMN:
                is_carried = len(lines) == 1 and lines[0].kind != "heading"
                cell.column = column
                cell.line = lines[0] if is_carried else None
                cell.rows -= 1
                spanning.append(cell)
            column += cell.columns
        return lines_by_column


def _span(cell: etree._Element, attribute: str) -> int:
    """Return how many rows or columns a cell spans, at most `_MAX_SPAN`."""
    span = cell.get(attribute, "1").strip()
    if not span.isdecimal():
        return 1
    return min(int(span[:4]), _MAX_SPAN) or 1


def _join(cells: Sequence[Line], group: int) -> Line:
    """Join the cells of a row into one line, with bars between but for its enumerator."""
    texts = [cell.text for cell in cells]
    if _ENUMERATOR.fullmatch(texts[0]):
        text = f"{texts[0]} {join_cells(texts[1:])}"
    else:
        text = join_cells(texts)
    size = sum(map(len, texts))
    linked_size = sum(cell.linked * len(cell.text) for cell in cells)
    return replace(
        cells[0], text=text, kind="row", linked=linked_size / size, bold=False, group=group
    )
