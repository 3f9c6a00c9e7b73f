"""The ledger agrees at any instant, whatever happens and crashes; and it sees what was tampered with."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from storage import revisions
from storage.account import account
from storage.schema import counters, deliveries, interactions, journal, leads, ledger, managers, metadata
from storage.store import Store
from tests.ingest.parts import GONE, NOW, Parts, company, envelope, read, wire

SAID: list[Any] = [
    {"phones": ["8 912 345-67-80"]},
    {"phones": ["8 912 345-67-81"], "emails": ["a@example.com"]},
    {"emails": ["a@example.com", "info@example.com"]},
    {"emails": ["info@example.com"]},
    {"text": "no way back"},
    {"signal": "presence"},
    {"ignored": "honeypot", "phones": ["8 912 345-67-82"]},
    b"boom",
]


class Crash(Exception):
    """The process dies: its transaction is rolled back."""


class Days(RuleBasedStateMachine):
    """Envelopes arrive, repeat, are claimed, settled, taken over and replayed in any order, with a crash now and then."""

    parts: Parts

    def __init__(self) -> None:
        super().__init__()
        store = self.parts.store
        # The counter of ids goes on: the store may still have some of an earlier block.
        emptied = [table for table in metadata.sorted_tables if table is not counters]
        if store.embedded:
            emptied.append(deliveries)
        store.transact_raw(lambda db: [db.execute(sa.delete(table)) for table in emptied])
        store.transact_raw(revisions.prepare)
        self.parts.apply(company())
        self.received = self.duplicates = self.workers = 0
        self.at = NOW
        self.claims: list[tuple[str, list[Any]]] = []

    def crashing(self, unit: Any, crash: bool) -> Any:
        def then_die(db: sa.Connection) -> Any:
            unit(db)
            raise Crash

        if not crash:
            return self.parts.store.transact(unit)
        with pytest.raises(Crash):
            self.parts.store.transact(then_die)
        return None

    @rule(
        delivered=st.lists(st.tuples(st.sampled_from(SAID), st.sampled_from(["a", "b", "c", "", None])), max_size=4),
        later=st.integers(0, 700),
        crash=st.booleans(),
    )
    def arrive(self, delivered: list[tuple[Any, str | None]], later: int, crash: bool) -> None:
        self.at += timedelta(minutes=later)
        envelopes = [envelope(said, self.at, identity=name) for said, name in delivered]
        dated = [(e, self.at.date().isoformat()) for e in envelopes]
        accepted = self.crashing(lambda db: self.parts.journal.append(db, dated), crash)
        for one in accepted or ():
            self.received += not one.duplicate
            self.duplicates += one.duplicate

    @rule(limit=st.integers(1, 5), lease=st.sampled_from([GONE, timedelta(hours=1)]), crash=st.booleans())
    def claim(self, limit: int, lease: timedelta, crash: bool) -> None:
        self.workers += 1
        token = f"w{self.workers}"
        claimed = self.crashing(lambda db: self.parts.journal.claim(db, limit, token, lease), crash)
        if claimed:
            self.claims.append((token, claimed))

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), crash=st.booleans())
    def settle(self, data: st.DataObject, crash: bool) -> None:
        token, claimed = data.draw(st.sampled_from(self.claims))
        readings = [read(one) for one in claimed]
        self.crashing(lambda db: self.parts.settler.settle(db, token, readings, self.at), crash)

    @rule(as_client=st.booleans(), crash=st.booleans())
    def replay(self, as_client: bool, crash: bool) -> None:
        uids = [row["uid"] for row in self.parts.rows(journal)]
        self.crashing(lambda db: self.parts.journal.reopen(db, uids, as_client=as_client), crash)

    @rule()
    def restart(self) -> None:
        self.parts.store.transact(lambda db: self.parts.journal.release(db, None))

    @invariant()
    def the_ledger_agrees_with_rows_effects_and_what_was_sent(self) -> None:
        items = self.parts.account()
        assert all(item["agrees"] for item in items)
        assert sum(item["received"] for item in items) == self.received == self.parts.count(journal)
        assert sum(item["duplicates"] for item in items) == self.duplicates
        decided = Counter(outcome for outcome, _ in self.parts.outcomes())
        assert sum(item["created"] for item in items) == decided["created"] == self.parts.count(leads)
        assert sum(item["attached"] for item in items) == decided["attached"]
        assert self.parts.count(interactions) == decided["created"] + decided["attached"]
        assert self.parts.balanced()


def test_the_account_agrees_at_any_instant_whatever_happens_and_crashes(store: Store) -> None:
    machine = type("DaysOfThisStore", (Days,), {"parts": wire(store)})
    run_state_machine_as_test(
        machine, settings=settings(max_examples=12, stateful_step_count=20, deadline=None, database=None)
    )


@pytest.fixture
def parts(store: Store) -> Parts:
    made = wire(store, company())
    made.take({"phones": ["8 912 345-67-80"]}, {"signal": "presence"}, {"phones": ["8 912 345-67-81"]})
    assert made.balanced()
    return made


TAMPERED: dict[str, sa.Executable] = {
    "an interaction is gone": sa.delete(interactions).where(
        interactions.c.id.in_(sa.select(sa.func.min(interactions.c.id)))
    ),
    "a lead is gone": sa.delete(leads).where(leads.c.id.in_(sa.select(sa.func.min(leads.c.id)))),
    "an envelope is gone": sa.delete(journal).where(journal.c.outcome == "handled"),
    "an outcome was changed": sa.update(journal).where(journal.c.outcome == "handled").values(outcome="ignored"),
    "an envelope is pending again": sa.update(journal).where(journal.c.outcome == "handled").values(outcome="pending"),
    "a counter was raised": sa.update(ledger).values(received=ledger.c.received + 1),
    "an outcome was counted twice": sa.update(ledger).values(created=ledger.c.created + 1),
    "the counters are gone": sa.delete(ledger),
    "a manager's load was changed": sa.update(managers).values(open=managers.c.open + 1),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_the_account_notices_that(parts: Parts, what: str) -> None:
    parts.store.transact(lambda db: db.execute(TAMPERED[what]))
    assert not parts.balanced()


def test_the_account_is_of_one_instant_while_envelopes_arrive(store: Store) -> None:
    parts = wire(store, company())
    parts.append(envelope({"phones": ["8 912 345-67-80"]}))
    arrived: list[Any] = []

    def arrives_between(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if "FROM ledger" in statement and not arrived:
            arrived.append(parts.append(envelope({"phones": ["8 912 345-67-81"]})))

    sa.event.listen(store._queries, "after_cursor_execute", arrives_between)
    try:
        items = store.peek(account)
    finally:
        sa.event.remove(store._queries, "after_cursor_execute", arrives_between)
    assert arrived
    assert [(item["received"], item["agrees"]) for item in items] == [(1, True)]
    assert [(item["received"], item["agrees"]) for item in store.peek(account)] == [(2, True)]
