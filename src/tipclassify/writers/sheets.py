"""An Excel workbook: every passage with its source, counts by file and section, and how it was made.

Rows are streamed to disk, so that memory does not grow with them, but for the links of a sheet. Text is always text: no
cell is a formula, whatever a report holds.
"""

from __future__ import annotations

import datetime
import os
import re
import shutil
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import IO, Any, Final, NamedTuple
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from tipclassify.errors import MissingExtraError
from tipclassify.furniture import is_prose
from tipclassify.labels import LABELS, MEANINGS
from tipclassify.writers import Run, TaggedReport
from tipclassify.writers.cells import Row, looks_like_a_formula, row_of

__all__ = ["write_xlsx"]

# What Excel can hold.
_ROWS: Final = 1_048_575  # of a sheet, below its header
_LINKS: Final = 65_530  # of a sheet
_LONGEST_LINK: Final = 2_079
_LONGEST_CELL: Final = 32_767  # UTF-16 units

_CUT: Final = " … [cut: too long for a cell]"
_NOT_XML: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_EXCEL_ESCAPE: Final = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")  # Excel reads _x0041_ as "A"
_THEN: Final = datetime.datetime(2000, 1, 1)  # no clock: same input, same bytes

_HEADER: Final = "E7E6E6"
_COLOURS: Final = {"positive_effort": "D5E8D4", "failure": "FFE699", "complicity": "F4B6B0"}
_WIDTHS: Final = {
    "file": 28,
    "country": 14,
    "year": 7,
    "page": 7,
    "block": 7,
    "start": 9,
    "end": 9,
    "section": 17,
    "text": 80,
    "labels": 26,
    **dict.fromkeys(LABELS, 15),
    "low_confidence": 15,
}
_COLUMN_MEANINGS: Final = {
    "file": "input as named on the command line; a link to it",
    "country, year": "what the report is about, where title or address tell it",
    "page": "page on which the passage begins, where the source has pages",
    "block": "paragraph of the report, from 0",
    "start, end": "characters of the passage in the report's text, from 0, end not included",
    "section": "section of the report, where headings tell it",
    "text": "the passage, word for word",
    "labels": "labels whose probability reaches the threshold; none of references, notes, contents, dates and addresses",
    ", ".join(LABELS): "calibrated probability of each label; coloured and bold where the label is given",
    "low_confidence": "TRUE where the model has too little to go by: read the passage before you use it",
}


def write_xlsx(reports: Iterable[TaggedReport], out: IO[bytes], run: Run) -> None:
    """Sheets *Passages* (columns of `cells.Row`), *Counts* and *About*; further sheets of a kind when one is full.

    Raises
    ------
    MissingExtraError
        When openpyxl is not installed.
    """
    try:
        from openpyxl import Workbook
        from openpyxl.writer.excel import ExcelWriter
    except ImportError:
        raise MissingExtraError("writing Excel files", "xlsx") from None
    workbook = Workbook(write_only=True)
    workbook.properties.creator = run.about()["tool"]
    workbook.properties.created = workbook.properties.modified = _THEN
    try:
        counts = _write_passages(workbook, reports, run)
        _write_counts(workbook, counts)
        _write_about(workbook, run)
    finally:  # also when a report fails or the user stops it: openpyxl complains of sheets left open
        for sheet in workbook.worksheets:
            sheet.close()
    ExcelWriter(workbook, _Archive(out)).save()


class _FileCounts:
    """Passages of one file by section, in the order in which sections come."""

    def __init__(self, report: TaggedReport, link: str | None) -> None:
        document = report.document
        self.place = (document.country, document.year) if document else (None, None)
        self.link = link
        self.notes: list[str] = []
        self.sections: dict[str | None, Counter[str]] = {}

    def add(self, row: Row) -> None:
        counted = self.sections.setdefault(row.section, Counter())
        counted.update(("passages", *(row.labels or ("(none)",))))
        counted["low_confidence"] += row.low_confidence


