"""Recognize stock phrases of websites: lines of menus, share bars, bylines and notices, in a page or in copied text."""

from __future__ import annotations

import re
from functools import cache

__all__ = ["is_stock"]

_MAX_STOCK = 200  # characters


def is_stock(text: str) -> bool:
    """Test whether a line is a stock phrase of websites, or has no letters or digits.

    >>> is_stock("Share this page"), is_stock("Share of victims who were children")
    (True, False)
    """
    if len(text) > _MAX_STOCK:
        return False
    return _phrases().fullmatch(text.lower()) is not None or not any(char.isalnum() for char in text)


@cache
def _phrases() -> re.Pattern[str]:
    """Compile the phrases, whole lines in lower case."""
    month = (
        r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|"
        r"oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
    )
    date = rf"(?:[a-z]{{3,9}},?\s)?(?:\d\d?\s{month}\.?,?|{month}\.?\s\d\d?,|\d\d?[./]\d\d?[./])\s?\d{{4}}"
    dated = r"(?:(?:first|last|date|page)\s)*(?:updated|modified|reviewed|published|posted|created|released|accessed)"
    unfinished = r"(?<![.!?])"  # no sentence
    return re.compile(
        rf"""(?:skip|jump|back|return|go|scroll)\ (?:directly\ )?to\ .{{0,40}}|top(?:\ of\ (?:the\ )?page)?
        |(?:share|tweet|e-?mail|print|pin|like|save|copy|listen|facebook|twitter|x|linkedin|whatsapp|telegram|instagram)
            (?:\ (?:this|the|on|via|by|to|with|a|page|article|story|post|report|link|friend|facebook|twitter|x|linkedin
            |whatsapp|telegram|e-?mail|print|save|share|tweet|url|and|or))*\W*
        |follow\ (?:us|@).*|(?:find|join)\ us\ on.*
        |(?:read|show|load|learn|see|view)\ (?:more|next|also|less|all)\b.{{0,80}}{unfinished}
        |(?:read|see)\ (?:more|also):.*|(?:continue|keep)\ reading.*|(?:you\ (?:may|might)\ )?also\ like.*|click\ here.*
        |.{{0,40}}continues\ below.{{0,30}}
        |(?:download|view|open|get|read)\ (?:the\ |this\ |a\ )?(?:full\ |complete\ )?(?:report|pdf|document|file
            |publication|translations?|version)s?\b[^.;]{{0,40}}|translations?|pdf(?:\ version)?|printer[- ]friendly.*
        |(?:table\ of\ )?contents|(?:in|on)\ this\ (?:section|report|article|page|chapter|story)(?:\ /.{{0,60}})?\W*
        |(?:main\ |quick\ |site\ )?(?:navigation|menu|links)(?:\ menu)?|timeline
        |(?:related|similar|recommended|latest|popular|trending|featured|more|most|other|top)\ (?:content|reports?|read
            |articles?|stor(?:y|ies)|links?|posts?|pages?|topics?|documents?|news|resources?|reading|countries)\W*
        |(?:filed|posted|tagged|categori[sz]ed)\ (?:under|in|as|with)\b.*{unfinished}
        |(?:tags?|topics?|categor(?:y|ies)|keywords?)(?:\ ?:.*)?|(?:article|author|source|date|country)\W*
        |(?:{dated}(?:\ (?:on|at|by|in))?\W{{0,3}})?{date}(?:.{{0,20}}\d\d?[:.h]\d\d.{{0,20}})?
        |{dated}\W{{0,3}}{date}.{{0,90}}{unfinished}
        |{dated}\W*|\d{{1,2}}\s{month}|\d+\ (?:second|minute|hour|day|week|month|year)s?\ ago
        |\d+\ min(?:ute)?s?(?:\ read)?
        |advertisements?|sponsored(?:\ content)?|close|search(?:\ for)?\W*|home|loading\W*|toggle\ .{{2,20}}
        |(?:expand|collapse)(?:\ all)?|(?:prev(?:ious)?|next)(?:\ (?:page|post|article|chapter|section))?
        |hide|edit|log\ ?in|sign\ in|register|donate(?:\ now)?|subscribe|contact(?:\ us)?|about(?:\ us)?
        |(?:photo|image|picture)s?(?:\ credit)?s?\ ?[:©].{{0,90}}|credit\ ?:.{{0,60}}
        |(?:leave|post|add)\ a\ (?:comment|reply).*|(?:\d+|no)\ (?:comments?|shares?|likes?|views?).*{unfinished}
        |(?:sign\ up|subscribe)\ (?:to|for)\ .{{0,160}}|(?:©|\(c\)\ ?\d{{4}}|copyright\ (?:©|notice|\(c\)|\d{{4}})).*
        |.*all\ rights\ reserved\W*|.*\b(?:privacy\ policy|(?:accept|manage)\ (?:all\ )?cookies|creative\ commons)\b.*
        |.*(?:\.\s?){{4,}}\d+|you\ are\ receiving\ this\b.*|.*\b(?:uses?|about)\ cookies\b.*
        |by\ .{{2,80}}{date}.{{0,120}}{unfinished}|(?:an\ )?official\ website.*|here[’']s\ how\ you\ know
        """,
        re.VERBOSE,
    )
