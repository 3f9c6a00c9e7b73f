"""Sweeps of the store: one each night, by whichever process gets there first, and whenever somebody asks for one."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

import structlog

from ingest.config.current import Current
from ingest.upkeep.sweeping import Report, Sweep
from kernel.clock import Clock
from storage import revisions
from storage.files import Files
from storage.store import Away, Conflict, Store

SWEPT: Final = "swept_on"
"""The setting that holds the last day on which the store was swept."""
AT: Final = timedelta(hours=3, minutes=30)
"""Of the company's day: when nobody is there, and the clocks have not just been put forward or back."""
LOOK_EVERY: Final = timedelta(minutes=15)
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
        """Sweep, if this night nobody has yet; whether this one did. Raises Away and Conflict."""
        local = self._clock.now().astimezone(ZoneInfo(self._current.config.timezone))
        if timedelta(hours=local.hour, minutes=local.minute) < AT:
            return False
        day = local.date().isoformat()
        if not await self._store.run(lambda db: revisions.advance(db, SWEPT, day)):
            return False
        self.begin(dry_run=False, whole=False, with_files=local.weekday() == FILES_ON)
        if self._task is not None:
            await asyncio.wait([self._task])
        return True

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
