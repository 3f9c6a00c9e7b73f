"""Which sites' scripts may read an answer. It says nothing about who may send: an origin proves nothing about a sender."""

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

_HOST: Final = re.compile(r"[a-z0-9._-]+|\[[0-9a-f:.]+\]")
_PREFLIGHT_SECONDS: Final = "86400"


def origin(text: str) -> str:
    """An origin as browsers send it (RFC 6454, section 6.2): ASCII, in small letters, without a default port.

    Raises ValueError.
    """
    remedy = f"{text!r} is no origin; write https://example.com or http://localhost:8000, without a path"
    try:
        parts = urlsplit(text)
        port = parts.port
        host = _ascii_host(parts.hostname or "")
    except ValueError as broken:
        raise ValueError(remedy) from broken
    bare = not (parts.path or parts.query or parts.fragment or "@" in parts.netloc)
    if parts.scheme not in {"http", "https"} or not bare or not _HOST.fullmatch(host):
        raise ValueError(remedy)
    shown = port if port != {"http": 80, "https": 443}[parts.scheme] else None
    return f"{parts.scheme}://{host}" + (f":{shown}" if shown is not None else "")


def reading(allowed: Sequence[str], asking: str | None) -> dict[str, str]:
    """The headers of an answer that a script of one of the `allowed` origins may read, or of any where none is named."""
    if not allowed:
        return {"Access-Control-Allow-Origin": "*"}
    granted = {"Access-Control-Allow-Origin": asking} if asking in allowed and asking else {}
    return {"Vary": "Origin", **granted}


def sending(allowed: Sequence[str], asking: str | None) -> dict[str, str]:
    """The headers of the answer to a preflight; an origin that is not allowed is told nothing."""
    headers = reading(allowed, asking)
    if "Access-Control-Allow-Origin" in headers:
        headers["Access-Control-Allow-Methods"] = "POST"
        headers["Access-Control-Allow-Headers"] = "content-type, idempotency-key"
        headers["Access-Control-Max-Age"] = _PREFLIGHT_SECONDS
    return headers


def _ascii_host(host: str) -> str:
    if host.isascii():
        return f"[{host}]" if ":" in host else host
    import idna  # noqa: PLC0415 - 30 ms that only a host in other letters is worth

    return idna.encode(host, uts46=True).decode("ascii")
