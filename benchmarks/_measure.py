"""Shared tools of the benchmarks: CPU affinity, interleaved calls, sample passages, processes and
memory, tables.

Nothing here imports numpy at module level, because `single_core` must run first.
"""

from __future__ import annotations

import compileall
import json
import os
import platform
import random
import re
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from itertools import cycle
from math import log
from pathlib import Path
from typing import Any, Final

import tipclassify

ROOT: Final = Path(__file__).resolve().parents[1]
DATA: Final = ROOT / "data"
WORDS: Final = 24  # of a sentence of a report on human trafficking, on average

_THREADS: Final = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "RAYON_NUM_THREADS",
)
_PACKAGES: Final = (
    "tipclassify",
    "numpy",
    "onnxruntime",
    "scikit-learn",
    "fasttext-community",
    "tokenizers",
)
_ALL_CORES: Final = (
    os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))
)


# --------------------------------------------------------------------------------------------- one
# core


def single_core() -> None:
    """Restart this script with one thread for every library, and pin it to one core where the
    system can."""
    if any(os.environ.get(name) != "1" for name in _THREADS):
        sys.exit(
            subprocess.call(
                [sys.executable, *sys.argv], env={**os.environ, **dict.fromkeys(_THREADS, "1")}
            )
        )
    _stay_on({max(_ALL_CORES)})


def compile_package() -> None:
    """Compile the package to byte code, like pip; a process without write access would compile
    it at every start."""
    for folder in tipclassify.__path__:
        compileall.compile_dir(folder, quiet=2)


@contextmanager
def all_cores() -> Iterator[int]:
    """Let processes started in this context use every core and as many threads; yield the number
    of cores."""
    before = _stay_on(_ALL_CORES)
    single = {name: os.environ.pop(name) for name in _THREADS if name in os.environ}
    try:
        yield len(_ALL_CORES)
    finally:
        os.environ.update(single)
        _stay_on(before)


def _stay_on(cores: set[int]) -> set[int]:
    """Pin the process to `cores` if the system can, and return the previous cores."""
    if not hasattr(os, "sched_setaffinity"):
        return cores
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    return before


# ---------------------------------------------------------------------------------------------
# figures


@dataclass(frozen=True)
class Target:
    """Target for a figure: at most `value`, or at least."""

    value: float
    at_most: bool = True

    def is_met(self, figure: float) -> bool:
        return figure <= self.value if self.at_most else figure >= self.value

    def __str__(self) -> str:
        return f"{'≤' if self.at_most else '≥'} {number(self.value)}"


@dataclass(frozen=True)
class Figure:
    """One line of a table.

    Attributes
    ----------
    samples : tuple of float
        One for each run, in `unit`; empty if not measured, with the reason in `note`.
    ratio : float or None
        Median over the runs of the ratio of this figure to ours.
    value : float
        The figure, by default the median of the samples.
    """

    part: str
    name: str
    unit: str
    samples: tuple[float, ...] = ()
    ratio: float | None = None
    target: Target | None = None
    note: str = ""
    value: float = float("nan")

    def __post_init__(self) -> None:
        if self.samples and self.value != self.value:
            object.__setattr__(self, "value", statistics.median(self.samples))

    @property
    def target_met(self) -> bool | None:
        return self.target.is_met(self.value) if self.target and self.samples else None

    def cells(self) -> list[str]:
        if not self.samples:
            return [f"{self.name}: {self.note}", *[""] * (len(COLUMNS) - 1)]
        name = f"{self.name} ({self.note})" if self.note else self.name
        spread = [number(x) for x in (self.value, min(self.samples), max(self.samples))]
        ratio = "" if self.ratio is None else number(self.ratio)
        target = [str(self.target), "yes" if self.target_met else "no"] if self.target else ["", ""]
        return [name, self.unit, *spread, str(len(self.samples)), ratio, *target]

    def to_dict(self) -> dict[str, Any]:
        keys = ("part", "name", "unit", "ratio", "note")
        row = {key: getattr(self, key) for key in keys}
        target = {"bar": str(self.target), "met": self.target_met} if self.target else {}
        return {
            **row,
            "value": self.value if self.samples else None,
            "samples": list(self.samples),
            **target,
        }


