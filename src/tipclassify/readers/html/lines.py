"""Read a parsed web page into lines: headings, paragraphs, list entries and table rows.

One walk visits each element once, collects the texts of a line, and joins the cells of a row.
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
    MAX_CARRIED,
    SourceBlock,
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
_MAX_SPAN: Final = 100  # rows or columns of a cell
_MAX_REPEATED: Final = 5  # cells of a row that the next one repeats; bounds the size of a page
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
    _repeat_spanning_cells(page)
    reader = _LineReader(Navigation(page))
    for part in parts or [page]:
        reader.read(part)
    return reader.lines


def _repeat_spanning_cells(page: etree._Element) -> None:
    """Add to each row of a table the short cells that reach into it from the row above."""
    for row in page.iter("tr"):
        below = row.getnext()
        if below is None or below.tag != "tr" or short_text(below) == "":
            continue
        size_left = MAX_CARRIED
        column = 0
        spanning: list[tuple[etree._Element, int]] = []  # cells that reach below, and their columns
        for cell in row.iterchildren("td", "th"):
            if _span(cell, "rowspan") > 1:
                spanning.append((cell, column))
            column += _span(cell, "colspan")
        for cell, column in spanning[:_MAX_REPEATED]:
            # an empty one holds the place of what is not repeated
            rows_left = str(_span(cell, "rowspan") - 1)
            columns = str(_span(cell, "colspan"))
            repeated = etree.Element(cell.tag, rowspan=rows_left, colspan=columns)
            text = short_text(cell) or ""
            if len(text) <= size_left and next(cell.iter(*HEADINGS), None) is None:
                repeated.text = text
                size_left -= len(text)
            _insert_cell(below, repeated, column)


def _insert_cell(row: etree._Element, cell: etree._Element, column: int) -> None:
    """Insert a cell into a row, before that at a column or at its end."""
    for other in row.iterchildren("td", "th"):
        if column <= 0:
            other.addprevious(cell)
            return
        column -= _span(other, "colspan")
    row.append(cell)


def _span(cell: etree._Element, attribute: str) -> int:
    """Return how many rows or columns a cell spans."""
    span = cell.get(attribute, "1").strip()
    return min(int(span[:4]), _MAX_SPAN) or 1 if span.isdecimal() else 1


class _Piece(NamedTuple):
    """A part of the current line."""

    text: str
    flags: int
    group: int


# Line breaks and spaces are in every element, so that they do not end what is bold or a link.
_BREAK: Final = _Piece("\n", _ALL, 0)
_SPACE: Final = _Piece(" ", _ALL, 0)


class _LineReader:
    """Walk the elements of a page; hold the finished lines, and the state of the current one."""

    def __init__(self, navigation: Navigation) -> None:
        self.lines: list[Line] = []
        self._navigation = navigation
        # of the innermost open element; its flags include those of the elements around it
        self._flags = 0
        self._group = 0
        # by the group around an element, its tag and its class
        self._group_numbers: dict[tuple[int, str, str], int] = {}
        # The current line; its kind is "title" for a heading by its class.
        self._pieces: list[_Piece] = []
        self._kind = "text"
        self._level: int | None = None
        # of each open row of a table: the number of the first line of each cell
        self._open_rows: list[list[int]] = []

    def read(self, root: etree._Element) -> None:
        """Read the text of an element and of all in it."""
        # of the open elements: flags and group around each, and whether it begins and ends a line
        outer: list[tuple[int, int, bool]] = []
        walk = etree.iterwalk(root, events=("start", "end"))
        for event, element in walk:
            tag = element.tag
            if event == "start":
                # A custom element begins a line, unless it is part of a paragraph.
                block = tag in BLOCKS or ("-" in tag and not self._flags & _IN_PARAGRAPH)
                outer.append((self._flags, self._group, block))
                if not self._start(element, tag, block):
                    walk.skip_subtree()
                    continue
                is_paragraph = tag == "div" and not any(child.tag in BLOCKS for child in element)
                if tag in _GROUPS and not is_paragraph:
                    # siblings with the same tag and class are one group
                    key = (self._group, tag, class_without_digits(element))
                    self._group = self._group_numbers.setdefault(key, len(self._group_numbers) + 1)
                text = element.text
            else:
                self._flags, self._group, block = outer.pop()
                if block:
                    self._add_block_edge()
                if tag == "tr" and self._open_rows:
                    self._end_row(self._open_rows.pop())
                text = element.tail if outer else None
            if text:
                self._add_text(text)
        self._end_line()

    def _start(self, element: etree._Element, tag: str, block: bool) -> bool:
        """Begin an element; return False to leave it out."""
        traits = traits_of(element)
        if any(traits) and self._navigation.holds(element, traits):
            return False
        if tag == "br":
            self._add_line_break()
        is_read_whole = tag in _WHOLE or traits.page_break
        text = short_text(element) if is_read_whole else None
        if traits.page_break and text is not None and len(text) <= _MAX_PAGE_NUMBER:
            return False
        if tag in ("button", "label") and not self._is_text_of_control(element, text):
            return False
        if tag in ("a", "sup") and text is not None and self._is_note_mark(element, text):
            return False
        if block:
            self._add_block_edge()
        in_heading = self._flags & _HEADING
        self._flags |= _FLAGS_OF_TAG.get(tag, 0)
        if traits.named and not self._navigation.has_much(element):
            self._flags |= _DOUBTFUL
        if traits.notes:
            self._flags |= _NOTES
        if traits.bold:
            self._flags |= _BOLD
        if (tag in HEADINGS or tag == "summary") and not in_heading:
            self._kind = "heading"
            self._level = int(tag[1]) if tag in HEADINGS else _DEFAULT_LEVEL
            if text is not None:
                self._flags |= _HEADING
        elif traits.heading and block and not in_heading:
            self._kind = "title"
            self._level = _DEFAULT_LEVEL
        elif tag == "a" and text is not None:
            leads_somewhere = element.get("href") is not None  # some open a panel
            if leads_somewhere and element.get("aria-expanded") is None:
                self._flags |= _LINK
        elif tag == "tr":
            self._open_rows.append([])
        elif tag in ("td", "th") and self._open_rows:
            self._open_rows[-1].append(len(self.lines))
        elif tag in ("div", "section"):
            # the label of a tab is the heading of the panel that it shows
            label = self._navigation.tabs.get(element.get("id"))
            if label and could_be_heading(label):
                self._add_heading(label, _TAB_LEVEL)
        return True

    def _is_text_of_control(self, element: etree._Element, text: str | None) -> bool:
        """Return whether a button or label is text of a heading or sentence.

        Else it may be the heading of a panel, which is read, or ends a line.
        """
        if text is None or len(text) > _MAX_HEADING_LINE or self._flags & _HEADING:
            return True
        inside_sentence = self._pieces and (element.tail or "").strip()
        says_something = element.tag == "label" and (is_sentence(text) or text.count(" ") >= 5)
        if inside_sentence or says_something:
            return True
        opens_panel = "accordion" in (element.get("class") or "")
        if section_named_by(text) or (opens_panel and could_be_heading(text)):
            self._add_heading(text, _DEFAULT_LEVEL)
        else:
            self._end_line()
        return False

    def _is_note_mark(self, element: etree._Element, text: str) -> bool:
        """Return whether a link or superscript is the mark of a footnote."""
        if len(text) > _MAX_NOTE_MARK:
            return False
        if element.tag == "a":
            return element.get("href") is not None and _FOOTNOTE.fullmatch(text) is not None
        before = "".join([piece.text[-LAST_CHARACTERS:] for piece in self._pieces[-2:]])
        return element.find(".//a") is not None or is_note_mark(text, before, element.tail or "")

    def _add_text(self, text: str) -> None:
        """Add text to the current line; in preformatted text, an empty line ends one.

        White space begins no line.
        """
        if not self._pieces and text.isspace():
            return
        parts = _BLANK_LINE.split(text) if self._flags & _PREFORMATTED else [text]
        for number, part in enumerate(parts):
            if number:
                self._end_line()
            if part.strip():
                if self._pieces and self._pieces[-1] is _BREAK and _BULLET.match(part):
                    self._end_line()
                self._pieces.append(_Piece(part, self._flags, self._group))
            elif self._pieces and self._pieces[-1] is not _BREAK:
                self._pieces.append(_SPACE)

    def _add_block_edge(self) -> None:
        """Add the beginning or end of a block: it ends the line; within a heading it is a space."""
        if self._flags & _HEADING:
            self._pieces.append(_SPACE)
        else:
            self._end_line()

    def _add_line_break(self) -> None:
        """Add a line break: two end a paragraph, one a heading."""
        if self._flags & _HEADING:
            self._pieces.append(_SPACE)
        elif self._pieces and self._pieces[-1] is _BREAK:
            self._end_line()
        elif self._pieces and not self._split_off_heading():
            self._pieces.append(_BREAK)

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
            self._end_line()
            self._pieces = last
            self._end_line()
        return True

    def _add_heading(self, text: str, level: int) -> None:
        """Add a heading that is not among the text, after the current line."""
        self._end_line()
        self.lines.append(Line(text, "heading", level=level))

    def _end_line(self) -> None:
        """End the current line, and add it if it has text."""
        written = [piece for piece in self._pieces if piece.flags != _ALL]
        text = visible_text("".join([piece.text for piece in self._pieces])) if written else ""
        if text:
            last = written[-1]
            is_item = self._kind == "text" and last.flags & _ITEM
            size = sum([len(piece.text) for piece in written])
            linked_size = sum([len(piece.text) for piece in written if piece.flags & _LINK])
            line = Line(
                text,
                "item" if is_item else self._kind,
                level=self._level,
                linked=linked_size / size,
                bold=all(piece.flags & _BOLD for piece in written),
                notes=last.flags & _NOTES > 0,
                doubtful=last.flags & _DOUBTFUL > 0,
                group=last.group,
            )
            self.lines.append(line)
        self._pieces = []
        self._kind = "text"
        self._level = None

    def _end_row(self, starts: list[int]) -> None:
        """End a row of a table, and join its cells into one line if each has one, with bars.

        A layout table with a paragraph beside a link of a menu stays as it is.
        """
        bounds = pairwise([*starts, len(self.lines)])
        cells = [self.lines[start:end] for start, end in bounds if end > start]
        if len(cells) < 2 or any(len(cell) > 1 or cell[0].kind == "heading" for cell in cells):
            return
        has_menu = any(cell[0].is_link for cell in cells)
        if has_menu and any(len(cell[0].text) > _MIN_PARAGRAPH for cell in cells):
            return
        first = cells[0][0]
        texts = [cell[0].text for cell in cells]
        size = sum(map(len, texts))
        linked_size = sum(cell[0].linked * len(cell[0].text) for cell in cells)
        if _ENUMERATOR.fullmatch(first.text):
            text = f"{first.text} {join_cells(texts[1:])}"
        else:
            text = join_cells(texts)
        linked = linked_size / size
        row = replace(first, text=text, kind="row", linked=linked, bold=False, group=self._group)
        self.lines[starts[0] :] = [row]
