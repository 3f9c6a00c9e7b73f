"""A process among others: what it says of itself every few seconds, and what it learns of them by looking every second."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any, Final

import sqlalchemy as sa
import structlog

from ingest.health.elsewhere import Elsewhere
from storage import processes
from storage.processes import Company, Said
from storage.store import Away, Conflict, Store

LOOK_EVERY: Final = 1.0
_BEATS: Final = 3
"""It says that it lives so many times within the time for which it is believed."""

log = structlog.get_logger("priyom.presence")


class Presence:
    """Says and learns; `run` is kept alive by the daemon. `report` and `digest` are what it says, see `storage.processes.Said`.

    `on_moved` is told of changes that others made, `on_company` of everything, each time.
    """

    def __init__(
        self,
        store: Store,
        uid: str,
        elsewhere: Elsewhere,
        report: Callable[[], Mapping[str, Any]],
        digest: Callable[[], str],
        on_moved: Callable[[], None],
        on_company: Callable[[Company], Awaitable[None]],
        span: timedelta,
    ) -> None:
        self._store = store
        self._uid = uid
        self._elsewhere = elsewhere
        self._report = report
        self._digest = digest
        self._on_moved = on_moved
        self._on_company = on_company
        self._span = span
        self._moved = 0
        self._others: dict[str, int] | None = None
        self._said: Said | None = None
        self._said_at = 0.0

    def moved(self) -> None:
        """Something was changed by this process."""
        self._moved += 1

    async def run(self) -> None:
        """Until cancelled; then leave."""
        was_away = False
        try:
            await self._store.run(processes.forget)
            while True:
                try:
                    await self.look()
                    was_away = False
                except (Away, Conflict) as error:
                    if not was_away:
                        log.warning("the store is away", action="store.away", error=str(error), again_in=LOOK_EVERY)
                    was_away = True
                await asyncio.sleep(min(LOOK_EVERY, self._span.total_seconds() / _BEATS))
        finally:
            with contextlib.suppress(Away, Conflict, TimeoutError):
                async with asyncio.timeout(LOOK_EVERY):
                    await self._store.run(self._leave)

    def _leave(self, db: sa.Connection) -> None:
        processes.beat(db, self._uid, self._saying(), self._span)
        processes.leave(db, self._uid)

    async def look(self) -> None:
        """Once: say what is new, and learn. Raises Away, Conflict."""
        saying, now = self._saying(), asyncio.get_running_loop().time()
        due = now - self._said_at >= self._span.total_seconds() / _BEATS
        if due or self._said is None or _lasting(saying) != _lasting(self._said):

            def unit(db: sa.Connection) -> Company:
                processes.beat(db, self._uid, saying, self._span)
                return processes.company(db)

            company = await self._store.run(unit)
            self._said, self._said_at = saying, now
        else:
            company = await self._store.read(processes.company)
        await self._learn(company)

    def _saying(self) -> Said:
        return Said(self._moved, self._digest(), self._report())

    async def _learn(self, company: Company) -> None:
        others = [one for one in company.processes if one.uid != self._uid]
        self._elsewhere.learn(others)
        moved = {one.uid: one.said.moved for one in others}
        before, self._others = self._others, moved
        if before is not None and any(number > before.get(uid, 0) for uid, number in moved.items()):
            self._on_moved()
        await self._on_company(company)


def _lasting(said: Said) -> tuple[object, ...]:
    """What is worth a word before it is due: not that a provider was heard again."""
    channels = {
        name: {key: value for key, value in one.items() if key != "heard_at"}
        for name, one in said.report.get("channels", {}).items()
    }
    return said.moved, said.digest, {**said.report, "channels": channels}
