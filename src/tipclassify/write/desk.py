"""Desk: the index of a folder of report pages, to search and filter the findings of all of them.

``data/`` has the rows of each page, from which the next run makes the next index page; `desk_rows`
says what they are. ``changes/`` has what changed from year to year.
"""

from __future__ import annotations

import hashlib
import os
import re
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from itertools import chain, pairwise
from pathlib import Path
from typing import IO, Final
from urllib.parse import quote, unquote

import msgspec

from tipclassify.errors import OutputError
from tipclassify.formatting import count_with_noun, json_line
from tipclassify.progress import Progress
from tipclassify.records import Document, Passage, Report, is_link
from tipclassify.reports.cite import Citation, cite
from tipclassify.reports.compare.comparison import compare
from tipclassify.reports.compare.ledger import follow
from tipclassify.reports.compare.outline import outline_of, series_breaks
from tipclassify.reports.counts import Group
from tipclassify.write.changes import write_comparison_html, write_ledger_html
from tipclassify.write.desk_rows import (
    DeskReport,
    Row,
    Survey,
    desk_row,
    read_data,
    script_of,
)
from tipclassify.write.file_findings import Marker, count_marks
from tipclassify.write.output import Output
from tipclassify.write.page import report_digest
from tipclassify.write.templating import render_template

_OURS: Final = re.compile(
    r'content="tipclassify [^>]*>.*<body class="desk"|data-desk="[0-9a-f]{16}"', re.DOTALL
)

_BREAK: Final = " (break)"  # after a link to changes: one year lacks a section of the other
_SCRIPT: Final = 900_000  # characters from which a script ends: a browser takes 2 ms for each

OpenFile = Callable[[Path], AbstractContextManager[IO[str]]]
"""Opens a file that takes its place when it is complete."""


def read_findings(folder: Path) -> Iterator[Row]:
    """Yield a row for each finding of a desk: columns of `Row`, and of its report.

    These are `report` (its SHA-256), `address` (of its page), `title`, `model`, and
    `labels_of_model`, all that it can give.

    Warns of data files that are not whole.
    """
    for file in sorted((folder / "data").glob("*.html.json")):
        data = read_data(file)
        if data is None:
            warnings.warn(f"{file}: not whole; score its report again", stacklevel=2)
            continue
        report = data.report
        of_report = {
            "report": report.sha256,
            "address": report.page,
            "title": report.title,
            "model": report.model,
            "labels_of_model": list(report.counts),
        }
        for each in data.rows:
            if each.get("labels"):
                yield {**of_report, "country": report.country, "year": report.year, **each}


