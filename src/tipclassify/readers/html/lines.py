"""Read a parsed web page into lines in one walk.

Lines are headings, paragraphs, list entries and table rows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final, NamedTuple

from lxml import etree

from tipclassify.readers.html.elements import (
    BLOCKS,
    HEADINGS,
    ElementTraits,
    HtmlNavigation,
    short_text_of_element,
    traits_of_element,
    visible_text_of_element,
)
from tipclassify.readers.source_blocks import (
    SourceBlock,
    could_be_source_heading,
    join_source_cells,
)
from tipclassify.text.segmentation.sections import standard_section_of_line

__all__ = ["HtmlLine", "html_line_is_sentence", "read_html_lines"]

_SENTENCE_END: Final = re.compile(r"[.!?…:;][\"”’')\]]*$")
_BULLET: Final = re.compile(r"\s*(?:[•●▪◦‣*·–-]|\(?\d{1,2}[.)]|\([a-z]\))\s")
_BLANK_LINE: Final = re.compile(r"\n[ \t]*\r?\n")
_MAX_HEADING_LINE: Final = 120  # characters of a heading between line breaks
_MAX_HEADING_WORDS: Final = 30
_MAX_SENTENCE_WORDS: Final = 14  # of a heading that ends as a sentence does
_MIN_CAPITALS: Final = 3  # characters of a heading in capitals; it has more
_MAX_BOLD_SHARE: Final = 0.4  # above this share of bold text, bold lines are no headings
_MAX_NOTE: Final = 30  # characters of a footnote mark
_FOOTNOTE: Final = re.compile(
    r"[\[(]?(?:\d{1,3}|[*†‡§¶^↑↩⇑#]+\ufe0e?)[\])]?|[\[(](?:[a-z]|[ivx]{1,4}|note \d+)[\])]"
)
_SUPERSCRIPT: Final = re.compile(r"[\d\s,;*†‡§¶–-]+|[\[(][^\])]{1,20}[\])]")
_UNIT: Final = re.compile(r"(?:\d|\b(?:[kcdm]?m|ft|CO|x))$")
_LINKED: Final = 0.95  # share of a line's characters in links, above which it is a link
_MIN_PARAGRAPH: Final = 150  # characters; a longer cell of a table is a paragraph
# of a list in a layout table
_ENUMERATOR: Final = re.compile(r"\(?(?:\d{1,3}|[a-z]|[ivx]{1,5})[.)]|[•●▪◦‣*·–—-]")
_DIGITS: Final = re.compile(r"\d+")
_GROUPS: Final = frozenset(
    "body div section article main center details td form blockquote header aside".split()
)
# Flags of a text, a bit each; an element adds its own to those of the elements around it.
_LINK: Final = 1
_BOLD: Final = 2
_PREFORMATTED: Final = 4
_NOTES: Final = 8
_ITEM: Final = 16
_HEADING: Final = 32
_PARAGRAPH: Final = 64
_DOUBTFUL: Final = 128
_ALL_FLAGS: Final = -1
_FLAGS_OF_TAG: Final = {
    **dict.fromkeys((*HEADINGS, "p"), _PARAGRAPH),
    "li": _ITEM | _PARAGRAPH,
    "b": _BOLD,
    "strong": _BOLD,
    "pre": _PREFORMATTED,
}
# elements judged by their whole text
_WHOLE: Final = HEADINGS | {"summary", "a", "sup", "button", "label"}
_TAB_LEVEL: Final = 3  # of the heading of a panel that a tab shows
_DEFAULT_LEVEL: Final = 4  # of other headings whose element gives none


@dataclass(slots=True)
class HtmlLine(SourceBlock):
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


class _HtmlLinePiece(NamedTuple):
    """A part of the current line."""

    text: str
    flags: int
    group: int


# Line breaks and spaces are in every element, so that they do not end what is bold or a link.
_BREAK: Final = _HtmlLinePiece("\n", _ALL_FLAGS, 0)
_SPACE: Final = _HtmlLinePiece(" ", _ALL_FLAGS, 0)


class _OuterHtmlState(NamedTuple):
    """The state around an open element, which is set again at its end."""

    flags: int
    group: int
    block: bool  # whether the element itself begins a line and ends one


@dataclass(frozen=True, slots=True)
class _OpenHtmlRow:
    """A table row that is being read, by the numbers of its lines."""

    first_line: int
    cell_starts: list[int]  # first line of each cell


def html_line_is_sentence(text: str) -> bool:
    """Return whether a line ends with sentence punctuation.

    >>> html_line_is_sentence("No shelter opened.”"), html_line_is_sentence("Conduct of Officials")
    (True, False)
    """
    return _SENTENCE_END.search(text[-6:]) is not None


def read_html_lines(page: etree._Element, parts: Sequence[etree._Element] = ()) -> list[HtmlLine]:
    """Read the lines of a page, or of some parts of it, without navigation.

    >>> page = etree.HTML("<nav>Home</nav><p>Police <b>acted</b>.</p>")
    >>> [line.text for line in read_html_lines(page)]
    ['Police acted.']
    """
    reader = _HtmlLineReader(HtmlNavigation(page))
    for part in parts or [page]:
        reader.read(part)
    lines = reader.lines
    size = sum([len(line.text) for line in lines])
    bold_size = sum([len(line.text) for line in lines if line.bold and line.kind != "heading"])
    bold_is_heading = bold_size < _MAX_BOLD_SHARE * size
    for line in lines:
        if _is_html_heading(line, bold_is_heading):
            line.kind = "heading"
        else:
            line.level = None
            if line.kind in ("heading", "title"):
                line.kind = "text"
    return lines


def _is_html_heading(line: HtmlLine, bold_is_heading: bool) -> bool:
    """Return whether a line is a heading, by its markup, its words and its bold type."""
    text = line.text
    if line.kind == "row":
        return False
    if line.kind == "heading":
        words = text.count(" ") + 1
        return words <= _MAX_HEADING_WORDS and (
            could_be_source_heading(text)
            or words <= _MAX_SENTENCE_WORDS
            or not html_line_is_sentence(text)
        )
    if standard_section_of_line(text) is not None:
        return True
    if line.kind == "item":
        return False
    emphasized = (
        line.kind == "title"
        or (line.bold and bold_is_heading)
        or (text.isupper() and len(text) > _MIN_CAPITALS)
    )
    return emphasized and could_be_source_heading(text)


class _HtmlLineReader:
    """Hold the state of reading a page: finished lines and the current one."""

    def __init__(self, navigation: HtmlNavigation) -> None:
        self.navigation = navigation
        self.lines: list[HtmlLine] = []
        # of the innermost open element; its flags include those of the elements around it
        self.flags = 0
        self.group = 0
        # by the group around an element, its tag and its class
        self.group_numbers: dict[tuple[int, str, str], int] = {}
        self.rows: list[_OpenHtmlRow] = []
        # The current line; its kind is "title" for a heading by its class.
        self.pieces: list[_HtmlLinePiece] = []
        self.kind = "text"
        self.level: int | None = None

    def read(self, root: etree._Element) -> None:
        """Read the text of an element and of all in it."""
        outer: list[_OuterHtmlState] = []  # of the open elements
        walk = etree.iterwalk(root, events=("start", "end"))
        for event, element in walk:
            tag = element.tag
            if event == "start":
                # A custom element begins a line, unless it is part of a paragraph.
                block = tag in BLOCKS or ("-" in tag and not self.flags & _PARAGRAPH)
                outer.append(_OuterHtmlState(self.flags, self.group, block))
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
                    self.block()
                if tag == "tr":
                    self.end_row()
                text = element.tail if outer else None
            if text and (self.pieces or not text.isspace()):
                self.add(text)
        self.flush()

    def start(self, element: etree._Element, tag: str, block: bool) -> int | None:
        """Begin an element: return the flags of its text, or None to leave it out."""
        traits = traits_of_element(element)
        if any(traits) and self.navigation.holds(element, traits):
            return None
        text = short_text_of_element(element) if tag in _WHOLE else None
        if tag in ("button", "label") and not self.control(element, text):
            return None
        if tag in ("a", "sup") and self.is_note_mark(element, text):
            return None
        if tag == "br":
            self.line_break()
        if block:
            self.block()
        flags = _FLAGS_OF_TAG.get(tag, 0)
        if any(traits):
            flags |= self.flags_of_traits(element, traits)
        is_heading = tag in HEADINGS or tag == "summary"
        if is_heading and not self.flags & _HEADING:
            self.kind = "heading"
            self.level = int(tag[1]) if tag in HEADINGS else _DEFAULT_LEVEL
            if text is not None:
                flags |= _HEADING
        elif traits.heading and block and not self.flags & _HEADING:
            self.kind = "title"
            self.level = _DEFAULT_LEVEL
        elif tag == "a" and text is not None and _html_link_leads_somewhere(element):
            flags |= _LINK
        self.start_row_or_cell(tag)
        if tag in ("div", "section"):
            self.add_tab_label(element)
        return flags

    def flags_of_traits(self, element: etree._Element, traits: ElementTraits) -> int:
        """Return the flags of an element's text that follow from its traits."""
        flags = 0
        if traits.named and not self.navigation.has_much(element):
            flags |= _DOUBTFUL
        if traits.notes:
            flags |= _NOTES
        if traits.bold:
            flags |= _BOLD
        return flags

    def start_row_or_cell(self, tag: str) -> None:
        """Note the line at which a row or a cell begins."""
        if tag == "tr":
            self.rows.append(_OpenHtmlRow(len(self.lines), []))
        elif tag in ("td", "th") and self.rows:
            self.rows[-1].cell_starts.append(len(self.lines))

    def add_tab_label(self, element: etree._Element) -> None:
        """Add the label of the tab that shows a panel as the panel's heading."""
        panel = element.get("id")
        label = self.navigation.tabs.get(panel) if panel else None
        if label and could_be_source_heading(label):
            self.add_heading(label, _TAB_LEVEL)

    def group_of(self, element: etree._Element, tag: str) -> int:
        """Return the group of an element's lines: siblings with the same tag and class are one."""
        if tag == "div" and not any(child.tag in BLOCKS for child in element):  # a paragraph
            return self.group
        key = (self.group, tag, _DIGITS.sub("", element.get("class") or ""))
        return self.group_numbers.setdefault(key, len(self.group_numbers) + 1)

    def add(self, text: str) -> None:
        """Add text to the current line; in preformatted text, an empty line ends one."""
        parts = _BLANK_LINE.split(text) if self.flags & _PREFORMATTED else (text,)
        for number, part in enumerate(parts):
            if number:
                self.flush()
            if part.strip():
                if self.pieces and self.pieces[-1] is _BREAK and _BULLET.match(part):
                    self.flush()
                self.pieces.append(_HtmlLinePiece(part, self.flags, self.group))
            elif self.pieces and self.pieces[-1] is not _BREAK:
                self.pieces.append(_SPACE)

    def flush(self) -> None:
        """End the current line, if it has text."""
        pieces = self.pieces
        self.pieces = []
        text = visible_text_of_element("".join([piece.text for piece in pieces])) if pieces else ""
        if not text:
            return
        written = [piece for piece in pieces if piece.flags != _ALL_FLAGS]
        size = sum([len(piece.text) for piece in written])
        linked_size = sum([len(piece.text) for piece in written if piece.flags & _LINK])
        last = written[-1]
        is_item = self.kind == "text" and last.flags & _ITEM > 0
        self.lines.append(
            HtmlLine(
                text,
                "item" if is_item else self.kind,
                level=self.level,
                linked=linked_size / size,
                bold=all(piece.flags & _BOLD for piece in written),
                notes=last.flags & _NOTES > 0,
                doubtful=last.flags & _DOUBTFUL > 0,
                group=last.group,
            )
        )
        self.forget_kind()

    def forget_kind(self) -> None:
        """Begin a line that is no heading by its markup."""
        self.kind = "text"
        self.level = None

    def add_heading(self, text: str, level: int) -> None:
        """Add a heading that is not among the text, after the current line."""
        self.flush()
        self.lines.append(HtmlLine(text, "heading", level=level))

    def block(self) -> None:
        """Begin or end a block; within a heading it is a space."""
        if self.flags & _HEADING:
            self.pieces.append(_SPACE)
        else:
            if self.pieces:
                self.flush()
            self.forget_kind()

    def line_break(self) -> None:
        """Handle a line break: two end a paragraph, one a heading."""
        if self.flags & _HEADING:
            self.pieces.append(_SPACE)
        elif self.pieces and self.pieces[-1] is _BREAK:
            self.flush()
        elif self.pieces and not self.split_off_heading():
            self.pieces.append(_BREAK)

    def split_off_heading(self) -> bool:
        """Split off the text since the last break if it is a heading; return whether it is."""
        start = len(self.pieces)
        while start and self.pieces[start - 1] is not _BREAK:
            start -= 1
        last = self.pieces[start:]
        text = visible_text_of_element("".join([piece.text for piece in last]))
        bold = all(piece.flags & _BOLD for piece in last)
        is_heading = standard_section_of_line(text) is not None or (
            bold and could_be_source_heading(text)
        )
        if not is_heading or len(text) > _MAX_HEADING_LINE:
            return False
        if self.kind != "title":
            self.pieces = self.pieces[:start]
            self.flush()
            self.pieces = last
            self.flush()
        return True

    def is_note_mark(self, element: etree._Element, text: str | None) -> bool:
        """Return whether a link or superscript is the mark of a footnote.

        An exponent or ordinal is none.
        """
        if text is None or len(text) > _MAX_NOTE:
            return False
        if element.tag == "a":
            return element.get("href") is not None and _FOOTNOTE.fullmatch(text) is not None
        if element.find(".//a") is not None:
            return True
        before = "".join([piece.text for piece in self.pieces[-2:]])
        return _SUPERSCRIPT.fullmatch(text) is not None and not _UNIT.search(before)

    def control(self, element: etree._Element, text: str | None) -> bool:
        """Read a button or label as the heading of a panel.

        Returns whether it is text of a heading or sentence.
        """
        if text is None or len(text) > _MAX_HEADING_LINE:
            return True
        inside_sentence = bool(self.pieces) and (element.tail or "").strip() != ""
        says_something = element.tag == "label" and (
            html_line_is_sentence(text) or text.count(" ") >= 5
        )
        if self.flags & _HEADING or inside_sentence or says_something:
            return True
        opens_panel = "accordion" in (element.get("class") or "")
        if standard_section_of_line(text) or (opens_panel and could_be_source_heading(text)):
            self.add_heading(text, _DEFAULT_LEVEL)
        else:
            self.flush()
        return False

    def end_row(self) -> None:
        """End a row, and join its cells into one line if each has one.

        A layout table with paragraphs and a menu stays as it is.
        """
        if not self.rows:
            return
        row = self.rows.pop()
        cells = [
            self.lines[start:end]
            for start, end in pairwise([*row.cell_starts, len(self.lines)])
            if start < end
        ]
        if len(cells) < 2 or any(len(cell) > 1 or cell[0].kind == "heading" for cell in cells):
            return
        lines = [cell[0] for cell in cells]
        has_menu = any(line.is_link for line in lines)
        has_paragraph = any(len(line.text) > _MIN_PARAGRAPH for line in lines)
        if not (has_menu and has_paragraph):
            self.lines[row.first_line :] = [_join_html_cells(lines, self.group)]


def _html_link_leads_somewhere(anchor: etree._Element) -> bool:
    """Return whether an anchor leads somewhere; some open a panel."""
    return anchor.get("href") is not None and anchor.get("aria-expanded") is None


def _join_html_cells(cells: Sequence[HtmlLine], group: int) -> HtmlLine:
    """Join the cells of a row into one line, with bars between but for its enumerator."""
    texts = [cell.text for cell in cells]
    if _ENUMERATOR.fullmatch(texts[0]):
        text = f"{texts[0]} {join_source_cells(texts[1:])}"
    else:
        text = join_source_cells(texts)
    size = sum(map(len, texts))
    linked_size = sum(cell.linked * len(cell.text) for cell in cells)
    return replace(
        cells[0], text=text, kind="row", linked=linked_size / size, bold=False, group=group
    )
