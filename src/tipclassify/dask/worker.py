"""Score one part of the inputs on a Dask worker: a part in, its Parquet file and record out.

A retry writes the same files.
"""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property, partial
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from fsspec.utils import seek_delimiter

from tipclassify._version import __version__
from tipclassify.dask.folder import (
    ClusterOutputFolder,
    PartRecord,
    describe_cluster_error,
)
from tipclassify.dask.inputs import ClusterSource, InputPart, part_name
from tipclassify.errors import InputError, MissingExtraError, ModelError, TipclassifyError
from tipclassify.model.classifier import Classifier
from tipclassify.model.find import model_folder
from tipclassify.readers import ReadOptions, read_bytes, read_report
from tipclassify.readers.limits import LARGEST, read_stream
from tipclassify.readers.rows import in_batches, parse_row
from tipclassify.records import Document, Failure, Report
from tipclassify.tagging import Tagging, tag_document, tag_rows
from tipclassify.tagging.inputs import ROWS
from tipclassify.text.parquet import ExcessiveParquetError, read_parquet_batches
from tipclassify.write.output import Output
from tipclassify.write.rows import write_parquet

if TYPE_CHECKING:
    import pandas

__all__ = ["Work", "lines_of_part_range", "score_cluster_part"]

# of an input row, besides its text
_FIELDS: Final = ("section", "country", "year", "page", "block")
_BLOCK: Final = 2**16  # bytes read at a time in the search for a line end
# a worker has several threads, and `cached_property` locks nothing
_LOADING: Final = threading.Lock()


class Work:
    """Model, options and output folder, which all tasks of a run share.

    It is sent once to each worker, and the model is loaded there.
    """

    def __init__(self, tagging: Tagging, text: str, folder: ClusterOutputFolder) -> None:
        model = model_folder(tagging.model)
        self.tagging = tagging
        self.text = text
        self.folder = folder
        # what determines rows, besides the inputs
        self.settings: dict[str, object] = {
            "version": __version__,
            "model": str(tagging.classifier().meta["sha256"]),
            "policy": tagging.policy,
            "thresholds": dict(tagging.thresholds),
            "unit": tagging.unit,
            "encoding": tagging.read.encoding,
            "text": text,
        }
        self._files = {
            file.name: file.read_bytes() for file in sorted(model.iterdir()) if file.is_file()
        }

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


def score_cluster_part(
    part: InputPart, partition: pandas.DataFrame | Iterable[object] | None, work: Work
) -> PartRecord:
    """Read, tag and write a part.

    A `partition` is that of a DataFrame, or of a Bag of texts or mappings; None for other parts.
    Its file is named by a hash of its rows, so that unchanged rows are not scored again.
    """
    output = Output(work.classifier.run(work.tagging.policy, work.tagging.unit))
    record = PartRecord(part.name(work.settings), {source.name: 0 for source in part.sources})
    rows: list[dict[str, Any]] = []
    if partition is not None:
        name = part.sources[0].name
        if hasattr(partition, "columns"):
            partition = _rows_of_dask_partition(partition, work.text)
        rows = list(_worker_rows_with_text(partition, work.text, name, record))
        record.name = part_name([work.settings, "rows", name, rows, len(record.failures)])
        if not record.failures and (earlier := work.folder.done([record.name])):
            return earlier[record.name]
    out = io.BytesIO()
    write_parquet(_tagged_reports_of_part(part, rows, work, record), out, output)
    data = out.getvalue()
    record.bytes = len(data)
    record.sha256 = hashlib.sha256(data).hexdigest()
    work.folder.add(record, data)
    return record


def _tagged_reports_of_part(
    part: InputPart, rows: list[dict[str, Any]], work: Work, record: PartRecord
) -> Iterator[Report]:
    """Yield the tagged reports of a part, or one for each batch of its rows.

    `rows` are those of a collection. Counts passages and failures in `record`.
    """
    for source in part.sources:
        try:
            for report in _tagged_reports_of_cluster_source(source, part, rows, work, record):
                record.inputs[source.name] += len(report.passages)
                record.notes += report.notes
                yield report
        except TipclassifyError as error:
            may_be_installed = isinstance(error, MissingExtraError)
            record.failures.append(Failure(source.name, str(error), retryable=may_be_installed))
        except Exception as error:  # one bad file must not end a job of thousands
            problem = f"{source.name}: {describe_cluster_error(error)}; check the path"
            record.failures.append(Failure(source.name, problem, retryable=True))


def _tagged_reports_of_cluster_source(
    source: ClusterSource,
    part: InputPart,
    rows: list[dict[str, Any]],
    work: Work,
    record: PartRecord,
) -> Iterator[Report]:
    """Yield the tagged reports of one input of a part."""
    if part.kind == "reports":
        read = partial(_read_report_on_cluster_worker, source, work.tagging.read)
        yield from tag_document(source.name, read, work.classifier, work.tagging)
        return
    read_rows: Iterable[dict[str, Any]]
    if part.kind == "rows":
        read_rows = rows
    elif source.suffix in ROWS:
        read_rows = _read_lines_on_cluster_worker(source, part, work.text, record)
    else:
        read_rows = _read_parquet_on_cluster_worker(source, part, work.text, record)
    for batch in in_batches(read_rows, lambda row: len(row["text"]) + 1):
        yield tag_rows(source.name, batch, work.classifier, work.tagging.policy)


