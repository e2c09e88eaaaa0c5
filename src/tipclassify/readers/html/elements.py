"""Detect furniture of a web page, which is without text of the report.

It is known by tag, attributes and share of the prose.
"""

from __future__ import annotations

import html
import re
from functools import cached_property, lru_cache
from itertools import islice
from typing import Final, NamedTuple

from lxml import etree

from tipclassify.readers.source_blocks import clean_text

__all__ = ["BLOCKS", "HEADINGS", "Furniture", "Traits", "short_text", "traits_of", "visible_text"]

HEADINGS: Final = frozenset("h1 h2 h3 h4 h5 h6".split())

BLOCKS: Final = frozenset(
    """address article aside blockquote body caption center dd details dialog div dl dt fieldset figcaption figure
    footer form h1 h2 h3 h4 h5 h6 header hgroup hr legend li main menu nav ol p pre search section summary table tbody
    td tfoot th thead tr ul""".split()
)
"""Elements that begin a line and end one."""

_MIN_PROSE: Final = 60  # characters of a text between two tags; shorter ones may be menu entries
_MIN_PARAGRAPHS: Final = 8  # of prose; an element with more is kept
_MAX_SHARE: Final = 0.34  # of the page's prose; an element with more is kept
_MAX_SHORT: Final = 400  # characters of a heading or link
_MAX_ELEMENTS: Final = 80  # in a heading or link
_MAX_SIBLINGS: Final = 100  # of one class
_MAX_MEASURED: Final = 300  # elements measured; bounds the quadratic time of nested wrappers
_ENTITY: Final = re.compile(r"&(?:#\d{1,6}|#[xX][0-9a-fA-F]{1,5}|[a-zA-Z]{2,8});")
_BRACKETS: Final = re.compile(r"[\[(] ?[\])]")
_EMPTY_BRACKETS: Final = re.compile(r" ?(?:\[ ?\]|\( ?\))")  # left by a removed footnote mark


def _names(words: str) -> re.Pattern[str]:
    return re.compile(rf"(?:^|[\s_-])(?:{'|'.join(words.split())})(?=[\s_-]|$)")


_FURNITURE_TAGS: Final = frozenset(
    "nav menu footer aside form dialog header amp-sidebar amp-consent".split()
)
_FURNITURE_ROLES: Final = frozenset(
    "navigation banner search contentinfo menu menubar toolbar tablist dialog alertdialog complementary".split()
)
# Class names mislead (a wrapper called "with-sidebar" holds everything), so that no name decides
# alone.
# those whose names count
_NAMED_TAGS: Final = frozenset("div section ul ol dl table figure center".split())
_FURNITURE_NAMES: Final = _names(
    r"""\w*nav \w*menu navbar navigation breadcrumbs? crumbs? cookies? consent gdpr share-?\w* sharing social-?\w*
    newsletter sign-?up subscri\w+ comments respond disqus related-?\w* recommended recirc read-?next most-read teasers?
    \w*footer sidebar widgets? tags taglist byline banner promo modal popup lightbox login advert\w* ads?-\w+
    author-\w+ donate toolbar pagination pager toc navbox catlinks hatnote ambox mbox infobox captions? cta callout-box
    search-?\w* copyright disclaimer dropdown utility"""
)
_INVISIBLE_NAMES: Final = _names(
    r"""skip-?links?(?!-+target) skip-?nav jump-link sr-only visuallyhidden visually-hidden screen-reader(?:-\w+)?
    a11y-hidden element-invisible assistive-text mw-editsection editsection material-icons material-symbols-\w+ mw-jump
    print-?only noprint back-?to-?top"""
)
_PANEL_NAMES: Final = _names(
    r"tab-?\w* panel pane accordion(?:-\w+)? collaps\w* toggle expand\w* details faq answer"
)
_NOTE_NAMES: Final = _names(
    r"footnotes? endnotes? references reflist fn-list notes msofootnotetext msoendnotetext"
)
_HEADING_NAMES: Final = _names(
    r"heading section-(?:title|heading|head) sub-?heading sub-?head subtitle msotitle msoheading\d h[2-5]"
)
_BOLD: Final = re.compile(r"font-weight:\s*(?:bold|[6-9]00)", re.IGNORECASE)
_INVISIBLE_STYLE: Final = re.compile(r"display:\s*none|visibility:\s*hidden", re.IGNORECASE)
_TAB_TARGETS: Final = ("aria-controls", "href", "data-bs-target", "data-target")
_CAMEL: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
_DIGITS: Final = re.compile(r"\d+")
_MAX_CLASS_LENGTH: Final = 1_000  # characters of a class attribute; longer ones are generated


class Traits(NamedTuple):
    """Properties of an element, by its tag and attributes."""

    furniture: bool = False  # by its tag or role
    named: bool = False  # it has the name of furniture
    hidden: bool = False  # when the page opens
    bold: bool = False
    heading: bool = False  # by its class or role
    notes: bool = False  # footnotes


def traits_of(element: etree._Element) -> Traits:
    """Derive the traits of an element from its tag and attributes.

    >>> traits_of(etree.XML('<div class="socialShare"/>')).named
    True
    """
    tag = element.tag
    if not element.keys():
        return _traits(tag)
    # of others, nearly each one differs and says nothing
    anchor = element.get("id") if tag in _NAMED_TAGS else None
    # of a book; "footnote", "rearnote", "endnotes"
    if tag == "aside" and "note" in element.get("epub:type", ""):
        return Traits(notes=True)
    return _traits(
        tag, anchor, *map(element.get, ("class", "role", "style", "hidden", "aria-hidden"))
    )


