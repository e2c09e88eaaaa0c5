"""Excel writer: sheets with every passage and its source, counts by file and section, and metadata.

Rows are streamed to disk: memory grows only with the links of a sheet. No cell is ever a formula.
"""

from __future__ import annotations

import datetime
import io
import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import IO, Any, Final

from tipclassify.errors import MissingExtraError
from tipclassify.formatting import looks_like_a_formula
from tipclassify.labels import LABELS, MEANINGS
from tipclassify.reporting.writers import ScoringContext, TaggedReport
from tipclassify.reporting.writers.cells import Row, row_of
from tipclassify.text.furniture import is_prose

__all__ = ["write_xlsx"]

# Limits of Excel.
_ROWS: Final = 1_048_575  # rows of a sheet, without its header
_LINKS: Final = 65_530  # links of a sheet
_LONGEST_LINK: Final = 2_079
_LONGEST_CELL: Final = 32_767  # UTF-16 units

_CUT: Final = " … [cut: too long for a cell]"
_NOT_XML: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_CREATED: Final = datetime.datetime(2000, 1, 1)  # no clock: same input, same bytes

_HEADER: Final = "#E7E6E6"
_COLOURS: Final = {"positive_effort": "#D5E8D4", "failure": "#FFE699", "complicity": "#F4B6B0"}
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
    "labels": "labels whose probability reaches the threshold; "
    "none of references, notes, contents, dates and addresses",
    ", ".join(LABELS): "calibrated probability of each label; coloured and bold where the label is given",
    "low_confidence": "TRUE where the model has too little to go by: read the passage before you use it",
}
_REMARKS: Final = {
    "links": f"the first {_LINKS:,} rows of a sheet have one, the most that Excel takes",
    "note": "A tag says what a passage claims, not whether it is true. Read the passage before you cite it.",
}


def write_xlsx(reports: Iterable[TaggedReport], out: IO[bytes], context: ScoringContext) -> None:
    """Write the sheets *Passages* (columns of `cells.Row`), *Counts* and *About*, each continued when full.

    Raises
    ------
    MissingExtraError
        When XlsxWriter is not installed.
    """
    try:
        from xlsxwriter import Workbook
    except ImportError:
        raise MissingExtraError("writing Excel files", "xlsx") from None
    with tempfile.TemporaryDirectory() as folder:  # for XlsxWriter's row buffers
        workbook = Workbook(out, {"constant_memory": True, "tmpdir": folder, "use_zip64": True})
        workbook.set_properties({"author": context.about()["tool"], "created": _CREATED})
        try:
            counts = _write_passages(workbook, reports, context)
            _write_counts(workbook, counts)
            _write_about(workbook, context)
        except BaseException:  # a report failed, or the user interrupted
            workbook.filename = io.BytesIO()  # so that `out` stays empty
            raise
        finally:
            workbook.close()


class _FileCounts:
    """Counts of one file's passages by section, in order of appearance."""

    def __init__(self, report: TaggedReport, link: str | None) -> None:
        document = report.document
        self.place = (document.country, document.year) if document else (None, None)
        self.link = link
        self.notes: list[str] = []
        self.sections: dict[str | None, Counter[str]] = {}

    def add(self, row: Row) -> None:
        """Count a passage."""
        counted = self.sections.setdefault(row.section, Counter())
        counted.update(("passages", *(row.labels or ("(none)",))))
        counted["low_confidence"] += row.low_confidence


def _write_passages(workbook: Any, reports: Iterable[TaggedReport], context: ScoringContext) -> dict[str, _FileCounts]:
    """Write a row for each passage; return the counts of each file."""
    table = _Table(workbook, "Passages", _WIDTHS, dict.fromkeys(LABELS, "0.0%"))
    counts: dict[str, _FileCounts] = {}
    for report in reports:
        counted = counts.setdefault(report.file, _FileCounts(report, context.link(report.file)))
        counted.notes += report.notes
        for finding in report.findings():
            row = row_of(finding)
            table.append(row, link=counted.link, coloured=row.labels)
            if is_prose(finding.passage):
                counted.add(row)
    table.finish()
    return counts


def _write_counts(workbook: Any, counts: dict[str, _FileCounts]) -> None:
    """Write a row for each section, each file and all files."""
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


