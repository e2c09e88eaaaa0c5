"""Convert labelled passages between the formats of annotation tools.

In: a file of one of `FORMATS`. Out: `Record`s, and files of another format. Writers return a note
for each thing that their format cannot hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from tipclassify.corpus.formats import records, tools
from tipclassify.corpus.formats.records import Record
from tipclassify.corpus.row_files import (
    NumberedRow,
    RowError,
    corpus_csv_rows,
    corpus_parquet_rows,
    read_corpus_file,
)
from tipclassify.errors import CorpusError
from tipclassify.formatting import json_line

__all__ = ["FORMATS", "FileFormat", "Record", "guess_corpus_format", "read_records"]


@dataclass(frozen=True, slots=True)
class FileFormat:
    """Functions that read and write a file format."""

    entries: Callable[[Path], Iterable[NumberedRow]]
    parse: Callable[[object, str], Record]  # of an entry, and the id of a record without one
    write: Callable[[Sequence[Record], IO[bytes]], list[str]]  # returns notes on lost data


def _no_lost_annotations(_: Sequence[Record]) -> list[str]:
    return []


def _json_annotation_format(
    parse: Callable[[object, str], Record],
    task: Callable[[Record], dict[str, object]],
    losses: Callable[[Sequence[Record]], list[str]] = _no_lost_annotations,
    as_list: bool = False,
) -> FileFormat:
    """Make a format of JSON lines, or of one JSON list, from functions on a single entry."""

    def write_annotations(written: Sequence[Record], out: IO[bytes]) -> list[str]:
        lines = [json_line(task(record)).rstrip("\n") for record in written]
        text = "\n".join(lines)
        if as_list:
            text = "[" + ",\n".join(lines) + "]"
        out.write(f"{text}\n".encode())
        return losses(written)

    return FileFormat(records.corpus_json_entries, parse, write_annotations)


FORMATS: Final = {
    "jsonl": _json_annotation_format(records.parse_corpus_json_row, records.corpus_row),
    "csv": FileFormat(corpus_csv_rows, records.parse_corpus_table_row, records.write_corpus_csv),
    "parquet": FileFormat(
        corpus_parquet_rows, records.parse_corpus_table_row, records.write_corpus_parquet
    ),
    "doccano": _json_annotation_format(
        tools.parse_doccano, tools.doccano_task, tools.doccano_losses
    ),
    "label-studio": _json_annotation_format(
        tools.parse_label_studio, tools.label_studio_task, as_list=True
    ),
    "prodigy": _json_annotation_format(tools.parse_prodigy, tools.prodigy_task),
}
"""File formats by the name that ``--to`` and ``--from`` take."""


def read_records(path: Path, format: str | None = None) -> list[Record]:
    """Read the records of a file in the given format, or in the detected one.

    Raises `CorpusError` with a line for every invalid row, or when the format cannot be detected.
    """
    name = format or guess_corpus_format(path)
    if name == "doccano" and path.suffix.lower() == ".csv":  # doccano exports those too
        name = "csv"
    file_format = FORMATS[name]
    read: list[Record] = []
    number_of_id: dict[str, int] = {}
    problems = []
    for number, (where, entry) in enumerate(file_format.entries(path), 1):
        try:
            if isinstance(entry, RowError):
                raise entry
            record = file_format.parse(entry, f"{path.stem}-{number}")
            first = number_of_id.setdefault(record.id, number)
            if first != number:
                raise RowError(
                    f"passages {first} and {number} have the same id {record.id!r}; "
                    "give one another"
                )
            read.append(record)
        except RowError as error:
            problems.append(f"{where}: {error}")
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            problems.append(f"{where}: not an entry of this format ({error}); export it anew")
    if problems or not read:
        raise CorpusError(problems or [f"{path}: no passages; check the file"])
    return read


def guess_corpus_format(path: Path) -> str:
    """Detect the format of a file by its content, CSV by its suffix.

    Raises `CorpusError` for a file of none of `FORMATS`.
    """
    data = read_corpus_file(path)
    if data[:4] == b"PAR1":
        return "parquet"
    if path.suffix.lower() == ".csv":
        return "csv"
    if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"[", b"{"):
        _, first = next(records.corpus_json_entries(path), ("", None))
        entry = first if isinstance(first, dict) else {}
        if isinstance(entry.get("data"), dict):
            return "label-studio"
        if {"options", "accept", "answer"} & entry.keys():
            return "prodigy"
        if "label" in entry and "labels" not in entry:
            return "doccano"
        if "text" in entry:
            return "jsonl"
    raise CorpusError(
        [f"{path}: cannot tell the format; name it with --from, one of {', '.join(FORMATS)}"]
    )
