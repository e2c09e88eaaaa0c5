"""JSON Lines and CSV writers, whose rows are rendered where passages are tagged, in worker
processes; and Parquet."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from itertools import islice
from typing import IO, Any, Final

from tipclassify.formatting import csv_cell, json_line
from tipclassify.labels import LABELS
from tipclassify.reporting.writers import Finding, ScoringContext, TaggedReport, source_name

__all__ = [
    "COLUMNS",
    "csv_rows",
    "jsonl_rows",
    "row_of",
    "write_csv_rows",
    "write_jsonl_rows",
    "write_parquet",
]

COLUMNS: Final = {
    "file": "string",
    "country": "string",
    "year": "int32",
    "page": "int32",
    "block": "int32",
    "start": "int64",
    "end": "int64",
    "section": "string",
    "text": "string",
    "labels": "list",
    **dict.fromkeys(LABELS, "float32"),  # probabilities, four decimals
    "low_confidence": "bool",
    "kind": "string",  # "sentence" or "table row"
}
"""Columns of CSV, Excel and Parquet, in order, with their types in Parquet."""

# from JSON escapes and file names; UTF-8 cannot encode them
_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_INT32_LIMIT: Final = 2**31
_ROWS_A_GROUP: Final = 10_000  # of Parquet, held in memory at a time


def row_of(finding: Finding) -> dict[str, Any]:
    """Make the row of a finding, by column: the values of JSONL, or None for one that is not of
    its column's type."""
    row = finding.to_dict()
    row |= row.pop("scores")
    return {name: _typed(row[name], kind) for name, kind in COLUMNS.items()}


def _typed(value: Any, kind: str) -> Any:
    if kind == "string":
        return _LONE_SURROGATE.sub("\ufffd", value) if isinstance(value, str) else None
    if kind == "int32":
        if isinstance(value, str) and len(value) < 10 and value.isascii() and value.isdigit():
            return int(value)
        return value if type(value) is int and -_INT32_LIMIT <= value < _INT32_LIMIT else None
    return value


def jsonl_rows(report: TaggedReport) -> str:
    """Render a report as JSON Lines, with the fields of `Finding.to_dict`."""
    return "".join(json_line(finding.to_dict()) for finding in report.findings())


def write_jsonl_rows(made: Iterable[str], out: IO[str], context: ScoringContext) -> None:  # noqa: ARG001
    """Write reports rendered by `jsonl_rows`."""
    out.writelines(made)


def csv_rows(report: TaggedReport) -> str:
    """Render a report as CSV (RFC 4180): the columns of `COLUMNS`, with ``'`` before what would run
    as a formula.

    A file is named without its folder: people pass tables on.
    """
    lines = io.StringIO(newline="")
    writer = csv.writer(lines, lineterminator="\r\n")
    for finding in report.findings():
        row = row_of(finding)
        cells = (row | {"file": source_name(finding.file)}).values()
        writer.writerow(
            f"{cell:.4f}" if isinstance(cell, float) else csv_cell(cell) for cell in cells
        )
    return lines.getvalue()


def write_csv_rows(made: Iterable[str], out: IO[str], context: ScoringContext) -> None:
    """Write the header, and reports rendered by `csv_rows`."""
    if context.bom:
        out.write("\ufeff")
    csv.writer(out, lineterminator="\r\n").writerow(COLUMNS)
    out.writelines(made)


def write_parquet(reports: Iterable[TaggedReport], out: IO[bytes], context: ScoringContext) -> None:
    """Write the columns of `COLUMNS`; the schema's metadata have `ScoringContext.about`."""
    import pyarrow as pa
    from pyarrow import parquet

    types = {
        name: pa.list_(pa.string()) if kind == "list" else kind for name, kind in COLUMNS.items()
    }
    about = {
        f"tipclassify.{name.replace(' ', '.')}": value for name, value in context.about().items()
    }
    schema = pa.schema(types, about)
    rows = (row_of(finding) for report in reports for finding in report.findings())
    with parquet.ParquetWriter(out, schema) as writer:
        while batch := list(islice(rows, _ROWS_A_GROUP)):
            writer.write_table(pa.Table.from_pylist(batch, schema))
