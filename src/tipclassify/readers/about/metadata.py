"""Read what a source says of itself: metadata of a web page or of front matter, and dates.

Of a page these are its canonical address, site name, Open Graph, JSON-LD, citation and Dublin Core
tags.
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
from tipclassify.readers.about.subject import latest_year
from tipclassify.readers.blocks import clean_text
from tipclassify.text.prose import MONTH

_MAX_LENGTH: Final = 300  # characters of a name; longer ones are texts
_MAX_ADDRESS: Final = 2_000
_MAX_SCRIPT: Final = 1_000_000  # characters of a JSON-LD script
_MAX_SCRIPTS: Final = 20
_MAX_OBJECTS: Final = 500  # of JSON-LD that are looked at
_ARCHIVED: Final = re.compile(
    r"https?://web\.archive\.org/web/\d+[a-z_]*/(https?:/{1,2}.+)", re.IGNORECASE
)
# Names of meta tags, likeliest first.
_PUBLICATION_TAGS: Final = """citation_series_title citation_journal_title citation_book_title
    citation_inbook_title prism.publicationname dcterms.ispartof
    dc.relation.ispartof""".split()
_PUBLISHER_TAGS: Final = """citation_publisher citation_technical_report_institution dc.publisher
    dcterms.publisher publisher""".split()
_ISSUED_TAGS: Final = (
    "citation_publication_date citation_date dcterms.issued dc.date.issued".split()
)
# Content systems write these, and many a page is made weeks before its report is released.
_SYSTEM_DATE_TAGS: Final = """article:published_time dcterms.date dc.date date pubdate publish_date
    publication_date""".split()
_ADDRESS_TAGS: Final = "og:url citation_public_url".split()
# Fields of the front matter of Markdown, likeliest first.
_PUBLICATION_FIELDS: Final = "publication series journal".split()
_PUBLISHER_FIELDS: Final = "publisher institution organization organisation".split()
_DATE_FIELDS: Final = "date published published_time publish_date".split()
_ADDRESS_FIELDS: Final = "source_url canonical canonical_url address url source link".split()
# Types of objects of JSON-LD.
_ARTICLES: Final = re.compile(
    r"(?:\w*Article|Report|BlogPosting|WebPage|Legislation|\w*Document|Book|Chapter)"
)
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
_MONTHS: Final = "jan feb mar apr may jun jul aug sep oct nov dec".split()
DATE: Final = re.compile(
    rf"""(?<!\d)(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\s+
    (?P<month>{MONTH})\.?,?\s+
    (?P<year>\d{{4}})(?!\d)""",
    re.IGNORECASE | re.VERBOSE,
)
"""A date in words, the day first, as the United Nations write it."""

_MONTH_FIRST: Final = re.compile(
    rf"""(?P<month>{MONTH})\.?\s+
    (?:(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,?\s+)?
    (?P<year>\d{{4}})(?!\d)""",
    re.IGNORECASE | re.VERBOSE,
)
_NUMERIC: Final = re.compile(
    r"(?P<year>\d{4})(?:[-/](?P<month>\d{1,2})(?:[-/](?P<day>\d{1,2}))?)?(?![\d/-])"
)
_FIRST_YEAR: Final = 1900


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
    ('International Labour Organization', '2021')
    """
    tags: dict[str, str] = {}  # the first content of each, by its name or property in lower case
    for meta in tree.iter("meta"):
        name = meta.get("property") or meta.get("name") or ""
        name = name.strip().lower().replace("dc:", "dc.")
        content = clean_text(meta.get("content") or "")
        if name and content:
            tags.setdefault(name, content)
    articles = [thing for thing in _json_ld_objects(tree) if _is_article(thing)]
    publishers = [*map(tags.get, _PUBLISHER_TAGS)]
    publishers += [_name(article.get("publisher")) for article in articles]
    publishers.append(tags.get("og:site_name"))
    system_dates: list[object] = [*map(tags.get, _SYSTEM_DATE_TAGS)]
    system_dates += [article.get("datePublished") for article in articles]
    addresses: list[object] = []
    for link in tree.iter("link"):
        if (link.get("rel") or "").lower() == "canonical":
            addresses.append(link.get("href"))
    addresses += map(tags.get, _ADDRESS_TAGS)
    addresses += [article.get("url") for article in articles]
    return Metadata(
        publication=_first_name(map(tags.get, _PUBLICATION_TAGS)),
        publisher=_first_publisher(publishers),
        date=_first_date(map(tags.get, _ISSUED_TAGS)) or _system_date(system_dates, tree),
        # some sites give their front page as the address of every page
        address=next(
            (
                url
                for url in map(absolute_address, addresses)
                if url and urlsplit(url).path.strip("/")
            ),
            None,
        ),
    )


def front_matter_metadata(fields: Mapping[str, str]) -> Metadata:
    """Return the metadata in the front matter of a Markdown file.

    >>> fields = {"title": "Norvia", "publisher": "OSCE", "url": "/norvia"}
    >>> metadata = front_matter_metadata(fields)
    >>> metadata.title, metadata.address
    ('Norvia', None)
    """
    addresses = map(absolute_address, map(fields.get, _ADDRESS_FIELDS))
    dates = filter(None, map(fields.get, _DATE_FIELDS))
    return Metadata(
        title=_first_name([fields.get("title")]),
        publication=_first_name(map(fields.get, _PUBLICATION_FIELDS)),
        publisher=_first_publisher(map(fields.get, _PUBLISHER_FIELDS)),
        # one with a time of day is a content system's
        date=_first_date(written[:4] if ":" in written else written for written in dates),
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


# ------------------------------------------------------------------------------------ JSON-LD


def _json_ld_objects(tree: etree._Element) -> Iterator[Mapping[str, object]]:
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


def _is_article(thing: Mapping[str, object]) -> bool:
    """Return whether an object is a text, by its types."""
    types = thing.get("@type")
    names = types if isinstance(types, list) else [types]
    return any(isinstance(name, str) and _ARTICLES.fullmatch(name) for name in names)


def _name(thing: object) -> str | None:
    """Return the name of an object of JSON-LD, or of the first in a list."""
    if isinstance(thing, list):
        thing = thing[0] if thing else None
    name = thing.get("name") if isinstance(thing, dict) else thing
    return name if isinstance(name, str) else None


# -------------------------------------------------------------------------- first usable value


def _first_name(candidates: Iterable[str | None]) -> str | None:
    """Return the first candidate that is a name: no address, no text of any length, not empty."""
    for candidate in candidates:
        name = clean_text(candidate or "")
        if name and len(name) <= _MAX_LENGTH and "://" not in name and any(map(str.isalpha, name)):
            return name
    return None


def _first_publisher(candidates: Iterable[str | None]) -> str | None:
    """Return the first name of a publisher, by its full name if it is a known one.

    Sites of others' reports are none.
    """
    for candidate in candidates:
        name = _first_name([candidate])
        if name is None or name.casefold() in _LIBRARIES:
            continue
        if publisher := known_publisher(name):
            return publisher
        if not _DOMAIN.fullmatch(name):
            return name
    return None


def _first_date(candidates: Iterable[object]) -> str | None:
    """Return the first candidate that is a date, in the form of ISO 8601."""
    dates = (iso_date(candidate) for candidate in candidates if isinstance(candidate, str))
    return next(filter(None, dates), None)


def _system_date(candidates: Iterable[object], tree: etree._Element) -> str | None:
    """Return the date of a content system: its day if the page shows the same one, else its year."""
    day = _first_date(candidates)
    if day is None:
        return None
    shown = (
        iso_date(match[0])
        for text in tree.xpath("//body//text()[not(parent::script or parent::style)]")
        for pattern in (_NUMERIC, DATE, _MONTH_FIRST)
        for match in pattern.finditer(text)
    )
    return day if day in shown else day[:4]


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
    written_month = match["month"] or ""
    month = 0
    if written_month.isdigit():
        month = int(written_month)
    elif written_month:
        month = _MONTHS.index(written_month[:3].lower()) + 1
    day = int(match["day"] or 0)
    try:
        whole = date(year, month or 1, day or 1)
    except ValueError:
        return None
    if not _FIRST_YEAR <= year <= latest_year():
        return None
    if day:
        return f"{whole:%Y-%m-%d}"
    return f"{whole:%Y-%m}" if month else f"{whole:%Y}"
