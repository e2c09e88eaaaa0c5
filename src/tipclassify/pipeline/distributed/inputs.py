"""Inputs of a distributed run: names in, `Part`s out. Only sizes, lists and Parquet footers are read.

A `Part` is the input of one task and gives one file, named by a hash of everything that determines its rows.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final, Literal

from tipclassify.errors import InputError
from tipclassify.pipeline.batch import ROWS, expand_inputs, names_in_list
from tipclassify.pipeline.distributed.places import Place, describe_error, place_of, stamp_of
from tipclassify.readers import is_link, is_report

__all__ = ["Part", "Source", "find_sources", "group_reports", "part_name", "plan_parts"]

_TABLES: Final = (".parquet", ".pq")
_MAX_SIZE_RATIO: Final = 4  # maximum number of reports in a part, relative to the average
_CONNECTIONS: Final = 16  # Parquet footers read concurrently: reading waits for the network


@dataclass(frozen=True, slots=True)
class Source:
    """One input."""

    name: str  # as the user wrote it; used in rows and errors
    fs: Any  # file system of `path`, valid on any machine; None for a link
    path: str
    size: int | None = None  # bytes, if known
    stamp: str | None = None  # changes when the input does; None if unknown, which means that it is always read again


@dataclass(frozen=True, slots=True)
class Part:
    """Input of one task.

    Whole ``reports``, ``lines`` of one JSONL file, row ``groups`` of one Parquet file, or ``rows`` of a collection.
    """

    kind: Literal["reports", "lines", "groups", "rows"]
    sources: tuple[Source, ...]
    start: int = 0  # range of bytes or of row groups, half-open
    end: int = 0

    def name(self, setting: str) -> str:
        """Make the name of its file under a setting, without suffix."""
        what = [[source.name, source.path, source.stamp] for source in self.sources]
        return part_name([setting, self.kind, what, self.start, self.end])

    @property
    def known(self) -> bool:
        """Whether its name changes when its inputs do, so that an existing file of that name is up to date."""
        return all(source.stamp is not None for source in self.sources)

    def split(self) -> list[Part]:
        """Make one part for each of its sources."""
        return [replace(self, sources=(source,)) for source in self.sources]

    def __str__(self) -> str:
        where = {"lines": f", bytes {self.start} to {self.end}", "groups": f", row groups {self.start} on"}
        return self.sources[0].name + where.get(self.kind, "")


def part_name(what: Sequence[Any]) -> str:
    """Name a part's file by a hash of plain JSON values."""
    return f"part-{hashlib.sha256(json.dumps(what).encode()).hexdigest()[:24]}"


def find_sources(names: Sequence[str], output: Place, options: Mapping[str, Any] | None = None) -> list[Source]:
    """Expand names to inputs, each once, as `batch.expand_inputs` does, but also Parquet files and fsspec addresses.

    Files in the folder `output` are left out.

    Raises
    ------
    InputError
        When a list or folder cannot be read, a folder or pattern holds no input, or an address needs a package.
    """
    fs, root = output
    found: dict[str, Source] = {}
    for name in expand_inputs(names, _TABLES):
        for source in _sources_of(name, options):
            if not (type(source.fs) is type(fs) and source.path.startswith(f"{root.rstrip('/')}/")):
                found.setdefault(source.name, source)
    return list(found.values())


def _sources_of(name: str, options: Mapping[str, Any] | None) -> Iterator[Source]:
    if name == "-":
        raise InputError("-: workers cannot read standard input; give a file")
    if is_link(name):
        yield Source(name, None, name)
        return
    fs, path = place_of(name.removeprefix("@") if "://" in name else name, options)
    try:
        if "://" not in name:
            yield _source(name, fs, path, fs.info(path) if fs.exists(path) else {})
        elif name.startswith("@"):
            for one in expand_inputs(names_in_list(fs.cat_file(path).decode("utf-8-sig")), _TABLES):
                yield from _sources_of(one, options)
        else:
            yield from _at_address(name, fs, path)
    except InputError:
        raise
    except Exception as error:  # each file system has its own exceptions for permissions, credentials, buckets, …
        raise InputError(f"{name}: {describe_error(error)}; check the path") from None


