"""Excel writer: findings with citations, counts by file and section, all passages, metadata."""

from __future__ import annotations

import datetime
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO, Any, Final

from tipclassify.errors import needs_extra
from tipclassify.formatting import looks_like_a_formula
from tipclassify.labels import LABELS, MEANINGS, label_name
from tipclassify.reporting.citation import cite
from tipclassify.reporting.finding_row import COLUMNS, finding_row
from tipclassify.reporting.palette import TINTS
from tipclassify.reporting.report import ScoringContext, TaggedReport, source_name, title_name
from tipclassify.reporting.summary import NONE, Group
from tipclassify.reporting.writers.findings import FileFindings
from tipclassify.scrap import FailsOnce

__all__ = ["Book", "open_workbook", "write_xlsx"]

# Limits of Excel.
_ROWS: Final = 1_048_575  # rows of a sheet, without its header
_LINKS: Final = 65_530  # links of a sheet
_LONGEST_LINK: Final = 2_079
_LONGEST_CELL: Final = 32_767  # UTF-16 units

_CUT: Final = " … [cut: too long for a cell]"
_NOT_XML: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")

_SHARES: Final = {label: f"{label} share" for label in (*LABELS, NONE)}
_SHARE_COLUMNS: Final = [name for pair in _SHARES.items() for name in pair]
_COUNTS: Final = (
    "file",
    "country",
    "year",
    "section",
    "passages",
    "low_confidence",
    *_SHARE_COLUMNS,
    "notes",
)
_FINDINGS: Final = (
    "report",
    "country",
    "year",
    "section",
    "page",
    "passage",
    "label",
    "probability",
    "citation",
)
_WIDTHS: Final = {
    **{"report": 22, "passage": 62, "label": 17, "probability": 12, "citation": 54},
    **{
        "file": 28,
        "country": 14,
        "year": 7,
        "page": 7,
        "block": 7,
        "start": 9,
        "end": 9,
        "section": 24,
    },
    **{"wording then": 60, "wording now": 60, "citation then": 40, "citation now": 40, "link": 30},
    **{"text": 80, "labels": 26, "passages": 11, "notes": 40, "what": 28, "value": 100},
}
_WIDTH: Final = 15
_PROBABILITY: Final = '[>=0.995]">99%";0%'  # never as 100%
_REMARKS: Final = {
    "column file": "name of the input, without its folder; a link to its address, "
    "or to it where it lies beside this",
    "column label, probability": "labels of the finding, with “?” for low confidence; "
    "the highest probability of them",
    "column country, year": "what the report is about, where title or address tell it",
    "column page": "page on which the passage begins, where the source has pages",
    "column block": "paragraph of the report, from 0",
    "column start, end": "characters of the passage in the report's text, from 0, end not included",
    "column section": "section of the report, where headings tell it",
    "column text": "the passage, word for word",
    "column labels": "labels whose probability reaches the threshold; "
    "none of references, notes, contents, dates and addresses",
    f"column {', '.join(LABELS)}": "calibrated probability of each label; "
    "coloured and bold where the label is given",
    "column kind": "sentence, or table row: a row of a table, which is no sentence "
    "and counts apart on the pages",
    "column low_confidence": "TRUE where the model has too little to go by: "
    "read the passage before you use it",
    "sheet Counts": "of passages: rows of tables and sentences that are said again among them",
    "links": f"the first {_LINKS:,} rows of a sheet have one, the most that Excel takes",
    "note": "A tag says what a passage claims, not whether it is true. "
    "Read the passage before you cite it.",
}


