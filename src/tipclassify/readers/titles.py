"""Choose the title of a report from the first page of its text.

One in a file's metadata counts if the page has it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tipclassify.readers.countries import detect_country_and_year
from tipclassify.readers.countries.names import country_named, fold_country_name
from tipclassify.readers.publication import is_masthead
from tipclassify.text.sections import (
    heading_without_enumerator,
    standard_section_of_line,
)

__all__ = ["TitleLine", "is_stale_title", "title_of_first_page"]

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
    """A paragraph of the first page."""

    text: str
    heading: bool
    size: float = 0.0  # of its type; of files without sizes, higher headings are larger


def is_stale_title(title: str, first_page: str) -> bool:
    """Return whether a title of a file's metadata is that of another document, or of none.

    The first page lacks its words, or has it as its letterhead.

    >>> is_stale_title("Questions to Norvia", "QUESTIONS TO  NORVIA")
    False
    >>> is_stale_title("Questions to Qatar", "Questions to Norvia")
    True
    """
    if is_masthead(title):
        return True
    page = fold_country_name.__wrapped__(first_page[:_MAX_PAGE])  # not to be kept in its cache
    joined = page.replace(" ", "")  # the letters of a word may stand apart
    words = fold_country_name(title).split()
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
    headings = [line for line in lines if line.heading and _may_be_report_title(line.text)]
    if not headings:
        return None
    title = _title_above_country(lines, body_size)
    if title is not None:
        return title
    larger = [line for line in headings if line.size > body_size * _LARGER]
    if larger:
        return _title_without_note_marks(_largest_heading_of_first_page(larger).text)
    return _title_without_note_marks(lines[0].text) if lines[0] is headings[0] else None


def _title_above_country(lines: Sequence[TitleLine], body_size: float) -> str | None:
    """Return what stands above the heading that is a country's name, and the name."""
    countries = [
        at
        for at, line in enumerate(lines)
        if at > 0 and line.heading and _title_is_country(line.text)
    ]
    if len(countries) != 1:  # several are those of a list
        return None
    country = lines[countries[0]]
    above = lines[countries[0] - 1]
    kind = _title_without_note_marks(_LEGAL_BASIS.split(above.text)[0])
    is_sentence = len(kind) > _MAX_KIND or kind.endswith((".", ";", ",", "?", "!"))
    if country.size < body_size or is_sentence or _country_in_title(kind) is not None:
        return None
    return f"{kind}: {_title_without_note_marks(country.text)}"


def _largest_heading_of_first_page(headings: Sequence[TitleLine]) -> TitleLine:
    """Return the heading in the largest type; without a country, the first that names one."""
    largest = max(headings, key=lambda line: line.size)
    if _country_in_title(largest.text) is not None:
        return largest
    for heading in headings:
        if _country_in_title(heading.text):
            return heading
    return largest


def _title_without_note_marks(text: str) -> str:
    """Return a text without the marks of notes at its end."""
    return text.rstrip(_NOTE_MARKS)


def _may_be_report_title(text: str) -> bool:
    return standard_section_of_line(text) is None and heading_without_enumerator(text) == text


def _title_is_country(text: str) -> bool:
    return country_named(fold_country_name(text)) is not None


def _country_in_title(text: str) -> str | None:
    return detect_country_and_year(text, "", "")[0]
