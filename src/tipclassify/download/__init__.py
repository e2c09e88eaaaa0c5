"""Download links safely: URLs in, bytes out, with a cache of today's downloads; no credentials.

Every address, also of redirects, is checked before it is asked.
"""

from __future__ import annotations

import contextlib
import re
import ssl
import time
import zlib
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Final
from urllib.request import getproxies

from tipclassify._version import __version__
from tipclassify.download.cache import MEDIA_TYPES, Download, read_cached, write_cached
from tipclassify.errors import LinkError, needs_extra

if TYPE_CHECKING:
    import httpx

_HEADERS: Final = {
    # the form of crawlers: identifies us, and passes filters that require this prefix
    "User-Agent": f"Mozilla/5.0 (compatible; tipclassify/{__version__})",
    "Accept": "text/html,application/xhtml+xml,application/pdf;q=0.9,*/*;q=0.5",
    "Accept-Encoding": "gzip",  # the one compression whose output is limited
    "Accept-Language": "en",
}
# Limits of one download.
_CONNECT: Final = 10.0  # seconds for a connection
_READ: Final = 20.0  # seconds for one read
_TOTAL: Final = 180.0  # seconds with redirects and retries: 100 MB at 4.5 Mbit/s
_PAUSE: Final = 1.0  # seconds before a retry
_LARGEST: Final = 100_000_000  # bytes of a body, compressed and decompressed
_REDIRECTS: Final = 5

_SAVE_IT: Final = "save the page with a browser and give the file"
# Statuses of HTTP.
_REFUSED: Final = (401, 402, 403, 406, 451)
_MISSING: Final = (404, 410)
_TOO_MANY_REQUESTS: Final = 429
_TRANSIENT: Final = (502, 503, 504)
_MEDIA_TYPE: Final = re.compile(r"\s*([\w!#$&^.+-]+/[\w!#$&^.+-]+)", re.ASCII)


def download(url: str, *, allow_private: bool = False, refresh: bool = False) -> Download:
    """Download a link, or, without `refresh`, take today's copy (UTC) from the cache.

    `allow_private` allows private, loopback and other non-public addresses.

    Raises
    ------
    LinkError
        An `InputError` that names the link, the problem and the remedy.
    MissingExtraError
        When httpx is not installed.
    """
    address = parse_url(url)
    today = _now().date().isoformat()
    if not refresh and (kept := read_cached(str(address), today, allow_private)):
        return kept
    deadline = time.monotonic() + _TOTAL
    retried = False
    while True:
        try:
            with _open(address, deadline, allow_private) as response:
                downloaded = _read(response, today)
            break
        except LinkError as error:
            too_late = time.monotonic() + _PAUSE > deadline
            if retried or not error.retry or too_late:
                raise LinkError(f"{_redact(url)}: {error}", status=error.status) from None
            retried = True
            time.sleep(_PAUSE)
    write_cached(str(address), downloaded, allow_private)
    return downloaded


def _now() -> datetime:
    return datetime.now(timezone.utc)


def parse_url(url: str) -> httpx.URL:
    """Parse a URL, without its fragment.

    Raises `LinkError` if it is not of the web, or contains a password.
    """
    with needs_extra("reading links", "links"):
        import httpx
    where = _redact(url)
    try:
        address = httpx.URL(url.strip()).copy_with(fragment=None)
    except (httpx.InvalidURL, ValueError):
        remedy = "give http:// or https:// and the rest as a browser shows it"
        raise LinkError(f"{where}: not an address; {remedy}") from None
    _check_url(address, where)
    return address


def _redact(url: str) -> str:
    """Redact a URL for messages: no credentials, no control characters, 500 characters at most."""
    bare = re.sub(r"//[^/?#\s]*@", "//", url.strip())
    return "".join(c if c.isprintable() else "?" for c in bare[:500])


def _check_url(address: httpx.URL, where: str) -> None:
    """Raise `LinkError`, beginning with `where`, for an address that is not of the web."""
    import httpx

    if address.scheme not in ("http", "https"):
        raise LinkError(
            f"{where}: not an address of the web; give one that begins with http:// or https://"
        )
    if address.userinfo:
        raise LinkError(f"{where}: a user name or password in the address is not sent; {_SAVE_IT}")
    try:
        host = address.host
    except (ValueError, httpx.InvalidURL):  # a name in Punycode that decodes to nothing
        raise LinkError(f"{where}: its host is no name; check the address") from None
    # beyond C's integers, an OverflowError
    if address.port is not None and not 0 < address.port < 65_536:
        raise LinkError(
            f"{where}: no port has the number {str(address.port)[:20]}; check the address"
        )
    if not host:
        raise LinkError(f"{where}: no host in the address; give the whole address")


@contextlib.contextmanager
def _open(address: httpx.URL, deadline: float, allow_private: bool) -> Iterator[httpx.Response]:
    """Open the response to a GET request, after redirects, with its body unread.

    The deadline is on the monotonic clock. Every error is a `LinkError`.
    """
    import httpx

    from tipclassify.download.transport import CheckedTransport

    # A proxy resolves names itself: behind it no address can be checked.
    has_proxy = bool(getproxies().keys() & {"http", "https", "all"})
    use_proxy = has_proxy and allow_private
    answered = False
    try:
        opened = httpx.Client(
            transport=None if use_proxy else CheckedTransport(deadline, allow_private),
            headers=_HEADERS,
            timeout=httpx.Timeout(_READ, connect=_CONNECT),
            trust_env=use_proxy,
        )
    except (ImportError, ValueError) as error:
        raise LinkError(
            f"the proxy of the environment cannot be used ({error}); set an http:// one"
        ) from None
    try:
        with opened as client:
            request = client.build_request("GET", address)
            # Redirects one by one: httpx would read the body of each without limit.
            for _ in range(_REDIRECTS + 1):
                with contextlib.closing(client.send(request, stream=True)) as response:
                    answered = True
                    if response.next_request is None:
                        yield response
                        return
                    request = response.next_request
                    _check_url(request.url, f"redirects to {_redact(str(request.url))}")
        remedy = "open it in a browser and give the address it ends at"
        raise LinkError(f"redirects over {_REDIRECTS} times; {remedy}")
    # ValueError: of odd addresses
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, LinkError) as error:
        failure = error if isinstance(error, LinkError) else _as_link_error(error, deadline)
        if has_proxy and not use_proxy and not answered:
            remedy = "the proxy of the environment is used only with --allow-private"
            failure.args = (f"{failure}; {remedy}",)
        raise failure from None


