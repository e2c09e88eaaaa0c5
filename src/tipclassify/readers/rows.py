"""Read rows of JSON Lines, CSV and Excel in batches, so that memory stays constant.

Each row is a passage. Rows of tables are numbered lines of JSON, too.
"""

from __future__ import annotations

import csv
import io
import json
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, TypeVar

from tipclassify.errors import InputError, needs_extra, reason_of_error
from tipclassify.formatting import format_numbers, load_json, one_line, unformat_csv_cell
from tipclassify.readers import ReadOptions
from tipclassify.readers.encodings import decode_file
from tipclassify.readers.limits import LARGEST, open_zip, read_bounded, split_zip_path
from tipclassify.records import acronyms_of

NumberedLine = tuple[int, bytes]
"""Number of a row in its file, from 1, and the row as JSON."""

# bytes or characters a batch; bounds memory for any length of file or row
_BATCH_SIZE: Final = 300_000
_MOST_ROWS: Final = 1_048_576  # of a sheet of Excel
# Cells, empty ones before the last of a row and rows before the last included: a few bytes can name
# any place, and all before it would be filled in.
_MOST_CELLS: Final = 50_000_000
# Characters of all cells: each of a few bytes may name a long text that many share.
_MOST_CHARACTERS: Final = 200_000_000

csv.field_size_limit(LARGEST)  # by itself 131,072 characters

T = TypeVar("T")


def in_batches(rows: Iterable[T], size: Callable[[T], int]) -> Iterator[list[T]]:
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


def line_size(line: NumberedLine) -> int:
    """Return the bytes of a row, for `in_batches`."""
    return len(line[1])


# -------------------------------------------------------------------------------- JSON Lines


def read_jsonl(path: str) -> Iterator[list[NumberedLine]]:
    """Read non-blank lines with their numbers, from 1, in batches.

    Raises `InputError` when the file cannot be read.
    """
    try:
        yield from in_batches(_numbered_lines(path), line_size)
    except OSError as error:
        raise InputError(f"{path}: {reason_of_error(error)}; check the path") from None


def _numbered_lines(path: str) -> Iterator[NumberedLine]:
    """Yield non-blank lines with their numbers; of a line that is too long only the first part."""
    is_archived = split_zip_path(path) is not None  # and small enough to be read at once
    number = 0
    begins_line = True
    with io.BytesIO(read_bounded(path)) if is_archived else open(path, "rb") as file:
        while part := file.readline(LARGEST + 1):
            if begins_line:
                number += 1
                if part.strip():
                    yield number, part
            begins_line = part.endswith(b"\n")


def parse_row(line: bytes, where: str, column: str = "text") -> dict[str, Any]:
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
    try:
        acronyms_of(row)
    except ValueError as error:
        raise InputError(f"{where}: {error}") from None
    return row if column == "text" else {**row, "text": row[column]}


# ------------------------------------------------------------------------------------ tables


def read_csv_lines(data: bytes, path: str, options: ReadOptions) -> Iterator[NumberedLine]:
    """Yield the rows of a CSV file that have a text, with their numbers.

    Raises `InputError` when the file is broken, or has no column for the text.
    """
    yield from _as_json(_rows_of_csv(data, path, options.encoding), options.text_column, path)


def read_sheet_lines(data: bytes, path: str, options: ReadOptions) -> Iterator[NumberedLine]:
    """Yield the rows of the first sheet of a workbook, with their numbers."""
    yield from _as_json(_rows_of_sheet(data, path), options.text_column, path)


def _as_json(
    rows: Iterator[tuple[int, Iterable[object]]], text_column: str, path: str
) -> Iterator[NumberedLine]:
    """Yield each row that has a text, as JSON with the names of the first row."""
    _, header = next(rows, (1, ()))
    names = ["" if cell is None else str(cell).strip() for cell in header]
    if text_column not in names:
        named_columns = one_line(", ".join(filter(None, names[:10]))) or "none"
        raise InputError(
            f"{path}: no column {text_column!r} in the first row ({named_columns}); "
            "name one by --text-column"
        )
    without_text: list[int] = []
    for number, cells in rows:
        # a row may have fewer cells than the first, or more, which have no name
        named = zip(names, cells, strict=False)
        row = {name: cell for name, cell in named if name and cell not in (None, "")}
        if "acronyms" in names:  # an empty cell says that there are none
            row.setdefault("acronyms", None)
        for name in (text_column, "section"):  # which are text, even if a cell has a number
            if name in row:
                row[name] = str(row[name])
        if str(row.get(text_column, "")).strip():
            yield number, json.dumps(row, default=str).encode()
        else:
            without_text.append(number)
    if without_text:
        left_out = format_numbers("row", without_text)
        warnings.warn(f"{path}: {left_out} without a text, left out", stacklevel=2)


def guess_delimiter(text: str) -> str:
    """Return the delimiter of a CSV by its header: where the comma is decimal, Excel writes ``;``.

    >>> guess_delimiter("text;labels")
    ';'
    """
    return max(",;\t", key=text.partition("\n")[0].count)


def _rows_of_csv(
    data: bytes, path: str, encoding: str | None
) -> Iterator[tuple[int, Iterable[object]]]:
    """Yield the rows of a CSV file; raise `InputError` where it is broken."""
    text = decode_file(data, path, encoding)
    delimiter = guess_delimiter(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for number, row in enumerate(reader, 1):
            yield number, [unformat_csv_cell(cell) for cell in row]
    except csv.Error as error:
        raise InputError(
            f"{path}:{reader.line_num}: broken CSV ({error}); quote fields with commas or line ends"
        ) from None


def _rows_of_sheet(data: bytes, path: str) -> Iterator[tuple[int, Iterable[object]]]:
    """Yield the rows of the first sheet; raise `InputError` for a damaged or too large one."""
    with needs_extra("reading Excel files", "xlsx"):
        from openpyxl import load_workbook
    open_zip(data, path)
    try:
        with warnings.catch_warnings():  # of styles and the like
            warnings.simplefilter("ignore")
            book = load_workbook(io.BytesIO(data), read_only=True, data_only=True)
            sheet = book.worksheets[0]
        cell_count = 0
        character_count = 0
        for number, cells in enumerate(sheet.iter_rows(values_only=True), 1):
            cell_count += len(cells) + 1
            character_count += sum(len(cell) for cell in cells if isinstance(cell, str))
            if cell_count > _MOST_CELLS or number > _MOST_ROWS:
                raise InputError(
                    f"{path}: has rows or cells beyond what Excel shows, as no table does; "
                    "save it as .csv"
                )
            if character_count > _MOST_CHARACTERS:
                most = f"over {_MOST_CHARACTERS / 1e6:.0f} million characters"
                raise InputError(f"{path}: has {most} in its cells; split it")
            yield number, cells
    except InputError:
        raise
    except Exception:  # whatever a damaged part makes of it
        raise InputError(f"{path}: damaged or no workbook; save it again, or as .csv") from None
