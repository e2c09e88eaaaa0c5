"""Take passages as users hold them: in lists, generators, columns of tables, and Parquet files.

Tables are those of pandas, polars, Arrow and datasets. A Parquet file of a few bytes may, by its
encodings, hold billions of equal values: so rows are read in batches, and what has come out is
compared with the size of the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Protocol

from tipclassify.records import Passage

_BATCH_ROWS: Final = 1_000
_MAX_RATIO: Final = 200  # of what comes out to the file; text compresses 20 to 1
_MIN_SUSPICIOUS_BYTES: Final = 100_000_000  # below it, a short file of equal rows may be honest


class ColumnTable(Protocol):
    """Table of pandas, polars, Arrow or datasets: its columns by name."""

    def __getitem__(self, name: str, /) -> object: ...


def table_columns(values: object) -> list[str] | None:
    """Return the names of a table's columns; None for anything else."""
    for attribute in ("column_names", "columns"):
        names = getattr(values, attribute, None)
        if names is not None and not isinstance(values, str | bytes | type):
            return [str(name) for name in names]
    return None


def refuse_table(values: object, name: str) -> None:
    """Raise `TypeError` for a table or a dict of columns, since a loop over it gives their names.

    `name` is that of the argument, for the message.
    """
    names = list(map(str, values)) if isinstance(values, Mapping) else table_columns(values)
    if names is None:
        return
    column = "text" if "text" in names or not names else names[0]
    kind = type(values).__name__ if isinstance(values, Mapping) else "table"
    raise TypeError(f"{name} is a {kind}: give the column of texts, such as {name}[{column!r}]")


def column_values(values: object, name: str) -> list[object]:
    """Return the elements of a list, a generator or a column of a table as plain Python values.

    Raises `TypeError`, with the argument's `name`, for a bare string, a table, or anything without
    elements.

    >>> column_values((word for word in ("a", "b")), "X")
    ['a', 'b']
    """
    if isinstance(values, list):
        return values
    refuse_table(values, name)
    if isinstance(values, str | bytes | bytearray) or not isinstance(values, Iterable):
        raise TypeError(f"{name} is a bare {type(values).__name__}: give a list of passages")
    for method in ("to_pylist", "to_list", "tolist"):  # Arrow; polars and pandas; numpy
        if hasattr(values, method):
            elements = getattr(values, method)()
            if not isinstance(elements, list):  # an array without dimensions
                kind = type(elements).__name__
                raise TypeError(f"{name} is a bare {kind}: give a list of passages")
            return elements
    return list(values)


def texts_or_passages(values: object, name: str) -> list[str | Passage]:
    """Return the elements; raise `TypeError` for the first that is not a `str` or `Passage`."""
    passages = []
    for number, element in enumerate(column_values(values, name)):
        if not isinstance(element, str | Passage):
            kind = f"{type(element).__name__}: {element!r:.40}"
            raise TypeError(f"passage {number} is not a str or Passage but {kind}; leave it out")
        passages.append(element)
    return passages


def texts_as_passages(values: object, name: str = "X") -> list[Passage]:
    """Convert texts to passages without a section; errors as of `texts_or_passages`.

    >>> [passage.end for passage in texts_as_passages(["Police acted."])]
    [13]
    """
    return [
        Passage(passage, 0, len(passage)) if isinstance(passage, str) else passage
        for passage in texts_or_passages(values, name)
    ]


class ParquetRowBatch(Protocol):
    """Rows of a table, as pyarrow holds them."""

    nbytes: int
    num_rows: int

    def to_pylist(self) -> list[dict[str, object]]: ...


class ParquetFile(Protocol):
    """A ``pyarrow.parquet.ParquetFile``; the library gives no types."""

    def iter_batches(self, batch_size: int) -> Iterable[ParquetRowBatch]: ...


class ExcessiveParquetError(ValueError):
    """A table that takes many times the memory of its file."""


def read_parquet_batches(table: ParquetFile, file_size: int) -> Iterator[list[dict[str, object]]]:
    """Yield rows of a file of `file_size` bytes, in batches.

    Raises `ExcessiveParquetError` where they take over 200 times the size of the file, and 100 MB.
    """
    most = max(_MIN_SUSPICIOUS_BYTES, _MAX_RATIO * file_size)
    read = 0
    for batch in table.iter_batches(_BATCH_ROWS):
        # a row of nulls takes no byte of the batch, but takes time
        read += max(batch.nbytes, batch.num_rows)
        if read > most:
            raise ExcessiveParquetError(f"unpacks to over {_MAX_RATIO} times its size")
        yield batch.to_pylist()
