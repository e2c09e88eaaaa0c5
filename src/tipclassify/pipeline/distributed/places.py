"""File systems of inputs and outputs: local paths and all fsspec addresses (``s3://``, ``gs://``, ``memory://``, …)."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Mapping
from typing import Any, Final

from tipclassify.errors import InputError

__all__ = ["Place", "describe_error", "place_of", "stamp_of", "write_whole"]

Place = tuple[Any, str]
"""An fsspec file system, picklable with its options, and a path in it."""

_VERSION_KEYS: Final = (
    "ETag", "etag", "mtime", "last_modified", "LastModified", "updated", "md5Hash", "generation", "created",
)  # fmt: skip
"""Details that change with a file, in order of preference (`created` is last: it changes with every chmod)."""


def place_of(name: str, options: Mapping[str, Any] | None = None) -> Place:
    """Resolve a path or address to its file system and the path in it; local paths become absolute.

    Raises
    ------
    InputError
        When the address's protocol is unknown, or its package is not installed.
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
        raise InputError(f"{name}: {describe_error(error)}; check the address") from None
    fs.invalidate_cache()  # cached listings of an earlier call may be stale
    return fs, str(path)


def stamp_of(info: Mapping[str, Any]) -> str | None:
    """Make a version stamp of a file from its size and its time or tag; None if its file system gives neither.

    >>> stamp_of({"size": 7, "mtime": 12.5, "created": 11.0})
    '7 mtime 12.5'
    """
    key = next((name for name in _VERSION_KEYS if info.get(name) is not None), None)
    return None if key is None else f"{info.get('size')} {key} {info[key]}"


def describe_error(error: BaseException) -> str:
    """Describe an exception of a file system in one line.

    >>> describe_error(FileNotFoundError("s3://bucket/x")), describe_error(KeyError("x"))
    ('no such file or directory', "KeyError: 'x'")
    """
    if isinstance(error, FileNotFoundError):
        return "no such file or directory"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}".rstrip(": ")


def write_whole(place: Place, data: bytes) -> None:
    """Write a file atomically: under a temporary name, then renamed.

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
            os.replace(staged, path)  # fsspec's move fails on Windows if `path` exists
        else:
            fs.mv(staged, path)
    except Exception as error:
        with contextlib.suppress(Exception):
            fs.rm_file(staged)
        raise InputError(f"{path}: cannot be written ({describe_error(error)}); choose another output folder") from None
