"""Read JSON Lines in batches, so that memory stays constant; each row is a passage."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from typing import IO, Any, Final, TypeVar

from tipclassify.errors import InputError, reason_of_error
from tipclassify.formatting import load_json
from tipclassify.readers.limits import LARGEST, read_bounded, split_zip_path_for_reading

__all__ = [
    "NumberedLine",
    "parse_jsonl_row",
    "read_jsonl_batches",
    "read_jsonl_lines",
    "size_of_jsonl_line",
]

NumberedLine = tuple[int, bytes]
"""Number of a row in its file, from 1, and the row as JSON."""

# bytes or characters a batch; bounds memory for any length of file or row
_BATCH_SIZE: Final = 300_000

T = TypeVar("T")


def read_jsonl_lines(path: str) -> Iterator[list[NumberedLine]]:
    """Read non-blank lines with their numbers, from 1, in batches.

    Raises `InputError` when the file cannot be read.
    """
    try:
        with _open_jsonl_for_reader(path) as file:
            yield from read_jsonl_batches(_numbered_jsonl_lines(file), size_of_jsonl_line)
    except OSError as error:
        raise InputError(f"{path}: {reason_of_error(error)}; check the path") from None


def _numbered_jsonl_lines(file: IO[bytes]) -> Iterator[NumberedLine]:
    """Yield non-blank lines with their numbers; of a line that is too long only the first part."""
    number = 0
    begins_line = True
    while part := file.readline(LARGEST + 1):
        if begins_line:
            number += 1
            if part.strip():
                yield number, part
        begins_line = part.endswith(b"\n")


def size_of_jsonl_line(numbered_line: NumberedLine) -> int:
    """Return the bytes of a row, for `read_jsonl_batches`."""
    _, line = numbered_line
    return len(line)


def _open_jsonl_for_reader(path: str) -> IO[bytes]:
    """Open a file, or one in a zip archive, which is small enough to be read at once."""
    if split_zip_path_for_reading(path):
        return io.BytesIO(read_bounded(path))
    return open(path, "rb")


def read_jsonl_batches(rows: Iterable[T], size: Callable[[T], int]) -> Iterator[list[T]]:
    """Group rows, or their lines, into batches.

    `size` gives the bytes or characters of one, at least 1.
    """
    batch: list[T] = []
    batch_size = 0
    for row in rows:
        batch.append(row)
        batch_size += size(row)
        if batch_size >= _BATCH_SIZE:
            yield batch
            batch = []
            batch_size = 0
    if batch:
        yield batch


def parse_jsonl_row(line: bytes, where: str, column: str = "text") -> dict[str, Any]:
    """Parse one line, a JSON object with a text in the field `column`; the row has it as ``text``.

    Raises `InputError`, beginning with `where`, when it is none.
    """
    if len(line) > LARGEST:
        raise InputError(f"{where}: a line of over {LARGEST / 1e6:.0f} MB; split it")
    try:
        row = load_json(line.removeprefix(b"\xef\xbb\xbf"), strict=False)
    except UnicodeDecodeError:
        raise InputError(f"{where}: not UTF-8; save the file as UTF-8") from None
    except ValueError as error:
        raise InputError(f"{where}: broken JSON ({error}); write one object a line") from None
    if not isinstance(row, dict) or column not in row:
        raise InputError(f'{where}: no "{column}" field; write {{"{column}": "…"}}')
    if not isinstance(row[column], str):
        raise InputError(f'{where}: "{column}" is no text; write {{"{column}": "…"}}')
    if not isinstance(row.get("section"), str | None):  # the section heading is a model input
        remedy = "write the heading of the passage, or leave it out"
        raise InputError(f'{where}: "section" is no text; {remedy}')
    return row if column == "text" else {**row, "text": row[column]}
