"""A thread beside the loop for work that may hang."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from kernel.beside import Beside

R = TypeVar("R")


class Aside(Generic[R]):
    """Does one thing at a time in a thread of its own. Work that hangs keeps that one, and what comes after it gets another."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._beside: Beside | None = None

    async def run(self, work: Callable[[], R], within: float) -> R:
        """The outcome of `work`, or what it raises. Raises TimeoutError after `within` seconds."""
        if self._beside is None:
            self._beside = Beside(self._name)
        try:
            return await self._beside.run(work, within)
        except (TimeoutError, asyncio.CancelledError):
            self.close()
            raise

    def close(self) -> None:
        """Let the thread end when it has done what it has."""
        if self._beside is not None:
            self._beside.close(wait=False)
            self._beside = None
