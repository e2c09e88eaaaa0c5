"""The folder that results go to: what an earlier run left in it, what is stale, and the manifest that closes it.

``passages/`` and ``errors/`` hold a Parquet file a part, ``settings.json`` what decides rows beside the inputs,
``manifest.json``, written last, every input and file. A part is done when its passages are there, and no error that is
worth another try.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Final

from tipclassify._version import __version__
from tipclassify.errors import InputError
from tipclassify.pipeline.distributed.parts import Failure
from tipclassify.pipeline.distributed.places import what_failed, write_whole
from tipclassify.pipeline.distributed.tasks import Record, Work, read_failures, record_of_file

__all__ = ["Folder"]

_FORMAT: Final = 1
_AT_ONCE: Final = 16


class Folder:
    """The results of a run.

    Parameters
    ----------
    name : str
        As the user wrote it.
    settings : mapping
        What decides rows beside the inputs, as plain JSON values.

    Raises
    ------
    InputError
        When it cannot be read, or holds results of other settings or other files.
    """

    def __init__(self, name: str, work: Work, settings: Mapping[str, Any]) -> None:
        self.name = name
        self._work = work
        self._settings = dict(settings)
        self._fs, self._root = work.output
        try:
            if self._fs.exists(self._root) and not self._fs.isdir(self._root):
                raise InputError(f"{name}: a file; choose another output folder")
            self._refuse_other_settings()
            self._manifest = self._read("manifest.json")
        except InputError:
            raise
        except Exception as error:
            raise InputError(f"{name}: {what_failed(error)}; choose another output folder") from None

    def done(self, names: Mapping[str, Sequence[str]]) -> dict[str, Record]:
        """The records of the parts, of those named, that an earlier run has finished; `names` has the inputs of each."""
        there = self._sizes("passages")
        failures = self._failures(name for name in self._sizes("errors") if name in names)
        listed = {file["name"]: file for file in (self._manifest or {}).get("files", ())}
        records: dict[str, Record] = {}
        unlisted = []
        for name in names:
            if name not in there or any(failure.again for failure in failures.get(name, ())):
                continue
            file = listed.get(f"passages/{name}.parquet")
            if file is None:
                unlisted.append(name)
            elif file["bytes"] == there[name]:
                inputs = tuple((str(one), int(rows)) for one, rows in file["inputs"].items())
                records[name] = Record(name, file["rows"], file["bytes"], file["sha256"], inputs, made=False)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            read = pool.map(lambda name: record_of_file(self._work, name, tuple(names[name])), unlisted)
            records.update(zip(unlisted, read, strict=True))
        return {name: replace(record, failures=failures.get(name, ())) for name, record in records.items()}

    def _failures(self, names: Iterable[str]) -> dict[str, tuple[Failure, ...]]:
        wanted = list(names)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return dict(zip(wanted, pool.map(lambda name: read_failures(self._work, name), wanted), strict=True))

    def refuse_other_inputs(self, inputs: Iterable[str]) -> None:
        """Do nothing, unless the folder has the results of other inputs alone.

        Raises
        ------
        InputError
            When it has: they would go.
        """
        earlier = {one["name"] for one in (self._manifest or {}).get("inputs", ())}
        if earlier and earlier.isdisjoint(inputs):
            raise InputError(
                f"{self.name}: holds the results of other inputs; choose another output folder, or remove it"
            )

    def open(self) -> None:
        """Make the folder ready for files; from here to `close` it has no manifest."""
        if self._manifest is not None:
            self._fs.rm_file(f"{self._root}/manifest.json")
        if self._read("settings.json") is None:
            self._write("settings.json", self._settings)

    def close(self, inputs: Sequence[str], records: Sequence[Record]) -> int:
        """Remove what is not of this run, and write the manifest; how many finished files were removed."""
        kept = {record.name for record in records if record.bytes}
        failed = {record.name for record in records if record.failures}
        removed = 0
        for folder, names in (("passages", kept), ("errors", failed)):
            for path in self._files(folder):
                name = path.rpartition("/")[2]
                if name.removesuffix(".parquet") in names:
                    continue
                if name.startswith(("part-", ".part-")):  # the latter: what a killed worker left
                    self._fs.rm_file(path)
                    removed += folder == "passages" and name.startswith("part-")
        self._write("manifest.json", self._told(inputs, records))
        return removed

    def _told(self, inputs: Sequence[str], records: Sequence[Record]) -> dict[str, Any]:
        """The manifest. No clock: the same run gives the same one."""
        rows = dict.fromkeys(inputs, 0)
        errors = dict.fromkeys(inputs, 0)
        for record in records:
            for name, count in record.inputs:
                rows[name] = rows.get(name, 0) + count
            for failure in record.failures:
                errors[failure.input] = errors.get(failure.input, 0) + 1
        return {
            "format": _FORMAT,
            "tool": f"tipclassify {__version__}",
            "model": self._work.model,
            "settings": self._settings,
            "rows": sum(record.rows for record in records),
            "errors": sum(errors.values()),
            "inputs": [{"name": name, "rows": rows[name], "errors": errors.get(name, 0)} for name in rows],
            "files": [
                {
                    "name": f"passages/{record.name}.parquet",
                    "rows": record.rows,
                    "bytes": record.bytes,
                    "sha256": record.sha256,
                    "inputs": dict(record.inputs),
                }
                for record in records
                if record.bytes
            ],
        }

    def _refuse_other_settings(self) -> None:
        written = self._read("settings.json")
        if written is None:
            if self._files("passages") or self._files("errors"):
                raise InputError(f"{self.name}: holds files of something else; choose another output folder")
        elif written != self._settings:
            names = [name for name in self._settings if written.get(name) != self._settings[name]]
            raise InputError(
                f"{self.name}: holds results of another {' and '.join(names) or 'kind'}; "
                "choose another output folder, or remove it"
            )

    def _sizes(self, folder: str) -> dict[str, int]:
        files = self._files(folder)
        return {path.rpartition("/")[2].removesuffix(".parquet"): int(info["size"]) for path, info in files.items()}

    def _files(self, folder: str) -> dict[str, Any]:
        self._fs.invalidate_cache()
        path = f"{self._root}/{folder}"
        return dict(self._fs.find(path, detail=True)) if self._fs.isdir(path) else {}

    def _read(self, name: str) -> dict[str, Any] | None:
        """A JSON file of the folder; None where there is none, or a broken one."""
        path = f"{self._root}/{name}"
        if not self._fs.exists(path):
            return None
        try:
            found = json.loads(self._fs.cat_file(path))
        except ValueError:
            return None
        return found if isinstance(found, dict) else None

    def _write(self, name: str, values: Mapping[str, Any]) -> None:
        data = json.dumps(values, ensure_ascii=True, indent=1) + "\n"
        write_whole((self._fs, f"{self._root}/{name}"), data.encode())
