"""A thread beside the loop for work that may hang."""

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Generic, TypeVar

R = TypeVar("R")
_Order = tuple[Callable[[], R], Callable[[R], object]]


class Aside(Generic[R]):
    """Does one thing at a time in a thread of its own, which is kept: to start one for each costs more than a small batch.

    Work that hangs keeps the thread for itself, and what comes after it gets another. A daemon thread, since one that hangs
    must not keep the process from ending.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._orders: SimpleQueue[_Order[R] | None] | None = None

    async def run(self, work: Callable[[], R], within: float) -> R:
        """The outcome of `work`, which must not raise. Raises TimeoutError after `within` seconds."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[R] = loop.create_future()

        def finish(outcome: R) -> None:
            if not done.done():
                done.set_result(outcome)

        if self._orders is None:
            self._orders = SimpleQueue()
            threading.Thread(target=_serve, args=(self._orders,), name=self._name, daemon=True).start()
        self._orders.put((work, lambda outcome: loop.call_soon_threadsafe(finish, outcome)))
        try:
            async with asyncio.timeout(within):
                return await done
        except (TimeoutError, asyncio.CancelledError):
            self.close()
            raise

    def close(self) -> None:
        """Let the thread end when it has done what it has."""
        if self._orders is not None:
            self._orders.put(None)
            self._orders = None


def _serve(orders: "SimpleQueue[_Order[R] | None]") -> None:
    while (order := orders.get()) is not None:
        work, tell = order
        tell(work())
        del order, work, tell  # what was done is not kept while there is nothing to do
