"""The output folder of a distributed run: a Parquet file and a record a part, and the errors.

A part is finished when it has both, so that the next run knows which are missing.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from tipclassify.dask.parts import describe
from tipclassify.errors import InputError
from tipclassify.formatting import load_json
from tipclassify.records import Failure, encodable

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem


class PartRecord(msgspec.Struct):
    """What became of a part; filled in while it is read."""

    name: str  # of its file, without suffix
    inputs: dict[str, int]  # number of rows in the file, by input
    failures: list[Failure] = []
    notes: list[str] = []  # readers' warnings, one line each
    made: bool = True  # False if an earlier run wrote the file


@dataclass(frozen=True)
class Folder:
    """The output folder: its name as the user wrote it, and its file system and path there."""

    name: str
    fs: AbstractFileSystem
    root: str

    def check(self, settings: Mapping[str, object], inputs: Collection[str]) -> None:
        """Raise `InputError` for a folder that is unreadable, or whose content a run would harm."""
        try:
            wrong = "a file" if self.fs.isfile(self.root) else self._holds(settings, inputs)
        except Exception as error:
            wrong = describe(error)
        if wrong:
            raise InputError(f"{self.name}: {wrong}; choose another output folder")

    def _holds(self, settings: Mapping[str, object], inputs: Collection[str]) -> str | None:
        """Describe the content of another run or program; None where there is none."""
        try:
            written = load_json(self.fs.cat_file(f"{self.root}/settings.json"))
        except (FileNotFoundError, ValueError):
            return "holds files of something else" if self._files("passages") else None
        others = [name for name in settings if written.get(name) != settings[name]]
        if others:
            return f"holds results of another {' and '.join(others)}"
        earlier = set(written.get("inputs", ()))
        if earlier and earlier.isdisjoint(inputs):
            return "holds the results of other inputs"
        return None

    def open(self, settings: Mapping[str, object], inputs: Collection[str]) -> None:
        """Prepare for writing: say what is written here, and of what."""
        written = json.dumps({**settings, "inputs": list(inputs)}, indent=1)
        self._write("settings.json", f"{written}\n".encode())

    def done(self, names: Collection[str]) -> dict[str, PartRecord]:
        """Read the records of those of the named parts that an earlier run finished."""
        written = self._files("records").keys() & self._files("passages").keys() & set(names)
        paths = [f"{self.root}/records/{name}.json" for name in written]
        finished = {}
        for data in self.fs.cat(paths).values() if paths else ():
            # of a damaged record; a `msgspec.ValidationError` is one
            with contextlib.suppress(ValueError):
                record = msgspec.convert(load_json(data), PartRecord)
                if not any(failure.retryable for failure in record.failures):
                    record.notes = []
                    record.made = False
                    finished[record.name] = record
        return finished

    def add(self, record: PartRecord, passages: bytes) -> None:
        """Write the file of a part and then its record, which marks the part as finished."""
        self._write(f"passages/{record.name}.parquet", passages)
        self._write(f"records/{record.name}.json", msgspec.json.encode(record))

    def close(self, records: Collection[PartRecord]) -> int:
        """Remove the parts of inputs that have changed or gone, and write the errors.

        Returns the number of files removed.
        """
        import pyarrow as pa
        from pyarrow import parquet

        names = {record.name for record in records}
        removed = 0
        for kind in ("passages", "records"):
            for name, path in self._files(kind).items():
                if name not in names:
                    self.fs.rm_file(path)
                    removed += kind == "passages"
        rows = [_error_row(failure) for record in records for failure in record.failures]
        schema = pa.schema([("input", pa.string()), ("error", pa.string()), ("again", pa.bool_())])
        out = io.BytesIO()
        parquet.write_table(pa.Table.from_pylist(rows, schema), out)
        self._write("errors/errors.parquet", out.getvalue())
        return removed

    def _files(self, kind: str) -> dict[str, str]:
        """List the paths of the parts' files or records, by the name of the part."""
        self.fs.invalidate_cache()
        folder = f"{self.root}/{kind}"
        paths: Iterable[str] = self.fs.find(folder) if self.fs.isdir(folder) else ()
        files = {path.rpartition("/")[2]: path for path in paths}
        shown = {name: path for name, path in files.items() if not name.startswith(".")}
        return {name.rpartition(".")[0]: path for name, path in shown.items()}

    def _write(self, file: str, data: bytes) -> None:
        """Write a file atomically, by renaming; raise `InputError` when that fails."""
        from fsspec.implementations.local import LocalFileSystem

        path = f"{self.root}/{file}"
        folder, _, name = path.rpartition("/")
        staged = f"{folder}/.{name}-{uuid.uuid4().hex[:12]}"
        try:
            self.fs.makedirs(folder, exist_ok=True)
            self.fs.pipe_file(staged, data)
            if isinstance(self.fs, LocalFileSystem):
                os.replace(staged, path)  # fsspec's move fails on Windows if `path` exists
            else:
                self.fs.mv(staged, path)
        except Exception as error:
            with contextlib.suppress(Exception):
                self.fs.rm_file(staged)
            what = f"cannot be written ({describe(error)})"
            raise InputError(f"{path}: {what}; choose another output folder") from None


def _error_row(failure: Failure) -> dict[str, object]:
    return {
        "input": encodable(failure.input),
        "error": encodable(failure.error),
        "again": failure.retryable,
    }
