"""Excel workbooks: tables with a header, links and filters, in which no cell is a formula.

A workbook of reports has findings with citations, counts by file and section, all passages and
metadata; that of a ledger a row for each line. Rows are streamed to disk, so that memory grows only
with the links of a sheet.
"""

from __future__ import annotations

import datetime
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import chain
from typing import IO, TYPE_CHECKING, Final

from tipclassify.errors import needs_extra
from tipclassify.formatting import is_formula
from tipclassify.labels import label_name
from tipclassify.probability import NEARLY_CERTAIN
from tipclassify.records import Cell, Report, cells, columns, row, source_name
from tipclassify.reports.compare.ledger import Ledger
from tipclassify.reports.counts import Group
from tipclassify.text.kinds import UNMEASURED
from tipclassify.whole_files import FailingOnce
from tipclassify.write.file_findings import FileFindings, Mark, findings_by_file
from tipclassify.write.output import Output
from tipclassify.write.rows import LEDGER_COLUMNS, ledger_rows

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.format import Format
    from xlsxwriter.url import Url

# Limits of Excel.
_MOST_ROWS: Final = 1_048_575  # rows of a sheet, without its header
_MOST_LINKS: Final = 65_530  # links of a sheet
_LONGEST_LINK: Final = 2_079
_LONGEST_CELL: Final = 32_767  # UTF-16 units

_CUT: Final = " … [cut: too long for a cell]"
_NOT_XML: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")

_WIDTHS: Final = {
    "report": 22,
    "sentence before": 40,
    "before": 40,
    "passage": 62,
    "label": 17,
    "probability": 12,
    "citation": 54,
    "file": 28,
    "country": 14,
    "year": 7,
    "page": 7,
    "block": 7,
    "start": 9,
    "end": 9,
    "section": 24,
    "labels changed": 40,
    "wording then": 60,
    "wording now": 60,
    "citation then": 40,
    "citation now": 40,
    "link": 30,
    "text": 80,
    "labels": 26,
    "passages": 11,
    "notes": 40,
    "what": 28,
    "value": 100,
}
_WIDTH: Final = 15  # of other columns

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
    "sentence before",
)
_COUNTS: Final = ("file", "country", "year", "section", "passages", "sentences on trafficking")
_PROBABILITY: Final = f'[>={NEARLY_CERTAIN}]">99%";0%'  # never as 100%


def write_xlsx(reports: Iterable[Report], out: IO[bytes], output: Output) -> None:
    """Write the sheets *Findings*, *Counts*, *All passages* and *About*.

    One that is full is continued on another sheet, after these. No cell is ever a formula. Rows are
    streamed to disk: memory grows only with the links of a sheet.
    """
    labels = output.run.labels
    shares = {label: f"{label} share" for label in labels}
    with _open_workbook(out, output) as book:
        tints = {label: style.tint for label, style in output.run.styles.items()}
        findings = _Table(book, "Findings", _FINDINGS, {"probability": _PROBABILITY}, tints)
        counts = _Table(
            book,
            "Counts",
            # each label, and its share beside it
            (*_COUNTS, *chain.from_iterable(shares.items()), "table rows tagged", "notes"),
            dict.fromkeys(shares.values(), "0%"),
        )
        percentages = dict.fromkeys(labels, "0.0%")
        passages = _Table(book, "All passages", list(columns(labels)), percentages, tints)
        facts = _Table(book, "About", ("what", "value"))

        def write(report: Report, marks: Iterable[Mark]) -> None:
            _write_passages(findings, passages, report, marks, output)

        _write_counts(counts, findings_by_file(reports, write=write), output)
        for name, value in output.run.about().items():
            facts.append((name, value))
        for label, style in output.run.styles.items():
            if style.meaning:
                facts.append((f"label {label_name(label)}", style.meaning))
        for name, remark in _remarks(labels).items():
            facts.append((name, remark))


