"""Shared tools of the benchmarks: processes on chosen cores, sample passages, figures, tables.

Nothing here imports numpy at module level, because `single_core` must run first.
"""

from __future__ import annotations

import compileall
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
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from math import log
from pathlib import Path
from typing import Final

import tipclassify

ROOT: Final = Path(__file__).resolve().parents[1]
DATA: Final = ROOT / "data"
sys.path.append(str(ROOT))  # for `finetuning`, which lies beside the package
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


# ----------------------------------------------------------------------------------------- one core


def single_core() -> None:
    """Restart this script with one thread for every library, pinned to one core if possible."""
    if any(os.environ.get(name) != "1" for name in _THREADS):
        environment = {**os.environ, **dict.fromkeys(_THREADS, "1")}
        sys.exit(subprocess.call([sys.executable, *sys.argv], env=environment))
    _stay_on({max(_ALL_CORES)})


def compile_package() -> None:
    """Compile the package to byte code, as pip does."""
    # A process without write access would compile it at every start.
    for folder in tipclassify.__path__:
        compileall.compile_dir(folder, quiet=2)


@contextmanager
def all_cores() -> Iterator[int]:
    """Let processes started in this context use every core; yield the number of cores."""
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


# ------------------------------------------------------------------------------------------ figures


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
    """

    part: str
    name: str
    unit: str
    samples: tuple[float, ...] = ()
    ratio: float | None = None
    target: Target | None = None
    note: str = ""

    @property
    def value(self) -> float:
        """Median of the samples; NaN without any."""
        return statistics.median(self.samples) if self.samples else float("nan")

    @property
    def target_met(self) -> bool | None:
        return self.target.is_met(self.value) if self.target and self.samples else None

    def cells(self) -> list[str]:
        if not self.samples:
            return [f"{self.name}: {self.note}", *("" for _ in COLUMNS[1:])]
        name = f"{self.name} ({self.note})" if self.note else self.name
        spread = [number(x) for x in (self.value, min(self.samples), max(self.samples))]
        ratio = "" if self.ratio is None else number(self.ratio)
        bar = str(self.target) if self.target else ""
        met = ""
        if self.target:
            met = "yes" if self.target_met else "no"
        return [name, self.unit, *spread, str(len(self.samples)), ratio, bar, met]


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
    results: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(runs):
        for name, call in calls.items():
            results[name].append(call())
    return {name: tuple(values) for name, values in results.items()}


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
    log_sizes = [log(size) for size in sizes]
    log_values = [log(value) for value in values]
    return statistics.linear_regression(log_sizes, log_values).slope


# --------------------------------------------------------------------------------------------- text


def invented() -> list[Path]:
    """List the files of invented passages; not every checkout has the real ones."""
    return sorted((DATA / "corpus").glob("*.jsonl"))


@cache
def sentences() -> list[str]:
    """Return the distinct sentences of the corpus."""
    from tipclassify.corpus.rows import read_rows

    return list(dict.fromkeys(row["text"] for row in read_rows(*invented())))


def passages(seed: int) -> Iterator[str]:
    """Generate endless passages of 24 words on average, nearly all distinct.

    A passage joins the first half of one sentence of ``data/`` with the second half of another.
    Some have a second such sentence, which raises the average from 20 words, that of ``data/``, to
    that of reports.
    """
    draw = random.Random(seed)
    halves = []
    for sentence in sentences():
        words = sentence.split()
        middle = len(words) // 2
        halves.append((words[:middle], words[middle:]))
    mean = statistics.fmean(len(first) + len(second) for first, second in halves)
    while True:
        words = draw.choice(halves)[0] + draw.choice(halves)[1]
        if draw.random() < WORDS / mean - 1:
            words = words + draw.choice(halves)[0] + draw.choice(halves)[1]
        yield " ".join(words)


# ---------------------------------------------------------------------------------------- processes


@dataclass(frozen=True)
class ProcessResult:
    """Result of a finished process.

    Memory is sampled every 20 ms, and shared pages count for each process; None without psutil.
    """

    seconds: float
    peak: float | None  # resident memory with its children, MB
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
    words = list(map(str, command))
    pipe = subprocess.PIPE
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
    """Yield a list of one number: the peak memory so far of a process and its children, in MB."""
    peak: list[float | None] = [None]
    try:
        import psutil
    except ImportError:
        yield peak
        return
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            try:
                process = psutil.Process(pid)
                family = [process, *process.children(recursive=True)]
                held = sum(member.memory_info().rss for member in family)
            except psutil.Error:  # it, or a child, has just ended
                continue
            peak[0] = max(peak[0] or 0.0, held / 1e6)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peak
    finally:
        done.set()
        watcher.join()


# --------------------------------------------------------------------------- environment and output


def environment_line() -> str:
    """Describe machine, versions and commit in a sentence."""
    versions = [f"Python {platform.python_version()}"]
    for name in _PACKAGES:
        with suppress(PackageNotFoundError):
            versions.append(f"{name} {version(name)}")
    machine = f"{_cpu()}, {len(_ALL_CORES)} cores, {_memory()} GB"
    return f"{machine}; {', '.join(versions)}; commit {_commit()}."


def _cpu() -> str:
    try:
        facts = Path("/proc/cpuinfo").read_text("utf-8")
    except OSError:
        facts = ""
    name = re.search(r"^model name\s*:\s*(.+)$", facts, re.MULTILINE)
    return name[1].strip() if name else platform.processor() or platform.machine()


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
        commit = git("rev-parse", "--short=10", "HEAD")
        return f"{commit} with changes" if git("status", "--porcelain", "src") else commit
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
    """Format an aligned Markdown table: the first column flush left, the others flush right."""
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    lines = []
    for row in (columns, rule, *rows):
        first, *others = row
        cells = [first.ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
