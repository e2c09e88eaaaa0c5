"""Which elements of a web page are furniture: those that their marks speak against, unless the page speaks for them.

A name overrules nothing by itself: what counts is the share of the page's prose that an element holds, alone or with
all others of its names, and whether the title or the main text stands in it.
"""

from __future__ import annotations

import re
from typing import Final

from tipclassify.readers.html.marks import HIDDEN, SURE, Nature, nature_of
from tipclassify.readers.html.page import HEADINGS, LOOK_BACK, Page
from tipclassify.readers.html.stock import is_stock

__all__ = ["Judge"]

_MENU: Final = frozenset("nav form ul a h1".split())
_MOST_OVERRULED: Final = 300  # elements; a page of nested wrappers must not take quadratic time
_MOST_KINDS: Final = 50  # of elements whose share is added up
_SITE_NAME: Final = re.compile(r"\b(?:site|logo|brand)", re.IGNORECASE)
_WORDS: Final = re.compile(r"[a-z0-9]+")
_ID: Final = re.compile(r' id="([^"]*)"')


class Judge:
    """What is furniture on one page; what was added up for one element serves for the next."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self._shares: dict[str, float] = {}
        self._overruled = 0

    def is_furniture(self, tag: int, end: int, nature: Nature) -> bool:
        """Whether an element that its marks speak against is furniture: not if it holds much of the page's prose."""
        names, everything = self.page.names, self.page.prose
        prose = self.page.prose_between(tag, end)
        share = prose / everything if everything else 0.0
        if prose and nature.anchor and self._is_anchor(tag, end, nature.anchor):
            return False
        if self._overruled >= _MOST_OVERRULED:
            return False
        if nature.level == HIDDEN:
            # The panels of tabs are hidden, too, until a script shows them: they are a button's to show, or together
            # hold much of the page. A second copy of visible text, for small screens, is not wanted.
            texts = self.page.texts
            furniture = (
                prose == 0
                or texts.count(max(texts[tag + 1 : end + 1], key=len)) > 1
                or (not self._is_shown_by_button(tag) and self._share_of_kind(nature) < 0.1)
            )
        elif nature.level == SURE:
            furniture = (share < 0.6 or prose < 250) and "main" not in names[tag:end]
        else:
            furniture = (
                (share < 0.34 or prose < 300)
                and "main" not in names[tag:end]
                and not self._has_title(tag, end)
                and not ((share >= 0.2 or not everything) and "article" in names[tag:end])
                and (prose == 0 or self._share_of_kind(nature) < 0.34)
            )
        self._overruled += not furniture
        return furniture

    def is_header_of_section(self, tag: int, end: int) -> bool:
        """Whether a header is that of a section of the text, not of the site: it has a heading and no menu."""
        inside = self.page.names[tag:end]
        return not HEADINGS.isdisjoint(inside) and _MENU.isdisjoint(inside)

    def _is_shown_by_button(self, tag: int) -> bool:
        """Whether an element is what a button says it controls."""
        found = _ID.search(self.page.attributes[tag] or "")
        if not found:
            return False
        control = f' aria-controls="{found[1]}"'
        return any(control in marks for marks in self.page.attributes if marks)

    def _is_anchor(self, tag: int, end: int, anchor: str) -> bool:
        """Whether an id is made from the first heading of its element."""
        for at in range(tag, min(end, tag + LOOK_BACK)):
            if self.page.names[at] in HEADINGS:
                heading = self.page.text_between(at, self.page.end(at))
                words = [word for word in _WORDS.findall(heading.lower()) if not word.isdigit()]
                named = _WORDS.findall(anchor.lower())[-len(words) :] == words
                return len(words) > 1 and named and not is_stock(heading)
        return False

    def _has_title(self, tag: int, end: int) -> bool:
        """Whether an element holds the title of the page, not of the site."""
        names = self.page.names
        for at in range(tag, end):
            if names[at] == "h1":
                return names[at + 1 : at + 2] != ["a"] and not _SITE_NAME.search(self.page.attributes[at] or "")
        return False

    def _share_of_kind(self, nature: Nature) -> float:
        """Share of the page's prose that all hidden elements hold, or all with the same names."""
        key = "" if nature.level == HIDDEN else nature.key
        if key not in self._shares and len(self._shares) < _MOST_KINDS:
            prose, last = 0, -1
            for tag, (name, marks) in enumerate(zip(self.page.names, self.page.attributes, strict=True)):
                if name and marks and tag > last:
                    other = nature_of(name, marks)
                    if other.level == nature.level and key in ("", other.key):
                        last = self.page.end(tag)
                        prose += self.page.prose_between(tag, last)
            self._shares[key] = prose / (self.page.prose or 1)
        return self._shares.get(key, 0.0)
