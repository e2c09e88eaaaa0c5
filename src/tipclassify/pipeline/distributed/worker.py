"""Score one part of the inputs on a Dask worker and write its files. Run twice, it writes the same files twice.

What cannot be read becomes a failure of one line, and the rest goes on. The model's bytes travel once to each worker process,
also to one that joins late.
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
from tipclassify.pipeline.distributed.places import Place, what_failed, write_whole
from tipclassify.readers import ReadOptions, read_bytes, read_report
from tipclassify.readers.jsonl import in_batches, parse_row
from tipclassify.readers.limits import LARGEST
from tipclassify.reporting.writers import Run, TaggedReport
from tipclassify.reporting.writers.columns import write_parquet
from tipclassify.text.document import Document

__all__ = ["Failure", "ModelPlugin", "Record", "Work", "lines_of_range", "read_record", "score_part", "write_record"]

_FIELDS: Final = ("section", "country", "year", "page", "block")  # that a row of the output has, beside its text
_ROWS: Final = 1_000  # of a Parquet file, made of its columns at a time
_BLOCK: Final = 2**16  # bytes read at a time on the way to the end of a line


class Failure(NamedTuple):
    """What could not be read, in one line."""

    input: str
    error: str
    again: bool = False  # worth another try: the network, a missing package or a killed process was in the way


@dataclass(frozen=True, slots=True)
class Record:
    """A finished part: its file, as the manifest has it, and what went wrong."""

    name: str  # of its file of passages, without suffix
    inputs: Mapping[str, int]  # each with its rows in the file
    bytes: int = 0  # 0 where there is no file
    sha256: str = ""
    failures: tuple[Failure, ...] = ()
    notes: tuple[str, ...] = ()  # what could not be read in full, one line each
    made: bool = True  # False for a file that was there already

    @property
    def rows(self) -> int:
        """Rows of the file."""
        return sum(self.inputs.values())


class ModelPlugin(WorkerPlugin):  # type: ignore[misc]
    """Loads a model, by name or path, on each worker; it goes when the plugin is unregistered.

    Raises
    ------
    ModelError
        When it is no sound model.
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
            When the worker runs another version than the one that sends the work.
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
        """The model, also where `setup` has failed on a worker that joined late: then it fails here."""
        if self._loaded is None:
            self.setup(None)
        assert self._loaded is not None
        return self._loaded


@dataclass(frozen=True, slots=True)
class Work:
    """What every task of a run needs to know."""

    plugin: str  # name of the `ModelPlugin`
    tagging: Tagging
    setting: str  # everything beside the input that decides rows, as JSON
    output: Place  # folder that the files go to
    text: str = "text"  # column that holds the text, where the input is a table

    def file(self, name: str) -> Place:
        """Where a file of the output lies."""
        fs, root = self.output
        return fs, f"{root}/{name}"

    def classifier(self) -> Classifier:
        """The model on this worker."""
        plugin = get_worker().plugins.get(self.plugin)
        if plugin is None:
            raise ModelError("the model is not on this worker; run the command again")
        return plugin.classifier.with_thresholds(dict(self.tagging.thresholds))  # type: ignore[no-any-return]


def score_part(part: Part, work: Work, rows: Any = None) -> Record:
    """Read, tag and write a part of the inputs; `rows` is a partition of a Bag (texts, or mappings that have one) or DataFrame.

    The file of `rows` is named by what is in it: rows that were scored before are not scored again.
    """
    classifier = work.classifier()
    found = _Found({source.name: 0 for source in part.sources})
    if part.kind != "rows":
        return _write(part.name(work.setting), _reports(part, classifier, work, found), classifier, found, work)
    name = part.sources[0].name
    given = _records(rows, work.text) if hasattr(rows, "columns") else rows
    sound = list(found.sound_rows(name, given, work.text, "row"))
    digest = hashlib.sha256()
    for row in sound:
        digest.update(json.dumps(row, sort_keys=True, default=str).encode())
    file = part_name([work.setting, "rows", name, digest.hexdigest(), len(found.failures)])
    fs, path = work.file(f"records/{file}.json")
    if not found.failures and fs.exists(path) and (record := read_record(fs.cat_file(path))):
        return record
    return _write(file, _tag_batches(name, sound, classifier, work), classifier, found, work)


