"""Merges and undos beside arrivals, commands and each other, over PostgreSQL: whoever is second sees what the first one did."""

import asyncio
import random
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from desk.ports import Refused
from ingest.assembly import assemble
from storage.schema import leads
from storage.store import Conflict, Store
from tests.ingest.configured import SMALL, configured
from tests.ingest.parts import NOW, Parts, at_clock, company, envelope, read, wire, work
from tests.ingest.people import Clients, phone
from tests.ingest.test_races import Crossing, kept_on


@pytest.fixture
def database() -> str:
    """One file has one daemon, so there is no race."""
    return "postgresql"


@pytest.fixture
def rival(store: Store) -> Iterator[Store]:
    made = Store(store.url.render_as_string(hide_password=False))
    yield made
    made.close()


@pytest.fixture
def crossing(store: Store, rival: Store) -> Crossing:
    return Crossing(store, rival)


@pytest.fixture
def clients(store: Store) -> Clients:
    clients = Clients(wire(store, company()))
    for who in (1, 2):
        clients.write(who)
    return clients


def merging(parts: Parts, into: str, absorbed: str) -> Callable[[sa.Connection], Any]:
    return lambda db: parts.merging.merge(db, into, absorbed, "irina", NOW)


def arriving(parts: Parts, rival: Store, who: int) -> Callable[[], None]:
    """An approach that another worker has claimed and read."""
    other = wire(rival)
    parts.append(envelope({"phones": [phone(who)]}))
    readings = [read(one) for one in parts.claim(1, "theirs")]
    return kept_on(rival, lambda db: other.settler.settle(db, "theirs", readings, NOW))


def uids(clients: Clients) -> tuple[str, str]:
    return clients.contact(1)["uid"], clients.contact(2)["uid"]


def without_slot(clients: Clients, lead: int) -> None:
    """As if a newer lead had had the slot since: what comes now opens another."""
    clients.parts.store.transact(
        lambda db: db.execute(sa.update(leads).where(leads.c.id == lead).values(enquiry_of=None))
    )


@pytest.mark.parametrize("state", ["assigned", "lost"])
@pytest.mark.parametrize("statement", ["UPDATE contacts", "UPDATE leads"])
def test_an_approach_that_meets_a_merge_comes_to_the_lead_of_both(
    store: Store, rival: Store, crossing: Crossing, clients: Clients, state: str, statement: str
) -> None:
    second = clients.parts.leads()[1]["id"]
    if state == "lost":
        clients.parts.order(second, state="lost")
        without_slot(clients, second)
    second_arrives = arriving(clients.parts, rival, 2)
    crossing.meet_after(statement)
    crossing.run(kept_on(store, merging(clients.parts, *uids(clients))), second_arrives)
    clients.consistent()
    assert len(clients.parts.shares()) == 1
    assert len(clients.said(clients.parts.leads()[0]["id"])) == 2
    assert crossing.deadlocks == 0


def test_an_approach_that_meets_an_undo_comes_to_its_own_lead(
    store: Store, rival: Store, crossing: Crossing, clients: Clients
) -> None:
    merge = clients.merge(1, 2)
    second_arrives = arriving(clients.parts, rival, 2)
    crossing.meet_after("UPDATE leads")
    crossing.run(kept_on(store, lambda db: clients.parts.parting.undo(db, merge, "irina", NOW)), second_arrives)
    clients.consistent()
    assert [len(clients.said(lead["id"])) for lead in clients.parts.leads()] == [1, 2]
    assert crossing.deadlocks == 0


