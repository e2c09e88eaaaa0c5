"""JSON Lines and CSV writers, whose rows are rendered where passages are tagged, in worker processes; and Parquet."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from itertools import islice
from typing import IO, Any, Final, NamedTuple

from tipclassify.formatting import csv_cell, json_line
from tipclassify.labels import LABELS
from tipclassify.reporting.writers import Finding, RenderedRows, ScoringContext, TaggedReport

__all__ = ["COLUMNS", "Row", "csv_rows", "jsonl_rows", "row_of", "write_csv_rows", "write_jsonl_rows", "write_parquet"]

_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")  # from JSON escapes and file names; UTF-8 cannot encode them
_INT32_LIMIT: Final = 2**31
_ROWS_A_GROUP: Final = 10_000  # of Parquet, held in memory at a time


class Row(NamedTuple):
    """Columns of CSV, Excel and Parquet, in order; fields of an input row fill those that a document lacks."""

    file: str
    country: str | None
    year: int | None
    page: int | None
    block: int | None
    start: int
    end: int
    section: str | None
    text: str
    labels: tuple[str, ...]  # joined by ";" in formats without lists
    positive_effort: float  # probability, four decimals
    failure: float
    complicity: float
    low_confidence: bool


COLUMNS: Final = Row._fields


def row_of(finding: Finding) -> Row:
    """Convert a finding to a row: the values of JSONL, each of its column's type."""
    row = finding.to_dict()
    return Row(
        file=_LONE_SURROGATE.sub("\ufffd", row["file"]),
        country=_text(row["country"]),
        year=_whole(row["year"]),
        page=_whole(row["page"]),
        block=_whole(row["block"]),
        start=row["start"],
        end=row["end"],
        section=_text(row["section"]),
        text=_LONE_SURROGATE.sub("\ufffd", row["text"]),
        labels=tuple(row["labels"]),
        low_confidence=bool(row["low_confidence"]),
        **row["scores"],
    )


def _text(value: Any) -> str | None:
    return _LONE_SURROGATE.sub("\ufffd", value) if isinstance(value, str) else None


def _whole(value: Any) -> int | None:
    """Convert to a 32-bit integer, also from text (``"2024"``); None for anything else."""
    if isinstance(value, str) and len(value) < 10 and value.isascii() and value.isdigit():
        return int(value)
    return value if type(value) is int and -_INT32_LIMIT <= value < _INT32_LIMIT else None


def jsonl_rows(report: TaggedReport) -> RenderedRows:
    """Render a report as JSON Lines, with the fields of `Finding.to_dict`."""
    return RenderedRows("".join(json_line(finding.to_dict()) for finding in report.findings()), report.notes)


def write_jsonl_rows(made: Iterable[RenderedRows], out: IO[str], context: ScoringContext) -> None:  # noqa: ARG001
    """Write reports rendered by `jsonl_rows`."""
    out.writelines(rows.text for rows in made)


def csv_rows(report: TaggedReport) -> RenderedRows:
    """Render a report as CSV (RFC 4180): the columns of `Row`, with ``'`` before what would run as a formula."""
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


def write_parquet(reports: Iterable[TaggedReport], out: IO[bytes], context: ScoringContext) -> None:
    """Write the columns of `Row`, with labels as a list; the schema's metadata have `ScoringContext.about`."""
    import pyarrow as pa
    from pyarrow import parquet

    types = {
        **dict.fromkeys(("year", "page", "block"), pa.int32()),
        **dict.fromkeys(("start", "end"), pa.int64()),
        "labels": pa.list_(pa.string()),
        **dict.fromkeys(LABELS, pa.float32()),
        "low_confidence": pa.bool_(),
    }
    schema = pa.schema(
        [(name, types.get(name, pa.string())) for name in COLUMNS],
        {f"tipclassify.{name.replace(' ', '.')}": value for name, value in context.about().items()},
    )
    rows = (row_of(finding) for report in reports for finding in report.findings())
    with parquet.ParquetWriter(out, schema) as writer:
        while batch := list(islice(rows, _ROWS_A_GROUP)):
            values = zip(*batch, strict=True)
            columns = [pa.array(column, field.type) for column, field in zip(values, schema, strict=True)]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))
