"""Parse dates of publication, as pages and mastheads write them, to the form of ISO 8601."""

from __future__ import annotations

import re
from datetime import date
from typing import Final

__all__ = ["DATE", "iso_date"]

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