COLUMNS: Final = ("figure", "unit", "value", "min", "max", "runs", "ratio to ours", "bar", "met")


def figure_tables(figures: Sequence[Figure]) -> str:
    """Format a Markdown table for each part, under its heading."""
    parts = dict.fromkeys(figure.part for figure in figures)
    rows = {part: [figure.cells() for figure in figures if figure.part == part] for part in parts}
    return "\n\n".join(f"### {part}\n\n{markdown(COLUMNS, rows[part])}" for part in parts)


def interleaved(
    calls: Mapping[str, Callable[[], float]], runs: int
) -> dict[str, tuple[float, ...]]:
    """Return the results of each call in each run.

    A run makes all calls in turn, so that drift of the machine affects all alike.
    """
    found: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(runs):
        for name, call in calls.items():
            found[name].append(call())
    return {name: tuple(values) for name, values in found.items()}


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Compute the median over the runs of the ratio of theirs to ours.

    >>> ratio([1.0, 2.0, 4.0], [2.0, 4.0, 12.0])
    2.0
    """
    return statistics.median(b / a for a, b in zip(ours, theirs, strict=True))


def seconds(call: Callable[[], object]) -> float:
    """Measure the wall-clock time of a call in seconds."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def exponent(sizes: Sequence[float], values: Sequence[float]) -> float:
    """Fit the slope of log value over log size by least squares: 1 for linear growth.

    >>> round(exponent([1, 10, 100], [3, 300, 30_000]), 6)
    2.0
    """
    x, y = [log(size) for size in sizes], [log(value) for value in values]
    return statistics.linear_regression(x, y).slope


# --------------------------------------------------------------------------------------------- text


def invented() -> list[Path]:
    """List the files of invented passages; not every checkout has the real ones."""
    return sorted((DATA / "corpus").glob("*.jsonl"))


@cache
def sentences() -> list[str]:
    """Return the distinct sentences of the corpus."""
    from tipclassify.corpus.loading import read_rows

    return list(dict.fromkeys(row["text"] for row in read_rows(*invented())))


