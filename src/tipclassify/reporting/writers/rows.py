"""JSON lines and CSV, one row a passage.

What is made of each report is text that needs no other report, so that it is made in the process that tagged it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import IO

from tipclassify.formatting import csv_cell, json_line
from tipclassify.reporting.writers import Rows, Run, TaggedReport
from tipclassify.reporting.writers.cells import COLUMNS, row_of

__all__ = ["csv_rows", "jsonl_rows", "write_csv_rows", "write_jsonl_rows"]


def jsonl_rows(report: TaggedReport) -> Rows:
    """Make lines of JSON of a report, with the fields of `Finding.to_dict`."""
    return Rows("".join(json_line(finding.to_dict()) for finding in report.findings()), report.notes)


def write_jsonl_rows(made: Iterable[Rows], out: IO[str], run: Run) -> None:  # noqa: ARG001
    """Write what `jsonl_rows` made of each report."""
    out.writelines(rows.text for rows in made)


def csv_rows(report: TaggedReport) -> Rows:
    """Make lines of CSV (RFC 4180) of a report: the columns of `cells.Row`, several labels joined by ``;``.

    A cell that a spreadsheet would run as a formula begins with ``'`` (CWE-1236).
    """
    lines = io.StringIO(newline="")
    writer = csv.writer(lines, lineterminator="\r\n")
    for finding in report.findings():
        writer.writerow(f"{cell:.4f}" if isinstance(cell, float) else csv_cell(cell) for cell in row_of(finding))
    return Rows(lines.getvalue(), report.notes)


def write_csv_rows(made: Iterable[Rows], out: IO[str], run: Run) -> None:
    """Write the names of the columns, and what `csv_rows` made of each report."""
    if run.bom:
        out.write("\ufeff")
    csv.writer(out, lineterminator="\r\n").writerow(COLUMNS)
    out.writelines(rows.text for rows in made)
