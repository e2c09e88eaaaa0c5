"""Detect navigation of a web page by tags, attributes and shares of the page's prose."""

from __future__ import annotations

import html
import re
from functools import cached_property, lru_cache
from itertools import islice
from typing import Final, NamedTuple

from lxml import etree

from tipclassify.readers.blocks import clean_text

HEADINGS: Final = frozenset("h1 h2 h3 h4 h5 h6".split())

BLOCKS: Final = frozenset(
    """address article aside blockquote body caption center dd details dialog div dl dt fieldset
    figcaption figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr legend li main menu nav ol p
    pre search section summary table tbody td tfoot th thead tr ul""".split()
)
"""Elements that begin a line and end one."""

_MIN_PROSE: Final = 60  # characters of a text between two tags; shorter ones may be menu entries
_MIN_PARAGRAPHS: Final = 8  # of prose; an element with more is kept
_MAX_SHARE: Final = 0.34  # of the page's prose; an element with more is kept
_MOST: Final = 0.6  # the same of hidden ones
_MAX_SHORT: Final = 400  # characters of a heading or link
_MAX_ELEMENTS: Final = 80  # in a heading or link
_MAX_SIBLINGS: Final = 100  # of one class
_MAX_MEASURED: Final = 300  # elements measured; bounds the quadratic time of nested wrappers
_ENTITY: Final = re.compile(r"&(?:#\d{1,6}|#[xX][0-9a-fA-F]{1,5}|[a-zA-Z]{2,8});")
_SENTENCE_END: Final = re.compile(r"[.!?…:;][\"”’')\]]*$")
_BRACKETS: Final = re.compile(r"[\[(] ?[\])]")
_EMPTY_BRACKETS: Final = re.compile(r" ?(?:\[ ?\]|\( ?\))")  # left by a removed footnote mark


def _compile_names(words: str) -> re.Pattern[str]:
    """Compile a pattern that finds one of the words between spaces, hyphens and underscores."""
    return re.compile(rf"(?:^|[\s_-])(?:{'|'.join(words.split())})(?=[\s_-]|$)")


_NAVIGATION_TAGS: Final = frozenset(
    "nav menu footer aside form dialog header amp-sidebar amp-consent".split()
)
_NAVIGATION_ROLES: Final = frozenset(
    """navigation banner search contentinfo menu menubar toolbar tablist dialog alertdialog
    complementary""".split()
)
# Class names mislead (a wrapper called "with-sidebar" holds everything), so that no name decides
# alone, and only those of these elements count.
_NAMED_TAGS: Final = frozenset("div section ul ol dl table figure center".split())
_NAVIGATION_NAMES: Final = _compile_names(
    r"""\w*nav \w*menu navbar navigation breadcrumbs? crumbs? cookies? consent gdpr share-?\w*
    sharing social-?\w* newsletter sign-?up subscri\w+ comments respond disqus related-?\w*
    recommended recirc read-?next most-read teasers? \w*footer sidebar widgets? tags taglist byline
    banner promo modal popup lightbox login advert\w* ads?-\w+ author-\w+ donate toolbar pagination
    pager toc navbox catlinks hatnote ambox mbox infobox captions? cta callout-box search-?\w*
    copyright disclaimer dropdown utility"""
)
_INVISIBLE_NAMES: Final = _compile_names(
    r"""skip-?links?(?!-+target) skip-?nav jump-link sr-only visuallyhidden visually-hidden
    screen-reader(?:-\w+)? a11y-hidden element-invisible assistive-text mw-editsection editsection
    material-icons material-symbols-\w+ mw-jump print-?only noprint back-?to-?top"""
)
_PANEL_NAMES: Final = _compile_names(
    r"tab-?\w* panel pane accordion(?:-\w+)? collaps\w* toggle expand\w* details faq answer"
)
_NOTE_NAMES: Final = _compile_names(
    r"footnotes? endnotes? references reflist fn-list notes msofootnotetext msoendnotetext"
)
_HEADING_NAMES: Final = _compile_names(
    r"""heading section-(?:title|heading|head) sub-?heading sub-?head subtitle msotitle msoheading\d
    h[2-5]"""
)
_BOLD: Final = re.compile(r"font-weight:\s*(?:bold|[6-9]00)", re.IGNORECASE)
_INVISIBLE_STYLE: Final = re.compile(r"display:\s*none|visibility:\s*hidden", re.IGNORECASE)
# Of Bootstrap, Tailwind, USWDS, Foundation and others, unless it is shown on wide screens.
_HIDDEN_CLASSES: Final = frozenset(
    "d-none hidden is-hidden u-hidden hide invisible display-none js-hidden ng-hide uk-hidden".split()
)
_SHOWN_AT_WIDTH: Final = re.compile(
    r"(?:^|[\s_-])(?:sm|md|lg|xl|xxl|tablet|desktop)[:-](?:block|flex|grid|inline|table|visible)"
)
_TAB_TARGETS: Final = ("aria-controls", "href", "data-bs-target", "data-target")
_CAMEL: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
_DIGITS: Final = re.compile(r"\d+")
_MAX_CLASS_LENGTH: Final = 1_000  # characters of a class attribute; longer ones are generated


