"""Find and download country narratives of the US Trafficking in Persons (TIP) Report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Final

from tipclassify.download import Download, LinkError, download
from tipclassify.errors import InputError, UsageError
from tipclassify.readers import read_bytes
from tipclassify.readers.countries import Country, country_and_year, fold_name

__all__ = ["addresses", "check_year", "find_narrative", "is_narrative", "latest_years"]

_SITE: Final = "https://www.state.gov"
_FIRST_REPORT: Final = 2017
# Archived sites of earlier administrations, by the last report on each.
_ARCHIVES: Final = ((2020, "https://2017-2021.state.gov"), (2024, "https://2021-2025.state.gov"))


def check_year(year: int) -> None:
    """Raise `UsageError` for a year whose narratives have no predictable addresses.

    Such are years before 2017, and those to come.
    """
    if not _FIRST_REPORT <= year <= date.today().year:
        raise UsageError(
            f"{year}: no TIP Report, or under numbers that cannot be guessed; give a year from {_FIRST_REPORT} on, "
            "or save older pages from https://2009-2017.state.gov/j/tip/rls/tiprpt/ with a browser"
        )


def latest_years(today: date) -> list[int]:
    """Return the candidate years of the latest report, newest first.

    It is published between June and September.

    >>> latest_years(date(2024, 3, 1)), latest_years(date(2024, 7, 1))
    ([2023], [2024, 2023])
    """
    return [today.year, today.year - 1] if today.month >= 6 else [today.year - 1]


def addresses(country: Country, year: int, site: str | None = None) -> list[str]:
    """Return candidate addresses of a narrative, likeliest first.

    They are on `site` alone, or on state.gov and its archive.
    """
    archive = next((at for last, at in _ARCHIVES if year <= last), None)
    sites = [site] if site else [_SITE, *([archive] if archive else [])]
    # Only the report of 2019 is known to have a suffix.
    suffixes = ("-2", "") if year == 2019 else ("", "-2")
    return [
        f"{at}/reports/{year}-trafficking-in-persons-report{suffix}/{slug}/"
        for at in sites
        for suffix in suffixes
        for slug in country.slugs
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
    """Download the narrative of a country from the first address that has it.

    Returns its year and page. The `years` are tried in this order, on `site` alone if given;
    `reported` is called with a line for each address tried. Raises `InputError` when no address has
    it, or a site was unreachable.
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
            raise InputError(
                f"{country.name}: not every address of {year} could be tried; see above"
            )
    tried = " or ".join(map(str, years))
    raise InputError(
        f"{country.name}: no narrative of {tried} found; check --year, or find the page with a browser"
    )


def is_narrative(page: Download, country: Country, year: int) -> bool:
    """Return whether a page is that narrative.

    Sites redirect unknown addresses to a front page or CAPTCHA.
    """
    another_year = country_and_year(None, page.url, "")[1] not in (None, year)
    if another_year or page.content_type not in (None, "text/html", "application/xhtml+xml"):
        return False
    try:
        title = read_bytes(page.data, page.url, got=page).title or ""
    except InputError:
        return False
    found = country_and_year(title, "", "")[0]
    named = any(f" {fold_name(slug)} " in f" {fold_name(title)} " for slug in country.slugs)
    return found == country.name or (found is None and named)