def _write_passages(workbook: Any, reports: Iterable[TaggedReport], run: Run) -> dict[str, _FileCounts]:
    """A row for each passage; returns the counts of each file."""
    table = _Table(workbook, "Passages", _WIDTHS, dict.fromkeys(LABELS, "0.0%"))
    counts: dict[str, _FileCounts] = {}
    for report in reports:
        counted = counts.setdefault(report.file, _FileCounts(report, run.link(report.file)))
        counted.notes += report.notes
        for finding in report.findings():
            row = row_of(finding)
            table.append(row, link=counted.link, coloured=row.labels)
            if is_prose(finding.passage):
                counted.add(row)
    table.finish()
    return counts


def _write_counts(workbook: Any, counts: dict[str, _FileCounts]) -> None:
    """A row for each section, each file and all files."""
    shares = {f"{label} share": label for label in (*LABELS, "(none)")}
    widths = {"file": 28, "country": 14, "year": 7, "section": 24, "passages": 11, "low_confidence": 15}
    for share, label in shares.items():
        widths |= {label: 15, share: 15}
    widths["notes"] = 40
    table = _Table(workbook, "Counts", widths, dict.fromkeys(shares, "0%"))

    def figures(counted: Counter[str], notes: str = "") -> list[float | str | None]:
        passages = counted["passages"]
        figures: list[float | str | None] = [passages, counted["low_confidence"]]
        for label in shares.values():
            figures += [counted[label], round(counted[label] / passages, 4) if passages else None]
        return [*figures, notes]

    for file, found in counts.items():
        for section, counted in found.sections.items():
            table.append((file, *found.place, section or "(no section)", *figures(counted)), link=found.link)
        whole = sum(found.sections.values(), Counter[str]())
        row = (file, *found.place, "(all sections)", *figures(whole, "; ".join(found.notes)))
        table.append(row, link=found.link, bold=True)
    everything = sum((one for found in counts.values() for one in found.sections.values()), Counter[str]())
    table.append(("(all files)", None, None, "(all sections)", *figures(everything)), bold=True)
    table.finish()


def _write_about(workbook: Any, run: Run) -> None:
    table = _Table(workbook, "About", {"what": 28, "value": 100})
    for name, value in run.about().items():
        table.append((name, value))
    for label, meaning in MEANINGS.items():
        table.append((f"label {label}", meaning))
    for name, meaning in _COLUMN_MEANINGS.items():
        table.append((f"column {name}", meaning))
    table.append(("links", f"the first {_LINKS:,} rows of a sheet have one, the most that Excel takes"))
    table.append(
        ("note", "A tag says what a passage claims, not whether it is true. Read the passage before you cite it.")
    )
    table.finish()


