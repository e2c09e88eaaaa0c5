"""Choose the title of a report, and complete its publication, publisher, date and address.

A title in a file's metadata counts if the first page has it. The other fields come from the address
of a document, its title, and the masthead of the United Nations on its first page.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from tipclassify.readers.about.countries import (
    country_named,
    country_of_code,
    extract_countries,
    fold_name,
)
from tipclassify.readers.about.metadata import DATE, absolute_address, iso_date
from tipclassify.readers.about.publishers import (
    publication_in_path,
    publisher_of_address,
    publisher_of_publication,
)
from tipclassify.readers.about.subject import MAX_TITLE, detect_country_and_year
from tipclassify.records import Document
from tipclassify.text.prose import is_un_masthead
from tipclassify.text.sections import section_named_by, without_enumerator

# Titles of first pages.
_LARGER: Final = 1.1  # times the size of the text
_MIN_LETTERS: Final = 4  # of a word that must stand on the page; shorter ones stand on every page
_MAX_PAGE: Final = 50_000  # characters
_MAX_KIND: Final = 160  # characters of what a document is, before the name of its country
_LEGAL_BASIS: Final = re.compile(
    r",?\s+(?:in accordance with|pursuant to|submitted (?:in|under)|as requested)\b", re.I
)
_NOTE_MARKS: Final = " *∗†‡"
# Names of series.
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
_BRACKETS: Final = re.compile(r"\(.*?\)")
_EMPTY_BRACKETS: Final = re.compile(r"\(\s*\)")
_SMALL_WORDS: Final = frozenset("a an and by for from in of on or the to with".split())
# Mastheads.
_UNITED_NATIONS: Final = "United Nations"
# in large type, or after "Distr."
_MASTHEAD_NAMES: Final = ("united", "nations", "united nations", "general", "limited", "restricted")
_REVIEW: Final = "Universal Periodic Review"
_ORGANS: Final = (
    r"(?:general assembly|security council|human rights council|economic and social council"
    r"|secretariat|trusteeship council|commission on human rights|human rights committee)"
)
_ISSUER: Final = re.compile(rf"united nations|{_ORGANS}", re.IGNORECASE)
# https://research.un.org/en/docs/symbols: the first part is the organ or the treaty.
_SYMBOL: Final = re.compile(
    r"(?<![\w/])((?:A|S|E|T|ST|CCPR|CEDAW|CRC|CERD|CAT|CRPD|CMW|CED|HRI|TD|DP|UNEP|CTOC|SPT)"
    r"(?:/[A-Z0-9][A-Za-z0-9.\-]*){1,8})(?![\w/])"
)
_CODE: Final = re.compile(r"/([A-Z]{3})(?=/)")  # of a state, in symbols of reports on one
_DISTRIBUTION: Final = re.compile(
    r"\bdistr(?:ibution)?\b\s*\.?\s*:?\s*(?:general|limited|restricted)", re.IGNORECASE
)
_MAX_HEAD: Final = 1_500  # characters of the text from its start, in which a masthead stands


@dataclass(frozen=True, slots=True)
class TitleLine:
    """A paragraph of the first page."""

    text: str
    heading: bool
    size: float = 0.0  # of its type; of files without sizes, higher headings are larger


def is_stale_title(title: str, first_page: str) -> bool:
    """Return whether a title of a file's metadata is that of another document, or of none.

    The first page lacks its words, or has it as its letterhead.

    >>> is_stale_title("Questions to Norvia", "QUESTIONS TO  NORVIA")
    False
    >>> is_stale_title("Questions to Qatar", "Questions to Norvia")
    True
    """
    if _is_masthead(title):
        return True
    page = fold_name.__wrapped__(first_page[:_MAX_PAGE])  # not to be kept in its cache
    joined = page.replace(" ", "")  # the letters of a word may stand apart
    words = fold_name(title).split()
    long_words = [word for word in words if len(word) >= _MIN_LETTERS]
    if not long_words:
        return not set(words) <= set(page.split())
    return not all(word in joined for word in long_words)


def title_of_first_page(lines: Sequence[TitleLine], body_size: float) -> str | None:
    """Return the title among the paragraphs of a first page, or None.

    That is the heading in the largest type, if it is larger than the text, else the heading that
    opens the page. A country that has a heading to itself is put after what stands above it:
    "Report of the Working Group: Norvia".
    """
    lines = [line for line in lines if not _is_masthead(line.text)]
    headings: list[TitleLine] = []
    for line in lines:
        is_section = section_named_by(line.text) is not None
        if line.heading and not is_section and without_enumerator(line.text) == line.text:
            headings.append(line)
    if not headings:
        return None
    title = _title_above_country(lines, body_size)
    if title is not None:
        return title
    larger = [line for line in headings if line.size > body_size * _LARGER]
    if larger:
        # the largest, or, if that names no country, the first that does
        best = max(larger, key=lambda line: line.size)
        if _country_in(best.text) is None:
            best = next((line for line in larger if _country_in(line.text)), best)
    elif lines[0] is headings[0]:
        best = lines[0]
    else:
        return None
    return best.text.rstrip(_NOTE_MARKS)


def _title_above_country(lines: Sequence[TitleLine], body_size: float) -> str | None:
    """Return what stands above the heading that is a country's name, and the name."""
    countries: list[int] = []
    for at, line in enumerate(lines):
        if at > 0 and line.heading and country_named(line.text) is not None:
            countries.append(at)
    if len(countries) != 1:  # several are those of a list
        return None
    country = lines[countries[0]]
    above = lines[countries[0] - 1]
    kind = _LEGAL_BASIS.split(above.text)[0].rstrip(_NOTE_MARKS)
    is_sentence = len(kind) > _MAX_KIND or kind.endswith((".", ";", ",", "?", "!"))
    if country.size < body_size or is_sentence or _country_in(kind) is not None:
        return None
    return f"{kind}: {country.text.rstrip(_NOTE_MARKS)}"


