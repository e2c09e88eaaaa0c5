"""JSON lines in: passages that are already split, with whatever fields they carry."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from tipclassify.errors import InputError

__all__ = ["read_text_rows", "row_of_line"]

_DECODER: Final = json.JSONDecoder()
_BATCH: Final = 1_000  # rows scored at a time: memory stays flat however long the file


def read_text_rows(path: str) -> Iterator[list[dict[str, Any]]]:
    """Rows with a ``text`` field, in batches.

    Raises
    ------
    InputError
        At the first row that is not a JSON object with a text, naming its line.
    """
    batch: list[dict[str, Any]] = []
    try:
        with open(path, "rb") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    batch.append(row_of_line(line, f"{path}:{number}"))
                if len(batch) == _BATCH:
                    yield batch
                    batch = []
    except OSError as error:
        raise InputError(f"{path}: {(error.strerror or str(error)).lower()}; check the path") from None
    if batch:
        yield batch


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
