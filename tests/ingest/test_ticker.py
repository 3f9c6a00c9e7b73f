"""Deadlines, with a clock that is stepped: shifts, waits for a client's own manager, and whatever became due meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

from ingest.turns.ticker import Ticker
from kernel.clock import Clock
from storage.rotation import WAITING_LIMIT
from storage.store import Store
from tests.ingest.parts import NOW, Parts, at_clock, company, envelope, manager, team, wire

NIGHT = datetime(2026, 9, 1, 20, 0, tzinfo=NOW.tzinfo)  # 23:00 in Moscow
HOURS = "Mon-Fri 09:00-18:00"
ANNA, BORIS = {"phones": ["8 912 345-67-81"]}, {"phones": ["8 912 345-67-82"]}
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


class Ticking:
    """A ticker that runs, and a way to wait for what it does."""

    def __init__(self, parts: Parts, clock: Clock) -> None:
        self.parts, self.clock = parts, clock
        self.looked = 0
        self._given = asyncio.Event()
        self.ticker = Ticker(parts.store, parts.distributor, parts.rulebooks, clock, self._on_given)

    def _on_given(self) -> None:
        self.looked += 1
        self._given.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Until a distribution has made it so."""
        async with asyncio.timeout(20):
            while not condition():
                self._given.clear()
                if not condition():
                    await self._given.wait()

    async def first(self) -> None:
        """Until the distribution at the start is over."""
        await self.until(lambda: self.looked > 0)


@asynccontextmanager
async def ticking(parts: Parts, moment: datetime) -> AsyncIterator[Ticking]:
    made = Ticking(parts, at_clock(moment))
    task = asyncio.create_task(made.ticker.run())
    try:
        yield made
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def states(parts: Parts) -> list[tuple[str, str | None, str | None]]:
    return [(lead["state"], lead["reason"], lead["owner"]) for lead in parts.leads()]


def one(**anna: Any) -> dict[str, Any]:
    return company(managers={"anna": manager(**anna)}, teams={"sales": team("anna")})


async def test_what_came_at_night_goes_out_when_the_shift_begins(store: Store) -> None:
    parts = wire(store, one(hours=HOURS))
    parts.take(ANNA, BORIS, at=NIGHT)
    async with ticking(parts, NIGHT + MINUTE) as it:
        await it.first()
        assert set(states(parts)) == {("unprocessed", "outside_hours", None)}
        it.clock.advance(9 * HOUR)
        it.clock.advance(HOUR - MINUTE)
        await it.until(lambda: parts.shares() == {"anna": 2})


async def test_what_still_waits_when_the_shift_ends_says_so(store: Store) -> None:
    parts = wire(store, one(hours=HOURS, capacity=1))
    parts.take(ANNA, BORIS)
    async with ticking(parts, NOW) as it:
        await it.first()
        assert states(parts)[1] == ("unprocessed", "all_at_limit", None)
        it.clock.advance(6 * HOUR)
        await it.until(lambda: states(parts)[1] == ("unprocessed", "outside_hours", None))


async def test_a_wait_for_the_clients_own_manager_ends_by_the_clock(store: Store) -> None:
    staff = {"anna": manager(), "boris": manager()}
    parts = wire(store, company(managers=staff, teams={"sales": team("anna", "boris", sticky={"wait": "10m"})}))
    first = parts.take(ANNA)[0].lead
    assert first is not None
    parts.order(first, state="lost")
    parts.set_available("anna", available=False)
    parts.take(ANNA, at=NOW + HOUR)
    async with ticking(parts, NOW + HOUR) as it:
        await it.first()
        assert states(parts) == [("unprocessed", "waiting_for_owner", None)]
        it.clock.advance(10 * MINUTE)
        await it.until(lambda: states(parts) == [("assigned", None, "boris")])


async def test_what_became_due_while_nobody_ran_goes_out_at_the_start(store: Store) -> None:
    parts = wire(store, one(hours=HOURS))
    parts.take(ANNA, at=NIGHT)
    async with ticking(parts, NIGHT + 3 * DAY - 6 * HOUR) as it:
        await it.first()
        assert parts.shares() == {"anna": 1}


async def test_a_poke_distributes_at_once(store: Store) -> None:
    parts = wire(store, one())
    parts.set_available("anna", available=False)
    parts.take(ANNA)
    async with ticking(parts, NOW) as it:
        await it.first()
        parts.set_available("anna", available=True)
        it.ticker.poke()
        await it.until(lambda: parts.shares() == {"anna": 1})


async def test_more_than_a_transaction_looks_at_goes_out_in_several(store: Store) -> None:
    count = WAITING_LIMIT * 4 + 30
    parts = wire(store, one())
    parts.set_available("anna", available=False)
    parts.append(*(envelope({"phones": [f"+7912{n:07}"]}) for n in range(count)))
    parts.drain(batch=count)
    parts.set_available("anna", available=True)
    await Ticking(parts, at_clock(NOW)).ticker.distribute()
    assert parts.shares() == {"anna": count}
    assert parts.balanced()


