"""What a stop finds begun: it may end if that takes a moment only, so that its end is written down; the rest is given back."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable
from functools import partial
from typing import Final, TypeVar

from storage import outbox
from storage.store import Away, Conflict, Store

R = TypeVar("R")

MOMENT: Final = 0.4
"""Seconds: less than the supervisor waits before it tells a task again (`ingest.supervise.CALL_AGAIN`)."""


async def to_its_end(work: Awaitable[R]) -> R:
    """What `work` comes to. Where the caller is cancelled, it may go on for a moment, and only then is cancelled with him."""
    running = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        try:
            await asyncio.wait({running}, timeout=MOMENT)
        finally:
            running.cancel()
        raise


@contextlib.asynccontextmanager
async def given_back(store: Store, token: str) -> AsyncIterator[None]:
    """What the block claims of the outbox under `token`, and a stop leaves unsent, is free for others at once."""
    try:
        yield
    except asyncio.CancelledError:
        with contextlib.suppress(Away, Conflict):
            await store.run(partial(outbox.release, token=token))
        raise
