"""Send requests for links; every address, also of redirects, is checked before anything is sent."""

from __future__ import annotations

import contextlib
import re
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.request import getproxies

from tipclassify._version import __version__
from tipclassify.download.limits import SAVE_IT, Limits, LinkError
from tipclassify.errors import MissingExtraError

if TYPE_CHECKING:
    import httpx

__all__ = ["open_link", "parse_url", "redact_url", "retry"]

T = TypeVar("T")

# The form of crawlers: identifies us, and passes filters that require this prefix.
_USER_AGENT: Final = f"Mozilla/5.0 (compatible; tipclassify/{__version__})"


def parse_url(url: str) -> httpx.URL:
    """Parse a URL, without its fragment; raise `LinkError` if it is not of the web, or contains a password."""
    try:
        import httpx
    except ImportError:
        raise MissingExtraError("reading links", "links") from None
    try:
        address = httpx.URL(url.strip()).copy_with(fragment=None)
    except (httpx.InvalidURL, ValueError):
        reason = "not an address; give http:// or https:// and the rest as a browser shows it"
        raise LinkError(f"{redact_url(url)}: {reason}") from None
    _check(address, redact_url(url))
    return address


def redact_url(url: str) -> str:
    """Redact a URL for messages: no credentials, no control characters, 500 characters at most."""
    bare = re.sub(r"//[^/?#\s]*@", "//", url.strip())
    return "".join(c if c.isprintable() else "?" for c in bare[:500])


def _check(address: httpx.URL, where: str) -> None:
    if address.scheme not in ("http", "https"):
        raise LinkError(f"{where}: not an address of the web; give one that begins with http:// or https://")
    if address.userinfo:
        raise LinkError(f"{where}: a user name or password in the address is not sent; {SAVE_IT}")
    if not address.host:
        raise LinkError(f"{where}: no host in the address; give the whole address")


def retry(url: str, attempt: Callable[[float], T], limits: Limits, received: Callable[[], int] = lambda: 0) -> T:
    """Return the result of `attempt`, called with a deadline on the monotonic clock.

    It is retried once after a transient failure, and again as long as the number from `received` grows. The error of the
    last attempt is raised, prefixed with the URL.
    """
    deadline = time.monotonic() + limits.total
    before = -1  # below any number received: one retry in any case
    while True:
        try:
            return attempt(deadline)
        except LinkError as error:
            if not error.retry or time.monotonic() + limits.pause > deadline or received() <= before:
                raise LinkError(f"{redact_url(url)}: {error}", status=error.status, transient=error.transient) from None
            before = received()
            time.sleep(limits.pause)


@contextlib.contextmanager
def open_link(
    address: httpx.URL, deadline: float, limits: Limits, allow_private: bool, headers: Mapping[str, str]
) -> Iterator[httpx.Response]:
    """Open the response to a GET request, after redirects, with its body unread; every error is a `LinkError`."""
    import httpx

    from tipclassify.download.transport import CheckedTransport

    # A proxy resolves names itself: behind it no address can be checked.
    proxied = bool(getproxies().keys() & {"http", "https", "all"})
    try:
        with httpx.Client(
            transport=None if proxied and allow_private else CheckedTransport(deadline, allow_private),
            headers={"User-Agent": _USER_AGENT, **headers},
            timeout=httpx.Timeout(limits.read, connect=limits.connect),
            trust_env=proxied and allow_private,
        ) as client:
            request = client.build_request("GET", address)
            # Redirects one by one: httpx would read the body of each without limit.
            for _ in range(limits.redirects + 1):
                with contextlib.closing(client.send(request, stream=True)) as response:
                    if response.next_request is None:
                        yield response
                        return
                    request = response.next_request
                    _check(request.url, f"redirects to {redact_url(str(request.url))}")
        reason = f"redirects over {limits.redirects} times; open it in a browser and give the address it ends at"
        raise LinkError(reason)
    except (httpx.HTTPError, httpx.InvalidURL, LinkError) as error:
        failure = error if isinstance(error, LinkError) else _link_error(error, limits, deadline)
        if proxied and not allow_private and failure.transient and failure.status is None:
            failure.args = (f"{failure}; the proxy of the environment is used only with --allow-private",)
        raise failure from None


def _link_error(error: Exception, limits: Limits, deadline: float) -> LinkError:
    import httpx

    if isinstance(error, httpx.TimeoutException):
        connecting = isinstance(error, httpx.ConnectTimeout)
        what = f"no connection within {limits.connect:g} s" if connecting else f"no answer for {limits.read:g} s"
        if deadline <= time.monotonic():
            what = f"took over {limits.total:g} s"
        return LinkError(f"{what}; try again later, or {SAVE_IT}", transient=True)
    if isinstance(error, httpx.ConnectError):
        cause = next(iter(error.__cause__.args), None) if error.__cause__ else None  # httpcore wraps the socket's error
        if isinstance(cause, ssl.SSLError):
            why = getattr(cause, "verify_message", "") or (cause.reason or "TLS failed").lower().replace("_", " ")
            remedy = "check the address and this machine's clock and certificates (SSL_CERT_FILE names others)"
            return LinkError(f"no secure connection ({why}); {remedy}, or {SAVE_IT}", transient=True)
        what = "refused" if isinstance(cause, ConnectionRefusedError) else "failed"
        reason = f"connection {what}; check the address, or try again later"
        return LinkError(reason, transient=True, retry=True)
    # Without a cause, a RemoteProtocolError is httpx's own, about a redirect address.
    if isinstance(error, httpx.NetworkError) or (isinstance(error, httpx.RemoteProtocolError) and error.__cause__):
        reason = f"the connection broke off; try again later, or {SAVE_IT}"
        return LinkError(reason, transient=True, retry=True)
    return LinkError(f"the site's answer is not valid HTTP; {SAVE_IT}")
