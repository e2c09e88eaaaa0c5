"""Read the metadata of a page.

Read are its canonical address, site name, Open Graph, JSON-LD, citation and Dublin Core tags.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Final
from urllib.parse import urlsplit

from lxml import etree

from tipclassify.formatting import load_json
from tipclassify.readers.about.publishers import known_publisher
from tipclassify.readers.blocks import clean_text

_MAX_LENGTH: Final = 300  # characters of a name; longer ones are texts
_MAX_ADDRESS: Final = 2_000
_MAX_SCRIPT: Final = 1_000_000  # characters of a JSON-LD script
_MAX_SCRIPTS: Final = 20
_MAX_OBJECTS: Final = 500  # of JSON-LD that are looked at
_ARCHIVED: Final = re.compile(
    r"https?://web\.archive\.org/web/\d+[a-z_]*/(https?:/{1,2}.+)", re.IGNORECASE
)
# Meta tags, likeliest first.
_TITLE_TAGS: Final = ("citation_title", "dc.title", "dcterms.title")
_PUBLICATION_TAGS: Final = (
    "citation_series_title",
    "citation_journal_title",
    "citation_book_title",
    "citation_inbook_title",
    "prism.publicationname",
    "dcterms.ispartof",
    "dc.relation.ispartof",
)
_PUBLISHER_TAGS: Final = (
    "citation_publisher",
    "citation_technical_report_institution",
    "dc.publisher",
    "dcterms.publisher",
    "publisher",
)
_SITE_TAG: Final = "og:site_name"
_DATE_TAGS: Final = (
    "citation_publication_date",
    "citation_date",
    "article:published_time",
    "dcterms.issued",
    "dc.date.issued",
    "dcterms.date",
    "dc.date",
    "date",
    "pubdate",
    "publish_date",
    "publication_date",
)
_ADDRESS_TAGS: Final = ("og:url", "citation_public_url")
# Types of objects of JSON-LD.
_ARTICLES: Final = re.compile(
    r"(?:\w*Article|Report|BlogPosting|WebPage|Legislation|\w*Document|Book|Chapter)"
)
_NEWS: Final = re.compile(r"\w*NewsArticle")  # its publication is the newspaper, which publishes it
_SERIES: Final = frozenset(("Periodical", "CreativeWorkSeries", "Book", "Report"))
_MAX_NAMES: Final = 10  # of a list in JSON-LD that are looked at
# Sites that show the reports of others, and are not their publishers.
_LIBRARIES: Final = frozenset(
    (
        "refworld",
        "ecoi.net",
        "reliefweb",
        "internet archive",
        "wayback machine",
        "scribd",
        "issuu",
        "academia.edu",
        "researchgate",
        "github",
        "google docs",
    )
)
# as a name it says no more than the address does
_DOMAIN: Final = re.compile(r"(?:[\w-]+\.)+[a-z]{2,}", re.IGNORECASE)
# Fields of the front matter of Markdown, likeliest first.
_TITLE_FIELDS: Final = ("title",)
_PUBLICATION_FIELDS: Final = ("publication", "series", "journal")
_PUBLISHER_FIELDS: Final = ("publisher", "institution", "organization", "organisation")
_DATE_FIELDS: Final = ("date", "published", "published_time", "publish_date")
_ADDRESS_FIELDS: Final = (
    "source_url",
    "canonical",
    "canonical_url",
    "address",
    "url",
    "source",
    "link",
)

_Object = Mapping[str, object]  # of JSON-LD


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

    >>> site = "<meta property='og:site_name' content='ILO'>"
    >>> page = etree.HTML(f"{site}<meta name='dc.date' content='2021-05-04'><p>Text")
    >>> metadata = page_metadata(page)
    >>> metadata.publisher, metadata.date
    ('International Labour Organization', '2021-05-04')
    """
    tags = _meta_tags_of_page(tree)
    articles = [thing for thing in _json_ld_objects(tree) if _is_of_json_ld_type(thing, _ARTICLES)]
    news = [article for article in articles if _is_of_json_ld_type(article, _NEWS)]
    publications = [_series_name_of_json_ld(article.get("isPartOf")) for article in articles]
    publications += [tags.get(name) for name in _PUBLICATION_TAGS]
    publications += [_name_of_json_ld(article.get("publisher")) for article in news]
    publishers = [tags.get(name) for name in _PUBLISHER_TAGS]
    publishers += [_name_of_json_ld(article.get("publisher")) for article in articles]
    publishers.append(tags.get(_SITE_TAG))
    dates: list[object] = [tags.get(name) for name in _DATE_TAGS]
    dates += [article.get("datePublished") for article in articles]
    addresses: list[object] = [*_canonical_links_of_page(tree)]
    addresses += [tags.get(name) for name in _ADDRESS_TAGS]
    addresses += [article.get("url") for article in articles]
    return Metadata(
        title=_first_name_in_metadata(tags.get(name) for name in _TITLE_TAGS),
        publication=_first_name_in_metadata(publications),
        publisher=_first_publisher_in_metadata(publishers),
        date=_first_date_in_metadata(dates),
        address=_first_address_in_metadata(addresses),
    )


