"""Process pool: map a function over tasks; results come in the order of the tasks.

Tasks are submitted only as results are consumed, so that a slow consumer has a bounded number of results waiting.
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

__all__ = ["AHEAD", "map_in_order"]

AHEAD: Final = 8
"""Tasks submitted ahead of the consumer, for each process."""

T = TypeVar("T")
R = TypeVar("R")


def map_in_order(work: Callable[[T], R], tasks: Iterable[T], jobs: int) -> Iterator[R]:
    """Map `work` over `tasks` in `jobs` processes (-1: one for each core; 1: this process); yield results in order.

    `work` must be picklable. An exception in it is raised in the order of its task; `TipclassifyError` if a process
    dies.

    >>> list(map_in_order(len, ["Police", "slept"], 1))
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
    """Ignore interrupts, since the parent shuts the pool down, and limit numpy to one thread."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))


@contextlib.contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Ignore Ctrl-C here, so that a process started meanwhile inherits that before its own code runs."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_DFL if before is None else before)
