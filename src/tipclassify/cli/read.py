"""``tipclassify fetch`` and ``text``: download narratives, print the text of a report."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from tipclassify.cli import options
from tipclassify.cli.output import (
    exit_failed,
    file_ids,
    open_output,
    print_line,
    print_note,
    print_warnings,
)
from tipclassify.errors import InputError, MissingExtraError


def fetch(
    countries: Annotated[
        list[str], Argument(metavar="COUNTRY...", help="Names or codes: Togo, 'Korea, South', TGO.")
    ],
    year: Annotated[
        int | None, Option(metavar="YEAR", help="2017 or later; the latest by default.")
    ] = None,
    output_dir: Annotated[
        Path, Option("--output-dir", "-o", metavar="DIR", help="Write the files to DIR.")
    ] = Path(),
    refresh: Annotated[
        bool, Option("--refresh", help="Download anew what the cache has from today.")
    ] = False,
    allow_private: options.AllowPrivate = False,
    base_url: Annotated[str | None, Option(hidden=True)] = None,
) -> None:
    """Download country narratives of the US State Department's Trafficking in Persons Report.

    Each is saved as DIR/tip-YEAR-COUNTRY.html, and its path is printed. Standard error lists every
    address tried, with its result. The report of a year comes out between June and September:
    without --year this year's is tried from June on, then last year's, and the first that is found
    is used for all countries.

    Needs the extra "links". Where the site refuses programs, save the pages with a browser:
    "tipclassify score" reads them as well. Exits 1 when any country failed; the rest are saved.
    """
    from tipclassify.readers.about.countries import find_country
    from tipclassify.readers.about.narratives import (
        check_narrative_year,
        find_country_narrative,
        latest_narrative_years,
    )

    known_countries = [find_country(name) for name in countries]
    if year is None:
        years = latest_narrative_years(date.today())
        print_note(f"no --year given: trying {', then '.join(map(str, years))}")
    else:
        check_narrative_year(year)
        years = [year]
    output_dir.mkdir(parents=True, exist_ok=True)
    site = base_url and base_url.rstrip("/")
    failed = 0
    for country in known_countries:
        try:
            year, page = find_country_narrative(
                country,
                years,
                site,
                allow_private=allow_private,
                refresh=refresh,
                reported=print_note,
            )
            years = [year]
            path = output_dir / f"tip-{year}-{country.slugs[0]}.html"
            # the input is a link
            with open_output(path, binary=True, inputs=file_ids(()), option="--output-dir") as out:
                out.write(page.data)
            print_line(path)
        except MissingExtraError:
            raise
        except InputError as error:
            failed += 1
            print_note(str(error))
    exit_failed(failed, len(countries), "countries")


def text(
    file: Annotated[str, Argument(metavar="FILE", help=options.REPORT_HELP)],
    encoding: options.Encoding = None,
    allow_private: options.AllowPrivate = False,
    output: options.Output = None,
) -> None:
    """Print the text of a report, without what surrounds it on a page.

    The start and end that score writes count the characters of this text, so out\\[start:end] is the
    passage. It is UTF-8, and ends with a line break, added where the text has none.
    """
    from tipclassify.readers.child import read_report_isolated
    from tipclassify.tagging import read_with_notes

    document, notes = read_with_notes(
        lambda: read_report_isolated(file, options.read_options(encoding, allow_private))
    )
    print_warnings(notes)
    whole = document.text if document.text.endswith("\n") else document.text + "\n"
    # binary: in text mode, Windows would change line breaks and so offsets
    with open_output(output, binary=True, inputs=file_ids([file])) as out:
        # a lone surrogate becomes one "?": offsets hold
        out.write(whole.encode("utf-8", "replace"))
