"""``tipclassify fetch``: country narratives of the TIP Report, from the web to files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tipclassify.cli.options import AllowPrivateOption
from tipclassify.cli.output import open_output, tell, tell_warnings
from tipclassify.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    from tipclassify.download import Download
    from tipclassify.readers.countries import Country

__all__ = ["fetch"]


def fetch(
    countries: Annotated[
        list[str],
        typer.Argument(
            metavar="COUNTRY...", help="English names or ISO 3166 codes: Togo, \"Cote d'Ivoire\", 'Korea, South', TGO."
        ),
    ],
    year: Annotated[
        int | None,
        typer.Option("--year", metavar="YEAR", help="Year of the report, 2017 or later; the latest by default."),
    ] = None,
    output_dir: Annotated[
        Path, typer.Option("--output-dir", "-o", metavar="DIR", help="Folder for the files; made where it is missing.")
    ] = Path("."),
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Download anew what was downloaded today and is in the cache.")
    ] = False,
    allow_private: AllowPrivateOption = False,
    base_url: Annotated[str | None, typer.Option("--base-url", metavar="URL", hidden=True)] = None,
) -> None:
    """Download country narratives of the US State Department's Trafficking in Persons Report.

    Each is saved as DIR/tip-YEAR-COUNTRY.html, and its path is printed. Standard error tells every address that was
    tried and what came of it. The report of a year comes out between June and September: without --year this year's is
    tried from June on, then last year's, and the first that is found holds for all countries.

    Needs the extra "links". Where the site refuses programs, save the pages with a browser: "tipclassify score" reads
    them as well. Exits 1 when any country failed; the rest are saved.
    """
    from datetime import date

    from tipclassify.readers.countries import find_country
    from tipclassify.readers.tip_report import check_year, latest_years, slugs

    if year is None:
        years = latest_years(date.today())
        tell([f"no --year given: trying {', then '.join(map(str, years))}"])
    else:
        check_year(year)
        years = [year]
    try:
        output_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"{output_dir}: cannot be made ({reason}); choose another --output-dir") from None
    tell_warnings()
    failed = 0
    for name in countries:
        try:
            country = find_country(name)
            found, page = _narrative(country, years, allow_private, refresh, base_url)
            years = [found]
            path = output_dir / f"tip-{found}-{slugs(country, found)[0]}.html"
            with open_output(path, binary=True) as out:
                out.write(page.data)
            typer.echo(path)
        except MissingExtraError:
            raise
        except InputError as error:
            failed += 1
            tell([str(error)])
    if failed:
        if len(countries) > 1:
            tell([f"{failed} of {len(countries)} countries failed"])
        raise typer.Exit(1)


def _narrative(
    country: Country, years: list[int], allow_private: bool, refresh: bool, base_url: str | None
) -> tuple[int, Download]:
    """The year and page of a country's narrative, from the first address that has it."""
    from tipclassify.download import LinkError, download
    from tipclassify.readers.tip_report import addresses, is_narrative

    for year in years:
        trouble: set[str] = set()
        for url in addresses(country, year, base_url and base_url.rstrip("/")):
            # A site that refuses or does not answer would do so at each address; the archive is another site.
            site = url.split("/reports/")[0]
            if site in trouble:
                continue
            try:
                page = download(url, allow_private=allow_private, refresh=refresh)
            except LinkError as error:
                if error.status in (404, 410):
                    tell([f"{url}: no such page ({error.status})"])
                else:
                    trouble.add(site)
                    tell([str(error)])
                continue
            moved = page.url != url
            if is_narrative(page, country, year):
                tell([f"{url}: found" + (f" at {page.url}" if moved else "")])
                return year, page
            tell([f"{url}: leads to another page" + (f", {page.url}" if moved else "")])
        if trouble:
            raise InputError(f"{country.name}: not every address of {year} could be tried; see above")
    tried = " or ".join(map(str, years))
    raise InputError(f"{country.name}: no narrative of {tried} found; check --year, or find the page with a browser")