class _Table:
    """Rows under a header, on as many sheets as they need."""

    def __init__(self, workbook: Any, title: str, widths: dict[str, int], formats: Mapping[str, str] = {}) -> None:
        self._workbook = workbook
        self._title = title
        self._widths = widths
        self._formats = formats
        self._sheets = 0
        self._begin()

    def append(
        self, values: Sequence[object], link: str | None = None, coloured: Sequence[str] = (), bold: bool = False
    ) -> None:
        """Add a row: `link` is for its first cell, `coloured` names columns of labels that are given."""
        if self._rows == _ROWS:
            self.finish()
            self._begin()
        self._rows += 1
        if link is not None and (len(link) > _LONGEST_LINK or self._links == _LINKS):
            link = None
        self._links += link is not None
        # A generator: each cell is written before the next is asked for, so that cells of one style can be one object.
        self._sheet.append(
            self._cell(name, value, link if number == 0 else None, name in coloured, bold)
            for number, (name, value) in enumerate(zip(self._widths, values, strict=True))
        )

    def finish(self) -> None:
        """Let the filter span the rows that came."""
        self._sheet.auto_filter.ref = f"A1:{_letter(len(self._widths))}{self._rows + 1}"

    def _begin(self) -> None:
        from openpyxl.worksheet.properties import PageSetupProperties

        self._sheets += 1
        self._rows = self._links = 0
        self._cells: dict[_Style, Any] = {}
        title = self._title if self._sheets == 1 else f"{self._title} {self._sheets}"
        self._sheet = sheet = self._workbook.create_sheet(title)
        for number, width in enumerate(self._widths.values(), 1):
            sheet.column_dimensions[_letter(number)].width = width
        sheet.freeze_panes = "A2"
        sheet.print_title_rows = "1:1"
        sheet.page_setup.orientation = "landscape"
        sheet.page_setup.fitToHeight = 0  # as many pages as it takes
        sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
        sheet.append(self._styled(_Style(bold=True, colour=_HEADER), name) for name in self._widths)

    def _cell(self, name: str, value: object, link: str | None, coloured: bool, bold: bool) -> Any:
        if isinstance(value, tuple):
            value = ";".join(value)
        quoted = isinstance(value, str) and looks_like_a_formula(value)
        colour = _COLOURS[name] if coloured else None
        number = isinstance(value, int | float)
        style = _Style(number, self._formats.get(name), bold or coloured, colour, link is not None, quoted)
        cell = self._styled(style, value)
        if link is not None:
            cell.hyperlink = link
        return cell

    def _styled(self, style: _Style, value: object) -> Any:
        cell = self._cells.get(style)
        if cell is None:
            cell = self._cells[style] = _empty_cell(self._sheet, style)
        if isinstance(value, str):
            cell.value = _cell_text(value) or None
            cell.data_type = "s" if value else "n"  # openpyxl would take "=" for a formula, "#N/A" for an error
        else:
            cell.value = value
        return cell


class _Style(NamedTuple):
    number: bool = False
    format: str | None = None
    bold: bool = False
    colour: str | None = None
    link: bool = False
    quoted: bool = False  # stays text when the cell is edited


def _empty_cell(sheet: Any, style: _Style) -> Any:
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Alignment, Font, PatternFill

    cell = WriteOnlyCell(sheet)
    side = {"horizontal": "right", "indent": 1} if style.number else {}  # clear of the text in the next column
    cell.alignment = Alignment(vertical="top", wrap_text=True, **side)
    look = {"color": "0563C1", "underline": "single"} if style.link else {}
    cell.font = Font(name="Calibri", size=11, bold=style.bold, **look)
    if style.colour:
        cell.fill = PatternFill("solid", fgColor=style.colour)
    if style.format:
        cell.number_format = style.format
    cell.quotePrefix = style.quoted
    return cell


def _cell_text(text: str) -> str:
    """Text that XML and a cell can hold; one that is too long ends in a visible mark."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")  # as XML would read them
    text = _EXCEL_ESCAPE.sub("_x005F_", _NOT_XML.sub("\ufffd", text))
    if len(text) * 2 > _LONGEST_CELL:
        units = text.encode("utf-16-le")
        if len(units) > _LONGEST_CELL * 2:
            text = units[: 2 * (_LONGEST_CELL - len(_CUT))].decode("utf-16-le", "ignore") + _CUT
    return text


def _letter(number: int) -> str:
    from openpyxl.utils import get_column_letter

    return str(get_column_letter(number))


class _Archive:
    """The zip file that openpyxl writes to, without its times of day: same input, same bytes."""

    def __init__(self, out: IO[bytes]) -> None:
        self._zip = ZipFile(out, "w", ZIP_DEFLATED)

    def namelist(self) -> list[str]:
        return self._zip.namelist()

    def writestr(self, name: str, data: str | bytes) -> None:
        self._zip.writestr(_member(name), data)

    def write(self, path: str, name: str) -> None:
        member = _member(name)
        member.file_size = os.path.getsize(path)  # tells zipfile whether it needs 64 bits
        with open(path, "rb") as source, self._zip.open(member, "w") as target:
            shutil.copyfileobj(source, target)

    def close(self) -> None:
        self._zip.close()


def _member(name: str) -> ZipInfo:
    member = ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    member.compress_type = ZIP_DEFLATED
    return member
