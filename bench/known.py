"""The store that a run begins with: contacts who are known already, each with a phone and an address.

They have been looked at for namesakes long ago, so the search in the background leaves them alone.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import psycopg
import sqlalchemy as sa

from bench import payload
from bench.watch import BLOCK
from kernel.clock import micros
from kernel.ids import uuid7
from storage import migrate, revisions
from storage.rows import hexed, insert
from storage.schema import contacts, keys
from storage.store import Store

_CONTACT: Final = ("id", "uid", "root_id", "name", "created_at", "searched_at")
_KEY: Final = ("id", "kind", "value", "holder_id", "shared", "origin", "created_at")
_STEP: Final = 1_000
NAME: Final = "Николай"
AT: Final = micros(datetime(2026, 1, 1, tzinfo=UTC))


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
    numbered = [(store.ids.take(), person) for person in people]
    insert(db, contacts, _CONTACT, [(number, hexed(uuid7()), number, NAME, AT, AT) for number, _ in numbered])
    insert(db, keys, _KEY, [
        (store.ids.take(), kind, value, number, False, "field", AT)
        for number, person in numbered
        for kind, value in (("phone", payload.phone(person)), ("email", payload.email(person)))
    ])  # fmt: skip


# PostgreSQL makes them itself: millions of rows would take a program minutes to say. The numbers of contacts and keys do not meet.
_PEOPLE: Final = """
INSERT INTO contacts (id, uid, root_id, name, created_at, searched_at)
SELECT n, lpad(to_hex(n), 32, '0')::uuid, n, %(name)s, %(at)s, %(at)s FROM generate_series(1, %(count)s) AS n
"""
_KEYS: Final = """
INSERT INTO keys (id, kind, value, holder_id, shared, origin, created_at)
SELECT %(count)s + 2 * n - which, CASE which WHEN 1 THEN 'phone' ELSE 'email' END,
       CASE which WHEN 1 THEN '+7912' || lpad((n - 1)::text, 7, '0') ELSE 'c' || lpad((n - 1)::text, 7, '0') || '@example.org' END,
       n, false, 'field', %(at)s
FROM generate_series(1, %(count)s) AS n, generate_series(0, 1) AS which
"""


def fill_server(url: str, count: int) -> None:
    """The same into a new PostgreSQL database, with this version's schema."""
    store = Store(url)
    try:
        migrate.create(store)
        store.transact_raw(revisions.prepare)
    finally:
        store.close()
    said = {"count": count, "name": NAME, "at": AT}
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(_PEOPLE, said)
        db.execute(_KEYS, said)
        # A multiple of a block, so that an id says which block it is of.
        db.execute("UPDATE counters SET next = %s WHERE name = 'ids'", [(3 * count // BLOCK + 1) * BLOCK])
        db.execute("VACUUM ANALYZE")