def _write_about(workbook: Any, context: ScoringContext) -> None:
    table = _Table(workbook, "About", {"what": 28, "value": 100})
    labels = {f"label {label}": meaning for label, meaning in MEANINGS.items()}
    columns = {f"column {name}": meaning for name, meaning in _COLUMN_MEANINGS.items()}
    for row in {**context.about(), **labels, **columns, **_REMARKS}.items():
        table.append(row)
    table.finish()


class _Table:
    """A table with a header, continued on further sheets when one is full."""

    def __init__(self, workbook: Any, title: str, widths: dict[str, int], formats: Mapping[str, str] = {}) -> None:
        self._workbook = workbook
        self._title = title
        self._widths = widths
        self._number_formats = formats
        self._formats: dict[tuple[tuple[str, object], ...], Any] = {}
        self._sheets = 0
        self._begin()

    def append(
        self, values: Sequence[object], link: str | None = None, coloured: Sequence[str] = (), bold: bool = False
    ) -> None:
        """Append a row: `link` is for its first cell, `coloured` names the columns to highlight."""
        if self._rows == _ROWS:
            self.finish()
            self._begin()
        self._rows += 1
        if link is not None and (len(link) > _LONGEST_LINK or self._links == _LINKS):
            link = None
        self._links += link is not None
        for column, (name, value) in enumerate(zip(self._widths, values, strict=True)):
            self._write(column, name, value, None if column else link, name in coloured, bold)

    def finish(self) -> None:
        """Set the filter to the rows written."""
        self._sheet.autofilter(0, 0, self._rows, len(self._widths) - 1)

    def _begin(self) -> None:
        self._sheets += 1
        self._rows = self._links = 0
        title = self._title if self._sheets == 1 else f"{self._title} {self._sheets}"
        self._sheet = self._workbook.add_worksheet(title)
        self._sheet.freeze_panes(1, 0)
        self._sheet.repeat_rows(0)
        self._sheet.set_landscape()
        self._sheet.fit_to_pages(1, 0)  # as many pages down as it takes
        for column, (name, width) in enumerate(self._widths.items()):
            self._sheet.set_column(column, column, width)
            self._sheet.write_string(0, column, name, self._format(bold=True, bg_color=_HEADER))

    def _write(self, column: int, name: str, value: object, link: str | None, coloured: bool, bold: bool) -> None:
        look: dict[str, object] = {"bold": True} if bold or coloured else {}
        if coloured:
            look["bg_color"] = _COLOURS[name]
        if name in self._number_formats:
            look["num_format"] = self._number_formats[name]
        if isinstance(value, tuple):
            value = ";".join(value)
        if value is not None and not isinstance(value, str):
            look |= {"align": "right", "indent": 1}  # clear of the text in the next column
            self._sheet.write(self._rows, column, value, self._format(**look))
            return
        text = _cell_text(value or "")
        if looks_like_a_formula(text):
            look["quote_prefix"] = True  # so that it stays text when the cell is edited
        if link is not None:
            linked = self._format(**look, font_color="#0563C1", underline=1)
            self._sheet.write_url(self._rows, column, _url(link, text), linked)
        elif text:
            self._sheet.write_string(self._rows, column, text, self._format(**look))
        else:
            self._sheet.write_blank(self._rows, column, None, self._format(**look))

    def _format(self, **look: object) -> Any:
        """Get the cell format with these properties, cached, since a workbook stores every format added."""
        key = tuple(look.items())
        if key not in self._formats:
            self._formats[key] = self._workbook.add_format({"valign": "top", "text_wrap": True, **look})
        return self._formats[key]


def _url(link: str, text: str) -> Any:
    """Make a hyperlink to a URI as it is: XlsxWriter would treat paths as Windows paths and reject relative ones."""
    from xlsxwriter.url import Url

    url = Url("https://")
    url.text = text
    url._link = url._relationship_link = link
    return url


def _cell_text(text: str) -> str:
    """Make a text valid for XML and a cell; one that is too long ends in a visible notice."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")  # XML parsers do the same
    text = _NOT_XML.sub("\ufffd", text)
    if len(text) * 2 > _LONGEST_CELL:
        units = text.encode("utf-16-le")
        if len(units) > _LONGEST_CELL * 2:
            text = units[: 2 * (_LONGEST_CELL - len(_CUT))].decode("utf-16-le", "ignore") + _CUT
    return text
