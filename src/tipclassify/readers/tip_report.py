"""Where the country narratives of the TIP Report lie: the yearly Trafficking in Persons Report of the US State Department.

Their addresses follow a pattern since 2017, but not a strict one: some reports have a "-2" in it, and a country's part was
written one way and another. So there is a list of addresses for each, likeliest first, and a page is taken only when it is
about the country that was asked for.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Sequence
from datetime import date
from typing import Final

from tipclassify.download import Download, LinkError, download
from tipclassify.errors import InputError
from tipclassify.readers.countries import Country, country_and_year, fold_name

__all__ = ["SITE", "addresses", "check_year", "find_narrative", "is_narrative", "latest_years", "slugs"]

SITE: Final = "https://www.state.gov"

_FIRST_REPORT: Final = 2001
_FIRST_PATTERN: Final = 2017

# How state.gov writes countries in addresses, where it is not the name alone or not always the same; likeliest first.
_SLUGS: Final = {
    "BS": "bahamas the-bahamas bahamas-the",
    "CD": "democratic-republic-of-the-congo congo-democratic-republic-of-the",
    "CG": "republic-of-the-congo congo-republic-of-the",
    "CI": "cote-divoire cote-d-ivoire",
    "CV": "cabo-verde cape-verde",
    "FM": "micronesia federated-states-of-micronesia micronesia-federated-states-of",
    "GM": "gambia the-gambia gambia-the",
    "KG": "kyrgyzstan kyrgyz-republic",
    "KN": "saint-kitts-and-nevis st-kitts-and-nevis",
    "KP": "north-korea korea-north korea-democratic-peoples-republic-of",
    "KR": "south-korea korea-south korea-republic-of",
    "LC": "saint-lucia st-lucia",
    "MM": "burma burma-myanmar myanmar",
    "MO": "macau macao",
    "PS": "west-bank-and-gaza",
    "SK": "slovakia slovak-republic",
    "SX": "sint-maarten st-maarten",
    "US": "united-states-of-america united-states",
    "VA": "holy-see",
    "VC": "saint-vincent-and-the-grenadines st-vincent-and-the-grenadines",
}
# Countries that took another name: the first report that knows it, the new one and the old one. Both are tried.
_RENAMED: Final = {
    "CZ": (2022, "czechia", "czech-republic"),
    "MK": (2019, "north-macedonia", "macedonia"),
    "SZ": (2019, "eswatini", "swaziland"),
    "TR": (2023, "turkey-turkiye turkiye", "turkey"),
}
# Where the site of an earlier administration is kept, by the last report on it.
_ARCHIVES: Final = ((2020, "https://2017-2021.state.gov"), (2024, "https://2021-2025.state.gov"))


def check_year(year: int) -> None:
    """Raise `InputError` for a year without country pages that can be found by name."""
    this_year = date.today().year
    if not _FIRST_REPORT <= year <= this_year:
        raise InputError(f"{year}: no TIP Report; give a year from {_FIRST_PATTERN} to {this_year}")
    if year < _FIRST_PATTERN:
        raise InputError(
            f"{year}: reports before {_FIRST_PATTERN} lie under numbers that cannot be guessed; open "
            "https://2009-2017.state.gov/j/tip/rls/tiprpt/ in a browser, save the pages and give the files"
        )


def latest_years(today: date) -> list[int]:
    """Years whose report may be the latest one, newest first: it comes out between June and September.

    >>> latest_years(date(2024, 3, 1)), latest_years(date(2024, 7, 1))
    ([2023], [2024, 2023])
    """
    return [today.year, today.year - 1] if today.month >= 6 else [today.year - 1]


def slugs(country: Country, year: int) -> list[str]:
    """How an address may write a country, likeliest first.

    >>> from tipclassify.readers.countries import find_country
    >>> slugs(find_country("Eswatini"), 2018), slugs(find_country("Bosnia"), 2023)
    (['swaziland', 'eswatini'], ['bosnia-and-herzegovina'])
    """
    if country.alpha2 in _RENAMED:
        since, new, old = _RENAMED[country.alpha2]
        return [*new.split(), old] if year >= since else [old, *new.split()]
    return _SLUGS.get(country.alpha2, fold_name(country.name).replace(" ", "-")).split()


def addresses(country: Country, year: int, site: str | None = None) -> list[str]:
    """Addresses at which the narrative of a country may lie, likeliest first: on `site` alone, or on state.gov and its archive."""
    archive = next((at for last, at in _ARCHIVES if year <= last), None)
    sites = [site] if site else [SITE, *([archive] if archive else [])]
    # The report of 2019 is the one known to have a suffix.
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
    """Download the narrative of a country: its year and page, from the first address that has it.

    Parameters
    ----------
    years : sequence of int
        Tried in this order.
    site : str, optional
        Look on this site alone.
    reported : function of str
        Called with one line for each address that was tried.

    Raises
    ------
    InputError
        When no address has it, or not every address could be tried.
    """
    for year in years:
        unreachable: set[str] = set()
        for url in addresses(country, year, site):
            # A site that refuses or does not answer would do so at each address; the archive is another site.
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
    """Whether a page is what was asked for: sites lead an unknown address to their front page, or to a riddle for robots."""
    if page.content_type not in (None, "text/html", "application/xhtml+xml"):
        return False
    if country_and_year(None, page.url, "")[1] not in (None, year):
        return False
    head = page.data[:500_000].decode(page.encoding or "utf-8", "replace")
    for tag in ("title", "h1"):
        match = re.search(rf"<{tag}\b[^>]*>(.*?)</{tag}>", head, re.IGNORECASE | re.DOTALL)
        title = " ".join(html.unescape(re.sub(r"<[^>]*>", " ", match[1])).split()) if match else ""
        told = country_and_year(title, "", "")[0]
        folded = f" {fold_name(title)} "
        if told == country.name:
            return True
        if told is None and any(f" {fold_name(slug)} " in folded for slug in slugs(country, year)):
            return True
    return False
