"""Sweeps of the store: one each night, by whichever process gets there first, and whenever somebody asks for one."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa
import structlog

from ingest.config.current import Current
from ingest.upkeep.sweeping import Report, Sweep
from kernel.clock import Clock, iso
from storage import revisions
from storage.files import Files
from storage.store import Away, Conflict, Store

SWEPT: Final = "swept_on"
"""The setting that holds the last day on which the store was swept to the end."""
SWEEPING: Final = "sweeping_at"
"""The setting that holds when somebody who sweeps was last at it."""
AT: Final = timedelta(hours=3, minutes=30)
"""Of the company's day: when nobody is there, and the clocks have not just been put forward or back."""
LOOK_EVERY: Final = timedelta(minutes=15)
GONE_AFTER: Final = timedelta(hours=1)
"""Whoever sweeps says so at each look; for so long without a word, and he is gone, or has failed, and another begins anew."""
FILES_ON: Final = 6
"""Sunday: looking for files that nobody names reads all interactions."""
_AGAIN: Final = 30.0

log = structlog.get_logger("priyom.upkeep")


class Upkeep:
    """The sweeps of one process. All methods belong to its loop."""

    def __init__(
        self, store: Store, files: Files, current: Current, clock: Clock, is_busy: Callable[[], bool] = lambda: False
    ) -> None:
        self._store = store
        self._files = files
        self._current = current
        self._clock = clock
        self._is_busy = is_busy
        self._task: asyncio.Task[None] | None = None
        self._report: Report | None = None

    async def run(self) -> None:
        """Sweep once a night, for as long as the daemon runs."""
        while True:
            try:
                await self.nightly()
            except (Away, Conflict) as error:
                log.warning("the store is away", action="store.away", error=str(error), again_in=_AGAIN)
                await asyncio.sleep(_AGAIN)
                continue
            await self._clock.sleep_until(self._clock.now() + LOOK_EVERY)

    async def nightly(self) -> bool:
        """Sweep, if this night nobody has yet and nobody does; whether this one has. Raises Away and Conflict."""
        local = self._clock.now().astimezone(ZoneInfo(self._current.config.timezone))
        if timedelta(hours=local.hour, minutes=local.minute) < AT:
            return False
        day = local.date().isoformat()
        if not await self._store.run(partial(self._take, day=day)):
            return False
        while self._report is not None and not self._report.done:
            # Somebody's own, which may be for show.
            await self._look_on()
        report = self.begin(dry_run=False, whole=False, with_files=local.weekday() == FILES_ON)
        while not report.done:
            await self._look_on()
        if report.error is not None:
            return False
        return await self._store.run(lambda db: revisions.advance(db, SWEPT, day))

    def _take(self, db: sa.Connection, day: str) -> bool:
        """Whether this day's sweep is ours: it is to be done, and nobody is at it."""
        now = self._clock.now()
        if (revisions.setting(db, SWEPT) or "") >= day:
            return False
        return revisions.advance(db, SWEEPING, iso(now), beyond=iso(now - GONE_AFTER))

    async def _look_on(self) -> None:
        """Until the sweep that is under way ends, or it is time to say that it goes on."""
        assert self._task is not None  # noqa: S101 - there is a report
        done, _ = await asyncio.wait([self._task], timeout=LOOK_EVERY.total_seconds())
        if not done:
            now = iso(self._clock.now())
            await self._store.run(lambda db: revisions.advance(db, SWEEPING, now))

    def begin(self, *, dry_run: bool, whole: bool, with_files: bool = True) -> Report:
        """Begin a sweep, unless one is under way; how that stands."""
        if self._report is None or self._report.done:
            self._report = Report(dry_run, self._clock.now())
            self._task = asyncio.create_task(
                self._sweep(self._report, whole=whole, with_files=with_files), name="sweep"
            )
        return self._report

    async def progress(self, within: float) -> Report | None:
        """How the latest sweep stands, as soon as it is done or when so many seconds have passed; None before the first."""
        if self._task is not None and not self._task.done():
            await asyncio.wait([self._task], timeout=within)
        return self._report

    async def stop(self) -> None:
        """End a sweep that is under way; what has gone is gone, and the rest is the next one's."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _sweep(self, report: Report, *, whole: bool, with_files: bool) -> None:
        sweep = Sweep(self._store, self._files, report, self._is_busy)
        try:
            await sweep.run(self._current.config.retention, self._clock.now(), with_files=with_files, whole=whole)
        except Exception as error:
            report.error = str(error) if isinstance(error, Away) else type(error).__name__
            log.exception("the store could not be swept", action="store.sweep_failed", error=report.error)
        finally:
            report.done = True
        log.info("the store was swept", action="store.swept", **_counts(report))


def _counts(report: Report) -> dict[str, int | bool | None]:
    kinds = ("bodies", "notices", "links", "files")
    return {name: getattr(report, name).count for name in kinds} | {"freed": report.freed, "dry_run": report.dry_run}
