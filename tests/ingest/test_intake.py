"""The way in: accepted means committed, a group's poison costs only itself, and whoever waits is never left waiting."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from unittest.mock import sentinel
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from channels.message import Accepted, Envelope
from ingest.intake.intake import GROUP, WAITING_BYTES, WAITING_ENVELOPES, Busy, Intake, _Group
from ingest.supervise import Supervisor
from storage.cursors import Cursor, Stale
from storage.journal import Claim, Claimed, Journal
from storage.schema import cursors, journal
from storage.store import Away, Store
from tests.daemon.process import until
from tests.ingest.parts import Parts, company, envelope, wire

ZONE = ZoneInfo("Europe/Moscow")
WITHIN = 20
HELD = envelope({"text": "held"})
HELD_BYTES = len(HELD.body)


class Gate(Journal):
    """The store's journal, whose units stop inside their transaction for as long as the gate is shut."""

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts.names, parts.store.ids.take, b"k" * 32, 3)
        self.open = threading.Event()
        self.open.set()
        self.entered = threading.Event()
        self.groups: list[int] = []

    def append_claimed(
        self,
        db: sa.Connection,
        envelopes: Sequence[tuple[Envelope, str]],
        claim: Claim | None,
        cursor: Cursor | None = None,
    ) -> tuple[list[Accepted], list[Claimed]]:
        appended = super().append_claimed(db, envelopes, claim, cursor)
        self.groups.append(len(envelopes))
        self.entered.set()
        assert self.open.wait(WITHIN)
        return appended

    def shut(self) -> None:
        self.entered.clear()
        self.open.clear()


