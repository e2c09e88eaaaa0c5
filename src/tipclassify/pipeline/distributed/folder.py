"""Output folder of a distributed run: a Parquet file and a JSON record for each part, then
errors and a manifest."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import time
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from tipclassify.errors import InputError
from tipclassify.formatting import load_json

__all__ = ["Failure", "Folder", "PartRecord", "describe_error"]

_RECENT = 600  # seconds


class Failure(NamedTuple):
    """An input or row that could not be read, with a one-line error."""

    input: str
    error: str
    # retryable: the network, a missing package or a killed process was the cause
    again: bool = False


class PartRecord(msgspec.Struct):
    """A part: its file, as in the manifest, and its failures.

    It is filled in while the part is read.
    """

    name: str  # of its passage file, without suffix
    inputs: dict[str, int]  # number of rows in the file, by input
    bytes: int = 0  # 0 if there is no file
    sha256: str = ""
    failures: list[Failure] = []
    notes: list[str] = []  # readers' warnings, one line each
    made: bool = True  # False if an earlier run wrote the file

    @property
    def rows(self) -> int:
        """Number of rows in the file."""
        return sum(self.inputs.values())


@dataclass(frozen=True)
class Folder:
    """An output folder: its name as the user wrote it, and its file system and path there."""

    name: str
    fs: Any
    root: str

    def check(self, settings: Mapping[str, Any], inputs: Collection[str]) -> None:
        """Raise `InputError` for a folder that is unreadable, or whose content a run of these
        inputs would remove."""
        try:
            wrong = "a file" if self.fs.isfile(self.root) else self._holds(settings, inputs)
        except Exception as error:
            wrong = describe_error(error)
        if wrong:
            raise InputError(f"{self.name}: {wrong}; choose another output folder")

    def _holds(self, settings: Mapping[str, Any], inputs: Collection[str]) -> str | None:
        written, manifest = self._json("settings.json"), self._json("manifest.json") or {}
        if written is None:
            return (
                "holds files of something else"
                if self._files("passages") or self._files("errors")
                else None
            )
        if others := [name for name in settings if written.get(name) != settings[name]]:
            return f"holds results of another {' and '.join(others)}"
        earlier = {row["name"] for row in manifest.get("inputs", ())}
        return (
            "holds the results of other inputs" if earlier and earlier.isdisjoint(inputs) else None
        )

    def open(self, settings: Mapping[str, Any]) -> None:
        """Prepare for writing: there is no manifest until `close`."""
        if self.fs.exists(f"{self.root}/manifest.json"):
            self.fs.rm_file(f"{self.root}/manifest.json")
        self._write_json("settings.json", settings)

    def done(self, names: Collection[str]) -> dict[str, PartRecord]:
        """Read the records of those of the named parts that an earlier run finished."""
        passages = self._files("passages")
        paths = [
            info["name"]
            for name, info in self._files("records").items()
            if name in names and name in passages
        ]
        finished = {}
        for data in self.fs.cat(paths).values() if paths else ():
            # of a damaged record; a `msgspec.ValidationError` is one
            with contextlib.suppress(ValueError):
                record = msgspec.convert(load_json(data), PartRecord)
                size = passages.get(record.name, {}).get("size")
                if size == record.bytes and not any(failure.again for failure in record.failures):
                    record.notes = []
                    record.made = False
                    finished[record.name] = record
        return finished

    def add(self, record: PartRecord, passages: bytes) -> None:
        """Write the file of a part and then its record, which marks the part as finished."""
        self._write(f"passages/{record.name}.parquet", passages)
        self._write_json(f"records/{record.name}.json", msgspec.to_builtins(record))

    def close(
        self, settings: Mapping[str, Any], inputs: Sequence[str], records: Sequence[PartRecord]
    ) -> int:
        """Remove files of other runs, write errors and manifest; return the number of passage
        files removed."""
        names = {record.name for record in records}
        removed = 0
        for kind in ("passages", "records"):
            for name, info in self._files(kind).items():
                left = name.startswith(".part-") and not _is_recent(info)  # by a killed worker
                if name not in names and (name.startswith("part-") or left):
                    self.fs.rm_file(info["name"])
                    removed += kind == "passages" and name.startswith("part-")
        self._write_errors([failure for record in records for failure in record.failures])
        self._write_json("manifest.json", _manifest(settings, inputs, records))
        return removed

    def _write_errors(self, failures: Sequence[Failure]) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        schema = pa.schema([("input", pa.string()), ("error", pa.string()), ("again", pa.bool_())])
        rows = [
            {
                "input": _encodable(failure.input),
                "error": _encodable(failure.error),
                "again": failure.again,
            }
            for failure in failures
        ]
        out = io.BytesIO()
        parquet.write_table(pa.Table.from_pylist(rows, schema), out)
        self._write("errors/errors.parquet", out.getvalue())

    def _write(self, file: str, data: bytes) -> None:
        """Write a file atomically, by renaming a temporary one; raise `InputError` when that
        fails."""
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
            what = f"cannot be written ({describe_error(error)})"
            raise InputError(f"{path}: {what}; choose another output folder") from None

    def _files(self, kind: str) -> dict[str, Mapping[str, Any]]:
        """List a subfolder: details of each file, by its name without suffix."""
        self.fs.invalidate_cache()
        path = f"{self.root}/{kind}"
        details = self.fs.find(path, detail=True).values() if self.fs.isdir(path) else ()
        return {
            re.sub(r"\.(parquet|json)$", "", info["name"].rpartition("/")[2]): info
            for info in details
        }

    def _json(self, file: str) -> dict[str, Any] | None:
        """Read a JSON object; None if missing or malformed."""
        try:
            values = load_json(self.fs.cat_file(f"{self.root}/{file}"))
        except (FileNotFoundError, ValueError):
            return None
        return values if isinstance(values, dict) else None

    def _write_json(self, file: str, values: Mapping[str, Any]) -> None:
        self._write(file, (json.dumps(values, indent=1) + "\n").encode())


def _manifest(
    settings: Mapping[str, Any], inputs: Sequence[str], records: Sequence[PartRecord]
) -> dict[str, Any]:
    """Build the manifest. It has no timestamp, so that the same run gives the same bytes."""
    counts: dict[str, dict[str, Any]] = {
        name: {"name": name, "rows": 0, "errors": 0} for name in inputs
    }
    for record in records:
        for name, count in record.inputs.items():
            counts[name]["rows"] += count
        for failure in record.failures:
            counts[failure.input]["errors"] += 1
    files = [
        {
            "name": f"passages/{record.name}.parquet",
            "rows": record.rows,
            "bytes": record.bytes,
            "sha256": record.sha256,
            "inputs": record.inputs,
        }
        for record in records
        if record.bytes
    ]
    rows = sum(record.rows for record in records)
    errors = sum(len(record.failures) for record in records)
    return {
        "settings": settings,
        "rows": rows,
        "errors": errors,
        "inputs": list(counts.values()),
        "files": files,
    }


def _is_recent(info: Mapping[str, Any]) -> bool:
    """Return whether a file was written within ten minutes: perhaps another run is writing it
    now."""
    changed = info.get("mtime")
    return isinstance(changed, float) and time.time() - changed < _RECENT


def _encodable(text: str) -> str:
    """Replace lone surrogates, which some file names have."""
    return text.encode("utf-8", "replace").decode()


def describe_error(error: BaseException) -> str:
    """Describe an exception of a file system in one line.

    >>> describe_error(FileNotFoundError("s3://bucket/x")), describe_error(KeyError("x"))
    ('no such file or directory', "KeyError: 'x'")
    """
    if isinstance(error, OSError) and (error.strerror or isinstance(error, FileNotFoundError)):
        return (error.strerror or "no such file or directory").lower()
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}".rstrip(": ")