def _remarks(labels: Sequence[str]) -> dict[str, str]:
    return {
        "column file": "name of the input, without its folder; a link to its address, "
        "or to it where it lies beside this",
        "column label, probability": "labels of the finding, with “?” where doubtful; "
        "the highest probability of them",
        "column country, year": "what the report is about, where title or address tell it",
        "column page": "page on which the passage begins, where the source has pages",
        "column block": "paragraph of the report, from 0",
        "column start, end": "characters of the passage in the report's text, from 0, "
        "end not included",
        "column section": "section of the report, where headings tell it",
        "column text": "the passage, word for word",
        "column labels": "labels whose probability reaches the threshold; "
        "none of references, notes, contents, dates and addresses",
        f"column {', '.join(labels)}": "calibrated probability of each label; "
        "coloured and bold where the label is given",
        "column kind": "sentence, or table row: a row of a table, which is no sentence "
        "and counts apart on the pages",
        "column low_confidence": "TRUE where the model has too little to go by: "
        "read the passage before you use it",
        "column before": "the sentence before a finding, under the same heading",
        "column leans": "TRUE where the finding begins with a word for what stands there: "
        "“This …”, “It …”",
        "column key": "of the words: the same wherever a report says them",
        "sheet Counts": "labels by sentence, each sentence once; rows of tables apart; "
        "shares are of the sentences about trafficking",
        "links": f"the first {_MOST_LINKS:,} rows of a sheet have one, the most that Excel takes",
        "note": "A tag says what a passage claims, not whether it is true. "
        "Read the passage before you cite it.",
    }


def _write_passages(
    findings: _Table, passages: _Table, report: Report, marks: Iterable[Mark], output: Output
) -> None:
    """Write a row for each passage, and one for each finding."""
    link = output.link(report.address or report.file)
    for mark in marks:
        passage = mark.passage
        values = cells(row(report, passage), output.run.labels)
        passages.append(list(values.values()), link, {label: label for label in passage.labels})
        if mark.cited is None:
            continue
        doubt = "?" if mark.is_doubtful else ""
        finding: list[Cell] = [
            report.title,
            values["country"],
            values["year"],
            values["section"],
            values["page"],
            passage.text,
            "\n".join(label_name(label) + doubt for label in passage.labels),
            max(round(passage.scores[label], 4) for label in passage.labels)
            if report.is_measured
            else UNMEASURED,
            mark.cited.source,
            mark.cited.before or None,
        ]
        findings.append(finding, mark.cited.link or link, {"label": passage.labels[0]})


def _write_counts(table: _Table, files: Iterable[FileFindings], output: Output) -> None:
    """Write a row for each section, each file and all files: the counts of Word and Markdown."""
    labels = output.run.labels
    total = Group()
    for file in files:
        place = [source_name(file.file), file.country, file.year]
        link = output.link(file.address or file.file)
        for section, group in file.sections.items():
            table.append([*place, section or "(no section)", *_figures(group, labels), ""], link)
        figures = _figures(file.total, labels)
        notes = "; ".join(file.notes)
        table.append([*place, "(all sections)", *figures, notes], link, bold=True)
        total += file.total
    figures = _figures(total, labels)
    table.append(["(all files)", None, None, "(all sections)", *figures, ""], bold=True)


def _figures(group: Group, labels: Sequence[str]) -> list[float | None]:
    figures: list[float | None] = [group.passages, group.base]
    for label in labels:
        figures.append(group.count(label))
        figures.append(round(group.share(label), 4) if group.base else None)
    return [*figures, group.tagged_rows]


def write_ledger_xlsx(ledger: Ledger, out: IO[bytes], output: Output) -> None:
    """Write a sheet with a row for each line, and one about the reports and the model."""
    rows = ledger_rows(ledger)
    with _open_workbook(out, output) as book:
        lines = _Table(book, "Ledger", list(rows[0]) if rows else LEDGER_COLUMNS)
        for line in rows:
            lines.append(list(line.values()))
        facts = _Table(book, "About", ("what", "value"))
        facts.append(("reports", ledger.subject or "of one country and publication"))
        for year, report in zip(ledger.years, ledger.reports, strict=True):
            facts.append((year, report.address or report.title))
        for line_of_break in ledger.break_lines():
            facts.append(("break", line_of_break))
        for name, value in output.run.about().items():
            facts.append((name, value))


# ----------------------------------------------------------------------------------------- workbook


@contextmanager
def _open_workbook(out: IO[bytes], output: Output) -> Iterator[Workbook]:
    """Open a workbook that is written to `out` when it is complete. No cell is ever a formula."""
    with needs_extra("writing Excel files", "xlsx"):
        from xlsxwriter import Workbook
        from xlsxwriter.exceptions import FileCreateError
    # Row buffers, and the workbook until it is complete: an interrupted one leaves `out` empty.
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile(dir=folder) as packed:
        options = {
            "constant_memory": True,
            "tmpdir": folder,
            "use_zip64": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        }
        workbook = Workbook(FailingOnce(packed), options)
        created = datetime.datetime(2000, 1, 1)  # no clock: same input, same bytes
        workbook.set_properties({"author": output.run.about()["tool"], "created": created})
        try:
            yield workbook
            for sheet in workbook.worksheets():
                sheet.autofilter(0, 0, sheet.dim_rowmax, sheet.dim_colmax)
        finally:
            try:
                workbook.close()
            except FileCreateError as error:
                raise error.args[0] from None  # the error of the file system
            finally:
                # on a full disk their buffers cannot be emptied: else that is said when they go
                for sheet in workbook.worksheets():
                    with suppress(OSError):
                        sheet.row_data_fh.close()
        packed.seek(0)
        shutil.copyfileobj(packed, out)