def passages(seed: int) -> Iterator[str]:
    """Generate endless passages of 24 words on average, nearly all distinct.

    A passage joins the first half of one sentence of ``data/`` with the second half of another.
    Some have a second such sentence, which raises the average from 20 words, that of ``data/``, to
    that of reports.
    """
    draw = random.Random(seed)
    halves = [
        (words[: len(words) // 2], words[len(words) // 2 :])
        for words in map(str.split, sentences())
    ]
    mean = statistics.fmean(len(first) + len(second) for first, second in halves)
    while True:
        words = draw.choice(halves)[0] + draw.choice(halves)[1]
        if draw.random() < WORDS / mean - 1:
            words = words + draw.choice(halves)[0] + draw.choice(halves)[1]
        yield " ".join(words)


def own_pages(folder: Path) -> list[Path]:
    """List the project's own pages: the samples, and those of ``tests/pages`` with their
    placeholders filled."""
    paragraphs = (ROOT / "tests" / "pages" / "narrative.txt").read_text("utf-8").splitlines()
    pages = sorted((DATA / "samples").glob("*.html"))
    for number, page in enumerate(sorted((ROOT / "tests" / "pages").glob("*.html"))):
        fill = cycle(paragraphs[number:] + paragraphs[:number])
        filled = re.sub("[§¶]", lambda _, fill=fill: next(fill), page.read_text("utf-8"))  # type: ignore[misc]
        pages.append(folder / page.name)
        pages[-1].write_text(filled, "utf-8")
    return pages


# ---------------------------------------------------------------------------------------------
# processes


@dataclass(frozen=True)
class ProcessResult:
    """Result of a finished process: seconds, peak resident memory with its children (MB), standard
    output.

    Memory is sampled every 20 ms, and shared pages count for each process; None without psutil.
    """

    seconds: float
    peak: float | None
    stdout: str


def run(*command: object, watched: bool = True) -> ProcessResult:
    """Run a command to completion; measure its memory if `watched`.

    Sampling the memory takes a twentieth of a core, which distorts commands that use every core.

    Raises
    ------
    subprocess.CalledProcessError
        When it fails, with its standard error.
    """
    start = time.perf_counter()
    pipe, words = subprocess.PIPE, [*map(str, command)]
    with (
        subprocess.Popen(words, stdout=pipe, stderr=pipe, encoding="utf-8") as process,
        _watched(process.pid) if watched else nullcontext([None]) as peak,
    ):
        out, err = process.communicate()
        took = time.perf_counter() - start
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, process.args, out, err)
    return ProcessResult(took, peak[0], out)


def cli(*arguments: object, watched: bool = True) -> ProcessResult:
    """Run ``tipclassify`` with these arguments."""
    return run(sys.executable, "-m", "tipclassify", *arguments, watched=watched)


@contextmanager
def _watched(pid: int) -> Iterator[list[float | None]]:
    """Yield a list of one number: the peak memory so far of the process with its children, in
    MB."""
    peak: list[float | None] = [None]
    try:
        import psutil
    except ImportError:
        yield peak
        return
    done = threading.Event()

    def watch() -> None:
        most = 0.0
        while not done.wait(0.02):
            held = 0
            try:
                process = psutil.Process(pid)
                for one in (process, *process.children(recursive=True)):
                    held += one.memory_info().rss
            except psutil.Error:  # it, or a child, has just ended
                continue
            peak[0] = most = max(most, held / 1e6)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peak
    finally:
        done.set()
        watcher.join()


# ---------------------------------------------------------------------------------------------
# environment and output


def about() -> dict[str, Any]:
    """Describe the machine, versions and commit."""
    versions = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    machine = {
        "cpu": _cpu(),
        "cores": len(_ALL_CORES),
        "memory GB": _memory(),
        "system": platform.platform(terse=True),
    }
    return {"machine": machine, "versions": versions, "commit": _commit()}


def about_line(where: Mapping[str, Any]) -> str:
    """Format the result of `about` as a sentence."""
    machine = where["machine"]
    versions = ", ".join(f"{name} {number}" for name, number in where["versions"].items())
    return f"{machine['cpu']}, {machine['cores']} cores, {machine['memory GB']} GB; {versions}; commit {where['commit']}."


def _cpu() -> str:
    try:
        found = re.search(
            r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text("utf-8"), re.MULTILINE
        )
    except OSError:
        found = None
    return found[1].strip() if found else platform.processor() or platform.machine()


def _memory() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1)
    except (AttributeError, ValueError, OSError):
        return None


def _commit() -> str:
    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", "-C", str(ROOT), *arguments], capture_output=True, encoding="utf-8", check=True
        ).stdout.strip()

    try:
        return git("rev-parse", "--short=10", "HEAD") + (
            " with changes" if git("status", "--porcelain", "src") else ""
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def number(x: float | None) -> str:
    """Format a number to three significant digits, and to an integer from 100 on.

    >>> number(12_345.6), number(0.012345), number(None)
    ('12,346', '0.0123', '–')
    """
    if x is None or x != x:
        return "–"
    return f"{x:,.0f}" if abs(x) >= 100 else f"{x:.3g}"


def markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Format an aligned Markdown table, the first column to the left and the others to the
    right."""
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    align = [str.ljust, *[str.rjust] * (len(widths) - 1)]
    lines = [
        [to(cell, w) for to, cell, w in zip(align, row, widths, strict=True)]
        for row in (columns, rule, *rows)
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def write_between(page: Path, marker: str, text: str) -> None:
    """Replace the text of a Markdown page between ``<!-- marker -->`` and the next ``<!-- end
    -->``."""
    old = page.read_text("utf-8")
    block = re.compile(rf"(<!-- {re.escape(marker)} -->\n).*?(<!-- end -->)", re.DOTALL)
    if not block.search(old):
        raise ValueError(
            f"{page}: no <!-- {marker} --> to write after; put one in, with <!-- end --> below"
        )
    _replace(page, block.sub(lambda found: f"{found[1]}{text}\n{found[2]}", old))


def save(file: Path, content: object) -> None:
    """Write JSON atomically."""
    _replace(file, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def _replace(file: Path, text: str) -> None:
    staged = file.with_name(f".{file.name}.part")
    staged.write_text(text, "utf-8", newline="\n")
    os.replace(staged, file)
