"""Read the rows of Parquet files within limits.

By its encodings a file of a few bytes may hold billions of equal values, so rows are read in
batches, and what has come out is compared with the size of the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Protocol

__all__ = ["ExcessiveParquetError", "read_parquet_batches"]

_BATCH_ROWS: Final = 1_000
_MAX_RATIO: Final = 200  # of what comes out to the file; text compresses 20 to 1
_MIN_SUSPICIOUS_BYTES: Final = 100_000_000  # below it, a short file of equal rows may be honest


class ParquetRowBatch(Protocol):
    """Rows of a table, as pyarrow holds them."""

    nbytes: int
    num_rows: int

    def to_pylist(self) -> list[dict[str, object]]: ...


class ParquetFile(Protocol):
    """A ``pyarrow.parquet.ParquetFile``; the library gives no types."""

    def iter_batches(
        self,
        batch_size: int,
        row_groups: Sequence[int] | None,
        columns: Sequence[str] | None,
    ) -> Iterable[ParquetRowBatch]: ...


class ExcessiveParquetError(ValueError):
    """A table that takes many times the memory of its file."""


def read_parquet_batches(
    table: ParquetFile,
    file_size: int,
    columns: Sequence[str] | None = None,
    row_groups: Sequence[int] | None = None,
) -> Iterator[list[dict[str, object]]]:
    """Yield rows of a file of `file_size` bytes, in batches.

    Raises `ExcessiveParquetError` where they take over 200 times the size of the file, and 100 MB.
    """
    most = max(_MIN_SUSPICIOUS_BYTES, _MAX_RATIO * file_size)
    read = 0
    for batch in table.iter_batches(_BATCH_ROWS, row_groups, columns):
        # a row of nulls takes no byte of the batch, but takes time
        read += max(batch.nbytes, batch.num_rows)
        if read > most:
            raise ExcessiveParquetError(f"unpacks to over {_MAX_RATIO} times its size")
        yield batch.to_pylist()
