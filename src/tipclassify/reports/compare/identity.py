"""What two reports must share to be compared: country and publication, and years in their order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tipclassify.errors import UsageError
from tipclassify.records import Passage, Report, source_name


class Identity(NamedTuple):
    """Country, publication and year of a report, each None if unknown."""

    name: str  # by which messages call it
    country: str | None
    publication: str | None
    year: int | None


def identity(report: Report) -> Identity:
    """Return what a report is; rows have what all of them say in columns of these names."""
    rows = report.passages if report.document is None else ()
    year = _shared(rows, "year")
    return Identity(
        name=source_name(report.file),
        country=report.country or _shared_name(rows, "country"),
        publication=report.publication or _shared_name(rows, "publication"),
        year=report.year or (year if type(year) is int else None),
    )


def _shared(rows: Sequence[Passage], column: str) -> object:
    """Return what all rows have in a column; None where they differ."""
    values = [row.extra.get(column) or None for row in rows]
    return values[0] if values and values.count(values[0]) == len(values) else None


def _shared_name(rows: Sequence[Passage], column: str) -> str | None:
    value = _shared(rows, column)
    return (value.strip() or None) if isinstance(value, str) else None


def subject(reports: Sequence[Identity]) -> str:
    """Name publication and country in words, as far as they are known and the same."""
    publications = {report.publication for report in reports}
    countries = {report.country for report in reports}
    shared = [values.pop() for values in (publications, countries) if len(values) == 1]
    return ": ".join(name for name in shared if name)


def refusals_by_subject(reports: Sequence[Identity]) -> list[str]:
    """List why the reports are not of one country and publication; unknown ones are let pass."""
    refusals = []
    countries = dict.fromkeys(report.country for report in reports if report.country)
    publications = dict.fromkeys(
        f"'{report.publication}'" for report in reports if report.publication
    )
    if len(countries) > 1:
        named = _join(list(countries))
        refusals.append(f"they are about {named}: differences would be those of countries")
    if len(publications) > 1:
        named = _join(list(publications))
        refusals.append(
            f"they are of different publications, {named}: 'new' and 'gone' would mean nothing"
        )
    return refusals


def refusals(old: Report, new: Report) -> list[str]:
    """List why two reports must not be compared, unless somebody asks for it all the same.

    Equal years may be two versions, and pass.
    """
    before = identity(old)
    after = identity(new)
    found = refusals_by_subject([before, after])
    if before.year and after.year and before.year > after.year:
        found.append(f"OLD is of {before.year} and NEW of {after.year}: give the earlier one first")
    return found


def refuse(refusals: Sequence[str], reports: Sequence[Report]) -> None:
    """Raise `UsageError` if there is any refusal: it names the reports, why, and what to do."""
    if refusals:
        names = _join([source_name(report.file) for report in reports])
        reasons = "; ".join(refusals)
        raise UsageError(f"{names}: {reasons}; --anyway compares them all the same")


def _join(names: Sequence[str]) -> str:
    """Join names to a list in words.

    >>> _join(["a", "b", "c"])
    'a, b and c'
    """
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
