"""Progress on standard error: a bar on a terminal, lines elsewhere if asked for."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

# over which speed is averaged: a report may take a minute, and two are needed for an estimate
_SPEED_SECONDS: Final = 3_600

Progress = Callable[[int, int], None]
"""Callback that takes (done, total)."""


@contextmanager
def progress_bar(title: str, every: float | None = None) -> Iterator[Progress | None]:
    """Open a progress bar and yield its callback.

    Unless standard error is a terminal there is no bar, and no callback either without `every`: the
    seconds after which a line says how far the work is, whether or not it has moved.
    """
    if not sys.stderr.isatty():
        if every is None:
            yield None
            return
        with _print_lines(title, every) as progress:
            yield progress
        return
    from rich import progress as bars
    from rich.console import Console

    columns = (
        "{task.description}",
        bars.BarColumn(),
        bars.MofNCompleteColumn(),
        bars.TimeRemainingColumn(),
    )
    with bars.Progress(
        *columns,
        console=Console(stderr=True),
        transient=True,
        speed_estimate_period=_SPEED_SECONDS,
    ) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def _print_lines(title: str, every: float) -> Iterator[Progress]:
    """Print a line every so many seconds, from a thread, as the work may be one long call."""
    latest = (0, 0)  # done and total, as of the last call of `note`
    ended = threading.Event()
    began = time.monotonic()

    def note(done: int, total: int) -> None:
        nonlocal latest
        latest = (done, total)

    def report() -> None:
        while not ended.wait(every):
            done, total = latest
            position = f"{done:,} of {total:,}" if done < total else "under way"
            seconds = f"{time.monotonic() - began:.0f} s"
            print(f"{title}: {position}, {seconds}", file=sys.stderr, flush=True)

    thread = threading.Thread(target=report, daemon=True)
    thread.start()
    try:
        yield note
    finally:
        ended.set()
        thread.join()
