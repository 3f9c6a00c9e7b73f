"""Sweeps of the store that somebody asks for."""

from typing import Final

from desk.ports import Json, Refused
from ingest.upkeep.upkeep import Upkeep
from storage.store import Store

SWEEP_WITHIN: Final = 20.0
"""Seconds that a question about a sweep waits for its end; who asked asks again."""


class StoreSweeps:
    """`desk.ports.Sweeps` of this process."""

    def __init__(self, store: Store, upkeep: Upkeep) -> None:
        self._store = store
        self._upkeep = upkeep

    async def sweep(self, *, dry_run: bool, whole: bool) -> Json:
        """Begin a sweep of the store, unless one is under way, and how it stands a while later."""
        if whole and not self._store.embedded:
            raise Refused(422, "not_this_store", "only SQLite's file is written anew; PostgreSQL reuses what is free")
        self._upkeep.begin(dry_run=dry_run, whole=whole)
        return await self.swept()

    async def swept(self) -> Json:
        """How the latest sweep of this process stands, as soon as it is done or a while later."""
        report = await self._upkeep.progress(SWEEP_WITHIN)
        if report is None:
            raise Refused(404, "not_swept", "nobody has asked for a sweep since this process began")
        return report.json()
