"""Map a function over tasks in several processes; results come in the order of their tasks.

Tasks are handed out only as results are taken: however slow whoever takes them, a bounded number of results waits.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Future
from typing import Final, TypeVar

from tipclassify.errors import TipclassifyError

__all__ = ["AHEAD", "in_order"]

AHEAD: Final = 8
"""Results a process that may wait, or be under way, before they are asked for."""

T = TypeVar("T")
R = TypeVar("R")


def in_order(work: Callable[[T], R], tasks: Iterable[T], jobs: int) -> Iterator[R]:
    """Yield ``work(task)`` of each task, in order, from `jobs` processes (-1: one a core); 1 is this process.

    `work` is found by its name in each process. What it raises comes out in its turn.

    Raises
    ------
    TipclassifyError
        When a process dies.

    >>> list(in_order(len, ["Police", "slept"], 1))
    [6, 5]
    """
    if jobs == 1:
        yield from map(work, tasks)
        return
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    from joblib import effective_n_jobs

    processes = effective_n_jobs(jobs)
    pool = ProcessPoolExecutor(processes, get_context("spawn"), _start_process)
    ahead: deque[Future[R]] = deque()
    try:
        for task in tasks:
            with _interrupts_ignored():
                ahead.append(pool.submit(work, task))
            while ahead and (ahead[0].done() or len(ahead) >= AHEAD * processes):
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
    except BrokenExecutor as error:
        raise TipclassifyError(f"a worker process died ({error}); try fewer --jobs") from None
    finally:
        pool.shutdown(cancel_futures=True)


def _start_process() -> None:
    """Leave interrupts to the parent, which ends this process in good order, and numpy one thread."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))


@contextlib.contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Ignore Ctrl-C, and so have a process that starts meanwhile ignore it before any of its code runs."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_DFL if before is None else before)
