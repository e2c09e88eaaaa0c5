"""What of a web page is the site around the text: menus, banners, lists of links, lines that every site has.

Elements are judged by what they are (``nav``, ``footer``, …) and by the words of their class and id, lines by their
links and wording, the same for every site; nothing is looked up by the address of the page. Names mislead (a wrapper
called "with-sidebar" holds everything), so the reader lets no name overrule the share of the page's prose that an
element holds: see `tipclassify.readers.markup`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import groupby
from typing import Final, NamedTuple

from tipclassify.sections import named_section

__all__ = [
    "HIDDEN",
    "LIKELY",
    "NEUTRAL",
    "PLAIN",
    "SURE",
    "Line",
    "Nature",
    "is_sentence",
    "is_stock",
    "is_title",
    "nature_of",
    "without_furniture",
]

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


class Line(NamedTuple):
    """A block of text as the page has it.

    Attributes
    ----------
    text : str
        White space folded.
    kind : str
        "heading", "title" (a heading by its class), "text", "item" (of a list) or "row" (of a table).
    linked : float
        Share of it that is link.
    bold : bool
        All of it is bold.
    notes : bool
        It stands among footnotes.
    level : int
        Of a heading: 1 to 6.
    """

    text: str
    kind: str = "text"
    linked: float = 0.0
    bold: bool = False
    notes: bool = False
    level: int = 0


# ------------------------------------------------------------------------------------------------ elements

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


# ------------------------------------------------------------------------------------------------ lines

_SENTENCE_END: Final = re.compile(r"[.!?…:;][\"”’')\]]*$")
_SENTENCE_MARKS: Final = frozenset(".!?…:;")
_MONTHS: Final = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|"
    r"oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_DATE: Final = (
    rf"(?:[a-z]{{3,9}},?\s)?(?:\d{{1,2}}\s{_MONTHS}\.?,?|{_MONTHS}\.?\s\d{{1,2}},|\d{{1,2}}[./]\d{{1,2}}[./])\s?\d{{4}}"
)
_STATES: Final = (
    r"(?:(?:first|last|date|page)\s)*(?:updated|modified|reviewed|published|posted|created|released|accessed)"
)
_NO_END: Final = r"(?<![.!?])"  # of a sentence
# Lines that stand on every site, whole, in lower case.
_STOCK_LINE: Final = re.compile(
    rf"""(?:skip|jump)\ (?:directly\ )?to\ .{{0,40}}
    |(?:back|return|go|scroll)\ to\ (?:the\ )?top.{{0,3}}|top(?:\ of\ (?:the\ )?page)?
    |(?:share|tweet|e-?mail|print|pin|like|save|bookmark|copy|send|listen)(?:\ (?:this|the|on|via|by|to|with|a|it|
        page|article|story|post|report|link|friend|facebook|twitter|x|linkedin|whatsapp|telegram|reddit|e-?mail|
        print|save|share|tweet|url|your|network|and|or))*\W*
    |follow\ (?:us|@).*|find\ us\ on.*|join\ us\ on.*
    |(?:read|show|load|learn)\ (?:more|next|also|less)\b.{{0,80}}|(?:see|view|show)\ (?:more|all)\b.{{0,80}}{_NO_END}
    |continue\ reading.*|click\ here.*|more\ (?:on|from)\ .{{2,60}}{_NO_END}
    |(?:download|view|open|get|read)\ (?:the\ |this\ |a\ )?(?:full\ |complete\ )?(?:report|pdf|document|file|publication|
        translations?|word|version)s?\b[^.;]{{0,40}}|translations?|pdf(?:\ version)?|printer[- ]friendly.*
    |(?:table\ of\ )?contents|(?:in|on)\ this\ (?:section|report|article|page|chapter|story)(?:\ /.{{0,60}})?\W*
    |quick\ (?:links|facts)|jump\ to\ .{{0,40}}|navigation(?:\ menu)?|main\ (?:menu|navigation)
    |(?:related|similar|recommended|latest|popular|trending|featured|more|other|top)\ (?:content|reports?|articles?|
        stor(?:y|ies)|links?|posts?|pages?|topics?|documents?|news|publications?|resources?|reading|items?|countries)\W*
    |(?:filed|posted|tagged|categori[sz]ed)\ (?:under|in|as|with)\b.*{_NO_END}|(?:tags?|topics?|categor(?:y|ies)|keywords?)\ ?:.*
    |{_STATES}(?:\ (?:on|at|by|in))?\W{{0,3}}{_DATE}.{{0,90}}{_NO_END}|{_DATE}(?:[,\ |·•-]+\d\d?[:.h]\d\d.{{0,20}})?
    |{_STATES}\W*|\d{{1,2}}\s{_MONTHS}|\d+\ (?:second|minute|hour|day|week|month|year)s?\ ago
    |(?:{_STATES}\W{{0,3}})?\d+\ min(?:ute)?s?(?:\ read)?
    |advertisements?|sponsored(?:\ content)?|promoted
    |menu|close|search(?:\ for)?\W*|home|loading\W*|toggle\ .{{2,20}}|(?:open|close|main)\ menu|expand(?:\ all)?|collapse(?:\ all)?
    |prev(?:ious)?(?:\ (?:page|post|article|chapter|section))?|next(?:\ (?:page|post|article|chapter|section))?
    |(?:older|newer)\ posts|hide|edit|log\ ?in|sign\ in|register|donate(?:\ now)?|subscribe|contact(?:\ us)?|about(?:\ us)?
    |you\ are\ here\b.*|(?:photo|image|picture)s?(?:\ credit)?s?\ ?[:©].{{0,90}}|credit\ ?:.{{0,60}}
    |(?:leave|post|add)\ a\ (?:comment|reply).*|\d+\ (?:comments?|shares?|likes?|views?)|no\ comments.*|comments?(?:\ \(\d+\))?
    |comments\ are\ closed.*|log\ in\ to\ .*|(?:was|is)\ this\ (?:page|article|information|content)\ (?:helpful|useful).*
    |report\ (?:a\ problem|an\ (?:error|issue)).*|give\ (?:us\ )?feedback.*|thank\ you\ for\ your\ feedback.*
    |(?:sign\ up|subscribe)\ (?:(?:to|for)\ )?(?:our|the\ latest|this|get|receive|updates|news|e-?mails?|alerts|now|today)\b.{{0,160}}
    |get\ (?:our|the\ latest)\ .{{0,120}}
    |(?:©|\(c\)\ ?\d{{4}}|copyright\ (?:©|\(c\)|notice|\d{{4}})).{{0,200}}|.{{0,120}}all\ rights\ reserved\W*
    |(?:(?:privacy|cookies?|terms|accessibility|legal|disclaimers?|sitemap|site\ map|imprint|foia|contact|feedback)
        (?:\ (?:policy|notice|statement|of\ (?:use|service)|(?:&|and)\ conditions|settings|preferences|us|page))*[\s|·•,/&-]*)+
    |by\ .{{2,80}}{_DATE}.{{0,120}}{_NO_END}|here[’']s\ how\ you\ know|an\ official\ website\ of\ .*|.{{0,40}}\[\d[\d.,]*\ ?[km]b\]
    """,
    re.VERBOSE,
)
_BYLINE: Final = re.compile(r"By (?:[A-Z][\w.'’-]+ ?){1,4}(?:(?:,|and|&|\||·) ?(?:[A-Z][\w.'’-]+ ?){1,4}){0,3}")
# Words that no report says, wherever they stand in a line.
_STOCK_WORDS: Final = re.compile(
    r"""\b(?:use|uses|using)\ (?:of\ )?(?:\w+\ ){0,3}cookies\b|\b(?:accept|reject|manage|necessary|essential)\ (?:all\ )?cookies
    |cookies?\ (?:policy|settings|preferences|notice|statement)|(?:enable|turn\ on|requires?|without)\ javascript
    |official\ websites?\ use\ \.gov|belongs\ to\ an\ official\ government|connected\ to\ the\ \.gov|secure\ \.gov\ websites
    |construed\ as\ an\ endorsement\ of\ the\ views|archive\ site\ is\ not\ updated|viewing:?\ archived\ content
    |information\ released\ online\ from|(?:web\ ?site|site)\ is\ managed\ by\ the\b|wayback\ machine\ -\ http
    |protected\ by\ recaptcha|email\ address\ will\ not\ be\ published|required\ fields\ are\ marked
    |(?:our|weekly|daily|monthly|email)\ newsletter|support\ our\ (?:work|journalism)\b.{0,40}\bdonat
    |manages\ this\ site\ as\ a\ portal|open\ government\ licen[cs]e|creative\ commons
    |you\ are\ receiving\ this|\bunsubscribe\b|not\ a\ unhcr\ publication
    |(?:your|this)\ browser\ (?:does\ not|is\ (?:not|out))|by\ continuing\ to\ (?:use|browse)\ (?:this|our)\b""",
    re.IGNORECASE | re.VERBOSE,
)
# Of which lines must have one to be searched.
_STOCK_HINTS: Final = (
    *"cookie javascript .gov newsletter browser archive wayback recaptcha email endorsement unsubscribe".split(),
    *("managed by", "continuing to", "support our", "released online", "unhcr publication", "are receiving"),
    *("site as a portal", "government licen", "creative commons"),
)
_LEADERS: Final = re.compile(r"(?:\.\s?){4,}\d+$|…{2,}\s*\d+$")
_LONGEST_STOCK: Final = 200
_LONGEST_NOTICE: Final = 900
_EDGE: Final = 15  # lines
_SECTION_NUMBER: Final = re.compile(r"(?:section|chapter|part)\s+(?:\d+|[ivx]+)\W*", re.IGNORECASE)
_PROSE_WORDS: Final = 8
_TITLE_WORDS: Final = 14
_LIST_OF_NAMES: Final = 15  # short entries in a row that make a picker of countries, not a list in a report


def without_furniture(lines: Sequence[Line]) -> list[Line]:
    """The lines of a page that are its text.

    >>> [line.text for line in without_furniture([Line("Back to top"), Line("Police arrested nine traffickers.")])]
    ['Police arrested nine traffickers.']
    """
    kept = [line for line in _without_links(lines) if not is_stock(line.text) and not _is_part_number(line)]
    # Notices stand at the edges of a page; the body of a long one need not be searched.
    kept = [*_without_notices(kept[:_EDGE]), *kept[_EDGE:-_EDGE], *_without_notices(kept[_EDGE:][-_EDGE:])]
    kept = [line for run in _runs_of_names(kept) for line in run]
    return _without_ends(kept)


def is_sentence(text: str) -> bool:
    """Whether a line ends as sentences do."""
    return text[-1:] in _SENTENCE_MARKS or _SENTENCE_END.search(text[-6:]) is not None


def is_title(text: str) -> bool:
    """Whether a line is short and ends as headings do."""
    return bool(text) and text.count(" ") < _TITLE_WORDS and not text.endswith((".", ";", ",", "!", "?"))


def _without_links(lines: Sequence[Line]) -> Iterator[Line]:
    """Lines but for menus: links alone, and several headings of links one after another."""
    for linked, group in groupby(lines, key=lambda line: line.linked > 0.95 and not line.notes):
        run = list(group)
        if not linked:
            yield from (line for line in run if line.linked < 0.6 or line.notes or is_sentence(line.text))
        elif all(line.kind == "heading" for line in run) and len(run) < 3:
            yield from run
        elif len(run) == 1 and named_section(run[0].text):
            yield run[0]._replace(linked=0.0)  # the head of a panel
        elif len(run) == 1 and run[0].kind != "heading" and len(run[0].text) >= 120 and is_sentence(run[0].text):
            yield run[0]
        else:
            yield from (line for line in run[-1:] if line.kind == "heading")


def is_stock(text: str) -> bool:
    """Whether a line stands on every site, or holds no words."""
    if len(text) > _LONGEST_STOCK:
        return False
    if _STOCK_LINE.fullmatch(text.lower()) or (text.startswith("By ") and _BYLINE.fullmatch(text)):
        return True
    if text[-1:].isdigit() and _LEADERS.search(text):
        return True
    return not (text[0].isalnum() or any(char.isalnum() for char in text))


def _is_part_number(line: Line) -> bool:
    return line.kind == "text" and len(line.text) < 20 and _SECTION_NUMBER.fullmatch(line.text) is not None


def _without_notices(lines: list[Line]) -> list[Line]:
    text = "\n".join([line.text for line in lines]).lower()
    hints = [hint for hint in _STOCK_HINTS if hint in text]
    return [line for line in lines if not (hints and _is_notice(line.text, hints))]


def _is_notice(text: str, hints: Sequence[str]) -> bool:
    folded = text.lower()
    return (
        len(text) <= _LONGEST_NOTICE
        and any(map(folded.__contains__, hints))
        and _STOCK_WORDS.search(folded) is not None
    )


def _runs_of_names(lines: Sequence[Line]) -> Iterator[list[Line]]:
    for names, group in groupby(lines, key=_is_name):
        run = list(group)
        if not names or len(run) < _LIST_OF_NAMES:
            yield [line for line in run if not _is_string_of_names(line)]


def _is_name(line: Line) -> bool:
    text = line.text
    return line.kind in ("text", "item") and len(text) <= 45 and text[:1].isupper() and not is_sentence(text)


def _is_string_of_names(line: Line) -> bool:
    if is_sentence(line.text) or line.kind in ("row", "heading"):
        return False
    words = line.text.split()
    return (
        len(words) >= _LIST_OF_NAMES
        and not re.search(r"[.;:!?]", line.text)
        and sum(word[:1].isupper() for word in words) >= 0.85 * len(words)
    )


def _is_prose(text: str) -> bool:
    return is_sentence(text) and text.count(" ") >= _PROSE_WORDS - 1


def _without_ends(lines: list[Line]) -> list[Line]:
    """Lines but for what stands before the first heading or sentence and after the last: dates, names, captions."""
    firm = [number for number, line in enumerate(lines) if _is_prose(line.text) and line.kind != "heading"]
    if len(firm) < 3:
        return lines
    first, last = firm[0], firm[-1]
    title = next((number for number, line in enumerate(lines) if line.kind == "heading"), first)
    head = [line for line in lines[: min(title, first)] if not _is_loose(line) and line.kind not in ("item", "row")]
    under = [
        line for line in lines[title:first] if not _is_loose(line) and (line.kind != "row" or is_sentence(line.text))
    ]
    tail = [line for line in lines[last + 1 :] if not _is_loose(line)]
    while tail and tail[-1].kind == "heading":
        tail.pop()
    return head + under + lines[first : last + 1] + tail


def _is_loose(line: Line) -> bool:
    plain = line.kind == "text" and not line.bold and not line.notes
    return plain and not is_sentence(line.text) and line.text.count(" ") < _PROSE_WORDS
