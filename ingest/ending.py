"""What is begun when a stop comes: it may end if that takes a moment only, so that its end is written down."""

import asyncio
from collections.abc import Awaitable
from typing import Final, TypeVar

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
