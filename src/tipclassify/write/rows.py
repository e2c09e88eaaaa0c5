"""Rows as JSON Lines, CSV and Parquet: one for each passage."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import IO, Final

from tipclassify.formatting import csv_cell, json_line
from tipclassify.records import Cell, Report, cells, columns, row
from tipclassify.write.output import Output

_ROWS_A_GROUP: Final = 10_000  # of Parquet, held in memory at a time


def write_jsonl(reports: Iterable[Report], out: IO[str], output: Output) -> None:  # noqa: ARG001
    """Write the row of each passage as a JSON object a line."""
    for report in reports:
        out.writelines(json_line(row(report, passage)) for passage in report.passages)


def write_csv(reports: Iterable[Report], out: IO[str], output: Output) -> None:
    """Write the columns of tables as CSV (RFC 4180), with ``'`` before what would be a formula."""
    if output.bom:
        out.write("\ufeff")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns(output.run.labels))
    for table_row in _table_rows(reports, output):
        writer.writerow([_csv_cell(cell) for cell in table_row.values()])


def _csv_cell(cell: Cell) -> object:
    return f"{cell:.4f}" if isinstance(cell, float) else csv_cell(cell)


def write_parquet(reports: Iterable[Report], out: IO[bytes], output: Output) -> None:
    """Write the columns of tables as Parquet; the schema's metadata say what tagged them."""
    import pyarrow as pa
    from pyarrow import parquet

    types = {
        name: pa.list_(pa.string()) if kind == "list" else kind
        for name, kind in columns(output.run.labels).items()
    }
    facts = output.run.about()
    metadata = {f"tipclassify.{name.replace(' ', '.')}": value for name, value in facts.items()}
    schema = pa.schema(types, metadata)
    rows = _table_rows(reports, output)
    with parquet.ParquetWriter(out, schema) as writer:
        while batch := list(islice(rows, _ROWS_A_GROUP)):
            writer.write_table(pa.Table.from_pylist(batch, schema))


def _table_rows(reports: Iterable[Report], output: Output) -> Iterator[dict[str, Cell]]:
    for report in reports:
        for passage in report.passages:
            yield cells(row(report, passage), output.run.labels)
