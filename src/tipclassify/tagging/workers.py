"""Map a function over tasks in several processes, in order.

A process that dies loses its own task only.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Future
from typing import TYPE_CHECKING, Final, TypeVar

from tipclassify.errors import TipclassifyError

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor

# tasks submitted ahead of the consumer, for each process: it bounds the results that wait
AHEAD: Final = 8

T = TypeVar("T")
R = TypeVar("R")


def map_in_order(
    work: Callable[[T], R], tasks: Iterable[T], jobs: int, lost: Callable[[T], R] | None = None
) -> Iterator[R]:
    """Map `work` over `tasks` in several processes; yield results in order.

    `jobs` is the number of processes: -1 is one for each core, 1 is this process. `work` must be
    picklable. An exception in it is raised in the order of its task. If a process dies, the tasks
    that were under way run again, one at a time; for one that ends its process even then, the
    result is ``lost(task)``. Without `lost`, a process that dies raises `TipclassifyError`.

    >>> list(map_in_order(len, ["Police", "slept"], 1))
    [6, 5]
    """
    if jobs == 1:
        yield from map(work, tasks)
        return
    from joblib import effective_n_jobs

    processes = effective_n_jobs(jobs)
    pool = _new_pool(processes)
    ahead: deque[tuple[T, Future[R]]] = deque()
    finished = False
    try:
        for task in tasks:
            while len(ahead) >= AHEAD * processes or (ahead and ahead[0][1].done()):
                if _is_broken(ahead[0][1]):
                    pool = _recovered(pool, processes, work, ahead, lost)
                yield ahead.popleft()[1].result()
            try:
                ahead.append((task, _submit(pool, work, task)))
            except BrokenExecutor:
                pool = _recovered(pool, processes, work, ahead, lost)
                ahead.append((task, _submit(pool, work, task)))
        while ahead:
            if _is_broken(ahead[0][1]):
                pool = _recovered(pool, processes, work, ahead, lost)
            yield ahead.popleft()[1].result()
        finished = True
    finally:
        pool.shutdown(wait=finished, cancel_futures=True)


def _new_pool(processes: int) -> ProcessPoolExecutor:
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    return ProcessPoolExecutor(processes, get_context("spawn"), _set_up_worker)


def _submit(pool: ProcessPoolExecutor, work: Callable[[T], R], task: T) -> Future[R]:
    with _ignoring_interrupts():
        return pool.submit(work, task)


def _is_broken(future: Future[R]) -> bool:
    """Wait for a task, and return whether its pool lost a process before it was done."""
    return isinstance(future.exception(), BrokenExecutor)


def _recovered(
    pool: ProcessPoolExecutor,
    processes: int,
    work: Callable[[T], R],
    ahead: deque[tuple[T, Future[R]]],
    lost: Callable[[T], R] | None,
) -> ProcessPoolExecutor:
    """Run the tasks of a broken pool again, each alone, and return a new pool for the next."""
    pool.shutdown(wait=True, cancel_futures=True)
    alone = _new_pool(1)
    try:
        for number, (task, future) in enumerate(ahead):
            if not future.cancelled() and not _is_broken(future):
                continue
            again = _submit(alone, work, task)
            if _is_broken(again):
                if lost is None:
                    raise TipclassifyError(
                        f"a worker process died ({again.exception()}); try fewer --jobs"
                    )
                alone.shutdown(wait=True, cancel_futures=True)
                alone = _new_pool(1)
                again = Future()
                again.set_result(lost(task))
            ahead[number] = task, again
    finally:
        alone.shutdown(wait=True, cancel_futures=True)
    return _new_pool(processes)


def _set_up_worker() -> None:
    """Set up a worker process.

    It ignores interrupts, since the parent shuts the pool down, ends with the parent, and limits
    numpy to one thread.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_worker_with_parent, daemon=True).start()
    for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[threads] = "1"


def _end_worker_with_parent() -> None:
    """End this process when its parent has ended, by whatever signal.

    Nobody would take its results.
    """
    from multiprocessing import parent_process

    if (parent := parent_process()) is not None:
        parent.join()
    os._exit(1)


@contextlib.contextmanager
def _ignoring_interrupts() -> Iterator[None]:
    """Ignore Ctrl-C here.

    A process that is started meanwhile inherits that before its own code runs.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_DFL if before is None else before)
