"""JSON Lines, CSV and Parquet writers: a row for each passage.

Rows of JSON Lines and CSV are rendered where passages are tagged, in worker processes.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from itertools import islice
from typing import IO, Final

from tipclassify.formatting import csv_cell, json_line
from tipclassify.reports.finding_row import COLUMNS, Cell, finding_row
from tipclassify.reports.report import ScoringContext, TaggedReport, name_of_report_source

__all__ = [
    "render_findings_csv",
    "render_findings_jsonl",
    "write_findings_csv",
    "write_findings_jsonl",
    "write_findings_parquet",
]

_ROWS_A_GROUP: Final = 10_000  # of Parquet, held in memory at a time


def render_findings_jsonl(report: TaggedReport) -> str:
    """Render a report as JSON Lines, with the fields of `Finding.to_dict`."""
    return "".join(json_line(finding.to_dict()) for finding in report.findings())


def write_findings_jsonl(
    rendered: Iterable[str],
    out: IO[str],
    context: ScoringContext,  # noqa: ARG001
) -> None:
    """Write reports rendered by `render_findings_jsonl`."""
    out.writelines(rendered)


def render_findings_csv(report: TaggedReport) -> str:
    """Render a report as CSV (RFC 4180), with ``'`` before what would run as a formula.

    It has the columns of `COLUMNS`. A file is named without its folder: people pass tables on.
    """
    lines = io.StringIO(newline="")
    writer = csv.writer(lines, lineterminator="\r\n")
    for finding in report.findings():
        cells = finding_row(finding).cells()
        cells["file"] = name_of_report_source(finding.file)
        writer.writerow([_csv_finding_cell(cell) for cell in cells.values()])
    return lines.getvalue()


def _csv_finding_cell(cell: Cell) -> object:
    return f"{cell:.4f}" if isinstance(cell, float) else csv_cell(cell)


def write_findings_csv(rendered: Iterable[str], out: IO[str], context: ScoringContext) -> None:
    """Write the header, and reports rendered by `render_findings_csv`."""
    if context.bom:
        out.write("\ufeff")
    csv.writer(out, lineterminator="\r\n").writerow(COLUMNS)
    out.writelines(rendered)


def write_findings_parquet(
    reports: Iterable[TaggedReport], out: IO[bytes], context: ScoringContext
) -> None:
    """Write the columns of `COLUMNS`; the schema's metadata have `ScoringContext.about`."""
    import pyarrow as pa
    from pyarrow import parquet

    types = {
        name: pa.list_(pa.string()) if kind == "list" else kind for name, kind in COLUMNS.items()
    }
    metadata = {
        f"tipclassify.{name.replace(' ', '.')}": value for name, value in context.about().items()
    }
    schema = pa.schema(types, metadata)
    rows = (finding_row(finding).cells() for report in reports for finding in report.findings())
    with parquet.ParquetWriter(out, schema) as writer:
        while batch := list(islice(rows, _ROWS_A_GROUP)):
            writer.write_table(pa.Table.from_pylist(batch, schema))
