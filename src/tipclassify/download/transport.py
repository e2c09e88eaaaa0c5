"""Connect to checked addresses only, within a deadline: no link may reach services of this machine
or its network."""

from __future__ import annotations

import ipaddress
import re
import socket
import ssl
import time
from collections.abc import Iterable
from typing import Final

import httpcore
import httpx

from tipclassify.errors import LinkError

_MAX_ADDRESSES: Final = 4  # tried of one host; each silent one costs a timeout
# Not public; `ipaddress.is_global` varies between patch releases of Python (gh-113171).
# https://www.iana.org/assignments/iana-ipv4-special-registry and iana-ipv6-special-registry.
_SPECIAL: Final = [
    ipaddress.ip_network("192.0.0.0/24"),  # protocol assignments
    ipaddress.ip_network("192.88.99.0/24"),  # 6to4 relays
    ipaddress.ip_network("2001::/23"),  # protocol assignments, with Teredo
    ipaddress.ip_network("3fff::/20"),  # documentation
]
_GLOBAL_IPV6: Final = ipaddress.ip_network("2000::/3")
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")  # IPv4 in the last 32 bits (RFC 6052)


def is_public_address(address: str) -> bool:
    """Return whether a numeric IP address is public.

    Of an IPv6 address, the embedded IPv4 one counts.

    >>> is_public_address("151.101.1.1"), is_public_address("10.0.0.1")
    (True, False)
    >>> is_public_address("::ffff:127.0.0.1"), is_public_address("64:ff9b::a9fe:a9fe")
    (False, False)
    """
    ip = _embedded(address)
    if ip.is_multicast or any(ip in network for network in _SPECIAL):
        return False
    return ip.is_global and (ip.version == 4 or ip in _GLOBAL_IPV6)


def _embedded(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Return an IP address, of an IPv6 one the IPv4 address that is embedded in it, if any."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    if ip in _NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or ip


def resolve_host(host: str, port: int, allow_private: bool = False) -> list[str]:
    """Resolve a host, once, against DNS rebinding; return its IP addresses, each once.

    Raises `LinkError` unless all are public, with `allow_private` if one is link-local, as are
    those at which machines in the cloud give their credentials.
    """
    remedy = "if you trust it, add --allow-private (allow_private=True)"
    if not allow_private and _is_local(host):
        raise LinkError(f"leads to a private or local address ({host}); {remedy}")
    addresses = _look_up(host, port)
    # One private address among public ones is refused too: legitimate names have no such mixture.
    for address in addresses:
        where = host if address == host else f"{host}, that is {address}"
        if allow_private:
            if _embedded(address).is_link_local:
                raise LinkError(
                    f"leads to a link-local address ({where}), where no report is; check it"
                )
        elif not is_public_address(address):
            raise LinkError(f"leads to a private or local address ({where}); {remedy}")
    return addresses


def _is_local(host: str) -> bool:
    """Return whether a host is localhost or an IPv4 address in a non-standard notation.

    >>> hosts = ("a.localhost.", "2130706433", "0x7f.1", "127.1")
    >>> [_is_local(host) for host in hosts]
    [True, True, True, True]
    >>> [_is_local(host) for host in ("127.0.0.1", "7.example")]
    [False, False]
    """
    try:
        ipaddress.ip_address(host)
    except ValueError:  # a host that ends in a number is an IPv4 address (URL Standard, 3.5)
        return bool(re.fullmatch(r"(.*\.)?(localhost|[0-9]+|0x[0-9a-f]*)\.*", host.lower()))
    return False


def _look_up(host: str, port: int) -> list[str]:
    try:
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        remedy = "check the spelling and the connection to the internet"
        raise LinkError(f"no address is known for {host}; {remedy}") from None
    return list(dict.fromkeys(str(answer[4][0]) for answer in answers))


class CheckedTransport(httpx.HTTPTransport):
    """Send requests over checked connections.

    After `deadline`, on the monotonic clock, every wait is a timeout.
    """

    def __init__(self, deadline: float, allow_private: bool = False) -> None:
        # Without super().__init__(): this pool is the only one, and if httpx ever renames it,
        # nothing is sent at all.
        backend = _Backend(deadline, allow_private)
        self._pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(), network_backend=backend
        )


def _timeout(timeout: float | None, deadline: float) -> float:
    """Return the seconds that a wait may take: those of `timeout`, or fewer before the deadline."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("deadline")
    return left if timeout is None else min(timeout, left)


class _Backend(httpcore.SyncBackend):
    """Connect to checked addresses."""

    def __init__(self, deadline: float, allow_private: bool) -> None:
        self._deadline = deadline
        self._allow_private = allow_private

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        failure: Exception = httpcore.ConnectError("no address")
        for address in resolve_host(host, port, self._allow_private)[:_MAX_ADDRESSES]:
            wait = _timeout(timeout, self._deadline)
            try:
                plain = super().connect_tcp(address, port, wait, local_address, socket_options)
                return _Stream(plain, self._deadline)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure


class _Stream(httpcore.NetworkStream):
    """Read and write within the deadline."""

    def __init__(self, plain: httpcore.NetworkStream, deadline: float) -> None:
        self._plain = plain
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._plain.read(max_bytes, _timeout(timeout, self._deadline))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._plain.write(buffer, _timeout(timeout, self._deadline))

    def close(self) -> None:
        self._plain.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        plain = self._plain.start_tls(
            ssl_context, server_hostname, _timeout(timeout, self._deadline)
        )
        return _Stream(plain, self._deadline)

    def get_extra_info(self, info: str) -> object:
        return self._plain.get_extra_info(info)