def front_matter_metadata(fields: Mapping[str, str]) -> Metadata:
    """Return the metadata in the front matter of a Markdown file.

    >>> fields = {"title": "Norvia", "publisher": "OSCE", "url": "/norvia"}
    >>> metadata = front_matter_metadata(fields)
    >>> metadata.title, metadata.address
    ('Norvia', None)
    """
    addresses = map(absolute_address, map(fields.get, _ADDRESS_FIELDS))
    return Metadata(
        title=_first_name_in_metadata(map(fields.get, _TITLE_FIELDS)),
        publication=_first_name_in_metadata(map(fields.get, _PUBLICATION_FIELDS)),
        publisher=_first_publisher_in_metadata(map(fields.get, _PUBLISHER_FIELDS)),
        date=_first_date_in_metadata(map(fields.get, _DATE_FIELDS)),
        address=next(filter(None, addresses), None),
    )


def absolute_address(written: object) -> str | None:
    """Return an absolute address of the web, or None.

    For one in the Wayback Machine it is that of the page itself.

    >>> archived = "https://web.archive.org/web/2013/http://www.example.gov/norvia.htm"
    >>> absolute_address(archived)
    'http://www.example.gov/norvia.htm'
    >>> absolute_address("/norvia.htm") is None
    True
    """
    if not isinstance(written, str) or len(written) > _MAX_ADDRESS:
        return None
    address = written.strip()
    if archived := _ARCHIVED.fullmatch(address):
        address = re.sub(r"^(https?):/+", r"\1://", archived[1])
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:
        return None
    is_web = parts.scheme.lower() in ("http", "https") and "." in host
    return address if is_web and address.isprintable() and " " not in address else None


def _meta_tags_of_page(tree: etree._Element) -> dict[str, str]:
    """Return the first content of each meta tag, by its name or property in lower case."""
    tags: dict[str, str] = {}
    for meta in tree.iter("meta"):
        name = meta.get("property") or meta.get("name") or ""
        name = name.strip().lower().replace("dc:", "dc.")
        content = clean_text(meta.get("content") or "")
        if name and content:
            tags.setdefault(name, content)
    return tags


def _json_ld_objects(tree: etree._Element) -> Iterator[_Object]:
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


def _json_ld_types(thing: _Object) -> list[str]:
    """Return the names of the types of an object."""
    types = thing.get("@type")
    names = types if isinstance(types, list) else [types]
    return [name for name in names if isinstance(name, str)]


def _is_of_json_ld_type(thing: _Object, pattern: re.Pattern[str]) -> bool:
    return any(map(pattern.fullmatch, _json_ld_types(thing)))


def _name_of_json_ld(thing: object) -> str | None:
    """Return the name of an object of JSON-LD, or the first name in a list of them."""
    if isinstance(thing, str):
        return None if "://" in thing else thing
    if isinstance(thing, dict):
        name = thing.get("name")
        return name if isinstance(name, str) else None
    return next(filter(None, map(_name_of_json_ld, _json_ld_without_lists(thing))), None)


def _series_name_of_json_ld(thing: object) -> str | None:
    """Return the name of an object of JSON-LD if it is a series, or of the first one in a list."""
    if isinstance(thing, dict):
        return _name_of_json_ld(thing) if not _SERIES.isdisjoint(_json_ld_types(thing)) else None
    return next(filter(None, map(_series_name_of_json_ld, _json_ld_without_lists(thing))), None)


