"""Tasks in, what becomes of them out: in their order, by several processes of which this one is the first.

This process does tasks too while the others start or work, and hands tasks out only as results are taken from it: however
slow the one who takes them, a bounded number of results waits. On either side a thread sends and nobody but the main thread
receives, between two tasks: a thread that received would take turns with a task for every 64 kB.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, TypeVar

from tipclassify.errors import TipclassifyError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

__all__ = ["AHEAD", "in_order", "settle_in", "start_others"]

AHEAD: Final = 8
"""Results a process that may wait, or be under way, before they are asked for."""

_HANDED_OUT: Final = 2  # tasks a process: one under way, one to go on with
_NONE_LEFT: Final = object()
_YOUNG: Final = 20_000  # objects made between two searches for garbage in cycles
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # malloc.h of glibc
_KEPT: Final = 32 * 2**20  # bytes; what glibc takes at most for both

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
    processes = jobs if jobs > 0 else _processes(jobs)
    most = AHEAD * processes
    left = iter(tasks)
    others = [_early.pop() for _ in range(min(len(_early), processes - 1))]
    ahead: deque[_Outcome] = deque()
    try:
        while True:
            for other in others:
                other.receive()
            own: _Outcome | None = None
            task: Any = _NONE_LEFT
            if not (ahead and ahead[0].done) and len(ahead) < most:
                task = next(left, _NONE_LEFT)
                if task is not _NONE_LEFT:
                    own = _Outcome()
                    ahead.append(own)
            while len(ahead) < most and (free := _free(others, processes - 1)):
                given: Any = next(left, _NONE_LEFT)
                if given is _NONE_LEFT:
                    break
                ahead.append(free.hand(work, given))
            if own:
                own.set(*_done(work, task))
            elif not ahead:
                return
            else:
                while not ahead[0].done:
                    _wait(others)
                yield ahead.popleft().result()
    finally:
        for other in others:
            other.close()
        for other in others:
            other.process.join()


def start_others(jobs: int, module: str) -> None:
    """Start the other processes for the next `in_order` now: they import `module` while this one gets ready.

    What is not wanted ends with this process.
    """
    _early.extend(_Other(module) for _ in range((jobs if jobs > 0 else _processes(jobs)) - 1))


def settle_in() -> None:
    """Fit this process out for report after report. For processes that are ours alone, not for those of who imports us.

    It looks for garbage in cycles seldom, and not when it ends: reports leave none. It keeps the memory that one batch of
    them gave back for the next: to have the system clear as much anew takes a twentieth of their time.
    """
    gc.set_threshold(_YOUNG)
    atexit.register(gc.freeze)
    if sys.platform == "linux":
        import ctypes

        with contextlib.suppress(OSError, AttributeError):  # not every C library has it
            mallopt = ctypes.CDLL(None).mallopt
            mallopt(_MMAP_THRESHOLD, _KEPT)
            mallopt(_TRIM_THRESHOLD, _KEPT)


def _processes(jobs: int) -> int:
    """How many -1 stands for: the cores that this process may use."""
    from joblib import effective_n_jobs

    return int(effective_n_jobs(jobs))


def _done(work: Callable[[T], R], task: T) -> tuple[bool, Any]:
    """Whether the task could be done, and what became of it or was raised, which comes out in its turn."""
    try:
        return True, work(task)
    except Exception as error:
        return False, error


class _Outcome:
    """What becomes of a task."""

    __slots__ = ("_value", "_well", "done")

    def __init__(self) -> None:
        self.done = False

    def set(self, well: bool, value: Any) -> None:
        self.done, self._well, self._value = True, well, value

    def result(self) -> Any:
        if self._well:
            return self._value
        raise self._value


# --------------------------------------------------------------------------------------------- between processes


class _Sender:
    """Sends what it is given, in a thread: the other side may be long in reading it."""

    def __init__(self, line: Connection) -> None:
        from queue import SimpleQueue
        from threading import Thread

        self._line = line
        self._left: SimpleQueue[Any] = SimpleQueue()
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()
        self.broken = False

    def send(self, value: Any) -> None:
        from multiprocessing.reduction import ForkingPickler

        self._left.put(ForkingPickler.dumps(value))

    def close(self) -> None:
        """Send nothing more after what was given."""
        self._left.put(None)

    def join(self) -> None:
        self._thread.join()

    def _run(self) -> None:
        with contextlib.suppress(OSError):  # nobody reads any more
            while (data := self._left.get()) is not None:
                self._line.send_bytes(data)
        self.broken = True
        self._line.close()


class _Other:
    """Another process, and the outcomes of the tasks that it was handed."""

    def __init__(self, module: str | None = None) -> None:
        from multiprocessing import get_context

        spawn = get_context("spawn")
        (tasks, sending), (self.line, results) = spawn.Pipe(duplex=False), spawn.Pipe(duplex=False)
        # A daemon: whatever becomes of this process, it goes with it.
        self.process = spawn.Process(target=_serve, args=(tasks, results, module), daemon=True)
        self.process.start()
        tasks.close()
        results.close()
        self.sender = _Sender(sending)
        self.handed: deque[_Outcome] = deque()

    def hand(self, work: Callable[[T], Any], task: T) -> _Outcome:
        """Hand out a task; what becomes of it will come."""
        self.sender.send((work, task))
        self.handed.append(_Outcome())
        return self.handed[-1]

    def receive(self) -> None:
        """Take in the outcomes that are there."""
        try:
            while self.handed and self.line.poll():
                self.handed.popleft().set(*self.line.recv())
        except (EOFError, OSError):
            self.process.join()
            died = f"a worker process died (exit code {self.process.exitcode}); try fewer --jobs"
            raise TipclassifyError(died) from None

    def close(self) -> None:
        """No further task: the process ends with the one under way."""
        self.sender.close()
        self.line.close()


_early: Final[list[_Other]] = []


def _free(others: list[_Other], most: int) -> _Other | None:
    """The process to hand a task to: one without any, a new one, or one with the fewest; None where all have enough."""
    least = min(others, key=lambda other: len(other.handed), default=None)
    if (least is None or least.handed) and len(others) < most:
        others.append(_Other())
        return others[-1]
    return least if least and len(least.handed) < _HANDED_OUT else None


def _wait(others: list[_Other]) -> None:
    """Wait until an outcome comes, and take in what is there."""
    from multiprocessing.connection import wait

    wait([other.line for other in others if other.handed])
    for other in others:
        other.receive()


def _serve(tasks: Connection, results: Connection, module: str | None) -> None:
    """In another process: do tasks until none comes. It is ended by the first one, not by the keyboard."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    settle_in()
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))
    if module:
        import_module(module)
    sender = _Sender(results)
    with contextlib.suppress(EOFError):
        while not sender.broken:
            outcome = _done(*tasks.recv())
            try:
                sender.send(outcome)
            except Exception as error:  # it cannot travel
                sender.send((False, error))
    sender.close()
    sender.join()