def _country_in(title: str) -> str | None:
    return detect_country_and_year(title, "", "")[0]


# -------------------------------------------------------------------------------- publication


def with_publication(document: Document, address: str | None = None) -> Document:
    """Return the document with the fields that its own metadata lack; what is not known stays None.

    `address` is that of the link that it was read from. `country` must have been looked for before.
    """
    linked_from = absolute_address(address) if address else None
    document = replace(document, address=document.address or linked_from)
    document = _with_masthead(document)
    found_at = document.address
    title = document.title
    short_title = (title or "")[:MAX_TITLE]
    publication = document.publication
    if publication is None and found_at:
        publication = publication_in_path(found_at)
    if publication is None and title:
        publication = publication_in_title(short_title, document.country)
    publisher = document.publisher
    if publisher is None and found_at:
        publisher = publisher_of_address(found_at)
    if publisher is None and publication:
        publisher = publisher_of_publication(publication)
    if title and publication and document.country and _is_country_alone(short_title):
        dated = f"{document.year} {publication}" if document.year else publication
        title = f"{dated}: {title}"
    return replace(document, title=title, publication=publication, publisher=publisher)


def _first_page(document: Document) -> str:
    """Return the text of the first page; at most its first characters."""
    first = document.blocks[0].start if document.blocks else 0
    end = first + _MAX_HEAD
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
    serials = [part for part in parts if _names_series(_without_year(part))]
    if len(serials) != 1:
        return None
    serial = serials[0]
    is_dated = _YEAR.search(serial) is not None or _DATE.search(title) is not None
    if not is_dated:
        others = [part for part in parts if part != serial]
        if not country or not any(_names_country(part, country) for part in others):
            return None
    name = _without_year(serial)
    return _in_title_case(name.lower().split()) if name.isupper() else name


def _names_series(name: str) -> bool:
    """Return whether a part of a title is the name of a series: no country, no sentence."""
    if _SERIAL_NAME.fullmatch(name) is None or not name[:1].isupper():
        return False
    countries, _ = extract_countries(fold_name(name).split())
    return not countries or _NATIONAL_SERIAL.search(name) is not None


def _without_year(part: str) -> str:
    """Return a part of a title without its year and the brackets around it."""
    rest = _EMPTY_BRACKETS.sub(" ", _YEAR.sub(" ", part))
    return " ".join(rest.split()).strip(" ,;.-")


def _names_country(part: str, country: str) -> bool:
    countries, _ = extract_countries(fold_name(part).split())
    return country in countries or fold_name(country) in fold_name(part)


def _is_country_alone(title: str) -> bool:
    """Return whether a title is the name of a country and nothing else, but for brackets."""
    words = fold_name(_BRACKETS.sub(" ", title)).split()
    countries, other_words = extract_countries(words)
    return len(set(countries)) == 1 and not other_words


def _in_title_case(words: list[str]) -> str:
    """Write a name as titles are: small words, but for the first, are not capitalized."""
    written = [word[:1].upper() + word[1:] for word in words]
    for number, word in enumerate(words):
        if number and word in _SMALL_WORDS:
            written[number] = word
    return " ".join(written)


# ----------------------------------------------------------------------------------- masthead


def _with_masthead(document: Document) -> Document:
    """Return a document of the United Nations with what its masthead says, any other unchanged.

    Documents of the Universal Periodic Review have its name, others their symbol, such as
    A/HRC/14/2, as their publication. The symbol gives the permanent address.
    """
    head = " ".join(_first_page(document).split())
    distribution = _DISTRIBUTION.search(head)
    if distribution is None or not _ISSUER.search(head):
        return document
    # The masthead's own symbol stands next to the word; others are cited in notes.
    place = distribution.start()
    symbols = sorted(_SYMBOL.finditer(head), key=lambda match: abs(match.start() - place))
    symbol = symbols[0][1].rstrip(".-") if symbols else None
    written = DATE.search(head, distribution.end())
    day = iso_date(written[0]) if written else None
    countries = filter(None, map(country_of_code, _CODE.findall(symbol or "")))
    country = next(countries, None)
    is_review = _REVIEW.casefold() in head.casefold()
    return replace(
        document,
        country=document.country or (country.name if country else None),
        year=document.year or (int(day[:4]) if day else None),
        publication=document.publication or (_REVIEW if is_review else symbol),
        publisher=document.publisher or _UNITED_NATIONS,
        date=document.date or day,
        address=document.address or (f"https://undocs.org/{symbol}" if symbol else None),
    )


def _is_masthead(line: str) -> bool:
    """Return whether a line of a first page belongs to the masthead of the United Nations."""
    return (
        line.casefold() in _MASTHEAD_NAMES
        or _SYMBOL.fullmatch(line) is not None
        or is_un_masthead(line)
    )
