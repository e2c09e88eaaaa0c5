"""Read the files of a model's folder, none of which is trusted: sizes and hashes are checked."""

from __future__ import annotations

import hashlib
import io
import math
import os
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tipclassify.errors import ModelError, reason_of_error
from tipclassify.model.metadata import HEAD, Head, hashed_model_files, parse_model_head
from tipclassify.resources import resource_folder_in_user_cache

if TYPE_CHECKING:
    import numpy.typing as npt

LARGEST_HEAD: Final = 5_000_000  # bytes of ``model.json``
LARGEST_FILE: Final = 1_000_000_000  # bytes of another file of a model


def models_folder() -> Path | None:
    """Return the folder of added models; None without a home folder."""
    if chosen := os.environ.get("TIPCLASSIFY_MODELS"):
        return Path(chosen).expanduser()
    return resource_folder_in_user_cache("models")


def load_model_head(folder: Path) -> Head:
    """Load the head of a model folder, unchecked; raise `ModelError` without a valid one."""
    file = folder / HEAD
    if not file.is_file():
        raise ModelError(
            f"{folder}: no model there (no {HEAD}); "
            f"train one with 'tipclassify train --data FILE --output {folder}'"
        )
    try:
        return parse_model_head(read_model_file(file, LARGEST_HEAD))
    except ValueError:
        raise ModelError(
            f"{file}: truncated or not a model; copy or train the model anew"
        ) from None


def read_model_files(
    folder: Path, head: Mapping[str, object], required: Iterable[str]
) -> dict[str, bytes]:
    """Read the files that a head lists, and verify their hashes.

    Files that are not `required` may be missing.
    """
    files = {}
    for name, sha256 in hashed_model_files(head).items():
        file = folder / name
        if name not in required and not file.exists():
            continue
        files[name] = read_model_file(file, LARGEST_FILE)
        if hashlib.sha256(files[name]).hexdigest() != sha256:
            raise ModelError(
                f"{file}: truncated or changed since training; copy or train the model anew"
            )
    return files


def read_model_file(file: Path, largest: int) -> bytes:
    """Read a regular file of at most `largest` bytes; raise `ModelError` for any other."""
    try:
        if file.exists() and not file.is_file():
            problem = "not a file"
        elif (size := file.stat().st_size) > largest:
            problem = f"{size / 1e6:,.0f} MB, more than a model needs"
        else:
            return file.read_bytes()
    except OSError as error:
        absent = isinstance(error, FileNotFoundError | NotADirectoryError)
        problem = "missing" if absent else f"cannot be read ({reason_of_error(error)})"
    raise ModelError(f"{file}: {problem}; copy or get the model anew")


def read_model_arrays(
    file: Path, data: bytes, names: Iterable[str], what: str
) -> dict[str, npt.NDArray[Any]]:  # of any number type, which the caller checks
    """Read arrays by name from the bytes of an ``.npz`` file, without unpickling anything.

    Arrays must be stored uncompressed and be as large as their header says, so that none is larger
    than the file. Raises `ModelError`, which says that `file` is not `what`.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return {name: _read_model_array(archive, f"{name}.npy") for name in names}
    except Exception:  # untrusted bytes: zipfile and numpy raise a dozen classes
        raise ModelError(f"{file}: not {what}; train or get the model anew") from None


def _read_model_array(archive: zipfile.ZipFile, name: str) -> npt.NDArray[Any]:
    import numpy as np  # slow to import, and not needed for a head

    entry = archive.getinfo(name)
    if entry.compress_type != zipfile.ZIP_STORED:
        raise ValueError("compressed")
    with archive.open(entry) as file:
        version = np.lib.format.read_magic(file)
        read_header = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }
        shape, by_column, dtype = read_header[version](file)
        content = file.read()
    if dtype.hasobject or math.prod(shape) * dtype.itemsize != len(content):
        raise ValueError("of another size than its header says")
    return np.frombuffer(content, dtype).reshape(shape, order="F" if by_column else "C").copy()
