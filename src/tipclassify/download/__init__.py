"""Links in, bytes out: reports are read from the web as from disk, and a link can do no harm.

A link may lead anywhere, so everything has a bound: schemes and redirects (`request`), addresses (`addresses`), time
(`transport`), kinds of content and size before and after decompression (`response`). What was fetched today is not fetched
again (`cache`).

Proxies of the environment are not used: a proxy resolves names by itself, so no check of the address could hold. With
`allow_private` nothing is checked, and a proxy is used as everywhere else. Credentials are never sent, nor read from
``.netrc``. The wait for the resolver is the one thing that only the system bounds.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Final

from tipclassify.download.cache import Download, read_copy, write_copy
from tipclassify.download.limits import USUAL_LIMITS, Limits, LinkError
from tipclassify.download.request import open_link, parsed, try_again
from tipclassify.download.response import read_response

__all__ = ["Download", "Limits", "LinkError", "download"]

_HEADERS: Final = {
    "Accept": "text/html,application/xhtml+xml,application/pdf;q=0.9,*/*;q=0.5",
    "Accept-Encoding": "gzip",  # one way of compression, which `response` can bound
    "Accept-Language": "en",
}


def download(
    url: str, *, allow_private: bool = False, refresh: bool = False, limits: Limits = USUAL_LIMITS
) -> Download:
    """Download what a link leads to; today's copy (UTC) is taken from the cache.

    Parameters
    ----------
    allow_private : bool
        The link may lead to private, loopback and other addresses that are not public, and proxies of the environment
        are used.
    refresh : bool
        Download anew though the cache holds today's copy.

    Raises
    ------
    LinkError
        An `InputError` with one line: the link, what was wrong, and what to do.
    MissingExtraError
        When httpx is not installed.
    """
    address = parsed(url)
    now = _now()
    today = now.date().isoformat()
    if not refresh and (kept := read_copy(str(address), today, allow_private)):
        return kept[0]

    def attempt(deadline: float) -> Download:
        with open_link(address, deadline, limits, allow_private, _HEADERS) as response:
            return read_response(response, limits, today)

    try:
        found = try_again(url, attempt, limits)
    except LinkError as error:
        older = read_copy(str(address)) if error.passing else None
        if older is None:
            raise
        reason = f"{error}; or use the copy of {older[0].fetched} and give {older[1]}"
        raise LinkError(reason, status=error.status, passing=True) from None
    write_copy(str(address), found, now, allow_private)
    return found


def _now() -> datetime:
    return datetime.now(timezone.utc)
