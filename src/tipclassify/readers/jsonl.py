"""JSON lines in: passages that are already split, with whatever fields they carry."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, TypeVar

from tipclassify.errors import InputError

__all__ = ["in_batches", "read_lines", "read_text_rows", "row_of_line", "rows_of_lines"]

_BATCH: Final = 300_000  # bytes or characters scored at a time: memory stays flat however long the file, or its rows

T = TypeVar("T")


def read_text_rows(path: str) -> Iterator[list[dict[str, Any]]]:
    """Rows with a ``text`` field, in batches.

    Raises
    ------
    InputError
        At the first row that is not a JSON object with a text, naming its line, once all before it have come.
    """
    for lines in read_lines(path):
        rows, wrong = rows_of_lines(lines, path)
        if rows:
            yield rows
        if wrong:
            raise wrong


def read_lines(path: str) -> Iterator[list[tuple[int, bytes]]]:
    """Lines that are not blank, with their numbers, in batches.

    Raises
    ------
    InputError
        When the file cannot be read.
    """
    try:
        with open(path, "rb") as file:
            lines = (numbered for numbered in enumerate(file, 1) if numbered[1].strip())
            yield from in_batches(lines, lambda numbered: len(numbered[1]))
    except OSError as error:
        raise InputError(f"{path}: {(error.strerror or str(error)).lower()}; check the path") from None


def in_batches(rows: Iterable[T], size: Callable[[T], int]) -> Iterator[list[T]]:
    """Batches of rows, or of their lines, that are scored together; `size` gives the bytes or characters of one, at least 1."""
    batch: list[T] = []
    held = 0
    for row in rows:
        batch.append(row)
        held += size(row)
        if held >= _BATCH:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch


def rows_of_lines(lines: Iterable[tuple[int, bytes]], path: str) -> tuple[list[dict[str, Any]], InputError | None]:
    """Rows of numbered lines of a file, up to the first that is no JSON object with a text; and the error that names its line."""
    rows: list[dict[str, Any]] = []
    try:
        for number, line in lines:
            rows.append(row_of_line(line, f"{path}:{number}"))
    except InputError as error:
        return rows, error
    return rows, None


def row_of_line(line: bytes, where: str) -> dict[str, Any]:
    """Parse a line that holds a JSON object with a text.

    Raises
    ------
    InputError
        That says what is wrong at `where`.
    """
    try:
        row = json.loads(line.decode().removeprefix("\ufeff"))
    except UnicodeDecodeError:
        raise InputError(f"{where}: not UTF-8; save the file as UTF-8") from None
    except ValueError as error:
        raise InputError(f"{where}: broken JSON ({error}); write one object a line") from None
    if not isinstance(row, dict) or not isinstance(row.get("text"), str):
        raise InputError(f'{where}: no "text" field; write {{"text": "…"}}')
    if not isinstance(row.get("section"), str | None):  # evidence: the heading that the passage is scored under
        raise InputError(f'{where}: "section" is no text; write the heading of the passage, or leave it out')
    return row
