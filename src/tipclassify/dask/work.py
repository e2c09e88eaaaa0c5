"""Tag one part of the inputs on a Dask worker, and keep its Parquet file in the output folder.

A retry writes the same files.
"""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
import threading
from collections.abc import Iterable, Iterator
from functools import cached_property, partial
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from fsspec.utils import seek_delimiter

from tipclassify._version import __version__
from tipclassify.dask.folder import Folder, PartRecord
from tipclassify.dask.parts import Part, Source, describe, part_name
from tipclassify.errors import InputError, MissingExtraError, ModelError, TipclassifyError
from tipclassify.model.classifier import Classifier
from tipclassify.model.find import model_folder
from tipclassify.readers import ReadOptions, read_bytes, read_report
from tipclassify.readers.limits import LARGEST, read_stream
from tipclassify.readers.rows import in_batches, parse_row
from tipclassify.records import Document, Failure, Report
from tipclassify.tagging import Tagging, tag_document, tag_rows
from tipclassify.tagging.inputs import ROWS
from tipclassify.text.columns import ExcessiveParquetError, read_parquet_batches
from tipclassify.write.output import Output
from tipclassify.write.rows import write_parquet

if TYPE_CHECKING:
    import pandas

# of an input row, besides its text
_FIELDS: Final = ("section", "country", "year", "page", "block")
_BLOCK: Final = 2**16  # bytes read at a time in the search for a line end
# a worker has several threads, and `cached_property` locks nothing
_LOADING: Final = threading.Lock()


class Work:
    """Model, options and output folder, which all tasks of a run share.

    It is sent once to each worker, and the model is loaded there.
    """

    def __init__(self, tagging: Tagging, text: str, folder: Folder) -> None:
        self.tagging = tagging
        self.text = text
        self.folder = folder
        # what determines rows, besides the inputs
        self.settings: dict[str, object] = {
            "version": __version__,
            "model": tagging.run().model,
            "policy": tagging.policy,
            "thresholds": dict(tagging.thresholds),
            "unit": tagging.unit,
            "encoding": tagging.read.encoding,
            "text": text,
        }
        files = sorted(model_folder(tagging.model).iterdir())
        self._files = {file.name: file.read_bytes() for file in files if file.is_file()}

    @property
    def classifier(self) -> Classifier:
        """The model, with the run's thresholds, loaded from its bytes once on each worker."""
        with _LOADING:
            return self._classifier

    @cached_property
    def _classifier(self) -> Classifier:
        if self.settings["version"] != __version__:
            versions = f"a worker has tipclassify {__version__}, not {self.settings['version']}"
            raise ModelError(f"{versions}; install the same everywhere")
        with tempfile.TemporaryDirectory(prefix="tipclassify-") as folder:
            for name, data in self._files.items():
                (Path(folder) / name).write_bytes(data)
            return Classifier.load(Path(folder)).with_thresholds(dict(self.tagging.thresholds))

    def __getstate__(self) -> dict[str, object]:
        """Leave out the loaded model, so that one worker can pass this on to another."""
        return {name: value for name, value in vars(self).items() if name != "_classifier"}


def score_part(
    part: Part, partition: pandas.DataFrame | Iterable[object] | None, work: Work
) -> PartRecord:
    """Read, tag and write a part.

    A `partition` is that of a DataFrame, or of a Bag of texts or mappings; None for other parts.
    Its file is named by a hash of its rows, so that unchanged rows are not scored again.
    """
    record = PartRecord(part.name(work.settings), {source.name: 0 for source in part.sources})
    rows: list[dict[str, Any]] = []
    if partition is not None:
        name = part.sources[0].name
        if hasattr(partition, "columns"):
            partition = _rows_of_frame(partition, work.text)
        rows = list(_rows_with_text(partition, work.text, name, record))
        record.name = part_name([work.settings, "rows", name, rows, len(record.failures)])
        if not record.failures and (earlier := work.folder.done([record.name])):
            return earlier[record.name]
    output = Output(work.classifier.run(work.tagging.policy, work.tagging.unit))
    out = io.BytesIO()
    write_parquet(_tagged(part, rows, work, record), out, output)
    work.folder.add(record, out.getvalue())
    return record


def _rows_of_frame(frame: pandas.DataFrame, text: str) -> list[dict[str, object]]:
    """Convert a pandas DataFrame to rows, with None for missing values."""
    known = frame[[name for name in (text, *_FIELDS) if name in frame.columns]]
    return list(known.astype(object).where(known.notna(), None).to_dict("records"))


def _tagged(
    part: Part, rows: list[dict[str, Any]], work: Work, record: PartRecord
) -> Iterator[Report]:
    """Yield the tagged reports of a part; count passages and failures in `record`.

    `rows` are those of a collection.
    """
    for source in part.sources:
        try:
            for report in _tagged_source(source, part, rows, work, record):
                record.inputs[source.name] += len(report.passages)
                record.notes += report.notes
                yield report
        except TipclassifyError as error:
            may_be_installed = isinstance(error, MissingExtraError)
            record.failures.append(Failure(source.name, str(error), retryable=may_be_installed))
        except Exception as error:  # one bad file must not end a job of thousands
            problem = f"{source.name}: {describe(error)}; check the path"
            record.failures.append(Failure(source.name, problem, retryable=True))


