"""Output folder of a distributed run: finished parts of earlier runs, stale files, errors and the manifest.

``passages/`` has a Parquet file and ``records/`` a JSON record for each part; a part is finished when both exist and
no failure is retryable. ``settings.json`` has the options that determine rows. ``errors/errors.parquet`` and
``manifest.json`` are written last.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from tipclassify._version import __version__
from tipclassify.errors import InputError
from tipclassify.pipeline.distributed.places import Place, describe_error, write_whole
from tipclassify.pipeline.distributed.worker import Failure, Record, read_record

__all__ = ["Folder"]

_FORMAT: Final = 1


class Folder:
    """Output folder of a run.

    Parameters
    ----------
    name : str
        Path or address as the user wrote it.
    place : Place
        File system and path of the folder.
    settings : mapping
        Options that determine rows, as plain JSON values.

    Raises
    ------
    InputError
        When it cannot be read, or has results of other settings or other files.
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
            raise InputError(f"{name}: {describe_error(error)}; choose another output folder") from None

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
        """Check that the folder's results, if any, share an input with this run.

        Raises
        ------
        InputError
            When all are of other inputs: they would be removed.
        """
        earlier = {one["name"] for one in (self._manifest or {}).get("inputs", ())}
        if earlier and earlier.isdisjoint(inputs):
            raise InputError(
                f"{self.name}: holds the results of other inputs; choose another output folder, or remove it"
            )

    def done(self, names: Collection[str]) -> dict[str, Record]:
        """Read the records of those of the named parts that an earlier run finished."""
        sizes = {name: info["size"] for name, (_, info) in self._files("passages").items()}
        paths = [path for name, (path, _) in self._files("records").items() if name in names]
        found = map(read_record, self._fs.cat(paths).values() if paths else ())
        return {
            record.name: record
            for record in found
            if record and sizes.get(record.name) == record.bytes and not any(one.again for one in record.failures)
        }

    def open(self) -> None:
        """Prepare the folder for writing: it has no manifest until `close`."""
        if self._manifest is not None:
            self._fs.rm_file(f"{self._root}/manifest.json")
        if self._read("settings.json") is None:
            self._write("settings.json", self._settings)

    def close(self, inputs: Sequence[str], records: Sequence[Record]) -> int:
        """Remove files of other runs, write errors and manifest; return the number of passage files removed."""
        names = {record.name for record in records}
        removed = 0
        for folder in ("passages", "records"):
            for name, (path, _) in self._files(folder).items():
                if name not in names and name.startswith(("part-", ".part-")):  # ".part-": left by a killed worker
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
        rows = [
            {"input": _replace_surrogates(one.input), "error": _replace_surrogates(one.error), "again": one.again}
            for one in failures
        ]
        out = io.BytesIO()
        parquet.write_table(pa.Table.from_pylist(rows, schema), out)
        write_whole((self._fs, path), out.getvalue())

    def _manifest_of(self, inputs: Sequence[str], records: Sequence[Record]) -> dict[str, Any]:
        """Build the manifest. It has no timestamp, so that the same run gives the same bytes."""
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
        """List a subfolder: path and details of each file, by its name without suffix."""
        self._fs.invalidate_cache()
        path = f"{self._root}/{folder}"
        found = self._fs.find(path, detail=True) if self._fs.isdir(path) else {}
        return {re.sub(r"\.(parquet|json)$", "", path.rpartition("/")[2]): (path, info) for path, info in found.items()}

    def _read(self, name: str) -> dict[str, Any] | None:
        """Read a JSON file of the folder; None if missing or malformed."""
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


def _replace_surrogates(text: str) -> str:
    """Replace lone surrogates, which some file names have and UTF-8 cannot encode."""
    return re.sub("[\ud800-\udfff]", "\ufffd", text)
