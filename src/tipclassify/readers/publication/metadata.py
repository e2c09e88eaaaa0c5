"""Read what a page says of itself.

Read are its canonical address, site name, Open Graph, JSON-LD, citation and Dublin Core tags.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final
from urllib.parse import urlsplit

from lxml import etree

from tipclassify.formatting import load_json
from tipclassify.readers.publication.dates import iso_date
from tipclassify.readers.publication.publishers import known_publisher
from tipclassify.readers.source_blocks import clean_text

__all__ = ["Metadata", "front_matter", "page_metadata", "web_address"]

_MAX_LENGTH: Final = 300  # characters of a name; longer ones are texts
_MAX_ADDRESS: Final = 2_000
_MAX_SCRIPT: Final = 1_000_000  # characters of a JSON-LD script
_MAX_SCRIPTS: Final = 20
_MAX_OBJECTS: Final = 500  # of JSON-LD that are looked at
_ARCHIVED: Final = re.compile(
    r"https?://web\.archive\.org/web/\d+[a-z_]*/(https?:/{1,2}.+)", re.IGNORECASE
)
_PUBLICATION_TAGS: Final = (
    "citation_series_title", "citation_journal_title", "citation_book_title", "citation_inbook_title",
    "prism.publicationname", "dcterms.ispartof", "dc.relation.ispartof",
)  # fmt: skip
_PUBLISHER_TAGS: Final = (
    "citation_publisher", "citation_technical_report_institution", "dc.publisher", "dcterms.publisher", "publisher",
    "og:site_name",
)  # fmt: skip
_DATE_TAGS: Final = (
    "citation_publication_date", "citation_date", "article:published_time", "dcterms.issued", "dc.date.issued",
    "dcterms.date", "dc.date", "date", "pubdate", "publish_date", "publication_date",
)  # fmt: skip
_ARTICLES: Final = re.compile(
    r"(?:\w*Article|Report|BlogPosting|WebPage|Legislation|\w*Document|Book|Chapter)"
)
_NEWS: Final = re.compile(r"\w*NewsArticle")  # its publication is the newspaper, which publishes it
# Sites that show the reports of others, and are not their publishers.
_LIBRARIES: Final = frozenset(
    (
        "refworld", "ecoi.net", "reliefweb", "internet archive", "wayback machine", "scribd", "issuu", "academia.edu",
        "researchgate", "github", "google docs",
    )
)  # fmt: skip
# says no more than the address does
_DOMAIN: Final = re.compile(r"(?:[\w-]+\.)+[a-z]{2,}", re.IGNORECASE)
# Fields of the front matter of Markdown, likeliest first.
_FRONT_MATTER_NAMES: Final = {
    "title": ("title",),
    "publication": ("publication", "series", "journal"),
    "publisher": ("publisher", "institution", "organization", "organisation"),
    "date": ("date", "published", "published_time", "publish_date"),
    "address": ("source_url", "canonical", "canonical_url", "address", "url", "source", "link"),
}


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a source says of itself; None where it says nothing that can be used."""

    title: str | None = None
    publication: str | None = None
    publisher: str | None = None
    date: str | None = None
    address: str | None = None


def page_metadata(tree: etree._Element) -> Metadata:
    """Read the metadata of a web page; scripts must not have been removed from it.

    >>> page = "<meta property='og:site_name' content='OHCHR'><meta name='dc.date' content='2021-05-04'><p>Text"
    >>> found = page_metadata(etree.HTML(page))
    >>> found.publisher, found.date
    ('Office of the United Nations High Commissioner for Human Rights', '2021-05-04')
    """
    tags = _meta_tags(tree)
    things = list(_linked_data(tree))
    articles = [thing for thing in things if any(map(_ARTICLES.fullmatch, _types(thing)))]
    news = [thing for thing in articles if any(map(_NEWS.fullmatch, _types(thing)))]
    publishers = [tags.get(name) for name in _PUBLISHER_TAGS]
    publishers[-1:-1] = [_name(article.get("publisher")) for article in articles]
    publications = [
        _name(article.get("isPartOf"), "Periodical CreativeWorkSeries Book Report")
        for article in articles
    ]
    publications += [tags.get(name) for name in _PUBLICATION_TAGS]
    publications += [_name(article.get("publisher")) for article in news]
    dates = [tags.get(name) for name in _DATE_TAGS]
    dates += [article.get("datePublished") for article in articles]
    return Metadata(
        title=_first_name(
            [tags.get("citation_title"), tags.get("dc.title"), tags.get("dcterms.title")]
        ),
        publication=_first_name(publications),
        publisher=_publisher(publishers),
        date=next(
            (day for written in dates if isinstance(written, str) and (day := iso_date(written))),
            None,
        ),
        address=_address(tree, tags, articles),
    )