def _read_report_on_cluster_worker(source: ClusterSource, options: ReadOptions) -> Document:
    if source.fs is None:
        return read_report(source.path, options)
    with _open_cluster_source(source) as file:
        return read_bytes(read_stream(file, source.name), source.name, options)


@contextmanager
def _open_cluster_source(source: ClusterSource) -> Iterator[IO[bytes]]:
    # a link has no rows, and `_read_report_on_cluster_worker` reads its report
    assert source.fs is not None
    if source.stamp is None and source.fs.info(source.path)["type"] != "file":
        raise InputError(f"{source.name}: a folder, device or socket; give a file")
    with source.fs.open(source.path, "rb") as file:
        yield file


def _read_lines_on_cluster_worker(
    source: ClusterSource, part: InputPart, text: str, record: PartRecord
) -> Iterator[dict[str, Any]]:
    with _open_cluster_source(source) as file:
        for at, line in lines_of_part_range(file, part.start, part.end, LARGEST):
            try:
                if line.strip():
                    yield parse_row(line, f"{source.name}, byte {at}", text)
            except InputError as error:
                record.failures.append(Failure(source.name, str(error)))


def lines_of_part_range(
    file: IO[bytes], start: int, end: int, longest: int
) -> Iterator[tuple[int, bytes]]:
    r"""Yield offset and bytes of each line that begins in ``(start, end]``.

    For `start` 0, those that begin in ``[0, end]``. By this rule of ``dask.bag.read_text``, ranges
    that cover a file have each line exactly once. A line of more than `longest` bytes is truncated
    to ``longest + 1``, which bounds memory.

    >>> list(lines_of_part_range(io.BytesIO(b"one\ntwo\nthree\n"), 2, 8, 100))
    [(4, b'two\n'), (8, b'three\n')]
    """
    file.seek(start)
    seek_delimiter(file, b"\n", _BLOCK)  # does nothing at 0
    while (at := file.tell()) <= end and (line := file.readline(longest + 1)):
        yield at, line
        if not line.endswith(b"\n"):
            seek_delimiter(file, b"\n", _BLOCK)


def _read_parquet_on_cluster_worker(
    source: ClusterSource, part: InputPart, text: str, record: PartRecord
) -> Iterator[dict[str, Any]]:
    from pyarrow import parquet

    with _open_cluster_source(source) as file:
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
        batches = read_parquet_batches(table, size, columns, groups)
        rows = chain.from_iterable(batches)
        try:
            yield from _worker_rows_with_text(
                rows, text, source.name, record, f"from byte {part.start} on, "
            )
        except ExcessiveParquetError as error:
            raise InputError(f"{source.name}: {error}; check where it comes from") from None
        except UnicodeDecodeError:
            raise InputError(f"{source.name}: text that is not UTF-8; write it anew") from None


def _rows_of_dask_partition(frame: pandas.DataFrame, text: str) -> list[dict[str, object]]:
    """Convert a pandas DataFrame to rows, with None for missing values."""
    known = frame[[name for name in (text, *_FIELDS) if name in frame.columns]]
    return list(known.astype(object).where(known.notna(), None).to_dict("records"))


def _worker_rows_with_text(
    rows: Iterable[object], text: str, name: str, record: PartRecord, where: str = ""
) -> Iterator[dict[str, Any]]:
    """Yield the rows that have a text; the others are failures of the input `name`."""
    for number, row in enumerate(rows):
        try:
            yield _known_fields_of_worker_row(row, text)
        except ValueError as error:
            record.failures.append(Failure(name, f"{name}, {where}row {number}: {error}"))


# Any: a row of a user's collection
def _known_fields_of_worker_row(row: Any, text: str) -> dict[str, Any]:
    """Keep the known fields of a mapping or bare text, with the text as ``text``.

    Raises `ValueError` for another row. Tables have floats for integers.

    >>> _known_fields_of_worker_row({"body": "Police acted.", "year": 2024.0, "id": 7}, "body")
    {'text': 'Police acted.', 'year': 2024}
    """
    if isinstance(row, str):
        return {"text": row}
    written = row.get(text) if hasattr(row, "get") else None
    if not isinstance(written, str):
        raise ValueError(f'no "{text}" that is text')
    if not isinstance(row.get("section"), str | None):
        raise ValueError('a "section" that is no text')
    kept = {name: row[name] for name in _FIELDS if name in row}
    whole = {
        name: int(value)
        for name, value in kept.items()
        if isinstance(value, float) and value.is_integer()
    }
    return {"text": written, **kept, **whole}
