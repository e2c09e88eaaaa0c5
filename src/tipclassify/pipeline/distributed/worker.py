"""Work of a Dask worker: one part of the inputs in, its Parquet file and record out; a retry writes the same files.

An unreadable input becomes a one-line failure and the rest continues. The model's bytes are sent once to each worker
process, including workers that join later.
"""

from __future__ import annotations

import hashlib
import io
import json
import tempfile
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

from distributed import WorkerPlugin, get_worker
from fsspec.utils import seek_delimiter

from tipclassify._version import __version__
from tipclassify.errors import InputError, MissingExtraError, ModelError, TipclassifyError
from tipclassify.model.classifier import Classifier
from tipclassify.model.loading import model_folder
from tipclassify.pipeline.batch import Tagging, tag_document, tag_rows
from tipclassify.pipeline.distributed.inputs import Part, Source, part_name
from tipclassify.pipeline.distributed.places import Place, describe_error, write_whole
from tipclassify.readers import ReadOptions, read_bytes, read_report
from tipclassify.readers.jsonl import in_batches, parse_row
from tipclassify.readers.limits import LARGEST
from tipclassify.reporting.writers import ScoringContext, TaggedReport
from tipclassify.reporting.writers.rows import write_parquet
from tipclassify.text.document import Document

__all__ = ["Failure", "ModelPlugin", "Record", "Work", "lines_of_range", "read_record", "score_part", "write_record"]

_FIELDS: Final = ("section", "country", "year", "page", "block")  # of an input row, besides its text
_BATCH_ROWS: Final = 1_000  # rows of a Parquet file converted at a time
_BLOCK: Final = 2**16  # bytes read at a time in the search for a line end


class Failure(NamedTuple):
    """An input or row that could not be read, with a one-line error."""

    input: str
    error: str
    again: bool = False  # retryable: the network, a missing package or a killed process was the cause


@dataclass(frozen=True, slots=True)
class Record:
    """A finished part: its file, as in the manifest, and its failures."""

    name: str  # of its passage file, without suffix
    inputs: Mapping[str, int]  # number of rows in the file, by input
    bytes: int = 0  # 0 if there is no file
    sha256: str = ""
    failures: tuple[Failure, ...] = ()
    notes: tuple[str, ...] = ()  # readers' warnings, one line each
    made: bool = True  # False if an earlier run wrote the file

    @property
    def rows(self) -> int:
        """Number of rows in the file."""
        return sum(self.inputs.values())


class ModelPlugin(WorkerPlugin):  # type: ignore[misc]
    """Dask plugin that loads a model, given by name or path, on each worker until it is unregistered.

    Raises
    ------
    ModelError
        When the model cannot be used.
    """

    def __init__(self, path: str | None) -> None:
        folder = model_folder(path)
        self.sha256 = str(Classifier.load(folder).meta["sha256"])
        self.name = f"tipclassify-{self.sha256[:12]}-{uuid.uuid4().hex[:12]}"
        self._version = __version__
        self._files = {file.name: file.read_bytes() for file in sorted(folder.iterdir()) if file.is_file()}
        self._loaded: Classifier | None = None

    def setup(self, worker: Any) -> None:  # noqa: ARG002
        """Load the model from its bytes.

        Raises
        ------
        ModelError
            When the worker's tipclassify version differs from the sender's.
        """
        if self._version != __version__:
            raise ModelError(
                f"a worker has tipclassify {__version__}, not {self._version}; install the same everywhere"
            )
        with tempfile.TemporaryDirectory(prefix="tipclassify-") as folder:
            for name, data in self._files.items():
                (Path(folder) / name).write_bytes(data)
            self._loaded = Classifier.load(Path(folder))

    @property
    def classifier(self) -> Classifier:
        """The loaded model. If `setup` failed on a late worker, which Dask ignores, the error is raised here."""
        if self._loaded is None:
            self.setup(None)
        assert self._loaded is not None
        return self._loaded


@dataclass(frozen=True, slots=True)
class Work:
    """Settings shared by all tasks of a run."""

    plugin: str  # name of the `ModelPlugin`
    tagging: Tagging
    setting: str  # options that determine rows, as JSON
    output: Place  # output folder
    text: str = "text"  # text column of a table

    def file(self, name: str) -> Place:
        """Return the place of an output file."""
        fs, root = self.output
        return fs, f"{root}/{name}"

    def classifier(self) -> Classifier:
        """Return the model of this worker, with the run's thresholds."""
        plugin = get_worker().plugins.get(self.plugin)
        if plugin is None:
            raise ModelError("the model is not on this worker; run the command again")
        return plugin.classifier.with_thresholds(dict(self.tagging.thresholds))  # type: ignore[no-any-return]


