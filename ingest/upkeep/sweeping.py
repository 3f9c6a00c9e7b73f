"""One sweep: drops what is older than the policy allows and files that no row names, and gives the room back.

Everything goes in steps of a few milliseconds, with a rest behind each that grows with it, so that whoever has a lead to write
waits for one step at most.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from functools import partial
from time import perf_counter
from typing import Any, Final, TypeVar

import sqlalchemy as sa

from ingest.config.schema import Retention
from storage import expiry, space
from storage.expiry import BODIES, NOTICES, Walk
from storage.files import Files
from storage.store import Away, Conflict, Store

R = TypeVar("R")
Json = dict[str, Any]

REST: Final = 0.02
SHARE: Final = 4
"""How many times as long as a step took the rest behind it is: a fifth of the writer's time at most."""
BUSY_RESTS: Final = 50
FEWEST: Final = 10
SLOW: Final = 0.02
"""Seconds above which the next step takes half as many rows."""
STORE_AWAY: Final = 2.0
TRIES: Final = 30
UNNAMED_FOR: Final = timedelta(days=2)
"""How long a file is left alone: it is there before the row that names it, which may have to wait for the store."""
FILES_AT_ONCE: Final = 200


@dataclass(slots=True)
class Gone:
    """How many of a kind went, or would go, and their bytes as far as they are known."""

    count: int = 0
    bytes: int = 0

    def add(self, count: int, size: int) -> None:
        """Some more."""
        self.count += count
        self.bytes += size


@dataclass(slots=True)
class Report:
    """A sweep so far. `freed`: bytes that the store's file is shorter by; None where the server keeps that to itself.

    `fixed`: the store's file was made before it could become shorter in small steps.
    """

    dry_run: bool
    started_at: datetime
    done: bool = False
    bodies: Gone = field(default_factory=Gone)
    notices: Gone = field(default_factory=Gone)
    links: Gone = field(default_factory=Gone)
    files: Gone = field(default_factory=Gone)
    freed: int | None = None
    fixed: bool = False
    error: str | None = None

    def json(self) -> Json:
        """As the API shows it."""
        return asdict(self) | {"started_at": self.started_at.isoformat().replace("+00:00", "Z")}


class Sweep:
    """One run over a store. `is_busy` says when leads are waiting to be written."""

    def __init__(self, store: Store, files: Files, report: Report, is_busy: Callable[[], bool]) -> None:
        self._store = store
        self._files = files
        self._report = report
        self._is_busy = is_busy

    async def run(self, policy: Retention, now: datetime, *, with_files: bool, whole: bool) -> None:
        """Everything in turn. Waits while the store is away for a moment; raises Away where it stays so."""
        report = self._report
        if policy.bodies is not None:
            await self._walk(BODIES, expiry.drop_bodies, report.bodies, now - policy.bodies)
        if policy.notices is not None:
            await self._walk(NOTICES, expiry.drop_notices, report.notices, now - policy.notices)
        links = expiry.old_links if report.dry_run else expiry.drop_links
        report.links.add(await self._write(lambda db: links(db, now)), 0)
        if with_files:
            await self._sweep_files(now)
        if not report.dry_run:
            await self._give_back(whole=whole)

    async def _walk(
        self, walk: Walk, drop: Callable[[sa.Connection, list[int]], int], gone: Gone, before: datetime
    ) -> None:
        place: int | None = 0
        most = expiry.WINDOW
        while place is not None:
            window = await self._read(partial(walk.window, after=place, before=before))
            place = window.next
            old, size = list(window.old), window.size
            if self._report.dry_run:
                gone.add(len(old), size)
                continue
            each = size // len(old) if old else 0
            while old:
                part, old = old[:most], old[most:]
                began = perf_counter()
                count = await self._write(lambda db, part=part: drop(db, part))  # type: ignore[misc] # a bound default
                gone.add(count, count * each)
                most = max(FEWEST, most // 2) if perf_counter() - began > SLOW else min(expiry.WINDOW, most * 2)

    async def _sweep_files(self, now: datetime) -> None:
        since = (now - UNNAMED_FOR).timestamp()
        # The files first: what is named from here on was touched when it was kept, and so is left alone.
        unnamed = await asyncio.to_thread(self._files.untouched, since)
        place: int | None = 0
        while place is not None and unnamed:
            named, place = await self._read(partial(expiry.files_named, after=place))
            unnamed.difference_update(map(bytes.fromhex, named))
        if self._report.dry_run:
            self._report.files.add(len(unnamed), await asyncio.to_thread(self._files.size, unnamed))
            return
        left = sorted(unnamed)
        for start in range(0, len(left), FILES_AT_ONCE):
            removed = await asyncio.to_thread(self._files.remove, left[start : start + FILES_AT_ONCE], since)
            self._report.files.add(*removed)

    async def _give_back(self, *, whole: bool) -> None:
        report = self._report
        if not self._store.embedded:
            went = {"bodies": report.bodies, "outbox": report.notices, "links": report.links}
            await self._store.alone(*(f"VACUUM (ANALYZE) {table}" for table, gone in went.items() if gone.count))
            return
        before = await self._read(space.taken)
        if whole:
            await self._store.alone("VACUUM")
        after = await self._read(space.taken)
        report.fixed = not after.elastic
        while after.elastic and after.free > space.SPARE:
            await self._write_by(lambda: self._store.alone(space.GIVE_BACK))
            after, last = await self._read(space.taken), after
            if after.free >= last.free:
                break
        await self._store.alone("PRAGMA wal_checkpoint(PASSIVE)")
        report.freed = max(0, before.pages - after.pages) * after.page

    async def _read(self, unit: Callable[[sa.Connection], R]) -> R:
        return await self._step(lambda: self._store.read(unit), REST / SHARE)

    async def _write(self, unit: Callable[[sa.Connection], R]) -> R:
        return await self._write_by(lambda: self._store.run(unit))

    async def _write_by(self, work: Callable[[], Awaitable[R]]) -> R:
        for _ in range(BUSY_RESTS):
            if not self._is_busy():
                break
            await asyncio.sleep(REST)
        return await self._step(work, REST)

    @staticmethod
    async def _step(work: Callable[[], Awaitable[R]], rest: float) -> R:
        for _ in range(TRIES):
            began = perf_counter()
            try:
                done = await work()
            except (Away, Conflict):
                await asyncio.sleep(STORE_AWAY)
                continue
            await asyncio.sleep(max(rest, SHARE * (perf_counter() - began)))
            return done
        raise Away("the store was away for too long")
