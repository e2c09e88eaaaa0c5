"""Excel workbooks: tables with a header, links and filters, in which no cell is a formula.

Rows are streamed to disk, so that memory grows only with the links of a sheet.
"""

from __future__ import annotations

import datetime
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Final

from tipclassify.errors import needs_extra
from tipclassify.formatting import is_formula
from tipclassify.reports.finding_row import Cell
from tipclassify.reports.palette import TINTS
from tipclassify.whole_files import FailingOnce
from tipclassify.write.output import Output

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.format import Format
    from xlsxwriter.url import Url
    from xlsxwriter.worksheet import Worksheet

__all__ = ["MOST_LINKS", "ExcelBook", "ExcelTable", "open_output_workbook"]

# Limits of Excel.
_MOST_ROWS: Final = 1_048_575  # rows of a sheet, without its header
MOST_LINKS: Final = 65_530  # links of a sheet
_LONGEST_LINK: Final = 2_079
_LONGEST_CELL: Final = 32_767  # UTF-16 units

_CUT: Final = " … [cut: too long for a cell]"
_NOT_XML: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")

_WIDTHS: Final = {
    "report": 22,
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


class ExcelBook:
    """A workbook while its tables are written."""

    def __init__(self, workbook: Workbook) -> None:
        self._workbook = workbook
        self._tables: list[ExcelTable] = []

    def table(
        self, title: str, columns: Sequence[str], number_formats: Mapping[str, str] = {}
    ) -> ExcelTable:
        """Add a sheet with a header."""
        self._tables.append(ExcelTable(self._workbook, title, columns, number_formats))
        return self._tables[-1]

    def finish(self) -> None:
        """Set the filters of all tables."""
        for table in self._tables:
            table.finish()


@contextmanager
def open_output_workbook(out: IO[bytes], output: Output) -> Iterator[ExcelBook]:
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
            book = ExcelBook(workbook)
            yield book
            book.finish()
        finally:
            try:
                workbook.close()
            except FileCreateError as error:
                raise error.args[0] from None  # the error of the file system
        packed.seek(0)
        shutil.copyfileobj(packed, out)


@dataclass(frozen=True, slots=True)
class _ExcelCellLook:
    """How a cell looks, beyond what all cells have in common."""

    bold: bool = False
    background: str | None = None
    number_format: str | None = None
    quoted: bool = False  # stays text when the cell is edited
    to_the_right: bool = False  # clear of the text in the next column
    linked: bool = False

    def properties(self) -> dict[str, object]:
        """Return the properties of XlsxWriter."""
        properties: dict[str, object] = {"valign": "top", "text_wrap": True}
        if self.bold:
            properties["bold"] = True
        if self.background is not None:
            properties["bg_color"] = self.background
        if self.number_format is not None:
            properties["num_format"] = self.number_format
        if self.quoted:
            properties["quote_prefix"] = True
        if self.to_the_right:
            properties["align"] = "right"
            properties["indent"] = 1
        if self.linked:
            properties["font_color"] = "#0563C1"
            properties["underline"] = 1
        return properties


_HEADER: Final = _ExcelCellLook(bold=True, background="#E7E6E6")


class ExcelTable:
    """A table with a header, continued on further sheets when one is full."""

    def __init__(
        self,
        workbook: Workbook,
        title: str,
        columns: Sequence[str],
        number_formats: Mapping[str, str] = {},
    ) -> None:
        self._workbook = workbook
        self._title = title
        self._columns = columns
        self._number_formats = number_formats
        self._formats: dict[_ExcelCellLook, Format] = {}
        self._sheets = 0
        self._rows = 0  # of the sheet that is written
        self._links = 0
        self._sheet = self._new_sheet()

    def append(
        self,
        values: Sequence[Cell],
        link: str | None = None,
        coloured: Mapping[str, str] = {},
        bold: bool = False,
    ) -> None:
        """Append a row; `link` is for the first cell, `coloured` has labels by column."""
        if self._rows == _MOST_ROWS:
            self.finish()
            self._sheet = self._new_sheet()
        self._rows += 1
        if link is not None and (len(link) > _LONGEST_LINK or self._links == MOST_LINKS):
            link = None
        if link is not None:
            self._links += 1
        for column, (name, value) in enumerate(zip(self._columns, values, strict=True)):
            label = coloured.get(name)
            cell = _excel_cell_value(value)
            cell_link = link if column == 0 else None
            look = _ExcelCellLook(
                bold=bold or label is not None,
                background=TINTS[label] if label is not None else None,
                number_format=self._number_formats.get(name),
                quoted=isinstance(cell, str) and is_formula(cell),
                to_the_right=cell is not None and not isinstance(cell, str),
                linked=cell_link is not None,
            )
            if cell_link is not None:
                url = _excel_link(cell_link, str(cell))
                self._sheet.write_url(self._rows, column, url, self._format(look))
            else:
                self._sheet.write(self._rows, column, cell, self._format(look))

    def finish(self) -> None:
        """Set the filter to the rows written."""
        self._sheet.autofilter(0, 0, self._rows, len(self._columns) - 1)

    def _new_sheet(self) -> Worksheet:
        """Begin a sheet with the header."""
        self._sheets += 1
        self._rows = 0
        self._links = 0
        number = f" {self._sheets}" if self._sheets > 1 else ""
        sheet = self._workbook.add_worksheet(f"{self._title}{number}")
        sheet.freeze_panes(1, 0)
        sheet.repeat_rows(0)
        sheet.set_landscape()
        sheet.fit_to_pages(1, 0)  # as many pages down as it takes
        sheet.set_paper(9)  # A4
        sheet.set_footer("&L&F · &A&Rpage &P of &N")
        for column, name in enumerate(self._columns):
            sheet.set_column(column, column, _WIDTHS.get(name, _WIDTH))
            sheet.write_string(0, column, name, self._format(_HEADER))
        return sheet

    def _format(self, look: _ExcelCellLook) -> Format:
        """Get the format of cells that look so; a workbook stores each one that is added."""
        if look not in self._formats:
            self._formats[look] = self._workbook.add_format(look.properties())
        return self._formats[look]


def _excel_link(link: str, text: str) -> Url:
    """Make a hyperlink to a URI as it is; XlsxWriter would change or reject paths."""
    from xlsxwriter.url import Url

    url = Url("https://")
    url.text = text
    url._link = link
    url._relationship_link = link
    return url


def _excel_cell_value(value: Cell) -> str | float | None:
    """Make a value that a cell can hold: a list is joined, a text made valid."""
    if isinstance(value, list):
        value = ";".join(value)
    return _fit_text_in_excel_cell(value) if isinstance(value, str) else value


def _fit_text_in_excel_cell(text: str) -> str:
    """Make a text valid for XML and a cell; one that is too long ends in a visible notice."""
    with_line_feeds = text.replace("\r\n", "\n").replace("\r", "\n")  # as XML parsers read them
    valid = _NOT_XML.sub("\ufffd", with_line_feeds)
    units = valid.encode("utf-16-le")
    if len(units) <= _LONGEST_CELL * 2:
        return valid
    kept = units[: 2 * (_LONGEST_CELL - len(_CUT))].decode("utf-16-le", "ignore")
    return kept + _CUT
