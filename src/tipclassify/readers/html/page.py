"""Split a web page at its tags into three parallel lists: texts, tag names, attributes.

Serialized HTML comes in, with every tag closed and every attribute quoted by the parser. Spans of elements and their
amounts of prose are arithmetic on the lists, so that no depth of nesting needs recursion.
"""

from __future__ import annotations

import html
import re
from bisect import bisect_left, bisect_right
from collections import Counter
from itertools import accumulate
from typing import Final

__all__ = ["HEADINGS", "NEARBY", "Page", "visible_text"]

HEADINGS: Final = frozenset("h1 h2 h3 h4 h5 h6".split())

NEARBY: Final = 40
"""Maximum distance, in tags, of related elements."""

# A comment is one token without a name.
_TAG: Final = re.compile(r'<(?:!--.*?-->|(/?[a-zA-Z][^\s/>]*)((?: =?[^=\s>]*(?:="[^"]*")?)*)>)', re.DOTALL)
_VOID: Final = frozenset("area base br col embed hr img input link meta param source track wbr".split())
_MIN_PROSE: Final = 60  # characters between two tags; longer texts are prose, shorter ones may be menu entries
_INVISIBLE: Final = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
_ENTITY: Final = re.compile(r"&(?:#\d{1,6}|#[xX][0-9a-fA-F]{1,5}|[a-zA-Z]{2,8});")
_EMPTY_BRACKETS: Final = re.compile(r" ?(?:\[ ?\]|\( ?\))")


class Page:
    """Hold a page split at its tags: ``texts[i]`` precedes tag ``i``, and ``ends[i]`` is the tag that closes it.

    >>> page = Page("<p>Police <b>acted</b>.</p>")
    >>> page.names, page.texts, page.ends[1]
    (['p', 'b', '/b', '/p'], ['', 'Police ', 'acted', '.', ''], 2)
    """

    def __init__(self, page: str) -> None:
        parts = _TAG.split(page)
        self.texts: list[str] = parts[0::3]
        self.names = [name or "" for name in parts[1::3]]
        self.attributes = [attributes or "" for attributes in parts[2::3]]
        self.ends = _closing_tags(self.names)
        self._places: dict[str, list[int]] = {}
        for tag, name in enumerate(self.names):
            self._places.setdefault(name, []).append(tag)
        long = [at for at, text in enumerate(self.texts) if len(text) > _MIN_PROSE and at and not text.isspace()]
        self._prose_at = [at for at in long if self.names[at - 1] != "a"]
        self._prose = list(accumulate((len(self.texts[at]) for at in self._prose_at), initial=0))
        prose_links = Counter(self.attributes[tag] for tag in self._places.get("a", ()) if self._links_prose(tag))
        # The parser repeats an unclosed link in every paragraph after it.
        self.unclosed_links = {marks for marks, count in prose_links.items() if count >= 3 and ' href="#' not in marks}

    @property
    def prose(self) -> int:
        """Return the characters of prose in the page."""
        return self._prose[-1]

    def prose_between(self, start: int, end: int) -> int:
        """Count the characters of prose between two tags."""
        return self._prose[bisect_right(self._prose_at, end)] - self._prose[bisect_right(self._prose_at, start)]

    def paragraphs_between(self, start: int, end: int) -> int:
        """Count the texts between two tags that are prose."""
        return bisect_right(self._prose_at, end) - bisect_right(self._prose_at, start)

    def text_between(self, start: int, end: int) -> str:
        """Return the visible text between two tags."""
        return visible_text("".join(self.texts[start + 1 : end + 1]))

    def first(self, name: str, start: int, end: int) -> int | None:
        """Return the index of the first element of a name between two tags, or None."""
        places = self._places.get(name, [])
        at = bisect_left(places, start)
        return places[at] if at < len(places) and places[at] < end else None

    def main_parts(self) -> list[tuple[int, int]]:
        """Return the spans of tags to read: main elements if they hold most prose, or else everything."""
        mains = self._outermost("main")
        if self.prose and sum(self.prose_between(*span) for span in mains) >= 0.5 * self.prose:
            return mains
        for span in self._outermost("article"):
            if self.prose_between(*span) > 0.85 * self.prose:
                return [span]
        return [(-1, len(self.names))]

    def _outermost(self, wanted: str) -> list[tuple[int, int]]:
        """Return the spans of elements of a name or role that are not nested in another."""
        spans: list[tuple[int, int]] = []
        role = f' role="{wanted}"'
        for tag, (name, attributes) in enumerate(zip(self.names, self.attributes, strict=True)):
            if (name == wanted or role in attributes) and (not spans or tag > spans[-1][1]):
                spans.append((tag, self.ends[tag]))
        return spans

    def _links_prose(self, link: int) -> bool:
        return len(self.texts[link + 1]) > _MIN_PROSE or self.prose_between(link, self.ends[link]) > 0


def _closing_tags(names: list[str]) -> list[int]:
    """Return for each tag the index of its closing tag; for a void element its own."""
    ends = list(range(len(names)))
    opened: list[int] = []
    for at, name in enumerate(names):
        if name.startswith("/"):
            if opened:
                ends[opened.pop()] = at
        elif name and name not in _VOID:
            ends[at] = len(names)
            opened.append(at)
    return ends


def visible_text(text: str) -> str:
    """Return visible text: entities decoded, invisible characters removed, white space collapsed.

    >>> visible_text("Nine&nbsp;traffickers\\n[ ]  were fined&shy;.")
    'Nine traffickers were fined.'
    """
    if "&" in text:
        text = text.replace("&nbsp;", " ").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
        if _ENTITY.search(text):
            text = html.unescape(text)  # double-escaped by the site
    text = " ".join(text.split())
    if not text.isprintable():
        text = " ".join(_INVISIBLE.sub("", text).split())
    if "]" in text or ")" in text:
        text = _EMPTY_BRACKETS.sub("", text)  # left by a removed footnote mark
    return text.strip()
