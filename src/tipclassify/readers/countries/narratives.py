"""Find the countries of a book of country narratives, such as the TIP Report.

Each has a heading with its tier.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from tipclassify.readers.countries.names import country_named, fold_name
from tipclassify.readers.countries.subject import country_and_year
from tipclassify.text.document import Document
from tipclassify.text.segmentation.sections import named_section

__all__ = ["with_countries"]

_TIER: Final = r"(?:tier (?:[123]|one|two|three)(?:[:,]? watch ?list)?|special case)"
_NAME: Final = r"([^\W\d_][^.;:!?()]{1,50}?)"
_TIERED: Final = re.compile(
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


def with_countries(document: Document) -> Document:
    """Return the document with the country of each block.

    It is unchanged unless it has narratives of several countries.

    >>> from tipclassify.text.document import Block
    >>> texts = "ARVENIA (Tier 2)", "Courts slept.", "BELMORIA: Tier 3", "Police acted."
    >>> starts = 0, 18, 33, 51
    >>> blocks = [Block(at, at + len(text), None, "ier" in text) for at, text in zip(starts, texts)]
    >>> [block.country for block in with_countries(Document("\\n\\n".join(texts), tuple(blocks))).blocks]
    ['Arvenia', 'Arvenia', 'Belmoria', 'Belmoria']
    """
    starts = dict(_starts(document))
    if len(set(starts.values()) - {None}) < _MIN_TIERED:
        return document
    country: str | None = None
    blocks = []
    for number, block in enumerate(document.blocks):
        country = starts.get(number, country)
        blocks.append(replace(block, country=country))
    return replace(document, blocks=tuple(blocks), country=None)


def _starts(document: Document) -> Iterator[tuple[int, str | None]]:
    """Yield the block at which each narrative begins, with its country.

    Those after the last have None.
    """
    texts = [document.text[block.start : block.end].strip() for block in document.blocks]
    heads = [number for number, block in enumerate(document.blocks) if block.heading]
    tiered = {number: name for number in heads if (name := _with_tier(texts, number))}
    named = {number: name for number in heads if (name := country_named(fold_name(texts[number])))}
    # Headings of a report on one country may name others: those that put questions to it, say.
    on_one = country_and_year(document.title, "", "")[0] is not None
    is_book = tiered or (not on_one and len(set(named.values())) >= _MIN_NAMED)
    starts = {**named, **tiered} if is_book else {}
    for number in heads:
        if number in starts:
            yield number, starts[number]
        elif _BACK_MATTER.match(texts[number]):
            yield number, None


def _with_tier(texts: list[str], number: int) -> str | None:
    """Return the country of a heading that names its tier, or stands before one that does."""
    text, following = texts[number], texts[number + 1 : number + 1 + _TIER_REACH]
    found = _TIERED.fullmatch(text)
    if found is None and (named_section(text) or not any(map(_TIER_ALONE.fullmatch, following))):
        return None
    name = " ".join((found[1] or found[2] if found else text).split())
    return country_named(fold_name(name)) or (name.title() if name.isupper() else name)
