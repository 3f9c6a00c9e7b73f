"""Blocking calls beside the loop, each in a daemon thread of its own and with a deadline.

A thread of the loop's own pool would be waited for when the process ends, for as long as its request hangs. Nobody waits for
these: whoever asked may be cancelled at once, and what the call still brings is dropped.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

from channels.adapter import Unavailable

R = TypeVar("R")


async def aside(call: Callable[[], R], within: float) -> R:
    """What `call` gives or raises; Unavailable where it takes longer than `within` seconds."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[R] = loop.create_future()

    def tell(settle: Callable[[], None]) -> None:
        # The loop may have ended meanwhile: then there is nobody to tell.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(lambda: None if done.done() else settle())

    def run() -> None:
        try:
            result = call()
        except BaseException as error:  # noqa: BLE001 - raised again for whoever waits
            tell(lambda error=error: done.set_exception(error))  # type: ignore[misc] # a bound default
        else:
            tell(lambda: done.set_result(result))

    threading.Thread(target=run, name="vk", daemon=True).start()
    try:
        async with asyncio.timeout(within):
            return await done
    except TimeoutError:
        raise Unavailable(f"VK did not answer within {within:.0f} s") from None
