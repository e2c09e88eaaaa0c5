"""Write files that take their name only when complete.

What a killed process left is removed by the next that writes the same file. A lock distinguishes
files in use from those that a killed process left.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import IO, Any, Final, TypeVar

try:
    import fcntl
except ImportError:  # Windows, where a file in use cannot be removed anyway
    fcntl = None  # type: ignore[assignment]

T = TypeVar("T")

_LONGEST: Final = 255  # bytes of a file name
_DIGITS: Final = 8  # hexadecimal, that end a staging name or tell cut names apart
_RECENT: Final = 3_600  # seconds in which a staged file may be at work where there are no locks
_DRAWN: Final = re.compile("[0-9a-f]" * _DIGITS)
_HERE: Final = -100  # AT_FDCWD of Linux: paths are of the working folder
_EXCHANGE: Final = 2  # RENAME_EXCHANGE of Linux, RENAME_SWAP of macOS


def lock(handle: int) -> None:
    """Lock an open file or folder until it is closed, or its process ends in any way."""
    if fcntl:
        with contextlib.suppress(OSError):  # some file systems have no locks
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def is_locked(path: Path) -> bool:
    """Return whether a process holds a file or folder."""
    if not fcntl:
        return False
    try:
        handle = os.open(
            path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        )
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(handle)
    return False


def remove_scrap(path: Path) -> None:
    """Remove a temporary file, unless a process holds it or it is not to be removed."""
    if path.is_file() and not path.is_symlink() and not is_locked(path):
        with contextlib.suppress(OSError):
            path.unlink()


def staging_name(path: Path) -> Path:
    """Return a new hidden name beside `path`: ``.NAME-`` and eight digits.

    The name is cut to the length that a folder takes.

    >>> len(os.fsencode(staging_name(Path("a" * 255)).name))
    255
    """
    return path.with_name(f"{staging_start(path)}{os.urandom(_DIGITS // 2).hex()}")


def staging_start(path: Path, room: int = _DIGITS) -> str:
    """Return how the names of staged files for `path` begin; `room` bytes are left for their end.

    >>> staging_start(Path("models/mine"))
    '.mine-'
    """
    return f".{_cut(path.name, _LONGEST - len('.-') - room)}-"


def hidden_name(path: Path, suffix: str) -> Path:
    """Return the hidden name beside `path` that ends in a suffix, always the same.

    A name that is too long for its folder is cut, and tells those apart that begin alike.

    >>> hidden_name(Path("my.jsonl"), ".new").name
    '.my.jsonl.new'
    >>> len(os.fsencode(hidden_name(Path("a" * 255), ".new").name))
    255
    """
    longest = _LONGEST - len(".") - len(suffix)
    whole = os.fsencode(path.name)
    if len(whole) <= longest:
        return path.with_name(f".{path.name}{suffix}")
    digest = hashlib.sha256(whole).hexdigest()[:_DIGITS]
    return path.with_name(f".{_cut(path.name, longest - len('-') - _DIGITS)}-{digest}{suffix}")


def _cut(name: str, most: int) -> str:
    """Cut a name to at most so many bytes, between characters."""
    while len(os.fsencode(name)) > most:
        name = name[:-1]
    return name


@contextlib.contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Wait until no other process holds a folder, and hold it; go on where there are no locks."""
    handle = None
    if fcntl:
        with contextlib.suppress(OSError):
            handle = os.open(folder, os.O_RDONLY)
            fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        yield
    finally:
        if handle is not None:
            os.close(handle)


def remove_left_for(path: Path) -> None:
    """Remove what killed processes left of `path`, unless it changed within the last hour."""
    start = staging_start(path)
    try:
        names = [name for name in os.listdir(path.parent) if name.startswith(start)]
    except OSError:
        return
    for name in names:
        if not _DRAWN.fullmatch(name, len(start)):
            continue
        left = path.with_name(name)
        with contextlib.suppress(OSError):
            if time.time() - left.lstat().st_mtime > _RECENT:
                remove_scrap(left)


@contextlib.contextmanager
def open_whole_file(
    path: Path, binary: bool = False, *, private: bool = False
) -> Iterator[IO[Any]]:  # of str or of bytes
    """Open a file that only this user can read, and that takes the place of `path` when complete.

    A complete one that is not `private` has the rights that this user's new files have. What killed
    processes left of it is removed. A device or pipe is never replaced. Text is UTF-8, with line
    ends as they are written.
    """
    if path.exists() and not path.is_file():
        with _open_private(path, "w", binary) as out:
            yield out
        return
    remove_left_for(path)
    file = staging_name(path)  # named before it exists, so it is always removed
    held = None
    try:
        while True:
            with _open_private(file, "x", binary) as out:
                lock(out.fileno())
                # Another process may have taken it for scrap before it was held.
                if file.exists():
                    if fcntl:  # elsewhere no open file can be renamed
                        # the lock outlasts `out`, until the file has its name
                        held = os.dup(out.fileno())
                    yield out
                    break
        if not private:
            umask = os.umask(0)
            os.umask(umask)
            os.chmod(file, 0o666 & ~umask)
        os.replace(file, path)
    finally:
        if held is not None:
            os.close(held)
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
