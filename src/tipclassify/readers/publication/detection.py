"""Complete the bibliographic fields of a document.

They come from its address, its title and the masthead of its first page.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final
from urllib.parse import unquote, urlsplit

from tipclassify.readers.countries.names import extract_countries, fold_country_name
from tipclassify.readers.publication.masthead import Masthead, read_masthead
from tipclassify.readers.publication.metadata import absolute_address_in_page_metadata
from tipclassify.readers.publication.publishers import (
    publication_in_path,
    publisher_of_address,
    publisher_of_publication,
)
from tipclassify.text.document import Document

__all__ = ["publication_in_title", "with_publication_fields"]

_YEAR: Final = re.compile(r"(?<!\d)(?:19|20)\d\d(?:[-–/](?:19|20)?\d\d)?(?!\d)")
_DATE: Final = re.compile(r"(?<!\d)\d{4}-\d\d-\d\d(?!\d)")
_SEPARATOR: Final = re.compile(r"\s*[:|–—•»]\s*|\s+-\s+")
# The last word of the name of a serial publication, or the word before "on", "of" or "in".
_SERIAL: Final = (
    r"(?:reports?|practices|findings|narratives|survey|index|review|yearbook|hansard|gazette"
    r"|factbook|bulletin|profiles?|notes?|assessment)"
)
_SERIAL_NAME: Final = re.compile(
    rf"(?:\S+\s+){{1,11}}{_SERIAL}|(?:\S+\s+){{0,8}}{_SERIAL}\s+(?:on|of|in)\s+.+", re.IGNORECASE
)
# Series that are of a country by their name: "Norvia Gazette".
_NATIONAL_SERIAL: Final = re.compile(r"hansard|gazette", re.IGNORECASE)
_FOLDER: Final = re.compile(
    r"(?:19|20)\d\d-.*\b(?:reports?|practices|findings|narratives|survey|index|review)\b"
)
_BRACKETS: Final = re.compile(r"\(.*?\)")
_EMPTY_BRACKETS: Final = re.compile(r"\(\s*\)")
_COPY: Final = re.compile(r"-\d$")  # "…-report-2": the site had such an address before
_SMALL_WORDS: Final = frozenset("a an and by for from in of on or the to with".split())
_MAX_FIRST_PAGE: Final = 3_000  # characters


def with_publication_fields(document: Document, address: str | None = None) -> Document:
    """Return the document with the fields that its own metadata lack; what is not known stays None.

    `address` is that of the link that it was read from. `country` must have been looked for before.
    """
    linked_from = absolute_address_in_page_metadata(address) if address else None
    document = replace(document, address=document.address or linked_from)
    if masthead := read_masthead(_first_page_of_document(document)):
        document = _with_masthead_fields(document, masthead)
    found_at = document.address
    publication = document.publication
    if publication is None and found_at:
        publication = publication_in_path(found_at) or _publication_in_address_folders(found_at)
    if publication is None and document.title:
        publication = publication_in_title(document.title, document.country)
    publisher = document.publisher
    if publisher is None and found_at:
        publisher = publisher_of_address(found_at)
    if publisher is None and publication:
        publisher = publisher_of_publication(publication)
    title = document.title
    if title and publication and document.country and _is_country_name_alone(title):
        dated = f"{document.year} {publication}" if document.year else publication
        title = f"{dated}: {title}"
    return replace(document, title=title, publication=publication, publisher=publisher)


def _with_masthead_fields(document: Document, masthead: Masthead) -> Document:
    """Return the document with the fields of its masthead that it lacks."""
    return replace(
        document,
        country=document.country or masthead.country,
        year=document.year or masthead.year,
        publication=document.publication or masthead.publication,
        publisher=document.publisher or masthead.publisher,
        date=document.date or masthead.date,
        address=document.address or masthead.address,
    )


def _first_page_of_document(document: Document) -> str:
    """Return the text of the first page; at most its first characters."""
    first = document.blocks[0].start if document.blocks else 0
    end = first + _MAX_FIRST_PAGE
    for block in document.blocks:
        if block.page not in (None, 1):
            end = min(end, block.start)
            break
    return document.text[first:end]


def publication_in_title(title: str, country: str | None) -> str | None:
    """Return the name of the serial publication in a title, or None.

    The title gives it beside a country or a year.

    >>> publication_in_title("2023 Trafficking in Persons Report: Togo", "Togo")
    'Trafficking in Persons Report'
    >>> titles = ("Report: police free nine", "World Report 2024")
    >>> [publication_in_title(title, None) for title in titles]
    [None, 'World Report']
    """
    parts = [part for part in _SEPARATOR.split(_DATE.sub(" ", title)) if part.strip()]
    serials = []
    for part in parts:
        if _title_part_names_serial_publication(_publication_title_without_year(part)):
            serials.append(part)
    if len(serials) != 1:
        return None
    serial = serials[0]
    dated = _YEAR.search(serial) is not None or _DATE.search(title) is not None
    beside_country = False
    if country:
        others = [part for part in parts if part != serial]
        beside_country = any(_title_names_country(part, country) for part in others)
    if not dated and not beside_country:
        return None
    name = _publication_title_without_year(serial)
    return _publication_in_title_case(name.lower().split()) if name.isupper() else name


def _title_part_names_serial_publication(name: str) -> bool:
    """Return whether a part of a title is the name of a series: no country, no sentence."""
    if _SERIAL_NAME.fullmatch(name) is None or not name[:1].isupper():
        return False
    countries, _ = extract_countries(fold_country_name(name).split())
    return not countries or _NATIONAL_SERIAL.search(name) is not None


def _publication_title_without_year(part: str) -> str:
    """Return a part of a title without its year and the brackets around it."""
    rest = _EMPTY_BRACKETS.sub(" ", _YEAR.sub(" ", part))
    return " ".join(rest.split()).strip(" ,;.-")


def _title_names_country(part: str, country: str) -> bool:
    """Return whether a part of a title names a country."""
    countries, _ = extract_countries(fold_country_name(part).split())
    return country in countries or fold_country_name(country) in fold_country_name(part)


def _is_country_name_alone(title: str) -> bool:
    """Return whether a title is the name of a country and nothing else, but for brackets."""
    words = fold_country_name(_BRACKETS.sub(" ", title)).split()
    countries, other_words = extract_countries(words)
    return len(set(countries)) == 1 and not other_words


def _publication_in_address_folders(address: str) -> str | None:
    """Return the publication that a folder of an address names, with its year.

    Such a folder is in ``2021-human-rights-report/togo``.
    """
    parts = [part for part in unquote(urlsplit(address).path).split("/") if part]
    for folder in parts[:-1]:
        if _FOLDER.match(folder):
            name = _YEAR.sub("", folder, count=1).strip("-")
            return _publication_in_title_case(_COPY.sub("", name).split("-"))
    return None


def _publication_in_title_case(words: list[str]) -> str:
    """Write a name as titles are: small words, but for the first, are not capitalized."""
    written = [word[:1].upper() + word[1:] for word in words]
    for number, word in enumerate(words):
        if number and word in _SMALL_WORDS:
            written[number] = word
    return " ".join(written)
