"""Several workers at once: in one process over both databases, in two processes and between two transactions over PostgreSQL."""

import asyncio
import itertools
import random
import threading
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from desk.ports import Office
from ingest.assembly import assemble
from ingest.pipeline.settle import Reading
from storage.schema import contacts, interactions, keys, leads
from storage.store import Conflict, Store
from tests.ingest.configured import SMALL, configured
from tests.ingest.parts import NOW, Parts, at_clock, company, crew, envelope, manager, read, team, wire, work
from tests.ingest.workers import two

PEOPLE = 60


@pytest.fixture
def database(request: pytest.FixtureRequest) -> str:
    """PostgreSQL, unless a test asks for both: one file has one daemon."""
    return getattr(request, "param", "postgresql")


@pytest.fixture
def rival(store: Store) -> Iterator[Store]:
    """The same database for another process."""
    made = Store(store.url.render_as_string(hide_password=False))
    yield made
    made.close()


both = pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)


def pair(number: int, *, turned: bool = False) -> dict[str, Any]:
    """Somebody new with two keys; `turned`, the other one of them comes first in the order of keys."""
    mail = f"{'a' if turned else 'z'}{number}@example.com"
    return {"phones": [f"+7912{number:07}"], "emails": [mail]}


def deliver(parts: Parts, blocks: int, people: int) -> None:
    """Blocks of the same new people, every second one in reversed order."""
    at = itertools.count()
    for block in range(blocks):
        order = range(people) if block % 2 == 0 else range(people - 1, -1, -1)
        said = [pair(n) for n in order]
        parts.append(*(envelope(one, NOW.replace(microsecond=next(at))) for one in said))


def exact(parts: Parts, people: int, blocks: int) -> None:
    """One contact, one lead and one slot each, an interaction an envelope, nothing failed, nothing left."""
    assert Counter(outcome for outcome, _ in parts.outcomes()) == {"created": people, "attached": people * (blocks - 1)}
    counts = [parts.count(table) for table in (contacts, keys, leads, interactions)]
    assert counts == [people, people * 2, people, people * blocks]
    assert {len(one) for one in parts.sets()["by_lead"]} == {blocks}
    assert parts.balanced()


async def together(count: int, parts: Parts, batch: int) -> int:
    """So many workers of one process; how many races were lost."""
    lost: list[None] = []
    again = partial(lost.append, None)
    await asyncio.gather(*(asyncio.to_thread(work, parts, f"w{n}", batch, again) for n in range(count)))
    return len(lost)


@both
async def test_workers_of_one_process_with_the_same_new_people_make_one_contact_and_one_lead_each(store: Store) -> None:
    parts = wire(store, company())
    deliver(parts, 4, PEOPLE)
    await together(3, parts, 20)
    exact(parts, PEOPLE, 4)


def test_two_processes_with_the_same_new_people_make_one_contact_and_one_lead_each(store: Store) -> None:
    parts = wire(store, company())
    deliver(parts, 6, PEOPLE)
    with two(store, 30) as workers:
        assert sum(workers.work("until nothing is left")) == PEOPLE * 6
    exact(parts, PEOPLE, 6)


def test_two_processes_over_managers_with_one_place_each_give_each_one_lead(store: Store) -> None:
    staff = crew(10, capacity=1)
    parts = wire(store, company(managers=staff, teams={"sales": team(*staff)}))
    parts.append(*(envelope(pair(n)) for n in range(120)))
    with two(store, 7) as workers:
        workers.work("until nothing is left")
    assert parts.shares() == dict.fromkeys(staff, 1)
    assert Counter(lead["reason"] for lead in parts.leads()) == {None: 10, "all_at_limit": 110}
    assert sorted(parts.turns()) == sorted(staff)
    assert parts.balanced()


async def test_turns_of_racing_workers_differ_by_at_most_one(store: Store) -> None:
    staff = crew(5)
    parts = wire(store, company(managers=staff, teams={"sales": team(*staff)}))
    parts.append(*(envelope(pair(n)) for n in range(203)))
    await together(3, parts, 8)
    assert sorted(parts.shares().values()) == [40, 40, 41, 41, 41]
    assert parts.balanced()


