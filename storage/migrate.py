"""Bringing a store's schema up to this version. Alembic is imported only where there are steps to take.

A new store gets the tables as the code has them, which is a third of a second quicker; tests prove that the steps end there.
"""

from pathlib import Path
from typing import Final

import sqlalchemy as sa

from storage import revisions
from storage.schema import embedded, metadata, settings
from storage.store import Store

HEAD: Final = "0003"
SERVES: Final = "0002"
"""The oldest version whose programs may go on over a store on PostgreSQL that this one has expanded: while they are replaced
one by one. On SQLite nobody works beside another."""

_SERVES: Final = "schema_serves"
"""The setting that holds the version that made or expanded the store last, and that."""

_LINE: Final = int.from_bytes(b"priyom")
"""The advisory lock of whoever changes the schema."""
# A step over a large table takes as long as it takes; but whoever works on the store waits no longer than for any lock.
_PATIENTLY: Final = """
    SELECT set_config(name, '0', true) FROM pg_settings
    WHERE name IN ('statement_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout')
"""
_VERSIONS: Final = sa.Table(
    "alembic_version",
    sa.MetaData(),
    sa.Column("version_num", sa.String(32), nullable=False),
    sa.PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)


class OldSchema(Exception):
    """The store's schema is not this version's, and it is not ours to change it at a start."""


def version(db: sa.Connection) -> str | None:
    """The schema's version; None for an empty store."""
    if not sa.inspect(db).has_table("alembic_version"):
        return None
    found: str | None = db.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    return found


def serves(db: sa.Connection) -> bool:
    """Whether this version can work over the schema: its own, or a later one that says so. Versions are four digits, in order."""
    found = version(db)
    if found is None or found <= HEAD:
        return found == HEAD
    latest, _, oldest = (revisions.setting(db, _SERVES) or "").partition(" ")
    return latest == found and oldest <= HEAD


def is_current(store: Store) -> bool:
    """Whether this version can work over the schema. Raises Away."""
    return store.transact_raw(serves)


def create(store: Store) -> None:
    """Give a store the tables of this version, if it is empty, in one transaction. Raises Away."""

    def unit(db: sa.Connection) -> None:
        _stand_in_line(db)
        if version(db) is not None:
            return
        metadata.create_all(db, checkfirst=False)
        if store.embedded:
            embedded.create_all(db, checkfirst=False)
        _VERSIONS.create(db, checkfirst=False)
        db.execute(sa.insert(_VERSIONS).values(version_num=HEAD))
        _say_whom_it_serves(db)

    store.transact_raw(unit)


def _stand_in_line(db: sa.Connection) -> None:
    """Several may begin at once on a server: the second finds what the first has made. Over SQLite nobody else can write."""
    if db.dialect.name != "sqlite":
        db.execute(sa.select(sa.func.pg_advisory_xact_lock(_LINE)))


def _say_whom_it_serves(db: sa.Connection) -> None:
    db.execute(sa.delete(settings).where(settings.c.name == _SERVES))
    oldest = HEAD if db.dialect.name == "sqlite" else SERVES
    db.execute(sa.insert(settings).values(name=_SERVES, value=f"{HEAD} {oldest}"))


def bring_up(store: Store) -> None:
    """Make the tables of an empty store, or take the steps that another lacks. Raises Away; OldSchema as `upgrade` does."""
    found = store.transact_raw(version)
    if found is None:
        create(store)
    elif found != HEAD:
        upgrade(store)


def upgrade(store: Store) -> None:
    """Run the steps that are missing, in one transaction. Raises Away; OldSchema for a store of a later version."""
    from alembic import command
    from alembic.config import Config
    from alembic.util.exc import CommandError

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")

    def unit(db: sa.Connection) -> None:
        if not store.embedded:
            db.exec_driver_sql(_PATIENTLY)
        _stand_in_line(db)
        config.attributes["connection"] = db
        command.upgrade(config, "head")
        _say_whom_it_serves(db)

    try:
        store.transact_raw(unit)
    except CommandError as error:
        raise OldSchema(f"this store was made by a later version of priyom: {error}") from error
