"""The wire under a link: every connection goes to an address that was checked, and nothing outlasts the deadline.

httpx asks httpcore, and httpcore asks a network backend to connect and to read. This backend resolves the name once,
checks what came out, and connects to that very address; Host header, SNI and certificate keep the name. It also cuts
every wait to what is left of the deadline: a server that sends a byte now and then keeps within any timeout of a single
read, in headers as in the body.

Imported only when a link is read: httpx is an extra.
"""

from __future__ import annotations

import contextlib
import ssl
import time
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import httpcore
import httpx

from tipclassify.links.addresses import resolve
from tipclassify.links.rules import SAVE_IT, Limits, LinkError

__all__ = ["CheckedTransport", "Deadline", "network_errors", "proxy_of"]

_MOST_ADDRESSES = 4
"""Addresses of one host to try: each silent one costs a timeout."""


class Deadline:
    """The moment when all must be done, in `seconds` from now."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds left; not below 0."""
        return max(0.0, self._end - time.monotonic())

    def cut(self, timeout: float | None) -> float:
        """`timeout`, or what is left where that is less."""
        left = self.left
        if not left:
            raise httpcore.ReadTimeout("deadline")
        return left if timeout is None else min(timeout, left)


class CheckedTransport(httpx.BaseTransport):
    """Carries requests of an httpx client over checked connections.

    Parameters
    ----------
    proxy : str or None
        Address of an HTTP proxy. It resolves names by itself, so the check can only be of the proxy: use it with
        `allow_private` alone.
    """

    def __init__(self, deadline: Deadline, allow_private: bool = False, proxy: str | None = None) -> None:
        backend = _Backend(deadline, allow_private)
        context = _tls()
        if proxy is None:
            self._pool = httpcore.ConnectionPool(ssl_context=context, network_backend=backend)
        else:
            at = urlsplit(proxy)
            user = (unquote(at.username), unquote(at.password or "")) if at.username else None
            bare = at._replace(netloc=at.netloc.rpartition("@")[2]).geturl()
            self._pool = httpcore.HTTPProxy(bare, proxy_auth=user, ssl_context=context, network_backend=backend)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; raises httpcore's errors, and `LinkError` for an address that is refused."""
        url = request.url
        answer = self._pool.handle_request(
            httpcore.Request(
                request.method,
                httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                headers=request.headers.raw,
                extensions=request.extensions,
            )
        )
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer), extensions=answer.extensions)

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()


@cache  # reading the certificates takes 20 ms
def _tls() -> ssl.SSLContext:
    return httpx.create_ssl_context()


def proxy_of(url: str) -> str | None:
    """The HTTP proxy that the environment (``HTTPS_PROXY``, ``NO_PROXY``, system settings) names for an address."""
    at = urlsplit(url)
    proxy = getproxies().get(at.scheme) or getproxies().get("all")
    if not proxy or proxy_bypass(at.hostname or ""):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


@contextlib.contextmanager
def network_errors(limits: Limits, deadline: Deadline) -> Iterator[None]:
    """Errors of httpx, httpcore and TLS as one line each. What may pass at once is worth a second attempt."""
    try:
        yield
    except httpcore.TimeoutException as error:
        if not deadline.left:
            what = f"took over {limits.total:g} s"
        elif isinstance(error, httpcore.ConnectTimeout):
            what = f"no connection within {limits.connect:g} s"
        else:
            what = f"no answer for {limits.read:g} s"
        raise LinkError(f"{what}; try again later, or {SAVE_IT}", passing=True) from None
    except (httpcore.ConnectError, ssl.SSLError) as error:
        # httpcore wraps the error of the socket, and its pool drops the link between the two.
        cause = next(
            (e for e in (error, error.__cause__, error.__context__, *error.args) if isinstance(e, OSError)), None
        )
        if isinstance(cause, ssl.SSLError):
            why = getattr(cause, "verify_message", "") or (cause.reason or "TLS failed").lower().replace("_", " ")
            raise LinkError(
                f"no secure connection ({why}); check the address and this machine's clock and certificates "
                f"(SSL_CERT_FILE names others), or {SAVE_IT}",
                passing=True,
            ) from None
        what = "refused" if isinstance(cause, ConnectionRefusedError) else "failed"
        raise LinkError(
            f"connection {what}; check the address, or try again later", passing=True, again=limits.pause
        ) from None
    except (httpcore.NetworkError, httpcore.RemoteProtocolError):
        raise LinkError(
            f"the connection broke off; try again later, or {SAVE_IT}", passing=True, again=limits.pause
        ) from None
    except (httpx.HTTPError, httpx.InvalidURL, httpcore.ProtocolError, httpcore.ProxyError):
        raise LinkError(f"the site's answer is not valid HTTP; {SAVE_IT}") from None


class _Body(httpx.SyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        return self._answer.iter_stream()

    def close(self) -> None:
        self._answer.close()


class _Backend(httpcore.NetworkBackend):
    def __init__(self, deadline: Deadline, allow_private: bool) -> None:
        self._plain = httpcore.SyncBackend()
        self._deadline = deadline
        self._allow_private = allow_private

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        failure: Exception = LinkError(f"no address is known for {host}; check the spelling", passing=True)
        for address in resolve(host, port, self._allow_private)[:_MOST_ADDRESSES]:
            wait = self._deadline.cut(timeout)
            try:
                return _Stream(
                    self._plain.connect_tcp(address, port, wait, local_address, socket_options), self._deadline
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure


class _Stream(httpcore.NetworkStream):
    def __init__(self, plain: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._plain = plain
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._plain.read(max_bytes, self._deadline.cut(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._plain.write(buffer, self._deadline.cut(timeout))

    def close(self) -> None:
        self._plain.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        plain = self._plain.start_tls(ssl_context, server_hostname, self._deadline.cut(timeout))
        return _Stream(plain, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._plain.get_extra_info(info)
