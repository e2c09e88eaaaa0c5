"""Excel writer: sheets with every passage and its source, counts by file and section, and metadata.

Rows are streamed to disk: memory grows only with the links of a sheet. No cell is ever a formula.
"""

from __future__ import annotations

import datetime
import re
import shutil
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, Any, Final

from tipclassify.errors import MissingExtraError
from tipclassify.formatting import looks_like_a_formula
from tipclassify.labels import LABELS, MEANINGS
from tipclassify.reporting.writers import ScoringContext, TaggedReport
from tipclassify.reporting.writers.rows import row_of
from tipclassify.text.furniture import is_prose

__all__ = ["write_xlsx"]

# Limits of Excel.
_ROWS: Final = 1_048_575  # rows of a sheet, without its header
_LINKS: Final = 65_530  # links of a sheet
_LONGEST_LINK: Final = 2_079
_LONGEST_CELL: Final = 32_767  # UTF-16 units

_CUT: Final = " … [cut: too long for a cell]"
_NOT_XML: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")

_COLOURS: Final = {"positive_effort": "#D5E8D4", "failure": "#FFE699", "complicity": "#F4B6B0"}
_PLACE: Final = {"file": 28, "country": 14, "year": 7}
_WIDTHS: Final = {
    **_PLACE,
    **{"page": 7, "block": 7, "start": 9, "end": 9, "section": 17, "text": 80, "labels": 26},
    **dict.fromkeys((*LABELS, "low_confidence"), 15),
}
_REMARKS: Final = {
    "column file": "input as named on the command line; a link to it",
    "column country, year": "what the report is about, where title or address tell it",
    "column page": "page on which the passage begins, where the source has pages",
    "column block": "paragraph of the report, from 0",
    "column start, end": "characters of the passage in the report's text, from 0, end not included",
    "column section": "section of the report, where headings tell it",
    "column text": "the passage, word for word",
    "column labels": "labels whose probability reaches the threshold; "
    "none of references, notes, contents, dates and addresses",
    f"column {', '.join(LABELS)}": "calibrated probability of each label; coloured and bold where the label is given",
    "column low_confidence": "TRUE where the model has too little to go by: read the passage before you use it",
    "links": f"the first {_LINKS:,} rows of a sheet have one, the most that Excel takes",
    "note": "A tag says what a passage claims, not whether it is true. Read the passage before you cite it.",
}


def write_xlsx(reports: Iterable[TaggedReport], out: IO[bytes], context: ScoringContext) -> None:
    """Write the sheets *Passages* (columns of `rows.Row`), *Counts* and *About*, each continued when full."""
    try:
        from xlsxwriter import Workbook
        from xlsxwriter.exceptions import FileCreateError
    except ImportError:
        raise MissingExtraError("writing Excel files", "xlsx") from None
    # Row buffers, and the workbook until it is complete: an interrupted one leaves `out` empty.
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile(dir=folder) as packed:
        workbook = Workbook(packed, {"constant_memory": True, "tmpdir": folder, "use_zip64": True})
        created = datetime.datetime(2000, 1, 1)  # no clock: same input, same bytes
        workbook.set_properties({"author": context.about()["tool"], "created": created})
        try:
            _write_counts(workbook, _write_passages(workbook, reports, context))
            _write_about(workbook, context)
        finally:
            try:
                workbook.close()
            except FileCreateError as error:
                raise error.args[0] from None  # the error of the file system
        packed.seek(0)
        shutil.copyfileobj(packed, out)


@dataclass(frozen=True, slots=True)
class _FileCounts:
    """Counts of one file's passages by section, in order of appearance."""

    place: tuple[str, str | None, int | None]
    link: str | None
    notes: list[str] = field(default_factory=list)
    sections: defaultdict[str | None, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))


def _write_passages(workbook: Any, reports: Iterable[TaggedReport], context: ScoringContext) -> list[_FileCounts]:
    """Write a row for each passage; return the counts of each file."""
    table = _Table(workbook, "Passages", _WIDTHS, dict.fromkeys(LABELS, "0.0%"))
    counts: dict[str, _FileCounts] = {}
    for report in reports:
        place = (report.file, report.country, report.year)
        counted = counts.setdefault(report.file, _FileCounts(place, context.link(report.file)))
        counted.notes.extend(report.notes)
        for finding in report.findings():
            row = row_of(finding)
            table.append(row, counted.link, row.labels)
            if is_prose(finding.passage):
                here = counted.sections[row.section]
                here.update(("passages", *(row.labels or ("(none)",))))
                here["low_confidence"] += row.low_confidence
    table.finish()
    return list(counts.values())


