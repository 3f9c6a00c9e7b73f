"""What somebody beside the server sees in its store: committed rows, read over a connection of our own.

Nothing that the server says of itself is used: a lead counts when another process can read it.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MICROS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Queries:
    """How a store is asked; times are microseconds since 1970. Only rows with an id above the parameter count.

    `last`: the highest id of an envelope and of a lead; `first`: when the first envelope was received; `pending`: how
    many have no outcome; `leads`: id, receipt and owner of each lead.
    """

    last: str
    first: str
    pending: str
    leads: str


PRIYOM: Final = Queries(
    last="SELECT coalesce(max(id), 0), (SELECT coalesce(max(id), 0) FROM leads) FROM journal",
    first="SELECT min(received_at) FROM journal WHERE id > ?",
    pending="SELECT count(*) FROM journal WHERE outcome = 'pending'",
    leads="SELECT id, created_at, owner_id FROM leads WHERE id > ? ORDER BY id",
)


@dataclass(frozen=True, slots=True)
class Place:
    """The store's state before a run."""

    envelope: int
    lead: int


class Watch:
    """An observer of one SQLite file."""

    def __init__(self, path: Path, queries: Queries) -> None:
        self._db = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None, timeout=20.0)
        self._queries = queries

    def place(self) -> Place:
        """Where a run begins."""
        return Place(*self._db.execute(self._queries.last).fetchone())

    def pending(self) -> int:
        """Envelopes without an outcome."""
        count: int = self._db.execute(self._queries.pending).fetchone()[0]
        return count

    def began(self, place: Place) -> float:
        """When the first envelope after `place` was received, in seconds since 1970."""
        received: int = self._db.execute(self._queries.first, (place.envelope,)).fetchone()[0]
        return received / MICROS

    def leads(self, place: Place) -> list[tuple[int, int, int | None]]:
        """Id, receipt and owner of the leads after `place`."""
        return self._db.execute(self._queries.leads, (place.lead,)).fetchall()

    def count(self, table: str) -> int:
        """The rows of a table."""
        number: int = self._db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        return number

    def version(self) -> int:
        """A number that changes with every commit of somebody else (SQLite, PRAGMA data_version); costs microseconds."""
        number: int = self._db.execute("PRAGMA data_version").fetchone()[0]
        return number

    def close(self) -> None:
        """Let the file go."""
        self._db.close()


@contextmanager
def watching(path: Path, queries: Queries = PRIYOM) -> Iterator[Watch]:
    """An observer for a block."""
    watch = Watch(path, queries)
    try:
        yield watch
    finally:
        watch.close()


def now() -> float:
    """Wall time, as the server stamps its receipts with."""
    return time.time()
