"""Child processes for work that may crash or hang: bytes in, bytes out.

No child outlives its parent.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import struct
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from typing import IO, Final

__all__ = ["Child", "ChildDiedError", "kill_child", "limit_memory", "serve"]

_LAST_WORDS: Final = 2.0  # seconds for a child that has closed its pipe to end
_SIZE: Final = struct.Struct("<Q")  # precedes each message, in both directions
_START: Final = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from {module} import main; main()"
)


class ChildDiedError(Exception):
    """The child ended without an answer; `timed_out` if it was killed because it took too long."""

    def __init__(self, code: int | None, timed_out: bool) -> None:
        self.timed_out = timed_out
        how = f"signal {-code}" if code is not None and code < 0 else f"code {code}"
        super().__init__("took too long" if timed_out else f"its process ended with {how}")


class Child:
    """A Python process that runs ``main()`` of a module, which calls `serve`.

    It has no terminal: what it prints is lost, and Ctrl-C does not reach its Python code. Raises
    `OSError` when no process can be started.
    """

    def __init__(self, module: str) -> None:
        if not sys.executable:
            raise OSError("no Python interpreter is known")
        self.owner = os.getpid()  # a fork must not talk to its parent's child
        self._lock = threading.Lock()  # answers come in the order of the requests
        command = [sys.executable, "-c", _START.format(module=module), json.dumps(sys.path)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self.close = weakref.finalize(self, kill_child, self._process, self.owner)

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    def ask(self, request: bytes, seconds: float | None = None) -> bytes:
        """Send a request and return the answer.

        Raises `ChildDiedError` if there is none in `seconds`.
        """
        with self._lock:
            expired = threading.Event()

            def expire() -> None:
                expired.set()
                self._process.kill()

            timer = threading.Timer(seconds, expire) if seconds is not None else None
            try:
                if timer:
                    timer.daemon = True
                    timer.start()
                assert self._process.stdin is not None
                assert self._process.stdout is not None
                _send_isolation_message(self._process.stdin, request)
                return _receive_isolation_message(self._process.stdout)
            except (OSError, EOFError, ValueError):  # ValueError: of a pipe that was closed before
                # it is ending: by itself, and its code says how
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(_LAST_WORDS)
                self.close()
                raise ChildDiedError(self._process.returncode, expired.is_set()) from None
            # a signal: the answer that is on its way would be taken for the next one
            except BaseException:
                self.close()
                raise
            finally:
                if timer:
                    timer.cancel()


def kill_child(process: subprocess.Popen[bytes], owner: int) -> None:
    """Kill a child, unless this is a fork of the process that started it."""
    if os.getpid() != owner:
        return
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        with contextlib.suppress(OSError):
            if pipe:
                pipe.close()


def limit_memory(most: int) -> None:
    """Limit this process to `most` bytes of address space, where the system keeps such a limit.

    Linux does. Elsewhere there is none, or it is not kept. No memory is written to disk when the
    process crashes.
    """
    # a thread of these takes address space for itself
    os.environ.update(dict.fromkeys(("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))
    if sys.platform != "linux":
        return
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)  # it may be lowered only
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def serve(answer: Callable[[bytes], bytes]) -> None:
    """Answer requests until the parent is gone, as the ``main()`` of a child.

    A thread reads them, so that the process ends with its parent even while it works.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    stdin = sys.stdin.buffer
    stdout = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    requests: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(
        target=_queue_requests_for_isolated_child, args=(stdin, requests), daemon=True
    ).start()
    while True:
        _send_isolation_message(stdout, answer(requests.get()))


def _queue_requests_for_isolated_child(
    stdin: IO[bytes], requests: queue.SimpleQueue[bytes]
) -> None:
    try:
        while True:
            requests.put(_receive_isolation_message(stdin))
    except (OSError, EOFError):
        os._exit(0)


def _send_isolation_message(pipe: IO[bytes], message: bytes) -> None:
    pipe.write(_SIZE.pack(len(message)))
    pipe.write(message)
    pipe.flush()


def _receive_isolation_message(pipe: IO[bytes]) -> bytes:
    (size,) = _SIZE.unpack(_read_bytes_of_isolation_pipe(pipe, _SIZE.size))
    return _read_bytes_of_isolation_pipe(pipe, size)


def _read_bytes_of_isolation_pipe(pipe: IO[bytes], size: int) -> bytes:
    data = pipe.read(size)
    if len(data) < size:
        raise EOFError
    return data
