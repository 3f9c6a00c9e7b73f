"""Bringing a store's schema up to this version. Alembic is imported only where there is something to do."""

from pathlib import Path
from typing import Final

import sqlalchemy as sa

from storage.store import Store

HEAD: Final = "0002"


class OldSchema(Exception):
    """The store's schema is not this version's, and it is not ours to change it at a start."""


def version(db: sa.Connection) -> str | None:
    """The schema's version; None for an empty store."""
    if not sa.inspect(db).has_table("alembic_version"):
        return None
    found: str | None = db.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    return found


def is_current(store: Store) -> bool:
    """Whether the schema is this version's. Raises Away."""
    return store.transact_raw(version) == HEAD


def upgrade(store: Store) -> None:
    """Run the steps that are missing, in one transaction. Raises Away; OldSchema for a store of a later version."""
    from alembic import command
    from alembic.config import Config
    from alembic.util.exc import CommandError

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")

    def unit(db: sa.Connection) -> None:
        config.attributes["connection"] = db
        command.upgrade(config, "head")

    try:
        store.transact_raw(unit)
    except CommandError as error:
        raise OldSchema(f"this store was made by a later version of priyom: {error}") from error
