"""Links in, bytes out: reports are read from the web as from disk, and a link can do no harm.

A link may lead anywhere, so everything has a bound: schemes, addresses (`addresses`), redirects, time (`transport`), size
before and after decompression, kinds of content (`response`). What was fetched today is not fetched again (`cache`).

Proxies of the environment are not used: a proxy resolves names by itself, so no check of the address could hold. With
`allow_private` nothing is checked, and a proxy is used as everywhere else. Credentials are never sent, nor read from
``.netrc``. The wait for the resolver is the one thing that only the system bounds.
"""

from __future__ import annotations

import contextlib
import re
import time
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Final

from tipclassify._version import __version__
from tipclassify.errors import MissingExtraError
from tipclassify.links.cache import Download, cache_folder, newest_copy, read_copy, write_copy
from tipclassify.links.rules import SAVE_IT, USUAL_LIMITS, Limits, LinkError

if TYPE_CHECKING:
    import httpx

    from tipclassify.links.transport import Deadline

__all__ = ["Download", "Limits", "LinkError", "download"]

# The form that crawlers use: it says who asks, and passes filters that refuse whatever does not begin so.
USER_AGENT: Final = f"Mozilla/5.0 (compatible; tipclassify/{__version__})"


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
    try:
        import httpx
    except ImportError:
        raise MissingExtraError("reading links", "links") from None
    try:
        asked = httpx.URL(url.strip()).copy_with(fragment=None)
    except (httpx.InvalidURL, ValueError):
        raise LinkError(
            f"{_shown(url)}: not an address; give http:// or https:// and the rest as a browser shows it"
        ) from None
    address = str(asked)
    folder = cache_folder()
    now = _now()
    try:
        _check_form(asked)
        kept = None if refresh else read_copy(folder, address, now.date().isoformat(), allow_private)
        if kept is not None:
            return kept
        found = replace(_fetch(address, allow_private, limits), fetched=now.date().isoformat())
    except LinkError as error:
        reason = f"{_shown(url)}: {error}"
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


def _shown(url: str) -> str:
    """An address for a message: no password, no control characters."""
    bare = re.sub(r"//[^/?#\s]*@", "//", url.strip())
    return "".join(c if c.isprintable() else "?" for c in bare[:500])


def _check_form(url: httpx.URL) -> None:
    if url.scheme not in ("http", "https"):
        raise LinkError("not an address of the web; give one that begins with http:// or https://")
    if url.userinfo:
        raise LinkError(f"a user name or password in the address is not sent; {SAVE_IT}")
    if not url.host:
        raise LinkError("no host in the address; give the whole address")


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
    import httpx

    from tipclassify.links.response import received
    from tipclassify.links.transport import CheckedTransport, network_errors, proxy_of

    proxy = proxy_of(address) if allow_private else None
    if proxy and not proxy.startswith(("http://", "https://")):
        raise LinkError(f"the proxy of the environment is not an HTTP one; {SAVE_IT}")
    with (
        network_errors(limits, deadline),
        httpx.Client(
            transport=CheckedTransport(deadline, allow_private, proxy),
            # One way of compression, which `response` can bound.
            headers={
                "User-Agent": USER_AGENT,
                "Accept": "text/html,application/xhtml+xml,application/pdf;q=0.9,*/*;q=0.5",
                "Accept-Encoding": "gzip",
                "Accept-Language": "en",
            },
            timeout=httpx.Timeout(limits.read, connect=limits.connect),
            trust_env=False,
        ) as client,
    ):
        request = client.build_request("GET", address)
        for _ in range(limits.redirects + 1):
            with contextlib.closing(client.send(request, stream=True)) as response:
                if response.next_request is None:
                    return received(response, limits)
                request = response.next_request
                try:
                    _check_form(request.url)
                except LinkError as error:
                    raise LinkError(f"redirects to {_shown(str(request.url))}: {error}") from None
    raise LinkError(f"redirects over {limits.redirects} times; open it in a browser and give the address it ends at")


def _proxy_hint(address: str) -> str:
    from tipclassify.links.transport import proxy_of

    unused = (
        "; the proxy of the environment is used only with --allow-private, since behind it no address can be checked"
    )
    return unused if proxy_of(address) else ""
