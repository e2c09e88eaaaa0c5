"""What a reader passes on that is no prose of the report: references, notes, contents, dates, addresses, names of icons.

Such a passage says nothing of a government: it has scores but no labels (`Classifier.tag_passages`), and is not counted as a
passage of the report. The heading above it says so ("REFERENCES"), or its own words do. When in doubt a passage is prose.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from tipclassify.text.document import Passage
from tipclassify.text.segmentation.sections import without_enumerator

__all__ = ["is_furniture", "is_prose"]

_NAMES: Final = frozenset(
    """reference references bibliography cited endnotes endnote footnotes footnote notes contents citations abbreviations
    acronyms acknowledgements acknowledgments""".split()
)
_BESIDE: Final = frozenset(
    "and of the to list table tables figures selected select works sources end foot text".split()
)
_WORD: Final = re.compile(r"[^\W\d_]+")

_LONGEST: Final = 400  # characters; entries of a bibliography are shorter
_SHORT: Final = 30  # dates, addresses of mail and names of icons are shorter
_MONTH: Final = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?"
    r"|Nov(?:ember)?|Dec(?:ember)?)\.?"
)
_DATE: Final = (
    rf"(?:(?:{_MONTH}\s(?:\d\d?,\s?)?|\d\d?\s{_MONTH},?\s)?(?:19|20)\d\d|{_MONTH}\s\d\d?|\d\d?\s{_MONTH}"
    r"|\d{4}-\d\d-\d\d|\d\d?[/.]\d\d?[/.](?:\d\d){1,2})(?!\w)"
)
_NAME: Final = r"[A-Z][\w'’-]*(?:\s[A-Z][\w'’-]*){0,3}"
_STATES: Final = r"(?:[Ll]ast\s)?(?:[Aa]ccessed|Retrieved|Enacted|Adopted|Published|Posted|Updated|Released|Cited)"
# One part of a reference or an address, with the marks behind it. Parts are matched one after the other and none is read
# again, so that time is linear in the text.
_PART: Final = re.compile(
    rf"""(?:
      (?:{_STATES}(?:\son)?:?\s)?{_DATE}
    | (?:(?:Available|Retrieved|Accessed)(?:\s(?:at|from|online))?:?\s)?(?:https?://|www\.)\S+
    | (?:E-?mail:\s)?[\w.+-]{{1,64}}@[\w-]+\.[\w.-]+
    | (?:Tel|Telephone|Phone|Fax)[.:]{{1,2}}\s[+()\d][\d()\s.–-]{{5,}}
    | (?:Ibid|Idem|Op\.\s?cit|Loc\.\s?cit)\b[.,]*(?:\s(?:at|pp?\.|paras?\.|art\.))?(?:\s?\d+(?:[–-]\d+)?)?
    | U\.?S\.?\sEmbassy(?:\s?[–—-]\s?|\s){_NAME}(?:,?\s[Oo]fficials?)?(?=[.,;:]|\Z)
    | (?:E-?mail\s)?[Cc]ommunication\s(?:to|with)\s[A-Z]\w*\s[Oo]fficials?(?=[.,;]|\Z)
    | (?:Reporting|(?:Source\s)?[Oo]n\sfile)(?=[.,;]|\Z)
    | P\.?\s?O\.?\sBox\s\d+
    | \d{{1,5}}\s{_NAME}\s(?:Street|St\.|Avenue|Ave\.|Road|Rd\.|Boulevard|Blvd\.)(?:,?\s[NS]\.?[EW]\b\.?)?
    | {_NAME}(?:,\s(?:[A-Z]{{2}}|D\.C\.)\s\d{{5}}|:\s(?:(?:The\s)?{_NAME},\s)?(?={_DATE}))
    )[\s.,;:)\]]*""",
    re.VERBOSE,
)
_NUMBER: Final = re.compile(r"[\[(]?\d{1,3}[\])]?[.:]?\s+(?=[A-Zhw])")
_AUTHOR: Final = re.compile(rf"{_NAME},\s[A-Z][\w'’-]*\.\s")
_NO_WORDS: Final = re.compile(r"[\W\d_]*|[a-z0-9]+(?:_[a-z0-9]+)+(?:\s[a-z0-9]+(?:_[a-z0-9]+)+)*")
_LEADERS: Final = re.compile(r"(?:\.\s?){4}|…{2}")  # dots that lead to a page number
# How longer references begin or end.
_STARTS: Final = (
    *"0123456789([",
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
)
_ENDS: Final = tuple(digit + mark for digit in "0123456789" for mark in ("", "."))


def is_prose(passage: Passage) -> bool:
    """Whether a tagged passage counts as one of the report's own: what has a label always does."""
    return bool(passage.labels) or not is_furniture(passage.text, passage.section)


def is_furniture(text: str, section: str | None = None) -> bool:
    """Whether a passage is a reference, note, date, address or the like, by the heading above it or by its own words.

    >>> is_furniture("Courts convicted nine traffickers.", "VIII. REFERENCES")
    True
    >>> is_furniture("U.S. Embassy- Port Alba. Reporting. January 2, 2022.")
    True
    >>> is_furniture("14. Ostrander, Mila. Children of the kilns. Port Alba: Harbor Press, 2019. https://kilns.example/1")
    True
    >>> is_furniture("On January 2, 2022, police arrested nine traffickers.", "Protection")
    False
    """
    return (section is not None and _holds_no_prose(section)) or (_may_be_reference(text) and _is_reference(text))


@lru_cache(maxsize=1_024)
def _holds_no_prose(section: str) -> bool:
    """Whether a heading, or one of joined ones, names references, notes, contents or abbreviations, and nothing else."""
    for heading in section.split(": "):
        words = set(_WORD.findall(without_enumerator(heading).lower()))
        if not words.isdisjoint(_NAMES) and words <= _NAMES | _BESIDE:
            return True
    return False


def _may_be_reference(text: str) -> bool:
    """Whether a text need be looked at closely: most sentences neither begin nor end with a figure."""
    size = len(text)
    return size < _SHORT or (size <= _LONGEST and (text.startswith(_STARTS) or text.endswith(_ENDS) or "://" in text))


def _is_reference(text: str) -> bool:
    text = text.strip()
    number = _NUMBER.match(text)
    if _NO_WORDS.fullmatch(text) or _all_parts(text, 0) or (number and _all_parts(text, number.end())):
        return True
    if number or _AUTHOR.match(text):  # an entry of a bibliography: its last sentence says when or where it came out
        last = text.rfind(". ", 0, len(text) - 1) + 2
        return last > 1 and _all_parts(text, last)
    return text[-1:].isdigit() and _LEADERS.search(text) is not None


def _all_parts(text: str, start: int) -> bool:
    """Whether the text from `start` on is made of parts of references alone."""
    at = start
    while at < len(text):
        part = _PART.match(text, at)
        if not part:
            return False
        at = part.end()
    return at > start
