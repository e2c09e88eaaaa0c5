"""Build the lines of a web page from the texts of its elements, in the order of the page."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, NamedTuple

from tipclassify.readers.html.elements import visible_text_of_element
from tipclassify.readers.note_marks import LAST_CHARACTERS
from tipclassify.readers.source_blocks import SourceBlock, could_be_source_heading
from tipclassify.text.sections import standard_section_of_line

__all__ = ["MAX_HEADING_LINE", "HtmlLine", "HtmlLineBuilder", "HtmlTextFlag"]

MAX_HEADING_LINE: Final = 120
"""Characters of a heading between line breaks."""

_BULLET: Final = re.compile(r"\s*(?:[•●▪◦‣*·–-]|\(?\d{1,2}[.)]|\([a-z]\))\s")
_BLANK_LINE: Final = re.compile(r"\n[ \t]*\r?\n")
_LINKED: Final = 0.95  # share of a line's characters in links, above which it is a link


class HtmlTextFlag:
    """Flags of a text, a bit each; an element adds its own to those of the elements around it."""

    LINK: Final = 1
    BOLD: Final = 2
    PREFORMATTED: Final = 4
    NOTES: Final = 8
    ITEM: Final = 16
    HEADING: Final = 32
    PARAGRAPH: Final = 64
    DOUBTFUL: Final = 128
    ALL: Final = -1


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
_BREAK: Final = _HtmlLinePiece("\n", HtmlTextFlag.ALL, 0)
_SPACE: Final = _HtmlLinePiece(" ", HtmlTextFlag.ALL, 0)


class HtmlLineBuilder:
    """Hold the finished lines of a page and the current one."""

    def __init__(self) -> None:
        self.lines: list[HtmlLine] = []
        # The current line; its kind is "title" for a heading by its class.
        self._pieces: list[_HtmlLinePiece] = []
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
        parts = _BLANK_LINE.split(text) if flags & HtmlTextFlag.PREFORMATTED else (text,)
        for number, part in enumerate(parts):
            if number:
                self.end_line()
            if part.strip():
                if self._pieces and self._pieces[-1] is _BREAK and _BULLET.match(part):
                    self.end_line()
                self._pieces.append(_HtmlLinePiece(part, flags, group))
            elif self._pieces and self._pieces[-1] is not _BREAK:
                self._pieces.append(_SPACE)

    def add_block_edge(self, in_heading: bool) -> None:
        """Add the beginning or end of a block: it ends the line; within a heading it is a space."""
        if in_heading:
            self._pieces.append(_SPACE)
        else:
            if self._pieces:
                self.end_line()
            self._forget_kind()

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
        self.lines.append(HtmlLine(text, "heading", level=level))

    def mark_heading(self, kind: str, level: int) -> None:
        """Note that the current line is a "heading" or, by its class, a "title"."""
        self._kind = kind
        self._level = level

    def end_line(self) -> None:
        """End the current line, if it has text."""
        pieces = self._pieces
        self._pieces = []
        text = visible_text_of_element("".join([piece.text for piece in pieces])) if pieces else ""
        if not text:
            return
        written = [piece for piece in pieces if piece.flags != HtmlTextFlag.ALL]
        size = sum([len(piece.text) for piece in written])
        linked_size = sum([len(p.text) for p in written if p.flags & HtmlTextFlag.LINK])
        last = written[-1]
        is_item = self._kind == "text" and last.flags & HtmlTextFlag.ITEM > 0
        self.lines.append(
            HtmlLine(
                text,
                "item" if is_item else self._kind,
                level=self._level,
                linked=linked_size / size,
                bold=all(piece.flags & HtmlTextFlag.BOLD for piece in written),
                notes=last.flags & HtmlTextFlag.NOTES > 0,
                doubtful=last.flags & HtmlTextFlag.DOUBTFUL > 0,
                group=last.group,
            )
        )
        self._forget_kind()

    def _forget_kind(self) -> None:
        """Begin a line that is no heading by its markup."""
        self._kind = "text"
        self._level = None

    def _split_off_heading(self) -> bool:
        """Split off the text since the last break if it is a heading; return whether it is."""
        start = len(self._pieces)
        while start and self._pieces[start - 1] is not _BREAK:
            start -= 1
        last = self._pieces[start:]
        text = visible_text_of_element("".join([piece.text for piece in last]))
        bold = all(piece.flags & HtmlTextFlag.BOLD for piece in last)
        is_heading = standard_section_of_line(text) is not None or (
            bold and could_be_source_heading(text)
        )
        if not is_heading or len(text) > MAX_HEADING_LINE:
            return False
        if self._kind != "title":
            self._pieces = self._pieces[:start]
            self.end_line()
            self._pieces = last
            self.end_line()
        return True
