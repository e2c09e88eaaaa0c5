"""What a worker does: score one part and write its file. Run twice, it writes the same file twice."""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tipclassify.pipeline.batch import Tagging
from tipclassify.pipeline.distributed.models import model_of_worker
from tipclassify.pipeline.distributed.parts import Failure, Part, part_name
from tipclassify.pipeline.distributed.places import Place, write_whole
from tipclassify.pipeline.distributed.reading import FIELDS, Reading
from tipclassify.reporting.writers import Run, TaggedReport
from tipclassify.reporting.writers.columns import write_parquet

__all__ = ["Record", "Work", "read_failures", "record_of_file", "score_part", "score_rows", "write_failures"]


@dataclass(frozen=True, slots=True)
class Work:
    """What every task of a run needs to know.

    Attributes
    ----------
    model : str
        SHA-256 of the model that the worker holds.
    setting : str
        Everything beside the input that decides rows, as JSON.
    output : Place
        Folder that the files go to.
    text : str
        Column that holds the text, where the input is a table.
    """

    model: str
    tagging: Tagging
    setting: str
    output: Place
    text: str = "text"

    def file(self, folder: str, name: str) -> Place:
        """Where a file of the output lies."""
        fs, root = self.output
        return fs, f"{root}/{folder}/{name}.parquet"


@dataclass(frozen=True, slots=True)
class Record:
    """A finished part: its file, as the manifest has it, and what went wrong.

    Attributes
    ----------
    inputs : tuple of (str, int)
        Each input with its rows in the file.
    made : bool
        False for a file that was there already.
    """

    name: str
    rows: int
    bytes: int
    sha256: str
    inputs: tuple[tuple[str, int], ...]
    failures: tuple[Failure, ...] = ()
    notes: tuple[str, ...] = ()
    made: bool = True


def score_part(part: Part, work: Work) -> Record:
    """Read, tag and write a part of the inputs."""
    reading = _reading(work)
    return _written(part.name(work.setting), [s.name for s in part.sources], reading.part(part), reading, work)


def score_rows(rows: Any, name: str, work: Work) -> Record:
    """The same for a partition of a Bag (texts, or mappings that have one) or of a DataFrame.

    Its file is named by what is in it: rows that were scored before are not scored again.
    """
    reading = _reading(work)
    given = _records(rows, work.text) if hasattr(rows, "columns") else rows
    found = list(reading.sound(name, given, "row"))
    digest = hashlib.sha256()
    for row in found:
        digest.update(json.dumps(row, sort_keys=True, default=str).encode())
    file = part_name([work.setting, "rows", name, digest.hexdigest(), len(reading.failures)])
    fs, path = work.file("passages", file)
    if not reading.failures and fs.exists(path):
        return record_of_file(work, file, (name,))
    return _written(file, [name], reading.batches(name, found), reading, work)


def _reading(work: Work) -> Reading:
    classifier = model_of_worker(work.model).with_thresholds(dict(work.tagging.thresholds))
    return Reading(classifier, work.tagging, work.text)


def _records(frame: Any, text: str) -> list[dict[str, Any]]:
    """Rows of a pandas DataFrame as plain values: its missing values as None, its whole floats as int."""
    columns = [name for name in dict.fromkeys((text, *FIELDS)) if name in frame.columns]
    plain = frame[columns].astype(object).where(frame[columns].notna(), None)
    return [
        {name: int(value) if isinstance(value, float) and value.is_integer() else value for name, value in row.items()}
        for row in plain.to_dict("records")
    ]


def _written(name: str, inputs: Iterable[str], reports: Iterable[TaggedReport], reading: Reading, work: Work) -> Record:
    out = io.BytesIO()
    write_parquet(reports, out, Run(reading.classifier, work.tagging.policy))
    data = out.getvalue()
    rows = tuple((one, reading.rows.get(one, 0)) for one in inputs)
    failures = tuple(reading.failures)
    if failures:  # before the passages: a part counts as done once those are there alone
        write_failures(name, failures, work)
    write_whole(work.file("passages", name), data)
    if not failures:
        fs, errors = work.file("errors", name)
        if fs.exists(errors):
            fs.rm_file(errors)
    sha256 = hashlib.sha256(data).hexdigest()
    count = sum(n for _, n in rows)
    return Record(name, count, len(data), sha256, rows, failures, tuple(reading.notes))


def write_failures(name: str, failures: Iterable[Failure], work: Work) -> None:
    """The file of what could not be read of a part: the columns of `Failure`."""
    import pyarrow as pa
    from pyarrow import parquet

    schema = pa.schema([("input", pa.string()), ("error", pa.string()), ("again", pa.bool_())])
    rows = [(_sound(source), _sound(error), again) for source, error, again in failures]
    table = pa.table([list(column) for column in zip(*rows, strict=True)], schema=schema)
    out = io.BytesIO()
    parquet.write_table(table, out)
    write_whole(work.file("errors", name), out.getvalue())


def read_failures(work: Work, name: str) -> tuple[Failure, ...]:
    """What an earlier run could not read of a part."""
    from pyarrow import parquet

    fs, path = work.file("errors", name)
    return tuple(Failure(**row) for row in parquet.read_table(io.BytesIO(fs.cat_file(path))).to_pylist())


def record_of_file(work: Work, name: str, inputs: tuple[str, ...]) -> Record:
    """The record of a file that an earlier run has finished."""
    from pyarrow import parquet

    fs, path = work.file("passages", name)
    data: bytes = fs.cat_file(path)
    files = parquet.read_table(io.BytesIO(data), columns=["file"])["file"].to_pylist()
    counts = Counter(files)
    rows = tuple((one, counts[_sound(one)]) for one in inputs)
    return Record(name, len(files), len(data), hashlib.sha256(data).hexdigest(), rows, made=False)


def _sound(text: str) -> str:
    """Text that can be written: odd file names have lone surrogates."""
    return re.sub("[\ud800-\udfff]", "\ufffd", text)
