"""Web pages nested beyond all measure are refused before they are parsed, which takes a time that grows with the square of the depth.

Most pages have too few tags to be so deep, which numpy counts. Of the others every tag is looked at: what a closing tag closes is
worked out nearly as a browser does, and where that is not certain, less is taken to be closed than may be.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Final

from tipclassify.errors import InputError

__all__ = ["refuse_deep"]

_DEEPEST: Final = 2_000
"""Elements within each other; browsers stop at 512."""

_FEW: Final = 5_000  # tags: if each were in the one before, a page would still take under a second
_STRETCH: Final = 1_000_000

_TAG: Final = re.compile(
    rb"""<(?: !--(?: -?> | .*?(?:--!?>|\Z) )
      | (?P<cdata> !\[CDATA\[ )
      | [!?][^>]* | /[^A-Za-z>][^>]*
      | (?P<close> /? ) (?P<name> [A-Za-z][^\s/>]* )
        (?P<rest> (?: [\s/]+ | [^\s/>][^\s/>=]* (?: \s*=\s* (?: "[^"]*(?:"|\Z) | '[^']*(?:'|\Z) | [^\s>"'][^\s>]* )? )? )* )
    )""",
    re.DOTALL | re.VERBOSE,
)
_CLOSES_ITSELF: Final = re.compile(rb"(?:^|[\s\"'/])/$")
_RAW: Final = {  # no tags are in them but their end
    name: re.compile(b"</" + name + rb"(?=[\s/>]|\Z)", re.IGNORECASE)
    for name in b"script style title textarea xmp iframe noembed noframes".split()
}
_UNNESTED: Final = frozenset(
    b"""area base br col embed hr img input link meta param source track wbr html head body p tr td th thead
    tbody tfoot colgroup option""".split()  # they have no content, or the next one of their kind closes them
)
_LOOSE: Final = frozenset(b"a b big code em font form i nobr s small strike strong tt u".split())
"""Elements that close alone: what is in them stays open, and most are opened anew after what they are in."""

_ALONE: Final = frozenset(b"a nobr button form".split())  # each closes the one before it
_WALLS: Final = frozenset(b"table object marquee applet template svg math".split())
"""Elements in which a closing tag does not reach what is around them."""

_ENTRIES: Final = {b"li": (b"li",), b"dd": (b"dd", b"dt"), b"dt": (b"dd", b"dt")}
"""What an entry of a list closes, if no element that holds blocks is in between."""

_FOREIGN: Final = frozenset(b"svg math".split())
_HOLDERS: Final = _WALLS | frozenset(
    b"""address article aside blockquote button center dd details dialog dir div dl dt fieldset figcaption figure footer
    h1 h2 h3 h4 h5 h6 header hgroup li listing main menu nav noscript ol plaintext pre rp rt ruby search section select summary ul""".split()
)
"""Elements that the closing tags of phrases do not reach out of; the standard calls them special."""

_HTML: Final = (_UNNESTED | _LOOSE | _HOLDERS | frozenset(b"label optgroup span sub sup var".split())) - _FOREIGN


def refuse_deep(page: bytes, name: str) -> None:
    """Do nothing for a web page whose elements are not nested beyond all measure.

    Raises
    ------
    InputError
        When they are: parsing it could take hours.
    """
    if _has_many_tags(page) and _is_deep(page):
        raise InputError(f"{name}: nested too deeply to be a report; save it as text")


def _has_many_tags(page: bytes) -> bool:
    """Whether there are enough opening tags to nest, those of links, paragraphs and entries aside, which close each other."""
    import numpy as np  # which those who score what is read import anyway

    signs = np.frombuffer(page, np.uint8)
    if len(page) <= _STRETCH and np.count_nonzero(signs == ord("<")) <= _FEW:
        return False
    kinds = np.frombuffer(_KINDS, np.uint8)
    count = 0
    for at in range(0, len(page), _STRETCH):
        opening = np.flatnonzero(signs[at : at + _STRETCH] == ord("<")) + at
        first, second, third = (kinds.take(signs.take(opening + n, mode="clip")) for n in (1, 2, 3))
        closes_like = ((first == _A_OR_P) & (second == _END)) | ((first == _L) & (second == _I) & (third == _END))
        count += int(np.count_nonzero((first >= _A_OR_P) & ~closes_like))
        if count > _FEW:
            return True
    return False


# What a character is to a tag's name: no part of it, its end, or a letter.
_END, _A_OR_P, _L, _I, _LETTER = 1, 2, 3, 4, 5
_KINDS: Final = bytes(
    _END
    if char in " \t\n\f\r/>"
    else _A_OR_P
    if char in "aApP"
    else _L
    if char in "lL"
    else _I
    if char in "iI"
    else _LETTER
    if char.isascii() and char.isalpha()
    else 0
    for char in map(chr, range(256))
)


def _is_deep(page: bytes) -> bool:
    """Whether more elements than `_DEEPEST` are open at once."""
    opened = _Opened()
    is_xml = page.lstrip()[:5] == b"<?xml"
    foreign = is_xml
    deaf = -1  # up to where a closing tag may be none
    at = 0
    while found := _TAG.search(page, at):
        at = found.end()
        if found["cdata"]:
            deaf = _find(page, b"]]>", at) if at > deaf else deaf
            at = at if foreign else _find(page, b">", at)
        if found["name"] is None:
            continue
        name = found["name"].lower()
        if found["close"]:
            if at > deaf and not opened.close(name):
                foreign = is_xml
            continue
        if name in _RAW:
            strange = foreign or opened.may_be_foreign()
            if not strange or at > deaf:
                end = _RAW[name].search(page, at)
                ended = end.start() if end else len(page)
                at, deaf = (at, ended) if strange else (ended, deaf)
            if not strange:
                continue
        if foreign and name in _HTML and not is_xml:
            opened.forget(_FOREIGN)  # it may have ended
        foreign = is_xml or name in _FOREIGN or (foreign and name not in _HTML)
        if name not in _UNNESTED and not (foreign and _CLOSES_ITSELF.search(found["rest"])):
            opened.open(name)
            if opened.count > _DEEPEST:
                return True
    return False


def _find(page: bytes, what: bytes, at: int) -> int:
    found = page.find(what, at)
    return found if found >= 0 else len(page)


class _Opened:
    """The elements that are open."""

    def __init__(self) -> None:
        self.loose: Counter[bytes] = Counter()
        self.stack: list[bytes] = []  # of the others
        self.places: dict[bytes, list[int]] = {}  # where in it each name stands
        # Where in it an element is that no closing tag reaches out of, and one that those of phrases do not.
        self.walls: list[int] = []
        self.holders: list[int] = []
        self.count = 0

    def open(self, name: bytes) -> None:
        """An opening tag."""
        if name in _ALONE and (self.loose[name] or self.places.get(name)):
            return
        if name in _LOOSE:
            self.count += 1
            self.loose[name] += 1
            return
        for entry in _ENTRIES.get(name, ()):
            if self.places.get(entry) and self.places[entry][-1] == self.holders[-1]:
                self.close(entry)
        if name in _WALLS:
            self.walls.append(len(self.stack))
        if name in _HOLDERS:
            self.holders.append(len(self.stack))
        self.places.setdefault(name, []).append(len(self.stack))
        self.stack.append(name)
        self.count += 1

    def may_be_foreign(self) -> bool:
        """Whether what is read now may be in an element that is not of HTML."""
        return any(map(self.places.get, (*_FOREIGN, b"")))

    def forget(self, names: Iterable[bytes]) -> None:
        """Let closing tags of these names close nothing that is open now."""
        for name in names:
            for at in self.places.pop(name, ()):
                self.stack[at] = b""
                self.places.setdefault(b"", []).append(at)

    def close(self, name: bytes) -> bool:
        """A closing tag; whether it closed something."""
        if name in _LOOSE:
            closed = self.loose[name] > 0
            self.loose[name] -= closed
            self.count -= closed
            return closed
        places = self.places.get(name)
        barriers = self.walls if name in _HOLDERS else self.holders
        if not places or (barriers and places[-1] < barriers[-1]):
            return False
        at = places[-1]
        self.count -= len(self.stack) - at
        while len(self.stack) > at:
            self.places[self.stack.pop()].pop()
        for barriers in (self.walls, self.holders):
            while barriers and barriers[-1] >= at:
                barriers.pop()
        return name not in _FOREIGN