class Traits(NamedTuple):
    """Properties of an element, by its tag and attributes."""

    navigation: bool = False  # by its tag or role
    named: bool = False  # it has the name of navigation
    hidden: bool = False  # when the page opens
    bold: bool = False
    heading: bool = False  # by its class or role
    notes: bool = False  # footnotes
    page_break: bool = False  # of the printed book


def traits_of(element: etree._Element) -> Traits:
    """Derive the traits of an element from its tag and attributes.

    >>> traits_of(etree.XML('<div class="socialShare"/>')).named
    True
    """
    tag = element.tag
    if not element.keys():
        return _traits(tag)
    book_type = element.get("epub:type", "")
    if "pagebreak" in book_type.split() or element.get("role") == "doc-pagebreak":
        return Traits(page_break=True)
    # "footnote", "rearnote", "endnotes"
    if tag == "aside" and "note" in book_type:
        return Traits(notes=True)
    return _traits(
        tag,
        # the ids of other elements say nothing, and would fill the cache, since nearly each differs
        element.get("id") if tag in _NAMED_TAGS else None,
        element.get("class"),
        element.get("role"),
        element.get("style"),
        element.get("hidden"),
        element.get("aria-hidden"),
    )


@lru_cache(maxsize=4_096)
def _traits(
    tag: str,
    identifier: str | None = None,
    classes: str | None = None,
    role: str | None = None,
    style: str | None = None,
    hidden: str | None = None,
    aria_hidden: str | None = None,
) -> Traits:
    """Derive the traits of an element from its tag and the attributes that count."""
    class_names = _hyphenated(classes or "")
    own_name = _hyphenated(identifier or "")  # only of `_NAMED_TAGS`
    style = style or ""
    notes = (
        role in ("doc-endnotes", "doc-footnote")
        or _NOTE_NAMES.search(class_names) is not None
        or _NOTE_NAMES.search(own_name) is not None
    )
    named = (
        _NAVIGATION_NAMES.search(class_names) or _NAVIGATION_NAMES.search(own_name)
    ) is not None
    is_hidden = (
        hidden not in (None, "until-found")
        or aria_hidden == "true"
        or _INVISIBLE_STYLE.search(style) is not None
        or (
            not _HIDDEN_CLASSES.isdisjoint(class_names.split())
            and _SHOWN_AT_WIDTH.search(class_names) is None
        )
    )
    is_panel = role == "tabpanel" or _PANEL_NAMES.search(class_names) is not None
    return Traits(
        navigation=(
            (tag in _NAVIGATION_TAGS and not notes)
            or role in _NAVIGATION_ROLES
            or _INVISIBLE_NAMES.search(class_names) is not None
        ),
        named=tag == "figcaption" or (tag in _NAMED_TAGS and not notes and named),
        hidden=is_hidden and not is_panel,
        bold=_BOLD.search(style) is not None,
        heading=(
            role == "heading"
            or (tag in ("p", "div") and _HEADING_NAMES.search(class_names) is not None)
        ),
        notes=notes,
    )


def _hyphenated(name: str) -> str:
    """Write "socialShare" as "social-share", in which the patterns of names find their words."""
    return _CAMEL.sub("-", name[:_MAX_CLASS_LENGTH]).lower()


