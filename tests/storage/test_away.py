"""A store that hangs, is full or is gone: nothing is acknowledged, nobody waits for ever, and it goes on by itself."""

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
import sqlalchemy as sa

from storage.store import Away, Store
from tests.ingest.parts import company, envelope, wire


def _counted(db: sa.Connection) -> int:
    return int(db.execute(sa.text("SELECT COUNT(*) FROM bodies")).scalar_one())


async def test_a_store_that_hangs_counts_as_away_and_goes_on_when_it_answers(store: Store) -> None:
    hanging, hangs = threading.Event(), threading.Event()
    impatient = Store(store.url.render_as_string(hide_password=False), patience=0.1, writers=1)

    def hang(_: sa.Connection) -> None:
        hangs.set()
        hanging.wait(20)

    with pytest.raises(Away, match="in time"):
        await impatient.run(hang)
    assert hangs.wait(20)  # the machine may be slower than that patience
    begun: list[None] = []
    with pytest.raises(Away, match="in time"):
        await impatient.run(lambda _: begun.append(None))
    hanging.set()
    while True:
        with suppress(Away):
            assert await impatient.run(_counted) == 0
            break
    assert begun == []  # what nobody waited for any more was not run afterwards
    impatient.close()


@pytest.mark.parametrize("database", ["sqlite"])
async def test_a_full_disk_takes_nothing_and_is_over_when_there_is_room(store: Store) -> None:
    parts = wire(store, company())
    parts.append(envelope({"phones": ["8 912 345-67-81"]}))

    def most(pages: int) -> Callable[[sa.Connection], None]:
        return lambda db: db.exec_driver_sql(f"PRAGMA max_page_count={pages}").close()

    store.transact(most(1))  # as many as it has
    with pytest.raises(Away, match="full"):
        parts.append(envelope({"text": "x" * 100_000}))
    store.transact(most(1_000_000))
    assert store.transact(_counted) == 1
    parts.append(envelope({"text": "x" * 100_000}))
    parts.drain()
    assert parts.balanced()


@pytest.mark.parametrize("database", ["postgresql"])
async def test_a_session_that_is_cut_off_is_replaced_and_a_silent_one_holds_no_lock_for_ever(store: Store) -> None:
    limits = await store.run(
        lambda db: [
            db.exec_driver_sql(f"SHOW {name}").scalar_one()
            for name in (
                "statement_timeout",
                "lock_timeout",
                "idle_in_transaction_session_timeout",
                "transaction_timeout",
                "tcp_keepalives_idle",
            )
        ]
    )
    assert limits == ["1min", "10s", "10s", "2min", "10"]
    kill = sa.text("SELECT pg_terminate_backend(pg_backend_pid())")
    for _ in range(3):
        with pytest.raises(Away):
            await store.run(lambda db: db.execute(kill))
        assert await store.run(_counted) == 0
        assert await store.read(_counted) == 0


@pytest.mark.parametrize("database", ["postgresql"])
async def test_a_session_that_the_server_ends_between_two_units_costs_neither(store: Store) -> None:
    for _ in range(3):
        kept: int = await store.run(lambda db: db.execute(sa.select(sa.func.pg_backend_pid())).scalar_one())
        end = sa.select(sa.func.pg_terminate_backend(kept, 20_000))
        assert await store.read(lambda db, end=end: db.execute(end).scalar_one())  # type: ignore[misc] # bound default
        assert await store.run(_counted) == 0


@pytest.mark.parametrize("database", ["postgresql"])
async def test_what_the_server_has_rolled_back_is_not_taken_for_kept(store: Store) -> None:
    def careless(db: sa.Connection) -> None:
        with suppress(sa.exc.DBAPIError):
            db.execute(sa.text("SELECT 1 / 0"))

    with pytest.raises(sa.exc.DBAPIError, match="kept nothing"):
        await store.run(careless)
    assert await store.run(_counted) == 0


@pytest.mark.parametrize("database", ["postgresql"])
async def test_a_server_that_takes_no_writes_counts_as_away(store: Store) -> None:
    def write(db: sa.Connection) -> None:
        db.execute(sa.text("SET TRANSACTION READ ONLY"))
        db.execute(sa.text("DELETE FROM bodies"))

    with pytest.raises(Away, match="read-only"):
        await store.run(write)
    assert await store.run(_counted) == 0


@pytest.mark.parametrize("database", ["postgresql"])
async def test_a_lock_that_nobody_gives_up_counts_as_the_stores_absence(store: Store) -> None:
    locked, done = threading.Event(), threading.Event()
    other = Store(store.url.render_as_string(hide_password=False))

    def hold(db: sa.Connection) -> None:
        db.execute(sa.text("LOCK TABLE bodies IN ACCESS EXCLUSIVE MODE"))
        locked.set()
        done.wait(20)

    holder = threading.Thread(target=other.transact, args=(hold,))
    holder.start()
    assert locked.wait(20)

    def impatient(db: sa.Connection) -> int:
        db.execute(sa.text("SET LOCAL lock_timeout = 20"))
        return _counted(db)

    with pytest.raises(Away, match="lock timeout"):
        await store.run(impatient)
    done.set()
    holder.join()
    assert await store.run(_counted) == 0
    other.close()


@pytest.mark.parametrize("database", ["postgresql"])
async def test_a_session_whose_vacuum_was_refused_ends_long_statements_as_any_other(store: Store) -> None:
    alone = Store(store.url.render_as_string(hide_password=False), writers=1)
    with pytest.raises(Exception, match="nothing"):
        await alone.alone("VACUUM nothing_of_this_name")
    assert alone.transact_raw(lambda db: db.execute(sa.text("SHOW statement_timeout")).scalar_one()) == "1min"
    alone.close()


@pytest.mark.parametrize("database", ["postgresql"])
def test_a_session_that_ends_while_it_is_made_ready_counts_as_the_stores_absence(store: Store) -> None:
    new = Store(store.url.render_as_string(hide_password=False), writers=1)

    def end(connection: Any, *_: object) -> None:
        ended = sa.select(sa.func.pg_terminate_backend(connection.info.backend_pid, 20_000))
        assert store.peek(lambda db: db.execute(ended).scalar_one())

    sa.event.listen(new._main, "checkout", end)
    with pytest.raises(Away):
        new.transact_raw(_counted)
    sa.event.remove(new._main, "checkout", end)
    assert new.transact_raw(_counted) == 0
    new.close()


@pytest.mark.parametrize("database", ["sqlite"])
async def test_a_search_that_nobody_waits_for_any_more_leaves_its_reader_to_others(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.store.READING_WITHIN", 0.1)
    impatient = Store(store.url.render_as_string(hide_password=False), patience=0.1, readers=1)
    endless = sa.text("WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n")
    with pytest.raises(Away, match="in time"):
        await impatient.read(lambda db: db.execute(endless).scalar_one())
    while True:
        with suppress(Away):
            assert await impatient.read(_counted) == 0
            break
    impatient.close()


async def test_what_was_just_written_is_read_back_by_who_wrote_it_where_there_is_but_one(store: Store) -> None:
    def who(_: sa.Connection) -> str:
        return threading.current_thread().name.rpartition("_")[0]

    assert await store.read_back(who) == ("store-write" if store.embedded else "store-read")
    assert await store.read(who) == "store-read"
