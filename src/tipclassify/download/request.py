"""Requests for a link: every address, those of redirects included, is checked before anything is sent."""

from __future__ import annotations

import contextlib
import re
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.request import getproxies, proxy_bypass

from tipclassify._version import __version__
from tipclassify.download.limits import SAVE_IT, Limits, LinkError
from tipclassify.errors import MissingExtraError

if TYPE_CHECKING:
    import httpx

__all__ = ["open_link", "parsed", "shown", "try_again"]

T = TypeVar("T")

# The form that crawlers use: it says who asks, and passes filters that refuse whatever does not begin so.
_USER_AGENT: Final = f"Mozilla/5.0 (compatible; tipclassify/{__version__})"


def parsed(url: str) -> httpx.URL:
    """Parse and check an address, without its fragment.

    Raises
    ------
    LinkError
        When it is no address of the web, or holds a password.
    MissingExtraError
        When httpx is not installed.
    """
    try:
        import httpx
    except ImportError:
        raise MissingExtraError("reading links", "links") from None
    try:
        address = httpx.URL(url.strip()).copy_with(fragment=None)
    except (httpx.InvalidURL, ValueError):
        reason = "not an address; give http:// or https:// and the rest as a browser shows it"
        raise LinkError(f"{shown(url)}: {reason}") from None
    _check(address, shown(url))
    return address


def shown(url: str) -> str:
    """An address for a message: no password, no control characters."""
    bare = re.sub(r"//[^/?#\s]*@", "//", url.strip())
    return "".join(c if c.isprintable() else "?" for c in bare[:500])


def _check(address: httpx.URL, where: str) -> None:
    if address.scheme not in ("http", "https"):
        raise LinkError(f"{where}: not an address of the web; give one that begins with http:// or https://")
    if address.userinfo:
        raise LinkError(f"{where}: a user name or password in the address is not sent; {SAVE_IT}")
    if not address.host:
        raise LinkError(f"{where}: no host in the address; give the whole address")


def try_again(url: str, attempt: Callable[[float], T], limits: Limits, received: Callable[[], int] = lambda: 0) -> T:
    """Return the result of `attempt`, called with a deadline on the monotonic clock.

    After trouble that often passes at once it is called a second time, and on, as long as the number `received` grows.

    Raises
    ------
    LinkError
        That of the last attempt, with the address before it.
    """
    deadline = time.monotonic() + limits.total
    before = -1  # below any number received: a second attempt in any case
    while True:
        try:
            return attempt(deadline)
        except LinkError as error:
            wait, left = error.retry_after, deadline - time.monotonic()
            if wait is None or wait > min(limits.longest_pause, left) or received() <= before:
                raise LinkError(f"{shown(url)}: {error}", status=error.status, passing=error.passing) from None
            before = received()
            time.sleep(wait)


@contextlib.contextmanager
def open_link(
    address: httpx.URL, deadline: float, limits: Limits, allow_private: bool, headers: Mapping[str, str]
) -> Iterator[httpx.Response]:
    """Open the response to a GET request, after redirects, its body not read yet.

    Raises
    ------
    LinkError
        For an address that is refused, and for every error of the network.
    """
    import httpx

    from tipclassify.download.transport import CheckedTransport

    proxy = _proxy_for(address)
    if allow_private and proxy and not proxy.startswith(("http://", "https://")):
        raise LinkError(f"the proxy of the environment is not an HTTP one; {SAVE_IT}")
    try:
        with httpx.Client(
            transport=CheckedTransport(deadline, allow_private, proxy if allow_private else None),
            headers={"User-Agent": _USER_AGENT, **headers},
            timeout=httpx.Timeout(limits.read, connect=limits.connect),
            trust_env=False,
        ) as client:
            request = client.build_request("GET", address)
            # Redirects one by one: httpx would read the body of each without any limit.
            for _ in range(limits.redirects + 1):
                with contextlib.closing(client.send(request, stream=True)) as response:
                    if response.next_request is None:
                        yield response
                        return
                    request = response.next_request
                    _check(request.url, f"redirects to {shown(str(request.url))}")
        reason = f"redirects over {limits.redirects} times; open it in a browser and give the address it ends at"
        raise LinkError(reason)
    except (httpx.HTTPError, httpx.InvalidURL, LinkError) as error:
        failure = error if isinstance(error, LinkError) else _link_error(error, limits, deadline)
        if proxy and not allow_private and failure.passing and failure.status is None:
            hint = "the proxy of the environment is used only with --allow-private"
            failure.args = (f"{failure}; {hint}, since behind it no address can be checked",)
        raise failure from None


def _link_error(error: Exception, limits: Limits, deadline: float) -> LinkError:
    import httpx

    if isinstance(error, httpx.TimeoutException):
        what = f"no answer for {limits.read:g} s"
        if isinstance(error, httpx.ConnectTimeout):
            what = f"no connection within {limits.connect:g} s"
        if deadline <= time.monotonic():
            what = f"took over {limits.total:g} s"
        return LinkError(f"{what}; try again later, or {SAVE_IT}", passing=True)
    if isinstance(error, httpx.ConnectError):
        cause = next(iter(error.__cause__.args), None) if error.__cause__ else None  # httpcore wraps the socket's error
        if isinstance(cause, ssl.SSLError):
            why = getattr(cause, "verify_message", "") or (cause.reason or "TLS failed").lower().replace("_", " ")
            remedy = "check the address and this machine's clock and certificates (SSL_CERT_FILE names others)"
            return LinkError(f"no secure connection ({why}); {remedy}, or {SAVE_IT}", passing=True)
        what = "refused" if isinstance(cause, ConnectionRefusedError) else "failed"
        reason = f"connection {what}; check the address, or try again later"
        return LinkError(reason, passing=True, retry_after=limits.pause)
    # A RemoteProtocolError without a cause is httpx's own, about the address of a redirect.
    if isinstance(error, httpx.NetworkError) or (isinstance(error, httpx.RemoteProtocolError) and error.__cause__):
        reason = f"the connection broke off; try again later, or {SAVE_IT}"
        return LinkError(reason, passing=True, retry_after=limits.pause)
    return LinkError(f"the site's answer is not valid HTTP; {SAVE_IT}")


def _proxy_for(address: httpx.URL) -> str | None:
    """The proxy that the environment (``HTTPS_PROXY``, ``NO_PROXY``, system settings) names for an address."""
    proxy = getproxies().get(address.scheme) or getproxies().get("all")
    if not proxy or proxy_bypass(address.host):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"
