"""A web page cut at its tags.

The parser has mended the page, so that every tag is closed and every attribute quoted. Cut at its tags, the page is
four parallel lists (texts, names, attributes, depths), and all that is asked of an element is arithmetic on them:
where it ends, how much prose it holds. So nothing recurses, however deep the page, and furniture is skipped unread.
"""

from __future__ import annotations

import html
import re
from bisect import bisect_right
from itertools import accumulate
from typing import Final

__all__ = ["HEADINGS", "LOOK_BACK", "Page", "visible_text"]

HEADINGS: Final = frozenset("h1 h2 h3 h4 h5 h6".split())

LOOK_BACK: Final = 40
"""Tags within which what belongs to an element stands."""

_RAW: Final = "|".join(
    f"{name}[ >].*?</{name}>" for name in "script style iframe xmp noembed noframes plaintext".split()
)
# Comments and raw text are one token without a name.
_TAG: Final = re.compile(
    rf"<(?:!--.*?-->|{_RAW}"
    r'|(/?[a-zA-Z][^\s/>]*)((?: =?[^=\s>]*(?:="[^"]*")?)*)>)',
    re.DOTALL,
)
_VOID: Final = frozenset("area base br col embed hr img input link meta param source track wbr".split())
_PROSE: Final = 60  # characters between two tags from which on they are prose rather than the entry of a menu
_DEEP: Final = 400  # elements inside one another
_INVISIBLE: Final = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
_ENTITY: Final = re.compile(r"&(?:#\d{1,6}|#[xX][0-9a-fA-F]{1,5}|[a-zA-Z]{2,8});")
_EMPTY_BRACKETS: Final = re.compile(r" ?(?:\[ ?\]|\( ?\))")


class _Steps(dict[str | None, int]):
    """How a tag changes the depth of the page."""

    def __missing__(self, name: str | None) -> int:
        step = 0 if name is None or name.lstrip("/") in _VOID else -1 if name[0] == "/" else 1
        if len(self) < 2_000:  # names are the page's to invent
            self[name] = step
        return step


_STEPS: Final = _Steps()


class Page:
    """A page cut at its tags. ``texts[i]`` stands before tag ``i``; ``depths[i]`` is the depth after it.

    >>> page = Page("<p>Police <b>acted</b>.</p>")
    >>> page.names, page.texts, page.end(1)
    (['p', 'b', '/b', '/p'], ['', 'Police ', 'acted', '.', ''], 2)
    """

    def __init__(self, page: str) -> None:
        parts = _TAG.split(page)
        self.texts: list[str] = parts[0::3]
        self.names: list[str | None] = parts[1::3]
        self.attributes: list[str | None] = parts[2::3]
        self.depths = list(accumulate(map(_STEPS.__getitem__, self.names)))
        self._ends = self._all_ends() if max(self.depths, default=0) > _DEEP else None
        long = [at for at, text in enumerate(self.texts) if len(text) > _PROSE and at and not text.isspace()]
        self._prose_at = [at for at in long if self.names[at - 1] != "a"]
        self._prose = list(accumulate((len(self.texts[at]) for at in self._prose_at), initial=0))
        self._unclosed: dict[str, bool] = {}

    def end(self, tag: int) -> int:
        """The tag that closes a tag."""
        if self._ends:
            return self._ends.get(tag, len(self.names))
        try:
            return self.depths.index(self.depths[tag] - 1, tag + 1)
        except ValueError:
            return len(self.names)

    def _all_ends(self) -> dict[int, int]:
        """The closing tag of every tag, for pages so deep that looking for each would take quadratic time."""
        ends: dict[int, int] = {}
        opened: list[int] = []
        before = 0
        for tag, depth in enumerate(self.depths):
            if depth > before:
                opened.append(tag)
            elif depth < before and opened:
                ends[opened.pop()] = tag
            before = depth
        return ends

    @property
    def prose(self) -> int:
        """Characters of prose in the page."""
        return self._prose[-1]

    def prose_between(self, start: int, end: int) -> int:
        """Characters of prose between two tags."""
        return self._prose[bisect_right(self._prose_at, end)] - self._prose[bisect_right(self._prose_at, start)]

    def text_between(self, start: int, end: int) -> str:
        """Text between two tags."""
        return visible_text("".join(self.texts[start + 1 : end + 1]))

    def outermost(self, wanted: str) -> list[tuple[int, int]]:
        """Spans of the elements of a name (or role) that are not inside another."""
        spans: list[tuple[int, int]] = []
        role = f' role="{wanted}"'
        for tag, (name, marks) in enumerate(zip(self.names, self.attributes, strict=True)):
            if (name == wanted or (marks and role in marks)) and (not spans or tag > spans[-1][1]):
                spans.append((tag, self.end(tag)))
        return spans

    def main_parts(self) -> list[tuple[int, int]]:
        """Spans of tags to read: the elements marked as main, if they hold most prose, or else everything."""
        if self.names[:1] == ["main"]:
            return [(0, len(self.names))]
        mains = self.outermost("main")
        if self.prose and sum(self.prose_between(*span) for span in mains) >= 0.5 * self.prose:
            return mains
        for span in self.outermost("article"):
            if self.prose_between(*span) > 0.85 * self.prose:
                return [span]
        return [(-1, len(self.names))]

    def is_unclosed(self, link: int) -> bool:
        """Whether a link was never closed, so that the parser put one in every paragraph after it.

        One that holds prose is suspect, and with it all that follow with the same attributes.
        """
        marks = self.attributes[link] or ""
        if marks not in self._unclosed:
            if not self._holds_prose(link):
                return False
            same = [tag for tag, other in enumerate(self.attributes) if other == marks and self.names[tag] == "a"]
            self._unclosed[marks] = sum(map(self._holds_prose, same)) >= 3 and ' href="#' not in marks
        return self._unclosed[marks]

    def _holds_prose(self, tag: int) -> bool:
        return len(self.texts[tag + 1]) > _PROSE or self.prose_between(tag, self.end(tag)) > 0


def visible_text(text: str) -> str:
    """Text as a reader sees it: characters for entities, no invisible ones, white space folded.

    >>> visible_text("Nine&nbsp;traffickers\\n[ ]  were fined&shy;.")
    'Nine traffickers were fined.'
    """
    if "&" in text:
        text = text.replace("&nbsp;", " ").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
        if "&" in text and _ENTITY.search(text):
            text = html.unescape(text)  # escaped twice by the site
    if not text.isprintable() or "  " in text:  # white space but for plain spaces is not printable
        folded = " ".join(text.split())
        text = folded if folded.isprintable() else " ".join(_INVISIBLE.sub("", text).split())
    if ("[" in text and ("[]" in text or "[ ]" in text)) or ("(" in text and "()" in text):
        text = _EMPTY_BRACKETS.sub("", text)  # whose footnote mark is gone
    return text.strip()
