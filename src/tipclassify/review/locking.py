"""One writer at a time, also among processes: an exclusive lock on an open file."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["locked"]

if sys.platform == "win32":
    import msvcrt
    import os
    import time
    from typing import Final

    _FAR: Final = 1 << 62  # Windows forbids others to read a locked byte: lock one that no file reaches

    @contextmanager
    def locked(handle: int) -> Iterator[None]:
        """Hold the file's lock; wait for it as long as another process has it."""
        while True:
            os.lseek(handle, _FAR, os.SEEK_SET)
            try:
                msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
                break
            except OSError:
                time.sleep(0.005)
        try:
            yield
        finally:
            os.lseek(handle, _FAR, os.SEEK_SET)
            msvcrt.locking(handle, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    @contextmanager
    def locked(handle: int) -> Iterator[None]:
        """Hold the file's lock; wait for it as long as another process has it. A process that dies lets go of it."""
        fcntl.flock(handle, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(handle, fcntl.LOCK_UN)
