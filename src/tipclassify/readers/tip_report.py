"""Find and download country narratives of the Trafficking in Persons (TIP) Report of the US State Department.

Addresses follow a loose pattern since 2017, so candidates are tried, likeliest first, and a page must be about the country.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Sequence
from datetime import date
from typing import Final

from tipclassify.download import Download, LinkError, download
from tipclassify.errors import InputError, UsageError
from tipclassify.readers.countries import Country, country_and_year, fold_name

__all__ = ["SITE", "addresses", "check_year", "find_narrative", "is_narrative", "latest_years", "slugs"]

SITE: Final = "https://www.state.gov"

_FIRST_REPORT: Final = 2001
_FIRST_LISTED_REPORT: Final = 2017

# Renamed countries: first report with the new name, new slugs, old slug. All are tried.
_RENAMED: Final = {
    "CZ": (2022, "czechia", "czech-republic"),
    "MK": (2019, "north-macedonia", "macedonia"),
    "SZ": (2019, "eswatini", "swaziland"),
    "TR": (2023, "turkey-turkiye turkiye", "turkey"),
}
# Archived sites of earlier administrations, by the last report on each.
_ARCHIVES: Final = ((2020, "https://2017-2021.state.gov"), (2024, "https://2021-2025.state.gov"))


def check_year(year: int) -> None:
    """Raise `UsageError` for a year whose narratives have no predictable addresses: before 2017, or to come."""
    this_year = date.today().year
    if not _FIRST_REPORT <= year <= this_year:
        raise UsageError(f"{year}: no TIP Report; give a year from {_FIRST_LISTED_REPORT} to {this_year}")
    if year < _FIRST_LISTED_REPORT:
        raise UsageError(
            f"{year}: reports before {_FIRST_LISTED_REPORT} lie under numbers that cannot be guessed; open "
            "https://2009-2017.state.gov/j/tip/rls/tiprpt/ in a browser, save the pages and give the files"
        )


def latest_years(today: date) -> list[int]:
    """Return the candidate years of the latest report, newest first; it is published between June and September.

    >>> latest_years(date(2024, 3, 1)), latest_years(date(2024, 7, 1))
    ([2023], [2024, 2023])
    """
    return [today.year, today.year - 1] if today.month >= 6 else [today.year - 1]


def slugs(country: Country, year: int) -> list[str]:
    """Return the address slugs of a country, likeliest first.

    >>> from tipclassify.readers.countries import find_country
    >>> slugs(find_country("Eswatini"), 2018), slugs(find_country("Bosnia"), 2023)
    (['swaziland', 'eswatini'], ['bosnia-and-herzegovina'])
    """
    if country.alpha2 in _RENAMED:
        since, new, old = _RENAMED[country.alpha2]
        return [*new.split(), old] if year >= since else [old, *new.split()]
    return list(country.slugs)


def addresses(country: Country, year: int, site: str | None = None) -> list[str]:
    """Return candidate addresses of a narrative, likeliest first, on `site` alone or on state.gov and its archive."""
    archive = next((at for last, at in _ARCHIVES if year <= last), None)
    sites = [site] if site else [SITE, *([archive] if archive else [])]
    # Only the report of 2019 is known to have a suffix.
    suffixes = ("-2", "") if year == 2019 else ("", "-2")
    return [
        f"{at}/reports/{year}-trafficking-in-persons-report{suffix}/{slug}/"
        for at in sites
        for suffix in suffixes
        for slug in slugs(country, year)
    ]


def find_narrative(
    country: Country,
    years: Sequence[int],
    site: str | None = None,
    *,
    allow_private: bool = False,
    refresh: bool = False,
    reported: Callable[[str], None],
) -> tuple[int, Download]:
    """Download the narrative of a country from the first address that has it; return its year and page.

    The `years` are tried in this order, on `site` alone if given; `reported` is called with a line for each address
    tried. Raises `InputError` when no address has it, or a site was unreachable.
    """
    for year in years:
        unreachable: set[str] = set()
        for url in addresses(country, year, site):
            # An unreachable site fails for each of its addresses; the archive is another site.
            at = url.split("/reports/")[0]
            if at in unreachable:
                continue
            try:
                page = download(url, allow_private=allow_private, refresh=refresh)
            except LinkError as error:
                if error.status in (404, 410):
                    reported(f"{url}: no such page ({error.status})")
                else:
                    unreachable.add(at)
                    reported(str(error))
                continue
            moved = page.url != url
            if is_narrative(page, country, year):
                reported(f"{url}: found" + (f" at {page.url}" if moved else ""))
                return year, page
            reported(f"{url}: leads to another page" + (f", {page.url}" if moved else ""))
        if unreachable:
            raise InputError(f"{country.name}: not every address of {year} could be tried; see above")
    tried = " or ".join(map(str, years))
    raise InputError(f"{country.name}: no narrative of {tried} found; check --year, or find the page with a browser")


def is_narrative(page: Download, country: Country, year: int) -> bool:
    """Return whether a page is the narrative of that country and year.

    Sites redirect unknown addresses to their front page or to a CAPTCHA.
    """
    if page.content_type not in (None, "text/html", "application/xhtml+xml"):
        return False
    if country_and_year(None, page.url, "")[1] not in (None, year):
        return False
    head = page.data[:500_000].decode(page.encoding or "utf-8", "replace")
    for tag in ("title", "h1"):
        match = re.search(rf"<{tag}\b[^>]*>(.*?)</{tag}>", head, re.IGNORECASE | re.DOTALL)
        title = " ".join(html.unescape(re.sub(r"<[^>]*>", " ", match[1])).split()) if match else ""
        title_country = country_and_year(title, "", "")[0]
        folded = f" {fold_name(title)} "
        if title_country == country.name:
            return True
        if title_country is None and any(f" {fold_name(slug)} " in folded for slug in slugs(country, year)):
            return True
    return False
