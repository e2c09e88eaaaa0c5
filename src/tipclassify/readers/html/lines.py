"""Read a parsed web page into lines in one walk: headings, paragraphs, list entries and table rows.

Elements that `elements.is_furniture` names are left out; every other text is kept, in its order.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import Final, NamedTuple

from lxml import etree

from tipclassify.readers.html.elements import BLOCKS, HEADINGS, Furniture, short_text, traits_of, visible_text
from tipclassify.readers.source_blocks import could_be_heading
from tipclassify.text.segmentation.sections import named_section

__all__ = ["Line", "is_sentence", "page_lines"]

_SENTENCE_END: Final = re.compile(r"[.!?…:;][\"”’')\]]*$")
_BREAK: Final = "\n"  # line break among the pieces of a line
_BULLET: Final = re.compile(r"\s*(?:[•●▪◦‣*·–-]|\(?\d{1,2}[.)]|\([a-z]\))\s")
_BLANK_LINE: Final = re.compile(r"\n[ \t]*\r?\n")
_MAX_HEADING_LINE: Final = 120  # characters of a heading between line breaks
_MAX_HEADING_WORDS: Final = 30
_MAX_BOLD_SHARE: Final = 0.4  # above this share of bold text, bold lines are no headings
_MAX_NOTE: Final = 30  # characters of a footnote mark
_FOOTNOTE: Final = re.compile(r"[\[(]?(?:\d{1,3}|[*†‡§¶^↑↩⇑#]+\ufe0e?)[\])]?|[\[(](?:[a-z]|[ivx]{1,4}|note \d+)[\])]")
_SUPERSCRIPT: Final = re.compile(r"[\d\s,;*†‡§¶–-]+|[\[(][^\])]{1,20}[\])]")
_UNIT: Final = re.compile(r"(?:\d|\b(?:[kcdm]?m|ft|CO|x))$")
_ENUMERATOR: Final = re.compile(r"\(?(?:\d{1,3}|[a-z]|[ivx]{1,5})[.)]|[•●▪◦‣*·–—-]")  # of a list in a layout table
_DIGITS: Final = re.compile(r"\d+")
_TAB_TARGETS: Final = ("aria-controls", "href", "data-bs-target", "data-target")
_PARAGRAPHS: Final = HEADINGS | {"p", "li"}
_GROUPS: Final = frozenset("body div section article main center details td form blockquote header aside".split())
# What an element makes of its text, a bit each.
_LINK, _BOLD, _PRE, _NOTES, _ITEM, _HEADING, _PARAGRAPH, _DOUBTFUL = (1 << bit for bit in range(8))


class Line(NamedTuple):
    """Hold a block of text of the page.

    Attributes
    ----------
    text : str
        Text with white space collapsed.
    kind : str
        "title" (of the document), "heading", "text", "item" (of a list) or "row" (of a table).
    linked : float
        Share of its characters in links, 0 to 1.
    bold : bool
        Whether all of it is bold.
    notes : bool
        Whether it is in the footnotes.
    doubtful : bool
        Whether it is in an element with the name of furniture.
    group : int
        Number of the innermost element that groups paragraphs, and of its siblings with the same tag and class.
    level : int
        Heading level, 1 to 6; 0 for other lines.
    """

    text: str
    kind: str = "text"
    linked: float = 0.0
    bold: bool = False
    notes: bool = False
    doubtful: bool = False
    group: int = 0
    level: int = 0


def is_sentence(text: str) -> bool:
    """Return whether a line ends with sentence punctuation.

    >>> is_sentence("No shelter opened.”"), is_sentence("Conduct of Officials")
    (True, False)
    """
    return _SENTENCE_END.search(text[-6:]) is not None


def page_lines(root: etree._Element, furniture: Furniture) -> list[Line]:
    """Read the lines of an element, without furniture.

    >>> page = etree.HTML("<nav>Home</nav><p>Police <b>acted</b>.</p>")
    >>> [line.text for line in page_lines(page, Furniture(page))]
    ['Police acted.']
    """
    reader = _LineReader(furniture)
    reader.read(root)
    size = sum(len(line.text) for line in reader.lines)
    bold = sum(len(line.text) for line in reader.lines if line.bold and line.kind != "heading")
    return [_with_kind(line, bold < _MAX_BOLD_SHARE * size) for line in reader.lines]


def _with_kind(line: Line, bold_is_heading: bool) -> Line:
    """Return a line as heading or text, by its markup, its words and its bold type."""
    text, kind = line.text, line.kind
    if kind == "heading":
        words = text.count(" ") + 1
        heading = words <= _MAX_HEADING_WORDS and (could_be_heading(text) or words <= 14 or not is_sentence(text))
    elif kind == "item":
        heading = named_section(text) is not None
    else:
        emphasized = kind == "title" or (line.bold and bold_is_heading) or (text.isupper() and len(text) > 3)
        heading = kind != "row" and (named_section(text) is not None or (emphasized and could_be_heading(text)))
    if heading:
        return line._replace(kind="heading")
    return line._replace(kind="text" if kind in ("heading", "title") else kind, level=0)


class _Size(NamedTuple):
    """Count the characters of the current line: all, in links, in bold."""

    all: int = 0
    linked: int = 0
    bold: int = 0


class _LineReader:
    """Hold the state of reading a page: finished lines and the current one."""

    def __init__(self, furniture: Furniture) -> None:
        self.furniture = furniture
        self.lines: list[Line] = []
        self.flags = [0]  # of each open element, with those of its ancestors
        self.groups = [0]  # of each open element
        self.group_numbers: dict[tuple[int, str, str], int] = {}
        self.rows: list[tuple[int, list[int]]] = []  # open rows: first line of the row, first line of each cell
        # The current line.
        self.pieces: list[str] = []
        self.kind, self.level, self.line_flags, self.group = "text", 0, 0, 0  # kind "title": a heading by its class
        self.size = _Size()
        self.break_at, self.break_size = 0, _Size()  # pieces and size before the last break

    @cached_property
    def tabs(self) -> dict[str, str]:
        """Return the labels of tabs by the ids of their panels."""
        labels: dict[str, str] = {}
        for tab in self.furniture.page.xpath(".//*[@role='tab' or @data-toggle='tab' or @data-bs-toggle='tab']"):
            target = next((tab.get(name) for name in _TAB_TARGETS if tab.get(name)), "")
            label = short_text(tab)
            if label and could_be_heading(label):
                labels[target.lstrip("#")] = label
        return labels

    def read(self, root: etree._Element) -> None:
        """Read the text of an element into lines."""
        walk = etree.iterwalk(root, events=("start", "end"))
        for event, element in walk:
            if event == "start":
                added = self.start(element)
                if added is None:
                    walk.skip_subtree()
                self.flags.append(self.flags[-1] | (added or 0))
                self.groups.append(self.group_of(element))
                if added is not None and element.text:
                    self.add(element.text)
            else:
                self.flags.pop()
                self.groups.pop()
                self.end(element)
                if element.tail and element is not root:
                    self.add(element.tail)
        self.flush()

    def start(self, element: etree._Element) -> int | None:
        """Begin an element: return the flags of its text, or None to leave it out."""
        tag = element.tag
        traits = traits_of(element)
        block = self.is_block(element.tag)
        if self.furniture.holds(element, traits):
            if block:
                self.flush()
            return None
        if tag in ("button", "label") and not self.control(element):
            return None
        if tag in ("a", "sup") and self.is_note_mark(element):
            return None
        if tag == "br":
            self.line_break()
        if block or tag == "pre":
            self.block()
        flags: int = _DOUBTFUL * self.furniture.may_hold(element, traits) | _NOTES * traits.notes
        flags |= _BOLD * (traits.bold or tag in ("b", "strong"))
        if tag in HEADINGS or tag == "summary":
            flags |= self.heading(element)
        elif traits.heading and block and not self.inside(_HEADING):
            self.kind, self.level = "title", 4
        elif tag == "a" and element.get("href") is not None and short_text(element) is not None:
            flags |= _LINK * (element.get("aria-expanded") is None)
        flags |= _PARAGRAPH * (tag in _PARAGRAPHS) | _ITEM * (tag == "li") | _PRE * (tag == "pre")
        if tag == "tr":
            self.rows.append((len(self.lines), []))
        elif tag in ("td", "th") and self.rows:
            self.rows[-1][1].append(len(self.lines))
        if traits.tab_panel and element.get("id") in self.tabs:
            self.add_heading(self.tabs[element.get("id", "")], 3)
        return flags

    def end(self, element: etree._Element) -> None:
        """End an element."""
        if self.is_block(element.tag) or element.tag in HEADINGS or element.tag in ("pre", "summary"):
            self.block()
        if element.tag == "tr":
            self.end_row()

    def is_block(self, tag: str) -> bool:
        """Return whether an element begins a line: a custom element does, unless it is part of a paragraph."""
        return tag in BLOCKS or ("-" in tag and not self.inside(_PARAGRAPH))

    def group_of(self, element: etree._Element) -> int:
        """Return the group of an element's lines: siblings with the same tag and class are one."""
        paragraph = element.tag == "div" and not any(child.tag in BLOCKS for child in element)
        if element.tag not in _GROUPS or paragraph:
            return self.groups[-1]
        key = (self.groups[-1], element.tag, _DIGITS.sub("", element.get("class") or ""))
        return self.group_numbers.setdefault(key, len(self.group_numbers) + 1)

    def inside(self, flag: int) -> bool:
        """Return whether the open element or an ancestor has a flag."""
        return bool(self.flags[-1] & flag)

    # -------------------------------------------------------------------------------------- the current line

    def add(self, text: str) -> None:
        """Add text to the current line."""
        flags = self.flags[-1]
        if flags & _PRE and "\n" in text:
            *paragraphs, text = _BLANK_LINE.split(text)
            for paragraph in paragraphs:
                self.add_piece(paragraph, flags)
                self.flush()
        self.add_piece(text, flags)

    def add_piece(self, text: str, flags: int) -> None:
        """Add a piece of a paragraph."""
        size = len(text.strip())
        if not size:
            if self.pieces and self.pieces[-1] != _BREAK:
                self.pieces.append(" ")
            return
        if self.pieces and self.pieces[-1] == _BREAK and _BULLET.match(text):
            self.flush()
        self.pieces.append(text)
        self.line_flags, self.group = flags, self.groups[-1]
        every, linked, bold = self.size
        self.size = _Size(every + size, linked + size * bool(flags & _LINK), bold + size * bool(flags & _BOLD))

    def flush(self) -> None:
        """End the current line."""
        if not self.pieces:
            return
        text = visible_text("".join(self.pieces))
        self.pieces.clear()
        if text:
            kind = "item" if self.kind == "text" and self.line_flags & _ITEM else self.kind
            linked, bold = self.size.linked / (self.size.all or 1), self.size.bold == self.size.all
            notes, doubtful = bool(self.line_flags & _NOTES), bool(self.line_flags & _DOUBTFUL)
            self.lines.append(Line(text, kind, linked, bold, notes, doubtful, self.group, self.level))
            self.kind, self.level = "text", 0
        self.size = _Size()

    def add_heading(self, text: str, level: int) -> None:
        """Add a heading that has no heading element."""
        self.flush()
        self.lines.append(Line(text, "heading", level=level))

    def block(self) -> None:
        """Begin or end a block; within a heading it is a space."""
        if self.inside(_HEADING):
            self.pieces.append(" ")
        else:
            self.flush()
            self.kind, self.level = "text", 0

    def heading(self, element: etree._Element) -> int:
        """Begin a heading; return its flag, unless it holds paragraphs."""
        if self.inside(_HEADING):
            return 0
        self.block()
        self.kind, self.level = "heading", int(element.tag[1]) if element.tag[1].isdigit() else 4
        return _HEADING if short_text(element) is not None else 0

    def line_break(self) -> None:
        """Handle a line break: two end a paragraph, one a heading."""
        if self.inside(_HEADING):
            self.pieces.append(" ")
        elif self.pieces and self.pieces[-1] == _BREAK:
            self.flush()
        elif self.pieces and not self.split_off_heading():
            self.pieces.append(_BREAK)
            self.break_at, self.break_size = len(self.pieces), self.size

    def split_off_heading(self) -> bool:
        """Split off the last line if it is a heading; return whether it is."""
        count, before = (self.break_at, self.break_size) if _BREAK in self.pieces else (0, _Size())
        last, size = self.pieces[count:], _Size(*(a - b for a, b in zip(self.size, before, strict=True)))
        text = visible_text("".join(last))
        is_heading = named_section(text) is not None or (size.bold == size.all and could_be_heading(text))
        if size.all > _MAX_HEADING_LINE or not is_heading:
            return False
        if self.kind != "title":
            del self.pieces[count:]
            self.size = before
            self.flush()
            self.pieces, self.size = last, size
            self.flush()
        return True

    def is_note_mark(self, element: etree._Element) -> bool:
        """Return whether a link or superscript is the mark of a footnote, not an exponent or ordinal."""
        text = short_text(element)
        if text is None or len(text) > _MAX_NOTE or (element.tag == "a" and element.get("href") is None):
            return False
        if element.tag == "a":
            return _FOOTNOTE.fullmatch(text) is not None
        if element.find(".//a") is not None:
            return True
        return _SUPERSCRIPT.fullmatch(text) is not None and not _UNIT.search("".join(self.pieces[-2:]))

    def control(self, element: etree._Element) -> bool:
        """Read a button or label as the heading of a panel; return whether it is text of a heading or sentence."""
        text = short_text(element)
        if text is None or len(text) > _MAX_HEADING_LINE:
            return True
        inside = bool(self.pieces) and (element.tail or "").strip() != ""
        says_something = element.tag == "label" and (is_sentence(text) or text.count(" ") >= 5)
        if self.inside(_HEADING) or inside or says_something:
            return True
        if named_section(text) or ("accordion" in (element.get("class") or "") and could_be_heading(text)):
            self.add_heading(text, 4)
        else:
            self.flush()
        return False

    def end_row(self) -> None:
        """End a row: join its cells into one line, unless it is a layout table with paragraphs or a menu."""
        first, starts = self.rows.pop() if self.rows else (0, [])
        if not starts:
            return
        cells = [self.lines[a:b] for a, b in zip(starts, [*starts[1:], len(self.lines)], strict=True) if a < b]
        lines = [line for cell in cells for line in cell]
        layout = any(line.linked > 0.95 for line in lines) and any(len(line.text) > 150 for line in lines)
        if 1 < len(cells) == len(lines) and not layout and all(line.kind != "heading" for line in lines):
            linked = sum(line.linked * len(line.text) for line in lines) / sum(len(line.text) for line in lines)
            mark, rest = (f"{lines[0].text} ", lines[1:]) if _ENUMERATOR.fullmatch(lines[0].text) else ("", lines)
            text = mark + " | ".join(line.text for line in rest)
            row = lines[0]._replace(text=text, kind="row", linked=linked, bold=False, group=self.groups[-1])
            self.lines[first:] = [row]
