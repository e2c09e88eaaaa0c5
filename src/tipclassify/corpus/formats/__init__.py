"""Convert labelled passages between the formats of annotation tools (``tipclassify corpus convert``).

A file comes in, `Record`s go through, a file goes out; a note, one line of text, names everything a format cannot hold.
Formats: doccano 1.8 (JSONL import), Label Studio ("Basic JSON" tasks), Argilla 2 (``Record.to_dict``), Prodigy (choice
tasks of ``textcat.correct``), fastText (training lines), and corpora as JSONL, CSV and Parquet.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from tipclassify.corpus.formats import tools
from tipclassify.corpus.formats.fasttext import read_fasttext, write_fasttext
from tipclassify.corpus.formats.records import ParsedFile, Record, json_entries, record_of, row_of
from tipclassify.corpus.formats.tables import read_csv, read_parquet, write_csv, write_parquet
from tipclassify.corpus.formats.tools import task_reader, task_writer
from tipclassify.corpus.loading import read_file
from tipclassify.errors import CorpusError

__all__ = ["FORMATS", "FileFormat", "ParsedFile", "Record", "guess_format", "read_records", "record_of", "row_of"]


@dataclass(frozen=True, slots=True)
class FileFormat:
    """Reader and writer of a file format; the writer returns notes on lost data."""

    read: Callable[[Path], ParsedFile]
    write: Callable[[Sequence[Record], IO[bytes]], list[str]]


FORMATS: Final = {
    "jsonl": FileFormat(task_reader(lambda row, given_id, _: record_of(row, given_id)), task_writer(row_of)),
    "csv": FileFormat(read_csv, write_csv),
    "parquet": FileFormat(read_parquet, write_parquet),
    "doccano": FileFormat(task_reader(tools.doccano_entry), task_writer(tools.doccano_task, tools.doccano_losses)),
    "label-studio": FileFormat(
        task_reader(tools.label_studio_entry), task_writer(tools.label_studio_task, as_list=True)
    ),
    "argilla": FileFormat(
        task_reader(tools.argilla_entry), task_writer(tools.argilla_task, tools.argilla_losses, True)
    ),
    "prodigy": FileFormat(task_reader(tools.prodigy_entry), task_writer(tools.prodigy_task)),
    "fasttext": FileFormat(read_fasttext, write_fasttext),
}
"""File formats by the name that ``--to`` and ``--from`` take."""


def read_records(path: Path, format: str | None = None) -> ParsedFile:
    """Read the records of a file in the given format, or in the detected one.

    Raises
    ------
    CorpusError
        With a line for every invalid row, or when the format cannot be detected.
    """
    reading = FORMATS[format or guess_format(path)].read(path)
    if not reading.records:
        raise CorpusError([f"{path}: no passages; check the file"])
    seen: dict[str, int] = {}
    for number, record in enumerate(reading.records, 1):
        if (first := seen.setdefault(record.id, number)) != number:
            what = f"passages {first} and {number} have the same id {record.id!r}; give one another"
            raise CorpusError([f"{path}: {what}"])
    return reading


def guess_format(path: Path) -> str:
    """Detect the format of a file by its content, CSV by its suffix.

    Raises
    ------
    CorpusError
        When it is none of `FORMATS`.
    """
    data = read_file(path)
    if data[:4] == b"PAR1":
        return "parquet"
    if path.suffix.lower() == ".csv":
        return "csv"
    if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"[", b"{"):
        found = _guess_entry(next(json_entries(path), (None, None))[1])
    else:
        found = "fasttext" if any(line.startswith(b"__label__") for line in data[:100_000].splitlines()) else None
    if found is None:
        raise CorpusError([f"{path}: cannot tell the format; name it with --from, one of {', '.join(FORMATS)}"])
    return found


def _guess_entry(entry: Any) -> str | None:
    if not isinstance(entry, dict):
        return None
    if isinstance(entry.get("fields"), dict):
        return "argilla"
    if isinstance(entry.get("data"), dict):
        return "label-studio"
    if {"options", "accept", "answer"} & entry.keys():
        return "prodigy"
    if "label" in entry and "labels" not in entry:
        return "doccano"
    return "jsonl" if "text" in entry else None