class Desk:
    """Index of the pages in ``output.folder``, with at most two reports in memory at a time.

    `open_file` opens a file that takes its place when it is complete. With `resume`, reports of
    earlier runs stay.
    """

    def __init__(self, output: Output, open_file: OpenFile, resume: bool) -> None:
        self.folder = output.folder or Path()
        self.reports: dict[Path, DeskReport] = {}  # by the file of their page
        # addresses and words of the links to pages of changes, by the address of a page
        self.links: dict[str, list[tuple[str, str]]] = {}
        self._output = output
        self._open_file = open_file
        self._resume = resume
        self.index = index = self.folder / "index.html"
        if index.is_file() and not _OURS.search(index.read_text("utf-8", "replace")):
            raise OutputError(
                f"{index}: not an index that tipclassify wrote, so it stays; choose another folder"
            )
        for name in ("data", "changes"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        if resume:
            self._read_earlier_reports()

    def _data_file(self, page: str) -> Path:
        return self.folder / "data" / f"{page}.json"

    def _read_earlier_reports(self) -> None:
        for file in sorted((self.folder / "data").glob("*.html.json")):
            page = self.folder / file.name.removesuffix(".json")
            data = read_data(file)
            if data is None:
                message = f"{file}: not whole; its report is left out until it is scored again"
                warnings.warn(message, stacklevel=3)
            elif page.is_file():
                self.reports[page] = data.report

    def page_of(self, file: str, named: Path, is_same: Callable[[str, Path], bool]) -> Path:
        """Choose the page of an input: of an earlier run, or `named` if no other input has it.

        ``is_same(file, named)`` tests whether that page was made of the same bytes.
        """
        source = self._source(file)
        for page, report in self.reports.items():
            if source and report.source == source:
                return page
        if named != self.index and (named not in self.reports or is_same(file, named)):
            return named
        number = _digest(file.encode("utf-8", "backslashreplace"))
        return named.with_name(f"{named.stem}-{number}.html")

    def _source(self, file: str) -> str | None:
        """Hash the place of an input, so that a later run recognises it, and nobody reads it."""
        if file in ("-", "<text>", ""):
            return None
        with suppress(ValueError):  # another drive of a Windows machine
            file = file if is_link(file) else os.path.relpath(file, self.folder)
        return hashlib.sha256(file.encode("utf-8", "surrogateescape")).hexdigest()[:16]

    def gather(self, page: Path, reports: Iterable[Report]) -> Iterator[Report]:
        """Pass the reports of an input on to the writer of its page, and write their rows."""
        waiting = iter(reports)
        first = next(waiting, None)
        if first is None:
            return
        labels = self._output.run.labels
        marker = Marker()
        counts = Group()
        written = 0
        coverages = set()  # countries, years and publications
        with self._open_file(self._data_file(page.name)) as out:
            out.write('{"rows": [')
            for report in chain([first], waiting):
                marks = marker.marks(report)
                counts += count_marks(marks)
                for mark in marks:
                    row = desk_row(report, mark, labels)
                    coverages.add(
                        (
                            row.get("country", report.country or ""),
                            row.get("year", report.year),
                            row.get("publication", report.publication or ""),
                        )
                    )
                    out.write((",\n" if written else "\n") + json_line(row).rstrip())
                    written += 1
                yield report
            country, year, publication = first.country or "", first.year, first.publication or ""
            if len(coverages) == 1:  # rows, or narratives, of one country and year
                ((country, year, publication),) = coverages
            cited = cite(first, Passage("", 0, 0))
            made = DeskReport(
                page=quote(page.name),
                sha256=report_digest(first),
                source=self._source(first.file),
                title=cited.title,
                publication=publication,
                publisher=cited.publisher,
                date=cited.date,
                country=country,
                year=year,
                address=cited.address,
                read=cited.read,
                model=cited.model,
                counts={label: counts.count(label) for label in labels},
                rows=counts.tagged_rows,
                on_subject=counts.base,
                total=counts.passages,
                is_measured=first.is_measured,
            )
            out.write(f'\n],\n"report": {json_line(msgspec.to_builtins(made))}}}\n')
        self.reports[page] = made

    def write_index(self, progress: Progress | None = None) -> str:
        """Write what changed from year to year, then the index page; return a line about it.

        `progress` is called with the number of series of reports that are done, and of all.
        """
        reports = sorted(
            self.reports.values(),
            key=lambda report: (report.country or report.title, report.year or 0),
        )
        self.links = {report.page: [] for report in reports}
        self._write_changes(reports, progress)
        survey = Survey()
        for report in reports:
            survey.add(report, self._rows(report))
        scripts = []
        text = ""
        for number, report in enumerate(reports, 1):
            text += script_of(report, survey.ranked(self._rows(report)))
            if text and (len(text) > _SCRIPT or number == len(reports)):
                # named by its hash, so that an index page finds its own scripts or none
                script = self.folder / "data" / f"{_digest(text.encode())}.js"
                with self._open_file(script) as out:
                    out.write(text)
                scripts.append(script)
                text = ""
        page = render_template(
            "desk.html",
            output=self._output,
            reports=reports,
            links=self.links,
            has_breaks=any(words.endswith(_BREAK) for _, words in chain(*self.links.values())),
            totals={
                label: sum(report.counts.get(label, 0) for report in reports)
                for label in self._output.run.labels
            },
            menus=survey.menus(),
            scripts=[script.name for script in scripts],
        )
        with self._open_file(self.index) as out:
            out.writelines(page)
        for script in (self.folder / "data").glob("????????.js"):  # of an earlier index page
            if script not in scripts and script.stem == _digest(script.read_bytes()):
                script.unlink()
        return f"open {self.index}: {count_with_noun(len(reports), 'report')}"

    def _rows(self, report: DeskReport) -> list[Row]:
        data = read_data(self._data_file(unquote(report.page)))
        return data.rows if data else []

    def _write_changes(self, reports: Sequence[DeskReport], progress: Progress | None) -> None:
        """Write what changed among the reports of a country and publication, and their ledger."""
        by_year: defaultdict[tuple[str, str], dict[int, DeskReport]] = defaultdict(dict)
        for report in reports:
            if report.country and report.year:
                by_year[report.country, report.publication].setdefault(report.year, report)
        for done, (name, years) in enumerate(by_year.items(), 1):
            self._write_series("\0".join(name), [years[year] for year in sorted(years)])
            if progress:
                progress(done, len(by_year))

    def _write_series(self, name: str, series: Sequence[DeskReport]) -> None:
        """Write what changed from each report to the next, and the ledger of three or more."""
        # pages in changes/ lead to the reports' pages
        output = replace(self._output, folder=Path("changes"), index="../index.html")
        for old, new in pairwise(series):
            target = self.folder / "changes" / unquote(new.page)
            if not self._is_current(target, (old, new)):
                comparison = compare(self._report(old), self._report(new))
                if comparison.publication_warnings():  # different publications after all
                    continue
                with self._open_file(target) as out:
                    write_comparison_html(comparison, out, output)
            outlines = {
                report.year or 0: outline_of(self._report(report).passages) for report in (old, new)
            }
            since = f"since {old.year}"
            if any(series_breaks(outlines)):
                since += _BREAK
            self.links[new.page].append((f"changes/{new.page}", since))
        if len(series) > 2 and all(self.links[report.page] for report in series[1:]):
            page = f"ledger-{_digest(name.encode('utf-8', 'backslashreplace'))}.html"
            target = self.folder / "changes" / page
            if not self._is_current(target, series):
                ledger = follow(map(self._report, series))
                with self._open_file(target) as out:
                    write_ledger_html(ledger, out, output, _cite)
            for report in series:
                self.links[report.page].append((f"changes/{page}", "all years"))

    def _is_current(self, target: Path, reports: Sequence[DeskReport]) -> bool:
        """Return whether a page is newer than the data of its reports, and may stay."""
        if not self._resume or not target.is_file():
            return False
        data = [self._data_file(unquote(report.page)) for report in reports]
        newest = max(file.stat().st_mtime_ns for file in data)
        return target.stat().st_mtime_ns >= newest

    def _report(self, report: DeskReport) -> Report:
        """Read a report's passages again; it is cited as read on the day it was scored."""
        run = replace(self._output.run, day=report.read)
        passages = []
        for each in self._rows(report):
            passage = Passage(
                text=each["text"],
                start=each["start"],
                end=each["end"],
                section=each.get("section"),
                labels=tuple(each.get("labels", ())),
                scores={label: each.get(label, 0.0) for label in run.labels},
                low_confidence=each.get("low_confidence", False),
                page=each.get("page"),
                in_row=each.get("kind") == "table row",
                extra={"paragraph": each.get("paragraph", "")},
            )
            passages.append(passage)
        document = Document(
            "",
            (),
            title=report.title,
            country=report.country or None,
            year=report.year,
            publication=report.publication or None,
            publisher=report.publisher or None,
            date=report.date or None,
            address=report.address if is_link(report.address) else None,
        )
        return Report(
            unquote(report.page), document, passages, is_measured=report.is_measured, run=run
        )


def _cite(report: Report, passage: Passage) -> Citation:
    """Cite a passage of a report that was read again, whose paragraphs are in its rows."""
    return replace(cite(report, passage), paragraph=str(passage.extra["paragraph"]))


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:8]
