"""Choose the title of a report from the first page of its text.

One in a file's metadata counts if the page has it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tipclassify.readers.countries import country_and_year
from tipclassify.readers.countries.names import country_named, fold_name
from tipclassify.readers.publication import is_masthead
from tipclassify.text.segmentation.sections import named_section, without_enumerator

__all__ = ["TitleLine", "is_stale", "title_of_first_page"]

_LARGER: Final = 1.1  # times the size of the text
_MIN_LETTERS: Final = 4  # of a word that must stand on the page; shorter ones stand on every page
_MAX_PAGE: Final = 50_000  # characters
_MAX_KIND: Final = 160  # characters of what a document is, before the name of its country
_LEGAL_BASIS: Final = re.compile(
    r",?\s+(?:in accordance with|pursuant to|submitted (?:in|under)|as requested)\b", re.I
)
_NOTE_MARKS: Final = " *†‡"


@dataclass(frozen=True, slots=True)
class TitleLine:
    """A paragraph of the first page.

    It has its text, whether it is a heading, and its type size (larger is higher).
    """

    text: str
    heading: bool
    size: float = 0.0


def is_stale(title: str, first_page: str) -> bool:
    """Return whether a title of a file's metadata is none.

    The first page lacks its words, or has it as its letterhead.

    >>> is_stale("Questions to Norvia", "QUESTIONS TO  NORVIA"), is_stale("Questions to Qatar", "Questions to Norvia")
    (False, True)
    """
    if is_masthead(title):
        return True
    page = fold_name.__wrapped__(first_page[:_MAX_PAGE])  # not to be kept in its cache
    joined = page.replace(" ", "")  # the letters of a word may stand apart
    words = fold_name(title).split()
    long_words = [word for word in words if len(word) >= _MIN_LETTERS]
    if not long_words:
        return not set(words) <= set(page.split())
    return not all(word in joined for word in long_words)


def title_of_first_page(lines: Sequence[TitleLine], body_size: float) -> str | None:
    """Return the title among the paragraphs of a first page, or None.

    That is the heading in the largest type, if it is larger than the text, else the heading that
    opens the page. A country that has a heading to itself is put after what stands above it:
    "Report of the Working Group: Norvia".
    """
    lines = [line for line in lines if not is_masthead(line.text)]
    headings = [line for line in lines if line.heading and _may_be_title(line.text)]
    if not headings:
        return None
    countries = [
        at for at, line in enumerate(lines) if at and line.heading and _is_country(line.text)
    ]
    if len(countries) == 1:  # several are those of a list
        at = countries[0]
        kind = _LEGAL_BASIS.split(lines[at - 1].text)[0].rstrip(_NOTE_MARKS)
        ended = len(kind) > _MAX_KIND or kind.endswith((".", ";", ",", "?", "!"))
        if lines[at].size >= body_size and not ended and _country_in(kind) is None:
            return f"{kind}: {lines[at].text.rstrip(_NOTE_MARKS)}"
    larger = [line for line in headings if line.size > body_size * _LARGER]
    if not larger:
        return headings[0].text.rstrip(_NOTE_MARKS) if lines[0] is headings[0] else None
    title = max(larger, key=lambda line: line.size)
    if _country_in(title.text) is None:
        title = next((line for line in larger if _country_in(line.text)), title)
    return title.text.rstrip(_NOTE_MARKS)


def _may_be_title(text: str) -> bool:
    return named_section(text) is None and without_enumerator(text) == text


def _is_country(text: str) -> bool:
    return country_named(fold_name(text)) is not None


def _country_in(text: str) -> str | None:
    return country_and_year(text, "", "")[0]
