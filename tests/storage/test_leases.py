"""Leases by the store's clock: one holder at a time, and none who lost his can move a cursor."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa

from storage import leases, schema
from storage.cursors import Cursor, Stale
from storage.dialects import StoreClock
from storage.leases import of_channel
from storage.names import Names
from storage.schema import cursors, journal
from storage.store import Store
from tests.ingest.parts import Parts, company, envelope, wire

LONG = timedelta(minutes=1)
OVER = timedelta(0)
SITE = of_channel("site")


@pytest.fixture
def parts(store: Store) -> Parts:
    return wire(store, company())


def take(parts: Parts, holder: str, lease: str = SITE, span: timedelta = LONG) -> int | None:
    return parts.store.transact(lambda db: leases.take(db, parts.names, holder, lease, span))


def renew(parts: Parts, holder: str, *wanted: str, span: timedelta = LONG) -> dict[str, tuple[str, int] | None]:
    found = parts.store.transact(lambda db: leases.renew(db, parts.names, holder, wanted, span))
    return {lease: None if one is None else (one.holder, one.epoch) for lease, one in found.items()}


def move(parts: Parts, position: int, epoch: int) -> None:
    parts.append(envelope({"text": str(position)}), cursor=Cursor("site", "INBOX", "1", position, epoch))


def test_a_lease_has_one_holder_until_it_ends_or_is_given_back(parts: Parts) -> None:
    assert (take(parts, "a"), take(parts, "b")) == (1, None)
    parts.store.transact(lambda db: leases.give_back(db, "a"))
    assert take(parts, "b", span=OVER) == 2
    assert take(parts, "a") == 3
    assert renew(parts, "b", SITE) == {SITE: ("a", 3)}


def test_a_holder_renews_what_it_wants_and_gives_back_the_rest(parts: Parts) -> None:
    assert (take(parts, "a"), take(parts, "a", "watch")) == (1, 1)
    assert renew(parts, "a", SITE) == {SITE: ("a", 1)}
    assert take(parts, "b", "watch") == 2


def test_what_has_ended_is_not_renewed_but_taken_anew(parts: Parts) -> None:
    take(parts, "a", span=OVER)
    assert renew(parts, "a", SITE) == {SITE: None}
    assert take(parts, "a") == 2


def test_who_lost_the_lease_moves_no_cursor_and_opens_no_era(parts: Parts) -> None:
    take(parts, "a")
    move(parts, 5, 1)
    parts.store.transact(lambda db: leases.give_back(db, "a"))
    with pytest.raises(Stale):
        move(parts, 6, 1)
    take(parts, "b")
    with pytest.raises(Stale):
        move(parts, 6, 1)
    with pytest.raises(Stale):
        parts.store.transact(lambda db: parts.journal.open_era(db, Cursor("site", "INBOX", "2", 0, 1)))
    move(parts, 7, 2)
    assert [(row["position"], row["epoch"]) for row in parts.rows(cursors)] == [(7, 2)]
    assert parts.count(journal) == 2


def test_whoever_takes_a_lease_fences_the_cursors_of_its_channel_alone(parts: Parts) -> None:
    take(parts, "a")
    move(parts, 5, 1)
    take(parts, "a", "watch", OVER)
    parts.store.transact(lambda db: leases.give_back(db, "a"))
    take(parts, "b")
    assert [(row["position"], row["epoch"]) for row in parts.rows(cursors)] == [(5, 2)]


def test_a_cursor_that_is_not_there_yet_is_fenced_too(parts: Parts) -> None:
    take(parts, "a", span=OVER)
    take(parts, "b")
    with pytest.raises(Stale):
        move(parts, 1, 1)
    assert parts.count(cursors) == parts.count(journal) == 0


def test_of_many_who_take_a_lease_at_once_one_has_it(parts: Parts) -> None:
    def one(holder: str) -> int | None:
        return parts.store.transact(lambda db: leases.take(db, Names(), holder, SITE, LONG))

    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(one, "abcdefgh"))
    assert sorted(taken, key=str) == [1, *[None] * 7]


@pytest.mark.parametrize("database", ["postgresql"])
def test_a_move_that_began_under_a_lease_is_over_before_anybody_takes_that_lease(parts: Parts) -> None:
    """The cursor is new, so that nothing but the lease can fence it; the lease ends while the move is not committed yet."""
    take(parts, "a", span=timedelta(seconds=1))
    moved, over = threading.Event(), threading.Event()

    def moving(db: sa.Connection) -> None:
        cursor = Cursor("site", "INBOX", "1", 5, 1)
        parts.journal.append(db, [(envelope({"text": "5"}), "2026-10-05")], cursor)
        moved.set()
        over.wait(20)

    def taking() -> int | None:
        """As soon as the lease has ended, which it does without asking whoever moves."""
        while (taken := parts.store.transact(named)) is None:
            pass
        return taken

    def named(db: sa.Connection) -> int | None:
        db.execute(sa.text("SET LOCAL application_name = 'taking'"))
        return leases.take(db, Names(), "b", SITE, LONG)

    def waits(db: sa.Connection) -> bool:
        asked = "SELECT 1 FROM pg_stat_activity WHERE application_name = 'taking' AND wait_event_type = 'Lock'"
        ended = sa.select(schema.leases.c.epoch).where(schema.leases.c.until <= StoreClock())
        return db.execute(sa.text(asked)).first() is not None and db.execute(ended).first() is not None

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(parts.store.transact, moving)
        assert moved.wait(20)
        second = pool.submit(taking)
        while not parts.store.peek(waits):
            assert not second.done()
        over.set()
        first.result(20)
        assert second.result(20) == 2
    assert [(row["position"], row["epoch"]) for row in parts.rows(cursors)] == [(5, 2)]
    with pytest.raises(Stale):
        move(parts, 6, 1)
