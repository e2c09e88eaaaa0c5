"""Desk: the index of a folder of report pages, to search, filter, check and compare them."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import warnings
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from tipclassify.errors import OutputError
from tipclassify.formatting import count_with_noun
from tipclassify.labels import LABELS
from tipclassify.progress import Progress
from tipclassify.records import Passage, Report, is_link
from tipclassify.reports.citation import cite
from tipclassify.reports.finding_row import finding_row
from tipclassify.reports.particulars import FindingKindCounts, FindingNature, FindingNatures
from tipclassify.reports.report import Finding, findings_of
from tipclassify.reports.subject import report_passages_about_trafficking
from tipclassify.text.sections import fold_section
from tipclassify.write.desk_changes import ReportLinks, write_change_pages
from tipclassify.write.desk_records import (
    DeskPassage,
    DeskPassageFile,
    DeskPassageFlag,
    DeskPlace,
    DeskReport,
    DeskReportFiles,
    OpenFile,
    desk_script_constants,
    index_desk_words,
    read_desk_record_file,
)
from tipclassify.write.output import Output
from tipclassify.write.templating import render_template

__all__ = ["DeskWriter"]

# of a data file, as estimated: a script, which may get one more, stays under 2 MB
_MOST_BYTES: Final = 900_000
_BYTES_BESIDE_TEXT: Final = 150  # of a passage, about; its text stands again in the index of words
_ID: Final = re.compile(r'data-desk="([0-9a-f]{16})"')


class DeskWriter:
    """Index of the pages in ``output.folder``, with at most two reports in memory at a time.

    ``data/`` has the passages of each report with an index of their words, from which the next
    index page is made. A page opened from a disk may read no files, but may run scripts beside it,
    which bring the same. `open_file` opens a file that takes its place when it is complete. With
    `resume`, reports of earlier runs stay.
    """

    def __init__(self, output: Output, open_file: OpenFile, resume: bool) -> None:
        self.files = DeskReportFiles(output.folder or Path(), open_file)
        self.reports: dict[Path, DeskReport] = {}  # by the file of their page
        self.links: dict[str, ReportLinks] = {}  # by the address of a page, once written
        self._output = output
        self._resume = resume
        index = self.files.index
        if index.is_file() and not _ID.search(index.read_text("utf-8", "replace")):
            raise OutputError(
                f"{index}: not an index that tipclassify wrote, so it stays; choose another folder"
            )
        for name in ("data", "changes"):
            (self.files.folder / name).mkdir(parents=True, exist_ok=True)
        if resume:
            self._read_earlier_reports()

    def _read_earlier_reports(self) -> None:
        for file in sorted((self.files.folder / "data").glob("*.html.json")):
            page = self.files.folder / file.name.removesuffix(".json")
            data = read_desk_record_file(file)
            if data is None or data.report is None or not self._is_whole(data.report):
                message = f"{file}: not whole; its report is left out until it is scored again"
                warnings.warn(message, stacklevel=3)
            elif page.is_file():
                self.reports[page] = data.report

    def _is_whole(self, report: DeskReport) -> bool:
        """Return whether the data files of a report can be read, besides the first, which was."""
        others = self.files.parts(report)[:-1]  # the first is the last in the order of the text
        return None not in [read_desk_record_file(part) for part in others]

    def page_of(self, file: str, named: Path, is_same: Callable[[str, Path], bool]) -> Path:
        """Choose the page of an input: of an earlier run, or `named` if no other input has it.

        ``is_same(file, named)`` tests whether that page was made of the same bytes.
        """
        source = self._source(file)
        for page, report in self.reports.items():
            if source and report.source == source:
                return page
        if named != self.files.index and (named not in self.reports or is_same(file, named)):
            return named
        number = _digest_in_desk_file_name(file.encode("utf-8", "backslashreplace"))
        return named.with_name(f"{named.stem}-{number}.html")

    def _source(self, file: str) -> str | None:
        """Hash the place of an input, so that a later run recognises it, and nobody reads it."""
        if file in ("-", "<text>", ""):
            return None
        with suppress(ValueError):  # another drive of a Windows machine
            file = file if is_link(file) else os.path.relpath(file, self.files.folder)
        return hashlib.sha256(file.encode("utf-8", "surrogateescape")).hexdigest()[:16]

    def outputs(self, page: Path) -> list[Path]:
        """List the files of a page."""
        changes = self.files.folder / "changes" / page.name
        return [page, self.files.data_file(page.name), changes, self.files.index]

    def gather(self, page: Path, reports: Iterable[Report]) -> Iterator[Report]:
        """Pass the reports of an input on to the writer of its page, then write their data."""
        data: _DeskPageData | None = None
        for report in reports:
            if data is None:
                data = _DeskPageData(page, report, self._output, self.files)
            data.add(report)
            yield report
        if data is not None:
            source = self._source(data.first_report.file)
            self.reports[page] = data.write_rest(source)

    def write_index(self, progress: Progress | None = None) -> str:
        """Write what changed from year to year, then the index page; return a line about it.

        `progress` is called with the pages of changes that are done, and their number.
        """
        reports = sorted(
            self.reports.values(),
            key=lambda report: (report.country or report.title, report.year or 0),
        )
        self.links = write_change_pages(reports, self.files, self._output, self._resume, progress)
        index = self.files.index
        known_id = _ID.search(index.read_text("utf-8")) if index.is_file() else None
        # under which the browser keeps the saved findings
        desk_id = known_id[1] if known_id else secrets.token_hex(8)
        scripts = list(self._write_scripts(reports))
        page = render_template(
            "desk.html",
            reports=reports,
            links=self.links,
            desk=desk_id,
            constants=desk_script_constants(),
            scripts=[script.name for script in scripts],
        )
        with self.files.open_file(index) as out:
            out.writelines(page)
        self._remove_old_scripts(keep=scripts)
        return f"open {index}: {count_with_noun(len(reports), 'report')}"

    def _write_scripts(self, reports: Sequence[DeskReport]) -> Iterator[Path]:
        """Join the data of all reports to few scripts.

        Each is named by its hash, so that an index page finds its own scripts or none.
        """
        for files in self._files_by_script(reports):
            text = "".join(_desk_script_call(file.read_text("utf-8").rstrip()) for file in files)
            script = self.files.folder / "data" / f"{_digest_in_desk_file_name(text.encode())}.js"
            with self.files.open_file(script) as out:
                out.write(text)
            yield script

    def _files_by_script(self, reports: Sequence[DeskReport]) -> list[list[Path]]:
        """Divide the data files among scripts, in order, by the size of those before them."""
        by_script: defaultdict[int, list[Path]] = defaultdict(list)
        end = 0  # bytes of a file and of those before it
        for report in reports:
            for file in self.files.parts(report):
                end += file.stat().st_size
                by_script[end // _MOST_BYTES].append(file)
        return list(by_script.values())

    def _remove_old_scripts(self, keep: Sequence[Path]) -> None:
        """Remove the scripts of an earlier index page, and nobody else's."""
        for script in (self.files.folder / "data").glob("????????.js"):
            if script not in keep and script.stem == _digest_in_desk_file_name(script.read_bytes()):
                script.unlink()