@lru_cache(maxsize=4_096)
def _traits(tag: str, anchor: str | None = None, *others: str | None) -> Traits:
    names, role, style, hidden, aria_hidden = others or (None,) * 5
    plain, identifier = (
        _CAMEL.sub("-", name[:_MAX_CLASS_LENGTH]).lower() for name in (names or "", anchor or "")
    )
    can_be_named = tag in _NAMED_TAGS
    notes = role in ("doc-endnotes", "doc-footnote") or _NOTE_NAMES.search(plain) is not None
    notes = notes or (can_be_named and _NOTE_NAMES.search(identifier) is not None)
    named = (
        can_be_named
        and not notes
        and (_FURNITURE_NAMES.search(plain) or _FURNITURE_NAMES.search(identifier))
    )
    is_hidden = (
        hidden not in (None, "until-found")
        or aria_hidden == "true"
        or _INVISIBLE_STYLE.search(style or "")
    )
    return Traits(
        furniture=(tag in _FURNITURE_TAGS and not notes)
        or role in _FURNITURE_ROLES
        or _INVISIBLE_NAMES.search(plain) is not None,
        named=tag == "figcaption" or bool(named),
        hidden=bool(is_hidden) and role != "tabpanel" and _PANEL_NAMES.search(plain) is None,
        bold=_BOLD.search(style or "") is not None,
        heading=role == "heading"
        or (tag in ("p", "div") and _HEADING_NAMES.search(plain) is not None),
        notes=notes,
    )


class Furniture:
    """Detect the furniture of one page."""

    def __init__(self, page: etree._Element) -> None:
        self.page = page
        self.much: dict[tuple[etree._Element, str, str], bool] = {}  # by parent, tag and class

    @cached_property
    def page_prose(self) -> int:
        return sum(_paragraphs(self.page)) or 1

    @cached_property
    def controlled(self) -> set[str]:
        """Return the ids of elements that a button shows."""
        return set(self.page.xpath("descendant::*/@aria-controls"))

    @cached_property
    def tabs(self) -> dict[str, str | None]:
        """Return the labels of tabs by the ids of their panels."""
        attributes = " | ".join(
            f"descendant::*/@{name}" for name in ("role", "data-toggle", "data-bs-toggle")
        )
        tabs = self.page.xpath(f"({attributes})[. = 'tab']/..")
        targets = (
            next((tab.get(name) for name in _TAB_TARGETS if tab.get(name)), "") for tab in tabs
        )
        return {
            target.lstrip("#"): short_text(tab) for target, tab in zip(targets, tabs, strict=True)
        }

    def holds(self, element: etree._Element, traits: Traits) -> bool:
        """Return whether an element is furniture by tag, role or style.

        One with much of the page's prose is not.
        """
        shown = traits.hidden and element.get("id") in self.controlled
        return (traits.furniture or traits.hidden) and not shown and not self.has_much(element)

    def has_much(self, element: etree._Element) -> bool:
        """Return whether an element and its like hold much of the page's prose.

        Alike are siblings of the same tag and class.
        """
        key = (element.getparent(), element.tag, _DIGITS.sub("", element.get("class") or ""))
        if key not in self.much:
            after, before = (
                element.itersiblings(element.tag, preceding=preceding)
                for preceding in (False, True)
            )
            alike = [
                other
                for other in (
                    element,
                    *islice(after, _MAX_SIBLINGS),
                    *islice(before, _MAX_SIBLINGS),
                )
                if _DIGITS.sub("", other.get("class") or "") == key[2]
            ]
            paragraphs = [size for other in alike for size in _paragraphs(other)]
            self.much[key] = (
                len(self.much) >= _MAX_MEASURED
                or len(paragraphs) >= _MIN_PARAGRAPHS
                or (len(paragraphs) > 0 and sum(paragraphs) >= _MAX_SHARE * self.page_prose)
                or _holds_title(element)
            )
        return self.much[key]


def _paragraphs(element: etree._Element) -> list[int]:
    """Return the length of each longer text in an element."""
    return [
        len(text) for text in element.itertext() if len(text) > _MIN_PROSE and not text.isspace()
    ]


def _holds_title(element: etree._Element) -> bool:
    """Return whether an element holds the title of the page or, a header, of a section.

    The title of the site does not count.
    """
    headings = [
        found for found in element.iter(*HEADINGS) if found.tag == "h1" or element.tag == "header"
    ]
    site = any(heading.tag == "h1" and heading.find(".//a") is not None for heading in headings)
    return bool(headings) and not site and next(element.iter("nav", "form"), None) is None


def short_text(element: etree._Element) -> str | None:
    """Return the visible text of an element, or None where it is long, as after an unclosed tag."""
    if len(element) and next(islice(element.iter(), _MAX_ELEMENTS, None), None) is not None:
        return None
    text = visible_text("".join(element.itertext()) if len(element) else element.text or "")
    return text if len(text) <= _MAX_SHORT else None


def visible_text(text: str) -> str:
    """Return visible text: entities decoded, invisible characters removed, white space collapsed.

    >>> visible_text("Nine&nbsp;traffickers\\n[ ]  were fined\u00ad.")
    'Nine traffickers were fined.'
    """
    if "&" in text and _ENTITY.search(text):
        text = html.unescape(text)  # double-escaped by the site
    text = clean_text(text)
    empty = ("]" in text or ")" in text) and _BRACKETS.search(text)
    return _EMPTY_BRACKETS.sub("", text).strip() if empty else text
