"""The output folder of a distributed run: a Parquet file for each input, and the errors.

An input is finished when it has its file: a file takes its name only when it is complete, and has
a hash of its bytes in it, so that a damaged one is made anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import uuid
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Final

from tipclassify.dask.sources import Source, describe, digest_of
from tipclassify.errors import InputError, TipclassifyError
from tipclassify.formatting import load_json
from tipclassify.records import encodable

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem


_STAGED: Final = re.compile(r"\.[0-9a-f]{32}")
_OF_OTHERS: Final = re.compile(r"\.(?![0-9a-f]{32}$)")  # hidden files of other programs


@dataclass(frozen=True)
class Folder:
    """The output folder: its name as the user wrote it, and its file system and path there."""

    name: str
    fs: AbstractFileSystem
    root: str
    settings: dict[str, object]  # what determines rows, besides the inputs

    def name_of(self, source: Source) -> str:
        """Begin the name of an input's file by a hash of what determines it."""
        written = json.dumps(
            [self.settings, source.name, source.path, source.stamp], sort_keys=True
        )
        return f"part-{hashlib.sha256(written.encode()).hexdigest()[:24]}"

    def check(self, inputs: Collection[str]) -> None:
        """Raise `InputError` for a folder that is unreadable, or whose content a run would harm."""
        try:
            wrong = "a file" if self.fs.isfile(self.root) else self._holds(inputs)
        except Exception as error:
            wrong = describe(error)
        if wrong:
            raise InputError(f"{self.name}: {wrong}; choose another output folder")

    def _holds(self, inputs: Collection[str]) -> str | None:
        """Describe the content of another run or program; None where there is none."""
        try:
            written = load_json(self.fs.cat_file(f"{self.root}/settings.json"))
        except (FileNotFoundError, ValueError):
            return "holds files of something else" if self.passage_files() else None
        others = [name for name, value in self.settings.items() if written.get(name) != value]
        if others:
            return f"holds results of another {' and '.join(others)}"
        earlier = set(written.get("inputs", ()))
        if earlier and earlier.isdisjoint(inputs):
            return "holds the results of other inputs"
        return None

    def open(self, inputs: Collection[str]) -> None:
        """Prepare for writing: say what is written here, and of what."""

        def write(out: IO[bytes]) -> str:
            text = json.dumps({**self.settings, "inputs": list(inputs)}, indent=1)
            out.write(f"{text}\n".encode())
            return "settings.json"

        self.write("", write)

    def passage_files(self) -> dict[str, str]:
        """List the paths of the files with passages, by name without suffix."""
        self.fs.invalidate_cache()
        folder = f"{self.root}/passages"
        paths: list[str] = self.fs.find(folder) if self.fs.isdir(folder) else []
        names = {path.rpartition("/")[2].removesuffix(".parquet"): path for path in paths}
        return {name: path for name, path in names.items() if not _OF_OTHERS.match(name)}

    def finished(self) -> dict[str, str]:
        """List the names of undamaged files with passages, by how `name_of` begins them."""
        intact = {}
        for name, path in self.passage_files().items():
            start, _, digest = name.rpartition("-")
            with contextlib.suppress(OSError), self.fs.open(path, "rb") as file:
                if digest == digest_of(file):
                    intact[start] = name
        return intact

    def close(self, names: Collection[str], failures: Sequence[tuple[str, str]]) -> int:
        """Remove the passages of inputs that have changed or gone, and write the errors.

        `names` are those of the files to keep. Returns the number of files removed.
        """
        import pyarrow as pa
        from pyarrow import parquet

        removed = 0
        for name, path in self.passage_files().items():
            if name not in names:
                self.fs.rm_file(path)
                removed += not _STAGED.fullmatch(name)  # which a killed worker left half written

        def write(out: IO[bytes]) -> str:
            columns = {
                "input": [encodable(name) for name, _ in failures],
                "error": [encodable(error) for _, error in failures],
            }
            schema = pa.schema([("input", pa.string()), ("error", pa.string())])
            parquet.write_table(pa.table(columns, schema), out)
            return "errors.parquet"

        self.write("errors", write)
        return removed

    def write(self, subfolder: str, write: Callable[[IO[bytes]], str], hashed: bool = False) -> str:
        """Write a whole file, and return its name: `write` fills it and returns that.

        Where it is `hashed`, a hash of its bytes and ``.parquet`` are added to the name. Raises
        `InputError` when that fails.
        """
        from fsspec.implementations.local import LocalFileSystem

        folder = f"{self.root}/{subfolder}".rstrip("/")
        staged = f"{folder}/.{uuid.uuid4().hex}"
        try:
            self.fs.makedirs(folder, exist_ok=True)
            with self.fs.open(staged, "wb") as out:
                name = write(out)
            if hashed:
                with self.fs.open(staged, "rb") as file:
                    name += f"-{digest_of(file)}.parquet"
            path = f"{folder}/{name}"
            if isinstance(self.fs, LocalFileSystem):
                os.replace(staged, path)  # fsspec's move fails on Windows if `path` exists
            else:
                self.fs.mv(staged, path)
            return name
        except Exception as error:
            with contextlib.suppress(Exception):
                self.fs.rm_file(staged)
            if isinstance(error, TipclassifyError):
                raise
            problem = f"cannot be written ({describe(error)})"
            raise InputError(f"{folder}: {problem}; choose another output folder") from None
