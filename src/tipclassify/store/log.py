"""Event log: an append-only file shared by processes.

An event is synced to disk before it is confirmed.
"""

from __future__ import annotations

import contextlib
import gc
import os
import stat
import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import IO, Final

from filelock import FileLock

from tipclassify.errors import CorpusError, InputError, reason_of_error
from tipclassify.store.events import Event, History, event_line, parse_event
from tipclassify.whole_files import hidden_name

_COMPARED: Final = 200  # bytes at the end of what was read
_START: Final = b'{"event": 1, '  # of every log
_MANY: Final = 1_000  # events, from which garbage collection takes longer than reading them


class EventLog:
    """Event log at `path`, made if missing, with the `History` of its events.

    Calls `notify` with one line when it moved what a killed process left of a line to a ``.torn``
    file. Raises `InputError` when the file is no log or cannot be made or read, `CorpusError` for
    an invalid line before the last.
    """

    def __init__(
        self,
        path: Path,
        notify: Callable[[str], None] = lambda _: None,
        remedy: str = "choose another --corpus",
    ) -> None:
        self.path = path
        self._remedy = remedy  # where the log cannot be used
        self.history = History()
        self.guard = threading.RLock()  # protects `history` among the threads of this process
        # among processes; released if one dies
        self._lock = FileLock(hidden_name(path, ".lock"))
        self._notify = notify
        self._read = 0  # bytes of the log that are in `history`
        self._end = b""  # the last of these bytes: another log in its place has others
        with self.exclusive():
            _sync_folder_of_log(path.parent)

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[Callable[[Event], None]]:
        """Lock the log, load events of other writers, and give a function that appends one."""
        with (
            self.guard,
            self._open("a+b", self._remedy) as file,
            self._lock.acquire(poll_interval=0.005),
        ):
            file.seek(0)
            start = file.read(len(_START))
            # an empty log, or one that was cut off in its first line, is ours
            if start != _START[: len(start)]:
                what = "is no log of decisions (see its first line)"
                raise InputError(f"{self.path}: {what}; {self._remedy}")
            self._take(file, last=True)
            yield lambda event: self._append(file, event)

    @contextlib.contextmanager
    def reading(self) -> Iterator[History]:
        """Keep other threads from writing, and give the events with those of other processes."""
        with self.guard:
            self.refresh()
            yield self.history

    def refresh(self) -> None:
        """Load the events that other processes appended."""
        with self.guard, self._open("rb", "put it back and start again") as file:
            self._take(file, last=False)

    def _open(self, mode: str, remedy: str) -> IO[bytes]:
        try:
            return open_regular_review_file(self.path, mode)
        except OSError as error:
            raise InputError(f"{self.path}: {reason_of_error(error)}; {remedy}") from None

    def _append(self, file: IO[bytes], event: Event) -> None:
        self.history.check(event)
        line = event_line(event)
        try:
            if os.write(file.fileno(), line) < len(line):
                raise OSError("the disk is full")
            os.fsync(file.fileno())
            if not os.path.samestat(os.stat(self.path), os.fstat(file.fileno())):
                # which does not have the event
                raise OSError("the log was replaced by another while in use")
        except OSError as error:
            with contextlib.suppress(OSError):  # not confirmed: remove the partial line
                os.ftruncate(file.fileno(), self._read)
            remedy = "free some space, or start again"
            raise InputError(
                f"{self.path}: not saved ({reason_of_error(error)}); {remedy}"
            ) from None
        self._read += len(line)
        self._end = line[-_COMPARED:]
        self.history.add(event)

    def _take(self, file: IO[bytes], last: bool) -> None:
        """Load new events.

        With `last` the lock is held, so that an incomplete last line is torn, not in progress.
        """
        size = os.fstat(file.fileno()).st_size
        if size < self._read:
            raise InputError(
                f"{self.path}: was removed or shortened while in use; put it back and start again"
            )
        file.seek(self._read - len(self._end))
        if file.read(len(self._end)) != self._end:
            raise InputError(
                f"{self.path}: was replaced by another while in use; put it back, or start again"
            )
        *whole, cut = file.read(size - self._read).split(b"\n")
        lines = [line + b"\n" for line in whole]
        # only the line end is missing, by an editor or a crash at the last byte
        if last and cut and _is_event(cut):
            os.write(file.fileno(), b"\n")
            lines.append(cut + b"\n")
        # disk blocks may be written in any order
        elif last and (cut or (lines and not _is_event(lines[-1]))):
            self._set_aside(file, cut or lines.pop(), size)
        if len(lines) < _MANY:
            self._add(lines)
            return
        with _garbage_collection_paused_for_events():
            self._add(lines)

    def _add(self, lines: Iterable[bytes]) -> None:
        """Add the events of whole lines."""
        for line in lines:
            try:
                self.history.add(parse_event(line))
            except ValueError as error:
                what = f"not an event ({error}); correct this line, from a copy if there is one"
                raise CorpusError([f"{self.path}:{len(self.history) + 1}: {what}"]) from None
            self._read += len(line)
            self._end = line[-_COMPARED:]

    def _set_aside(self, file: IO[bytes], torn: bytes, size: int) -> None:
        aside = self.path.with_name(self.path.name + ".torn")
        try:
            with open_regular_review_file(aside, "ab") as kept:
                kept.write(torn + b"\n")
                kept.flush()
                os.fsync(kept.fileno())
        except OSError as error:
            what = f"the last line is cut off, and cannot be moved to {aside.name}"
            raise InputError(f"{self.path}: {what} ({reason_of_error(error)})") from None
        os.ftruncate(file.fileno(), size - len(torn))
        os.fsync(file.fileno())
        where = f"its {len(torn)} bytes are in {aside.name}"
        self._notify(f"{self.path}: the last line was cut off by a crash; {where}")


@contextlib.contextmanager
def _garbage_collection_paused_for_events() -> Iterator[None]:
    """Pause the search for circular references.

    Events have none, and searching all of them again and again takes longer than reading them.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def open_regular_review_file(path: Path, mode: str) -> IO[bytes]:
    """Open a regular file, made if missing and the mode writes.

    Raises `OSError` for a link, pipe, device or folder.
    """

    def opener(name: str, flags: int) -> int:
        # Without O_NONBLOCK, opening a pipe would wait for its other end.
        return os.open(
            name, flags | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0), 0o666
        )

    # Windows has no O_NOFOLLOW; elsewhere its message would be of too many links
    if path.is_symlink():
        raise OSError(0, "a link, which is not followed")
    file: IO[bytes] = open(path, mode, opener=opener)  # noqa: SIM115  # the caller closes it
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(0, "no plain file")
    return file


def now() -> str:
    """Return the time in UTC, ISO 8601 with milliseconds."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _is_event(line: bytes) -> bool:
    with contextlib.suppress(ValueError):
        return bool(parse_event(line))
    return False


def _sync_folder_of_log(folder: Path) -> None:
    """Sync a folder, so that a new file survives a power loss.

    Windows has no such call and needs none.
    """
    with contextlib.suppress(OSError, AttributeError):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
