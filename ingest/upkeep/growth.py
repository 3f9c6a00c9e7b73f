"""Keeps the planner of PostgreSQL up to what a growing store holds. SQLite goes by the shape of its indexes and needs nothing."""

import asyncio
from functools import partial
from typing import Final

import structlog

from storage import statistics
from storage.store import Away, Conflict, Store

LOOK_EVERY: Final = 10.0

log = structlog.get_logger("priyom.upkeep")


class Growth:
    """Looks every few seconds whether a table has doubled. Several processes may: whoever is first has done it for all."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.look()
            except (Away, Conflict) as error:
                log.info("the store is away", action="store.away", error=str(error), again_in=LOOK_EVERY)
            await asyncio.sleep(LOOK_EVERY)

    async def look(self) -> list[str]:
        """Bring up to date what has grown; which tables. Raises Away and Conflict."""
        if self._store.embedded:
            return []
        found = await self._store.read(statistics.grown)
        for table in found:
            await self._store.run(partial(statistics.analyse, table=table))
        return found
