"""Refuse web pages nested beyond all measure before they are parsed, which takes time with the square of the depth.

What a closing tag closes is worked out nearly as a browser does; where that is not certain, nothing is closed.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

from tipclassify.errors import InputError

__all__ = ["refuse_deep"]

_DEEPEST: Final = 2_000
"""Elements within each other; browsers stop at 512."""

_FEW: Final = 5_000  # tags: if each were in the one before, a page would still take under a second
_REACH: Final = 20  # elements that one closing tag may close at once

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
_WALLS: Final = frozenset(b"table object marquee applet select template svg math".split())
"""Elements in which a closing tag does not reach what is around them."""

_ENTRIES: Final = {b"li": (b"li",), b"dd": (b"dd", b"dt"), b"dt": (b"dd", b"dt")}
"""What an entry of a list closes that it directly stands in."""

_FOREIGN: Final = frozenset(b"svg math".split())
_NOT_HTML: Final = _FOREIGN | {b""}
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
    if page.count(b"<") > _FEW and _is_deep(page):
        raise InputError(f"{name}: nested too deeply to be a report; save it as text")


def _is_deep(page: bytes) -> bool:
    """Whether more elements than `_DEEPEST` are open at once."""
    is_xml = page.lstrip()[:5] == b"<?xml"
    opened: list[bytes] = []
    loose: Counter[bytes] = Counter()
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
            if at <= deaf:
                continue
            if name in _LOOSE:
                closed = loose[name] > 0
                loose[name] -= closed
            else:
                closed = _close(opened, name) and name not in _FOREIGN
            foreign = foreign if closed else is_xml  # "</p>" in a drawing ends it
            continue
        if name in _RAW:
            strange = foreign or not _NOT_HTML.isdisjoint(opened)
            if not strange or at > deaf:
                end = _RAW[name].search(page, at)
                ended = end.start() if end else len(page)
                at, deaf = (at, ended) if strange else (ended, deaf)
            if not strange:
                continue
        if foreign and name in _HTML and not is_xml:  # svg or math may have ended: nothing closes it for certain
            opened = [b"" if other in _FOREIGN else other for other in opened]
        foreign = is_xml or name in _FOREIGN or (foreign and name not in _HTML)
        if name in _UNNESTED or (foreign and _CLOSES_ITSELF.search(found["rest"])):
            continue
        if name in _ALONE and (loose[name] or name in opened[-_REACH:]):
            continue
        if opened and opened[-1] in _ENTRIES.get(name, ()):
            continue  # in place of the entry before it
        if name in _LOOSE:
            loose[name] += 1
        else:
            opened.append(name)
        if len(opened) + loose.total() > _DEEPEST:
            return True
    return False


def _close(opened: list[bytes], name: bytes) -> bool:
    """Close the nearest open element of a name, with those in it; whether there is one that the tag reaches."""
    if name not in opened[-_REACH:]:
        return False
    for at in range(len(opened) - 1, -1, -1):
        if opened[at] == name:
            del opened[at:]
            return True
        if opened[at] in _WALLS or (name not in _HOLDERS and opened[at] in _HOLDERS):
            return False
    return False


def _find(page: bytes, what: bytes, at: int) -> int:
    found = page.find(what, at)
    return found if found >= 0 else len(page)
