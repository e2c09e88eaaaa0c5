"""Divide the inputs of a distributed run: names in, `InputPart`s out, one for each task and file.

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

from tipclassify.dask.folder import ClusterOutputFolder, describe_cluster_error
from tipclassify.errors import InputError
from tipclassify.records import is_link
from tipclassify.tagging.inputs import ROWS, expand_inputs, input_names_in_list, is_input

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

__all__ = [
    "ClusterSource",
    "InputPart",
    "find_sources",
    "group_reports_into_cluster_parts",
    "part_name",
    "plan_cluster_parts",
    "resolve_cluster_address",
]

_TABLES: Final = (".parquet", ".pq")
# Details that change with a file, in order of preference (`created` is last: it changes with every
# chmod).
_VERSION_KEYS: Final = (
    "ETag etag mtime last_modified LastModified updated md5Hash generation created".split()
)


@dataclass(frozen=True, slots=True)
class ClusterSource:
    """One input."""

    name: str  # as the user wrote it; used in rows and errors
    fs: AbstractFileSystem | None  # of `path`, valid on any machine; None for a link
    path: str
    size: int | None = None  # bytes, if known
    # changes when the input does; None if unknown, which means that it is always read again
    stamp: str | None = None

    @property
    def suffix(self) -> str:
        """Lower-case suffix of a file; none for a link, which is always a report."""
        return "" if self.fs is None else os.path.splitext(self.path)[1].lower()


@dataclass(frozen=True, slots=True)
class InputPart:
    """Input of one task: whole reports, a range of one file of rows, or rows of a collection."""

    kind: Literal["reports", "range", "rows"]
    sources: tuple[ClusterSource, ...]
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


def resolve_cluster_address(name: str) -> tuple[AbstractFileSystem, str]:
    """Resolve a path or address to its fsspec file system and the path in it.

    Workers can use the file system too.
    """
    from fsspec.core import url_to_fs
    from fsspec.implementations.local import LocalFileSystem

    if "://" not in name:
        return LocalFileSystem(), os.path.abspath(name)
    try:
        fs, path = url_to_fs(name)
    except ImportError as error:  # "Install s3fs to access S3"
        raise InputError(f"{name}: {error}") from None
    except Exception as error:  # an unknown protocol, or bad options in fsspec's configuration
        raise InputError(f"{name}: {describe_cluster_error(error)}; check the address") from None
    fs.invalidate_cache()  # cached listings of an earlier call may be stale
    return fs, str(path)


def find_sources(names: Sequence[str], output: ClusterOutputFolder) -> list[ClusterSource]:
    """Expand names as `tagging.inputs.expand_inputs` does, also Parquet files and addresses.

    Files in `output` are left out, and a name that is there twice is kept once.
    """
    inside = f"{output.root.rstrip('/')}/"
    kept: dict[str, ClusterSource] = {}
    for name in expand_inputs(names, _TABLES):
        for source in _sources_of_input(name):
            is_own = type(source.fs) is type(output.fs) and source.path.startswith(inside)
            if not is_own:
                kept[source.name] = source
    return list(kept.values())


def _sources_of_input(name: str) -> list[ClusterSource]:
    if name == "-":
        raise InputError("-: workers cannot read standard input; give a file")
    if is_link(name):
        return [ClusterSource(name, None, name)]
    address = name.removeprefix("@") if "://" in name else name
    fs, path = resolve_cluster_address(address)
    try:
        if address == name:
            return _cluster_sources_at_address(name, fs, path)
        listed = expand_inputs(input_names_in_list(fs.cat_file(path).decode("utf-8-sig")), _TABLES)
        return [source for inner in listed for source in _sources_of_input(inner)]
    except InputError:
        raise
    # each file system has its own exceptions for permissions, credentials, buckets, …
    except Exception as error:
        raise InputError(f"{name}: {describe_cluster_error(error)}; check the path") from None


def _cluster_sources_at_address(
    name: str, fs: AbstractFileSystem, path: str
) -> list[ClusterSource]:
    """Expand a folder or pattern at an address.

    Any other name, and any local path, is one input.
    """
    if "://" in name and fs.isdir(path):
        root = path.rstrip("/")
        problem = "no report in this folder; it needs .html, .pdf, .docx, .txt, .jsonl or the like"
        listed = fs.find(path, detail=True)
        details = {file: info for file, info in listed.items() if is_input(file, _TABLES)}
    elif any(mark in path for mark in "*?[") and not fs.exists(path):
        root = ""
        problem = "matches no file; check the pattern"
        listed = fs.glob(path, detail=True)
        details = {file: info for file, info in listed.items() if info["type"] == "file"}
    else:
        return [
            _cluster_source_at_address(name, fs, path, fs.info(path) if fs.exists(path) else {})
        ]
    shown = sorted(file for file in details if "/." not in file.removeprefix(root))
    if not shown:
        raise InputError(f"{name}: {problem}")
    base = name.rstrip("/")
    prefix = base.removesuffix(path) if base.endswith(path) else f"{name.partition('://')[0]}://"
    return [_cluster_source_at_address(prefix + file, fs, file, details[file]) for file in shown]


def _cluster_source_at_address(
    name: str, fs: AbstractFileSystem, path: str, info: Mapping[str, Any]
) -> ClusterSource:
    """Make a source; its stamp is its size and its time or tag, if the file system gives one."""
    if info.get("type") != "file":  # pipes and devices have no size or stamp
        return ClusterSource(name, fs, path)
    size = info.get("size")
    for key in _VERSION_KEYS:
        if info.get(key) is not None:
            return ClusterSource(name, fs, path, size, f"{size} {key} {info[key]}")
    return ClusterSource(name, fs, path, size)


def plan_cluster_parts(
    sources: Sequence[ClusterSource], batch_bytes: int, reports: int
) -> list[InputPart]:
    """Divide all inputs into parts: files of rows by bytes, `reports` reports a part on average."""
    parts: list[InputPart] = []
    whole: list[ClusterSource] = []
    for source in sources:
        if source.suffix in (*ROWS, *_TABLES):
            size = sys.maxsize if source.size is None else max(source.size, 1)
            step = size if source.size is None else batch_bytes
            for start in range(0, size, step):
                parts.append(InputPart("range", (source,), start, min(start + step, size)))
        else:
            whole.append(source)
    return [*parts, *group_reports_into_cluster_parts(whole, reports, batch_bytes)]


def group_reports_into_cluster_parts(
    sources: Iterable[ClusterSource], average: int, most_bytes: int
) -> Iterator[InputPart]:
    """Group reports, in order, into parts of `average` reports on average.

    Hashes of the names decide where a part ends (content-defined chunking, Muthitacharoen, Chen and
    Mazières 2001), so that adding or removing a report changes only its own part. A report without
    a stamp is a part of its own.
    """
    group: list[ClusterSource] = []
    for source in sources:
        if source.stamp is None:
            yield InputPart("reports", (source,))
            continue
        group.append(source)
        drawn = int(hashlib.sha256(source.name.encode("utf-8", "surrogatepass")).hexdigest(), 16)
        if drawn % average == 0 or sum(grouped.size or 0 for grouped in group) >= most_bytes:
            yield InputPart("reports", tuple(group))
            group = []
    if group:
        yield InputPart("reports", tuple(group))
