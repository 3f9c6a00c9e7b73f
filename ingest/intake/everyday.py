"""What an everyday post is, and who sent it: all that must be known of HTTP before an adapter sees what came the short way.

Light on purpose: a process that only receives (`ingest.intake.front`) imports this and neither aiohttp nor the store.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Final

from multidict import CIMultiDict

Network = IPv4Network | IPv6Network

# Longer heads, other letters in a header's name or beyond ASCII in its value are allowed, and left to aiohttp.
_LONGEST_HEAD: Final = 8_000
_HEADERS: Final = re.compile(r"(?:\r\n[A-Za-z0-9-]+:[\t -~]*)+")
_UNUSUAL: Final = frozenset({"transfer-encoding", "content-encoding", "expect", "upgrade", "http2-settings"})


def everyday(data: bytes, addresses: Mapping[bytes, str], most: int) -> tuple[str, CIMultiDict[str], bytes] | None:
    """Channel, headers and body, where `data` is exactly one everyday post of at most so many bytes to one of the `addresses`."""
    end_of_line = data.find(b"\r\n")
    end = data.find(b"\r\n\r\n", end_of_line, _LONGEST_HEAD)
    name = addresses.get(data[:end_of_line])
    if name is None or end < 0:
        return None
    head = data[end_of_line:end].decode("latin-1")
    if not _HEADERS.fullmatch(head):
        return None
    lines = head[2:].split("\r\n")
    named = {}
    for line in lines:
        field, _, value = line.partition(":")
        named[field.lower()] = value.strip("\t ")
    body = data[end + 4 :]
    usual = len(named) == len(lines) and _UNUSUAL.isdisjoint(named) and "host" in named
    whole = named.get("content-length") == str(len(body)) and len(body) <= most
    if not (usual and whole) or named.get("connection", "keep-alive").lower() != "keep-alive":
        return None
    return name, CIMultiDict(named), body


def client_address(peer: str | None, forwarded: Sequence[str], proxies: Sequence[Network]) -> str | None:
    """Who sent a request: the peer, or what trusted proxies say, read from the right; a client can write the rest itself."""
    address = peer
    hops = [hop.strip() for line in forwarded for hop in line.split(",")]
    while address is not None and hops and _trusted(address, tuple(proxies)):
        address = hops.pop()
    return address


@lru_cache(256)
def _trusted(address: str, proxies: tuple[Network, ...]) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in proxy for proxy in proxies)
