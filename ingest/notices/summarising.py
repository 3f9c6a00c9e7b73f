"""The daily summary, made once a day for everybody who oversees, whoever of several processes gets there first."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa
import structlog

from ingest.config.current import Current
from ingest.config.schema import Config
from kernel.clock import Clock
from storage import outbox, revisions
from storage.names import Names
from storage.outbox import Announcement
from storage.store import Away, Conflict, Store

CODE: Final = "summary"
LATEST: Final = "summary_of"
"""The setting that holds the last day that was told."""

LOOK_EVERY: Final = timedelta(minutes=5)
_AGAIN: Final = 5.0

log = structlog.get_logger("priyom.summaries")


class Summaries:
    """Puts a summary of the day before into the outbox, at the configured time of the company's day."""

    def __init__(self, store: Store, names: Names, current: Current, clock: Clock, on_told: Callable[[], None]) -> None:
        self._store = store
        self._names = names
        self._current = current
        self._clock = clock
        self._on_told = on_told

    async def run(self) -> None:
        """Look again at the configured time, and every few minutes, since clock and configuration may be changed."""
        while True:
            try:
                if await self._store.run(self.make):
                    self._on_told()
            except (Away, Conflict) as error:
                log.warning("the store is away", action="store.away", error=str(error), again_in=_AGAIN)
                await asyncio.sleep(_AGAIN)
                continue
            now = self._clock.now()
            await self._clock.sleep_until(min(now + LOOK_EVERY, self._next(now) or now + LOOK_EVERY))

    def _next(self, now: datetime) -> datetime | None:
        """When today's or tomorrow's summary is due; None where none is wanted."""
        config = self._current.config
        if config.notices.summary is None:
            return None
        local = now.astimezone(ZoneInfo(config.timezone))
        today = local.replace(hour=0, minute=0, second=0, microsecond=0) + config.notices.summary
        return today if today > local else today + timedelta(days=1)

    def make(self, db: sa.Connection) -> bool:
        """Put what is due into the outbox; whether there is anything. A store that is new begins with the next day."""
        config = self._current.config
        if config.notices.summary is None:
            return False
        now = self._clock.now()
        local = now.astimezone(ZoneInfo(config.timezone))
        if timedelta(hours=local.hour, minutes=local.minute) < config.notices.summary:
            return False
        day = (local.date() - timedelta(days=1)).isoformat()
        first = revisions.setting(db, LATEST) is None
        if not revisions.advance(db, LATEST, day) or first:
            return False
        announced = [
            Announcement(CODE, person, {"day": day, "teams": teams}) for person, teams in readers(config).items()
        ]
        outbox.announce(db, self._names, announced, (self._store.ids.take() for _ in announced), now)
        return bool(announced)


def readers(config: Config) -> dict[str, list[str] | None]:
    """Who is told of which teams: directors of all (None), heads of their own."""
    headed: dict[str, list[str] | None] = {}
    for name, team in config.teams.items():
        if team.head is not None:
            headed[team.head] = [*(headed.get(team.head) or ()), name]
    return headed | dict.fromkeys(config.directors)