def write_xlsx(reports: Iterable[TaggedReport], out: IO[bytes], context: ScoringContext) -> None:
    """Write the sheets *Findings*, *Counts*, *All passages* and *About*.

    One that is full is continued on another sheet, after these. No cell is ever a formula. Rows are
    streamed to disk: memory grows only with the links of a sheet.
    """
    with open_workbook(out, context) as book:
        findings = book.table("Findings", _FINDINGS, {"probability": _PROBABILITY})
        counts = book.table("Counts", _COUNTS, dict.fromkeys(_SHARES.values(), "0%"))
        passages = book.table("All passages", list(COLUMNS), dict.fromkeys(LABELS, "0.0%"))
        about = book.table("About", ("what", "value"))
        _write_counts(counts, _write_passages(findings, passages, reports, context), context)
        meanings = {f"label {label_name(name)}": text for name, text in MEANINGS.items()}
        for row in {**context.about(), **meanings, **_REMARKS}.items():
            about.append(row)


class Book:
    """A workbook while its tables are written."""

    def __init__(self, workbook: Any) -> None:
        self._workbook = workbook
        self._tables: list[_Table] = []

    def table(
        self, title: str, columns: Sequence[str], number_formats: Mapping[str, str] = {}
    ) -> _Table:
        """Add a sheet with a header."""
        self._tables.append(_Table(self._workbook, title, columns, number_formats))
        return self._tables[-1]

    def finish(self) -> None:
        """Set the filters of all tables."""
        for table in self._tables:
            table.finish()


@contextmanager
def open_workbook(out: IO[bytes], context: ScoringContext) -> Iterator[Book]:
    """Open a workbook that is written to `out` when it is complete. No cell is ever a formula."""
    with needs_extra("writing Excel files", "xlsx"):
        from xlsxwriter import Workbook
        from xlsxwriter.exceptions import FileCreateError
    # Row buffers, and the workbook until it is complete: an interrupted one leaves `out` empty.
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile(dir=folder) as packed:
        inert = {
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        }
        workbook = Workbook(
            FailsOnce(packed),
            {"constant_memory": True, "tmpdir": folder, "use_zip64": True, **inert},
        )
        created = datetime.datetime(2000, 1, 1)  # no clock: same input, same bytes
        workbook.set_properties({"author": context.about()["tool"], "created": created})
        try:
            book = Book(workbook)
            yield book
            book.finish()
        finally:
            try:
                workbook.close()
            except FileCreateError as error:
                raise error.args[0] from None  # the error of the file system
        packed.seek(0)
        shutil.copyfileobj(packed, out)


def _write_passages(
    findings: _Table, passages: _Table, reports: Iterable[TaggedReport], context: ScoringContext
) -> Iterable[FileFindings]:
    """Write a row for each passage, and one for each finding; return the counts of each file."""
    files: dict[str, FileFindings] = {}
    for report in reports:
        file_findings = files.setdefault(report.file, FileFindings.of(report))
        file_findings.count(report)
        link = context.link(report.address or report.file)
        for finding in report.findings():
            row, labels = finding_row(finding), finding.passage.labels
            row["file"] = source_name(finding.file)
            passages.append(list(row.values()), link, dict(zip(labels, labels, strict=True)))
            if labels:
                tags = "\n".join(
                    label_name(label) + "?" * finding.passage.low_confidence for label in labels
                )
                place = [
                    title_name(finding.title),
                    *(row[name] for name in ("country", "year", "section", "page")),
                ]
                tagged = [finding.passage.text, tags, max(row[label] for label in labels)]
                citation = cite(finding, context)
                findings.append(
                    [*place, *tagged, citation.source], citation.link or link, {"label": labels[0]}
                )
    return files.values()


def _write_counts(table: _Table, files: Iterable[FileFindings], context: ScoringContext) -> None:
    """Write a row for each section, each file and all files."""
    everything = Group(())
    for file in files:
        place = (source_name(file.file), file.country, file.year)
        link = context.link(file.address or file.file)
        for section, group in file.counts.items():
            table.append([*place, section or "(no section)", *_figures(group), ""], link)
        notes = "; ".join(file.notes)
        table.append([*place, "(all sections)", *_figures(file.total), notes], link, bold=True)
        everything += file.total
    table.append(
        ["(all files)", None, None, "(all sections)", *_figures(everything), ""], bold=True
    )


