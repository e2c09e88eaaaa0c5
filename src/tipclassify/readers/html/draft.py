"""The lines of a web page while they are read: those that are done, the one being read, and what it stands inside of."""

from __future__ import annotations

import re
from typing import Final

from tipclassify.readers.html.lines import Line
from tipclassify.readers.html.page import Page, visible_text
from tipclassify.readers.pieces import could_be_heading
from tipclassify.text.segmentation.sections import named_section

__all__ = ["BREAK", "Draft"]

BREAK: Final = "\n"
"""Stands for a line break among the pieces of a line."""

_BULLET: Final = re.compile(r"\s*(?:[•●▪◦‣*·–-]|\(?\d{1,2}[.)]|\([a-z]\))\s")
_BLANK_LINE: Final = re.compile(r"\n[ \t]*\r?\n")
_LONGEST_LINE: Final = 120  # characters of a heading between line breaks


class Draft:
    """Lines of a page, read up to `tag`."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.tag = 0
        self.lines: list[Line] = []
        # Where the elements that the reading is inside of end.
        self.text_end = self.heading_end = self.item_end = -1
        self.link_end = self.bold_end = self.pre_end = self.notes_end = -1
        self.rows: list[tuple[int, list[int]]] = []  # of each open row: its first line, the first line of each cell
        # The line being read.
        self.pieces: list[str] = []
        self.kind, self.level = "text", 0
        self._size = self._linked = self._bold = 0
        self._before_break = (0, 0, 0, 0)  # pieces and sizes up to the last break

    def add(self, at: int, text: str) -> None:
        """Add the text before a tag to the line."""
        if at <= self.pre_end and "\n" in text:
            *paragraphs, text = _BLANK_LINE.split(text)
            for paragraph in paragraphs:
                self.pieces.append(paragraph)
                self._size += len(paragraph)
                self.flush()
        size = len(text) if text[:1].isalnum() else len(text.replace("&nbsp;", " ").strip())
        if self.pieces and self.pieces[-1] == BREAK:
            if not size:
                return
            if _BULLET.match(text):
                self.flush()
        self.pieces.append(text)
        self._size += size
        if at <= self.link_end:
            self._linked += size
        if at <= self.bold_end:
            self._bold += size

    def flush(self) -> None:
        """End the line."""
        if self.pieces:
            text = visible_text("".join(self.pieces))
            self.pieces.clear()
            if text:
                self.lines.append(
                    Line(
                        text,
                        "item" if self.kind == "text" and self.tag <= self.item_end else self.kind,
                        self._linked / (self._size or 1),
                        self._bold == self._size,
                        self.tag <= self.notes_end,
                        self.level,
                    )
                )
                self.kind, self.level = "text", 0
            self._size = self._linked = self._bold = 0

    def add_heading(self, text: str, level: int) -> None:
        """Add a heading that is not written as one."""
        self.flush()
        self.lines.append(Line(text, "heading", level=level))

    def break_line(self) -> None:
        """Two breaks end a paragraph, and one a heading."""
        if not self.pieces:
            return
        if self.pieces[-1] == BREAK:
            self.flush()
        elif not self._part_heading():
            self.pieces.append(BREAK)
            self._before_break = len(self.pieces), self._size, self._linked, self._bold

    def _part_heading(self) -> bool:
        """Part a heading from the lines before it, if the last line is one; whether it was."""
        count, size, linked, bold = self._before_break if BREAK in self.pieces else (0, 0, 0, 0)
        if self._size - size > _LONGEST_LINE:
            return False
        text = visible_text("".join(self.pieces[count:]))
        is_heading = named_section(text) or (self._bold - bold == self._size - size and could_be_heading(text))
        if is_heading and self.kind != "title":
            last, rest = self.pieces[count:], (self._size - size, self._linked - linked, self._bold - bold)
            del self.pieces[count:]
            self._size, self._linked, self._bold = size, linked, bold
            self.flush()
            self.pieces, (self._size, self._linked, self._bold) = last, rest
            self.flush()
        return bool(is_heading)
