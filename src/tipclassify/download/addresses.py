"""Resolve hosts and check that their IP addresses are public, against server-side request forgery.

Links are untrusted: none may reach services of this machine, its router or a cloud's metadata service. The connected
address is checked, not the name, which may resolve to another one a moment later.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from typing import Final

from tipclassify.download.limits import LinkError

__all__ = ["is_public", "resolve"]

# Not public; `ipaddress.is_global` varies between patch releases of Python (gh-113171).
# https://www.iana.org/assignments/iana-ipv4-special-registry and iana-ipv6-special-registry.
_SPECIAL: Final = [
    ipaddress.ip_network("192.0.0.0/24"),  # protocol assignments
    ipaddress.ip_network("192.88.99.0/24"),  # 6to4 relays
    ipaddress.ip_network("2001::/23"),  # protocol assignments, with Teredo
    ipaddress.ip_network("3fff::/20"),  # documentation
]
_GLOBAL_IPV6: Final = ipaddress.ip_network("2000::/3")
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
"""IPv4 addresses mapped into IPv6 (RFC 6052), in the last 32 bits."""


def is_public(address: str) -> bool:
    """Return whether a numeric IP address is public; of an IPv6 address, the embedded IPv4 one counts.

    >>> is_public("151.101.1.1"), is_public("10.0.0.1"), is_public("::ffff:127.0.0.1"), is_public("64:ff9b::a9fe:a9fe")
    (True, False, False, False)
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        embedded = ip.ipv4_mapped or ip.sixtofour
        ip = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if ip in _NAT64 else embedded or ip
    if ip.is_multicast or any(ip in network for network in _SPECIAL):
        return False
    return ip.is_global and (ip.version == 4 or ip in _GLOBAL_IPV6)


def resolve(host: str, port: int, allow_private: bool = False) -> list[str]:
    """Resolve a host to its permitted numeric IP addresses.

    Raises
    ------
    LinkError
        When the host is unknown, or any of its addresses is not public without `allow_private`.
    """
    if _is_local_name(host) and not allow_private:
        raise _private(host)
    found = _lookup(host, port)
    for address in found:
        # One private address among public ones is refused too: legitimate names have no such mixture.
        if not allow_private and not is_public(address):
            raise _private(host if address == host else f"{host}, that is {address}")
    return found


def _is_local_name(host: str) -> bool:
    """Return whether a host is localhost or an IPv4 address in a non-standard notation.

    >>> [_is_local_name(host) for host in ("a.localhost.", "2130706433", "0x7f.1", "127.1", "127.0.0.1", "7.example")]
    [True, True, True, True, False, False]
    """
    try:
        ipaddress.ip_address(host)
    except ValueError:  # a host that ends in a number is an IPv4 address (URL Standard, 3.5)
        return bool(re.fullmatch(r"(.*\.)?(localhost|[0-9]+|0x[0-9a-f]*)\.*", host.lower()))
    return False


def _private(where: str) -> LinkError:
    return LinkError(
        f"leads to a private or local address ({where}); if you trust it, add --allow-private (allow_private=True)"
    )


def _lookup(host: str, port: int) -> list[str]:
    try:
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        reason = f"no address is known for {host}; check the spelling and the connection to the internet"
        raise LinkError(reason, transient=True) from None
    return list(dict.fromkeys(str(answer[4][0]) for answer in answers))