def _figures(group: Group) -> list[float | None]:
    figures: list[float | None] = [group.passages, group.low_confidence]
    for label in _SHARES:
        figures.append(group.count(label))
        figures.append(round(group.share(label), 4) if group.passages else None)
    return figures


class _Table:
    """A table with a header, continued on further sheets when one is full."""

    def __init__(
        self,
        workbook: Any,
        title: str,
        columns: Sequence[str],
        number_formats: Mapping[str, str] = {},
    ) -> None:
        self._workbook, self._title, self._columns = workbook, title, columns
        self._number_formats = number_formats
        self._formats: dict[tuple[tuple[str, object], ...], Any] = {}
        self._sheets = 0
        self._begin()

    def append(
        self,
        values: Sequence[object],
        link: str | None = None,
        coloured: Mapping[str, str] = {},
        bold: bool = False,
    ) -> None:
        """Append a row; `link` is for the first cell, `coloured` has labels by column."""
        if self._rows == _ROWS:
            self.finish()
            self._begin()
        self._rows += 1
        if link is not None and (len(link) > _LONGEST_LINK or self._links == _LINKS):
            link = None
        self._links += link is not None
        for column, (name, value) in enumerate(zip(self._columns, values, strict=True)):
            look: dict[str, object] = {"bold": True} if bold or name in coloured else {}
            if name in coloured:
                look["bg_color"] = TINTS[coloured[name]]
            if name in self._number_formats:
                look["num_format"] = self._number_formats[name]
            if isinstance(value, list):
                value = ";".join(value)
            if isinstance(value, str):
                value = _cell_text(value)
                if looks_like_a_formula(value):
                    look["quote_prefix"] = True  # so that it stays text when the cell is edited
            elif value is not None:
                look |= {"align": "right", "indent": 1}  # clear of the text in the next column
            if link is None or column:
                self._sheet.write(self._rows, column, value, self._format(look))
            else:
                linked = self._format({**look, "font_color": "#0563C1", "underline": 1})
                self._sheet.write_url(self._rows, column, _url(link, str(value)), linked)

    def finish(self) -> None:
        """Set the filter to the rows written."""
        self._sheet.autofilter(0, 0, self._rows, len(self._columns) - 1)

    def _begin(self) -> None:
        self._sheets += 1
        self._rows = self._links = 0
        self._sheet = self._workbook.add_worksheet(
            self._title + (f" {self._sheets}" if self._sheets > 1 else "")
        )
        self._sheet.freeze_panes(1, 0)
        self._sheet.repeat_rows(0)
        self._sheet.set_landscape()
        self._sheet.fit_to_pages(1, 0)  # as many pages down as it takes
        self._sheet.set_paper(9)  # A4
        self._sheet.set_footer("&L&F · &A&Rpage &P of &N")
        for column, name in enumerate(self._columns):
            self._sheet.set_column(column, column, _WIDTHS.get(name, _WIDTH))
            self._sheet.write_string(
                0, column, name, self._format({"bold": True, "bg_color": "#E7E6E6"})
            )

    def _format(self, look: Mapping[str, object]) -> Any:
        """Get the cell format with these properties; a workbook stores each one that is added."""
        key = tuple(look.items())
        if key not in self._formats:
            self._formats[key] = self._workbook.add_format(
                {"valign": "top", "text_wrap": True, **look}
            )
        return self._formats[key]


def _url(link: str, text: str) -> Any:
    """Make a hyperlink to a URI as it is; XlsxWriter would change or reject paths."""
    from xlsxwriter.url import Url

    url = Url("https://")
    url.text, url._link, url._relationship_link = text, link, link
    return url


def _cell_text(text: str) -> str:
    """Make a text valid for XML and a cell; one that is too long ends in a visible notice."""
    # XML parsers do the same
    text = _NOT_XML.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))
    units = text.encode("utf-16-le")
    if len(units) > _LONGEST_CELL * 2:
        text = units[: 2 * (_LONGEST_CELL - len(_CUT))].decode("utf-16-le", "ignore") + _CUT
    return text
