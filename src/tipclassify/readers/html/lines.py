"""Read a web page into lines: headings, paragraphs, list entries and table rows, without boilerplate elements.

A serialized page comes in, `Line`s go out, each with its share of links, weight and heading level.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, NamedTuple

from tipclassify.readers.html.elements import Elements
from tipclassify.readers.html.page import HEADINGS, NEARBY, Page, visible_text
from tipclassify.readers.source_blocks import could_be_heading
from tipclassify.text.segmentation.sections import named_section

__all__ = ["Line", "is_sentence", "page_lines"]

_SENTENCE_END: Final = re.compile(r"[.!?…:;][\"”’')\]]*$")
_BREAK: Final = "\n"  # line break among the pieces of a line
_BULLET: Final = re.compile(r"\s*(?:[•●▪◦‣*·–-]|\(?\d{1,2}[.)]|\([a-z]\))\s")
_BLANK_LINE: Final = re.compile(r"\n[ \t]*\r?\n")
_MAX_HEADING_LINE: Final = 120  # characters of a heading between line breaks
_MAX_HEADING: Final = 400  # characters; a longer one is an unclosed tag
_MAX_LINK_PROSE: Final = 400  # characters of prose
_FOOTNOTE: Final = re.compile(r"[\[(]?(?:\d{1,3}|[*†‡§¶^↑↩⇑#]+\ufe0e?)[\])]?|[\[(](?:[a-z]|[ivx]{1,4}|note \d+)[\])]")
_SUPERSCRIPT: Final = re.compile(r"[\d\s,;*†‡§¶–-]+|[\[(][^\])]{1,20}[\])]")
_UNIT: Final = re.compile(r"(?:\d|\b(?:[kcdm]?m|ft|CO|x))$")
_ENUMERATOR: Final = re.compile(r"\(?(?:\d{1,3}|[a-z]|[ivx]{1,5})[.)]|[•●▪◦‣*·–—-]")  # of a list in a layout table
_TAB_TARGET: Final = re.compile(r' (?:aria-controls|href|data-bs-target|data-target)="#?([^"]+)"')
_ID: Final = re.compile(r' id="([^"]*)"')


class Line(NamedTuple):
    """Hold a block of text of the page.

    Attributes
    ----------
    text : str
        Text with white space collapsed.
    kind : str
        "heading", "title" (a heading by its class), "text", "item" (of a list) or "row" (of a table).
    linked : float
        Share of its characters in links, 0 to 1.
    bold : bool
        Whether all of it is bold.
    notes : bool
        Whether it is in the footnotes.
    level : int
        Heading level, 1 to 6; 0 for other lines.
    """

    text: str
    kind: str = "text"
    linked: float = 0.0
    bold: bool = False
    notes: bool = False
    level: int = 0


def is_sentence(text: str) -> bool:
    """Return whether a line ends with sentence punctuation.

    >>> is_sentence("No shelter opened.”"), is_sentence("Conduct of Officials")
    (True, False)
    """
    return _SENTENCE_END.search(text[-6:]) is not None


def page_lines(page: str) -> list[Line]:
    """Read the lines of a serialized page, without boilerplate elements.

    >>> [line.text for line in page_lines("<nav>Home</nav><p>Police <b>acted</b>.</p>")]
    ['Police acted.']
    """
    reader = _LineReader(Page(page))
    for start, end in reader.page.main_parts():
        reader.read(start, end)
    return reader.lines


class _Size(NamedTuple):
    """Count the characters of the current line: all, in links, in bold."""

    all: int = 0
    linked: int = 0
    bold: int = 0

    def __sub__(self, other: _Size) -> _Size:
        return _Size(self.all - other.all, self.linked - other.linked, self.bold - other.bold)


class _LineReader:
    """Hold the state of reading a page: finished lines and the current one.

    Handlers of tags take the index of a tag and return that of the next tag to read.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        self.elements = Elements(page)
        self.tabs = _tab_labels(page)
        self.lines: list[Line] = []
        self.tag = 0
        # Ends of the enclosing elements.
        self.text_end = self.heading_end = self.item_end = -1
        self.link_end = self.bold_end = self.pre_end = self.notes_end = -1
        self.rows: list[tuple[int, list[int]]] = []  # open rows: first line of the row, first line of each cell
        # The current line.
        self.pieces: list[str] = []
        self.kind, self.level = "text", 0
        self.size = _Size()
        self.break_at, self.break_size = 0, _Size()  # pieces and size before the last break

    def read(self, start: int, end: int) -> None:
        """Read the text between two tags into lines."""
        if start >= 0:
            self.text_end = end
        end = min(end, len(self.page.names))
        at = start + 1
        while at <= end:
            self.add(at, self.page.texts[at])
            if at == end:
                break
            self.tag = at
            at = self.read_tag(at)
        self.flush()

    def read_tag(self, tag: int) -> int:
        """Handle a tag, or skip a boilerplate element; return the index of the next tag."""
        name, traits, end = self.page.names[tag], self.elements.traits[tag], self.page.ends[tag]
        handler = _HANDLERS.get(name)
        if handler and name.startswith("/"):
            return handler(self, tag)
        inner_header = name == "header" and (tag < self.text_end or self.elements.is_header_of_section(tag))
        if not inner_header and self.elements.is_boilerplate(tag):
            if handler:
                self.flush()
            return end + 1
        if traits.notes:
            self.notes_end = max(self.notes_end, end)
        if traits.bold:
            self.bold_end = max(self.bold_end, end)
        after = handler(self, tag) if handler else tag + 1
        if not handler and "-" in name and ":" not in name and not self._is_in_paragraph(tag):
            self.block(tag)  # a custom element
        if traits.heading and handler and tag > self.heading_end:
            self.kind, self.level = "title", 4
        found = _ID.search(self.page.attributes[tag]) if self.tabs else None
        if found and found[1] in self.tabs:
            self.add_heading(self.tabs[found[1]], 3)
        return after

    def _is_in_paragraph(self, tag: int) -> bool:
        nearby = range(max(0, tag - NEARBY), tag)
        return any(self.page.names[at] in {*HEADINGS, "p", "li"} and self.page.ends[at] > tag for at in nearby)

    # -------------------------------------------------------------------------------------- the current line

    def add(self, at: int, text: str) -> None:
        """Add the text before a tag to the current line."""
        if at <= self.pre_end and "\n" in text:
            *paragraphs, text = _BLANK_LINE.split(text)
            for paragraph in paragraphs:
                self.pieces.append(paragraph)
                self.size = self.size._replace(all=self.size.all + len(paragraph))
                self.flush()
        size = len(text.replace("&nbsp;", " ").strip()) if text else 0
        if not size:
            if text and self.pieces and self.pieces[-1] != _BREAK:
                self.pieces.append(" ")
            return
        if self.pieces and self.pieces[-1] == _BREAK and _BULLET.match(text):
            self.flush()
        self.pieces.append(text)
        every, linked, bold = self.size
        self.size = _Size(every + size, linked + size * (at <= self.link_end), bold + size * (at <= self.bold_end))

    def flush(self) -> None:
        """End the current line."""
        if not self.pieces:
            return
        text = visible_text("".join(self.pieces))
        self.pieces.clear()
        if text:
            kind = "item" if self.kind == "text" and self.tag <= self.item_end else self.kind
            linked, bold = self.size.linked / (self.size.all or 1), self.size.bold == self.size.all
            self.lines.append(Line(text, kind, linked, bold, self.tag <= self.notes_end, self.level))
            self.kind, self.level = "text", 0
        self.size = _Size()

    def add_heading(self, text: str, level: int) -> None:
        """Add a heading that has no heading element."""
        self.flush()
        self.lines.append(Line(text, "heading", level=level))

    # -------------------------------------------------------------------------------------- blocks

    def block(self, tag: int) -> int:
        """Begin or end a block."""
        if tag < self.heading_end:
            self.pieces.append(" ")
        else:
            self.flush()
            self.kind, self.level = "text", 0
        return tag + 1

    def article(self, tag: int) -> int:
        """Begin an article, the text or one of several."""
        self.text_end = max(self.text_end, self.page.ends[tag])
        return self.block(tag)

    def heading(self, tag: int) -> int:
        """Begin a heading."""
        if tag < self.heading_end:
            return tag + 1
        self.flush()
        page = self.page
        name, end = page.names[tag], page.ends[tag]
        self.kind, self.level = "heading", int(name[1]) if name[1].isdigit() else 4
        prose = page.first("p", tag, end) is not None and page.prose_between(tag, end) > 0
        if end - tag <= 2 * NEARBY and not prose and sum(map(len, page.texts[tag + 1 : end + 1])) <= _MAX_HEADING:
            self.heading_end = end
        return tag + 1

    def item(self, tag: int) -> int:
        """Begin a list entry."""
        self.item_end = max(self.item_end, self.page.ends[tag])
        return self.block(tag)

    def line_break(self, tag: int) -> int:
        """Handle a line break: two end a paragraph, one a heading."""
        if tag < self.heading_end:
            self.pieces.append(" ")
        elif self.pieces and self.pieces[-1] == _BREAK:
            self.flush()
        elif self.pieces and not self._split_off_heading():
            self.pieces.append(_BREAK)
            self.break_at, self.break_size = len(self.pieces), self.size
        return tag + 1

    def _split_off_heading(self) -> bool:
        """Split off the last line if it is a heading; return whether it is."""
        count, before = (self.break_at, self.break_size) if _BREAK in self.pieces else (0, _Size())
        last, size = self.pieces[count:], self.size - before
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

    def preformatted(self, tag: int) -> int:
        """Begin preformatted text, whose empty lines separate paragraphs."""
        self.flush()
        self.pre_end = self.page.ends[tag]
        return tag + 1

    # -------------------------------------------------------------------------------------- inside a line

    def link(self, tag: int) -> int:
        """Begin a link, or skip a footnote mark."""
        page, end, attributes = self.page, self.page.ends[tag], self.page.attributes[tag]
        if " href=" in attributes and " aria-expanded=" not in attributes:
            if end - tag <= 9 and _FOOTNOTE.fullmatch(page.text_between(tag, end)):
                return end + 1
            if attributes not in page.unclosed_links and page.prose_between(tag, end) < _MAX_LINK_PROSE:
                self.link_end = max(self.link_end, end)
        return tag + 1

    def strong(self, tag: int) -> int:
        """Begin bold text."""
        self.bold_end = max(self.bold_end, self.page.ends[tag])
        return tag + 1

    def superscript(self, tag: int) -> int:
        """Skip a footnote mark; keep exponents and ordinals."""
        page, end = self.page, self.page.ends[tag]
        if end - tag > NEARBY:
            return tag + 1
        text = page.text_between(tag, end)
        if page.first("a", tag, end) is not None:
            return end + 1 if len(text) <= 30 else tag + 1
        return end + 1 if _SUPERSCRIPT.fullmatch(text) and not _UNIT.search("".join(self.pieces[-2:])) else tag + 1

    def control(self, tag: int) -> int:
        """Read a button or label as the heading of a panel; within a heading or sentence it is text."""
        page, end = self.page, self.page.ends[tag]
        text = page.text_between(tag, end)
        inside = bool(self.pieces) and "".join(page.texts[end + 1 : end + 2]).strip() != ""
        says_something = page.names[tag] == "label" and (is_sentence(text) or text.count(" ") >= 5)
        if tag < self.heading_end or inside or says_something or page.prose_between(tag, end):
            return tag + 1
        self.flush()
        if named_section(text) or ("accordion" in page.attributes[tag] and could_be_heading(text)):
            self.add_heading(text, 4)
        return end + 1

    # -------------------------------------------------------------------------------------- tables

    def row(self, tag: int) -> int:
        """Begin a table row."""
        self.flush()
        self.rows.append((len(self.lines), []))
        return tag + 1

    def cell(self, tag: int) -> int:
        """Begin a table cell."""
        self.flush()
        if self.rows:
            self.rows[-1][1].append(len(self.lines))
        return tag + 1

    def row_end(self, tag: int) -> int:
        """End a row: join its cells into one line, unless it is a layout table with paragraphs or a menu."""
        self.flush()
        first, starts = self.rows.pop() if self.rows else (0, [])
        if not starts:
            return tag + 1
        cells = [self.lines[a:b] for a, b in zip(starts, [*starts[1:], len(self.lines)], strict=True) if a < b]
        lines = [line for cell in cells for line in cell]
        layout = any(line.linked > 0.95 for line in lines) and any(len(line.text) > 150 for line in lines)
        if 1 < len(cells) == len(lines) and not layout and all(line.kind != "heading" for line in lines):
            linked = sum(line.linked * len(line.text) for line in lines) / sum(len(line.text) for line in lines)
            mark, rest = (f"{lines[0].text} ", lines[1:]) if _ENUMERATOR.fullmatch(lines[0].text) else ("", lines)
            text = mark + " | ".join(line.text for line in rest)
            self.lines[first:] = [Line(text, "row", linked, notes=any(line.notes for line in lines))]
        return tag + 1


