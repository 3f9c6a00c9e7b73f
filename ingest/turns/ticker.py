"""Deadlines: a ticker asks what is due. Shifts that begin or end, waits, offers without an answer, notices to be tried again."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa
import structlog

from ingest.rules.rulebook import Rulebooks
from ingest.turns import overdue
from ingest.turns.calls import Calls
from ingest.turns.distribution import Distributor
from ingest.turns.overdue import Overdue
from kernel.clock import Clock
from kernel.seams import crashpoint
from routing.distribute import next_shift_change
from storage import calls, handling, outbox
from storage.store import Away, Conflict, Store

LONGEST: Final = timedelta(seconds=15)
"""So long it waits at most before it distributes, and looks for deadlines, again."""
AMONG_OTHERS: Final = timedelta(seconds=3)
"""So long before it looks again where other processes make deadlines, too."""
AGAIN: Final = timedelta(seconds=1)

log = structlog.get_logger("priyom.ticker")


class Ticker:
    """Runs a distribution whenever time alone frees somebody up. `poke` after a change that time did not make."""

    def __init__(
        self,
        store: Store,
        distributor: Distributor,
        rulebooks: Rulebooks,
        clock: Clock,
        on_given: Callable[[], None],
        look_every: timedelta = LONGEST,
    ) -> None:
        self._look_every = look_every
        self._store = store
        self._distributor = distributor
        self._overdue = Overdue(distributor.names, distributor.new_id, clock.now())
        self._calls = Calls(distributor.names, distributor.new_id)
        self._rulebooks = rulebooks
        self._clock = clock
        self._on_given = on_given
        self._poked = asyncio.Event()
        self._looked_at = clock.now()

    def poke(self) -> None:
        """Waiting leads could go out now."""
        self._poked.set()

    async def run(self) -> None:
        """Once at the start, for what became due while nobody ran; then at each deadline."""
        while True:
            try:
                await self.distribute()
                await self._sleep()
            except (Away, Conflict) as error:
                log.warning(
                    "the store is away or busy", action="store.away", error=str(error), again_in=AGAIN.total_seconds()
                )
                await asyncio.sleep(AGAIN.total_seconds())

    async def distribute(self) -> None:
        """Give out all that can go out, in as many transactions as it takes; then whatever notices there are may leave."""
        more = True
        while more:
            now = self._looked_at = self._clock.now()
            more = await self._store.run(lambda db, now=now: self._everybody(db, now))  # type: ignore[misc] # a bound default
            crashpoint("distribute.after_commit")
        self._on_given()

    def _everybody(self, db: sa.Connection, now: datetime) -> bool:
        rulebook = self._rulebooks.current(db)
        self._overdue.apply(db, rulebook, now)
        self._calls.fall_silent(db, rulebook, now)
        return self._distributor.everybody(db, rulebook, now)

    async def _sleep(self) -> None:
        """Until the next deadline or a poke. Every few seconds it looks again for deadlines, without distributing."""
        self._poked.clear()
        while not self._poked.is_set():
            now = self._clock.now()
            if now < self._looked_at:
                return  # The clock was put back: what begins before the last distribution would be missed.
            shift, wait, notice = await self._store.read(self._deadlines)
            if notice is not None and notice <= now:
                self._on_given()
            wake_at = min(filter(None, (shift, wait)), default=self._looked_at + LONGEST)
            again_at = now + self._look_every
            look_at = min(wake_at, again_at, notice if notice is not None and notice > now else again_at)
            await self._until(look_at)
            if wake_at <= self._clock.now():
                return

    def _deadlines(self, db: sa.Connection) -> tuple[datetime | None, datetime | None, datetime | None]:
        """Counted from the last distribution, so that nothing falls between that and now."""
        policy = self._rulebooks.current(db).policy
        waits = (
            handling.next_wait_end(db, self._distributor.names, policy.teams),
            overdue.next_due(db),
            calls.next_call_end(db, self._looked_at),
        )
        return (
            next_shift_change(policy.managers.values(), self._looked_at),
            min(filter(None, waits), default=None),
            outbox.next_due(db),
        )

    async def _until(self, moment: datetime) -> None:
        sleeping = asyncio.ensure_future(self._clock.sleep_until(moment))
        poked = asyncio.ensure_future(self._poked.wait())
        try:
            await asyncio.wait({sleeping, poked}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            poked.cancel()
