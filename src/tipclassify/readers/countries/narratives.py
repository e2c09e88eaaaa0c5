"""Find the countries of a book of country narratives, such as the TIP Report.

Each has a heading with its tier.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from tipclassify.readers.countries.names import country_named, fold_country_name
from tipclassify.readers.countries.subject import detect_country_and_year
from tipclassify.text.document import Document
from tipclassify.text.sections import standard_section_of_line

__all__ = ["with_countries_of_blocks"]

_TIER: Final = r"(?:tier (?:[123]|one|two|three)(?:[:,]? watch ?list)?|special case)"
_NAME: Final = r"([^\W\d_][^.;:!?()]{1,50}?)"
# "Norvia (Tier 2)", "Special Case: Norvia"
_NAME_WITH_TIER: Final = re.compile(
    rf"{_NAME}\s*[:(–—-]+\s*{_TIER}\)?\W*|special case[:\s–—-]+{_NAME}", re.IGNORECASE
)
_TIER_ALONE: Final = re.compile(
    rf"\W*(?:tier(?: ranking| placement)?\W+)?{_TIER}\W*", re.IGNORECASE
)
_TIER_REACH: Final = 3  # blocks after the name: a map with its labels may stand between
_BACK_MATTER: Final = re.compile(
    r"(?:appendi|annex|glossary|index\b|acknowledg|relevant international)", re.IGNORECASE
)
_MIN_TIERED: Final = 2  # narratives of a book
_MIN_NAMED: Final = 3  # the same where headings are names of countries alone


def with_countries_of_blocks(document: Document) -> Document:
    """Return the document with the country of each block.

    It is unchanged unless it has narratives of several countries.

    >>> from tipclassify.text.split import text_document
    >>> document = text_document(
    ...     "ARVENIA: Tier 2\\n\\nCourts slept.\\n\\nBELMORIA: Tier 3\\n\\nPolice acted."
    ... )
    >>> [block.country for block in with_countries_of_blocks(document).blocks]
    ['Arvenia', 'Arvenia', 'Belmoria', 'Belmoria']
    """
    starts = _starts_of_narratives(document)
    if len(set(starts.values()) - {None}) < _MIN_TIERED:
        return document
    country: str | None = None
    blocks = []
    for number, block in enumerate(document.blocks):
        country = starts.get(number, country)
        blocks.append(replace(block, country=country))
    return replace(document, blocks=tuple(blocks), country=None)


def _starts_of_narratives(document: Document) -> dict[int, str | None]:
    """Return the country of each narrative by the number of its first block.

    The back matter has None.
    """
    texts = [document.text[block.start : block.end].strip() for block in document.blocks]
    headings = [number for number, block in enumerate(document.blocks) if block.heading]
    with_tier: dict[int, str] = {}
    names_alone: dict[int, str] = {}
    for number in headings:
        if country := _country_with_tier(texts, number):
            with_tier[number] = country
        if country := country_named(fold_country_name(texts[number])):
            names_alone[number] = country
    starts: dict[int, str | None] = {}
    if with_tier or _is_country_book_without_tiers(document, names_alone.values()):
        starts.update(names_alone)
        starts.update(with_tier)
    for number in headings:
        if number not in starts and _BACK_MATTER.match(texts[number]):
            starts[number] = None
    return starts


def _is_country_book_without_tiers(document: Document, names: Iterable[str]) -> bool:
    """Return whether headings that are names of countries alone begin narratives."""
    # Headings of a report on one country may name others: those that put questions to it, say.
    country, _ = detect_country_and_year(document.title, "", "")
    return country is None and len(set(names)) >= _MIN_NAMED


def _country_with_tier(texts: list[str], number: int) -> str | None:
    """Return the country of a heading that names its tier, or stands before one that does."""
    text = texts[number]
    if match := _NAME_WITH_TIER.fullmatch(text):
        name = match[1] or match[2]
    else:
        following = texts[number + 1 : number + 1 + _TIER_REACH]
        if standard_section_of_line(text) or not any(map(_TIER_ALONE.fullmatch, following)):
            return None
        name = text
    name = " ".join(name.split())
    country = country_named(fold_country_name(name))
    if country is None and name.isupper():
        return name.title()
    return country or name
