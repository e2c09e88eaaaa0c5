"""Along the tags of a web page: each is judged by its marks, then left out with all that it holds, or taken into the lines."""

from __future__ import annotations

import re
from typing import Final

from tipclassify.readers.html.draft import BREAK, Draft
from tipclassify.readers.html.judging import Judge
from tipclassify.readers.html.lines import Line
from tipclassify.readers.html.marks import PLAIN, nature_of
from tipclassify.readers.html.page import HEADINGS, Page
from tipclassify.readers.html.tags import HANDLERS, invented
from tipclassify.readers.pieces import could_be_heading

__all__ = ["page_lines"]

_JUDGED: Final = frozenset("nav menu footer aside form dialog header".split())
_TELLING: Final = re.compile(r" (?:class|id|role|hidden|style|aria-(?:hidden|label))(?:[ =]|$)")
_ID: Final = re.compile(r' id="([^"]*)"')
_TAB: Final = re.compile(r' (?:role|data-toggle|data-bs-toggle)="tab"')
_TAB_TARGET: Final = re.compile(r' (?:aria-controls|href|data-bs-target|data-target)="#?([^"]+)"')


def page_lines(page: str) -> list[Line]:
    """Lines of a serialised page or element, without the elements that are furniture.

    >>> [line.text for line in page_lines("<nav>Home</nav><p>Police <b>acted</b>.</p>")]
    ['Police acted.']
    """
    walk = _Walk(page)
    for start, end in walk.page.main_parts():
        walk.read(start, end)
    return walk.draft.lines


class _Walk:
    """A page, and what was read of it."""

    def __init__(self, page: str) -> None:
        self.page = Page(page)
        self.draft = Draft(self.page)
        self.judge = Judge(self.page)
        self.tabs = _tab_labels(self.page) if '="tab"' in page else {}

    def read(self, start: int, end: int) -> None:
        """Read what stands between two tags into lines."""
        draft = self.draft
        if start >= 0:
            draft.text_end = end
        texts, names, attributes = self.page.texts, self.page.names, self.page.attributes
        at, end = start + 1, min(end, len(names))
        while at <= end:
            text = texts[at]
            if text:
                if at <= draft.pre_end or not text.isspace():
                    draft.add(at, text)
                elif draft.pieces and draft.pieces[-1] != BREAK:
                    draft.pieces.append(" ")
            if at == end:
                break
            draft.tag = tag = at
            at += 1
            name = names[tag]
            if name is None:
                continue
            marks = attributes[tag]
            if name in _JUDGED or (marks and name not in HEADINGS and _TELLING.search(marks)):
                at = self.judged(tag, name, marks or "")
                continue
            handler = HANDLERS.get(name)
            if handler:
                at = handler(draft, tag)
            elif "-" in name:
                at = invented(draft, tag, name)
        draft.flush()

    def judged(self, tag: int, name: str, marks: str) -> int:
        """Take in a tag by what its marks say; which tag comes next."""
        draft, handler = self.draft, HANDLERS.get(name)
        nature = nature_of(name, marks)
        if nature is not PLAIN:
            end = self.page.end(tag)
            inner_header = name == "header" and (tag < draft.text_end or self.judge.is_header_of_section(tag, end))
            if nature.level and not inner_header and self.judge.is_furniture(tag, end, nature):
                if handler:
                    draft.flush()
                return end + 1
            if nature.notes and tag > draft.notes_end:
                draft.notes_end = end
            if nature.bold and tag > draft.bold_end:
                draft.bold_end = end
        if handler is None:
            return invented(draft, tag, name) if "-" in name else tag + 1
        after = handler(draft, tag)
        if nature.heading and tag > draft.heading_end:
            draft.kind, draft.level = "title", 4
        if self.tabs:
            found = _ID.search(marks)
            if found and found[1] in self.tabs:
                draft.add_heading(self.tabs[found[1]], 3)
        return after


def _tab_labels(page: Page) -> dict[str, str]:
    """Labels of tabs by the ids of their panels."""
    labels: dict[str, str] = {}
    for tag, marks in enumerate(page.attributes):
        if marks and _TAB.search(marks):
            target = _TAB_TARGET.search(marks)
            label = page.text_between(tag, page.end(tag))
            if target and could_be_heading(label):
                labels[target[1]] = label
    return labels
