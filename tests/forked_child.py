"""Fork the children of a command.

A new Python for each would import what the command has imported already, which takes most of the
time of a short one. A child runs the same ``main()``, within the same limits, and talks through the
same pipes.
"""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from typing import IO, NoReturn

from tipclassify.readers import child

__all__ = ["ForkedChild"]

ENDING = (signal.SIGTERM, signal.SIGHUP)
LAST_FILE = 256  # number below which a process of ours opens its files
PAUSE = 0.01  # seconds between two looks at whether a process has ended


class ForkedChild(child.Child):
    """Child process that is forked from the one which asks it."""

    def __init__(self, module: str) -> None:
        self.owner = os.getpid()
        self._lock = threading.Lock()
        self._process = ForkedProcess(module)
        self.close = weakref.finalize(self, child.kill_child, self._process, self.owner)


class ForkedProcess:
    """Process that runs ``main()`` of a module: what a child asks of a `subprocess.Popen`."""

    def __init__(self, module: str) -> None:
        request_end, our_request_end = os.pipe()
        our_answer_end, answer_end = os.pipe()
        self.returncode: int | None = None
        self.pid = os.fork()
        if self.pid == 0:
            run_main(module, request_end, answer_end)
        os.close(request_end)
        os.close(answer_end)
        self.stdin: IO[bytes] = os.fdopen(our_request_end, "wb")
        self.stdout: IO[bytes] = os.fdopen(our_answer_end, "rb")

    def kill(self) -> None:
        if self.returncode is None:
            os.kill(self.pid, signal.SIGKILL)

    def wait(self, timeout: float | None = None) -> int:
        started = time.monotonic()
        while self.returncode is None:
            ended, status = os.waitpid(self.pid, 0 if timeout is None else os.WNOHANG)
            if ended:
                self.returncode = os.waitstatus_to_exitcode(status)
            elif timeout is not None and time.monotonic() - started > timeout:
                raise subprocess.TimeoutExpired("forked child", timeout)
            else:
                time.sleep(PAUSE)
        return self.returncode


def run_main(module: str, requests: int, answers: int) -> NoReturn:
    """Run ``main()`` of a module, with these ends of pipes as standard input and output.

    No other file of the parent stays open, as in a process that is started anew.
    """
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(requests, 0)
        os.dup2(answers, 1)
        os.dup2(nowhere, 2)
        os.closerange(3, LAST_FILE)
        # the parent's may hold what it has not read yet
        sys.stdin = open(0, closefd=False)  # noqa: SIM115
        for number in ENDING:
            signal.signal(number, signal.SIG_DFL)  # the parent's handlers end a command
        importlib.import_module(module).main()
    finally:
        os._exit(1)
