"""Two who press at once, a press against the deadline, and workers that give out at once: over PostgreSQL."""

import asyncio
import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa

from desk.ports import Refused
from storage import handling, revisions
from storage.schema import offers, teams
from storage.store import Conflict, Store
from tests.daemon.process import until
from tests.ingest.offering import MINUTE, Desk, offering
from tests.ingest.parts import NOW, envelope, manager, wire, work

ROUNDS = 12


@pytest.fixture
def database() -> str:
    """One file has one daemon: only PostgreSQL has races."""
    return "postgresql"


async def both(*deeds: "tuple[Desk, int, str, str]") -> list[str]:
    """What came of deeds that begin together: (desk, lead, action, manager)."""
    start = threading.Barrier(len(deeds))

    def press(desk: Desk, lead: int, action: str, name: str) -> str:
        start.wait()
        while True:
            try:
                if action == "tick":
                    desk.tick()
                else:
                    desk.act(lead, action, manager=name, actor=name)
            except Refused as refused:
                return f"{refused.status} {refused.code}"
            except Conflict:
                continue
            return "done"

    return list(await asyncio.gather(*(asyncio.to_thread(press, *deed) for deed in deeds)))


async def test_of_two_who_accept_at_once_exactly_one_has_it_and_the_other_is_told_so(store: Store) -> None:
    desk = Desk(store, offering())
    for lead in desk.post(ROUNDS):
        for name in ("anna", "boris", "vera"):
            while desk.lead(lead)[2] not in {None, name}:
                desk.act(lead, "decline")
            if desk.lead(lead)[2] == name:
                desk.act(lead, "decline")
        assert desk.lead(lead)[1] == "refused_by_all"
        came = await both((desk, lead, "accept", "anna"), (desk, lead, "accept", "boris"))
        assert sorted(came) == ["409 taken", "done"]
        state, _, owner = desk.lead(lead)
        assert (state, owner) == ("in_work", ("anna", "boris")[came.index("done")])
        states = [one[2] for one in desk.offers(lead) if one[1] == "everyone"]
        assert sorted(states) == ["accepted", "withdrawn", "withdrawn"]
    assert desk.parts.balanced()


def somebody_waits(store: Store) -> bool:
    """Whether a transaction waits for another's lock."""
    waiting = sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    return bool(store.peek(lambda db: db.execute(waiting).scalar_one()))


async def test_a_reload_and_a_distribution_lock_in_one_order_and_neither_is_taken_back(store: Store) -> None:
    desk = Desk(store, offering())
    parts = desk.parts
    begun, goes_on = threading.Event(), threading.Event()

    def distribution(db: sa.Connection) -> None:
        db.execute(sa.select(teams.c.id).with_for_update())
        begun.set()
        assert goes_on.wait(20)
        parts.distributor.everybody(db, parts.rulebooks.current(db), desk.now)

    def reload(db: sa.Connection) -> None:
        document = offering({name: manager() for name in ("anna", "boris")})
        revisions.apply(db, parts.names, document, {"site": "webform"}, "irina", desk.now)
        parts.distributor.everybody(db, parts.rulebooks.current(db), desk.now)

    distributing = asyncio.create_task(asyncio.to_thread(store.transact, distribution))
    assert await asyncio.to_thread(begun.wait, 20)
    reloading = asyncio.create_task(asyncio.to_thread(store.transact, reload))
    await until(lambda: somebody_waits(store))
    goes_on.set()
    await asyncio.gather(distributing, reloading)
    assert desk.person("vera")["leaving"]


async def test_who_waited_for_a_reload_gives_nothing_out_by_what_was_in_force_before_it(store: Store) -> None:
    desk = Desk(store, offering({"anna": manager()}, accept_within=None))
    parts = desk.parts
    parts.set_available("anna", available=False)
    desk.post(2)
    begun, goes_on = threading.Event(), threading.Event()

    def reload(db: sa.Connection) -> None:
        document = offering({"anna": manager(capacity=1)}, accept_within=None)
        revisions.apply(db, parts.names, document, {"site": "webform"}, "irina", desk.now)
        handling.set_available(db, parts.names, "anna", available=True)
        parts.distributor.everybody(db, parts.rulebooks.current(db), desk.now)
        begun.set()
        assert goes_on.wait(20)

    reloading = asyncio.create_task(asyncio.to_thread(store.transact, reload))
    assert await asyncio.to_thread(begun.wait, 20)
    distributing = asyncio.create_task(asyncio.to_thread(wire(store).distribute, desk.now))
    await until(lambda: somebody_waits(store))
    goes_on.set()
    await reloading
    with pytest.raises(Conflict):
        await distributing
    desk.tick()
    assert parts.shares() == {"anna": 1}


async def test_a_press_at_the_deadline_takes_the_lead_or_comes_too_late_and_never_both(store: Store) -> None:
    desk = Desk(store, offering())
    for _ in range(ROUNDS):
        (lead,) = desk.post()
        (asked,) = (name for name, _, state in desk.offers(lead) if state == "open")
        offer = max(row["id"] for row in desk.parts.rows(offers))
        desk.now += 3 * MINUTE
        pressed = store.run(
            lambda db, lead=lead, asked=asked, offer=offer: desk.hand.act(  # type: ignore[misc] # bound defaults
                db, lead, "accept", {"manager": asked, "offer": offer}, asked, desk.now
            )
        )
        came = await asyncio.gather(pressed, asyncio.to_thread(desk.tick), return_exceptions=True)
        state, _, owner = desk.lead(lead)
        if came[0] is None:
            assert (state, owner) == ("in_work", asked)
        else:
            assert isinstance(came[0], Refused)
            assert came[0].code == "taken"
            assert owner != asked
            desk.act(lead, "accept", manager=str(owner))
        for name in ("anna", "boris", "vera"):
            desk.switch(name, available=True)
    assert desk.parts.balanced()


async def test_workers_that_give_out_at_once_leave_nobody_with_more_than_his_limits(store: Store) -> None:
    staff = {f"m{n}": manager(offers=2, capacity=3) for n in range(4)}
    desk = Desk(store, offering(staff))
    desk.parts.append(*(envelope({"phones": [f"+7913{n:07}"]}, NOW + timedelta(seconds=n)) for n in range(40)))
    await asyncio.gather(*(asyncio.to_thread(work, desk.parts, f"w{n}", 3, lambda: None) for n in range(3)))
    assert desk.held() == dict.fromkeys(staff, 2)
    for _ in range(6):
        waiting = [row for row in desk.parts.rows(offers) if row["state"] == "open"]
        deeds = [(desk, row["lead_id"], "accept", desk.name(row["manager_id"])) for row in waiting]
        await both(*deeds[:4])
        assert max(desk.held().values(), default=0) <= 2
        assert max(desk.parts.shares().values()) <= 3
    assert desk.parts.balanced()
    turns = sa.select(sa.func.count()).select_from(offers).where(offers.c.by == "turn")
    assert store.transact(lambda db: db.execute(turns).scalar_one()) == 12
