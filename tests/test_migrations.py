"""The steps of the schema end where the tables of the code are, on both databases."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from storage import migrate, schema
from storage.store import Store

SCRIPTS = Path(migrate.__file__).parent / "migrations"


@pytest.fixture
def empty(store_url: str) -> Store:
    return Store(store_url)


def test_the_head_that_the_code_asks_for_is_the_last_step() -> None:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_current_head() == migrate.HEAD


def test_the_steps_from_nothing_end_at_the_tables_of_the_code(empty: Store) -> None:
    assert not migrate.is_current(empty)
    migrate.upgrade(empty)
    assert migrate.is_current(empty)
    # Autogeneration sees no difference in types where it is not asked to, and names alone would prove little.
    options = {"compare_type": True, "compare_server_default": False}
    found = empty.peek(lambda db: compare_metadata(MigrationContext.configure(db, opts=options), tables(empty)))
    empty.close()
    assert found == []


def tables(store: Store) -> sa.MetaData:
    """Those that the code has in such a store."""
    whole = sa.MetaData()
    for metadata in (schema.metadata, schema.embedded) if store.embedded else (schema.metadata,):
        for table in metadata.tables.values():
            table.to_metadata(whole)
    if store.embedded:
        # Alembic does not ask a constraint for which database it is.
        entries = whole.tables["journal"]
        entries.constraints = {one for one in entries.constraints if one.name != "journal_once"}
    return whole


def test_partial_indexes_and_unique_constraints_are_those_of_the_code(empty: Store) -> None:
    """What autogeneration does not compare: the conditions of indexes."""
    migrate.upgrade(empty)
    stepped = indexes(empty)
    empty.transact_raw(lambda db: [db.execute(sa.text(f'DROP TABLE "{table}"')) for table in tables(empty).tables])
    empty.transact_raw(tables(empty).create_all)
    made = indexes(empty)
    empty.close()
    assert stepped == made


def indexes(store: Store) -> dict[str, str]:
    """The definition of every index as the database itself writes it."""
    if store.embedded:
        asked = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
    else:
        asked = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"
    rows = store.peek(lambda db: db.execute(sa.text(asked)).all())
    return {row[0]: " ".join(row[1].split()) for row in rows if row[0] != "alembic_version_pkc"}


def test_a_new_store_has_the_tables_and_the_version_that_the_steps_come_to(empty: Store) -> None:
    migrate.bring_up(empty)
    made, columned = indexes(empty), columns(empty)
    assert migrate.is_current(empty)
    dropped = ["alembic_version", *tables(empty).tables]
    empty.transact_raw(lambda db: [db.execute(sa.text(f'DROP TABLE "{table}"')) for table in dropped])
    migrate.upgrade(empty)
    assert (made, columned) == (indexes(empty), columns(empty))
    migrate.bring_up(empty)
    assert empty.peek(migrate.version) == migrate.HEAD
    empty.close()


@pytest.mark.parametrize("database", ["postgresql"])
def test_of_several_who_bring_a_store_up_at_once_one_does_and_none_fails(empty: Store) -> None:
    with ThreadPoolExecutor(3) as threads:
        list(threads.map(migrate.bring_up, [empty] * 3))
    assert empty.peek(migrate.version) == migrate.HEAD
    empty.close()


def columns(store: Store) -> dict[str, list[str]]:
    """What each table is made of, as the database tells it; a step adds columns at the end."""

    def read(db: sa.Connection) -> dict[str, list[str]]:
        inspector = sa.inspect(db)
        return {
            table: sorted(f"{one['name']} {one['type']} {one['nullable']}" for one in inspector.get_columns(table))
            for table in inspector.get_table_names()
        }

    return store.peek(read)


def test_an_upgrade_of_what_is_current_changes_nothing(empty: Store) -> None:
    migrate.upgrade(empty)
    migrate.upgrade(empty)
    assert empty.peek(migrate.version) == migrate.HEAD
    empty.close()


def test_a_store_of_a_later_version_is_left_alone(empty: Store) -> None:
    migrate.upgrade(empty)
    empty.transact_raw(lambda db: db.execute(sa.text("UPDATE alembic_version SET version_num = '9999'")))
    with pytest.raises(migrate.OldSchema):
        migrate.upgrade(empty)
    assert not migrate.is_current(empty)
    assert empty.peek(migrate.version) == "9999"
    empty.close()


@pytest.mark.parametrize(("oldest", "served"), [(migrate.HEAD, True), ("9998", False)])
def test_a_store_that_a_later_version_has_expanded_still_serves_those_that_it_names(
    empty: Store, oldest: str, served: bool
) -> None:
    migrate.bring_up(empty)
    later = (
        "UPDATE alembic_version SET version_num = '9999'",
        f"UPDATE settings SET value = '9999 {oldest}' WHERE name = 'schema_serves'",
    )
    empty.transact_raw(lambda db: [db.execute(sa.text(one)) for one in later])
    assert migrate.is_current(empty) is served
    empty.close()


def test_a_step_that_fails_leaves_the_store_as_it_was(empty: Store) -> None:
    empty.transact_raw(lambda db: db.execute(sa.text("CREATE TABLE turns (mine INTEGER)")))
    with pytest.raises(Exception, match="turns"):
        migrate.upgrade(empty)
    tables = empty.peek(lambda db: sa.inspect(db).get_table_names())
    empty.close()
    assert tables == ["turns"]


@pytest.mark.parametrize("database", ["postgresql"])
def test_a_step_over_a_large_table_may_take_its_time(empty: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def timeouts(db: sa.Connection) -> list[str]:
        names = ("statement_timeout", "idle_in_transaction_session_timeout", "transaction_timeout", "lock_timeout")
        return [str(db.execute(sa.text(f"SHOW {name}")).scalar_one()) for name in names]

    during: list[str] = []
    told = migrate._say_whom_it_serves

    def say(db: sa.Connection) -> None:
        during.extend(timeouts(db))
        told(db)

    monkeypatch.setattr(migrate, "_say_whom_it_serves", say)
    migrate.upgrade(empty)
    after = empty.transact_raw(timeouts)
    empty.close()
    assert (during, after) == (["0", "0", "0", "10s"], ["1min", "10s", "2min", "10s"])
