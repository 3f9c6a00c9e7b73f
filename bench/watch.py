"""What somebody beside the server sees in its store: committed rows, read over a connection of our own.

Nothing that the server says of itself is used: a lead counts when another process can read it.
"""

import sqlite3
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import psycopg
import sqlalchemy as sa

MICROS: Final = 1_000_000
# Processes take their ids in blocks, and within one of these a higher id is committed later (storage/store.py).
BLOCK: Final = 20_000
_EVERYTHING: Final = 2**62
# A plan that was made while there were no leads yet would read all of them at every look.
_SESSION: Final = "-c statement_timeout=60000 -c enable_seqscan=off"
_OPEN_BLOCKS: Final = 4


@dataclass(frozen=True, slots=True)
class Queries:
    """How a store is asked; times are microseconds since 1970. Only rows with an id between the parameters count.

    `last`: the highest id of an envelope and of a lead, and how many leads there are; `first`: when the first envelope came;
    `pending`: how many have no outcome; `waits`: whether any has none, which costs next to nothing; `leads`: id, receipt and
    owner of each lead.
    """

    last: str
    first: str
    pending: str
    waits: str
    leads: str


PRIYOM: Final = Queries(
    last="SELECT coalesce(max(id), 0), (SELECT coalesce(max(id), 0) FROM leads), (SELECT count(*) FROM leads) FROM journal",
    first="SELECT min(received_at) FROM journal WHERE id > ?",
    pending="SELECT count(*) FROM journal WHERE outcome = 'pending'",
    waits="SELECT EXISTS (SELECT 1 FROM journal WHERE outcome = 'pending')",
    leads="SELECT id, created_at, owner_id FROM leads WHERE id > ? AND id <= ? ORDER BY id",
)


@dataclass(frozen=True, slots=True)
class Place:
    """The store's state before a run."""

    envelope: int
    lead: int
    leads: int


Lead = tuple[int, int, int | None]


class Watch(ABC):
    """An observer of one store. `pause`: seconds between two looks, so that looking does not cost what is to be measured."""

    pause: float

    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    @abstractmethod
    def _all(self, query: str, *parameters: int) -> Sequence[Any]:
        """The rows of a query, outside any transaction that would keep us in the past."""

    @abstractmethod
    def version(self) -> object:
        """Something that changes with every commit of somebody else, and costs microseconds."""

    @abstractmethod
    def close(self) -> None:
        """Let the store go."""

    def place(self) -> Place:
        """Where a run begins."""
        return Place(*self._all(self._queries.last)[0])

    def pending(self) -> int:
        """Envelopes without an outcome."""
        count: int = self._all(self._queries.pending)[0][0]
        return count

    def waits(self) -> bool:
        """Whether any envelope has no outcome."""
        return bool(self._all(self._queries.waits)[0][0])

    def began(self, place: Place) -> float:
        """When the first envelope after `place` was received, in seconds since 1970."""
        received: int = self._all(self._queries.first, place.envelope)[0][0]
        return received / MICROS

    def leads(self, after: int, until: int = _EVERYTHING) -> Sequence[Lead]:
        """Id, receipt and owner of the leads whose id is above `after`, and not above `until`."""
        return self._all(self._queries.leads, after, until)

    def leads_among(self, ranges: Sequence[tuple[int, int]]) -> Sequence[Lead]:
        """The leads of all these ranges."""
        return [lead for after, until in ranges for lead in self.leads(after, until)]

    def count(self, table: str) -> int:
        """The rows of a table."""
        number: int = self._all(f"SELECT count(*) FROM {table}")[0][0]
        return number


class FileWatch(Watch):
    """An observer of a SQLite file."""

    pause = 0.0005

    def __init__(self, path: str, queries: Queries) -> None:
        super().__init__(queries)
        self._db = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None, timeout=20.0)

    def _all(self, query: str, *parameters: int) -> Sequence[Any]:
        return self._db.execute(query, parameters).fetchall()

    def version(self) -> object:
        """PRAGMA data_version."""
        return self._all("PRAGMA data_version")[0][0]

    def close(self) -> None:
        """Let it go."""
        self._db.close()


class ServerWatch(Watch):
    """An observer of a PostgreSQL database, which is asked in one statement a look: each costs us and the server 0.1 ms."""

    pause = 0.004

    def __init__(self, url: str, queries: Queries) -> None:
        super().__init__(queries)
        self._db = psycopg.connect(url, autocommit=True, prepare_threshold=1, connect_timeout=10, options=_SESSION)

    def _all(self, query: str, *parameters: int) -> Sequence[Any]:
        return self._db.execute(query.replace("?", "%s").encode(), parameters).fetchall()

    def leads_among(self, ranges: Sequence[tuple[int, int]]) -> Sequence[Lead]:
        """In one statement."""
        query = " UNION ALL ".join(f"({self._queries.leads})" for _ in ranges)
        return self._all(query, *(bound for one in ranges for bound in one))

    def version(self) -> object:
        """The transactions that are over, by the server's snapshot; it also changes where one begins to write."""
        return self._all("SELECT pg_current_snapshot()::text")[0][0]

    def close(self) -> None:
        """Let it go."""
        self._db.close()


class New:
    """Which leads have come since the last look; several processes may write them, each in ascending ids of its blocks."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._last = watch.place().lead
        self._blocks = {self._block(self._last): self._last}

    @staticmethod
    def _block(number: int) -> int:
        return (number - 1) // BLOCK

    def look(self) -> Sequence[Lead]:
        """The leads that nobody has seen here before."""
        known = [(last, (block + 1) * BLOCK) for block, last in self._blocks.items()]
        found = self._watch.leads_among([*known, ((max(self._blocks) + 1) * BLOCK, _EVERYTHING)])
        for number, _, _ in found:
            block = self._block(number)
            self._blocks[block] = max(number, self._blocks.get(block, 0))
        self._blocks = dict(sorted(self._blocks.items())[-_OPEN_BLOCKS:])
        return found


@contextmanager
def watching(url: str, queries: Queries = PRIYOM) -> Iterator[Watch]:
    """An observer for a block, by the store's URL."""
    address = sa.make_url(url)
    sqlite = address.get_backend_name() == "sqlite"
    watch: Watch = FileWatch(str(address.database), queries) if sqlite else ServerWatch(url, queries)
    try:
        yield watch
    finally:
        watch.close()


def now() -> float:
    """Wall time, as the server stamps its receipts with."""
    return time.time()