def score_part(part: Part, work: Work, rows: Any = None) -> Record:
    """Read, tag and write a part; `rows` is a partition of a DataFrame or of a Bag of texts or mappings.

    The file of `rows` is named by a hash of their content, so that unchanged rows are not scored again.
    """
    classifier = work.classifier()
    statistics = _PartStatistics({source.name: 0 for source in part.sources})
    if part.kind != "rows":
        return _write(
            part.name(work.setting), _reports(part, classifier, work, statistics), classifier, statistics, work
        )
    name = part.sources[0].name
    given = _records(rows, work.text) if hasattr(rows, "columns") else rows
    sound = list(statistics.valid_rows(name, given, work.text, "row"))
    digest = hashlib.sha256()
    for row in sound:
        digest.update(json.dumps(row, sort_keys=True, default=str).encode())
    file = part_name([work.setting, "rows", name, digest.hexdigest(), len(statistics.failures)])
    fs, path = work.file(f"records/{file}.json")
    if not statistics.failures and fs.exists(path) and (record := read_record(fs.cat_file(path))):
        return record
    return _write(file, _tag_batches(name, sound, classifier, work), classifier, statistics, work)


@dataclass(slots=True)
class _PartStatistics:
    """Statistics of a task, collected while it reads: number of rows of each input, failures and notes."""

    rows: dict[str, int]
    failures: list[Failure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def count(self, reports: Iterable[TaggedReport]) -> Iterator[TaggedReport]:
        for report in reports:
            self.rows[report.file] += len(report.passages)
            self.notes += report.notes
            yield report

    def valid_rows(self, name: str, rows: Iterable[Any], text: str, where: str) -> Iterator[dict[str, Any]]:
        """Yield the valid rows; record the others as failures."""
        for number, row in enumerate(rows):
            try:
                yield clean_row(row, text)
            except ValueError as error:
                self.failures.append(Failure(name, f"{name}, {where} {number}: {error}"))

    @contextmanager
    def collect_errors(self, name: str) -> Iterator[None]:
        """Record any error as a failure of the input, so that one bad file does not end a job of thousands."""
        try:
            yield
        except TipclassifyError as error:
            self.failures.append(Failure(name, str(error), isinstance(error, MissingExtraError)))
        except Exception as error:
            self.failures.append(Failure(name, f"{name}: {describe_error(error)}; check the path", again=True))


def _reports(part: Part, classifier: Classifier, work: Work, statistics: _PartStatistics) -> Iterator[TaggedReport]:
    """Yield the tagged reports of a part; for rows, one for each batch of them."""
    for source in part.sources:
        with statistics.collect_errors(source.name):
            if part.kind == "reports":
                yield tag_document(source.name, partial(_read, source, work.tagging.read), classifier, work.tagging)
                continue
            with _opened(source) as file:
                read = _read_lines if part.kind == "lines" else _read_row_groups
                yield from _tag_batches(
                    source.name, read(source.name, file, part, work.text, statistics), classifier, work
                )


def _tag_batches(
    name: str, rows: Iterable[dict[str, Any]], classifier: Classifier, work: Work
) -> Iterator[TaggedReport]:
    for batch in in_batches(rows, lambda row: len(row["text"]) + 1):
        yield tag_rows(name, batch, classifier, work.tagging.policy)


def _read(source: Source, options: ReadOptions) -> Document:
    if source.fs is None:
        return read_report(source.path, options)
    with _opened(source) as file:
        data: bytes = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise InputError(f"{source.name}: over the limit of {LARGEST / 1e6:.0f} MB; split it")
    return read_bytes(data, source.name, options)


@contextmanager
def _opened(source: Source) -> Iterator[IO[bytes]]:
    if source.stamp is None and source.fs.info(source.path)["type"] != "file":
        raise InputError(f"{source.name}: a folder, device or socket; give a file")
    with source.fs.open(source.path, "rb") as file:
        yield file


def _read_lines(
    name: str, file: IO[bytes], part: Part, _text: str, statistics: _PartStatistics
) -> Iterator[dict[str, Any]]:
    for at, line in lines_of_range(file, part.start, part.end, LARGEST):
        where = f"{name}, byte {at}"
        try:
            if len(line) > LARGEST:
                raise InputError(f"{where}: a line of over {LARGEST / 1e6:.0f} MB; write one object a line")
            if line.strip():
                yield parse_row(line, where)
        except InputError as error:
            statistics.failures.append(Failure(name, str(error)))


def lines_of_range(file: IO[bytes], start: int, end: int, longest: int) -> Iterator[tuple[int, bytes]]:
    r"""Yield offset and bytes of each line that begins in ``(start, end]``, or in ``[0, end]`` for `start` 0.

    By this rule of ``dask.bag.read_text``, ranges that cover a file have each line exactly once. A line of more than
    `longest` bytes is truncated to ``longest + 1``, which bounds memory.

    >>> list(lines_of_range(io.BytesIO(b"one\ntwo\nthree\n"), 2, 8, 100))
    [(4, b'two\n'), (8, b'three\n')]
    """
    file.seek(start)
    seek_delimiter(file, b"\n", _BLOCK)  # does nothing at 0
    while (at := file.tell()) <= end and (line := file.readline(longest + 1)):
        yield at, line
        if not line.endswith(b"\n"):
            seek_delimiter(file, b"\n", _BLOCK)


def _read_row_groups(
    name: str, file: IO[bytes], part: Part, text: str, statistics: _PartStatistics
) -> Iterator[dict[str, Any]]:
    from pyarrow import parquet

    table = parquet.ParquetFile(file)
    names = table.schema_arrow.names
    if text not in names:
        raise InputError(f'{name}: no column "{text}"; say which holds the text')
    columns = [column for column in dict.fromkeys((text, *_FIELDS)) if column in names]
    batches = table.iter_batches(_BATCH_ROWS, row_groups=list(range(part.start, part.end)), columns=columns)
    rows = (row for batch in batches for row in batch.to_pylist())
    yield from statistics.valid_rows(name, rows, text, f"from row group {part.start} on, row")


def _records(frame: Any, text: str) -> list[dict[str, Any]]:
    """Convert a pandas DataFrame to rows, with None for missing values."""
    columns = [name for name in dict.fromkeys((text, *_FIELDS)) if name in frame.columns]
    records: list[dict[str, Any]] = frame[columns].astype(object).where(frame[columns].notna(), None).to_dict("records")
    return records


def clean_row(row: Any, text: str) -> dict[str, Any]:
    """Normalize an input row, a mapping or a bare text: keep the known fields, with the text as ``text``.

    Floats with whole values, as tables have for integers, become integers.

    >>> clean_row({"body": "Police acted.", "year": 2024.0, "id": 7}, "body")
    {'text': 'Police acted.', 'year': 2024}

    Raises
    ------
    ValueError
        When the text is missing, or the section is not a string.
    """
    if isinstance(row, str):
        return {"text": row}
    written = row.get(text) if hasattr(row, "get") else None
    if not isinstance(written, str):
        raise ValueError(f'no "{text}" that is text')
    if not isinstance(row.get("section"), str | None):
        raise ValueError('a "section" that is no text')
    kept = {name: row[name] for name in _FIELDS if name in row}
    whole = {name: int(value) for name, value in kept.items() if isinstance(value, float) and value.is_integer()}
    return {"text": written, **kept, **whole}


def _write(
    name: str, reports: Iterable[TaggedReport], classifier: Classifier, statistics: _PartStatistics, work: Work
) -> Record:
    out = io.BytesIO()
    write_parquet(statistics.count(reports), out, ScoringContext(classifier, work.tagging.policy))
    data = out.getvalue()
    write_whole(work.file(f"passages/{name}.parquet"), data)
    sha256 = hashlib.sha256(data).hexdigest()
    record = Record(name, statistics.rows, len(data), sha256, tuple(statistics.failures), tuple(statistics.notes))
    write_record(record, work)
    return record


def write_record(record: Record, work: Work) -> None:
    """Write the record of a part, which marks it as finished."""
    write_whole(work.file(f"records/{record.name}.json"), json.dumps(asdict(record)).encode())


def read_record(data: bytes) -> Record | None:
    """Parse a record written by an earlier run; None if damaged."""
    try:
        record = Record(**json.loads(data))
        failures = tuple(Failure(*failure) for failure in record.failures)
    except (ValueError, TypeError):
        return None
    return replace(record, failures=failures, notes=(), made=False)
