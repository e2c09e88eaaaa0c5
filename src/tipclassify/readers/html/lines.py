"""Read a parsed web page into lines in one walk.

Lines are headings, paragraphs, list entries and table rows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from lxml import etree

from tipclassify.readers.html.elements import (
    BLOCKS,
    HEADINGS,
    ElementTraits,
    HtmlNavigationDetector,
    short_text_of_element,
    traits_of_element,
)
from tipclassify.readers.html.headings import html_line_is_sentence, mark_html_headings
from tipclassify.readers.html.line_builder import (
    MAX_HEADING_LINE,
    HtmlLine,
    HtmlLineBuilder,
    HtmlTextFlag,
)
from tipclassify.readers.html.note_marks import is_html_note_mark
from tipclassify.readers.html.table_rows import HtmlTableRows
from tipclassify.readers.source_blocks import could_be_source_heading
from tipclassify.text.sections import standard_section_of_line

__all__ = ["read_html_lines"]

_DIGITS: Final = re.compile(r"\d+")
_GROUPS: Final = frozenset(
    "body div section article main center details td form blockquote header aside".split()
)
_FLAGS_OF_TAG: Final = {
    **dict.fromkeys((*HEADINGS, "p"), HtmlTextFlag.PARAGRAPH),
    "li": HtmlTextFlag.ITEM | HtmlTextFlag.PARAGRAPH,
    "b": HtmlTextFlag.BOLD,
    "strong": HtmlTextFlag.BOLD,
    "pre": HtmlTextFlag.PREFORMATTED,
}
# elements judged by their whole text
_WHOLE: Final = HEADINGS | {"summary", "a", "sup", "button", "label"}
# characters of a printed page number; in a page whose markup is broken, its element may hold text
_MAX_PAGE_NUMBER: Final = 16
_TAB_LEVEL: Final = 3  # of the heading of a panel that a tab shows
_DEFAULT_LEVEL: Final = 4  # of other headings whose element gives none


def read_html_lines(page: etree._Element, parts: Sequence[etree._Element] = ()) -> list[HtmlLine]:
    """Read the lines of a page, or of some parts of it, without navigation.

    >>> page = etree.HTML("<nav>Home</nav><p>Police <b>acted</b>.</p>")
    >>> [line.text for line in read_html_lines(page)]
    ['Police acted.']
    """
    walk = _HtmlElementWalk(HtmlNavigationDetector(page))
    for part in parts or [page]:
        walk.read(part)
    mark_html_headings(walk.builder.lines)
    return walk.builder.lines


class _OuterHtmlState(NamedTuple):
    """The state around an open element, which is set again at its end."""

    flags: int
    group: int
    block: bool  # whether the element itself begins a line and ends one


class _HtmlElementWalk:
    """Walk the elements of a page, and hold the state of the innermost open one."""

    def __init__(self, navigation: HtmlNavigationDetector) -> None:
        self.navigation = navigation
        self.builder = HtmlLineBuilder()
        self.rows = HtmlTableRows(self.builder.lines)
        # of the innermost open element; its flags include those of the elements around it
        self.flags = 0
        self.group = 0
        # by the group around an element, its tag and its class
        self.group_numbers: dict[tuple[int, str, str], int] = {}

    @property
    def in_heading(self) -> bool:
        """Whether the innermost open element is a heading, or in one."""
        return self.flags & HtmlTextFlag.HEADING > 0

    def read(self, root: etree._Element) -> None:
        """Read the text of an element and of all in it."""
        outer: list[_OuterHtmlState] = []  # of the open elements
        walk = etree.iterwalk(root, events=("start", "end"))
        for event, element in walk:
            tag = element.tag
            if event == "start":
                # A custom element begins a line, unless it is part of a paragraph.
                block = tag in BLOCKS or ("-" in tag and not self.flags & HtmlTextFlag.PARAGRAPH)
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
                    self.builder.add_block_edge(self.in_heading)
                if tag == "tr":
                    self.rows.end_row(element, self.group)
                text = element.tail if outer else None
            if text:
                self.builder.add_text(text, self.flags, self.group)
        self.builder.end_line()

    def start(self, element: etree._Element, tag: str, block: bool) -> int | None:
        """Begin an element: return the flags of its text, or None to leave it out."""
        traits = traits_of_element(element)
        if any(traits) and self.navigation.holds(element, traits):
            return None
        if tag == "br":
            self.builder.add_line_break(self.in_heading)
        is_read_whole = tag in _WHOLE or traits.page_break
        text = short_text_of_element(element) if is_read_whole else None
        if traits.page_break and text is not None and len(text) <= _MAX_PAGE_NUMBER:
            return None
        if tag in ("button", "label") and not self.read_control(element, text):
            return None
        if tag in ("a", "sup") and is_html_note_mark(element, text, self.builder.last_characters):
            return None
        if block:
            self.builder.add_block_edge(self.in_heading)
        flags = _FLAGS_OF_TAG.get(tag, 0)
        if any(traits):
            flags |= self.flags_of_traits(element, traits)
        is_heading = tag in HEADINGS or tag == "summary"
        if is_heading and not self.in_heading:
            level = int(tag[1]) if tag in HEADINGS else _DEFAULT_LEVEL
            self.builder.mark_heading("heading", level)
            if text is not None:
                flags |= HtmlTextFlag.HEADING
        elif traits.heading and block and not self.in_heading:
            self.builder.mark_heading("title", _DEFAULT_LEVEL)
        elif tag == "a" and text is not None and _html_link_leads_somewhere(element):
            flags |= HtmlTextFlag.LINK
        self.rows.start_row_or_cell(element)
        if tag in ("div", "section"):
            self.add_tab_label(element)
        return flags

    def flags_of_traits(self, element: etree._Element, traits: ElementTraits) -> int:
        """Return the flags of an element's text that follow from its traits."""
        flags = 0
        if traits.named and not self.navigation.has_much(element):
            flags |= HtmlTextFlag.DOUBTFUL
        if traits.notes:
            flags |= HtmlTextFlag.NOTES
        if traits.bold:
            flags |= HtmlTextFlag.BOLD
        return flags

    def group_of(self, element: etree._Element, tag: str) -> int:
        """Return the group of an element's lines: siblings with the same tag and class are one."""
        if tag == "div" and not any(child.tag in BLOCKS for child in element):  # a paragraph
            return self.group
        key = (self.group, tag, _DIGITS.sub("", element.get("class") or ""))
        return self.group_numbers.setdefault(key, len(self.group_numbers) + 1)

    def add_tab_label(self, element: etree._Element) -> None:
        """Add the label of the tab that shows a panel as the panel's heading."""
        panel = element.get("id")
        label = self.navigation.tabs.get(panel) if panel else None
        if label and could_be_source_heading(label):
            self.builder.add_heading(label, _TAB_LEVEL)

    def read_control(self, element: etree._Element, text: str | None) -> bool:
        """Read a button or label as the heading of a panel.

        Returns whether it is text of a heading or sentence instead.
        """
        if text is None or len(text) > MAX_HEADING_LINE:
            return True
        inside_sentence = self.builder.has_text and (element.tail or "").strip() != ""
        says_something = element.tag == "label" and (
            html_line_is_sentence(text) or text.count(" ") >= 5
        )
        if self.in_heading or inside_sentence or says_something:
            return True
        opens_panel = "accordion" in (element.get("class") or "")
        if standard_section_of_line(text) or (opens_panel and could_be_source_heading(text)):
            self.builder.add_heading(text, _DEFAULT_LEVEL)
        else:
            self.builder.end_line()
        return False


def _html_link_leads_somewhere(anchor: etree._Element) -> bool:
    """Return whether an anchor leads somewhere; some open a panel."""
    return anchor.get("href") is not None and anchor.get("aria-expanded") is None
