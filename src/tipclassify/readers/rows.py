"""JSON lines in: passages that are already split, with whatever fields they carry."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

from tipclassify.errors import InputError

__all__ = ["read_lines", "read_text_rows", "row_of_line", "rows_of_lines"]

_DECODER: Final = json.JSONDecoder()
_BATCH: Final = 300_000  # bytes of lines scored at a time: memory stays flat however long the file, or its rows


def read_text_rows(path: str) -> Iterator[list[dict[str, Any]]]:
    """Rows with a ``text`` field, in batches.

    Raises
    ------
    InputError
        At the first row that is not a JSON object with a text, naming its line.
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
    batch: list[tuple[int, bytes]] = []
    size = 0
    try:
        with open(path, "rb") as file:
            for numbered in enumerate(file, 1):
                if numbered[1].strip():
                    batch.append(numbered)
                    size += len(numbered[1])
                if size >= _BATCH:
                    yield batch
                    batch, size = [], 0
    except OSError as error:
        raise InputError(f"{path}: {(error.strerror or str(error)).lower()}; check the path") from None
    if batch:
        yield batch


def rows_of_lines(lines: Iterable[tuple[int, bytes]], path: str) -> tuple[list[dict[str, Any]], InputError | None]:
    """The rows that numbered lines of a file hold, up to the first that is not a JSON object with a text, and what is wrong with
    that one, its line named.
    """
    rows: list[dict[str, Any]] = []
    try:
        for number, line in lines:
            rows.append(row_of_line(line, f"{path}:{number}"))
    except InputError as error:
        return rows, error
    return rows, None


def row_of_line(line: bytes, where: str) -> dict[str, Any]:
    try:
        row = _value(line)
    except UnicodeDecodeError:
        raise InputError(f"{where}: not UTF-8; save the file as UTF-8") from None
    except ValueError as error:
        raise InputError(f"{where}: broken JSON ({error}); write one object a line") from None
    if not isinstance(row, dict) or not isinstance(row.get("text"), str):
        raise InputError(f'{where}: no "text" field; write {{"text": "…"}}')
    return row


def _value(line: bytes) -> Any:
    """What a line says. The decoder without what `json.loads` does around it takes half the time."""
    text = line.decode().removeprefix("\ufeff")
    if text[:1] == "{":
        value, end = _DECODER.raw_decode(text)
        if text[end:] in ("\n", "\r\n", ""):
            return value
    return json.loads(text)  # white space around it, or the words for what is wrong
