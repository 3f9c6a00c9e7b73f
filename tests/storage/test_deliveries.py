"""On SQLite a delivery is stored once whatever is rolled back, started again, or written by somebody else in between."""

from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from storage import deliveries, migrate, revisions
from storage.journal import _APPENDED
from storage.schema import counters, journal
from storage.schema import deliveries as table
from storage.store import Store
from tests.ingest.parts import DAY, Parts, company, envelope, wire
from tests.test_migrations import SCRIPTS

pytestmark = pytest.mark.parametrize("database", ["sqlite"])


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few names are many."""
    monkeypatch.setattr(deliveries, "LATELY", 6)
    monkeypatch.setattr(deliveries, "ALONG", 2)


def names(store: Store) -> list[str]:
    """What the table has."""
    return [row[0] for row in store.peek(lambda db: db.execute(sa.select(table.c.name)).all())]


def held(store: Store) -> Any:
    """What the writing connection holds."""
    return store.transact(lambda db: db.info.get("deliveries"))


def not_gone(store: Store) -> int:
    """How many names are not in the table for sure, so that a new connection reads them."""
    return store.transact(lambda db: len(deliveries._NOT_GONE(db)))


def taken(parts: Parts, *named: str) -> list[bool]:
    """Deliver these; which were there before."""
    return [one.duplicate for one in parts.append(*(envelope({"text": "?"}, identity=name) for name in named))]


NINE = [f"a{number}" for number in range(9)]
CHANNELS = {name: {"kind": "webform", "source": name, "team": None} for name in ("site", "shop")}


class RolledBack(Exception):
    """Of a transaction."""


class Deliveries(RuleBasedStateMachine):
    """Groups arrive in transactions that are kept or not, over a store that is opened again, or beside another writer.

    Each store has a block of ids of its own, so what one stores later may have the lesser id.
    """

    url: str

    def __init__(self) -> None:
        super().__init__()
        self.store = Store(self.url)
        self.store.transact_raw(lambda db: [db.execute(sa.delete(t)) for t in (journal, table)])
        self.store.transact_raw(lambda db: db.execute(sa.delete(counters).where(counters.c.name == "deliveries")))
        self.others = Store(self.url)
        self.parts = wire(self.store, company(channels=CHANNELS))
        self.their_parts = wire(self.others)
        self.stored: dict[tuple[str, str], str] = {}

    def arrive(self, parts: Parts, group: list[tuple[str, str]], kept: bool) -> None:
        dated = [(envelope({"text": "?"}, channel=channel, identity=name), DAY) for channel, name in group]

        def unit(db: sa.Connection) -> Any:
            accepted = parts.journal.append(db, dated)
            if not kept:
                raise RolledBack
            return accepted

        try:
            accepted = parts.store.transact(unit)
        except RolledBack:
            return
        for named, one in zip(group, accepted, strict=True):
            assert one.duplicate is (named in self.stored)
            assert self.stored.setdefault(named, one.id) == one.id

    groups = st.lists(st.tuples(st.sampled_from(["site", "shop"]), st.integers(0, 40).map(str)), max_size=8)

    @rule(group=groups)
    def kept(self, group: list[tuple[str, str]]) -> None:
        self.arrive(self.parts, group, kept=True)

    @rule(group=groups)
    def rolled_back(self, group: list[tuple[str, str]]) -> None:
        self.arrive(self.parts, group, kept=False)

    @rule(group=groups)
    def elsewhere(self, group: list[tuple[str, str]]) -> None:
        self.arrive(self.their_parts, group, kept=True)

    @rule()
    def again(self) -> None:
        self.store.close()
        self.store = Store(self.url)
        self.parts = wire(self.store)
        self.their_parts = wire(self.others)

    @invariant()
    def each_is_there_once(self) -> None:
        rows = self.store.peek(lambda db: db.execute(sa.select(journal.c.channel_id, journal.c.identity)).all())
        assert len(rows) == len(set(rows)) == len(self.stored)
        known = names(self.store)
        assert set(known) <= {f"{identity}{channel}" for channel, identity in rows}

    def teardown(self) -> None:
        self.store.close()
        self.others.close()


def test_each_delivery_is_stored_once_whatever_comes_between(store: Store) -> None:
    store.close()
    machine = type("DeliveriesOfThisStore", (Deliveries,), {"url": str(store.url)})
    # What fails is long in any case, and making it shorter takes minutes.
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=40, stateful_step_count=20, phases=[Phase.generate], deadline=None, database=None
        ),
    )


@pytest.fixture
def parts(store: Store) -> Parts:
    return wire(store, company())


def test_names_go_into_the_table_a_few_at_a_time(parts: Parts) -> None:
    taken(parts, *NINE[:5])
    assert names(parts.store) == []
    for name in NINE[5:]:
        taken(parts, name)
    # Six were enough; two have gone with each that came then, until all six had.
    assert len(names(parts.store)) == 6
    assert not_gone(parts.store) == 3
    assert taken(parts, *NINE) == [True] * 9
    again = wire(Store(str(parts.store.url)))
    assert taken(again, *NINE) == [True] * 9
    again.store.close()


def test_what_is_read_at_a_start_stays_little_though_none_lasts(store: Store) -> None:
    wire(store, company())
    for start in range(20):
        one = wire(Store(str(store.url)))
        assert not_gone(one.store) <= deliveries.LATELY + 1
        taken(one, f"a{start}", f"b{start}")
        one.store.close()
    assert len(names(store)) >= 30


def test_of_two_who_write_one_file_each_sees_what_the_other_took(parts: Parts) -> None:
    other = wire(Store(str(parts.store.url)))
    assert taken(parts, "a") == [False]
    assert taken(other, "b") == [False]
    assert taken(parts, "b", "c") == [True, False]
    assert taken(other, "a", "c") == [True, True]
    other.store.close()


def test_an_entry_with_a_lesser_id_than_one_that_has_gone_is_not_forgotten(parts: Parts) -> None:
    assert taken(parts, "a") == [False]
    later = wire(Store(str(parts.store.url)))
    taken(later, "b", "c", "d")
    # These six go, four of them with the last two; the rest goes with the next, whose id is less than that of "d".
    taken(parts, "e", "f")
    taken(parts, "g")
    assert not_gone(parts.store) == 0
    taken(parts, "h")
    assert taken(later, "g", "h") == [True, True]
    later.store.close()


def test_names_that_went_at_a_start_that_was_rolled_back_are_read_again(parts: Parts) -> None:
    first = [f"a{n}" for n in range(5)]
    taken(parts, *first)
    other = wire(Store(str(parts.store.url)))
    taken(other, "b")
    other.store.close()

    def refused(db: sa.Connection) -> None:
        parts.journal.append(db, [(envelope({"text": "?"}, identity="b"), DAY)])
        raise RolledBack

    with pytest.raises(RolledBack):
        parts.store.transact(refused)
    assert taken(parts, *first, "b") == [True] * 6


def test_what_is_held_is_not_read_again_while_nothing_comes_between(parts: Parts) -> None:
    taken(parts, "a")
    before = held(parts.store)
    parts.store.transact(revisions.prepare)
    taken(parts, "b")
    assert held(parts.store) is before
    with pytest.raises(ZeroDivisionError):
        parts.store.transact(lambda _: 1 / 0)
    taken(parts, "a")
    assert held(parts.store) is before


def test_what_somebody_deletes_by_hand_may_be_delivered_again(parts: Parts) -> None:
    for name in NINE:
        taken(parts, name)
    by_hand = Store(str(parts.store.url))
    by_hand.transact_raw(lambda db: db.execute(sa.delete(journal)))
    by_hand.close()
    assert taken(parts, *NINE) == [False] * 9
    assert taken(parts, *NINE) == [True] * 9
    again = wire(Store(str(parts.store.url)))
    assert taken(again, *NINE) == [True] * 9
    again.store.close()


def test_a_store_of_the_version_before_knows_what_was_delivered_to_it(store_url: str) -> None:
    old = Store(store_url)
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    config.set_main_option("path_separator", "os")

    def unit(db: sa.Connection) -> None:
        config.attributes["connection"] = db
        command.upgrade(config, "0002")

    old.transact_raw(unit)
    old.transact_raw(revisions.prepare)
    parts = wire(old, company())
    entries = [(envelope({"text": "?"}, identity=name), DAY) for name in "abc"]

    def as_before(db: sa.Connection) -> None:
        for number, dated in enumerate(entries):
            row = parts.journal._row(db, f"{number:032}", *dated, None)
            db.execute(sa.insert(journal).values(dict(zip(_APPENDED, row, strict=True))))

    old.transact(as_before)
    migrate.bring_up(old)
    assert len(names(old)) == 3
    assert taken(parts, *"abcd") == [True, True, True, False]
    old.close()