def _write_counts(workbook: Any, counts: Sequence[_FileCounts]) -> None:
    """Write a row for each section, each file and all files."""
    widths = {**_PLACE, "section": 24, "passages": 11, "low_confidence": 15}
    for label in (*LABELS, "(none)"):
        widths |= {label: 15, f"{label} share": 15}
    shares = [name for name in widths if name.endswith(" share")]
    table = _Table(workbook, "Counts", {**widths, "notes": 40}, dict.fromkeys(shares, "0%"))

    def figures(sections: Iterable[Counter[str]]) -> list[float | None]:
        counted = sum(sections, Counter[str]())
        found: list[float | None] = [counted["passages"], counted["low_confidence"]]
        for label in (*LABELS, "(none)"):
            found += [counted[label], round(counted[label] / counted["passages"], 4) if counted["passages"] else None]
        return found

    for file in counts:
        for section, counted in file.sections.items():
            table.append((*file.place, section or "(no section)", *figures([counted]), ""), file.link)
        whole = figures(file.sections.values())
        table.append((*file.place, "(all sections)", *whole, "; ".join(file.notes)), file.link, bold=True)
    everything = figures(counted for file in counts for counted in file.sections.values())
    table.append(("(all files)", None, None, "(all sections)", *everything, ""), bold=True)
    table.finish()


def _write_about(workbook: Any, context: ScoringContext) -> None:
    table = _Table(workbook, "About", {"what": 28, "value": 100})
    for row in {**context.about(), **{f"label {name}": text for name, text in MEANINGS.items()}, **_REMARKS}.items():
        table.append(row)
    table.finish()


class _Table:
    """A table with a header, continued on further sheets when one is full."""

    def __init__(self, workbook: Any, title: str, widths: Mapping[str, int], formats: Mapping[str, str] = {}) -> None:
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
            look: dict[str, object] = {"bold": True} if bold or name in coloured else {}
            if name in coloured:
                look["bg_color"] = _COLOURS[name]
            if name in self._number_formats:
                look["num_format"] = self._number_formats[name]
            self._write(column, ";".join(value) if isinstance(value, tuple) else value, None if column else link, look)

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
            self._sheet.write_string(0, column, name, self._format({"bold": True, "bg_color": "#E7E6E6"}))

    def _write(self, column: int, value: object, link: str | None, look: dict[str, object]) -> None:
        if value is not None and not isinstance(value, str):
            look |= {"align": "right", "indent": 1}  # clear of the text in the next column
            self._sheet.write(self._rows, column, value, self._format(look))
            return
        text = _cell_text(value or "")
        if looks_like_a_formula(text):
            look["quote_prefix"] = True  # so that it stays text when the cell is edited
        if link is not None:
            linked = self._format({**look, "font_color": "#0563C1", "underline": 1})
            self._sheet.write_url(self._rows, column, _url(link, text), linked)
        elif text:
            self._sheet.write_string(self._rows, column, text, self._format(look))
        else:
            self._sheet.write_blank(self._rows, column, None, self._format(look))

    def _format(self, look: Mapping[str, object]) -> Any:
        """Get the cell format with these properties, cached, since a workbook stores every format added."""
        key = tuple(look.items())
        if key not in self._formats:
            self._formats[key] = self._workbook.add_format({"valign": "top", "text_wrap": True, **look})
        return self._formats[key]


def _url(link: str, text: str) -> Any:
    """Make a hyperlink to a URI as it is: XlsxWriter would treat paths as Windows paths and reject relative ones."""
    from xlsxwriter.url import Url

    url = Url("https://")
    url.text, url._link, url._relationship_link = text, link, link
    return url


def _cell_text(text: str) -> str:
    """Make a text valid for XML and a cell; one that is too long ends in a visible notice."""
    text = _NOT_XML.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))  # XML parsers do the same
    units = text.encode("utf-16-le")
    if len(units) > _LONGEST_CELL * 2:
        text = units[: 2 * (_LONGEST_CELL - len(_CUT))].decode("utf-16-le", "ignore") + _CUT
    return text
