"""The loop that empties the outbox: due notices by the first route that reaches their manager, retried with growing pauses."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa
import structlog

from ingest.notices.choices import Choices
from ingest.notices.editing import Editing, Known
from ingest.notices.route import Delivery, Message, Route
from ingest.notices.texts import render
from kernel.clock import Clock
from kernel.ids import uuid7
from kernel.seams import crashpoint
from kernel.texts import Language
from storage import outbox, views
from storage.messages import CHANGED
from storage.names import Names
from storage.outbox import Due
from storage.store import Away, Conflict, Store

BURST: Final = 200
COMPANY: Final = 0.05
PATIENCE: Final = 1.0
LEASE: Final = timedelta(minutes=5)
PAUSES: Final = tuple(timedelta(seconds=s) for s in (10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400))
STORE_AWAY: Final = 2.0

log = structlog.get_logger("priyom.notices")


class Sender:
    """Sends what is due, in bursts. `wake` when something new may be."""

    def __init__(
        self,
        store: Store,
        names: Names,
        routes: Sequence[Route],
        clock: Clock,
        language: Language,
        zone: ZoneInfo,
        on_sent: Callable[[str, bool], None],
        is_busy: Callable[[], bool] = lambda: False,
        editing: Editing | None = None,
    ) -> None:
        self._editing = editing or Editing(names, Choices((), {}, language), store.ids.take, language)
        self._store = store
        self._names = names
        self._routes = routes
        self._clock = clock
        self._language = language
        self._zone = zone
        self._on_sent = on_sent
        self._is_busy = is_busy
        self._woken = asyncio.Event()
        self._woken.set()

    def wake(self) -> None:
        """A notice may be due."""
        self._woken.set()

    async def run(self) -> None:
        """Send until cancelled; between bursts, sleep until woken. The ticker wakes for retries."""
        while True:
            await self._woken.wait()
            self._woken.clear()
            try:
                await self._wait_for_company()
                if await self._burst() == BURST:
                    self._woken.set()
            except (Away, Conflict) as error:
                log.warning("the store is away", action="store.away", error=str(error), again_in=STORE_AWAY)
                await asyncio.sleep(STORE_AWAY)
                self._woken.set()

    async def _wait_for_company(self) -> None:
        """A burst costs a fixed number of statements, so some company makes it worth more; and taking in comes before telling."""
        waited = 0.0
        while waited == 0.0 or (self._is_busy() and waited < PATIENCE):
            await asyncio.sleep(COMPANY)
            waited += COMPANY

    async def _burst(self) -> int:
        token = uuid7()
        now = self._clock.now()

        def claim(db: sa.Connection) -> tuple[list[Due], Known]:
            for route in self._routes:
                route.learn(db)
            taken = outbox.claim(db, self._names, BURST, token, LEASE, now)
            return taken, self._editing.look(db, self._routes, taken)

        due, known = await self._store.run(claim)
        if not due:
            return 0
        nothing = [item.id for item in due if item.code == CHANGED and self._route(item, known) is None]
        if nothing:
            await self._store.run(partial(outbox.finish, token=token, ids=nothing, now=now, route=""))
        for route, items in self._by_route([item for item in due if item.id not in nothing], known):
            if route is None:
                for item in items:
                    await self._put_back(
                        token, item, Delivery(sent=False, error="no route reaches this manager", again=False)
                    )
            else:
                await self._send(token, route, items, known)
        return len(due)

    def _route(self, item: Due, known: Known) -> Route | None:
        """The first route that reaches him; a change goes only where the message about its lead is."""
        if item.code == CHANGED:
            return self._editing.route_of_change(self._routes, item, known)
        return next((route for route in self._routes if route.address(item.manager) is not None), None)

    def _by_route(self, due: Sequence[Due], known: Known) -> list[tuple[Route | None, list[Due]]]:
        parted: dict[str, tuple[Route | None, list[Due]]] = {}
        for item in due:
            route = self._route(item, known)
            parted.setdefault(route.name if route else "", (route, []))[1].append(item)
        return list(parted.values())

    async def _send(self, token: str, route: Route, items: Sequence[Due], known: Known) -> None:
        rendered = await self._store.read(lambda db: self._messages(db, route, items, known))
        unreadable = [item for item, message in rendered if message is None]
        for item in unreadable:
            await self._put_back(token, item, Delivery(sent=False, error="could not be rendered", again=False))
        items = [item for item, message in rendered if message is not None]
        messages = [message for _, message in rendered if message is not None]
        crashpoint("notice.before_send")
        deliveries = await route.send(messages)
        crashpoint("notice.after_send")
        sent = [one for one in zip(items, messages, deliveries, strict=True) if one[2].sent]
        now = self._clock.now()

        def finish(db: sa.Connection) -> None:
            outbox.finish(db, token, [item.id for item, _, _ in sent], now, route.name)
            self._editing.keep(db, route, sent, now)

        await self._store.run(finish)
        for item, delivery in zip(items, deliveries, strict=True):
            self._on_sent(route.name, delivery.sent)
            if not delivery.sent:
                await self._put_back(token, item, delivery)

    def _messages(
        self, db: sa.Connection, route: Route, items: Sequence[Due], known: Known
    ) -> list[tuple[Due, Message | None]]:
        """The notices in words; None for one that cannot be put into any, which must not hold up the others."""
        shown = views.for_notices(db, [item.lead for item in items])
        rendered: list[tuple[Due, Message | None]] = []
        for item in items:
            try:
                rendered.append((item, self._message(db, route, item, known, *shown[item.lead])))
            except (LookupError, ValueError):
                log.exception("a notice could not be rendered", action="notice.unreadable", notice=item.uid)
                rendered.append((item, None))
        return rendered

    def _message(
        self, db: sa.Connection, route: Route, item: Due, known: Known, lead: views.Json, latest: views.Json | None
    ) -> Message:
        due = lead["due_at"]
        if due is not None:
            due = datetime.fromisoformat(due).astimezone(self._zone).strftime("%d.%m.%Y %H:%M")
        if item.code == CHANGED:
            subject, text = self._editing.changed(lead, latest, due, item, known)
        else:
            subject, text = render(item.code, lead, latest, self._language, due)
        message = Message(item.uid, item.manager, route.address(item.manager) or "", subject, text)
        return self._editing.completed(db, message, lead, item, known) if route.edits else message

    async def _put_back(self, token: str, item: Due, delivery: Delivery) -> None:
        error = delivery.error or "not sent"
        again = delivery.again and item.attempts <= len(PAUSES)
        pause = PAUSES[min(item.attempts, len(PAUSES)) - 1]
        if delivery.again_in is not None:
            pause = timedelta(seconds=delivery.again_in)
        at = self._clock.now() + pause if again else None
        await self._store.run(lambda db: outbox.put_back(db, token, item.id, at, error))
        level = log.warning if again else log.error
        level(
            "a notice was not sent",
            action="notice.retry" if again else "notice.dead",
            notice=item.uid,
            manager=item.manager,
            error=error,
        )
