"""Names in, parts out: folders, patterns and lists become inputs, inputs become parts. Nothing is read but sizes and footers."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from tipclassify.errors import InputError
from tipclassify.pipeline.batch import expand_inputs
from tipclassify.pipeline.distributed.parts import Part, Source, grouped
from tipclassify.pipeline.distributed.places import place_of, stamp_of, what_failed
from tipclassify.pipeline.distributed.ranges import byte_ranges
from tipclassify.readers import is_link, is_report

__all__ = ["find_sources", "plan_parts"]

_LINES: Final = (".jsonl", ".ndjson")
_TABLES: Final = (".parquet", ".pq")
_MAGIC: Final = frozenset("*?[")
_AT_ONCE: Final = 16  # footers fetched at a time: they wait for the network, not for the processor


def find_sources(names: Sequence[str], output: str, options: Mapping[str, Any] | None = None) -> list[Source]:
    """The inputs that `names` stand for, each once, as `batch.expand_inputs` has it, and Parquet files too.

    A name that stands for nothing stays, so that reading it tells what is wrong. What lies in the folder `output` is none.

    Raises
    ------
    InputError
        When a list or folder cannot be read, a folder or pattern holds no input, or an address needs a package.
    """
    found: dict[str, Source] = {}
    ours = place_of(output, options)
    for name in names:
        for source in _expanded(name, options):
            if not (_same(source.fs, ours[0]) and source.path.startswith(f"{ours[1].rstrip('/')}/")):
                found.setdefault(source.name, source)
    return list(found.values())


def _expanded(name: str, options: Mapping[str, Any] | None) -> Iterator[Source]:
    if name == "-":
        raise InputError("-: workers cannot read standard input; give a file")
    if is_link(name):
        yield Source(name, None, name)
        return
    if name.startswith("@") and not os.path.exists(name):
        for one in _listed(name, options):
            yield from _expanded(one, options)
        return
    fs, path = place_of(name, options)
    try:
        if fs.isdir(path):
            yield from _of_folder(name, fs, path)
        elif "://" not in name:
            for one in expand_inputs([name]):
                yield _found(one, fs, os.path.abspath(one))
        elif _MAGIC.intersection(path) and not fs.exists(path):
            yield from _of_pattern(name, fs, path)
        else:
            yield _found(name, fs, path)
    except InputError:
        raise
    except Exception as error:  # each file system has its own: no permission, no credentials, no such bucket
        raise InputError(f"{name}: {what_failed(error)}; check the path") from None


def _listed(name: str, options: Mapping[str, Any] | None) -> list[str]:
    fs, path = place_of(name[1:], options)
    try:
        text = fs.cat_file(path).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{name}: not UTF-8; give a text file with one path or link a line") from None
    except Exception as error:
        raise InputError(f"{name}: {what_failed(error)}; give a text file with one path or link a line") from None
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _of_folder(name: str, fs: Any, root: str) -> Iterator[Source]:
    empty = True
    for path, info in sorted(fs.find(root, detail=True).items()):
        inside = path[len(root.rstrip("/")) :].lstrip("/")
        if _wanted(path) and not any(part.startswith(".") for part in inside.split("/")):
            empty = False
            yield _source(_joined(name, inside), fs, path, info)
    if empty:
        raise InputError(f"{name}: no report in this folder; it needs .html, .pdf, .docx, .txt, .jsonl or the like")


def _of_pattern(name: str, fs: Any, pattern: str) -> Iterator[Source]:
    found = sorted(fs.glob(pattern, detail=True).items())
    files = {path: info for path, info in found if info["type"] == "file" and "/." not in path}  # as the shell has it
    if not files:
        raise InputError(f"{name}: matches no file; check the pattern")
    for path, info in files.items():
        yield _source(f"{name.partition('://')[0]}://{path.lstrip('/')}", fs, path, info)


def _joined(folder: str, inside: str) -> str:
    return f"{folder.rstrip('/')}/{inside}" if "://" in folder else str(Path(folder, inside))


def _found(name: str, fs: Any, path: str) -> Source:
    return _source(name, fs, path, fs.info(path) if fs.exists(path) else {})


def _source(name: str, fs: Any, path: str, info: Mapping[str, Any]) -> Source:
    if info.get("type") == "other":  # as a listing has symbolic links
        info = fs.info(path)
    if info.get("type") != "file":  # of pipes and devices nothing is known
        return Source(name, fs, path)
    return Source(name, fs, path, info.get("size"), stamp_of(info))


def _suffix(path: str) -> str:
    return os.path.splitext(path)[1].lower()


def _wanted(path: str) -> bool:
    suffix = _suffix(path)
    return suffix in _LINES or suffix in _TABLES or (suffix != "" and is_report(path))


def _same(fs: Any, other: Any) -> bool:
    return type(fs) is type(other)


def plan_parts(sources: Sequence[Source], batch_bytes: int, reports: int) -> list[Part]:
    """The parts of all inputs: JSONL cut at line ends, Parquet at row groups, reports in groups."""
    parts: list[Part] = []
    tables = [source for source in sources if source.fs is not None and _suffix(source.path) in _TABLES]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for cut in pool.map(lambda source: _groups(source, batch_bytes), tables):
            parts += cut
    lines = [source for source in sources if source.fs is not None and _suffix(source.path) in _LINES]
    for source in lines:
        cuts = [(0, sys.maxsize)] if source.size is None else byte_ranges(source.size, batch_bytes)
        parts += (Part("lines", (source,), start, end) for start, end in cuts)
    other = {*map(id, tables), *map(id, lines)}
    parts += grouped((source for source in sources if id(source) not in other), reports, batch_bytes)
    return parts


def _groups(source: Source, batch_bytes: int) -> list[Part]:
    """Row groups, as many a part as have `batch_bytes` together once unpacked."""
    from pyarrow import parquet

    try:
        with source.fs.open(source.path, "rb") as file:
            about = parquet.read_metadata(file)
    except Exception:  # the task that reads it tells what is wrong
        return [Part("groups", (source,))]
    cuts, size = [0], 0
    for number in range(about.num_row_groups):
        size += about.row_group(number).total_byte_size
        if size >= batch_bytes:
            cuts.append(number + 1)
            size = 0
    if cuts[-1] < about.num_row_groups or len(cuts) == 1:
        cuts.append(about.num_row_groups)
    return [Part("groups", (source,), start, end) for start, end in pairwise(cuts)]
