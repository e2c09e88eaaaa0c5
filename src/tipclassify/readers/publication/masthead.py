"""Read the first page of a report of the United Nations.

It has the document symbol, the date, and what is no title of the report.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from tipclassify.errors import UsageError
from tipclassify.readers.countries.names import find_country
from tipclassify.readers.publication.dates import DATE, iso_date

__all__ = ["Masthead", "is_masthead", "read_masthead"]

_UNITED_NATIONS: Final = "United Nations"
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
_MAX_LINE: Final = 300  # characters of a line of a masthead
# A whole line. Spaces do not count in this pattern, so that it has the organs as they are in some
# PDF files, without spaces; with spaces they are among the parts below.
_LETTERHEAD: Final = re.compile(
    rf"""
      united\s+nations | united | nations | a
    | {_ORGANS}
    | distr\.? (?:\s*:?\s*\w+)?
    | original\s*:?\s*[\w/ ]+
    | english
    | [\w-]+\s+(?:special\s+)?session
    | agenda\s+items?\s+[\w\s(),.]+
    | items?\s+\d+[\w\s(),.]*
    | geneva,?\s.{{4,40}}
    | working\s+group\s+on\s+the\s+universal\s+periodic\s+review
    | [\W\d_]+
    | ge\.\d.*
    """,
    re.IGNORECASE | re.VERBOSE,
)
_LETTERHEAD_PARTS: Final = re.compile(
    rf"united\s+nations|{_ORGANS}|{_DISTRIBUTION.pattern}|original\s*:\s*\w+|{_SYMBOL.pattern}\**",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Masthead:
    """What the masthead of a document of the United Nations says."""

    symbol: str | None  # such as A/HRC/14/2
    date: str | None  # in the form of ISO 8601
    country: str | None  # if the symbol has its code
    publication: str | None  # the series, or the symbol, by which these documents are known
    publisher: str = _UNITED_NATIONS

    @property
    def year(self) -> int | None:
        """Return the year of the date."""
        return int(self.date[:4]) if self.date else None

    @property
    def address(self) -> str | None:
        """Return the permanent address of the document, derived from its symbol."""
        return f"https://undocs.org/{self.symbol}" if self.symbol else None


def read_masthead(first_page: str) -> Masthead | None:
    """Return the masthead of a document of the United Nations; None for any other text.

    >>> masthead = read_masthead("United Nations A/HRC/99/7* Distr.: General 4 April 2014 Norvia")
    >>> masthead.symbol, masthead.date, masthead.publication
    ('A/HRC/99/7', '2014-04-04', 'A/HRC/99/7')
    """
    head = " ".join(first_page[:_MAX_HEAD].split())
    distribution = _DISTRIBUTION.search(head)
    if distribution is None or not _ISSUER.search(head):
        return None
    # The masthead's own symbol stands next to the word; others are cited in notes.
    place = distribution.start()
    nearest = min(
        _SYMBOL.finditer(head), key=lambda match: abs(match.start() - place), default=None
    )
    symbol = nearest[1].rstrip(".-") if nearest else None
    day = DATE.search(head, distribution.end())
    is_review = _REVIEW.casefold() in head.casefold()
    return Masthead(
        symbol=symbol,
        date=iso_date(day[0]) if day else None,
        country=_country_in_un_symbol(symbol) if symbol else None,
        publication=_REVIEW if is_review else symbol,
    )


def is_masthead(line: str) -> bool:
    """Return whether a line of a first page belongs to the masthead of the United Nations.

    >>> is_masthead("General Assembly Distr.: General"), is_masthead("Compilation on Norvia")
    (True, False)
    """
    if len(line) > _MAX_LINE:
        return False
    other_words = " ".join(_LETTERHEAD_PARTS.sub(" ", line.replace("|", " ")).split())
    other_words = DATE.sub(" ", other_words).strip()
    return not other_words or _LETTERHEAD.fullmatch(other_words) is not None


def _country_in_un_symbol(symbol: str) -> str | None:
    """Return the country whose code of three letters is a part of a symbol, or None."""
    for code in _CODE.findall(symbol):
        try:
            country = find_country(code)
        except UsageError:
            continue
        if country.alpha3 == code:  # else it is another name: UAE of ARE
            return country.name
    return None
