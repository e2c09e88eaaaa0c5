"""Pages of a desk in ``changes/``: what changed, and a ledger.

Reports are compared only with those of their own country and publication.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote

from tipclassify.progress import Progress
from tipclassify.records import Report
from tipclassify.reports.compare.comparison import compare
from tipclassify.reports.compare.ledger import build_ledger
from tipclassify.write import followed
from tipclassify.write.compared import write_comparison_html
from tipclassify.write.desk_records import DeskReport, DeskReportFiles
from tipclassify.write.output import Output

__all__ = ["EarlierYear", "ReportLinks", "write_change_pages"]

_EARLIER: Final = 5  # reports that each is compared with; what stood longer is in the ledger


@dataclass(frozen=True, slots=True)
class EarlierYear:
    """Link to what changed since the report of an earlier year."""

    year: int
    link: str


@dataclass(slots=True)
class ReportLinks:
    """Links of a report to the pages of changes; "" where there is none."""

    changes: list[EarlierYear] = field(default_factory=list)  # latest year first
    ledger: str = ""  # all years


def write_change_pages(
    reports: Sequence[DeskReport],
    files: DeskReportFiles,
    output: Output,
    resume: bool,
    progress: Progress | None = None,
) -> dict[str, ReportLinks]:
    """Write the pages of all reports; return the links of each, by the address of its page.

    With `resume`, pages newer than the data of their reports stay. `progress` is called with the
    series of reports that are done, and their number.
    """
    # Links lead from these pages to the reports' pages.
    output = replace(output, folder=Path("changes"), index="../index.html")
    pages = _ChangePages(files, output, resume)
    series_of_reports = list(_series_of_reports(reports).values())
    links = {report.page: ReportLinks() for report in reports}
    for done, series in enumerate(series_of_reports, 1):
        pages.write_series(series, links)
        if progress:
            progress(done, len(series_of_reports))
    return links


@dataclass(frozen=True, slots=True)
class _ChangePages:
    """Writer of the pages in ``changes/``."""

    files: DeskReportFiles
    output: Output
    resume: bool

    def write_series(self, series: Sequence[DeskReport], links: dict[str, ReportLinks]) -> None:
        """Write what changed among the reports of a country and publication, and their ledger."""
        for at, new in enumerate(series):
            for old in reversed(series[max(0, at - _EARLIER) : at]):
                target = self._target(_name_of_change_page(old, new, series[at - 1]))
                if self._compare(old, new, target):
                    year = old.year or 0  # a series has years
                    links[new.page].changes.append(EarlierYear(year, _link_to_change_page(target)))
        all_compare = all(links[report.page].changes for report in series[1:])
        if len(series) > 2 and all_compare:
            link = self._write_ledger(series)
            for report in series:
                links[report.page].ledger = link

    def _compare(self, old: DeskReport, new: DeskReport, target: Path) -> bool:
        """Write what changed; return False for reports of different publications after all."""
        if self._is_current(target, (old, new)):
            return True
        comparison = compare(self._read(old), self._read(new), self.output.run)
        if comparison.publication_warnings():
            return False
        with self.files.open_file(target) as out:
            write_comparison_html(comparison, out, self.output)
        return True

    def _write_ledger(self, series: Sequence[DeskReport]) -> str:
        target = self._target(f"ledger-{_digest_of_series(series[0])}.html")
        if not self._is_current(target, series):
            ledger = build_ledger(list(map(self._read, series)), self.output.run)
            with self.files.open_file(target) as out:
                followed.write_ledger_html(ledger, out, self.output)
        return _link_to_change_page(target)

    def _read(self, report: DeskReport) -> Report:
        return self.files.read_report(report, self.output)

    def _target(self, name: str) -> Path:
        return self.files.folder / "changes" / name

    def _is_current(self, target: Path, reports: Sequence[DeskReport]) -> bool:
        """Return whether a page is newer than the data of its reports, and may stay."""
        if not self.resume or not target.is_file():
            return False
        newest = max(self.files.parts(report)[-1].stat().st_mtime_ns for report in reports)
        return target.stat().st_mtime_ns >= newest


def _series_of_reports(reports: Sequence[DeskReport]) -> dict[tuple[str, str], list[DeskReport]]:
    """Gather the reports of each country and publication, one a year, in order of years."""
    by_year: defaultdict[tuple[str, str], dict[int, DeskReport]] = defaultdict(dict)
    for report in reports:
        if report.country and report.year:
            by_year[report.country, report.series].setdefault(report.year, report)
    return {key: [years[year] for year in sorted(years)] for key, years in by_year.items()}


def _name_of_change_page(old: DeskReport, new: DeskReport, last: DeskReport) -> str:
    """Name the page of what changed: since the report before, as the report's own page."""
    page = unquote(new.page)
    return page if old is last else f"{page.removesuffix('.html')}-since-{old.year}.html"


def _digest_of_series(report: DeskReport) -> str:
    named = f"{report.country}\0{report.series}"
    return hashlib.sha256(named.encode("utf-8", "backslashreplace")).hexdigest()[:8]


def _link_to_change_page(target: Path) -> str:
    return f"changes/{quote(target.name)}"
