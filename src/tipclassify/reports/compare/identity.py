"""What two reports must share to be compared: country and publication, and years in their order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from tipclassify.errors import UsageError
from tipclassify.records import Report, source_name


def _said_by_rows(report: Report, column: str) -> object:
    """Return what all rows of a report have in a column; None where they differ."""
    rows = report.passages if report.document is None else ()
    values = [row.extra.get(column) or None for row in rows]
    return values[0] if values and values.count(values[0]) == len(values) else None


def year_of(report: Report) -> int | None:
    """Return the year of a report, or that of all its rows."""
    year = report.year or _said_by_rows(report, "year")
    return year if type(year) is int else None


def _stated(reports: Sequence[Report], name: Literal["country", "publication"]) -> list[str]:
    """List the different countries or publications of reports; empty for an unknown one."""
    stated = dict[str, None]()
    for report in reports:
        value = getattr(report, name) or _said_by_rows(report, name)
        stated[value.strip() if isinstance(value, str) else ""] = None
    return list(stated)


def subject(reports: Sequence[Report]) -> str:
    """Name publication and country in words, as far as they are known and the same."""
    stated = [_stated(reports, "publication"), _stated(reports, "country")]
    return ": ".join(names[0] for names in stated if len(names) == 1 and names[0])


def refusals_by_subject(reports: Sequence[Report]) -> list[str]:
    """List why the reports are not of one country and publication; unknown ones are let pass."""
    refusals = []
    countries = [name for name in _stated(reports, "country") if name]
    publications = [f"'{name}'" for name in _stated(reports, "publication") if name]
    if len(countries) > 1:
        named = _join(countries)
        refusals.append(f"they are about {named}: differences would be those of countries")
    if len(publications) > 1:
        named = _join(publications)
        refusals.append(
            f"they are of different publications, {named}: 'new' and 'gone' would mean nothing"
        )
    return refusals


def refusals(old: Report, new: Report) -> list[str]:
    """List why two reports must not be compared, unless somebody asks for it all the same.

    Equal years may be two versions, and pass.
    """
    found = refusals_by_subject([old, new])
    before = year_of(old)
    after = year_of(new)
    if before and after and before > after:
        found.append(f"OLD is of {before} and NEW of {after}: give the earlier one first")
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
