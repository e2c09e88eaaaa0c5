"""Asking for an address: every form of it and every redirect is checked before anything is sent."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from tipclassify._version import __version__
from tipclassify.errors import MissingExtraError
from tipclassify.links.rules import SAVE_IT, Limits, LinkError

if TYPE_CHECKING:
    import httpx

    from tipclassify.links.transport import Deadline

__all__ = ["answered", "check_form", "parsed", "shown"]

# The form that crawlers use: it says who asks, and passes filters that refuse whatever does not begin so.
USER_AGENT: Final = f"Mozilla/5.0 (compatible; tipclassify/{__version__})"


def parsed(url: str) -> httpx.URL:
    """The address as httpx has it, without a fragment.

    Raises
    ------
    LinkError
        When it is none.
    MissingExtraError
        When httpx is not installed.
    """
    try:
        import httpx
    except ImportError:
        raise MissingExtraError("reading links", "links") from None
    try:
        return httpx.URL(url.strip()).copy_with(fragment=None)
    except (httpx.InvalidURL, ValueError):
        raise LinkError(
            f"{shown(url)}: not an address; give http:// or https:// and the rest as a browser shows it"
        ) from None


def shown(url: str) -> str:
    """An address for a message: no password, no control characters."""
    bare = re.sub(r"//[^/?#\s]*@", "//", url.strip())
    return "".join(c if c.isprintable() else "?" for c in bare[:500])


def check_form(url: httpx.URL) -> None:
    """Raise `LinkError` for an address that is not one of the web, or holds a password."""
    if url.scheme not in ("http", "https"):
        raise LinkError("not an address of the web; give one that begins with http:// or https://")
    if url.userinfo:
        raise LinkError(f"a user name or password in the address is not sent; {SAVE_IT}")
    if not url.host:
        raise LinkError("no host in the address; give the whole address")


@contextlib.contextmanager
def answered(
    address: str, allow_private: bool, limits: Limits, deadline: Deadline, headers: Mapping[str, str]
) -> Iterator[httpx.Response]:
    """The answer to a request, after redirects, its body not read yet. Errors of the network become `LinkError`."""
    import httpx

    from tipclassify.links.transport import CheckedTransport, network_errors, proxy_of

    proxy = proxy_of(address) if allow_private else None
    if proxy and not proxy.startswith(("http://", "https://")):
        raise LinkError(f"the proxy of the environment is not an HTTP one; {SAVE_IT}")
    with (
        network_errors(limits, deadline),
        httpx.Client(
            transport=CheckedTransport(deadline, allow_private, proxy),
            headers={"User-Agent": USER_AGENT, **headers},
            timeout=httpx.Timeout(limits.read, connect=limits.connect),
            trust_env=False,
        ) as client,
    ):
        request = client.build_request("GET", address)
        for _ in range(limits.redirects + 1):
            with contextlib.closing(client.send(request, stream=True)) as response:
                if response.next_request is None:
                    yield response
                    return
                request = response.next_request
                try:
                    check_form(request.url)
                except LinkError as error:
                    raise LinkError(f"redirects to {shown(str(request.url))}: {error}") from None
    raise LinkError(f"redirects over {limits.redirects} times; open it in a browser and give the address it ends at")
