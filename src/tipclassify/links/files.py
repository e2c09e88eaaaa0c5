"""A file of the web to disk, by parts: what broke off goes on where it stopped, also in another run.

Whoever calls knows the hash of the whole: that, not what the server says, tells whether two halves belong together.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tipclassify.links.asking import answered, check_form, parsed, shown
from tipclassify.links.response import check_status
from tipclassify.links.rules import Limits, LinkError

if TYPE_CHECKING:
    import httpx

    from tipclassify.links.transport import Deadline

__all__ = ["FILE_LIMITS", "fetch_file"]

FILE_LIMITS: Final = Limits(total=3_600.0, largest=1_000_000_000)
"""For files that somebody asked for by name: a slow line may take its time."""

_NOTHING_LEFT: Final = 416
_PARTIAL: Final = 206


def fetch_file(
    url: str,
    part: Path,
    *,
    allow_private: bool = False,
    limits: Limits = FILE_LIMITS,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Fetch the rest of a file, of which `part` may hold the beginning; it holds all of it afterwards.

    Where a connection breaks off it is made anew at once, as long as more comes of it.

    Parameters
    ----------
    progress : callable, optional
        Called with (bytes there, in all), where the server tells how many there are.

    Raises
    ------
    LinkError
        With what was wrong, and what to do; `part` keeps what came.
    MissingExtraError
        When httpx is not installed.
    """
    address = parsed(url)
    from tipclassify.links.transport import Deadline

    deadline = Deadline(limits.total)
    while True:
        before = _size(part)
        try:
            check_form(address)
            _attempt(str(address), part, allow_private, limits, deadline, progress)
            return
        except LinkError as error:
            if error.again is None or error.again >= deadline.left or _size(part) <= before:
                raise LinkError(f"{shown(url)}: {error}", status=error.status, passing=error.passing) from None
            time.sleep(min(error.again, limits.retry_after))


def _attempt(
    address: str,
    part: Path,
    allow_private: bool,
    limits: Limits,
    deadline: Deadline,
    progress: Callable[[int, int], None] | None,
) -> None:
    have = _size(part)
    headers = {"Accept": "*/*", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    with answered(address, allow_private, limits, deadline, headers) as response:
        if have and response.status_code == _NOTHING_LEFT:
            return
        if have and response.status_code == _PARTIAL:
            start = re.match(r"bytes (\d+)-", response.headers.get("content-range", ""))
            if start is None or int(start[1]) != have:
                raise LinkError(
                    "the site sends another part of the file than was asked for; remove what is there of it"
                )
        else:
            check_status(response, limits)
            have = 0  # the site knows no parts, and sends all of it
        if response.headers.get("content-encoding", "identity").lower() not in ("", "identity"):
            raise LinkError("is compressed in a way that we did not ask for; download the files and give their folder")
        _write(response, part, have, limits.largest, progress)


def _write(
    response: httpx.Response, part: Path, have: int, largest: int, progress: Callable[[int, int], None] | None
) -> None:
    length = response.headers.get("content-length", "")
    total = have + int(length) if length.isdigit() else None
    with part.open("ab" if have else "wb") as file:
        for data in response.iter_raw():
            have += len(data)
            if have > largest:
                raise LinkError(f"over {largest / 1e6:g} MB: not a file that we can use")
            file.write(data)
            if progress and total:
                progress(have, total)


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0