def test_a_merge_that_meets_an_approach_folds_the_lead_that_it_opened(
    store: Store, rival: Store, crossing: Crossing, clients: Clients
) -> None:
    other = wire(rival)
    second = clients.parts.leads()[1]["id"]
    clients.parts.order(second, state="lost")
    without_slot(clients, second)
    clients.parts.append(envelope({"phones": [phone(2)]}))
    readings = [read(one) for one in clients.parts.claim(1, "mine")]
    crossing.meet_after("INSERT INTO leads")
    crossing.run(
        kept_on(store, lambda db: clients.parts.settler.settle(db, "mine", readings, NOW)),
        kept_on(rival, merging(other, *uids(clients))),
    )
    clients.consistent()
    assert [lead["state"] for lead in clients.parts.leads()] == ["assigned", "lost", "merged"]
    assert crossing.deadlocks == 0


@pytest.mark.parametrize("turned", [False, True])
def test_of_two_merges_of_one_pair_at_once_one_is_done(
    store: Store, rival: Store, crossing: Crossing, clients: Clients, turned: bool
) -> None:
    pair = uids(clients)
    refused: list[str] = []
    done: list[str] = []

    def merge(at: Store, parts: Parts, into: str, absorbed: str, actor: str) -> None:
        try:
            done.append(at.transact(lambda db: parts.merging.merge(db, into, absorbed, actor, NOW)))
        except Refused as error:
            refused.append(error.code)

    crossing.meet_after("UPDATE contacts")
    crossing.run(
        lambda: merge(store, clients.parts, pair[0], pair[1], "irina"),
        lambda: merge(rival, wire(rival), pair[turned], pair[not turned], "boris"),
    )
    assert (len(done), refused) == (1, ["same_contact"])
    clients.consistent()


@pytest.mark.parametrize("first_accepts", [False, True])
def test_a_merge_and_an_acceptance_at_once_leave_one_lead_in_one_state(
    store: Store, rival: Store, crossing: Crossing, clients: Clients, tmp_path: Path, first_accepts: bool
) -> None:
    hand = assembled_hand(rival if not first_accepts else store, tmp_path)
    folded = clients.parts.leads()[1]["id"]
    answers: list[str] = []

    def accept(at: Store) -> None:
        try:
            kept_on(at, lambda db: hand.act(db, folded, "accept", {}, "boris", NOW))()
        except Refused as error:
            answers.append(error.code)

    crossing.meet_after("UPDATE leads")
    if first_accepts:
        crossing.run(partial(accept, store), kept_on(rival, merging(wire(rival), *uids(clients))))
        assert [lead["state"] for lead in clients.parts.leads()] == ["merged", "in_work"]
    else:
        crossing.run(kept_on(store, merging(clients.parts, *uids(clients))), partial(accept, rival))
        assert answers == ["merged"]
    clients.consistent()
    assert crossing.deadlocks == 0


def assembled_hand(store: Store, folder: Path) -> Any:

    return asyncio.run(assemble(configured(folder, SMALL), store, at_clock(NOW))).core.hand


def test_nothing_is_mixed_up_while_people_are_merged_and_parted_under_load(store: Store, rival: Store) -> None:
    clients = Clients(wire(store, company()))
    for who in range(1, 7):
        clients.write(who)
    dice = random.Random(11)
    said = [{"phones": [phone(dice.randint(1, 6))]} for _ in range(120)]
    clients.parts.append(*(envelope(one, NOW.replace(microsecond=n)) for n, one in enumerate(said)))
    people = Clients(wire(rival))
    pairs = [clients.contact(who)["uid"] for who in range(1, 7)]

    def person() -> None:
        for _ in range(40):
            try:
                if (standing := people.standing()) and dice.random() < 0.5:
                    people.undo(dice.choice(standing)["uid"])
                else:
                    rival.transact(merging(people.parts, *dice.sample(pairs, 2)))
            except (Refused, Conflict):
                continue

    worker = threading.Thread(target=work, args=(clients.parts, "mine", 7, lambda: None))
    desk = threading.Thread(target=person)
    for thread in (worker, desk):
        thread.start()
    for thread in (worker, desk):
        thread.join(60)
    clients.consistent()
    assert {outcome for outcome, _ in clients.parts.outcomes()} <= {"created", "attached"}
    assert len(clients.parts.outcomes()) == 126
