"""A part in, tagged reports out, on a worker. What cannot be read becomes a failure of one line, and the rest goes on."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any, Final

from tipclassify.errors import InputError, MissingExtraError, TipclassifyError
from tipclassify.model.classifier import Classifier
from tipclassify.pipeline.batch import Tagging
from tipclassify.pipeline.distributed.parts import Failure, Part, Source
from tipclassify.pipeline.distributed.places import what_failed
from tipclassify.pipeline.distributed.ranges import lines_of_range
from tipclassify.readers import read_bytes, read_report
from tipclassify.readers.jsonl import in_batches, row_of_line
from tipclassify.readers.limits import LARGEST
from tipclassify.reporting.writers import TaggedReport
from tipclassify.text.document import Document, Passage

__all__ = ["FIELDS", "Reading", "sound_row"]

FIELDS: Final = ("section", "country", "year", "page", "block")
"""Fields of a row beside its text that a row of the output has."""

_ROWS: Final = 1_000  # of a Parquet file, made of its columns at a time
_READERS: Final = threading.Lock()  # PDFium and the recording of warnings stand one thread a process


@dataclass
class Reading:
    """The reading of one part.

    Attributes
    ----------
    text : str
        Column of a table that holds the text.
    failures : list of Failure
    notes : list of str
        What could not be read in full, one line each.
    rows : dict of str to int
        Passages of each input.
    """

    classifier: Classifier
    tagging: Tagging
    text: str = "text"
    failures: list[Failure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)

    def part(self, part: Part) -> Iterator[TaggedReport]:
        """The tagged reports of a part; for rows, one a batch."""
        if part.kind == "reports":
            for source in part.sources:
                with self._failing(source.name):
                    yield self._report(source)
            return
        (source,) = part.sources
        with self._failing(source.name), _opened(source) as file:
            found = self._lines(source, file, part) if part.kind == "lines" else self._groups(source, file, part)
            yield from self.batches(source.name, found)

    def batches(self, name: str, rows: Iterable[dict[str, Any]]) -> Iterator[TaggedReport]:
        """Rows that are passages already, tagged."""
        self.rows.setdefault(name, 0)
        for batch in in_batches(rows, lambda row: len(row["text"]) + 1):
            split = [Passage(row["text"], 0, len(row["text"]), row.get("section")) for row in batch]
            self.rows[name] += len(batch)
            yield TaggedReport(name, None, self.classifier.tag_passages(split, self.tagging.policy), batch)

    def sound(self, name: str, rows: Iterable[Any], where: str) -> Iterator[dict[str, Any]]:
        """The rows that have a text; the others are failures."""
        for number, row in enumerate(rows):
            try:
                yield sound_row(row, self.text)
            except ValueError as error:
                self.failures.append(Failure(name, f"{name}, {where} {number}: {error}"))

    def _report(self, source: Source) -> TaggedReport:
        data = None if source.fs is None else _all_of(source)
        with _READERS, warnings.catch_warnings(record=True) as doubts:
            warnings.simplefilter("always", UserWarning)
            document = self._document(source, data)
        passages = self.classifier.tag(document, self.tagging.policy, self.tagging.unit)
        self.notes += (str(doubt.message) for doubt in doubts if doubt.category is UserWarning)
        self.rows[source.name] = len(passages)
        return TaggedReport(source.name, document, passages)

    def _document(self, source: Source, data: bytes | None) -> Document:
        if data is None:
            return read_report(source.path, self.tagging.read)
        return read_bytes(data, source.name, self.tagging.read)

    def _lines(self, source: Source, file: IO[bytes], part: Part) -> Iterator[dict[str, Any]]:
        for at, line in lines_of_range(file, part.start, part.end, LARGEST):
            where = f"{source.name}, byte {at}"
            try:
                if len(line) > LARGEST:
                    raise InputError(f"{where}: a line of over {LARGEST / 1e6:.0f} MB; write one object a line")
                if line.strip():
                    yield row_of_line(line, where)
            except InputError as error:
                self.failures.append(Failure(source.name, str(error)))

    def _groups(self, source: Source, file: IO[bytes], part: Part) -> Iterator[dict[str, Any]]:
        from pyarrow import parquet

        table = parquet.ParquetFile(file)
        names = table.schema_arrow.names
        if self.text not in names:
            raise InputError(f'{source.name}: no column "{self.text}"; say which holds the text')
        columns = [name for name in dict.fromkeys((self.text, *FIELDS)) if name in names]
        batches = table.iter_batches(_ROWS, row_groups=list(range(part.start, part.end)), columns=columns)
        rows = (row for batch in batches for row in batch.to_pylist())
        yield from self.sound(source.name, rows, f"from row group {part.start} on, row")

    @contextmanager
    def _failing(self, name: str) -> Iterator[None]:
        """What goes wrong with an input is remembered: one bad file, of whatever kind, ends no job of thousands."""
        try:
            yield
        except TipclassifyError as error:
            self.failures.append(Failure(name, str(error), isinstance(error, MissingExtraError)))
        except Exception as error:
            self.failures.append(Failure(name, f"{name}: {what_failed(error)}; check the path", again=True))


def sound_row(row: Any, text: str) -> dict[str, Any]:
    """The fields of a row that count, its text as ``text``: from a mapping, or from the text alone.

    >>> sound_row({"body": "Police acted.", "year": 2024, "id": 7}, "body")
    {'text': 'Police acted.', 'year': 2024}

    Raises
    ------
    ValueError
        When it has no text, or its section is none.
    """
    if isinstance(row, str):
        return {"text": row}
    written = row.get(text) if hasattr(row, "get") else None
    if not isinstance(written, str):
        raise ValueError(f'no "{text}" that is text')
    if not isinstance(row.get("section"), str | None):
        raise ValueError('a "section" that is no text')
    return {"text": written, **{name: row[name] for name in FIELDS if name in row}}


@contextmanager
def _opened(source: Source) -> Iterator[IO[bytes]]:
    if source.stamp is None and source.fs.info(source.path)["type"] != "file":
        raise InputError(f"{source.name}: a folder, device or socket; give a file")
    with source.fs.open(source.path, "rb") as file:
        yield file


def _all_of(source: Source) -> bytes:
    with _opened(source) as file:
        data: bytes = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise InputError(f"{source.name}: over the limit of {LARGEST / 1e6:.0f} MB; split it")
    return data
