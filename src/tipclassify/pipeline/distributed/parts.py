"""What the inputs are cut into: a `Part` is the work of one task and becomes one file, named by all that decides its rows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, NamedTuple

__all__ = ["Failure", "Kind", "Part", "Source", "grouped", "part_name"]

Kind = Literal["reports", "lines", "groups"]

_LONGEST_RUN: Final = 4  # times as many reports as a part has on average


@dataclass(frozen=True, slots=True)
class Source:
    """One input.

    Attributes
    ----------
    name : str
        As the user wrote it: what rows and errors call it.
    fs, path :
        File system and path that lead to it from any machine; no file system for a link.
    size : int or None
        Bytes, where that is known.
    stamp : str or None
        Changes when the input does; None where nothing tells, so that it is read anew each time.
    """

    name: str
    fs: Any
    path: str
    size: int | None = None
    stamp: str | None = None


class Failure(NamedTuple):
    """What could not be read, in one line.

    Attributes
    ----------
    again : bool
        Worth another try at the next run: the network, a missing package or a killed process stood in the way, not what
        is in the input.
    """

    input: str
    error: str
    again: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """The work of one task.

    Attributes
    ----------
    kind : str
        Whole ``reports``, ``lines`` of one JSONL file, or row ``groups`` of one Parquet file.
    start, end : int
        Bytes of the file, or row groups, half-open; 0 to 0 for whole reports.
    """

    kind: Kind
    sources: tuple[Source, ...]
    start: int = 0
    end: int = 0

    def name(self, setting: str) -> str:
        """Name of its file under a setting, without suffix: the same as long as input, cut and setting are."""
        what = [[source.name, source.path, source.stamp] for source in self.sources]
        return part_name([setting, self.kind, what, self.start, self.end])

    @property
    def known(self) -> bool:
        """Whether its name changes with its inputs, so that a file of that name need not be made again."""
        return all(source.stamp is not None for source in self.sources)

    def single(self) -> list[Part]:
        """A part for each of its reports."""
        return [replace(self, sources=(source,)) for source in self.sources]

    def __str__(self) -> str:
        where = {
            "reports": "",
            "lines": f", bytes {self.start} to {self.end}",
            "groups": f", row groups {self.start} on",
        }
        return self.sources[0].name + where[self.kind]


def part_name(what: Sequence[Any]) -> str:
    """Name for the file of a part: a hash of plain JSON values."""
    return f"part-{hashlib.sha256(json.dumps(what).encode()).hexdigest()[:24]}"


def grouped(sources: Iterable[Source], average: int, most_bytes: int) -> Iterator[Part]:
    """Reports in parts of `average` reports, in their order.

    Where a part ends is decided by the names themselves (content-defined chunking, Muthitacharoen, Chen and Mazières 2001),
    so that a report that is added or removed changes the part it is in, not all that follow. A report whose state nothing
    tells is a part of its own.
    """
    group: list[Source] = []
    for source in sources:
        if source.stamp is None:
            yield Part("reports", (source,))
            continue
        group.append(source)
        drawn = int.from_bytes(hashlib.sha256(source.name.encode("utf-8", "surrogatepass")).digest()[:8], "big")
        full = len(group) >= _LONGEST_RUN * average or sum(one.size or 0 for one in group) >= most_bytes
        if drawn % average == 0 or full:
            yield Part("reports", tuple(group))
            group = []
    if group:
        yield Part("reports", tuple(group))
