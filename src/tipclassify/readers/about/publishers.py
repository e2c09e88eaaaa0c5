"""Look up publishers by domain, by name, or by the name of a serial publication.

They are those in ``publishers.txt``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Final
from urllib.parse import unquote, urlsplit

from tipclassify.readers.about.countries import fold_name
from tipclassify.resources import read_resource

__all__ = [
    "known_publisher",
    "publication_in_path",
    "publisher_of_address",
    "publisher_of_publication",
]

_YEAR: Final = re.compile(r"(?:19|20)\d\d")


@dataclass(frozen=True, slots=True)
class _PublisherIndex:
    """Names of publishers, and publications."""

    by_domain: dict[str, str]
    by_name: dict[str, str]  # normalized
    by_publication: dict[str, str]  # by its normalized name
    publications: dict[str, _Publication]  # by the folder of an address


@dataclass(frozen=True, slots=True)
class _Publication:
    """A serial publication that has a folder of its own on its publisher's site."""

    name: str
    publisher: str


@cache
def _publisher_index() -> _PublisherIndex:
    """Read ``publishers.txt``, whose first lines give its form."""
    index = _PublisherIndex({}, {}, {}, {})
    for line in read_resource("readers/about/publishers.txt").splitlines():
        if line.startswith("#"):
            continue
        publisher, domains, aliases, publications = (field.strip() for field in line.split("|"))
        for domain in domains.split():
            index.by_domain[domain] = publisher
        for name in [publisher, *_split_publisher_names(aliases)]:
            index.by_name[_fold_publisher_name(name)] = publisher
        for publication in _split_publisher_names(publications):
            name, _, folder = (part.strip() for part in publication.partition("="))
            index.by_publication[_fold_publisher_name(name)] = publisher
            if folder:
                index.publications[folder] = _Publication(name, publisher)
    return index


def _split_publisher_names(field: str) -> list[str]:
    return [name.strip() for name in field.split("/") if name.strip()]


def _fold_publisher_name(name: str) -> str:
    """Normalize a name: "The United States" and "U. S." are "us"."""
    words = f" {fold_name(name)} ".replace(" u s ", " us ").replace(" united states ", " us ")
    return words.strip().removeprefix("the ")


def known_publisher(name: str) -> str | None:
    """Return the publisher of that name or acronym, or None.

    >>> known_publisher("U. S. Department of Labor"), known_publisher("Jo Doe")
    ('United States Department of Labor', None)
    >>> known_publisher("OHCHR")
    'Office of the United Nations High Commissioner for Human Rights'
    """
    return _publisher_index().by_name.get(_fold_publisher_name(name))


def publisher_of_publication(publication: str) -> str | None:
    """Return the publisher of a serial publication, by its full name, or None."""
    return _publisher_index().by_publication.get(_fold_publisher_name(publication))


def publisher_of_address(address: str) -> str | None:
    """Return the publisher on whose site an address is, or None.

    >>> publisher_of_address("https://2017-2021.state.gov/reports/")
    'United States Department of State'
    """
    try:
        host = (urlsplit(address).hostname or "").lower()
    except ValueError:
        return None
    parts = host.split(".")
    domains = (".".join(parts[start:]) for start in range(len(parts) - 1))
    by_domain = _publisher_index().by_domain
    return next((by_domain[domain] for domain in domains if domain in by_domain), None)


def publication_in_path(address: str) -> str | None:
    """Return the serial publication that a folder of an address stands for.

    The site must be its publisher's.

    >>> folder = "https://2009-2017.state.gov/j/tip/rls/tiprpt/"
    >>> publication_in_path(folder + "countries/2016/258000.htm")
    'Trafficking in Persons Report'
    """
    publisher = publisher_of_address(address)
    publications = _publisher_index().publications
    for part in unquote(urlsplit(address).path).split("/"):
        publication = publications.get(_YEAR.sub("", part).strip("-"))
        if publication is not None and publication.publisher == publisher:
            return publication.name
    return None
