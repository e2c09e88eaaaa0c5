"""Check the nesting depth of web pages before parsing, whose time is quadratic in the depth.

Bytes of a page come in; an error goes out if they are nested too deeply. Closing tags approximate the tree construction
of the HTML standard; in doubt nothing is closed, which overestimates the depth.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

from tipclassify.errors import InputError

__all__ = ["check_nesting"]

_MAX_DEPTH: Final = 2_000
"""Maximum nesting depth; browsers stop at 512."""

_MIN_TAGS: Final = 5_000  # a page with fewer takes under a second at any depth
_MAX_CLOSED: Final = 20  # open elements that one closing tag may close

_TAG: Final = re.compile(
    rb"""<(?: !--(?: -?> | .*?(?:--!?>|\Z) )
      | (?P<cdata> !\[CDATA\[ )
      | [!?][^>]* | /[^A-Za-z>][^>]*
      | (?P<close> /? ) (?P<name> [A-Za-z][^\s/>]* )
        (?P<rest> (?:
          [\s/]+ | [^\s/>][^\s/>=]* (?: \s*=\s* (?: "[^"]*(?:"|\Z) | '[^']*(?:'|\Z) | [^\s>"'][^\s>]* )? )?
        )* )
    )""",
    re.DOTALL | re.VERBOSE,
)
_SELF_CLOSING: Final = re.compile(rb"(?:^|[\s\"'/])/$")
_RAW_TEXT: Final = {  # raw text: only their own closing tag is a tag
    name: re.compile(b"</" + name + rb"(?=[\s/>]|\Z)", re.IGNORECASE)
    for name in b"script style title textarea xmp iframe noembed noframes".split()
}
_UNNESTED: Final = frozenset(
    b"""area base br col embed hr img input link meta param source track wbr html head body p tr td th thead
    tbody tfoot colgroup option""".split()  # void elements, and those that the next one of the same name closes
)
_FORMATTING: Final = frozenset(b"a b big code em font form i nobr s small strike strong tt u".split())
"""Formatting elements of the HTML standard: closing one leaves its children open, and most are reopened."""

_NEVER_IN_ITSELF: Final = frozenset(b"a nobr button form".split())  # each closes an open one of the same name
_SCOPE_BOUNDARIES: Final = frozenset(b"table object marquee applet select template svg math".split())
"""Elements whose outside no closing tag within them can close."""

_PRECEDING_ENTRIES: Final = {b"li": (b"li",), b"dd": (b"dd", b"dt"), b"dt": (b"dd", b"dt")}
"""Parent elements that a list entry closes."""

_FOREIGN: Final = frozenset(b"svg math".split())
_NOT_HTML: Final = _FOREIGN | {b""}
_SPECIAL: Final = _SCOPE_BOUNDARIES | frozenset(
    b"""address article aside blockquote button center dd details dialog dir div dl dt fieldset figcaption figure footer
    h1 h2 h3 h4 h5 h6 header hgroup li listing main menu nav noscript ol plaintext pre rp rt ruby search section select
    summary ul""".split()
)
"""Special elements of the HTML standard: closing tags of phrasing content do not close them."""

_HTML: Final = (_UNNESTED | _FORMATTING | _SPECIAL | frozenset(b"label optgroup span sub sup var".split())) - _FOREIGN


def check_nesting(page: bytes, name: str) -> None:
    """Check that a web page is not nested too deeply to be parsed.

    Raises
    ------
    InputError
        When it is: parsing could take hours.
    """
    if page.count(b"<") > _MIN_TAGS and _exceeds_depth(page):
        raise InputError(f"{name}: nested too deeply to be a report; save it as text")


def _exceeds_depth(page: bytes) -> bool:
    """Return whether more than `_MAX_DEPTH` elements are open at once."""
    is_xml = page.lstrip()[:5] == b"<?xml"
    open_elements: list[bytes] = []
    formatting: Counter[bytes] = Counter()
    foreign = is_xml
    ignored_until = -1  # closing tags up to here may be inside CDATA or raw text
    at = 0
    while token := _TAG.search(page, at):
        at = token.end()
        if token["cdata"]:
            ignored_until = _find(page, b"]]>", at) if at > ignored_until else ignored_until
            at = at if foreign else _find(page, b">", at)
        if token["name"] is None:
            continue
        name = token["name"].lower()
        if token["close"]:
            if at <= ignored_until:
                continue
            if name in _FORMATTING:
                closed = formatting[name] > 0
                formatting[name] -= closed
            else:
                closed = _close(open_elements, name) and name not in _FOREIGN
            foreign = foreign if closed else is_xml  # a stray "</p>" ends svg or math
            continue
        if name in _RAW_TEXT:
            in_foreign = foreign or not _NOT_HTML.isdisjoint(open_elements)
            if not in_foreign or at > ignored_until:
                end = _RAW_TEXT[name].search(page, at)
                raw_end = end.start() if end else len(page)
                at, ignored_until = (at, raw_end) if in_foreign else (raw_end, ignored_until)
            if not in_foreign:
                continue
        if foreign and name in _HTML and not is_xml:  # svg or math may have ended implicitly
            open_elements = [b"" if other in _FOREIGN else other for other in open_elements]
        foreign = is_xml or name in _FOREIGN or (foreign and name not in _HTML)
        if name in _UNNESTED or (foreign and _SELF_CLOSING.search(token["rest"])):
            continue
        if name in _NEVER_IN_ITSELF and (formatting[name] or name in open_elements[-_MAX_CLOSED:]):
            continue
        if open_elements and open_elements[-1] in _PRECEDING_ENTRIES.get(name, ()):
            continue  # replaces the entry before it
        if name in _FORMATTING:
            formatting[name] += 1
        else:
            open_elements.append(name)
        if len(open_elements) + formatting.total() > _MAX_DEPTH:
            return True
    return False


def _close(open_elements: list[bytes], name: bytes) -> bool:
    """Close the nearest open element of a name and its descendants; return whether one is in scope."""
    if name not in open_elements[-_MAX_CLOSED:]:
        return False
    for at in range(len(open_elements) - 1, -1, -1):
        if open_elements[at] == name:
            del open_elements[at:]
            return True
        if open_elements[at] in _SCOPE_BOUNDARIES or (name not in _SPECIAL and open_elements[at] in _SPECIAL):
            return False
    return False


def _find(page: bytes, what: bytes, at: int) -> int:
    token = page.find(what, at)
    return token if token >= 0 else len(page)
