"""Map a function over tasks in several processes, in order."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Final, TypeVar

from tipclassify.errors import TipclassifyError

if TYPE_CHECKING:
    from concurrent.futures import Future

# tasks submitted ahead of the consumer, for each process: it bounds the results that wait
AHEAD: Final = 8

T = TypeVar("T")
R = TypeVar("R")


def map_in_order(work: Callable[[T], R], tasks: Iterable[T], jobs: int) -> Iterator[R]:
    """Map `work` over `tasks` in several processes; yield results in order.

    `jobs` is the number of processes: -1 is one for each core, 1 is this process. `work` must be
    picklable. An exception in it is raised in the order of its task. A process that dies, as for
    want of memory, raises `TipclassifyError`.

    >>> list(map_in_order(len, ["Police", "slept"], 1))
    [6, 5]
    """
    if jobs == 1:
        yield from map(work, tasks)
        return
    from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
    from multiprocessing import get_context

    from joblib import effective_n_jobs

    processes = effective_n_jobs(jobs)
    pool = ProcessPoolExecutor(processes, get_context("spawn"), _set_up_worker)
    ahead: deque[Future[R]] = deque()
    finished = False
    try:
        for task in tasks:
            while len(ahead) >= AHEAD * processes or (ahead and ahead[0].done()):
                yield ahead.popleft().result()
            with _ignoring_interrupts():
                ahead.append(pool.submit(work, task))
        while ahead:
            yield ahead.popleft().result()
        finished = True
    except BrokenExecutor as error:
        raise TipclassifyError(
            f"a worker process died ({error}); try fewer --jobs, with --output-dir and --resume"
        ) from None
    finally:
        pool.shutdown(wait=finished, cancel_futures=True)


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
