"""JSON Lines and CSV writers: one row for each passage.

Reports are rendered independently of each other, in the worker processes that tag them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import IO

from tipclassify.formatting import csv_cell, json_line
from tipclassify.reporting.writers import RenderedRows, ScoringContext, TaggedReport
from tipclassify.reporting.writers.cells import COLUMNS, row_of

__all__ = ["csv_rows", "jsonl_rows", "write_csv_rows", "write_jsonl_rows"]


def jsonl_rows(report: TaggedReport) -> RenderedRows:
    """Render a report as JSON Lines, with the fields of `Finding.to_dict`."""
    return RenderedRows("".join(json_line(finding.to_dict()) for finding in report.findings()), report.notes)


def write_jsonl_rows(made: Iterable[RenderedRows], out: IO[str], context: ScoringContext) -> None:  # noqa: ARG001
    """Write reports rendered by `jsonl_rows`."""
    out.writelines(rows.text for rows in made)


def csv_rows(report: TaggedReport) -> RenderedRows:
    """Render a report as CSV (RFC 4180): the columns of `cells.Row`, labels joined by ``;``.

    A cell that a spreadsheet would run as a formula is prefixed with ``'`` (CWE-1236).
    """
    lines = io.StringIO(newline="")
    writer = csv.writer(lines, lineterminator="\r\n")
    for finding in report.findings():
        writer.writerow(f"{cell:.4f}" if isinstance(cell, float) else csv_cell(cell) for cell in row_of(finding))
    return RenderedRows(lines.getvalue(), report.notes)


def write_csv_rows(made: Iterable[RenderedRows], out: IO[str], context: ScoringContext) -> None:
    """Write the header, and reports rendered by `csv_rows`."""
    if context.bom:
        out.write("\ufeff")
    csv.writer(out, lineterminator="\r\n").writerow(COLUMNS)
    out.writelines(rows.text for rows in made)
