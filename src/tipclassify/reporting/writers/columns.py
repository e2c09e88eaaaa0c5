"""Parquet writer: typed columns for pandas, datasets, DuckDB or R."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import IO, Final

from tipclassify.labels import LABELS
from tipclassify.reporting.writers import ScoringContext, TaggedReport, findings
from tipclassify.reporting.writers.cells import COLUMNS, row_of

__all__ = ["write_parquet"]

_ROWS_A_GROUP: Final = 10_000  # held in memory at a time


def write_parquet(reports: Iterable[TaggedReport], out: IO[bytes], context: ScoringContext) -> None:
    """Write the columns of `cells.Row`, with labels as a list.

    The schema's metadata have `ScoringContext.about`, with names such as ``tipclassify.model``, ``tipclassify.policy``.
    """
    import pyarrow as pa
    from pyarrow import parquet

    types = {
        "year": pa.int32(),
        "page": pa.int32(),
        "block": pa.int32(),
        "start": pa.int64(),
        "end": pa.int64(),
        "labels": pa.list_(pa.string()),
        **dict.fromkeys(LABELS, pa.float32()),
        "low_confidence": pa.bool_(),
    }
    schema = pa.schema(
        [(name, types.get(name, pa.string())) for name in COLUMNS],
        {f"tipclassify.{name.replace(' ', '.')}": value for name, value in context.about().items()},
    )
    rows = map(row_of, findings(reports))
    with parquet.ParquetWriter(out, schema) as writer:
        while batch := list(islice(rows, _ROWS_A_GROUP)):
            values = zip(*batch, strict=True)
            columns = [pa.array(column, field.type) for column, field in zip(values, schema, strict=True)]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))
