"""The output folder of a distributed run: a Parquet file and a record a part, errors, a manifest."""

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
from typing import TYPE_CHECKING, Any, Final

import msgspec

from tipclassify.dask.parts import describe
from tipclassify.errors import InputError
from tipclassify.formatting import load_json
from tipclassify.records import Failure, encodable

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_RECENT: Final = 600  # seconds in which a file that is half-written may be another run's


class PartRecord(msgspec.Struct):
    """A part: its file, as in the manifest, and its failures; filled in while it is read."""

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
        written = self._read_json("settings.json")
        manifest = self._read_json("manifest.json") or {}
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
                is_whole = passages.get(record.name, {}).get("size") == record.bytes
                if is_whole and not any(failure.retryable for failure in record.failures):
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
        """Remove files of other runs, write errors and manifest; return the files removed."""
        import pyarrow as pa
        from pyarrow import parquet

        names = {record.name for record in records}
        removed = 0
        for kind in ("passages", "records"):
            for name, info in self._files(kind).items():
                changed = info.get("mtime")
                is_recent = isinstance(changed, float) and time.time() - changed < _RECENT
                is_left = name.startswith(".part-") and not is_recent  # by a killed worker
                if name not in names and (name.startswith("part-") or is_left):
                    self.fs.rm_file(info["name"])
                    removed += kind == "passages" and name.startswith("part-")
        failures = [
            {
                "input": encodable(each.input),
                "error": encodable(each.error),
                "again": each.retryable,
            }
            for record in records
            for each in record.failures
        ]
        schema = pa.schema([("input", pa.string()), ("error", pa.string()), ("again", pa.bool_())])
        out = io.BytesIO()
        parquet.write_table(pa.Table.from_pylist(failures, schema), out)
        self._write("errors/errors.parquet", out.getvalue())
        self._write_json("manifest.json", _manifest(settings, inputs, records))
        return removed

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

    def _files(self, kind: str) -> dict[str, Mapping[str, Any]]:
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

    def _read_json(self, file: str) -> dict[str, Any] | None:  # of a run of ours, or not
        """Read a JSON object; None if missing or malformed."""
        try:
            values = load_json(self.fs.cat_file(f"{self.root}/{file}"))
        except (FileNotFoundError, ValueError):
            return None
        return values if isinstance(values, dict) else None

    def _write_json(self, file: str, values: Mapping[str, object]) -> None:
        self._write(file, (json.dumps(values, indent=1) + "\n").encode())


def _manifest(
    settings: Mapping[str, object], inputs: Sequence[str], records: Sequence[PartRecord]
) -> dict[str, object]:
    """Build the manifest. It has no timestamp, so that the same run gives the same bytes."""
    rows = dict.fromkeys(inputs, 0)
    errors = dict.fromkeys(inputs, 0)
    files = []
    for record in records:
        for name, count in record.inputs.items():
            rows[name] += count
        for failure in record.failures:
            errors[failure.input] += 1
        if record.bytes:
            files.append(
                {
                    "name": f"passages/{record.name}.parquet",
                    "rows": record.rows,
                    "bytes": record.bytes,
                    "sha256": record.sha256,
                    "inputs": record.inputs,
                }
            )
    return {
        "settings": settings,
        "rows": sum(rows.values()),
        "errors": sum(errors.values()),
        "inputs": [{"name": name, "rows": rows[name], "errors": errors[name]} for name in rows],
        "files": files,
    }
