"""Write the output folder of a distributed run.

It has a Parquet file and a JSON record for each part, then errors and a manifest.
"""

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
from typing import TYPE_CHECKING, Any

import msgspec

from tipclassify.errors import InputError
from tipclassify.formatting import load_json
from tipclassify.records import Failure

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

__all__ = ["ClusterOutputFolder", "PartRecord", "describe_cluster_error"]

_RECENT = 600  # seconds


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
class ClusterOutputFolder:
    """An output folder: its name as the user wrote it, and its file system and path there."""

    name: str
    fs: AbstractFileSystem
    root: str

    def check(self, settings: Mapping[str, object], inputs: Collection[str]) -> None:
        """Raise `InputError` for a folder that cannot be written to.

        It is unreadable, or a run of these inputs would remove its content.
        """
        try:
            wrong = "a file" if self.fs.isfile(self.root) else self._holds(settings, inputs)
        except Exception as error:
            wrong = describe_cluster_error(error)
        if wrong:
            raise InputError(f"{self.name}: {wrong}; choose another output folder")

    def _holds(self, settings: Mapping[str, object], inputs: Collection[str]) -> str | None:
        """Describe the content of another run or program; None where there is none."""
        written = self._json("settings.json")
        manifest = self._json("manifest.json") or {}
        if written is None:
            has_files = self._files("passages") or self._files("errors")
            return "holds files of something else" if has_files else None
        if others := [name for name in settings if written.get(name) != settings[name]]:
            return f"holds results of another {' and '.join(others)}"
        earlier = {row["name"] for row in manifest.get("inputs", ())}
        if earlier and earlier.isdisjoint(inputs):
            return "holds the results of other inputs"
        return None

    def open(self, settings: Mapping[str, object]) -> None:
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
                if size == record.bytes and not any(
                    failure.retryable for failure in record.failures
                ):
                    record.notes = []
                    record.made = False
                    finished[record.name] = record
        return finished

    def add(self, record: PartRecord, passages: bytes) -> None:
        """Write the file of a part and then its record, which marks the part as finished."""
        self._write(f"passages/{record.name}.parquet", passages)
        self._write_json(f"records/{record.name}.json", msgspec.to_builtins(record))

    def close(
        self, settings: Mapping[str, object], inputs: Sequence[str], records: Sequence[PartRecord]
    ) -> int:
        """Remove files of other runs, and write errors and manifest.

        Returns the number of passage files removed.
        """
        names = {record.name for record in records}
        removed = 0
        for kind in ("passages", "records"):
            for name, info in self._files(kind).items():
                # by a killed worker
                left = name.startswith(".part-") and not _is_recent_cluster_file(info)
                if name not in names and (name.startswith("part-") or left):
                    self.fs.rm_file(info["name"])
                    removed += kind == "passages" and name.startswith("part-")
        self._write_errors([failure for record in records for failure in record.failures])
        self._write_json("manifest.json", _manifest_of_run(settings, inputs, records))
        return removed

    def _write_errors(self, failures: Sequence[Failure]) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        schema = pa.schema([("input", pa.string()), ("error", pa.string()), ("again", pa.bool_())])
        rows = [
            {
                "input": _failure_text_without_surrogates(failure.input),
                "error": _failure_text_without_surrogates(failure.error),
                "again": failure.retryable,
            }
            for failure in failures
        ]
        out = io.BytesIO()
        parquet.write_table(pa.Table.from_pylist(rows, schema), out)
        self._write("errors/errors.parquet", out.getvalue())

    def _write(self, file: str, data: bytes) -> None:
        """Write a file atomically, by renaming a temporary one.

        Raises `InputError` when that fails.
        """
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
            what = f"cannot be written ({describe_cluster_error(error)})"
            raise InputError(f"{path}: {what}; choose another output folder") from None

    def _files(self, kind: str) -> dict[str, Mapping[str, object]]:
        """List a subfolder: details of each file, by its name without suffix."""
        self.fs.invalidate_cache()
        path = f"{self.root}/{kind}"
        if not self.fs.isdir(path):
            return {}
        files = {}
        for info in self.fs.find(path, detail=True).values():
            name = info["name"].rpartition("/")[2]
            files[re.sub(r"\.(parquet|json)$", "", name)] = info
        return files

    def _json(self, file: str) -> dict[str, Any] | None:  # of a run of ours, or of somebody else
        """Read a JSON object; None if missing or malformed."""
        try:
            values = load_json(self.fs.cat_file(f"{self.root}/{file}"))
        except (FileNotFoundError, ValueError):
            return None
        return values if isinstance(values, dict) else None

    def _write_json(self, file: str, values: Mapping[str, object]) -> None:
        self._write(file, (json.dumps(values, indent=1) + "\n").encode())


def _manifest_of_run(
    settings: Mapping[str, object], inputs: Sequence[str], records: Sequence[PartRecord]
) -> dict[str, object]:
    """Build the manifest. It has no timestamp, so that the same run gives the same bytes."""
    rows_of = dict.fromkeys(inputs, 0)
    errors_of = dict.fromkeys(inputs, 0)
    for record in records:
        for name, count in record.inputs.items():
            rows_of[name] += count
        for failure in record.failures:
            errors_of[failure.input] += 1
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
        "inputs": [
            {"name": name, "rows": rows_of[name], "errors": errors_of[name]} for name in rows_of
        ],
        "files": files,
    }


def _is_recent_cluster_file(info: Mapping[str, object]) -> bool:
    """Return whether a file was written within ten minutes.

    Perhaps another run is writing it now.
    """
    changed = info.get("mtime")
    return isinstance(changed, float) and time.time() - changed < _RECENT


def _failure_text_without_surrogates(text: str) -> str:
    """Replace lone surrogates, which some file names have."""
    return text.encode("utf-8", "replace").decode()


def describe_cluster_error(error: BaseException) -> str:
    """Describe an exception of a file system in one line.

    >>> describe_cluster_error(FileNotFoundError("s3://bucket/x"))
    'no such file or directory'
    >>> describe_cluster_error(KeyError("x"))
    "KeyError: 'x'"
    """
    if isinstance(error, OSError) and (error.strerror or isinstance(error, FileNotFoundError)):
        return (error.strerror or "no such file or directory").lower()
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}".rstrip(": ")