def _at_address(name: str, fs: Any, path: str) -> Iterator[Source]:
    if fs.isdir(path):
        listed = fs.find(path, detail=True)
        found = [one for one in sorted(listed) if _is_input(one) and "/." not in one[len(path.rstrip("/")) :]]
        missing = "no report in this folder; it needs .html, .pdf, .docx, .txt, .jsonl or the like"
    elif any(mark in path for mark in "*?[") and not fs.exists(path):
        listed = fs.glob(path, detail=True)
        found = [one for one in sorted(listed) if listed[one]["type"] == "file" and "/." not in one]
        missing = "matches no file; check the pattern"
    else:
        yield _source(name, fs, path, fs.info(path) if fs.exists(path) else {})
        return
    if not found:
        raise InputError(f"{name}: {missing}")
    base = name.rstrip("/")
    prefix = base.removesuffix(path) if base.endswith(path) else f"{name.partition('://')[0]}://"
    for one in found:
        yield _source(prefix + one, fs, one, listed[one])


def _source(name: str, fs: Any, path: str, info: Mapping[str, Any]) -> Source:
    if info.get("type") != "file":  # pipes and devices have no size or stamp
        return Source(name, fs, path)
    return Source(name, fs, path, info.get("size"), stamp_of(info))


def _suffix(path: str) -> str:
    return os.path.splitext(path)[1].lower()


def _is_input(path: str) -> bool:
    suffix = _suffix(path)
    return suffix in (*ROWS, *_TABLES) or (suffix != "" and is_report(path))


def plan_parts(sources: Sequence[Source], batch_bytes: int, reports: int) -> list[Part]:
    """Divide all inputs into parts: JSONL by bytes, Parquet by row groups, `reports` reports a part on average."""
    suffix = {source.name: "" if source.fs is None else _suffix(source.path) for source in sources}
    tables = [source for source in sources if suffix[source.name] in _TABLES]
    with ThreadPoolExecutor(_CONNECTIONS) as pool:
        parts = [part for some in pool.map(lambda source: _row_groups(source, batch_bytes), tables) for part in some]
    for source in sources:
        if suffix[source.name] in ROWS:
            size = sys.maxsize if source.size is None else max(source.size, 1)
            step = size if source.size is None else batch_bytes
            parts += (Part("lines", (source,), at, min(at + step, size)) for at in range(0, size, step))
    whole = (source for source in sources if suffix[source.name] not in (*ROWS, *_TABLES))
    return [*parts, *group_reports(whole, reports, batch_bytes)]


def _row_groups(source: Source, batch_bytes: int) -> list[Part]:
    """Divide a Parquet file into parts of at least `batch_bytes` uncompressed bytes."""
    from pyarrow import parquet

    try:
        with source.fs.open(source.path, "rb") as file:
            footer = parquet.read_metadata(file)
    except Exception:  # the task that reads it reports the error
        return [Part("groups", (source,))]
    cuts, size = [0], 0
    for number in range(footer.num_row_groups):
        size += footer.row_group(number).total_byte_size
        if size >= batch_bytes or number + 1 == footer.num_row_groups:
            cuts.append(number + 1)
            size = 0
    return [Part("groups", (source,), start, end) for start, end in pairwise(cuts)] or [Part("groups", (source,))]


def group_reports(sources: Iterable[Source], average: int, most_bytes: int) -> Iterator[Part]:
    """Group reports, in order, into parts of `average` reports on average.

    Hashes of the names decide where a part ends (content-defined chunking, Muthitacharoen, Chen and Mazières 2001), so
    that adding or removing a report changes only its own part. A report without a stamp is a part of its own.
    """
    group: list[Source] = []
    for source in sources:
        if source.stamp is None:
            yield Part("reports", (source,))
            continue
        group.append(source)
        drawn = int.from_bytes(hashlib.sha256(source.name.encode("utf-8", "surrogatepass")).digest()[:8], "big")
        full = len(group) >= _MAX_SIZE_RATIO * average or sum(one.size or 0 for one in group) >= most_bytes
        if drawn % average == 0 or full:
            yield Part("reports", tuple(group))
            group = []
    if group:
        yield Part("reports", tuple(group))
