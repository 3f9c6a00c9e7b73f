"""Fetches what messages only point to: files and names that a provider keeps, one by one, once their interactions are there.

A file is in the folder before a row names it. What cannot be fetched now is tried again with growing pauses; what is gone, or
too large, is marked so.
"""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any, Final

import structlog

from channels.adapter import Adapter, Misconfigured, Rejected, Unavailable
from ingest.pipeline.naming import introduce
from ingest.rounds import Rounds
from ingest.rules.rulebook import Rulebooks
from kernel.clock import Clock
from storage import fetches
from storage.fetches import Wanted
from storage.files import Files
from storage.names import Names
from storage.store import Store

MOST: Final = 20 * 1024 * 1024
"""Bytes of a file: what a bot of Telegram may fetch, and enough for a photo of a drawing elsewhere."""
LEASE: Final = timedelta(minutes=10)
PAUSES: Final = tuple(timedelta(seconds=s) for s in (5, 30, 120, 600, 1800, 3600, 7200, 14400, 28800))
LOOK_EVERY: Final = 15.0

log = structlog.get_logger("priyom.enriching")


class Enriching(Rounds):
    """The fetcher. `wake` when there may be something new to fetch; every few seconds it looks what is due again."""

    def __init__(
        self, store: Store, names: Names, files: Files, adapters: Mapping[str, Adapter[Any]], clock: Clock
    ) -> None:
        super().__init__(log, LOOK_EVERY)
        self._store = store
        self._names = names
        self._files = files
        self._adapters = adapters
        self._clock = clock
        self._rulebooks = Rulebooks(names)

    async def _round(self) -> None:
        while await self.step():
            pass

    async def step(self) -> bool:
        """Fetch one file; False where none is due. Raises Away, Conflict."""
        if not any(adapter.fetches for adapter in self._adapters.values()):
            return False
        now = self._clock.now()
        if not await self._store.read(lambda db: fetches.is_due(db, now)):
            return False
        wanted = await self._store.run(lambda db: fetches.take(db, self._names, now, LEASE))
        if wanted is not None:
            await self._fetch(wanted)
        return wanted is not None

    async def _fetch(self, wanted: Wanted) -> None:
        adapter = self._adapters.get(wanted.channel)
        if adapter is None or not adapter.fetches:
            await self._drop(wanted, "no_channel")
            return
        try:
            if wanted.place == fetches.PROFILE:
                await self._introduce(wanted, await adapter.profile(wanted.locator))
                return
            content = await adapter.fetch(wanted.locator, MOST)
        except Rejected as error:
            await self._drop(wanted, error.code)
        except (Unavailable, Misconfigured) as error:
            await self._again(wanted, str(error))
        except Exception as error:
            log.exception("a file could not be fetched", action="file.failed", interaction=wanted.interaction)
            await self._again(wanted, type(error).__name__)
        else:
            name = await asyncio.to_thread(self._files.keep, content)
            found = partial(fetches.done, wanted=wanted, file=name, size=len(content), dropped=None)
            await self._store.run(found)

    async def _introduce(self, wanted: Wanted, name: str | None) -> None:
        await self._store.run(lambda db: introduce(db, self._rulebooks.current(db), wanted, name))

    async def _again(self, wanted: Wanted, why: str) -> None:
        if wanted.attempts > len(PAUSES):
            await self._drop(wanted, "unavailable")
            return
        at = self._clock.now() + PAUSES[wanted.attempts - 1]
        log.info("a file is fetched later", action="file.later", interaction=wanted.interaction, error=why)
        await self._store.run(lambda db: fetches.later(db, wanted, at))

    async def _drop(self, wanted: Wanted, why: str) -> None:
        log.warning("a file was given up", action="file.dropped", interaction=wanted.interaction, reason=why)
        await self._store.run(partial(fetches.done, wanted=wanted, file=None, size=None, dropped=why))
