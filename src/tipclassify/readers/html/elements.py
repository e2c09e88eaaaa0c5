"""Classify elements of a web page as boilerplate by tag, attributes and share of the page's prose.

The rules are the same for every site. Class names mislead (a wrapper called "with-sidebar" holds everything), so that
no name decides alone: its share of the prose, alone or with its group, and a title or main text in it count too.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

from tipclassify.readers.html.page import HEADINGS, Page

__all__ = ["PLAIN", "Elements", "Traits", "traits_of"]

_NEUTRAL, _HIDDEN, _LIKELY, _SURE = range(4)  # evidence for boilerplate in an element's attributes
_MIN_PARAGRAPHS: Final = 8  # of prose; an element with more is kept unless the level is sure
_MAX_KEPT: Final = 300  # elements checked at most; bounds the quadratic time of nested wrappers


class Traits(NamedTuple):
    """Hold the classification of an element by its tag and attributes.

    Attributes
    ----------
    level : int
        Evidence for boilerplate: 0 none, 1 hidden, 2 likely, 3 sure.
    group : str
        Tag, class and id without digits; elements with equal ones form a group.
    bold, heading, notes : bool
        Its text is bold; its class or role is that of a heading; it holds footnotes.
    """

    level: int = _NEUTRAL
    group: str = ""
    bold: bool = False
    heading: bool = False
    notes: bool = False


PLAIN: Final = Traits()
"""Traits of an element without evidence of anything."""

_BY_TAG: Final = {
    **dict.fromkeys("nav menu footer amp-sidebar amp-social-share amp-consent amp-user-notification".split(), _SURE),
    **dict.fromkeys("aside form dialog header".split(), _LIKELY),
}
_BY_ROLE: Final = {
    **dict.fromkeys("navigation banner search contentinfo menu menubar toolbar tablist".split(), _SURE),
    **dict.fromkeys("dialog alertdialog complementary".split(), _LIKELY),
}


def _names(words: str) -> re.Pattern[str]:
    return re.compile(rf"(?:^|[\s_-])(?:{'|'.join(words.split())})(?=[\s_-]|$)")


# Containers are classified by class and id; text elements by class, and only without prose; inline elements only by
# names for invisible text.
_CONTAINER_TAGS: Final = frozenset("div section aside ul ol dl nav header footer form figure dialog center".split())
_TEXT_TAGS: Final = frozenset("article p table li dd dt blockquote button label".split())
_INVISIBLE_NAMES: Final = _names(
    r"""skip-?links?(?!-+target) skip-?nav jump-link sr-only visuallyhidden visually-hidden screen-reader(?:-\w+)?
    a11y-hidden element-invisible assistive-text mw-editsection editsection material-icons material-symbols-\w+ mw-jump
    print-?only noprint back-?to-?top"""
)
# Words of a class or id, camelCase split: sure ones hold prose by others than the author; likely ones may also name a
# section of the author or a wrapper around everything.
_SURE_NAMES: Final = _names(
    r"""breadcrumbs? crumbs? cookies? cookiebar gdpr onetrust ccpa optanon cookiebot wm-ipp(?:-\w+)? donato
    share-?bar share-?links sharedaddy addtoany a2a addthis social-?(?:media|links|icons|share|nav) shariff
    newsletter mailchimp signup sign-up comments comment-(?:list|respond|form|body|content|reply) respond disqus
    related-?(?:content|pages|posts|articles|stories|links|news)? relatedposts yarpp\w* jp-related\w* recommended recirc
    read-?(?:next|also) most-(?:read|popular) more-(?:stories|news|from) trending also-like up-next outbrain taboola
    navbox catlinks printfooter hatnote ambox mbox sitesub contentsub infobox infobox-\w+
    vector-(?:menu|toc|dropdown|appearance|header|sticky)(?:-\w+)* pagination pager page-numbers nav-links
    post-navigation report-builder byline-share advertisement ad-?(?:slot|unit|container|wrapper|banner|box) adsbygoogle
    author-(?:bio|box|card|info) about-author twitter-tweet instagram-media usa-banner usa-footer usa-identifier
    usa-skipnav msotoc\d msoheader msofooter teasers?"""
)
_LIKELY_NAMES: Final = _names(
    r"""nav navbar navigation main-?nav mininav sub-?nav side-?nav site-?nav nav-?bar menu mega-?menu
    sub-?menu off-?canvas toc table-of-contents contents-list contents footer foot site-?footer colophon sidebar
    side-?bar right-?rail rail left-?(?:col|column|nav) right-?(?:col|column|nav) widget widgets widget-area tags
    taglist tag-list tagcloud post-tags entry-meta post-meta article-meta report-meta popup pop-up modal overlay
    lightbox banner promo promotions? callout-box cta utility toolbar top-?bar tool-?box tools search searchbox
    search-form masthead site-?header global-header page-actions actions alert alerts announcement notice-bar
    language-switcher lang-switch languages locale archive-?(?:banner|notice) disclaimer copyright
    legal-(?:notice|links) login account cart donate donation country-(?:list|select|picker|nav|menu) countries
    list-of-countries filters? report-nav dropdown carousel slider byline dateline timestamp date-display credits?
    share sharing social skip subscribe subscription consent feedback page-?feedback rating to-?top advert
    advertising ads dfp sponsored"""
)
_PANEL_NAMES: Final = _names(
    r"tabs? tab-\w+ tabpanel tabs-panel panel panel-\w+ pane accordion accordion-\w+ collaps\w* toggle \w+-toggle "
    r"expand\w* details faq answer elementor-tab-content"
)
_NOTE_NAMES: Final = _names(r"footnotes? endnotes? references reflist fn-list notes msofootnotetext msoendnotetext")
_HEADING_NAMES: Final = _names(
    r"heading section-(?:title|heading|head) sub-?heading sub-?head subtitle msotitle msoheading\d h[2-5]"
)
_BOLD: Final = re.compile(r"font-weight:\s*(?:bold|[6-9]00)", re.IGNORECASE)
_INVISIBLE_STYLE: Final = re.compile(r"display:\s*none|visibility:\s*hidden", re.IGNORECASE)
_INVISIBLE_CLASS: Final = re.compile(r"(?:^|\s)(?:hidden|hide|d-none|is-hidden)(?=\s|$)")
_RESPONSIVE: Final = re.compile(r"(?:^|\s)(?:xs|sm|md|lg|xl)[:-]|-(?:xs|sm|md|lg|xl)-|visible-")
_CAMEL: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
_WRAPPER_NAMES: Final = re.compile(
    r"(?:^|(?<=\s))(?:(?:has|with|no|without|js|layout)[-_]|(?:tag|category|topic)[-_](?!list|cloud|links))[\w-]+"
)
_DIGITS: Final = re.compile(r"\d+")
_BOILERPLATE_LABEL: Final = re.compile(
    r"breadcrumbs?|share\b.*|cookie\b.*|.*\b(?:navigation|menu)|pagination|footer|social\b.*", re.IGNORECASE
)
_ATTRIBUTE: Final = re.compile(r' (class|id|role|hidden|aria-hidden|aria-label|style)(?:="([^"]*)"|(?= |$))')
_MAX_CLASS_LENGTH: Final = 1_000  # characters of a class attribute; longer ones are generated
_SITE_NAME: Final = re.compile(r"\b(?:site|logo|brand)", re.IGNORECASE)
_ID: Final = re.compile(r' id="([^"]*)"')


@lru_cache(maxsize=4_096)
def traits_of(tag: str, attributes: str) -> Traits:
    """Classify an element by its tag and its serialized attributes.

    >>> traits_of("div", ' class="socialShare"').level, traits_of("div", ' class="entry-content"').level
    (3, 0)
    """
    level = _BY_TAG.get(tag, _NEUTRAL)
    found = dict(_ATTRIBUTE.findall(attributes)) if attributes else {}
    if not found:
        return Traits(level, tag) if level else PLAIN
    names, anchor, style, role = (found.get(name, "") for name in ("class", "id", "style", "role"))
    container = tag in _CONTAINER_TAGS
    plain, identifier = _normalize_names(names), _normalize_names(anchor) if container and tag != "section" else ""
    notes = role in ("doc-endnotes", "doc-footnote") or _NOTE_NAMES.search(plain) is not None
    level = max(level, _BY_ROLE.get(role, _NEUTRAL))
    if container and _BOILERPLATE_LABEL.fullmatch(found.get("aria-label", "")):
        level = _SURE
    if not notes and level < _SURE:
        level = max(level, _name_level(tag, plain)) or _name_level(tag, identifier)
        notes = level == _NEUTRAL and _NOTE_NAMES.search(identifier) is not None
    if "display:none" in style and "max-height:0" in style:
        level = _SURE  # preview text of an e-mail
    if (
        level == _NEUTRAL
        and _is_invisible(found, names, style)
        and role != "tabpanel"
        and not _PANEL_NAMES.search(plain)
    ):
        level = _HIDDEN
    bold = _BOLD.search(style) is not None
    heading = role == "heading" or (tag in ("p", "div") and _HEADING_NAMES.search(plain) is not None)
    if not (level or bold or heading or notes):
        return PLAIN
    return Traits(level, f"{tag} {_DIGITS.sub('', plain + anchor).strip()}", bold, heading, notes)


def _normalize_names(names: str) -> str:
    """Normalize class names: lower case, camelCase split, without modifiers (``has-…``) and topics of a post."""
    return _WRAPPER_NAMES.sub("", _CAMEL.sub("-", names[:_MAX_CLASS_LENGTH]).lower())


def _name_level(tag: str, names: str) -> int:
    if _INVISIBLE_NAMES.search(names):
        return _SURE
    if tag in _CONTAINER_TAGS:
        return _SURE if _SURE_NAMES.search(names) else _LIKELY if _LIKELY_NAMES.search(names) else _NEUTRAL
    return _LIKELY if tag in _TEXT_TAGS and _SURE_NAMES.search(names) else _NEUTRAL


def _is_invisible(found: dict[str, str], names: str, style: str) -> bool:
    return (
        found.get("hidden", "until-found") != "until-found"
        or found.get("aria-hidden") == "true"
        or _INVISIBLE_STYLE.search(style) is not None
        or (_INVISIBLE_CLASS.search(names) is not None and not _RESPONSIVE.search(names))
    )


class Elements:
    """Hold the traits of a page's elements and decide which are boilerplate."""

    def __init__(self, page: Page) -> None:
        self.page = page
        judged = HEADINGS | {""}
        self.traits = [
            PLAIN if name in judged or name[0] == "/" else traits_of(name, attributes)
            for name, attributes in zip(page.names, page.attributes, strict=True)
        ]
        self._kept = 0
        self._prose_by_group: dict[str, int] = {}
        last: dict[str, int] = {}
        for tag, traits in enumerate(self.traits):
            group = self._group(traits)
            if group and tag > last.get(group, -1):
                last[group] = page.ends[tag]
                prose = page.prose_between(tag, page.ends[tag])
                self._prose_by_group[group] = self._prose_by_group.get(group, 0) + prose

    def is_boilerplate(self, tag: int) -> bool:
        """Return whether an element is boilerplate; one with much of the page's prose is not."""
        if not self.traits[tag].level or self._kept >= _MAX_KEPT:
            return False
        boilerplate = self._should_remove(tag)
        self._kept += not boilerplate
        return boilerplate

    def is_header_of_section(self, tag: int) -> bool:
        """Return whether a header element belongs to a section of the text: it has a heading and no menu."""
        inside = {*self.page.names[tag : self.page.ends[tag]]}
        return not inside.isdisjoint(HEADINGS) and inside.isdisjoint(("nav", "form", "ul", "a", "h1"))

    def _should_remove(self, tag: int) -> bool:
        page, traits, end = self.page, self.traits[tag], self.page.ends[tag]
        prose = page.prose_between(tag, end)
        share = prose / (page.prose or 1)
        share_of_group = self._prose_by_group.get(self._group(traits), 0) / (page.prose or 1)
        if traits.level == _HIDDEN:
            # Tab panels are also hidden until a script shows them: a button controls them, or together they hold much
            # of the page. A copy of visible text, for small screens, is removed.
            copied = prose > 0 and page.texts.count(max(page.texts[tag + 1 : end + 1], key=len)) > 1
            return prose == 0 or copied or (share_of_group < 0.1 and not self._is_shown_by_button(tag))
        if page.first("main", tag, end) is not None:
            return False
        if traits.level == _SURE:
            return share < 0.6 or prose < 250
        return (
            (share < 0.34 or prose < 300)
            and page.paragraphs_between(tag, end) < _MIN_PARAGRAPHS
            and not (prose and page.names[tag] in _TEXT_TAGS and page.names[tag] != "article")
            and not self._holds_title(tag, end)
            and not ((share >= 0.2 or not page.prose) and page.first("article", tag, end) is not None)
            and (prose == 0 or share_of_group < 0.34)
        )

    def _group(self, traits: Traits) -> str:
        return "hidden" if traits.level == _HIDDEN else f"{traits.level} {traits.group}" if traits.level else ""

    def _is_shown_by_button(self, tag: int) -> bool:
        found = _ID.search(self.page.attributes[tag])
        return found is not None and any(f' aria-controls="{found[1]}"' in other for other in self.page.attributes)

    def _holds_title(self, tag: int, end: int) -> bool:
        """Return whether an element holds the title of the page, not that of the site."""
        title = self.page.first("h1", tag, end)
        if title is None:
            return False
        return self.page.names[title + 1 : title + 2] != ["a"] and not _SITE_NAME.search(self.page.attributes[title])
