"""Measure how time grows with size: every reader, writer and comparison, up to a megabyte.

Prints the exponent of the growth of each structure: 1 where twice the bytes take twice the time, 2
where they take four times as long. Times are of the processor, so that other programs disturb
little; the process that measures is replaced when it takes too long. Exits with 1 if an exponent is
over the bound where the time is long enough to tell, or a structure does not end.
"""

from __future__ import annotations

import multiprocessing
import resource
import signal
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan
from multiprocessing.connection import Connection
from typing import Annotated, Final

import typer
from _measure import environment_line, exponent, markdown, number
from _structures import AnyStructure, list_structures
from typer import Option

_SIZES: Final = (60_000, 250_000, 1_000_000)  # bytes
# of the exponent: sorting, and caches of the processor, take a little more than linear time
_BOUND: Final = 1.35
_TELLING: Final = 0.05  # seconds under which a time says nothing
_WARM_UP: Final = 2_000  # bytes


@dataclass(frozen=True)
class Growth:
    """How long a structure takes, size by size."""

    name: str
    seconds: tuple[float, ...]  # of the processor, for the sizes in their order
    exponent: float  # NaN where the times are too short to tell
    problem: str = ""  # why larger sizes have no time

    @property
    def failure(self) -> str:
        """What is wrong with it; "" if it is not over the bound, and ends."""
        if self.problem:
            return f"{self.name}: {self.problem}"
        return f"{self.name}: exponent {self.exponent:.2f}" if self.exponent > _BOUND else ""


def work(pipe: Connection, most_seconds: float) -> None:
    """Answer each (number of a structure, size) with the seconds of the processor that it takes.

    The process ends when one takes over `most_seconds` of the processor.
    """
    warnings.simplefilter("ignore")
    structures = list_structures()
    warm: set[str] = set()
    while True:
        index, size = pipe.recv()
        structure = structures[index]
        if structure.kind not in warm:  # the first of a kind imports what the others use, too
            structure.seconds(_WARM_UP)
            warm.add(structure.kind)
        limit_processor_time(most_seconds)
        pipe.send(structure.seconds(size))


def limit_processor_time(seconds: float) -> None:
    """End this process once it has used so many more seconds of the processor."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(usage.ru_utime + usage.ru_stime + seconds) + 1
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (limit, hard))


class Worker:
    """The process that measures, replaced when it takes too long or dies."""

    def __init__(self, most_seconds: float) -> None:
        self._most_seconds = most_seconds
        self._start()

    def _start(self) -> None:
        self._pipe, child_end = multiprocessing.Pipe()
        self._process = multiprocessing.get_context("spawn").Process(
            target=work, args=(child_end, self._most_seconds), daemon=True
        )
        self._process.start()
        child_end.close()

    def seconds(self, index: int, size: int) -> float | str:
        """Return the seconds that a structure of a size takes, or what went wrong."""
        try:
            self._pipe.send((index, size))
            return float(self._pipe.recv())
        except (EOFError, OSError):
            self._process.join()
            problem = f"its process ended with {self._process.exitcode}"
            if self._process.exitcode == -signal.SIGXCPU:
                problem = f"over {self._most_seconds:g} s for {size:,} bytes"
        self._start()
        return problem

    def end(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()


def measure(worker: Worker, index: int, structure: AnyStructure, sizes: Sequence[int]) -> Growth:
    """Measure how the time of a structure grows, by the two largest sizes that take long enough."""
    name = f"{structure.kind}, {structure.name}"
    times: list[float] = []
    problem = ""
    for size in sizes:
        answer = worker.seconds(index, size)
        if isinstance(answer, str):
            problem = answer
            break
        times.append(answer)
    return Growth(name, tuple(times), growth_exponent(sizes, times), problem)


def growth_exponent(sizes: Sequence[int], times: Sequence[float]) -> float:
    """Compute the exponent of growth between the two largest sizes that take long enough.

    `times` may be fewer than `sizes`. NaN where fewer than two are long enough.
    """
    long_enough = [index for index, seconds in enumerate(times) if seconds > _TELLING]
    if len(long_enough) < 2:
        return float("nan")
    last_two = long_enough[-2:]
    return exponent([sizes[index] for index in last_two], [times[index] for index in last_two])


def table_row(growth: Growth, sizes: Sequence[int]) -> list[str]:
    """Return the cells of a structure in the table."""
    missing = [""] * (len(sizes) - len(growth.seconds))
    return [growth.name, *map(number, growth.seconds), *missing, number(growth.exponent)]


def worst_first(growth: Growth) -> tuple[bool, float]:
    """Return the sorting key of a row: the largest exponent first, those too short to tell last."""
    return isnan(growth.exponent), -growth.exponent


def main(
    kind: Annotated[
        list[str] | None, Option(help="Of the table's first column; repeatable; else all.")
    ] = None,
    most: Annotated[int, Option(min=1_000, metavar="BYTES", help="Largest size.")] = _SIZES[-1],
    patience: Annotated[
        float, Option(min=1, metavar="SECONDS", help="Of the processor, for one size.")
    ] = 120.0,
) -> None:
    """Measure; print a table, the worst exponent first; exit with 1 if one is over the bound."""
    sizes = sorted({min(size, most) for size in _SIZES})
    if len(sizes) == 1:
        sizes = [most // 4, most]
    growths: list[Growth] = []
    worker = Worker(patience)
    for index, structure in enumerate(list_structures()):
        if kind and structure.kind not in kind:
            continue
        growth = measure(worker, index, structure, sizes)
        growths.append(growth)
        print(*table_row(growth, sizes), growth.problem, file=sys.stderr, flush=True)
    worker.end()
    growths.sort(key=worst_first)
    failures = [growth.failure for growth in growths if growth.failure]
    headings = ["structure", *(f"{size:,} bytes, s" for size in sizes), "exponent"]
    print(environment_line())
    print(markdown(headings, [table_row(growth, sizes) for growth in growths]))
    print(f"\n{len(growths)} structures, {len(failures)} over {_BOUND} or without an end")
    print(*failures, sep="\n")
    raise typer.Exit(bool(failures))


if __name__ == "__main__":
    typer.run(main)
