"""The loop that empties the outbox: due notices by the first route that reaches their reader, retried with growing pauses.

A route that refuses a notice for good, or fails it again and again, gives way to the next one that its reader has.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import sqlalchemy as sa
import structlog

from ingest.ending import given_back, to_its_end
from ingest.notices.composing import SUMMARY, Composer
from ingest.notices.editing import Editing, Known
from ingest.notices.people import People
from ingest.notices.route import Delivery, Route
from ingest.outgoing.pauses import PAUSES
from ingest.rounds import STORE_AWAY, Rounds
from kernel.clock import Clock
from kernel.ids import uuid7
from kernel.seams import crashpoint
from storage import outbox
from storage.messages import CHANGED
from storage.names import Names
from storage.outbox import Due
from storage.store import Away, Conflict, Store, Unit

BURST: Final = 200
COMPANY: Final = 0.05
PATIENCE: Final = 1.0
LEASE: Final = timedelta(minutes=1)
_HELD: Final = 5
"""The claim on a burst is renewed so many times within the lease: a slow server may need longer, and nobody else may send it."""
PATIENT: Final = 3
"""After so many failures of one route, a notice goes by the next one if its reader has one."""

NO_ROUTE: Final = "no route reaches this person"

log = structlog.get_logger("priyom.notices")


class Sender(Rounds):
    """Sends what is due, in bursts. `wake` when something new may be. `undelivered` is told of an offer that no route delivers."""

    def __init__(
        self,
        store: Store,
        names: Names,
        routes: Sequence[Route],
        clock: Clock,
        composer: Composer,
        people: People,
        on_sent: Callable[[str, bool], None],
        is_busy: Callable[[], bool],
        undelivered: Callable[[sa.Connection, int, int, datetime], None],
        editing: Editing,
    ) -> None:
        super().__init__(log)
        self._editing = editing
        self._store = store
        self._names = names
        self._routes = routes
        self._clock = clock
        self._composer = composer
        self._people = people
        self._on_sent = on_sent
        self._is_busy = is_busy
        self._undelivered = undelivered

    def change(self, routes: Sequence[Route]) -> None:
        """Use these routes from the next burst on."""
        self._routes = routes

    async def _round(self) -> None:
        """One burst, and another at once where it was full."""
        await self._wait_for_company()
        if await self._burst() == BURST:
            self.wake()

    async def _wait_for_company(self) -> None:
        """A burst costs a fixed number of statements, so some company makes it worth more; and taking in comes before telling."""
        waited = 0.0
        while waited == 0.0 or (self._is_busy() and waited < PATIENCE):
            await asyncio.sleep(COMPANY)
            waited += COMPANY

    async def _burst(self) -> int:
        """One burst; how many were due. A stop gives back what it leaves unsent."""
        token = uuid7()
        async with given_back(self._store, token):
            return await self._claimed(token)

    async def _claimed(self, token: str) -> int:
        now = self._clock.now()

        def claim(db: sa.Connection) -> tuple[list[Due], Known]:
            for route in self._routes:
                route.learn(db)
            taken = outbox.claim(db, self._names, BURST, token, LEASE, now)
            return taken, self._editing.look(db, self._routes, taken)

        due, known = await to_its_end(self._store.run(claim))
        if not due:
            return 0
        holding = asyncio.create_task(self._hold(token), name="notices:hold")
        try:
            await self._send_all(token, due, known, now)
        finally:
            holding.cancel()
        return len(due)

    async def _hold(self, token: str) -> None:
        """Keep what is being sent from other processes."""
        while True:
            await asyncio.sleep(LEASE.total_seconds() / _HELD)
            with contextlib.suppress(Away, Conflict):
                await self._store.run(partial(outbox.hold, token=token, lease=LEASE))

    async def _send_all(self, token: str, due: Sequence[Due], known: Known, now: datetime) -> None:
        pointless = [item.id for item in due if item.code == CHANGED and self._route(item, known) is None]
        if pointless:
            await self._store.run(partial(outbox.finish, token=token, ids=pointless, now=now, route=""))
        left = await self._without_quiet(token, [item for item in due if item.id not in pointless], now)
        for route, items in self._by_route(left, known):
            if route is None:
                for item in items:
                    await self._fail(token, None, item, Delivery(sent=False, error=NO_ROUTE, again=False))
            else:
                await to_its_end(self._send(token, route, items, known))

    async def _without_quiet(self, token: str, due: Sequence[Due], now: datetime) -> Sequence[Due]:
        """Those that may go out now; the others are held back until the quiet hours end."""
        pausing = {item.id: self._people.quiet_until(item.manager, now) for item in due if not item.critical}
        held = {number: until for number, until in pausing.items() if until is not None}
        for until in sorted(set(held.values())):
            some = [item for item in due if held.get(item.id) == until]
            await self._store.run(partial(self._hold_back, token=token, held=some, until=until))
        return [item for item in due if item.id not in held]

    def _hold_back(self, db: sa.Connection, token: str, held: Sequence[Due], until: datetime) -> None:
        outbox.hold_open(db, self._names, token, held)
        outbox.hold_back(db, token, [item.id for item in held], until)

    def _route(self, item: Due, known: Known) -> Route | None:
        """The first route that can tell him; a change goes only where the message about its lead is."""
        if item.code == CHANGED:
            return self._editing.route_of_change(self._routes, item, known)
        return next(iter(self._open_to(item)), None)

    def _by_route(self, due: Sequence[Due], known: Known) -> list[tuple[Route | None, list[Due]]]:
        parted: dict[str, tuple[Route | None, list[Due]]] = {}
        for item in due:
            route = self._route(item, known)
            parted.setdefault(route.name if route else "", (route, []))[1].append(item)
        return list(parted.values())

    def _open_to(self, item: Due) -> list[Route]:
        """The routes that reach a reader and have not failed this notice yet, in their order."""
        return [r for r in self._routes if r.name not in item.exhausted and r.address(item.manager) is not None]

    async def _send(self, token: str, route: Route, items: Sequence[Due], known: Known) -> None:
        # A day's account counts through everything; nothing is to wait for that.
        read = self._store.read if any(item.code == SUMMARY for item in items) else self._store.read_back
        composed = await read(lambda db: self._composer.compose(db, route, items, known))
        messages = [one.message for one in composed if one.message is not None]
        crashpoint("notice.before_send")
        deliveries = iter(await route.send(messages))
        crashpoint("notice.after_send")
        unreadable = Delivery(sent=False, error="could not be rendered", again=False)
        told = [(one, next(deliveries) if one.message is not None else unreadable) for one in composed]
        now = self._clock.now()

        def finish(db: sa.Connection) -> None:
            outbox.finish(
                db, token, [item.id for one, delivery in told if delivery.sent for item in one.items], now, route.name
            )
            single = [
                (one.items[0], one.message, d) for one, d in told if d.sent and one.message and len(one.items) == 1
            ]
            self._editing.keep(db, route, single, now)

        await self._kept(finish)
        for one, delivery in told:
            self._on_sent(route.name, delivery.sent)
            for item in one.items if not delivery.sent else ():
                await self._fail(token, route, item, delivery)

    async def _kept(self, end: Unit[None]) -> None:
        """Write the end of an attempt, however long the store is away: what was sent must not be sent again for that."""
        while True:
            try:
                return await self._store.run(end)
            except (Away, Conflict) as error:
                log.warning("the store is away", action="store.away", error=str(error), again_in=STORE_AWAY)
            await asyncio.sleep(STORE_AWAY)

    async def _fail(self, token: str, route: Route | None, item: Due, delivery: Delivery) -> None:
        """Not sent: the same route again, the next route, or a dead end that is shown."""
        error = delivery.error or "not sent"
        now = self._clock.now()
        others = [] if route is None else [other for other in self._open_to(item) if other.name != route.name]
        exhausted: tuple[str, ...] = ()
        at: datetime | None = None
        if route is not None and others and (not delivery.again or item.attempts >= PATIENT):
            exhausted, at = (*item.exhausted, route.name), now
        elif delivery.again and item.attempts <= len(PAUSES):
            at = now + max(PAUSES[item.attempts - 1], timedelta(seconds=delivery.again_in or 0))

        def put_back(db: sa.Connection) -> None:
            outbox.put_back(db, token, item.id, at, error, exhausted)
            if at is None and item.lead is not None and item.offer is not None:
                self._undelivered(db, item.lead, item.offer, now)

        await self._store.run(put_back)
        if exhausted or item.offer is not None:
            self._woken.set()
        level = log.warning if at is not None else log.error
        level(
            "a notice was not sent",
            action="notice.retry" if at is not None else "notice.dead",
            notice=item.uid,
            manager=item.manager,
            route=None if route is None else route.name,
            error=error,
        )
