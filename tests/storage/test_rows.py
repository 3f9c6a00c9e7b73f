"""Bulk statements at the driver: what they write and bring, and what their failures are called."""

import sqlite3
import threading

import pytest
import sqlalchemy as sa

from storage.rows import Prepared, Upsert, found, insert, look_up, update
from storage.schema import journal, keys, settings
from storage.store import Away, Conflict, Store

KEY = ("id", "kind", "value", "holder_id", "shared", "origin", "journal_id", "created_at")
SECRET = "+79123456789"
HELD = look_up((keys.c.kind, keys.c.value), (keys.c.id, keys.c.shared))
ORDER = (journal.c.received_at, journal.c.id)
COUNT = Prepared(sa.select(sa.func.count()).select_from(keys))


def key(number: int, value: str = SECRET, *, shared: bool = False) -> tuple[object, ...]:
    return (number, "phone", value, 7, shared, "field", None, 1_790_000_000_000_000)


def add(store: Store, *rows: tuple[object, ...]) -> None:
    store.transact(lambda db: insert(db, keys, KEY, rows))


def values(store: Store) -> list[tuple[object, ...]]:
    columns = [keys.c[name] for name in KEY]
    return store.peek(lambda db: [tuple(row) for row in db.execute(sa.select(*columns).order_by(keys.c.id))])


def test_rows_are_written_as_they_are_whatever_the_order_of_their_names(store: Store) -> None:
    turned = tuple(reversed(KEY))
    store.transact(
        lambda db: insert(db, keys, turned, [tuple(reversed(key(number, str(number)))) for number in (2, 1)])
    )
    assert values(store) == [key(1, "1"), key(2, "2")]


def test_an_update_sets_each_row_by_its_key(store: Store) -> None:
    add(store, key(1, "1"), key(2, "2"), key(3, "3"))
    store.transact(lambda db: update(db, keys, ("id", "shared", "value"), [(1, True, "one"), (3, False, "three")]))
    assert values(store) == [key(1, "one", shared=True), key(2, "2"), key(3, "three")]


def test_an_upsert_tells_how_many_rows_it_wrote(store: Store) -> None:
    add(store, key(1, "1"))
    new = Upsert(keys, KEY, lambda statement: statement.on_conflict_do_nothing(index_elements=["kind", "value"]))
    changed = store.transact(lambda db: new.count(db, [key(2, "1"), key(3, "3"), key(4, "4")]))
    assert changed == 2
    assert [row[0] for row in values(store)] == [1, 3, 4]


def test_a_look_up_answers_in_the_order_of_what_is_asked(store: Store) -> None:
    add(store, key(1, "1"), key(2, "2", shared=True))
    asked = [("phone", "2"), ("phone", "9"), ("email", "1"), ("phone", "1")]
    records = store.peek(lambda db: found(db, HELD, asked))
    assert [None if r is None else (r[0], bool(r[1])) for r in records] == [(2, True), None, None, (1, False)]


@pytest.mark.parametrize("count", [1, 3])
def test_a_key_that_is_taken_is_a_conflict_and_nothing_of_the_unit_is_kept(store: Store, count: int) -> None:
    add(store, key(1))
    with pytest.raises(Conflict) as raised:
        add(store, *(key(number) for number in range(2, 2 + count)))
    assert SECRET not in str(raised.value)
    assert isinstance(raised.value.__cause__, sa.exc.IntegrityError)
    assert [row[0] for row in values(store)] == [1]


def test_a_unit_that_failed_leaves_the_next_one_a_clean_transaction(store: Store) -> None:
    def half(db: sa.Connection) -> None:
        insert(db, keys, KEY, [key(1)])
        raise ValueError("changed its mind")

    with pytest.raises(ValueError, match="changed its mind"):
        store.transact(half)
    add(store, key(2))
    assert [row[0] for row in values(store)] == [2]


def test_one_unit_writes_after_the_other_whichever_thread_they_come_from(store: Store) -> None:
    threads = [threading.Thread(target=add, args=(store, key(n, str(n)))) for n in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert [row[0] for row in values(store)] == list(range(1, 9))


@pytest.mark.parametrize("database", ["sqlite"])
def test_a_file_that_somebody_else_has_locked_is_away_until_he_lets_go(store: Store) -> None:
    other = sqlite3.connect(str(store.url.database), isolation_level=None)
    store.transact(lambda db: db.execute(sa.text("PRAGMA busy_timeout = 0")))
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Away, match="locked"):
        add(store, key(1))
    other.execute("ROLLBACK")
    other.close()
    add(store, key(2))
    assert [row[0] for row in values(store)] == [2]


