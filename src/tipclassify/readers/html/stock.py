"""Lines that stand on every site, told by their wording: buttons, dates of posting, notices of cookies and copyright."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from tipclassify.readers.html.lines import Line

__all__ = ["is_stock", "without_notices"]

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


def is_stock(text: str) -> bool:
    """Whether a line stands on every site, or holds no words.

    >>> is_stock("Share this page"), is_stock("Share of victims who were children")
    (True, False)
    """
    return len(text) <= _LONGEST_STOCK and _is_stock(text)


@lru_cache(maxsize=4_096)  # the reports of a year share most of their headings
def _is_stock(text: str) -> bool:
    if _STOCK_LINE.fullmatch(text.lower()) or (text.startswith("By ") and _BYLINE.fullmatch(text)):
        return True
    if text[-1:].isdigit() and _LEADERS.search(text):
        return True
    return not (text[0].isalnum() or any(char.isalnum() for char in text))


def without_notices(lines: Sequence[Line]) -> list[Line]:
    """Lines but for notices: sentences with words that no report says."""
    text = "\n".join([line.text for line in lines if len(line.text) <= _LONGEST_NOTICE]).lower()
    hints = [hint for hint in _STOCK_HINTS if hint in text]
    return [line for line in lines if not (hints and _is_notice(line.text, hints))]


def _is_notice(text: str, hints: Sequence[str]) -> bool:
    folded = text.lower()
    return (
        len(text) <= _LONGEST_NOTICE
        and any(map(folded.__contains__, hints))
        and _STOCK_WORDS.search(folded) is not None
    )