async def test_nobody_goes_over_his_limit_while_leads_close_and_managers_come_and_go(store: Store) -> None:
    staff = {**crew(4, capacity=2), "away": manager(), "asleep": manager(hours="Mon-Sun 00:00-03:00")}
    parts = wire(store, company(managers=staff, teams={"sales": team(*staff)}))
    parts.set_available("away", available=False)
    parts.append(*(envelope(pair(n)) for n in range(80)))
    dice = random.Random(7)
    above: list[dict[str, int]] = []

    def person() -> None:
        for _ in range(25):
            owned = [lead["id"] for lead in parts.leads() if lead["state"] == "assigned"]
            if owned:
                number = dice.choice(owned)
                again(partial(parts.order, number, state="converted"))
            again(parts.distribute)
            shares = parts.shares()
            if any(shares.get(name, 0) > 2 for name in staff) or {"away", "asleep"} & shares.keys():
                above.append(shares)

    def again(unit: Callable[[], object]) -> None:
        while True:
            try:
                unit()
            except Conflict:
                continue
            return

    await asyncio.gather(together(2, parts, 6), asyncio.to_thread(person))
    assert above == []
    assert parts.balanced()
    assert not {"away", "asleep"} & set(parts.turns())


# --- two transactions, the first of which stops until the second waits for it ---


