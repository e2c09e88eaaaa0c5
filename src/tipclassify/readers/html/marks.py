"""What the marks of an element say of it: its tag, and the words of its class, id, role and style.

They are the same for every site; nothing is looked up by the address of the page. Names mislead (a wrapper called
"with-sidebar" holds everything), so that no name alone makes furniture of an element: see `tipclassify.readers.html.judging`.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

__all__ = ["HIDDEN", "LIKELY", "NEUTRAL", "PLAIN", "SURE", "Nature", "nature_of"]

NEUTRAL, HIDDEN, LIKELY, SURE = range(4)
"""How far an element's marks speak for furniture."""


class Nature(NamedTuple):
    """What the marks of an element say of it.

    Attributes
    ----------
    level : int
        `NEUTRAL`, `HIDDEN`, `LIKELY` or `SURE`.
    key : str
        Its names without numbers: elements of one kind share it.
    bold, heading, notes : bool
        It sets its text in bold; it is a heading in all but name; it holds footnotes.
    anchor : str
        Its id, which may be made from its heading ("social-protection") and then says nothing.
    """

    level: int = NEUTRAL
    key: str = ""
    bold: bool = False
    heading: bool = False
    notes: bool = False
    anchor: str = ""


PLAIN: Final = Nature()
"""The nature of most elements."""

_BY_TAG: Final = {
    **dict.fromkeys("nav menu footer amp-sidebar amp-social-share amp-consent amp-user-notification".split(), SURE),
    **dict.fromkeys("aside form dialog header".split(), LIKELY),
}
_BY_ROLE: Final = {
    **dict.fromkeys("navigation banner search contentinfo menu menubar toolbar tablist".split(), SURE),
    **dict.fromkeys("dialog alertdialog complementary".split(), LIKELY),
}


def _names(words: str) -> re.Pattern[str]:
    return re.compile(rf"(?:^|[\s_-])(?:{'|'.join(words.split())})(?=[\s_-]|$)")


# Of containers, class and id are judged; of parts of the text, only the class, by its sure words; of what stands inside
# a line, only by the words for what is not shown.
_CONTAINERS: Final = frozenset("div section aside ul ol dl nav header footer form figure dialog center".split())
_PARTS: Final = frozenset("article p table li dd dt blockquote button label".split())
_INLINE: Final = _names(
    r"""skip-?links?(?!-+target) skip-?nav jump-link sr-only visuallyhidden visually-hidden screen-reader(?:-\w+)?
    a11y-hidden element-invisible assistive-text mw-editsection editsection material-icons material-symbols-\w+ mw-jump
    print-?only noprint back-?to-?top"""
)
# Words of a class or id, camelCase parted: those for what no author would call the text, and those that are as often
# the name of a wrapper around it.
_SURE: Final = _names(
    r"""breadcrumbs? crumbs? cookies? cookiebar consent gdpr onetrust ccpa optanon cookiebot wm-ipp(?:-\w+)? donato
    skip share sharing share-?bar share-?links sharedaddy addtoany a2a addthis social social-?(?:media|links|icons|share|nav)
    shariff newsletter mailchimp signup sign-up subscribe subscription comments
    comment-(?:list|respond|form|body|content|reply) respond disqus related\w* yarpp\w* jp-related\w* recommended recirc
    read-?(?:next|also) most-(?:read|popular) more-(?:stories|news|from) trending also-like up-next outbrain taboola
    navbox catlinks printfooter hatnote ambox mbox sitesub contentsub infobox infobox-\w+
    vector-(?:menu|toc|dropdown|appearance|header|sticky)(?:-\w+)* pagination pager page-numbers nav-links post-navigation
    to-?top report-builder byline-share advert advertisement advertising ad-?(?:slot|unit|container|wrapper|banner|box) ads
    adsbygoogle dfp sponsored paywall author-(?:bio|box|card|info) about-author feedback page-?feedback rating
    twitter-tweet instagram-media usa-banner usa-footer usa-identifier usa-skipnav msotoc\d msoheader msofooter teasers?"""
)
_LIKELY: Final = _names(
    r"""nav navbar navigation main-?nav mininav sub-?nav side-?nav site-?nav nav-?bar menu mega-?menu sub-?menu off-?canvas
    toc table-of-contents contents-list contents footer foot site-?footer colophon sidebar side-?bar right-?rail rail
    left-?(?:col|column|nav) right-?(?:col|column|nav) widget widgets widget-area tags taglist tag-list tagcloud
    post-tags entry-meta post-meta article-meta report-meta popup pop-up modal overlay lightbox banner promo
    promotions? callout-box cta utility toolbar top-?bar tool-?box tools search searchbox search-form masthead
    site-?header global-header page-actions actions alert alerts announcement notice-bar language-switcher lang-switch
    languages locale archive-?(?:banner|notice) disclaimer copyright legal-(?:notice|links) login account cart donate
    donation country-(?:list|select|picker|nav|menu) countries list-of-countries filters? report-nav dropdown carousel slider
    byline dateline timestamp date-display credits?"""
)
_TEXT_PANEL: Final = _names(
    r"tabs? tab-\w+ tabpanel tabs-panel panel panel-\w+ pane accordion accordion-\w+ collaps\w* toggle \w+-toggle "
    r"expand\w* details faq answer elementor-tab-content"
)
_NOTES: Final = _names(r"footnotes? endnotes? references reflist fn-list notes msofootnotetext msoendnotetext")
_HEADING: Final = _names(
    r"heading section-(?:title|heading|head) sub-?heading sub-?head subtitle msotitle msoheading\d h[2-5]"
)
_BOLD: Final = re.compile(r"font-weight:\s*(?:bold|[6-9]00)", re.IGNORECASE)
_UNSEEN: Final = re.compile(r"display:\s*none|visibility:\s*hidden", re.IGNORECASE)
_UNSEEN_CLASS: Final = re.compile(r"(?:^|\s)(?:hidden|hide|d-none|is-hidden)(?=\s|$)")
_RESPONSIVE: Final = re.compile(r"(?:^|\s)(?:xs|sm|md|lg|xl)[:-]|-(?:xs|sm|md|lg|xl)-|visible-")
_CAMEL: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
_WITH: Final = re.compile(
    r"(?:^|(?<=\s))(?:(?:has|with|no|without|js|layout)[-_]|(?:tag|category|topic)[-_](?!list|cloud|links))[\w-]+"
)
_DIGITS: Final = re.compile(r"\d+")
_LABEL: Final = re.compile(
    r"breadcrumbs?|share\b.*|cookie\b.*|.*\b(?:navigation|menu)|pagination|footer|social\b.*", re.IGNORECASE
)
_ATTRIBUTE: Final = re.compile(r' (class|id|role|hidden|aria-hidden|aria-label|style)(?:="([^"]*)"|(?= |$))')
_LONGEST_NAMES: Final = 1_000  # of a class attribute; what follows is generated


