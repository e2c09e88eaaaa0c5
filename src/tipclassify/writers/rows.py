"""JSON lines and CSV, one row a passage."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import IO

from tipclassify.writers import Rows, Run, TaggedReport
from tipclassify.writers.cells import COLUMNS, looks_like_a_formula, row_of
from tipclassify.writers.lines import report_lines

__all__ = ["csv_rows", "jsonl_rows", "write_csv", "write_csv_rows", "write_jsonl", "write_jsonl_rows"]


def write_jsonl(reports: Iterable[TaggedReport], out: IO[str], run: Run) -> None:
    """``{"file", "country", "year", "start", "end", "page", "block", "text", "section", "labels", "scores"}``, one object a line."""
    write_jsonl_rows(map(jsonl_rows, reports), out, run)


def write_csv(reports: Iterable[TaggedReport], out: IO[str], run: Run) -> None:
    """RFC 4180 with the columns of `cells.Row`; several labels are joined by ``;``.

    A cell that a spreadsheet would run as a formula begins with ``'`` (CWE-1236).
    """
    write_csv_rows(map(csv_rows, reports), out, run)


def jsonl_rows(report: TaggedReport) -> Rows:
    """A report as lines of JSON."""
    return Rows("".join(report_lines(report)), report.notes)


def write_jsonl_rows(made: Iterable[Rows], out: IO[str], run: Run) -> None:  # noqa: ARG001
    """What `jsonl_rows` made of each report."""
    for rows in made:
        out.write(rows.text)


def csv_rows(report: TaggedReport) -> Rows:
    """A report as lines of CSV, without the names of the columns."""
    lines = io.StringIO(newline="")
    csv.writer(lines, lineterminator="\r\n").writerows(map(_cell, row_of(one)) for one in report.findings())
    return Rows(lines.getvalue(), report.notes)


def write_csv_rows(made: Iterable[Rows], out: IO[str], run: Run) -> None:
    """The names of the columns, and what `csv_rows` made of each report."""
    if run.bom:
        out.write("\ufeff")
    csv.writer(out, lineterminator="\r\n").writerow(COLUMNS)
    for rows in made:
        out.write(rows.text)


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.4f}"
    if isinstance(value, tuple):
        return ";".join(value)
    return _inert(value) if isinstance(value, str) else value


def _inert(text: str) -> str:
    text = text.replace("\0", "\ufffd")  # readers stop at NUL
    return "'" + text if looks_like_a_formula(text) else text
