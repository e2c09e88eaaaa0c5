"""Complete the bibliographic fields of a document.

They come from its address, its title and the masthead of its first page.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final
from urllib.parse import unquote, urlsplit

from tipclassify.readers.countries.names import extract_countries, fold_name
from tipclassify.readers.publication.masthead import read_masthead
from tipclassify.readers.publication.metadata import web_address
from tipclassify.readers.publication.publishers import (
    publication_in_path,
    publisher_of_address,
    publisher_of_publication,
)
from tipclassify.text.document import Document

__all__ = ["publication_in_title", "with_publication"]

_YEAR: Final = re.compile(r"(?<!\d)(?:19|20)\d\d(?:[-–/](?:19|20)?\d\d)?(?!\d)")
_DATE: Final = re.compile(r"(?<!\d)\d{4}-\d\d-\d\d(?!\d)")
_SEPARATOR: Final = re.compile(r"\s*[:|–—•»]\s*|\s+-\s+")
# The last word of the name of a serial publication, or the word before "on", "of" or "in".
_SERIAL: Final = (
    r"(?:reports?|practices|findings|narratives|survey|index|review|yearbook|hansard|gazette|factbook|bulletin"
    r"|profiles?|notes?|assessment)"
)
_SERIAL_NAME: Final = re.compile(
    rf"(?:\S+\s+){{1,11}}{_SERIAL}|(?:\S+\s+){{0,8}}{_SERIAL}\s+(?:on|of|in)\s+.+", re.I
)
_FOLDER: Final = re.compile(
    r"(?:19|20)\d\d-.*\b(?:reports?|practices|findings|narratives|survey|index|review)\b"
)
_COPY: Final = re.compile(r"-\d$")  # "…-report-2": the site had such an address before
_SMALL_WORDS: Final = frozenset("a an and by for from in of on or the to with".split())
_MAX_FIRST_PAGE: Final = 3_000  # characters


def with_publication(document: Document, address: str | None = None) -> Document:
    """Return the document with the fields that its own metadata lack; what is not known stays None.

    `address` is that of the link that it was read from. `country` must have been looked for before.
    """
    found_at = document.address or (web_address(address) if address else None)
    first = document.blocks[0].start if document.blocks else 0
    pages = [block for block in document.blocks if block.page not in (None, 1)]
    end = min(first + _MAX_FIRST_PAGE, pages[0].start if pages else len(document.text))
    masthead = read_masthead(document.text[first:end])
    publication, publisher, date = document.publication, document.publisher, document.date
    country, year = document.country, document.year
    if masthead is not None:
        country = country or masthead.country
        year = year or (int(masthead.date[:4]) if masthead.date else None)
        publication, publisher = (
            publication or masthead.publication,
            publisher or masthead.publisher,
        )
        date, found_at = date or masthead.date, found_at or masthead.address
    if publication is None and found_at:
        publication = publication_in_path(found_at) or _publication_in_folders(found_at)
    if publication is None and document.title:
        publication = publication_in_title(document.title, country)
    if publisher is None and found_at:
        publisher = publisher_of_address(found_at)
    if publisher is None and publication:
        publisher = publisher_of_publication(publication)
    title = document.title
    if title and publication and country and _is_country_alone(title):
        title = " ".join([str(year), publication] if year else [publication]) + f": {title}"
    return replace(
        document,
        title=title,
        country=country,
        year=year,
        publication=publication,
        publisher=publisher,
        date=date,
        address=found_at,
    )


def publication_in_title(title: str, country: str | None) -> str | None:
    """Return the name of the serial publication in a title, or None.

    The title gives it beside a country or a year.

    >>> publication_in_title("2023 Trafficking in Persons Report: Togo", "Togo")
    'Trafficking in Persons Report'
    >>> publication_in_title("Report: police free nine", None), publication_in_title("World Report 2024", None)
    (None, 'World Report')
    """
    parts = [part for part in _SEPARATOR.split(_DATE.sub(" ", title)) if part.strip()]
    serial = [part for part in parts if _is_serial(_without_year(part))]
    others = [part for part in parts if part not in serial]
    if len(serial) != 1:
        return None
    name = _without_year(serial[0])
    dated = _YEAR.search(serial[0]) is not None or _DATE.search(title) is not None
    about_country = bool(country) and any(_names(part, country or "") for part in others)
    if name.isupper():
        name = _title_case(name.lower().split())
    return name if about_country or dated else None


def _is_serial(name: str) -> bool:
    """Return whether a part of a title is the name of a series: no country, no sentence."""
    if _SERIAL_NAME.fullmatch(name) is None or not name[:1].isupper():
        return False
    countries, _ = extract_countries(fold_name(name).split())
    return not countries or re.search(r"hansard|gazette", name, re.IGNORECASE) is not None


def _without_year(part: str) -> str:
    return " ".join(re.sub(r"\(\s*\)", " ", _YEAR.sub(" ", part)).split()).strip(" ,;.-")


def _names(part: str, country: str) -> bool:
    countries, _ = extract_countries(fold_name(part).split())
    return country in countries or fold_name(country) in fold_name(part)


def _is_country_alone(title: str) -> bool:
    countries, rest = extract_countries(fold_name(re.sub(r"\(.*?\)", " ", title)).split())
    return len(set(countries)) == 1 and not rest


def _publication_in_folders(address: str) -> str | None:
    """Return the publication that a folder of an address names, with its year.

    Such a folder is in ``2021-human-rights-report/togo``.
    """
    parts = [part for part in unquote(urlsplit(address).path).split("/") if part]
    for part in parts[:-1]:
        if _FOLDER.match(part):
            return _title_case(_COPY.sub("", _YEAR.sub("", part, count=1).strip("-")).split("-"))
    return None


def _title_case(words: list[str]) -> str:
    """Write a name in capitals as titles are.

    Small words are not capitalized, but for the first.
    """
    return " ".join(
        word if number and word in _SMALL_WORDS else word[:1].upper() + word[1:]
        for number, word in enumerate(words)
    )
