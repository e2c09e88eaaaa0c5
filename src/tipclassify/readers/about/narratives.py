"""Find and download country narratives of the US Trafficking in Persons (TIP) Report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Final

from tipclassify.download import download
from tipclassify.download.cache import Download
from tipclassify.errors import InputError, LinkError, UsageError
from tipclassify.readers.about.countries import Country, fold_name
from tipclassify.readers.about.subject import detect_country_and_year
from tipclassify.readers.child import read_bytes_isolated

_SITE: Final = "https://www.state.gov"
# of earlier administrations, by the year of the last report of each
_ARCHIVES: Final = {2020: "https://2017-2021.state.gov", 2024: "https://2021-2025.state.gov"}
_FIRST_REPORT: Final = 2017
_PAGE_TYPES: Final = (None, "text/html", "application/xhtml+xml")


def check_narrative_year(year: int) -> None:
    """Raise `UsageError` for a year whose narratives have no predictable addresses.

    Such are years before 2017, and those to come.
    """
    if not _FIRST_REPORT <= year <= date.today().year:
        raise UsageError(
            f"{year}: no TIP Report, or under numbers that cannot be guessed; "
            f"give a year from {_FIRST_REPORT} on, or save older pages from "
            "https://2009-2017.state.gov/j/tip/rls/tiprpt/ with a browser"
        )


def latest_narrative_years(today: date) -> list[int]:
    """Return the candidate years of the latest report, newest first.

    It is published between June and September.

    >>> latest_narrative_years(date(2024, 3, 1)), latest_narrative_years(date(2024, 7, 1))
    ([2023], [2024, 2023])
    """
    last_year = today.year - 1
    may_be_published = today.month >= 6
    return [today.year, last_year] if may_be_published else [last_year]


def addresses_of_narrative(country: Country, year: int, site: str | None = None) -> list[str]:
    """Return candidate addresses of a narrative, likeliest first.

    They are on `site` alone, or on state.gov and its archive.
    """
    archives = [archive for last_report, archive in _ARCHIVES.items() if year <= last_report]
    sites = [site] if site else [_SITE, *archives[:1]]
    # Only the report of 2019 is known to have a suffix.
    suffixes = ("-2", "") if year == 2019 else ("", "-2")
    return [
        f"{base}/reports/{year}-trafficking-in-persons-report{suffix}/{slug}/"
        for base in sites
        for suffix in suffixes
        for slug in country.slugs
    ]


def find_country_narrative(
    country: Country,
    years: Sequence[int],
    site: str | None = None,
    *,
    allow_private: bool = False,
    refresh: bool = False,
    reported: Callable[[str], None],
) -> tuple[int, Download]:
    """Download the narrative of a country from the first address that has it.

    Returns its year and page. The `years` are tried in this order, on `site` alone if given;
    `reported` is called with a line for each address tried. Raises `InputError` when no address has
    it, or a site was unreachable.
    """
    for year in years:
        unreachable: set[str] = set()  # sites; each fails for all of its addresses
        for url in addresses_of_narrative(country, year, site):
            base = url.split("/reports/")[0]
            if base in unreachable:
                continue
            try:
                page = download(url, allow_private=allow_private, refresh=refresh)
            except LinkError as error:
                if error.status in (404, 410):
                    reported(f"{url}: no such page ({error.status})")
                else:
                    unreachable.add(base)
                    reported(str(error))
                continue
            moved = page.url != url
            if is_country_narrative(page, country, year):
                reported(f"{url}: found at {page.url}" if moved else f"{url}: found")
                return year, page
            where = f", {page.url}" if moved else ""
            reported(f"{url}: leads to another page{where}")
        if unreachable:
            raise InputError(
                f"{country.name}: not every address of {year} could be tried; see above"
            )
    tried = " or ".join(map(str, years))
    remedy = "check --year, or find the page with a browser"
    raise InputError(f"{country.name}: no narrative of {tried} found; {remedy}")


def is_country_narrative(page: Download, country: Country, year: int) -> bool:
    """Return whether a page is that narrative.

    Sites redirect unknown addresses to a front page or CAPTCHA.
    """
    _, year_of_address = detect_country_and_year(None, page.url, "")
    if year_of_address not in (None, year) or page.content_type not in _PAGE_TYPES:
        return False
    try:
        title = read_bytes_isolated(page.data, page.url, got=page).title or ""
    except InputError:
        return False
    name, _ = detect_country_and_year(title, "", "")
    if name is not None:
        return name == country.name
    words = f" {fold_name(title)} "
    return any(f" {fold_name(slug)} " in words for slug in country.slugs)