class _Table:
    """A table with a header, continued on further sheets when one is full."""

    def __init__(
        self,
        workbook: Workbook,
        title: str,
        columns: Sequence[str],
        number_formats: Mapping[str, str] = {},
        tints: Mapping[str, str] = {},
    ) -> None:
        self._workbook = workbook
        self._title = title
        self._columns = columns
        self._number_formats = number_formats
        self._tints = tints  # by label
        self._formats: dict[tuple[tuple[str, object], ...], Format] = {}
        self._sheets = 0
        self._begin_sheet()

    def append(
        self,
        values: Sequence[Cell],
        link: str | None = None,
        coloured: Mapping[str, str] = {},
        bold: bool = False,
    ) -> None:
        """Append a row; `link` is for the first cell, `coloured` has labels by column."""
        if self._rows == _MOST_ROWS:
            self._begin_sheet()
        self._rows += 1
        if self._links == _MOST_LINKS or (link and len(link) > _LONGEST_LINK):
            link = None
        for column, (name, value) in enumerate(zip(self._columns, values, strict=True)):
            cell = _cell(value)
            look: dict[str, object] = {}
            if bold or name in coloured:
                look["bold"] = True
            if name in coloured:
                look["bg_color"] = self._tints[coloured[name]]
            if name in self._number_formats:
                look["num_format"] = self._number_formats[name]
            if isinstance(cell, str) and is_formula(cell):
                look["quote_prefix"] = True  # stays text when the cell is edited
            if isinstance(cell, int | float):  # clear of the text in the next column
                look |= {"align": "right", "indent": 1}
            if link is not None and column == 0:
                self._links += 1
                look |= {"font_color": "#0563C1", "underline": 1}
                url = _url(link, str(cell))
                self._sheet.write_url(self._rows, column, url, self._format(look))
            else:
                self._sheet.write(self._rows, column, cell, self._format(look))

    def _format(self, look: Mapping[str, object]) -> Format:
        """Get the format with these properties of XlsxWriter; a workbook stores each one added."""
        identity = tuple(look.items())
        if identity not in self._formats:
            common = {"valign": "top", "text_wrap": True}
            self._formats[identity] = self._workbook.add_format(common | dict(look))
        return self._formats[identity]

    def _begin_sheet(self) -> None:
        """Begin a sheet with the header."""
        self._sheets += 1
        self._rows = 0  # of this sheet
        self._links = 0
        number = f" {self._sheets}" if self._sheets > 1 else ""
        self._sheet = sheet = self._workbook.add_worksheet(f"{self._title}{number}")
        sheet.freeze_panes(1, 0)
        sheet.repeat_rows(0)
        sheet.set_landscape()
        sheet.fit_to_pages(1, 0)  # as many pages down as it takes
        sheet.set_paper(9)  # A4
        sheet.set_footer("&L&F · &A&Rpage &P of &N")
        header = self._format({"bold": True, "bg_color": "#E7E6E6"})
        for column, name in enumerate(self._columns):
            sheet.set_column(column, column, _WIDTHS.get(name, _WIDTH))
            sheet.write_string(0, column, name, header)


def _url(link: str, text: str) -> Url:
    """Make a hyperlink to a URI as it is; XlsxWriter would change or reject paths."""
    from xlsxwriter.url import Url

    url = Url("https://")
    url.text = text
    url._link = link
    url._relationship_link = link
    return url


def _cell(value: Cell) -> str | float | None:
    """Make a value that a cell can hold: a list is joined, a text made valid for XML.

    A text that is too long ends in a visible notice.
    """
    if isinstance(value, list):
        value = ";".join(value)
    if not isinstance(value, str):
        return value
    with_line_feeds = value.replace("\r\n", "\n").replace("\r", "\n")  # as XML parsers read them
    valid = _NOT_XML.sub("\ufffd", with_line_feeds)
    units = valid.encode("utf-16-le")
    if len(units) <= _LONGEST_CELL * 2:
        return valid
    kept = units[: 2 * (_LONGEST_CELL - len(_CUT))].decode("utf-16-le", "ignore")
    return kept + _CUT
