"""A passage with its report: a `Finding`; and what tagged several reports."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from tipclassify.records import Passage, Report, Run, is_link, row


@dataclass(frozen=True, slots=True)
class Finding:
    """A tagged passage and its source; `extra` has the fields of an input row."""

    report: Report
    passage: Passage
    file: str
    extra: Mapping[str, object]
    country: str | None
    year: int | None
    title: str
    paragraph: int | None = None  # under its heading, from 1; None for an input row
    publication: str | None = None
    publisher: str | None = None
    date: str | None = None  # of publication: a day, month or year
    address: str | None = None  # of the web

    def to_dict(self) -> dict[str, object]:
        """Make the row of JSONL output."""
        return row(self.report, self.passage)


def findings_of(report: Report) -> Iterator[Finding]:
    """Yield a report's passages with their source.

    Rows have their publication, publisher, date and address in columns of these names.
    """
    for passage in report.passages:
        yield finding_of(report, passage)


def finding_of(report: Report, passage: Passage) -> Finding:
    """Put a passage beside its source."""
    extra = passage.extra
    return Finding(
        report=report,
        passage=passage,
        file=report.file,
        extra=extra,
        country=passage.country or report.country,
        year=report.year,
        title=report.title,
        paragraph=report.paragraph(passage),
        publication=report.publication or _text(extra, "publication"),
        publisher=report.publisher or _text(extra, "publisher"),
        date=report.date or _text(extra, "date"),
        address=report.address or _link(extra),
    )


def _text(row: Mapping[str, object], column: str) -> str | None:
    """Return the text in a column of an input row; None if it has no text there."""
    value = row.get(column)
    if not isinstance(value, str):
        return None
    return value.strip() or None


def _link(row: Mapping[str, object]) -> str | None:
    """Return the web address in the column ``address`` of an input row, if it has one there."""
    address = _text(row, "address")
    return address if address and is_link(address) else None


def run_of(run: Run | None, reports: Iterable[Report]) -> Run:
    """Return the run given, else that of the reports.

    Raises `ValueError` when that is unknown, or not the same for all: counts, citations and
    comparisons of mixed tags would say something that no model found.
    """
    if run is not None:
        return run
    runs = [report.run for report in reports]
    if not runs:
        raise ValueError("no reports: give at least one")
    known_runs = [run for run in runs if run is not None]
    if len(known_runs) < len(runs):
        raise ValueError(
            "it is not known what tagged these: tag them with tag_report, or give the run"
        )
    first = known_runs[0]
    others = (run for run in known_runs if run is not first)
    if any(run.about() != first.about() for run in others):
        raise ValueError("tagged by other models, policies or thresholds: tag all of them alike")
    return first