@dataclass(slots=True)
class _Found:
    """What a task finds out beside the passages: rows of each input, failures and notes."""

    rows: dict[str, int]
    failures: list[Failure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def counted(self, reports: Iterable[TaggedReport]) -> Iterator[TaggedReport]:
        for report in reports:
            self.rows[report.file] += len(report.passages)
            self.notes += report.notes
            yield report

    def sound_rows(self, name: str, rows: Iterable[Any], text: str, where: str) -> Iterator[dict[str, Any]]:
        """Yield the rows that have a text; the others are failures."""
        for number, row in enumerate(rows):
            try:
                yield sound_row(row, text)
            except ValueError as error:
                self.failures.append(Failure(name, f"{name}, {where} {number}: {error}"))

    @contextmanager
    def failing(self, name: str) -> Iterator[None]:
        """Remember what goes wrong with an input: one bad file, of whatever kind, ends no job of thousands."""
        try:
            yield
        except TipclassifyError as error:
            self.failures.append(Failure(name, str(error), isinstance(error, MissingExtraError)))
        except Exception as error:
            self.failures.append(Failure(name, f"{name}: {what_failed(error)}; check the path", again=True))


def _reports(part: Part, classifier: Classifier, work: Work, found: _Found) -> Iterator[TaggedReport]:
    """Yield the tagged reports of a part; for rows, one a batch."""
    for source in part.sources:
        with found.failing(source.name):
            if part.kind == "reports":
                yield tag_document(source.name, partial(_read, source, work.tagging.read), classifier, work.tagging)
                continue
            with _opened(source) as file:
                read = _read_lines if part.kind == "lines" else _read_row_groups
                yield from _tag_batches(source.name, read(source.name, file, part, work.text, found), classifier, work)


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


def _read_lines(name: str, file: IO[bytes], part: Part, text: str, found: _Found) -> Iterator[dict[str, Any]]:  # noqa: ARG001
    for at, line in lines_of_range(file, part.start, part.end, LARGEST):
        where = f"{name}, byte {at}"
        try:
            if len(line) > LARGEST:
                raise InputError(f"{where}: a line of over {LARGEST / 1e6:.0f} MB; write one object a line")
            if line.strip():
                yield parse_row(line, where)
        except InputError as error:
            found.failures.append(Failure(name, str(error)))


def lines_of_range(file: IO[bytes], start: int, end: int, longest: int) -> Iterator[tuple[int, bytes]]:
    r"""Yield offset and bytes of each line that begins after `start`, up to and with `end`; those at 0 belong to start 0.

    The rule of ``dask.bag.read_text``: ranges that cover a file have each of its lines once. A line of more than `longest`
    bytes is cut off to ``longest + 1``: no file can fill the memory.

    >>> list(lines_of_range(io.BytesIO(b"one\ntwo\nthree\n"), 2, 8, 100))
    [(4, b'two\n'), (8, b'three\n')]
    """
    file.seek(start)
    seek_delimiter(file, b"\n", _BLOCK)  # does nothing at 0
    while (at := file.tell()) <= end and (line := file.readline(longest + 1)):
        yield at, line
        if not line.endswith(b"\n"):
            seek_delimiter(file, b"\n", _BLOCK)


def _read_row_groups(name: str, file: IO[bytes], part: Part, text: str, found: _Found) -> Iterator[dict[str, Any]]:
    from pyarrow import parquet

    table = parquet.ParquetFile(file)
    names = table.schema_arrow.names
    if text not in names:
        raise InputError(f'{name}: no column "{text}"; say which holds the text')
    columns = [column for column in dict.fromkeys((text, *_FIELDS)) if column in names]
    batches = table.iter_batches(_ROWS, row_groups=list(range(part.start, part.end)), columns=columns)
    rows = (row for batch in batches for row in batch.to_pylist())
    yield from found.sound_rows(name, rows, text, f"from row group {part.start} on, row")


def _records(frame: Any, text: str) -> list[dict[str, Any]]:
    """Rows of a pandas DataFrame, missing values as None."""
    columns = [name for name in dict.fromkeys((text, *_FIELDS)) if name in frame.columns]
    records: list[dict[str, Any]] = frame[columns].astype(object).where(frame[columns].notna(), None).to_dict("records")
    return records


def sound_row(row: Any, text: str) -> dict[str, Any]:
    """Take the fields of a row that count, its text as ``text``: from a mapping, or from the text alone.

    Whole numbers that a table holds as floats become integers.

    >>> sound_row({"body": "Police acted.", "year": 2024.0, "id": 7}, "body")
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
    kept = {name: row[name] for name in _FIELDS if name in row}
    whole = {name: int(value) for name, value in kept.items() if isinstance(value, float) and value.is_integer()}
    return {"text": written, **kept, **whole}


def _write(name: str, reports: Iterable[TaggedReport], classifier: Classifier, found: _Found, work: Work) -> Record:
    out = io.BytesIO()
    write_parquet(found.counted(reports), out, Run(classifier, work.tagging.policy))
    data = out.getvalue()
    write_whole(work.file(f"passages/{name}.parquet"), data)
    sha256 = hashlib.sha256(data).hexdigest()
    record = Record(name, found.rows, len(data), sha256, tuple(found.failures), tuple(found.notes))
    write_record(record, work)
    return record


def write_record(record: Record, work: Work) -> None:
    """Write the record of a part, which says that it is done."""
    write_whole(work.file(f"records/{record.name}.json"), json.dumps(asdict(record)).encode())


def read_record(data: bytes) -> Record | None:
    """Read the record that an earlier run has written; None for a damaged one."""
    try:
        record = Record(**json.loads(data))
        failures = tuple(Failure(*failure) for failure in record.failures)
    except (ValueError, TypeError):
        return None
    return replace(record, failures=failures, notes=(), made=False)
