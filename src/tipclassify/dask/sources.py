"""Find the inputs of a distributed run: names in, `Source`s out, one for each task and part file.

Of addresses, only lists, sizes and times are read; files of this machine are hashed.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from tipclassify.errors import InputError
from tipclassify.readers.limits import LARGEST, split_zip_path
from tipclassify.records import is_link
from tipclassify.tagging.inputs import ROWS, expand_inputs, is_input

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_LONGEST: Final = 255  # bytes of a file name
# details that change with a file, in order of preference (`created` changes with every chmod)
_VERSIONS: Final = "ETag etag mtime last_modified LastModified updated md5Hash generation created"


@dataclass(frozen=True, slots=True)
class Source:
    """One input; `stamp` changes when it does, and None means that it is always read again."""

    name: str  # as the user wrote it; used in errors
    path: str  # on any machine: a link, an absolute path, or a path of `fs`
    stamp: str | None = None
    fs: AbstractFileSystem | None = None  # of an address, such as s3://…

    @contextlib.contextmanager
    def local_path(self) -> Iterator[str]:
        """Give a path or link that can be read here; a file at an address is copied for it."""
        if self.fs is None:
            yield self.path
            return
        with tempfile.TemporaryDirectory(prefix="tipclassify-") as folder:
            name = self.path.rpartition("/")[2]
            size = self.fs.info(self.path).get("size") or 0
            are_rows = Path(name).suffix.lower() in ROWS  # which are read as they come
            if size > LARGEST and not are_rows:
                raise InputError(f"{self.name}: over {LARGEST / 1e6:.0f} MB; split it")
            copy = os.path.join(folder, name if len(os.fsencode(name)) <= _LONGEST else name[-60:])
            self.fs.get_file(self.path, copy)
            yield copy


def digest_of(file: IO[bytes]) -> str:
    """Compute the start of the SHA-256 of a file's bytes, in hexadecimal."""
    digest = hashlib.sha256()
    while block := file.read(1 << 20):
        digest.update(block)
    return digest.hexdigest()[:24]


def describe(error: BaseException) -> str:
    """Describe an exception of a file system in one line.

    >>> describe(FileNotFoundError("s3://bucket/x"))
    'no such file or directory'
    >>> describe(KeyError("x"))
    "KeyError: 'x'"
    """
    if isinstance(error, OSError) and (error.strerror or isinstance(error, FileNotFoundError)):
        return (error.strerror or "no such file or directory").lower()
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}".rstrip(": ")


def resolve(name: str) -> tuple[AbstractFileSystem, str]:
    """Resolve a path or address to its fsspec file system, which workers can use, and its path."""
    from fsspec.core import url_to_fs
    from fsspec.implementations.local import LocalFileSystem

    if "://" not in name:
        return LocalFileSystem(), os.path.abspath(name)
    try:
        fs, path = url_to_fs(name)
    except ImportError as error:  # "Install s3fs to access S3"
        raise InputError(f"{name}: {error}") from None
    except Exception as error:  # an unknown protocol, or bad options in fsspec's configuration
        raise InputError(f"{name}: {describe(error)}; check the address") from None
    fs.invalidate_cache()  # cached listings of an earlier call may be stale
    return fs, str(path)


def find_sources(names: Sequence[str], output: str) -> list[Source]:
    """Expand names as `tagging.inputs.expand_inputs` does, and folders and patterns at addresses.

    Files in the folder at the path `output` are left out; a name that is there twice is kept once.
    """
    kept: dict[str, Source] = {}
    digests: dict[str, str] = {}
    for name in expand_inputs(names, output=Path(output)):
        if name == "-":
            raise InputError("-: workers cannot read standard input; give a file")
        if is_link(name):
            sources = [Source(name, name)]
        elif "://" in name:
            sources = _sources_at(name)
        else:
            sources = [_local(name, digests)]
        for source in sources:
            if not source.path.startswith(f"{output.rstrip('/')}/"):
                kept[source.name] = source
    return list(kept.values())


def _local(name: str, digests: dict[str, str]) -> Source:
    path = os.path.abspath(name)
    archived = split_zip_path(path)
    file = str(archived[0]) if archived else path
    with contextlib.suppress(OSError, ValueError):  # reading it reports what is wrong
        if file not in digests and os.path.isfile(file):
            with open(file, "rb") as opened:
                digests[file] = digest_of(opened)
    return Source(name, path, digests.get(file))


def _sources_at(name: str) -> list[Source]:
    """Expand a folder or pattern at an address; any other name is one input."""
    fs, path = resolve(name)
    root = ""
    try:
        if fs.isdir(path):
            root = path.rstrip("/")
            found = fs.find(path, detail=True)
            files = {file: info for file, info in found.items() if is_input(file)}
        elif any(mark in path for mark in "*?[") and not fs.exists(path):
            found = fs.glob(path, detail=True)
            files = {file: info for file, info in found.items() if info["type"] == "file"}
        else:
            info = fs.info(path) if fs.exists(path) else {}  # reading it reports what is wrong
            return [Source(name, path, _stamp(fs, path, info), fs)]
    # each file system has its own exceptions for permissions, credentials, buckets, …
    except Exception as error:
        raise InputError(f"{name}: {describe(error)}; check the path") from None
    shown = sorted(file for file in files if "/." not in file.removeprefix(root))
    if not shown:
        raise InputError(f"{name}: no report there; check the address")
    base = name.rstrip("/")  # the address of a host may not be part of a path
    prefix = base.removesuffix(path) if base.endswith(path) else f"{name.partition('://')[0]}://"
    return [Source(prefix + file, file, _stamp(fs, file, files[file]), fs) for file in shown]


def _stamp(fs: AbstractFileSystem, path: str, info: Mapping[str, Any]) -> str | None:
    """Join the size of a file and its time or tag, if the file system gives one; hash one here."""
    if "file" in fs.protocol and info.get("type") == "file":
        with fs.open(path, "rb") as file:
            return digest_of(file)
    for name in _VERSIONS.split():
        if info.get(name) is not None:
            return f"{info.get('size')} {name} {info[name]}"
    return None