def _as_link_error(error: Exception, deadline: float) -> LinkError:
    """Convert an error of httpx."""
    import httpx

    if isinstance(error, httpx.TimeoutException):
        what = f"no answer for {_READ:g} s"
        if deadline <= time.monotonic():
            what = f"took over {_TOTAL:g} s"
        elif isinstance(error, httpx.ConnectTimeout):
            what = f"no connection within {_CONNECT:g} s"
        return LinkError(f"{what}; try again later, or {_SAVE_IT}")
    if isinstance(error, httpx.ConnectError):
        # httpcore wraps the socket's error
        cause = next(iter(error.__cause__.args), None) if error.__cause__ else None
        if isinstance(cause, ssl.SSLError):
            # a certificate's error has a message of its own
            reason = (cause.reason or "TLS failed").lower().replace("_", " ")
            why = getattr(cause, "verify_message", "") or reason
            remedy = "check the address and this machine's clock and certificates"
            return LinkError(
                f"no secure connection ({why}); {remedy} "
                f"(SSL_CERT_FILE names others), or {_SAVE_IT}"
            )
        what = "refused" if isinstance(cause, ConnectionRefusedError) else "failed"
        return LinkError(f"connection {what}; check the address, or try again later", retry=True)
    # Without a cause, a RemoteProtocolError is httpx's own, about a redirect address.
    is_cut = isinstance(error, httpx.RemoteProtocolError) and error.__cause__ is not None
    if is_cut or isinstance(error, httpx.NetworkError):
        return LinkError(f"the connection was lost; try again later, or {_SAVE_IT}", retry=True)
    return LinkError(f"the site's answer is not valid HTTP; {_SAVE_IT}")


def _read(response: httpx.Response, day: str) -> Download:
    """Read the body of a response of permitted status, media type and size.

    Raises `LinkError` for any other.
    """
    _check_status(response)
    match = _MEDIA_TYPE.match(response.headers.get("content-type", ""))
    media_type = match[1].lower() if match else None
    if media_type is not None and media_type not in MEDIA_TYPES:
        raise LinkError(
            f"holds {media_type:.160}, which we do not read; give a page, PDF, Word, EPUB or text"
        )
    charset = response.charset_encoding
    try:
        # Python also has bytes-to-bytes codecs, such as "hex"
        b" ".decode(charset or "ascii", "replace")
    except (LookupError, ValueError):
        charset = None
    data = b"".join(_decompressed(response))
    return Download(data, media_type, charset, str(response.url), day)


def _check_status(response: httpx.Response) -> None:
    """Raise `LinkError` for a status other than 200."""
    status = response.status_code
    if status == 200:
        return
    if status == _TOO_MANY_REQUESTS or status >= 500:
        what = "wants fewer requests" if status == _TOO_MANY_REQUESTS else "is in trouble"
        # a site with "retry-after" asks for a longer pause
        again = status in _TRANSIENT and "retry-after" not in response.headers
        problem = f"the site {what} ({status}); try again later, or {_SAVE_IT}"
        raise LinkError(problem, status=status, retry=again)
    if status in _REFUSED:
        problem = f"the site refuses programs ({status}); {_SAVE_IT}"
    elif status in _MISSING:
        problem = f"no such page ({status}); check the address"
    else:
        problem = f"the site answers with status {status} and no page; {_SAVE_IT}"
    raise LinkError(problem, status=status)


def _decompressed(response: httpx.Response) -> Iterator[bytes]:
    """Yield the decompressed body in parts; raise before it is too large."""
    too_large = LinkError(f"over {_LARGEST / 1e6:g} MB; download it with a browser and split it")
    length = response.headers.get("content-length", "")
    if length.isdigit() and int(length) > _LARGEST:
        raise too_large
    coding = response.headers.get("content-encoding", "").strip().lower()
    if coding not in ("", "identity", "gzip", "x-gzip"):
        raise LinkError(f"is compressed in a way that we did not ask for; {_SAVE_IT}")
    unzip = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS) if coding.endswith("gzip") else None
    wire_left = _LARGEST
    output_left = _LARGEST
    for part in response.iter_raw():
        wire_left -= len(part)  # includes bytes after the end of a compressed stream
        if wire_left < 0:
            raise too_large
        try:
            data = unzip.decompress(part, output_left + 1) if unzip else part
        except zlib.error:
            raise LinkError(f"its compression is damaged; try again later, or {_SAVE_IT}") from None
        output_left -= len(data)
        if output_left < 0:
            raise too_large
        if unzip and unzip.unused_data:
            raise LinkError(f"has other bytes after its compressed data; {_SAVE_IT}")
        yield data
    if unzip and not unzip.eof:
        raise LinkError(f"its compressed data ends too early; try again later, or {_SAVE_IT}")
