"""An answer as the bytes that go over a connection, and the words of one that refuses. Light, as `ingest.intake.everyday` is."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Final

import orjson

from channels.adapter import Rejected
from channels.message import Answer

AGAIN_IN: Final = "1"
_REMEDIES: Final[Mapping[int, Mapping[str, str]]] = {
    405: {"Allow": "POST"},
    429: {"Retry-After": AGAIN_IN},
    503: {"Retry-After": AGAIN_IN},
}
_HEADS: Final = 256


def refused(refusal: Rejected, shown: Answer | None) -> Answer:
    """What a sender hears who was refused: `shown` are the adapter's own words, where it has any."""
    if shown is None:
        body = orjson.dumps({"error": {"code": refusal.code, "message": str(refusal)}})
        shown = Answer(refusal.status, body)
    remedy = _REMEDIES.get(refusal.status)
    return shown if remedy is None else replace(shown, headers={**shown.headers, **remedy})


def written(answer: Answer, now: datetime) -> bytes:
    """The same answer as it goes over an HTTP/1.1 connection that stays. Raises ValueError for a header of several lines."""
    head = _head(answer.status, answer.content_type, tuple(answer.headers.items()), int(now.timestamp()))
    if answer.status == HTTPStatus.NO_CONTENT:
        return b"%b\r\n" % head
    return b"%bContent-Length: %d\r\n\r\n%b" % (head, len(answer.body), answer.body)


@lru_cache(_HEADS)
def _head(status: int, content_type: str, headers: tuple[tuple[str, str], ...], second: int) -> bytes:
    """The status and all headers but the length."""
    lines = [f"{name}: {value}" for name, value in (("Content-Type", content_type), *headers)]
    if not all(map(str.isprintable, lines)):
        raise ValueError("a header holds a control character")
    date = formatdate(second, usegmt=True)
    start = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"
    return "\r\n".join([start, *lines, f"Date: {date}", ""]).encode()
