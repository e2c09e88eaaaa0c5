"""Provide an httpx transport that connects to checked addresses only, within a deadline.

Its network backend resolves the host once, checks all addresses and connects to one of them, against DNS rebinding;
Host header, SNI and certificate keep the name. Timeouts are capped by the deadline, against servers that send a byte at
a time. Imported on demand: httpx is an extra.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterable
from functools import cache
from typing import Any, Final

import httpcore
import httpx

from tipclassify.download.addresses import resolve

__all__ = ["CheckedTransport"]

_MAX_ADDRESSES: Final = 4
"""Maximum addresses tried of one host; each silent one costs a timeout."""


class CheckedTransport(httpx.HTTPTransport):
    """Send requests over checked connections.

    Parameters
    ----------
    deadline : float
        Time on the monotonic clock after which every wait is a timeout.
    proxy : str or None
        URL of an HTTP proxy. It resolves names itself, so only its own address is checked: use it only with
        `allow_private`.
    """

    def __init__(self, deadline: float, allow_private: bool = False, proxy: str | None = None) -> None:
        # Without super().__init__(): this pool is the only one, and if httpx ever renames it, nothing is sent at all.
        at = httpx.Proxy(proxy) if proxy else None
        self._pool = httpcore.ConnectionPool(
            ssl_context=_tls_context(),
            proxy=httpcore.Proxy(str(at.url), auth=at.raw_auth) if at else None,
            network_backend=_Backend(deadline, allow_private),
        )


@cache  # reading the certificates takes 20 ms
def _tls_context() -> ssl.SSLContext:
    return httpx.create_ssl_context()


def _time_left(timeout: float | None, deadline: float) -> float:
    """Return the timeout, capped by the time left until the deadline."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("deadline")
    return left if timeout is None else min(timeout, left)


class _Backend(httpcore.NetworkBackend):
    def __init__(self, deadline: float, allow_private: bool) -> None:
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
        failure: Exception = httpcore.ConnectError("no address")
        for address in resolve(host, port, self._allow_private)[:_MAX_ADDRESSES]:
            wait = _time_left(timeout, self._deadline)
            try:
                plain = self._plain.connect_tcp(address, port, wait, local_address, socket_options)
                return _Stream(plain, self._deadline)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure


class _Stream(httpcore.NetworkStream):
    def __init__(self, plain: httpcore.NetworkStream, deadline: float) -> None:
        self._plain = plain
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._plain.read(max_bytes, _time_left(timeout, self._deadline))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._plain.write(buffer, _time_left(timeout, self._deadline))

    def close(self) -> None:
        self._plain.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        plain = self._plain.start_tls(ssl_context, server_hostname, _time_left(timeout, self._deadline))
        return _Stream(plain, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._plain.get_extra_info(info)
