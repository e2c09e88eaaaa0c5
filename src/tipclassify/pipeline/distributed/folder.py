"""The folder that results go to: what an earlier run left in it, what is stale, and the manifest that closes it.

``passages/`` holds a Parquet file a part and ``records/`` what is known of each: a part is done when both are there, and no
error that is worth another try. ``settings.json`` holds what decides rows beside the inputs. Written last:
``errors/errors.parquet`` and ``manifest.json``, with every input and file.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from tipclassify._version import __version__
from tipclassify.errors import InputError
from tipclassify.pipeline.distributed.places import Place, what_failed, write_whole
from tipclassify.pipeline.distributed.worker import Failure, Record, read_record

__all__ = ["Folder"]

_FORMAT: Final = 1


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

    def __init__(self, name: str, place: Place, settings: Mapping[str, Any]) -> None:
        self.name = name
        self._settings = dict(settings)
        self._fs, self._root = place
        try:
            if self._fs.exists(self._root) and not self._fs.isdir(self._root):
                raise InputError(f"{name}: a file; choose another output folder")
            self._refuse_other_settings()
            self._manifest = self._read("manifest.json")
        except InputError:
            raise
        except Exception as error:
            raise InputError(f"{name}: {what_failed(error)}; choose another output folder") from None

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

    def done(self, names: Collection[str]) -> dict[str, Record]:
        """Read the records of the parts, of those named, that an earlier run has finished."""
        sizes = {name: info["size"] for name, (_, info) in self._files("passages").items()}
        paths = [path for name, (path, _) in self._files("records").items() if name in names]
        found = map(read_record, self._fs.cat(paths).values() if paths else ())
        return {
            record.name: record
            for record in found
            if record and sizes.get(record.name) == record.bytes and not any(one.again for one in record.failures)
        }

    def open(self) -> None:
        """Make the folder ready for files; from here to `close` it has no manifest."""
        if self._manifest is not None:
            self._fs.rm_file(f"{self._root}/manifest.json")
        if self._read("settings.json") is None:
            self._write("settings.json", self._settings)

    def close(self, inputs: Sequence[str], records: Sequence[Record]) -> int:
        """Remove what is not of this run, write errors and manifest; how many finished files were removed."""
        names = {record.name for record in records}
        removed = 0
        for folder in ("passages", "records"):
            for name, (path, _) in self._files(folder).items():
                if name not in names and name.startswith(("part-", ".part-")):  # the latter: what a killed worker left
                    self._fs.rm_file(path)
                    removed += folder == "passages" and name.startswith("part-")
        self._write_errors([failure for record in records for failure in record.failures])
        self._write("manifest.json", self._manifest_of(inputs, records))
        return removed

    def _write_errors(self, failures: Sequence[Failure]) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        path = f"{self._root}/errors/errors.parquet"
        if not failures:
            if self._fs.exists(path):
                self._fs.rm_file(path)
            return
        schema = pa.schema([("input", pa.string()), ("error", pa.string()), ("again", pa.bool_())])
        rows = [{"input": _sound(one.input), "error": _sound(one.error), "again": one.again} for one in failures]
        out = io.BytesIO()
        parquet.write_table(pa.Table.from_pylist(rows, schema), out)
        write_whole((self._fs, path), out.getvalue())

    def _manifest_of(self, inputs: Sequence[str], records: Sequence[Record]) -> dict[str, Any]:
        """The manifest. No clock: the same run gives the same one."""
        about: dict[str, dict[str, Any]] = {name: {"name": name, "rows": 0, "errors": 0} for name in inputs}
        for record in records:
            for name, rows in record.inputs.items():
                about[name]["rows"] += rows
            for failure in record.failures:
                about[failure.input]["errors"] += 1
        return {
            "format": _FORMAT,
            "tool": f"tipclassify {__version__}",
            "model": self._settings["model"],
            "settings": self._settings,
            "rows": sum(record.rows for record in records),
            "errors": sum(len(record.failures) for record in records),
            "inputs": list(about.values()),
            "files": [
                {
                    "name": f"passages/{record.name}.parquet",
                    "rows": record.rows,
                    "bytes": record.bytes,
                    "sha256": record.sha256,
                    "inputs": record.inputs,
                }
                for record in records
                if record.bytes
            ],
        }

    def _files(self, folder: str) -> dict[str, tuple[str, Mapping[str, Any]]]:
        """Path and details of each file in a folder, by its name without suffix."""
        self._fs.invalidate_cache()
        path = f"{self._root}/{folder}"
        found = self._fs.find(path, detail=True) if self._fs.isdir(path) else {}
        return {re.sub(r"\.(parquet|json)$", "", path.rpartition("/")[2]): (path, info) for path, info in found.items()}

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


def _sound(text: str) -> str:
    """Text that can be written: odd file names have lone surrogates."""
    return re.sub("[\ud800-\udfff]", "\ufffd", text)
