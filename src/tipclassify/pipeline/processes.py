"""Tasks in, what becomes of them out: in their order, by several processes of which this one is the first.

This process does tasks too while the others start or work, and hands tasks out only as results are taken from it: however
slow the one who takes them, a bounded number of results waits.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Future
from importlib import import_module
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, TypeVar

from tipclassify.errors import TipclassifyError

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor

__all__ = ["AHEAD", "in_order", "settle_in", "started_early"]

AHEAD: Final = 8
"""Results a process that may wait, or be under way, before they are asked for."""

_HANDED_OUT: Final = 2  # tasks a process: one under way, one to go on with
_NONE_LEFT: Final = object()
_SWITCH: Final = 0.0001  # seconds until another thread may go on
_YOUNG: Final = 20_000  # objects made between two searches for garbage in cycles
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # malloc.h of glibc
_KEPT: Final = 32 * 2**20  # bytes; what glibc takes at most for both
_PIPE: Final = 2**20  # bytes that may lie between two processes; the most that Linux gives to anyone

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
    others = _others(jobs)
    most = AHEAD * (others + 1)
    left = iter(tasks)
    pool = _early.pop(others, None)
    ahead: deque[Future[R]] = deque()
    handed: list[Future[R]] = []
    started = others if pool else 0
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
            while len(handed) < _HANDED_OUT * others and len(ahead) < most:
                other: Any = next(left, _NONE_LEFT)
                if other is _NONE_LEFT:
                    break
                pool = pool or _new_pool(others)
                handed.append(_submitted(pool, work, other, starts=started < others))
                started += 1
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
        if pool:
            pool.shutdown(wait=True, cancel_futures=True)


@contextlib.contextmanager
def started_early(jobs: int, module: str) -> Iterator[None]:
    """Start the other processes for the next `in_order` of as many `jobs` now: they import `module` while this one gets ready."""
    if (others := _others(jobs)) < 1:
        yield
        return
    pool = _early[others] = _new_pool(others)
    for _ in range(others):
        _submitted(pool, import_module, module, starts=True)
    try:
        yield
    finally:
        if _early.pop(others, None):  # nothing came to be done; left to the end of Python it would complain
            pool.shutdown(wait=True, cancel_futures=True)


def settle_in() -> None:
    """Fit this process out for report after report. For processes that are ours alone, not for those of who imports us.

    It looks for garbage in cycles seldom, and not when it ends: reports leave none. Threads take turns fifty times as often, since one
    that receives a result waits its turn for each piece of it. The memory that one batch gave back is kept for the next: to have
    the system clear as much anew takes a twentieth of the time.
    """
    gc.set_threshold(_YOUNG)
    sys.setswitchinterval(_SWITCH)
    atexit.register(gc.freeze)
    if sys.platform == "linux":
        with contextlib.suppress(ImportError, OSError, AttributeError):  # not every Python, or C library, has it
            import ctypes

            mallopt = ctypes.CDLL(None).mallopt
            mallopt(_MMAP_THRESHOLD, _KEPT)
            mallopt(_TRIM_THRESHOLD, _KEPT)


def _others(jobs: int) -> int:
    """Processes beside this one; -1 stands for one each core that this process may use."""
    if jobs > 0:
        return jobs - 1
    from joblib import effective_n_jobs

    return int(effective_n_jobs(jobs)) - 1


def _new_pool(others: int) -> ProcessPoolExecutor:
    # Starts in half the time of joblib's, which every process would import.
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    pool = ProcessPoolExecutor(others, get_context("spawn"), _start)
    _widen(pool)
    return pool


def _widen(pool: ProcessPoolExecutor) -> None:
    """Let a megabyte through at once, where the system can: else whoever sends more than 64 kB waits until the other side has read as
    much, once a thread gets its turn there: a twentieth of the time with two processes. What cannot be widened works as it is.
    """
    with contextlib.suppress(ImportError, AttributeError, OSError):
        from fcntl import F_SETPIPE_SZ, fcntl  # Linux only

        for end in attrgetter("_result_queue._writer", "_call_queue._writer")(pool):
            fcntl(end, F_SETPIPE_SZ, _PIPE)


def _submitted(pool: ProcessPoolExecutor, work: Callable[[T], R], task: T, *, starts: bool) -> Future[R]:
    """The task, handed out; a process that `starts` for it does not hear the keyboard, however early it is pressed."""
    if not starts or threading.current_thread() is not threading.main_thread():
        return pool.submit(work, task)
    heard = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return pool.submit(work, task)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_DFL if heard is None else heard)


_early: Final[dict[int, ProcessPoolExecutor]] = {}
"""Pools that nobody uses yet, by the number of their processes."""


def _start() -> None:
    """In a process that starts: it is ended by this one, not by the keyboard; numpy, which comes later, uses one thread."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    settle_in()
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))


def _do(work: Callable[[T], R], task: T, future: Future[R]) -> None:
    try:
        future.set_result(work(task))
    except Exception as error:  # comes out in its turn, as that of another process does
        future.set_exception(error)
