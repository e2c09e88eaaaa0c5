"""Detect references, addresses and the like, which become no passages.

These are references, notes, contents, dates, addresses, signatures, and stock phrases of websites.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Final

from tipclassify.text.sections import names_non_prose

_MAX_REFERENCE: Final = 400  # characters; bibliography entries are shorter
_MAX_STOCK: Final = 200  # characters; longer lines are no stock phrases
_MAX_SHORT: Final = 30  # characters; dates, e-mail addresses and icon names are shorter
MONTH: Final = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?"
    r"|Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)"
)
_DATE: Final = (
    rf"(?:(?:{MONTH}\.?\s(?:\d\d?,\s?)?|\d\d?\s{MONTH}\.?,?\s)?(?:19|20)\d\d"
    rf"|{MONTH}\.?\s\d\d?|\d\d?\s{MONTH}\.?"
    r"|\d{4}-\d\d-\d\d|\d\d?[/.]\d\d?[/.](?:\d\d){1,2})(?!\w)"
)
# Where in a document: "paras. 27–28", "p. 3", "annex II"; and a document of an international body:
# "CCPR/C/SVN/CO/3".
_PLACE: Final = (
    r"(?:paragraphs?|paras?|pages?|pp?|articles?|arts?|annex(?:es)?|chap(?:ter)?|sect(?:ion)?"
    r"|recommendations?)"
    r"\.?\s?(?:\d[\d.–-]*|[IVX]+)(?:\s?\([a-z]+\))*"
    r"(?:(?:,?\s(?:and\s)?|[–-]|;\s|,)(?:\d[\d.–-]*|\([a-z]+\))(?:\s?\([a-z]+\))*)*"
)
_SEE: Final = r"(?:[Ss]ee(?:\s[Aa]lso)?\s?:?\s|(?:[Aa]nd|[Ii]n|[Aa]lso)\s)"
_SYMBOL: Final = r"(?=[^\s,;]*\d)[A-Z][A-Z.\d]*(?:/[A-Z\d][\w.()-]*){2,}"
_NAME: Final = r"[A-Z][\w'’-]*(?:\s[A-Z][\w'’-]*){0,3}"
_DATE_LABELS: Final = (
    r"(?:[Ll]ast\s)?"
    r"(?:[Aa]ccessed|Retrieved|Enacted|Adopted|Published|Posted|Updated|Released|Cited)"
)
# One part of a reference or an address, with its trailing punctuation. Parts are matched one after
# the other without backtracking into earlier ones, so that time is linear in the length of the
# text.
_PART: Final = re.compile(
    rf"""(?:
      (?:{_DATE_LABELS}(?:\son)?:?\s)?{_DATE}
    | (?:(?:Available|Retrieved|Accessed)(?:\s(?:at|from|online))?:?\s)?(?:https?://|www\.)\S+
    | (?:E-?mail:\s)?[\w.+-]{{1,64}}@[\w-]+\.[\w.-]+
    | (?:Tel|Telephone|Phone|Fax)[.:]{{1,2}}\s[+()\d][\d()\s.–-]{{5,}}
    | (?:Ibid|Idem|Op\.\s?cit|Loc\.\s?cit)\b[.,]*(?:\s(?:at|pp?\.|paras?\.|art\.))?
        (?:\s?\d+(?:[–-]\d+)?)?
    | U\.?S\.?\sEmbassy(?:\s?[–—-]\s?|\s){_NAME}(?:,?\s[Oo]fficials?)?(?=[.,;:]|\Z)
    | (?:E-?mail\s)?[Cc]ommunication\s(?:to|with)\s[A-Z]\w*\s[Oo]fficials?(?=[.,;]|\Z)
    | (?:Reporting|(?:Source\s)?[Oo]n\sfile)(?=[.,;]|\Z)
    | {_SEE}?(?:{_SYMBOL}|{_PLACE}(?!\w))
    | {_SEE}?[A-Z][\w/’-]*(?:[\s:]\s?[A-Z][\w/’-]*){{0,3}}(?:\s[Ss]ubmission)?,?\s?
        (?={_PLACE}(?!\w))
    | {_SEE}(?=[Ii]bid\b|www\.|https?:|{_DATE})
    | For\s(?:the\s)?(?:relevant\s)?(?:the\s)?(?:recommendations?|full\stext),?\ssee\s
        (?={_SYMBOL}|www\.|https?:)
    | P\.?\s?O\.?\sBox\s\d+
    | \d{{1,5}}\s{_NAME}\s(?:Street|St\.|Avenue|Ave\.|Road|Rd\.|Boulevard|Blvd\.)
        (?:,?\s[NS]\.?[EW]\b\.?)?
    | {_NAME}(?:,\s(?:[A-Z]{{2}}|D\.C\.)\s\d{{5}}|:\s(?:(?:The\s)?{_NAME},\s)?(?={_DATE}))
    )[\s.,;:)\]]*""",
    re.VERBOSE,
)
_LANGUAGE: Final = r"(?:English|French|Spanish|Arabic|Chinese|Russian)"
_LANGUAGES: Final = rf"{_LANGUAGE}(?:(?:/|,\s|\sand\s){_LANGUAGE})*"
_ORDINAL: Final = (
    r"(?:first|second|third"
    r"|(?:four|fif|six|seven|eigh|nin|ten|eleven|twelf|[a-z]{3,5}teen|[a-z]{3,5}tie)th)"
)
_ORGAN: Final = (
    r"(?:United\sNations|General\sAssembly|Security\sCouncil|Economic\sand\sSocial\sCouncil)"
)
# One part of what stands around the title of a document of the United Nations: by itself, or only
# beside others. A single letter is the first part of a symbol, in large type.
_MASTHEAD_PART: Final = re.compile(
    rf"""(?:(?P<own>
      {_ORGAN}\s(?:\|\s)?(?:[AES]\Z|(?={_SYMBOL}|Distr\b))
    | Distr\.:?(?:\s(?:General|Limited|Restricted)(?!\w))?
    | (?:General|Limited|Restricted)\s(?={_SYMBOL})
    | Original:\s{_LANGUAGES}(?!\w) | \[{_LANGUAGES}\sonly\]
    | GE\.\d\d-\d{{4,6}}(?:\s\([A-Z]\))?(?:\s+\d{{6}})*(?!\w)
    | Agenda\sitems?\s\d+(?:\s?\([a-z]\))?(?!\w)
    | (?:Human\sRights\sCouncil\s)?(?:[a-z]+-)?{_ORDINAL}\ssession\Z
    | {_DATE}\s{_LANGUAGES}\Z
    | \d\d?(?:\s{MONTH})?[–-]\d\d?\s{MONTH}\s(?:19|20)\d\d(?!\w)
    )
    | {_DATE} | {_SYMBOL} | {_LANGUAGES}(?!\w)
    )[\s.,;:]*""",
    re.VERBOSE | re.IGNORECASE,
)
_MAX_MASTHEAD: Final = 120  # characters
_NUMBER: Final = re.compile(r"[\[(]?\d{1,3}[\])]?[.:]?\s+(?=[A-Zhw])")
_AUTHOR: Final = re.compile(rf"{_NAME},\s[A-Z][\w'’-]*\.\s")
_NO_WORDS: Final = re.compile(r"[\W\d_]*|[a-z0-9]+(?:_[a-z0-9]+)+(?:\s[a-z0-9]+(?:_[a-z0-9]+)+)*")
_QUOTED: Final = re.compile(r"[\"“][^\"“”]+[\"”],?\s+")  # a title, before its date
# mean characters of a word from which names of icons were copied without spaces
_MIN_GLUED: Final = 12
_GLUED: Final = re.compile(r"[a-zA-Z-]{30}")
# dot leaders before a page number; short ones have nothing but numbers after them
_LEADERS: Final = re.compile(r"(?:\.\s?){4}|…{2}|(?:\.{3}|…)\s?\d[\d\s–-]*\Z")
_DIGITS: Final = tuple("0123456789")
# Beginnings and endings of references of `_MAX_SHORT` characters or more.
_REFERENCE_STARTS: Final = (
    *_DIGITS,
    "(",
    "[",
    "U.S. Embassy",
    "US Embassy",
    "Ibid",
    "Op",
    "Loc",
    "E-mail",
    "Email",
    "P.O.",
    "P. O.",
    "www.",
    "See ",
)
_REFERENCE_ENDS: Final = (*_DIGITS, *(f"{digit}." for digit in _DIGITS), ").")
# Phrases anywhere in a line, and the quick test for a line that may have one.
_COOKIE_WORDS: Final = (
    "accept|manage|use|uses|about|settings|preferences|website|site|browser|device|consent|policy"
)
_NOTICE: Final = re.compile(
    r".*all rights reserved\W*"
    r"|.*\b(?:privacy policy|creative commons)\b.*"
    r"|.*(?:\.\s?){4,}\d+"
    rf"|(?=.*\bcookies\b).*\b(?:{_COOKIE_WORDS})\b.*"
)
# The end of a statement: names and offices without a verb, "Mila Ostrander, Chief Executive Officer".
_OFFICE: Final = r"(?:Chief|Managing|Director|Chair\w*|CEO|CFO|Secretary|President|Board)"
_SIGNATURE: Final = re.compile(
    rf"(?:(?:Signed|Approved)(?: by)?:? )?(?=[^.;:!?]*\b{_OFFICE}\b)"
    r"[A-Z][\w.'’-]*(?:(?:,| [–—|-])? (?:(?:of|the|and|for|on|behalf) ){0,4}[A-Z&][\w.'’-]*){1,14}"
    r"(?:,? \d{1,2}(?: [A-Z][a-z]+)? \d{4})?\W*"
)
_MAX_SIGNATURE: Final = 120  # characters
_NOTICE_WORDS: Final = re.compile(
    r"rights reserved|privacy policy|cookies|creative commons|(?:\.\s?){4}"
)


def is_non_prose(text: str, section: str | None = None) -> bool:
    """Test whether a text is a reference or the like, by its section's heading or own words.

    >>> is_non_prose("Courts convicted nine traffickers.", "VIII. REFERENCES")
    True
    >>> is_non_prose("U.S. Embassy- Port Alba. Reporting. January 2, 2022.")
    True
    >>> is_non_prose("14. Ostrander, Mila. Children of the kilns. Port Alba: Harbor Press, 2019.")
    True
    >>> is_non_prose("CCPR/C/KRV/CO/3, paras. 27–28. See also A/HRC/14/20.")
    True
    >>> is_non_prose("UNHCR submission, p. 3."), is_non_prose("Timeline")
    (True, True)
    >>> is_non_prose("arrow-downarrow-leftburgerchevron-downchevron-leftclosefacebook")
    True
    >>> is_non_prose("On January 2, 2022, police arrested nine traffickers.", "Protection")
    False
    """
    if section is not None and _names_non_prose(section):
        return True
    return (
        (_may_be_reference(text) and _is_reference(text))
        or (len(text) <= _MAX_STOCK and _is_notice(text.lower()))
        or (len(text) <= _MAX_SIGNATURE and _SIGNATURE.fullmatch(text) is not None)
        or _has_no_spaces(text)
        or is_un_masthead(text)
    )


@lru_cache(maxsize=1_024)
def _names_non_prose(section: str) -> bool:
    """Test whether a heading, or one of the joined ones, names references or the like only."""
    return any(names_non_prose(heading) for heading in section.split(": "))


def _may_be_reference(text: str) -> bool:
    """Rule out most sentences cheaply, before the slow patterns."""
    size = len(text)
    if size < _MAX_SHORT:
        return True
    if size > _MAX_REFERENCE:
        return False
    return text.startswith(_REFERENCE_STARTS) or text.endswith(_REFERENCE_ENDS) or "://" in text


def _is_reference(text: str) -> bool:
    """Test whether a text is a reference, an address, a date or a stock phrase."""
    text = text.strip()
    if len(text) < _MAX_SHORT and is_stock_phrase(text):
        return True
    if _NO_WORDS.fullmatch(text) or _has_parts_only(text, 0):
        return True
    number = _NUMBER.match(text)
    title = _QUOTED.match(text)
    if number and _has_parts_only(text, number.end()):
        return True
    if title and _has_parts_only(text, title.end()):
        return True
    # a bibliography entry: its last sentence gives date or place of publication
    if number or _AUTHOR.match(text):
        last = text.rfind(". ", 0, len(text) - 1) + 2
        return last > 1 and _has_parts_only(text, last)
    return is_contents_entry(text)


def is_un_masthead(text: str) -> bool:
    """Test whether a text is part of the masthead or imprint of a United Nations document.

    >>> texts = ("General Assembly | Distr.: General 4 May 2013", "GE.13-19010", "4 May 2013")
    >>> [is_un_masthead(text) for text in texts]
    [True, True, False]
    """
    if len(text) > _MAX_MASTHEAD:
        return False
    at = 0
    has_own_part = False
    while at < len(text):
        part = _MASTHEAD_PART.match(text, at)
        if not part:
            return False
        has_own_part = has_own_part or part["own"] is not None
        at = part.end()
    return has_own_part


def is_contents_entry(text: str) -> bool:
    """Test whether a line of a table of contents ends with dot leaders and a page number.

    >>> is_contents_entry("II. Courts of the north ... 5 - 94 3"), is_contents_entry("In May 2013")
    (True, False)
    """
    return text[-1:].isdigit() and _LEADERS.search(text) is not None


def _has_no_spaces(text: str) -> bool:
    """Test whether a text is a run of names without spaces."""
    return (
        text.count(" ") * _MIN_GLUED < len(text)
        and _GLUED.search(text) is not None
        and "://" not in text
    )


def _has_parts_only(text: str, start: int) -> bool:
    """Test whether the text from `start` on consists of parts of references only."""
    at = start
    while at < len(text):
        part = _PART.match(text, at)
        if not part:
            return False
        at = part.end()
    return at > start


def is_stock_phrase(text: str) -> bool:
    """Test whether a line is a stock phrase of websites, or has no letters or digits.

    >>> is_stock_phrase("Share this page")
    True
    >>> is_stock_phrase("Share of victims who were children")
    False
    """
    if len(text) > _MAX_STOCK:
        return False
    folded = text.lower()
    return _is_notice(folded) or _stock_phrases().fullmatch(folded) is not None


def _is_notice(folded: str) -> bool:
    """Test whether a short text in lower case is a notice of a website on rights or cookies."""
    return bool(_NOTICE_WORDS.search(folded)) and _NOTICE.fullmatch(folded) is not None


@cache
def _stock_phrases() -> re.Pattern[str]:
    """Compile the phrases, whole lines in lower case."""
    month = MONTH.lower()
    date = (
        r"(?:[a-z]{3,9},?\s)?"
        rf"(?:\d\d?\s{month}\.?,?|{month}\.?\s\d\d?,|\d\d?[./]\d\d?[./])\s?\d{{4}}"
    )
    dated = (
        r"(?:(?:first|last|date|page)\s)*"
        r"(?:updated|modified|reviewed|published|posted|created|released|accessed)"
    )
    unfinished = r"(?<![.!?])"  # no sentence
    return re.compile(
        rf"""(?:skip|jump|back|return|go|scroll)\ (?:directly\ )?to\ .{{0,40}}
        |top(?:\ of\ (?:the\ )?page)?
        |(?:share|tweet|e-?mail|print|pin|like|save|copy|listen
            |facebook|twitter|x|linkedin|whatsapp|telegram|instagram)
            (?:\ (?:this|the|on|via|by|to|with|a|page|article|story|post|report|link|friend
            |facebook|twitter|x|linkedin|whatsapp|telegram|e-?mail
            |print|save|share|tweet|url|and|or))*\W*
        |follow\ (?:us|@).*|(?:find|join)\ us\ on.*
        |(?:read|show|load|learn|see|view)\ (?:more|next|also|less|all)\b.{{0,80}}{unfinished}
        |(?:read|see)\ (?:more|also):.*|(?:continue|keep)\ reading.*
        |(?:you\ (?:may|might)\ )?also\ like.*|click\ here.*
        |.{{0,40}}continues\ below.{{0,30}}
        |(?:download|view|open|get|read)\ (?:the\ |this\ |a\ )?(?:full\ |complete\ )?
            (?:report|pdf|document|file|publication|translations?|version)s?\b[^.;]{{0,40}}
        |translations?|pdf(?:\ version)?|printer[- ]friendly.*
        |(?:table\ of\ )?contents
        |(?:in|on)\ this\ (?:section|report|article|page|chapter|story)(?:\ /.{{0,60}})?\W*
        |(?:main\ |quick\ |site\ )?(?:navigation|menu|links)(?:\ menu)?|timeline
        |(?:related|similar|recommended|latest|popular|trending|featured|more|most|other|top)
            \ (?:content|reports?|read|articles?|stor(?:y|ies)|links?|posts?|pages?|topics?
            |documents?|news|resources?|reading|countries)\W*
        |(?:filed|posted|tagged|categori[sz]ed)\ (?:under|in|as|with)\b.*{unfinished}
        |(?:tags?|topics?|categor(?:y|ies)|keywords?)(?:\ ?:.*)?
        |(?:article|author|source|date|country)\W*
        |(?:{dated}(?:\ (?:on|at|by|in))?\W{{0,3}})?{date}(?:.{{0,20}}\d\d?[:.h]\d\d.{{0,20}})?
        |{dated}\W{{0,3}}{date}.{{0,90}}{unfinished}
        |{dated}\W*|\d{{1,2}}\s{month}|\d+\ (?:second|minute|hour|day|week|month|year)s?\ ago
        |\d+\ min(?:ute)?s?(?:\ read)?
        |advertisements?|sponsored(?:\ content)?|close|search(?:\ for)?\W*|home|loading\W*
        |toggle\ .{{2,20}}
        |(?:expand|collapse)(?:\ all)?
        |(?:prev(?:ious)?|next)(?:\ (?:page|post|article|chapter|section))?
        |hide|edit|log\ ?in|sign\ in|register|donate(?:\ now)?|subscribe
        |contact(?:\ us)?|about(?:\ us)?
        |(?:photo|image|picture)s?(?:\ credit)?s?\ ?[:©].{{0,90}}|credit\ ?:.{{0,60}}
        |(?:leave|post|add)\ a\ (?:comment|reply).*
        |(?:\d+|no)\ (?:comments?|shares?|likes?|views?).*{unfinished}
        |(?:sign\ up|subscribe)\ (?:to|for)\ .{{0,160}}
        |(?:©|\(c\)\ ?\d{{4}}|copyright\ (?:©|notice|\(c\)|\d{{4}})).*
        |you\ are\ receiving\ this\b.*|[\W_]*
        |by\ .{{2,80}}{date}.{{0,120}}{unfinished}
        |(?:an\ )?official\ website.*|here[’']s\ how\ you\ know
        """,
        re.VERBOSE,
    )
