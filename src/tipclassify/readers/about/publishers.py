"""Look up publishers by domain, by name, or by a serial publication: those in ``publishers.txt``."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from typing import Final
from urllib.parse import unquote, urlsplit

from tipclassify.readers.about.countries import fold_name
from tipclassify.resources import read_resource

_YEAR: Final = re.compile(r"(?:19|20)\d\d")


@dataclass(frozen=True, slots=True)
class _Index:
    """Publishers by what tells of them; names are normalized."""

    by_domain: dict[str, str] = field(default_factory=dict)
    by_name: dict[str, str] = field(default_factory=dict)
    by_publication: dict[str, str] = field(default_factory=dict)
    # publication and publisher, by the folder of an address that the publication has for itself
    by_folder: dict[str, tuple[str, str]] = field(default_factory=dict)


@cache
def _index() -> _Index:
    """Read ``publishers.txt``, whose first lines give its form."""
    index = _Index()
    for line in read_resource("readers/about/publishers.txt").splitlines():
        if line.startswith("#"):
            continue
        publisher, domains, aliases, publications = (field.strip() for field in line.split("|"))
        for domain in domains.split():
            index.by_domain[domain] = publisher
        for name in (publisher, *aliases.split("/")):
            if name.strip():
                index.by_name[_folded(name)] = publisher
        for publication in publications.split("/"):
            name, _, folder = (part.strip() for part in publication.partition("="))
            if name:
                index.by_publication[_folded(name)] = publisher
            if folder:
                index.by_folder[folder] = (name, publisher)
    return index


def _folded(name: str) -> str:
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
    return _index().by_name.get(_folded(name))


def publisher_of_publication(publication: str) -> str | None:
    """Return the publisher of a serial publication, by its full name, or None."""
    return _index().by_publication.get(_folded(publication))


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
    return next(filter(None, map(_index().by_domain.get, domains)), None)


def publication_in_path(address: str) -> str | None:
    """Return the serial publication that a folder of an address stands for.

    The site must be its publisher's.

    >>> folder = "https://2009-2017.state.gov/j/tip/rls/tiprpt/"
    >>> publication_in_path(folder + "countries/2016/258000.htm")
    'Trafficking in Persons Report'
    """
    site = publisher_of_address(address)
    for part in unquote(urlsplit(address).path).split("/"):
        folder = _YEAR.sub("", part).strip("-")
        publication, publisher = _index().by_folder.get(folder, (None, None))
        if publication and publisher == site:
            return publication
    return None
