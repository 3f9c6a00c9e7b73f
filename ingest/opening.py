"""Opening the configured store: whether a daemon, or a command that takes its place, can have it, and in words why not."""

import contextlib
from collections.abc import Iterator
from typing import Final

import structlog
from sqlalchemy.exc import DatabaseError

from ingest.config.schema import Config
from ingest.roles import ALL, Role, named
from storage import migrate as migrations
from storage import revisions
from storage.file_lock import FileLock, Taken
from storage.store import Away, Store

AWAY: Final = 1
MISCONFIGURED: Final = 2

log = structlog.get_logger("priyom.daemon")


class CannotStart(Exception):
    """Why the daemon does not start, in a sentence with the remedy. `code`: what it exits with."""

    code = MISCONFIGURED


class NoStore(CannotStart):
    """The store is not there, or not now: a service manager may try again."""

    code = AWAY


@contextlib.contextmanager
def opened_store(config: Config, *, migrate_always: bool = False) -> Iterator[Store]:
    """The configured store: locked where it is a file, with this version's schema. Raises CannotStart."""
    store, lock = _locked_store(config)
    try:
        _make_ready(store, migrate_always=migrate_always)
        yield store
    except Away as error:
        raise NoStore(f"the store cannot be opened ({error}); check storage.url") from error
    except migrations.OldSchema as error:
        raise CannotStart(str(error)) from error
    finally:
        store.close()
        if lock is not None:
            lock.release()


def _locked_store(config: Config) -> tuple[Store, FileLock | None]:
    try:
        store = Store(config.storage.url.get_secret_value())
        return store, FileLock(str(store.url.database)) if store.embedded else None
    except Taken as error:
        raise CannotStart(f"{error}; stop it first, or use another storage.url") from error
    except OSError as error:
        said = f"{error.strerror}: {error.filename}"
        raise NoStore(f"the store cannot be opened ({said}); check storage.url and whose the folder is") from error


def _make_ready(store: Store, *, migrate_always: bool) -> None:
    try:
        if not migrations.is_current(store):
            if not (store.embedded or migrate_always):
                raise CannotStart("the database has another schema; run: priyom migrate")
            migrations.bring_up(store)
        store.transact_raw(revisions.prepare)
    except DatabaseError as error:
        why = str(error.orig).partition("\n")[0]
        raise CannotStart(f"the store cannot be used ({why}); check storage.url and its user's rights") from error


def roles_over(store: Store, wanted: frozenset[Role]) -> frozenset[Role]:
    """What a process over this store does: everything over one that nobody else can have, whatever was wanted."""
    if not store.embedded or wanted == ALL:
        return wanted
    log.warning(
        "on SQLite one process does everything, whatever --roles says; leave it out, or set storage.url to a postgresql:// one",
        action="daemon.all_roles",
        wanted=named(wanted),
    )
    return ALL
