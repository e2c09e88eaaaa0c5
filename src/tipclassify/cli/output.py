"""Where results go: stdout, or a file that appears whole or not at all."""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Final

import typer

from tipclassify.errors import InputError

__all__ = ["open_output", "tell", "tell_warnings"]

_MOST: Final = 20  # lines of one kind on standard error; more would hide what comes after


def tell(lines: Sequence[str], most: int = _MOST) -> None:
    """Lines of one kind on standard error: the first, and how many more there are."""
    for line in lines[:most]:
        print(f"tipclassify: {line}", file=sys.stderr)
    if len(lines) > most:
        print(f"tipclassify: and {len(lines) - most:,} more of this kind", file=sys.stderr)


def tell_warnings() -> None:
    """Write warnings as this program's lines, not as Python's."""
    warnings.showwarning = lambda message, *_: print(f"tipclassify: warning: {message}", file=sys.stderr)


@contextlib.contextmanager
def open_output(path: Path | None, binary: bool = False) -> Iterator[IO[Any]]:
    """A text (or binary) stream to `path`, or to stdout for None; a file is renamed into place when all is written."""
    if path is None:
        try:
            yield sys.stdout.buffer if binary else sys.stdout
            sys.stdout.flush()
        except BrokenPipeError:
            # The reader (head, less) has what it wanted. Python would complain again when it flushes at exit.
            with contextlib.suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit from None
        return
    staged = path.with_name(f".{path.name}-{os.urandom(4).hex()}")  # known before it is made: an interrupt leaves none
    try:
        try:
            made = _made(staged, binary)
        except OSError as error:
            raise InputError(f"{path}: cannot be written ({error.strerror}); choose another --output") from None
        with made as out:
            yield out
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(staged, 0o666 & ~umask)
        os.replace(staged, path)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(staged)


def _made(path: Path, binary: bool) -> IO[Any]:
    if binary:
        return open(path, "xb", opener=_private)
    return open(path, "x", encoding="utf-8", newline="", opener=_private)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
