"""The way in: envelopes that arrive together are committed together, and only then acknowledged.

A group is whatever has come when the store begins with it: on SQLite, where all writing takes turns, whoever comes while a batch is
written is in the group that follows it. There is no timer, so an idle system adds no latency.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol
from zoneinfo import ZoneInfo

import sqlalchemy as sa
import structlog

from channels.message import Accepted, Envelope
from kernel.seams import crashpoint
from storage.cursors import Cursor
from storage.journal import Claim, Claimed, Journal
from storage.store import Away, Conflict, Store

GROUP: Final = 200
WAITING_ENVELOPES: Final = 2_000
WAITING_BYTES: Final = 64 * 1024 * 1024

log = structlog.get_logger("priyom.intake")


class Busy(Exception):
    """More is waiting to be committed than this process holds. Nothing was kept; try again in a second."""


class Worker(Protocol):
    """A worker of this process, which need not read back what was just stored."""

    def claim(self) -> Claim | None:
        """Under what it would take a group that is about to be stored, asked in the thread that does so.

        None while it has enough to do, or older entries wait in the journal.
        """

    def hand_over(self, claimed: list[Claimed] | None) -> None:
        """New entries that are committed and claimed for it; None: there are some in the journal that nobody has."""


@dataclass(slots=True)
class _Delivery:
    envelopes: Sequence[Envelope]
    cursor: Cursor | None
    size: int
    done: "asyncio.Future[list[Accepted]]"


class Intake:
    """The journal's one door. `accept` is for any task of the loop; `run` is the writer, kept alive by the daemon."""

    def __init__(
        self,
        store: Store,
        journal: Journal,
        zone: ZoneInfo,
        on_accepted: Callable[[Sequence[Envelope], Sequence[Accepted]], None],
        worker: Worker | None = None,
    ) -> None:
        self._store = store
        self._journal = journal
        self._zone = zone
        self._on_accepted = on_accepted
        self._worker = worker
        self._waiting: deque[_Delivery] = deque()
        self._count = 0
        self._size = 0
        self._arrived = asyncio.Event()
        self._running = False
        self._day: tuple[datetime, datetime, str] | None = None

    async def accept(self, envelopes: Sequence[Envelope], cursor: Cursor | None = None) -> list[Accepted]:
        """Committed when this returns: one result an envelope, in order. Raises Busy, Away, or Stale for the cursor.

        Cancelling the caller does not take an envelope back; a delivery that is repeated is then a duplicate.
        """
        return await self.enter(envelopes, cursor)

    def enter(self, envelopes: Sequence[Envelope], cursor: Cursor | None = None) -> "asyncio.Future[list[Accepted]]":
        """`accept` for a caller that is no task: what it would return, later. Raises Busy and Away at once."""
        if not self._running:
            raise Away("the journal's writer is starting again")
        size = sum(len(e.body) for e in envelopes)
        if self._count >= WAITING_ENVELOPES or self._size + size > WAITING_BYTES:
            raise Busy("too much is waiting to be committed")
        delivery = _Delivery(envelopes, cursor, size, asyncio.get_running_loop().create_future())
        self._waiting.append(delivery)
        self._count += len(envelopes)
        self._size += size
        self._arrived.set()
        return delivery.done

    async def run(self) -> None:
        """Commit groups until cancelled. If it dies, whoever waits is told at once."""
        self._running = True
        group: _Group | None = None
        try:
            while True:
                await self._arrived.wait()
                await self._gather()
                group = _Group(self._take, len(self._waiting))
                await self._commit(group)
                self._leave(group.end())
                if not self._waiting:
                    self._arrived.clear()
        finally:
            self._running = False
            under_way = [] if group is None else group.end()
            waiting = [*under_way, *self._waiting]
            self._waiting.clear()
            self._count, self._size = 0, 0
            self._arrived.clear()
            for delivery in waiting:
                _fail(delivery, Away("the journal's writer stopped"))

    async def _gather(self) -> None:
        """Let a burst come in whole: while the loop still reads, the writer's thread could only fight it for Python's lock.

        What one group leaves to be answered is answered in these rounds too.
        """
        before = 0
        while before < self._count < GROUP:
            before = self._count
            await asyncio.sleep(0)

    def _take(self, most: int = WAITING_ENVELOPES) -> list[_Delivery]:
        """What goes together: as much as a group may hold of what waits; a delivery that moves a cursor goes alone."""
        taken: list[_Delivery] = []
        count = 0
        while self._waiting and len(taken) < most:
            delivery = self._waiting[0]
            count += len(delivery.envelopes)
            if taken and (count > GROUP or delivery.cursor is not None):
                break
            taken.append(self._waiting.popleft())
            if delivery.cursor is not None:
                break
        return taken

    def _leave(self, deliveries: Sequence[_Delivery]) -> None:
        """These have been dealt with."""
        self._count -= sum(len(d.envelopes) for d in deliveries)
        self._size -= sum(d.size for d in deliveries)

    async def _commit(self, group: "_Group") -> None:
        """One transaction for the group; if that fails for another reason than the store's absence, one for each."""
        if not await self._append(group):
            for delivery in group.end():
                await self._append(_Group(lambda _most=1, one=delivery: [one], 1))

    async def _append(self, group: "_Group") -> bool:
        """Commit and answer a group. False where its members must be tried one by one."""

        def append(db: sa.Connection) -> tuple[list[Envelope], list[Accepted], list[Claimed] | None]:
            deliveries = group.begin()
            envelopes = [e for d in deliveries for e in d.envelopes]
            dated = [(e, self._day_of(e.received_at)) for e in envelopes]
            cursor = deliveries[0].cursor if deliveries else None
            claim = None if self._worker is None else self._worker.claim()
            accepted, claimed = self._journal.append_claimed(db, dated, claim, cursor)
            crashpoint("accept.before_commit")
            return envelopes, accepted, None if claim is None else claimed

        try:
            envelopes, accepted, claimed = await self._store.run(append)
        except Exception as error:  # noqa: BLE001 - one row that the database refuses must cost only itself
            return self._failed(group.end(), error)
        finally:
            group.end()
        crashpoint("accept.after_commit")
        self._answer(group.end(), accepted)
        self._on_accepted(envelopes, accepted)
        if self._worker is not None:
            self._worker.hand_over(claimed)
        return True

    @staticmethod
    def _failed(deliveries: Sequence[_Delivery], error: Exception) -> bool:
        """Tell whom it concerns that nothing was stored; False where it may be the fault of one of several."""
        if len(deliveries) > 1 and not isinstance(error, Away):
            if not isinstance(error, Conflict):
                log.warning(
                    "a group was refused; its members are committed one by one",
                    action="intake.split",
                    error=type(error).__name__,
                )
            return False
        for delivery in deliveries:
            _fail(delivery, Away(str(error)) if isinstance(error, Conflict) else error)
        return True

    @staticmethod
    def _answer(group: Sequence[_Delivery], accepted: Sequence[Accepted]) -> None:
        start = 0
        for delivery in group:
            end = start + len(delivery.envelopes)
            if not delivery.done.done():
                delivery.done.set_result(list(accepted[start:end]))
            start = end

    def _day_of(self, moment: datetime) -> str:
        """The company's day of a moment. Most moments fall on the same one, so its bounds are kept."""
        day = self._day
        if day is None or not day[0] <= moment < day[1]:
            local = moment.astimezone(self._zone)
            start = local.replace(hour=0, minute=0, second=0, microsecond=0)
            following = (start + timedelta(days=1)).replace(tzinfo=None).replace(tzinfo=self._zone)
            bounds = (start.astimezone(moment.tzinfo), following.astimezone(moment.tzinfo))
            self._day = day = (*bounds, local.date().isoformat())
        return day[2]


def _fail(delivery: _Delivery, error: Exception) -> None:
    if not delivery.done.done():
        delivery.done.set_exception(error)


class _Group:
    """What one transaction stores: whoever waits when that begins, in the thread that stores.

    `take` gives them, or so many at most; `waiting`: how many waited for this group when it was made.
    """

    def __init__(self, take: Callable[..., list[_Delivery]], waiting: int) -> None:
        self._take = take
        self._waiting = waiting
        self._lock = threading.Lock()
        self._members: list[_Delivery] | None = None
        self._over = False

    def begin(self) -> list[_Delivery]:
        """The members, who are nobody where it is over already: they have been told that the store is away."""
        with self._lock:
            if self._over:
                return []
            if self._members is None:
                self._members = self._take()
            return self._members

    def end(self) -> list[_Delivery]:
        """The members; where it never began, who has waited for it. From here on it does not begin."""
        with self._lock:
            self._over = True
            if self._members is None:
                self._members = self._take(self._waiting)
            return self._members
