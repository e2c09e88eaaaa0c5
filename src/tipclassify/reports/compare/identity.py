"""What two reports must share to be compared: country and publication, and years in their order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tipclassify.errors import UsageError
from tipclassify.records import Passage, Report, source_name

__all__ = [
    "ReportIdentity",
    "comparison_refusals_by_year",
    "identity_of_report",
    "refusals_by_subject",
    "refuse_comparison_of_reports",
]


@dataclass(frozen=True, slots=True)
class ReportIdentity:
    """Country, publication and year of a report, each None if unknown."""

    name: str  # by which messages call it
    country: str | None
    publication: str | None
    year: int | None


def identity_of_report(report: Report) -> ReportIdentity:
    """Return what a report is; rows have what all of them say in columns of these names."""
    return ReportIdentity(
        name=source_name(report.file),
        country=report.country or _identity_text_of_report_rows(report, "country"),
        publication=report.publication or _identity_text_of_report_rows(report, "publication"),
        year=report.year or _identity_year_of_report_rows(report),
    )


def _rows(report: Report) -> Sequence[Passage]:
    return report.passages if report.document is None else ()


def _identity_text_of_report_rows(report: Report, column: str) -> str | None:
    """Return the text that all rows have in a column; None if they differ, or have none."""
    texts: set[str] = set()
    for passage in _rows(report):
        value = passage.extra.get(column)
        if value is None:
            texts.add("")
        elif isinstance(value, str):
            texts.add(value)
    text = texts.pop() if len(texts) == 1 else ""
    return text if text.strip() else None


def _identity_year_of_report_rows(report: Report) -> int | None:
    """Return the year that all rows have; None if they differ, or have none."""
    years = [passage.extra.get("year") for passage in _rows(report)]
    if not years:
        return None
    first = years[0]
    if type(first) is int and years.count(first) == len(years):
        return first
    return None


def refusals_by_subject(reports: Sequence[ReportIdentity]) -> list[str]:
    """List why the reports are not of one country and publication; unknown ones are let pass."""
    refusals = []
    countries = list(dict.fromkeys(report.country for report in reports if report.country))
    publications = list(
        dict.fromkeys(report.publication for report in reports if report.publication)
    )
    if len(countries) > 1:
        named = _join_names_of_reports(countries)
        refusals.append(f"they are about {named}: differences would be those of countries")
    if len(publications) > 1:
        named = _join_names_of_reports([f"'{publication}'" for publication in publications])
        refusals.append(
            f"they are of different publications, {named}: 'new' and 'gone' would mean nothing"
        )
    return refusals


def comparison_refusals_by_year(old: ReportIdentity, new: ReportIdentity) -> list[str]:
    """List why NEW is not of a later year than OLD; equal years may be two versions, and pass."""
    if old.year and new.year and old.year > new.year:
        return [f"OLD is of {old.year} and NEW of {new.year}: give the earlier one first"]
    return []


def refuse_comparison_of_reports(
    refusals: Sequence[str], reports: Sequence[ReportIdentity]
) -> None:
    """Raise `UsageError` if there is any refusal: it names the reports, why, and what to do."""
    if not refusals:
        return
    names = _join_names_of_reports([report.name for report in reports])
    reasons = "; ".join(refusals)
    raise UsageError(f"{names}: {reasons}; --anyway compares them all the same")


def _join_names_of_reports(names: Sequence[str]) -> str:
    """Join names to a list in words.

    >>> _join_names_of_reports(["a", "b", "c"])
    'a, b and c'
    """
    if len(names) == 1:
        return names[0]
    return f"{', '.join(names[:-1])} and {names[-1]}"