class Door:
    """An intake with its gate, and what it told of."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.gate = Gate(parts)
        self.told: list[bool] = []
        self.faulty = False
        self.intake = Intake(parts.store, self.gate, ZONE, self._accepted)

    def _accepted(self, _envelopes: Sequence[Envelope], accepted: Sequence[Accepted]) -> None:
        self.told += [one.duplicate for one in accepted]
        if self.faulty:
            self.faulty = False
            raise RuntimeError("a defect behind the writer")

    def post(self, *envelopes: Envelope, cursor: Cursor | None = None) -> "asyncio.Task[list[Accepted]]":
        return asyncio.ensure_future(self.intake.accept(envelopes, cursor))

    async def hold(self) -> "asyncio.Task[list[Accepted]]":
        """Stop the writer within a commit; what is posted from now on is one group."""
        self.gate.shut()
        held = self.post(HELD)
        await asyncio.to_thread(self.gate.entered.wait, WITHIN)
        return held

    async def post_all(self, *envelopes: Envelope) -> "list[asyncio.Task[list[Accepted]]]":
        """One post each, all waiting when this returns."""
        posted = [self.post(one) for one in envelopes]
        await asyncio.sleep(0)
        return posted


@pytest.fixture
async def door(store: Store) -> AsyncIterator[Door]:
    made = Door(wire(store, company()))
    supervisor = Supervisor()
    supervisor.start("journal", made.intake.run)
    await asyncio.sleep(0)
    yield made
    made.gate.open.set()
    await supervisor.stop()


@asynccontextmanager
async def others_write(store: Store) -> AsyncIterator[threading.Event]:
    """Nothing more is begun in the store until the event is set."""
    done = threading.Event()
    writing = [store._write.run(partial(done.wait, WITHIN), WITHIN) for _ in range(store._write._count)]
    try:
        yield done
    finally:
        done.set()
        await asyncio.gather(*writing)


@asynccontextmanager
async def commits_fail(store: Store, error: Exception) -> AsyncIterator[None]:
    """The last moment at which a transaction can fail."""

    def refuse(_connection: sa.Connection) -> None:
        raise error

    sa.event.listen(store._main, "commit", refuse)
    try:
        yield
    finally:
        sa.event.remove(store._main, "commit", refuse)


def full() -> Exception:
    return sa.exc.OperationalError("COMMIT", {}, Exception("no space left on device"))


async def eventually_accepted(door: Door) -> list[Accepted]:
    """As a provider does: try again while the answer is "try again"."""
    async with asyncio.timeout(WITHIN):
        while True:
            try:
                return await door.intake.accept([envelope({"text": "again"})])
            except Away:
                await asyncio.sleep(0)


async def test_nothing_is_accepted_before_its_commit(door: Door) -> None:
    held = await door.hold()
    assert not held.done()
    assert door.parts.store.peek(lambda db: db.execute(sa.select(sa.func.count()).select_from(journal)).scalar()) == 0
    assert door.told == []
    door.gate.open.set()
    (accepted,) = await held
    assert [row["uid"] for row in door.parts.rows(journal)] == [accepted.id]
    assert door.told == [False]


async def test_what_could_not_be_committed_is_not_accepted(door: Door) -> None:
    async with commits_fail(door.parts.store, full()):
        with pytest.raises(Away):
            await door.intake.accept([envelope({"text": "x"})])
        held = await door.hold()
        posted = await door.post_all(*(envelope({"text": str(n)}) for n in range(3)))
        door.gate.open.set()
        answers = await asyncio.gather(held, *posted, return_exceptions=True)
    assert [type(answer) for answer in answers] == [Away] * 4
    assert door.parts.count(journal) == 0
    assert door.told == []
    assert len(await door.intake.accept([envelope({"text": "x"})])) == 1


async def test_results_come_in_order_one_an_envelope(door: Door) -> None:
    first = await door.intake.accept([envelope({}, identity=name) for name in "aba"])
    assert [a.duplicate for a in first] == [False, False, True]
    assert first[2].id == first[0].id
    again = await door.intake.accept([envelope({}, identity=name) for name in "bc"])
    assert [a.duplicate for a in again] == [True, False]
    assert again[0].id == first[1].id


async def test_what_arrives_during_a_commit_is_committed_together(door: Door) -> None:
    held = await door.hold()
    posted = await door.post_all(*(envelope({"text": str(n)}) for n in range(7)))
    door.gate.open.set()
    answers = await asyncio.gather(held, *posted)
    assert door.gate.groups == [1, 7]
    assert len({a.id for (a,) in answers}) == 8


async def test_what_arrives_while_others_write_is_committed_together(door: Door) -> None:
    async with others_write(door.parts.store) as done:
        first = door.post(envelope({"text": "first"}))
        await until(door.parts.store._write._orders.qsize, WITHIN)
        (second,) = await door.post_all(envelope({"text": "second"}))
        done.set()
        await asyncio.gather(first, second)
    assert door.gate.groups == [2]


async def test_what_was_not_begun_in_time_is_refused_and_not_stored_later(door: Door) -> None:
    async with others_write(door.parts.store):
        door.parts.store._patience = 0.05
        with pytest.raises(Away):
            await door.intake.accept([envelope({"text": "too late"})])
        door.parts.store._patience = WITHIN
    assert len(await door.intake.accept([envelope({"text": "in time"})])) == 1
    assert [n for n in door.gate.groups if n] == [1]


def test_what_begins_after_it_is_over_stores_nobody() -> None:
    waiting = [sentinel.later, sentinel.delivery]
    group = _Group(lambda most: [waiting.pop() for _ in range(most)], 1)
    assert group.end() == [sentinel.delivery]
    assert group.begin() == []
    assert group.end() == [sentinel.delivery]
    assert waiting == [sentinel.later]


async def test_a_burst_is_one_group_though_the_loop_reads_it_in_several_rounds(door: Door) -> None:
    posted = []
    for number in range(5):
        posted.append(door.post(envelope({"text": str(number)})))
        await asyncio.sleep(0)
    assert door.gate.groups == []
    await asyncio.gather(*posted)
    assert door.gate.groups == [5]


async def test_a_burst_without_end_is_committed_when_a_group_is_full(door: Door) -> None:
    posted: list[asyncio.Task[list[Accepted]]] = []
    asked_for = door.parts.store._write._orders.qsize
    # How soon a thread of the store begins is nothing that a burst depends on: only when it is asked to is looked at.
    async with others_write(door.parts.store):
        await until(lambda: asked_for() == 0)
        while asked_for() == 0:
            posted.append(door.post(envelope({"text": str(len(posted))})))
            await asyncio.sleep(0)
    await asyncio.gather(*posted)
    assert GROUP <= len(posted) <= GROUP + 2
    assert door.gate.groups[0] == GROUP


async def test_a_group_is_bounded_and_a_delivery_is_never_divided(door: Door) -> None:
    held = await door.hold()
    many = [envelope({"text": str(n)}) for n in range(GROUP + 50)]
    big, small = door.post(*many), door.post(envelope({}))
    others = await door.post_all(*(envelope({"text": f"x{n}"}) for n in range(GROUP)))
    door.gate.open.set()
    answers = await asyncio.gather(held, big, small, *others)
    assert len(answers[1]) == GROUP + 50
    assert door.gate.groups == [1, GROUP + 50, GROUP, 1]


async def test_one_poisonous_envelope_costs_its_group_nothing(door: Door) -> None:
    held = await door.hold()
    good = [envelope({"text": str(n)}) for n in range(4)]
    posted = await door.post_all(good[0], good[1], envelope({}, channel="nobody configured it"), good[2], good[3])
    door.gate.open.set()
    answers = await asyncio.gather(held, *posted, return_exceptions=True)
    assert [type(answer) for answer in answers] == [list, list, list, KeyError, list, list]
    assert door.parts.count(journal) == 5
    assert door.parts.balanced()


async def test_what_the_database_itself_refuses_costs_its_group_nothing(door: Door) -> None:
    # No database keeps a number of that size in this column, or (SQLite) none of its numbers is so large.
    poison = replace(envelope({}), format=2**70)
    held = await door.hold()
    posted = await door.post_all(envelope({"a": 1}), poison, envelope({"a": 2}))
    door.gate.open.set()
    answers = await asyncio.gather(held, *posted, return_exceptions=True)
    assert [isinstance(answer, list) for answer in answers] == [True, True, False, True]
    assert door.parts.count(journal) == 3
    assert door.parts.balanced()


async def test_a_stale_cursor_costs_only_its_own_delivery(door: Door) -> None:
    held = await door.hold()
    first = door.post(envelope({"a": 1}), cursor=Cursor("site", "INBOX", "1", 9))
    stale = door.post(envelope({"a": 2}), cursor=Cursor("site", "INBOX", "1", 3))
    plain = door.post(envelope({"a": 3}))
    await asyncio.sleep(0)
    door.gate.open.set()
    answers = await asyncio.gather(held, first, stale, plain, return_exceptions=True)
    assert [type(answer) for answer in answers] == [list, list, Stale, list]
    assert door.parts.count(journal) == 3
    assert [row["position"] for row in door.parts.rows(cursors)] == [9]


async def test_when_the_writer_dies_whoever_waits_hears_at_once_and_it_starts_again(door: Door) -> None:
    held = await door.hold()
    waiting = await door.post_all(*(envelope({"text": str(n)}) for n in range(3)))
    door.faulty = True
    door.gate.open.set()
    answers = await asyncio.gather(held, *waiting, return_exceptions=True)
    # The held one was committed before the writer died, so it was accepted.
    assert [type(answer) for answer in answers] == [list, Away, Away, Away]
    assert door.parts.count(journal) == 1
    with pytest.raises(Away):
        await door.intake.accept([envelope({})])
    assert len(await eventually_accepted(door)) == 1


async def test_when_the_writer_is_stopped_within_a_commit_its_group_hears_it(store: Store) -> None:
    door = Door(wire(store, company()))
    writer = asyncio.create_task(door.intake.run())
    await asyncio.sleep(0)
    held = await door.hold()
    writer.cancel()
    with pytest.raises(Away):
        await held
    door.gate.open.set()


async def test_before_the_writer_runs_nothing_is_accepted(store: Store) -> None:
    with pytest.raises(Away):
        await Door(wire(store, company())).intake.accept([envelope({})])


async def test_more_than_may_wait_is_told_to_come_again(door: Door) -> None:
    held = await door.hold()
    one = envelope({})
    waiting = await door.post_all(*[one] * (WAITING_ENVELOPES - 1))
    with pytest.raises(Busy):
        await door.intake.accept([one])
    door.gate.open.set()
    answers = await asyncio.gather(held, *waiting)
    assert sum(not a.duplicate for (a,) in answers) == 2
    assert len(await door.intake.accept([envelope({})])) == 1


async def test_more_bytes_than_may_wait_are_told_to_come_again(store: Store) -> None:
    door = Door(wire(store, company()))
    writer = asyncio.create_task(door.intake.run())
    await asyncio.sleep(0)
    held = await door.hold()
    big = envelope(bytes(WAITING_BYTES - HELD_BYTES - 10))
    (waiting,) = await door.post_all(big)
    with pytest.raises(Busy):
        await door.intake.accept([envelope(b"x" * 11)])
    small = door.post(envelope(b"x" * 10))
    await asyncio.sleep(0)
    writer.cancel()
    answers = await asyncio.gather(held, waiting, small, return_exceptions=True)
    assert [type(answer) for answer in answers] == [Away] * 3
    door.gate.open.set()


async def test_a_caller_who_goes_away_takes_nothing_back_and_holds_nobody_up(door: Door) -> None:
    held = await door.hold()
    gone, other = await door.post_all(envelope({"n": 1}, identity="gone"), envelope({"n": 2}))
    gone.cancel()
    held.cancel()
    await asyncio.gather(gone, held, return_exceptions=True)
    door.gate.open.set()
    assert len(await other) == 1
    assert door.parts.count(journal) == 3
    (again,) = await door.intake.accept([envelope({"n": 1}, identity="gone")])
    assert again.duplicate


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (datetime(2026, 9, 1, 20, 59, 59, tzinfo=UTC), "2026-09-01"),
        (datetime(2026, 9, 1, 21, 0, tzinfo=UTC), "2026-09-02"),
        (datetime(2026, 12, 31, 21, 0, tzinfo=UTC), "2027-01-01"),
    ],
)
async def test_an_envelope_counts_for_the_companys_day(door: Door, moment: datetime, day: str) -> None:
    await door.intake.accept([envelope({}, moment - timedelta(days=40))])
    await door.intake.accept([envelope({}, moment)])
    await door.intake.accept([envelope({}, moment)])
    counted = {item["day"]: item["received"] for item in door.parts.account()}
    assert counted[day] == 2