async def test_a_wait_for_the_clients_own_manager_ends_also_behind_a_long_queue_that_nobody_can_take(
    store: Store,
) -> None:
    staff = {"anna": manager(capacity=1)}
    parts = wire(store, company(managers=staff, teams={"sales": team("anna", sticky={"wait": "10m"})}))
    known = parts.take(ANNA)[0].lead
    assert known is not None
    parts.order(known, state="lost")
    parts.append(*(envelope({"phones": [f"+7912{n:07}"]}) for n in range(WAITING_LIMIT + 1)))
    parts.drain(batch=WAITING_LIMIT + 1)
    last = parts.take(ANNA, at=NOW + 20 * DAY)[0].lead
    assert parts.lead(last)["reason"] == "waiting_for_owner"
    over = NOW + 20 * DAY + 10 * MINUTE
    ticker = Ticking(parts, at_clock(over)).ticker
    await ticker.distribute()
    assert parts.lead(last)["reason"] == "all_at_limit"
    assert (await store.read(ticker._deadlines))[1] is None  # else it would distribute again at once, and again


async def test_a_clock_that_jumps_far_ahead_misses_no_shift(store: Store) -> None:
    parts = wire(store, one(hours=HOURS))
    parts.take(ANNA, at=NIGHT)
    async with ticking(parts, NIGHT) as it:
        await it.first()
        # Past a whole shift and into the next one.
        it.clock.advance(2 * DAY - 8 * HOUR)
        await it.until(lambda: parts.shares() == {"anna": 1})


async def test_a_clock_that_is_put_back_misses_no_shift(store: Store) -> None:
    parts = wire(store, one(hours=HOURS))
    clock = at_clock(NOW)
    ticker = Ticking(parts, clock).ticker
    await ticker.distribute()
    clock.advance(-4 * HOUR)
    async with asyncio.timeout(5):
        await ticker._sleep()  # It distributes again at once, and counts from there.
    await ticker.distribute()
    shift, _, _ = await store.read(ticker._deadlines)
    assert shift == NOW - 3 * HOUR


async def test_the_next_deadline_is_the_next_change_of_shift_after_the_last_distribution(store: Store) -> None:
    parts = wire(store, one(hours=HOURS))
    ticker = Ticking(parts, at_clock(NIGHT)).ticker
    shift, wait, _ = await store.read(ticker._deadlines)
    assert (shift, wait) == (NIGHT + 10 * HOUR, None)


async def test_a_team_that_is_no_longer_in_the_file_leaves_no_deadline_in_the_past(store: Store) -> None:
    staff = {"anna": manager(), "boris": manager()}
    rotations = {"old": team("anna", "boris", sticky={"wait": "10m"}), "sales": team("anna", "boris")}
    parts = wire(store, company(managers=staff, teams=rotations))
    first = parts.take(ANNA)[0].lead
    assert first is not None
    parts.order(first, state="lost")
    parts.set_available("anna", available=False)
    parts.take(ANNA, at=NOW + HOUR)
    assert states(parts) == [("unprocessed", "waiting_for_owner", None)]
    parts.apply(company(managers=staff, teams={"sales": rotations["sales"]}))
    later = NOW + 2 * HOUR
    ticker = Ticking(parts, at_clock(later)).ticker
    await ticker.distribute()
    # One in the past would have it distribute again and again without a pause.
    assert all(due is None or due > later for due in (await store.read(ticker._deadlines))[:2])


async def test_an_offer_without_an_answer_goes_on_by_the_clock(store: Store) -> None:
    rotation = {**team("anna", "boris"), "accept_within": "3m"}
    parts = wire(store, company(teams={"sales": rotation}))
    parts.take(ANNA)
    async with ticking(parts, NOW) as it:
        await it.first()
        assert states(parts) == [("assigned", None, "anna")]
        it.clock.advance(3 * MINUTE)
        await it.until(lambda: states(parts) == [("assigned", None, "boris")])
        shift, wait, _ = await store.read(it.ticker._deadlines)
        assert shift is None
        assert wait is not None
        assert NOW + 6 * MINUTE <= wait < NOW + 7 * MINUTE


async def test_what_a_team_that_is_gone_from_the_file_has_open_leaves_no_deadline_in_the_past(store: Store) -> None:
    rotation = {**team("anna"), "accept_within": "3m", "owner_away": "5m", "escalate": [{"after": "4m", "to": "boris"}]}
    old = company(teams={"old": rotation, "sales": team("anna", "boris")})
    parts = wire(store, old)
    parts.take(ANNA, BORIS)
    parts.order(parts.leads()[1]["id"], team="sales")
    parts.set_available("anna", available=False)
    parts.apply(company())
    ticker = Ticking(parts, at_clock(NOW + HOUR)).ticker
    await ticker.distribute()
    assert all(due is None or due > NOW + HOUR for due in (await store.read(ticker._deadlines))[:2])
    assert parts.balanced()
