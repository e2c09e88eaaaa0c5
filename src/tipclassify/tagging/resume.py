"""Keep a journal of finished outputs, by the hash of input, options, model and version.

``--resume`` skips what it has.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from tipclassify.errors import InputError, OutputError, reason_of_error
from tipclassify.formatting import json_line, load_json
from tipclassify.readers.limits import read_bounded, split_zip_path

# bytes, without what is added: folder, hash, suffix, number of a part, staging
_LONGEST_NAME: Final = 150

# names of devices on Windows, whatever follows a dot
_DEVICES: Final = frozenset(
    ["con", "prn", "aux", "nul", *(f"{kind}{n}" for kind in ("com", "lpt") for n in range(10))]
)

# readers of data folders skip "_", and it has no suffix of data
JOURNAL: Final = "_tipclassify-done"


class Journal:
    """The finished outputs of a folder, which is created if missing.

    `setting` is everything besides the input that determines an output, as plain JSON values.
    Raises `OutputError` when the folder cannot be created or the journal cannot be read.
    """

    def __init__(self, folder: Path, setting: Mapping[str, object]) -> None:
        self._file = folder / JOURNAL
        self._setting = json.dumps(setting, sort_keys=True)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if self._file.exists() and not self._file.is_file():  # a pipe is never at its end
                raise OutputError(f"{self._file}: no file; move it, or choose another folder")
            entries = list(_entries(self._file)) if self._file.exists() else []
        except OSError as error:
            raise OutputError(
                f"{folder}: {reason_of_error(error)}; choose another folder"
            ) from None
        # bytes of the output, by key
        self._size_of_done = {entry.key: entry.size for entry in entries}

    def has(self, file: str, output: Path) -> bool:
        """Return whether `output` is complete for the current content of the input `file`.

        One that was emptied or cut since, by a full disk or a copy that broke off, is not.
        """
        key = self._key(file, output)
        if key is None or key not in self._size_of_done or not output.is_file():
            return False
        return output.stat().st_size == self._size_of_done[key]

    def add(self, file: str, output: Path) -> None:
        """Record that `output` is complete."""
        key = self._key(file, output)
        if key is None:
            return
        try:
            entry = _Entry(Path(file).name, output.name, key, output.stat().st_size)
            line = json_line(msgspec.structs.asdict(entry)).encode()
            with open(self._file, "a+b") as journal:
                end = journal.seek(0, os.SEEK_END)
                journal.seek(max(0, end - 1))
                if end > 0 and journal.read(1) != b"\n":  # cut off by a full disk or a killed run
                    line = b"\n" + line
                journal.write(line)
        except OSError as error:
            raise OutputError(
                f"{self._file}: cannot be written ({reason_of_error(error)}); free some space"
            ) from None

    def _key(self, file: str, output: Path) -> str | None:
        """Hash input, output name and settings.

        None for an input that cannot be read twice: standard input, a pipe, or a link.
        """
        digest = hashlib.sha256(f"{self._setting}\n{output.name}\n".encode())
        try:
            if split_zip_path(file):
                digest.update(read_bounded(file))
                return digest.hexdigest()
            if not os.path.isfile(file):
                return None
            with open(file, "rb") as data:
                while chunk := data.read(1 << 20):
                    digest.update(chunk)
        except (OSError, ValueError, InputError):  # ValueError: a NUL in the name
            return None
        return digest.hexdigest()


class _Entry(msgspec.Struct):
    """A line of a journal."""

    input: str  # names of files, without their folders
    output: str
    key: str
    size: int  # bytes of the output


def _entries(journal: Path) -> Iterator[_Entry]:
    for line in journal.read_bytes().splitlines():
        with contextlib.suppress(ValueError):  # a killed run may leave a truncated last line
            yield msgspec.convert(load_json(line), _Entry)


def listed_outputs(folder: Path) -> dict[str, str]:
    """Return the outputs in a folder's journal, with the name of the input of each."""
    journal = folder / JOURNAL
    with contextlib.suppress(OSError):
        if journal.is_file():
            return {entry.output: entry.input for entry in _entries(journal)}
    return {}


def output_names(files: Sequence[str], suffix: str) -> list[str]:
    """Make a unique output name for each input: its own name with `suffix` appended.

    Inputs of the same name are prefixed with their folder and, if that is not enough, get part of a
    hash.

    >>> output_names(["a/qatar.html", "b/qatar.html", "b/togo.pdf", "-"], ".csv")
    ['a-qatar.html.csv', 'b-qatar.html.csv', 'togo.pdf.csv', 'stdin.csv']
    """
    own = [_safe(os.path.basename(file.rstrip("/"))) for file in files]
    with_folder = [_safe("-".join(file.rstrip("/").split("/")[-2:])) for file in files]
    times = Counter(map(str.casefold, own))  # Windows and macOS take "Togo" and "togo" for one file
    names = [
        own_name if times[own_name.casefold()] == 1 else longer_name
        for own_name, longer_name in zip(own, with_folder, strict=True)
    ]
    times = Counter(map(str.casefold, names))
    outputs = []
    for file, name in zip(files, names, strict=True):
        if times[name.casefold()] > 1:
            name = f"{name}-{hashlib.sha256(os.fsencode(file)).hexdigest()[:8]}"
        outputs.append(f"{name}{suffix}")
    return outputs


def _safe(name: str) -> str:
    """Make a name that every file system takes.

    >>> _safe("togo: 2021?.html"), _safe("CON.html")
    ('togo- 2021-.html', '_CON.html')
    """
    kept = "".join(c if c.isalnum() or c in "._- " else "-" for c in name).strip(". ")
    kept = {"-": "stdin", "": "report"}.get(kept, kept)
    if kept.split(".")[0].strip().casefold() in _DEVICES:
        kept = f"_{kept}"
    # File systems count bytes, of a name in normal form D at worst, and suffixes are added: 255 is
    # the limit.
    while (
        len(unicodedata.normalize("NFD", kept).encode("utf-8", "surrogateescape")) > _LONGEST_NAME
    ):
        kept = kept[:-1]
    return kept
