"""Convert labelled passages between the formats of annotation tools; a note names everything a
format cannot hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from tipclassify.corpus.formats import records as of
from tipclassify.corpus.formats import tools
from tipclassify.corpus.formats.records import Record
from tipclassify.corpus.loading import (
    NumberedRow,
    RowError,
    csv_rows,
    parquet_rows,
    read_file,
    text_lines,
)
from tipclassify.errors import CorpusError
from tipclassify.formatting import json_line

__all__ = ["FORMATS", "FileFormat", "Record", "guess_format", "read_records"]


@dataclass(frozen=True, slots=True)
class FileFormat:
    """Entries of a file, a parser of one entry and its default id, and a writer that returns
    notes on losses."""

    entries: Callable[[Path], Iterable[NumberedRow]]
    parse: Callable[[Any, str], Record]
    write: Callable[[Sequence[Record], IO[bytes]], list[str]]


def _json(
    parse: Callable[[Any, str], Record],
    task: Callable[[Record], dict[str, Any]],
    losses: Callable[[Sequence[Record]], list[str]] = lambda _: [],
    as_list: bool = False,
) -> FileFormat:
    start, between, end = ("[", ",\n", "]\n") if as_list else ("", "\n", "\n")

    def write(records: Sequence[Record], out: IO[bytes]) -> list[str]:
        lines = (json_line(task(record)).rstrip("\n") for record in records)
        out.write(f"{start}{between.join(lines)}{end}".encode())
        return losses(records)

    return FileFormat(of.json_entries, parse, write)


FORMATS: Final = {
    "jsonl": _json(of.record_of, of.corpus_row),
    "csv": FileFormat(csv_rows, of.table_record, of.write_csv),
    "parquet": FileFormat(parquet_rows, of.table_record, of.write_parquet),
    "doccano": _json(tools.doccano_entry, tools.doccano_task, tools.doccano_losses),
    "label-studio": _json(tools.label_studio_entry, tools.label_studio_task, as_list=True),
    "argilla": _json(tools.argilla_entry, tools.argilla_task, tools.argilla_losses, as_list=True),
    "prodigy": _json(tools.prodigy_entry, tools.prodigy_task),
    "fasttext": FileFormat(text_lines, of.fasttext_record, of.write_fasttext),
}
"""File formats by the name that ``--to`` and ``--from`` take."""


def read_records(path: Path, format: str | None = None) -> list[Record]:
    """Read the records of a file in the given format, or in the detected one.

    Raises `CorpusError` with a line for every invalid row, or when the format cannot be detected.
    """
    table = format == "doccano" and path.suffix.lower() == ".csv"  # doccano exports those too
    kind = FORMATS["csv" if table else format or guess_format(path)]
    records: dict[str, Record] = {}
    problems = []
    for number, (where, entry) in enumerate(kind.entries(path), 1):
        try:
            if isinstance(entry, RowError):
                raise entry
            record = kind.parse(entry, f"{path.stem}-{number}")
            if records.setdefault(record.id, record) is not record:
                first = list(records).index(record.id) + 1
                raise RowError(
                    f"passages {first} and {number} have the same id {record.id!r}; give one another"
                )
        except RowError as error:
            problems.append(f"{where}: {error}")
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            problems.append(f"{where}: not an entry of this format ({error}); export it anew")
    if problems or not records:
        raise CorpusError(problems or [f"{path}: no passages; check the file"])
    return list(records.values())


def guess_format(path: Path) -> str:
    """Detect the format of a file by its content, CSV by its suffix; raise `CorpusError` if it
    is none of `FORMATS`."""
    data = read_file(path)
    if data[:4] == b"PAR1":
        return "parquet"
    if path.suffix.lower() == ".csv":
        return "csv"
    if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"[", b"{"):
        first = next(iter(of.json_entries(path)), ("", None))[1]
        entry = first if isinstance(first, dict) else {}
        if isinstance(entry.get("fields"), dict):
            return "argilla"
        if isinstance(entry.get("data"), dict):
            return "label-studio"
        if {"options", "accept", "answer"} & entry.keys():
            return "prodigy"
        if "label" in entry and "labels" not in entry:
            return "doccano"
        if "text" in entry:
            return "jsonl"
    elif any(line.startswith(b"__label__") for line in data[:100_000].splitlines()):
        return "fasttext"
    raise CorpusError(
        [f"{path}: cannot tell the format; name it with --from, one of {', '.join(FORMATS)}"]
    )
