"""The store that a run begins with: contacts who are known already, each with a phone and an address."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from bench import payload
from kernel.clock import micros
from kernel.ids import uuid7
from storage import migrate, revisions
from storage.rows import hexed, insert
from storage.schema import contacts, keys
from storage.store import Store

_CONTACT: Final = ("id", "uid", "root_id", "name", "created_at")
_KEY: Final = ("id", "kind", "value", "holder_id", "shared", "origin", "created_at")
_STEP: Final = 1_000


def template(folder: Path, count: int) -> Path:
    """A database file with `count` known contacts, made once a schema and kept in `folder`."""
    path = folder / f"known-{migrate.HEAD}-{count}.db"
    if not path.exists():
        unfinished = path.with_suffix(".unfinished")
        unfinished.unlink(missing_ok=True)
        _fill(unfinished, count)
        unfinished.rename(path)
    return path


def _fill(path: Path, count: int) -> None:
    store = Store(f"sqlite:///{path}")
    try:
        migrate.create(store)
        store.transact_raw(revisions.prepare)
        for start in range(0, count, _STEP):
            people = range(start, min(start + _STEP, count))
            store.transact(lambda db, people=people: _add(db, store, people))  # type: ignore[misc] # a bound default
    finally:
        store.close()


def _add(db: sa.Connection, store: Store, people: range) -> None:
    at = micros(datetime(2026, 1, 1, tzinfo=UTC))
    numbered = [(store.ids.take(), person) for person in people]
    insert(db, contacts, _CONTACT, [(number, hexed(uuid7()), number, "Николай", at) for number, _ in numbered])
    insert(db, keys, _KEY, [
        (store.ids.take(), kind, value, number, False, "field", at)
        for number, person in numbered
        for kind, value in (("phone", payload.phone(person)), ("email", payload.email(person)))
    ])  # fmt: skip