@pytest.mark.parametrize("database", ["postgresql"])
def test_a_connection_that_the_server_ended_is_away_and_the_next_unit_has_another(store: Store) -> None:
    def cut_off(db: sa.Connection) -> list[object]:
        own = db.execute(sa.text("SELECT pg_backend_pid()")).scalar_one()
        store.peek(lambda other: other.execute(sa.select(sa.func.pg_terminate_backend(own))).all())
        return COUNT(db)

    with pytest.raises(Away):
        store.transact(cut_off)
    assert store.transact(COUNT) == [(0,)]


def test_what_was_written_is_there_for_whatever_asks_next(store: Store) -> None:
    everything = sa.select(sa.func.count()).select_from(keys)
    more = Upsert(keys, KEY, lambda statement: statement.on_conflict_do_nothing())

    def write(db: sa.Connection) -> list[object]:
        insert(db, keys, KEY, [key(1, "1")])
        seen = [COUNT(db)[0][0]]
        insert(db, keys, KEY, [key(2, "2")])
        seen.append(db.execute(everything).scalar_one())
        insert(db, keys, KEY, [key(3, "3")])
        seen.append(more.count(db, [key(3, "3"), key(4, "4")]))
        update(db, keys, ("id", "shared"), [(4, True)])
        seen.append(db.execute(sa.update(keys).values(shared=False)).rowcount)
        return [*seen, found(db, HELD, [("phone", "4")])]

    assert store.transact(write) == [1, 2, 1, 4, [[4, False]]]


def test_what_is_refused_of_what_was_sent_is_told_before_anybody_goes_on(store: Store) -> None:
    add(store, key(1))

    def ask_afterwards(db: sa.Connection) -> list[object]:
        insert(db, keys, KEY, [key(2)])
        insert(db, keys, KEY, [key(3, "3")])
        return COUNT(db)

    with pytest.raises(Conflict) as raised:
        store.transact(ask_afterwards)
    assert SECRET not in str(raised.value)
    add(store, key(4, "4"))
    assert [row[0] for row in values(store)] == [1, 4]


@pytest.mark.parametrize("database", ["postgresql"])
def test_a_connection_that_is_lost_with_writes_under_way_is_away_and_the_next_unit_has_another(store: Store) -> None:
    def cut_off(db: sa.Connection) -> None:
        own = db.execute(sa.text("SELECT pg_backend_pid()")).scalar_one()
        insert(db, keys, KEY, [key(1)])
        store.peek(lambda other: other.execute(sa.select(sa.func.pg_terminate_backend(own))).all())

    with pytest.raises(Away):
        store.transact(cut_off)
    assert values(store) == []
    add(store, key(2))
    assert [row[0] for row in values(store)] == [2]


@pytest.mark.parametrize("database", ["sqlite"])
def test_a_partial_index_serves_a_statement_whose_constants_it_covers(store: Store) -> None:
    planned: list[tuple[object, ...]] = []

    def plan(connection: sa.Connection, _cursor: object, text: str, given: tuple[object, ...], *_: object) -> None:
        if "FROM journal" in text and not text.startswith("EXPLAIN"):
            planned.extend(tuple(row) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", given))

    sa.event.listen(store._main, "before_cursor_execute", plan)
    try:
        store.transact(Prepared(sa.select(journal.c.id).where(journal.c.outcome == "pending").order_by(*ORDER)))
    finally:
        sa.event.remove(store._main, "before_cursor_execute", plan)
    assert ["journal_pending" in str(row[-1]) for row in planned] == [True]


def test_a_statement_can_be_listened_to(store: Store) -> None:
    heard: list[str] = []

    def hear(_connection: object, _cursor: object, text: str, *_: object) -> None:
        heard.append(text.partition(" ")[0])

    sa.event.listen(store._main, "before_cursor_execute", hear)
    try:
        add(store, key(1), key(2, "2"))
        assert store.transact(COUNT) == [(2,)]
    finally:
        sa.event.remove(store._main, "before_cursor_execute", hear)
    assert heard[-2:] == ["INSERT", "SELECT"] or heard[-3:] == ["INSERT", "BEGIN", "SELECT"]


def test_names_of_parameters_may_be_those_of_columns(store: Store) -> None:
    kept = Upsert(
        settings,
        ("name", "value"),
        lambda s: s.on_conflict_do_update(index_elements=["name"], set_={"value": s.excluded.value}),
    )
    for value in ("one", "two"):
        store.transact(lambda db, value=value: kept(db, [("of_a_test", value)]))  # type: ignore[misc] # a bound default
    asked = sa.select(settings.c.value).where(settings.c.name == "of_a_test")
    assert store.peek(lambda db: db.execute(asked).scalar_one()) == "two"
