"""Where inputs and outputs lie: local paths and every address that fsspec knows (``s3://``, ``gs://``, ``memory://``, …)."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Mapping
from typing import Any, Final

from tipclassify.errors import InputError

__all__ = ["Place", "place_of", "stamp_of", "what_failed", "write_whole"]

Place = tuple[Any, str]
"""An fsspec file system, which travels to the workers with its options, and a path in it."""

_TOLD: Final = ("ETag", "etag", "mtime", "last_modified", "LastModified", "updated", "md5Hash", "generation", "created")
"""What file systems tell of a file's state; the first that is there speaks (`created` changes with every chmod)."""


def place_of(name: str, options: Mapping[str, Any] | None = None) -> Place:
    """The file system of a path or address and the path in it; local paths become absolute.

    Raises
    ------
    InputError
        When no file system has that address, or the package that knows it is not installed.
    """
    from fsspec.core import url_to_fs
    from fsspec.implementations.local import LocalFileSystem

    if "://" not in name:
        return LocalFileSystem(), os.path.abspath(name)
    try:
        fs, path = url_to_fs(name, **(options or {}))
    except ImportError as error:  # "Install s3fs to access S3"
        raise InputError(f"{name}: {error}") from None
    except Exception as error:  # an unknown protocol, or an option that the file system does not take
        raise InputError(f"{name}: {what_failed(error)}; check the address") from None
    fs.invalidate_cache()  # listings of an earlier call would hide what has changed since
    return fs, str(path)


def stamp_of(info: Mapping[str, Any]) -> str | None:
    """Size and time or tag of a file, which change when it does; None where nothing is told.

    >>> stamp_of({"size": 7, "mtime": 12.5, "created": 11.0})
    '7 mtime 12.5'
    """
    told = next((name for name in _TOLD if info.get(name) is not None), None)
    return None if told is None else f"{info.get('size')} {told} {info[told]}"


def what_failed(error: BaseException) -> str:
    """An exception of a file system in a few words, on one line.

    >>> what_failed(FileNotFoundError("s3://bucket/x")), what_failed(KeyError("x"))
    ('no such file or directory', "KeyError: 'x'")
    """
    if isinstance(error, FileNotFoundError):
        return "no such file or directory"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}".rstrip(": ")


def write_whole(place: Place, data: bytes) -> None:
    """Write a file that is there whole or not at all: under a temporary name, then renamed.

    Raises
    ------
    InputError
        When it cannot be written.
    """
    from fsspec.implementations.local import LocalFileSystem

    fs, path = place
    folder, _, name = path.rpartition("/")
    staged = f"{folder}/.{name}-{uuid.uuid4().hex[:12]}"
    try:
        fs.makedirs(folder, exist_ok=True)
        fs.pipe_file(staged, data)
        if isinstance(fs, LocalFileSystem):
            os.replace(staged, path)  # fsspec's own would fail on Windows where `path` is there
        else:
            fs.mv(staged, path)
    except Exception as error:
        with contextlib.suppress(Exception):
            fs.rm_file(staged)
        raise InputError(f"{path}: cannot be written ({what_failed(error)}); choose another output folder") from None