def _tagged_source(
    source: Source, part: Part, rows: list[dict[str, Any]], work: Work, record: PartRecord
) -> Iterator[Report]:
    if part.kind == "reports":
        read = partial(_read, source, work.tagging.read)
        yield from tag_document(source.name, read, work.classifier, work.tagging)
        return
    read_rows: Iterable[dict[str, Any]] = rows
    if part.kind == "range":
        read_range = _lines if source.suffix in ROWS else _parquet_rows
        read_rows = read_range(source, part, work.text, record)
    for batch in in_batches(read_rows, lambda row: len(row["text"]) + 1):
        yield tag_rows(source.name, batch, work.classifier, work.tagging.policy)


def _read(source: Source, options: ReadOptions) -> Document:
    if source.fs is None:
        return read_report(source.path, options)
    with _open(source) as file:
        return read_bytes(read_stream(file, source.name), source.name, options)


@contextlib.contextmanager
def _open(source: Source) -> Iterator[IO[bytes]]:
    assert source.fs is not None  # a link has no rows, and `_read` reads its report
    if source.stamp is None and source.fs.info(source.path)["type"] != "file":
        raise InputError(f"{source.name}: a folder, device or socket; give a file")
    with source.fs.open(source.path, "rb") as file:
        yield file


def _lines(source: Source, part: Part, text: str, record: PartRecord) -> Iterator[dict[str, Any]]:
    with _open(source) as file:
        for at, line in lines_of_range(file, part.start, part.end, LARGEST):
            try:
                if line.strip():
                    yield parse_row(line, f"{source.name}, byte {at}", text)
            except InputError as error:
                record.failures.append(Failure(source.name, str(error)))


def lines_of_range(
    file: IO[bytes], start: int, end: int, longest: int
) -> Iterator[tuple[int, bytes]]:
    r"""Yield offset and bytes of each line that begins in ``(start, end]``.

    For `start` 0, those that begin in ``[0, end]``. By this rule of ``dask.bag.read_text``, ranges
    that cover a file have each line exactly once. A line of more than `longest` bytes is truncated
    to ``longest + 1``, which bounds memory.

    >>> list(lines_of_range(io.BytesIO(b"one\ntwo\nthree\n"), 2, 8, 100))
    [(4, b'two\n'), (8, b'three\n')]
    """
    file.seek(start)
    seek_delimiter(file, b"\n", _BLOCK)  # does nothing at 0
    while (at := file.tell()) <= end and (line := file.readline(longest + 1)):
        yield at, line
        if not line.endswith(b"\n"):
            seek_delimiter(file, b"\n", _BLOCK)


def _parquet_rows(
    source: Source, part: Part, text: str, record: PartRecord
) -> Iterator[dict[str, Any]]:
    from pyarrow import parquet

    with _open(source) as file:
        table = parquet.ParquetFile(file)
        columns = [name for name in (text, *_FIELDS) if name in table.schema_arrow.names]
        if text not in columns:
            raise InputError(f'{source.name}: no column "{text}"; say which holds the text')
        groups = []
        for number in range(table.num_row_groups):
            column = table.metadata.row_group(number).column(0)
            start = column.dictionary_page_offset or column.data_page_offset
            if part.start <= start < part.end:
                groups.append(number)
        size = file.seek(0, os.SEEK_END)
        rows = chain.from_iterable(read_parquet_batches(table, size, columns, groups))
        try:
            where = f"from byte {part.start} on, "
            yield from _rows_with_text(rows, text, source.name, record, where)
        except ExcessiveParquetError as error:
            raise InputError(f"{source.name}: {error}; check where it comes from") from None
        except UnicodeDecodeError:
            raise InputError(f"{source.name}: text that is not UTF-8; write it anew") from None


def _rows_with_text(
    rows: Iterable[object], text: str, name: str, record: PartRecord, where: str = ""
) -> Iterator[dict[str, Any]]:
    """Yield the rows that have a text; the others are failures of the input `name`."""
    for number, row in enumerate(rows):
        try:
            yield _known_fields(row, text)
        except ValueError as error:
            record.failures.append(Failure(name, f"{name}, {where}row {number}: {error}"))


def _known_fields(row: Any, text: str) -> dict[str, Any]:  # a row of a user's collection
    """Keep the known fields of a mapping or bare text, with the text as ``text``.

    Raises `ValueError` for another row. Tables have floats for integers.

    >>> _known_fields({"body": "Police acted.", "year": 2024.0, "id": 7}, "body")
    {'text': 'Police acted.', 'year': 2024}
    """
    if isinstance(row, str):
        return {"text": row}
    written = row.get(text) if hasattr(row, "get") else None
    if not isinstance(written, str):
        raise ValueError(f'no "{text}" that is text')
    if not isinstance(row.get("section"), str | None):
        raise ValueError('a "section" that is no text')
    kept: dict[str, Any] = {"text": written}
    for name in _FIELDS:
        if name in row:
            value = row[name]
            is_whole = isinstance(value, float) and value.is_integer()
            kept[name] = int(value) if is_whole else value
    return kept