def front_matter(fields: Mapping[str, str]) -> Metadata:
    """Return the metadata in the front matter of a Markdown file.

    >>> front_matter({"title": "Norvia", "publisher": "OSCE", "url": "/norvia", "date": "2021-05-04"}).address
    """
    values = {
        name: [fields[field] for field in names if fields.get(field)]
        for name, names in _FRONT_MATTER_NAMES.items()
    }
    return Metadata(
        title=_first_name(values["title"]),
        publication=_first_name(values["publication"]),
        publisher=_publisher(values["publisher"]),
        date=next((day for written in values["date"] if (day := iso_date(written))), None),
        address=next(
            (address for written in values["address"] if (address := web_address(written))), None
        ),
    )


def web_address(written: object) -> str | None:
    """Return an absolute address of the web, or None.

    For one in the Wayback Machine it is that of the page itself.

    >>> web_address("https://web.archive.org/web/2013/http://www.example.gov/norvia.htm"), web_address("/norvia.htm")
    ('http://www.example.gov/norvia.htm', None)
    """
    if not isinstance(written, str) or len(written) > _MAX_ADDRESS:
        return None
    address = written.strip()
    if archived := _ARCHIVED.fullmatch(address):
        address = re.sub(r"^(https?):/+", r"\1://", archived[1])
    try:
        parts = urlsplit(address)
        is_web = parts.scheme.lower() in ("http", "https") and "." in (parts.hostname or "")
    except ValueError:
        return None
    return address if is_web and address.isprintable() and " " not in address else None


def _meta_tags(tree: etree._Element) -> dict[str, str]:
    """Return the first content of each meta tag, by its name or property in lower case."""
    tags: dict[str, str] = {}
    for meta in tree.iter("meta"):
        name = (
            (meta.get("property") or meta.get("name") or "").strip().lower().replace("dc:", "dc.")
        )
        content = clean_text(meta.get("content") or "")
        if name and content:
            tags.setdefault(name, content)
    return tags


def _linked_data(tree: etree._Element) -> Iterator[Mapping[str, Any]]:
    """Yield the objects at the top of JSON-LD scripts, and those in their graphs and lists."""
    scripts = (
        script
        for script in tree.iter("script")
        if script.get("type", "").lower() == "application/ld+json"
    )
    seen = 0
    for script in islice(scripts, _MAX_SCRIPTS):
        text = script.text or ""
        if len(text) > _MAX_SCRIPT:
            continue
        try:
            waiting = [load_json(text, strict=False)]
        except ValueError:
            continue
        while waiting and seen < _MAX_OBJECTS:
            thing = waiting.pop(0)
            seen += 1
            if isinstance(thing, list):
                waiting += thing[:_MAX_OBJECTS]
            elif isinstance(thing, dict):
                yield thing
                if "@graph" in thing:
                    waiting.append(thing["@graph"])


def _types(thing: Mapping[str, Any]) -> list[str]:
    kind = thing.get("@type")
    return [name for name in (kind if isinstance(kind, list) else [kind]) if isinstance(name, str)]


def _name(thing: object, types: str = "") -> str | None:
    """Return the name of an object of JSON-LD, if it is of one of the types.

    Of a list, that of the first counts.
    """
    if isinstance(thing, list):
        return next(
            (
                name
                for one in thing[:10]
                if not isinstance(one, list) and (name := _name(one, types))
            ),
            None,
        )
    if isinstance(thing, str):
        return None if types or "://" in thing else thing
    if not isinstance(thing, dict) or (types and not set(types.split()) & set(_types(thing))):
        return None
    name = thing.get("name")
    return name if isinstance(name, str) else None


def _first_name(candidates: Iterable[str | None]) -> str | None:
    """Return the first candidate that is a name: no address, no text of any length, not empty."""
    for candidate in candidates:
        name = clean_text(candidate or "")
        if name and len(name) <= _MAX_LENGTH and "://" not in name and any(map(str.isalpha, name)):
            return name
    return None


def _publisher(candidates: Iterable[str | None]) -> str | None:
    """Return the first name of a publisher, by its full name if it is a known one.

    Sites of others' reports are none.
    """
    names = (name for candidate in candidates if (name := _first_name([candidate])))
    names = (name for name in names if name.casefold() not in _LIBRARIES)
    full_names = (
        known_publisher(name) or (None if _DOMAIN.fullmatch(name) else name) for name in names
    )
    return next(filter(None, full_names), None)


def _address(
    tree: etree._Element, tags: Mapping[str, str], articles: Iterable[Mapping[str, Any]]
) -> str | None:
    links = [
        link.get("href")
        for link in tree.iter("link")
        if (link.get("rel") or "").lower() == "canonical"
    ]
    written = [
        *links,
        tags.get("og:url"),
        tags.get("citation_public_url"),
        *(one.get("url") for one in articles),
    ]
    addresses = (address for one in written if (address := web_address(one)))
    # Some sites give their front page as the address of every page.
    return next((address for address in addresses if urlsplit(address).path.strip("/")), None)
