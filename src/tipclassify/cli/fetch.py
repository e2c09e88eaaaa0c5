"""``tipclassify fetch``: download country narratives of the TIP Report."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from tipclassify.cli import options
from tipclassify.cli.output import exit_failed, open_output, print_line, print_note
from tipclassify.errors import InputError, MissingExtraError, OutputError


def fetch(
    countries: Annotated[list[str], Argument(metavar="COUNTRY...", help="Names or codes: Togo, 'Korea, South', TGO.")],
    year: Annotated[int | None, Option(metavar="YEAR", help="2017 or later; the latest by default.")] = None,
    output_dir: Annotated[
        Path, Option("--output-dir", "-o", metavar="DIR", help="Folder for the files; made where it is missing.")
    ] = Path(),
    refresh: Annotated[bool, Option("--refresh", help="Download anew what the cache has from today.")] = False,
    allow_private: options.AllowPrivate = False,
    base_url: Annotated[str | None, Option(hidden=True)] = None,
) -> None:
    """Download country narratives of the US State Department's Trafficking in Persons Report.

    Each is saved as DIR/tip-YEAR-COUNTRY.html, and its path is printed. Standard error lists every address tried, with
    its result. The report of a year comes out between June and September: without --year this year's is tried from June
    on, then last year's, and the first that is found is used for all countries.

    Needs the extra "links". Where the site refuses programs, save the pages with a browser: "tipclassify score" reads
    them as well. Exits 1 when any country failed; the rest are saved.
    """
    from tipclassify.readers.countries import find_country
    from tipclassify.readers.tip_report import check_year, find_narrative, latest_years, slugs

    if year is None:
        years = latest_years(date.today())
        print_note(f"no --year given: trying {', then '.join(map(str, years))}")
    else:
        check_year(year)
        years = [year]
    found = [find_country(name) for name in countries]
    try:
        output_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise OutputError(f"{output_dir}: cannot be made ({reason}); choose another --output-dir") from None
    failed, site = 0, base_url and base_url.rstrip("/")
    for country in found:
        try:
            access = {"allow_private": allow_private, "refresh": refresh}
            year, page = find_narrative(country, years, site, **access, reported=print_note)
            years = [year]
            path = output_dir / f"tip-{year}-{slugs(country, year)[0]}.html"
            with open_output(path, binary=True) as out:
                out.write(page.data)
            print_line(path)
        except MissingExtraError:
            raise
        except InputError as error:
            failed += 1
            print_note(str(error))
    exit_failed(failed, len(countries), "countries")
