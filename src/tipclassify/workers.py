"""Tasks in, what becomes of them out: in their order, by several processes of which this one is the first.

This process does tasks too while the others start or work, and hands tasks out only as results are taken from it: however
slow the one who takes them, a bounded number of results waits.
"""

from __future__ import annotations

import atexit
import gc
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Future
from typing import Any, Final, TypeVar

from tipclassify.errors import TipclassifyError

__all__ = ["AHEAD", "in_order", "seldom_collect"]

AHEAD: Final = 8
"""Results a process that may wait, or be under way, before they are asked for."""

_HANDED_OUT: Final = 2  # tasks a process: one under way, one to go on with
_NONE_LEFT: Final = object()
_SWITCH: Final = 0.0001  # seconds; a thread that receives a result would else wait fifty times as long for each 64 kB of it
_YOUNG: Final = 20_000  # objects made between two searches for garbage in cycles

T = TypeVar("T")
R = TypeVar("R")


def in_order(work: Callable[[T], R], tasks: Iterable[T], jobs: int) -> Iterator[R]:
    """``work(task)`` of each task, in order, by `jobs` processes (-1: one a core); `work` is found by its name in each.

    What `work` raises comes out in its turn. No process is started for a single task.

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
    # Starts in half the time of joblib's, which every process would import.
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    processes = jobs if jobs > 0 else _processes(jobs)
    most = AHEAD * processes
    left = iter(tasks)
    pool: Any = None
    switch = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH)
    ahead: deque[Future[R]] = deque()
    handed: list[Future[R]] = []
    try:
        while True:
            own: Future[R] | None = None
            task: Any = _NONE_LEFT
            if not (ahead and ahead[0].done()) and len(ahead) < most:
                task = next(left, _NONE_LEFT)
                if task is not _NONE_LEFT:
                    own = Future()
                    ahead.append(own)
            handed = [future for future in handed if not future.done()]
            while len(handed) < _HANDED_OUT * (processes - 1) and len(ahead) < most:
                other: Any = next(left, _NONE_LEFT)
                if other is _NONE_LEFT:
                    break
                pool = pool or ProcessPoolExecutor(processes - 1, get_context("spawn"), _start)
                handed.append(pool.submit(work, other))
                ahead.append(handed[-1])
            if own:
                _do(work, task, own)
            elif not ahead:
                return
            else:
                yield ahead.popleft().result()
    except BrokenExecutor as error:
        raise TipclassifyError(f"a worker process died ({error}); try fewer --jobs") from None
    finally:
        sys.setswitchinterval(switch)
        if pool:
            pool.shutdown(wait=True, cancel_futures=True)


def seldom_collect() -> None:
    """Let this process look for garbage in cycles less often, and not when it ends.

    Reports leave none, and to look for it takes a twentieth of their time.
    """
    gc.set_threshold(_YOUNG)
    atexit.register(gc.freeze)


def _processes(jobs: int) -> int:
    """How many -1 stands for: the cores that this process may use."""
    from joblib import effective_n_jobs

    return int(effective_n_jobs(jobs))


def _start() -> None:
    """In a process that starts: it is ended by this one, not by the keyboard; numpy, which comes later, uses one thread."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    seldom_collect()
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))


def _do(work: Callable[[T], R], task: T, future: Future[R]) -> None:
    try:
        future.set_result(work(task))
    except Exception as error:  # comes out in its turn, as that of another process does
        future.set_exception(error)
