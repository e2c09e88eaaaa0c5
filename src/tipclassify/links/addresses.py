"""Which addresses of the network a link may lead to: public ones, unless the user allows others.

A report names its sources, and a list of links comes from anywhere. None of them may make this machine ask its own
services, its router or the metadata service of a cloud. What is checked is the address that is connected to, never the
name: a name can resolve to something else a moment later.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from typing import Final

from tipclassify.links.rules import LinkError

__all__ = ["is_odd_spelling", "is_public", "resolve"]

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# `ipaddress.is_global` changed its mind between patch releases of Python (gh-113171), so the registries are written out:
# https://www.iana.org/assignments/iana-ipv4-special-registry and iana-ipv6-special-registry.
_SPECIAL: Final = [
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared by carriers
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local, with the metadata service of clouds
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, with broadcast
        "2001::/23",  # protocol assignments, with Teredo
        "2001:db8::/32",  # documentation
        "3fff::/20",  # documentation
    )
]
_GLOBAL_IPV6: Final = ipaddress.ip_network("2000::/3")
"""All that is assigned as global unicast; loopback, link-local, unique local and multicast lie outside."""

# IPv4 addresses inside IPv6 ones: the network, and how many bits stand behind the embedded address.
_EMBEDDED: Final = [
    (ipaddress.ip_network("::ffff:0:0/96"), 0),  # mapped
    (ipaddress.ip_network("64:ff9b::/96"), 0),  # NAT64: all that a network without IPv4 sees of IPv4
    (ipaddress.ip_network("2002::/16"), 80),  # 6to4
]


def is_public(address: str) -> bool:
    """Whether an IP address, written as numbers, is one of the public internet.

    >>> is_public("151.101.1.1"), is_public("10.0.0.1"), is_public("::ffff:127.0.0.1"), is_public("64:ff9b::a9fe:a9fe")
    (True, False, False, False)
    """
    ip: Address = ipaddress.ip_address(address.partition("%")[0])
    for network, behind in _EMBEDDED:
        if ip in network:
            ip = ipaddress.IPv4Address(int(ip) >> behind & 0xFFFFFFFF)
    if ip.version == 6 and ip not in _GLOBAL_IPV6:
        return False
    return not any(ip in network for network in _SPECIAL)


def is_odd_spelling(host: str) -> bool:
    """Whether a host is an IPv4 address written otherwise than as four decimal numbers.

    Resolvers read ``2130706433``, ``0x7f.1`` and ``0177.0.0.1`` as 127.0.0.1, but not all of them: what ends in a
    number is an address (URL Standard, 3.5), and only its plain form is taken.

    >>> [is_odd_spelling(host) for host in ("2130706433", "0x7f.1", "0177.0.0.1", "127.0.0.1", "7.example")]
    [True, True, True, False, False]
    """
    last = host.rstrip(".").rpartition(".")[2]
    if ":" in host or not re.fullmatch(r"[0-9]+|0[xX][0-9a-fA-F]*", last):
        return False
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        return True
    return False


def resolve(host: str, port: int, allow_private: bool = False) -> list[str]:
    """IP addresses of a host, as numbers, each fit to be connected to.

    Raises
    ------
    LinkError
        When the host is unknown, or any of its addresses is not public and `allow_private` is not given.
    """
    name = host.rstrip(".").lower()
    local = name == "localhost" or name.endswith(".localhost") or is_odd_spelling(host)
    if local and not allow_private:
        raise _private(host)
    found = _lookup(host, port)
    for address in found:
        # One private address among public ones is refused as well: an honest name has no such mixture.
        if not allow_private and not is_public(address):
            raise _private(host if address == host else f"{host}, that is {address}")
    return found


def _private(where: str) -> LinkError:
    return LinkError(
        f"leads to a private or local address ({where}); if you trust it, add --allow-private (allow_private=True)"
    )


def _lookup(host: str, port: int) -> list[str]:
    try:
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        reason = f"no address is known for {host}; check the spelling and the connection to the internet"
        raise LinkError(reason, passing=True) from None
    return list(dict.fromkeys(str(answer[4][0]) for answer in answers))