class Navigation:
    """Detect the navigation of one page."""

    def __init__(self, page: etree._Element) -> None:
        self.page = page
        # answers of `has_much` by parent, tag and class of an element, and whether it is hidden
        self._much: dict[tuple[etree._Element | None, str, str, bool], bool] = {}

    @cached_property
    def page_prose(self) -> int:
        """Return the number of characters of prose on the page, at least 1."""
        return sum(_prose_sizes(self.page)) or 1

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
        labels: dict[str, str | None] = {}
        for tab in self.page.xpath(f"({attributes})[. = 'tab']/.."):
            targets = (tab.get(name) for name in _TAB_TARGETS)
            panel = next(filter(None, targets), "").lstrip("#")
            labels[panel] = short_text(tab)
        return labels

    def holds(self, element: etree._Element, traits: Traits) -> bool:
        """Return whether an element is navigation by tag or role, or hidden.

        One with much of the page's prose is not.
        """
        shown = traits.hidden and element.get("id") in self.controlled
        return (traits.navigation or traits.hidden) and not shown and not self.has_much(element)

    def has_much(self, element: etree._Element) -> bool:
        """Return whether an element and its like hold much of the page's prose.

        Alike are siblings of the same tag and class. Hidden ones must hold most of it: a page that
        a script shows.
        """
        hidden = traits_of(element).hidden
        kind = (element.getparent(), element.tag, class_without_digits(element), hidden)
        if kind not in self._much:
            # in doubt it stays, where a page has so many that to measure all takes too long
            too_many = len(self._much) >= _MAX_MEASURED
            self._much[kind] = too_many or self._measures_much(element, hidden)
        return self._much[kind]

    def _measures_much(self, element: etree._Element, hidden: bool) -> bool:
        class_name = class_without_digits(element)
        alike = [element]
        for sibling in islice(element.itersiblings(element.tag), _MAX_SIBLINGS):
            if class_without_digits(sibling) == class_name and traits_of(sibling).hidden == hidden:
                alike.append(sibling)
        sizes = [size for other in alike for size in _prose_sizes(other)]
        if hidden:
            return sum(sizes) > _MOST * self.page_prose
        return (
            len(sizes) >= _MIN_PARAGRAPHS
            or (len(sizes) > 0 and sum(sizes) >= _MAX_SHARE * self.page_prose)
            or _holds_title(element)
        )


def class_without_digits(element: etree._Element) -> str:
    """Return the class of an element; digits number its siblings."""
    return _DIGITS.sub("", element.get("class") or "")


def _prose_sizes(element: etree._Element) -> list[int]:
    """Return the length of each longer text in an element."""
    return [
        len(text) for text in element.itertext() if len(text) > _MIN_PROSE and not text.isspace()
    ]


def _holds_title(element: etree._Element) -> bool:
    """Return whether an element holds the title of the page or, a header, of a section.

    The title of the site, which is a link to its front page, does not count.
    """
    counted = HEADINGS if element.tag == "header" else {"h1"}
    headings = list(element.iter(*counted))
    if any(heading.tag == "h1" and heading.find(".//a") is not None for heading in headings):
        return False
    return bool(headings) and next(element.iter("nav", "form"), None) is None


def short_text(element: etree._Element) -> str | None:
    """Return the visible text of an element, or None where it is long, as after an unclosed tag."""
    text = element.text or ""
    if len(element):
        inside = next(islice(element.iter(), _MAX_ELEMENTS, None), None)
        if inside is not None:  # it has more elements than that
            return None
        text = "".join(element.itertext())
    text = visible_text(text)
    return text if len(text) <= _MAX_SHORT else None


def visible_text(text: str) -> str:
    """Return visible text: entities decoded, invisible characters removed, white space collapsed.

    >>> visible_text("Nine&nbsp;traffickers\\n[ ]  were fined\u00ad.")
    'Nine traffickers were fined.'
    """
    if "&" in text and _ENTITY.search(text):
        text = html.unescape(text)  # double-escaped by the site
    text = clean_text(text)
    may_have_brackets = "]" in text or ")" in text
    if may_have_brackets and _BRACKETS.search(text):
        return _EMPTY_BRACKETS.sub("", text).strip()
    return text


def is_sentence(text: str) -> bool:
    """Return whether a line ends with sentence punctuation.

    >>> is_sentence("No shelter opened.”"), is_sentence("Conduct of Officials")
    (True, False)
    """
    return _SENTENCE_END.search(text[-6:]) is not None
