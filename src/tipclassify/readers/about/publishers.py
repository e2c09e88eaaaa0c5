"""Look up publishers by domain, by name, or by a serial publication: those in ``publishers.txt``."""

from __future__ import annotations

import re
from functools import cache
from typing import Final
from urllib.parse import unquote, urlsplit

from tipclassify.readers.about.countries import fold_name
from tipclassify.resources import read_resource

_YEAR: Final = re.compile(r"(?:19|20)\d\d")


@cache
def _index() -> dict[tuple[str, str], str]:
    """Read ``publishers.txt``, whose first lines give its form.

    Maps ("domain", …), ("name", …) and ("publication", …) to a publisher, ("folder", …), of an
    address, to a publication. Names are normalized.
    """
    index: dict[tuple[str, str], str] = {}
    for line in read_resource("readers/about/publishers.txt").splitlines():
        if line.startswith("#"):
            continue
        publisher, domains, aliases, publications = (field.strip() for field in line.split("|"))
        for domain in domains.split():
            index["domain", domain] = publisher
        for name in (publisher, *filter(None, aliases.split("/"))):
            index["name", _folded(name)] = publisher
        for publication in filter(None, publications.split("/")):
            name, _, folders = (part.strip() for part in publication.partition("="))
            index["publication", _folded(name)] = publisher
            for folder in folders.split():
                index["folder", folder] = name
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
    return _index().get(("name", _folded(name)))


def publisher_of_publication(publication: str) -> str | None:
    """Return the publisher of a serial publication, by its full name, or None."""
    return _index().get(("publication", _folded(publication)))


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
    for start in range(len(parts) - 1):
        if publisher := _index().get(("domain", ".".join(parts[start:]))):
            return publisher
    return None


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
        publication = _index().get(("folder", folder))
        if publication and publisher_of_publication(publication) == site:
            return publication
    return None