def _tab_labels(page: Page) -> dict[str, str]:
    """Map ids of tab panels to the labels of their tabs."""
    labels: dict[str, str] = {}
    for tag, attributes in enumerate(page.attributes):
        target = _TAB_TARGET.search(attributes) if '="tab"' in attributes else None
        label = page.text_between(tag, page.ends[tag]) if target else ""
        if target and could_be_heading(label):
            labels[target[1]] = label
    return labels


_BLOCKS: Final = """address aside blockquote body caption center dd details dialog div dl dt fieldset figcaption figure
    footer form header hgroup hr legend menu nav ol p search section table tbody tfoot thead ul""".split()
_ENDS: Final = [*_BLOCKS, *"article main h1 h2 h3 h4 h5 h6 summary li td th pre".split()]

# Handlers of tags, end tags with their slash; other tags are ignored.
_HANDLERS: Final[dict[str, Callable[[_LineReader, int], int]]] = {
    **dict.fromkeys([*_BLOCKS, *(f"/{name}" for name in _ENDS)], _LineReader.block),
    **dict.fromkeys(["article", "main"], _LineReader.article),
    **dict.fromkeys([*HEADINGS, "summary"], _LineReader.heading),
    **dict.fromkeys(["td", "th"], _LineReader.cell),
    **dict.fromkeys(["b", "strong"], _LineReader.strong),
    **dict.fromkeys(["button", "label"], _LineReader.control),
    "a": _LineReader.link,
    "br": _LineReader.line_break,
    "li": _LineReader.item,
    "pre": _LineReader.preformatted,
    "sup": _LineReader.superscript,
    "tr": _LineReader.row,
    "/tr": _LineReader.row_end,
}
