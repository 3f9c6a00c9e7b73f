"""Server-sent events (HTML, "Server-sent events"): one answer that goes on until either side ends it."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import orjson
from aiohttp import web

from desk.openapi import Stream
from desk.ports import Json

EVENTS: Final = "text/event-stream"
PING_AFTER: Final = 15.0
"""Seconds of silence after which a comment tells proxies, and us, that somebody still listens."""
_AGAIN_IN: Final = 1_000
_HEADERS: Final = {"Content-Type": EVENTS, "Cache-Control": "no-store", "X-Accel-Buffering": "no"}


async def stream(
    request: web.Request, deliveries: Stream, is_welcome: Callable[[], Awaitable[bool]]
) -> web.StreamResponse:
    """Write deliveries as they come; a reader that is gone ends it, and so does one who is no longer welcome."""
    response = web.StreamResponse(headers=_HEADERS)
    await response.prepare(request)
    if request.method == "HEAD":
        return response
    coming: asyncio.Future[Sequence[Json]] = asyncio.ensure_future(anext(deliveries))
    try:
        with contextlib.suppress(ConnectionError, StopAsyncIteration):
            await response.write(f"retry: {_AGAIN_IN}\n\n".encode())
            while True:
                done, _ = await asyncio.wait({coming}, timeout=PING_AFTER)
                events = coming.result() if done else None
                if not await is_welcome():
                    break
                if events is None:
                    await response.write(b": still here\n\n")
                    continue
                coming = asyncio.ensure_future(anext(deliveries))
                await response.write(b"".join(map(_written, events)))
    finally:
        coming.cancel()
    return response


def _written(event: Json) -> bytes:
    """One event: what changed is its data, the place in the stream its id; a `reset` is named so that no script misses it."""
    named = b"event: reset\n" if event["kind"] == "reset" else b""
    place = str(event["event"]).encode()
    data = orjson.dumps({name: event[name] for name in ("kind", "id", "version")})
    return b"id: " + place + b"\n" + named + b"data: " + data + b"\n\n"
