"""Read a parsed web page into lines in one walk.

Lines are headings, paragraphs, list entries and table rows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from lxml import etree

from tipclassify.readers.html.elements import (
    BLOCKS,
    HEADINGS,
    Furniture,
    short_text,
    traits_of,
    visible_text,
)
from tipclassify.readers.source_blocks import SourceBlock, could_be_heading
from tipclassify.text.segmentation.sections import named_section

__all__ = ["Line", "is_sentence", "page_lines"]

_SENTENCE_END: Final = re.compile(r"[.!?…:;][\"”’')\]]*$")
_BULLET: Final = re.compile(r"\s*(?:[•●▪◦‣*·–-]|\(?\d{1,2}[.)]|\([a-z]\))\s")
_BLANK_LINE: Final = re.compile(r"\n[ \t]*\r?\n")
_MAX_HEADING_LINE: Final = 120  # characters of a heading between line breaks
_MAX_HEADING_WORDS: Final = 30
_MAX_BOLD_SHARE: Final = 0.4  # above this share of bold text, bold lines are no headings
_MAX_NOTE: Final = 30  # characters of a footnote mark
_FOOTNOTE: Final = re.compile(
    r"[\[(]?(?:\d{1,3}|[*†‡§¶^↑↩⇑#]+\ufe0e?)[\])]?|[\[(](?:[a-z]|[ivx]{1,4}|note \d+)[\])]"
)
_SUPERSCRIPT: Final = re.compile(r"[\d\s,;*†‡§¶–-]+|[\[(][^\])]{1,20}[\])]")
_UNIT: Final = re.compile(r"(?:\d|\b(?:[kcdm]?m|ft|CO|x))$")
# of a list in a layout table
_ENUMERATOR: Final = re.compile(r"\(?(?:\d{1,3}|[a-z]|[ivx]{1,5})[.)]|[•●▪◦‣*·–—-]")
_DIGITS: Final = re.compile(r"\d+")
_GROUPS: Final = frozenset(
    "body div section article main center details td form blockquote header aside".split()
)
# What an element makes of its text, a bit each.
_LINK, _BOLD, _PRE, _NOTES, _ITEM, _HEADING, _PARAGRAPH, _DOUBTFUL = (1 << bit for bit in range(8))
_FLAGS: Final = dict.fromkeys((*HEADINGS, "p"), _PARAGRAPH) | {
    "li": _ITEM | _PARAGRAPH, "b": _BOLD, "strong": _BOLD, "pre": _PRE
}  # fmt: skip
# elements judged by their whole text
_WHOLE: Final = HEADINGS | {"summary", "a", "sup", "button", "label"}


@dataclass(slots=True)
class Line(SourceBlock):
    """A block of text of the page."""

    linked: float = 0.0  # share of its characters in links
    bold: bool = False  # all of it
    notes: bool = False  # in the footnotes
    doubtful: bool = False  # in an element with the name of furniture
    # the innermost element that groups paragraphs, with its siblings of the same tag and class
    group: int = 0


# of the current line: its text, and the flags and group of its element; -1 is all flags
_Piece = tuple[str, int, int]
_BREAK: Final = ("\n", -1, 0)  # a line break
_SPACE: Final = (" ", -1, 0)


def is_sentence(text: str) -> bool:
    """Return whether a line ends with sentence punctuation.

    >>> is_sentence("No shelter opened.”"), is_sentence("Conduct of Officials")
    (True, False)
    """
    return _SENTENCE_END.search(text[-6:]) is not None


def page_lines(page: etree._Element, parts: Sequence[etree._Element] = ()) -> list[Line]:
    """Read the lines of a page, or of some parts of it, without furniture.

    >>> [line.text for line in page_lines(etree.HTML("<nav>Home</nav><p>Police <b>acted</b>.</p>"))]
    ['Police acted.']
    """
    reader = _LineReader(Furniture(page))
    for part in parts or [page]:
        reader.read(part)
    size = sum([len(line.text) for line in reader.lines])
    bold = sum([len(line.text) for line in reader.lines if line.bold and line.kind != "heading"])
    for line in reader.lines:
        line.kind = _kind(line, bold < _MAX_BOLD_SHARE * size)
        line.level = line.level if line.kind == "heading" else None
    return reader.lines


def _kind(line: Line, bold_is_heading: bool) -> str:
    """Return whether a line is a heading or text, by its markup, its words and its bold type."""
    text, kind = line.text, line.kind
    if kind == "heading":
        words = text.count(" ") + 1
        heading = words <= _MAX_HEADING_WORDS and (
            could_be_heading(text) or words <= 14 or not is_sentence(text)
        )
    elif kind == "item":
        heading = named_section(text) is not None
    else:
        emphasized = (
            kind == "title" or (line.bold and bold_is_heading) or (text.isupper() and len(text) > 3)
        )
        heading = kind != "row" and (
            named_section(text) is not None or (emphasized and could_be_heading(text))
        )
    if heading:
        return "heading"
    return "text" if kind in ("heading", "title") else kind


class _LineReader:
    """Hold the state of reading a page: finished lines and the current one."""

    def __init__(self, furniture: Furniture) -> None:
        self.furniture = furniture
        self.lines: list[Line] = []
        # of the innermost open element, the flags with those of its ancestors
        self.flags = self.group = 0
        self.group_numbers: dict[tuple[int, str, str], int] = {}
        # open rows: first line of the row, first line of each cell
        self.rows: list[tuple[int, list[int]]] = []
        # The current line; its kind is "title" for a heading by its class.
        self.pieces: list[_Piece] = []
        self.kind = "text"
        self.level: int | None = None

    def read(self, root: etree._Element) -> None:
        # flags and group around each open element, and whether it is a block
        outer: list[tuple[int, int, bool]] = []
        walk = etree.iterwalk(root, events=("start", "end"))
        for event, element in walk:
            tag = element.tag
            if event == "start":
                # A custom element begins a line, unless it is part of a paragraph.
                block = tag in BLOCKS or ("-" in tag and not self.flags & _PARAGRAPH)
                outer.append((self.flags, self.group, block))
                added = self.start(element, tag, block)
                if tag in _GROUPS:
                    self.group = self.group_of(element, tag)
                if added is None:
                    walk.skip_subtree()
                    continue
                self.flags |= added
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
        traits, flags = traits_of(element), _FLAGS.get(tag, 0)
        if any(traits):
            if self.furniture.holds(element, traits):
                return None
            flags |= _DOUBTFUL * (traits.named and not self.furniture.has_much(element))
            flags |= _NOTES * traits.notes | _BOLD * traits.bold
        text = short_text(element) if tag in _WHOLE else None
        if tag in ("button", "label") and not self.control(element, text):
            return None
        if tag in ("a", "sup") and self.is_note_mark(element, text):
            return None
        if tag == "br":
            self.line_break()
        if block:
            self.block()
        if (tag in HEADINGS or tag == "summary") and not self.flags & _HEADING:
            self.kind, self.level = "heading", int(tag[1]) if tag in HEADINGS else 4
            flags |= _HEADING * (text is not None)
        elif traits.heading and block and not self.flags & _HEADING:
            self.kind, self.level = "title", 4
        elif tag == "a" and text is not None and element.get("href") is not None:
            flags |= _LINK * (element.get("aria-expanded") is None)
        if tag == "tr":
            self.rows.append((len(self.lines), []))
        elif tag in ("td", "th") and self.rows:
            self.rows[-1][1].append(len(self.lines))
        panel = element.get("id") if tag in ("div", "section") else None
        if panel and (label := self.furniture.tabs.get(panel)) and could_be_heading(label):
            self.add_heading(label, 3)
        return flags

    def group_of(self, element: etree._Element, tag: str) -> int:
        """Return the group of an element's lines: siblings with the same tag and class are one."""
        if tag == "div" and not any(child.tag in BLOCKS for child in element):  # a paragraph
            return self.group
        key = (self.group, tag, _DIGITS.sub("", element.get("class") or ""))
        return self.group_numbers.setdefault(key, len(self.group_numbers) + 1)

    def add(self, text: str) -> None:
        """Add text to the current line; in preformatted text, an empty line ends one."""
        for number, part in enumerate(_BLANK_LINE.split(text) if self.flags & _PRE else (text,)):
            if number:
                self.flush()
            if part.strip():
                if self.pieces and self.pieces[-1] is _BREAK and _BULLET.match(part):
                    self.flush()
                self.pieces.append((part, self.flags, self.group))
            elif self.pieces and self.pieces[-1] is not _BREAK:
                self.pieces.append(_SPACE)

    def flush(self) -> None:
        pieces, self.pieces = self.pieces, []
        text = visible_text("".join([piece[0] for piece in pieces])) if pieces else ""
        if not text:
            return
        size, linked, bold = 0, 0, _BOLD
        said = [piece for piece in pieces if piece[1] >= 0]
        for part, flags, _ in said:
            size += len(part)
            linked += len(part) if flags & _LINK else 0
            bold &= flags
        self.lines.append(
            Line(
                text,
                "item" if self.kind == "text" and flags & _ITEM else self.kind,
                level=self.level,
                linked=linked / size,
                bold=bold > 0,
                notes=flags & _NOTES > 0,
                doubtful=flags & _DOUBTFUL > 0,
                group=said[-1][2],
            )
        )
        self.kind, self.level = "text", None

    def add_heading(self, text: str, level: int) -> None:
        self.flush()
        self.lines.append(Line(text, "heading", level=level))

    def block(self) -> None:
        """Begin or end a block; within a heading it is a space."""
        if self.flags & _HEADING:
            self.pieces.append(_SPACE)
        else:
            if self.pieces:
                self.flush()
            self.kind, self.level = "text", None

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
        text = visible_text("".join([piece[0] for piece in last]))
        bold = all(flags & _BOLD for _, flags, _ in last)
        is_heading = named_section(text) is not None or (bold and could_be_heading(text))
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
        if (
            text is None
            or len(text) > _MAX_NOTE
            or (element.tag == "a" and element.get("href") is None)
        ):
            return False
        if element.tag == "a":
            return _FOOTNOTE.fullmatch(text) is not None
        if element.find(".//a") is not None:
            return True
        before = "".join([piece[0] for piece in self.pieces[-2:]])
        return _SUPERSCRIPT.fullmatch(text) is not None and not _UNIT.search(before)

    def control(self, element: etree._Element, text: str | None) -> bool:
        """Read a button or label as the heading of a panel.

        Returns whether it is text of a heading or sentence.
        """
        if text is None or len(text) > _MAX_HEADING_LINE:
            return True
        inside = bool(self.pieces) and (element.tail or "").strip() != ""
        says_something = element.tag == "label" and (is_sentence(text) or text.count(" ") >= 5)
        if self.flags & _HEADING or inside or says_something:
            return True
        if named_section(text) or (
            "accordion" in (element.get("class") or "") and could_be_heading(text)
        ):
            self.add_heading(text, 4)
        else:
            self.flush()
        return False

    def end_row(self) -> None:
        """End a row, and join its cells into one line.

        A layout table with paragraphs and a menu stay as they are.
        """
        first, starts = self.rows.pop() if self.rows else (0, [])
        cells = [
            self.lines[a:b]
            for a, b in zip(starts, [*starts[1:], len(self.lines)], strict=False)
            if a < b
        ]
        lines = [line for cell in cells for line in cell]
        layout = any(line.linked > 0.95 for line in lines) and any(
            len(line.text) > 150 for line in lines
        )
        if (
            1 < len(cells) == len(lines)
            and not layout
            and all(line.kind != "heading" for line in lines)
        ):
            linked = sum(line.linked * len(line.text) for line in lines) / sum(
                len(line.text) for line in lines
            )
            mark, rest = (
                (f"{lines[0].text} ", lines[1:])
                if _ENUMERATOR.fullmatch(lines[0].text)
                else ("", lines)
            )
            text = mark + " | ".join(line.text for line in rest)
            row = replace(
                lines[0], text=text, kind="row", linked=linked, bold=False, group=self.group
            )
            self.lines[first:] = [row]