@lru_cache(maxsize=4_096)
def nature_of(tag: str, attributes: str) -> Nature:
    """What an element is, by its tag and its attributes as they are serialised.

    >>> nature_of("div", ' class="socialShare"').level == SURE
    True
    >>> nature_of("div", ' class="entry-content"').level == NEUTRAL
    True
    """
    level = _BY_TAG.get(tag, NEUTRAL)
    marks = dict(_ATTRIBUTE.findall(attributes)) if attributes else {}
    if not marks:
        return Nature(level, tag) if level else PLAIN
    style = marks.get("style", "")
    role = marks.get("role", "")
    container = tag in _CONTAINERS
    plain = _folded(marks.get("class", ""))
    notes = role in ("doc-endnotes", "doc-footnote") or _NOTES.search(plain) is not None
    level = max(level, _BY_ROLE.get(role, NEUTRAL))
    if "aria-label" in marks and container and _LABEL.fullmatch(marks["aria-label"]):
        level = SURE
    anchor = ""
    if not notes and level < SURE:
        level = max(level, _level_of_names(tag, plain))
        if container and level == NEUTRAL and "id" in marks:
            anchor = marks["id"]
            level = _level_of_names(tag, _folded(anchor))
            notes = level == NEUTRAL and _NOTES.search(_folded(anchor)) is not None
    if "display:none" in style and "max-height:0" in style:
        level = SURE  # what mail programs show before a letter is opened
    if level == NEUTRAL and _is_unseen(marks, style) and role != "tabpanel" and not _TEXT_PANEL.search(plain):
        level = HIDDEN
    bold = bool(style) and _BOLD.search(style) is not None
    heading = role == "heading" or (tag in ("p", "div") and _HEADING.search(plain) is not None)
    if not (level or bold or heading or notes):
        return PLAIN
    key = f"{tag} {_DIGITS.sub('', plain + marks.get('id', '')).strip()}"
    return Nature(level, key, bold, heading, notes, anchor)


def _folded(names: str) -> str:
    """Names in lower case, camelCase parted, without what a wrapper has or lacks and the topics of a post."""
    return _WITH.sub("", _CAMEL.sub("-", names[:_LONGEST_NAMES]).lower()) if names else ""


def _level_of_names(tag: str, names: str) -> int:
    if not names:
        return NEUTRAL
    if _INLINE.search(names):
        return SURE
    if tag in _CONTAINERS:
        return SURE if _SURE.search(names) else LIKELY if _LIKELY.search(names) else NEUTRAL
    if tag in _PARTS and _SURE.search(names):
        return LIKELY if tag == "article" else SURE  # the class of an article names its topics, too
    return NEUTRAL


def _is_unseen(marks: dict[str, str], style: str) -> bool:
    names = marks.get("class", "")
    return (
        marks.get("hidden", "until-found") != "until-found"
        or marks.get("aria-hidden") == "true"
        or (bool(style) and _UNSEEN.search(style) is not None)
        or (_UNSEEN_CLASS.search(names) is not None and not _RESPONSIVE.search(names))
    )
