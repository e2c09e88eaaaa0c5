"""Write a file whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import IO, Any

__all__ = ["open_whole"]


@contextlib.contextmanager
def open_whole(path: Path, binary: bool = False) -> Iterator[IO[Any]]:
    """Open a private file that takes the place of `path` when complete.

    A device or pipe is never replaced. Text is UTF-8, with line ends as they are written.
    """
    in_place = path.exists() and not path.is_file()
    # Named before it exists, so it is always removed.
    file = path if in_place else path.with_name(f".{path.name}-{os.urandom(4).hex()}")
    mode = ("w" if in_place else "x") + "b" * binary
    text: dict[str, Any] = {} if binary else {"encoding": "utf-8", "newline": ""}
    try:
        with open(file, mode, opener=partial(os.open, mode=0o600), **text) as out:
            yield out
        if not in_place:
            umask = os.umask(0)
            os.umask(umask)
            os.chmod(file, 0o666 & ~umask)
            os.replace(file, path)
    finally:
        if not in_place:
            with contextlib.suppress(OSError):
                os.unlink(file)
