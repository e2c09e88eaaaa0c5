"""Links in, bytes out: reports are read from the web as from disk, and a link can do no harm.

A link may lead anywhere, so everything has a bound: schemes, addresses (`addresses`), redirects, time (`transport`), size
before and after decompression, kinds of content (`response`). What was fetched today is not fetched again (`cache`).

Proxies of the environment are not used: a proxy resolves names by itself, so no check of the address could hold. With
`allow_private` nothing is checked, and a proxy is used as everywhere else. Credentials are never sent, nor read from
``.netrc``. The wait for the resolver is the one thing that only the system bounds.
"""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Final

from tipclassify.links.asking import check_form, parsed, shown
from tipclassify.links.cache import Download, cache_folder, newest_copy, read_copy, write_copy
from tipclassify.links.rules import USUAL_LIMITS, Limits, LinkError

if TYPE_CHECKING:
    from tipclassify.links.transport import Deadline

__all__ = ["Download", "Limits", "LinkError", "download"]

_WANTED: Final = "text/html,application/xhtml+xml,application/pdf;q=0.9,*/*;q=0.5"


def download(
    url: str, *, allow_private: bool = False, refresh: bool = False, limits: Limits = USUAL_LIMITS
) -> Download:
    """Fetch what a link leads to; today's copy (UTC) is taken from the cache.

    Parameters
    ----------
    allow_private : bool
        The link may lead to private, loopback and other addresses that are not public, and proxies of the environment
        are used.
    refresh : bool
        Fetch anew though the cache holds today's copy.

    Raises
    ------
    LinkError
        An `InputError` with one line: the link, what was wrong, and what to do.
    MissingExtraError
        When httpx is not installed.
    """
    asked = parsed(url)
    address = str(asked)
    folder = cache_folder()
    now = _now()
    try:
        check_form(asked)
        kept = None if refresh else read_copy(folder, address, now.date().isoformat(), allow_private)
        if kept is not None:
            return kept
        found = replace(_fetch(address, allow_private, limits), fetched=now.date().isoformat())
    except LinkError as error:
        reason = f"{shown(url)}: {error}"
        if error.passing and error.status is None and not allow_private:
            reason += _proxy_hint(address)
        older = newest_copy(folder, address) if error.passing else None
        if older:
            reason += f"; or use the copy of {older[0]} and give {older[1]}"
        raise LinkError(reason, status=error.status, passing=error.passing) from None
    write_copy(folder, address, found, now.isoformat(timespec="seconds"), allow_private)
    return found


def _now() -> datetime:
    return datetime.now(timezone.utc)


def _fetch(address: str, allow_private: bool, limits: Limits) -> Download:
    """One attempt, and a second one after trouble that often passes at once."""
    from tipclassify.links.transport import Deadline

    deadline = Deadline(limits.total)
    try:
        return _attempt(address, allow_private, limits, deadline)
    except LinkError as error:
        if error.again is None or error.again > limits.retry_after or error.again >= deadline.left:
            raise
        time.sleep(error.again)
        return _attempt(address, allow_private, limits, deadline)


def _attempt(address: str, allow_private: bool, limits: Limits, deadline: Deadline) -> Download:
    from tipclassify.links.asking import answered
    from tipclassify.links.response import received

    # One way of compression, which `response` can bound.
    headers = {"Accept": _WANTED, "Accept-Encoding": "gzip", "Accept-Language": "en"}
    with answered(address, allow_private, limits, deadline, headers) as response:
        return received(response, limits)


def _proxy_hint(address: str) -> str:
    from tipclassify.links.transport import proxy_of

    unused = (
        "; the proxy of the environment is used only with --allow-private, since behind it no address can be checked"
    )
    return unused if proxy_of(address) else ""
