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
from typing import Final

from tipclassify.errors import CorpusError, InputError
from tipclassify.review.events import Event, History, event_line, parse_event
from tipclassify.review.locking import locked

__all__ = ["EventLog", "now"]

_FLAGS: Final = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)


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
        self._tell = tell
        self._read = 0  # bytes of the log that `history` knows
        new = not path.exists()
        with self.exclusive():
            pass
        if new:
            _sync_folder(path.parent)

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[Callable[[Event], None]]:
        """Hold the log against all other writers, with all of their events known; gives a function that appends one.

        Raises
        ------
        InputError
            When the log cannot be opened, or was removed or shortened by something else.
        """
        with self.guard:
            try:
                handle = os.open(self.path, _FLAGS, 0o666)
            except OSError as error:
                raise InputError(
                    f"{self.path}: {(error.strerror or str(error)).lower()}; choose another --corpus"
                ) from None
            try:
                with locked(handle):
                    self._take(handle, last=True)
                    yield lambda event: self._append(handle, event)
            finally:
                os.close(handle)

    def refresh(self) -> None:
        """Learn the events that other processes appended."""
        with self.guard:
            try:
                if os.path.getsize(self.path) == self._read:
                    return
                handle = os.open(self.path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
            except OSError as error:
                raise InputError(
                    f"{self.path}: {(error.strerror or str(error)).lower()}; put it back and start again"
                ) from None
            try:
                self._take(handle, last=False)
            finally:
                os.close(handle)

    def _append(self, handle: int, event: Event) -> None:
        line = event_line(event)
        self._check(event)
        try:
            written = os.write(handle, line)
            if written < len(line):
                raise OSError("the disk is full")
            os.fsync(handle)
        except OSError as error:
            with contextlib.suppress(OSError):  # not acknowledged: take back what there is of it
                os.ftruncate(handle, self._read)
            raise InputError(
                f"{self.path}: not saved ({(error.strerror or str(error)).lower()}); free some space"
            ) from None
        self._read += len(line)
        self.history.add(event)

    def _check(self, event: Event) -> None:
        if event.number != len(self.history) + 1:
            raise ValueError(f"event {event.number} after event {len(self.history)}")

    def _take(self, handle: int, last: bool) -> None:
        """Add the events after those known. With `last` nobody else is writing: what ends without a line end is torn."""
        size = os.fstat(handle).st_size
        if size < self._read:
            raise InputError(f"{self.path}: was removed or shortened while in use; put it back and start again")
        data = _read_from(handle, self._read, size - self._read)
        whole, cut = data[: data.rfind(b"\n") + 1], data[data.rfind(b"\n") + 1 :]
        lines = [line + b"\n" for line in whole.split(b"\n")[:-1]]
        if last and cut:
            if _is_event(cut):  # only its line end is missing: an editor's doing, or the last byte of a write
                os.write(handle, b"\n")
                lines.append(cut + b"\n")
            else:
                self._set_aside(handle, cut, self._read + len(whole))
        elif last and lines and not _is_event(lines[-1]):  # blocks of a write may reach the disk in any order
            self._set_aside(handle, lines[-1], self._read + len(whole) - len(lines[-1]))
            lines.pop()
        for line in lines:
            try:
                self.history.add(parse_event(line))
            except ValueError as error:
                where = f"{self.path}:{len(self.history) + 1}"
                raise CorpusError(
                    [f"{where}: not an event ({error}); mend this line, from a copy if there is one"]
                ) from None
            self._read += len(line)

    def _set_aside(self, handle: int, torn: bytes, end: int) -> None:
        aside = self.path.with_name(self.path.name + ".torn")
        with aside.open("ab") as file:
            file.write(torn + b"\n")
            file.flush()
            os.fsync(file.fileno())
        os.ftruncate(handle, end)
        os.fsync(handle)
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


def _read_from(handle: int, start: int, length: int) -> bytes:
    os.lseek(handle, start, os.SEEK_SET)
    pieces = []
    while length > 0 and (piece := os.read(handle, length)):
        pieces.append(piece)
        length -= len(piece)
    return b"".join(pieces)


def _sync_folder(folder: Path) -> None:
    """Let the entry of a new file survive a loss of power; Windows has no such call and needs none."""
    with contextlib.suppress(OSError, AttributeError):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
