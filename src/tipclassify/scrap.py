"""Temporary files that others may clean up: a lock tells what is in use from what a killed process left."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final

try:
    import fcntl
except ImportError:  # Windows, where a file in use cannot be removed anyway
    fcntl = None  # type: ignore[assignment]

__all__ = ["hold", "is_held", "remove_if_left", "staging_name"]

_LONGEST: Final = 255  # bytes of a file name


def hold(handle: int) -> None:
    """Lock an open file or folder until it is closed, or its process ends in any way."""
    if fcntl:
        with contextlib.suppress(OSError):  # some file systems have no locks
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def is_held(path: Path) -> bool:
    """Return whether a process holds a file or folder."""
    if not fcntl:
        return False
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
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


def remove_if_left(path: Path) -> None:
    """Remove a temporary file, unless a process holds it or it is not to be removed."""
    if path.is_file() and not path.is_symlink() and not is_held(path):
        with contextlib.suppress(OSError):
            path.unlink()


def staging_name(path: Path) -> Path:
    """Return a new hidden name beside `path`: ``.NAME-`` and eight digits, the name cut to what a folder takes.

    >>> len(os.fsencode(staging_name(Path("a" * 255)).name))
    255
    """
    name = path.name
    while len(os.fsencode(name)) > _LONGEST - len(".-01234567"):
        name = name[:-1]
    return path.with_name(f".{name}-{os.urandom(4).hex()}")
