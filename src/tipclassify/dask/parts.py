"""Divide the inputs of a distributed run: names in, `Part`s out, one for each task and file.

Only lists and sizes are read.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from tipclassify.errors import InputError
from tipclassify.records import is_link
from tipclassify.tagging.inputs import ROWS, expand_inputs, is_input, names_in_list

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_TABLES: Final = (".parquet", ".pq")
# details that change with a file, in order of preference (`created` changes with every chmod)
_VERSIONS: Final = "ETag etag mtime last_modified LastModified updated md5Hash generation created"


@dataclass(frozen=True, slots=True)
class Source:
    """One input; `stamp` changes when it does, and None means that it is always read again."""

    name: str  # as the user wrote it; used in rows and errors
    fs: AbstractFileSystem | None  # of `path`, valid on any machine; None for a link
    path: str
    size: int | None = None  # bytes, if known
    stamp: str | None = None

    @property
    def suffix(self) -> str:
        """Lower-case suffix of a file; none for a link, which is always a report."""
        return "" if self.fs is None else os.path.splitext(self.path)[1].lower()


@dataclass(frozen=True, slots=True)
class Part:
    """Input of one task: whole reports, a range of one file of rows, or rows of a collection."""

    kind: Literal["reports", "range", "rows"]
    sources: tuple[Source, ...]
    start: int = 0  # bytes in which lines or row groups begin, half-open
    end: int = 0

    def name(self, settings: Mapping[str, object]) -> str:
        """Make the name of its file under some settings, without suffix."""
        sources = [[source.name, source.path, source.stamp] for source in self.sources]
        return part_name([settings, self.kind, sources, self.start, self.end])

    def __str__(self) -> str:
        name = self.sources[0].name
        return f"{name}, bytes {self.start} to {self.end}" if self.kind == "range" else name


def part_name(values: Sequence[object]) -> str:
    """Name a part's file by a hash of values, as JSON."""
    written = json.dumps(values, sort_keys=True, default=str)
    return f"part-{hashlib.sha256(written.encode()).hexdigest()[:24]}"


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
    """Expand names as `tagging.inputs.expand_inputs` does, also Parquet files and addresses.

    Files in the folder at the path `output` are left out; a name that is there twice is kept once.
    """
    kept: dict[str, Source] = {}
    for name in expand_inputs(names, _TABLES):
        for source in _sources_of(name):
            if not source.path.startswith(f"{output.rstrip('/')}/"):
                kept[source.name] = source
    return list(kept.values())


def _sources_of(name: str) -> list[Source]:
    if name == "-":
        raise InputError("-: workers cannot read standard input; give a file")
    if is_link(name):
        return [Source(name, None, name)]
    is_list = name.startswith("@") and "://" in name
    fs, path = resolve(name.removeprefix("@") if is_list else name)
    try:
        if not is_list:
            return _sources_at(name, fs, path)
        listed = expand_inputs(names_in_list(fs.cat_file(path).decode("utf-8-sig")), _TABLES)
        return [source for inner in listed for source in _sources_of(inner)]
    except InputError:
        raise
    # each file system has its own exceptions for permissions, credentials, buckets, …
    except Exception as error:
        raise InputError(f"{name}: {describe(error)}; check the path") from None


def _sources_at(name: str, fs: AbstractFileSystem, path: str) -> list[Source]:
    """Expand a folder or pattern at an address; any other name, and any local path, is one."""
    root = ""
    if "://" in name and fs.isdir(path):
        root = path.rstrip("/")
        problem = "no report in this folder; it needs .html, .pdf, .docx, .txt, .jsonl or the like"
        found = fs.find(path, detail=True)
        files = {file: info for file, info in found.items() if is_input(file, _TABLES)}
    elif any(mark in path for mark in "*?[") and not fs.exists(path):
        problem = "matches no file; check the pattern"
        found = fs.glob(path, detail=True)
        files = {file: info for file, info in found.items() if info["type"] == "file"}
    else:
        return [_source(name, fs, path, fs.info(path) if fs.exists(path) else {})]
    shown = sorted(file for file in files if "/." not in file.removeprefix(root))
    if not shown:
        raise InputError(f"{name}: {problem}")
    base = name.rstrip("/")
    prefix = base.removesuffix(path) if base.endswith(path) else f"{name.partition('://')[0]}://"
    return [_source(prefix + file, fs, file, files[file]) for file in shown]


def _source(name: str, fs: AbstractFileSystem, path: str, info: Mapping[str, Any]) -> Source:
    """Make a source; its stamp is its size and its time or tag, if the file system gives one."""
    if info.get("type") != "file":  # pipes and devices have no size or stamp
        return Source(name, fs, path)
    version = next((each for each in _VERSIONS.split() if info.get(each) is not None), None)
    stamp = f"{info.get('size')} {version} {info[version]}" if version else None
    return Source(name, fs, path, info.get("size"), stamp)


def plan(sources: Sequence[Source], part_bytes: int, part_reports: int) -> list[Part]:
    """Divide all inputs into parts: files of rows by bytes, some reports a part on average."""
    parts: list[Part] = []
    reports: list[Source] = []
    for source in sources:
        if source.suffix in (*ROWS, *_TABLES):
            size = sys.maxsize if source.size is None else max(source.size, 1)
            step = size if source.size is None else part_bytes
            for start in range(0, size, step):
                parts.append(Part("range", (source,), start, min(start + step, size)))
        else:
            reports.append(source)
    return [*parts, *group_reports(reports, part_reports, part_bytes)]


def group_reports(sources: Iterable[Source], average: int, most_bytes: int) -> Iterator[Part]:
    """Group reports, in order, into parts of `average` reports on average.

    Hashes of the names decide where a part ends (content-defined chunking, Muthitacharoen, Chen and
    Mazières 2001), so that adding or removing a report changes only its own part. A report without
    a stamp is a part of its own.
    """
    group: list[Source] = []
    for source in sources:
        if source.stamp is None:
            yield Part("reports", (source,))
            continue
        group.append(source)
        drawn = int(hashlib.sha256(source.name.encode("utf-8", "surrogatepass")).hexdigest(), 16)
        if drawn % average == 0 or sum(grouped.size or 0 for grouped in group) >= most_bytes:
            yield Part("reports", tuple(group))
            group = []
    if group:
        yield Part("reports", tuple(group))
