"""The file that events are kept in: append-only, on disk before anybody is told "saved", shared by any number of processes.

A line is written by one call, under a lock, and synced. A process that is killed while it writes can leave part of a line at
the end, never acknowledged: whoever opens or writes next moves those bytes to a ``.torn`` file beside the log.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import IO

from filelock import FileLock

from tipclassify.errors import CorpusError, InputError
from tipclassify.review.events import Event, History, event_line, parse_event

__all__ = ["EventLog", "now"]


class EventLog:
    """The log at `path` and what holds after all its events.

    Parameters
    ----------
    path : Path
        Made, with its folder's entry synced, if it is missing.
    tell : callable
        Called with one line when torn bytes were set aside.

    Raises
    ------
    InputError
        When the file cannot be made or read.
    CorpusError
        When a line that is not the last is no event.
    """

    def __init__(self, path: Path, tell: Callable[[str], None] = lambda _: None) -> None:
        self.path = path
        self.history = History()
        self.guard = threading.RLock()  # of `history`, among the threads of this process
        self._lock = FileLock(path.with_name(f".{path.name}.lock"))  # among processes; one that dies lets go of it
        self._tell = tell
        self._read = 0  # bytes of the log that `history` knows
        with self.exclusive():
            _sync_folder(path.parent)

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[Callable[[Event], None]]:
        """Hold the log against all other writers, with all of their events known; gives a function that appends one.

        Raises
        ------
        InputError
            When the log cannot be opened, or was removed or shortened by something else.
        """
        with self.guard, self._open("a+b", "choose another --corpus") as file, self._lock.acquire(poll_interval=0.005):
            self._take(file, last=True)
            yield lambda event: self._append(file, event)

    def refresh(self) -> None:
        """Learn the events that other processes appended."""
        with self.guard, self._open("rb", "put it back and start again") as file:
            self._take(file, last=False)

    def _open(self, mode: str, remedy: str) -> IO[bytes]:
        try:
            return self.path.open(mode)
        except OSError as error:
            raise InputError(f"{self.path}: {(error.strerror or str(error)).lower()}; {remedy}") from None

    def _append(self, file: IO[bytes], event: Event) -> None:
        self.history.check(event)
        line = event_line(event)
        try:
            if os.write(file.fileno(), line) < len(line):
                raise OSError("the disk is full")
            os.fsync(file.fileno())
        except OSError as error:
            with contextlib.suppress(OSError):  # not acknowledged: take back what there is of it
                os.ftruncate(file.fileno(), self._read)
            raise InputError(
                f"{self.path}: not saved ({(error.strerror or str(error)).lower()}); free some space"
            ) from None
        self._read += len(line)
        self.history.add(event)

    def _take(self, file: IO[bytes], last: bool) -> None:
        """Add the events after those known. With `last` nobody else is writing: what ends without a line end is torn."""
        size = os.fstat(file.fileno()).st_size
        if size < self._read:
            raise InputError(f"{self.path}: was removed or shortened while in use; put it back and start again")
        file.seek(self._read)
        *whole, cut = file.read(size - self._read).split(b"\n")
        lines = [line + b"\n" for line in whole]
        if last and cut and _is_event(cut):  # only its line end is missing: an editor did it, or it is the last byte
            os.write(file.fileno(), b"\n")
            lines.append(cut + b"\n")
        elif last and cut:
            self._set_aside(file, cut, size)
        elif last and lines and not _is_event(lines[-1]):  # blocks of a write may reach the disk in any order
            self._set_aside(file, lines.pop(), size)
        for line in lines:
            try:
                self.history.add(parse_event(line))
            except ValueError as error:
                where = f"{self.path}:{len(self.history) + 1}"
                raise CorpusError(
                    [f"{where}: not an event ({error}); mend this line, from a copy if there is one"]
                ) from None
            self._read += len(line)

    def _set_aside(self, file: IO[bytes], torn: bytes, size: int) -> None:
        aside = self.path.with_name(self.path.name + ".torn")
        with aside.open("ab") as kept:
            kept.write(torn + b"\n")
            kept.flush()
            os.fsync(kept.fileno())
        os.ftruncate(file.fileno(), size - len(torn))
        os.fsync(file.fileno())
        self._tell(f"{self.path}: the last line was cut off by a crash; its {len(torn)} bytes are in {aside.name}")


def now() -> str:
    """The time in UTC, ISO 8601 with milliseconds."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _is_event(line: bytes) -> bool:
    try:
        parse_event(line)
    except ValueError:
        return False
    return True


def _sync_folder(folder: Path) -> None:
    """Let the entry of a new file survive a loss of power; Windows has no such call and needs none."""
    with contextlib.suppress(OSError, AttributeError):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