def _json_ld_without_lists(things: object) -> list[object]:
    """Return the first elements of a list but for lists; none of anything else."""
    if not isinstance(things, list):
        return []
    return [thing for thing in things[:_MAX_NAMES] if not isinstance(thing, list)]


def _first_name_in_metadata(candidates: Iterable[str | None]) -> str | None:
    """Return the first candidate that is a name: no address, no text of any length, not empty."""
    for candidate in candidates:
        name = clean_text(candidate or "")
        if name and len(name) <= _MAX_LENGTH and "://" not in name and any(map(str.isalpha, name)):
            return name
    return None


def _first_publisher_in_metadata(candidates: Iterable[str | None]) -> str | None:
    """Return the first name of a publisher, by its full name if it is a known one.

    Sites of others' reports are none.
    """
    for candidate in candidates:
        name = _first_name_in_metadata([candidate])
        if name is None or name.casefold() in _LIBRARIES:
            continue
        if publisher := known_publisher(name):
            return publisher
        if not _DOMAIN.fullmatch(name):
            return name
    return None


def _first_date_in_metadata(candidates: Iterable[object]) -> str | None:
    """Return the first candidate that is a date, in the form of ISO 8601."""
    for candidate in candidates:
        date = iso_date(candidate) if isinstance(candidate, str) else None
        if date:
            return date
    return None


def _first_address_in_metadata(candidates: Iterable[object]) -> str | None:
    """Return the first candidate that is an address of the web, and not of a site's front page.

    Some sites give their front page as the address of every page.
    """
    for candidate in candidates:
        address = absolute_address(candidate)
        if address and urlsplit(address).path.strip("/"):
            return address
    return None


def _canonical_links_of_page(tree: etree._Element) -> list[str | None]:
    """Return the addresses that links in the head of a page give as its own."""
    return [
        link.get("href")
        for link in tree.iter("link")
        if (link.get("rel") or "").lower() == "canonical"
    ]


_MONTHS: Final = "jan feb mar apr may jun jul aug sep oct nov dec".split()
_MONTH: Final = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
DATE: Final = re.compile(
    rf"""(?<!\d)(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\s+
    (?P<month>{_MONTH})\.?,?\s+
    (?P<year>\d{{4}})(?!\d)""",
    re.IGNORECASE | re.VERBOSE,
)
"""A date in words, the day first, as the United Nations write it."""

_MONTH_FIRST: Final = re.compile(
    rf"""(?P<month>{_MONTH})\.?\s+
    (?:(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,?\s+)?
    (?P<year>\d{{4}})(?!\d)""",
    re.IGNORECASE | re.VERBOSE,
)
_NUMERIC: Final = re.compile(
    r"(?P<year>\d{4})(?:[-/](?P<month>\d{1,2})(?:[-/](?P<day>\d{1,2}))?)?(?![\d/-])"
)
_FIRST_YEAR: Final = 1900


def iso_date(written: str) -> str | None:
    """Return the day, month or year in the form of ISO 8601.

    None for anything else, and for a year to come.

    >>> iso_date("4 April 2014"), iso_date("June 24, 2024"), iso_date("2015-09-29T08:00:00-04:00")
    ('2014-04-04', '2024-06-24', '2015-09-29')
    >>> iso_date("June 2024"), iso_date("2021"), iso_date("2021-13")
    ('2024-06', '2021', None)
    """
    written = written.strip()
    match = _NUMERIC.match(written) or DATE.match(written) or _MONTH_FIRST.match(written)
    if match is None:
        return None
    year = int(match["year"])
    month = _number_of_month(match["month"])
    day = int(match["day"]) if match["day"] else None
    try:
        whole = date(year, month or 1, day or 1)
    except ValueError:
        return None
    if not _FIRST_YEAR <= year <= date.today().year:
        return None
    if day:
        return f"{whole:%Y-%m-%d}"
    return f"{whole:%Y-%m}" if month else f"{whole:%Y}"


def _number_of_month(month: str | None) -> int | None:
    """Return the number of a month that is written in words or digits."""
    if not month:
        return None
    return int(month) if month.isdigit() else _MONTHS.index(month[:3].lower()) + 1
