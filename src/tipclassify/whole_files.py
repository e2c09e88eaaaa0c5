"""Write files and folders that take their name only when complete.

They are written beside it under a hidden name, and renamed. What a killed process left there is
removed by the next that writes the same: a file at once, since one at work is locked; a folder, or
where there are no locks, after an hour.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import stat
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import IO, Any, Final, TypeVar

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

T = TypeVar("T")

_LONGEST: Final = 255  # bytes of a file name
_DIGITS: Final = re.compile("[0-9a-f]{8}")  # that end a staging name
_RECENT: Final = 3_600  # seconds after its last change in which what is not locked may be at work
_LOCKED_AFTER: Final = 1  # seconds in which a new file is surely locked
_ANY_MAY_WRITE: Final = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH
_HERE: Final = -100  # AT_FDCWD of Linux: paths are of the working folder
_EXCHANGE: Final = 2  # RENAME_EXCHANGE of Linux, RENAME_SWAP of macOS


@contextlib.contextmanager
def lock(path: Path) -> Iterator[None]:
    """Wait until no other process holds a file or folder, and hold it; go on where none can."""
    handle = None
    if fcntl:
        with contextlib.suppress(OSError):
            handle = os.open(path, os.O_RDONLY)
            fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        yield
    finally:
        if handle is not None:
            os.close(handle)


def _staging_start(path: Path) -> str:
    """Return how the hidden names beside `path` begin, cut to the length that a folder takes."""
    name = path.name
    while len(os.fsencode(name)) > _LONGEST - len(".-") - 8:
        name = name[:-1]
    return f".{name}-"


def staging_name(path: Path) -> Path:
    """Return a new hidden name beside `path`: ``.NAME-`` and eight digits.

    >>> len(os.fsencode(staging_name(Path("a" * 255)).name))
    255
    """
    return path.with_name(f"{_staging_start(path)}{os.urandom(4).hex()}")


def remove_left_for(path: Path) -> None:
    """Remove what killed processes left of `path`."""
    start = _staging_start(path)
    try:
        names = [name for name in os.listdir(path.parent) if name.startswith(start)]
    except OSError:
        return
    for name in names:
        if not _DIGITS.fullmatch(name, len(start)):
            continue
        left = path.with_name(name)
        with contextlib.suppress(OSError):
            if left.is_symlink():
                continue
            unchanged = time.time() - left.stat().st_mtime
            if left.is_file():
                _remove_unlocked(left, unchanged)
            elif left.is_dir() and unchanged >= _RECENT:
                shutil.rmtree(left)


def _remove_unlocked(file: Path, unchanged: float) -> None:
    """Remove a file that no process holds, or that was not changed for long where none can."""
    quiet = _RECENT
    with contextlib.ExitStack() as stack:
        if fcntl:
            left = stack.enter_context(open(file, "rb"))
            try:
                fcntl.flock(left, fcntl.LOCK_EX | fcntl.LOCK_NB)
                quiet = _LOCKED_AFTER
            except BlockingIOError:
                return
            except OSError:  # a disk without locks
                pass
        if unchanged >= quiet:
            file.unlink()


@contextlib.contextmanager
def open_whole_file(
    path: Path, binary: bool = False, *, private: bool = False
) -> Iterator[IO[Any]]:  # of str or of bytes
    """Open a file that only this user can read, and that takes the place of `path` when complete.

    A complete one has the rights of the one that it replaces, else those of this user's new files,
    unless it is `private`. A device or pipe is never replaced, nor a file that is protected from
    writing (`PermissionError`). Text is UTF-8, with line ends as they are written.
    """
    if path.exists() and not path.is_file():
        with _open_private(path, "w", binary) as out:
            yield out
        return
    rights = None
    if path.exists():
        rights = stat.S_IMODE(path.stat().st_mode)
        if not rights & _ANY_MAY_WRITE or not os.access(path, os.W_OK):  # root may write any
            raise PermissionError(errno.EACCES, "protected from writing")
    remove_left_for(path)
    file = staging_name(path)  # named before it exists, so it is always removed
    try:
        with _open_private(file, "x", binary) as out, lock(file):
            yield out
            out.close()  # as Windows asks before it is renamed
            if not private:
                umask = os.umask(0)
                os.umask(umask)
                os.chmod(file, 0o666 & ~umask if rights is None else rights)
            os.replace(file, path)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(file)


def _open_private(file: Path, mode: str, binary: bool) -> IO[Any]:
    """Open a file to write, which only this user can read."""
    opener = partial(os.open, mode=0o600)
    if binary:
        return open(file, f"{mode}b", opener=opener)
    return open(file, mode, opener=opener, encoding="utf-8", newline="")


def exchange(first: Path, second: Path) -> bool:
    """Exchange two files or folders in one step; return whether this system and disk can.

    Linux does it by ``renameat2``, macOS by ``renamex_np``; nobody ever finds one of the names
    missing.
    """
    import ctypes  # slow to import, and not needed for reading

    old = os.fsencode(first)
    new = os.fsencode(second)
    try:
        library = ctypes.CDLL(None, use_errno=True)
        if sys.platform == "linux":
            return bool(library.renameat2(_HERE, old, _HERE, new, _EXCHANGE) == 0)
        if sys.platform == "darwin":
            return bool(library.renamex_np(old, new, _EXCHANGE) == 0)
    except (OSError, AttributeError, TypeError):  # no such library or function
        pass
    return False


class FailingOnce:
    """A binary stream that fails once.

    After its first `OSError`, or once closed, all else is lost without another. Libraries that pack
    archives try to finish them when they are thrown away, and Python prints what is raised then.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._failed = False

    def __getattr__(self, name: str) -> object:
        return getattr(self._file, name)

    def _unless_failed(self, work: Callable[[], T], otherwise: T) -> T:
        if self._failed or self._file.closed:
            return otherwise
        try:
            return work()
        except OSError:
            self._failed = True
            raise

    def write(self, data: bytes) -> int:
        return self._unless_failed(lambda: self._file.write(data), len(data))

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._unless_failed(lambda: self._file.seek(offset, whence), 0)

    def tell(self) -> int:
        return self._unless_failed(self._file.tell, 0)

    def flush(self) -> None:
        self._unless_failed(self._file.flush, None)
