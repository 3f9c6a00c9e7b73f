"""The loop of whoever works through the store whenever he is woken, and waits where the store is away."""

import asyncio
import contextlib
from abc import ABC, abstractmethod
from typing import Any, Final

from storage.store import Away, Conflict

STORE_AWAY: Final = 2.0


class Rounds(ABC):
    """One of its rounds is due at the start and whenever it is woken, and as long as the store is away again a while later.

    `look_every`, in seconds: how long it waits at most, in case nobody woke it; None: for ever. `again_in`, in seconds: how long it
    leaves a store that is away or busy alone.
    """

    def __init__(self, logger: Any, look_every: float | None = None, again_in: float = STORE_AWAY) -> None:
        self._logger = logger
        self._look_every = look_every
        self._again_in = again_in
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """There may be something to do."""
        self._woken.set()

    async def run(self) -> None:
        """Go round until cancelled."""
        self._woken.set()
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._look_every):
                    await self._woken.wait()
            self._woken.clear()
            try:
                await self._round()
            except (Away, Conflict) as error:
                self._logger.warning(
                    "the store is away", action="store.away", error=str(error), again_in=self._again_in
                )
                await asyncio.sleep(self._again_in)
                self._woken.set()

    @abstractmethod
    async def _round(self) -> None:
        """Do all that is to be done. Raises Away, Conflict."""
