"""Which outputs of a batch are done: what ``--resume`` goes by.

A folder of outputs holds a ledger, ``tipclassify-done.jsonl``, that gets a line when an output is whole. An input whose bytes,
options, model and version are those of a line, and whose output is still there, need not be scored again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tipclassify.errors import InputError

__all__ = ["LEDGER", "Ledger", "output_names"]

LEDGER: Final = "tipclassify-done.jsonl"
_CHUNK: Final = 1 << 20


class Ledger:
    """The finished outputs of a folder.

    Parameters
    ----------
    folder : Path
        Made if it is missing.
    setting : mapping
        Everything beside the input that decides an output, as plain JSON values.

    Raises
    ------
    InputError
        When the folder cannot be made or the ledger not be read.
    """

    def __init__(self, folder: Path, setting: Mapping[str, object]) -> None:
        self.folder = folder
        self._setting = json.dumps(setting, sort_keys=True)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lines = (folder / LEDGER).read_text("utf-8").splitlines() if (folder / LEDGER).exists() else []
        except OSError as error:
            raise InputError(f"{folder}: {(error.strerror or str(error)).lower()}; choose another folder") from None
        self._done = {key for line in lines if (key := _key_of(line))}

    def has(self, file: str, output: Path) -> bool:
        """Whether `output` is the finished one of the input `file`."""
        key = self._key(file, output)
        return key is not None and key in self._done and output.is_file()

    def add(self, file: str, output: Path) -> None:
        """Remember that `output` is whole."""
        key = self._key(file, output)
        if key is None:
            return
        with open(self.folder / LEDGER, "a", encoding="utf-8") as ledger:
            ledger.write(json.dumps({"input": file, "output": output.name, "key": key}, ensure_ascii=False) + "\n")

    def _key(self, file: str, output: Path) -> str | None:
        """Hash of what decides an output; None for an input that cannot be read twice (standard input, a link)."""
        digest = hashlib.sha256(f"{self._setting}\n{output.name}\n".encode())
        try:
            with open(file, "rb") as data:
                while chunk := data.read(_CHUNK):
                    digest.update(chunk)
        except OSError:
            return None
        return digest.hexdigest()


def _key_of(line: str) -> str | None:
    try:
        key = json.loads(line)["key"]
    except (ValueError, TypeError, KeyError):  # the last line of a run that was killed may be cut
        return None
    return key if isinstance(key, str) else None


def output_names(files: Sequence[str], suffix: str) -> list[str]:
    """A name for the output of each input, unlike all others: its own name with `suffix` added.

    Inputs of one name get the folder they lie in too, and if that is not enough, a piece of a hash.

    >>> output_names(["a/qatar.html", "b/qatar.html", "b/togo.pdf", "-"], ".csv")
    ['a-qatar.html.csv', 'b-qatar.html.csv', 'togo.pdf.csv', 'stdin.csv']
    """
    short = [_plain(os.path.basename(file.rstrip("/"))) for file in files]
    longer = [_plain("-".join(file.rstrip("/").split("/")[-2:])) for file in files]
    names = [a if short.count(a) == 1 else b for a, b in zip(short, longer, strict=True)]
    unique = [
        name if names.count(name) == 1 else f"{name}-{hashlib.sha256(file.encode()).hexdigest()[:8]}"
        for name, file in zip(names, files, strict=True)
    ]
    return [name + suffix for name in unique]


def _plain(name: str) -> str:
    """The name without what a file name cannot have."""
    kept = "".join(c if c.isalnum() or c in "._- " else "-" for c in name).strip(". ")
    return {"-": "stdin", "": "report"}.get(kept, kept)[:150]
