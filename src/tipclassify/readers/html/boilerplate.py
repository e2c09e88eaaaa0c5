"""Remove boilerplate lines of a web page: lists of links and names, stock phrases, captions at its edges.

Lines of a page come in, those of its text go out. The rules are links and wording, the same for every site.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from tipclassify.readers.html.lines import Line, is_sentence
from tipclassify.text.segmentation.sections import named_section

__all__ = ["is_stock", "without_boilerplate"]

_EDGE_LINES: Final = 15  # lines
_SECTION_NUMBER: Final = re.compile(r"(?:section|chapter|part)\s+(?:\d+|[ivx]+)\W*", re.IGNORECASE)
_MIN_PROSE_WORDS: Final = 8
_MIN_NAMES: Final = 15  # consecutive short entries: a country picker rather than a list in a report
_MONTHS: Final = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|"
    r"oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_DATE: Final = (
    rf"(?:[a-z]{{3,9}},?\s)?(?:\d{{1,2}}\s{_MONTHS}\.?,?|{_MONTHS}\.?\s\d{{1,2}},|\d{{1,2}}[./]\d{{1,2}}[./])\s?\d{{4}}"
)
_DATE_VERBS: Final = (
    r"(?:(?:first|last|date|page)\s)*(?:updated|modified|reviewed|published|posted|created|released|accessed)"
)
_NOT_SENTENCE_END: Final = r"(?<![.!?])"
# Stock phrases of websites: whole lines, in lower case.
_STOCK_PHRASE: Final = re.compile(
    rf"""(?:skip|jump)\ (?:directly\ )?to\ .{{0,40}}
    |(?:back|return|go|scroll)\ to\ (?:the\ )?top.{{0,3}}|top(?:\ of\ (?:the\ )?page)?
    |(?:share|tweet|e-?mail|print|pin|like|save|bookmark|copy|send|listen)(?:\ (?:this|the|on|via|by|to|with|a|it|
        page|article|story|post|report|link|friend|facebook|twitter|x|linkedin|whatsapp|telegram|reddit|e-?mail|
        print|save|share|tweet|url|your|network|and|or))*\W*
    |follow\ (?:us|@).*|find\ us\ on.*|join\ us\ on.*
    |(?:read|show|load|learn)\ (?:more|next|also|less)\b.{{0,80}}
    |(?:see|view|show)\ (?:more|all)\b.{{0,80}}{_NOT_SENTENCE_END}
    |continue\ reading.*|click\ here.*|more\ (?:on|from)\ .{{2,60}}{_NOT_SENTENCE_END}
    |(?:download|view|open|get|read)\ (?:the\ |this\ |a\ )?(?:full\ |complete\ )?(?:report|pdf|document|file|
        publication|translations?|word|version)s?\b[^.;]{{0,40}}|translations?|pdf(?:\ version)?|printer[- ]friendly.*
    |(?:table\ of\ )?contents|(?:in|on)\ this\ (?:section|report|article|page|chapter|story)(?:\ /.{{0,60}})?\W*
    |quick\ (?:links|facts)|jump\ to\ .{{0,40}}|navigation(?:\ menu)?|main\ (?:menu|navigation)
    |(?:related|similar|recommended|latest|popular|trending|featured|more|other|top)\ (?:content|reports?|articles?|
        stor(?:y|ies)|links?|posts?|pages?|topics?|documents?|news|publications?|resources?|reading|items?|countries)\W*
    |(?:filed|posted|tagged|categori[sz]ed)\ (?:under|in|as|with)\b.*{_NOT_SENTENCE_END}
    |(?:tags?|topics?|categor(?:y|ies)|keywords?)\ ?:.*
    |{_DATE_VERBS}(?:\ (?:on|at|by|in))?\W{{0,3}}{_DATE}.{{0,90}}{_NOT_SENTENCE_END}
    |{_DATE}(?:[,\ |·•-]+\d\d?[:.h]\d\d.{{0,20}})?
    |{_DATE_VERBS}\W*|\d{{1,2}}\s{_MONTHS}|\d+\ (?:second|minute|hour|day|week|month|year)s?\ ago
    |(?:{_DATE_VERBS}\W{{0,3}})?\d+\ min(?:ute)?s?(?:\ read)?
    |advertisements?|sponsored(?:\ content)?|promoted
    |menu|close|search(?:\ for)?\W*|home|loading\W*|toggle\ .{{2,20}}|(?:open|close|main)\ menu
    |expand(?:\ all)?|collapse(?:\ all)?
    |prev(?:ious)?(?:\ (?:page|post|article|chapter|section))?|next(?:\ (?:page|post|article|chapter|section))?
    |(?:older|newer)\ posts|hide|edit|log\ ?in|sign\ in|register|donate(?:\ now)?|subscribe
    |contact(?:\ us)?|about(?:\ us)?
    |you\ are\ here\b.*|(?:photo|image|picture)s?(?:\ credit)?s?\ ?[:©].{{0,90}}|credit\ ?:.{{0,60}}
    |(?:leave|post|add)\ a\ (?:comment|reply).*|\d+\ (?:comments?|shares?|likes?|views?)|no\ comments.*
    |comments?(?:\ \(\d+\))?
    |comments\ are\ closed.*|log\ in\ to\ .*
    |(?:was|is)\ this\ (?:page|article|information|content)\ (?:helpful|useful).*
    |report\ (?:a\ problem|an\ (?:error|issue)).*|give\ (?:us\ )?feedback.*|thank\ you\ for\ your\ feedback.*
    |(?:sign\ up|subscribe)\ (?:(?:to|for)\ )?
        (?:our|the\ latest|this|get|receive|updates|news|e-?mails?|alerts|now|today)\b.{{0,160}}
    |get\ (?:our|the\ latest)\ .{{0,120}}
    |(?:©|\(c\)\ ?\d{{4}}|copyright\ (?:©|\(c\)|notice|\d{{4}})).{{0,200}}|.{{0,120}}all\ rights\ reserved\W*
    |(?:(?:privacy|cookies?|terms|accessibility|legal|disclaimers?|sitemap|site\ map|imprint|foia|contact|feedback)
        (?:\ (?:policy|notice|statement|of\ (?:use|service)|(?:&|and)\ conditions|settings|preferences|us|page))*
        [\s|·•,/&-]*)+
    |by\ .{{2,80}}{_DATE}.{{0,120}}{_NOT_SENTENCE_END}
    |here[’']s\ how\ you\ know|an\ official\ website\ of\ .*
    |.{{0,40}}\[\d[\d.,]*\ ?[km]b\]
    """,
    re.VERBOSE,
)
_BYLINE: Final = re.compile(r"By (?:[A-Z][\w.'’-]+ ?){1,4}(?:(?:,|and|&|\||·) ?(?:[A-Z][\w.'’-]+ ?){1,4}){0,3}")
# Words of site notices that reports do not use, anywhere in a line, in lower case.
_NOTICE_WORDS: Final = re.compile(
    r"""\b(?:(?:use|uses|using)\ (?:of\ )?(?:\w+\ ){0,3}cookies\b
    |(?:accept|reject|manage|necessary|essential)\ (?:all\ )?cookies
    |cookies?\ (?:policy|settings|preferences|notice|statement)|(?:enable|turn\ on|requires?|without)\ javascript
    |official\ websites?\ use\ \.gov|belongs\ to\ an\ official\ government|connected\ to\ the\ \.gov
    |secure\ \.gov\ websites
    |construed\ as\ an\ endorsement\ of\ the\ views|archive\ site\ is\ not\ updated|viewing:?\ archived\ content
    |information\ released\ online\ from|(?:web\ ?site|site)\ is\ managed\ by\ the\b|wayback\ machine\ -\ http
    |protected\ by\ recaptcha|email\ address\ will\ not\ be\ published|required\ fields\ are\ marked
    |(?:our|weekly|daily|monthly|email)\ newsletter|support\ our\ (?:work|journalism)\b.{0,40}\bdonat
    |manages\ this\ site\ as\ a\ portal|open\ government\ licen[cs]e|creative\ commons
    |you\ are\ receiving\ this|unsubscribe\b|not\ a\ unhcr\ publication
    |(?:your|this)\ browser\ (?:does\ not|is\ (?:not|out))|by\ continuing\ to\ (?:use|browse)\ (?:this|our)\b)""",
    re.VERBOSE,
)
_CONTENTS_ENTRY: Final = re.compile(r"(?:\.\s?){4,}\d+$|…{2,}\s*\d+$")
_MAX_STOCK_LINE: Final = 200
_MAX_NOTICE: Final = 900


def without_boilerplate(lines: Sequence[Line]) -> list[Line]:
    """Return the lines of a page without boilerplate.

    >>> [line.text for line in without_boilerplate([Line("Back to top"), Line("Police arrested nine traffickers.")])]
    ['Police arrested nine traffickers.']
    """
    kept = [line for line in _drop_link_lists(lines) if not is_stock(line.text) and not _is_part_number(line)]
    # Notices are at the edges of a page; in its body the same words are the author's.
    edges = {*range(_EDGE_LINES), *range(len(kept) - _EDGE_LINES, len(kept))}
    kept = [line for number, line in enumerate(kept) if number not in edges or not _is_notice(line.text)]
    return _trim_edges([line for run in _drop_name_lists(kept) for line in run])


def is_stock(text: str) -> bool:
    """Return whether a line is a stock phrase of websites, or has no letters or digits.

    >>> is_stock("Share this page"), is_stock("Share of victims who were children")
    (True, False)
    """
    if len(text) > _MAX_STOCK_LINE:
        return False
    stock = _STOCK_PHRASE.fullmatch(text.lower()) or _BYLINE.fullmatch(text) or _CONTENTS_ENTRY.search(text)
    return stock is not None or not any(char.isalnum() for char in text)


def _is_notice(text: str) -> bool:
    return len(text) <= _MAX_NOTICE and _NOTICE_WORDS.search(text.lower()) is not None


def _drop_link_lists(lines: Sequence[Line]) -> Iterator[Line]:
    """Yield lines outside menus: no runs of links, and no runs of linked headings."""
    for linked, group in groupby(lines, key=lambda line: line.linked > 0.95 and not line.notes):
        run = list(group)
        if not linked:
            yield from (line for line in run if line.linked < 0.6 or line.notes or is_sentence(line.text))
        elif all(line.kind == "heading" for line in run) and len(run) < 3:
            yield from run
        elif len(run) == 1 and named_section(run[0].text):
            yield run[0]._replace(linked=0.0)  # the heading of a panel
        elif len(run) == 1 and run[0].kind != "heading" and len(run[0].text) >= 120 and is_sentence(run[0].text):
            yield run[0]
        else:
            yield from (line for line in run[-1:] if line.kind == "heading")


def _is_part_number(line: Line) -> bool:
    return line.kind == "text" and len(line.text) < 20 and _SECTION_NUMBER.fullmatch(line.text) is not None


def _drop_name_lists(lines: Sequence[Line]) -> Iterator[list[Line]]:
    for names, group in groupby(lines, key=_is_name):
        run = list(group)
        if not names or len(run) < _MIN_NAMES:
            yield [line for line in run if not _is_name_line(line)]


def _is_name(line: Line) -> bool:
    text = line.text
    return line.kind in ("text", "item") and len(text) <= 45 and text[:1].isupper() and not is_sentence(text)


def _is_name_line(line: Line) -> bool:
    if is_sentence(line.text) or line.kind in ("row", "heading"):
        return False
    words = line.text.split()
    return (
        len(words) >= _MIN_NAMES
        and not re.search(r"[.;:!?]", line.text)
        and sum(word[:1].isupper() for word in words) >= 0.85 * len(words)
    )


def _is_prose(line: Line) -> bool:
    return line.kind != "heading" and is_sentence(line.text) and line.text.count(" ") >= _MIN_PROSE_WORDS - 1


def _trim_edges(lines: list[Line]) -> list[Line]:
    """Remove fragments before the first heading or sentence and after the last: dates, names, captions."""
    prose = [number for number, line in enumerate(lines) if _is_prose(line)]
    if len(prose) < 3:
        return lines
    first, last = prose[0], prose[-1]
    title = next((number for number, line in enumerate(lines) if line.kind == "heading"), first)
    head = [line for line in lines[: min(title, first)] if not _is_fragment(line) and line.kind not in ("item", "row")]
    under = [
        line for line in lines[title:first] if not _is_fragment(line) and (line.kind != "row" or is_sentence(line.text))
    ]
    tail = [line for line in lines[last + 1 :] if not _is_fragment(line)]
    while tail and tail[-1].kind == "heading":
        tail.pop()
    return head + under + lines[first : last + 1] + tail


def _is_fragment(line: Line) -> bool:
    plain = line.kind == "text" and not line.bold and not line.notes
    return plain and not is_sentence(line.text) and line.text.count(" ") < _MIN_PROSE_WORDS
