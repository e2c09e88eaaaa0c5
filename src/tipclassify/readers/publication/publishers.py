"""Look up publishers by domain, by name, or by the name of a serial publication.

They are those in ``publishers.txt``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Final
from urllib.parse import unquote, urlsplit

from tipclassify.readers.countries.names import fold_name
from tipclassify.resources import read_resource

__all__ = [
    "known_publisher",
    "publication_in_path",
    "publisher_of_address",
    "publisher_of_publication",
]

_YEAR: Final = re.compile(r"(?:19|20)\d\d")


@dataclass(frozen=True, slots=True)
class _Index:
    """Names of publishers by domain, by normalized name and by normalized name of a publication."""

    by_domain: dict[str, str]
    by_name: dict[str, str]
    by_publication: dict[str, str]
    publications: dict[str, tuple[str, str]]  # publisher and publication, by the part of an address


@cache
def _index() -> _Index:
    index = _Index({}, {}, {}, {})
    for line in read_resource("readers/publication/publishers.txt").splitlines():
        if line.startswith("#"):
            continue
        name, domains, names, publications = (part.strip() for part in line.split("|"))
        index.by_domain.update((domain, name) for domain in domains.split())
        aliases = [alias.strip() for alias in names.split("/") if alias.strip()]
        index.by_name.update((_fold(alias), name) for alias in (name, *aliases))
        for publication in filter(None, map(str.strip, publications.split("/"))):
            called, _, path_part = (part.strip() for part in publication.partition("="))
            index.by_publication[_fold(called)] = name
            if path_part:
                index.publications[path_part] = (name, called)
    return index


def _fold(name: str) -> str:
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
    return _index().by_name.get(_fold(name))


def publisher_of_publication(publication: str) -> str | None:
    """Return the publisher of a serial publication, by its full name, or None."""
    return _index().by_publication.get(_fold(publication))


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
    return next((name for domain in domains if (name := _index().by_domain.get(domain))), None)


def publication_in_path(address: str) -> str | None:
    """Return the serial publication that a folder of an address stands for.

    The site must be its publisher's.

    >>> publication_in_path("https://2009-2017.state.gov/j/tip/rls/tiprpt/countries/2016/258000.htm")
    'Trafficking in Persons Report'
    """
    publisher = publisher_of_address(address)
    for part in unquote(urlsplit(address).path).split("/"):
        owner, publication = _index().publications.get(_YEAR.sub("", part).strip("-"), (None, ""))
        if owner is not None and owner == publisher:
            return publication
    return None