class Crossing:
    """Two transactions that cross: the first stops at a point of its own until the second waits for one of its locks."""

    def __init__(self, store: Store, rival: Store) -> None:
        self._store, self._rival = store, rival
        self._there, self._begun, self._ended = threading.Event(), threading.Event(), threading.Event()
        self.deadlocks = 0

    def meet(self) -> None:
        """Called by the first where it is to be caught; only once."""
        if self._there.is_set():
            return
        self._there.set()
        assert self._begun.wait(20)
        asked = sa.text(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        while not self._ended.wait(0.003) and not self._store.peek(lambda db: db.execute(asked).scalar_one()):
            pass

    def meet_after(self, statement: str) -> None:
        """The first is to be caught after a statement that begins so."""

        def executed(_connection: Any, _cursor: Any, text: str, *_: Any) -> None:
            if text.startswith(statement):
                self.meet()

        sa.event.listen(self._store._main, "after_cursor_execute", executed)

    def run(self, first: Callable[[], Any], second: Callable[[], Any]) -> None:
        """Both to their ends."""
        for store in (self._store, self._rival):
            sa.event.listen(store._main, "handle_error", self._failed)
        one = threading.Thread(target=first)
        two = threading.Thread(target=self._second, args=(second,))
        one.start()
        assert self._there.wait(20)
        two.start()
        one.join(20)
        two.join(20)
        assert not one.is_alive()
        assert not two.is_alive()

    def _second(self, work: Callable[[], Any]) -> None:
        self._begun.set()
        try:
            work()
        finally:
            self._ended.set()

    def _failed(self, context: Any) -> None:
        self.deadlocks += getattr(context.original_exception, "sqlstate", None) == "40P01"


@pytest.fixture
def crossing(store: Store, rival: Store) -> Crossing:
    return Crossing(store, rival)


def kept_on(store: Store, unit: Callable[[sa.Connection], Any]) -> Callable[[], None]:
    """A unit that is run again when somebody was faster, as the callers of the store do."""

    def run() -> None:
        for _ in range(5):
            try:
                store.transact(unit)
            except Conflict:
                continue
            return

    return run


def reading(parts: Parts, said: dict[str, Any], token: str) -> list[Reading]:
    parts.append(envelope(said))
    return [read(one) for one in parts.claim(1, token)]


def distribution(store: Store) -> Callable[[], None]:
    """What the ticker of another process does."""
    parts = wire(store)
    return kept_on(store, lambda db: parts.distributor.everybody(db, parts.rulebooks.current(db), NOW))


def test_two_workers_that_reopen_one_lead_at_once_reopen_it_once(
    store: Store, rival: Store, crossing: Crossing
) -> None:
    parts, other = wire(store, company()), wire(rival)
    number = parts.take(pair(1))[0].lead
    assert number is not None
    parts.order(number, state="lost")
    mine, theirs = reading(parts, pair(1), "mine"), reading(parts, pair(1), "theirs")
    crossing.meet_after("UPDATE leads")
    crossing.run(
        kept_on(store, lambda db: parts.settler.settle(db, "mine", mine, NOW)),
        kept_on(rival, lambda db: other.settler.settle(db, "theirs", theirs, NOW)),
    )
    assert parts.lead(number)["state"] == "assigned"
    assert Counter(outcome for outcome, _ in parts.outcomes()) == {"created": 1, "attached": 2}
    assert parts.balanced()


def test_a_message_that_meets_the_closing_of_its_lead_reopens_it(
    store: Store, rival: Store, crossing: Crossing
) -> None:
    parts, other = wire(store, company()), wire(rival)
    number = parts.take(pair(1))[0].lead
    assert number is not None
    theirs = reading(parts, pair(1), "theirs")
    crossing.meet_after("UPDATE leads")
    crossing.run(
        lambda: parts.order(number, state="lost"),
        kept_on(rival, lambda db: other.settler.settle(db, "theirs", theirs, NOW)),
    )
    assert parts.lead(number)["state"] == "assigned"
    assert parts.balanced()


def test_a_manager_of_two_teams_gets_no_more_than_he_may_have_from_both_at_once(
    store: Store, rival: Store, crossing: Crossing
) -> None:
    both_teams = {"sales": team("anna"), "south": team("anna")}
    rules = [
        {"when": {"city": ["саратов"]}, "team": "south", "respond_within": None},
        {"when": {}, "team": "sales", "respond_within": None},
    ]
    parts = wire(store, company(managers={"anna": manager(capacity=1)}, teams=both_teams, routing=rules))
    other = wire(rival)
    mine, theirs = reading(parts, pair(1), "mine"), reading(parts, {**pair(2), "city": "Саратов"}, "theirs")
    crossing.meet_after("UPDATE managers")
    crossing.run(
        kept_on(store, lambda db: parts.settler.settle(db, "mine", mine, NOW)),
        kept_on(rival, lambda db: other.settler.settle(db, "theirs", theirs, NOW)),
    )
    assert parts.shares() == {"anna": 1}
    assert parts.balanced()


# A deadlock would be broken and tried again, but at the cost of PostgreSQL's deadlock_timeout, a second.


def commanded(
    store: Store, tmp_path: Path, command: Callable[[Office, str], Coroutine[Any, Any, Any]]
) -> Callable[[], None]:
    """A command of the office about the only lead, ready to be run in a thread."""
    clock = at_clock(NOW)
    office = asyncio.run(assemble(configured(tmp_path, SMALL), store, clock)).serving.office
    parts = wire(store)
    parts.take(pair(1))
    uid = parts.leads()[0]["uid"]
    return lambda: asyncio.run(command(office, uid))


def test_a_command_and_a_distribution_lock_in_one_order(
    store: Store, rival: Store, crossing: Crossing, tmp_path: Path
) -> None:
    reason = {"reason": "спам"}
    first = commanded(store, tmp_path, lambda office, uid: office.leads.act(uid, "disqualify", reason, "tests"))
    crossing.meet_after("UPDATE managers")
    crossing.run(first, distribution(rival))
    assert crossing.deadlocks == 0
    assert wire(store).leads()[0]["state"] == "disqualified"


def test_the_switch_of_a_manager_and_a_distribution_lock_in_one_order(
    store: Store, rival: Store, crossing: Crossing, tmp_path: Path
) -> None:
    first = commanded(
        store, tmp_path, lambda office, _: office.managers.set_available("anna", available=False, actor="tests")
    )
    crossing.meet_after("UPDATE managers")
    crossing.run(first, distribution(rival))
    assert crossing.deadlocks == 0


def test_a_batch_that_touches_a_waiting_lead_and_a_distribution_lock_in_one_order(
    store: Store, rival: Store, crossing: Crossing
) -> None:
    parts = wire(store, company())
    for name in ("anna", "boris"):
        parts.set_available(name, available=False)
    waits = parts.take(pair(1))[0].lead
    for name in ("anna", "boris"):
        parts.set_available(name, available=True)
    mine = [*reading(parts, pair(1), "mine"), *reading(parts, pair(2), "mine")]
    crossing.meet_after("UPDATE leads")
    crossing.run(kept_on(store, lambda db: parts.settler.settle(db, "mine", mine, NOW)), distribution(rival))
    assert crossing.deadlocks == 0
    assert parts.lead(waits)["state"] == "assigned"
    assert parts.balanced()