@dataclass(frozen=True, slots=True)
class _DeskCoverage:
    """What passages are about, and the publication that they stand in."""

    country: str | None
    year: int | None
    publication: str


class _DeskPageData:
    """Data of one page, gathered report by report and written file by file."""

    def __init__(self, page: Path, report: Report, output: Output, files: DeskReportFiles) -> None:
        self.first_report = report
        self._page = page
        self._output = output
        self._files = files
        self._natures = FindingNatures(rows=report.document is None)
        self._kinds = FindingKindCounts()
        self._total = 0  # passages
        self._reports = 0  # of the input: parts of a book, batches of rows
        self._written = 1  # data files; the first is written last
        self._coverages: set[_DeskCoverage] = set()
        self._places: dict[DeskPlace, int] = {}
        self._passages: list[DeskPassage] = []
        self._size = 0  # of these, in bytes, as estimated

    def add(self, report: Report) -> None:
        """Add the passages of a report; write a data file whenever enough are there."""
        self._reports += 1
        prefix = "p" if self._reports == 1 else f"r{self._reports}p"
        first = 1 if report.document else 1 + self._total
        anchors = [f"{prefix}{n}" for n in range(first, first + len(report.passages))]
        natures = list(self._natures.of(report.passages, anchors))
        on_subject = report_passages_about_trafficking(report.passages)
        self._kinds.add(report.passages, natures)
        self._total += len(report.passages)
        for anchor, finding, nature, is_about in zip(
            anchors, findings_of(report), natures, on_subject, strict=True
        ):
            if self._size > _MOST_BYTES:
                self._written += 1
                self._write(self._written)
            self._add_passage(finding, anchor, nature, is_about)

    def _add_passage(
        self, finding: Finding, anchor: str, nature: FindingNature, on_subject: bool
    ) -> None:
        row = finding_row(finding)
        cited = cite(finding.report, finding.passage, self._output.run)
        place = DeskPlace(
            country=row.country,
            year=row.year,
            section=row.section,
            cited_section=cited.section,
            folded_section=fold_section(row.section) if row.section else "",
            publication=finding.publication or "",
        )
        highest_score = max((row.scores[label] for label in row.labels), default=0.0)
        passage = DeskPassage(
            place=self._places.setdefault(place, len(self._places)),
            start=row.start,
            end=row.end,
            page=row.page,
            paragraph=cited.paragraph,
            label_bits=_desk_label_bits(row.labels),
            scores=tuple(row.scores[label] for label in LABELS),
            low_confidence=row.low_confidence,
            key=cited.key,
            anchor=anchor if row.labels else "",
            text=cited.quote,
            flags=_flags_of_desk_passage(nature, on_subject),
            rank=nature.rank(highest_score),
        )
        self._passages.append(passage)
        self._size += 2 * len(passage.text.encode()) + _BYTES_BESIDE_TEXT
        self._coverages.add(_DeskCoverage(place.country, place.year, place.publication))

    def write_rest(self, source: str | None) -> DeskReport:
        """Write the first data file, with the report itself; return that."""
        first = self.first_report
        empty = Passage("", 0, 0, scores=dict.fromkeys(LABELS, 0.0))
        cited = cite(first, empty, self._output.run)
        coverage = _DeskCoverage(cited.country, first.year, first.publication or "")
        if len(self._coverages) == 1:  # rows, or narratives, of one country and year
            coverage = next(iter(self._coverages))
        report = DeskReport(
            page=quote(self._page.name),
            source=source,
            title=cited.title,
            publication=cited.publication,
            series=coverage.publication,
            publisher=cited.publisher,
            date=cited.date,
            country=coverage.country or "",
            year=coverage.year,
            address=cited.address,
            read=cited.read,
            model=cited.model,
            files=self._written,
            counts=tuple(self._kinds.sentences[label] for label in LABELS),
            rows=tuple(self._kinds.rows[label] for label in LABELS),
            on_subject=self._kinds.on_subject,
            total=self._total,
        )
        self._write(1, report)
        return report

    def _write(self, number: int, report: DeskReport | None = None) -> None:
        words, numbers = index_desk_words([passage.text for passage in self._passages])
        data = DeskPassageFile(
            page=quote(self._page.name),
            words=words,
            numbers=numbers,
            places=tuple(self._places),
            passages=tuple(self._passages),
            report=report,
        )
        self._files.write(self._files.data_file(self._page.name, number), data)
        self._places.clear()
        self._passages.clear()
        self._size = 0


def _desk_label_bits(labels: Collection[str]) -> int:
    """Set bit n for the label `LABELS[n]`."""
    return sum(1 << n for n, label in enumerate(LABELS) if label in labels)


def _flags_of_desk_passage(nature: FindingNature, on_subject: bool) -> int:
    flags = DeskPassageFlag(0)
    if nature.kind == "table row":
        flags |= DeskPassageFlag.TABLE_ROW
    if nature.first is not None:
        flags |= DeskPassageFlag.SAID_BEFORE
    if nature.template:
        flags |= DeskPassageFlag.TEMPLATE
    if on_subject:
        flags |= DeskPassageFlag.ON_SUBJECT
    return int(flags)


def _desk_script_call(data: str) -> str:
    """Make the line of a script that hands JSON to the page.

    It is a string, which browsers read faster than an object.
    """
    written = data.replace("\\", "\\\\").replace("'", "\\'")
    return f"tipclassify.add('{written}');\n"


def _digest_in_desk_file_name(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:8]
